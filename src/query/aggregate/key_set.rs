//! Byte strings, numbered in the order in which they are first met.

use std::hash::{BuildHasher, RandomState};

/// A set of keys, each with a number. The keys lie one after the other in one buffer, so a new
/// one costs no allocation of its own.
///
/// Found by open addressing over a folded multiplication (as in wyhash and foldhash) whose
/// factors are drawn anew for each set: who chooses the keys cannot choose where they meet.
pub(super) struct KeySet {
    bytes: Vec<u8>,
    /// Where each key ends in `bytes`.
    ends: Vec<usize>,
    /// A power of two of places, at most three of four taken: a key's hash and its number and
    /// one; 0 is free.
    slots: Vec<(u32, u32)>,
    seeds: [u64; 2],
}

const LEAST_SLOTS: usize = 16;

impl KeySet {
    /// No keys.
    pub(super) fn new() -> KeySet {
        let random = RandomState::new();
        KeySet {
            bytes: Vec::new(),
            ends: Vec::new(),
            slots: Vec::new(),
            seeds: [random.hash_one(0), random.hash_one(1) | 1],
        }
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes held: the same for the same number of keys of the same lengths.
    pub(super) fn held(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<usize>() + self.slots.len() * 8
    }

    /// The number of a key that is there.
    pub(super) fn get(&self, key: &[u8]) -> Option<usize> {
        self.find(self.hash(key), key).ok()
    }

    /// The number of a key, which is added where it is not there, and whether it was added.
    #[inline]
    pub(super) fn insert(&mut self, key: &[u8]) -> (usize, bool) {
        if self.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let hash = self.hash(key);
        match self.find(hash, key) {
            Ok(number) => (number, false),
            Err(place) => {
                let number = self.len();
                self.bytes.extend_from_slice(key);
                self.ends.push(self.bytes.len());
                if let Some(slot) = self.slots.get_mut(place) {
                    *slot = (hash, number as u32 + 1);
                }
                (number, true)
            }
        }
    }

    /// The number of a key, or the free slot where its search ends.
    #[inline]
    fn find(&self, hash: u32, key: &[u8]) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = hash as usize & mask;
        loop {
            match self.slots.get(place) {
                Some(&(_, 0)) | None => return Err(place),
                Some(&(other, number)) if other == hash => {
                    let number = number as usize - 1;
                    if self.key(number) == key {
                        return Ok(number);
                    }
                }
                Some(_) => {}
            }
            place = (place + 1) & mask;
        }
    }

    fn key(&self, number: usize) -> &[u8] {
        let start = match number.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
            None => 0,
        };
        let end = self.ends.get(number).copied().unwrap_or_default();
        self.bytes.get(start..end).unwrap_or_default()
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(LEAST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); slots]);
        for (hash, number) in old.into_iter().filter(|slot| slot.1 != 0) {
            let mut place = hash as usize & (slots - 1);
            while self.slots.get(place).is_some_and(|slot| slot.1 != 0) {
                place = (place + 1) & (slots - 1);
            }
            if let Some(slot) = self.slots.get_mut(place) {
                *slot = (hash, number);
            }
        }
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        let [start, factor] = self.seeds;
        let mut hash = start ^ key.len() as u64;
        let mut rest = key;
        while let Some((word, more)) = rest.split_first_chunk() {
            hash = fold(hash ^ u64::from_le_bytes(*word), factor);
            rest = more;
        }
        let last = rest
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = fold(hash ^ last, factor);
        (fold(hash, start | 1) >> 32) as u32
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn keys_are_numbered_as_they_are_met(keys in prop::collection::vec(prop::collection::vec(0u8..3, 0..12), 0..300)) {
            let mut set = KeySet::new();
            let mut model: HashMap<Vec<u8>, usize> = HashMap::new();
            for key in &keys {
                prop_assert_eq!(set.get(key), model.get(key).copied());
                let next = model.len();
                let number = *model.entry(key.clone()).or_insert(next);
                prop_assert_eq!(set.insert(key), (number, number == next));
                prop_assert_eq!(set.len(), model.len());
            }
            for (key, number) in &model {
                prop_assert_eq!(set.get(key), Some(*number));
                prop_assert_eq!(set.key(*number), key.as_slice());
            }
        }
    }
}
