//! Text to value to text, and the order of keys, each beside means of the standard library.
//!
//! The first byte is a type's letter (`i f b d s u e`, or any byte), the rest two tokens with a
//! newline between.

use std::cmp::Ordering;

use yarr::value::{
    Type, Value, ValueRef, datetime,
    number::{Place, float_text, parse_float, parse_integer, place_float, place_integer},
    tags, uuid,
};

use crate::{calendar, decimal::Decimal, draw::Draw, model::value_order};

/// The clock of every token.
const NOW: i64 = 1_767_225_600_000;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let kind = kind_of(draw.byte());
    let rest = draw.rest();
    let middle = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len());
    let (first, second) = (&rest[..middle], rest.get(middle + 1..).unwrap_or_default());
    for token in [first, second] {
        check_token(&kind, token);
        check_places(token);
    }
    // The bytes themselves as a value, so that every value is tried, not only what text spells.
    check_value(&of_bytes(&kind, first));
    let values = [
        [parsed(&kind, first), parsed(&kind, second)],
        [of_bytes(&kind, first), of_bytes(&kind, second)],
    ];
    for [a, b] in &values {
        check_order(a, b, first, second);
    }
}

fn kind_of(letter: u8) -> Type {
    match letter {
        b'i' => Type::Integer,
        b'f' => Type::Float,
        b'b' => Type::Boolean,
        b'd' => Type::DateTime,
        b's' => Type::String,
        b'u' => Type::Uuid,
        b't' => Type::Tags,
        b'e' => Type::Enum(["x", "y", "z", "a.b", "A_1-"].map(Into::into).into()),
        other => kind_of(b"ifbdsue"[usize::from(other) % 7]),
    }
}

fn parsed(kind: &Type, token: &[u8]) -> Value {
    kind.parse(token, NOW)
        .map_or(Value::Null, |value| value.to_value())
}

/// The value of a type that these bytes make.
fn of_bytes(kind: &Type, bytes: &[u8]) -> Value {
    let mut wide = [0; 16];
    wide.iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    let word = u64::from_be_bytes(*wide.first_chunk().expect("16 bytes hold 8"));
    match kind {
        Type::Integer => Value::Integer(word as i64),
        Type::DateTime => Value::DateTime(word as i64),
        Type::Float => match f64::from_bits(word) {
            number if number.is_finite() => Value::Float(if number == 0.0 { 0.0 } else { number }),
            _ => Value::Null,
        },
        Type::Boolean => Value::Boolean(wide[0] % 2 == 1),
        Type::String => Value::String(bytes.into()),
        Type::Uuid => Value::Uuid(wide),
        Type::Enum(_) => Value::Enum(u16::from_be_bytes([wide[0], wide[1]])),
        Type::Tags => {
            let tags = bytes
                .split(|byte| *byte == 0)
                .map(|tag| &tag[..tag.len().min(255)]);
            Value::Tags(tags::collect(tags).expect("tags are short"))
        }
    }
}

/// What the standard library, or a few plain lines, read of the token.
fn expected(kind: &Type, token: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(token).ok();
    Some(match kind {
        Type::Integer => Value::Integer(text?.parse().ok()?),
        Type::Float => {
            // Words such as inf and nan are numbers to the standard library alone.
            let number: f64 = text?.parse().ok()?;
            let written =
                !text?.contains(|c: char| c.is_ascii_alphabetic() && !c.eq_ignore_ascii_case(&'e'));
            (written && number.is_finite()).then_some(Value::Float(number + 0.0))?
        }
        Type::Boolean => match text?.to_ascii_lowercase().as_str() {
            "true" | "1" => Value::Boolean(true),
            "false" | "0" => Value::Boolean(false),
            _ => return None,
        },
        Type::DateTime => match text?.parse() {
            Ok(milliseconds) => Value::DateTime(milliseconds),
            Err(_) => Value::DateTime(calendar::read(text?, NOW)?),
        },
        Type::String => Value::String(token.into()),
        Type::Uuid => {
            let bare = text?.replace('-', "");
            let hyphens: Vec<usize> = text?.match_indices('-').map(|(at, _)| at).collect();
            let well = hyphens.is_empty() || hyphens == [8, 13, 18, 23];
            let hex = bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit());
            (well && hex)
                .then(|| u128::from_str_radix(&bare, 16).ok())?
                .map(|n| Value::Uuid(n.to_be_bytes()))?
        }
        Type::Enum(names) => {
            let place = names.iter().position(|name| Some(&**name) == text)?;
            Value::Enum(place as u16)
        }
        Type::Tags => (token == b"0").then(|| Value::Tags(Box::default()))?,
    })
}

fn check_token(kind: &Type, token: &[u8]) {
    let value = kind.parse(token, NOW).map(|value| value.to_value());
    assert_eq!(
        value,
        expected(kind, token),
        "{kind:?} {:?}",
        String::from_utf8_lossy(token)
    );
    if let Some(value) = value {
        check_value(&value);
        if *kind == Type::Tags {
            // Their text is for a person alone.
            return;
        }
        let text = value.as_ref().text(kind.names());
        let again = kind.parse(&text, NOW).map(|value| value.to_value());
        assert_eq!(again, Some(value), "a value's text reads otherwise");
    }
    if let Some(offset) = datetime::clock_offset(token) {
        assert_eq!(
            datetime::clock_offset(datetime::clock_text(offset).as_bytes()),
            Some(offset)
        );
    }
    if kind.parse(token, NOW).is_none() {
        let error = kind
            .expect("field", token, NOW)
            .expect_err("it does not parse")
            .to_string();
        assert!(
            error.bytes().all(|b| (b' '..=b'~').contains(&b)),
            "{error:?}"
        );
    }
}

/// What holds of a value whatever token it came from.
fn check_value(value: &Value) {
    match value {
        Value::Integer(n) => assert_eq!(parse_integer(n.to_string().as_bytes()), Some(*n)),
        Value::Float(f) => check_float(*f),
        Value::DateTime(at) => {
            if let Some(text) = calendar::write(*at) {
                assert_eq!(datetime::parse(text.as_bytes(), 0), Some(*at), "{text}");
            }
        }
        Value::Uuid(bytes) => {
            let hex = format!("{:032x}", u128::from_be_bytes(*bytes));
            let text = [
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..],
            ]
            .join("-");
            assert_eq!(uuid::text(bytes), text.as_bytes());
            assert_eq!(uuid::parse_canonical(text.as_bytes()), Some(*bytes));
            assert_eq!(
                uuid::parse(hex.to_ascii_uppercase().as_bytes()),
                Some(*bytes)
            );
        }
        _ => {}
    }
}

/// The shortest digits that read back, laid out as JavaScript does.
fn check_float(number: f64) {
    let text = float_text(number);
    assert_eq!(text.parse(), Ok(number));
    assert_eq!(parse_float(text.as_bytes()), Some(number));
    // The standard library's own shortest digits and exponent, from which the layout follows.
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("an exponent");
    let (digits, exponent) = (
        nearest_digits(mantissa.replace('.', ""), number),
        exponent.parse::<i32>().expect("a number"),
    );
    let mantissa = match digits.split_at(1) {
        (_, "") => digits.clone(),
        (first, rest) => format!("{first}.{rest}"),
    };
    let (length, point) = (digits.len() as i32, exponent + 1);
    let laid_out = if number == 0.0 {
        "0".into()
    } else if length <= point && point <= 21 {
        digits.clone() + &"0".repeat((point - length) as usize)
    } else if 0 < point && point <= 21 {
        format!(
            "{}.{}",
            &digits[..point as usize],
            &digits[point as usize..]
        )
    } else if -6 < point && point <= 0 {
        format!("0.{}{digits}", "0".repeat(-point as usize))
    } else {
        format!("{mantissa}e{exponent:+}")
    };
    let sign = if number < 0.0 { "-" } else { "" };
    assert_eq!(text, format!("{sign}{laid_out}"));
}

/// The digits that are expected. Of two shortest ones as near, one above the other, JavaScript takes the
/// even one and the standard library the upper.
fn nearest_digits(upper: String, number: f64) -> String {
    let (before, last) = upper.split_at(upper.len() - 1);
    let lower = last.parse::<u32>().expect("a digit").checked_sub(1);
    let Some(lower) = lower.filter(|lower| lower % 2 == 0) else {
        return upper;
    };
    let even = format!("{before}{lower}");
    // No float has more digits.
    let all = format!("{:.800e}", number.abs()).replace('.', "");
    let rest = all.strip_prefix(&even);
    let half = rest.and_then(|rest| rest.split('e').next()?.strip_prefix('5'));
    match half.is_some_and(|rest| rest.bytes().all(|digit| digit == b'0')) {
        true => even,
        false => upper,
    }
}

/// Where a number falls among integers and floats, beside decimal digits compared by hand.
fn check_places(token: &[u8]) {
    let decimal = Decimal::read(token);
    let (integer, float) = (place_integer(token), place_float(token));
    assert_eq!(
        integer.is_some(),
        float.is_some(),
        "a number for one type alone"
    );
    let (Some(integer), Some(float)) = (integer, float) else {
        assert!(
            decimal.is_none(),
            "a number is refused: {:?}",
            String::from_utf8_lossy(token)
        );
        return;
    };
    // Exponents past what the digits can be written out for are another's to judge.
    let Some(decimal) = decimal.filter(Decimal::is_small) else {
        return;
    };
    check_place(
        &decimal,
        integer,
        |n| Decimal::of_integer(*n),
        |n| n.checked_add(1),
        [i64::MIN, i64::MAX],
    );
    let next = |f: &f64| Some(f.next_up()).filter(|f| f.is_finite());
    if decimal.is_exact() {
        check_place(
            &decimal,
            float,
            |f| Decimal::of_float(*f),
            next,
            [f64::MIN, f64::MAX],
        );
    } else {
        // A number with a fraction is its nearest float, and so is a huge one.
        let nearest: f64 = String::from_utf8_lossy(token).parse().expect("a number");
        if nearest.is_finite() {
            assert_eq!(
                (float.floor, float.ceiling),
                (Some(nearest + 0.0), Some(nearest + 0.0))
            );
        }
    }
}

fn check_place<T: Copy + PartialEq + std::fmt::Debug>(
    decimal: &Decimal,
    place: Place<T>,
    digits: impl Fn(&T) -> Decimal,
    next: impl Fn(&T) -> Option<T>,
    ends: [T; 2],
) {
    let order = |value: &T| digits(value).order(decimal);
    match (place.floor, place.ceiling) {
        (Some(floor), Some(ceiling)) if floor == ceiling => {
            assert_eq!(order(&floor), Ordering::Equal, "{place:?}")
        }
        (Some(floor), Some(ceiling)) => {
            assert_eq!(next(&floor), Some(ceiling), "{place:?}");
            assert_eq!(
                (order(&floor), order(&ceiling)),
                (Ordering::Less, Ordering::Greater),
                "{place:?}"
            );
        }
        (Some(floor), None) => assert_eq!((floor, order(&floor)), (ends[1], Ordering::Less)),
        (None, Some(ceiling)) => {
            assert_eq!((ceiling, order(&ceiling)), (ends[0], Ordering::Greater))
        }
        (None, None) => panic!("a number lies nowhere"),
    }
}

/// Keys order as values do, whatever follows them.
fn check_order(a: &Value, b: &Value, after_a: &[u8], after_b: &[u8]) {
    let key = |value: &Value| {
        let mut key = Vec::new();
        value.as_ref().key_into(&mut key);
        key
    };
    let order = value_order(a, b);
    assert_eq!(key(a).cmp(&key(b)), order, "{a:?} {b:?}");
    assert_eq!(a.as_ref().order(&b.as_ref()), order, "{a:?} {b:?}");
    if order.is_ne() {
        assert_eq!(
            [&key(a), after_a]
                .concat()
                .cmp(&[&key(b), after_b].concat()),
            order,
            "{a:?} {b:?}"
        );
    }
    if let (ValueRef::String(_), Value::String(a), Value::String(b)) = (a.as_ref(), a, b) {
        let within =
            yarr::value::key::after_prefix(a).is_none_or(|end| **b < *text(&end)) && **b >= **a;
        assert_eq!(within, b.starts_with(a), "{a:?} {b:?}");
    }
}

fn text(value: &Value) -> &[u8] {
    match value {
        Value::String(text) => text,
        _ => panic!("after a prefix comes a string"),
    }
}
