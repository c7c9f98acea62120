//! Key bytes: values written so that the order of bytes is the order of values.
//!
//! ```text
//! null      00
//! INTEGER   01, 8 bytes big-endian with the sign bit flipped     (DATETIME the same)
//! FLOAT     01, 8 bytes big-endian; negative: all bits flipped, else the sign bit
//! BOOLEAN   01, 00 or 01
//! ENUM      01, ordinal in 2 bytes big-endian
//! UUID      01, 16 bytes
//! STRING    01, bytes with 00 written as 00 FF, then 00 00
//! TAGS      as a STRING of its canonical bytes: no order that a user sees
//! ```
//!
//! A key over several fields is theirs one after the other. No key of a type is a proper
//! prefix of another of that type, so anything may follow one without changing the order.
//! The escape for strings is FoundationDB's tuple layer's, with a terminator of two bytes.

use std::ops::Bound;

use super::{Kind, Value, ValueRef};

/// Precedes every value that is not null.
pub const PRESENT: u8 = 1;

/// The INTEGER or DATETIME whose key this is.
pub fn integer(key: &[u8]) -> Option<i64> {
    match key.split_first() {
        Some((&PRESENT, bytes)) => {
            Some((u64::from_be_bytes(bytes.try_into().ok()?) ^ 1 << 63) as i64)
        }
        _ => None,
    }
}

/// The value of a type that ids may have whose key this is.
pub fn value(kind: Kind, key: &[u8]) -> Option<Value> {
    let (&PRESENT, bytes) = key.split_first()? else {
        return None;
    };
    match kind {
        Kind::Integer => integer(key).map(Value::Integer),
        Kind::Uuid => Some(Value::Uuid(bytes.try_into().ok()?)),
        Kind::String => string(bytes).map(|text| Value::String(text.into())),
        _ => None,
    }
}

/// The string whose escaped bytes these are, with their terminator.
fn string(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len());
    loop {
        match bytes {
            [0, 0] => return Some(text),
            [0, 0xFF, rest @ ..] => {
                text.push(0);
                bytes = rest;
            }
            [0, ..] | [] => return None,
            [byte, rest @ ..] => {
                text.push(*byte);
                bytes = rest;
            }
        }
    }
}

impl ValueRef<'_> {
    /// The value's key bytes.
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(24);
        self.key_into(&mut key);
        key
    }

    /// Calls `then` with the value's key bytes, which of a number or a name take no allocation.
    #[inline]
    pub fn tell_key<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            ValueRef::Integer(n) | ValueRef::DateTime(n) => then(&integer_key(*n)),
            ValueRef::Enum(ordinal) => then(&ordinal_key(*ordinal)),
            _ => then(&self.key()),
        }
    }

    /// Appends the value's key bytes.
    #[inline]
    pub fn key_into(&self, key: &mut Vec<u8>) {
        match self {
            ValueRef::Integer(n) | ValueRef::DateTime(n) => key.extend_from_slice(&integer_key(*n)),
            _ => self.other_key_into(key),
        }
    }

    /// [`Self::key_into`] of what is no INTEGER.
    fn other_key_into(&self, key: &mut Vec<u8>) {
        match self {
            ValueRef::Null => key.push(0),
            ValueRef::Integer(n) | ValueRef::DateTime(n) => key.extend_from_slice(&integer_key(*n)),
            ValueRef::Float(f) => key.extend_from_slice(&word_key(ordered_bits(*f))),
            ValueRef::Boolean(b) => key.extend_from_slice(&[PRESENT, u8::from(*b)]),
            ValueRef::Enum(ordinal) => key.extend_from_slice(&ordinal_key(*ordinal)),
            ValueRef::Uuid(bytes) => {
                key.push(PRESENT);
                key.extend_from_slice(bytes);
            }
            ValueRef::String(text) => {
                key.push(PRESENT);
                text.tell(|text| string_into(text, key));
                key.extend_from_slice(&[0, 0]);
            }
            ValueRef::Tags(tags) => {
                key.push(PRESENT);
                string_into(tags.bytes(), key);
                key.extend_from_slice(&[0, 0]);
            }
        }
    }
}

/// The key bytes of an INTEGER or a DATETIME.
#[inline]
fn integer_key(number: i64) -> [u8; 9] {
    word_key(number as u64 ^ 1 << 63)
}

/// The key bytes of a number of eight bytes.
#[inline]
fn word_key(number: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [PRESENT, a, b, c, d, e, f, g, h]
}

/// The key bytes of the ordinal of an ENUM.
#[inline]
fn ordinal_key(ordinal: u16) -> [u8; 3] {
    let [high, low] = ordinal.to_be_bytes();
    [PRESENT, high, low]
}

fn ordered_bits(number: f64) -> u64 {
    let bits = number.to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

/// Appends a string's escaped bytes without their terminator: the key bytes of every string
/// that starts with it start so.
pub fn string_into(text: &[u8], key: &mut Vec<u8>) {
    for &byte in text {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
}

/// A set of values of one type that lie together: the two bounds of an interval. It never holds null.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Where it begins.
    pub low: Bound<Value>,
    /// Where it ends.
    pub high: Bound<Value>,
}

impl Interval {
    /// The one value.
    pub fn exactly(value: Value) -> Interval {
        Interval {
            low: Bound::Included(value.clone()),
            high: Bound::Included(value),
        }
    }

    /// Every value but null.
    pub const EVERYTHING: Interval = Interval {
        low: Bound::Unbounded,
        high: Bound::Unbounded,
    };

    /// Whether both bounds are the same value.
    pub fn is_exact(&self) -> bool {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) => low == high,
            _ => false,
        }
    }

    /// Whether a value, which is not null, lies within.
    pub fn contains(&self, value: &ValueRef<'_>) -> bool {
        let above = match &self.low {
            Bound::Unbounded => true,
            Bound::Included(low) => value.order(&low.as_ref()).is_ge(),
            Bound::Excluded(low) => value.order(&low.as_ref()).is_gt(),
        };
        above
            && match &self.high {
                Bound::Unbounded => true,
                Bound::Included(high) => value.order(&high.as_ref()).is_le(),
                Bound::Excluded(high) => value.order(&high.as_ref()).is_lt(),
            }
    }
}

/// The least string that is greater than every string starting with `prefix`; `None` where
/// there is none, as after bytes FF alone.
pub fn after_prefix(prefix: &[u8]) -> Option<Value> {
    let kept = prefix.iter().rposition(|b| *b != 0xFF)?;
    let mut next = prefix.get(..=kept)?.to_vec();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    Some(Value::String(next.into_boxed_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = (Value, Value)> {
        let text = prop::collection::vec(
            prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()],
            0..6,
        );
        let text = text.prop_map(|bytes| Value::String(bytes.into()));
        let float = any::<f64>().prop_filter("finite", |f| f.is_finite());
        let float = float.prop_map(|f| Value::Float(if f == 0.0 { 0.0 } else { f }));
        let integer = prop_oneof![any::<i64>(), -3i64..3, Just(i64::MIN), Just(i64::MAX)];
        prop_oneof![
            (text.clone(), text),
            (float.clone(), float),
            (integer.clone(), integer).prop_map(|(a, b)| (Value::Integer(a), Value::Integer(b))),
            any::<(u16, u16)>().prop_map(|(a, b)| (Value::Enum(a), Value::Enum(b))),
            any::<(bool, bool)>().prop_map(|(a, b)| (Value::Boolean(a), Value::Boolean(b))),
            any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (Value::Uuid(a), Value::Uuid(b))),
            any::<i64>().prop_map(|a| (Value::Null, Value::Integer(a))),
        ]
    }

    fn key(value: &Value) -> Vec<u8> {
        let mut key = Vec::new();
        value.as_ref().key_into(&mut key);
        key
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_order_of_keys_is_the_order_of_values((a, b) in value(), x: [u8; 3], y: [u8; 3]) {
            let order = a.as_ref().order(&b.as_ref());
            prop_assert_eq!(key(&a).cmp(&key(&b)), order);
            if order.is_ne() {
                // Whatever follows a key leaves the order as it is.
                let (mut a, mut b) = (key(&a), key(&b));
                a.extend(x);
                b.extend(y);
                prop_assert_eq!(a.cmp(&b), order);
            }
        }

        #[test]
        fn strings_that_start_so_lie_before_the_next_prefix(prefix: Vec<u8>, rest: Vec<u8>, other: Vec<u8>) {
            let within = |text: &[u8]| {
                let low = Bound::Included(Value::String(prefix.clone().into()));
                let high = after_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
                Interval { low, high }.contains(&ValueRef::String(text.into()))
            };
            prop_assert!(within(&[prefix.clone(), rest].concat()));
            prop_assert_eq!(within(&other), other.starts_with(&prefix));
        }
    }
}
