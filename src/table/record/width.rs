//! How many bytes of a record's data its fields take.

use super::{SPELLED, STRING_1, STRING_2, STRING_4, UUID, UUID_TEXT};
use crate::value::spelled;

/// How many bytes of `data` a field takes, its length's own bytes included.
#[inline]
pub(super) fn width(code: u8, data: &[u8]) -> Option<usize> {
    Some(match code {
        0 => 0,
        1..=9 => usize::from(code) - 1,
        STRING_1 => 1 + usize::from(*data.first()?),
        STRING_2 => 2 + usize::from(u16::from_le_bytes(*data.first_chunk()?)),
        STRING_4 => 4 + u32::from_le_bytes(*data.first_chunk()?) as usize,
        UUID_TEXT | UUID => 16,
        SPELLED => spelled::width(*data.first()?),
        _ => return None,
    })
}

/// A field's bytes and what follows them; nothing where they are not all there.
#[inline]
pub(super) fn take(code: u8, data: &[u8]) -> (&[u8], &[u8]) {
    let taken = width(code, data).and_then(|width| data.split_at_checked(width));
    taken.unwrap_or_default()
}

/// Stands in [`WIDTHS`] where the codes of two fields do not tell how many bytes they take.
pub(super) const VARIES: u8 = u8::MAX;

/// How many bytes of `data` two fields take, by the byte that their codes share.
pub(super) static WIDTHS: [u8; 256] = {
    let mut widths = [VARIES; 256];
    let mut pair = 0;
    while pair < widths.len() {
        let both = (fixed_width(pair as u8 & 15), fixed_width(pair as u8 >> 4));
        if let (Some(low), Some(high)) = both {
            #[expect(
                clippy::indexing_slicing,
                reason = "the loop ends before the array does"
            )]
            {
                widths[pair] = low + high;
            }
        }
        pair += 1;
    }
    widths
};

/// [`width`] where the code alone tells it.
const fn fixed_width(code: u8) -> Option<u8> {
    match code {
        0 => Some(0),
        1..=9 => Some(code - 1),
        UUID_TEXT | UUID => Some(16),
        _ => None,
    }
}

#[inline]
pub(super) fn code_at(codes: &[u8], place: usize) -> u8 {
    codes
        .get(place / 2)
        .map_or(0, |pair| pair >> (place % 2 * 4) & 15)
}
