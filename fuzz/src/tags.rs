//! Sets of tags as the standard library's sets, beside the engine's runs of bytes.

use std::collections::BTreeSet;

use yarr::value::Value;

use crate::draw::Draw;

/// A set of tags.
pub type Set = BTreeSet<Vec<u8>>;
/// Tags as a command gives them: in any order, each as often as it likes.
pub type List = Vec<&'static [u8]>;

/// One byte more than a tag may have.
const LONG: [u8; 256] = [b'x'; 256];
/// As long as a tag may be.
const FULL: [u8; 255] = [b'x'; 255];
/// The last is no tag.
const TAGS: [&[u8]; 12] = [
    b"", b"a", b"b", b"ab", b"any", b"ALL", b"(", b"\0", b"\xff", b"0", &FULL, &LONG,
];

/// Tags, of few so that they meet.
pub fn list(draw: &mut Draw) -> List {
    let count = draw.below(5);
    (0..count)
        .map(|_| TAGS[draw.below(TAGS.len() - 1)])
        .collect()
}

/// The same, one of which may be too long.
pub fn any_list(draw: &mut Draw) -> List {
    let mut list = list(draw);
    if draw.once_in(16) {
        list.push(&LONG);
    }
    list
}

/// Whether each is a tag.
pub fn are_short(list: &[&[u8]]) -> bool {
    list.iter().all(|tag| tag.len() < LONG.len())
}

/// The set of a list.
pub fn set(list: &[&[u8]]) -> Set {
    list.iter().map(|tag| tag.to_vec()).collect()
}

/// The value of a set: each tag after its length.
pub fn value(set: &Set) -> Value {
    let tags = set
        .iter()
        .map(|tag| [&[tag.len() as u8], &tag[..]].concat());
    Value::Tags(tags.collect::<Vec<_>>().concat().into())
}

/// The set that a value holds; none where it is null.
pub fn of_value(value: &Value) -> Option<Set> {
    let Value::Tags(bytes) = value else {
        assert_eq!(*value, Value::Null);
        return None;
    };
    let (mut set, mut rest) = (Set::new(), &bytes[..]);
    while let Some((length, after)) = rest.split_first() {
        let (tag, after) = after.split_at(usize::from(*length));
        set.insert(tag.to_vec());
        rest = after;
    }
    Some(set)
}

/// The words of a list: how many tags there are, and the tags.
pub fn words(list: &[&[u8]]) -> Vec<Vec<u8>> {
    let count = list.len().to_string().into_bytes();
    let tags = list.iter().map(|tag| tag.to_vec());
    std::iter::once(count).chain(tags).collect()
}

/// CONTAINS.
#[derive(Debug, Clone)]
pub enum Contains {
    /// One tag, its word no word of the clause.
    One(&'static [u8]),
    /// Any of these.
    Any(List),
    /// All of these.
    All(List),
}

impl Contains {
    /// A condition, mostly of one tag.
    pub fn draw(draw: &mut Draw) -> Contains {
        match draw.below(4) {
            0 => Contains::Any(list(draw)),
            1 => Contains::All(list(draw)),
            _ => match draw.pick(&TAGS[..TAGS.len() - 1]) {
                b"any" => Contains::Any(vec![b"any"]),
                b"ALL" => Contains::All(vec![b"ALL", b"ALL"]),
                tag => Contains::One(tag),
            },
        }
    }

    /// The words after the field.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let (word, mut rest) = match self {
            Contains::One(tag) => ("contains", vec![tag.to_vec()]),
            Contains::Any(list) => ("CONTAINS", words(list)),
            Contains::All(list) => ("Contains", words(list)),
        };
        match self {
            Contains::One(_) => {}
            Contains::Any(_) => rest.insert(0, b"any".into()),
            Contains::All(_) => rest.insert(0, b"ALL".into()),
        }
        rest.insert(0, word.into());
        rest
    }

    /// Whether a set does.
    pub fn holds(&self, own: &Set) -> bool {
        match self {
            Contains::One(tag) => own.contains(*tag),
            Contains::Any(list) => list.iter().any(|tag| own.contains(*tag)),
            Contains::All(list) => list.iter().all(|tag| own.contains(*tag)),
        }
    }
}
