//! Records of the model: eight fields, one of each type.

use crate::reply::Reply;

/// The fields after `id`, as the schema has them.
pub const FIELDS: [(&str, Kind); 8] = [
    ("id", Kind::Integer),
    ("n", Kind::Integer),
    ("f", Kind::Float),
    ("b", Kind::Boolean),
    ("d", Kind::Integer),
    ("s", Kind::String),
    ("e", Kind::Enum),
    ("u", Kind::Integer),
];

/// The field with a UNIQUE index, in both tables.
pub const UNIQUE: usize = 7;

/// The names of the ENUM.
pub const NAMES: [&str; 4] = ["low", "mid", "high", "top"];

/// Strings that are easily told apart wrongly.
pub const STRINGS: [&[u8]; 10] = [
    b"",
    b"a",
    b"ab",
    b"abc",
    b"b",
    b"\0",
    b"\xff\xff",
    b")",
    b"AND",
    b"e4eaaaf2-d142-11e1-b3e4-080027620cdd",
];

/// The type of a field; a DATETIME is an integer here.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Integer,
    Float,
    Boolean,
    String,
    Enum,
}

/// A value of any type. Numbers are kept doubled, so that halves are whole and comparisons exact.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub enum Value {
    Number(i128),
    Boolean(bool),
    String(Vec<u8>),
    Enum(usize),
}

/// The values of a record, `id` first.
pub type Record = [Option<Value>; FIELDS.len()];

/// The words of a command.
pub type Words = Vec<Vec<u8>>;

/// Words that are text.
pub fn words(parts: &[&str]) -> Words {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

impl Value {
    /// The value as a command takes it and as RESP2 answers it.
    pub fn token(&self, kind: Kind) -> Vec<u8> {
        match self {
            Value::Number(doubled) if doubled % 2 == 0 => (doubled / 2).to_string().into_bytes(),
            Value::Number(doubled) => format!(
                "{}{}.5",
                if *doubled < 0 { "-" } else { "" },
                doubled.abs() / 2
            )
            .into_bytes(),
            Value::Boolean(truth) => truth.to_string().into_bytes(),
            Value::String(bytes) => bytes.clone(),
            Value::Enum(place) => {
                assert!(kind == Kind::Enum);
                NAMES[*place].as_bytes().to_vec()
            }
        }
    }
}

/// A value as PLUCK answers it.
pub fn bulk(value: &Option<Value>, field: usize) -> Reply {
    match value {
        None => Reply::Null,
        Some(value) => Reply::Bulk(value.token(FIELDS[field].1)),
    }
}

/// A record's id.
pub fn id_of(record: &Record) -> i64 {
    match record[0] {
        Some(Value::Number(doubled)) => i64::try_from(doubled / 2).expect("an id"),
        _ => panic!("a record has an id"),
    }
}

/// A record as FIND answers it.
pub fn flat(record: &Record) -> Reply {
    let pairs = record
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_some());
    Reply::Array(
        pairs
            .flat_map(|(field, value)| [Reply::Bulk(FIELDS[field].0.into()), bulk(value, field)])
            .collect(),
    )
}
