//! Which column takes which field.

use crate::{
    error::{Error, Result},
    table::{FieldType, Form},
};

/// As [`Target::form`](crate::Target::form). Lengths of texts are in bytes.
pub fn form(kind: &FieldType, column_type: &str) -> Result<Form> {
    let (base, numbers) = parted(column_type);
    let length = numbers.first().copied().unwrap_or(i64::MAX);
    let text = matches!(base, "character varying" | "character");
    let holds = |bytes: i64| text && length >= bytes;
    let plain = |fits: bool| fits.then_some(Form::Plain);
    let (form, wanted) = match kind {
        FieldType::Integer => {
            let whole = length - numbers.get(1).copied().unwrap_or(0);
            let numeric = base == "numeric" && whole >= 19;
            (
                plain(base == "bigint" || numeric || holds(20)),
                "bigint, numeric(19,0) or varchar",
            )
        }
        FieldType::Float => (
            plain(base == "double precision" || holds(32)),
            "double precision or varchar",
        ),
        FieldType::Boolean => (plain(base == "boolean" || holds(5)), "boolean or varchar"),
        FieldType::DateTime => {
            let form = match base {
                "timestamp without time zone" => Some(Form::Timestamp),
                "timestamp with time zone" => Some(Form::TimestampTz),
                "bigint" => Some(Form::Milliseconds),
                _ => holds(32).then_some(Form::TimestampTz),
            };
            (form, "timestamp, timestamptz, bigint or varchar")
        }
        FieldType::String => {
            let form = match base {
                "binary varying" | "varbyte" => Some(Form::Digits),
                _ => plain(text),
            };
            (form, "varchar, char or varbyte")
        }
        FieldType::Uuid => (plain(holds(36)), "varchar(36) or char(36)"),
        FieldType::Enum(names) => {
            let longest = names.iter().map(String::len).max().unwrap_or(0);
            let fits = holds(i64::try_from(longest).unwrap_or(i64::MAX));
            (plain(fits), "varchar of the longest name")
        }
        FieldType::Tags => {
            let form = (base == "super" || holds(256)).then_some(Form::Json);
            (form, "super or varchar(256) or longer")
        }
    };
    form.ok_or_else(|| Error::refused(format!("expected {wanted}, found {column_type}")))
}

/// As [`Target::column_type`](crate::Target::column_type).
pub fn column_type(kind: &FieldType) -> &'static str {
    match kind {
        FieldType::Integer => "bigint",
        FieldType::Float => "double precision",
        FieldType::Boolean => "boolean",
        FieldType::DateTime => "timestamp with time zone",
        FieldType::String | FieldType::Tags => "character varying(65535)",
        FieldType::Uuid => "character varying(36)",
        // Names may be added.
        FieldType::Enum(_) => "character varying(256)",
    }
}

/// A type's name and the numbers in its brackets.
fn parted(column_type: &str) -> (&str, Vec<i64>) {
    let (base, rest) = column_type.split_once('(').unwrap_or((column_type, ""));
    let numbers = rest.trim_end_matches(')').split(',');
    (
        base.trim(),
        numbers
            .filter_map(|number| number.trim().parse().ok())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_takes_a_field_whose_every_value_fits() {
        use FieldType::{Boolean, DateTime, Enum, Float, Integer, String, Tags, Uuid};
        let names = || Enum(vec!["low".into(), "middle".into()]);
        for (kind, column_type, expected) in [
            (Integer, "bigint", Some(Form::Plain)),
            (Integer, "integer", None),
            (Integer, "numeric(19,0)", Some(Form::Plain)),
            (Integer, "numeric(20,4)", None),
            (Float, "double precision", Some(Form::Plain)),
            (Float, "real", None),
            (Boolean, "boolean", Some(Form::Plain)),
            (
                DateTime,
                "timestamp without time zone",
                Some(Form::Timestamp),
            ),
            (
                DateTime,
                "timestamp with time zone",
                Some(Form::TimestampTz),
            ),
            (DateTime, "bigint", Some(Form::Milliseconds)),
            (DateTime, "date", None),
            (String, "character varying(10)", Some(Form::Plain)),
            (String, "binary varying(10)", Some(Form::Digits)),
            (String, "super", None),
            (Uuid, "character(36)", Some(Form::Plain)),
            (Uuid, "character varying(35)", None),
            (names(), "character varying(6)", Some(Form::Plain)),
            (names(), "character varying(5)", None),
            (Tags, "super", Some(Form::Json)),
            (Tags, "character varying(100)", None),
        ] {
            assert_eq!(
                form(&kind, column_type).ok(),
                expected,
                "{kind} {column_type}"
            );
        }
        for kind in [
            Boolean,
            DateTime,
            Float,
            Integer,
            String,
            Tags,
            Uuid,
            names(),
        ] {
            assert!(form(&kind, column_type(&kind)).is_ok(), "{kind}");
        }
    }
}
