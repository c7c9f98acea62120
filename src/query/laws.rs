//! Laws: whatever the schema's indexes, a query answers what a plain list of records says.
//!
//! The list is asked with a three-valued logic of its own, over numbers read by the standard
//! library; it shares nothing with the code it judges but the tokens.

use std::{cmp::Ordering, collections::BTreeMap};

use proptest::prelude::*;

use super::{Query, count, each, fixture::*, page, select};
use crate::{
    error::Code,
    table::{Row, Table},
    value::{
        Value,
        tags::{self, Tags},
    },
};

const FIELDS: &str = "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD e ENUM ( x y z ) ADD FIELD s STRING \
     ADD FIELD b BOOLEAN ADD FIELD t TAGS TIMESTAMPS OFF";
/// The names by position.
pub(super) const NAMES: [&str; 8] = ["id", "i", "f", "e", "s", "b", "t", "expires_at"];
pub(super) const EXPIRES_AT: usize = 7;
const INDEXES: [&str; 17] = [
    "i",
    "f",
    "e",
    "s",
    "b",
    "e BITMAP",
    "b BITMAP",
    "i BITMAP",
    "e i",
    "i s",
    "s e @id",
    "i @id",
    "e f s",
    "b i @id",
    "f i e",
    "expires_at @id",
    "t BITMAP",
];
pub(super) const NOW: i64 = 50;

pub(super) type Model = BTreeMap<i64, Vec<Value>>;

/// A value as the model compares it.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum Plain {
    Number(f64),
    Text(Vec<u8>),
}

pub(super) fn plain(value: &Value) -> Option<Plain> {
    Some(match value {
        Value::Null => return None,
        Value::Integer(n) | Value::DateTime(n) => Plain::Number(*n as f64),
        Value::Float(f) => Plain::Number(*f),
        Value::Boolean(b) => Plain::Number(f64::from(u8::from(*b))),
        Value::Enum(ordinal) => Plain::Number(f64::from(*ordinal)),
        Value::String(text) => Plain::Text(text.to_vec()),
        Value::Uuid(_) => unreachable!("the model has none"),
        Value::Tags(_) => unreachable!("tags are not compared"),
    })
}

fn plain_token(position: usize, token: &str) -> Plain {
    match NAMES[position] {
        "e" => Plain::Number(f64::from("xyz".find(token).unwrap() as u32)),
        "b" => Plain::Number(f64::from(u8::from(token == "true"))),
        "s" => Plain::Text(token.replace("''", "").into_bytes()),
        _ => Plain::Number(token.parse().unwrap()),
    }
}

/// A predicate as the model has it.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Compare(usize, &'static str, String),
    Between(usize, String, String),
    In(usize, Vec<String>),
    StartsWith(String),
    Contains(Vec<&'static str>, bool),
    Null(usize, bool),
    Not(Box<Asked>),
    And(Vec<Asked>),
    Or(Vec<Asked>),
}

impl Asked {
    pub(super) fn words(&self, out: &mut Vec<String>) {
        let mut say = |text: String| out.extend(text.split(' ').map(str::to_string));
        match self {
            Asked::Compare(p, op, v) => say(format!("{} {op} {v}", NAMES[*p])),
            Asked::Between(p, a, b) => say(format!("{} BETWEEN {a} AND {b}", NAMES[*p])),
            Asked::In(p, values) => {
                say(format!("{} IN {}", NAMES[*p], values.len()));
                out.extend(values.iter().cloned());
            }
            Asked::StartsWith(v) => say(format!("s STARTS WITH {v}")),
            Asked::Contains(tags, all) => match (&tags[..], all) {
                ([only], true) if *only != "any" => say(format!("t CONTAINS {only}")),
                (tags, all) => {
                    say(format!(
                        "t CONTAINS {} {}",
                        if *all { "ALL" } else { "any" },
                        tags.len()
                    ));
                    out.extend(tags.iter().map(|tag| tag.to_string()));
                }
            },
            Asked::Null(p, true) => say(format!("{} IS NULL", NAMES[*p])),
            Asked::Null(p, false) => say(format!("{} IS NOT NULL", NAMES[*p])),
            Asked::Not(part) => {
                say("NOT (".into());
                part.words(out);
                out.push(")".into());
            }
            Asked::And(parts) => Asked::joined(parts, "AND", out),
            Asked::Or(parts) => Asked::joined(parts, "OR", out),
        }
    }

    fn joined(parts: &[Asked], word: &str, out: &mut Vec<String>) {
        out.push("(".into());
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.push(word.into());
            }
            part.words(out);
        }
        out.push(")".into());
    }

    /// True, false, or unknown.
    pub(super) fn holds(&self, record: &[Value]) -> Option<bool> {
        let order = |p: usize, token: &str| -> Option<Ordering> {
            plain(&record[p])?.partial_cmp(&plain_token(p, token))
        };
        match self {
            Asked::Compare(p, op, v) => order(*p, v).map(|order| match *op {
                "=" => order.is_eq(),
                "!=" => order.is_ne(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            }),
            Asked::Between(p, a, b) => Some(order(*p, a)?.is_ge() && order(*p, b)?.is_le()),
            Asked::In(p, values) => {
                plain(&record[*p])?;
                Some(values.iter().any(|v| order(*p, v) == Some(Ordering::Equal)))
            }
            Asked::StartsWith(v) => match plain(&record[4])? {
                Plain::Text(text) => Some(text.starts_with(v.replace("''", "").as_bytes())),
                Plain::Number(_) => unreachable!(),
            },
            Asked::Contains(tags, all) => {
                let Value::Tags(set) = &record[6] else {
                    return None;
                };
                let has = |tag: &&str| {
                    let tag = tag.replace("''", "");
                    Tags::of(set).iter().any(|own| own == tag.as_bytes())
                };
                Some(if *all {
                    tags.iter().all(has)
                } else {
                    tags.iter().any(has)
                })
            }
            Asked::Null(p, null) => Some((record[*p] == Value::Null) == *null),
            Asked::Not(part) => part.holds(record).map(|holds| !holds),
            Asked::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.holds(record)).collect();
                match () {
                    () if parts.contains(&Some(false)) => Some(false),
                    () if parts.contains(&None) => None,
                    () => Some(true),
                }
            }
            Asked::Or(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.holds(record)).collect();
                match () {
                    () if parts.contains(&Some(true)) => Some(true),
                    () if parts.contains(&None) => None,
                    () => Some(false),
                }
            }
        }
    }

    /// The rule of serving, as the contract words it.
    pub(super) fn served(&self, negated: bool, leading: &[&str]) -> bool {
        let leads = |p: usize| NAMES[p] == "id" || leading.contains(&NAMES[p]);
        let leads_values = |p: usize| NAMES[p] == "expires_at" || leads(p);
        match self {
            Asked::Compare(p, op, _) => {
                let not_equal = (*op == "!=") != (negated && (*op == "!=" || *op == "="));
                !not_equal && leads_values(*p)
            }
            Asked::Between(p, ..) => leads_values(*p),
            Asked::In(p, _) => !negated && leads_values(*p),
            Asked::StartsWith(_) => !negated && leads_values(4),
            // Of no tags it is a question of null.
            Asked::Contains(tags, _) => (!negated || tags.is_empty()) && leads(6),
            Asked::Null(p, null) if *null != negated => leads(*p),
            Asked::Null(p, _) => leads_values(*p),
            Asked::Not(part) => part.served(!negated, leading),
            Asked::And(parts) | Asked::Or(parts) => {
                let all = matches!(self, Asked::Or(_)) != negated;
                match all {
                    true => parts.iter().all(|part| part.served(negated, leading)),
                    false => parts.iter().any(|part| part.served(negated, leading)),
                }
            }
        }
    }
}

fn token(position: usize) -> BoxedStrategy<String> {
    let some = |tokens: &'static [&'static str]| {
        prop::sample::select(tokens)
            .prop_map(str::to_string)
            .boxed()
    };
    match NAMES[position] {
        "id" => prop_oneof![
            (0i64..40).prop_map(|n| n.to_string()),
            Just("7.5".to_string())
        ]
        .boxed(),
        "i" => some(&["-1", "0", "1", "2", "3", "1.5", "2.0", "1e400", "-1e400"]),
        "f" => some(&["-0.5", "0", "0.5", "1", "2", "-0", "1e400"]),
        "e" => some(&["x", "y", "z"]),
        "b" => some(&["true", "false"]),
        "s" => some(&["''", "a", "ab", "b", "abc"]),
        _ => some(&["0", "40", "50", "51", "60"]),
    }
}

pub(super) fn asked() -> impl Strategy<Value = Asked> {
    let condition = (0..NAMES.len()).prop_flat_map(|p| {
        let operator = prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]);
        let compare = (operator, token(p)).prop_map(move |(op, v)| Asked::Compare(p, op, v));
        let tags = prop::sample::subsequence(&["''", "a", "ab", "b", "any", "x"][..], 0..4);
        let contains = (tags, any::<bool>()).prop_map(|(tags, all)| Asked::Contains(tags, all));
        if NAMES[p] == "t" {
            return prop_oneof![
                4 => contains,
                1 => any::<bool>().prop_map(move |null| Asked::Null(p, null)),
            ]
            .boxed();
        }
        prop_oneof![
            4 => compare,
            2 => (token(p), token(p)).prop_map(move |(a, b)| Asked::Between(p, a, b)),
            2 => prop::collection::vec(token(p), 0..4).prop_map(move |v| Asked::In(p, v)),
            1 => token(4).prop_map(Asked::StartsWith),
            1 => any::<bool>().prop_map(move |null| Asked::Null(p, null)),
        ]
        .boxed()
    });
    condition.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|part| Asked::Not(Box::new(part))),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(Asked::And),
            2 => prop::collection::vec(inner, 1..4).prop_map(Asked::Or),
        ]
    })
}

/// A value or bounds of one of few fields, so that conditions often meet in a field or an index.
fn bounded() -> impl Strategy<Value = Asked> {
    prop::sample::select(&[1, 3, 4][..]).prop_flat_map(|p| {
        let operator = prop::sample::select(&["=", "=", "=", "<", "<=", ">", ">="][..]);
        prop_oneof![
            4 => (operator, token(p)).prop_map(move |(op, v)| Asked::Compare(p, op, v)),
            1 => (token(p), token(p)).prop_map(move |(a, b)| Asked::Between(p, a, b)),
        ]
    })
}

fn record() -> impl Strategy<Value = Vec<Value>> {
    let null = || Just(Value::Null);
    let text = prop::sample::select(&["", "a", "ab", "abc", "b", "\0", "a\0"][..]);
    let float = prop::sample::select(&[-0.5, 0.0, 0.5, 1.0, 2.0][..]);
    let tags = prop::sample::subsequence(&["", "a", "ab", "b", "any"][..], 0..4);
    let tags = tags.prop_map(|tags| tags::collect(tags.iter().map(|t| t.as_bytes())).unwrap());
    let expires_at = prop::sample::select(&[10, 40, 50, 51, 60, 99][..]);
    (
        prop_oneof![1 => null(), 4 => (-1i64..4).prop_map(Value::Integer)],
        prop_oneof![1 => null(), 4 => float.prop_map(Value::Float)],
        prop_oneof![1 => null(), 4 => (0u16..3).prop_map(Value::Enum)],
        prop_oneof![1 => null(), 4 => text.prop_map(|t| Value::String(t.as_bytes().into()))],
        prop_oneof![1 => null(), 4 => any::<bool>().prop_map(Value::Boolean)],
        prop_oneof![1 => null(), 4 => tags.prop_map(Value::Tags)],
        prop_oneof![8 => null(), 4 => expires_at.prop_map(Value::DateTime)],
    )
        .prop_map(|(i, f, e, s, b, t, x)| vec![Value::Null, i, f, e, s, b, t, x])
}

/// A step of a table's life: the record of an id, or that there is none.
pub(super) type Step = (i64, Option<Vec<Value>>);

pub(super) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let some = prop_oneof![6 => record().prop_map(Some), 1 => Just(None)];
    prop::collection::vec((0i64..40, some), 0..most)
}

pub(super) fn take(table: &mut Table, model: &mut Model, step: &Step, expire: bool) {
    match step {
        (id, Some(values)) => {
            let mut values = values.clone();
            values[0] = Value::Integer(*id);
            if !expire {
                values[EXPIRES_AT] = Value::Null;
            }
            put(table, &values);
            model.insert(*id, values);
        }
        (id, None) => {
            remove(table, *id);
            model.remove(id);
        }
    }
}

pub(super) fn visible(record: &[Value]) -> bool {
    !matches!(record[EXPIRES_AT], Value::DateTime(at) if at <= NOW)
}

/// The order of two records, as the contract says it.
fn order_of(order: &[(usize, bool)], a: &[Value], b: &[Value]) -> Ordering {
    let last = order.last().is_some_and(|(_, descending)| *descending);
    for (position, descending) in order.iter().copied().chain([(0, last)]) {
        let order = match (plain(&a[position]), plain(&b[position])) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
        };
        let order = if descending { order.reverse() } else { order };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

pub(super) fn operations(indexes: u32) -> String {
    let chosen = INDEXES
        .iter()
        .enumerate()
        .filter(|(at, _)| indexes >> at & 1 == 1);
    chosen.fold(FIELDS.to_string(), |text, (_, index)| {
        format!("{text} ADD INDEX {index}")
    })
}

pub(super) fn leading(indexes: u32) -> Vec<&'static str> {
    let chosen = INDEXES
        .iter()
        .enumerate()
        .filter(|(at, _)| indexes >> at & 1 == 1);
    chosen
        .filter_map(|(_, index)| index.split(' ').next())
        .collect()
}

fn ordering() -> impl Strategy<Value = Vec<(usize, bool)>> {
    let ordered = (0..NAMES.len()).filter(|at| NAMES[*at] != "t");
    let fields = prop::sample::subsequence(ordered.collect::<Vec<_>>(), 0..4).prop_shuffle();
    (fields, any::<[bool; 4]>(), any::<bool>()).prop_map(|(fields, directions, same)| {
        let direction = |at: usize| if same { directions[0] } else { directions[at] };
        fields
            .into_iter()
            .enumerate()
            .map(|(at, field)| (field, direction(at)))
            .collect()
    })
}

fn order_words(order: &[(usize, bool)]) -> Vec<String> {
    let field = |(position, descending): &(usize, bool)| {
        let direction = if *descending { "DESC" } else { "ASC" };
        [NAMES[*position].to_string(), direction.to_string()]
    };
    order.iter().flat_map(field).collect()
}

/// Pages of a walk until its end; `between` is called after each.
fn walk(table: &mut Table, query: &Query, mut between: impl FnMut(&mut Table)) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut cursor = b"0".to_vec();
    for _ in 0..1000 {
        let (next, rows) = page(table, query, &cursor, NOW, 1000).unwrap();
        seen.extend(ids(table, &rows));
        if next == b"0" {
            return seen;
        }
        cursor = next;
        between(table);
    }
    panic!("the walk does not end");
}

pub(super) fn bytes(words: &[String]) -> Vec<&[u8]> {
    let word = |word: &String| if word == "''" { 0 } else { word.len() };
    words.iter().map(|w| &w.as_bytes()[..word(w)]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_set_of_indexes_gives_the_answer_of_a_plain_list(
        steps in steps(60),
        asked in asked(),
        everything in prop::bool::weighted(0.1),
        order in ordering(),
        limit in prop::option::of(0u64..20),
        offset in prop_oneof![3 => Just(0u64), 1 => 0u64..10],
        indexes: u32,
        expire: bool,
        size in 1u64..8,
    ) {
        let mut table = table(&operations(indexes));
        let mut model = Model::new();
        steps.iter().for_each(|step| take(&mut table, &mut model, step, expire));
        let mut words = Vec::new();
        asked.words(&mut words);
        if everything {
            words = vec!["*".into()];
        }
        let (words, order_words) = (words, order_words(&order));
        let (words, order_words) = (bytes(&words), bytes(&order_words));
        let mut query = query(&words, &order_words);

        let mut expected: Vec<&Vec<Value>> = model
            .values()
            .filter(|record| visible(record) && (everything || asked.holds(record) == Some(true)))
            .collect();
        expected.sort_by(|a, b| order_of(&order, a, b));
        let id = |record: &&Vec<Value>| match record[0] {
            Value::Integer(id) => id,
            _ => unreachable!(),
        };
        let whole: Vec<i64> = expected.iter().map(id).collect();

        // A walk by cursor sees them all, in order.
        query.limit = Some(size);
        if !order.is_empty() {
            prop_assert_eq!(&walk(&mut table, &query, |_| ()), &whole);
        } else {
            let mut by_id = whole.clone();
            by_id.sort_unstable();
            prop_assert_eq!(walk(&mut table, &query, |_| ()), by_id);
        }

        query.limit = limit;
        query.offset = offset;
        let from = whole.len().min(offset as usize);
        let to = limit.map_or(whole.len(), |limit| whole.len().min(from + limit as usize));
        let rows = select(&table, &query, || NOW, 1000).unwrap();
        let found = ids(&table, &rows);
        if order.is_empty() {
            let distinct: std::collections::BTreeSet<i64> = found.iter().copied().collect();
            prop_assert_eq!(distinct.len(), to - from);
            prop_assert_eq!(found.len(), to - from);
            prop_assert!(distinct.iter().all(|id| whole.contains(id)));
        } else {
            prop_assert_eq!(found, &whole[from..to]);
        }
        prop_assert_eq!(count(&table, &query, || NOW).unwrap(), (to - from) as u64);

        // More than are allowed are refused, and only then.
        let allowed = select(&table, &query, || NOW, (to - from) as u64);
        prop_assert_eq!(allowed.map(|rows| rows.len()), Ok(to - from));
        if to > from {
            let refused = select(&table, &query, || NOW, (to - from) as u64 - 1);
            prop_assert_eq!(refused.map_err(|e| e.code()), Err(Code::TooMany));
        }

        // Without SCAN it is refused exactly where the rule says so.
        query.scan = false;
        let served = everything || asked.served(false, &leading(indexes));
        match select(&table, &query, || NOW, 1000) {
            Ok(unscanned) => {
                prop_assert!(served);
                prop_assert_eq!(unscanned.len(), rows.len());
            }
            Err(error) => {
                prop_assert_eq!(error.code(), Code::NoIndex);
                prop_assert!(!served, "{}", error);
            }
        }
        let mut each_seen: Vec<Row> = Vec::new();
        each(&table, &query.predicate, true, NOW, &mut |row| {
            each_seen.push(row);
            true
        })
        .unwrap();
        let mut each_seen = ids(&table, &each_seen);
        let mut all = whole;
        all.sort_unstable();
        each_seen.sort_unstable();
        prop_assert_eq!(each_seen, all);
    }

    #[test]
    fn a_count_over_the_fields_of_an_index_is_that_of_a_plain_list(
        steps in steps(60),
        conditions in prop::collection::vec(bounded(), 1..5),
        expire: bool,
    ) {
        let mut table = table(&format!("{FIELDS} ADD INDEX e i s ADD INDEX s ADD INDEX i e"));
        let mut model = Model::new();
        steps.iter().for_each(|step| take(&mut table, &mut model, step, expire));
        let (mut words, asked) = (Vec::new(), Asked::And(conditions));
        asked.words(&mut words);
        let words = bytes(&words);
        let query = query(&words, &[]);
        let holds = |record: &&Vec<Value>| visible(record) && asked.holds(record) == Some(true);
        let expected = model.values().filter(holds).count() as u64;
        prop_assert_eq!(count(&table, &query, || NOW).unwrap(), expected);
    }

    #[test]
    fn a_walk_sees_a_record_that_does_not_move_exactly_once(
        before in steps(60),
        mut between in steps(40),
        asked in asked(),
        everything: bool,
        order in ordering(),
        indexes: u32,
        size in 1u64..8,
    ) {
        let mut table = table(&operations(indexes));
        let mut model = Model::new();
        before.iter().for_each(|step| take(&mut table, &mut model, step, false));
        let moved: Vec<i64> = between.iter().map(|step| step.0).collect();
        let mut words = Vec::new();
        asked.words(&mut words);
        if everything {
            words = vec!["*".into()];
        }
        let order_words = order_words(&order);
        let (words, order_words) = (bytes(&words), bytes(&order_words));
        let mut query = query(&words, &order_words);
        query.limit = Some(size);
        let matches = |record: &Vec<Value>| everything || asked.holds(record) == Some(true);
        let mut standing: Vec<Vec<Value>> = model
            .iter()
            .filter(|(id, record)| !moved.contains(id) && matches(record))
            .map(|(_, record)| record.clone())
            .collect();
        standing.sort_by(|a, b| order_of(&order, a, b));
        let standing: Vec<i64> = standing
            .iter()
            .map(|record| if let Value::Integer(id) = record[0] { id } else { unreachable!() })
            .collect();
        let seen = walk(&mut table, &query, |table| {
            for step in between.drain(..between.len().min(5)) {
                take(table, &mut model, &step, false);
            }
        });
        let seen: Vec<i64> = seen.into_iter().filter(|id| !moved.contains(id)).collect();
        prop_assert_eq!(seen, standing);
    }
}
