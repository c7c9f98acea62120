//! What is left of removed records: their ids, in the order in which they went.
//!
//! Tombstones come at one end and are dropped at the other, so they lie one behind the other in
//! blocks of bytes, each told as its distance from the one before it:
//!
//! ```text
//! kind     1 byte: 0 deleted, 1 expired
//! number   LEB128, the distance to the number before
//! at       LEB128, zigzag, the distance to the time before, in milliseconds
//! id       LEB128 length, key bytes
//! ```

use std::collections::VecDeque;

use super::leb128::{push_number, split_number};
use crate::index::Heap;

/// A block takes on no further tombstone past so many bytes.
const BLOCK: usize = 16 << 10;

/// Why a record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It was deleted.
    Deleted,
    /// It expired.
    Expired,
}

/// What is left of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone<'a> {
    /// The number of its removal.
    pub number: u64,
    /// When it went, in milliseconds since 1970 UTC.
    pub at: i64,
    /// Why.
    pub gone: Gone,
    /// The key bytes of its id.
    pub id: &'a [u8],
}

impl Tombstone<'_> {
    /// How many bytes it is said to take: about so many, and the same on every copy.
    fn size(&self) -> usize {
        self.id.len() + 4
    }

    /// Appends it as a chunk of one.
    pub fn chunk_into(&self, out: &mut Vec<u8>) {
        Base::default().push(self, out);
    }
}

/// How much may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// The most tombstones.
    pub count: u64,
    /// The most bytes of them.
    pub bytes: u64,
    /// The most milliseconds since they came.
    pub age: u64,
}

/// What a distance is counted from.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    number: u64,
    at: i64,
}

impl Base {
    /// Appends a tombstone, and answers what the next is counted from.
    #[inline]
    fn push(self, tombstone: &Tombstone<'_>, out: &mut Vec<u8>) -> Base {
        out.push(tombstone.gone as u8);
        push_number(tombstone.number.wrapping_sub(self.number), out);
        push_number(fold(tombstone.at.wrapping_sub(self.at)), out);
        push_number(tombstone.id.len() as u64, out);
        out.extend_from_slice(tombstone.id);
        Base {
            number: tombstone.number,
            at: tombstone.at,
        }
    }
}

struct Block {
    bytes: Vec<u8>,
    /// The first tombstone that is still there begins here, and counts from `base`.
    start: usize,
    base: Base,
    /// The last one.
    last: Base,
    count: u64,
    /// The sizes of those that are still there.
    size: usize,
}

impl Block {
    fn walk(&self) -> Walk<'_> {
        Walk {
            base: self.base,
            rest: self.bytes.get(self.start..).unwrap_or_default(),
        }
    }
}

/// Tombstones that lie one behind the other, up to the end or to bytes that are none.
pub struct Walk<'a> {
    base: Base,
    rest: &'a [u8],
}

impl<'a> Iterator for Walk<'a> {
    type Item = Tombstone<'a>;

    #[inline]
    fn next(&mut self) -> Option<Tombstone<'a>> {
        let (kind, rest) = self.rest.split_first()?;
        let gone = match kind {
            0 => Gone::Deleted,
            1 => Gone::Expired,
            _ => return None,
        };
        let (number, rest) = split_number(rest)?;
        let (at, rest) = split_number(rest)?;
        let (len, rest) = split_number(rest)?;
        let (id, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        self.base = Base {
            number: self.base.number.wrapping_add(number),
            at: self.base.at.wrapping_add(unfold(at)),
        };
        Some(Tombstone {
            number: self.base.number,
            at: self.base.at,
            gone,
            id,
        })
    }
}

impl<'a> Walk<'a> {
    /// Those of a chunk that [`Tombstones::chunks`] gave.
    pub fn of_chunk(chunk: &'a [u8]) -> Walk<'a> {
        Walk {
            base: Base::default(),
            rest: chunk,
        }
    }

    /// Whether all bytes were tombstones, once there is no next one.
    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }
}

fn fold(n: i64) -> u64 {
    (n << 1 ^ n >> 63) as u64
}

fn unfold(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Tombstones by number.
#[derive(Default)]
pub struct Tombstones {
    blocks: VecDeque<Block>,
    count: u64,
    bytes: usize,
    /// The number of the last one that was dropped: who has not come so far has missed it.
    floor: u64,
}

/// How many there were at some moment, to go back to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    blocks: usize,
    len: usize,
    block_count: u64,
    block_size: usize,
    last: Base,
    count: u64,
    bytes: usize,
}

impl Tombstones {
    /// None, of which those up to a number were dropped.
    pub fn from_floor(floor: u64) -> Tombstones {
        Tombstones {
            floor,
            ..Tombstones::default()
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they take, as [`Caps`] count them: the same on every copy.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Memory held.
    pub fn heap(&self) -> Heap {
        let blocks = self.blocks.iter().map(|block| block.bytes.capacity());
        let bytes = blocks.sum::<usize>() + self.blocks.capacity() * size_of::<Block>();
        Heap {
            bytes,
            slack: bytes - self.bytes.min(bytes),
        }
    }

    /// The number of the last one that was dropped, 0 where none was.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// The number of the last one.
    pub fn last(&self) -> Option<u64> {
        self.blocks.back().map(|block| block.last.number)
    }

    /// Adds one, whose number is above that of every other.
    pub fn push(&mut self, tombstone: &Tombstone<'_>) {
        if self
            .blocks
            .back()
            .is_none_or(|last| last.bytes.len() >= BLOCK)
        {
            if let Some(full) = self.blocks.back_mut() {
                full.bytes.shrink_to_fit();
            }
            let base = Base {
                number: tombstone.number,
                at: tombstone.at,
            };
            self.blocks.push_back(Block {
                bytes: Vec::new(),
                start: 0,
                base,
                last: base,
                count: 0,
                size: 0,
            });
        }
        let Some(block) = self.blocks.back_mut() else {
            return;
        };
        block.last = block.last.push(tombstone, &mut block.bytes);
        block.size += tombstone.size();
        block.count += 1;
        self.count += 1;
        self.bytes += tombstone.size();
    }

    /// What there is now. Until [`Tombstones::go_back`] only [`Tombstones::push`] may follow.
    pub fn mark(&self) -> Mark {
        let last = self.blocks.back();
        Mark {
            blocks: self.blocks.len(),
            len: last.map_or(0, |block| block.bytes.len()),
            block_count: last.map_or(0, |block| block.count),
            block_size: last.map_or(0, |block| block.size),
            last: last.map_or(Base::default(), |block| block.last),
            count: self.count,
            bytes: self.bytes,
        }
    }

    /// Takes away all that came since.
    pub fn go_back(&mut self, mark: Mark) {
        self.blocks.truncate(mark.blocks);
        if let Some(block) = self.blocks.back_mut() {
            block.bytes.truncate(mark.len);
            block.count = mark.block_count;
            block.size = mark.block_size;
            block.last = mark.last;
        }
        self.count = mark.count;
        self.bytes = mark.bytes;
    }

    /// Those above a number, in order. Finds the first in time for one block.
    pub fn after(&self, number: u64) -> impl Iterator<Item = Tombstone<'_>> {
        let first = self
            .blocks
            .partition_point(|block| block.last.number <= number);
        let blocks = self.blocks.range(first.min(self.blocks.len())..);
        blocks
            .flat_map(Block::walk)
            .skip_while(move |tombstone| tombstone.number <= number)
    }

    /// All of them as chunks of bytes, each of which reads without the others.
    pub fn chunks(&self, sink: &mut dyn FnMut(&[u8])) {
        let (mut base, mut chunk) = (Base::default(), Vec::new());
        for tombstone in self.after(0) {
            base = base.push(&tombstone, &mut chunk);
            if chunk.len() >= BLOCK {
                sink(&chunk);
                (base, chunk) = (Base::default(), Vec::new());
            }
        }
        if !chunk.is_empty() {
            sink(&chunk);
        }
    }

    /// Drops those up to a number.
    pub fn drop_through(&mut self, number: u64) {
        self.drop_while(
            |block, _, _| block.last.number <= number,
            |next, _, _| next.number <= number,
        );
    }

    /// Drops the oldest until no cap is exceeded.
    pub fn keep_within(&mut self, caps: &Caps, now: i64) {
        let too_old = |at: i64| {
            let age = u64::try_from(now.saturating_sub(at)).unwrap_or(0);
            age > caps.age
        };
        let (count, bytes) = (caps.count, caps.bytes);
        self.drop_while(
            |block, held, size| {
                let without = held - block.count >= count || size - block.size as u64 >= bytes;
                without || too_old(block.last.at)
            },
            |next, held, size| held > count || size > bytes || too_old(next.at),
        );
    }

    /// Drops from the front: blocks that go whole, and then one by one. Both are asked with how
    /// many there are, and how many bytes.
    fn drop_while(
        &mut self,
        whole: impl Fn(&Block, u64, u64) -> bool,
        one: impl Fn(&Tombstone<'_>, u64, u64) -> bool,
    ) {
        while let Some(block) = self.blocks.front_mut() {
            if whole(block, self.count, self.bytes as u64) {
                self.count -= block.count;
                self.bytes -= block.size;
                self.floor = block.last.number;
                self.blocks.pop_front();
                continue;
            }
            let mut walk = block.walk();
            let Some(tombstone) = walk.next() else {
                self.blocks.pop_front();
                continue;
            };
            if !one(&tombstone, self.count, self.bytes as u64) {
                break;
            }
            let (base, number, left) = (walk.base, tombstone.number, walk.rest.len());
            let size = tombstone.size();
            self.bytes -= size;
            block.size -= size;
            block.start = block.bytes.len() - left;
            block.base = base;
            block.count -= 1;
            self.count -= 1;
            self.floor = number;
        }
        if self.blocks.is_empty() {
            self.blocks = VecDeque::new();
        }
    }

    /// Whether what is kept beside the bytes agrees with them.
    ///
    /// # Errors
    /// What disagrees, for a test to print.
    pub fn check(&self) -> Result<(), String> {
        let numbers: Vec<u64> = self.after(0).map(|tombstone| tombstone.number).collect();
        let holds = [
            ("count", self.count == numbers.len() as u64),
            (
                "bytes",
                self.bytes
                    == self
                        .after(0)
                        .map(|tombstone| tombstone.size())
                        .sum::<usize>(),
            ),
            (
                "order",
                numbers.windows(2).all(|pair| pair.first() < pair.last()),
            ),
            ("last", self.last() == numbers.last().copied()),
            (
                "floor",
                numbers.first().is_none_or(|first| *first > self.floor),
            ),
        ];
        match holds.iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(format!("tombstones: {what} disagrees")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(tombstone: Tombstone) -> (u64, i64, bool, Vec<u8>) {
        let expired = tombstone.gone == Gone::Expired;
        (
            tombstone.number,
            tombstone.at,
            expired,
            tombstone.id.to_vec(),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn they_are_a_list_that_loses_its_head(
            steps in prop::collection::vec((0u8..12, 1u64..5, any::<i64>(), 0usize..3000), 1..200)
        ) {
            let mut tombstones = Tombstones::default();
            let mut model: VecDeque<(u64, i64, bool, Vec<u8>)> = VecDeque::new();
            let (mut number, mut floor) = (0, 0);
            for (step, distance, at, len) in steps {
                let at = if step % 2 == 0 { at } else { at % 100_000 };
                match step {
                    0..=7 => {
                        number += distance;
                        let gone = if step == 0 { Gone::Expired } else { Gone::Deleted };
                        let id = vec![step; len];
                        tombstones.push(&Tombstone { number, at, gone, id: &id });
                        model.push_back((number, at, step == 0, id));
                    }
                    8 => {
                        let mark = tombstones.mark();
                        for _ in 0..len % 40 {
                            tombstones.push(&Tombstone { number: number + 1, at, gone: Gone::Deleted, id: &[7; 900] });
                        }
                        tombstones.go_back(mark);
                    }
                    9 => {
                        let most = number.saturating_sub(distance * 9);
                        tombstones.drop_through(most);
                        while model.front().is_some_and(|(number, ..)| *number <= most) {
                            floor = model.pop_front().unwrap().0;
                        }
                    }
                    10 => {
                        let count = (len % 30) as u64;
                        tombstones.keep_within(&Caps { count, bytes: u64::MAX, age: u64::MAX }, 0);
                        while model.len() as u64 > count {
                            floor = model.pop_front().unwrap().0;
                        }
                    }
                    _ => {
                        let bytes = tombstones.bytes() / 2;
                        tombstones.keep_within(&Caps { count: u64::MAX, bytes, age: u64::MAX }, 0);
                        prop_assert!(tombstones.bytes() <= bytes);
                        while model.len() as u64 > tombstones.len() {
                            floor = model.pop_front().unwrap().0;
                        }
                    }
                }
                tombstones.check().map_err(TestCaseError::fail)?;
                prop_assert_eq!(tombstones.floor(), floor);
                let from = number.saturating_sub(len as u64 % 50);
                let above: Vec<_> = tombstones.after(from).map(told).collect();
                let expected: Vec<_> = model.iter().filter(|(n, ..)| *n > from).cloned().collect();
                prop_assert_eq!(above, expected);
            }
        }
    }

    #[test]
    fn a_lower_cap_takes_whole_blocks() {
        let mut tombstones = Tombstones::default();
        for number in 1..=100_000 {
            let gone = Gone::Deleted;
            tombstones.push(&Tombstone {
                number,
                at: 0,
                gone,
                id: &[1; 9],
            });
        }
        let mut caps = Caps {
            count: 2_000,
            bytes: u64::MAX,
            age: u64::MAX,
        };
        tombstones.keep_within(&caps, 0);
        assert_eq!((tombstones.len(), tombstones.floor()), (2_000, 98_000));
        caps.bytes = 26;
        tombstones.keep_within(&caps, 0);
        assert_eq!((tombstones.len(), tombstones.bytes()), (2, 26));
        caps.count = 0;
        tombstones.keep_within(&caps, 0);
        assert_eq!((tombstones.len(), tombstones.floor()), (0, 100_000));
    }

    #[test]
    fn the_oldest_go_when_their_time_has_come() {
        let mut tombstones = Tombstones::default();
        for number in 1..=5000 {
            let at = number as i64 * 10;
            tombstones.push(&Tombstone {
                number,
                at,
                gone: Gone::Deleted,
                id: &[1; 9],
            });
        }
        let caps = Caps {
            count: u64::MAX,
            bytes: u64::MAX,
            age: 1000,
        };
        tombstones.keep_within(&caps, 50_000);
        assert_eq!(tombstones.floor(), 4899);
        assert_eq!(tombstones.len(), 101);
        assert!(tombstones.heap().bytes < 64 << 10);
    }
}
