//! A few values of a field, each with a walk of its own that gives the order: the first matches of
//! all are among the first of each.

use std::{cell::Cell, cmp::Ordering};

use super::{
    access,
    executor::{Checks, Clock},
    filter::{Condition, Filter, Node},
    order::Order,
    planner::choose_walk,
    serve,
    sort::TopK,
    value_set::ValueSet,
    walk::{Bounds, Position},
};
use crate::{
    table::{Row, Table},
    value::key::Interval,
};

/// More values are not walked each by itself.
const MOST: usize = 64;

/// A filter taken apart by the values of one field.
pub(super) struct Merge {
    /// The filter, with one value of the field each, and the value's key.
    parts: Vec<(Filter, Vec<u8>)>,
    /// Rows that the walks will meet together, nearly.
    pub(super) expected: u64,
    /// The field.
    pub(super) position: usize,
    /// The fields of the set that is walked.
    pub(super) walked: Vec<usize>,
    /// Rows that the walks have met.
    pub(super) met: Cell<u64>,
}

/// Where the walk of one value begins.
enum Begin<'p> {
    Start,
    /// Behind this position.
    After(&'p Position),
    /// All its matches lie before the position.
    Nowhere,
    /// Somewhere in the midst, which no position of its own order tells.
    Unknown,
}

impl Merge {
    /// The best way to take a filter apart so that walks give the first `wanted` matches in order.
    /// `None` where there is none that meets fewer rows than `most`.
    pub(super) fn choose(
        table: &Table,
        filter: &Filter,
        order: &Order,
        wanted: u64,
        most: u64,
    ) -> Option<Merge> {
        let conditions = filter
            .root
            .conjuncts()
            .iter()
            .filter_map(|part| match part {
                Node::Field(condition) => Some(condition),
                _ => None,
            });
        let several = conditions.filter(|condition| {
            (2..=MOST).contains(&condition.values.parts()) && condition.values.is_points()
        });
        several
            .filter_map(|condition| Merge::by(table, filter, condition, order, wanted, most))
            .min_by_key(|merge| merge.expected)
    }

    fn by(
        table: &Table,
        filter: &Filter,
        condition: &Condition,
        order: &Order,
        wanted: u64,
        most: u64,
    ) -> Option<Merge> {
        // Each walk's first matches are sorted once more.
        let values = condition.values.parts() as u64;
        if wanted.saturating_mul(values) >= most {
            return None;
        }
        let mut merge = Merge {
            parts: points(&condition.values)
                .map(|values| {
                    let mut key = Vec::new();
                    if let Some(only) = values.only() {
                        only.key_into(&mut key);
                    }
                    (pinned(filter, condition.position, values), key)
                })
                .collect(),
            expected: 0,
            position: condition.position,
            walked: Vec::new(),
            met: Cell::new(0),
        };
        for (part, _) in &merge.parts {
            let access = access::choose(table, &part.root, serve::is_served(&part.root));
            let walk = choose_walk(table, part, order, &access, wanted)?;
            merge.walked = walk.ordered.source.positions.to_vec();
            merge.expected = merge.expected.saturating_add(walk.expected);
            if merge.expected >= most {
                return None;
            }
        }
        Some(merge)
    }

    /// How many walks there are.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Where the walk of one value begins, given the position that the matches lie behind.
    fn begin<'p>(&self, value: &[u8], order: &Order, after: Option<&'p Position>) -> Begin<'p> {
        let Some(position) = after else {
            return Begin::Start;
        };
        let mut fields = order.fields.iter();
        let Some(place) = fields.position(|field| field.position == self.position) else {
            return Begin::After(position);
        };
        let there = position.keys.get(place).map_or(&[][..], Vec::as_slice);
        let descending = order.fields.get(place).is_some_and(|f| f.descending);
        match (value.cmp(there), place) {
            (Ordering::Equal, _) => Begin::After(position),
            // The position stands in another value's walk: this one lies before it or behind.
            (side, 0) if side.is_gt() != descending => Begin::Start,
            (_, 0) => Begin::Nowhere,
            _ => Begin::Unknown,
        }
    }

    /// The first `wanted` matches. `None` where a walk was given up.
    pub(super) fn run(
        &self,
        table: &Table,
        order: &Order,
        clock: Clock,
        after: Option<&Position>,
        wanted: u64,
    ) -> Option<Vec<Row>> {
        let mut top = TopK::new(wanted);
        let mut key = Vec::new();
        for (part, value) in &self.parts {
            let after = match self.begin(value, order, after) {
                Begin::Nowhere => continue,
                Begin::After(position) => Some(position),
                Begin::Start => None,
                Begin::Unknown => return None,
            };
            let access = access::choose(table, &part.root, serve::is_served(&part.root));
            let walk = choose_walk(table, part, order, &access, wanted)?;
            let checks = Checks::new(table, &walk.ordered.rest, || walk.expected, clock);
            let bounds = Bounds {
                wanted,
                budget: walk.budget,
            };
            let found = walk.ordered.run(table, order, &checks, after, bounds);
            self.met.set(self.met.get() + walk.ordered.met.get());
            for row in found? {
                if let Some(record) = table.record(row) {
                    key.clear();
                    order.key_into(&record, &mut key);
                    top.push(&key, row);
                }
            }
        }
        Some(top.finish())
    }
}

/// A set for each single value.
fn points(values: &ValueSet) -> impl Iterator<Item = ValueSet> + '_ {
    let null = values.null.then(ValueSet::null);
    let single = |interval: &Interval| ValueSet::interval(interval.clone());
    null.into_iter().chain(values.intervals.iter().map(single))
}

/// The filter with these values of a field alone.
fn pinned(filter: &Filter, position: usize, values: ValueSet) -> Filter {
    let mut parts = filter.root.conjuncts().to_vec();
    for part in &mut parts {
        if let Node::Field(condition) = part {
            if condition.position == position {
                condition.values = values;
                break;
            }
        }
    }
    Filter {
        root: Node::All(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{fixture::*, page};
    use crate::value::Value;

    #[test]
    fn a_page_behind_one_value_goes_on_with_the_others() {
        // Of two records of neighbouring ids the values lie far apart.
        let mut table = table("ADD FIELD a INTEGER ADD FIELD b INTEGER TIMESTAMPS OFF");
        for id in 1..=60 {
            let (a, b) = (Value::Integer(id % 3), Value::Integer(id % 4));
            put(&mut table, &[Value::Integer(id), a, b, Value::Null]);
        }
        for order in ["a", "a DESC", "b a", "b a DESC", "a DESC b", "b DESC id"] {
            let (line, order) = (words("a IN 3 0 1 2 AND b IN 2 1 3"), words(order));
            let mut query = query(&line, &order);
            let all = super::super::select(&table, &query, 0, 100).unwrap();
            for limit in 1..5 {
                query.limit = Some(limit);
                let (mut found, mut cursor) = (Vec::new(), b"0".to_vec());
                loop {
                    let (next, mut rows) = page(&table, &query, &cursor, 0, 100).unwrap();
                    found.append(&mut rows);
                    cursor = next;
                    if cursor == b"0" {
                        break;
                    }
                }
                assert_eq!(ids(&table, &found), ids(&table, &all), "{order:?} {limit}");
            }
        }
    }
}
