//! Packing runs of entries into a new block.

use super::block::{Block, Entry, Form, SLACK, load, piece};
use super::search::leading;

/// What a block of certain entries looks like, known before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) len: usize,
    pub(super) prefix: usize,
    pub(super) form: Form,
    /// Bytes in use, without the slack.
    pub(super) used: usize,
}

impl Shape {
    /// The shape of `len` entries of `total` bytes, all of `uniform` bytes if they are of one length.
    fn of(len: usize, total: usize, prefix: usize, uniform: Option<usize>) -> Self {
        let body = total - len * prefix;
        let form = match uniform {
            Some(length) => Form::Fixed((length - prefix) as u32),
            None if body <= usize::from(u16::MAX) => Form::Narrow,
            None => Form::Wide,
        };
        Self {
            len,
            prefix,
            form,
            used: prefix + len * form.width() + body,
        }
    }

    /// The shape of the entries of `left`, then `middle`, then those of `right`, which ascend.
    pub(super) fn of_runs(left: Run<'_>, middle: Option<&[u8]>, right: Run<'_>) -> Self {
        let middle_len = middle.map(<[u8]>::len);
        let first = left
            .first()
            .or(middle.map(Entry::from_slice))
            .or_else(|| right.first());
        let last = right
            .last()
            .or(middle.map(Entry::from_slice))
            .or_else(|| left.last());
        let (Some(first), Some(last)) = (first, last) else {
            return Self {
                len: 0,
                prefix: 0,
                form: Form::Fixed(1),
                used: 0,
            };
        };
        let lengths = [
            left.lengths(),
            middle_len.map(|len| (len, len)),
            right.lengths(),
        ];
        let (min, max) = lengths
            .into_iter()
            .flatten()
            .fold((usize::MAX, 0), |(min, max), (low, high)| {
                (min.min(low), max.max(high))
            });
        // What the first and the last share, all between them share.
        let prefix = shared(&first, &last).min(first.len() - 1);
        Self::of(
            left.len() + usize::from(middle.is_some()) + right.len(),
            left.total() + middle_len.unwrap_or(0) + right.total(),
            prefix,
            (min == max).then_some(min),
        )
    }

    /// Heap bytes of a block of this shape.
    pub(super) fn bytes(&self) -> usize {
        capacity_for(self.used)
    }

    /// Bytes of a block of this shape without rounding up to a size class.
    pub(super) fn need(&self) -> usize {
        self.used + SLACK
    }
}

/// Entries `from..to` of a block.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    block: &'a Block,
    from: usize,
    to: usize,
}

impl<'a> Run<'a> {
    fn len(self) -> usize {
        self.to - self.from
    }

    fn first(self) -> Option<Entry> {
        (self.from < self.to).then(|| self.block.entry(self.from))
    }

    fn last(self) -> Option<Entry> {
        (self.from < self.to).then(|| self.block.entry(self.to - 1))
    }

    /// Length of all entries together.
    fn total(self) -> usize {
        self.len() * self.block.prefix_len() + self.body().len()
    }

    /// The suffixes, one after the other.
    fn body(self) -> &'a [u8] {
        let body = self.block.body();
        piece(
            &self.block.data,
            body + self.block.start(self.from),
            body + self.block.start(self.to),
        )
    }

    /// Lengths of the shortest and of the longest entry.
    fn lengths(self) -> Option<(usize, usize)> {
        let prefix = self.block.prefix_len();
        match self.block.form {
            _ if self.from >= self.to => None,
            Form::Fixed(stride) => Some((prefix + stride as usize, prefix + stride as usize)),
            Form::Narrow | Form::Wide => {
                let lengths = (self.from..self.to).map(|i| prefix + self.block.suffix(i).len());
                Some(lengths.fold((usize::MAX, 0), |(min, max), len| {
                    (min.min(len), max.max(len))
                }))
            }
        }
    }
}

/// Fills a new block of a known shape, entry by entry.
struct Packer {
    block: Block,
    /// Entries written.
    len: usize,
    /// End of the suffixes written, from the start of the body.
    end: usize,
}

impl Packer {
    fn new(shape: Shape, prefix: &[u8]) -> Self {
        let mut data = vec![0; shape.bytes()].into_boxed_slice();
        put(&mut data, 0, prefix);
        let block = Block {
            data,
            prefix: shape.prefix as u32,
            len: shape.len as u16,
            in_step: false,
            form: shape.form,
        };
        Self {
            block,
            len: 0,
            end: 0,
        }
    }

    /// Adds the suffix `head ‖ tail`.
    fn push(&mut self, head: &[u8], tail: &[u8]) {
        let at = self.block.body() + self.end;
        put(&mut self.block.data, at, head);
        put(&mut self.block.data, at + head.len(), tail);
        self.end += head.len() + tail.len();
        self.block.set_end(self.len, self.end);
        self.len += 1;
    }

    /// Adds the entries of `run`, whose prefix may be longer or shorter than the new one.
    fn push_run(&mut self, run: Run<'_>) {
        let (old, new) = (run.block.prefix_len(), self.block.prefix_len());
        if old == new && run.block.form == self.block.form && self.block.form.width() == 0 {
            let at = self.block.body() + self.end;
            put(&mut self.block.data, at, run.body());
            self.end += run.body().len();
            self.len += run.len();
            return;
        }
        let forms = (run.block.form, self.block.form);
        if let (Form::Fixed(from @ ..=8), Form::Fixed(to @ ..=8)) = forms {
            return self.push_words(run, from as usize, to as usize);
        }
        let head = piece(run.block.prefix(), new.min(old), old);
        let cut = new.saturating_sub(old);
        for i in run.from..run.to {
            let suffix = run.block.suffix(i);
            self.push(head, piece(suffix, cut, suffix.len()));
        }
    }

    /// [`Self::push_run`] where each suffix is a word before and after: it takes in the end of the old
    /// prefix, or the new one takes its start.
    fn push_words(&mut self, run: Run<'_>, from: usize, to: usize) {
        let (longer, shorter) = (8 * to.saturating_sub(from), 8 * from.saturating_sub(to));
        let head = match longer {
            0 => 0,
            _ => leading(run.block.prefix(), self.block.prefix_len()),
        };
        let suffixes = piece(&run.block.data, run.block.prefix_len(), run.block.bytes());
        for i in run.from..run.to {
            let word = load(suffixes, i * from) << shorter >> longer;
            // What is written too much the next one covers, or the slack takes it.
            let at = self.block.prefix_len() + self.end;
            put(&mut self.block.data, at, &(head | word).to_be_bytes());
            self.end += to;
        }
        self.len += run.len();
    }
}

impl Block {
    /// Entries `from..to`.
    pub(super) fn run(&self, from: usize, to: usize) -> Run<'_> {
        debug_assert!(from <= to && to <= self.len());
        Run {
            block: self,
            from,
            to,
        }
    }

    /// All entries.
    pub(super) fn all(&self) -> Run<'_> {
        self.run(0, self.len())
    }

    /// A block of the entries of `left`, then `middle`, then those of `right`, which ascend.
    pub(super) fn pack(left: Run<'_>, middle: Option<&[u8]>, right: Run<'_>) -> Self {
        let shape = Shape::of_runs(left, middle, right);
        let first = left
            .first()
            .or(middle.map(Entry::from_slice))
            .or_else(|| right.first());
        let Some(first) = first else {
            return Self::default();
        };
        let mut packer = Packer::new(shape, piece(&first, 0, shape.prefix));
        packer.push_run(left);
        if let Some(entry) = middle {
            packer.push(piece(entry, shape.prefix, entry.len()), &[]);
        }
        packer.push_run(right);
        let mut block = packer.block;
        block.in_step = block.is_in_step();
        block
    }

    /// A block of entries `from..to` of this one.
    pub(super) fn part(&self, from: usize, to: usize) -> Self {
        Self::pack(self.run(from, to), None, self.run(to, to))
    }

    /// A block of one entry.
    pub(super) fn of_one(entry: &[u8]) -> Self {
        let none = Self::default();
        Self::pack(none.all(), Some(entry), none.all())
    }

    /// A block of entries that ascend, all of so many bytes, of which they share the first `prefix`. Each
    /// is given as a big-endian number filled up with zeros.
    pub(super) fn of_words(words: &[u128], width: usize, prefix: usize) -> Self {
        let stride = width - prefix;
        let total = words.len() * width;
        let shape = Shape::of(words.len(), total, prefix, Some(width));
        let first = words.first().copied().unwrap_or_default().to_be_bytes();
        let mut block = Packer::new(shape, piece(&first, 0, prefix)).block;
        for (i, word) in words.iter().enumerate() {
            let at = prefix + i * stride;
            let suffix = (word << (8 * prefix)).to_be_bytes();
            match (stride, suffix.first_chunk()) {
                // What is written too much the next one covers, or the slack takes it.
                (..=8, Some::<&[u8; 8]>(head)) => put(&mut block.data, at, head),
                _ => put(&mut block.data, at, piece(&suffix, 0, stride)),
            }
        }
        let row = |word: &u128| (word >> (128 - 8 * width)) as u32;
        block.in_step = words.is_sorted_by(|a, b| row(a).checked_add(1) == Some(row(b)));
        block
    }

    /// The shape of this block with `entry` added.
    pub(super) fn shape_with(&self, entry: &[u8]) -> Shape {
        let len = self.len();
        if len == 0 {
            return Shape::of(1, entry.len(), entry.len() - 1, Some(entry.len()));
        }
        let old = self.prefix_len();
        let prefix = match entry.starts_with(self.prefix()) {
            true if entry.len() > old => old,
            _ => shared(self.prefix(), entry).min(entry.len() - 1),
        };
        let uniform = match self.form {
            Form::Fixed(stride) if old + stride as usize == entry.len() => Some(entry.len()),
            _ => None,
        };
        Shape::of(
            len + 1,
            len * old + self.body_len() + entry.len(),
            prefix,
            uniform,
        )
    }

    /// Where to cut so that about `part` of 8 of the bytes stay left: at least 1, at most `len - 1`.
    pub(super) fn cut(&self, part: usize) -> usize {
        let goal = self.body_len() * part / 8;
        let (mut low, mut high) = (1, self.len().saturating_sub(1).max(1));
        while low < high {
            let middle = low.midpoint(high);
            if self.start(middle) < goal {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }

    /// Writes end `i` of the table, if there is one.
    pub(super) fn set_end(&mut self, i: usize, end: usize) {
        let at = self.prefix_len() + i * self.form.width();
        match self.form {
            Form::Fixed(_) => {}
            Form::Narrow => put(&mut self.data, at, &(end as u16).to_le_bytes()),
            Form::Wide => put(&mut self.data, at, &(end as u32).to_le_bytes()),
        }
    }
}

/// Length of the common prefix of two byte strings.
pub(super) fn shared(a: &[u8], b: &[u8]) -> usize {
    // Whole chunks first: keys may be long.
    const CHUNK: usize = 64;
    let chunks = a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK));
    let skip = CHUNK * chunks.take_while(|(a, b)| a == b).count();
    let rest = a.iter().zip(b).skip(skip);
    skip + rest.take_while(|(a, b)| a == b).count()
}

/// The shortest useful separator: above `below` and at or below `from`, which follows it.
///
/// Cut after the first byte that differs, but not below 16 bytes: separators of entries of one
/// short length stay of one length, which keeps their block fixed.
pub(super) fn separator(below: &[u8], from: &[u8]) -> Entry {
    let len = (shared(below, from) + 1).max(16).min(from.len());
    Entry::from_slice(piece(from, 0, len))
}

/// The allocation for `used` bytes and the slack.
pub(super) fn capacity_for(used: usize) -> usize {
    size_class(used + SLACK)
}

/// The allocator's size class that holds `bytes`: multiples of 16 to 128, then four a doubling.
fn size_class(bytes: usize) -> usize {
    let step = match bytes {
        0..=128 => 16,
        _ => 1 << ((bytes - 1).ilog2() - 2),
    };
    // A power of two, so that nothing need be divided.
    (bytes + step - 1) & !(step - 1)
}

/// Writes `bytes` at `at`.
#[inline]
pub(super) fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    let to = data.get_mut(at..at + bytes.len());
    debug_assert!(to.is_some(), "{} bytes at {at}", bytes.len());
    if let Some(to) = to {
        to.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{separator, shared, size_class};

    #[test]
    fn shared_prefixes_are_found_at_every_length() {
        for len in 0..200 {
            let mut a = vec![7; len];
            assert_eq!(shared(&a, &[7; 200]), len);
            a.push(8);
            a.extend([7; 80]);
            assert_eq!(shared(&a, &[7; 200]), len);
        }
    }

    #[test]
    fn separators_are_cut_after_the_first_difference_past_sixteen_bytes() {
        let cases: [(&[u8], &[u8], &[u8]); 4] = [
            (b"a", b"b", b"b"),
            (b"twelve bytesA", b"twelve bytesB", b"twelve bytesB"),
            (b"a", b"seventeen bytes..", b"seventeen bytes."),
            (
                b"more than sixteen 1...",
                b"more than sixteen 2...",
                b"more than sixteen 2",
            ),
        ];
        for (below, from, expected) in cases {
            assert_eq!(separator(below, from).as_slice(), expected);
        }
    }

    #[test]
    fn size_classes_are_jemallocs() {
        let cases = [
            (1, 16),
            (17, 32),
            (128, 128),
            (129, 160),
            (256, 256),
            (257, 320),
            (1800, 2048),
            (2049, 2560),
        ];
        for (bytes, class) in cases {
            assert_eq!(size_class(bytes), class, "{bytes}");
        }
    }
}
