//! Entries that are about to be entered into a sorted set.

/// Entries, the bytes `key ‖ row` each, one after the other.
#[derive(Debug, Default)]
pub struct Entries {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Entries {
    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Heap bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Appends one with this row, whose key is written by `key`.
    #[inline]
    pub fn push(&mut self, row: u32, key: impl FnOnce(&mut Vec<u8>)) {
        key(&mut self.bytes);
        self.bytes.extend_from_slice(&row.to_be_bytes());
        self.ends.push(self.bytes.len());
    }

    /// The entry of this number.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)?;
        let before = at.checked_sub(1).and_then(|before| self.ends.get(before));
        self.bytes.get(before.copied().unwrap_or(0)..end)
    }
}
