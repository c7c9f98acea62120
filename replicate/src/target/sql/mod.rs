//! What targets that speak SQL share: the session, the ledger of states, and the transaction of an import.
//!
//! # Why an import happens once
//!
//! The ledger lies in the target itself: `_yarr_replication_state` has a row a table with its watermark, and
//! `_yarr_replications` a row a replication. An import is one transaction, in this order:
//!
//! 1. The table's row of the state is locked. Of two imports of the same table one waits here, and then sees what the
//!    other has done.
//! 2. The replication's own row is read. `imported`: this was done before, by a runner that never heard of it, and there
//!    is nothing to do. `canceled`: it is not to be done.
//! 3. The watermark must be where the batch begins. Else another batch went in, and these rows are not what follows.
//! 4. The parts are loaded into a temporary stage, and counted: as many as the manifest says, or it all ends here.
//! 5. The stage is merged: of an id the highest change wins; what was there under the id goes, what is now comes.
//! 6. The watermark moves, the replication is noted as imported, and the transaction commits.
//!
//! Rows, watermark and note become visible at once or not at all. Whoever dies before the commit has changed nothing;
//! whoever dies after it, or never learns whether it happened, finds at 2 that it did. Everything before the import may
//! be done again as often as it takes, since nothing of it is in the target's tables.

mod ledger;
mod merge;
mod session;
mod tls;

use std::time::Instant;

use async_trait::async_trait;

pub(crate) use self::session::Session;
pub use self::session::{Login, Tls};
use super::{
    Alteration, Import, Imported, Known, Maintenance, NewColumn, Position, Target, TargetColumn,
};
use crate::{
    error::{Error, Kind, Result},
    moment,
    replication::{Replication, State},
    table::{Column, Deletes, FieldType, Form, Table},
};

/// How many rows are asked for at once where all of a table are read.
/// Redshift of one node gives no more.
const FETCH: usize = 1000;

/// What is a server's own: types, how parts get into a stage, maintenance.
#[async_trait]
pub(crate) trait Dialect: Send + Sync + 'static {
    /// Its name in the configuration.
    fn kind(&self) -> &'static str;

    /// The type of the ledger's texts.
    fn text(&self) -> &'static str {
        "text"
    }

    /// What a table that is made `LIKE` another takes over from it.
    fn like(&self) -> &'static str {
        "INCLUDING DEFAULTS"
    }

    /// A text as a literal.
    fn literal(&self, text: &str) -> String {
        // A NUL ends a text for these servers.
        format!("'{}'", text.replace('\0', "").replace('\'', "''"))
    }

    /// As [`Target::form`].
    fn form(&self, kind: &FieldType, column_type: &str) -> Result<Form>;

    /// As [`Target::column_type`].
    fn column_type(&self, kind: &FieldType) -> String;

    /// A query for the columns of a table, `name` or `schema.name`: name, type, whether it may be null and whether the
    /// server fills it, as `t` and `f`. No row where there is no such table.
    fn columns_of(&self, table: &str) -> String;

    /// A query for a row of the state, so that it is locked until the transaction ends.
    fn lock_of(&self, row: &str) -> String;

    /// Loads all parts into a stage, whose columns are in the order of the parts', within the transaction at hand.
    async fn load(&self, session: &Session, stage: &str, import: &Import<'_>) -> Result<()>;

    /// The statement of a maintenance; the name of the table is still to be quoted.
    async fn maintenance(
        &self,
        session: &Session,
        table: Option<&str>,
        what: &Maintenance,
    ) -> Result<String>;

    /// An expression of a column as text in its form.
    fn text_of(&self, column: &Column) -> String;

    /// Makes what the server needs beside the ledger.
    fn more_tables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Into how many parts rows are best dealt.
    async fn slices(&self, _: &Session) -> Result<usize> {
        Ok(1)
    }
}

/// A name as an identifier: each part of `schema.name` in quotes.
pub(crate) fn quoted(name: &str) -> String {
    let parts: Vec<String> = name.split('.').map(identifier).collect();
    parts.join(".")
}

/// A name of a column as an identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn given_up(replication: &Replication) -> Error {
    let text = format!("replication {} was given up meanwhile", replication.id);
    Error::new(Kind::Busy, text)
}

/// A target that speaks SQL.
pub(crate) struct Warehouse<D> {
    name: String,
    login: Login,
    dialect: D,
    session: Option<Session>,
    prepared: bool,
}

impl<D: Dialect> Warehouse<D> {
    pub(crate) fn new(name: &str, login: Login, dialect: D) -> Warehouse<D> {
        Warehouse {
            name: name.into(),
            login,
            dialect,
            session: None,
            prepared: false,
        }
    }

    /// The session, a new one where the last is closed.
    async fn session(&mut self) -> Result<&Session> {
        if self
            .session
            .as_ref()
            .is_none_or(|session| !session.is_open())
        {
            self.session = None;
            let opened = Session::open(&self.login).await;
            self.session = Some(opened.map_err(|error| error.at(&self.name))?);
        }
        self.session
            .as_ref()
            .ok_or_else(|| Error::unreachable("no session"))
    }

    async fn run(&mut self, sql: &str) -> Result<u64> {
        let name = self.name.clone();
        let run = self.session().await?.run(sql).await;
        run.map_err(|error| error.at(name))
    }

    async fn rows(&mut self, sql: &str) -> Result<Vec<session::Line>> {
        let name = self.name.clone();
        let rows = self.session().await?.rows(sql).await;
        rows.map_err(|error| error.at(name))
    }

    fn literal(&self, text: &str) -> String {
        self.dialect.literal(text)
    }

    /// Says statements as one transaction.
    async fn together(&mut self, statements: &[String]) -> Result<()> {
        let sql = format!("BEGIN; {}; COMMIT", statements.join("; "));
        let done = self.run(&sql).await.map(|_| ());
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    /// Ends a transaction that failed; where that fails too, the session ends, and the server ends it.
    async fn roll_back(&mut self) {
        if let Some(session) = self.session.take() {
            if session.is_open() && session.run("ROLLBACK").await.is_ok() {
                self.session = Some(session);
            }
        }
    }

    fn column(&self, column: &NewColumn) -> String {
        format!(
            "{} {}",
            identifier(&column.name),
            self.dialect.column_type(&column.kind)
        )
    }

    fn alteration(&self, table: &str, change: &Alteration) -> Vec<String> {
        let table = quoted(table);
        let fill = |column: &str, value: &Option<String>| {
            let value = value
                .as_ref()
                .map_or("NULL".into(), |value| self.literal(value));
            format!("UPDATE {table} SET {} = {value}", identifier(column))
        };
        match change {
            Alteration::Create(columns) => {
                let mut all: Vec<String> = columns.iter().map(|new| self.column(new)).collect();
                if let Some(key) = all.first_mut() {
                    key.push_str(" PRIMARY KEY");
                }
                vec![format!("CREATE TABLE {table} ({})", all.join(", "))]
            }
            Alteration::Add(column) => {
                let mut all = vec![format!(
                    "ALTER TABLE {table} ADD COLUMN {}",
                    self.column(column)
                )];
                if column.value.is_some() {
                    all.push(fill(&column.name, &column.value));
                }
                all
            }
            Alteration::Fill { column, value } => vec![fill(column, value)],
        }
    }

    /// What is within the transaction of an import; the module's documentation says why in this order.
    async fn imported(&self, session: &Session, import: &Import<'_>) -> Result<Imported> {
        let start = Instant::now();
        let replication = import.replication;
        let (target, batch) = (&replication.target, &replication.batch);
        session.run("BEGIN").await?;
        let row = ledger::position(&self.dialect, target);
        let found = session.rows(&self.dialect.lock_of(&row)).await?;
        let position = found.first().map(ledger::read_position).transpose()?;
        let position = position.unwrap_or_default();
        let noted = session
            .rows(&ledger::one(&self.dialect, &replication.id))
            .await?;
        let noted = noted.first().map(ledger::read).transpose()?;
        match noted {
            Some(noted) if noted.state == State::Imported => {
                return Ok(Imported::Before(noted.counts));
            }
            Some(noted) if noted.state != State::Canceled => {}
            _ => {
                return Err(given_up(replication));
            }
        }
        if position.watermark != batch.from {
            return Err(Error::new(
                Kind::Busy,
                format!(
                    "expected {target} at {}, found {}: another replication of it went in meanwhile",
                    batch.from, position.watermark
                ),
            ));
        }
        let merge = merge::Merge::of(import.table, batch.mode)?;
        session.run(&merge.stage()).await?;
        self.dialect.load(session, merge::STAGE, import).await?;
        let loaded = session.number(&merge.loaded()).await?;
        let expected = replication.counts.rows + replication.counts.tombstones;
        if i64::try_from(loaded) != Ok(expected) {
            return Err(Error::new(
                Kind::Halfway,
                format!("expected {expected} rows of the manifest, found {loaded} loaded"),
            ));
        }
        let mut done = replication.clone();
        let moment = self.literal(&format!("{}+00", moment::text(moment::now())));
        for step in merge.steps(&moment, self.dialect.like()) {
            let count = session.run(&step.sql).await?;
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            match step.counts {
                merge::Counting::Inserted => done.counts.inserted += count,
                merge::Counting::Deleted => done.counts.deleted += count,
                merge::Counting::Nothing => {}
            }
        }
        done.state = State::Imported;
        done.error = None;
        done.durations.import = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        done.changed_at = moment::now();
        let known = Known::of(import.table, batch.schema_lines);
        let moved = ledger::moved(&self.dialect, target, &batch.to, &known, import.is_whole());
        session.run(&moved).await?;
        // Whoever gave it up did so while it went in: then it does not.
        if session.run(&ledger::update(&self.dialect, &done)).await? == 0 {
            return Err(given_up(replication));
        }
        session
            .run(&ledger::prune(&self.dialect, target, import.history_cap))
            .await?;
        session.run("COMMIT").await?;
        Ok(Imported::Now(done.counts))
    }

    /// The condition that leaves rows marked as deleted out.
    fn living(table: &Table) -> String {
        match &table.deletes {
            Deletes::Soft { column } => format!(" WHERE {} IS NULL", identifier(column)),
            Deletes::Hard | Deletes::Ignore => String::new(),
        }
    }
}

#[async_trait]
impl<D: Dialect> Target for Warehouse<D> {
    fn name(&self) -> String {
        format!("{} {}", self.dialect.kind(), self.name)
    }

    async fn prepare(&mut self) -> Result<()> {
        if !self.prepared {
            // Only where they are not there: a user who may not make tables can have them made by another.
            let there = self
                .rows(&format!("SELECT 1 FROM {} WHERE 1 = 0", ledger::LOG))
                .await;
            if there.is_err_and(|error| error.kind == Kind::Refused) {
                let mut making = ledger::tables(&self.dialect);
                making.extend(self.dialect.more_tables());
                if let Err(error) = self.together(&making).await {
                    // Another may have made them at the same moment.
                    let again = format!("SELECT 1 FROM {} WHERE 1 = 0", ledger::LOG);
                    self.rows(&again).await.map_err(|_| Error {
                        message: format!(
                            "cannot make the tables of states, {} and {}: let the user make tables in its schema, or have them made for it: {}",
                            ledger::STATE, ledger::LOG, error.message
                        ),
                        ..error
                    })?;
                }
            }
            self.prepared = true;
        }
        self.session().await.map(|_| ())
    }

    async fn columns(&mut self, table: &str) -> Result<Option<Vec<TargetColumn>>> {
        let sql = self.dialect.columns_of(table);
        let mut columns = Vec::new();
        for row in self.rows(&sql).await? {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || row.next().unwrap_or_default();
            columns.push(TargetColumn {
                name: next(),
                column_type: next(),
                nullable: next() == "t",
                filled: next() == "t",
            });
        }
        Ok((!columns.is_empty()).then_some(columns))
    }

    fn form(&self, kind: &FieldType, column_type: &str) -> Result<Form> {
        self.dialect.form(kind, column_type)
    }

    fn column_type(&self, kind: &FieldType) -> String {
        self.dialect.column_type(kind)
    }

    async fn alter(&mut self, table: &str, changes: &[Alteration], known: &Known) -> Result<()> {
        self.position(table).await?;
        let mut statements: Vec<String> = changes
            .iter()
            .flat_map(|change| self.alteration(table, change))
            .collect();
        statements.push(ledger::known(&self.dialect, table, known));
        self.together(&statements).await
    }

    async fn position(&mut self, table: &str) -> Result<Position> {
        let sql = ledger::position(&self.dialect, table);
        if let Some(row) = self.rows(&sql).await?.first() {
            return ledger::read_position(row);
        }
        self.together(&ledger::first(&self.dialect, table)).await?;
        Ok(Position::default())
    }

    async fn pause(&mut self, table: &str, paused: bool) -> Result<()> {
        self.position(table).await?;
        let sql = ledger::set(
            &self.dialect,
            table,
            "paused",
            if paused { "true" } else { "false" },
        );
        self.run(&sql).await.map(|_| ())
    }

    async fn resync(&mut self, table: &str, reason: Option<&str>) -> Result<()> {
        self.position(table).await?;
        let reason = reason.map_or("NULL".into(), |reason| self.literal(reason));
        let sql = ledger::set(&self.dialect, table, "resync", &reason);
        self.run(&sql).await.map(|_| ())
    }

    async fn unfinished(&mut self, table: &str) -> Result<Option<Replication>> {
        let sql = ledger::unfinished(&self.dialect, table);
        self.rows(&sql).await?.first().map(ledger::read).transpose()
    }

    async fn note(&mut self, replication: &Replication) -> Result<()> {
        if replication.state == State::Enqueued && replication.attempt == 0 {
            let sql = ledger::insert(&self.dialect, replication);
            return self.run(&sql).await.map(|_| ());
        }
        match self
            .run(&ledger::update(&self.dialect, replication))
            .await?
        {
            0 => Err(Error::new(
                Kind::Busy,
                format!("replication {} was ended meanwhile", replication.id),
            )),
            _ => Ok(()),
        }
    }

    async fn import(&mut self, import: Import<'_>) -> Result<Imported> {
        self.session().await?;
        let session = self
            .session
            .take()
            .ok_or_else(|| Error::unreachable("no session"))?;
        let imported = self.imported(&session, &import).await;
        self.session = Some(session);
        if !matches!(imported, Ok(Imported::Now(_))) {
            self.roll_back().await;
        }
        imported.map_err(|error| error.at(&self.name))
    }

    async fn history(&mut self, table: Option<&str>, limit: usize) -> Result<Vec<Replication>> {
        let sql = ledger::history(&self.dialect, table, limit);
        self.rows(&sql).await?.iter().map(ledger::read).collect()
    }

    async fn count(&mut self, table: &Table) -> Result<u64> {
        let sql = format!(
            "SELECT count(*) FROM {}{}",
            quoted(&table.target),
            Self::living(table)
        );
        self.session().await?.number(&sql).await
    }

    async fn rows(
        &mut self,
        table: &Table,
        take: &mut (dyn for<'a> FnMut(&'a [Option<&'a str>]) -> Result<()> + Send),
    ) -> Result<()> {
        let texts: Vec<String> = table
            .columns
            .iter()
            .map(|column| self.dialect.text_of(column))
            .collect();
        let key = table
            .key()
            .map_or(String::new(), |key| identifier(&key.name));
        let declare = format!(
            "BEGIN; DECLARE _yarr_rows CURSOR FOR SELECT {} FROM {}{} ORDER BY {key}",
            texts.join(", "),
            quoted(&table.target),
            Self::living(table)
        );
        self.run(&declare).await?;
        let mut read = Ok(());
        while read.is_ok() {
            let fetch = format!("FETCH FORWARD {FETCH} FROM _yarr_rows");
            let rows = match Warehouse::rows(self, &fetch).await {
                Ok(rows) => rows,
                Err(error) => {
                    read = Err(error);
                    break;
                }
            };
            if rows.is_empty() {
                break;
            }
            read = rows.iter().try_for_each(|row| {
                let texts: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
                take(&texts)
            });
        }
        self.roll_back().await;
        read
    }

    async fn maintain(&mut self, table: Option<&str>, what: &Maintenance) -> Result<Vec<String>> {
        self.session().await?;
        let session = self.session.as_ref();
        let session = session.ok_or_else(|| Error::unreachable("no session"))?;
        let sql = self.dialect.maintenance(session, table, what).await?;
        self.run(&sql).await?;
        Ok(vec![sql])
    }

    async fn sql(&mut self, text: &str) -> Result<(Vec<String>, Vec<Vec<Option<String>>>)> {
        self.session().await?.table(text).await
    }

    async fn slices(&mut self) -> Result<usize> {
        self.session().await?;
        match &self.session {
            Some(session) => self.dialect.slices(session).await,
            None => Ok(1),
        }
    }
}
