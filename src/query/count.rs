//! Counting matches, without reading records where indexes alone can tell.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::{
    access::{Access, Way},
    executor::{Checks, visit},
    source::Source,
};
use crate::{index::KeyRange, table::Table};

/// A set of rows is built as plain bits where at least one row in so many is in it.
const DENSE: u64 = 256;

/// How many records match; no further than `most`, where records must be read to tell.
pub(super) fn count(table: &Table, access: &Access, now: i64, most: u64) -> u64 {
    if let Some(count) = by_indexes(table, access, now) {
        return count;
    }
    let mut count = 0;
    visit(table, access, now, &mut |_| {
        count += 1;
        count < most
    });
    count
}

/// The number of matches where it needs no record.
fn by_indexes(table: &Table, access: &Access, now: i64) -> Option<u64> {
    if let (Way::Table, true) = (&access.way, access.rest.is_empty()) {
        return Some(table.len().saturating_sub(table.expired(now)));
    }
    let checks = sets(table, access, now)?;
    let Some((first, others)) = checks.split_first() else {
        return match &access.way {
            Way::Sorted(source, ranges) => Some(ranges.iter().map(|r| source.set.count(r)).sum()),
            Way::Bits(bits, ranges) => Some(ranges.iter().map(|r| bits.bitmap.count(r)).sum()),
            Way::Union(_) => Some(rows(table, access, now)?.len()),
            Way::Table => None,
        };
    };
    let mut rows = way_rows(table, &access.way, now)?;
    others.iter().for_each(|other| rows &= &**other);
    Some(rows.intersection_len(first))
}

/// The sets of rows that a way's rows must also be in; `None` where records must be read.
fn sets<'t>(
    table: &'t Table,
    access: &Access<'t, '_>,
    now: i64,
) -> Option<Vec<Cow<'t, RoaringBitmap>>> {
    if access.rest.is_empty() {
        return (!table.any_expired(now)).then(Vec::new);
    }
    let checks = Checks::new(table, &access.rest, access.rows(table), now);
    checks.sets().map(<[_]>::to_vec)
}

/// The rows of every match, where it needs no record.
fn rows(table: &Table, access: &Access, now: i64) -> Option<RoaringBitmap> {
    let checks = sets(table, access, now)?;
    let mut rows = way_rows(table, &access.way, now)?;
    checks.iter().for_each(|check| rows &= &**check);
    Some(rows)
}

fn way_rows(table: &Table, way: &Way, now: i64) -> Option<RoaringBitmap> {
    match way {
        Way::Table => None,
        Way::Sorted(source, ranges) => Some(sorted_rows(table, source, ranges)),
        Way::Bits(bits, ranges) => Some(bits.rows(ranges)),
        Way::Union(parts) => parts.iter().try_fold(RoaringBitmap::new(), |union, part| {
            Some(union | rows(table, part, now)?)
        }),
    }
}

/// The rows of a sorted set's ranges as a set.
fn sorted_rows(table: &Table, source: &Source, ranges: &[KeyRange]) -> RoaringBitmap {
    let count: u64 = ranges.iter().map(|range| source.set.count(range)).sum();
    let walks = ranges.iter().map(|range| source.set.walk(range));
    let end = table.records().end() as usize;
    if count.saturating_mul(DENSE) < end as u64 {
        let mut rows: Vec<u32> = walks.flatten().collect();
        rows.sort_unstable();
        let sorted = RoaringBitmap::from_sorted_iter(rows.iter().copied());
        return sorted.unwrap_or_else(|_| rows.into_iter().collect());
    }
    let mut bits = vec![0u8; end.div_ceil(8)];
    for walk in walks {
        walk.for_each(|row| {
            if let Some(byte) = bits.get_mut(row as usize / 8) {
                *byte |= 1 << (row % 8);
            }
        });
    }
    RoaringBitmap::from_lsb0_bytes(0, &bits)
}
