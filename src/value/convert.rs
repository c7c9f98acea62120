//! A value as another type has it: exactly, or not at all.

use super::{Kind, Text, Type, ValueRef, datetime, text::Shown};

/// Whether values of a type may be converted to another, if each can.
pub fn is_possible(from: &Type, to: &Type) -> bool {
    use Kind::{Boolean, DateTime, Enum, Float, Integer, String, Tags, Uuid};
    match (from.kind(), to.kind()) {
        (Tags, other) | (other, Tags) => other == Tags,
        (a, b) if a == b => true,
        (String, _) | (_, String) => true,
        (Integer | Float | DateTime, Integer | Float | DateTime) => true,
        (Integer, Boolean) | (Boolean, Integer) => true,
        (Integer | Float | Boolean | DateTime | Uuid | Enum, _) => false,
    }
}

/// A value of one type as another has it. `None` where that would not be the same value.
pub fn convert<'a>(value: ValueRef<'a>, from: &'a Type, to: &'a Type) -> Option<ValueRef<'a>> {
    if value.is_null() {
        return Some(ValueRef::Null);
    }
    match (value, to) {
        (ValueRef::Enum(ordinal), Type::Enum(names)) => {
            let name = from.names().get(usize::from(ordinal))?;
            let place = names.iter().position(|other| other == name)?;
            Some(ValueRef::Enum(u16::try_from(place).ok()?))
        }
        (ValueRef::Enum(ordinal), Type::String) => {
            let name = from.names().get(usize::from(ordinal))?;
            Some(ValueRef::String(Text::Bytes(name.as_bytes())))
        }
        (value, Type::String) => text(&value).map(ValueRef::String),
        (ValueRef::String(text), to) => text.tell(|text| read(text, to)),
        (value, to) if value.fits(to.kind()) => Some(value),
        (ValueRef::Integer(n) | ValueRef::DateTime(n), Type::Float) => {
            let float = n as f64;
            (whole(float) == Some(n)).then_some(ValueRef::Float(float))
        }
        (ValueRef::Integer(n), Type::DateTime) => Some(ValueRef::DateTime(n)),
        (ValueRef::DateTime(n), Type::Integer) => Some(ValueRef::Integer(n)),
        (ValueRef::Integer(n @ 0..=1), Type::Boolean) => Some(ValueRef::Boolean(n == 1)),
        (ValueRef::Boolean(truth), Type::Integer) => Some(ValueRef::Integer(i64::from(truth))),
        (ValueRef::Float(f), Type::Integer) => whole(f).map(ValueRef::Integer),
        (ValueRef::Float(f), Type::DateTime) => whole(f).map(ValueRef::DateTime),
        _ => None,
    }
}

/// The integer that a float is.
fn whole(float: f64) -> Option<i64> {
    // 2^63 is a float, and the first that is too large.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float);
    (fits && float.fract() == 0.0).then_some(float as i64)
}

/// The value that a text says, whenever it is read: no clock is in it.
fn read(text: &[u8], to: &Type) -> Option<ValueRef<'static>> {
    if *to == Type::DateTime && datetime::clock_offset(text).is_some() {
        return None;
    }
    Some(match to.parse(text, 0)? {
        ValueRef::Integer(n) => ValueRef::Integer(n),
        ValueRef::Float(f) => ValueRef::Float(f),
        ValueRef::Boolean(truth) => ValueRef::Boolean(truth),
        ValueRef::DateTime(n) => ValueRef::DateTime(n),
        ValueRef::Uuid(bytes) => ValueRef::Uuid(bytes),
        ValueRef::Enum(ordinal) => ValueRef::Enum(ordinal),
        ValueRef::Null | ValueRef::String(_) | ValueRef::Tags(_) => return None,
    })
}

/// The text that a reply has for a value without names.
fn text<'a>(value: &ValueRef<'a>) -> Option<Text<'a>> {
    Some(match *value {
        ValueRef::Integer(n) | ValueRef::DateTime(n) => Text::Shown(Shown::Integer(n)),
        ValueRef::Float(f) => Text::Shown(Shown::Float(f)),
        ValueRef::Boolean(truth) => Text::Shown(Shown::Boolean(truth)),
        ValueRef::Uuid(bytes) => Text::Uuid(bytes),
        ValueRef::String(text) => text,
        ValueRef::Null | ValueRef::Enum(_) | ValueRef::Tags(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use proptest::prelude::*;

    fn types() -> Vec<Type> {
        let names = |names: &[&str]| Type::Enum(names.iter().map(|n| (*n).into()).collect());
        vec![
            Type::Integer,
            Type::Float,
            Type::Boolean,
            Type::DateTime,
            Type::String,
            Type::Uuid,
            names(&["a", "1", "true"]),
            names(&["true", "b", "a"]),
        ]
    }

    fn value() -> impl Strategy<Value = (usize, Value)> {
        let float = any::<f64>().prop_filter("finite", |f| f.is_finite() && *f != 0.0);
        let text = prop::sample::select(
            &[
                "a",
                "1",
                "0",
                "true",
                "-5",
                "5.5",
                "1e400",
                "now",
                "2026-01-01T00:00:00Z",
                "",
            ][..],
        );
        prop_oneof![
            prop_oneof![any::<i64>(), -3i64..3].prop_map(|n| (0, Value::Integer(n))),
            prop_oneof![float, (-9i32..9).prop_map(|n| f64::from(n) + 0.0)]
                .prop_map(|f| (1, Value::Float(f))),
            any::<bool>().prop_map(|b| (2, Value::Boolean(b))),
            any::<i64>().prop_map(|n| (3, Value::DateTime(n))),
            text.prop_map(|t| (4, Value::String(t.as_bytes().into()))),
            any::<[u8; 16]>().prop_map(|b| (5, Value::Uuid(b))),
            (0u16..3, 6usize..8).prop_map(|(n, at)| (at, Value::Enum(n))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_converts_is_of_the_type_and_converts_back((from, value) in value(), to in 0usize..8) {
            let types = types();
            let (from, to) = (&types[from], &types[to]);
            let Some(there) = convert(value.as_ref(), from, to) else {
                // A type converts to itself.
                prop_assert!(from != to);
                return Ok(());
            };
            prop_assert!(is_possible(from, to));
            prop_assert!(there.fits(to.kind()));
            // A text may say a value in more than one way, and only then is the way back another text.
            if *from != Type::String {
                let back = convert(there, to, from).map(|value| value.to_value());
                prop_assert_eq!(back, Some(value));
            }
        }
    }

    #[test]
    fn nothing_is_rounded() {
        let big = ValueRef::Integer((1 << 53) + 1);
        assert!(convert(big, &Type::Integer, &Type::Float).is_none());
        assert!(convert(ValueRef::Float(5.5), &Type::Float, &Type::Integer).is_none());
        assert!(convert(ValueRef::Float(1e19), &Type::Float, &Type::Integer).is_none());
        assert!(convert(ValueRef::Integer(2), &Type::Integer, &Type::Boolean).is_none());
        let now = ValueRef::String(Text::Bytes(b"now-1h"));
        assert!(convert(now, &Type::String, &Type::DateTime).is_none());
        let text = convert(ValueRef::Float(-1.5e300), &Type::Float, &Type::String).unwrap();
        assert_eq!(text.text(&[]), b"-1.5e+300");
    }
}
