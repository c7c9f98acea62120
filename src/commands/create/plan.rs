//! A CREATE made ready for a table.

use std::{ops::Range, slice};

use super::{Request, Resolution};
use crate::{
    commands::{
        clauses::{Expiry, Positions, positions, positions_into, writable},
        given::{self, AllGiven, Sets},
    },
    error::{Code, Error, Result, quoted},
    index::Index,
    schema::{Field, IdType, Schema},
    table::{Row, Table, Values, Write},
    value::ValueRef,
};

/// Where a conflict is looked for.
pub(super) enum Arbiter {
    Id,
    /// The place of a unique index.
    Index(usize),
}

impl Arbiter {
    pub(super) fn find(table: &Table, fields: &[&[u8]]) -> Result<Arbiter> {
        let wanted = positions(table.schema(), fields)?;
        if *wanted == [0] {
            return Ok(Arbiter::Id);
        }
        let same = |positions: &[usize]| {
            positions.len() == wanted.len() && wanted.iter().all(|p| positions.contains(p))
        };
        let indexes = table.indexes().iter();
        let place = indexes
            .enumerate()
            .find(|(_, index)| index.definition.unique && same(&index.positions));
        let names: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        place.map(|(place, _)| Arbiter::Index(place)).ok_or_else(|| {
            Error::new(
                Code::NoIndex,
                format!(
                    "ON CONFLICT names a UNIQUE index or id: there is none on ({}); the migration operation ADD INDEX ... UNIQUE makes one",
                    names.join(", ")
                ),
            )
        })
    }

    /// The row that a record with these values would conflict with; an expired one makes way.
    pub(super) fn row(&self, write: &mut Write, values: &[ValueRef], now: i64) -> Option<Row> {
        match self {
            Arbiter::Id => write.make_way(values.first()?),
            Arbiter::Index(place) => {
                let index = write.table().indexes().get(*place)?;
                let null = |p: &usize| values.get(*p).is_none_or(ValueRef::is_null);
                if index.positions.iter().any(null) {
                    return None;
                }
                let mut key = Vec::new();
                index.key_into(values, &mut key);
                let Index::SortedSet(set) = &index.index else {
                    return None;
                };
                let row = set.first(&key)?;
                if write.table().is_expired(row, now) {
                    write.remove_expired(row);
                    return None;
                }
                Some(row)
            }
        }
    }
}

/// A request made ready for a table: positions instead of names.
pub(super) struct Plan<'p, 'r> {
    pub(super) request: &'p Request<'r>,
    schema: &'p Schema,
    pub(super) positions: Positions,
    /// The fields that are to be null.
    pub(super) unset: Positions,
    /// When a new record expires.
    expires_at: ValueRef<'static>,
    pub(super) arbiter: Option<(Arbiter, Resolution)>,
    pub(super) now: i64,
}

impl<'p, 'r> Plan<'p, 'r> {
    /// A plan that is yet to be resolved: it is not small, and made where it is to be.
    pub(super) fn of(schema: &'p Schema, request: &'p Request<'r>, now: i64) -> Plan<'p, 'r> {
        Plan {
            request,
            schema,
            positions: Positions::new(),
            unset: Positions::new(),
            expires_at: ValueRef::Null,
            arbiter: None,
            now,
        }
    }

    /// Finds what the request names.
    pub(super) fn resolve(&mut self, table: &Table) -> Result<()> {
        let (schema, request) = (self.schema, self.request);
        positions_into(schema, &request.fields, &mut self.positions)?;
        positions_into(schema, &request.unset, &mut self.unset)?;
        if let Some(position) = self.unset.iter().find(|at| self.positions.contains(at)) {
            return Err(Error::syntax(format!(
                "syntax error: field '{}' has a value and stands in UNSET",
                schema.field(*position)?.name
            )));
        }
        let mut named = self.positions.iter().chain(&self.unset);
        named.try_for_each(|position| writable(schema, *position))?;
        if let Some(conflict) = &request.conflict {
            self.arbiter = Some((Arbiter::find(table, &conflict.fields)?, conflict.resolution));
        }
        self.expires_at = Expiry::after(request.expiry, schema.ttl, ValueRef::Null, self.now)?;
        Ok(())
    }

    /// The sets of TAGS that rows give, and of how many rows before one whose tags do not read.
    pub(super) fn sets(&self, rows: usize) -> (Sets, usize, Result<()>) {
        let mut sets = Sets::new();
        if let AllGiven::Any(values) = &self.request.values {
            let rows = values.chunks(self.positions.len().max(1));
            for (read, row) in rows.enumerate() {
                let fields = self.positions.iter().map(|at| self.schema.fields.get(*at));
                if let Err(error) = given::sets_into(fields, row, self.request.null, &mut sets) {
                    return (sets, read, Err(error));
                }
            }
        }
        (sets, rows, Ok(()))
    }

    /// How many values a record has.
    pub(super) fn width(&self) -> usize {
        self.schema.fields.len().max(1)
    }

    /// Sets the values of so many records to what they have where a row gives nothing: defaults, the clock
    /// for the timestamps, the expiry, else null.
    pub(super) fn begin_into(&self, records: usize, values: &mut Values<'p>) {
        values.reserve(records * self.width());
        let default = |field: &'p Field| Some(field.default.as_ref()?.at(self.now));
        let fields = self.schema.fields.iter();
        values.extend(fields.map(|field| default(field).unwrap_or(ValueRef::Null)));
        let mut set = |position: usize, value| {
            if let Some(place) = values.get_mut(position) {
                *place = value;
            }
        };
        if let Some((created_at, updated_at)) = self.schema.timestamp_positions() {
            set(created_at, ValueRef::DateTime(self.now));
            set(updated_at, ValueRef::DateTime(self.now));
        }
        self.unset.iter().for_each(|at| set(*at, ValueRef::Null));
        set(self.schema.expires_at(), self.expires_at);
        if records > 1 {
            let first = values.clone();
            (1..records).for_each(|_| values.extend_from_slice(&first));
        }
    }

    /// Whether nothing can be in the way of a record, which then stays: ids are counted up, no conflict is
    /// looked for before the end, and an expiry lies ahead. Two unique indexes would say of which a record
    /// is refused in an order of their own.
    pub(super) fn is_plain(&self, table: &Table) -> bool {
        let counted = self.schema.id == IdType::Integer && !self.positions.contains(&0);
        let past = matches!(self.expires_at, ValueRef::DateTime(at) if at <= self.now);
        let unique = table.indexes().iter();
        let unique = unique.filter(|index| index.definition.unique).count();
        counted && !past && self.arbiter.is_none() && !self.schema.changes && unique < 2
    }

    /// Sets the values that rows give, in the place of those that other rows gave. Those of TAGS are the
    /// next of `sets`. Answers how many rows were read, and why the next one does not.
    pub(super) fn read<'v>(
        &self,
        rows: Range<usize>,
        sets: &mut slice::Iter<'v, Box<[u8]>>,
        values: &mut [ValueRef<'v>],
    ) -> (usize, Result<()>)
    where
        'r: 'v,
    {
        let count = rows.len();
        for (read, (row, values)) in rows.zip(values.chunks_exact_mut(self.width())).enumerate() {
            if let Err(error) = self.read_row(row, sets, values) {
                return (read, Err(error));
            }
        }
        (count, Ok(()))
    }

    fn read_row<'v>(
        &self,
        row: usize,
        sets: &mut slice::Iter<'v, Box<[u8]>>,
        values: &mut [ValueRef<'v>],
    ) -> Result<()>
    where
        'r: 'v,
    {
        // The record before may have been given its id.
        if let Some(id) = values.first_mut() {
            *id = ValueRef::Null;
        }
        let (now, null) = (self.now, self.request.null);
        let start = row * self.positions.len();
        let one = |field: &Field, token: &&'v [u8], value: &mut ValueRef<'v>| {
            given::read_one(field, token, null, now, value)
        };
        match &self.request.values {
            AllGiven::Single(tokens) => {
                self.set(tokens.get(start..).unwrap_or_default().iter(), values, one)
            }
            AllGiven::Named(tokens) => {
                let tokens = tokens.get(1..).unwrap_or_default();
                self.set(tokens.iter().step_by(2), values, one)
            }
            AllGiven::Any(given) => {
                let row = given.get(start..).unwrap_or_default().iter();
                self.set(row, values, |field, given, value| {
                    given::read(field, given, null, sets, now, value)
                })
            }
        }
    }

    /// Sets the values that a row gives by what reads one of them.
    #[inline]
    fn set<'v, T>(
        &self,
        row: impl Iterator<Item = T>,
        values: &mut [ValueRef<'v>],
        mut read: impl FnMut(&Field, T, &mut ValueRef<'v>) -> Result<()>,
    ) -> Result<()> {
        for (position, given) in self.positions.iter().zip(row) {
            let field = self.schema.fields.get(*position);
            if let (Some(field), Some(value)) = (field, values.get_mut(*position)) {
                read(field, given, value)?;
            }
        }
        Ok(())
    }
}
