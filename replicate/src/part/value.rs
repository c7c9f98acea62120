//! A value as text, in the form of its column.

use std::{borrow::Cow, io::Write};

use yarr_client::Cell;

use crate::{
    error::{Error, Result},
    table::Form,
};

const DAY: i64 = 86_400_000;
/// What the targets' times reach from and to: 4713 BC and 294276, in days since 1970.
const DAYS: std::ops::Range<i64> = -2_440_588..106_751_992;

/// Puts a value behind others.
///
/// # Errors
/// Where it cannot be said in this form: a text that is none, a time that no target knows.
pub fn write(
    cell: &Cell<'_>,
    form: Form,
    replacement: Option<char>,
    out: &mut Vec<u8>,
) -> Result<()> {
    // A Vec takes everything.
    let _ = match (cell, form) {
        (Cell::Text(bytes), Form::Hex | Form::Digits) => {
            if form == Form::Hex {
                out.extend_from_slice(b"\\x");
            }
            bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
        }
        (Cell::Text(bytes), Form::Json) => {
            return json(&text(bytes, replacement)?, out);
        }
        (Cell::Text(bytes), _) => {
            out.extend_from_slice(text(bytes, replacement)?.as_bytes());
            Ok(())
        }
        (Cell::DateTime(at), Form::Milliseconds) => write!(out, "{at}"),
        (Cell::DateTime(at), form) => return time(*at, form, out),
        (Cell::Tags(tags), form) => {
            let tags: Vec<_> = tags
                .iter()
                .map(|tag| text(tag, replacement))
                .collect::<Result<_>>()?;
            return match form {
                Form::Array => array(&tags, out),
                _ => json(&tags, out),
            };
        }
        (Cell::Name(name), Form::Json) => return json(name, out),
        (Cell::Uuid(bytes), Form::Json) => return json(&uuid(bytes), out),
        (cell, _) => write!(out, "{}", shown(cell)),
    };
    Ok(())
}

/// A value as text whatever column it goes into: an id in a message.
pub fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Integer(number) => number.to_string(),
        // The shortest that reads back the same.
        Cell::Float(number) => format!("{number:?}"),
        Cell::Boolean(truth) => truth.to_string(),
        Cell::DateTime(at) => at.to_string(),
        Cell::Text(bytes) => format!("'{}'", bytes.escape_ascii()),
        Cell::Uuid(bytes) => uuid(bytes),
        Cell::Name(name) => (*name).to_string(),
        Cell::Tags(tags) => format!("{} tags", tags.len()),
    }
}

fn uuid(bytes: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
    let mut rest = digits.as_str();
    let mut parts = [8, 4, 4, 4, 12].into_iter().map(|length| {
        let (part, after) = rest.split_at(length);
        rest = after;
        part
    });
    let mut text = parts.next().unwrap_or_default().to_string();
    for part in parts {
        text.push('-');
        text.push_str(part);
    }
    text
}

/// Bytes as a text that every target takes: UTF-8 without NUL.
pub fn text(bytes: &[u8], replacement: Option<char>) -> Result<Cow<'_, str>> {
    let bad = match std::str::from_utf8(bytes) {
        Ok(text) => match bytes.iter().position(|byte| *byte == 0) {
            None => return Ok(text.into()),
            Some(at) => at,
        },
        Err(error) => error.valid_up_to(),
    };
    let Some(sign) = replacement else {
        let byte = bytes.get(bad).copied().unwrap_or_default();
        return Err(Error::refused(format!(
            "expected a text in UTF-8 without NUL, found the byte 0x{byte:02x} at {bad}; mend the record, exclude the field, give it a column for bytes, or set replacement = \"?\" in [copy]"
        )));
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend(
            chunk
                .valid()
                .chars()
                .map(|c| if c == '\0' { sign } else { c }),
        );
        text.extend(chunk.invalid().iter().map(|_| sign));
    }
    Ok(text.into())
}

/// Texts, or a text, in JSON.
fn json<T: serde::Serialize + ?Sized>(texts: &T, out: &mut Vec<u8>) -> Result<()> {
    let written = serde_json::to_writer(out, texts);
    written.map_err(|error| Error::refused(error.to_string()))
}

/// A list of texts as PostgreSQL writes an array, each in quotes.
fn array(texts: &[Cow<'_, str>], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.push(b'"');
        for byte in text.bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
    out.push(b'}');
    Ok(())
}

/// `2026-01-01 12:00:00.123`, with `+00` where the zone is asked for, RFC 3339 where it is to be text.
fn time(at: i64, form: Form, out: &mut Vec<u8>) -> Result<()> {
    let (days, rest) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    if !DAYS.contains(&days) {
        return Err(Error::refused(format!(
            "expected a time from 4713 BC to the year 294276, found {at} milliseconds since 1970; mend the record, or give the field a column for numbers"
        )));
    }
    let (year, month, day) = date(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, fraction) = (rest / 1000 % 60, rest % 1000);
    let (shown, era) = if year > 0 {
        (year, "")
    } else {
        (1 - year, " BC")
    };
    let (between, zone) = match form {
        Form::Timestamp => (' ', ""),
        Form::TimestampTz => (' ', "+00"),
        _ => ('T', "Z"),
    };
    let fraction = match fraction {
        0 => String::new(),
        fraction => format!(".{fraction:03}"),
    };
    let _ = write!(
        out,
        "{shown:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{fraction}{zone}{era}"
    );
    Ok(())
}

/// Year, month and day of a day since 1970, by Howard Hinnant's `civil_from_days`.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cell: &Cell<'_>, form: Form) -> String {
        let mut out = Vec::new();
        write(cell, form, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_value_is_written_in_the_form_of_its_column() {
        let tags = Cell::Tags(vec![b"a", b"b \"c\\\n"]);
        let uuid = Cell::Uuid(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef");
        for (cell, form, text) in [
            (Cell::Integer(i64::MIN), Form::Plain, "-9223372036854775808"),
            (Cell::Float(1e300), Form::Plain, "1e300"),
            (Cell::Float(0.1), Form::Plain, "0.1"),
            (Cell::Boolean(true), Form::Plain, "true"),
            (Cell::Name("low"), Form::Plain, "low"),
            (Cell::Name("low"), Form::Json, "\"low\""),
            (Cell::Text("a,\"ä".as_bytes().into()), Form::Plain, "a,\"ä"),
            (Cell::Text(b"\x00\xff".into()), Form::Hex, "\\x00ff"),
            (Cell::Text(b"\x00\xff".into()), Form::Digits, "00ff"),
            (uuid, Form::Plain, "01234567-89ab-cdef-0123-456789abcdef"),
            (tags.clone(), Form::Json, r#"["a","b \"c\\\n"]"#),
            (tags, Form::Array, "{\"a\",\"b \\\"c\\\\\n\"}"),
            (Cell::DateTime(7), Form::Milliseconds, "7"),
            (
                Cell::DateTime(1_767_268_800_123),
                Form::Timestamp,
                "2026-01-01 12:00:00.123",
            ),
            (
                Cell::DateTime(1_767_268_800_000),
                Form::TimestampTz,
                "2026-01-01 12:00:00+00",
            ),
            (
                Cell::DateTime(951_782_400_000),
                Form::Plain,
                "2000-02-29T00:00:00Z",
            ),
            (
                Cell::DateTime(-1),
                Form::Timestamp,
                "1969-12-31 23:59:59.999",
            ),
            (
                Cell::DateTime(-62_198_755_200_000),
                Form::TimestampTz,
                "0002-01-01 00:00:00+00 BC",
            ),
            (
                Cell::DateTime(253_402_300_800_000),
                Form::Timestamp,
                "10000-01-01 00:00:00",
            ),
        ] {
            assert_eq!(written(&cell, form), text);
        }
    }

    #[test]
    fn what_no_target_takes_is_refused_or_replaced() {
        for (bytes, said, replaced) in [
            (&b"a\0b"[..], "found the byte 0x00 at 1", "a?b"),
            (b"ab\xff\xfe", "found the byte 0xff at 2", "ab??"),
        ] {
            let error = text(bytes, None).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert_eq!(text(bytes, Some('?')).unwrap(), replaced);
        }
        for at in [i64::MAX, i64::MIN] {
            let error = write(&Cell::DateTime(at), Form::Timestamp, None, &mut Vec::new());
            assert!(error.unwrap_err().to_string().contains("4713 BC"));
        }
    }
}
