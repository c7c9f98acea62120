//! Aggregates: what the matches of a query come to, as a whole or group by group.
//!
//! ```text
//! Aggregation -> Recipe -> Groups -> Outcome
//!        resolve      gather or told   order, cut
//! ```
//!
//! Where an index tells what is asked, as a count or the end of a walk, it is taken from there;
//! else one pass over the matches gathers it. Nothing that is answered depends on which: sums are
//! exact until they are rounded once, and groups are in an order of their own.

mod cell;
mod ends;
mod exact;
mod function;
mod groups;
mod key_set;
#[cfg(test)]
mod laws;
mod outcome;
mod runs;
mod told;

pub use cell::Answer;
pub use function::Function;
pub use outcome::Outcome;

use super::{Query, filter::Filter, plan::Plan, planner::Strategy, resolve::filter, source};
use crate::{
    error::{Error, Result, quoted},
    schema::Schema,
    table::Table,
};
use groups::{Bounds, Groups, Recipe};
use told::{Matches, Told};

/// The most bytes that groups and the values of COUNT DISTINCT may take while they are gathered.
const MOST_BYTES: usize = 256 << 20;

/// What is asked of the matches of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation<'a> {
    /// Which records, and how many groups are answered, from which on. It orders nothing.
    pub query: Query<'a>,
    /// The fields that the records of a group have in common, without their `@`; none: all
    /// records are one group.
    pub group: Vec<&'a [u8]>,
    /// What is asked of each group.
    pub functions: Vec<Function<&'a [u8]>>,
    /// How the groups are ordered.
    pub order: Vec<ColumnOrder>,
}

/// A key of the outcome that groups are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnOrder {
    /// The key's place: the group's fields, then the functions.
    pub column: usize,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A key of the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As it is answered.
    pub key: Box<[u8]>,
    /// The field whose names an ENUM's values have.
    pub field: Option<usize>,
}

/// Which groups are answered, and in which order.
struct Cut {
    order: Vec<ColumnOrder>,
    limit: Option<u64>,
    offset: u64,
    most: u64,
}

impl Cut {
    /// How many of so many groups are answered.
    fn wanted(&self, groups: u64) -> Result<u64> {
        let left = groups.saturating_sub(self.offset);
        let wanted = self.limit.map_or(left, |limit| limit.min(left));
        match wanted > self.most {
            true => Err(groups::too_many(self.most)),
            false => Ok(wanted),
        }
    }

    /// How many groups may be gathered: where no LIMIT cuts them, as many as may be answered.
    fn most_groups(&self) -> u64 {
        match self.limit {
            Some(_) => u64::MAX,
            None => self.offset.saturating_add(self.most),
        }
    }
}

impl Aggregation<'_> {
    /// # Errors
    /// NOFIELD; BADVALUE where a function does not take its field's type; syntax where the groups
    /// have a field twice.
    fn resolve(&self, schema: &Schema) -> Result<(Recipe, Vec<Column>)> {
        let mut group = Vec::with_capacity(self.group.len());
        let mut columns = Vec::with_capacity(self.group.len() + self.functions.len());
        for field in &self.group {
            let position = schema.position(field)?;
            function::check_comparable(schema.field(position)?, "GROUP BY")?;
            if group.contains(&position) {
                return Err(Error::syntax(format!(
                    "syntax error: expected each field of GROUP BY once, found {} twice",
                    quoted(field)
                )));
            }
            group.push(position);
            columns.push(Column {
                key: (*field).into(),
                field: Some(position),
            });
        }
        let mut functions = Vec::with_capacity(self.functions.len());
        for function in &self.functions {
            let resolved = function.resolve(schema)?;
            columns.push(Column {
                key: function.key().into(),
                field: resolved.field(),
            });
            functions.push(resolved);
        }
        Ok((Recipe { group, functions }, columns))
    }

    fn cut(&self, most: u64) -> Cut {
        Cut {
            order: self.order.clone(),
            limit: self.query.limit,
            offset: self.query.offset,
            most,
        }
    }
}

/// What the matches come to. `now` is the command's clock; more than `most` rows are refused.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY.
pub fn aggregate(table: &Table, asked: &Aggregation<'_>, now: i64, most: u64) -> Result<Outcome> {
    aggregate_within(table, asked, now, most, MOST_BYTES)
}

fn aggregate_within(
    table: &Table,
    asked: &Aggregation<'_>,
    now: i64,
    most: u64,
    bytes: usize,
) -> Result<Outcome> {
    let (recipe, columns) = asked.resolve(table.schema())?;
    let filter = filter(table.schema(), &asked.query.predicate, now)?;
    let strategy = Strategy::choose(table, &filter, None, asked.query.scan, u64::MAX)?;
    let cut = asked.cut(most);
    if cut.limit == Some(0) {
        return Ok(Outcome::empty(columns));
    }
    let bounds = Bounds {
        groups: cut.most_groups(),
        most,
        bytes,
    };
    let matches = Matches {
        table,
        filter: &filter,
        access: &strategy.access,
        now,
    };
    let groups = match Told::choose(&matches, &recipe) {
        Some(told) => {
            // Groups of expired records alone are there as well until they are counted off.
            let bounds = Bounds {
                groups: u64::MAX,
                ..bounds
            };
            told.gather(&matches, &recipe, bounds)?
        }
        None => Groups::gather(table, &strategy.access, now, &recipe, bounds)?,
    };
    Outcome::of(table, &groups, &recipe, columns, &cut)
}

/// How an aggregate would be answered. Nothing is read but counts.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX.
pub fn explain_aggregate(table: &Table, asked: &Aggregation<'_>, now: i64) -> Result<Plan> {
    plan(table, asked, now, None)
}

/// How an aggregate of at most so many rows was answered: beside what was expected of each step
/// stands what it met.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY.
pub fn analyze_aggregate(
    table: &Table,
    asked: &Aggregation<'_>,
    now: i64,
    most: u64,
) -> Result<Plan> {
    plan(table, asked, now, Some(most))
}

/// The plan; carried out first where a number of rows says so.
fn plan(table: &Table, asked: &Aggregation<'_>, now: i64, most: Option<u64>) -> Result<Plan> {
    let schema = table.schema();
    let (recipe, columns) = asked.resolve(schema)?;
    let filter: Filter = filter(schema, &asked.query.predicate, now)?;
    let strategy = Strategy::choose(table, &filter, None, asked.query.scan, u64::MAX)?;
    let matches = Matches {
        table,
        filter: &filter,
        access: &strategy.access,
        now,
    };
    let told = Told::choose(&matches, &recipe);
    let key = |column: usize| {
        let key = columns.get(column).map_or(&[][..], |column| &column.key);
        key.escape_ascii().to_string()
    };
    let group = recipe.group.len();
    let mut plan = match &told {
        Some(told) => told.plan(&matches, &recipe, &|at| key(group + at)),
        None => {
            let functions: Vec<String> = (group..columns.len()).map(key).collect();
            let functions = functions.join(", ");
            if let Some(most) = most {
                let bounds = Bounds {
                    groups: asked.cut(most).most_groups(),
                    most,
                    bytes: MOST_BYTES,
                };
                Groups::gather(table, &strategy.access, now, &recipe, bounds)?;
            }
            let mut plan = Plan::of_access(table, &strategy.access, false, most.is_some());
            plan.add(match group {
                0 => format!("gather {functions} of all matches"),
                _ => {
                    let fields = source::names(schema, &recipe.group);
                    format!("gather {functions} of the matches of each ({fields})")
                }
            });
            plan
        }
    };
    if !asked.order.is_empty() {
        let keys = asked.order.iter().map(|sorting| match sorting.descending {
            true => key(sorting.column) + " DESC",
            false => key(sorting.column),
        });
        let keys = keys.collect::<Vec<_>>().join(", ");
        plan.add(format!("sort the groups by {keys}"));
    }
    plan.cut(asked.query.limit, asked.query.offset, "group");
    Ok(plan)
}
