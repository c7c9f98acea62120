//! A set of values of one field.

use std::{cmp::Ordering, ops::Bound};

use crate::value::{Value, ValueRef, key::Interval};

/// The values of a field that a condition accepts: intervals, and perhaps null.
///
/// The intervals ascend, none is empty, and no two touch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueSet {
    /// Whether null is accepted.
    pub null: bool,
    /// What is accepted beside null.
    pub intervals: Vec<Interval>,
}

/// A place between values: intervals begin and end at one.
#[derive(Clone, Copy)]
enum Cut<'a> {
    Start,
    Before(&'a Value),
    After(&'a Value),
    End,
}

impl<'a> Cut<'a> {
    fn low(interval: &'a Interval) -> Cut<'a> {
        match &interval.low {
            Bound::Unbounded => Cut::Start,
            Bound::Included(value) => Cut::Before(value),
            Bound::Excluded(value) => Cut::After(value),
        }
    }

    fn high(interval: &'a Interval) -> Cut<'a> {
        match &interval.high {
            Bound::Unbounded => Cut::End,
            Bound::Included(value) => Cut::After(value),
            Bound::Excluded(value) => Cut::Before(value),
        }
    }

    fn to_low(self) -> Bound<Value> {
        match self {
            Cut::Before(value) => Bound::Included(value.clone()),
            Cut::After(value) => Bound::Excluded(value.clone()),
            Cut::Start | Cut::End => Bound::Unbounded,
        }
    }

    fn to_high(self) -> Bound<Value> {
        match self {
            Cut::Before(value) => Bound::Excluded(value.clone()),
            Cut::After(value) => Bound::Included(value.clone()),
            Cut::Start | Cut::End => Bound::Unbounded,
        }
    }

    fn order(self, other: Cut) -> Ordering {
        match (self, other) {
            (Cut::Start, Cut::Start) | (Cut::End, Cut::End) => Ordering::Equal,
            (Cut::Start, _) | (_, Cut::End) => Ordering::Less,
            (_, Cut::Start) | (Cut::End, _) => Ordering::Greater,
            (Cut::Before(a), Cut::Before(b)) | (Cut::After(a), Cut::After(b)) => {
                a.as_ref().order(&b.as_ref())
            }
            (Cut::Before(a), Cut::After(b)) => a.as_ref().order(&b.as_ref()).then(Ordering::Less),
            (Cut::After(a), Cut::Before(b)) => {
                a.as_ref().order(&b.as_ref()).then(Ordering::Greater)
            }
        }
    }
}

impl ValueSet {
    /// Nothing, not even null.
    pub fn nothing() -> ValueSet {
        ValueSet::default()
    }

    /// Null alone.
    pub fn null() -> ValueSet {
        ValueSet {
            null: true,
            intervals: Vec::new(),
        }
    }

    /// Every value but null.
    pub fn not_null() -> ValueSet {
        ValueSet::interval(Interval::EVERYTHING)
    }

    /// One interval.
    pub fn interval(interval: Interval) -> ValueSet {
        ValueSet::of(vec![interval])
    }

    /// These intervals, in any order.
    pub fn of(mut intervals: Vec<Interval>) -> ValueSet {
        intervals.retain(|i| Cut::low(i).order(Cut::high(i)).is_lt());
        if intervals.len() > 1 {
            intervals.sort_by(|a, b| Cut::low(a).order(Cut::low(b)));
            intervals.dedup_by(|next, last| {
                let touches = Cut::low(next).order(Cut::high(last)).is_le();
                if touches && Cut::high(next).order(Cut::high(last)).is_gt() {
                    last.high = next.high.clone();
                }
                touches
            });
        }
        ValueSet {
            null: false,
            intervals,
        }
    }

    /// How many intervals there are, null counted as one.
    pub fn parts(&self) -> usize {
        self.intervals.len() + usize::from(self.null)
    }

    /// Whether each part is a single value.
    pub fn is_points(&self) -> bool {
        self.intervals.iter().all(Interval::is_exact)
    }

    /// The only value accepted, where there is exactly one.
    pub fn only(&self) -> Option<ValueRef<'_>> {
        match (self.null, self.intervals.as_slice()) {
            (true, []) => Some(ValueRef::Null),
            (false, [interval]) if interval.is_exact() => match &interval.low {
                Bound::Included(value) => Some(value.as_ref()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a value is accepted.
    #[inline]
    pub fn contains(&self, value: &ValueRef<'_>) -> bool {
        if value.is_null() {
            return self.null;
        }
        match self.intervals.as_slice() {
            [] => false,
            [interval] => interval.contains(value),
            many => {
                let below = |interval: &Interval| match &interval.high {
                    Bound::Unbounded => false,
                    Bound::Included(high) => high.as_ref().order(value).is_lt(),
                    Bound::Excluded(high) => high.as_ref().order(value).is_le(),
                };
                many.get(many.partition_point(below))
                    .is_some_and(|interval| interval.contains(value))
            }
        }
    }

    /// Every value that is not accepted, null never.
    #[must_use]
    pub fn complement(&self) -> ValueSet {
        let mut gaps = Vec::with_capacity(self.intervals.len() + 1);
        let mut from = Cut::Start;
        for interval in &self.intervals {
            let to = Cut::low(interval);
            if from.order(to).is_lt() {
                gaps.push(Interval {
                    low: from.to_low(),
                    high: to.to_high(),
                });
            }
            from = Cut::high(interval);
        }
        if from.order(Cut::End).is_lt() {
            gaps.push(Interval {
                low: from.to_low(),
                high: Bound::Unbounded,
            });
        }
        ValueSet {
            null: false,
            intervals: gaps,
        }
    }

    /// What any of the sets accepts.
    pub fn union(sets: Vec<ValueSet>) -> ValueSet {
        let null = sets.iter().any(|set| set.null);
        let intervals = sets.into_iter().flat_map(|set| set.intervals).collect();
        ValueSet {
            null,
            ..ValueSet::of(intervals)
        }
    }

    /// What all of the sets accept; there is one at least. Neighbours are intersected in rounds,
    /// so that many sets of many intervals take little more than their sum.
    pub fn intersection(mut sets: Vec<ValueSet>) -> ValueSet {
        while sets.len() > 1 {
            let pairs = sets.chunks(2);
            sets = pairs
                .map(|pair| match pair {
                    [a, b] => a.intersect(b),
                    rest => rest.first().cloned().unwrap_or_default(),
                })
                .collect();
        }
        sets.pop().unwrap_or_default()
    }

    /// What both accept.
    fn intersect(&self, other: &ValueSet) -> ValueSet {
        let mut intervals = Vec::new();
        let (mut mine, mut theirs) = (self.intervals.iter(), other.intervals.iter());
        let (mut a, mut b) = (mine.next(), theirs.next());
        while let (Some(x), Some(y)) = (a, b) {
            let low = later(Cut::low(x), Cut::low(y));
            let (high, mine_ends) = match Cut::high(x).order(Cut::high(y)) {
                Ordering::Greater => (Cut::high(y), false),
                _ => (Cut::high(x), true),
            };
            if low.order(high).is_lt() {
                intervals.push(Interval {
                    low: low.to_low(),
                    high: high.to_high(),
                });
            }
            if mine_ends {
                a = mine.next();
            } else {
                b = theirs.next();
            }
        }
        ValueSet {
            null: self.null && other.null,
            intervals,
        }
    }
}

fn later<'a>(a: Cut<'a>, b: Cut<'a>) -> Cut<'a> {
    if a.order(b).is_lt() { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bound() -> impl Strategy<Value = Bound<Value>> {
        prop_oneof![
            Just(Bound::Unbounded),
            (0i64..8).prop_map(|n| Bound::Included(Value::Integer(n))),
            (0i64..8).prop_map(|n| Bound::Excluded(Value::Integer(n))),
        ]
    }

    fn set() -> impl Strategy<Value = ValueSet> {
        let interval = (bound(), bound()).prop_map(|(low, high)| Interval { low, high });
        (any::<bool>(), prop::collection::vec(interval, 0..5)).prop_map(|(null, intervals)| {
            ValueSet {
                null,
                ..ValueSet::of(intervals)
            }
        })
    }

    /// Null, and every value that a bound can tell from its neighbours.
    fn members(contains: impl Fn(&ValueRef) -> bool) -> Vec<bool> {
        let values = (-1..9).map(ValueRef::Integer);
        std::iter::once(ValueRef::Null)
            .chain(values)
            .map(|value| contains(&value))
            .collect()
    }

    fn of(set: &ValueSet) -> Vec<bool> {
        members(|value| set.contains(value))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn sets_obey_the_laws_of_sets(sets in prop::collection::vec(set(), 1..6)) {
            let all = members(|value| sets.iter().all(|set| set.contains(value)));
            let any = members(|value| sets.iter().any(|set| set.contains(value)));
            prop_assert_eq!(of(&ValueSet::intersection(sets.clone())), all);
            prop_assert_eq!(of(&ValueSet::union(sets.clone())), any);
            let other = members(|value| !value.is_null() && !sets[0].contains(value));
            prop_assert_eq!(of(&sets[0].complement()), other);
        }

        #[test]
        fn intervals_are_those_given(intervals in prop::collection::vec((bound(), bound()), 0..5)) {
            let intervals: Vec<Interval> =
                intervals.into_iter().map(|(low, high)| Interval { low, high }).collect();
            let given = members(|value| !value.is_null() && intervals.iter().any(|i| i.contains(value)));
            prop_assert_eq!(of(&ValueSet::of(intervals)), given);
        }
    }
}
