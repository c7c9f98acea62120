//! What the bytes of records written under one schema are, as the schema of now reads them.

use serde::{Deserialize, Serialize};

use crate::{
    schema::{Field, FieldNumber, Schema},
    value::{Kind, Type},
};

/// The fields that a record was written with, in the order of its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// Number and shape of each field.
    pub fields: Vec<(FieldNumber, Kind)>,
    /// For each position of the table's schema of now, the field's place here.
    #[serde(skip)]
    pub(super) places: Vec<Option<u16>>,
    /// Whether each field of now has its position for its place, and there are no others.
    #[serde(skip)]
    pub(super) current: bool,
    /// So many of the first fields of now have their positions for their places.
    #[serde(skip)]
    pub(super) aligned: usize,
    /// The fields of now that are here in another type.
    #[serde(skip)]
    pub(super) converted: Vec<Converted>,
}

/// A field whose type has changed since a layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Converted {
    /// The field's position in the schema of now.
    pub(super) position: usize,
    /// Its place in the layout.
    pub(super) place: usize,
    /// Its types since, that of the layout first.
    pub(super) kinds: Vec<Type>,
}

impl Layout {
    /// The layout of records written under this schema.
    pub fn of(schema: &Schema) -> Layout {
        let fields = schema.fields.iter();
        let mut layout = Layout {
            fields: fields
                .map(|field| (field.number, field.kind.kind()))
                .collect(),
            places: Vec::new(),
            current: false,
            aligned: 0,
            converted: Vec::new(),
        };
        layout.read_through(schema);
        layout
    }

    /// Finds the places of a schema's fields in this layout.
    pub fn read_through(&mut self, schema: &Schema) {
        let place = |field: &Field| {
            let at = self.fields.iter().position(|f| f.0 == field.number)?;
            u16::try_from(at).ok()
        };
        self.places = schema.fields.iter().map(place).collect();
        let places = self.places.iter().enumerate();
        let aligned = places.take_while(|(at, place)| place.map(usize::from) == Some(*at));
        self.aligned = aligned.count();
        self.current = self.aligned == self.places.len() && self.aligned == self.fields.len();
        let fields = schema.fields.iter().enumerate();
        let absent = fields.filter(|(position, _)| self.places.get(*position) == Some(&None));
        self.converted = absent
            .filter_map(|(position, field)| self.conversion(schema, position, field))
            .collect();
    }

    /// Where a field is here in an earlier type.
    fn conversion(&self, schema: &Schema, position: usize, field: &Field) -> Option<Converted> {
        let mut kinds = vec![field.kind.clone()];
        let mut number = field.number;
        // Each origin is older than the one before.
        for origin in schema.origins.iter().rev() {
            if origin.field != number {
                continue;
            }
            number = origin.former;
            kinds.push(origin.kind.clone());
            if let Some(place) = self.fields.iter().position(|f| f.0 == number) {
                kinds.reverse();
                return Some(Converted {
                    position,
                    place,
                    kinds,
                });
            }
        }
        None
    }

    /// Whether both lay out the same fields.
    pub fn same(&self, other: &Layout) -> bool {
        self.fields == other.fields
    }
}
