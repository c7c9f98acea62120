//! What the server answers, as texts.

use redis::Value;

/// What the server said, without what the client library puts around it.
pub fn server_text(error: &redis::RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

/// The parts of an array; anything else is one part.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Nil => &[],
        other => std::slice::from_ref(other),
    }
}

/// A reply that is one text.
pub fn text(value: &Value) -> String {
    match value {
        Value::Nil => "(nil)".into(),
        Value::Okay => "OK".into(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

/// A reply that is a list of texts, one a line.
pub fn lines(value: &Value) -> Vec<String> {
    items(value).iter().map(text).collect()
}

/// The records of a reply: one flat array, or an array of such arrays and nulls.
pub fn records(value: &Value) -> Vec<Vec<(String, String)>> {
    let many = items(value).is_empty()
        || items(value)
            .iter()
            .any(|item| matches!(item, Value::Array(_)));
    let records = match many {
        true => items(value),
        false => std::slice::from_ref(value),
    };
    records
        .iter()
        .map(|record| {
            items(record)
                .chunks_exact(2)
                .map(|pair| (pair.first().map(text), pair.last().map(text)))
                .map(|(name, value)| (name.unwrap_or_default(), value.unwrap_or_default()))
                .collect()
        })
        .collect()
}

/// Milliseconds since 1970 as a date and time (UTC) where the field is a point in time.
pub fn readable(field: &str, value: &str) -> String {
    match value.parse() {
        Ok(ms) if field.ends_with("_at") || field.starts_with("time_") => moment(ms),
        _ if value.is_empty() => "-".into(),
        _ => value.into(),
    }
}

/// Days to a date after Howard Hinnant's civil_from_days, for years from 0 on.
fn moment(ms: i64) -> String {
    let (days, seconds) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) / 1000);
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
