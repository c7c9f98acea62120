//! Predicates of the model, by SQL's three-valued logic.

use super::record::{FIELDS, Record, Value, Words, words};

/// A condition on records.
pub enum Predicate {
    All,
    Condition(usize, Condition),
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
}

/// A condition on one field.
pub enum Condition {
    Compare(&'static str, Value),
    Between(Value, Value),
    In(Vec<Value>),
    IsNull(bool),
    StartsWith(Vec<u8>),
}

impl Condition {
    /// SQL's truth: `None` where a null makes it unknown.
    fn holds(&self, value: &Option<Value>) -> Option<bool> {
        if let Condition::IsNull(wanted) = self {
            return Some(value.is_none() == *wanted);
        }
        let value = value.as_ref()?;
        Some(match self {
            Condition::Compare("=", other) => value == other,
            Condition::Compare("!=", other) => value != other,
            Condition::Compare("<", other) => value < other,
            Condition::Compare("<=", other) => value <= other,
            Condition::Compare(">", other) => value > other,
            Condition::Compare(_, other) => value >= other,
            Condition::Between(low, high) => value >= low && value <= high,
            Condition::In(list) => list.contains(value),
            Condition::StartsWith(head) => {
                matches!(value, Value::String(bytes) if bytes.starts_with(head))
            }
            Condition::IsNull(_) => unreachable!("answered above"),
        })
    }

    fn words(&self, field: usize) -> Words {
        let (name, kind) = FIELDS[field];
        let mut out = words(&[name]);
        match self {
            Condition::Compare(operator, value) => {
                out.extend(words(&[operator]));
                out.push(value.token(kind));
            }
            Condition::Between(low, high) => out.extend([
                b"BETWEEN".to_vec(),
                low.token(kind),
                b"AND".to_vec(),
                high.token(kind),
            ]),
            Condition::In(list) => {
                out.extend(words(&["IN", &list.len().to_string()]));
                out.extend(list.iter().map(|value| value.token(kind)));
            }
            Condition::IsNull(true) => out.extend(words(&["IS", "NULL"])),
            Condition::IsNull(false) => out.extend(words(&["IS", "NOT", "NULL"])),
            Condition::StartsWith(head) => {
                out.extend(words(&["STARTS", "WITH"]));
                out.push(head.clone());
            }
        }
        out
    }
}

impl Predicate {
    /// SQL's truth for a record.
    pub fn holds(&self, record: &Record) -> Option<bool> {
        match self {
            Predicate::All => Some(true),
            Predicate::Condition(field, condition) => condition.holds(&record[*field]),
            Predicate::And(a, b) => match (a.holds(record), b.holds(record)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Predicate::Or(a, b) => match (a.holds(record), b.holds(record)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Predicate::Not(a) => a.holds(record).map(|truth| !truth),
        }
    }

    /// The predicate as a command takes it.
    pub fn words(&self) -> Words {
        let both = |a: &Predicate, word: &str, b: &Predicate| {
            [
                words(&["("]),
                a.words(),
                words(&[word]),
                b.words(),
                words(&[")"]),
            ]
            .concat()
        };
        match self {
            Predicate::All => words(&["*"]),
            Predicate::Condition(field, condition) => condition.words(*field),
            Predicate::And(a, b) => both(a, "AND", b),
            Predicate::Or(a, b) => both(a, "OR", b),
            Predicate::Not(a) => [words(&["NOT", "("]), a.words(), words(&[")"])].concat(),
        }
    }
}
