//! Changes of a record: what UPDATE does, and CREATE where a conflict updates.

use smallvec::SmallVec;

use super::clauses::Expiry;
use crate::{
    error::{Error, Result},
    schema::Schema,
    table::{Row, Write},
    value::{
        Type, ValueRef,
        tags::{self, Tags},
    },
};

/// One change of one field.
pub enum Change<'a> {
    /// Takes this value.
    Set(ValueRef<'a>),
    /// Takes this set of tags, in its canonical bytes.
    SetTags(Box<[u8]>),
    /// Adds these tags to those it has.
    AddTags(Box<[u8]>),
    /// Takes these tags from those it has; a null stays.
    RemoveTags(Box<[u8]>),
    /// Adds to an INTEGER or DATETIME.
    AddInteger(i64),
    /// Adds to a FLOAT.
    AddFloat(f64),
}

/// What becomes of a record.
pub struct Changes<'a> {
    /// The changes of fields, by position.
    pub fields: Vec<(usize, Change<'a>)>,
    /// The expiry clause.
    pub expiry: Option<Expiry>,
    /// The command's clock.
    pub now: i64,
}

impl Changes<'_> {
    /// Changes one record.
    ///
    /// # Errors
    /// BADVALUE where a sum or an expiry leaves its range, and what [`Write::change`] refuses.
    pub fn apply(&self, write: &mut Write, row: Row) -> Result<()> {
        let bytes = write.table().records().get(row).map(Box::<[u8]>::from);
        let bytes = bytes.unwrap_or_default();
        let form = write.table().form();
        let schema = &form.schema;
        let record = form.read(&bytes);
        let record = record.ok_or_else(|| Error::internal("a record to change does not read"))?;
        let sets: SmallVec<[Option<Box<[u8]>>; 2]> = self
            .fields
            .iter()
            .map(|(position, change)| change.set(|| record.value(*position)))
            .collect();
        let before = record.values();
        let mut values = before.clone();
        if let Some((_, updated_at)) = schema.timestamp_positions() {
            if let Some(place) = values.get_mut(updated_at) {
                *place = ValueRef::DateTime(self.now);
            }
        }
        for ((position, change), set) in self.fields.iter().zip(&sets) {
            if let Some(place) = values.get_mut(*position) {
                *place = match set {
                    Some(set) => ValueRef::Tags(Tags::of(set)),
                    None => changed(schema, *position, place, change)?,
                };
            }
        }
        if let Some(last) = values.last_mut() {
            let expires_at = match last {
                ValueRef::DateTime(at) => ValueRef::DateTime(*at),
                _ => ValueRef::Null,
            };
            *last = Expiry::after(self.expiry, schema.ttl, expires_at, self.now)?;
        }
        write.change(row, &bytes, &before, &values)
    }
}

impl Change<'_> {
    /// The set of tags that comes of the one there was, where one comes that is not at hand.
    fn set<'r>(&self, before: impl FnOnce() -> ValueRef<'r>) -> Option<Box<[u8]>> {
        let (Change::AddTags(given) | Change::RemoveTags(given)) = self else {
            return None;
        };
        match (self, before()) {
            (Change::RemoveTags(_), ValueRef::Tags(before)) => {
                Some(tags::difference(before, Tags::of(given)))
            }
            (Change::RemoveTags(_), _) => None,
            (_, ValueRef::Tags(before)) => Some(tags::union(before, Tags::of(given))),
            _ => Some(given.clone()),
        }
    }
}

fn changed<'a>(
    schema: &Schema,
    position: usize,
    before: &ValueRef<'a>,
    change: &'a Change<'a>,
) -> Result<ValueRef<'a>> {
    let sum = match (change, before) {
        (Change::Set(value), _) => return Ok(*value),
        (Change::SetTags(set), _) => return Ok(ValueRef::Tags(Tags::of(set))),
        // A null from which tags are taken.
        (Change::AddTags(_) | Change::RemoveTags(_), before) => return Ok(*before),
        (Change::AddInteger(n), ValueRef::Integer(m)) => m.checked_add(*n).map(ValueRef::Integer),
        (Change::AddInteger(n), ValueRef::DateTime(m)) => m.checked_add(*n).map(ValueRef::DateTime),
        (Change::AddInteger(n), _) => match schema.field(position)?.kind {
            Type::DateTime => Some(ValueRef::DateTime(*n)),
            _ => Some(ValueRef::Integer(*n)),
        },
        (Change::AddFloat(n), ValueRef::Float(m)) => {
            let sum = m + n;
            let sum = if sum == 0.0 { 0.0 } else { sum };
            sum.is_finite().then_some(ValueRef::Float(sum))
        }
        (Change::AddFloat(n), _) => Some(ValueRef::Float(*n)),
    };
    match sum {
        Some(sum) => Ok(sum),
        None => Err(Error::bad_value(format!(
            "INCR {}: the sum leaves the range of {}",
            schema.field(position)?.name,
            schema.field(position)?.kind.word()
        ))),
    }
}
