//! The choice of how a query is answered, and carrying it out.

use std::cell::Cell;

use super::{
    Query,
    access::{self, Access},
    executor::{Checks, Clock, visit},
    filter::Filter,
    merge::Merge,
    order::Order,
    serve,
    sort::TopK,
    walk::{Bounds, Given, OrderedWalk, Position},
};
use crate::{
    error::Result,
    table::{Row, Table},
};

/// A walk in order may always meet so many rows before it is given up.
const LEAST_BUDGET: u64 = if cfg!(any(test, fuzzing)) { 4 } else { 256 };

/// How a query is answered.
pub(super) struct Strategy<'t, 'f> {
    table: &'t Table,
    /// The way to the matches, however they are ordered.
    pub(super) access: Access<'t, 'f>,
    /// The index that gives the order, where walking it is the better way.
    pub(super) walk: Option<Walk<'t, 'f>>,
    /// Walks that give it value by value, where those are better still.
    pub(super) merge: Option<Merge>,
    /// The order, where one is asked for.
    pub(super) order: Option<Order>,
    /// Whether the walks were given up, and the matches sorted instead.
    pub(super) sorted: Cell<bool>,
}

/// A walk in order and how many rows it may meet before sorting is the better way after all.
pub(super) struct Walk<'t, 'f> {
    /// The walk.
    pub(super) ordered: OrderedWalk<'t, 'f>,
    /// Rows it will meet, nearly.
    pub(super) expected: u64,
    pub(super) budget: u64,
}

/// The order that a query asks for.
pub(super) fn order(table: &Table, query: &Query) -> Result<Option<Order>> {
    match query.order.is_empty() {
        true => Ok(None),
        false => Order::resolve(table.schema(), &query.order).map(Some),
    }
}

impl<'t, 'f> Strategy<'t, 'f> {
    /// The cheapest way to the first `wanted` matches of a filter, in order where one is given.
    ///
    /// # Errors
    /// NOINDEX.
    pub(super) fn choose(
        table: &'t Table,
        filter: &'f Filter,
        order: Option<Order>,
        scan: bool,
        wanted: u64,
    ) -> Result<Strategy<'t, 'f>> {
        serve::check(table, filter, scan)?;
        let served = serve::is_served(&filter.root);
        let access = access::choose(table, &filter.root, served);
        let walk = order
            .as_ref()
            .and_then(|order| choose_walk(table, filter, order, &access, wanted));
        let merge = order.as_ref().and_then(|order| {
            let most = walk.as_ref().map(|walk| walk.expected);
            let most = most.unwrap_or_else(|| access.rows(table));
            Merge::choose(table, filter, order, wanted, most)
        });
        Ok(Strategy {
            table,
            access,
            walk,
            merge,
            order,
            sorted: Cell::new(false),
        })
    }

    /// The first `wanted` matches, those after a position where one is given. Where there are so
    /// many and any will do, they need not be the first.
    pub(super) fn run(
        &self,
        now: i64,
        after: Option<&Position>,
        wanted: u64,
        any_will_do: bool,
    ) -> Vec<Row> {
        let clock = Clock::new(self.table, || now);
        let Some(order) = &self.order else {
            return self.collect(clock, wanted);
        };
        if let Some(merge) = &self.merge {
            if let Some(found) = merge.run(self.table, order, clock, after, wanted) {
                return found;
            }
        }
        if let Some(walk) = &self.walk {
            let checks = Checks::new(self.table, &walk.ordered.rest, || walk.expected, clock);
            let bounds = Bounds {
                wanted,
                budget: walk.budget,
            };
            if let Some(found) = walk.ordered.run(self.table, order, &checks, after, bounds) {
                return found;
            }
        }
        self.sorted.set(true);
        self.sort(order, clock, after, wanted, any_will_do)
    }

    fn collect(&self, clock: Clock, wanted: u64) -> Vec<Row> {
        let mut found = Vec::new();
        visit(self.table, &self.access, clock, wanted, &mut |row| {
            found.push(row);
            (found.len() as u64) < wanted
        });
        found
    }

    fn sort(
        &self,
        order: &Order,
        clock: Clock,
        after: Option<&Position>,
        wanted: u64,
        any_will_do: bool,
    ) -> Vec<Row> {
        let mut top = TopK::new(wanted);
        let mut key = Vec::new();
        let mut left = wanted;
        let met = if any_will_do { wanted } else { u64::MAX };
        visit(self.table, &self.access, clock, met, &mut |row| {
            let Some(record) = self.table.record(row) else {
                return true;
            };
            key.clear();
            order.key_into(&record, &mut key);
            if after.is_none_or(|position| key > position.sort_key) {
                top.push(&key, row);
                left = left.saturating_sub(1);
            }
            !any_will_do || left > 0
        });
        top.finish()
    }
}

/// The set whose order spares the most, if any does.
pub(super) fn choose_walk<'t, 'f>(
    table: &'t Table,
    filter: &'f Filter,
    order: &Order,
    access: &Access<'t, 'f>,
    wanted: u64,
) -> Option<Walk<'t, 'f>> {
    let mut walks = OrderedWalk::all(table, filter.root.conjuncts(), order);
    if walks.is_empty() {
        return None;
    }
    let sorted = access.rows(table);
    let choices = walks.drain(..).map(|ordered| {
        let rows = ordered.rows();
        let expected = expected(&ordered, rows, sorted, wanted);
        let budget = if rows <= sorted {
            u64::MAX
        } else {
            sorted.max(LEAST_BUDGET)
        };
        Walk {
            ordered,
            expected,
            budget,
        }
    });
    let best = choices.min_by_key(|walk| (walk.expected, walk.ordered.given != Given::Whole))?;
    // A walk that meets as many rows as there are to sort still spares the sorting.
    (best.expected <= sorted).then_some(best)
}

/// How many rows a walk in order will meet before it has met enough matches, if matches lie
/// evenly among them.
fn expected(ordered: &OrderedWalk, rows: u64, sorted: u64, wanted: u64) -> u64 {
    let matches = match ordered.rest.is_empty() {
        true => rows,
        false => sorted.min(rows),
    };
    if wanted >= matches {
        return rows;
    }
    let share = u128::from(rows) * u128::from(wanted) / u128::from(matches.max(1));
    u64::try_from(share).unwrap_or(u64::MAX).max(wanted)
}
