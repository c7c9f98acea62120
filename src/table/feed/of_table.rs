//! The feed as a part of its table: what is read of it, said to it, and done to it by migrations.

use super::{
    super::{Caps, Effects, Position, Row, Table, state::to_bytes},
    Acknowledgement, Feed, MAX_CONSUMER, no_feed,
};
use crate::{
    error::{Code, Error, Result, quoted},
    index::{Index, KeyRange, Walk},
    schema::{CHANGE_NUMBER, Line},
    value::ValueRef,
};

impl Table {
    /// The change feed.
    ///
    /// # Errors
    /// UNSUPPORTED where the table has none.
    pub fn feed(&self) -> Result<&Feed> {
        self.feed.as_deref().ok_or_else(no_feed)
    }

    pub(in crate::table) fn feed_mut(&mut self) -> Result<&mut Feed> {
        self.feed.as_deref_mut().ok_or_else(no_feed)
    }

    /// Takes a chunk of the tombstones that belong to the table's state.
    ///
    /// # Errors
    /// BADVALUE where they cannot be this table's.
    pub(crate) fn place_tombstones(&mut self, chunk: &[u8]) -> Result<()> {
        let id = self.form.schema.id.kind().kind();
        self.feed_mut()?.place(chunk, id)
    }

    /// No record may have a number that was not given yet.
    ///
    /// # Errors
    /// BADVALUE where one has.
    pub(crate) fn validate_numbers(&self) -> Result<()> {
        let Some(feed) = &self.feed else {
            return Ok(());
        };
        match self
            .changed(feed.head + 1, None)
            .map(|walk| walk.remaining())
        {
            Ok(0) => Ok(()),
            _ => Err(Error::corrupt("a record has a number that no write has")),
        }
    }

    /// The records from a number on, by the numbers of their last writes; those above `rows` alone
    /// of them that have the first number.
    ///
    /// # Errors
    /// UNSUPPORTED without a feed; INDEXBUILDING where the index is still to come.
    pub fn changed(&self, from: u64, above: Option<Row>) -> Result<Walk<'_>> {
        self.feed()?;
        let mut indexes = self.indexes.iter();
        let index = indexes.find(|index| self.form.schema.is_of_feed(&index.definition));
        let Some(Index::SortedSet(set)) = index.map(|index| &index.index) else {
            return Err(Error::new(
                Code::IndexBuilding,
                format!("the index on ({CHANGE_NUMBER}) is being built; try again"),
            ));
        };
        let mut low = ValueRef::Integer(from as i64).key();
        match above {
            Some(row) if row == Row::MAX => low = ValueRef::Integer(from as i64 + 1).key(),
            Some(row) => low.extend_from_slice(&(row + 1).to_be_bytes()),
            None => {}
        }
        Ok(set.walk(&KeyRange { low, high: None }))
    }

    /// A consumer says how far it has come.
    ///
    /// # Errors
    /// UNSUPPORTED without a feed; RESYNC where it must start anew; TOOMANY.
    pub fn acknowledge(&mut self, name: &[u8], position: Position, now: i64) -> Result<Effects> {
        self.feed()?.resume(position)?;
        self.take_acknowledgement(Acknowledgement {
            name: name.into(),
            stands: Some((position, now)),
        })
    }

    /// A consumer is gone; answers nothing where there was none.
    ///
    /// # Errors
    /// UNSUPPORTED without a feed.
    pub fn forget_consumer(&mut self, name: &[u8]) -> Result<Effects> {
        let mut consumers = self.feed()?.consumers().iter();
        if !consumers.any(|consumer| &*consumer.name == name) {
            return Ok(Effects::none());
        }
        self.take_acknowledgement(Acknowledgement {
            name: name.into(),
            stands: None,
        })
    }

    pub(in crate::table) fn take_acknowledgement(
        &mut self,
        said: Acknowledgement,
    ) -> Result<Effects> {
        let feed = self.feed_mut()?;
        if said.name.is_empty() || said.name.len() > MAX_CONSUMER {
            return Err(Error::bad_value(format!(
                "expected a consumer's name of 1 to {MAX_CONSUMER} bytes, found {}",
                quoted(&said.name)
            )));
        }
        let mut effects = Effects::none();
        effects.acknowledge(&to_bytes(&said)?);
        feed.take(said)?;
        Ok(effects)
    }

    /// Drops the oldest tombstones until no cap is exceeded.
    pub fn keep_tombstones(&mut self, caps: &Caps, now: i64) -> Effects {
        let mut effects = Effects::none();
        if let Some(feed) = &mut self.feed {
            let before = feed.floor();
            feed.tombstones.keep_within(caps, now);
            if feed.floor() > before {
                effects.drop_through(feed.floor());
            }
        }
        effects
    }

    /// The feed follows a migration that has taken effect.
    pub(in crate::table) fn follow_migration(&mut self, line: &Line) {
        let lines = self.history.lines.len();
        match (self.form.schema.changes, &mut self.feed) {
            (true, None) => self.feed = Some(Box::new(Feed::begin(self.identity, line, lines))),
            (true, Some(feed)) if line.operations.iter().any(|o| o.rewrites()) => {
                feed.forget(line, lines);
            }
            (true, Some(_)) => {}
            (false, feed) => *feed = None,
        }
    }

    /// Whether the feed agrees with the records.
    ///
    /// # Errors
    /// What disagrees, for a test to print.
    pub(in crate::table) fn check_feed(&self) -> std::result::Result<(), String> {
        if self.feed.is_some() != self.form.schema.changes {
            return Err("a feed is there without CHANGES ON, or missing with it".into());
        }
        let (Some(feed), Some(position)) = (&self.feed, self.form.schema.change_number()) else {
            return Ok(());
        };
        feed.tombstones.check()?;
        let last = feed.tombstones.last().unwrap_or(feed.floor());
        let number = |bytes| match self.read(bytes)?.value(position) {
            ValueRef::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        };
        let mut numbers = self.records.iter().map(|(_, bytes)| number(bytes));
        match last <= feed.head && numbers.all(|n| n.is_some_and(|n| n <= feed.head)) {
            true => Ok(()),
            false => Err("a change has a number above the head".into()),
        }
    }
}
