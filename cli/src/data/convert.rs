//! From what stands in a file to what a command takes: each value is seen to be one of its field's type, by the
//! engine's own reading of it.

use clap::ValueEnum;
use yarr::value::{Type, tags::MAX_TAG};

use super::{
    csv::split_tags,
    row::{Cell, Row, Shape, shown},
    schema::Field,
};

/// What a number means where a time is expected, and how times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Times {
    /// RFC 3339 text; a number is milliseconds.
    Rfc3339,
    /// Milliseconds since 1970.
    Ms,
    /// Seconds since 1970, with a fraction.
    S,
    /// Nanoseconds since 1970.
    Ns,
}

/// How values are to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The texts that stand for null.
    pub nulls: Vec<Vec<u8>>,
    /// What a number means where a time is expected.
    pub times: Times,
    /// What stands between tags.
    pub separator: u8,
    /// The clock, in milliseconds.
    pub now: i64,
}

impl Reading {
    /// Whether a text stands for null.
    pub fn is_null(&self, text: &[u8]) -> bool {
        self.nulls.iter().any(|null| null == text)
    }
}

/// A value as a command takes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Given<'a> {
    /// Null.
    Null,
    /// A value of one token.
    One(&'a [u8]),
    /// A time, in milliseconds.
    Time(i64),
    /// A set of tags.
    Tags(Vec<Vec<u8>>),
}

/// The value of a cell for a field.
///
/// # Errors
/// What was expected and what was found.
pub fn convert<'a>(
    field: &Field,
    row: &'a Row,
    cell: &Cell,
    reading: &Reading,
) -> Result<Given<'a>, String> {
    let text = match cell.shape {
        Shape::Null => return not_null(field, "null"),
        Shape::List => return tags(field, row.items_of(cell).map(<[u8]>::to_vec).collect()),
        Shape::Bare | Shape::Quoted | Shape::Literal => row.text_of(cell),
    };
    if cell.shape == Shape::Bare && reading.is_null(text) {
        return not_null(field, &shown(text));
    }
    match value(field, text, reading) {
        Ok(value) => Ok(value),
        // In quotes, and no value: a writer that puts quotes around everything.
        Err(_) if cell.shape == Shape::Quoted && reading.is_null(text) => {
            not_null(field, &shown(text))
        }
        Err(reason) => Err(reason),
    }
}

/// The value that a text is for a field.
///
/// # Errors
/// What was expected and what was found.
pub fn value<'a>(field: &Field, text: &'a [u8], reading: &Reading) -> Result<Given<'a>, String> {
    let wrong = || {
        let found = shown(text);
        format!("expected {}, found {found}", field.kind.expectation())
    };
    match &field.kind {
        Type::String => Ok(Given::One(text)),
        Type::Tags => tags(field, split_tags(text, reading.separator)?),
        Type::DateTime => {
            let scaled = match reading.times {
                Times::Rfc3339 | Times::Ms => None,
                Times::S => milliseconds(text, 3),
                Times::Ns => milliseconds(text, -6),
            };
            match scaled {
                Some(ms) => Ok(Given::Time(ms)),
                None if field.kind.parse(text, reading.now).is_some() => Ok(Given::One(text)),
                None => Err(wrong()),
            }
        }
        kind => match kind.parse(text, reading.now) {
            Some(_) => Ok(Given::One(text)),
            None => Err(wrong()),
        },
    }
}

fn not_null<'a>(field: &Field, found: &str) -> Result<Given<'a>, String> {
    match field.not_null && !field.filled {
        true => Err(format!(
            "expected a value (the field is NOT NULL), found {found}"
        )),
        false => Ok(Given::Null),
    }
}

fn tags<'a>(field: &Field, tags: Vec<Vec<u8>>) -> Result<Given<'a>, String> {
    if field.kind != Type::Tags {
        let expected = field.kind.expectation();
        return Err(format!("expected {expected}, found an array"));
    }
    match tags.iter().find(|tag| tag.len() > MAX_TAG) {
        Some(tag) => Err(format!(
            "expected tags of at most {MAX_TAG} bytes, found one of {}",
            tag.len()
        )),
        None => Ok(Given::Tags(tags)),
    }
}

/// A decimal number times ten to a power, without its fraction: exact, whatever its length.
fn milliseconds(text: &[u8], power: i32) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shift = power
        .checked_add(exponent)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let number: i128 = digits.parse().ok()?;
    let scale = 10_i128.checked_pow(shift.unsigned_abs());
    let scaled = match shift >= 0 {
        true => number.checked_mul(scale?)?,
        false => number.checked_div(scale.unwrap_or(i128::MAX))?,
    };
    i64::try_from(if negative { -scaled } else { scaled }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(nulls: &[&str], times: Times) -> Reading {
        Reading {
            nulls: nulls.iter().map(|null| null.as_bytes().to_vec()).collect(),
            times,
            separator: b'|',
            now: 0,
        }
    }

    fn field(kind: Type, not_null: bool) -> Field {
        Field {
            name: "f".into(),
            kind,
            not_null,
            filled: false,
        }
    }

    fn of(kind: Type, shape: Shape, text: &str, nulls: &[&str]) -> Result<String, String> {
        let mut row = Row::default();
        row.push(0, shape, text.as_bytes());
        let given = convert(
            &field(kind, false),
            &row,
            &row.cells[0],
            &reading(nulls, Times::Rfc3339),
        )?;
        Ok(match given {
            Given::Null => "null".into(),
            Given::One(text) => String::from_utf8_lossy(text).into_owned(),
            Given::Time(ms) => ms.to_string(),
            Given::Tags(tags) => format!("{} tags", tags.len()),
        })
    }

    #[test]
    fn quotes_tell_a_value_from_a_null() {
        let na = || Type::Enum(vec!["NA".into(), "EU".into()]);
        for (kind, shape, text, expected) in [
            (Type::String, Shape::Bare, "NA", "null"),
            (Type::String, Shape::Quoted, "NA", "NA"),
            (Type::String, Shape::Bare, "", ""),
            (na(), Shape::Bare, "NA", "null"),
            (na(), Shape::Quoted, "NA", "NA"),
            (Type::Integer, Shape::Bare, "NA", "null"),
            (Type::Integer, Shape::Quoted, "NA", "null"),
            (Type::Integer, Shape::Quoted, "7", "7"),
            (Type::Tags, Shape::Bare, "a|b", "2 tags"),
            (Type::Tags, Shape::Quoted, "", "0 tags"),
            (
                Type::DateTime,
                Shape::Bare,
                "2013-01-01T10:00:00Z",
                "2013-01-01T10:00:00Z",
            ),
        ] {
            assert_eq!(
                of(kind, shape, text, &["NA"]).unwrap(),
                expected,
                "{shape:?} {text}"
            );
        }
        let refused = of(Type::Integer, Shape::Bare, "", &["NA"]).unwrap_err();
        assert_eq!(refused, "expected a 64-bit integer, found ''");
        assert_eq!(
            of(Type::Integer, Shape::Bare, "", &["NA", ""]).unwrap(),
            "null"
        );
    }

    #[test]
    fn a_null_where_none_may_be_is_refused() {
        let mut row = Row::default();
        row.push(0, Shape::Null, b"");
        let refused = convert(
            &field(Type::Integer, true),
            &row,
            &row.cells[0],
            &reading(&[""], Times::Ms),
        );
        assert!(refused.unwrap_err().contains("NOT NULL"));
    }

    #[test]
    fn seconds_and_nanoseconds_are_read_exactly() {
        for (text, times, expected) in [
            ("1577836800", Times::S, Some(1_577_836_800_000)),
            ("1577836800.1239", Times::S, Some(1_577_836_800_123)),
            ("-1.5", Times::S, Some(-1_500)),
            ("1.5e3", Times::S, Some(1_500_000)),
            ("1577836800123456789", Times::Ns, Some(1_577_836_800_123)),
            ("1e-40", Times::S, Some(0)),
            ("1e40", Times::S, None),
            ("", Times::S, None),
            ("x", Times::Ns, None),
        ] {
            let found = value(
                &field(Type::DateTime, false),
                text.as_bytes(),
                &reading(&[], times),
            );
            let expected = expected.map(Given::Time);
            assert_eq!(found.ok(), expected, "{text}");
        }
    }
}
