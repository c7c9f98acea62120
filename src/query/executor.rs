//! Meeting the records that a way leads to.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::{
    access::{Access, Way},
    filter::Node,
    row_set,
    source::{self, BitmapSource},
};
use crate::{
    index::{KeyRange, Walk},
    table::{Record, Row, Table, expires_by},
};

/// From so many rows on, the rows of several values of a bitmap are joined before a walk asks
/// whether they have one.
const MANY: u64 = if cfg!(any(test, fuzzing)) { 8 } else { 1000 };

/// So many rows of an index or more are gathered and met in the order of their rows.
const GATHERED: u64 = if cfg!(any(test, fuzzing)) { 8 } else { 1024 };

/// Values are joined where there is at most one for so many rows.
const VALUES: u64 = if cfg!(any(test, fuzzing)) { 2 } else { 16 };

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
    /// The clock of a command: what has expired by `now` is not met.
    pub(super) fn new(table: &Table, now: i64) -> Clock {
        Clock(table.any_expired(now).then_some(now))
    }

    /// Lets every record be met.
    const STOPPED: Clock = Clock(None);

    #[inline]
    fn hides(self, table: &Table, record: &Record<'_>) -> bool {
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
        if !self.rows.iter().all(|rows| rows.contains(row)) {
            return false;
        }
        if self.nodes.is_empty() && self.clock.0.is_none() {
            return true;
        }
        self.table
            .record(row)
            .is_some_and(|record| self.record_passes(&record))
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
    let Node::Field(condition) = node else {
        return None;
    };
    let bits = source::bitmap(table, condition.position)?;
    if let Some(only) = bits.only(&condition.values) {
        return Some(only.map_or(Cow::Owned(RoaringBitmap::new()), Cow::Borrowed));
    }
    let rows = rows();
    if rows < MANY || bits.bitmap.values().len() as u64 > rows / VALUES {
        return None;
    }
    Some(Cow::Owned(
        bits.rows(&source::field_ranges(&condition.values)),
    ))
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
    let checks = Checks::new(table, &access.rest, || access.rows(table), clock);
    let mut next = |row: Row| !checks.pass(row) || met(row);
    match &access.way {
        Way::Table => visit_table(table, &checks, &mut |row, _| met(row)),
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
    }
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
        visit_table(table, &checks, met);
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
    met: &mut dyn FnMut(Row, &Record<'_>) -> bool,
) -> bool {
    let no_set = checks.rows.is_empty();
    table.records().iter().all(|(row, bytes)| {
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
fn visit_walk(
    mut walk: Walk,
    checks: &Checks,
    wanted: u64,
    next: &mut dyn FnMut(Row) -> bool,
) -> bool {
    if walk.remaining() < GATHERED || wanted < walk.remaining() / 8 {
        return walk.all(next);
    }
    let mut rows = row_set::gather(checks.table, [walk]);
    checks.narrow(&mut rows);
    rows.iter().all(next)
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
            Some(only) if bits.bitmap.count(range) == only.len() => rows = Cow::Borrowed(only),
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
