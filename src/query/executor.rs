//! Meeting the records that a way leads to.

use std::borrow::Cow;

use roaring::RoaringBitmap;
use smallvec::SmallVec;

use super::{
    access::{Access, Way},
    filter::{Condition, Node, Tagged},
    row_set,
    source::{self, BitmapSource, Source},
};
use crate::{
    index::{KeyRange, Rows, Walk},
    table::{FETCHED, Record, Row, Table, expires_by, tag_key},
    value::key::PRESENT,
};

/// From so many rows on, the rows of several values of a bitmap are joined before a walk asks
/// whether they have one.
const MANY: u64 = if cfg!(any(test, fuzzing)) { 8 } else { 1000 };

/// So many rows of an index or more are gathered and met in the order of their rows.
const GATHERED: u64 = if cfg!(any(test, fuzzing)) { 8 } else { 1024 };

/// Values are joined where there is at most one for so many rows.
const VALUES: u64 = if cfg!(any(test, fuzzing)) { 2 } else { 16 };

/// Of more parts than these no sets of rows are joined.
const MOST_SETS: usize = 64;

/// A visit is taken to meet so many rows for each that is wanted.
const EARLY: u64 = 4;

/// So many entries of an index are gathered in the time that one record is read.
const ENTRIES: u64 = 16;

/// What every row met must pass.
pub(super) struct Checks<'t, 'f> {
    table: &'t Table,
    /// Rows without which a record does not match: asked before the record is read.
    rows: Vec<Cow<'t, RoaringBitmap>>,
    /// What is asked of the record.
    nodes: Vec<&'f Node>,
    /// What keeps records that have expired out of sight.
    clock: Clock,
}

/// The command's clock, where a record that has expired by then is still held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Option<i64>);

impl Clock {
    /// The clock of a command: what has expired by `now` is not met. Where nothing expires it is not
    /// asked.
    #[inline]
    pub(super) fn new(table: &Table, now: impl Fn() -> i64) -> Clock {
        if !table.has_expiry() {
            return Clock::STOPPED;
        }
        let now = now();
        Clock(table.any_expired(now).then_some(now))
    }

    /// Lets every record be met.
    const STOPPED: Clock = Clock(None);

    /// Whether anything that is still held has expired.
    #[inline]
    pub(super) fn is_asked(self) -> bool {
        self.0.is_some()
    }

    /// Whether a record has expired.
    #[inline]
    pub(super) fn hides(self, table: &Table, record: &Record<'_>) -> bool {
        self.0
            .is_some_and(|now| expires_by(&record.value(table.schema().expires_at()), now))
    }
}

impl<'t, 'f> Checks<'t, 'f> {
    /// The checks that `rest` and the clock ask for, of about so many rows.
    pub(super) fn new(
        table: &'t Table,
        rest: &[&'f Node],
        rows: impl Fn() -> u64,
        clock: Clock,
    ) -> Checks<'t, 'f> {
        let mut checks = Checks {
            table,
            rows: Vec::new(),
            nodes: Vec::new(),
            clock,
        };
        for node in rest {
            match member_rows(table, node, &rows) {
                Some(rows) => checks.rows.push(rows),
                None => checks.nodes.push(node),
            }
        }
        checks
    }

    /// Leaves only the rows that pass what sets of rows can tell.
    pub(super) fn narrow(&self, rows: &mut RoaringBitmap) {
        self.rows.iter().for_each(|others| *rows &= &**others);
    }

    /// Whether a row's record matches and can be seen.
    #[inline]
    pub(super) fn pass(&self, row: Row) -> bool {
        if !self.are_members(row) {
            return false;
        }
        if self.nodes.is_empty() && self.clock.0.is_none() {
            return true;
        }
        self.table
            .record(row)
            .is_some_and(|record| self.record_passes(&record))
    }

    /// Whether a row passes what sets of rows can tell.
    #[inline]
    fn are_members(&self, row: Row) -> bool {
        self.rows.iter().all(|rows| rows.contains(row))
    }

    /// [`Checks::pass`] for a record that is at hand.
    #[inline]
    fn record_passes(&self, record: &Record<'_>) -> bool {
        self.nodes.iter().all(|node| node.matches(record)) && !self.clock.hides(self.table, record)
    }
}

/// The rows that a bitmap says a condition holds of, where that costs little beside `rows`
/// records read.
pub(super) fn member_rows<'t>(
    table: &'t Table,
    node: &Node,
    rows: &impl Fn() -> u64,
) -> Option<Cow<'t, RoaringBitmap>> {
    let condition = match node {
        Node::Field(condition) => condition,
        Node::Tag(tagged) => return tagged_rows(table, tagged, rows),
        Node::Any(parts) | Node::All(parts) if parts.len() > MOST_SETS || rows() < MANY => {
            return None;
        }
        Node::Any(parts) => {
            let mut union = RoaringBitmap::new();
            for part in parts {
                union |= &*member_rows(table, part, rows)?;
            }
            return Some(Cow::Owned(union));
        }
        Node::All(parts) => {
            let (first, others) = parts.split_first()?;
            let mut both = member_rows(table, first, rows)?.into_owned();
            for part in others {
                both &= &*member_rows(table, part, rows)?;
            }
            return Some(Cow::Owned(both));
        }
    };
    let Some(bits) = source::bitmap(table, condition.position) else {
        return entries(table, condition, rows);
    };
    if let Some(only) = bits.only(&condition.values) {
        return Some(bits_of(only));
    }
    let rows = rows();
    if rows < MANY || bits.bitmap.values().len() as u64 > rows / VALUES {
        return entries(table, condition, || rows);
    }
    Some(Cow::Owned(
        bits.rows(&source::field_ranges(&condition.values)),
    ))
}

/// The rows that a sorted set says a condition holds of, where they are few enough that gathering
/// them costs less than reading `rows` records.
fn entries<'t>(
    table: &'t Table,
    condition: &Condition,
    rows: impl Fn() -> u64,
) -> Option<Cow<'t, RoaringBitmap>> {
    let leads = |source: &Source| {
        source.positions.first() == Some(&condition.position)
            && !(source.without_nulls && condition.values.null)
    };
    let source = source::sorted_sets(table).find(leads)?;
    let rows = rows();
    if rows < MANY {
        return None;
    }
    let ranges = source::field_ranges(&condition.values);
    let count = source::estimate(&ranges, |range| source.set.count(range));
    if count > rows.saturating_mul(ENTRIES) {
        return None;
    }
    let walks = ranges.iter().map(|range| source.set.walk(range));
    Some(Cow::Owned(row_set::gather(table, walks)))
}

/// The rows that have a tag, or have others without it.
fn tagged_rows<'t>(
    table: &'t Table,
    tagged: &Tagged,
    rows: &impl Fn() -> u64,
) -> Option<Cow<'t, RoaringBitmap>> {
    let bitmap = source::bitmap(table, tagged.position)?.bitmap;
    let with = bitmap.get(&tag_key(&tagged.tag));
    if tagged.wanted {
        return Some(bits_of(with));
    }
    match (bitmap.get(&[PRESENT]), with) {
        (all, None) => Some(bits_of(all)),
        (None, _) => Some(bits_of(None)),
        (Some(all), Some(with)) => {
            (rows() >= MANY).then(|| Cow::Owned(&*all.bits() - &*with.bits()))
        }
    }
}

/// The rows of a value, where a record has it.
fn bits_of(rows: Option<&Rows>) -> Cow<'_, RoaringBitmap> {
    rows.map_or(Cow::Owned(RoaringBitmap::new()), Rows::bits)
}

/// Calls `met` with the row of each record that the way leads to and that matches, once each,
/// until it answers false, which it will after `wanted` of them. Answers whether it never did.
pub(super) fn visit(
    table: &Table,
    access: &Access,
    clock: Clock,
    wanted: u64,
    met: &mut dyn FnMut(Row) -> bool,
) -> bool {
    // A visit that ends early reads few records.
    let rows = || access.rows(table).min(wanted.saturating_mul(EARLY));
    let checks = Checks::new(table, &access.rest, rows, clock);
    let mut count = 0;
    let mut next = |row: Row| {
        count += 1;
        !checks.pass(row) || met(row)
    };
    let whole = match &access.way {
        Way::Table => visit_table(table, &checks, &mut count, &mut |row, _| met(row)),
        Way::Sorted(source, ranges) => {
            let mut walks = ranges.iter().map(|range| source.set.walk(range));
            walks.all(|walk| visit_walk(walk, &checks, wanted, &mut next))
        }
        Way::Bits(bits, ranges) => visit_bits(*bits, ranges, &checks, &mut next),
        Way::Union(parts) => {
            let mut seen = RoaringBitmap::new();
            let mut once = |row: Row| !seen.insert(row) || next(row);
            let mut ways = parts.iter();
            ways.all(|part| visit(table, part, Clock::STOPPED, wanted, &mut once))
        }
    };
    access.met.set(access.met.get() + count);
    whole
}

/// Calls `met` with each record that the way leads to and that matches, once each, until it
/// answers false.
pub(super) fn visit_records(
    table: &Table,
    access: &Access,
    clock: Clock,
    met: &mut dyn FnMut(Row, &Record<'_>) -> bool,
) {
    if matches!(access.way, Way::Table) {
        let checks = Checks::new(table, &access.rest, || access.rows(table), clock);
        let mut count = 0;
        visit_table(table, &checks, &mut count, met);
        access.met.set(access.met.get() + count);
        return;
    }
    visit(table, access, clock, u64::MAX, &mut |row| {
        table.record(row).is_none_or(|record| met(row, &record))
    });
}

/// The records of the table are read as they are met.
fn visit_table(
    table: &Table,
    checks: &Checks,
    count: &mut u64,
    met: &mut dyn FnMut(Row, &Record<'_>) -> bool,
) -> bool {
    let no_set = checks.rows.is_empty();
    table.records().iter().all(|(row, bytes)| {
        *count += 1;
        let Some(record) = table.read(bytes) else {
            return true;
        };
        let passes = match no_set {
            true => checks.record_passes(&record),
            false => checks.pass(row),
        };
        !passes || met(row, &record)
    })
}

/// Many rows of a walk are met by row, for records that lie side by side are read much faster.
fn visit_walk(walk: Walk, checks: &Checks, wanted: u64, next: &mut dyn FnMut(Row) -> bool) -> bool {
    if walk.remaining() < GATHERED || wanted < walk.remaining() / 8 {
        return visit_few(walk, checks, wanted, next);
    }
    let mut rows = row_set::gather(checks.table, [walk]);
    checks.narrow(&mut rows);
    rows.iter().all(next)
}

/// Where records must be read, several are had come to the cache at once.
fn visit_few(
    mut walk: Walk,
    checks: &Checks,
    wanted: u64,
    next: &mut dyn FnMut(Row) -> bool,
) -> bool {
    if checks.nodes.is_empty() || wanted == 1 || walk.remaining() == 1 {
        return walk.all(next);
    }
    loop {
        let some: SmallVec<[Row; FETCHED]> = walk.by_ref().take(FETCHED).collect();
        let members = some.iter().copied().filter(|row| checks.are_members(*row));
        checks.table.records().fetch(members);
        if !some.iter().all(|row| next(*row)) {
            return false;
        }
        if some.len() < FETCHED {
            return true;
        }
    }
}

fn visit_bits(
    bits: BitmapSource,
    ranges: &[KeyRange],
    checks: &Checks,
    next: &mut dyn FnMut(Row) -> bool,
) -> bool {
    let mut rows = Cow::Owned(RoaringBitmap::new());
    if let [range] = ranges {
        // A range that begins with a value's key is mostly that value alone.
        match bits.bitmap.get(&range.low) {
            Some(only) if bits.bitmap.count(range) == only.len() => rows = only.bits(),
            _ => rows = Cow::Owned(bits.bitmap.rows(range)),
        }
    } else if !ranges.is_empty() {
        rows = Cow::Owned(bits.rows(ranges));
    }
    match checks.rows.split_first() {
        // Where the other condition has a bitmap too, segments meet before rows do.
        Some((first, others)) => {
            let mut both = &*rows & &**first;
            others.iter().for_each(|other| both &= &**other);
            both.iter().all(next)
        }
        None => rows.iter().all(next),
    }
}
