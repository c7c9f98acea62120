//! A plan as a person reads it.

use std::fmt;

use super::{
    Query,
    access::{Access, Way},
    advice::advise,
    count::is_told,
    filter::{Filter, Node},
    merge::Merge,
    order::Order,
    planner::{Strategy, Walk},
    source::names,
    walk::Given,
};
use crate::{schema::Schema, table::Table};

/// How a query would be answered, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    lines: Vec<String>,
    /// Whether indexes alone tell what is asked.
    told: bool,
    /// Whether it has been carried out, and says how many rows it met.
    done: bool,
}

impl Plan {
    /// The lines, the first step first; a step that belongs to another is indented.
    pub fn lines(self) -> Vec<String> {
        self.lines
    }

    /// The plan of a count, carried out where it is `done`.
    pub(super) fn of_count(
        table: &Table,
        filter: &Filter,
        strategy: &Strategy,
        done: bool,
    ) -> Plan {
        let told = is_told(table, &strategy.access);
        let mut plan = Plan::of_access(table, &strategy.access, told, done);
        plan.add(match plan.told {
            true => "count by the indexes alone".into(),
            false => "count the matches".into(),
        });
        if !plan.told {
            plan.lines.extend(advise(table, &filter.root, strategy));
        }
        plan
    }

    /// A plan without steps, of what has been carried out where it is `done`.
    pub(super) fn new(done: bool) -> Plan {
        Plan {
            lines: Vec::new(),
            told: false,
            done,
        }
    }

    /// The way to the matches. `told`: whether indexes alone tell what is asked of them.
    pub(super) fn of_access(table: &Table, access: &Access, told: bool, done: bool) -> Plan {
        let mut plan = Plan {
            told,
            ..Plan::new(done)
        };
        plan.access(table, access, 0);
        plan
    }

    /// Adds a step.
    pub(super) fn add(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Adds what LIMIT and OFFSET leave, where they stand.
    pub(super) fn cut(&mut self, limit: Option<u64>, offset: u64, what: &str) {
        if limit.is_some() || offset > 0 {
            let limit = limit.map_or("all".into(), |limit| limit.to_string());
            let first = offset.saturating_add(1);
            self.add(format!("answer {limit} of them from {what} {first} on"));
        }
    }

    /// The way of an ordered walk.
    pub(super) fn walk(&mut self, schema: &Schema, walk: &Walk) {
        let ordered = &walk.ordered;
        let way = if ordered.backward {
            "backward"
        } else {
            "forward"
        };
        self.add(format!(
            "walk the index on ({}) {way}, {} with {} entries: {} {} examined{}",
            names(schema, &ordered.source.positions),
            ranges(ordered.ranges.len()),
            ordered.rows(),
            // How rare matches are among them nobody counts.
            match ordered.rest.is_empty() {
                true => "about",
                false => "at least",
            },
            records(walk.expected),
            self.in_fact(ordered.met.get())
        ));
        self.rest(schema, &ordered.rest, 0);
    }

    /// What a step costs, and has cost.
    fn cost(&self, rows: u64, met: u64) -> String {
        match self.told {
            true => format!("{rows} of them, no record examined"),
            false => format!("about {} examined{}", records(rows), self.in_fact(met)),
        }
    }

    /// How many rows a step has met.
    fn in_fact(&self, met: u64) -> String {
        match self.done {
            true => format!(", {met} in fact"),
            false => String::new(),
        }
    }

    /// The plan of a strategy, carried out where it is `done`.
    pub(super) fn of(
        table: &Table,
        query: &Query,
        filter: &Filter,
        strategy: &Strategy,
        done: bool,
    ) -> Plan {
        let mut plan = Plan {
            lines: Vec::new(),
            told: false,
            done,
        };
        let schema = table.schema();
        match (&strategy.walk, &strategy.order) {
            _ if strategy.merge.is_some() => strategy
                .merge
                .iter()
                .for_each(|merge| plan.merge(schema, merge)),
            (Some(walk), _) => {
                plan.walk(schema, walk);
                plan.lines.push(match walk.ordered.given {
                    Given::Whole => "the index gives the order".into(),
                    _ => "the index gives the order, records equal in it are sorted".into(),
                });
            }
            (None, order) => {
                plan.access(table, &strategy.access, 0);
                if let Some(order) = order {
                    plan.sort(schema, order);
                }
            }
        }
        let walked = strategy.walk.is_some() || strategy.merge.is_some();
        if let (true, true, Some(order)) = (walked, strategy.sorted.get(), &strategy.order) {
            plan.add("give the walk up: matches are rarer in it than it seemed".into());
            plan.access(table, &strategy.access, 0);
            plan.sort(schema, order);
        }
        plan.cut(query.limit, query.offset, "match");
        plan.lines.extend(advise(table, &filter.root, strategy));
        plan
    }

    fn sort(&mut self, schema: &Schema, order: &Order) {
        let fields = order.fields.iter().map(|field| {
            let name = names(schema, &[field.position]);
            match field.descending {
                true => name + " DESC",
                false => name,
            }
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        self.lines.push(format!("sort the matches by {fields}"));
    }

    fn merge(&mut self, schema: &Schema, merge: &Merge) {
        self.lines.push(format!(
            "walk the index on ({}) for each of {} values of {}: about {} examined{}",
            names(schema, &merge.walked),
            merge.len(),
            names(schema, &[merge.position]),
            records(merge.expected),
            self.in_fact(merge.met.get())
        ));
        self.lines
            .push("the index gives the order, the walks are merged".into());
    }

    fn push(&mut self, depth: usize, line: String) {
        /// A plan of more lines tells a person nothing.
        const MOST: usize = 200;
        match self.lines.len() {
            0..MOST => self.lines.push(format!("{}{line}", "  ".repeat(depth))),
            MOST => self.lines.push("...".into()),
            _ => {}
        }
    }

    fn access(&mut self, table: &Table, access: &Access, depth: usize) {
        let rows = access.rows(table);
        let met = access.met.get();
        let cost = self.cost(rows, met);
        let schema = table.schema();
        match &access.way {
            Way::Table => {
                self.push(
                    depth,
                    match self.told {
                        true => format!("take the number of records: {cost}"),
                        false => format!(
                            "walk the table: {} examined{}",
                            records(rows),
                            self.in_fact(met)
                        ),
                    },
                );
            }
            Way::Sorted(source, found) => {
                let index = names(schema, &source.positions);
                let of = ranges(found.len());
                self.push(depth, format!("read the index on ({index}), {of}: {cost}"));
            }
            Way::Bits(bits, _) => {
                let field = names(schema, &[bits.position]);
                self.push(depth, format!("read the bitmap on ({field}): {cost}"));
            }
            Way::Union(parts) => {
                self.push(depth, format!("join, each record once: {cost}"));
                parts
                    .iter()
                    .for_each(|part| self.access(table, part, depth + 1));
            }
        }
        self.rest(schema, &access.rest, depth);
    }

    /// What is asked of each record that is met.
    fn rest(&mut self, schema: &Schema, rest: &[&Node], depth: usize) {
        let mut positions = Vec::new();
        rest.iter().for_each(|node| fields(node, &mut positions));
        if !positions.is_empty() {
            self.push(
                depth,
                format!("keep those whose {} match", names(schema, &positions)),
            );
        }
    }
}

/// So many records, in words.
fn records(count: u64) -> String {
    match count {
        1 => "1 record".into(),
        _ => format!("{count} records"),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

fn ranges(count: usize) -> String {
    match count {
        1 => "1 range".into(),
        _ => format!("{count} ranges"),
    }
}

fn fields(node: &Node, positions: &mut Vec<usize>) {
    match node {
        Node::Field(condition) => {
            if !positions.contains(&condition.position) {
                positions.push(condition.position);
            }
        }
        Node::Tag(tagged) => {
            if !positions.contains(&tagged.position) {
                positions.push(tagged.position);
            }
        }
        Node::All(parts) | Node::Any(parts) => {
            parts.iter().for_each(|part| fields(part, positions))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{explain, fixture::*};
    use crate::value::Value;

    #[test]
    fn a_plan_says_what_is_done() {
        let mut table = table(
            "ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD FIELD e ENUM ( x y ) BITMAP \
             ADD INDEX b a TIMESTAMPS OFF",
        );
        for id in 1..=1000 {
            let e = Value::Enum(u16::from(id % 2 == 0));
            put(
                &mut table,
                &[
                    Value::Integer(id),
                    Value::Integer(id % 100),
                    Value::Integer(id % 10),
                    e,
                    Value::Null,
                ],
            );
        }
        for (line, order, limit, expected) in [
            (
                "a = 5",
                "",
                None,
                "read the index on (a), 1 range: about 10 records examined",
            ),
            (
                "a = 5 AND e = y",
                "",
                None,
                "read the index on (a), 1 range: about 10 records examined\nkeep those whose e match",
            ),
            (
                "a > 5 AND e = y",
                "",
                None,
                "read the bitmap on (e): about 500 records examined\nkeep those whose a match\nADD INDEX e a would help",
            ),
            (
                "b = 5 AND a = 15",
                "",
                None,
                "read the index on (b, a), 1 range: about 10 records examined",
            ),
            (
                "b = 5",
                "a",
                None,
                "walk the index on (b, a) forward, 1 range with 100 entries: about 100 records examined\nthe index gives the order, records equal in it are sorted",
            ),
            (
                "b = 5",
                "a DESC",
                Some(3),
                "walk the index on (b, a) backward, 1 range with 100 entries: about 3 records examined\nthe index gives the order, records equal in it are sorted\nanswer 3 of them from match 1 on",
            ),
            (
                "e = x",
                "id",
                Some(10),
                "walk the index on (id) forward, 1 range with 1000 entries: at least 20 records examined\nkeep those whose e match\nthe index gives the order\nanswer 10 of them from match 1 on",
            ),
            (
                "b = 5",
                "e",
                None,
                "read the index on (b, a), 1 range: about 100 records examined\nsort the matches by e, id\nADD INDEX b e @id would help",
            ),
            (
                "a = 5 OR b = 3",
                "",
                None,
                "join, each record once: about 110 records examined\n  read the index on (a), 1 range: about 10 records examined\n  read the index on (b, a), 1 range: about 100 records examined",
            ),
            ("*", "", None, "walk the table: 1000 records examined"),
            (
                "b != 5",
                "",
                None,
                "walk the table: 1000 records examined\nkeep those whose b match",
            ),
        ] {
            let (args, order) = (words(line), words(order));
            let mut query = query(&args, &order);
            query.limit = limit;
            assert_eq!(
                explain(&table, &query, 0).unwrap().to_string(),
                expected,
                "{line}"
            );
        }
    }
}
