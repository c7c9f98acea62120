//! Changes of a record: what UPDATE does, and CREATE where a conflict updates.

use smallvec::SmallVec;

use super::clauses::Expiry;
use crate::{
    error::{Error, Result},
    schema::Schema,
    table::{Changed, Row, Write},
    value::{
        Type, ValueRef,
        tags::{self, Tags},
    },
};

/// Records of so many bytes are copied without an allocation.
const SHORT: usize = 128;

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
    pub fields: SmallVec<[(usize, Change<'a>); 2]>,
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
        let bytes = write.table().records().get(row).unwrap_or_default();
        let bytes: SmallVec<[u8; SHORT]> = SmallVec::from_slice(bytes);
        let form = write.table().form();
        let schema = &form.schema;
        let record = form.read(&bytes);
        let record = record.ok_or_else(|| Error::internal("a record to change does not read"))?;
        let mut sets: Vec<(usize, Box<[u8]>)> = Vec::new();
        for (position, change) in self.fields.iter().filter(|(_, change)| change.is_of_tags()) {
            let set = change.set(|| record.value(*position));
            sets.extend(set.map(|set| (*position, set)));
        }
        let updated_at = schema
            .timestamp_positions()
            .map(|(_, updated_at)| updated_at);
        let before = |position: usize| match Some(position) == updated_at {
            true => ValueRef::DateTime(self.now),
            false => record.value(position),
        };
        let mut fields: SmallVec<[Changed; 4]> = SmallVec::new();
        for (position, change) in &self.fields {
            let value = match sets.iter().find(|(at, _)| at == position) {
                Some((_, set)) => ValueRef::Tags(Tags::of(set)),
                None => changed(schema, *position, || before(*position), change)?,
            };
            fields.push((*position, value));
        }
        let given = |position: &usize| self.fields.iter().any(|(at, _)| at == position);
        if let Some(updated_at) = updated_at.filter(|position| !given(position)) {
            fields.push((updated_at, ValueRef::DateTime(self.now)));
        }
        if self.expiry.is_some() || schema.ttl.is_some() {
            let expires_at = match record.value(schema.expires_at()) {
                ValueRef::DateTime(at) => ValueRef::DateTime(at),
                _ => ValueRef::Null,
            };
            let expiry = Expiry::after(self.expiry, schema.ttl, expires_at, self.now)?;
            if expiry.order(&expires_at).is_ne() {
                fields.push((schema.expires_at(), expiry));
            }
        }
        write.change(row, &record, &bytes, &mut fields)
    }
}

impl Change<'_> {
    /// Whether it adds tags to a set or takes them from it.
    #[inline]
    fn is_of_tags(&self) -> bool {
        matches!(self, Change::AddTags(_) | Change::RemoveTags(_))
    }

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

/// The value that comes of the one there was.
fn changed<'a>(
    schema: &Schema,
    position: usize,
    before: impl FnOnce() -> ValueRef<'a>,
    change: &'a Change<'a>,
) -> Result<ValueRef<'a>> {
    let sum = match change {
        Change::Set(value) => return Ok(*value),
        Change::SetTags(set) => return Ok(ValueRef::Tags(Tags::of(set))),
        // A null from which tags are taken.
        Change::AddTags(_) | Change::RemoveTags(_) => return Ok(before()),
        Change::AddInteger(n) => match before() {
            ValueRef::Integer(m) => m.checked_add(*n).map(ValueRef::Integer),
            ValueRef::DateTime(m) => m.checked_add(*n).map(ValueRef::DateTime),
            _ if schema.field(position)?.kind == Type::DateTime => Some(ValueRef::DateTime(*n)),
            _ => Some(ValueRef::Integer(*n)),
        },
        Change::AddFloat(n) => match before() {
            ValueRef::Float(m) => {
                let sum = m + n;
                let sum = if sum == 0.0 { 0.0 } else { sum };
                sum.is_finite().then_some(ValueRef::Float(sum))
            }
            _ => Some(ValueRef::Float(*n)),
        },
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
