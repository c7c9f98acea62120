//! The most frequent questions answered without a plan: fields that equal values, of which one has the
//! only sorted set, and few records have its value.
//!
//! The planner would do the same then, in several times the instructions. What is not as plain as
//! that is left to it, errors among them.

mod covered;

use smallvec::SmallVec;

use super::{
    MatchedRows, Query,
    executor::Clock,
    predicate::{Comparison, Condition, Node, Predicate, Test},
};
use crate::{
    index::{Index, Rows, SortedSet},
    table::{FETCHED, MAX_INDEXED_TEXT, Records, Row, Table, TableIndex},
    value::{Type, ValueRef, number::parse_integer},
};

/// Of more conditions the planner is asked.
const MOST_CONDITIONS: usize = 8;
/// Where more records have the value and others are to be asked of them, there may be a better way.
const MOST_ROWS: u64 = if cfg!(any(test, fuzzing)) { 3 } else { 64 };

/// Rows of one value, where others are to be asked of them.
type Few = SmallVec<[Row; MOST_ROWS as usize]>;

/// What is asked of a record beside what its index ensures.
enum Check<'t, 'q> {
    /// It is among these, if there are any.
    Among(Option<&'t Rows>),
    /// It has this value in this position.
    Has(usize, ValueRef<'q>),
}

/// Where the matches are.
struct Lookup<'t, 'q> {
    table: &'t Table,
    set: &'t SortedSet,
    /// The key of the value.
    key: SmallVec<[u8; 32]>,
    checks: SmallVec<[Check<'t, 'q>; 4]>,
    clock: Clock,
}

/// The first `wanted` rows; `None` where the planner has to be asked.
pub(super) fn select(
    table: &Table,
    query: &Query<'_>,
    now: impl Fn() -> i64,
    wanted: u64,
) -> Option<MatchedRows> {
    if !query.order.is_empty() || wanted == 0 {
        return None;
    }
    let lookup = Lookup::of(table, &query.predicate, now)?;
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    Some(lookup.rows(true)?.take(wanted).collect())
}

/// The first row, if there is one; `None` where the planner has to be asked.
pub(super) fn first(
    table: &Table,
    query: &Query<'_>,
    now: impl Fn() -> i64,
) -> Option<Option<Row>> {
    if !query.order.is_empty() {
        return None;
    }
    let lookup = Lookup::of(table, &query.predicate, now)?;
    match lookup.is_sure() {
        true => Some(lookup.set.first(&lookup.key)),
        false => Some(lookup.rows(true)?.next()),
    }
}

/// How many matches there are; `None` where the planner has to be asked.
pub(super) fn count(table: &Table, query: &Query<'_>, now: impl Fn() -> i64) -> Option<u64> {
    if !query.order.is_empty() || query.limit.is_some() {
        return None;
    }
    // The planner takes the few that have expired from all that match.
    if !Clock::new(table, &now).is_asked() {
        let count = covered::count(table, nodes(&query.predicate)?);
        if count.is_some() {
            return count;
        }
    }
    let lookup = Lookup::of(table, &query.predicate, now)?;
    match lookup.checks.is_empty() {
        true => None,
        false => Some(lookup.rows(false)?.count() as u64),
    }
}

/// The conditions of a predicate that is no more than conditions that must all hold.
fn nodes<'p, 'q>(predicate: &'p Predicate<'q>) -> Option<&'p [Node<'q>]> {
    match predicate {
        Predicate::Where(Node::And(nodes)) => Some(nodes),
        Predicate::Where(node) => Some(std::slice::from_ref(node)),
        Predicate::Everything => None,
    }
}

impl<'t, 'q> Lookup<'t, 'q> {
    fn of(
        table: &'t Table,
        predicate: &Predicate<'q>,
        now: impl Fn() -> i64,
    ) -> Option<Lookup<'t, 'q>> {
        let nodes = nodes(predicate)?;
        if nodes.len() > MOST_CONDITIONS {
            return None;
        }
        let (mut led, mut checks) = (None, SmallVec::new());
        let mut key = SmallVec::new();
        for node in nodes {
            let (position, value) = equality(table, node)?;
            match leading(table, position)? {
                Leading::Sorted(set) if led.is_none() => {
                    key = value.tell_key(SmallVec::from_slice);
                    led = Some(set);
                }
                Leading::Sorted(_) => return None,
                Leading::Bitmap(bitmap) => {
                    let rows = value.tell_key(|key| bitmap.get(key));
                    checks.push(Check::Among(rows));
                }
                Leading::Nothing => checks.push(Check::Has(position, value)),
            }
        }
        Some(Lookup {
            table,
            set: led?,
            key,
            checks,
            clock: Clock::new(table, now),
        })
    }

    /// Whether whatever has the key matches.
    fn is_sure(&self) -> bool {
        self.checks.is_empty() && !self.clock.is_asked()
    }

    /// The matches; `None` where more has to be looked at than is plain to be the best.
    /// `read` says that the records are read then, so they are asked for together.
    fn rows(&self, read: bool) -> Option<impl Iterator<Item = Row>> {
        let mut walk = self.set.walk_prefix(&self.key);
        let mut few = Few::new();
        if !self.checks.is_empty() {
            if walk.remaining() > MOST_ROWS {
                return None;
            }
            few.extend(walk.by_ref());
            let records = read.then(|| self.table.records());
            self.checks
                .iter()
                .for_each(|check| check.narrow(&mut few, records));
            if let Some(records) = records {
                records.fetch(few.iter().copied().take(FETCHED));
            }
        }
        let hidden = |row: Row| {
            let record = self.table.record(row);
            record.is_some_and(|record| self.clock.hides(self.table, &record))
        };
        // One of the two has nothing.
        Some(few.into_iter().chain(walk).filter(move |row| {
            let mut checks = self.checks.iter();
            checks.all(|check| check.passes(self.table, *row))
                && !(self.clock.is_asked() && hidden(*row))
        }))
    }
}

impl Check<'_, '_> {
    /// Leaves the rows that are in the set, where it is a matter of one. No row waits for another's
    /// answer, as it would if that decided what is looked at next; what leads to those of `records` that
    /// stay comes from memory meanwhile.
    fn narrow(&self, few: &mut Few, records: Option<&Records>) {
        let Check::Among(rows) = self else {
            return;
        };
        let mut kept = 0;
        for at in 0..few.len() {
            let row = few.get(at).copied().unwrap_or_default();
            if let Some(place) = few.get_mut(kept) {
                *place = row;
            }
            kept += usize::from(rows.is_some_and(|rows| rows.contains(row)));
            if let (Some(records), Some(last)) = (records, few.get(kept.saturating_sub(1))) {
                records.approach(*last);
            }
        }
        few.truncate(kept);
    }

    fn passes(&self, table: &Table, row: Row) -> bool {
        match self {
            // Found out before.
            Check::Among(_) => true,
            Check::Has(position, value) => table.record(row).is_some_and(|record| {
                let found = record.value(*position);
                !found.is_null() && found.order(value).is_eq()
            }),
        }
    }
}

/// The field that must equal a value, and the value.
fn equality<'q>(table: &Table, node: &Node<'q>) -> Option<(usize, ValueRef<'q>)> {
    let Node::Condition(Condition { field, test }) = node else {
        return None;
    };
    let Test::Compare(Comparison::Equal, token) = test else {
        return None;
    };
    let (position, kind) = plain_field(table, field)?;
    Some((position, plain_value(kind, token)?))
}

/// The position and the type of a field, where its index is like others.
fn plain_field<'t>(table: &'t Table, field: &[u8]) -> Option<(usize, &'t Type)> {
    let schema = table.schema();
    let position = schema.position(field).ok()?;
    // These have ways of their own.
    if position == 0 || position == schema.expires_at() {
        return None;
    }
    Some((position, &schema.fields.get(position)?.kind))
}

/// The value of a field that equals what a token says, where that is plain: one that a comparison
/// of numbers would have to weigh is not.
fn plain_value<'q>(kind: &Type, token: &'q [u8]) -> Option<ValueRef<'q>> {
    match kind {
        Type::Integer => parse_integer(token).map(ValueRef::Integer),
        Type::DateTime => parse_integer(token).map(ValueRef::DateTime),
        Type::String if token.len() > MAX_INDEXED_TEXT => None,
        Type::String | Type::Uuid | Type::Boolean | Type::Enum(_) => kind.parse(token, 0),
        Type::Float | Type::Tags => None,
    }
}

/// The one index that leads with a field.
enum Leading<'t> {
    Nothing,
    Sorted(&'t SortedSet),
    Bitmap(&'t crate::index::Bitmap),
}

/// `None` where several do, or one that has more fields.
fn leading(table: &Table, position: usize) -> Option<Leading<'_>> {
    let leads = |index: &&TableIndex| index.positions.first() == Some(&position);
    let mut leading = table.indexes().iter().filter(leads);
    let Some(index) = leading.next() else {
        return Some(Leading::Nothing);
    };
    if leading.next().is_some() || index.positions.len() > 1 {
        return None;
    }
    Some(match &index.index {
        Index::SortedSet(set) => Leading::Sorted(set),
        Index::Bitmap(bitmap) => Leading::Bitmap(bitmap),
    })
}
