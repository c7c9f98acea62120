//! Ways to the records that a filter may match, and the choice among them.

use std::{cell::Cell, cmp::Reverse};

use super::{
    filter::{Condition, Node, Tagged},
    source::{self, BitmapSource, Source},
};
use crate::{
    index::KeyRange,
    table::{Table, tag_key},
};

/// Of more ways than these the rest is not looked at.
const MOST_CHOICES: usize = 256;

/// Rows among which every match is, and what is still to be asked of each.
pub(super) struct Access<'t, 'f> {
    /// Where the rows come from.
    pub(super) way: Way<'t, 'f>,
    /// What the way does not ensure.
    pub(super) rest: Vec<&'f Node>,
    /// How many rows the way leads to, nearly, once that has been counted.
    counted: Cell<Option<u64>>,
    /// How many rows it has led to, where it was gone.
    pub(super) met: Cell<u64>,
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
            counted: Cell::new(None),
            met: Cell::new(0),
        }
    }

    /// How many rows the way leads to, nearly.
    pub(super) fn rows(&self, table: &Table) -> u64 {
        let rows = self.counted.get().unwrap_or_else(|| self.way.rows(table));
        self.counted.set(Some(rows));
        rows
    }
}

impl Way<'_, '_> {
    /// How many rows the way leads to, nearly.
    fn rows(&self, table: &Table) -> u64 {
        match self {
            Way::Table => table.len(),
            Way::Sorted(source, ranges) => {
                source::estimate(ranges, |range| source.set.count(range))
            }
            Way::Bits(bits, ranges) => source::estimate(ranges, |range| bits.bitmap.count(range)),
            Way::Union(parts) => parts.iter().map(|part| part.rows(table)).sum(),
        }
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

/// A way, and what of the parts it ensures.
struct Choice<'t, 'f> {
    way: Way<'t, 'f>,
    ensured: Ensured,
}

/// What of the parts that must all hold a way ensures.
enum Ensured {
    /// The conditions on the first so many fields of its sorted set.
    Fields(usize),
    /// The part in this place.
    Part(usize),
}

/// The cheapest indexed way to the records that all parts hold of.
fn of_parts<'t, 'f>(table: &'t Table, parts: &'f [Node]) -> Option<Access<'t, 'f>> {
    let mut choices: Vec<Choice> = sorted(table, parts).collect();
    for (at, part) in parts.iter().enumerate() {
        let way = match part {
            Node::Field(condition) => bits(table, condition),
            Node::Tag(tagged) => tag_bits(table, tagged),
            Node::Any(any) => union(table, any),
            // Parts of an All are no All.
            Node::All(_) => None,
        };
        choices.extend(way.map(|way| Choice {
            way,
            ensured: Ensured::Part(at),
        }));
        if choices.len() >= MOST_CHOICES {
            break;
        }
    }
    // What ensures all leads to the matches alone: nothing leads to fewer rows, and none need be
    // counted to know it.
    if choices.iter().any(|choice| choice.ensures_all(parts)) {
        choices.retain(|choice| choice.ensures_all(parts));
    }
    if choices.len() < 2 {
        return choices.pop().map(|choice| choice.access(parts, None));
    }
    let counted = choices
        .into_iter()
        .map(|choice| (choice.cost(table), choice));
    let ((rows, ..), best) = counted.min_by_key(|(cost, _)| *cost)?;
    Some(best.access(parts, Some(rows)))
}

impl<'t, 'f> Choice<'t, 'f> {
    /// What a choice goes by: rows, then how little is ensured, then how far the rows lie apart.
    fn cost(&self, table: &Table) -> (u64, Reverse<usize>, u8) {
        let ensured = match self.ensured {
            Ensured::Fields(count) => count,
            Ensured::Part(_) => 1,
        };
        let scattered = match self.way {
            Way::Table | Way::Bits(..) => 0,
            Way::Sorted(..) => 1,
            Way::Union(_) => 2,
        };
        (self.way.rows(table), Reverse(ensured), scattered)
    }

    fn ensures_all(&self, parts: &[Node]) -> bool {
        parts
            .iter()
            .enumerate()
            .all(|(at, part)| self.ensures(at, part))
    }

    /// Whether it ensures the part in a place.
    fn ensures(&self, at: usize, part: &Node) -> bool {
        match (&self.ensured, &self.way) {
            (Ensured::Fields(used), Way::Sorted(source, _)) => {
                is_on(part, source.positions.get(..*used).unwrap_or_default())
            }
            (Ensured::Part(place), _) => at == *place,
            _ => false,
        }
    }

    fn access(self, parts: &'f [Node], counted: Option<u64>) -> Access<'t, 'f> {
        let rest = parts.iter().enumerate();
        let rest = rest.filter(|(at, part)| !self.ensures(*at, part));
        Access {
            rest: rest.map(|(_, part)| part).collect(),
            way: self.way,
            counted: Cell::new(counted),
            met: Cell::new(0),
        }
    }
}

/// The sorted sets that lead with a field of the parts.
fn sorted<'t, 'f>(
    table: &'t Table,
    parts: &'f [Node],
) -> impl Iterator<Item = Choice<'t, 'f>> + use<'t, 'f> {
    let usable = |source: &Source| {
        let first = source.positions.first();
        let leading = first.and_then(|position| source::condition(parts, *position));
        leading.is_some_and(|condition| !(source.without_nulls && condition.values.null))
    };
    source::sorted_sets(table).filter(usable).map(|source| {
        let found = source::ranges(&source.positions, parts);
        Choice {
            way: Way::Sorted(source, found.ranges),
            ensured: Ensured::Fields(found.used),
        }
    })
}

/// The bitmap over a condition's field.
fn bits<'t, 'f>(table: &'t Table, condition: &Condition) -> Option<Way<'t, 'f>> {
    let bits = source::bitmap(table, condition.position)?;
    Some(Way::Bits(bits, source::field_ranges(&condition.values)))
}

/// The rows of a tag that is wanted.
fn tag_bits<'t, 'f>(table: &'t Table, tagged: &Tagged) -> Option<Way<'t, 'f>> {
    let bits = source::bitmap(table, tagged.position).filter(|_| tagged.wanted)?;
    Some(Way::Bits(bits, vec![KeyRange::only(&tag_key(&tagged.tag))]))
}

/// The ways to each of the parts; `None` where one has none.
fn union<'t, 'f>(table: &'t Table, any: &'f [Node]) -> Option<Way<'t, 'f>> {
    let ways = any.iter().map(|part| of_parts(table, part.conjuncts()));
    ways.collect::<Option<Vec<_>>>().map(Way::Union)
}

/// Whether a part is a condition on one of the fields.
fn is_on(part: &Node, positions: &[usize]) -> bool {
    matches!(part, Node::Field(condition) if positions.contains(&condition.position))
}
