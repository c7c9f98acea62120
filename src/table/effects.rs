//! What a write did, as bytes that do it again.
//!
//! Effects travel to replicas and into the AOF as `YARR.APPLY table bytes`. They name no
//! clock, no setting and no question: only what the table holds afterwards.
//!
//! ```text
//! piece  version (1 byte), then effects until the end
//! effect tag (1 byte), then
//!   1 Put      length, record                 by its id: in place, else in the lowest free row
//!   2 Remove   length, key bytes of the id
//!   3 Make     identity (8 bytes, little-endian): the table comes into being
//!   4 Highest  id (8 bytes, little-endian): the highest INTEGER id used
//!   5 Migrate  length, outcome of a migration
//!   6 State    length, everything of a table but its records
//!   7 Place    row, length, record
//!   8 Begin    length, a migration whose pass goes on between commands
//!   9 End      length, how it ended
//!  10 Reach    length, key bytes of the id that a migration of data has come to
//!  11 Epoch    name (8 bytes, little-endian): an epoch of the change feed begins
//!  12 Bury     length, a tombstone: Remove in a table with a change feed
//!  13 Drop     number (8 bytes, little-endian): tombstones up to it are dropped
//!  14 Acknowledge  length, what a consumer says
//!  15 Tombstones   length, a chunk of them
//! ```
//!
//! A write whose command says all of it already has no payload: then the command travels as it is.
//!
//! Lengths and rows are LEB128. A write larger than [`PIECE`] is cut between effects into
//! several pieces, which travel together in one MULTI.

use std::ffi::CStr;

use smallvec::SmallVec;

use super::{Row, leb128::each_byte, tombstones::Tombstone};

/// The version of the bytes.
pub const VERSION: u8 = 1;
/// A piece takes on no further effect past so many bytes.
pub const PIECE: usize = 1 << 20;

pub const PUT: u8 = 1;
pub const REMOVE: u8 = 2;
pub const MAKE: u8 = 3;
pub const HIGHEST: u8 = 4;
pub const MIGRATE: u8 = 5;
pub const STATE: u8 = 6;
pub const PLACE: u8 = 7;
pub const BEGIN: u8 = 8;
pub const END: u8 = 9;
pub const REACH: u8 = 10;
pub const EPOCH: u8 = 11;
pub const BURY: u8 = 12;
pub const DROP: u8 = 13;
pub const ACKNOWLEDGE: u8 = 14;
pub const TOMBSTONES: u8 = 15;

/// What a keyspace notification tells of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Records came.
    Create,
    /// Records changed.
    Update,
    /// Records went.
    Delete,
    /// Records expired and were removed.
    Expired,
    /// The schema changed.
    Migrate,
}

impl Event {
    const ALL: [Event; 5] = [
        Event::Create,
        Event::Update,
        Event::Delete,
        Event::Expired,
        Event::Migrate,
    ];

    /// The name of the notification.
    pub fn name(self) -> &'static CStr {
        match self {
            Event::Create => c"yarr.create",
            Event::Update => c"yarr.update",
            Event::Delete => c"yarr.del",
            Event::Expired => c"yarr.expired",
            Event::Migrate => c"yarr.migrate",
        }
    }
}

/// The bytes of a piece; those of most writes need no allocation.
type Piece = SmallVec<[u8; 64]>;

/// What one write did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Effects {
    /// Pieces that take on nothing more; mostly none.
    full: Vec<Piece>,
    /// The one behind them, which takes the next effect; empty where nothing was changed.
    last: Piece,
    /// How often each event of [`Event::ALL`] happened: a table has no more records than this counts.
    counts: [u32; 5],
    /// How others are told.
    telling: Telling,
}

/// How others are told of a write.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// By payloads.
    #[default]
    Payloads,
    /// By the command that asked for it, whose words do the same whatever the clock and the settings.
    AsAsked,
    /// By the payloads that it came in.
    AsTold,
}

// What is longer is not moved in a few instructions.
const _: () = assert!(size_of::<Effects>() <= 128);

impl Effects {
    /// Nothing was changed.
    pub fn none() -> Effects {
        Effects::default()
    }

    /// Of a write that was told: what happened is counted alone.
    pub(super) fn mute() -> Effects {
        Effects {
            telling: Telling::AsTold,
            ..Effects::default()
        }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty() && !self.as_asked()
    }

    /// Whether others are told by the command that asked for this. Payloads, if there are any, are of what was
    /// done behind it.
    #[inline]
    pub fn as_asked(&self) -> bool {
        self.telling == Telling::AsAsked
    }

    /// Has others told by the command that asks, before anything is done.
    pub(super) fn tell_as_asked(&mut self) {
        self.telling = Telling::AsAsked;
    }

    /// The payloads, each of one `YARR.APPLY`, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let last = (!self.last.is_empty()).then_some(&self.last);
        self.full.iter().chain(last).map(Piece::as_slice)
    }

    /// The names of what happened, each once.
    pub fn events(&self) -> impl Iterator<Item = &'static CStr> {
        let happened = Event::ALL.into_iter().zip(self.counts);
        happened
            .filter(|(_, count)| *count > 0)
            .map(|(event, _)| event.name())
    }

    /// How often this happened.
    pub fn count(&self, event: Event) -> u64 {
        self.counts
            .get(event as usize)
            .copied()
            .map_or(0, u64::from)
    }

    /// Notes that something happened.
    pub(crate) fn happened(&mut self, event: Event) {
        if let Some(count) = self.counts.get_mut(event as usize) {
            *count += 1;
        }
    }

    /// The piece that takes the next effect.
    #[inline]
    fn piece(&mut self) -> &mut Piece {
        if self.last.len() > PIECE {
            self.full.push(std::mem::take(&mut self.last));
        }
        if self.last.is_empty() {
            self.last.push(VERSION);
        }
        &mut self.last
    }

    pub(super) fn put(&mut self, record: &[u8]) {
        self.push(PUT, record);
    }

    pub(super) fn remove(&mut self, id_key: &[u8]) {
        self.push(REMOVE, id_key);
    }

    pub(crate) fn make(&mut self, identity: u64) {
        self.push_word(MAKE, identity);
    }

    pub(super) fn highest(&mut self, id: i64) {
        self.push_word(HIGHEST, id as u64);
    }

    pub(super) fn epoch(&mut self, name: u64) {
        self.push_word(EPOCH, name);
    }

    pub(super) fn bury(&mut self, tombstone: &Tombstone<'_>) {
        let mut bytes = Vec::with_capacity(24 + tombstone.id.len());
        tombstone.chunk_into(&mut bytes);
        self.push(BURY, &bytes);
    }

    pub(super) fn drop_through(&mut self, number: u64) {
        self.push_word(DROP, number);
    }

    pub(super) fn acknowledge(&mut self, acknowledgement: &[u8]) {
        self.push(ACKNOWLEDGE, acknowledgement);
    }

    /// A chunk of tombstones.
    pub fn tombstones(&mut self, chunk: &[u8]) {
        self.push(TOMBSTONES, chunk);
    }

    pub(super) fn migrate(&mut self, outcome: &[u8]) {
        self.push(MIGRATE, outcome);
    }

    pub(super) fn begin(&mut self, running: &[u8]) {
        self.push(BEGIN, running);
    }

    pub(super) fn end(&mut self, end: &[u8]) {
        self.push(END, end);
    }

    pub(super) fn reach(&mut self, id_key: &[u8]) {
        self.push(REACH, id_key);
    }

    /// Everything of a table but its records.
    pub fn state(&mut self, state: &[u8]) {
        self.push(STATE, state);
    }

    /// A record in its row.
    pub fn place(&mut self, row: Row, record: &[u8]) {
        if self.telling != Telling::Payloads {
            return;
        }
        let piece = self.piece();
        piece.push(PLACE);
        each_byte(u64::from(row), |byte| piece.push(byte));
        each_byte(record.len() as u64, |byte| piece.push(byte));
        piece.extend_from_slice(record);
    }

    /// Gives up the payloads gathered so far, so that a long row of effects takes little memory.
    pub fn drain_full(&mut self, sink: &mut dyn FnMut(&[u8])) {
        if self.last.len() > PIECE {
            self.pieces().for_each(sink);
            self.full.clear();
            self.last.clear();
        }
    }

    fn push_word(&mut self, tag: u8, word: u64) {
        if self.telling != Telling::Payloads {
            return;
        }
        let piece = self.piece();
        piece.push(tag);
        piece.extend_from_slice(&word.to_le_bytes());
    }

    fn push(&mut self, tag: u8, bytes: &[u8]) {
        if self.telling != Telling::Payloads {
            return;
        }
        let piece = self.piece();
        piece.push(tag);
        each_byte(bytes.len() as u64, |byte| piece.push(byte));
        piece.extend_from_slice(bytes);
    }

    /// The same events, told in the bytes they came in.
    pub(super) fn told_as(mut self, piece: &[u8]) -> Effects {
        self.full.clear();
        self.last = Piece::from_slice(piece);
        self.telling = Telling::Payloads;
        self
    }

    /// What `self` did, and then `later`, which is told by payloads.
    pub fn and(mut self, later: Effects) -> Effects {
        if !later.is_empty() {
            if !self.last.is_empty() {
                self.full.push(self.last);
            }
            self.full.extend(later.full);
            self.last = later.last;
        }
        for (count, more) in self.counts.iter_mut().zip(later.counts) {
            *count += more;
        }
        self
    }
}
