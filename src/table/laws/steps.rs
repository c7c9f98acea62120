//! What happens to a table in these laws, drawn at random.

use proptest::prelude::*;

use crate::{
    schema::{Operation, parse_operations},
    tokens::Tokens,
    value::{Type, Value, tags},
};

/// The fields a table may have, and an index each may get.
pub(super) const FIELDS: [(&str, &str); 8] = [
    ("a", "INTEGER"),
    ("b", "STRING"),
    ("c", "ENUM ( x y z )"),
    ("d", "FLOAT"),
    ("e", "UUID"),
    ("f", "BOOLEAN"),
    ("g", "DATETIME"),
    ("h", "TAGS"),
];

pub(super) fn operations(text: &str) -> Vec<Operation> {
    let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
    parse_operations(&mut Tokens::new(&args)).unwrap()
}

/// One thing that happens to a table.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Puts records of these ids, each with values drawn from the seed, in one write.
    Put(Vec<(i64, u64)>),
    Remove(Vec<i64>),
    /// Begins a write and lets it go.
    Abandon(Vec<(i64, u64)>),
    Reclaim,
    Later(i64),
    AddField(usize),
    RemoveField(usize),
    AddIndex(Vec<usize>, u8),
    RemoveIndex(usize),
    /// Begins a migration that goes on between the steps.
    Begin(Vec<usize>, u8),
    GoOn(usize),
    /// Gives a field another type, in steps of so many records.
    SetType(usize, usize, usize),
    Cancel,
    Reload,
    /// Begins a change feed, or ends it.
    Feed(bool),
    /// Keeps so many tombstones.
    Bury(u64),
    /// A consumer says that it has come so close to the head; or it is gone.
    Acknowledge(u8, Option<u64>),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let records = prop::collection::vec((1i64..40, any::<u64>()), 1..5);
    prop_oneof![
        6 => records.clone().prop_map(Step::Put),
        2 => prop::collection::vec(1i64..40, 1..8).prop_map(Step::Remove),
        1 => records.prop_map(Step::Abandon),
        1 => Just(Step::Reclaim),
        1 => (1i64..20).prop_map(Step::Later),
        3 => (0usize..8).prop_map(Step::AddField),
        1 => (0usize..8).prop_map(Step::RemoveField),
        2 => (prop::collection::vec(0usize..8, 1..4), 0u8..3).prop_map(|(f, s)| Step::AddIndex(f, s)),
        1 => (0usize..4).prop_map(Step::RemoveIndex),
        4 => (prop::collection::vec(0usize..8, 1..3), 0u8..7).prop_map(|(f, s)| Step::Begin(f, s)),
        4 => (1usize..12).prop_map(Step::GoOn),
        2 => (0usize..8, 0usize..8, 1usize..9).prop_map(|(f, t, n)| Step::SetType(f, t, n)),
        1 => Just(Step::Cancel),
        1 => Just(Step::Reload),
        2 => prop::bool::weighted(0.8).prop_map(Step::Feed),
        1 => (0u64..6).prop_map(Step::Bury),
        1 => (0u8..3, prop::option::weighted(0.8, 0u64..9)).prop_map(|(n, p)| Step::Acknowledge(n, p)),
    ]
}

/// A value of a field drawn from a seed, from few values so that they meet.
pub(super) fn draw(name: &str, seed: u64) -> Value {
    let small = (seed >> 8) % 5;
    match (name, seed % 4) {
        ("id" | "created_at" | "updated_at", _) => Value::DateTime(seed as i64 % 1000),
        (_, 0) => Value::Null,
        ("expires_at", 1) => Value::DateTime((seed >> 16) as i64 % 60),
        ("expires_at", _) => Value::Null,
        ("a", _) => Value::Integer([i64::MIN, -1, 0, 1, i64::MAX][small as usize]),
        ("b", _) => {
            Value::String([&b""[..], b"\0", b"\0\xff", b"a", b"cafe0123"][small as usize].into())
        }
        ("c", _) => Value::Enum(small as u16 % 3),
        ("d", _) => Value::Float([-1e300, -0.5, 0.0, 0.1, 1e300][small as usize]),
        ("e", _) => Value::Uuid([small as u8; 16]),
        ("f", _) => Value::Boolean(small % 2 == 0),
        // Whatever is said, a write is given its own.
        ("change_number", _) => Value::Null,
        ("i", _) => Value::Integer(small as i64),
        ("h", _) => {
            let tags = [&b""[..], b"a", b"ab", b"\0", b"\xff"];
            let drawn = tags
                .iter()
                .enumerate()
                .filter(|(at, _)| seed >> (20 + at) & 1 == 1);
            Value::Tags(tags::collect(drawn.map(|(_, tag)| *tag)).unwrap())
        }
        _ => Value::DateTime(small as i64 * 1000),
    }
}

/// A type by its words.
pub(super) fn kind_of(words: &str) -> Type {
    match &operations(&format!("ADD FIELD x {words}"))[0] {
        Operation::AddField { kind, .. } => kind.clone(),
        other => panic!("{other:?}"),
    }
}
