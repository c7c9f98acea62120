//! A plan as a person reads it.

use std::fmt;

use super::{
    Query,
    access::{Access, Way},
    count::is_told,
    filter::Node,
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
}

impl Plan {
    /// The lines, the first step first; a step that belongs to another is indented.
    pub fn lines(self) -> Vec<String> {
        self.lines
    }

    /// The plan of a count.
    pub(super) fn of_count(table: &Table, strategy: &Strategy) -> Plan {
        let told = is_told(table, &strategy.access);
        let mut plan = Plan::of_access(table, &strategy.access, told);
        plan.add(match plan.told {
            true => "count by the indexes alone".into(),
            false => "count the matches".into(),
        });
        plan
    }

    /// A plan without steps.
    pub(super) fn new() -> Plan {
        Plan {
            lines: Vec::new(),
            told: false,
        }
    }

    /// The way to the matches. `told`: whether indexes alone tell what is asked of them.
    pub(super) fn of_access(table: &Table, access: &Access, told: bool) -> Plan {
        let mut plan = Plan {
            lines: Vec::new(),
            told,
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
            "walk the index on ({}) {way}, {} with {} entries: about {} examined",
            names(schema, &ordered.source.positions),
            ranges(ordered.ranges.len()),
            ordered.rows(),
            records(walk.expected)
        ));
        self.rest(schema, &ordered.rest, 0);
    }

    /// What a step costs.
    fn cost(&self, rows: u64) -> String {
        match self.told {
            true => format!("{rows} of them, no record examined"),
            false => format!("about {} examined", records(rows)),
        }
    }

    /// The plan of a strategy.
    pub(super) fn of(table: &Table, query: &Query, strategy: &Strategy) -> Plan {
        let mut plan = Plan {
            lines: Vec::new(),
            told: false,
        };
        let schema = table.schema();
        match (&strategy.walk, &strategy.order) {
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
                    let fields = order.fields.iter().map(|field| {
                        let name = names(schema, &[field.position]);
                        if field.descending {
                            name + " DESC"
                        } else {
                            name
                        }
                    });
                    let fields = fields.collect::<Vec<_>>().join(", ");
                    plan.lines.push(format!("sort the matches by {fields}"));
                }
            }
        }
        plan.cut(query.limit, query.offset, "match");
        plan
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
        let cost = self.cost(rows);
        let schema = table.schema();
        match &access.way {
            Way::Table => {
                self.push(
                    depth,
                    match self.told {
                        true => format!("take the number of records: {cost}"),
                        false => format!("walk the table: {} examined", records(rows)),
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
                "read the bitmap on (e): about 500 records examined\nkeep those whose a match",
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
                "walk the index on (id) forward, 1 range with 1000 entries: about 20 records examined\nkeep those whose e match\nthe index gives the order\nanswer 10 of them from match 1 on",
            ),
            (
                "b = 5",
                "e",
                None,
                "read the index on (b, a), 1 range: about 100 records examined\nsort the matches by e, id",
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
