//! What a table keeps in order or in bitmaps, as plans see it, and the ranges of keys that
//! answer conditions.

use std::ops::Bound;

use roaring::RoaringBitmap;
use smallvec::{SmallVec, smallvec};

use super::{
    filter::{Condition, Node},
    value_set::ValueSet,
};
use crate::{
    index::{Bitmap, Index, KeyRange, Rows, SortedSet, successor},
    schema::Schema,
    table::Table,
    value::{Value, ValueRef, key::PRESENT},
};

/// The most ranges that the second and later fields of an index may multiply to.
const MAX_PRODUCT: usize = if cfg!(any(test, fuzzing)) { 4 } else { 1024 };
/// Up to so many ranges are all counted; of more only as many, spread evenly.
const COUNTED: usize = if cfg!(any(test, fuzzing)) { 2 } else { 64 };

/// A sorted set: an index, the ids, or the expiring records.
#[derive(Clone)]
pub(super) struct Source<'t> {
    /// The entries.
    pub(super) set: &'t SortedSet,
    /// The fields of its keys.
    pub(super) positions: SmallVec<[usize; 4]>,
    /// Whether records with a null are left out.
    pub(super) without_nulls: bool,
}

/// A bitmap and its field.
#[derive(Clone, Copy)]
pub(super) struct BitmapSource<'t> {
    pub(super) bitmap: &'t Bitmap,
    pub(super) position: usize,
}

/// Every sorted set of a table.
pub(super) fn sorted_sets(table: &Table) -> impl Iterator<Item = Source<'_>> {
    let own = [
        (table.ids(), 0, false),
        (table.expiry(), table.schema().expires_at(), true),
    ];
    let own = own
        .into_iter()
        .map(|(set, position, without_nulls)| Source {
            set,
            positions: smallvec![position],
            without_nulls,
        });
    let indexes = table
        .indexes()
        .iter()
        .filter_map(|index| match &index.index {
            Index::SortedSet(set) => Some(Source {
                set,
                positions: index.positions.clone(),
                without_nulls: false,
            }),
            Index::Bitmap(_) => None,
        });
    indexes.chain(own)
}

/// The bitmap over a field.
pub(super) fn bitmap(table: &Table, position: usize) -> Option<BitmapSource<'_>> {
    table.indexes().iter().find_map(|index| match &index.index {
        Index::Bitmap(bitmap) if index.positions.first() == Some(&position) => {
            Some(BitmapSource { bitmap, position })
        }
        _ => None,
    })
}

/// The names of fields, as an index is named.
pub(super) fn names(schema: &Schema, positions: &[usize]) -> String {
    let fields = positions
        .iter()
        .filter_map(|position| schema.fields.get(*position));
    fields
        .map(|field| &*field.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The conditions among parts that must all hold: a field has one at most.
pub(super) fn condition(parts: &[Node], position: usize) -> Option<&Condition> {
    parts.iter().find_map(|part| match part {
        Node::Field(condition) if condition.position == position => Some(condition),
        _ => None,
    })
}

/// The ranges of an index's keys that conditions on its first fields leave.
pub(super) struct Ranges {
    /// The ranges: they ascend and have nothing in common.
    pub(super) ranges: Vec<KeyRange>,
    /// How many of the index's fields the conditions were used of.
    pub(super) used: usize,
}

/// The ranges of keys over `positions` that the conditions among `parts` leave: single values of
/// leading fields, and the intervals of the field after those.
pub(super) fn ranges(positions: &[usize], parts: &[Node]) -> Ranges {
    let mut prefixes: Vec<Vec<u8>> = vec![Vec::new()];
    for (used, position) in positions.iter().enumerate() {
        let Some(Condition { values, .. }) = condition(parts, *position) else {
            return whole(prefixes, used);
        };
        if used > 0 && prefixes.len().saturating_mul(values.parts()) > MAX_PRODUCT {
            return whole(prefixes, used);
        }
        if !values.is_points() || used + 1 == positions.len() {
            let ranges = prefixes.iter().flat_map(|prefix| within(prefix, values));
            return Ranges {
                ranges: ranges.collect(),
                used: used + 1,
            };
        }
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| points(prefix, values))
            .collect();
    }
    whole(prefixes, positions.len())
}

/// The ranges of everything that starts with one of the prefixes.
fn whole(prefixes: Vec<Vec<u8>>, used: usize) -> Ranges {
    Ranges {
        ranges: prefixes.into_iter().map(starting).collect(),
        used,
    }
}

/// The range of the keys that start with this one.
fn starting(key: Vec<u8>) -> KeyRange {
    KeyRange {
        high: successor(&key),
        low: key,
    }
}

/// The ranges of one field's keys.
pub(super) fn field_ranges(values: &ValueSet) -> Vec<KeyRange> {
    within(&[], values).collect()
}

/// A prefix and the key of each single value.
fn points<'v>(prefix: &'v [u8], values: &'v ValueSet) -> impl Iterator<Item = Vec<u8>> + 'v {
    let null = values.null.then(|| joined(prefix, &ValueRef::Null));
    let exact = values
        .intervals
        .iter()
        .filter_map(|interval| match &interval.low {
            Bound::Included(value) => Some(joined(prefix, &value.as_ref())),
            _ => None,
        });
    null.into_iter().chain(exact)
}

/// The ranges of the keys that start with a prefix and go on with one of the values.
fn within<'v>(prefix: &'v [u8], values: &'v ValueSet) -> impl Iterator<Item = KeyRange> + 'v {
    let null = values
        .null
        .then(|| starting(joined(prefix, &ValueRef::Null)));
    let intervals = values.intervals.iter().filter_map(move |interval| {
        if interval.is_exact() {
            let Bound::Included(value) = &interval.low else {
                return None;
            };
            return Some(starting(joined(prefix, &value.as_ref())));
        }
        let range = KeyRange {
            low: low(prefix, &interval.low)?,
            high: high(prefix, &interval.high),
        };
        (!range.is_empty()).then_some(range)
    });
    null.into_iter().chain(intervals)
}

fn low(prefix: &[u8], bound: &Bound<Value>) -> Option<Vec<u8>> {
    match bound {
        Bound::Unbounded => Some([prefix, &[PRESENT]].concat()),
        Bound::Included(value) => Some(joined(prefix, &value.as_ref())),
        Bound::Excluded(value) => successor(&joined(prefix, &value.as_ref())),
    }
}

fn high(prefix: &[u8], bound: &Bound<Value>) -> Option<Vec<u8>> {
    match bound {
        Bound::Unbounded => successor(&[prefix, &[PRESENT]].concat()),
        Bound::Included(value) => successor(&joined(prefix, &value.as_ref())),
        Bound::Excluded(value) => Some(joined(prefix, &value.as_ref())),
    }
}

/// A prefix and a value's key.
fn joined(prefix: &[u8], value: &ValueRef<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 24);
    key.extend_from_slice(prefix);
    value.key_into(&mut key);
    key
}

/// How many entries lie in the ranges, nearly where there are many ranges.
pub(super) fn estimate(ranges: &[KeyRange], count: impl Fn(&KeyRange) -> u64) -> u64 {
    if ranges.len() <= COUNTED {
        return ranges.iter().map(count).sum();
    }
    let step = ranges.len() / COUNTED;
    let some: u64 = ranges.iter().step_by(step).take(COUNTED).map(count).sum();
    some.saturating_mul(ranges.len() as u64) / COUNTED as u64
}

impl<'t> BitmapSource<'t> {
    /// The rows of a field's values, where they are one value's; `None` where no record
    /// has it.
    pub(super) fn only(&self, values: &ValueSet) -> Option<Option<&'t Rows>> {
        Some(self.bitmap.get(&joined(&[], &values.only()?)))
    }

    /// The rows of all values in the ranges.
    pub(super) fn rows(&self, ranges: &[KeyRange]) -> RoaringBitmap {
        let mut rows = RoaringBitmap::new();
        for range in ranges {
            rows |= self.bitmap.rows(range);
        }
        rows
    }
}

/// How many bytes of a key its first `fields` fields take. The key's bytes say the length of
/// each, given whether it is text, and else how wide it is.
pub(super) fn key_len(key: &[u8], widths: &[Width]) -> usize {
    let mut at = 0;
    for width in widths {
        at += match (key.get(at), width) {
            (Some(&PRESENT), Width::Fixed(bytes)) => 1 + bytes,
            (Some(&PRESENT), Width::Text) => 1 + text_len(key.get(at + 1..).unwrap_or_default()),
            _ => 1,
        };
    }
    at.min(key.len())
}

/// Bytes of an escaped text up to and with its terminator.
fn text_len(key: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match (key.get(at), key.get(at + 1)) {
            (Some(0), Some(0xFF)) => at += 2,
            (Some(0), _) => return at + 2,
            (Some(_), _) => at += 1,
            (None, _) => return at,
        }
    }
}

/// How wide the keys of a field are behind their first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// So many bytes.
    Fixed(usize),
    /// Up to a terminator.
    Text,
}

impl Width {
    /// The width of a field's keys.
    pub(super) fn of(schema: &Schema, position: usize) -> Width {
        use crate::value::Kind;
        match schema.fields.get(position).map(|field| field.kind.kind()) {
            Some(Kind::Integer | Kind::Float | Kind::DateTime) => Width::Fixed(8),
            Some(Kind::Boolean) => Width::Fixed(1),
            Some(Kind::Enum) => Width::Fixed(2),
            Some(Kind::Uuid) => Width::Fixed(16),
            Some(Kind::String | Kind::Tags) | None => Width::Text,
        }
    }
}
