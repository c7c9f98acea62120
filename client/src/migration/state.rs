//! What a server keeps of migrations: keys beside each other in one slot.

use std::{collections::BTreeMap, time::Duration};

use super::runner::Direction;

/// The keys, all in the slot of the set.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// A set of the versions that are applied.
    pub(super) set: String,
    /// A hash: of each version `checksum at took name`.
    pub(super) notes: String,
    /// The lock, with a lease.
    pub(super) lock: String,
    /// A hash: of each version that is on its way `up|down blocks checksum`, where blocks are done and the checksum is
    /// theirs; and in `version:keys` how many keys a `for each` gathered, and the checksum of their pattern.
    pub(super) steps: String,
    /// A set: the keys that a `for each` still has to go through.
    pub(super) work: String,
}

impl Keys {
    pub(super) fn of(set: &str) -> Keys {
        let tagged = set.find('{').is_some_and(|open| {
            let inner = set.get(open + 1..).and_then(|rest| rest.find('}'));
            inner.is_some_and(|length| length > 0)
        });
        let base = match tagged {
            true => set.to_string(),
            false => format!("{{{set}}}"),
        };
        Keys {
            set: set.into(),
            notes: format!("{base}:notes"),
            lock: format!("{base}:lock"),
            steps: format!("{base}:steps"),
            work: format!("{base}:keys"),
        }
    }

    /// Whether a key is one of these.
    pub(super) fn own(&self, key: &[u8]) -> bool {
        let own = [&self.set, &self.notes, &self.lock, &self.steps, &self.work];
        own.iter().any(|own| own.as_bytes() == key)
    }
}

/// A number that differs where a text differs: FNV-1a of 64 bits, by Fowler, Noll and Vo. It is to find accidents, not
/// attacks.
pub(super) fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What stands beside a version that is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it was called.
    pub name: String,
    /// What its [`checksum`](super::Migration::checksum) was.
    pub checksum: u64,
    /// When, in milliseconds since 1970 by the server's clock.
    pub at: i64,
    /// How long it took.
    pub took: Duration,
}

impl Note {
    pub(super) fn text(&self) -> String {
        let took = self.took.as_micros();
        format!("{:016x} {} {took} {}", self.checksum, self.at, self.name)
    }

    pub(super) fn read(text: &str) -> Option<Note> {
        let mut parts = text.splitn(4, ' ');
        Some(Note {
            checksum: u64::from_str_radix(parts.next()?, 16).ok()?,
            at: parts.next()?.parse().ok()?,
            took: Duration::from_micros(parts.next()?.parse().ok()?),
            name: parts.next()?.into(),
        })
    }
}

/// How far a version on its way has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) direction: Direction,
    /// How many of its blocks are done.
    pub(super) done: usize,
    /// The checksum of these.
    pub(super) checksum: u64,
}

impl Step {
    pub(super) fn text(&self) -> String {
        format!("{} {} {:016x}", self.direction, self.done, self.checksum)
    }

    pub(super) fn read(text: &str) -> Option<Step> {
        let mut parts = text.split(' ');
        Some(Step {
            direction: match parts.next()? {
                "up" => Direction::Up,
                "down" => Direction::Down,
                _ => return None,
            },
            done: parts.next()?.parse().ok()?,
            checksum: u64::from_str_radix(parts.next()?, 16).ok()?,
        })
    }
}

/// All of it, as read at one moment.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) applied: Vec<i64>,
    pub(super) notes: BTreeMap<i64, Note>,
    pub(super) steps: BTreeMap<i64, Step>,
}

impl Found {
    /// The versions that are applied, the one applied last at the end.
    pub(super) fn in_order(&self) -> Vec<i64> {
        let mut versions = self.applied.clone();
        let at = |version: &i64| self.notes.get(version).map_or(i64::MIN, |note| note.at);
        versions.sort_by_key(|version| (at(version), *version));
        versions
    }
}
