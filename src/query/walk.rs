//! Walking an index that gives the order asked for.

use super::{
    executor::Checks,
    filter::Node,
    order::{Order, Sorting},
    sort::TopK,
    source::{self, Source, Width},
};
use crate::{
    index::{KeyRange, successor},
    table::{Row, Table},
};

/// A sorted set whose entries come in the order of the first fields of an ORDER BY.
///
/// Records that have these fields in common are a group; they follow each other, and are sorted
/// by what is left of the order when the last of them has been met.
pub(super) struct OrderedWalk<'t, 'f> {
    /// The sorted set.
    pub(super) source: Source<'t>,
    /// Its ranges, in its order.
    pub(super) ranges: Vec<KeyRange>,
    /// Whether it is walked from its end.
    pub(super) backward: bool,
    /// What the ranges do not ensure.
    pub(super) rest: Vec<&'f Node>,
    /// Whether the set gives the order to the last field.
    pub(super) whole: bool,
    /// What leads up to a position: the set's fields, one for one, fixed by a condition or given
    /// by a place in the order.
    steps: Vec<Step>,
    /// How wide each step's keys are.
    widths: Vec<Width>,
}

/// What one field of an ordered set is to the order.
enum Step {
    /// It has one value, which these key bytes are.
    Fixed(Vec<u8>),
    /// It is this place of the order.
    Ordered(usize),
}

/// A position in an order: the key bytes of each of its fields.
pub(super) struct Position {
    /// The values, by the fields of the order.
    pub(super) keys: Vec<Vec<u8>>,
    /// The bytes that sort as the record that stood here.
    pub(super) sort_key: Vec<u8>,
}

/// How far a walk may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// It ends with so many matches.
    pub(super) wanted: u64,
    /// It is given up after so many rows.
    pub(super) budget: u64,
}

impl<'t, 'f> OrderedWalk<'t, 'f> {
    /// Every set that gives the order of the records for which all `parts` hold.
    pub(super) fn all(table: &'t Table, parts: &'f [Node], order: &Order) -> Vec<Self> {
        source::sorted_sets(table)
            .filter_map(|source| OrderedWalk::over(table, source, parts, order))
            .collect()
    }

    fn over(
        table: &'t Table,
        source: Source<'t>,
        parts: &'f [Node],
        order: &Order,
    ) -> Option<Self> {
        let first = *source.positions.first()?;
        if source.without_nulls && source::condition(parts, first).is_none_or(|c| c.values.null) {
            return None;
        }
        let (steps, backward, whole) = steps(&source, parts, order)?;
        let found = source::ranges(&source.positions, parts);
        let used = source.positions.get(..found.used).unwrap_or_default();
        let covered = |part: &&Node| {
            !matches!(part, Node::Field(condition) if used.contains(&condition.position))
        };
        let positions = source.positions.iter().take(steps.len());
        Some(OrderedWalk {
            rest: parts.iter().filter(covered).collect(),
            ranges: found.ranges,
            backward,
            whole,
            widths: positions.map(|p| Width::of(table.schema(), *p)).collect(),
            steps,
            source,
        })
    }

    /// How many entries the ranges hold, nearly.
    pub(super) fn rows(&self) -> u64 {
        source::estimate(&self.ranges, |range| self.source.set.count(range))
    }

    /// The key bytes, up to the last step, of the entries that stand at a position.
    fn key_at(&self, position: &Position) -> Vec<u8> {
        let mut key = Vec::new();
        for step in &self.steps {
            match step {
                Step::Fixed(bytes) => key.extend_from_slice(bytes),
                Step::Ordered(place) => {
                    key.extend_from_slice(position.keys.get(*place).map_or(&[], Vec::as_slice));
                }
            }
        }
        key
    }

    /// The ranges in the order of the walk, cut so that it begins where `after` stands.
    fn ranges_from(&self, after: Option<&Position>) -> Vec<KeyRange> {
        let mut ranges = self.ranges.clone();
        if let Some(position) = after {
            let key = self.key_at(position);
            // A group may have members on both sides of the position, a whole order's key has none.
            let past_group = self.whole != self.backward;
            let cut = if past_group { successor(&key) } else { Some(key) };
            for range in &mut ranges {
                clip(range, cut.as_deref(), self.backward);
            }
            ranges.retain(|range| !range.is_empty());
        }
        if self.backward {
            ranges.reverse();
        }
        ranges
    }

    /// The matches in order, those after a position where one is given, as many as are wanted.
    /// `None` where the budget did not reach.
    pub(super) fn run(
        &self,
        table: &Table,
        order: &Order,
        checks: &Checks,
        after: Option<&Position>,
        bounds: Bounds,
    ) -> Option<Vec<Row>> {
        let ranges = self.ranges_from(after);
        let mut groups = Groups {
            walk: self,
            table,
            order,
            after,
            wanted: bounds.wanted,
            key: Vec::new(),
            members: Vec::new(),
            found: Vec::new(),
        };
        let mut left = bounds.budget;
        let mut key = Vec::new();
        for range in &ranges {
            let mut walk = self.source.set.walk(range);
            loop {
                let next = if self.backward { walk.next_back() } else { walk.next() };
                let Some(row) = next else { break };
                left = left.checked_sub(1)?;
                if !checks.pass(row) {
                    continue;
                }
                if !self.whole {
                    key.clear();
                    walk.key_into(&mut key);
                }
                if groups.add(row, &key) {
                    return Some(groups.found);
                }
            }
        }
        groups.flush();
        Some(groups.found)
    }
}

/// Cuts a range at `cut`: to what is at or above it, or backward to what is below it. Without a
/// cut there is nothing above.
fn clip(range: &mut KeyRange, cut: Option<&[u8]>, backward: bool) {
    match (cut, backward) {
        (Some(cut), false) => {
            if range.low.as_slice() < cut {
                range.low = cut.to_vec();
            }
        }
        (Some(cut), true) => {
            if range.high.as_ref().is_none_or(|high| high.as_slice() > cut) {
                range.high = Some(cut.to_vec());
            }
        }
        (None, false) => range.high = Some(range.low.clone()),
        (None, true) => {}
    }
}

/// What the set's fields are to the order, its direction, and whether it gives the order whole.
/// `None` where it does not give the order of even one field.
fn steps(source: &Source, parts: &[Node], order: &Order) -> Option<(Vec<Step>, bool, bool)> {
    let fixed = |position: usize| {
        let values = &source::condition(parts, position)?.values;
        let mut key = Vec::new();
        values.only()?.key_into(&mut key);
        Some(key)
    };
    let wanted = order.fields.iter().enumerate();
    // A field of one value orders nothing.
    let mut wanted = wanted.filter(|(_, field)| fixed(field.position).is_none()).peekable();
    let mut steps = Vec::new();
    let mut direction = None;
    for position in &source.positions {
        if let Some(key) = fixed(*position) {
            steps.push(Step::Fixed(key));
            continue;
        }
        let fits = |(_, field): &(usize, &Sorting)| {
            field.position == *position && direction.is_none_or(|d| d == field.descending)
        };
        let Some((place, field)) = wanted.next_if(fits) else {
            break;
        };
        direction = Some(field.descending);
        steps.push(Step::Ordered(place));
    }
    let whole = wanted.peek().is_none();
    Some((steps, direction?, whole))
}

/// Gathers records that have the fields of a walk's steps in common.
struct Groups<'w, 't, 'f> {
    walk: &'w OrderedWalk<'t, 'f>,
    table: &'w Table,
    order: &'w Order,
    after: Option<&'w Position>,
    wanted: u64,
    /// The key that the members have in common.
    key: Vec<u8>,
    members: Vec<Row>,
    found: Vec<Row>,
}

impl Groups<'_, '_, '_> {
    /// Takes the next match; true where there are enough now.
    fn add(&mut self, row: Row, key: &[u8]) -> bool {
        if self.walk.whole {
            self.found.push(row);
            return self.is_full();
        }
        let len = source::key_len(key, &self.walk.widths);
        let key = key.get(..len).unwrap_or(key);
        if self.members.is_empty() || self.key != key {
            self.flush();
            self.key.clear();
            self.key.extend_from_slice(key);
            if self.is_full() {
                return true;
            }
        }
        self.members.push(row);
        false
    }

    fn is_full(&self) -> bool {
        self.found.len() as u64 >= self.wanted
    }

    /// Sorts the members of the group and takes those that are wanted.
    fn flush(&mut self) {
        if self.members.is_empty() {
            return;
        }
        let at_position = self.after.filter(|position| self.walk.key_at(position) == self.key);
        if let ([only], None) = (self.members.as_slice(), at_position) {
            self.found.push(*only);
            self.members.clear();
            return;
        }
        let mut top = TopK::new(self.wanted.saturating_sub(self.found.len() as u64));
        let mut key = Vec::new();
        for row in self.members.drain(..) {
            let Some(record) = self.table.record(row) else {
                continue;
            };
            key.clear();
            self.order.key_into(&record, &mut key);
            if at_position.is_none_or(|position| key > position.sort_key) {
                top.push(&key, row);
            }
        }
        self.found.append(&mut top.finish());
    }
}
