//! Counting memory.

use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Bytes of memory, and how many of them hold nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heap {
    /// All of them.
    pub bytes: usize,
    /// Those that wait for entries to come, or lie where entries were.
    pub slack: usize,
}

impl Add for Heap {
    type Output = Heap;

    fn add(self, other: Heap) -> Heap {
        Heap {
            bytes: self.bytes + other.bytes,
            slack: self.slack + other.slack,
        }
    }
}

impl Sub for Heap {
    type Output = Heap;

    fn sub(self, other: Heap) -> Heap {
        Heap {
            bytes: self.bytes - other.bytes,
            slack: self.slack - other.slack,
        }
    }
}

impl AddAssign for Heap {
    fn add_assign(&mut self, other: Heap) {
        *self = *self + other;
    }
}

impl SubAssign for Heap {
    fn sub_assign(&mut self, other: Heap) {
        *self = *self - other;
    }
}
