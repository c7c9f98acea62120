//! Times, as values of DATETIME fields.

use std::{
    fmt,
    ops::{Add, Sub},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    cell::{Cell, Unfit},
    field::{FieldValue, field},
    kind::DateTime,
    schema::Type,
    value::Value,
    words::Words,
};

/// The server's clock at the moment of the command, or so long before or after it; see [`now`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    milliseconds: i64,
}

/// The server's clock at the moment of the command. What is added to it or taken away is told to the server, so that
/// the clocks of its clients do not matter.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, run_at: std::time::SystemTime }
/// use std::time::Duration;
///
/// let due = Job::fields().run_at.lt(now() - Duration::from_secs(60));
/// assert_eq!(due.to_string(), "@run_at < now-60000ms");
/// ```
pub fn now() -> Clock {
    Clock { milliseconds: 0 }
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Clock {
    type Output = Clock;

    fn add(self, span: Duration) -> Clock {
        Clock {
            milliseconds: self.milliseconds.saturating_add(milliseconds(span)),
        }
    }
}

impl Sub<Duration> for Clock {
    type Output = Clock;

    fn sub(self, span: Duration) -> Clock {
        Clock {
            milliseconds: self.milliseconds.saturating_sub(milliseconds(span)),
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.milliseconds {
            0 => f.write_str("now"),
            offset => write!(f, "now{offset:+}ms"),
        }
    }
}

impl Value<DateTime> for Clock {
    fn write(&self, words: &mut Words) {
        words.push_display(self);
    }
}

/// Milliseconds since 1970; what is less than one is cut, towards the past.
pub(crate) fn since_1970(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => milliseconds(after),
        Err(before) => {
            let milliseconds = before.duration().as_nanos().div_ceil(1_000_000);
            i64::try_from(milliseconds).map_or(i64::MIN, |ms| -ms)
        }
    }
}

fn system_time(milliseconds: i64) -> Option<SystemTime> {
    let span = Duration::from_millis(milliseconds.unsigned_abs());
    match milliseconds < 0 {
        true => UNIX_EPOCH.checked_sub(span),
        false => UNIX_EPOCH.checked_add(span),
    }
}

/// A type of times, by how it is told in milliseconds and back.
macro_rules! time {
    ($name:ty, $milliseconds:expr, $back:expr) => {
        impl Value<DateTime> for $name {
            fn write(&self, words: &mut Words) {
                let milliseconds: fn($name) -> i64 = $milliseconds;
                words.push_display(milliseconds(*self));
            }
        }

        field!($name, DateTime, Type::DateTime, "a DATETIME that the Rust type can hold", Cell::DateTime(at) => {
            let back: fn(i64) -> Option<$name> = $back;
            back(*at)
        });
    };
}

time!(SystemTime, since_1970, system_time);

#[cfg(feature = "chrono")]
time!(
    chrono::DateTime<chrono::Utc>,
    |time| time.timestamp_millis(),
    chrono::DateTime::from_timestamp_millis
);

#[cfg(feature = "time")]
time!(
    time::OffsetDateTime,
    |time| i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX),
    |at| time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).ok()
);

#[cfg(feature = "jiff")]
time!(
    jiff::Timestamp,
    |time| i64::try_from(time.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX),
    |at| jiff::Timestamp::from_millisecond(at).ok()
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_milliseconds_and_back() {
        for at in [0, 1, -1, 1_767_225_600_123, -62_135_596_800_000] {
            assert_eq!(since_1970(system_time(at).unwrap()), at);
        }
        let before = UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(since_1970(before), -1);
        assert_eq!(since_1970(UNIX_EPOCH + Duration::from_nanos(999_999)), 0);
    }

    #[test]
    fn the_clock_says_what_was_added() {
        let hour = Duration::from_secs(3600);
        assert_eq!(now().to_string(), "now");
        assert_eq!((now() - hour).to_string(), "now-3600000ms");
        assert_eq!((now() + hour - hour).to_string(), "now");
        assert_eq!(
            (now() + Duration::MAX).to_string(),
            format!("now+{}ms", i64::MAX)
        );
    }

    #[cfg(all(feature = "chrono", feature = "time", feature = "jiff"))]
    #[test]
    fn times_of_all_crates_are_told_alike() {
        fn told<T: Value<DateTime> + FieldValue>(at: i64) -> String {
            let Ok(time) = T::read(Some(Cell::DateTime(at))) else {
                panic!("{at} is no time");
            };
            let mut words = Words::new();
            Value::write(&time, &mut words);
            words.to_string()
        }
        for at in [0, -1, 1_767_225_600_123, -62_135_596_800_000] {
            assert_eq!(told::<chrono::DateTime<chrono::Utc>>(at), at.to_string());
            assert_eq!(told::<time::OffsetDateTime>(at), at.to_string());
            assert_eq!(told::<jiff::Timestamp>(at), at.to_string());
        }
        let far = Some(Cell::DateTime(i64::MAX));
        assert!(chrono::DateTime::<chrono::Utc>::read(far.clone()).is_err());
        assert!(time::OffsetDateTime::read(far.clone()).is_err());
        assert!(jiff::Timestamp::read(far).is_err());
    }
}
