//! Values: drawn at random, as tokens for YARR, as text for SQLite, and as answers.
//!
//! | type | in SQLite |
//! | --- | --- |
//! | INTEGER, DATETIME | INTEGER |
//! | FLOAT | REAL, never -0 |
//! | BOOLEAN, ENUM | INTEGER: 0 and 1, the ordinal |
//! | STRING, UUID | BLOB, which compares by bytes |
//! | TAGS | BLOB: each tag after a byte of its length, sorted; and a row a tag in `tag` |

use rusqlite::types::Value as Cell;

use crate::{answer::Answer, random::Random, sql::Sql};

/// The type of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Integer,
    Float,
    Boolean,
    DateTime,
    String,
    Uuid,
    /// The number of its names, `n0` and on.
    Enum(usize),
    Tags,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Float(f64),
    Boolean(bool),
    DateTime(i64),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    Enum(usize),
    /// Sorted, each once.
    Tags(Vec<Vec<u8>>),
}

/// Integers where something changes.
pub const EDGES: [i64; 12] = [
    i64::MIN,
    i64::MIN + 1,
    i64::MAX,
    i64::MAX - 1,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    -9_007_199_254_740_993,
    4_294_967_296,
    -1,
    0,
    1_767_225_600_000,
    1_767_225_600_001,
];

const FLOATS: [f64; 18] = [
    0.0,
    -0.0,
    0.1,
    0.2,
    0.30000000000000004,
    5.5,
    -5.5,
    1e300,
    -1e300,
    f64::MAX,
    f64::MIN,
    5e-324,
    f64::MIN_POSITIVE,
    9_007_199_254_740_992.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    1e20,
    1e-7,
];

impl Kind {
    /// Any type.
    pub fn random(random: &mut Random) -> Kind {
        match random.below(9) {
            0 | 1 => Kind::Integer,
            2 => Kind::Float,
            3 => Kind::Boolean,
            4 => Kind::DateTime,
            5 => Kind::String,
            6 => Kind::Uuid,
            7 => Kind::Enum(match random.chance(15) {
                true => 300,
                false => 1 + random.below(5),
            }),
            _ => Kind::Tags,
        }
    }

    /// The type in a migration.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let word = match self {
            Kind::Integer => "INTEGER",
            Kind::Float => "FLOAT",
            Kind::Boolean => "BOOLEAN",
            Kind::DateTime => "DATETIME",
            Kind::String => "STRING",
            Kind::Uuid => "UUID",
            Kind::Enum(_) => "ENUM",
            Kind::Tags => "TAGS",
        };
        let mut words: Vec<Vec<u8>> = vec![word.into()];
        if let Kind::Enum(names) = self {
            words.push("(".into());
            words.extend((0..*names).map(|ordinal| name(ordinal).into_bytes()));
            words.push(")".into());
        }
        words
    }

    /// A value that is not null; most of them come often.
    pub fn value(&self, random: &mut Random, now: i64) -> Value {
        match self {
            Kind::Integer => Value::Integer(integer(random)),
            Kind::Float => Value::Float(float(random)),
            Kind::Boolean => Value::Boolean(random.chance(50)),
            Kind::DateTime => Value::DateTime(match random.chance(80) {
                true => now + 1000 * random.within(-5, 5),
                false => integer(random),
            }),
            Kind::String => Value::Bytes(bytes(random, 300)),
            Kind::Uuid => Value::Uuid(uuid(random)),
            Kind::Enum(names) => Value::Enum(random.below(*names)),
            Kind::Tags => {
                let count = random.below(5);
                tags((0..count).map(|_| tag(random)).collect())
            }
        }
    }

    /// A cell of SQLite as YARR would answer it.
    pub fn answer(&self, cell: &Cell) -> Answer {
        match (self, cell) {
            (_, Cell::Null) => Answer::Null,
            (Kind::Integer | Kind::DateTime, Cell::Integer(n)) => Answer::Number(*n),
            (Kind::Float, Cell::Real(f)) => Answer::Float((f + 0.0).to_bits()),
            (Kind::Boolean, Cell::Integer(n)) => Answer::Boolean(*n == 1),
            (Kind::Enum(_), Cell::Integer(n)) => Answer::text(&name(*n as usize)),
            (Kind::String, Cell::Blob(bytes)) => Answer::Bytes(bytes.clone()),
            (Kind::Uuid, Cell::Blob(bytes)) => Answer::Bytes(uuid_text(bytes)),
            (Kind::Tags, Cell::Blob(blob)) => {
                Answer::Set(tags_of(blob).into_iter().map(Answer::Bytes).collect())
            }
            (kind, cell) => panic!("SQLite answered {cell:?} for {kind:?}"),
        }
    }
}

impl Value {
    /// The tokens that say this value, in one of its forms.
    pub fn words(&self, random: &mut Random) -> Vec<Vec<u8>> {
        vec![match self {
            Value::Null => panic!("null has no token"),
            Value::Integer(n) | Value::DateTime(n) => n.to_string().into_bytes(),
            Value::Float(f) => match random.chance(50) {
                true => format!("{f}").into_bytes(),
                false => format!("{f:e}").into_bytes(),
            },
            Value::Boolean(truth) => {
                let forms = match truth {
                    true => ["true", "TRUE", "1"],
                    false => ["false", "False", "0"],
                };
                forms[random.below(3)].into()
            }
            Value::Bytes(bytes) => bytes.clone(),
            Value::Uuid(bytes) => {
                let text = uuid_text(bytes);
                match random.below(3) {
                    0 => text,
                    1 => text.to_ascii_uppercase(),
                    _ => text.into_iter().filter(|byte| *byte != b'-').collect(),
                }
            }
            Value::Enum(ordinal) => name(*ordinal).into_bytes(),
            Value::Tags(tags) => {
                let mut words = vec![tags.len().to_string().into_bytes()];
                words.extend(tags.iter().cloned());
                return words;
            }
        }]
    }

    /// The value in SQLite.
    pub fn sql(&self) -> Sql {
        match self {
            Value::Null => Sql::of("NULL"),
            Value::Integer(n) | Value::DateTime(n) => Sql::of(n.to_string()),
            Value::Float(f) => Sql {
                text: "?".into(),
                floats: vec![*f + 0.0],
            },
            Value::Boolean(truth) => Sql::of(i32::from(*truth).to_string()),
            Value::Bytes(bytes) => Sql::of(blob(bytes)),
            Value::Uuid(bytes) => Sql::of(blob(bytes)),
            Value::Enum(ordinal) => Sql::of(ordinal.to_string()),
            Value::Tags(tags) => {
                let tags = tags.iter();
                let tags = tags.flat_map(|tag| [&[tag.len() as u8][..], tag].concat());
                Sql::of(blob(&tags.collect::<Vec<u8>>()))
            }
        }
    }
}

/// A literal of bytes.
pub fn blob(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

/// The tags of a set as SQLite holds it.
pub fn tags_of(mut blob: &[u8]) -> Vec<Vec<u8>> {
    let mut tags = Vec::new();
    while let Some((len, rest)) = blob.split_first() {
        let (tag, rest) = rest.split_at(usize::from(*len));
        tags.push(tag.to_vec());
        blob = rest;
    }
    tags
}

/// A set of tags.
pub fn tags(mut tags: Vec<Vec<u8>>) -> Value {
    tags.sort();
    tags.dedup();
    Value::Tags(tags)
}

/// A tag of few.
pub fn tag(random: &mut Random) -> Vec<u8> {
    const TAGS: [&[u8]; 9] = [
        b"a",
        b"b",
        b"c",
        b"",
        b"any",
        b"ALL",
        b")",
        b"2",
        b"\xff\x00",
    ];
    match random.chance(95) {
        true => random.pick(&TAGS).to_vec(),
        false => vec![b'x'; 1 + random.below(255)],
    }
}

/// A name of an ENUM.
fn name(ordinal: usize) -> String {
    // Not in the order of their bytes.
    format!("n{}", ordinal * 7 % 1000)
}

/// An integer, small more often than not.
pub fn integer(random: &mut Random) -> i64 {
    match random.below(10) {
        0 => *random.pick(&EDGES),
        1 => random.bits() as i64,
        _ => random.within(-3, 9),
    }
}

fn float(random: &mut Random) -> f64 {
    match random.below(10) {
        0..=2 => *random.pick(&FLOATS),
        3 => integer(random) as f64,
        4 => loop {
            let any = f64::from_bits(random.bits());
            if any.is_finite() {
                return any;
            }
        },
        _ => random.within(-4, 12) as f64 / 2.0,
    }
}

/// Bytes: few, of few kinds, `most` of them now and then.
pub fn bytes(random: &mut Random, most: usize) -> Vec<u8> {
    const TEXTS: [&[u8]; 10] = [
        b"", b"AND", b")", b"*", b"5", b"null", b"@a", b"\xff", b"\x00", b"ASC",
    ];
    match random.below(20) {
        0..=3 => random.pick(&TEXTS).to_vec(),
        4 => vec![*random.pick(b"ab\xff"); random.below(most)],
        _ => {
            let len = 1 + random.below(4);
            (0..len).map(|_| *random.pick(b"ab\x00\xff")).collect()
        }
    }
}

fn uuid(random: &mut Random) -> [u8; 16] {
    let mut bytes = [0; 16];
    match random.below(8) {
        0 => bytes = [0xFF; 16],
        1 => bytes[..8].copy_from_slice(&random.bits().to_be_bytes()),
        2 => bytes[0] = random.below(4) as u8,
        _ => bytes[15] = random.below(12) as u8,
    }
    bytes
}

fn uuid_text(bytes: &[u8]) -> Vec<u8> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts: Vec<&str> = parts.iter().map(|(from, to)| &digits[*from..*to]).collect();
    parts.join("-").into_bytes()
}

impl Kind {
    /// The value that an answer tells; none of TAGS, which nothing is compared with.
    pub fn value_of(&self, answer: &Answer) -> Option<Value> {
        Some(match (self, answer) {
            (Kind::Integer, Answer::Number(n)) => Value::Integer(*n),
            (Kind::DateTime, Answer::Number(n)) => Value::DateTime(*n),
            (Kind::Float, Answer::Float(bits)) => Value::Float(f64::from_bits(*bits)),
            (Kind::Boolean, Answer::Boolean(truth)) => Value::Boolean(*truth),
            (Kind::String, Answer::Bytes(bytes)) => Value::Bytes(bytes.clone()),
            (Kind::Uuid, Answer::Bytes(text)) => {
                let text = String::from_utf8_lossy(text).replace('-', "");
                Value::Uuid(u128::from_str_radix(&text, 16).ok()?.to_be_bytes())
            }
            (Kind::Enum(names), Answer::Bytes(text)) => {
                let is = |ordinal: &usize| name(*ordinal).as_bytes() == &text[..];
                Value::Enum((0..*names).find(is)?)
            }
            _ => return None,
        })
    }
}
