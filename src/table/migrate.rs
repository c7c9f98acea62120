//! Migrations carried out on a table.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Effects, Event, MAX_INDEXED_TEXT, Table, TableIndex, state::to_bytes};
use crate::{
    error::{Code, Error, Result, quoted},
    index::{Index, KeyRange},
    schema::{Direction, Facts, IndexDefinition, Line, Migration, Operation, Schema, State},
    value::ValueRef,
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
    /// `drop_data` is the caller's consent that values are discarded; `clock` tells, once all is
    /// done, how many microseconds it took.
    ///
    /// # Errors
    /// What the schema refuses; DUPLICATE, NOTNULL or BADVALUE naming a record in the way.
    pub fn migrate(
        &mut self,
        mut line: Line,
        drop_data: bool,
        clock: impl FnOnce() -> u64,
    ) -> Result<Effects> {
        let facts = self.facts(line.at, drop_data);
        let schema = self.changed_schema(&line.operations, &facts)?;
        // Operations that came as effects have passed no parser.
        schema.validate()?;
        self.adopt(schema)?;
        line.took = clock();
        let outcome = Outcome { line: line.clone() };
        self.note(line);
        let mut effects = Effects::none();
        effects.migrate(&to_bytes(&outcome)?);
        effects.happened(Event::Migrate);
        Ok(effects)
    }

    /// Writes a line into the history.
    fn note(&mut self, line: Line) {
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

    /// Takes on another schema: records are read through it, indexes it lacks go, indexes it
    /// adds are built. On an error the table is as it was.
    fn adopt(&mut self, schema: Schema) -> Result<()> {
        let form = Arc::new(self.form.under(schema));
        let before = std::mem::replace(&mut self.form, form);
        let built = self
            .check_nulls(&before.schema)
            .and_then(|()| self.build_missing());
        match built {
            Ok(built) => {
                self.arrange(built);
                Ok(())
            }
            Err(error) => {
                self.form = before;
                Err(error)
            }
        }
    }

    /// A field that becomes NOT NULL may have no nulls.
    fn check_nulls(&self, before: &Schema) -> Result<()> {
        let newly: Vec<usize> = (0..self.form.schema.fields.len())
            .filter(|position| {
                self.form.schema.fields.get(*position).is_some_and(|field| {
                    let was = before.fields.iter().find(|f| f.number == field.number);
                    field.not_null && was.is_some_and(|was| !was.not_null)
                })
            })
            .collect();
        if newly.is_empty() {
            return Ok(());
        }
        for (row, _) in self.records.iter() {
            let Some(record) = self.record(row) else {
                continue;
            };
            if let Some(position) = newly.iter().find(|p| record.value(**p).is_null()) {
                return Err(Error::new(
                    Code::NotNull,
                    format!(
                        "field '{}' cannot be NOT NULL: the record with id {} has a null there",
                        self.form.schema.field(*position)?.name,
                        quoted(&record.value(0).text(&[]))
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Builds the indexes that the schema of now has and the table has not.
    fn build_missing(&self) -> Result<Vec<TableIndex>> {
        let there = |definition: &IndexDefinition| {
            self.indexes
                .iter()
                .any(|index| index.definition.number == definition.number)
        };
        let missing = self.form.schema.indexes.iter().filter(|d| !there(d));
        missing
            .map(|definition| {
                let mut index = TableIndex::new(definition.clone(), &self.form.schema);
                self.check_texts(&index)?;
                self.build(&mut index);
                self.check_unique(&index)?;
                Ok(index)
            })
            .collect()
    }

    /// No text in an index may be longer than it takes.
    fn check_texts(&self, index: &TableIndex) -> Result<()> {
        let texts = index.positions.iter().filter(|position| {
            let field = self.form.schema.fields.get(**position);
            field.is_some_and(|field| field.kind.kind() == crate::value::Kind::String)
        });
        let texts: Vec<usize> = texts.copied().collect();
        if texts.is_empty() {
            return Ok(());
        }
        for (row, _) in self.records.iter() {
            let Some(record) = self.record(row) else {
                continue;
            };
            for position in &texts {
                match record.value(*position) {
                    ValueRef::String(text) if text.len() > MAX_INDEXED_TEXT => {
                        return Err(Error::bad_value(format!(
                            "field '{}' cannot be in an index: expected at most {MAX_INDEXED_TEXT} bytes, found {} in the record with id {}",
                            self.form.schema.field(*position)?.name,
                            text.len(),
                            quoted(&record.value(0).text(&[]))
                        )));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// A unique index that was just built may have no key twice, nulls apart.
    pub(crate) fn check_unique(&self, index: &TableIndex) -> Result<()> {
        let (true, Index::SortedSet(set)) = (index.definition.unique, &index.index) else {
            return Ok(());
        };
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
    fn arrange(&mut self, mut built: Vec<TableIndex>) {
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
    }
}
