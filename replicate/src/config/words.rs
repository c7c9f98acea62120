//! Words of a configuration: spans of time, sizes, and the name that was meant.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::error::{Error, Result};

/// The name of a list that is nearest to a word, where one is near enough to be meant.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word.to_lowercase(), name), name));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score > 0.75)
        .map(|(_, name)| name)
}

/// A span such as `30s`, `500ms`, `2h`, `7d`.
///
/// # Errors
/// What was expected.
pub fn span(text: &str) -> Result<Duration> {
    let unit = |unit: &str| match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        "w" => Some(604_800_000),
        _ => None,
    };
    number(text, unit)
        .map(Duration::from_millis)
        .ok_or_else(|| {
            Error::usage(format!(
                "expected a span such as 30s (ms s m h d w), found '{text}'"
            ))
        })
}

/// A size such as `512KB`, `64MB`, `1GB`: powers of 1024.
///
/// # Errors
/// What was expected.
pub fn size(text: &str) -> Result<u64> {
    let unit = |unit: &str| match unit {
        "B" => Some(1),
        "KB" => Some(1 << 10),
        "MB" => Some(1 << 20),
        "GB" => Some(1 << 30),
        _ => None,
    };
    number(text, unit).ok_or_else(|| {
        Error::usage(format!(
            "expected a size such as 64MB (B KB MB GB), found '{text}'"
        ))
    })
}

fn number(text: &str, unit: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    number.parse::<u64>().ok()?.checked_mul(unit(rest)?)
}

/// A text that is read as something else.
struct Text<T>(fn(&str) -> Result<T>, &'static str);

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// Reads a span, for serde.
pub(super) fn a_span<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Duration, D::Error> {
    from.deserialize_str(Text(span, "a span such as \"30s\""))
}

/// Reads a span that may be missing, for serde.
pub(super) fn some_span<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Duration>, D::Error> {
    a_span(from).map(Some)
}

/// Reads a size, for serde.
pub(super) fn a_size<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<u64, D::Error> {
    from.deserialize_str(Text(size, "a size such as \"64MB\""))
}

/// Reads a word or several, for serde.
pub(super) fn words<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or an array of texts")]
    enum Words {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Words::deserialize(from)? {
        Words::One(word) => vec![word],
        Words::Several(words) => words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_read() {
        assert_eq!(span("2h").unwrap(), Duration::from_secs(7200));
        assert_eq!(span("1ms").unwrap(), Duration::from_millis(1));
        assert_eq!(size("64MB").unwrap(), 64 << 20);
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-1s",
            "1y",
            "99999999999999999999s",
            "18446744073709551615w",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
        assert_eq!(
            size("5mb").unwrap_err().to_string(),
            "expected a size such as 64MB (B KB MB GB), found '5mb'"
        );
    }
}
