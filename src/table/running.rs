//! A migration whose pass over the records goes on between commands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Effects, Event, Row, Table, TableIndex, Write,
    pass::{Ending, Objection, Pass},
    state::to_bytes,
};
use crate::{
    error::{Code, Error, Result, quoted},
    index::{Index, KeyRange, successor},
    schema::{Line, Schema, State},
};

/// A migration that was begun and has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The line that goes into the history when it ends.
    pub line: Line,
    /// The key of the last id that a migration of data has come to.
    pub reached: Option<Box<[u8]>>,
}

/// How a migration ended: what replicas and the AOF are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Its version.
    pub version: i64,
    /// How long it took, in microseconds.
    pub took: u64,
    /// Applied, or why not.
    pub state: State,
}

/// How far a running migration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records met.
    pub met: u64,
    /// Records in all.
    pub records: u64,
}

impl Progress {
    /// In hundredths; never all of them, for then it has ended.
    pub fn percent(self) -> u64 {
        let done = u128::from(self.met) * 100 / u128::from(self.records.max(1));
        u64::try_from(done).unwrap_or(99).min(99)
    }
}

impl Table {
    /// The migration that is running.
    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// The schema that a running migration ends with.
    pub fn coming_schema(&self) -> Option<&Schema> {
        self.pass.as_ref().map(|pass| &pass.form().schema)
    }

    /// How far the running migration has come, or what is built late.
    pub fn progress(&self) -> Option<Progress> {
        (self.running.is_some() || self.is_late()).then(|| Progress {
            met: self.met().min(self.len()),
            records: self.len(),
        })
    }

    /// How many records the running migration has met here.
    fn met(&self) -> u64 {
        match self.reached() {
            Some(key) => self.ids.rank(key),
            None => self.pass.as_ref().map_or(0, |pass| pass.met()),
        }
    }

    /// The key of the last id that a running migration of data has come to.
    pub fn reached(&self) -> Option<&[u8]> {
        self.running.as_ref()?.reached.as_deref()
    }

    /// A running migration of data has come to an id.
    ///
    /// # Errors
    /// BADVALUE where none is running: damaged effects.
    pub fn reach(&mut self, key: &[u8]) -> Result<Effects> {
        let Some(running) = &mut self.running else {
            return Err(Error::corrupt("no migration is running"));
        };
        running.reached = Some(key.into());
        let mut effects = Effects::none();
        effects.reach(key);
        Ok(effects)
    }

    /// The first rows by id, after the id of a key where one is given.
    pub fn rows_after(&self, key: Option<&[u8]>, most: usize) -> Vec<Row> {
        let range = KeyRange {
            low: key.and_then(successor).unwrap_or_default(),
            high: None,
        };
        self.ids.walk(&range).take(most).collect()
    }

    /// Begins a migration whose pass goes on between commands.
    ///
    /// # Errors
    /// BUSY where one is running; what the schema refuses.
    pub fn begin(&mut self, line: Line) -> Result<Effects> {
        if let Some(running) = &self.running {
            return Err(busy(running));
        }
        let facts = self.facts(line.at, true);
        let schema = self.changed_schema(&line.operations, &facts)?;
        schema.validate()?;
        let running = Running {
            line,
            reached: None,
        };
        let mut effects = Effects::none();
        effects.begin(&to_bytes(&running)?);
        self.catch_up(usize::MAX);
        self.pass = Some(Box::new(self.pass_to(schema)));
        self.running = Some(running);
        Ok(effects)
    }

    /// Takes a running migration up again that came with the table's state.
    ///
    /// # Errors
    /// What the schema refuses: the state is damaged.
    pub(super) fn resume(&mut self, running: Running) -> Result<()> {
        let reached = running.reached;
        self.begin(running.line)?;
        if let Some(running) = &mut self.running {
            running.reached = reached;
        }
        Ok(())
    }

    /// Stops the running migration: a line in the history is all that is left of it.
    ///
    /// # Errors
    /// Only a fault of the module.
    pub fn stop(&mut self, now: i64) -> Result<Effects> {
        self.stop_as(State::Failed("cancelled".into()), now)
    }

    fn stop_as(&mut self, state: State, now: i64) -> Result<Effects> {
        let Some(running) = &self.running else {
            return Err(Error::internal(
                "a migration is stopped that is not running",
            ));
        };
        let end = End {
            version: running.line.version,
            took: running.line.took_by(now),
            state,
        };
        self.end(end)
    }

    /// Goes on with the pass of a running migration over up to `most` records; `judged` where
    /// [`Table::settle`] follows. True where there is nothing left of it.
    pub fn go_on(&mut self, most: usize, judged: bool) -> bool {
        match &mut self.pass {
            Some(pass) => pass.advance(&self.records, most, judged),
            None => true,
        }
    }

    /// Ends the running migration for this reason.
    ///
    /// # Errors
    /// Only a fault of the module.
    pub fn fail(&mut self, reason: &Error, now: i64) -> Result<Effects> {
        self.stop_as(State::Failed(reason.to_string().into()), now)
    }

    /// Decides about a running migration whose pass is over (`done`) or goes on: it ends where a
    /// record stands in its way, or where nothing does and it is done. What has expired is not in
    /// the way, and is removed where it would be.
    ///
    /// # Errors
    /// Only a fault of the module.
    pub fn settle(&mut self, done: bool, now: i64) -> Result<Effects> {
        let Some(running) = &self.running else {
            return Ok(Effects::none());
        };
        let (version, took) = (running.line.version, running.line.took_by(now));
        let objections = match &mut self.pass {
            Some(pass) => pass.take_some_objections(),
            None => Vec::new(),
        };
        let mut effects = Effects::none();
        let refused = objections
            .iter()
            .find_map(|objection| self.refusal(objection, now));
        if refused.is_none() {
            for objection in &objections {
                effects = effects.and(self.clear(objection, now)?);
            }
            if let Some(pass) = self.pass.as_mut().filter(|pass| pass.overflowed()) {
                // Nobody decided for long, and not all that was in the way is known: begin anew.
                pass.restart();
                return Ok(effects);
            }
        }
        let state = match refused {
            Some(error) => State::Failed(error.to_string().into()),
            None if done => State::Applied,
            None => return Ok(effects),
        };
        let end = End {
            version,
            took,
            state,
        };
        Ok(effects.and(self.end(end)?))
    }

    /// What still stands in the way, what has expired apart.
    pub(super) fn refusal(&self, objection: &Objection, now: i64) -> Option<Error> {
        let pass = self.pass.as_ref()?;
        match objection {
            Objection::Row(row) => {
                let error = pass.refuse(self.records.get(*row)?)?;
                (!self.is_expired(*row, now)).then_some(error)
            }
            Objection::Key(place, key) => {
                let mut live = pass
                    .rows_of(*place, key)
                    .filter(|row| !self.is_expired(*row, now));
                let (first, second) = (live.next()?, live.next()?);
                Some(self.same_values(pass, *place, first, second))
            }
        }
    }

    /// Removes what has expired and would stand in the way.
    pub(super) fn clear(&mut self, objection: &Objection, now: i64) -> Result<Effects> {
        let rows: Vec<Row> = match (objection, &self.pass) {
            (Objection::Row(row), _) => vec![*row],
            (Objection::Key(place, key), Some(pass)) => pass.rows_of(*place, key).collect(),
            (Objection::Key(..), None) => Vec::new(),
        };
        let expired: Vec<Row> = rows
            .into_iter()
            .filter(|row| self.is_expired(*row, now))
            .collect();
        let mut write = Write::begin(self, now);
        expired
            .into_iter()
            .for_each(|row| write.remove_expired(row));
        write.commit()
    }

    /// Ends the pass that is there: meets what is left, and sees whether anything refuses. No clock
    /// is asked.
    ///
    /// # Errors
    /// What stands in the way.
    pub(super) fn finish_pass(&mut self) -> Result<()> {
        let Some(pass) = &mut self.pass else {
            return Ok(());
        };
        if pass.met() == 0 {
            pass.whole(&self.records);
        } else {
            while !pass.advance(&self.records, usize::MAX, false) {}
        }
        let objections = match pass.take_objections() {
            Some(objections) => objections,
            None => {
                pass.restart();
                pass.whole(&self.records);
                pass.take_some_objections()
            }
        };
        let refused = objections
            .iter()
            .find_map(|objection| self.refusal(objection, i64::MIN));
        refused.map_or(Ok(()), Err)
    }

    fn same_values(&self, pass: &Pass, place: usize, first: Row, second: Row) -> Error {
        let id = |row| {
            let record = self.record(row);
            quoted(
                &record
                    .map(|record| record.value(0).text(&[]))
                    .unwrap_or_default(),
            )
        };
        Error::new(
            Code::Duplicate,
            format!(
                "the index on ({}) cannot be UNIQUE: the records with ids {} and {} have the same values",
                pass.names_of(place),
                id(first),
                id(second)
            ),
        )
    }

    /// Ends the running migration as was decided.
    ///
    /// # Errors
    /// BADVALUE where another migration is running, or none; what stands in the way of an end that is
    /// told: damaged effects.
    pub fn end(&mut self, end: End) -> Result<Effects> {
        match &self.running {
            Some(running) if running.line.version == end.version => {}
            _ => return Err(Error::corrupt("it ends a migration that is not running")),
        }
        let pass = self.pass.as_ref();
        let late = pass.is_some_and(|pass| pass.may_be_late(&self.records));
        if end.state == State::Applied && !late {
            self.finish_pass()?;
        }
        let mut effects = Effects::none();
        effects.end(&to_bytes(&end)?);
        let (Some(running), pass) = (self.running.take(), self.pass.take()) else {
            return Err(Error::internal("a migration ends that is not running"));
        };
        let mut line = running.line;
        line.took = end.took;
        line.state = end.state;
        match (&line.state, pass) {
            (State::Applied, Some(pass)) if late => self.adopt_late(pass),
            (State::Applied, Some(pass)) => self.adopt(*pass),
            (State::Failed(_), Some(pass)) => {
                let built = pass.built.into_iter().map(|index| index.index);
                self.dropped.extend(built);
                self.dropped.extend(pass.expiry.map(Index::SortedSet));
            }
            (_, None) => {}
        }
        if line.state == State::Applied {
            self.follow_migration(&line);
        }
        self.note(line);
        effects.happened(Event::Migrate);
        Ok(effects)
    }
}

/// Where a server is told how a migration ended, and has itself not come so far: the schema changes
/// at once, for what is written from then on is written under it, and so does what records mean.
/// The indexes that are missing are built between commands. Who asks for one is told to wait; who
/// is to change the schema, or decides about uniqueness, has them built at once.
impl Table {
    /// Allows that of the running migration, if there is one: for a replica that works between commands.
    pub fn may_be_late(&mut self) {
        if let (Some(_), Some(pass)) = (&self.running, &mut self.pass) {
            pass.ending = Ending::Later;
        }
    }

    /// Whether indexes of the schema are still being built.
    pub fn is_late(&self) -> bool {
        let ending = self.pass.as_ref().map(|pass| pass.ending);
        ending == Some(Ending::Late)
    }

    fn adopt_late(&mut self, mut pass: Box<Pass>) {
        self.form = Arc::clone(pass.form());
        self.arrange(Vec::new());
        pass.ending = Ending::Late;
        self.pass = Some(pass);
    }

    /// Goes on building over up to `most` records. True where nothing is left to do.
    pub fn catch_up(&mut self, most: usize) -> bool {
        let Some(mut pass) = self.pass.take_if(|pass| pass.ending == Ending::Late) else {
            return true;
        };
        let done = match (pass.met(), most) {
            (0, usize::MAX) => {
                pass.whole(&self.records);
                true
            }
            _ => pass.advance(&self.records, most, false),
        };
        // Whoever decided has judged them.
        pass.take_some_objections();
        match done {
            true => self.arrange(pass.built),
            false => self.pass = Some(pass),
        }
        done
    }

    /// A pass from the schema of now to another.
    pub(super) fn pass_to(&self, schema: Schema) -> Pass {
        let late = self.pass.iter().filter(|_| self.is_late());
        let built = late.flat_map(|pass| &pass.built);
        let there: Vec<&TableIndex> = self.indexes.iter().chain(built).collect();
        Pass::new(&self.form, &there, schema)
    }
}

/// Only one migration runs at a time.
pub fn busy(running: &Running) -> Error {
    Error::new(
        Code::Busy,
        format!(
            "the migration of version {} is running; wait for it, or stop it with CANCEL {0}",
            running.line.version
        ),
    )
}
