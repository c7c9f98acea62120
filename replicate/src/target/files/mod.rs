//! Files: parts that stay, and a `state.json` beside them that says which of them count.
//!
//! Each table has a folder, and in it the folders of its replications and `state.json`. A replication counts once
//! `state.json` names it among its batches: the file is replaced at once, and only where it is still the one that the
//! replacement was made from. So an import happens once, as it does in a database; whoever dies before it has left
//! files that nobody looks at.
//!
//! A reader takes `state.json`, and the manifests of its batches in their order. Where they hold several rows of an id,
//! the last batch's holds, and of one batch's the one of the highest `_change`; `_kind` is `P` for a record as it is,
//! `D` or `E` for one that is gone. Where a table was loaded anew the files of before stay until the next import, for
//! those who are reading them.

mod rows;
mod state;

use async_trait::async_trait;

use self::state::{Kept, State};
use super::{Alteration, Import, Imported, Known, Maintenance, Position, Target, TargetColumn};
use crate::{
    error::{Error, Kind, Result},
    manifest::Format,
    moment,
    replication::{self, Mode, Replication},
    store::Store,
    table::{FieldType, Form, Table},
};

/// How often a state that others replace meanwhile is read again.
const TRIES: usize = 100;

/// Files in a store. `name` is what the target is called in the configuration; `format` is that of the parts.
pub fn open(name: &str, store: Store, format: Format) -> Box<dyn Target> {
    let name = name.into();
    Box::new(Files {
        name,
        store,
        format,
    })
}

struct Files {
    name: String,
    store: Store,
    format: Format,
}

impl Files {
    async fn state(&self, table: &str) -> Result<State> {
        let found = self.store.get(&state::path(table)).await;
        let found = found.map_err(|error| error.at(&self.name))?;
        found.map_or_else(|| Ok(State::default()), |text| State::read(table, &text))
    }

    /// Changes the state of a table: `change` is asked again where another replaced it in between.
    async fn change<T>(&self, table: &str, change: impl Fn(&mut State) -> Result<T>) -> Result<T> {
        let path = state::path(table);
        for _ in 0..TRIES {
            let found = self.store.read_version(&path).await;
            let found = found.map_err(|error| error.at(&self.name))?;
            let (mut state, version) = match found {
                Some((text, version)) => (State::read(table, &text)?, Some(version)),
                None => (State::default(), None),
            };
            let before = state.clone();
            let came = change(&mut state)?;
            if state == before {
                return Ok(came);
            }
            let swapped = self
                .store
                .swap(&path, version.as_ref(), state.text()?)
                .await;
            if swapped.map_err(|error| error.at(&self.name))? {
                return Ok(came);
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        Err(Error::new(
            Kind::Unreachable,
            format!("{}: others write {path} all the time", self.name),
        ))
    }
}

#[async_trait]
impl Target for Files {
    fn name(&self) -> String {
        format!("files {}", self.name)
    }

    fn is_lake(&self) -> bool {
        true
    }

    async fn prepare(&mut self) -> Result<()> {
        let asked = self.store.folders().await;
        asked.map(drop).map_err(|error| error.at(&self.name))
    }

    async fn columns(&mut self, _: &str) -> Result<Option<Vec<TargetColumn>>> {
        // Each batch has those of its own time.
        Ok(None)
    }

    fn form(&self, kind: &FieldType, _: &str) -> Result<Form> {
        Ok(match (kind, self.format) {
            // Parquet has a type for it; a text says its zone.
            (FieldType::DateTime, Format::Parquet) => Form::TimestampTz,
            (FieldType::Tags, _) => Form::Json,
            _ => Form::Plain,
        })
    }

    fn column_type(&self, kind: &FieldType) -> String {
        kind.to_string().to_lowercase()
    }

    async fn alter(&mut self, table: &str, _: &[Alteration], known: &Known) -> Result<()> {
        self.change(table, |state| {
            state.know(known);
            Ok(())
        })
        .await
    }

    async fn position(&mut self, table: &str) -> Result<Position> {
        Ok(self.state(table).await?.position())
    }

    async fn pause(&mut self, table: &str, paused: bool) -> Result<()> {
        self.change(table, |state| {
            state.paused = paused;
            Ok(())
        })
        .await
    }

    async fn resync(&mut self, table: &str, reason: Option<&str>) -> Result<()> {
        self.change(table, |state| {
            state.resync = reason.map(String::from);
            Ok(())
        })
        .await
    }

    async fn unfinished(&mut self, table: &str) -> Result<Option<Replication>> {
        let mut log = self.state(table).await?.log.into_iter();
        Ok(log.find(|replication| !replication.state.is_final()))
    }

    async fn note(&mut self, replication: &Replication) -> Result<()> {
        let ended = || {
            let message = format!("replication {} was ended meanwhile", replication.id);
            Error::new(Kind::Busy, message)
        };
        self.change(&replication.target, |state| {
            match state.find(&replication.id) {
                Some(noted) if noted.state.is_final() => return Err(ended()),
                Some(noted) => *noted = replication.clone(),
                None if replication.attempt == 0 => state.log.push(replication.clone()),
                None => return Err(ended()),
            }
            Ok(())
        })
        .await
    }

    async fn import(&mut self, import: Import<'_>) -> Result<Imported> {
        let replication = import.replication;
        let (id, batch, table) = (&replication.id, &replication.batch, &replication.target);
        let busy = |message: String| Error::new(Kind::Busy, message).at(&self.name);
        let start = moment::now();
        let (imported, old) = self
            .change(table, |state| {
                let watermark = state.watermark.clone();
                let noted = state.find(id).map(|noted| (noted.state, noted.counts));
                match noted {
                    Some((replication::State::Imported, counts)) => {
                        return Ok((Imported::Before(counts), Vec::new()));
                    }
                    Some((state, _)) if !state.is_final() => {}
                    _ => return Err(busy(format!("replication {id} was given up meanwhile"))),
                }
                if watermark != batch.from {
                    return Err(busy(format!(
                        "expected {table} at {}, found {watermark}: another replication of it went in meanwhile",
                        batch.from
                    )));
                }
                let mut done = replication.clone();
                done.state = replication::State::Imported;
                done.error = None;
                done.counts.inserted = done.counts.rows;
                done.counts.deleted = done.counts.tombstones;
                (done.changed_at, done.durations.import) = (moment::now(), moment::now() - start);
                let counts = done.counts;
                if let Some(noted) = state.find(id) {
                    *noted = done;
                }
                let old = std::mem::take(&mut state.superseded);
                if batch.mode == Mode::Whole {
                    let before = std::mem::take(&mut state.batches);
                    state.superseded = before.into_iter().map(|kept| kept.prefix).collect();
                }
                state.batches.push(Kept::of(replication));
                state.watermark = batch.to.clone();
                if import.is_whole() {
                    state.resync = None;
                }
                state.know(&Known::of(import.table, batch.schema_lines));
                state.prune(import.history_cap);
                Ok((Imported::Now(counts), old))
            })
            .await?;
        for prefix in old {
            if let Err(error) = self.store.delete(&prefix).await {
                tracing::warn!(%prefix, %error, "files of before are left behind");
            }
        }
        (import.progress)(u64::try_from(replication.counts.rows).unwrap_or(0));
        Ok(imported)
    }

    async fn history(&mut self, table: Option<&str>, limit: usize) -> Result<Vec<Replication>> {
        let mut all = Vec::new();
        match table {
            Some(table) => all = self.state(table).await?.log,
            None => {
                for folder in self.store.folders().await? {
                    all.extend(self.state(&folder).await?.log);
                }
            }
        }
        all.sort_by(|one, other| other.id.cmp(&one.id));
        all.truncate(limit);
        Ok(all)
    }

    async fn count(&mut self, table: &Table) -> Result<u64> {
        let mut count = 0;
        let mut take = |_: &[Option<&str>]| {
            count += 1;
            Ok(())
        };
        self.rows(table, &mut take).await?;
        Ok(count)
    }

    async fn rows(
        &mut self,
        table: &Table,
        take: &mut (dyn for<'a> FnMut(&'a [Option<&'a str>]) -> Result<()> + Send),
    ) -> Result<()> {
        let state = self.state(&table.target).await?;
        let rows = rows::Rows::open(&self.store, &state.batches, table).await;
        let all = match rows {
            Ok(rows) => rows.all(take).await,
            Err(error) => Err(error),
        };
        all.map_err(|error| error.at(&self.name))
    }

    async fn maintain(&mut self, _: Option<&str>, _: &Maintenance) -> Result<Vec<String>> {
        let message = "files need no maintenance; yarr replicate resync writes the files of a table anew, as one batch";
        Err(Error::usage(message).at(&self.name))
    }

    async fn sql(&mut self, _: &str) -> Result<(Vec<String>, Vec<Vec<Option<String>>>)> {
        Err(Error::usage("files take no SQL").at(&self.name))
    }

    async fn slices(&mut self) -> Result<usize> {
        Ok(1)
    }
}
