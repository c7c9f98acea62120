//! Laws: whatever the schema's indexes, an aggregate answers what a plain list of records says.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::{
    super::{fixture::*, laws::*},
    Aggregation, Answer, ColumnOrder, Function, Outcome, aggregate, aggregate_within,
    explain_aggregate,
};
use crate::{
    error::Code,
    query::{Query, parse_predicate},
    tokens::Tokens,
    value::Value,
};

/// Every function of every field that takes it.
fn functions() -> Vec<Function<usize>> {
    let all = (0..NAMES.len()).filter(|at| NAMES[*at] != "t");
    let numbers = [0, 1, 2];
    let mut functions = vec![Function::Count];
    functions.extend(all.clone().map(Function::CountDistinct));
    functions.extend(numbers.map(Function::Sum));
    functions.extend(numbers.map(Function::Average));
    functions.extend(all.clone().map(Function::Least));
    functions.extend(all.map(Function::Greatest));
    functions
}

fn some_functions() -> impl Strategy<Value = Vec<Function<usize>>> {
    let told: Vec<_> = functions()
        .into_iter()
        .filter(|f| !matches!(f, Function::Sum(_) | Function::Average(_)))
        .collect();
    prop_oneof![
        2 => Just(vec![Function::Count]),
        1 => prop::sample::subsequence(told, 1..4).prop_shuffle(),
        2 => prop::sample::subsequence(functions(), 1..6).prop_shuffle(),
    ]
}

fn some_group() -> impl Strategy<Value = Vec<usize>> {
    let fields: Vec<usize> = (0..NAMES.len()).filter(|at| NAMES[*at] != "t").collect();
    prop_oneof![
        1 => Just(vec![]),
        2 => prop::sample::subsequence(fields.clone(), 1),
        2 => prop::sample::subsequence(fields, 1..4).prop_shuffle(),
    ]
}

/// Null first, then as the type has it.
fn order(a: &Value, b: &Value) -> Ordering {
    match (plain(a), plain(b)) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
    }
}

/// What a function says of records, counts as integers.
fn answer(function: Function<usize>, records: &[&Vec<Value>]) -> Value {
    let Some(field) = function.field() else {
        return Value::Integer(records.len() as i64);
    };
    let mut values: Vec<&Value> = records.iter().map(|record| &record[field]).collect();
    values.retain(|value| **value != Value::Null);
    values.sort_by(|a, b| order(a, b));
    // The numbers of these tables are halves, and their sums are small.
    let sum: f64 = values
        .iter()
        .map(|value| match value {
            Value::Integer(n) => *n as f64,
            Value::Float(f) => *f,
            _ => 0.0,
        })
        .sum();
    let end = |value: Option<&&Value>| value.map_or(Value::Null, |value| (*value).clone());
    match function {
        Function::CountDistinct(_) => {
            values.dedup_by(|a, b| order(a, b).is_eq());
            Value::Integer(values.len() as i64)
        }
        Function::Least(_) => end(values.first()),
        Function::Greatest(_) => end(values.last()),
        _ if values.is_empty() => Value::Null,
        Function::Sum(2) => Value::Float(sum + 0.0),
        Function::Sum(_) => Value::Integer(sum as i64),
        _ => Value::Float(sum / values.len() as f64 + 0.0),
    }
}

/// The rows of an outcome, not yet in order.
fn rows(
    records: &[&Vec<Value>],
    group: &[usize],
    functions: &[Function<usize>],
) -> Vec<Vec<Value>> {
    let mut groups: Vec<(Vec<Value>, Vec<&Vec<Value>>)> = Vec::new();
    if group.is_empty() {
        groups.push((vec![], vec![]));
    }
    for record in records {
        let key: Vec<Value> = group.iter().map(|field| record[*field].clone()).collect();
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, members)) => members.push(record),
            None => groups.push((key, vec![record])),
        }
    }
    let row = |(key, members): (Vec<Value>, Vec<&Vec<Value>>)| {
        let answers = functions.iter().map(|function| answer(*function, &members));
        key.into_iter().chain(answers).collect()
    };
    groups.into_iter().map(row).collect()
}

fn in_order(sorting: &[ColumnOrder], group: usize, a: &[Value], b: &[Value]) -> Ordering {
    let last = sorting.last().is_some_and(|sorting| sorting.descending);
    let unsaid = (0..group).filter(|column| sorting.iter().all(|s| s.column != *column));
    let unsaid = unsaid.map(|column| ColumnOrder {
        column,
        descending: last,
    });
    sorting
        .iter()
        .copied()
        .chain(unsaid)
        .fold(Ordering::Equal, |found, sorting| {
            let order = order(&a[sorting.column], &b[sorting.column]);
            found.then(if sorting.descending {
                order.reverse()
            } else {
                order
            })
        })
}

fn plain_rows(outcome: &Outcome) -> Vec<Vec<Value>> {
    let value = |answer: &Answer| match answer {
        Answer::Count(count) => Value::Integer(*count as i64),
        Answer::Value(value) => value.clone(),
    };
    let rows: Vec<Vec<Value>> = outcome
        .rows()
        .map(|row| row.iter().map(value).collect())
        .collect();
    assert_eq!(rows.len(), outcome.len);
    rows
}

#[test]
fn what_is_gathered_has_a_bound() {
    let mut table = table("ADD FIELD a INTEGER TIMESTAMPS OFF");
    for id in 0..1000 {
        let values = [Value::Integer(id), Value::Integer(id), Value::Null];
        put(&mut table, &values);
    }
    let words = words("*");
    let asked = |group: &[&'static [u8]], function| {
        let mut query = Query::of(parse_predicate(&mut Tokens::new(&words)).unwrap());
        query.limit = Some(1);
        let asked = Aggregation {
            query,
            group: group.to_vec(),
            functions: vec![function],
            order: vec![],
        };
        aggregate_within(&table, &asked, NOW, 10, 20_000).map(|outcome| outcome.len)
    };
    for (group, function) in [
        (&[&b"a"[..]][..], Function::Sum(&b"a"[..])),
        (&[], Function::CountDistinct(b"a")),
        (&[b"a", b"id"], Function::Count),
    ] {
        let error = asked(group, function).unwrap_err();
        assert_eq!(error.code(), Code::TooMany);
        assert!(error.to_string().contains("20000 bytes"), "{error}");
    }
    assert_eq!(asked(&[], Function::Sum(b"a")), Ok(1));
    assert_eq!(asked(&[b"expires_at"], Function::Sum(b"a")), Ok(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_set_of_indexes_gives_the_outcome_of_a_plain_list(
        steps in steps(60),
        asked in asked(),
        everything in prop::bool::weighted(0.4),
        group in some_group(),
        functions in some_functions(),
        sorting in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4),
        limit in prop::option::of(0u64..12),
        offset in prop_oneof![3 => Just(0u64), 1 => 0u64..6],
        indexes: u32,
        expire: bool,
    ) {
        let mut table = table(&operations(indexes));
        let mut model = Model::new();
        steps.iter().for_each(|step| take(&mut table, &mut model, step, expire));
        let mut words = Vec::new();
        asked.words(&mut words);
        if everything {
            words = vec!["*".into()];
        }
        let words = bytes(&words);
        let columns = group.len() + functions.len();
        let mut order: Vec<ColumnOrder> = Vec::new();
        for (column, descending) in sorting {
            let column = column.index(columns);
            if order.iter().all(|sorting| sorting.column != column) {
                order.push(ColumnOrder { column, descending });
            }
        }
        let named = |function: &Function<usize>| match function.field() {
            None => Function::Count,
            Some(field) => function.of(NAMES[field].as_bytes()),
        };
        let mut query = Query::of(parse_predicate(&mut Tokens::new(&words)).unwrap());
        (query.scan, query.limit, query.offset) = (true, limit, offset);
        let mut asks = Aggregation {
            query,
            group: group.iter().map(|field| NAMES[*field].as_bytes()).collect(),
            functions: functions.iter().map(named).collect(),
            order: order.clone(),
        };

        let matches: Vec<&Vec<Value>> = model
            .values()
            .filter(|record| visible(record) && (everything || asked.holds(record) == Some(true)))
            .collect();
        let mut expected = rows(&matches, &group, &functions);
        expected.sort_by(|a, b| in_order(&order, group.len(), a, b));
        let from = expected.len().min(offset as usize);
        let to = limit.map_or(expected.len(), |limit| expected.len().min(from + limit as usize));
        let expected = &expected[from..to];

        let outcome = aggregate(&table, &asks, NOW, 1000).unwrap();
        prop_assert_eq!(plain_rows(&outcome), expected);
        prop_assert!(!explain_aggregate(&table, &asks, NOW).unwrap().lines().is_empty());

        // More than are allowed are refused, and only then.
        let allowed = expected.len() as u64;
        prop_assert_eq!(aggregate(&table, &asks, NOW, allowed).map(|o| o.len), Ok(expected.len()));
        if allowed > 0 {
            let refused = aggregate(&table, &asks, NOW, allowed - 1).map_err(|e| e.code());
            prop_assert_eq!(refused, Err(Code::TooMany));
        }

        // Without SCAN it is refused exactly where the rule says so.
        asks.query.scan = false;
        let served = everything || asked.served(false, &leading(indexes));
        match aggregate(&table, &asks, NOW, 1000) {
            Ok(unscanned) => {
                prop_assert!(served);
                prop_assert_eq!(plain_rows(&unscanned), expected);
            }
            Err(error) => {
                prop_assert_eq!(error.code(), Code::NoIndex);
                prop_assert!(!served, "{}", error);
            }
        }
    }
}
