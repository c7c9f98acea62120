//! A CREATE made ready for a table.

use smallvec::SmallVec;

use super::{Request, Resolution};
use crate::{
    commands::{
        clauses::{Expiry, Positions, positions, writable},
        given::{self, Given, Sets},
    },
    error::{Code, Error, Result, quoted},
    index::Index,
    schema::Schema,
    table::{Changed, Row, Table, Values, Write},
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
    /// What a record has where a row gives nothing, if that is not null: defaults, the clock for the
    /// timestamps, the expiry.
    others: SmallVec<[Changed<'p>; 4]>,
    pub(super) arbiter: Option<(Arbiter, Resolution)>,
    pub(super) now: i64,
}

impl<'p, 'r> Plan<'p, 'r> {
    pub(super) fn new(
        table: &Table,
        schema: &'p Schema,
        request: &'p Request<'r>,
        now: i64,
    ) -> Result<Plan<'p, 'r>> {
        let given = positions(schema, &request.fields)?;
        let unset = positions(schema, &request.unset)?;
        if let Some(position) = unset.iter().find(|position| given.contains(position)) {
            return Err(Error::syntax(format!(
                "syntax error: field '{}' has a value and stands in UNSET",
                schema.field(*position)?.name
            )));
        }
        for position in given.iter().chain(&unset) {
            writable(schema, *position)?;
        }
        let arbiter = match &request.conflict {
            Some(conflict) => Some((Arbiter::find(table, &conflict.fields)?, conflict.resolution)),
            None => None,
        };
        let expires_at = Expiry::after(request.expiry, schema.ttl, ValueRef::Null, now)?;
        Ok(Plan {
            others: others(schema, &unset, expires_at, now),
            positions: given,
            unset,
            arbiter,
            request,
            schema,
            now,
        })
    }

    /// The sets of TAGS that rows give, and of how many rows before one whose tags do not read.
    pub(super) fn sets(
        &self,
        rows: impl ExactSizeIterator<Item = &'p [Given<'r>]>,
    ) -> (Sets, usize, Result<()>) {
        let (mut sets, count) = (Sets::new(), rows.len());
        if self.schema.has_tags() {
            for (read, row) in rows.enumerate() {
                let fields = self.positions.iter().map(|at| self.schema.fields.get(*at));
                if let Err(error) = given::sets_into(fields, row, self.request.null, &mut sets) {
                    return (sets, read, Err(error));
                }
            }
        }
        (sets, count, Ok(()))
    }

    /// How many values a record has.
    pub(super) fn width(&self) -> usize {
        self.schema.fields.len().max(1)
    }

    /// Appends what a new record has where a row gives nothing; its id is null.
    #[inline]
    pub(super) fn begin_into<'v>(&self, values: &mut Values<'v>)
    where
        'p: 'v,
    {
        let start = values.len();
        values.extend(std::iter::repeat_n(ValueRef::Null, self.width()));
        for (position, other) in &self.others {
            if let Some(value) = values.get_mut(start + position) {
                *value = *other;
            }
        }
    }

    /// Sets the values that a row gives, by position. Those of TAGS are the next of `sets`.
    pub(super) fn read<'v>(
        &self,
        row: &[Given<'v>],
        sets: &mut std::slice::Iter<'v, Box<[u8]>>,
        values: &mut [ValueRef<'v>],
    ) -> Result<()> {
        let (now, null) = (self.now, self.request.null);
        for (position, given) in self.positions.iter().zip(row) {
            let field = self.schema.fields.get(*position);
            if let (Some(field), Some(value)) = (field, values.get_mut(*position)) {
                given::read(field, given, null, sets, now, value)?;
            }
        }
        Ok(())
    }
}

/// See [`Plan::others`].
fn others<'p>(
    schema: &'p Schema,
    unset: &[usize],
    expires_at: ValueRef<'static>,
    now: i64,
) -> SmallVec<[Changed<'p>; 4]> {
    let mut others = SmallVec::new();
    for (position, field) in schema.fields.iter().enumerate() {
        if let Some(default) = &field.default {
            others.push((position, default.at(now)));
        }
    }
    if let Some((created_at, updated_at)) = schema.timestamp_positions() {
        others.push((created_at, ValueRef::DateTime(now)));
        others.push((updated_at, ValueRef::DateTime(now)));
    }
    others.retain(|(position, _)| !unset.contains(position));
    if !expires_at.is_null() {
        others.push((schema.expires_at(), expires_at));
    }
    others
}
