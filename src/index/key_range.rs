//! Ranges of keys, as the planner hands them to an index.

use smallvec::SmallVec;

/// A half-open range of bytes: from `low`, inclusive, to `high`, exclusive.
///
/// A sorted set's entries extend their key with the row, so a range of key bytes means the same
/// rows in a sorted set (over entries) and in a bitmap (over keys).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// The first byte string of the range.
    pub low: Vec<u8>,
    /// The first byte string past the range; `None` runs to the end.
    pub high: Option<Vec<u8>>,
}

impl KeyRange {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Every byte string that starts with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self {
            low: prefix.to_vec(),
            high: successor(prefix),
        }
    }

    /// This byte string alone.
    #[must_use]
    pub fn only(bytes: &[u8]) -> Self {
        Self {
            low: bytes.to_vec(),
            high: Some([bytes, &[0]].concat()),
        }
    }

    /// Whether no byte string is in the range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.high.as_ref().is_some_and(|high| *high <= self.low)
    }

    /// Whether `bytes` is in the range.
    #[must_use]
    pub fn contains(&self, bytes: &[u8]) -> bool {
        bytes >= self.low.as_slice() && self.high.as_ref().is_none_or(|high| bytes < high)
    }
}

/// The smallest byte string above every string that starts with `prefix`; `None` when there is
/// none, because `prefix` is empty or all `0xFF`.
#[must_use]
pub fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut above = SmallVec::<[u8; 64]>::from_slice(prefix);
    succeed(&mut above).then(|| above.to_vec())
}

/// Makes a byte string its [`successor`]; false where it has none.
pub(super) fn succeed<const N: usize>(bytes: &mut SmallVec<[u8; N]>) -> bool
where
    [u8; N]: smallvec::Array<Item = u8>,
{
    let last = bytes.iter().rposition(|byte| *byte != 0xFF);
    bytes.truncate(last.map_or(0, |last| last + 1));
    match bytes.last_mut() {
        Some(byte) => *byte += 1,
        None => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{KeyRange, successor};

    #[test]
    fn successor_drops_trailing_ff() {
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (b"", None),
            (b"\xFF\xFF", None),
            (b"a", Some(b"b")),
            (b"a\xFF", Some(b"b")),
            (b"a\xFF\x00\xFF", Some(b"a\xFF\x01")),
        ];
        for (prefix, above) in cases {
            assert_eq!(successor(prefix).as_deref(), above, "{prefix:?}");
        }
    }

    #[test]
    fn a_prefix_range_holds_what_starts_with_the_prefix() {
        let range = KeyRange::prefix(b"ab");
        assert!(range.contains(b"ab"));
        assert!(range.contains(b"ab\xFF\xFF\xFF"));
        assert!(!range.contains(b"aa\xFF"));
        assert!(!range.contains(b"ac"));
        assert!(KeyRange::prefix(b"\xFF").contains(b"\xFF\xFF"));
        assert!(KeyRange::all().contains(b""));
    }

    #[test]
    fn a_range_of_one_holds_no_other() {
        let range = KeyRange::only(b"ab");
        assert!(range.contains(b"ab"));
        assert!(!range.contains(b"ab\0"));
        assert!(!range.contains(b"aa\xFF"));
    }

    #[test]
    fn a_range_that_ends_at_its_start_is_empty() {
        let range = |low: &[u8], high: Option<&[u8]>| KeyRange {
            low: low.to_vec(),
            high: high.map(<[u8]>::to_vec),
        };
        assert!(range(b"b", Some(b"b")).is_empty());
        assert!(range(b"b", Some(b"a")).is_empty());
        assert!(!range(b"b", Some(b"b\0")).is_empty());
        assert!(!KeyRange::all().is_empty());
    }
}
