//! Of all matches as one group: counts by the indexes, least and greatest values at the ends of
//! walks or among the values of an index.

use super::{
    cell::Cell,
    function::Function,
    groups::{Bounds, Groups, Recipe},
    told::{Matches, Told},
};
use crate::{
    error::Result,
    query::{
        count,
        filter::{Condition, Filter},
        order::{Order, Sorting},
        plan::Plan,
        planner::Strategy,
        resolve, serve,
        value_set::ValueSet,
    },
    table::Table,
    value::{Value, ValueRef},
};

/// Each function is planned on its own; of more than so many one pass is the better way.
const MOST: usize = 16;

/// Whether indexes tell every function.
pub(super) fn are_told(matches: &Matches, recipe: &Recipe) -> bool {
    let tells = |function: &Function<usize>| match *function {
        Function::Count => count::is_told(matches.table, matches.access),
        function => Teller::of(matches, function).is_some(),
    };
    recipe.functions.len() <= MOST && recipe.functions.iter().all(tells)
}

/// What every function answers.
///
/// # Errors
/// TOOMANY.
pub(super) fn gather(matches: &Matches, recipe: &Recipe, bounds: Bounds) -> Result<Groups> {
    let mut groups = Groups::whole(matches.table.schema(), recipe);
    for (cell, function) in groups.cells(0).iter_mut().zip(&recipe.functions) {
        if *function == Function::Count {
            let Matches {
                table,
                filter,
                access,
                now,
            } = *matches;
            *cell = Cell::Count(count::count(table, filter, access, now, u64::MAX));
        } else if let Some(teller) = Teller::of(matches, *function) {
            teller.gather(matches, cell, bounds)?;
        }
    }
    Ok(groups)
}

/// What is done, for a person.
pub(super) fn plan(matches: &Matches, recipe: &Recipe, key: &dyn Fn(usize) -> String) -> Plan {
    let mut plan = match recipe.functions.contains(&Function::Count) {
        true => Plan::of_access(matches.table, matches.access, true, false),
        false => Plan::new(false),
    };
    for (at, function) in recipe.functions.iter().enumerate() {
        let key = key(at);
        match Teller::of(matches, *function) {
            Some(teller) => teller.plan(matches.table, &key, &mut plan),
            None => plan.add(format!("take {key} from the indexes alone")),
        }
    }
    plan
}

/// What tells a function of a field.
enum Teller<'t> {
    /// The first match of an ordered walk.
    End(Box<End>),
    /// The values that the field has.
    Values(usize, Told<'t>),
}

impl<'t> Teller<'t> {
    fn of(matches: &Matches<'t, '_>, function: Function<usize>) -> Option<Teller<'t>> {
        if matches!(function, Function::Sum(_) | Function::Average(_)) {
            return None;
        }
        let end = End::of(matches.table, matches.filter, function);
        if let Some(end) = end {
            return Some(Teller::End(Box::new(end)));
        }
        let position = function.field()?;
        let told = Told::choose(matches, &Recipe::of_values(position))?;
        Some(Teller::Values(position, told))
    }

    fn gather(&self, matches: &Matches, cell: &mut Cell, bounds: Bounds) -> Result<()> {
        match self {
            Teller::End(end) => {
                let value = end.value(matches.table, matches.now);
                value.iter().for_each(|value| cell.add(&value.as_ref()));
            }
            Teller::Values(position, told) => {
                let values = told.gather(matches, &Recipe::of_values(*position), bounds)?;
                each_value(matches.table, &values, *position, |value| cell.add(value));
            }
        }
        Ok(())
    }

    fn plan(&self, table: &Table, key: &str, plan: &mut Plan) {
        match self {
            Teller::End(end) => {
                if let Some(walk) = end.strategy(table).and_then(|strategy| strategy.walk) {
                    plan.walk(table.schema(), &walk);
                    plan.add(format!("take {key} from the first match"));
                }
            }
            Teller::Values(_, told) => {
                plan.add(format!(
                    "take {key} from the values of {}",
                    told.index(table)
                ));
            }
        }
    }
}

/// Calls `met` with each value, null apart, that groups by one field have.
fn each_value(table: &Table, groups: &Groups, position: usize, mut met: impl FnMut(&ValueRef<'_>)) {
    for (number, row) in groups.rows.iter().enumerate() {
        if matches!(groups.cell(number, 0), Some(Cell::Count(0))) {
            continue;
        }
        if let Some(value) = table.record(*row).map(|record| record.value(position)) {
            if !value.is_null() {
                met(&value);
            }
        }
    }
}

/// The first match by one field, among those where it is not null.
struct End {
    filter: Filter,
    order: Order,
    position: usize,
}

impl End {
    /// The end at which a function finds its value, where an index that is in this order leads
    /// to it.
    fn of(table: &Table, filter: &Filter, function: Function<usize>) -> Option<End> {
        let (position, descending) = match function {
            Function::Least(position) => (position, false),
            Function::Greatest(position) => (position, true),
            _ => return None,
        };
        let not_null = Condition {
            position,
            values: ValueSet::not_null(),
            servable: true,
            served: serve::leads(table.schema(), position, false),
        };
        let id = (position != 0).then_some(0);
        let fields = std::iter::once(position).chain(id);
        let end = End {
            filter: resolve::narrowed(filter, not_null),
            order: Order {
                fields: fields
                    .map(|position| Sorting {
                        position,
                        descending,
                    })
                    .collect(),
            },
            position,
        };
        let told = end.strategy(table).is_some_and(|s| s.walk.is_some());
        told.then_some(end)
    }

    /// The way to it. Whether the filter is served has been asked before.
    fn strategy<'t>(&self, table: &'t Table) -> Option<Strategy<'t, '_>> {
        Strategy::choose(table, &self.filter, Some(self.order.clone()), true, 1).ok()
    }

    fn value(&self, table: &Table, now: i64) -> Option<Value> {
        let rows = self.strategy(table)?.run(now, None, 1, false);
        let record = table.record(*rows.first()?)?;
        Some(record.value(self.position).to_value())
    }
}
