//! Changing a block in place: one entry in, one entry out.

use super::block::{Block, Form, SLACK, load, piece};
use super::entries::Entries;
use super::pack::{Shape, capacity_for, put};
use super::search::{Part, head_mask, leading};

impl Block {
    /// Adds `entry` as number `at`, between its neighbours, if all that it takes is room that is
    /// there, and answers how many bytes it takes. A block does not grow past `most` bytes by it.
    #[inline(always)]
    pub(super) fn insert_alike(&mut self, at: usize, entry: &[u8], most: usize) -> Option<usize> {
        let Form::Fixed(stride) = self.form else {
            return None;
        };
        let (prefix, stride) = (self.prefix_len(), stride as usize);
        let (start, end) = (prefix + at * stride, prefix + self.len() * stride);
        let room = end + stride + SLACK <= self.data.len().min(most);
        if !room || entry.len() != prefix + stride || self.breaks_prefix(entry) {
            return None;
        }
        self.in_step = self.in_step && self.stays_in_step(at, entry);
        if start < end {
            self.data.copy_within(start..end, start + stride);
        }
        put(&mut self.data, start, piece(entry, prefix, entry.len()));
        self.len += 1;
        Some(stride)
    }

    /// Adds entries from number `from` on behind all others, as long as a glance tells that each is above
    /// them and all that it takes is room that is there. A block does not grow past `most` bytes by it.
    /// Answers how many it added and how many bytes they take.
    pub(super) fn push_run(
        &mut self,
        entries: &Entries,
        from: usize,
        most: usize,
    ) -> (usize, usize) {
        let (Form::Fixed(stride), Some(last)) = (self.form, self.len().checked_sub(1)) else {
            return (0, 0);
        };
        let (prefix, stride) = (self.prefix_len(), stride as usize);
        let room = self.data.len().min(most);
        let mask = head_mask(stride);
        let mut below = load(&self.data, prefix + last * stride) & mask;
        let (mut run, mut end) = (0, self.used());
        while let Some(entry) = entries.get(from + run) {
            let head = leading(entry, prefix) & mask;
            let fits = entry.len() == prefix + stride && end + stride + SLACK <= room;
            if !fits || head <= below || self.breaks_prefix(entry) {
                break;
            }
            self.in_step = self.stays_in_step(self.len(), entry);
            put(&mut self.data, end, piece(entry, prefix, entry.len()));
            self.len += 1;
            (run, end, below) = (run + 1, end + stride, head);
        }
        (run, run * stride)
    }

    /// Adds `entry` as number `at`, between its neighbours; `shape` is that of [`Self::shape_with`].
    pub(super) fn insert(&mut self, at: usize, entry: &[u8], shape: Shape) {
        if self.len == 0 || shape.prefix != self.prefix_len() || shape.form != self.form {
            *self = Self::pack(self.run(0, at), Some(entry), self.run(at, self.len()));
            return;
        }
        if shape.need() > self.data.len() {
            self.resize(capacity_for(shape.used));
        }
        self.in_step = self.stays_in_step(at, entry);
        self.open_gap(at, piece(entry, shape.prefix, entry.len()));
    }

    /// Puts `suffix` in as number `at`; there is room.
    fn open_gap(&mut self, at: usize, suffix: &[u8]) {
        let (width, prefix, body) = (self.form.width(), self.prefix_len(), self.body());
        let (start, end) = (self.start(at), self.body_len());
        // The later suffixes make room for the new one and for its end; the earlier ones and the
        // later ends, for its end.
        self.data.copy_within(
            body + start..body + end,
            body + width + start + suffix.len(),
        );
        if width > 0 {
            self.data.copy_within(body..body + start, body + width);
            self.data
                .copy_within(prefix + at * width..body, prefix + (at + 1) * width);
        }
        put(&mut self.data, body + width + start, suffix);
        self.len += 1;
        if width > 0 {
            self.set_end(at, start + suffix.len());
            self.shift_ends(at + 1, suffix.len(), true);
        }
    }

    /// Takes `entry`, below which this part of the others is likely to be, out if the block keeps at least
    /// `least` bytes and its memory, and answers how many bytes that leaves idle.
    #[inline]
    pub(super) fn remove_alike(
        &mut self,
        entry: &[u8],
        part: Option<Part>,
        least: usize,
    ) -> Option<usize> {
        let Form::Fixed(stride) = self.form else {
            return None;
        };
        let left = self.used().checked_sub(stride as usize)?;
        if self.len <= 1 || left < least || (left + SLACK) * 4 <= self.data.len() * 3 {
            return None;
        }
        let at = self.find(entry, part).ok()?;
        self.in_step &= at == 0 || at + 1 == self.len();
        self.close_fixed(at, stride as usize);
        Some(stride as usize)
    }

    /// Takes entry `at` out, and gives memory back once a quarter of it lies idle.
    pub(super) fn remove(&mut self, at: usize) {
        if self.len <= 1 {
            *self = Self::default();
            return;
        }
        self.in_step &= at == 0 || at + 1 == self.len();
        match self.form {
            Form::Fixed(stride) => self.close_fixed(at, stride as usize),
            Form::Narrow | Form::Wide => self.close_gap(at),
        }
        let (used, held) = (self.used(), self.data.len());
        let enough = |capacity: usize| capacity * 4 <= held * 3;
        if enough(used + SLACK) && enough(capacity_for(used)) {
            self.resize(capacity_for(used));
        }
    }

    /// Takes suffix `at` out, all being of one length.
    fn close_fixed(&mut self, at: usize, stride: usize) {
        let prefix = self.prefix_len();
        let (start, end) = (prefix + at * stride, prefix + self.len() * stride);
        self.data.copy_within(start + stride..end, start);
        self.len -= 1;
    }

    /// Takes suffix `at` out, and its end out of the table.
    fn close_gap(&mut self, at: usize) {
        let (width, prefix, body) = (self.form.width(), self.prefix_len(), self.body());
        let (start, next, end) = (self.start(at), self.start(at + 1), self.body_len());
        self.shift_ends(at + 1, next - start, false);
        self.data
            .copy_within(prefix + (at + 1) * width..body, prefix + at * width);
        self.data.copy_within(body..body + start, body - width);
        self.data
            .copy_within(body + next..body + end, body - width + start);
        self.len -= 1;
    }

    /// Makes room for up to `bytes` bytes.
    pub(super) fn reserve(&mut self, bytes: usize) {
        if self.data.len() < bytes {
            self.resize(bytes);
        }
    }

    /// Gives memory back that is not needed.
    pub(super) fn fit(&mut self) {
        let capacity = capacity_for(self.used());
        if self.len > 0 && capacity < self.data.len() {
            self.resize(capacity);
        }
    }

    /// Moves the bytes to an allocation of `capacity` bytes.
    fn resize(&mut self, capacity: usize) {
        let mut data = vec![0; capacity].into_boxed_slice();
        put(&mut data, 0, piece(&self.data, 0, self.used()));
        self.data = data;
    }

    /// Moves the ends from number `from` on by `by` bytes, up or down.
    fn shift_ends(&mut self, from: usize, by: usize, up: bool) {
        for i in from..self.len() {
            let end = self.start(i + 1);
            self.set_end(i, if up { end + by } else { end - by });
        }
    }
}
