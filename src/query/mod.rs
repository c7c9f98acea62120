//! Queries: a predicate, an order and a limit, answered through the table's indexes.
//!
//! ```text
//! tokens -> Predicate -> Filter -> Strategy -> rows
//!          parser       resolve   planner     executor, walk, sort, count
//! ```
//!
//! What a filter leaves of the logic of nulls is two-valued, see [`filter`]. Whether a query is
//! served is a rule about the schema alone; which of the ways that the schema offers is taken is
//! a matter of counts. Records that have expired and are still held are never answered.

mod access;
mod advice;
mod aggregate;
mod count;
mod cursor;
mod direct;
mod executor;
mod filter;
mod groups;
mod merge;
mod order;
mod parser;
mod plan;
mod planner;
mod predicate;
mod resolve;
mod row_set;
mod serve;
mod sort;
mod source;
mod value_set;
mod walk;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use aggregate::{
    Aggregation, Answer, Column, ColumnOrder, Function, Outcome, aggregate, analyze_aggregate,
    explain_aggregate,
};
pub use cursor::{from_hex, open, seal};
pub use filter::Filter;
pub use order::{OrderField, parse_order};
pub use parser::{MAX_DEPTH, parse_predicate};
pub use plan::Plan;
pub use predicate::{Comparison, Condition, Node, Predicate, Test, field_name};
pub use resolve::filter;

use smallvec::SmallVec;

use crate::{
    error::{Code, Error, Result},
    table::{Row, Table},
};
use order::Order;
use planner::Strategy;

/// The rows of a page where no LIMIT says how many.
pub const DEFAULT_PAGE: u64 = 100;

/// The rows of matches, few without an allocation.
pub type MatchedRows = SmallVec<[Row; 16]>;

/// Which records a command asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query<'a> {
    /// What they must be.
    pub predicate: Predicate<'a>,
    /// How they are ordered; unspecified where empty.
    pub order: Vec<OrderField<'a>>,
    /// How many at most.
    pub limit: Option<u64>,
    /// How many of the first are passed over.
    pub offset: u64,
    /// Whether a walk over the table is permitted.
    pub scan: bool,
}

impl<'a> Query<'a> {
    /// Every record that the predicate matches, in no order, through an index.
    pub fn of(predicate: Predicate<'a>) -> Query<'a> {
        Query {
            predicate,
            order: Vec::new(),
            limit: None,
            offset: 0,
            scan: false,
        }
    }
}

/// The rows of the matches, in order, OFFSET and LIMIT obeyed. `now` is the command's clock, which
/// need not be asked; more than `most` rows are refused.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY.
pub fn select(
    table: &Table,
    query: &Query<'_>,
    now: impl Fn() -> i64,
    most: u64,
) -> Result<MatchedRows> {
    let wanted = most_wanted(query.limit, most);
    let through = match wanted {
        0 => 0,
        _ => query.offset.saturating_add(wanted),
    };
    let mut rows = match direct::select(table, query, &now, through) {
        Some(rows) => rows,
        None => planned(table, query, now(), through, wanted > most)?.into(),
    };
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    rows.drain(..offset.min(rows.len()));
    refuse_more(rows.len(), most)?;
    Ok(rows)
}

/// The first row that [`select`] answers to a query without OFFSET.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn first(table: &Table, query: &Query<'_>, now: impl Fn() -> i64) -> Result<Option<Row>> {
    if let Some(row) = direct::first(table, query, &now) {
        return Ok(row);
    }
    Ok(planned(table, query, now(), 1, false)?.first().copied())
}

/// The first `wanted` rows, as a plan leads to them; any will do where so many are too many.
fn planned(
    table: &Table,
    query: &Query<'_>,
    now: i64,
    wanted: u64,
    any_will_do: bool,
) -> Result<Vec<Row>> {
    let filter = filter(table.schema(), &query.predicate, now)?;
    let order = planner::order(table, query)?;
    let strategy = Strategy::choose(table, &filter, order, query.scan, wanted)?;
    match wanted {
        0 => Ok(Vec::new()),
        _ => Ok(strategy.run(now, None, wanted, any_will_do)),
    }
}

/// How many matches there are, OFFSET and LIMIT obeyed.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn count(table: &Table, query: &Query<'_>, now: impl Fn() -> i64) -> Result<u64> {
    if let Some(count) = direct::count(table, query, &now) {
        return Ok(count.saturating_sub(query.offset));
    }
    let now = now();
    let filter = filter(table.schema(), &query.predicate, now)?;
    planner::order(table, query)?;
    let through = match query.limit {
        Some(limit) => query.offset.saturating_add(limit),
        None => u64::MAX,
    };
    let strategy = Strategy::choose(table, &filter, None, query.scan, through)?;
    if query.limit == Some(0) {
        return Ok(0);
    }
    let count = count::count(table, &filter, &strategy.access, now, through);
    Ok(count.min(through).saturating_sub(query.offset))
}

/// One page of a walk: the next cursor, `0` where the walk is over, and the rows after the
/// position that `cursor` says, `0` at first. Without an order the walk is by id. A page has
/// [`DEFAULT_PAGE`] rows where no LIMIT says how many; more than `most` are refused.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY, BADCURSOR; syntax for OFFSET or LIMIT 0.
pub fn page(
    table: &Table,
    query: &Query<'_>,
    cursor: &[u8],
    now: i64,
    most: u64,
) -> Result<(Vec<u8>, Vec<Row>)> {
    if query.offset > 0 || query.limit == Some(0) {
        return Err(Error::syntax(
            "syntax error: expected CURSOR with neither OFFSET nor LIMIT 0; leave them out",
        ));
    }
    let order = Order::resolve(table.schema(), &query.order)?;
    let hash = cursor::query_hash(table.schema(), &query.predicate, &order);
    let from = match cursor == cursor::EDGE {
        true => None,
        false => Some(cursor::decode(table, hash, &order, cursor)?),
    };
    let instant = from.as_ref().map_or(now, |from| from.now);
    let filter = filter(table.schema(), &query.predicate, instant)?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE.min(most).max(1));
    // One more than the page tells whether another follows.
    let wanted = limit.min(most).saturating_add(1);
    let strategy = Strategy::choose(table, &filter, Some(order), query.scan, wanted)?;
    let after = from.as_ref().map(|from| &from.position);
    let mut rows = strategy.run(now, after, wanted, false);
    if limit > most || rows.len() as u64 <= limit {
        refuse_more(rows.len(), most)?;
        return Ok((cursor::EDGE.to_vec(), rows));
    }
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = rows.last().and_then(|row| table.record(*row));
    let next = match (last, &strategy.order) {
        (Some(last), Some(order)) => cursor::encode(table, hash, instant, order, &last),
        _ => return Err(Error::internal("a page ends with a row without record")),
    };
    Ok((next, rows))
}

/// How a query would be answered. Nothing is read but counts.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn explain(table: &Table, query: &Query<'_>, now: i64) -> Result<Plan> {
    let filter = filter(table.schema(), &query.predicate, now)?;
    let wanted = query.offset.saturating_add(query.limit.unwrap_or(u64::MAX));
    let order = planner::order(table, query)?;
    let strategy = Strategy::choose(table, &filter, order, query.scan, wanted)?;
    Ok(Plan::of(table, query, &filter, &strategy, false))
}

/// How a query is answered, once it has been: beside what was expected of each step stands what it
/// met.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn analyze(table: &Table, query: &Query<'_>, now: i64, most: u64) -> Result<Plan> {
    let filter = filter(table.schema(), &query.predicate, now)?;
    let wanted = most_wanted(query.limit, most);
    let through = query.offset.saturating_add(wanted);
    let order = planner::order(table, query)?;
    let strategy = Strategy::choose(table, &filter, order, query.scan, through)?;
    if wanted > 0 {
        strategy.run(now, None, through, wanted > most);
    }
    Ok(Plan::of(table, query, &filter, &strategy, true))
}

/// How a count of the matches would be answered.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn explain_count(table: &Table, query: &Query<'_>, now: i64) -> Result<Plan> {
    let filter = filter(table.schema(), &query.predicate, now)?;
    planner::order(table, query)?;
    let strategy = Strategy::choose(table, &filter, None, query.scan, u64::MAX)?;
    Ok(Plan::of_count(table, &filter, &strategy, false))
}

/// How a count was answered: beside what was expected of each step stands what it met.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn analyze_count(table: &Table, query: &Query<'_>, now: i64) -> Result<Plan> {
    let filter = filter(table.schema(), &query.predicate, now)?;
    planner::order(table, query)?;
    let strategy = Strategy::choose(table, &filter, None, query.scan, u64::MAX)?;
    count::count(table, &filter, &strategy.access, now, u64::MAX);
    Ok(Plan::of_count(table, &filter, &strategy, true))
}

/// Calls `met` with the row of each match, in no order, until it answers false.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn each(
    table: &Table,
    predicate: &Predicate<'_>,
    scan: bool,
    now: i64,
    met: &mut dyn FnMut(Row) -> bool,
) -> Result<()> {
    let filter = filter(table.schema(), predicate, now)?;
    let strategy = Strategy::choose(table, &filter, None, scan, u64::MAX)?;
    let clock = executor::Clock::new(table, || now);
    executor::visit(table, &strategy.access, clock, u64::MAX, met);
    Ok(())
}

/// How many rows are asked for; one more than `most` where that might be more than `most`, to
/// tell whether it is.
fn most_wanted(limit: Option<u64>, most: u64) -> u64 {
    let beyond = most.saturating_add(1);
    limit.map_or(beyond, |limit| limit.min(beyond))
}

/// Nothing is ever cut silently.
fn refuse_more(rows: usize, most: u64) -> Result<()> {
    if rows as u64 > most {
        return Err(Error::new(
            Code::TooMany,
            format!(
                "expected at most {most} records, found more; use LIMIT or CURSOR, or raise the limit"
            ),
        ));
    }
    Ok(())
}
