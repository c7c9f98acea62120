//! Ways to the records that a filter may match, and the choice among them.

use super::{
    filter::{Condition, Node},
    source::{self, BitmapSource, Source},
};
use crate::{index::KeyRange, table::Table};

/// Rows among which every match is, and what is still to be asked of each.
pub(super) struct Access<'t, 'f> {
    /// Where the rows come from.
    pub(super) way: Way<'t, 'f>,
    /// What the way does not ensure.
    pub(super) rest: Vec<&'f Node>,
}

/// Where rows come from.
pub(super) enum Way<'t, 'f> {
    /// Every record, by row.
    Table,
    /// Ranges of a sorted set, which ascend and have nothing in common.
    Sorted(Source<'t>, Vec<KeyRange>),
    /// Ranges of a bitmap's values.
    Bits(BitmapSource<'t>, Vec<KeyRange>),
    /// All of these together: a row may come from more than one.
    Union(Vec<Access<'t, 'f>>),
}

impl<'t, 'f> Access<'t, 'f> {
    /// The walk over the table.
    pub(super) fn table(root: &'f Node) -> Access<'t, 'f> {
        Access {
            way: Way::Table,
            rest: root.conjuncts().iter().collect(),
        }
    }

    /// How many rows the way leads to, nearly.
    pub(super) fn rows(&self, table: &Table) -> u64 {
        match &self.way {
            Way::Table => table.len(),
            Way::Sorted(source, ranges) => source::estimate(ranges, |range| source.set.count(range)),
            Way::Bits(bits, ranges) => source::estimate(ranges, |range| bits.bitmap.count(range)),
            Way::Union(parts) => parts.iter().map(|part| part.rows(table)).sum(),
        }
    }

    /// What a choice goes by: rows, then what is left to ask, then how far the rows lie apart.
    fn cost(&self, table: &Table) -> (u64, usize, u8) {
        let scattered = match self.way {
            Way::Table | Way::Bits(..) => 0,
            Way::Sorted(..) => 1,
            Way::Union(_) => 2,
        };
        (self.rows(table), self.rest.len(), scattered)
    }
}

/// The cheapest way to the matches of a filter whose serving has been checked.
pub(super) fn choose<'t, 'f>(table: &'t Table, root: &'f Node, served: bool) -> Access<'t, 'f> {
    let indexed = of_parts(table, root.conjuncts());
    match indexed {
        Some(access) if served => access,
        // A record met on a walk over the table costs about half of one that an index points to.
        Some(access) if access.rows(table) < table.len() / 2 => access,
        _ => Access::table(root),
    }
}

/// The cheapest indexed way to the records that all parts hold of.
fn of_parts<'t, 'f>(table: &'t Table, parts: &'f [Node]) -> Option<Access<'t, 'f>> {
    let mut choices = sorted(table, parts);
    for (at, part) in parts.iter().enumerate() {
        match part {
            Node::Field(condition) => choices.extend(bits(table, parts, condition)),
            Node::Any(any) => {
                let access = union(table, any).map(|way| Access {
                    way,
                    rest: all_but(parts, |other| other == at),
                });
                choices.extend(access);
            }
            // Parts of an All are no All.
            Node::All(_) => {}
        }
    }
    match choices.len() {
        0 | 1 => choices.pop(),
        _ => choices.into_iter().min_by_key(|access| access.cost(table)),
    }
}

/// The sorted sets that lead with a field of the parts.
fn sorted<'t, 'f>(table: &'t Table, parts: &'f [Node]) -> Vec<Access<'t, 'f>> {
    let usable = |source: &Source| {
        let first = source.positions.first();
        let leading = first.and_then(|position| source::condition(parts, *position));
        leading.is_some_and(|condition| !(source.without_nulls && condition.values.null))
    };
    let sources = source::sorted_sets(table).filter(usable);
    sources
        .map(|source| {
            let found = source::ranges(&source.positions, parts);
            let used = source.positions.iter().copied().take(found.used).collect::<Vec<_>>();
            Access {
                way: Way::Sorted(source, found.ranges),
                rest: all_but(parts, |at| is_on(parts.get(at), &used)),
            }
        })
        .collect()
}

/// The bitmap over a condition's field.
fn bits<'t, 'f>(
    table: &'t Table,
    parts: &'f [Node],
    condition: &Condition,
) -> Option<Access<'t, 'f>> {
    let bits = source::bitmap(table, condition.position)?;
    Some(Access {
        way: Way::Bits(bits, source::field_ranges(&condition.values)),
        rest: all_but(parts, |at| is_on(parts.get(at), &[condition.position])),
    })
}

/// The ways to each of the parts; `None` where one has none.
fn union<'t, 'f>(table: &'t Table, any: &'f [Node]) -> Option<Way<'t, 'f>> {
    let ways = any.iter().map(|part| of_parts(table, part.conjuncts()));
    ways.collect::<Option<Vec<_>>>().map(Way::Union)
}

/// Whether a part is a condition on one of the fields.
fn is_on(part: Option<&Node>, positions: &[usize]) -> bool {
    matches!(part, Some(Node::Field(condition)) if positions.contains(&condition.position))
}

fn all_but(parts: &[Node], covered: impl Fn(usize) -> bool) -> Vec<&Node> {
    let left = parts.iter().enumerate().filter(|(at, _)| !covered(*at));
    left.map(|(_, part)| part).collect()
}
