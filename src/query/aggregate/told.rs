//! Aggregates that indexes tell, with few records read or none.

use super::{
    cell::Cell,
    function::Function,
    groups::{Bounds, Groups, Recipe},
};
use crate::{
    error::Result,
    index::{KeyRange, SortedSet, successor},
    query::{
        access::{Access, Way},
        count,
        filter::{Condition, Filter},
        order::{Order, Sorting},
        planner::Strategy,
        resolve,
        source::{self, BitmapSource, Source, Width, key_len},
        value_set::ValueSet,
        walk,
    },
    schema::Schema,
    table::{Row, Table},
    value::Value,
};
use smallvec::SmallVec;

/// So many entries of one group are stepped over before they are counted at once.
const STEPS: u64 = if cfg!(any(test, fuzzing)) { 2 } else { 24 };
/// A pass reads so many records in the time in which a segment of two bitmaps is compared.
const RECORDS: u64 = if cfg!(any(test, fuzzing)) { 1 } else { 16 };

/// How indexes tell an aggregate.
pub(super) enum Told<'t> {
    /// Of all records as one group: counts by the indexes, least and greatest values at the ends
    /// of walks.
    Ends,
    /// How many records have each value of a bitmap.
    Bits(BitmapSource<'t>),
    /// How many entries of a sorted set follow each other with the same first fields.
    Runs(Runs<'t>),
}

/// The first fields of a sorted set's keys, and where the groups lie.
pub(super) struct Runs<'t> {
    source: Source<'t>,
    ranges: Vec<KeyRange>,
    /// How many of its fields tell the groups apart.
    fields: usize,
}

impl<'t> Told<'t> {
    /// How the indexes tell what is asked of the matches that a way leads to; `None` where
    /// records must be read.
    pub(super) fn choose(
        table: &'t Table,
        filter: &Filter,
        access: &Access<'t, '_>,
        recipe: &Recipe,
        now: i64,
    ) -> Option<Told<'t>> {
        // Expired records are few; where they are not, reading what is left is the better way.
        let expired = table.expired(now);
        if expired > 0 && expired >= access.rows(table) {
            return None;
        }
        if recipe.group.is_empty() {
            let tells = |function: &Function<usize>| match function {
                Function::Count => count::is_told(table, access),
                Function::Least(position) | Function::Greatest(position) => {
                    let descending = matches!(function, Function::Greatest(_));
                    End::new(table.schema(), filter, *position, descending).is_told(table)
                }
                _ => false,
            };
            return recipe.functions.iter().all(tells).then_some(Told::Ends);
        }
        let counts = |function: &Function<usize>| *function == Function::Count;
        if !recipe.functions.iter().all(counts) {
            return None;
        }
        let bits = Told::bits(table, access, recipe).map(Told::Bits);
        bits.or_else(|| Runs::choose(table, filter, access, recipe).map(Told::Runs))
    }

    fn bits(
        table: &'t Table,
        access: &Access<'t, '_>,
        recipe: &Recipe,
    ) -> Option<BitmapSource<'t>> {
        let [position] = recipe.group.as_slice() else {
            return None;
        };
        let bits = source::bitmap(table, *position)?;
        if matches!(access.way, Way::Table) {
            return access.rest.is_empty().then_some(bits);
        }
        let segments = u64::from(table.records().end()) / (1 << 16) + 1;
        let compared = (bits.bitmap.values().len() as u64).saturating_mul(segments);
        let cheap = compared <= access.rows(table) / RECORDS;
        (cheap && count::is_told(table, access)).then_some(bits)
    }

    /// The groups and their counts. One whose records have all expired is there with none.
    ///
    /// # Errors
    /// TOOMANY.
    pub(super) fn gather(
        &self,
        table: &Table,
        filter: &Filter,
        access: &Access,
        recipe: &Recipe,
        now: i64,
        bounds: Bounds,
    ) -> Result<Groups> {
        Ok(match self {
            Told::Ends => ends(table, filter, access, recipe, now),
            Told::Bits(bits) => {
                let mut groups = Groups::new(table.schema(), recipe);
                let matches = match access.way {
                    Way::Table => None,
                    _ => count::rows(table, access),
                };
                for (key, all) in bits.bitmap.values() {
                    let Some(rows) = bits.bitmap.get(key) else {
                        continue;
                    };
                    let count = matches.as_ref().map_or(all, |m| m.intersection_len(rows));
                    add(&mut groups, key, rows.min().unwrap_or(Row::MAX), count);
                    groups.check(bounds)?;
                }
                leave_out_expired(&mut groups, table, filter, &recipe.group, now);
                groups
            }
            Told::Runs(runs) => {
                let mut groups = Groups::new(table.schema(), recipe);
                runs.gather(table.schema(), &mut groups, bounds)?;
                leave_out_expired(&mut groups, table, filter, runs.positions(), now);
                groups
            }
        })
    }

    /// What is done, for a person.
    pub(super) fn line(&self, schema: &Schema) -> String {
        match self {
            Told::Ends => "take what is asked from the indexes alone".into(),
            Told::Bits(bits) => format!(
                "count each value of the bitmap on ({})",
                source::names(schema, &[bits.position])
            ),
            Told::Runs(runs) => format!(
                "count each value of the index on ({})",
                source::names(schema, &runs.source.positions)
            ),
        }
    }
}

/// Adds to the count of a group.
fn add(groups: &mut Groups, key: &[u8], row: Row, more: u64) {
    if more == 0 {
        return;
    }
    let number = groups.enter(key, row);
    set_counts(groups.cells(number), |count| count + more);
}

/// Each function is COUNT: an aggregate has it once.
fn set_counts(cells: &mut [Cell], count: impl Fn(u64) -> u64) {
    for cell in cells {
        if let Cell::Count(number) = cell {
            *number = count(*number);
        }
    }
}

/// Counts off the records that have expired and are still held. `positions`: the fields of the
/// groups' keys.
fn leave_out_expired(
    groups: &mut Groups,
    table: &Table,
    filter: &Filter,
    positions: &[usize],
    now: i64,
) {
    // Records stand here by when they expire, so the expired are the first.
    let expired = usize::try_from(table.expired(now)).unwrap_or(usize::MAX);
    let rows = table.expiry().walk(&KeyRange::all()).take(expired);
    let mut key = Vec::new();
    for record in rows.filter_map(|row| table.record(row)) {
        if filter.matches(&record) {
            key.clear();
            for position in positions {
                record.value(*position).key_into(&mut key);
            }
            if let Some(cells) = groups.of_key(&key) {
                set_counts(cells, |count| count.saturating_sub(1));
            }
        }
    }
}

/// Counts, least and greatest values of all matches.
fn ends(table: &Table, filter: &Filter, access: &Access, recipe: &Recipe, now: i64) -> Groups {
    let mut groups = Groups::whole(table.schema(), recipe);
    for (cell, function) in groups.cells(0).iter_mut().zip(&recipe.functions) {
        match cell {
            Cell::Count(number) => *number = count::count(table, filter, access, now, u64::MAX),
            Cell::Least(found) | Cell::Greatest(found) => {
                let descending = matches!(function, Function::Greatest(_));
                if let Some(position) = function.field() {
                    *found =
                        End::new(table.schema(), filter, position, descending).value(table, now);
                }
            }
            Cell::Sum(..) => {}
        }
    }
    groups
}

/// The first match by one field, among those where it is not null.
struct End {
    filter: Filter,
    order: Order,
    position: usize,
}

impl End {
    fn new(schema: &Schema, filter: &Filter, position: usize, descending: bool) -> End {
        let not_null = Condition {
            position,
            values: ValueSet::not_null(),
            servable: true,
            served: crate::query::serve::leads(schema, position, false),
        };
        let id = (position != 0).then_some(0);
        End {
            filter: resolve::narrowed(filter, not_null),
            order: Order {
                fields: std::iter::once(position)
                    .chain(id)
                    .map(|position| Sorting {
                        position,
                        descending,
                    })
                    .collect(),
            },
            position,
        }
    }

    /// The way to it. Whether the filter is served has been asked before.
    fn strategy<'t>(&self, table: &'t Table) -> Option<Strategy<'t, '_>> {
        Strategy::choose(table, &self.filter, Some(self.order.clone()), true, 1).ok()
    }

    /// Whether an index that is in this order leads to it.
    fn is_told(&self, table: &Table) -> bool {
        self.strategy(table)
            .is_some_and(|strategy| strategy.walk.is_some())
    }

    fn value(&self, table: &Table, now: i64) -> Option<Value> {
        let rows = self.strategy(table)?.run(now, None, 1, false);
        let record = table.record(*rows.first()?)?;
        Some(record.value(self.position).to_value())
    }
}

impl<'t> Runs<'t> {
    /// The sorted set whose first fields are those of the groups, those of one value passed over.
    fn choose(
        table: &'t Table,
        filter: &Filter,
        access: &Access<'t, '_>,
        recipe: &Recipe,
    ) -> Option<Runs<'t>> {
        if !access.rest.is_empty() {
            return None;
        }
        match &access.way {
            Way::Table => source::sorted_sets(table)
                .filter(|source| !source.without_nulls)
                .find_map(|source| Runs::over(source, vec![KeyRange::all()], filter, recipe)),
            Way::Sorted(source, ranges) => {
                Runs::over(source.clone(), ranges.clone(), filter, recipe)
            }
            Way::Bits(..) | Way::Union(_) => None,
        }
    }

    fn over(
        source: Source<'t>,
        ranges: Vec<KeyRange>,
        filter: &Filter,
        recipe: &Recipe,
    ) -> Option<Runs<'t>> {
        let fixed = |position: usize| {
            let condition = source::condition(filter.root.conjuncts(), position);
            condition.is_some_and(|condition| condition.values.only().is_some())
        };
        let mut missing: SmallVec<[usize; 8]> = recipe.group.iter().copied().collect();
        let mut fields = 0;
        for position in &source.positions {
            if missing.is_empty() {
                break;
            }
            let before = missing.len();
            missing.retain(|group| group != position);
            if missing.len() == before && !fixed(*position) {
                return None;
            }
            fields += 1;
        }
        missing.is_empty().then_some(Runs {
            source,
            ranges,
            fields,
        })
    }

    /// The fields that tell the groups apart.
    fn positions(&self) -> &[usize] {
        self.source.positions.get(..self.fields).unwrap_or_default()
    }

    fn gather(&self, schema: &Schema, groups: &mut Groups, bounds: Bounds) -> Result<()> {
        let positions = self.positions().iter();
        let widths: Vec<Width> = positions.map(|p| Width::of(schema, *p)).collect();
        let mut ranges = self.ranges.iter();
        ranges.try_for_each(|range| run_over(self.source.set, range, &widths, groups, bounds))
    }
}

/// Counts the runs of one range. A group may go on in the next.
fn run_over(
    set: &SortedSet,
    range: &KeyRange,
    widths: &[Width],
    groups: &mut Groups,
    bounds: Bounds,
) -> Result<()> {
    let mut walk = set.walk(range);
    let (mut key, mut other) = (Vec::new(), Vec::new());
    let mut next = walk.next();
    while let Some(row) = next {
        key.clear();
        walk.key_into(&mut key);
        key.truncate(key_len(&key, widths));
        let mut count = 1;
        next = loop {
            if count == STEPS {
                let mut all = range.clone();
                walk::clip(&mut all, Some(&key), false);
                if let Some(end) = successor(&key) {
                    walk::clip(&mut all, Some(&end), true);
                }
                let all = set.count(&all);
                walk.skip_front(all.saturating_sub(count));
                count = all;
                break walk.next();
            }
            let Some(row) = walk.next() else { break None };
            other.clear();
            walk.key_into(&mut other);
            if !other.starts_with(&key) {
                break Some(row);
            }
            count += 1;
        };
        add(groups, &key, row, count);
        groups.check(bounds)?;
    }
    Ok(())
}
