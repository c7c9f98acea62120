//! Building indexes over every record: sorted, in bulk, and of many records several at a time.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use super::{Row, TableIndex, gather::Gathered};
use crate::{
    index::{Index, SortedSet},
    schema::Method,
    value::ValueRef,
};

/// From so many records on, threads gather the entries.
const MANY: u64 = if cfg!(any(test, fuzzing)) {
    64
} else {
    1 << 16
};

/// Indexes over every record, while the records are met one after the other, by row.
pub struct Indexes {
    /// Where the keys of each index are found in a record.
    keys: Vec<Keys>,
    /// The entries of each so far.
    gathered: Vec<Gathered>,
    /// Whether the first index is over the ids.
    ids: bool,
    /// Whether the next one is over when records expire.
    expiry: bool,
    /// How many records have been met.
    met: u64,
    /// The fields that are looked at, ascending.
    positions: Vec<usize>,
    key: Vec<u8>,
    entry: Vec<u8>,
}

/// Where the keys of an index are found in a record.
#[derive(Clone, Copy)]
enum Keys {
    /// In the field at this position, where that is not null.
    Field(usize),
    /// As the table's index with this number says.
    Index(usize),
}

/// Indexes that are done.
pub(super) struct Built {
    /// The ids, where they were wanted.
    pub ids: Option<SortedSet>,
    /// The records that expire, where they were wanted.
    pub expiry: Option<SortedSet>,
    /// The indexes of the schema, in their order.
    pub others: Vec<Index>,
}

impl Indexes {
    /// These indexes, before them one over the ids where that is wanted, and one over `expires_at`
    /// where this position is given; without a record.
    pub(super) fn new(ids: bool, expires_at: Option<usize>, indexes: &[TableIndex]) -> Indexes {
        let own = ids.then_some(0).into_iter().chain(expires_at);
        let of_indexes = indexes.iter().flat_map(|index| &index.positions).copied();
        let mut positions: Vec<usize> = own.clone().chain(of_indexes).collect();
        positions.sort_unstable();
        positions.dedup();
        let keys = own.clone().map(Keys::Field);
        let methods = indexes.iter().map(|index| index.definition.method);
        let methods = own.map(|_| Method::SortedSet).chain(methods);
        Indexes {
            keys: keys.chain((0..indexes.len()).map(Keys::Index)).collect(),
            gathered: methods.map(Gathered::new).collect(),
            ids,
            expiry: expires_at.is_some(),
            met: 0,
            positions,
            key: Vec::new(),
            entry: Vec::new(),
        }
    }

    /// The positions of the fields whose values [`Indexes::add`] looks at, ascending.
    pub(super) fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// Enters a record of these values.
    pub(super) fn add(&mut self, indexes: &[TableIndex], row: Row, values: &[ValueRef<'_>]) {
        self.met += 1;
        let (row, entry) = (row.to_be_bytes(), &mut self.entry);
        for (keys, gathered) in self.keys.iter().zip(&mut self.gathered) {
            entry.clear();
            match keys {
                Keys::Field(position) => match values.get(*position) {
                    None | Some(ValueRef::Null) => continue,
                    Some(value) => value.key_into(entry),
                },
                Keys::Index(place) => match indexes.get(*place) {
                    None => continue,
                    Some(index) if index.is_over_tags() => {
                        index.keys(values, &mut self.key, |key| {
                            entry.clear();
                            entry.extend_from_slice(key);
                            entry.extend_from_slice(&row);
                            gathered.add(entry);
                        });
                        continue;
                    }
                    Some(index) => index.key_into(values, entry),
                },
            }
            entry.extend_from_slice(&row);
            gathered.add(entry);
        }
    }

    /// The indexes of all records met.
    pub(super) fn finish(self) -> Built {
        let unsorted = self
            .gathered
            .iter()
            .filter(|gathered| !gathered.is_sorted());
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = match self.met {
            MANY.. => unsorted.count().min(processors),
            _ => 1,
        };
        let mut indexes = finish_all(self.gathered, threads).into_iter();
        let mut own = |wanted: bool| match wanted.then(|| indexes.next()).flatten() {
            Some(Index::SortedSet(set)) => Some(set),
            _ => None,
        };
        Built {
            ids: own(self.ids),
            expiry: own(self.expiry),
            others: indexes.collect(),
        }
    }
}

/// The indexes, in their order, finished by so many threads; the caller's is one of them.
fn finish_all(gathered: Vec<Gathered>, threads: usize) -> Vec<Index> {
    let left = Mutex::new(gathered.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((number, gathered)) = next() {
            let index = gathered.finish();
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((number, index));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system has no thread to give, the others do its work.
            _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, index)| index).collect()
}
