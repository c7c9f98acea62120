//! Migrations carried out on a table.

use serde::{Deserialize, Serialize};

use super::{Effects, Event, Table, TableIndex, pass::Pass, running::busy, state::to_bytes};
use crate::{
    error::{Code, Error, Result, quoted},
    index::{Index, KeyRange},
    schema::{Direction, Facts, Line, Migration, Operation, Schema, State},
};

/// A migration as it was decided: what replicas and the AOF carry out again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The line that goes into the history.
    pub line: Line,
}

impl Table {
    /// The schema after these operations.
    ///
    /// # Errors
    /// What [`Schema::change`] refuses, at the first operation that it refuses.
    pub fn changed_schema(&self, operations: &[Operation], facts: &Facts) -> Result<Schema> {
        let mut schema = self.schema().clone();
        for operation in operations {
            schema = schema.change(operation, facts)?;
        }
        Ok(schema)
    }

    /// What a change of this table's schema must know, its caller's consent given apart.
    pub fn facts(&self, now: i64, drop_data: bool) -> Facts {
        Facts {
            empty: self.is_empty(),
            drop_data,
            now,
        }
    }

    /// Carries out a migration, all of it or nothing, and writes it into the history.
    /// `drop_data` is the caller's consent that values are discarded, and what has expired by
    /// `now` is in nobody's way; `clock` tells, once all is done, how many microseconds it took.
    ///
    /// # Errors
    /// BUSY while another goes on; what the schema refuses; DUPLICATE, NOTNULL or BADVALUE naming
    /// a record in the way.
    pub fn migrate(
        &mut self,
        mut line: Line,
        drop_data: bool,
        now: i64,
        clock: impl FnOnce() -> u64,
    ) -> Result<Effects> {
        if let Some(running) = &self.running {
            return Err(busy(running));
        }
        let facts = self.facts(line.at, drop_data);
        let schema = self.changed_schema(&line.operations, &facts)?;
        // Operations that came as effects have passed no parser.
        schema.validate()?;
        self.catch_up(usize::MAX);
        self.pass = Some(Box::new(self.pass_to(schema)));
        let passed = self.pass_at_once(now);
        let pass = self.pass.take();
        let mut effects = passed?;
        if let Some(pass) = pass {
            self.adopt(*pass);
        }
        self.follow_migration(&line);
        line.took = clock();
        let outcome = Outcome { line: line.clone() };
        self.note(line);
        let mut told = Effects::none();
        told.migrate(&to_bytes(&outcome)?);
        told.happened(Event::Migrate);
        effects = effects.and(told);
        Ok(effects)
    }

    /// The whole pass, and the removal of what has expired in its way.
    fn pass_at_once(&mut self, now: i64) -> Result<Effects> {
        let objections = match &mut self.pass {
            Some(pass) if pass.is_needed() => {
                pass.whole(&self.records);
                pass.take_some_objections()
            }
            _ => Vec::new(),
        };
        let refused = objections
            .iter()
            .find_map(|objection| self.refusal(objection, now));
        if let Some(error) = refused {
            return Err(error);
        }
        let mut effects = Effects::none();
        for objection in &objections {
            effects = effects.and(self.clear(objection, now)?);
        }
        Ok(effects)
    }

    /// Whether a migration looks at the records.
    ///
    /// # Errors
    /// What the schema refuses.
    pub fn needs_pass(&self, line: &Line, drop_data: bool) -> Result<bool> {
        let facts = self.facts(line.at, drop_data);
        let schema = self.changed_schema(&line.operations, &facts)?;
        Ok(self.pass_to(schema).is_needed())
    }

    /// Writes a line into the history.
    pub(super) fn note(&mut self, line: Line) {
        let applied = &mut self.history.applied;
        if line.state == State::Applied {
            applied.retain(|migration| migration.version != line.version);
            if line.direction == Direction::Up {
                applied.push(Migration {
                    version: line.version,
                    name: line.name.clone(),
                    up: line.operations.clone(),
                    down: line.down.clone(),
                });
            }
        }
        self.history.lines.push(line);
    }

    /// Takes on the schema that a pass was made for: records are read through it, indexes it lacks
    /// go, those that were built come.
    pub(super) fn adopt(&mut self, pass: Pass) {
        self.form = std::sync::Arc::clone(pass.form());
        if let Some(expiry) = pass.expiry {
            let before = std::mem::replace(&mut self.expiry, expiry);
            self.dropped.push(Index::SortedSet(before));
        }
        self.arrange(pass.built);
    }

    /// A unique index that was just built may have no key twice, nulls apart.
    pub(crate) fn check_unique(&self, index: &TableIndex) -> Result<()> {
        let (true, Index::SortedSet(set)) = (index.definition.unique, &index.index) else {
            return Ok(());
        };
        if !set.has_key_twice() {
            return Ok(());
        }
        let mut walk = set.walk(&KeyRange::all());
        let mut previous = None;
        while let Some(row) = walk.next() {
            let record = self.record(row);
            if let (true, Some(record), Some(before)) = (
                walk.same_key_as_last(),
                record,
                previous.and_then(|row| self.record(row)),
            ) {
                if !index.has_null(&record.values()) {
                    return Err(Error::new(
                        Code::Duplicate,
                        format!(
                            "the index on ({}) cannot be UNIQUE: the records with ids {} and {} have the same values",
                            self.form.schema.index_names(&index.definition).join(", "),
                            quoted(&before.value(0).text(&[])),
                            quoted(&record.value(0).text(&[]))
                        ),
                    ));
                }
            }
            previous = Some(row);
        }
        Ok(())
    }

    /// Puts the indexes kept and built in the schema's order.
    pub(super) fn arrange(&mut self, mut built: Vec<TableIndex>) {
        let mut kept = std::mem::take(&mut self.indexes);
        let form = self.form();
        for definition in &form.schema.indexes {
            for from in [&mut kept, &mut built] {
                let place = from
                    .iter()
                    .position(|i| i.definition.number == definition.number);
                if let Some(place) = place {
                    let mut index = from.swap_remove(place);
                    index.positions = form.schema.index_positions(definition).into();
                    self.indexes.push(index);
                }
            }
        }
        self.dropped
            .extend(kept.into_iter().map(|index| index.index));
    }
}
