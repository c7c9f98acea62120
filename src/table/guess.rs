//! A guess where the record of an INTEGER id lies, which spares most searches.
//!
//! Ids are mostly counted up, and a new record takes the lowest free row: so of ids that follow
//! each other the rows mostly do too. What lies in the guessed row tells whether the guess was
//! right. Where it seldom is, guesses are given up but for a few that find out when they help again.

use std::cell::Cell;

use super::Row;

/// Ids with the same upper bits share an offset: 2^16 of them.
const STRETCH: u32 = 16;
/// So many stretches are told apart.
const STRETCHES: usize = 16;
/// Trust is at most this; below none, only one id in so many is guessed.
const MOST: u8 = 32;
/// A wrong guess costs as much as so many right ones save.
const WRONG: u8 = 2;

/// What is known of where ids lie.
pub(super) struct Guess {
    /// By how much the row of the id last met in a stretch is above the id.
    offsets: [Cell<i64>; STRETCHES],
    /// How far guesses have been right of late.
    trust: Cell<u8>,
}

impl Default for Guess {
    fn default() -> Self {
        Guess {
            // The first record of a table has the id 1 and the row 0.
            offsets: std::array::from_fn(|_| Cell::new(-1)),
            trust: Cell::new(MOST),
        }
    }
}

impl Guess {
    /// The row in which an id's record may be.
    #[inline]
    pub(super) fn row(&self, id: i64) -> Option<Row> {
        if self.trust.get() == 0 && id % i64::from(MOST) != 0 {
            return None;
        }
        Row::try_from(id.checked_add(self.offset(id)?.get())?).ok()
    }

    /// The guess was right.
    #[inline]
    pub(super) fn confirm(&self) {
        self.trust.set((self.trust.get() + 1).min(MOST));
    }

    /// It was not.
    pub(super) fn refute(&self) {
        self.trust.set(self.trust.get().saturating_sub(WRONG));
    }

    /// An id was found in a row.
    pub(super) fn learn(&self, id: i64, row: Row) {
        if let (Some(offset), Some(found)) = (self.offset(id), i64::from(row).checked_sub(id)) {
            offset.set(found);
        }
    }

    fn offset(&self, id: i64) -> Option<&Cell<i64>> {
        self.offsets.get((id >> STRETCH) as usize % STRETCHES)
    }
}
