//! `state.json` of a table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    manifest,
    replication::{Mode, Replication, Watermark},
    target::{Known, Position},
};

/// The version of the file.
const VERSION: u32 = 1;

/// Where a table is, which files it consists of, and the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    pub watermark: Watermark,
    /// What the table consists of: the first holds all of it, each of the others what has changed.
    pub batches: Vec<Kept>,
    /// The folders of what was before the first batch.
    pub superseded: Vec<String>,
    schema_lines: i64,
    columns: BTreeMap<String, String>,
    pub paused: bool,
    pub resync: Option<String>,
    /// The history, the oldest first.
    pub log: Vec<Replication>,
}

/// A batch that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its folder in the store.
    pub prefix: String,
    /// Its manifest in the store.
    pub manifest: String,
    /// What is done with its rows.
    pub mode: Mode,
    /// Its rows, tombstones among them.
    pub rows: i64,
}

impl Kept {
    pub fn of(replication: &Replication) -> Kept {
        let counts = replication.counts;
        Kept {
            prefix: replication.prefix.clone(),
            manifest: format!("{}/{}", replication.prefix, manifest::NAME),
            mode: replication.batch.mode,
            rows: counts.rows + counts.tombstones,
        }
    }
}

/// The file of a table.
pub fn path(table: &str) -> String {
    format!("{}/state.json", crate::run::folder(table))
}

impl State {
    /// # Errors
    /// Where it is no such file, or of a later version.
    pub fn read(table: &str, text: &[u8]) -> Result<State> {
        let path = path(table);
        let state: State = serde_json::from_slice(text).map_err(|error| {
            Error::refused(format!("{path} is no state of replications: {error}"))
        })?;
        match state.version {
            VERSION => Ok(state),
            found => Err(Error::refused(format!(
                "{path}: expected version {VERSION}, found {found}: take a newer program"
            ))),
        }
    }

    pub fn text(&self) -> Result<Vec<u8>> {
        let state = State {
            version: VERSION,
            ..self.clone()
        };
        let text = serde_json::to_vec_pretty(&state);
        text.map_err(|error| Error::refused(format!("cannot write a state: {error}")))
    }

    pub fn position(&self) -> Position {
        Position {
            watermark: self.watermark.clone(),
            known: Known {
                schema_lines: self.schema_lines,
                columns: self.columns.clone(),
            },
            paused: self.paused,
            resync: self.resync.clone(),
        }
    }

    pub fn know(&mut self, known: &Known) {
        self.schema_lines = known.schema_lines;
        self.columns = known.columns.clone();
    }

    pub fn find(&mut self, id: &str) -> Option<&mut Replication> {
        self.log.iter_mut().find(|replication| replication.id == id)
    }

    /// Takes the oldest that are finished out of the history; 0 is none.
    pub fn prune(&mut self, cap: usize) {
        let mut over = match cap {
            0 => 0,
            cap => self.log.len().saturating_sub(cap),
        };
        self.log.retain(|replication| {
            let goes = over > 0 && replication.state.is_final();
            over -= usize::from(goes);
            !goes
        });
    }
}
