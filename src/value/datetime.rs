//! Times: RFC 3339 text and offsets from the command's clock, as milliseconds since 1970 UTC.
//!
//! Days are counted with the civil-calendar arithmetic described by Howard Hinnant in
//! "chrono-Compatible Low-Level Date Algorithms".

use super::number::parse_integer;

/// Reads milliseconds, an RFC 3339 time, or `now`, `now-1h`, `now+90s`. Digits of a second
/// below the millisecond are cut.
pub fn parse(token: &[u8], now: i64) -> Option<i64> {
    if let Some(milliseconds) = parse_integer(token) {
        return Some(milliseconds);
    }
    if let Some(head) = token.get(..3) {
        if head.eq_ignore_ascii_case(b"now") {
            return now.checked_add(parse_offset(token.get(3..)?)?);
        }
    }
    parse_rfc3339(token)
}

/// The offset in a token that speaks of the clock (`now`, `now-1h`); `None` for any other token.
pub fn clock_offset(token: &[u8]) -> Option<i64> {
    if token.get(..3)?.eq_ignore_ascii_case(b"now") {
        return parse_offset(token.get(3..)?);
    }
    None
}

/// The text that [`clock_offset`] reads back as this offset.
pub fn clock_text(offset: i64) -> String {
    match offset {
        0 => "now".into(),
        _ => format!("now{offset:+}ms"),
    }
}

/// Reads what follows `now`: nothing, or a sign, digits and a unit.
fn parse_offset(rest: &[u8]) -> Option<i64> {
    let Some((sign, amount)) = rest.split_first() else {
        return Some(0);
    };
    let digits = amount.iter().take_while(|b| b.is_ascii_digit()).count();
    let (count, unit) = amount.split_at_checked(digits)?;
    let unit = match unit.to_ascii_lowercase().as_slice() {
        b"ms" => 1,
        b"s" => 1_000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        b"w" => 7 * 86_400_000,
        _ => return None,
    };
    let span = parse_integer(count)?.checked_mul(unit)?;
    match sign {
        b'+' => Some(span),
        b'-' => Some(-span),
        _ => None,
    }
}

/// Reads `2013-01-01T10:00:00[.123](Z|+01:00)`; a space may stand for the `T`.
fn parse_rfc3339(token: &[u8]) -> Option<i64> {
    let mut rest = token;
    let year = take_digits(&mut rest, 4)?;
    take(&mut rest, b"-")?;
    let month = take_digits(&mut rest, 2)?;
    take(&mut rest, b"-")?;
    let day = take_digits(&mut rest, 2)?;
    take(&mut rest, b"Tt ")?;
    let hour = take_digits(&mut rest, 2)?;
    take(&mut rest, b":")?;
    let minute = take_digits(&mut rest, 2)?;
    take(&mut rest, b":")?;
    let second = take_digits(&mut rest, 2)?;
    let millisecond = take_fraction(&mut rest)?;
    let offset = take_zone(&mut rest)?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && rest.is_empty();
    let days = days_since_1970(year, month, day);
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
    in_range.then_some(seconds * 1000 + millisecond)
}

fn take(rest: &mut &[u8], any_of: &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    any_of.contains(first).then_some(*first)
}

fn take_digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (digits, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    digits.iter().try_fold(0i64, |number, digit| {
        let digit = (*digit as char).to_digit(10)?;
        Some(number * 10 + i64::from(digit))
    })
}

/// Milliseconds of an optional fraction; further digits are cut.
fn take_fraction(rest: &mut &[u8]) -> Option<i64> {
    if rest.first() != Some(&b'.') {
        return Some(0);
    }
    take(rest, b".")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (fraction, tail) = rest.split_at_checked(digits)?;
    *rest = tail;
    if fraction.is_empty() {
        return None;
    }
    let padded = fraction.iter().chain(b"000").take(3);
    Some(padded.fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// Minutes east of UTC.
fn take_zone(rest: &mut &[u8]) -> Option<i64> {
    let sign = take(rest, b"Zz+-")?;
    if sign.eq_ignore_ascii_case(&b'z') {
        return Some(0);
    }
    let hours = take_digits(rest, 2)?;
    take(rest, b":")?;
    let minutes = take_digits(rest, 2)?;
    let east = hours * 60 + minutes;
    let in_range = hours < 24 && minutes < 60;
    in_range.then_some(if sign == b'+' { east } else { -east })
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, the year counted from March so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_the_standard_says() {
        let cases: &[(&str, Option<i64>)] = &[
            ("0", Some(0)),
            ("-5", Some(-5)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01t00:00:00.5z", Some(500)),
            ("1970-01-01 00:00:00.123999Z", Some(123)),
            ("2013-01-01T10:00:00Z", Some(1_357_034_400_000)),
            ("2013-01-01T10:00:00+01:30", Some(1_357_029_000_000)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("1900-02-29T00:00:00Z", None),
            ("0000-01-01T00:00:00Z", Some(-62_167_219_200_000)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_800_000)),
            ("2013-13-01T10:00:00Z", None),
            ("2013-01-01T24:00:00Z", None),
            ("2013-01-01T10:00:00", None),
            ("2013-01-01T10:00:00.Z", None),
            ("2013-01-01T10:00:00Zjunk", None),
            ("2013-01-01", None),
            ("now", Some(1_000_000_000)),
            ("NOW-1h", Some(996_400_000)),
            ("now+90s", Some(1_000_090_000)),
            ("now-5ms", Some(999_999_995)),
            ("now+2w", Some(2_209_600_000)),
            ("now-1D", Some(913_600_000)),
            ("now-", None),
            ("now-h", None),
            ("now1h", None),
            ("now-1y", None),
            ("now+9223372036854775807w", None),
            ("nowhere", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes(), 1_000_000_000), *expected, "{text}");
        }
    }

    #[test]
    fn clock_text_reads_back() {
        for offset in [0, 1, -1, 3_600_000, -86_400_000] {
            assert_eq!(clock_offset(clock_text(offset).as_bytes()), Some(offset));
        }
    }
}
