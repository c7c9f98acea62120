//! A few values of a field, each with a walk of its own that gives the order: the first matches of
//! all are among the first of each.

use std::cell::Cell;

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
    /// The filter, with one value of the field each.
    parts: Vec<Filter>,
    /// Rows that the walks will meet together, nearly.
    pub(super) expected: u64,
    /// The field.
    pub(super) position: usize,
    /// The fields of the set that is walked.
    pub(super) walked: Vec<usize>,
    /// Rows that the walks have met.
    pub(super) met: Cell<u64>,
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
        // A field of the order is no field of one value to a position in it.
        let ordered = |position| order.fields.iter().any(|field| field.position == position);
        let several = conditions.filter(|condition| {
            (2..=MOST).contains(&condition.values.parts())
                && condition.values.is_points()
                && !ordered(condition.position)
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
                .map(|values| pinned(filter, condition.position, values))
                .collect(),
            expected: 0,
            position: condition.position,
            walked: Vec::new(),
            met: Cell::new(0),
        };
        for part in &merge.parts {
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
        for part in &self.parts {
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
            let all = super::super::select(&table, &query, || 0, 100).unwrap();
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
