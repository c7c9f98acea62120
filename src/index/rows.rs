//! Reading the rows out of a block of entries.

use super::block::{Block, Form, ROW, word};

/// Reads the rows of a block's entries: in the fixed form, one load of four bytes each.
///
/// ```text
/// | prefix ... p p | s s s | s s s |      stride 3: the row is one byte of the prefix, shared
///              `base`  `mask` keeps the suffix's part of the four bytes before its end
/// ```
#[derive(Clone, Copy)]
pub(super) struct RowReader<'a> {
    block: &'a Block,
    /// The fixed stride; 0 in the other forms.
    stride: usize,
    /// Four bytes before the end of suffix 0: at 0 or later, for an entry has four bytes or more.
    first: usize,
    mask: u32,
    base: u32,
}

impl<'a> RowReader<'a> {
    /// A reader of `block`.
    pub(super) fn new(block: &'a Block) -> Self {
        let stride = match block.form {
            Form::Fixed(stride) => stride as usize,
            Form::Narrow | Form::Wide => 0,
        };
        let (base, mask) = shared_row(block.prefix(), stride);
        let first = (block.prefix_len() + stride).saturating_sub(ROW);
        Self {
            block,
            stride,
            first,
            mask,
            base,
        }
    }

    /// The block that is read.
    pub(super) fn block(&self) -> &'a Block {
        self.block
    }

    /// The row of entry `i`.
    #[inline]
    pub(super) fn row(&self, i: usize) -> u32 {
        if self.stride == 0 {
            return self.row_by_offset(i);
        }
        let bytes = word::<4>(&self.block.data, self.first + i * self.stride);
        self.base | (bytes.map_or(0, u32::from_be_bytes) & self.mask)
    }

    /// [`Self::row`] where suffixes are of different lengths.
    fn row_by_offset(&self, i: usize) -> u32 {
        let end = self.block.body() + self.block.start(i + 1);
        let (base, mask) = shared_row(self.block.prefix(), self.block.suffix(i).len());
        let bytes = end
            .checked_sub(ROW)
            .and_then(|at| word::<4>(&self.block.data, at));
        base | (bytes.map_or(0, u32::from_be_bytes) & mask)
    }
}

/// The part of a row that stands in the prefix, and the mask of the part that stands in a suffix of
/// `suffix` bytes.
fn shared_row(prefix: &[u8], suffix: usize) -> (u32, u32) {
    match ROW.checked_sub(suffix) {
        None | Some(0) => (0, u32::MAX),
        Some(shared) => {
            let tail = prefix.iter().skip(prefix.len().saturating_sub(shared));
            let base = tail.fold(0_u32, |row, byte| row << 8 | u32::from(*byte));
            let bits = 8 * suffix as u32;
            (base.checked_shl(bits).unwrap_or(0), (1_u32 << bits) - 1)
        }
    }
}
