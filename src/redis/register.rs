//! The tables whose records expire, by the time at which each is looked at next.
//!
//! The register may be wrong: a key goes, gets another name, or another database without a word.
//! Whoever looks finds out and says so with [`Register::looked`]. A table that the register lost
//! comes back with the next command that touches it: each loss begins a new [`generation`], and
//! a table noted in an earlier one is noted again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::info::TABLES_WITH_WORK;

/// A table is looked at so often at least, in milliseconds: a record may have come that expires
/// before those that were there.
const OFTEN: i64 = 1000;

/// Counts the losses of the register.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// Which tables may have been lost: those noted in another generation than this.
#[inline]
pub fn generation() -> u64 {
    GENERATION.load(Relaxed)
}

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The number of its database; `None` where that is not known.
    pub db: Option<i32>,
    /// The name of its key.
    pub name: Box<[u8]>,
}

impl Place {
    /// A key of a database.
    pub fn new(db: Option<i32>, name: &[u8]) -> Place {
        Place {
            db,
            name: name.into(),
        }
    }
}

/// What a look at a place found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A table whose next record expires then.
    Later(i64),
    /// A table with records that have expired, and no time for them.
    More,
    /// The table that was there, and none of its records expires.
    Quiet,
    /// Not the table that was there.
    Gone,
    /// Every database was looked through.
    Searched,
}

/// The tables whose records expire.
pub struct Register {
    /// The identity of the table at each place. Made at first use: an empty map takes no memory.
    tables: Option<HashMap<Place, u64>>,
    /// When to look where; the second number tells apart what is due at the same time.
    due: BTreeMap<(i64, u64), Place>,
    /// The last second number.
    last: u64,
}

impl Register {
    /// Without tables.
    pub const fn new() -> Register {
        Register {
            tables: None,
            due: BTreeMap::new(),
            last: 0,
        }
    }

    /// Adds a table, to be looked at as soon as may be.
    pub fn add(&mut self, place: Place, identity: u64, now: i64) {
        let tables = self.tables.get_or_insert_default();
        if tables.insert(place.clone(), identity).is_none() {
            TABLES_WITH_WORK.add(1);
            self.look_at(place, now);
        }
    }

    fn look_at(&mut self, place: Place, at: i64) {
        self.last += 1;
        self.due.insert((at, self.last), place);
    }

    /// A place to look at by now, and the identity of the table that was there. It must be
    /// followed by [`Register::looked`].
    pub fn next_due(&mut self, now: i64) -> Option<(Place, u64)> {
        let first = self
            .due
            .first_entry()
            .filter(|first| first.key().0 <= now)?;
        let place = first.remove();
        let identity = self
            .tables
            .as_ref()?
            .get(&place)
            .copied()
            .unwrap_or_default();
        Some((place, identity))
    }

    /// Says what was found at a place that [`Register::next_due`] gave.
    pub fn looked(&mut self, place: Place, identity: u64, look: Look, now: i64) {
        match look {
            Look::Later(at) => self.look_at(place, at.clamp(now + 1, now + OFTEN)),
            // Behind the others that are due, so that no table waits for another's records.
            Look::More => self.look_at(place, now),
            Look::Quiet | Look::Searched => self.lose(&place),
            Look::Gone => {
                self.lose(&place);
                self.add(Place { db: None, ..place }, identity, now);
            }
        }
    }

    fn lose(&mut self, place: &Place) {
        if self
            .tables
            .as_mut()
            .is_some_and(|tables| tables.remove(place).is_some())
        {
            TABLES_WITH_WORK.subtract(1);
            GENERATION.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(db: impl Into<Option<i32>>) -> Place {
        Place::new(db.into(), b"t")
    }

    #[test]
    fn a_table_is_due_once_and_again_when_its_next_record_expires() {
        let mut register = Register::new();
        register.add(place(0), 7, 1000);
        register.add(place(0), 7, 1000);
        assert_eq!(register.next_due(999), None);
        assert_eq!(register.next_due(1000), Some((place(0), 7)));
        assert_eq!(register.next_due(1000), None);
        register.looked(place(0), 7, Look::Later(1500), 1000);
        assert_eq!(register.next_due(1499), None);
        assert_eq!(register.next_due(1500), Some((place(0), 7)));
        register.looked(place(0), 7, Look::Later(i64::MAX), 1500);
        assert_eq!(register.next_due(1500 + OFTEN), Some((place(0), 7)));
        assert!(register.due.is_empty());
    }

    #[test]
    fn a_table_that_is_gone_is_looked_for_once_in_every_database() {
        let mut register = Register::new();
        register.add(place(3), 7, 0);
        let (found, identity) = register.next_due(0).expect("it is due");
        let before = generation();
        register.looked(found, identity, Look::Gone, 0);
        assert!(generation() > before, "tables noted before are noted again");
        assert_eq!(register.next_due(0), Some((place(None), 7)));
        register.looked(place(None), 7, Look::Searched, 0);
        assert!(register.due.is_empty());
        register.add(place(3), 7, 0);
        assert_eq!(register.next_due(0), Some((place(3), 7)));
    }

    #[test]
    fn a_table_with_much_to_do_lets_the_others_go_first() {
        let mut register = Register::new();
        for db in 0..3 {
            register.add(place(db), 7, 0);
        }
        let (first, _) = register.next_due(5).expect("it is due");
        register.looked(first.clone(), 7, Look::More, 5);
        assert_eq!(register.next_due(5).map(|due| due.0.db), Some(Some(1)));
        assert_eq!(register.next_due(5).map(|due| due.0.db), Some(Some(2)));
        assert_eq!(register.next_due(5).map(|due| due.0), Some(first));
    }
}
