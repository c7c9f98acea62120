//! The ledger: where each table is, and each replication. Statements that any of these servers takes, and their rows.

use super::{Dialect, session::Line};
use crate::{
    error::{Error, Result},
    replication::{Batch, Counts, Durations, Mode, Replication, State, Watermark},
    target::{Known, Position},
};

/// A row a table.
pub(super) const STATE: &str = "_yarr_replication_state";
/// A row a replication.
pub(super) const LOG: &str = "_yarr_replications";

/// The columns of a replication, in the order in which they are written and read.
const COLUMNS: [&str; 25] = [
    "id",
    "source_table",
    "target_table",
    "state",
    "mode",
    "from_epoch",
    "from_position",
    "to_epoch",
    "to_position",
    "schema_lines",
    "attempt",
    "retries",
    "error",
    "prefix",
    "row_count",
    "tombstones",
    "parts",
    "bytes",
    "inserted",
    "deleted",
    "export_ms",
    "upload_ms",
    "import_ms",
    "enqueued_at",
    "changed_at",
];

/// The columns that hold text; the others are numbers.
const TEXTS: [&str; 8] = [
    "id",
    "source_table",
    "target_table",
    "state",
    "mode",
    "from_epoch",
    "to_epoch",
    "prefix",
];

/// Makes the tables.
pub(super) fn tables(dialect: &impl Dialect) -> Vec<String> {
    let text = dialect.text();
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|column| match *column {
            "id" => format!("id {text} NOT NULL PRIMARY KEY"),
            "error" => format!("error {text}"),
            column if TEXTS.contains(&column) => format!("{column} {text} NOT NULL"),
            column => format!("{column} bigint NOT NULL"),
        })
        .collect();
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {STATE} (target_table {text} NOT NULL PRIMARY KEY, epoch {text} NOT NULL, \
             position bigint NOT NULL, schema_lines bigint NOT NULL, columns {text} NOT NULL, \
             paused boolean NOT NULL, resync {text})"
        ),
        format!("CREATE TABLE IF NOT EXISTS {LOG} ({})", columns.join(", ")),
    ]
}

/// Asks for the position of a table.
pub(super) fn position(dialect: &impl Dialect, table: &str) -> String {
    format!(
        "SELECT epoch, position, schema_lines, columns, paused, resync FROM {STATE} WHERE target_table = {}",
        dialect.literal(table)
    )
}

pub(super) fn read_position(row: &Line) -> Result<Position> {
    let mut row = Reading(row.iter());
    let watermark = Watermark {
        epoch: row.text()?,
        position: row.number()?,
    };
    let schema_lines = row.number()?;
    let columns = serde_json::from_str(&row.text()?)
        .map_err(|error| Error::refused(format!("{STATE}: expected columns in JSON: {error}")))?;
    Ok(Position {
        watermark,
        known: Known {
            schema_lines,
            columns,
        },
        paused: row.text()?.starts_with('t'),
        resync: row.next(),
    })
}

/// Makes the row of a table where there is none; two may do it at once.
pub(super) fn first(dialect: &impl Dialect, table: &str) -> Vec<String> {
    let table = dialect.literal(table);
    vec![
        format!("LOCK TABLE {STATE}"),
        format!(
            "INSERT INTO {STATE} (target_table, epoch, position, schema_lines, columns, paused) \
             SELECT {table}, '', 0, 0, '{{}}', false \
             WHERE NOT EXISTS (SELECT 1 FROM {STATE} WHERE target_table = {table})"
        ),
    ]
}

/// Sets a column of the state of a table.
pub(super) fn set(dialect: &impl Dialect, table: &str, column: &str, value: &str) -> String {
    let table = dialect.literal(table);
    format!("UPDATE {STATE} SET {column} = {value} WHERE target_table = {table}")
}

/// Sets what is known of the source's schema.
pub(super) fn known(dialect: &impl Dialect, table: &str, known: &Known) -> String {
    let columns = serde_json::to_string(&known.columns).unwrap_or_default();
    format!(
        "UPDATE {STATE} SET schema_lines = {}, columns = {} WHERE target_table = {}",
        known.schema_lines,
        dialect.literal(&columns),
        dialect.literal(table)
    )
}

/// Moves the watermark of a table; where the batch was `whole`, a resync is no more wanted.
pub(super) fn moved(
    dialect: &impl Dialect,
    table: &str,
    to: &Watermark,
    columns: &Known,
    whole: bool,
) -> String {
    let resync = if whole { ", resync = NULL" } else { "" };
    format!(
        "{}; UPDATE {STATE} SET epoch = {}, position = {}{resync} WHERE target_table = {}",
        known(dialect, table, columns),
        dialect.literal(&to.epoch),
        to.position,
        dialect.literal(table)
    )
}

fn columns() -> String {
    COLUMNS.join(", ")
}

/// Asks for a replication.
pub(super) fn one(dialect: &impl Dialect, id: &str) -> String {
    format!(
        "SELECT {} FROM {LOG} WHERE id = {}",
        columns(),
        dialect.literal(id)
    )
}

/// Asks for the replication of a table that is not finished.
pub(super) fn unfinished(dialect: &impl Dialect, table: &str) -> String {
    format!(
        "SELECT {} FROM {LOG} WHERE target_table = {} AND state NOT IN ('imported', 'canceled') \
         ORDER BY id LIMIT 1",
        columns(),
        dialect.literal(table)
    )
}

/// Asks for the last replications.
pub(super) fn history(dialect: &impl Dialect, table: Option<&str>, limit: usize) -> String {
    let of = table.map(|table| format!("WHERE target_table = {}", dialect.literal(table)));
    format!(
        "SELECT {} FROM {LOG} {} ORDER BY id DESC LIMIT {limit}",
        columns(),
        of.unwrap_or_default()
    )
}

/// Takes the oldest replications of a table out; one that is not finished stays.
pub(super) fn prune(dialect: &impl Dialect, table: &str, cap: usize) -> String {
    let table = dialect.literal(table);
    format!(
        "DELETE FROM {LOG} WHERE target_table = {table} AND state IN ('imported', 'canceled') \
         AND id NOT IN (SELECT id FROM {LOG} WHERE target_table = {table} ORDER BY id DESC LIMIT {})",
        cap.max(1)
    )
}

fn values(dialect: &impl Dialect, replication: &Replication) -> [String; 25] {
    let text = |text: &str| dialect.literal(text);
    let Replication {
        batch,
        counts,
        durations,
        ..
    } = replication;
    let error = replication.error.as_deref();
    [
        text(&replication.id),
        text(&replication.source),
        text(&replication.target),
        text(replication.state.name()),
        text(batch.mode.name()),
        text(&batch.from.epoch),
        batch.from.position.to_string(),
        text(&batch.to.epoch),
        batch.to.position.to_string(),
        batch.schema_lines.to_string(),
        replication.attempt.to_string(),
        replication.retries.to_string(),
        error.map_or("NULL".into(), text),
        text(&replication.prefix),
        counts.rows.to_string(),
        counts.tombstones.to_string(),
        counts.parts.to_string(),
        counts.bytes.to_string(),
        counts.inserted.to_string(),
        counts.deleted.to_string(),
        durations.export.to_string(),
        durations.upload.to_string(),
        durations.import.to_string(),
        replication.enqueued_at.to_string(),
        replication.changed_at.to_string(),
    ]
}

/// Writes a replication that is new.
pub(super) fn insert(dialect: &impl Dialect, replication: &Replication) -> String {
    let values = values(dialect, replication).join(", ");
    format!("INSERT INTO {LOG} ({}) VALUES ({values})", columns())
}

/// Writes a replication again; one that is finished stays as it is.
pub(super) fn update(dialect: &impl Dialect, replication: &Replication) -> String {
    let values = values(dialect, replication);
    let set: Vec<String> = COLUMNS
        .iter()
        .zip(&values)
        .skip(1)
        .map(|(column, value)| format!("{column} = {value}"))
        .collect();
    format!(
        "UPDATE {LOG} SET {} WHERE id = {} AND state NOT IN ('imported', 'canceled')",
        set.join(", "),
        dialect.literal(&replication.id)
    )
}

pub(super) fn read(row: &Line) -> Result<Replication> {
    let mut row = Reading(row.iter());
    let (id, source, target) = (row.text()?, row.text()?, row.text()?);
    let unknown = |what: &str, found: &str| {
        Error::refused(format!(
            "{LOG}: there is no {what} '{found}': take a newer version"
        ))
    };
    let state = row.text()?;
    let state = State::of_name(&state).ok_or_else(|| unknown("state", &state))?;
    let mode = row.text()?;
    let mode = Mode::of_name(&mode).ok_or_else(|| unknown("mode", &mode))?;
    let mut watermark = || -> Result<Watermark> {
        Ok(Watermark {
            epoch: row.text()?,
            position: row.number()?,
        })
    };
    let (from, to) = (watermark()?, watermark()?);
    Ok(Replication {
        id,
        source,
        target,
        batch: Batch {
            from,
            to,
            mode,
            schema_lines: row.number()?,
        },
        state,
        attempt: row.number()?,
        retries: row.number()?,
        error: row.next(),
        prefix: row.text()?,
        counts: Counts {
            rows: row.number()?,
            tombstones: row.number()?,
            parts: row.number()?,
            bytes: row.number()?,
            inserted: row.number()?,
            deleted: row.number()?,
        },
        durations: Durations {
            export: row.number()?,
            upload: row.number()?,
            import: row.number()?,
        },
        enqueued_at: row.number()?,
        changed_at: row.number()?,
    })
}

/// The values of a row, one after the other.
struct Reading<'a>(std::slice::Iter<'a, Option<String>>);

impl Reading<'_> {
    fn next(&mut self) -> Option<String> {
        self.0.next().cloned().flatten()
    }

    fn text(&mut self) -> Result<String> {
        self.next()
            .ok_or_else(|| Error::refused(format!("{LOG}: expected a text, found null")))
    }

    fn number(&mut self) -> Result<i64> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| Error::refused(format!("{LOG}: expected a number, found '{text}'")))
    }
}
