//! Decimal numbers of any length, compared digit by digit.

use std::cmp::Ordering;

/// A sign, the digits before the point without leading zeros, those after it without trailing ones.
#[derive(Debug)]
pub struct Decimal {
    negative: bool,
    before: Vec<u8>,
    after: Vec<u8>,
    /// Whether the exponent was too large to write the digits out.
    cut: bool,
}

/// Exponents up to here are written out as digits.
const LARGEST: i64 = 2000;

impl Decimal {
    /// Reads `[+-]digits[.digits][e[+-]digits]`, digits on one side of the point at least.
    pub fn read(token: &[u8]) -> Option<Decimal> {
        let text = std::str::from_utf8(token).ok()?;
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(before) || !digits(after) || before.len() + after.len() == 0 {
            return None;
        }
        let exponent = match exponent {
            None => 0,
            Some(text) => {
                let digits_of = text.strip_prefix(['+', '-']).unwrap_or(text);
                if digits_of.is_empty() || !digits(digits_of) {
                    return None;
                }
                text.parse().unwrap_or(i64::MAX)
            }
        };
        let cut = exponent.unsigned_abs() > LARGEST as u64;
        let shift = if cut { 0 } else { exponent };
        let mut all: Vec<u8> = [before, after].concat().into_bytes();
        let mut point = before.len() as i64 + shift;
        while point < 0 {
            all.insert(0, b'0');
            point += 1;
        }
        while (all.len() as i64) < point {
            all.push(b'0');
        }
        let after = all.split_off(point as usize);
        Some(Decimal::trimmed(text.starts_with('-'), all, after, cut))
    }

    /// An integer.
    pub fn of_integer(number: i64) -> Decimal {
        Decimal::trimmed(
            number < 0,
            number.unsigned_abs().to_string().into_bytes(),
            Vec::new(),
            false,
        )
    }

    /// A float, to its last digit.
    pub fn of_float(number: f64) -> Decimal {
        let text = format!("{:.1074}", number.abs());
        let (before, after) = text.split_once('.').expect("a point");
        Decimal::trimmed(number < 0.0, before.into(), after.into(), false)
    }

    fn trimmed(negative: bool, mut before: Vec<u8>, mut after: Vec<u8>, cut: bool) -> Decimal {
        let zeros = before.iter().take_while(|digit| **digit == b'0').count();
        before.drain(..zeros);
        while after.last() == Some(&b'0') {
            after.pop();
        }
        let zero = before.is_empty() && after.is_empty();
        Decimal {
            negative: negative && !zero,
            before,
            after,
            cut,
        }
    }

    /// Whether the digits are all there.
    pub fn is_small(&self) -> bool {
        !self.cut
    }

    /// Whether this is an integer of no more digits than a float's field places exactly.
    pub fn is_exact(&self) -> bool {
        self.after.is_empty() && self.before.len() <= 30
    }

    /// How this lies to another.
    pub fn order(&self, other: &Decimal) -> Ordering {
        let magnitude = self.before.len().cmp(&other.before.len());
        let magnitude = magnitude.then_with(|| self.before.cmp(&other.before));
        let magnitude = magnitude.then_with(|| self.after.cmp(&other.after));
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
        }
    }
}
