//! TAGS: a set of short strings, kept as one run of bytes.
//!
//! ```text
//! one byte of length, then so many bytes: for each tag, in ascending order, none twice
//! ```

use smallvec::SmallVec;

/// The longest tag, in bytes.
pub const MAX_TAG: usize = 255;

/// A set of tags: its canonical bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tags<'a>(&'a [u8]);

impl<'a> Tags<'a> {
    /// The set of these bytes, which must be canonical; see [`Tags::is_canonical`].
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Tags<'a> {
        Tags(bytes)
    }

    /// The canonical bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether the bytes are tags to the last, ascending, none twice.
    pub fn is_canonical(self) -> bool {
        let mut whole = 0;
        let mut before: Option<&[u8]> = None;
        for tag in self.iter() {
            if before.is_some_and(|before| before >= tag) {
                return false;
            }
            whole += 1 + tag.len();
            before = Some(tag);
        }
        whole == self.0.len()
    }

    /// The tags, in ascending order.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter(self.0)
    }

    /// How many tags there are.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether a tag is in the set.
    pub fn contains(self, tag: &[u8]) -> bool {
        self.iter().any(|own| own == tag)
    }
}

/// The tags of a set, in ascending order.
#[derive(Clone)]
pub struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (tag, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(tag)
    }
}

/// The canonical bytes of the set of these tags, in any order, each as often as it likes. A tag is
/// at most [`MAX_TAG`] bytes long: the first that is longer comes back as the error.
pub fn collect<'a>(tags: impl IntoIterator<Item = &'a [u8]>) -> Result<Box<[u8]>, &'a [u8]> {
    let mut sorted: SmallVec<[&[u8]; 16]> = tags.into_iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut bytes = Vec::with_capacity(sorted.iter().map(|tag| 1 + tag.len()).sum());
    for tag in sorted {
        bytes.push(u8::try_from(tag.len()).map_err(|_| tag)?);
        bytes.extend_from_slice(tag);
    }
    Ok(bytes.into_boxed_slice())
}

/// What is in either set.
pub fn union(one: Tags<'_>, other: Tags<'_>) -> Box<[u8]> {
    collect(one.iter().chain(other.iter())).unwrap_or_default()
}

/// What is in the one set and not in the other.
pub fn difference(one: Tags<'_>, other: Tags<'_>) -> Box<[u8]> {
    collect(one.iter().filter(|tag| !other.contains(tag))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Set = BTreeSet<Vec<u8>>;

    fn bytes(set: &Set) -> Box<[u8]> {
        collect(set.iter().map(Vec::as_slice)).unwrap()
    }

    fn set(bytes: &[u8]) -> Set {
        Tags::of(bytes).iter().map(<[u8]>::to_vec).collect()
    }

    fn any_set() -> impl Strategy<Value = Set> {
        let tag = prop_oneof![
            prop::collection::vec(0u8..3, 0..3),
            prop::collection::vec(any::<u8>(), 250..256)
        ];
        prop::collection::btree_set(tag, 0..8)
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_a_set(a in any_set(), b in any_set(), probe in prop::collection::vec(0u8..3, 0..3)) {
            let (x, y) = (bytes(&a), bytes(&b));
            let (one, other) = (Tags::of(&x), Tags::of(&y));
            prop_assert!(one.is_canonical());
            prop_assert_eq!(one.len(), a.len());
            prop_assert_eq!(one.is_empty(), a.is_empty());
            prop_assert_eq!(one.contains(&probe), a.contains(&probe));
            prop_assert_eq!(one == other, a == b);
            prop_assert_eq!(set(&union(one, other)), &a | &b);
            prop_assert_eq!(set(&difference(one, other)), &a - &b);
        }

        #[test]
        fn other_bytes_are_not_canonical(bytes: Vec<u8>) {
            let tags = Tags::of(&bytes);
            let again = collect(tags.iter()).unwrap();
            prop_assert_eq!(tags.is_canonical(), *again == *bytes);
        }
    }

    #[test]
    fn a_tag_that_is_too_long_is_told() {
        let long = [b'x'; MAX_TAG + 1];
        assert_eq!(collect([&b"a"[..], &long]), Err(&long[..]));
        assert!(collect([&long[1..]]).is_ok());
    }
}
