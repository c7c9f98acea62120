//! PostgreSQL: parts are read from the store and sent by COPY.

use std::io::Write;

use async_trait::async_trait;
use flate2::write::MultiGzDecoder;

pub use super::sql::{Login, Tls};
use super::{
    Import, Maintenance, Target,
    sql::{Dialect, Session, Warehouse, identifier, quoted},
};
use crate::{
    error::{Error, Result},
    manifest::Format,
    table::{Column, FieldType, Form},
};

/// A PostgreSQL. `name` is what the target is called in the configuration.
pub fn open(name: &str, login: Login) -> Box<dyn Target> {
    Box::new(Warehouse::new(name, login, Postgres))
}

/// What is PostgreSQL's own.
#[derive(Debug)]
struct Postgres;

#[async_trait]
impl Dialect for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn like(&self) -> &'static str {
        "INCLUDING ALL"
    }

    fn form(&self, kind: &FieldType, column_type: &str) -> Result<Form> {
        let (base, arguments) = parted(column_type);
        let length = arguments.first().copied();
        let text = matches!(base.as_str(), "text" | "character varying");
        // A text of this length always fits.
        let holds = |bytes: i64| text && length.is_none_or(|length| length >= bytes);
        let (form, wanted) = match kind {
            FieldType::Integer => {
                let whole = |p: i64| p - arguments.get(1).copied().unwrap_or(0) >= 19;
                let numeric = base == "numeric" && length.is_none_or(whole);
                let fits = base == "bigint" || numeric || holds(20);
                (fits.then_some(Form::Plain), "bigint, numeric or text")
            }
            FieldType::Float => {
                let numeric = base == "numeric" && length.is_none();
                let fits = base == "double precision" || numeric || holds(32);
                (
                    fits.then_some(Form::Plain),
                    "double precision, numeric or text",
                )
            }
            FieldType::Boolean => {
                let fits = base == "boolean" || holds(5);
                (fits.then_some(Form::Plain), "boolean or text")
            }
            FieldType::DateTime => {
                let exact = length.is_none_or(|digits| digits >= 3);
                let form = match base.as_str() {
                    "timestamp without time zone" if exact => Some(Form::Timestamp),
                    "timestamp with time zone" if exact => Some(Form::TimestampTz),
                    "bigint" => Some(Form::Milliseconds),
                    _ if holds(32) => Some(Form::TimestampTz),
                    _ => None,
                };
                (
                    form,
                    "timestamp, timestamptz (of milliseconds or better), bigint or text",
                )
            }
            FieldType::String => {
                let plain = text || matches!(base.as_str(), "character" | "json" | "jsonb" | "xml");
                let form = match base.as_str() {
                    "bytea" => Some(Form::Hex),
                    _ => plain.then_some(Form::Plain),
                };
                (form, "text, varchar, json, jsonb or bytea")
            }
            FieldType::Uuid => {
                let fits = base == "uuid" || holds(36);
                (fits.then_some(Form::Plain), "uuid or text")
            }
            FieldType::Enum(names) => {
                let longest = names.iter().map(String::len).max().unwrap_or(0);
                let fits = holds(i64::try_from(longest).unwrap_or(i64::MAX));
                (
                    fits.then_some(Form::Plain),
                    "text, or varchar of the longest name",
                )
            }
            FieldType::Tags => {
                let form = match base.as_str() {
                    "text[]" | "character varying[]" => Some(Form::Array),
                    "json" | "jsonb" => Some(Form::Json),
                    _ => (text && length.is_none()).then_some(Form::Json),
                };
                (form, "text[], jsonb, json or text")
            }
        };
        form.ok_or_else(|| Error::refused(format!("expected {wanted}, found {column_type}")))
    }

    fn column_type(&self, kind: &FieldType) -> String {
        match kind {
            FieldType::Integer => "bigint",
            FieldType::Float => "double precision",
            FieldType::Boolean => "boolean",
            FieldType::DateTime => "timestamp with time zone",
            FieldType::String | FieldType::Enum(_) => "text",
            FieldType::Uuid => "uuid",
            FieldType::Tags => "text[]",
        }
        .into()
    }

    fn columns_of(&self, table: &str) -> String {
        format!(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, \
             a.atthasdef OR a.attidentity <> '' FROM pg_attribute a \
             WHERE a.attrelid = to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            self.literal(&quoted(table))
        )
    }

    fn lock_of(&self, row: &str) -> String {
        format!("{row} FOR UPDATE")
    }

    async fn load(&self, session: &Session, stage: &str, import: &Import<'_>) -> Result<()> {
        let manifest = import.manifest;
        let gzip = match manifest.format {
            Format::Csv => false,
            Format::Gzip => true,
            Format::Parquet => {
                return Err(Error::refused(
                    "PostgreSQL takes no Parquet: set the format to gzip or csv",
                ));
            }
        };
        let null = self.literal(&manifest.null);
        let sql =
            format!("COPY {stage} FROM STDIN WITH (FORMAT csv, NULL {null}, ENCODING 'UTF8')");
        let mut rows = 0;
        for part in &manifest.parts {
            let mut reader = import.store.read(&part.path).await?;
            let mut copy = session.copy(&sql).await?;
            let mut plain = Unpacked::new(gzip);
            while let Some(chunk) = reader.chunk().await? {
                let bytes = plain.of(chunk).map_err(|error| error.at(&part.path))?;
                copy.send(bytes).await?;
            }
            copy.send(plain.end().map_err(|error| error.at(&part.path))?)
                .await?;
            rows += copy.finish().await.map_err(|error| error.at(&part.path))?;
            (import.progress)(rows);
        }
        // The planner knows nothing of a table that was made just now.
        session.run(&format!("ANALYZE {stage}")).await.map(|_| ())
    }

    async fn maintenance(
        &self,
        _: &Session,
        table: Option<&str>,
        what: &Maintenance,
    ) -> Result<String> {
        let table = table.map(quoted).unwrap_or_default();
        let words = match what {
            Maintenance::Analyze => "ANALYZE",
            Maintenance::Vacuum(form) => match form.as_str() {
                "plain" | "auto" => "VACUUM",
                "full" => "VACUUM FULL",
                "reindex" => match table.is_empty() {
                    true => return Err(Error::usage("reindex: expected a table, found none")),
                    false => "REINDEX TABLE",
                },
                other => {
                    return Err(Error::usage(format!(
                        "expected a VACUUM of PostgreSQL: plain, full, reindex or auto, found '{other}'"
                    )));
                }
            },
        };
        Ok(format!("{words} {table}").trim_end().into())
    }

    fn text_of(&self, column: &Column) -> String {
        let (form, column) = (column.form, identifier(&column.name));
        let seconds = "'YYYY-MM-DD HH24:MI:SS.MS'";
        match form {
            Form::Timestamp => format!("to_char({column}, {seconds})"),
            Form::TimestampTz => {
                format!("to_char({column} AT TIME ZONE 'UTC', {seconds}) || '+00'")
            }
            _ => format!("{column}::text"),
        }
    }
}

/// A type's name and the numbers in its brackets: `timestamp(3) with time zone`.
fn parted(column_type: &str) -> (String, Vec<i64>) {
    let Some((before, rest)) = column_type.split_once('(') else {
        return (column_type.into(), Vec::new());
    };
    let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
    let numbers = inside.split(',').filter_map(|n| n.trim().parse().ok());
    (format!("{before}{after}"), numbers.collect())
}

/// Bytes as they were before they were packed.
struct Unpacked(Option<MultiGzDecoder<Vec<u8>>>);

impl Unpacked {
    fn new(gzip: bool) -> Unpacked {
        Unpacked(gzip.then(|| MultiGzDecoder::new(Vec::new())))
    }

    fn of(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>> {
        let Some(decoder) = &mut self.0 else {
            return Ok(chunk);
        };
        decoder.write_all(&chunk).map_err(damaged)?;
        Ok(std::mem::take(decoder.get_mut()))
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        let Some(decoder) = &mut self.0 else {
            return Ok(Vec::new());
        };
        decoder.try_finish().map_err(damaged)?;
        Ok(std::mem::take(decoder.get_mut()))
    }
}

fn damaged(error: std::io::Error) -> Error {
    Error::refused(format!("the part is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(kind: FieldType, column_type: &str) -> Option<Form> {
        Postgres.form(&kind, column_type).ok()
    }

    #[test]
    fn a_column_takes_a_field_whose_every_value_fits() {
        use FieldType::{Boolean, DateTime, Enum, Float, Integer, String, Tags, Uuid};
        let names = || Enum(vec!["low".into(), "middle".into()]);
        let cases = [
            (Integer, "bigint", Some(Form::Plain)),
            (Integer, "integer", None),
            (Integer, "double precision", None),
            (Integer, "numeric", Some(Form::Plain)),
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
                "timestamp(3) with time zone",
                Some(Form::TimestampTz),
            ),
            (DateTime, "timestamp(0) with time zone", None),
            (DateTime, "bigint", Some(Form::Milliseconds)),
            (DateTime, "date", None),
            (String, "text", Some(Form::Plain)),
            (String, "character varying(10)", Some(Form::Plain)),
            (String, "bytea", Some(Form::Hex)),
            (String, "bigint", None),
            (Uuid, "uuid", Some(Form::Plain)),
            (Uuid, "character varying(35)", None),
            (names(), "character varying(6)", Some(Form::Plain)),
            (names(), "character varying(5)", None),
            (Tags, "text[]", Some(Form::Array)),
            (Tags, "jsonb", Some(Form::Json)),
            (Tags, "character varying(100)", None),
        ];
        for (kind, column_type, expected) in cases {
            assert_eq!(
                form(kind.clone(), column_type),
                expected,
                "{kind} {column_type}"
            );
        }
    }

    #[test]
    fn every_type_that_evolve_gives_fits_its_field() {
        use FieldType::{Boolean, DateTime, Enum, Float, Integer, String, Tags, Uuid};
        for kind in [
            Boolean,
            DateTime,
            Float,
            Integer,
            String,
            Tags,
            Uuid,
            Enum(vec![]),
        ] {
            let given = Postgres.column_type(&kind);
            assert!(form(kind.clone(), &given).is_some(), "{kind} {given}");
        }
    }

    #[test]
    fn a_misfit_says_what_would_fit() {
        let refused = Postgres.form(&FieldType::Integer, "smallint").unwrap_err();
        assert_eq!(
            refused.message,
            "expected bigint, numeric or text, found smallint"
        );
    }
}
