//! Whether an index serves a filter: a rule about the schema, never about the records.

use super::filter::{Filter, Node};
use crate::{
    error::{Code, Error, Result},
    schema::{Field, Schema},
    table::Table,
    value::Type,
};

/// A filter must be served, unless a walk over the table is permitted.
///
/// # Errors
/// NOINDEX naming the fields and the migration operation that would serve; INDEXBUILDING where an
/// index that would is on its way.
pub(super) fn check(table: &Table, filter: &Filter, scan: bool) -> Result<()> {
    let built = || !table.is_late() || is_built(&filter.root, table);
    if scan || (is_served(&filter.root) && built()) {
        return Ok(());
    }
    let schema = table.schema();
    if let (Some(coming), Some(progress)) = (table.coming_schema(), table.progress()) {
        // Fields keep their numbers, whatever becomes of their names and places.
        let leads = |position: usize| {
            let number = schema.fields.get(position).map(|field| field.number);
            let mut indexes = coming.indexes.iter();
            number.is_some() && indexes.any(|index| index.fields.first().copied() == number)
        };
        if would_be_served(&filter.root, &leads) {
            return Err(Error::new(
                Code::IndexBuilding,
                format!(
                    "the index that serves this predicate is {} % built; try again, or say SCAN to permit a walk over the table",
                    progress.percent()
                ),
            ));
        }
    }
    let mut missing = Vec::new();
    gather(&filter.root, &mut missing);
    Err(no_index(schema, &missing))
}

/// AND is served if either side is, OR if both are, a condition if an index leads with its field.
pub(super) fn is_served(node: &Node) -> bool {
    match node {
        Node::Field(condition) => condition.served,
        Node::Tag(tagged) => tagged.served,
        Node::All(parts) => parts.is_empty() || parts.iter().any(is_served),
        Node::Any(parts) => parts.iter().all(is_served),
    }
}

/// [`is_served`], where indexes of the schema may still be missing.
fn is_built(node: &Node, table: &Table) -> bool {
    let leads = |position: usize| {
        let mut indexes = table.indexes().iter();
        let own = position == 0 || position == table.schema().expires_at();
        own || indexes.any(|index| index.positions.first() == Some(&position))
    };
    match node {
        Node::Field(condition) => condition.served && leads(condition.position),
        Node::Tag(tagged) => tagged.served && leads(tagged.position),
        Node::All(parts) => parts.is_empty() || parts.iter().any(|part| is_built(part, table)),
        Node::Any(parts) => parts.iter().all(|part| is_built(part, table)),
    }
}

/// [`is_served`], if the fields of which `leads` is true had an index too.
fn would_be_served(node: &Node, leads: &dyn Fn(usize) -> bool) -> bool {
    let would = |part: &Node| would_be_served(part, leads);
    match node {
        Node::Field(condition) => {
            condition.served || (condition.servable && leads(condition.position))
        }
        Node::Tag(tagged) => tagged.served || (tagged.wanted && leads(tagged.position)),
        Node::All(parts) => parts.is_empty() || parts.iter().any(would),
        Node::Any(parts) => parts.iter().all(would),
    }
}

/// Whether an index leads with a field. The ids are always kept in order, and so are the records
/// that expire, for conditions that no null meets.
pub(super) fn leads(schema: &Schema, position: usize, null: bool) -> bool {
    if position == 0 || (position == schema.expires_at() && !null) {
        return true;
    }
    let number = schema.fields.get(position).map(|field| field.number);
    let leading = |number| {
        schema
            .indexes
            .iter()
            .any(|i| i.fields.first() == Some(number))
    };
    number.as_ref().is_some_and(leading)
}

/// A condition that no index serves.
struct Missing {
    position: usize,
    /// Whether an index could.
    servable: bool,
}

/// The conditions of which one each would have to be served: for OR those of every part that is
/// not, for AND those of the part with the fewest.
fn gather(node: &Node, missing: &mut Vec<Missing>) {
    match node {
        Node::Field(condition) => missing.push(Missing {
            position: condition.position,
            servable: condition.servable,
        }),
        Node::Tag(tagged) => missing.push(Missing {
            position: tagged.position,
            servable: tagged.wanted,
        }),
        Node::Any(parts) => {
            let unserved = parts.iter().filter(|part| !is_served(part));
            unserved.for_each(|part| gather(part, missing));
        }
        Node::All(parts) => {
            let choices = parts.iter().map(|part| {
                let mut choice = Vec::new();
                gather(part, &mut choice);
                choice
            });
            // A condition that an index could serve is of more use to name than one it could not.
            let badness = |choice: &Vec<Missing>| {
                (choice.iter().filter(|c| !c.servable).count(), choice.len())
            };
            missing.append(&mut choices.min_by_key(badness).unwrap_or_default());
        }
    }
}

fn no_index(schema: &Schema, missing: &[Missing]) -> Error {
    let mut addable: Vec<&Field> = Vec::new();
    let mut never: Vec<&Field> = Vec::new();
    for condition in missing {
        let list = if condition.servable {
            &mut addable
        } else {
            &mut never
        };
        if let Some(field) = schema.fields.get(condition.position) {
            if !list.contains(&field) {
                list.push(field);
            }
        }
    }
    let mut text = String::from("no index serves this predicate:");
    if !addable.is_empty() {
        text.push_str(&format!(
            " expected an index that begins with {}, found none; add one with YARR.MIGRATE ... {},",
            quoted_names(&addable),
            operations(&addable)
        ));
    }
    if !never.is_empty() {
        text.push_str(&format!(
            " no index serves !=, NOT IN, NOT STARTS WITH and NOT CONTAINS, found on {}; ask for ranges, values or tags, with {},",
            quoted_names(&never),
            operations(&never)
        ));
    }
    text.push_str(" or say SCAN to permit a walk over the table");
    Error::new(Code::NoIndex, text)
}

fn quoted_names(fields: &[&Field]) -> String {
    let names = fields.iter().map(|field| format!("'{}'", field.name));
    names.collect::<Vec<_>>().join(", ")
}

/// The operations that add an index over each field.
fn operations(fields: &[&Field]) -> String {
    let operation = |field: &&Field| match field.kind {
        Type::Tags => format!("ADD INDEX {} BITMAP", field.name),
        _ => format!("ADD INDEX {}", field.name),
    };
    fields.iter().map(operation).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::{Query, fixture::*, select};

    #[test]
    fn what_no_index_serves_is_refused_with_what_would_serve() {
        let table = table(
            "ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD FIELD c INTEGER ADD FIELD d INTEGER \
             ADD FIELD e ENUM ( x y ) BITMAP ADD INDEX b c TIMESTAMPS OFF",
        );
        for (line, expected) in [
            ("a = 1", None),
            ("e = x", None),
            ("b > 1", None),
            ("id = 1", None),
            ("id != 1", Some("!=")),
            ("expires_at < now", None),
            ("expires_at IS NOT NULL", None),
            ("expires_at IS NULL", Some("'expires_at'")),
            ("*", None),
            ("d = 1", Some("ADD INDEX d")),
            ("c = 1", Some("ADD INDEX c")),
            ("a != 1", Some("no index serves !=")),
            ("a = 1 OR d = 1", Some("'d'")),
            ("a = 1 OR d = 1 OR c = 1", Some("ADD INDEX c ADD INDEX d")),
            ("a = 1 AND d = 1", None),
            ("a != 1 AND a > 0", None),
            ("a != 1 OR a = 3", Some("!=")),
            ("a IN 0", None),
            ("d IN 0", Some("ADD INDEX d")),
            ("NOT a != 1", None),
            ("NOT a BETWEEN 1 AND 2", None),
            ("NOT a IN 1 1", Some("NOT IN")),
            ("NOT ( a < 2 OR d = 1 )", None),
            ("NOT ( a < 2 AND d = 1 )", Some("'d'")),
            ("c = 1 AND d != 1", Some("ADD INDEX c")),
        ] {
            let args = words(line);
            let mut query = Query::of(predicate(&args).unwrap());
            match (select(&table, &query, || 0, 10), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(expected)) => {
                    let error = error.to_string();
                    assert!(
                        error.starts_with("NOINDEX ") && error.contains(expected),
                        "{line}: {error}"
                    );
                }
                (found, expected) => panic!("{line}: {found:?}, not {expected:?}"),
            }
            query.scan = true;
            assert_eq!(
                select(&table, &query, || 0, 10),
                Ok(crate::query::MatchedRows::new()),
                "{line}"
            );
        }
    }
}
