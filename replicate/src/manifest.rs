//! The manifest of a replication: what its parts are. It is written last; where it is there, all of them are.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    replication::{Batch, Counts},
    store::Store,
    table::Table,
};

/// The name of its file in the folder of a replication.
pub const NAME: &str = "manifest.json";

/// How parts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// CSV as RFC 4180 has it, without a head.
    Csv,
    /// The same, each part a gzip stream.
    Gzip,
    /// Parquet.
    Parquet,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path in the store.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its rows, tombstones among them.
    pub rows: u64,
}

/// An entry of what Redshift's COPY takes for a manifest: a part once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it lies: `s3://bucket/...`, or a path.
    pub url: String,
    /// Whether COPY is to fail where it is not there: always.
    pub mandatory: bool,
    /// What else there is to say of it.
    pub meta: Meta,
}

/// What there is to say of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Its bytes.
    pub content_length: u64,
}

/// The manifest, in the form that Redshift's COPY takes: what else is in it Redshift passes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The parts, for COPY.
    pub entries: Vec<Entry>,
    /// The parts.
    pub parts: Vec<Part>,
    /// How they are written.
    pub format: Format,
    /// The word for null in CSV.
    pub null: String,
    /// The table: columns stand in the parts in its order, behind `_change` and `_kind`.
    pub table: Table,
    /// The batch.
    pub batch: Batch,
    /// How much it is.
    pub counts: Counts,
}

impl Manifest {
    /// Writes it into the folder of the replication: from here on the replication is uploaded.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn write(&self, store: &Store, prefix: &str) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::refused(format!("cannot write a manifest: {error}")))?;
        store.put(&path(prefix), text).await
    }

    /// Reads that of a folder and sees that each part is there in its length; `None` where there is no manifest.
    ///
    /// # Errors
    /// Those of the store, and where it is malformed, of another version or of parts that are not there.
    pub async fn read(store: &Store, prefix: &str) -> Result<Option<Manifest>> {
        let path = path(prefix);
        let Some(text) = store.get(&path).await? else {
            return Ok(None);
        };
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| Error::refused(format!("{path} is no manifest: {error}")))?;
        for part in &manifest.parts {
            let found = store.size(&part.path).await?;
            if found != Some(part.bytes) {
                return Err(Error::refused(format!(
                    "{path}: expected {} of {} bytes, found {}",
                    part.path,
                    part.bytes,
                    found.map_or("none".into(), |found| format!("{found} bytes")),
                )));
            }
        }
        Ok(Some(manifest))
    }
}

fn path(prefix: &str) -> String {
    format!("{prefix}/{NAME}")
}
