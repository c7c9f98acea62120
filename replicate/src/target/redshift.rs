//! Amazon Redshift: COPY from a manifest on S3.

mod copy;
mod types;

use async_trait::async_trait;

pub use self::copy::Choice;
use self::copy::Options;
pub use super::sql::{Login, Tls};
use super::{
    Import, Maintenance, Target,
    sql::{Dialect, Session, Warehouse, identifier, quoted},
};
use crate::{
    error::{Error, Kind, Result},
    manifest,
    store::Bucket,
    table::{Column, FieldType, Form},
};

/// What imports lock. Nobody reads it: a lock of Redshift keeps readers off too.
const LOCK: &str = "_yarr_replication_lock";
/// As many parts as a cluster gets that does not tell its slices.
const SLICES: usize = 8;
/// Columns of the reason of a COPY that failed.
const REASONS: [&str; 2] = [
    "SELECT trim(error_message), trim(file_name), line_number, trim(column_name) FROM sys_load_error_detail \
     WHERE session_id = pg_backend_pid() ORDER BY start_time DESC LIMIT 1",
    "SELECT trim(err_reason), trim(filename), line_number, trim(colname) FROM stl_load_errors \
     WHERE session = pg_backend_pid() ORDER BY starttime DESC LIMIT 1",
];

/// How Redshift loads.
#[derive(Debug, Clone)]
pub struct Loading {
    /// Where the parts lie; its key is given to COPY where there is no role. It is a word of the statement then, which
    /// a log of the driver at its level `debug` would show: a role is better.
    pub bucket: Bucket,
    /// The role by which the cluster reads the bucket.
    pub role: Option<String>,
    /// Options of COPY by their names. What is said here goes before what holds without.
    pub options: std::collections::BTreeMap<String, Choice>,
}

/// A Redshift. `name` is what the target is called in the configuration.
///
/// # Errors
/// Where an option of COPY is one that is not to be set, or neither a role nor a key is given.
pub fn open(name: &str, login: Login, loading: Loading) -> Result<Box<dyn Target>> {
    let redshift = Redshift {
        copy: Options::new(&loading)?,
    };
    Ok(Box::new(Warehouse::new(name, login, redshift)))
}

/// What is Redshift's own.
#[derive(Debug)]
struct Redshift {
    copy: Options,
}

#[async_trait]
impl Dialect for Redshift {
    fn kind(&self) -> &'static str {
        "redshift"
    }

    fn text(&self) -> &'static str {
        // TEXT would be 256 bytes.
        "varchar(65535)"
    }

    fn literal(&self, text: &str) -> String {
        copy::literal(text)
    }

    fn form(&self, kind: &FieldType, column_type: &str) -> Result<Form> {
        types::form(kind, column_type)
    }

    fn column_type(&self, kind: &FieldType) -> String {
        types::column_type(kind).into()
    }

    fn columns_of(&self, table: &str) -> String {
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (self.literal(schema), name),
            None => ("current_schema()".into(), table),
        };
        let name = self.literal(name);
        format!(
            "SELECT column_name, data_type || CASE \
             WHEN character_maximum_length IS NOT NULL THEN '(' || character_maximum_length || ')' \
             WHEN data_type = 'numeric' THEN '(' || numeric_precision || ',' || numeric_scale || ')' \
             ELSE '' END, CASE WHEN is_nullable = 'YES' THEN 't' ELSE 'f' END, \
             CASE WHEN column_default IS NULL THEN 'f' ELSE 't' END FROM svv_columns \
             WHERE table_schema = {schema} AND table_name = {name} ORDER BY ordinal_position"
        )
    }

    fn more_tables(&self) -> Vec<String> {
        vec![format!("CREATE TABLE IF NOT EXISTS {LOCK} (id bigint)")]
    }

    fn lock_of(&self, row: &str) -> String {
        // First of all: the snapshot that the transaction reads begins behind it.
        format!("LOCK TABLE {LOCK}; {row}")
    }

    async fn load(&self, session: &Session, stage: &str, import: &Import<'_>) -> Result<()> {
        let counts = import.manifest.counts;
        if import.manifest.parts.is_empty() {
            return Ok(());
        }
        let path = format!("{}/{}", import.replication.prefix, manifest::NAME);
        let sql = self
            .copy
            .statement(stage, &import.store.url(&path), import.manifest);
        if let Err(error) = session.run(&sql).await {
            return Err(self.why(session, error).await);
        }
        if self.copy.is_dry() {
            return Err(Error::refused(
                "COPY could load these parts, and with NOLOAD it does not: take NOLOAD out of [copy], and run again",
            ));
        }
        (import.progress)(u64::try_from(counts.rows + counts.tombstones).unwrap_or(0));
        Ok(())
    }

    async fn maintenance(
        &self,
        session: &Session,
        table: Option<&str>,
        what: &Maintenance,
    ) -> Result<String> {
        let name = table.map(quoted).unwrap_or_default();
        let words = match what {
            Maintenance::Analyze => "ANALYZE",
            Maintenance::Vacuum(form) => match form.replace('-', " ").as_str() {
                "plain" => "VACUUM",
                "full" => "VACUUM FULL",
                "sort only" => "VACUUM SORT ONLY",
                "delete only" => "VACUUM DELETE ONLY",
                "reindex" if table.is_some() => "VACUUM REINDEX",
                "reindex" => return Err(Error::usage("reindex: expected a table, found none")),
                "auto" => match table {
                    Some(table) if self.is_interleaved(session, table).await? => "VACUUM REINDEX",
                    _ => "VACUUM",
                },
                _ => {
                    return Err(Error::usage(format!(
                        "expected a VACUUM of Redshift: plain, full, sort only, delete only, reindex or auto, found '{form}'"
                    )));
                }
            },
        };
        Ok(format!("{words} {name}").trim_end().into())
    }

    fn text_of(&self, column: &Column) -> String {
        let name = identifier(&column.name);
        let seconds = "'YYYY-MM-DD HH24:MI:SS.MS'";
        match (&column.kind, column.form) {
            // No boolean is cast to text here.
            (FieldType::Boolean, _) => {
                format!("CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' END")
            }
            (_, Form::Timestamp) => format!("to_char({name}, {seconds})"),
            (_, Form::TimestampTz) if column.column_type.starts_with("timestamp") => {
                format!("to_char({name} AT TIME ZONE 'UTC', {seconds}) || '+00'")
            }
            (_, Form::Digits) => format!("to_hex({name})"),
            _ => name,
        }
    }

    async fn slices(&self, session: &Session) -> Result<usize> {
        // A workgroup without servers of its own does not tell.
        match session.number("SELECT count(*) FROM stv_slices").await {
            Ok(slices) => Ok(usize::try_from(slices).unwrap_or(SLICES).clamp(1, 256)),
            Err(error) if error.kind == Kind::Refused => Ok(SLICES),
            Err(error) => Err(error),
        }
    }
}

impl Redshift {
    /// The error of a COPY with the reason that the server keeps elsewhere.
    async fn why(&self, session: &Session, error: Error) -> Error {
        if error.kind != Kind::Refused || session.run("ROLLBACK").await.is_err() {
            return error;
        }
        if !error.message.contains("load_error") {
            return error;
        }
        for sql in REASONS {
            let Ok(rows) = session.rows(sql).await else {
                continue;
            };
            if let Some([reason, file, line, column]) = rows.into_iter().next().as_deref() {
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                let column = match text(column).as_str() {
                    "" => String::new(),
                    column => format!(", column '{column}'"),
                };
                let (reason, file, line) = (text(reason), text(file), text(line));
                return Error::refused(format!(
                    "COPY refused {file}, line {line}{column}: {reason}; mend the record or the column, and run again"
                ));
            }
        }
        error
    }

    async fn is_interleaved(&self, session: &Session, table: &str) -> Result<bool> {
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (self.literal(schema), name),
            None => ("current_schema()".into(), table),
        };
        let sql = format!(
            "SELECT sortkey1 FROM svv_table_info WHERE schema = {schema} AND \"table\" = {}",
            self.literal(name)
        );
        let key = session.value(&sql).await?;
        Ok(key.is_some_and(|key| key.to_uppercase().starts_with("INTERLEAVED")))
    }
}
