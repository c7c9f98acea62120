//! The index that a query misses.

use super::{
    access::Way,
    filter::Node,
    order::Order,
    planner::Strategy,
    source::{self, names},
};
use crate::{
    schema::{MAX_INDEX_FIELDS, Method, Schema},
    table::Table,
    value::Type,
};

/// Where fewer rows are met there is nothing to gain.
const WORTH: u64 = 100;

/// A line that names the index which would leave nothing to be asked of each record, and nothing
/// to be sorted. `None` where there is nothing to gain, or nothing that one index could give.
pub(super) fn advise(table: &Table, root: &Node, strategy: &Strategy) -> Option<String> {
    if is_good(strategy) || expected(table, strategy) < WORTH {
        return None;
    }
    let schema = table.schema();
    let parts = root.conjuncts();
    if let Some(field) = tags_without_bitmap(schema, parts) {
        return Some(format!("ADD INDEX {field} BITMAP would help"));
    }
    let positions = wanted(parts, strategy.order.as_ref());
    let orderable =
        |position: &usize| schema.fields.get(*position).map(|f| &f.kind) != Some(&Type::Tags);
    if positions.is_empty() || !positions.iter().all(orderable) {
        return None;
    }
    let there = source::sorted_sets(table).any(|set| set.positions.starts_with(&positions));
    (!there).then(|| {
        let fields: Vec<String> = positions
            .iter()
            .map(|position| match position {
                0 => "@id".into(),
                _ => names(schema, &[*position]),
            })
            .collect();
        format!("ADD INDEX {} would help", fields.join(" "))
    })
}

/// How many rows the strategy meets, nearly.
fn expected(table: &Table, strategy: &Strategy) -> u64 {
    match &strategy.walk {
        Some(walk) => walk.expected,
        None => strategy.access.rows(table),
    }
}

/// Whether the strategy meets matches alone, and in order.
fn is_good(strategy: &Strategy) -> bool {
    if strategy.merge.is_some() {
        return true;
    }
    match &strategy.walk {
        Some(walk) => walk.ordered.rest.is_empty(),
        None => {
            let met =
                strategy.access.rest.is_empty() && !matches!(strategy.access.way, Way::Union(_));
            met && strategy.order.is_none()
        }
    }
}

/// The fields of the index: those of one value, then the order or the first of several values.
fn wanted(parts: &[Node], order: Option<&Order>) -> Vec<usize> {
    let conditions = parts.iter().filter_map(|part| match part {
        Node::Field(condition) if condition.servable && condition.position > 0 => Some(condition),
        _ => None,
    });
    let (single, several): (Vec<_>, Vec<_>) =
        conditions.partition(|condition| condition.values.only().is_some());
    let mut positions: Vec<usize> = single.iter().map(|condition| condition.position).collect();
    let ordered = order
        .iter()
        .flat_map(|order| &order.fields)
        .map(|field| field.position);
    // An order that goes both ways no index gives.
    let one_way = order.is_some_and(|order| {
        let mut fields = order.fields.iter().map(|field| field.descending);
        let first = fields.next();
        fields.all(|descending| Some(descending) == first)
    });
    match one_way {
        true => positions
            .extend(ordered.filter(|position| !single.iter().any(|c| c.position == *position))),
        false => positions.extend(several.first().map(|condition| condition.position)),
    }
    positions.truncate(MAX_INDEX_FIELDS);
    // What is in order by id alone needs no index.
    match positions.as_slice() {
        [0] => Vec::new(),
        _ => positions,
    }
}

/// A field of TAGS that is asked for and has no index.
fn tags_without_bitmap<'s>(schema: &'s Schema, parts: &[Node]) -> Option<&'s str> {
    let position = parts.iter().find_map(|part| match part {
        Node::Tag(tagged) if tagged.wanted && !tagged.served => Some(tagged.position),
        _ => None,
    })?;
    let field = schema.fields.get(position)?;
    let indexed = schema.index_on(&[field.number], Method::Bitmap).is_some();
    (!indexed).then_some(&*field.name)
}
