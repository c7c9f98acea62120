//! Searching in a block.

use std::cmp::Ordering;

use super::block::{Block, Form, load, piece};

/// Parts that a round of a search divides a block in.
const WAYS: usize = 8;

/// A stretch of so many entries is halved until the place is found.
const HALVED: usize = 32;

/// A part of a block's entries, in 256ths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part(u8);

impl Part {
    /// The part of a range below a number in it.
    #[inline]
    fn of_range(low: u64, number: u64, high: u64) -> Part {
        let part = share(number.saturating_sub(low), high.saturating_sub(low));
        Part((part * 256.0) as u8)
    }

    /// So much of a number.
    #[inline]
    pub(super) fn of(self, whole: usize) -> usize {
        whole * usize::from(self.0) / 256
    }
}

impl Block {
    /// Whether entry `i` is `bytes`.
    #[inline]
    pub(super) fn is_at(&self, i: usize, bytes: &[u8]) -> bool {
        let at = self.prefix_len();
        match self.form {
            _ if i >= self.len() => false,
            // Mostly they differ, and in the suffix.
            Form::Fixed(stride) if stride <= 8 => {
                let stride = stride as usize;
                let differ = load(&self.data, at + i * stride) ^ leading(bytes, at);
                let same = differ >> (64 - 8 * stride) == 0 && bytes.len() == at + stride;
                same && !self.breaks_prefix(bytes)
            }
            Form::Fixed(_) | Form::Narrow | Form::Wide => {
                bytes.strip_prefix(self.prefix()) == Some(self.suffix(i))
            }
        }
    }

    /// Whether entry `i` starts with `bytes`.
    pub(super) fn starts_with(&self, i: usize, bytes: &[u8]) -> bool {
        let prefix = self.prefix();
        i < self.len()
            && match bytes.strip_prefix(prefix) {
                Some(rest) => self.suffix(i).starts_with(rest),
                None => prefix.starts_with(bytes),
            }
    }

    /// How many entries are below `target`.
    pub(super) fn below(&self, target: &[u8]) -> usize {
        self.partition(target, false, None)
    }

    /// How many entries are below `target`, which are likely to be this part of them.
    pub(super) fn below_about(&self, target: &[u8], part: Option<Part>) -> usize {
        self.partition(target, false, part.map(|part| part.of(self.len())))
    }

    /// How many entries are below `target`, which are likely to be nearly so many.
    pub(super) fn below_near(&self, target: &[u8], guess: usize) -> usize {
        self.partition(target, false, Some(guess))
    }

    /// Where `entry` stands, or else where it would. This part of the entries is likely to be below it.
    #[inline]
    pub(super) fn find(&self, entry: &[u8], part: Option<Part>) -> Result<usize, usize> {
        match (self.form, entry.last_chunk()) {
            (Form::Fixed(stride), Some(last))
                if stride <= 8 && entry.len() == self.prefix_len() + stride as usize =>
            {
                self.find_word(entry, u64::from_be_bytes(*last), stride as usize, part)
            }
            _ => {
                let at = self.below_about(entry, part);
                match self.is_at(at, entry) {
                    true => Ok(at),
                    false => Err(at),
                }
            }
        }
    }

    /// [`Self::find`] of an entry that is as long as all others and ends in `last`, as its suffix does.
    fn find_word(
        &self,
        entry: &[u8],
        last: u64,
        stride: usize,
        part: Option<Part>,
    ) -> Result<usize, usize> {
        match self.compare_prefix(entry) {
            Ordering::Less => return Err(0),
            Ordering::Greater => return Err(self.len()),
            Ordering::Equal => {}
        }
        let suffix = last << (64 - 8 * stride);
        let at = self.words_below(suffix, stride, part.map(|part| part.of(self.len())));
        let (start, shift) = (self.prefix_len() + at * stride, 64 - 8 * stride);
        match at < self.len() && load(&self.data, start) >> shift == suffix >> shift {
            true => Ok(at),
            false => Err(at),
        }
    }

    /// How many entries are at or below `target`.
    pub(super) fn through(&self, target: &[u8]) -> usize {
        self.partition(target, true, None)
    }

    /// How many separators are at or below `target`, and which part of what lies between the two around it is
    /// below it, as far as their first bytes tell. `None` where one of these is not there.
    pub(super) fn way_to(&self, target: &[u8]) -> (usize, Option<Part>) {
        let number = leading(target, self.prefix_len());
        let at = match self.form {
            Form::Fixed(stride) if stride <= 8 && !self.breaks_prefix(target) => {
                self.partition_words(target, number, stride as usize, true, None)
            }
            _ => self.through(target),
        };
        (at, self.part_between(at, number))
    }

    /// Which part of what lies between entries `i - 1` and `i` is below what begins with this number behind
    /// the prefix.
    #[inline]
    fn part_between(&self, i: usize, number: u64) -> Option<Part> {
        let before = i.checked_sub(1)?;
        if i >= self.len() {
            return None;
        }
        // What stands behind a short suffix is a smaller part of it than matters.
        let body = self.body();
        let low = load(&self.data, body + self.start(before));
        let high = load(&self.data, body + self.start(i));
        Some(Part::of_range(low, number, high))
    }

    /// Whether all entries are below `target`, as far as their first bytes tell: at a glance, where
    /// ascending entries are inserted. False for an empty block.
    #[inline(always)]
    pub(super) fn ends_below(&self, target: &[u8]) -> bool {
        match self.compare_prefix(target) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => self.last_is_below(target),
        }
    }

    /// [`Self::ends_below`] for a target that starts with the prefix.
    #[inline(always)]
    fn last_is_below(&self, target: &[u8]) -> bool {
        let Some(last) = self.len().checked_sub(1) else {
            return false;
        };
        let (start, len) = match self.form {
            Form::Fixed(stride) => (last * stride as usize, stride as usize),
            Form::Narrow | Form::Wide => {
                let start = self.start(last);
                (start, self.start(last + 1) - start)
            }
        };
        let mask = head_mask(len);
        load(&self.data, self.body() + start) & mask < leading(target, self.prefix_len()) & mask
    }

    /// How many entries are below `target`, or with `ties` at or below it; about `guess` are likely.
    fn partition(&self, target: &[u8], ties: bool, guess: Option<usize>) -> usize {
        match self.compare_prefix(target) {
            _ if self.len == 0 => 0,
            Ordering::Less => 0,
            Ordering::Greater => self.len(),
            Ordering::Equal => match self.form {
                Form::Fixed(stride) if stride <= 8 => {
                    let number = leading(target, self.prefix_len());
                    self.partition_words(target, number, stride as usize, ties, guess)
                }
                _ => self.partition_long(target, ties),
            },
        }
    }

    /// How `target` compares with the prefix, as far as that goes: `Equal` only if it starts with it.
    /// A target that is itself a proper prefix of the prefix is `Less`: it is below all entries.
    #[inline]
    fn compare_prefix(&self, target: &[u8]) -> Ordering {
        let len = self.prefix_len();
        match (target.first_chunk(), self.data.first_chunk()) {
            (Some(target), Some(data)) if len <= 8 => {
                let word = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes) & head_mask(len);
                word(target).cmp(&word(data))
            }
            _ => self.compare_bytes(target),
        }
    }

    /// [`Self::compare_prefix`] where one of them is no word.
    #[inline(never)]
    fn compare_bytes(&self, target: &[u8]) -> Ordering {
        let start = target.get(..self.prefix_len()).unwrap_or(target);
        start.cmp(self.prefix())
    }

    /// Whether `entry` lacks the common prefix. It then belongs before or after all entries.
    #[inline]
    pub(super) fn breaks_prefix(&self, entry: &[u8]) -> bool {
        self.compare_prefix(entry) != Ordering::Equal
    }

    /// [`Self::partition`] where a suffix is at most eight bytes: it is compared as one integer. `number`
    /// leads what the target has behind the prefix.
    #[inline]
    fn partition_words(
        &self,
        target: &[u8],
        number: u64,
        stride: usize,
        ties: bool,
        guess: Option<usize>,
    ) -> usize {
        // A suffix that agrees with the rest of the target as far as both go is below a longer rest, above a
        // shorter one, and a tie where the lengths agree.
        let limit = match target.len() + usize::from(ties) > self.prefix_len() + stride {
            true => (number | !head_mask(stride)).checked_add(1),
            false => Some(number),
        };
        limit.map_or(self.len(), |limit| self.words_below(limit, stride, guess))
    }

    /// How many suffixes of at most eight bytes are below `limit`; about `guess` are likely.
    #[inline(never)]
    fn words_below(&self, limit: u64, stride: usize, guess: Option<usize>) -> usize {
        // The limit ends in zeros, so what stands behind a suffix does not matter.
        let suffixes = self.data.get(self.prefix_len()..).unwrap_or_default();
        let word = |i: usize| load(suffixes, i * stride);
        let (from, left) = match guess {
            Some(guess) => around(self.len(), guess, limit, word),
            None => narrow(self.len(), limit, word),
        };
        from + partition_point(left, |i| word(from + i) < limit)
    }

    /// [`Self::partition`] where suffixes are longer.
    #[inline(never)]
    fn partition_long(&self, target: &[u8], ties: bool) -> usize {
        let body = self.body();
        match self.form {
            Form::Fixed(stride) => {
                let stride = stride as usize;
                self.partition_heads(target, ties, |i| {
                    (body + i * stride, body + (i + 1) * stride)
                })
            }
            Form::Narrow | Form::Wide => self.partition_heads(target, ties, |i| {
                (body + self.start(i), body + self.start(i + 1))
            }),
        }
    }

    /// [`Self::partition`] for suffixes that are at `span`: by their first eight bytes, then by the rest.
    fn partition_heads(
        &self,
        target: &[u8],
        ties: bool,
        span: impl Fn(usize) -> (usize, usize),
    ) -> usize {
        let rest = target.get(self.prefix_len()..).unwrap_or_default();
        let word = leading(rest, 0);
        partition_point(self.len(), |i| {
            let (from, to) = span(i);
            let head = load(&self.data, from) & head_mask(to - from);
            if head != word {
                return head < word;
            }
            match piece(&self.data, from, to).cmp(rest) {
                Ordering::Equal => ties,
                order => order == Ordering::Less,
            }
        })
    }
}

/// Eight of `bytes` from number `at` on as a big-endian integer, filled up with zeros.
#[inline]
pub(super) fn leading(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(chunk) = rest.first_chunk() {
        return u64::from_be_bytes(*chunk);
    }
    let missing = 8 * (8 - rest.len()) as u32;
    let word = match bytes.last_chunk() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => few(rest),
    };
    word.checked_shl(missing).unwrap_or(0)
}

/// Fewer than eight bytes as a big-endian integer.
#[inline(never)]
fn few(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Keeps the first `len` bytes of a big-endian word.
#[inline]
pub(super) fn head_mask(len: usize) -> u64 {
    match len {
        0..8 => !(u64::MAX >> (8 * len)),
        _ => u64::MAX,
    }
}

/// A stretch of ascending words, where it begins and how long it is, in which the words below
/// `limit` end.
///
/// Numbers lie mostly evenly between the first and the last: then the place where they reach
/// `limit` is nearly told by these two (interpolation search, Peterson 1957), and little else of
/// the block need come to the cache.
#[inline]
fn narrow(len: usize, limit: u64, word: impl Fn(usize) -> u64) -> (usize, usize) {
    let Some(last) = len.checked_sub(1) else {
        return (0, 0);
    };
    let (low, high) = (word(0), word(last));
    if high < limit {
        return (len, 0);
    }
    if low >= limit {
        return (0, 0);
    }
    let guess = share(limit - low, high - low) * last as f64;
    // A block has no more entries than sixteen bits count.
    around(len, usize::from(guess as u16), limit, word)
}

/// Nearly which share of a number another is. A processor makes floats of signed numbers at once,
/// of others in many steps: hence half of each.
#[inline]
fn share(part: u64, whole: u64) -> f64 {
    (part >> 1) as i64 as f64 / (whole >> 1 | 1) as i64 as f64
}

/// [`narrow`] where the words below `limit` are likely to end at `guess`: steps that double lead away from
/// there, until one is too long (exponential search, Bentley and Yao 1976).
#[inline]
fn around(len: usize, guess: usize, limit: u64, word: impl Fn(usize) -> u64) -> (usize, usize) {
    let mut step = 1;
    if guess < len && word(guess) < limit {
        let mut from = guess + 1;
        while from + step <= len {
            if word(from + step - 1) >= limit {
                return (from, step - 1);
            }
            from += step;
            step *= 2;
        }
        return (from, len - from);
    }
    let mut to = guess.min(len);
    while step <= to {
        if word(to - step) < limit {
            return (to - step + 1, step - 1);
        }
        to -= step;
        step *= 2;
    }
    (0, to)
}

/// The first `i` below `len` where `low(i)` is false, `low` being true and then false.
///
/// While there is much left each round looks at several places at once: a block is mostly not in
/// the cache, and so its cache misses overlap. What is little is halved by jumps, and a processor
/// that guesses them loads meanwhile what it guesses to be next.
#[inline]
fn partition_point(len: usize, low: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut left) = (0, len);
    while left > HALVED {
        let step = left / WAYS;
        let below = (1..WAYS)
            .map(|way| usize::from(low(from + way * step - 1)))
            .sum::<usize>();
        from += below * step;
        left = if below + 1 == WAYS {
            left - below * step
        } else {
            step - 1
        };
    }
    while left > 1 {
        let half = left / 2;
        from += half * usize::from(low(from + half - 1));
        left -= half;
    }
    from + usize::from(left == 1 && low(from))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::{Block, Part, leading};

    fn block(entries: &[Vec<u8>]) -> Block {
        let mut block = Block::default();
        for entry in entries {
            let shape = block.shape_with(entry);
            block.insert(block.below(entry), entry, shape);
        }
        block
    }

    /// Words of few letters, so that they meet in prefixes, zeros and ends.
    fn words(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xFF)], len)
    }

    proptest! {
        #[test]
        fn searches_count_what_is_below(
            head in words(0..12),
            tails in (1_usize..14).prop_flat_map(|len| prop_oneof![
                prop::collection::btree_set(words(len..len + 1), 1..40),
                prop::collection::btree_set(words(1..14), 1..40),
            ]),
            targets in prop::collection::vec(words(0..16), 20),
        ) {
            let entries: Vec<Vec<u8>> = tails.iter().map(|tail| [head.as_slice(), tail].concat()).collect();
            let block = block(&entries);
            let after_head = targets.iter().map(|tail| [head.as_slice(), tail].concat());
            for target in after_head.chain(targets.iter().cloned()).chain(entries.iter().cloned()) {
                let below = entries.iter().filter(|entry| **entry < target).count();
                let through = entries.iter().filter(|entry| **entry <= target).count();
                prop_assert_eq!(block.below(&target), below);
                prop_assert_eq!(block.through(&target), through);
                prop_assert_eq!(block.is_at(below, &target), through > below);
                for part in [None, Some(Part(0)), Some(Part(128)), Some(Part(255))] {
                    let found = block.find(&target, part);
                    prop_assert_eq!(found, if through > below { Ok(below) } else { Err(below) });
                }
                prop_assert!(!block.ends_below(&target) || below == entries.len());
                prop_assert_eq!(block.way_to(&target).0, through);
                let starts = target.starts_with(block.prefix());
                prop_assert_eq!(block.compare_prefix(&target) == Ordering::Equal, starts);
                for (i, entry) in entries.iter().enumerate() {
                    prop_assert_eq!(block.starts_with(i, &target), entry.starts_with(&target));
                }
            }
        }
    }

    #[test]
    fn a_leading_word_is_filled_with_zeros() {
        assert_eq!(leading(b"", 0), 0);
        assert_eq!(leading(&[1, 2], 1), 2 << 56);
        assert_eq!(
            leading(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 0),
            0x0102_0304_0506_0708
        );
        assert_eq!(leading(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 7), 0x0809 << 48);
        assert_eq!(leading(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 9), 0);
        assert_eq!(leading(&[1, 2], 5), 0);
    }
}
