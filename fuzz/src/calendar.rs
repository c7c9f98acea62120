//! The calendar counted year by year and month by month.

const DAY: i64 = 86_400_000;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_lengths(year: i64) -> [i64; 12] {
    [
        31,
        if is_leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ]
}

fn year_length(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Days from 1970-01-01 to the first day of a year from 0 to 9999.
fn first_day(year: i64) -> i64 {
    match year {
        1970.. => (1970..year).map(year_length).sum(),
        _ => -(year..1970).map(year_length).sum::<i64>(),
    }
}

/// RFC 3339 text of milliseconds since 1970; `None` outside the years 0 to 9999.
pub fn write(at: i64) -> Option<String> {
    let mut days = at.div_euclid(DAY);
    if !(first_day(0)..first_day(10_000)).contains(&days) {
        return None;
    }
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += year_length(year);
    }
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    let mut month = 0;
    while days >= month_lengths(year)[month] {
        days -= month_lengths(year)[month];
        month += 1;
    }
    let rest = at.rem_euclid(DAY);
    let (seconds, milliseconds) = (rest / 1000, rest % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (month, day) = (month + 1, days + 1);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"
    ))
}

/// Reads `now` with an offset, or RFC 3339 text.
pub fn read(text: &str, now: i64) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("now") {
        Some("") => Some(now),
        Some(offset) => now.checked_add(span(offset)?),
        None => read_rfc3339(&lower),
    }
}

/// `+90s`, `-1h`.
fn span(offset: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 6] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", DAY),
        ("w", 7 * DAY),
    ];
    let (sign, amount) = (offset.get(..1)?, offset.get(1..)?);
    let (unit, milliseconds) = UNITS.iter().find(|(unit, _)| amount.ends_with(unit))?;
    let digits = amount.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let span = digits.parse::<i64>().ok()?.checked_mul(*milliseconds)?;
    match sign {
        "+" => Some(span),
        "-" => Some(-span),
        _ => None,
    }
}

/// Each byte of the fixed part is as the pattern says: `0` is a digit, `t` a `t` or a space.
fn has_shape(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, pattern)| match pattern {
                b'0' => byte.is_ascii_digit(),
                b't' => byte == b't' || byte == b' ',
                _ => byte == pattern,
            })
}

fn read_rfc3339(text: &str) -> Option<i64> {
    let fixed = text
        .get(..19)
        .filter(|text| has_shape(text, "0000-00-00t00:00:00"))?;
    let number = |from: usize, to: usize| fixed[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = text.get(19..)?;
    let zone_at = rest.find(['z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let milliseconds = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{digits}000")[..3].parse::<i64>().ok()?
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    let east = match zone {
        "z" => 0,
        _ if !zone.starts_with('z') && has_shape(&zone[1..], "00:00") => {
            let (hours, minutes) = (
                zone[1..3].parse::<i64>().ok()?,
                zone[4..6].parse::<i64>().ok()?,
            );
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if zone.starts_with('-') { -1 } else { 1 }
        }
        _ => return None,
    };
    let lengths = month_lengths(year);
    let before = usize::try_from(month - 1)
        .ok()
        .filter(|before| *before < 12)?;
    if day < 1 || day > lengths[before] || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = first_day(year) + lengths[..before].iter().sum::<i64>() + day - 1;
    Some(days * DAY + (hour * 60 + minute - east) * 60_000 + second * 1000 + milliseconds)
}
