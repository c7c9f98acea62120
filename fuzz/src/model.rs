//! A plain list of records, asked with a logic of its own.
//!
//! It shares with the engine the words of a command and the values of a record, and none of the
//! code that reads, orders or compares them: truth is 1, 0 (unknown) or -1, AND the least, OR the
//! greatest; numbers are halves counted in 128 bits.

use std::cmp::Ordering;

use yarr::value::Value;

use crate::{
    draw::Draw,
    tags::{self, Contains},
};

/// The operations that make the table, its indexes apart.
pub const FIELDS: &str = "TIMESTAMPS OFF ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN \
     ADD FIELD d DATETIME ADD FIELD s STRING ADD FIELD u UUID ADD FIELD e ENUM ( x y z ) ADD FIELD t TAGS";
/// The names of the ENUM.
pub const ENUM: [&str; 3] = ["x", "y", "z"];
/// The names of the fields by position.
pub const NAMES: [&str; 10] = ["id", "i", "f", "b", "d", "s", "u", "e", "t", "expires_at"];
/// The position of the field of TAGS, which have no order.
pub const TAGS: usize = 8;
/// The position of `expires_at`.
pub const EXPIRES_AT: usize = 9;
/// The clock of every query.
pub const NOW: i64 = 50;

/// A record: a value for each of [`NAMES`].
pub type Record = [Value; 10];

const INTEGERS: [i64; 10] = [
    0,
    1,
    2,
    3,
    -1,
    1 << 53,
    (1 << 53) + 1,
    i64::MAX,
    i64::MIN,
    50,
];
const FLOATS: [f64; 10] = [
    0.0,
    1.0,
    0.5,
    -0.5,
    2.0,
    9007199254740992.0,
    9223372036854775808.0,
    1e300,
    -1e300,
    1.5,
];
const TEXTS: [&[u8]; 10] = [
    b"",
    b"a",
    b"ab",
    b"abc",
    b"b",
    b"\0",
    b"a\0",
    b"\xff",
    b"\xff\xff",
    b"6f9619ff-8b86-d011-b42d-00cf4fc964ff",
];
const EXPIRIES: [i64; 6] = [40, 50, 51, 60, 99, 10];

/// The value at a position, of few so that they meet; the id apart.
fn value(position: usize, draw: &mut Draw) -> Value {
    let byte = draw.byte();
    let small = usize::from(byte >> 2);
    if byte % 4 == 3 {
        return Value::Null;
    }
    match NAMES[position] {
        "i" => Value::Integer(INTEGERS[small % 10]),
        "f" => Value::Float(FLOATS[small % 10]),
        "b" => Value::Boolean(small % 2 == 1),
        "d" => Value::DateTime(INTEGERS[small % 10]),
        "s" => Value::String(TEXTS[small % 10].into()),
        "u" => Value::Uuid(UUIDS[small % 4].0),
        "e" => Value::Enum((small % 3) as u16),
        "t" => tags::value(&tags::set(&tags::list(draw))),
        _ if byte % 4 == 0 => Value::DateTime(EXPIRIES[small % 6]),
        _ => Value::Null,
    }
}

/// A record of this id.
pub fn record(id: i64, draw: &mut Draw) -> Record {
    std::array::from_fn(|position| match position {
        0 => Value::Integer(id),
        _ => value(position, draw),
    })
}

/// Whether a record has not expired at [`NOW`].
pub fn is_visible(record: &Record) -> bool {
    !matches!(record[EXPIRES_AT], Value::DateTime(at) if at <= NOW)
}

/// A token of a number and twice the number it says.
type Number = (&'static str, i128);

const NUMBERS: [Number; 20] = [
    ("0", 0),
    ("1", 2),
    ("2", 4),
    ("3", 6),
    ("-1", -2),
    ("+1", 2),
    ("-0", 0),
    ("0.5", 1),
    ("-.5", -1),
    ("1.5", 3),
    ("2.0", 4),
    ("2e0", 4),
    ("50", 100),
    ("9007199254740993", 18_014_398_509_481_986),
    ("9223372036854775807", 18_446_744_073_709_551_614),
    ("9223372036854775808", 18_446_744_073_709_551_616),
    ("-9223372036854775808", -18_446_744_073_709_551_616),
    ("-9223372036854775809", -18_446_744_073_709_551_618),
    ("1e400", i128::MAX),
    ("-1e400", i128::MIN),
];
/// Tokens that only a DATETIME takes.
const TIMES: [Number; 4] = [
    ("now", 2 * NOW as i128),
    ("NOW-47ms", 6),
    ("1970-01-01T00:00:00.002Z", 4),
    ("1970-01-01 01:00:00.0519+01:00", 102),
];
const UUIDS: [([u8; 16], &str); 4] = [
    ([0; 16], "00000000-0000-0000-0000-000000000000"),
    ([1; 16], "01010101010101010101010101010101"),
    ([0xff; 16], "FFFFFFFF-ffff-FFFF-ffff-ffffffffffff"),
    (
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "00000000000000000000000000000001",
    ),
];

/// A value as a predicate has it.
#[derive(Debug, Clone, Copy)]
enum Operand {
    Number(Number),
    Text(&'static [u8]),
    Uuid(usize),
    Word(&'static str, u16),
}

impl Operand {
    fn draw(position: usize, draw: &mut Draw) -> Operand {
        match NAMES[position] {
            "s" => Operand::Text(draw.pick(&TEXTS)),
            "u" => Operand::Uuid(draw.below(4)),
            "b" => draw.pick(&[
                Operand::Word("true", 1),
                Operand::Word("False", 0),
                Operand::Word("1", 1),
                Operand::Word("0", 0),
            ]),
            "e" => draw.pick(&[
                Operand::Word(ENUM[0], 0),
                Operand::Word(ENUM[1], 1),
                Operand::Word(ENUM[2], 2),
            ]),
            "d" | "expires_at" if draw.once_in(4) => Operand::Number(draw.pick(&TIMES)),
            _ => Operand::Number(draw.pick(&NUMBERS)),
        }
    }

    fn token(self) -> Vec<u8> {
        match self {
            Operand::Number((text, _)) | Operand::Word(text, _) => text.into(),
            Operand::Text(text) => text.into(),
            Operand::Uuid(at) => UUIDS[at].1.into(),
        }
    }

    /// How a value lies to this; `None` for a null.
    fn order(self, value: &Value) -> Option<Ordering> {
        Some(match (value, self) {
            (Value::Null, _) => return None,
            (Value::Integer(n) | Value::DateTime(n), Operand::Number((_, twice))) => {
                (i128::from(*n) * 2).cmp(&twice)
            }
            (Value::Float(f), Operand::Number((_, twice))) => float_order(*f, twice),
            (Value::Boolean(b), Operand::Word(_, ordinal)) => u16::from(*b).cmp(&ordinal),
            (Value::Enum(e), Operand::Word(_, ordinal)) => e.cmp(&ordinal),
            (Value::String(text), Operand::Text(other)) => (**text).cmp(other),
            (Value::Uuid(bytes), Operand::Uuid(at)) => bytes.cmp(&UUIDS[at].0),
            (value, operand) => unreachable!("{value:?} meets {operand:?}"),
        })
    }
}

/// How a float lies to half of `twice`, no integer rounded.
fn float_order(float: f64, twice: i128) -> Ordering {
    match twice {
        // Beyond every float.
        i128::MAX => return Ordering::Less,
        i128::MIN => return Ordering::Greater,
        _ => {}
    }
    if twice % 2 != 0 && twice.unsigned_abs() < 1 << 20 {
        return float.total_cmp(&(twice as f64 / 2.0));
    }
    let whole = (float.trunc() as i128).cmp(&(twice / 2));
    whole.then(float.fract().total_cmp(&0.0))
}

#[derive(Debug, Clone)]
enum Test {
    Compare(usize, Operand),
    Between(Operand, Operand),
    In(Vec<Operand>),
    StartsWith(&'static [u8]),
    Contains(Contains),
    Null(bool),
}

const OPERATORS: [[&str; 2]; 6] = [
    ["=", "eq"],
    ["!=", "NE"],
    ["<", "LT"],
    ["<=", "Le"],
    [">", "GT"],
    [">=", "GE"],
];

/// A predicate.
#[derive(Debug, Clone)]
pub enum Asked {
    /// `*`.
    Everything,
    /// A test of the field at a position.
    Field(usize, Box<FieldTest>),
    /// NOT.
    Not(Box<Asked>),
    /// AND where true, else OR.
    Many(bool, Vec<Asked>),
}

/// What is asked of a field.
#[derive(Debug, Clone)]
pub struct FieldTest(Test);

impl Asked {
    /// A predicate, `*` among them.
    pub fn draw(draw: &mut Draw) -> Asked {
        match draw.once_in(12) {
            true => Asked::Everything,
            false => Asked::part(draw, 4),
        }
    }

    fn part(draw: &mut Draw, depth: usize) -> Asked {
        match draw.below(8) {
            0 if depth > 0 => Asked::Not(Box::new(Asked::part(draw, depth - 1))),
            kind @ 1..=3 if depth > 0 => {
                let count = 1 + draw.below(4);
                Asked::Many(
                    kind < 3,
                    (0..count).map(|_| Asked::part(draw, depth - 1)).collect(),
                )
            }
            _ => {
                let position = draw.below(NAMES.len());
                Asked::Field(position, Box::new(FieldTest(Test::draw(position, draw))))
            }
        }
    }

    /// The words of a command.
    pub fn words(&self, out: &mut Vec<Vec<u8>>) {
        match self {
            Asked::Everything => out.push(b"*".into()),
            Asked::Field(position, test) => test.0.words(NAMES[*position], out),
            Asked::Not(part) => {
                out.extend([b"NOT".to_vec(), b"(".to_vec()]);
                part.words(out);
                out.push(b")".into());
            }
            Asked::Many(all, parts) => {
                out.push(b"(".into());
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        out.push(if *all { b"AND".into() } else { b"or".into() });
                    }
                    part.words(out);
                }
                out.push(b")".into());
            }
        }
    }

    /// Whether a record matches.
    pub fn matches(&self, record: &Record) -> bool {
        self.truth(record) > 0
    }

    fn truth(&self, record: &Record) -> i8 {
        match self {
            Asked::Everything => 1,
            Asked::Field(position, test) => match test.0.holds(&record[*position]) {
                None => 0,
                Some(holds) => {
                    if holds {
                        1
                    } else {
                        -1
                    }
                }
            },
            Asked::Not(part) => -part.truth(record),
            Asked::Many(all, parts) => {
                let truths = parts.iter().map(|part| part.truth(record));
                if *all { truths.min() } else { truths.max() }.unwrap_or(1)
            }
        }
    }
}

impl Test {
    fn draw(position: usize, draw: &mut Draw) -> Test {
        match draw.below(8) {
            0 => Test::Null(draw.below(2) == 0),
            _ if position == TAGS => Test::Contains(Contains::draw(draw)),
            1 if NAMES[position] == "s" => Test::StartsWith(draw.pick(&TEXTS)),
            1 | 2 => Test::Between(Operand::draw(position, draw), Operand::draw(position, draw)),
            3 => {
                let count = draw.below(6);
                Test::In((0..count).map(|_| Operand::draw(position, draw)).collect())
            }
            _ => Test::Compare(draw.below(12), Operand::draw(position, draw)),
        }
    }

    fn words(&self, name: &str, out: &mut Vec<Vec<u8>>) {
        let mut say = |text: &str| out.extend(text.split(' ').map(|word| word.as_bytes().to_vec()));
        match self {
            Test::Compare(operator, operand) => {
                say(&format!("{name} {}", OPERATORS[operator / 2][operator % 2]));
                out.push(operand.token());
            }
            Test::Between(low, high) => {
                say(&format!("@{name} BETWEEN"));
                out.extend([low.token(), b"AND".into(), high.token()]);
            }
            Test::In(operands) => {
                say(&format!("{name} IN {}", operands.len()));
                out.extend(operands.iter().map(|operand| operand.token()));
            }
            Test::StartsWith(prefix) => {
                say(&format!("{name} STARTS WITH"));
                out.push(prefix.to_vec());
            }
            Test::Contains(contains) => {
                out.push(name.into());
                out.extend(contains.words());
            }
            Test::Null(true) => say(&format!("{name} IS NULL")),
            Test::Null(false) => say(&format!("@{name} is not null")),
        }
    }

    /// `None` is unknown.
    fn holds(&self, value: &Value) -> Option<bool> {
        if let Test::Null(null) = self {
            return Some((*value == Value::Null) == *null);
        }
        if *value == Value::Null {
            return None;
        }
        Some(match self {
            Test::Compare(operator, operand) => {
                let order = operand.order(value)?;
                match operator / 2 {
                    0 => order.is_eq(),
                    1 => order.is_ne(),
                    2 => order.is_lt(),
                    3 => order.is_le(),
                    4 => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
            Test::Between(low, high) => low.order(value)?.is_ge() && high.order(value)?.is_le(),
            Test::In(operands) => operands
                .iter()
                .any(|operand| operand.order(value) == Some(Ordering::Equal)),
            Test::StartsWith(prefix) => {
                matches!(value, Value::String(text) if text.starts_with(prefix))
            }
            Test::Contains(contains) => contains.holds(&tags::of_value(value)?),
            Test::Null(_) => unreachable!("answered above"),
        })
    }
}

/// Fields to order by: position, and whether the greatest comes first.
pub type Order = Vec<(usize, bool)>;

/// An order, often none.
pub fn order(draw: &mut Draw) -> Order {
    let mut order = Order::new();
    for _ in 0..draw.below(4) {
        let byte = draw.below(2 * NAMES.len());
        let fits = byte / 2 != TAGS;
        if fits && order.iter().all(|(position, _)| *position != byte / 2) {
            order.push((byte / 2, byte % 2 == 1));
        }
    }
    order
}

/// The words after ORDER BY.
pub fn order_words(order: &Order) -> Vec<Vec<u8>> {
    let words = order.iter().flat_map(|(position, descending)| {
        [NAMES[*position], if *descending { "DESC" } else { "ASC" }]
    });
    words.map(|word| word.as_bytes().to_vec()).collect()
}

/// How two records stand in an order, which ends with the id in the direction of its last field.
pub fn compare(order: &Order, a: &Record, b: &Record) -> Ordering {
    let last = order.last().is_some_and(|(_, descending)| *descending);
    let each = order
        .iter()
        .copied()
        .chain([(0, last)])
        .map(|(position, descending)| {
            let order = value_order(&a[position], &b[position]);
            if descending { order.reverse() } else { order }
        });
    each.fold(Ordering::Equal, Ordering::then)
}

/// Null first, then as the type has it.
pub fn value_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Integer(a), Value::Integer(b)) | (Value::DateTime(a), Value::DateTime(b)) => {
            a.cmp(b)
        }
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).expect("finite floats"),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => u128::from_be_bytes(*a).cmp(&u128::from_be_bytes(*b)),
        (Value::Enum(a), Value::Enum(b)) => a.cmp(b),
        (Value::Tags(a), Value::Tags(b)) => a.cmp(b),
        (a, b) => unreachable!("{a:?} meets {b:?}"),
    }
}
