//! Counts that one index tells by itself: what is asked is one value of each of its first fields, and
//! of the last of them perhaps bounds.

use std::ops::Bound;

use smallvec::SmallVec;

use super::{MOST_CONDITIONS, plain_field, plain_value};
use crate::{
    index::{Index, SortedSet, successor},
    query::predicate::{Comparison, Condition, Node, Test},
    table::{Table, TableIndex},
    value::{Type, ValueRef, key::PRESENT},
};

/// A field's position and type, and what is asked of it.
type Asked<'t, 'p, 'q> = (usize, &'t Type, &'p Test<'q>);

/// How many records, expired or not, all these conditions hold for; `None` where the planner has to
/// be asked.
pub(super) fn count(table: &Table, nodes: &[Node<'_>]) -> Option<u64> {
    if nodes.len() > MOST_CONDITIONS {
        return None;
    }
    let mut asked: SmallVec<[Asked; 4]> = SmallVec::new();
    for node in nodes {
        let Node::Condition(Condition { field, test }) = node else {
            return None;
        };
        let (position, kind) = plain_field(table, field)?;
        asked.push((position, kind, test));
    }
    let indexes = table.indexes().iter();
    let (set, positions) = indexes.filter_map(|index| covering(index, &asked)).next()?;
    count_in(set, positions, &asked)
}

/// The index's entries and its first fields, where these are the fields that something is asked of.
fn covering<'t>(
    index: &'t TableIndex,
    asked: &[Asked<'_, '_, '_>],
) -> Option<(&'t SortedSet, &'t [usize])> {
    let Index::SortedSet(set) = &index.index else {
        return None;
    };
    let is_asked = |position: &&usize| asked.iter().any(|asked| asked.0 == **position);
    let fields = index.positions.iter().take_while(is_asked).count();
    let positions = index.positions.get(..fields)?;
    let all = asked.iter().all(|asked| positions.contains(&asked.0));
    all.then_some((set, positions))
}

/// The number of entries that are as asked.
fn count_in(set: &SortedSet, positions: &[usize], asked: &[Asked<'_, '_, '_>]) -> Option<u64> {
    let mut key = Vec::with_capacity(64);
    for (place, position) in positions.iter().enumerate() {
        let mut tests = asked.iter().filter(|asked| asked.0 == *position);
        let first = Values::of(tests.next()?)?;
        match tests.try_fold(first, |all, next| all.and(Values::of(next)?))? {
            Values::One(value) => value.key_into(&mut key),
            Values::Within(low, high) if place + 1 == positions.len() => {
                let from = edge(&key, &low, matches!(low, Bound::Excluded(_)))?;
                let to = edge(&key, &high, !matches!(high, Bound::Excluded(_)))?;
                return Some(set.count_between(&from, Some(&to)));
            }
            Values::Within(..) => return None,
        }
    }
    Some(set.walk_prefix(&key).remaining())
}

/// What a field must be.
enum Values<'q> {
    /// This value.
    One(ValueRef<'q>),
    /// Any but null within these bounds.
    Within(Bound<ValueRef<'q>>, Bound<ValueRef<'q>>),
}

impl<'q> Values<'q> {
    fn of((_, kind, test): &Asked<'_, '_, 'q>) -> Option<Values<'q>> {
        let (low, high) = match test {
            Test::Compare(comparison, token) => {
                let value = plain_value(kind, token)?;
                match comparison {
                    Comparison::Equal => return Some(Values::One(value)),
                    Comparison::NotEqual => return None,
                    Comparison::Less => (Bound::Unbounded, Bound::Excluded(value)),
                    Comparison::LessOrEqual => (Bound::Unbounded, Bound::Included(value)),
                    Comparison::Greater => (Bound::Excluded(value), Bound::Unbounded),
                    Comparison::GreaterOrEqual => (Bound::Included(value), Bound::Unbounded),
                }
            }
            Test::Between(low, high) => {
                let bound = |token| plain_value(kind, token).map(Bound::Included);
                (bound(low)?, bound(high)?)
            }
            _ => return None,
        };
        Some(Values::Within(low, high))
    }

    /// Both at once, where that is a bound on either side.
    fn and(self, other: Values<'q>) -> Option<Values<'q>> {
        let (Values::Within(low, high), Values::Within(other_low, other_high)) = (self, other)
        else {
            return None;
        };
        match (low, high, other_low, other_high) {
            (low, Bound::Unbounded, Bound::Unbounded, high)
            | (Bound::Unbounded, high, low, Bound::Unbounded) => Some(Values::Within(low, high)),
            _ => None,
        }
    }
}

/// Where the keys that start with these bytes and a value begin, or with `past` where they end.
/// Without a bound it is all values but null.
fn edge(start: &[u8], bound: &Bound<ValueRef<'_>>, past: bool) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(start);
    match bound {
        Bound::Unbounded => key.push(PRESENT),
        Bound::Included(value) | Bound::Excluded(value) => value.key_into(&mut key),
    }
    match past {
        true => successor(&key),
        false => Some(key),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Code;
    use crate::query::{count, fixture::*};

    #[test]
    fn what_does_not_read_is_refused_as_without_the_index() {
        let operations = "ADD FIELD i INTEGER ADD FIELD e ENUM ( x y ) TIMESTAMPS OFF";
        let tables =
            ["ADD INDEX e i", "ADD INDEX e"].map(|index| table(&format!("{operations} {index}")));
        for (line, code) in [
            ("e = z AND i > 1", Code::BadValue),
            ("e = x AND i > one", Code::BadValue),
            ("e = x AND i BETWEEN 1 AND two", Code::BadValue),
            ("e = x AND j > 1", Code::NoField),
        ] {
            let words = words(line);
            let refused = tables
                .each_ref()
                .map(|table| count(table, &query(&words, &[]), || 0).unwrap_err());
            assert_eq!(refused[0].code(), code, "{line}");
            assert_eq!(refused[0].to_string(), refused[1].to_string());
        }
    }
}
