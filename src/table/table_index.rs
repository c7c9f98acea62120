//! An index of a table, and the keys that a record has in it.

use smallvec::SmallVec;

use super::{Changed, Record, Row};
use crate::{
    index::{Bitmap, Index, SortedSet},
    schema::{IndexDefinition, Method, Schema},
    value::{
        Type, ValueRef,
        key::PRESENT,
        tags::{MAX_TAG, Tags},
    },
};

/// Begins the key of a tag. The key of a null is that of any null, and every set of tags, an empty
/// one too, has the key [`PRESENT`] beside those of its tags: so `IS NULL`, `IS NOT NULL` and
/// each tag are one value of the bitmap.
const TAG: u8 = PRESENT + 1;

/// The key that the records with a tag have in the index of their field.
pub fn tag_key(tag: &[u8]) -> SmallVec<[u8; 32]> {
    let mut key = SmallVec::with_capacity(1 + tag.len().min(MAX_TAG));
    key.push(TAG);
    key.extend_from_slice(tag);
    key
}

/// An index and where its fields stand in the schema of now.
pub struct TableIndex {
    /// What it is over.
    pub definition: IndexDefinition,
    /// The positions of its fields, the leading one first.
    pub positions: SmallVec<[usize; 4]>,
    /// Its entries.
    pub index: Index,
    /// Whether its one field is of TAGS: a record has a key for each of them.
    tags: bool,
}

impl TableIndex {
    /// An empty index.
    pub(super) fn new(definition: IndexDefinition, schema: &Schema) -> TableIndex {
        let positions = schema.index_positions(&definition);
        let field = positions.first().and_then(|at| schema.fields.get(*at));
        TableIndex {
            tags: field.is_some_and(|field| field.kind == Type::Tags),
            positions: positions.into(),
            index: match definition.method {
                Method::SortedSet => Index::SortedSet(SortedSet::new()),
                Method::Bitmap => Index::Bitmap(Bitmap::new()),
            },
            definition,
        }
    }

    /// Takes every entry out.
    pub(super) fn clear(&mut self) {
        self.index = match self.definition.method {
            Method::SortedSet => Index::SortedSet(SortedSet::new()),
            Method::Bitmap => Index::Bitmap(Bitmap::new()),
        };
    }

    /// Adds a record's entries. `key` is scratch space.
    pub(super) fn record_enter(&mut self, row: Row, record: &Record<'_>, key: &mut Vec<u8>) {
        let mut index = std::mem::replace(&mut self.index, Index::Bitmap(Bitmap::new()));
        self.record_keys(record, key, |key| _ = index.insert(key, row));
        self.index = index;
    }

    /// Takes a record's entries out. `key` is scratch space.
    pub(super) fn record_leave(&mut self, row: Row, record: &Record<'_>, key: &mut Vec<u8>) {
        let mut index = std::mem::replace(&mut self.index, Index::Bitmap(Bitmap::new()));
        self.record_keys(record, key, |key| _ = index.remove(key, row));
        self.index = index;
    }

    /// Appends the key of a record with these values. An index over TAGS has others too.
    pub fn key_into(&self, values: &[ValueRef<'_>], key: &mut Vec<u8>) {
        for position in &self.positions {
            let value = values.get(*position).unwrap_or(&ValueRef::Null);
            value.key_into(key);
        }
    }

    /// Appends the key of a record; nothing but the index's fields is read of it.
    pub(super) fn record_key_into(&self, record: &Record<'_>, key: &mut Vec<u8>) {
        for position in &self.positions {
            let mut value = ValueRef::Null;
            record.read(*position, &mut value);
            value.key_into(key);
        }
    }

    /// Whether it is over any of these fields.
    pub(super) fn is_over_any(&self, fields: &[Changed<'_>]) -> bool {
        let changed = |position: &usize| fields.iter().any(|(at, _)| at == position);
        self.positions.iter().any(changed)
    }

    /// Appends the key that a record has once these fields have changed, and tells whether a field of
    /// it is null. An index over TAGS has others too.
    #[inline]
    pub(super) fn changed_key_into(
        &self,
        record: &Record<'_>,
        fields: &[Changed<'_>],
        key: &mut Vec<u8>,
    ) -> bool {
        let mut null = false;
        for position in &self.positions {
            let mut kept = ValueRef::Null;
            let value = match fields.iter().find(|(at, _)| at == position) {
                Some((_, value)) => value,
                None => {
                    record.read(*position, &mut kept);
                    &kept
                }
            };
            null |= value.is_null();
            value.key_into(key);
        }
        null
    }

    /// Tells each key of a record with these values; the last is left in `key`.
    pub(super) fn keys(
        &self,
        values: &[ValueRef<'_>],
        key: &mut Vec<u8>,
        mut met: impl FnMut(&[u8]),
    ) {
        key.clear();
        match self.set(values) {
            Some(tags) => tag_keys(tags, key, met),
            None => {
                self.key_into(values, key);
                met(key);
            }
        }
    }

    /// Tells each key of a record.
    pub(super) fn record_keys(
        &self,
        record: &Record<'_>,
        key: &mut Vec<u8>,
        mut met: impl FnMut(&[u8]),
    ) {
        key.clear();
        if let (true, Some(position)) = (self.tags, self.positions.first()) {
            if let ValueRef::Tags(tags) = record.value(*position) {
                return tag_keys(tags, key, met);
            }
        }
        self.record_key_into(record, key);
        met(key);
    }

    /// Whether it is over TAGS: then a record has a key for each of them.
    pub(super) fn is_over_tags(&self) -> bool {
        self.tags
    }

    /// Whether one of the index's fields is null: such a record never conflicts.
    pub(super) fn has_null(&self, values: &[ValueRef<'_>]) -> bool {
        let null = |position: &usize| values.get(*position).is_none_or(ValueRef::is_null);
        self.positions.iter().any(null)
    }

    /// Enters the tags of a record in place of those it has. The index must be over TAGS.
    #[inline]
    pub(super) fn enter_tags(
        &mut self,
        row: Row,
        old: Option<&[ValueRef<'_>]>,
        new: &[ValueRef<'_>],
        key: &mut Vec<u8>,
    ) {
        match (old.and_then(|old| self.set(old)), self.set(new)) {
            // Only what differs is touched.
            (Some(before), Some(after)) => {
                for tag in before.iter().filter(|tag| !after.contains(tag)) {
                    self.index.remove(&tag_key(tag), row);
                }
                for tag in after.iter().filter(|tag| !before.contains(tag)) {
                    self.index.insert(&tag_key(tag), row);
                }
            }
            _ => {
                let mut index = std::mem::replace(&mut self.index, Index::Bitmap(Bitmap::new()));
                if let Some(old) = old {
                    self.keys(old, key, |key| _ = index.remove(key, row));
                }
                self.keys(new, key, |key| _ = index.insert(key, row));
                self.index = index;
            }
        }
    }

    /// The tags of a record with these values, where the index is over them and they are not null.
    fn set<'v>(&self, values: &[ValueRef<'v>]) -> Option<Tags<'v>> {
        match (self.tags, values.get(*self.positions.first()?)) {
            (true, Some(ValueRef::Tags(tags))) => Some(*tags),
            _ => None,
        }
    }
}

/// Tells the keys of a set of tags. `key` is scratch space.
fn tag_keys(tags: Tags, key: &mut Vec<u8>, mut met: impl FnMut(&[u8])) {
    met(&[PRESENT]);
    for tag in tags.iter() {
        key.clear();
        key.push(TAG);
        key.extend_from_slice(tag);
        met(key);
    }
}
