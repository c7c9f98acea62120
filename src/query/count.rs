//! Counting matches, without reading records where indexes alone can tell.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::{
    access::{Access, Way},
    executor::{Clock, member_rows, visit},
    filter::Filter,
    row_set::gather,
};
use crate::{index::KeyRange, table::Table};

/// How many records match; no further than `most`, where records must be read to tell.
pub(super) fn count(table: &Table, filter: &Filter, access: &Access, now: i64, most: u64) -> u64 {
    let expired = table.expired(now);
    // Records that have expired are few, and what indexes count without them is soon told.
    if expired == 0 || expired < access.rows(table) {
        if let Some(count) = by_indexes(table, access) {
            return count.saturating_sub(expired_matches(table, filter, expired));
        }
    }
    let mut count = 0;
    visit(table, access, Clock::new(table, || now), most, &mut |_| {
        count += 1;
        count < most
    });
    count
}

/// How many of the records that have expired and are still held match.
fn expired_matches(table: &Table, filter: &Filter, expired: u64) -> u64 {
    if expired == 0 || *filter == Filter::everything() {
        return expired;
    }
    // Records stand here by when they expire, so the expired are the first.
    let rows = table.expiry().walk(&KeyRange::all()).take(expired as usize);
    let records = rows.filter_map(|row| table.record(row));
    records.filter(|record| filter.matches(record)).count() as u64
}

/// The number of matches, expired or not, where it needs no record.
fn by_indexes(table: &Table, access: &Access) -> Option<u64> {
    if let (Way::Table, true) = (&access.way, access.rest.is_empty()) {
        return Some(table.len());
    }
    let checks = sets(table, access)?;
    let Some((first, others)) = checks.split_first() else {
        return match &access.way {
            Way::Sorted(source, ranges) => Some(ranges.iter().map(|r| source.set.count(r)).sum()),
            Way::Bits(bits, ranges) => Some(ranges.iter().map(|r| bits.bitmap.count(r)).sum()),
            Way::Union(_) => Some(rows(table, access)?.len()),
            Way::Table => None,
        };
    };
    let mut rows = way_rows(table, &access.way)?;
    others.iter().for_each(|other| rows &= &**other);
    Some(rows.intersection_len(first))
}

/// Whether indexes alone tell the number of matches.
pub(super) fn is_told(table: &Table, access: &Access) -> bool {
    match &access.way {
        Way::Table => access.rest.is_empty(),
        Way::Union(parts) => {
            let told = |part: &Access| !matches!(part.way, Way::Table) && is_told(table, part);
            sets(table, access).is_some() && parts.iter().all(told)
        }
        Way::Sorted(..) | Way::Bits(..) => sets(table, access).is_some(),
    }
}

/// The sets of rows that a way's rows must also be in; `None` where records must be read.
fn sets<'t>(table: &'t Table, access: &Access<'t, '_>) -> Option<Vec<Cow<'t, RoaringBitmap>>> {
    let rest = access.rest.iter();
    rest.map(|node| member_rows(table, node, &|| access.rows(table)))
        .collect()
}

/// The rows of every match, where it needs no record.
pub(super) fn rows(table: &Table, access: &Access) -> Option<RoaringBitmap> {
    let checks = sets(table, access)?;
    let mut rows = way_rows(table, &access.way)?;
    checks.iter().for_each(|check| rows &= &**check);
    Some(rows)
}

fn way_rows(table: &Table, way: &Way) -> Option<RoaringBitmap> {
    match way {
        Way::Table => None,
        Way::Sorted(source, ranges) => Some(gather(
            table,
            ranges.iter().map(|range| source.set.walk(range)),
        )),
        Way::Bits(bits, ranges) => Some(bits.rows(ranges)),
        Way::Union(parts) => parts.iter().try_fold(RoaringBitmap::new(), |union, part| {
            Some(union | rows(table, part)?)
        }),
    }
}
