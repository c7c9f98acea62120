//! Walking an index that gives the order asked for.

use std::cell::Cell;

use super::{
    executor::Checks,
    filter::Node,
    groups::{Groups, Taken},
    order::{Order, Sorting},
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
    /// How far the set gives the order.
    pub(super) given: Given,
    /// What leads up to a position: the set's fields, one for one, fixed by a condition or given
    /// by a place in the order.
    steps: Vec<Step>,
    /// How wide each step's keys are.
    pub(super) widths: Vec<Width>,
    /// How many rows it has met.
    pub(super) met: Cell<u64>,
}

/// How far a sorted set gives an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// To the last field.
    Whole,
    /// All but `id`, which comes last.
    AllButId {
        /// Whether the greatest id comes first.
        descending: bool,
    },
    /// Its first fields.
    First,
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
        let (steps, backward, given) = steps(&source, parts, order)?;
        let found = source::ranges(&source.positions, parts);
        let used = source.positions.get(..found.used).unwrap_or_default();
        let covered = |part: &&Node| !matches!(part, Node::Field(condition) if used.contains(&condition.position));
        let positions = source.positions.iter().take(steps.len());
        Some(OrderedWalk {
            rest: parts.iter().filter(covered).collect(),
            ranges: found.ranges,
            backward,
            given,
            widths: positions.map(|p| Width::of(table.schema(), *p)).collect(),
            steps,
            source,
            met: Cell::new(0),
        })
    }

    /// How many entries the ranges hold, nearly.
    pub(super) fn rows(&self) -> u64 {
        source::estimate(&self.ranges, |range| self.source.set.count(range))
    }

    /// The key bytes, up to the last step, of the entries that stand at a position.
    pub(super) fn key_at(&self, position: &Position) -> Vec<u8> {
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
            let past_group = (self.given == Given::Whole) != self.backward;
            let cut = if past_group {
                successor(&key)
            } else {
                Some(key)
            };
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
        let mut left = bounds.budget;
        let groups = Groups::new(self, table, order, checks, after, bounds.wanted);
        let found = self.run_ranges(&self.ranges_from(after), groups, &mut left);
        self.met.set(self.met.get() + (bounds.budget - left));
        found
    }

    /// Walks the ranges, meeting `left` rows at most.
    fn run_ranges(
        &self,
        ranges: &[KeyRange],
        mut groups: Groups,
        left: &mut u64,
    ) -> Option<Vec<Row>> {
        // Where a large group has been taken at once, what is left of a range lies beyond it.
        let mut beyond: Option<Vec<u8>> = None;
        let mut at = 0;
        while let Some(range) = ranges.get(at) {
            let mut range = range.clone();
            if let Some(key) = &beyond {
                clip(&mut range, self.past(key).as_deref(), self.backward);
            }
            match self.run_range(&range, &mut groups, left)? {
                Taken::Enough => return Some(groups.found),
                Taken::More => at += 1,
                Taken::Large => {
                    let key = groups.key.clone();
                    *left = left.checked_sub(groups.flush_large(ranges))?;
                    if groups.state() == Taken::Enough {
                        return Some(groups.found);
                    }
                    beyond = Some(key);
                }
            }
        }
        groups.flush();
        Some(groups.found)
    }

    /// Walks one range, until it ends, there are enough matches, or a group proves large.
    fn run_range(&self, range: &KeyRange, groups: &mut Groups, left: &mut u64) -> Option<Taken> {
        let mut walk = self.source.set.walk(range);
        let mut key = Vec::new();
        let by_key = self.given != Given::Whole && self.steps.len() == self.source.positions.len();
        loop {
            let next = if self.backward {
                walk.next_back()
            } else {
                walk.next()
            };
            let Some(row) = next else {
                return Some(Taken::More);
            };
            *left = left.checked_sub(1)?;
            // Where a group is of one whole key, to see that it ends takes no key.
            let ends = by_key && !walk.same_key_as_last();
            if ends && groups.end() == Taken::Enough {
                return Some(Taken::Enough);
            }
            if !groups.checks.pass(row) {
                continue;
            }
            let taken = if by_key {
                groups.join(row, &walk)
            } else {
                if self.given != Given::Whole {
                    key.clear();
                    walk.key_into(&mut key);
                }
                groups.add(row, &key)
            };
            match taken {
                Taken::More => {}
                taken => return Some(taken),
            }
        }
    }

    /// Where the walk goes on behind everything that starts with a key.
    fn past(&self, key: &[u8]) -> Option<Vec<u8>> {
        if self.backward {
            Some(key.to_vec())
        } else {
            successor(key)
        }
    }
}

/// Cuts a range at `cut`: to what is at or above it, or backward to what is below it. Without a
/// cut there is nothing above.
pub(super) fn clip(range: &mut KeyRange, cut: Option<&[u8]>, backward: bool) {
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

/// What the set's fields are to the order, its direction, and how far it gives the order.
/// `None` where it does not give the order of even one field.
fn steps(source: &Source, parts: &[Node], order: &Order) -> Option<(Vec<Step>, bool, Given)> {
    let fixed = |position: usize| {
        let values = &source::condition(parts, position)?.values;
        let mut key = Vec::new();
        values.only()?.key_into(&mut key);
        Some(key)
    };
    let wanted = order.fields.iter().enumerate();
    // A field of one value orders nothing.
    let mut wanted = wanted
        .filter(|(_, field)| fixed(field.position).is_none())
        .peekable();
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
    let given = match wanted.next() {
        None => Given::Whole,
        Some((_, last)) if last.position == 0 => Given::AllButId {
            descending: last.descending,
        },
        Some(_) => Given::First,
    };
    Some((steps, direction?, given))
}
