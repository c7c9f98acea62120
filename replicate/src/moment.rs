//! Moments: milliseconds since 1970 UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// The moment of this machine's clock.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// A moment as `2026-01-01 12:00:00.123`, in UTC.
pub fn text(moment: i64) -> String {
    let (days, rest) = (moment.div_euclid(86_400_000), moment.rem_euclid(86_400_000));
    // Days to a date of the Gregorian calendar, as Howard Hinnant's `civil_from_days` does it: years begin in March.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, millisecond) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{second:02}.{millisecond:03}")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn moments_are_dates_of_the_calendar() {
        let cases = [
            (0, "1970-01-01 00:00:00.000"),
            (-1, "1969-12-31 23:59:59.999"),
            (951_782_400_000, "2000-02-29 00:00:00.000"),
            (1_767_268_800_123, "2026-01-01 12:00:00.123"),
            (4_107_542_399_999, "2100-02-28 23:59:59.999"),
            (4_107_542_400_000, "2100-03-01 00:00:00.000"),
            (253_402_300_799_999, "9999-12-31 23:59:59.999"),
        ];
        for (moment, expected) in cases {
            assert_eq!(text(moment), expected);
        }
    }
}
