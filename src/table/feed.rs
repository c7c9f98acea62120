//! The change feed of a table: every write has a number, and every removal leaves a tombstone.
//!
//! A record keeps the number of its last write in its own field `change_number`, and an index by
//! that field is the feed: it has each record once, at its last change. Who reads it from a
//! position to the head has seen all that changed in between, and goes on from there.
//!
//! Numbers may come to be given twice, to different writes: a server that took over from a lost
//! one did not have its last writes, and one that was restored from a backup has none since. So
//! the past of a table is told in *epochs*. Whoever writes to a table that it was not itself the
//! last to write to begins an epoch with a random name; the table keeps which epochs it has come
//! through, and at which number each began. A position is a number in an epoch: it lies in the
//! past of this table if the epoch does and had come so far, and then all up to there is the
//! same here as where it was read.

mod of_table;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

use serde::{Deserialize, Serialize};

use super::{
    Effects, Event,
    tombstones::{self, Gone, Mark, Tombstone, Tombstones},
};
use crate::{
    error::{Code, Error, Result},
    schema::Line,
    value::{Kind, key},
};

/// So many epochs of the past are kept: a position of an older one is not continued.
const MOST_EPOCHS: usize = 64;
/// No write has so high a number.
const MOST_NUMBER: u64 = 1 << 62;
/// A number that is told is no further from the last one: who forges them does not come to the end.
const REACH: u64 = 1 << 32;
/// So many consumers may acknowledge.
pub const MOST_CONSUMERS: usize = 64;
/// The longest name of a consumer, in bytes.
pub const MAX_CONSUMER: usize = 255;

/// A stretch of the feed that one server wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its name, drawn at random.
    pub name: u64,
    /// The first number in it.
    pub first: u64,
}

/// How far a reader has come: all up to a number, as it was in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The name of the epoch.
    pub epoch: u64,
    /// The number; 0 is before all there is.
    pub number: u64,
    /// The head of the table when that was read, in this epoch. What was written up to there may be missing from what was
    /// read, since a record has but its last change: where it is lost, so is what it stood in the way of.
    pub seen: u64,
}

/// A reader that acknowledges what it has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// All up to here it needs no more.
    pub position: Position,
    /// When it said so, in milliseconds since 1970 UTC.
    pub at: i64,
}

/// What is kept of a feed beside numbers and tombstones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedState {
    pub(super) epochs: Vec<Epoch>,
    pub(super) head: u64,
    pub(super) floor: u64,
    pub(super) consumers: Vec<Consumer>,
}

/// The feed of one table.
pub struct Feed {
    epochs: Vec<Epoch>,
    /// The last number given.
    head: u64,
    tombstones: Tombstones,
    consumers: Vec<Consumer>,
    /// Whether this server gave the last number itself, and nothing came between.
    ours: bool,
}

/// What a write that is undone goes back to.
pub(super) struct Before {
    head: u64,
    tombstones: Mark,
    ours: bool,
    /// Where an epoch was begun.
    epochs: Option<Vec<Epoch>>,
}

impl Before {
    /// Keeps the epochs as they were before the first that is begun.
    fn keep(&mut self, epochs: &[Epoch]) {
        self.epochs.get_or_insert_with(|| epochs.to_vec());
    }
}

impl Feed {
    /// The feed that a migration begins. Its first number is no record's, so that who has read all
    /// records there are is past the beginning.
    pub(super) fn begin(identity: u64, line: &Line, lines: usize) -> Feed {
        let name = mix([identity, line.version as u64, line.at as u64, lines as u64]);
        Feed {
            epochs: vec![Epoch { name, first: 1 }],
            head: 1,
            tombstones: Tombstones::default(),
            consumers: Vec::new(),
            ours: false,
        }
    }

    /// After a migration has given records other values, nothing read before tells what they are:
    /// the past is forgotten.
    pub(super) fn forget(&mut self, line: &Line, lines: usize) {
        self.head += 1;
        let name = mix([
            self.epoch(),
            line.version as u64,
            line.at as u64,
            lines as u64,
        ]);
        self.epochs = vec![Epoch {
            name,
            first: self.head,
        }];
        self.tombstones = Tombstones::from_floor(self.head);
        self.ours = false;
    }

    /// The feed of a state; its tombstones follow.
    ///
    /// # Errors
    /// BADVALUE where the bytes describe no possible feed.
    pub(super) fn from_state(state: FeedState) -> Result<Feed> {
        let firsts = || state.epochs.iter().map(|epoch| epoch.first);
        let rising = firsts().zip(firsts().skip(1)).all(|(a, b)| a < b);
        let holds = rising
            && (1..=MOST_EPOCHS).contains(&state.epochs.len())
            // The last epoch may have begun and not have a number yet: its first is the next.
            && firsts().all(|first| first <= state.head.saturating_add(1))
            && state.head < MOST_NUMBER
            && state.floor <= state.head
            && state.consumers.len() <= MOST_CONSUMERS
            && state.consumers.iter().all(|consumer| consumer.name.len() <= MAX_CONSUMER);
        if !holds {
            return Err(Error::corrupt("the change feed is none"));
        }
        Ok(Feed::with_state(state))
    }

    fn with_state(state: FeedState) -> Feed {
        Feed {
            epochs: state.epochs,
            head: state.head,
            tombstones: Tombstones::from_floor(state.floor),
            consumers: state.consumers,
            ours: false,
        }
    }

    pub(super) fn state(&self) -> FeedState {
        FeedState {
            epochs: self.epochs.clone(),
            head: self.head,
            floor: self.floor(),
            consumers: self.consumers.clone(),
        }
    }

    /// The last number given.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The number of the last tombstone that was dropped: who has not come so far has missed it.
    pub fn floor(&self) -> u64 {
        self.tombstones.floor()
    }

    /// The epoch of now.
    pub fn epoch(&self) -> u64 {
        self.epochs.last().map_or(0, |epoch| epoch.name)
    }

    /// The epochs this table has come through, the last the one of now.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// What is left of removed records.
    pub fn tombstones(&self) -> &Tombstones {
        &self.tombstones
    }

    /// Who acknowledges.
    pub fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    pub(super) fn bytes(&self) -> usize {
        let names = self.consumers.iter().map(|consumer| consumer.name.len());
        let lists = self.consumers.capacity() * size_of::<Consumer>()
            + self.epochs.capacity() * size_of::<Epoch>();
        size_of::<Feed>() + self.tombstones.heap().bytes + lists + names.sum::<usize>()
    }

    pub(super) fn slack(&self) -> usize {
        self.tombstones.heap().slack
    }

    /// Whether a position lies in the past of this table.
    ///
    /// # Errors
    /// RESYNC where it does not.
    pub fn find(&self, position: Position) -> Result<()> {
        let at = self
            .epochs
            .iter()
            .position(|epoch| epoch.name == position.epoch);
        let Some(at) = at else {
            return Err(resync(
                position,
                format!(
                    "the table has not come through that epoch; it is in {:016x}",
                    self.epoch()
                ),
            ));
        };
        let next = self.epochs.get(at + 1);
        let end = next.map_or(self.head, |next| next.first - 1);
        match position.number.max(position.seen) <= end {
            true => Ok(()),
            false => Err(resync(
                position,
                format!("in that epoch the table came to {end}: later changes were lost"),
            )),
        }
    }

    /// Whether a reader that stands there can go on. From 0 everyone can.
    ///
    /// # Errors
    /// RESYNC where it must start anew.
    pub fn resume(&self, position: Position) -> Result<()> {
        if position.number == 0 {
            return Ok(());
        }
        self.find(position)?;
        match position.number >= self.floor() {
            true => Ok(()),
            false => Err(resync(
                position,
                format!("the tombstones up to {} are dropped", self.floor()),
            )),
        }
    }

    /// Gives the next write its number. Where this server did not give the last one, an epoch
    /// begins, which `effects` tell.
    #[inline]
    pub(super) fn next(&mut self, before: &mut Before, effects: &mut Effects) -> u64 {
        if !self.ours {
            before.keep(&self.epochs);
            let name = random();
            self.enter(name);
            effects.epoch(name);
            self.ours = true;
        }
        self.head += 1;
        self.head
    }

    /// An epoch begins with the next number.
    fn enter(&mut self, name: u64) {
        let first = self.head + 1;
        // An epoch without a number is none: nobody can stand in it.
        self.epochs.retain(|epoch| epoch.first < first);
        self.epochs.push(Epoch { name, first });
        if self.epochs.len() > MOST_EPOCHS {
            self.epochs.remove(0);
        }
    }

    /// Another server has begun an epoch.
    pub(super) fn enter_told(&mut self, before: &mut Before, name: u64) {
        before.keep(&self.epochs);
        self.enter(name);
    }

    /// The number that another server gave to a write. It is the next one, but on a replica that is
    /// written to, which must follow all the same.
    ///
    /// # Errors
    /// BADVALUE where there is none, or one that is far away.
    pub(super) fn told(&mut self, number: Option<u64>) -> Result<()> {
        match number.filter(|number| *number < MOST_NUMBER && *number <= self.head + REACH) {
            Some(number) => {
                self.head = self.head.max(number);
                Ok(())
            }
            None => Err(Error::corrupt(format!(
                "expected the change of number {}",
                self.head + 1
            ))),
        }
    }

    /// Whether a record of the table's state may have this number.
    ///
    /// # Errors
    /// BADVALUE where it is none, or has not been given.
    pub(super) fn check_placed(&self, number: Option<u64>) -> Result<()> {
        match number.is_some_and(|number| number <= self.head) {
            true => Ok(()),
            false => Err(Error::corrupt("a record has a number that no write has")),
        }
    }

    /// Whether there are numbers left for writes to come.
    ///
    /// # Errors
    /// TOOMANY.
    pub(super) fn check_numbers(&self) -> Result<()> {
        match self.head < MOST_NUMBER {
            true => Ok(()),
            false => Err(Error::new(
                Code::TooMany,
                "the change feed has given out all its numbers; begin another by CHANGES OFF and CHANGES ON",
            )),
        }
    }

    /// From here on another server gives the numbers, until this one does.
    pub(super) fn follow(&mut self) {
        self.ours = false;
    }

    pub(super) fn before(&self) -> Before {
        Before {
            head: self.head,
            tombstones: self.tombstones.mark(),
            ours: self.ours,
            epochs: None,
        }
    }

    /// Undoes all that was numbered since.
    pub(super) fn go_back(&mut self, before: Before) {
        self.head = before.head;
        self.ours = before.ours;
        self.tombstones.go_back(before.tombstones);
        if let Some(epochs) = before.epochs {
            self.epochs = epochs;
        }
    }

    /// Remembers a record that is gone, where its number is above those of all that are remembered.
    pub(super) fn bury(&mut self, tombstone: &Tombstone<'_>) {
        if tombstone.number > self.tombstones.last().unwrap_or(self.floor()) {
            self.tombstones.push(tombstone);
        }
    }

    /// Takes a chunk of the tombstones of a state.
    ///
    /// # Errors
    /// BADVALUE where they are none, or cannot be this feed's. `id` is what ids are.
    pub(super) fn place(&mut self, chunk: &[u8], id: Kind) -> Result<()> {
        let mut walk = tombstones::Walk::of_chunk(chunk);
        let mut least = self.tombstones.last().unwrap_or(self.floor());
        for tombstone in walk.by_ref() {
            let inside = tombstone.number > least && tombstone.number <= self.head;
            if !inside || key::value(id, tombstone.id).is_none() {
                return Err(Error::corrupt("a tombstone is out of place"));
            }
            least = tombstone.number;
        }
        if !walk.is_over() {
            return Err(Error::corrupt("a tombstone does not read"));
        }
        for tombstone in tombstones::Walk::of_chunk(chunk) {
            self.tombstones.push(&tombstone);
        }
        Ok(())
    }

    /// The same feed of a copy of the table.
    pub(super) fn duplicate(&self) -> Feed {
        let mut copy = Feed::with_state(self.state());
        let all = self.tombstones.after(0);
        all.for_each(|tombstone| copy.tombstones.push(&tombstone));
        copy
    }

    /// Drops the tombstones up to a number.
    pub(super) fn drop_through(&mut self, number: u64) {
        self.tombstones.drop_through(number);
    }

    /// Takes an acknowledgement, or forgets a consumer, and drops the tombstones that none needs.
    ///
    /// # Errors
    /// TOOMANY.
    pub(super) fn take(&mut self, acknowledgement: Acknowledgement) -> Result<()> {
        let Acknowledgement { name, stands } = acknowledgement;
        let at = self
            .consumers
            .iter()
            .position(|consumer| consumer.name == name);
        match (stands, at) {
            (Some((position, at)), None) if self.consumers.len() < MOST_CONSUMERS => {
                self.consumers.push(Consumer { name, position, at });
            }
            (Some(_), None) => {
                return Err(Error::new(
                    Code::TooMany,
                    format!(
                        "a table has at most {MOST_CONSUMERS} consumers; FORGET those that are gone"
                    ),
                ));
            }
            (Some((position, at)), Some(place)) => {
                if let Some(consumer) = self.consumers.get_mut(place) {
                    (consumer.position, consumer.at) = (position, at);
                }
            }
            (None, Some(place)) => _ = self.consumers.remove(place),
            (None, None) => {}
        }
        // Who must start anew needs none of them.
        let there = self.consumers.iter().map(|consumer| consumer.position);
        let slowest = there
            .filter(|position| self.resume(*position).is_ok())
            .map(|position| position.number)
            .min();
        if let Some(slowest) = slowest {
            self.tombstones.drop_through(slowest);
        }
        Ok(())
    }
}

/// What a consumer says: that it stands there, at a moment, or that it is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Acknowledgement {
    pub(super) name: Box<[u8]>,
    pub(super) stands: Option<(Position, i64)>,
}

fn resync(position: Position, why: String) -> Error {
    Error::new(
        Code::Resync,
        format!(
            "position {} of epoch {:016x} cannot be continued: {why}; with a cursor begin its batch anew, else read without SINCE",
            position.number, position.epoch
        ),
    )
}

fn no_feed() -> Error {
    Error::new(
        Code::Unsupported,
        "the table has no change feed; give it one by a migration with CHANGES ON",
    )
}

/// A name that no other server draws: the standard library's hash maps are seeded by the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// One number of several, each of which changes it throughout (splitmix64's steps).
fn mix(numbers: [u64; 4]) -> u64 {
    numbers.into_iter().fold(0, |mixed, number| {
        let mut z = (mixed ^ number).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

impl Gone {
    /// The event of a removal.
    pub(super) fn event(self) -> Event {
        match self {
            Gone::Deleted => Event::Delete,
            Gone::Expired => Event::Expired,
        }
    }
}
