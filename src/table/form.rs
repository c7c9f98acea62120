//! What the bytes of a table's records mean.

use super::{Layout, Record};
use crate::{
    schema::{Field, Schema},
    value::Type,
};

/// The schema of now and every layout that a record may have been written with. It is shared and
/// replaced whole, so that old bytes stay readable while the table around them changes.
#[derive(Clone)]
pub struct Form {
    /// The schema of now.
    pub schema: Schema,
    /// The layouts by number; new records are written in the last.
    pub layouts: Vec<Layout>,
    /// The positions of what is looked at before a record is written: fields that are NOT NULL, texts, tags.
    pub(super) checked: Vec<usize>,
}

impl Form {
    /// Reads records of these layouts through a schema.
    pub fn new(schema: Schema, mut layouts: Vec<Layout>) -> Form {
        for layout in &mut layouts {
            layout.read_through(&schema);
        }
        let is_checked =
            |field: &Field| field.not_null || matches!(field.kind, Type::String | Type::Tags);
        let fields = schema.fields.iter().enumerate();
        Form {
            checked: fields
                .filter(|(_, field)| is_checked(field))
                .map(|(position, _)| position)
                .collect(),
            schema,
            layouts,
        }
    }

    /// The same records through another schema; new ones are written in a layout of its fields.
    pub fn under(&self, schema: Schema) -> Form {
        let mut layouts = self.layouts.clone();
        let layout = Layout::of(&schema);
        if layouts.last().is_none_or(|last| !last.same(&layout)) {
            layouts.push(layout);
        }
        Form::new(schema, layouts)
    }

    /// The number of the layout that new records are written in.
    pub fn current(&self) -> usize {
        self.layouts.len().saturating_sub(1)
    }

    /// Reads a record's bytes. `None` where they are not one.
    #[inline]
    pub fn read<'a>(&'a self, bytes: &'a [u8]) -> Option<Record<'a>> {
        Record::new(bytes, &self.layouts, &self.schema.fields)
    }
}
