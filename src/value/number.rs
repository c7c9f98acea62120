//! Numbers as text: read exactly, and written as JavaScript prints them.

/// Reads a 64-bit integer: an optional sign and digits, nothing else.
pub fn parse_integer(token: &[u8]) -> Option<i64> {
    let (negative, digits) = match token.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, token),
    };
    if digits.is_empty() || digits.len() > SAFE_DIGITS {
        return std::str::from_utf8(token).ok()?.parse().ok();
    }
    let mut number = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if negative { -number } else { number })
}

/// Every number of so many digits is one of 64 bits.
const SAFE_DIGITS: usize = 18;

/// Reads a finite float in any usual decimal or exponent form. -0 is read as 0.
pub fn parse_float(token: &[u8]) -> Option<f64> {
    let number = parse_nearest(token)?;
    number.is_finite().then_some(number)
}

/// The nearest float, infinite where the number is too large for any.
fn parse_nearest(token: &[u8]) -> Option<f64> {
    if let Some(number) = parse_short(token) {
        return Some(number);
    }
    let numeric = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    if !token.iter().all(numeric) {
        return None;
    }
    let number: f64 = std::str::from_utf8(token).ok()?.parse().ok()?;
    Some(if number == 0.0 { 0.0 } else { number })
}

/// What few digits take that have a point among them or none; `None` for all others. Without the
/// point they are a float exactly, and so is the power of ten that they are over: then the nearest
/// float is what a division makes (Clinger 1990).
fn parse_short(token: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (negative, digits) = match token.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, token),
    };
    if !(1..POWERS.len()).contains(&digits.len()) {
        return None;
    }
    let (mut number, mut behind_point) = (0u64, None);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        match (digit, behind_point) {
            (0..=9, _) => number = number * 10 + u64::from(digit),
            (_, None) if *byte == b'.' && digits.len() > 1 => {
                behind_point = Some(digits.len() - at - 1);
            }
            _ => return None,
        }
    }
    let number = number as f64 / POWERS.get(behind_point.unwrap_or(0))?;
    Some(if negative && number > 0.0 {
        -number
    } else {
        number
    })
}

/// The shortest text that reads back the same: `5`, `0.1`, `1e+300`, `1.5e-7`
/// (ECMA-262, Number::toString).
pub fn float_text(number: f64) -> String {
    tell_float(number, str::to_owned)
}

/// Calls `then` with the text of [`float_text`], without an allocation.
#[inline]
pub fn tell_float<T>(number: f64, then: impl FnOnce(&str) -> T) -> T {
    then(ryu_js::Buffer::new().format(number))
}

/// Where a number falls among the values of a type: the greatest value at or below it and the
/// least at or above it. Both are the same value exactly when the type has the number itself;
/// one is absent when the number lies beyond the type's end on that side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place<T> {
    /// The greatest value at or below the number.
    pub floor: Option<T>,
    /// The least value at or above the number.
    pub ceiling: Option<T>,
}

impl<T: Copy> Place<T> {
    fn exactly(value: T) -> Place<T> {
        Place {
            floor: Some(value),
            ceiling: Some(value),
        }
    }
}

/// Places any decimal number among the 64-bit integers, exactly. `None` where the token is no number.
pub fn place_integer(token: &[u8]) -> Option<Place<i64>> {
    if let Some(number) = parse_integer(token) {
        return Some(Place::exactly(number));
    }
    let decimal = Decimal::parse(token)?;
    let (floor, ceiling) = decimal.neighbours();
    Some(Place {
        floor: (floor >= i128::from(i64::MIN)).then(|| i64::try_from(floor).unwrap_or(i64::MAX)),
        ceiling: (ceiling <= i128::from(i64::MAX))
            .then(|| i64::try_from(ceiling).unwrap_or(i64::MIN)),
    })
}

/// Places any decimal number among the finite floats. An integer is placed exactly: where no
/// float equals it, it falls between two. A number with a fraction is its nearest float.
/// `None` where the token is no number.
pub fn place_float(token: &[u8]) -> Option<Place<f64>> {
    let nearest = parse_nearest(token)?;
    if nearest.is_infinite() {
        let (floor, ceiling) = match nearest > 0.0 {
            true => (Some(f64::MAX), None),
            false => (None, Some(f64::MIN)),
        };
        return Some(Place { floor, ceiling });
    }
    let (floor, ceiling) = Decimal::parse(token)?.neighbours();
    if floor != ceiling || floor.unsigned_abs() >= Decimal::HUGE {
        return Some(Place::exactly(nearest));
    }
    // A float of this magnitude that is the nearest to an integer is an integer below 2^127.
    let rounded = nearest as i128;
    Some(match rounded.cmp(&floor) {
        std::cmp::Ordering::Equal => Place::exactly(nearest),
        std::cmp::Ordering::Less => Place {
            floor: Some(nearest),
            ceiling: Some(nearest.next_up()),
        },
        std::cmp::Ordering::Greater => Place {
            floor: Some(nearest.next_down()),
            ceiling: Some(nearest),
        },
    })
}

/// A decimal number cut at its point.
struct Decimal {
    negative: bool,
    /// Digits before the point, at most [`Decimal::HUGE`].
    whole: u128,
    /// Whether any digit after the point is not 0.
    fraction: bool,
}

impl Decimal {
    /// Stands for every magnitude at or above it: far beyond 64 bits, well within 128.
    const HUGE: u128 = 10u128.pow(30);

    /// Reads `[+-]digits[.digits][e[+-]digits]`, with digits on one side of the point at least.
    fn parse(token: &[u8]) -> Option<Decimal> {
        let (negative, rest) = match token.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, token),
        };
        let (mantissa, exponent) = match rest.iter().position(|b| b.eq_ignore_ascii_case(&b'e')) {
            Some(at) => (rest.get(..at)?, parse_exponent(rest.get(at + 1..)?)?),
            None => (rest, 0),
        };
        let (before, after) = match mantissa.iter().position(|b| *b == b'.') {
            Some(at) => (mantissa.get(..at)?, mantissa.get(at + 1..)?),
            None => (mantissa, &[][..]),
        };
        if before.is_empty() && after.is_empty() {
            return None;
        }
        let point = i64::try_from(before.len()).ok()?.saturating_add(exponent);
        let mut decimal = Decimal {
            negative,
            whole: 0,
            fraction: false,
        };
        for (at, symbol) in before.iter().chain(after).enumerate() {
            let digit = (*symbol as char).to_digit(10)?;
            if (at as i64) < point {
                decimal.push(digit);
            } else {
                decimal.fraction |= digit != 0;
            }
        }
        let written = (before.len() + after.len()) as i64;
        // Thirty-one zeros after the last digit make anything but 0 huge already.
        for _ in written.max(0)..point.min(written.saturating_add(31)) {
            decimal.push(0);
        }
        Some(decimal)
    }

    fn push(&mut self, digit: u32) {
        self.whole = (self.whole * 10 + u128::from(digit)).min(Decimal::HUGE);
    }

    /// The integers at or below and at or above.
    fn neighbours(&self) -> (i128, i128) {
        let whole = self.whole as i128;
        let next = whole + i128::from(self.fraction);
        match self.negative {
            false => (whole, next),
            true => (-next, -whole),
        }
    }
}

/// An exponent, cut to what can matter.
fn parse_exponent(token: &[u8]) -> Option<i64> {
    let digits = token.strip_prefix(b"-").or(token.strip_prefix(b"+"));
    let digits = digits.unwrap_or(token);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = parse_integer(digits).unwrap_or(i64::MAX).min(1 << 40);
    Some(match token.first() {
        Some(b'-') => -magnitude,
        _ => magnitude,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_print_as_javascript_prints_them() {
        let cases: &[(f64, &str)] = &[
            (5.0, "5"),
            (0.0, "0"),
            (-0.1, "-0.1"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1e300, "1e+300"),
            (0.000001, "0.000001"),
            (0.00000015, "1.5e-7"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (123456789.125, "123456789.125"),
        ];
        for (number, text) in cases {
            assert_eq!(float_text(*number), *text);
        }
    }

    proptest! {
        #[test]
        fn integers_are_read_as_the_standard_library_reads_them(
            number: i64, shift in 0u32..64, text in "[+-]?[0-9]{0,21}", bytes: Vec<u8>,
        ) {
            let number = number >> shift;
            prop_assert_eq!(parse_integer(number.to_string().as_bytes()), Some(number));
            prop_assert_eq!(parse_integer(text.as_bytes()), text.parse().ok());
            let expected = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
            prop_assert_eq!(parse_integer(&bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn floats_are_read_as_the_standard_library_reads_them(
            number: f64, digits in 0i64..1_000_000_000_000_000, places in 0usize..12,
            text in "[+-]?[0-9]{0,9}[.]?[0-9]{0,9}(e[0-9])?", bytes: Vec<u8>,
        ) {
            let read = |text: &str| text.parse().ok().map(|n: f64| if n == 0.0 { 0.0 } else { n });
            let decimal = format!("{:.places$}", digits as f64 / 1e6);
            for text in [text, number.to_string(), digits.to_string(), format!("-{decimal}"), decimal] {
                let expected = read(&text).filter(|number| number.is_finite()).map(f64::to_bits);
                prop_assert_eq!(parse_float(text.as_bytes()).map(f64::to_bits), expected);
            }
            if parse_float(&bytes).is_some() {
                prop_assert!(std::str::from_utf8(&bytes).is_ok_and(|text| read(text).is_some()));
            }
        }
    }

    #[test]
    fn a_number_falls_where_it_belongs_among_integers() {
        let place = |floor, ceiling| Some(Place { floor, ceiling });
        let cases: &[(&str, Option<Place<i64>>)] = &[
            ("5", place(Some(5), Some(5))),
            ("5.0", place(Some(5), Some(5))),
            ("5.5", place(Some(5), Some(6))),
            ("-5.5", place(Some(-6), Some(-5))),
            ("1e3", place(Some(1000), Some(1000))),
            ("1.5e1", place(Some(15), Some(15))),
            ("15e-1", place(Some(1), Some(2))),
            ("1e-400", place(Some(0), Some(1))),
            ("-1e-99999999999999999999", place(Some(-1), Some(0))),
            ("0e99999999999999999999", place(Some(0), Some(0))),
            ("9223372036854775807", place(Some(i64::MAX), Some(i64::MAX))),
            ("9223372036854775808", place(Some(i64::MAX), None)),
            ("9223372036854775807.5", place(Some(i64::MAX), None)),
            ("-9223372036854775808.5", place(None, Some(i64::MIN))),
            ("1e400", place(Some(i64::MAX), None)),
            ("-1e400", place(None, Some(i64::MIN))),
            (".5", place(Some(0), Some(1))),
            ("5.", place(Some(5), Some(5))),
            (".", None),
            ("", None),
            ("-", None),
            ("1e", None),
            ("inf", None),
            ("nan", None),
            ("0x10", None),
            (" 5", None),
        ];
        for (text, expected) in cases {
            assert_eq!(place_integer(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn an_integer_that_no_float_equals_falls_between_two() {
        assert_eq!(
            place_float(b"9007199254740993"),
            Some(Place {
                floor: Some(9007199254740992.0),
                ceiling: Some(9007199254740994.0)
            })
        );
        assert_eq!(place_float(b"0.1"), Some(Place::exactly(0.1)));
        assert_eq!(place_float(b"-0"), Some(Place::exactly(0.0)));
        assert_eq!(
            place_float(b"1e400"),
            Some(Place {
                floor: Some(f64::MAX),
                ceiling: None
            })
        );
        assert_eq!(place_float(b"infinity"), None);
    }

    proptest! {
        #[test]
        fn float_text_reads_back_the_same(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite() && !(number == 0.0 && number.is_sign_negative()));
            prop_assert_eq!(parse_float(float_text(number).as_bytes()), Some(number));
        }

        #[test]
        fn integers_are_placed_among_floats_as_128_bits_say(number: i64) {
            let place = place_float(number.to_string().as_bytes()).unwrap();
            let (floor, ceiling) = (place.floor.unwrap(), place.ceiling.unwrap());
            prop_assert!(floor as i128 <= i128::from(number));
            prop_assert!(ceiling as i128 >= i128::from(number));
            prop_assert!(floor == ceiling || floor.next_up() == ceiling);
            prop_assert_eq!(floor == ceiling, (number as f64) as i128 == i128::from(number));
        }
    }
}
