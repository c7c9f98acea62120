//! Whether an index serves a filter: a rule about the schema, never about the records.

use super::filter::{Condition, Filter, Node};
use crate::{
    error::{Code, Error, Result},
    schema::Schema,
};

/// A filter must be served, unless a walk over the table is permitted.
///
/// # Errors
/// NOINDEX naming the fields and the migration operation that would serve.
pub(super) fn check(schema: &Schema, filter: &Filter, scan: bool) -> Result<()> {
    if scan || is_served(&filter.root) {
        return Ok(());
    }
    let mut missing = Vec::new();
    gather(&filter.root, &mut missing);
    Err(no_index(schema, &missing))
}

/// AND is served if either side is, OR if both are, a condition if an index leads with its field.
pub(super) fn is_served(node: &Node) -> bool {
    match node {
        Node::Field(condition) => condition.served,
        Node::All(parts) => parts.is_empty() || parts.iter().any(is_served),
        Node::Any(parts) => parts.iter().all(is_served),
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

/// The conditions of which one each would have to be served: for OR those of every part that is
/// not, for AND those of the part with the fewest.
fn gather<'f>(node: &'f Node, missing: &mut Vec<&'f Condition>) {
    match node {
        Node::Field(condition) => missing.push(condition),
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
            let badness = |choice: &Vec<&Condition>| {
                (choice.iter().filter(|c| !c.servable).count(), choice.len())
            };
            missing.append(&mut choices.min_by_key(badness).unwrap_or_default());
        }
    }
}

fn no_index(schema: &Schema, missing: &[&Condition]) -> Error {
    let mut addable: Vec<&str> = Vec::new();
    let mut never: Vec<&str> = Vec::new();
    for condition in missing {
        let list = if condition.servable {
            &mut addable
        } else {
            &mut never
        };
        if let Some(field) = schema.fields.get(condition.position) {
            if !list.contains(&&*field.name) {
                list.push(&field.name);
            }
        }
    }
    let mut text = String::from("no index serves this predicate:");
    if !addable.is_empty() {
        let operations: Vec<String> = addable.iter().map(|f| format!("ADD INDEX {f}")).collect();
        text.push_str(&format!(
            " expected an index that begins with {}, found none; add one with YARR.MIGRATE ... {},",
            quoted_names(&addable),
            operations.join(" ")
        ));
    }
    if !never.is_empty() {
        text.push_str(&format!(
            " no index serves !=, NOT IN and NOT STARTS WITH, found on {}; ask for ranges or values, with ADD INDEX {},",
            quoted_names(&never),
            never.join(" ADD INDEX ")
        ));
    }
    text.push_str(" or say SCAN to permit a walk over the table");
    Error::new(Code::NoIndex, text)
}

fn quoted_names(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}
