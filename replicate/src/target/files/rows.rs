//! The rows that the files of a table come to, for those who count and compare.
//!
//! Memory is that of a range of ids, whatever the table's size, and of a part where that is Parquet: ids are read once to
//! find ranges of about as many rows, and then the files once for each range.

use std::{collections::BTreeMap, io::Write, mem};

use flate2::write::MultiGzDecoder;

use super::state::Kept;
use crate::{
    error::{Error, Result},
    manifest::{Format, Manifest},
    part::{Records, built_in},
    store::Store,
    table::{Deletes, FieldType, Table},
};

/// How many rows a range is to have.
const RANGE: usize = 200_000;
/// Of how many rows one says where ranges begin.
const SAMPLE: u64 = 1000;

/// An id in its order: numbers by their value, texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

/// What is known of an id so far: batch and change of its last row, and the row where it stands for a record.
type Last = ((usize, u64), Option<Vec<Option<String>>>);

pub struct Rows<'a> {
    store: &'a Store,
    table: &'a Table,
    manifests: Vec<Manifest>,
    rows: i64,
}

impl<'a> Rows<'a> {
    pub async fn open(store: &'a Store, batches: &[Kept], table: &'a Table) -> Result<Rows<'a>> {
        let mut manifests = Vec::new();
        for batch in batches {
            let manifest = Manifest::read(store, &batch.prefix).await?;
            let manifest = manifest.ok_or_else(|| {
                Error::refused(format!(
                    "expected {}, found none: yarr replicate resync {} writes the files anew",
                    batch.manifest, table.source
                ))
            })?;
            built_in(manifest.format)?;
            manifests.push(manifest);
        }
        Ok(Rows {
            store,
            table,
            manifests,
            rows: batches.iter().map(|batch| batch.rows).sum(),
        })
    }

    /// Gives each row that stands for a record, in the order of the ids.
    pub async fn all(
        &self,
        take: &mut (dyn for<'t> FnMut(&'t [Option<&'t str>]) -> Result<()> + Send),
    ) -> Result<()> {
        let mut starts = self.starts().await?.into_iter().peekable();
        let mut start = None;
        loop {
            let end = starts.next();
            let mut found: BTreeMap<Key, Last> = BTreeMap::new();
            self.each(|batch, manifest, row| {
                let key = self.key(&row)?;
                let inside = start.as_ref().is_none_or(|start| key >= *start)
                    && end.as_ref().is_none_or(|end| key < *end);
                if inside {
                    self.seen(&mut found, key, batch, manifest, row);
                }
                Ok(())
            })
            .await?;
            for (_, row) in found.into_values() {
                if let Some(row) = row {
                    let texts: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
                    take(&texts)?;
                }
            }
            match end {
                Some(end) => start = Some(end),
                None => return Ok(()),
            }
        }
    }

    /// Where ranges begin, but for the first.
    async fn starts(&self) -> Result<Vec<Key>> {
        if usize::try_from(self.rows).unwrap_or(0) <= RANGE {
            return Ok(Vec::new());
        }
        let (mut sample, mut at) = (Vec::new(), 0);
        self.each(|_, _, row| {
            at += 1;
            if at % SAMPLE == 0 {
                sample.push(self.key(&row)?);
            }
            Ok(())
        })
        .await?;
        sample.sort_unstable();
        let step = RANGE / usize::try_from(SAMPLE).unwrap_or(1);
        let mut starts: Vec<Key> = sample.into_iter().step_by(step).skip(1).collect();
        starts.dedup();
        Ok(starts)
    }

    /// Keeps a row where it is the last of its id.
    fn seen(
        &self,
        found: &mut BTreeMap<Key, Last>,
        key: Key,
        batch: usize,
        manifest: &Manifest,
        row: Vec<Option<String>>,
    ) {
        let mut values = row.into_iter();
        let change = values.next().flatten();
        let change = change.and_then(|change| change.parse().ok()).unwrap_or(0);
        let put = values.next().flatten().as_deref() == Some("P");
        if !put && self.table.deletes == Deletes::Ignore {
            return;
        }
        let known = found.entry(key).or_insert(((batch, change), None));
        if known.0 > (batch, change) {
            return;
        }
        // In the order of the table as it is now: a batch has the columns of its own time.
        let mut values: Vec<Option<String>> = values.collect();
        let place = |name: &str| {
            let mut columns = manifest.table.columns.iter();
            columns.position(|column| column.name == name)
        };
        let mut value = |name: &str| mem::take(values.get_mut(place(name)?)?);
        let columns = self.table.columns.iter();
        let row = put.then(|| columns.map(|column| value(&column.name)).collect());
        *known = ((batch, change), row);
    }

    /// The id of a row: behind `_change` and `_kind`.
    fn key(&self, row: &[Option<String>]) -> Result<Key> {
        let text = row.get(2).cloned().flatten();
        let text = text.ok_or_else(|| Error::refused("a row without an id"))?;
        match self.table.key().map(|column| &column.kind) {
            Some(FieldType::Integer) => match text.parse() {
                Ok(number) => Ok(Key::Number(number)),
                Err(_) => Err(Error::refused(format!(
                    "expected an id that is a number, found '{text}'"
                ))),
            },
            _ => Ok(Key::Text(text)),
        }
    }

    /// Reads all files; `take` gets the number of the batch, its manifest, and the row.
    async fn each(
        &self,
        mut take: impl FnMut(usize, &Manifest, Vec<Option<String>>) -> Result<()>,
    ) -> Result<()> {
        for (batch, manifest) in self.manifests.iter().enumerate() {
            for part in &manifest.parts {
                #[cfg(feature = "parquet")]
                if manifest.format == Format::Parquet {
                    let bytes = self.store.get(&part.path).await?;
                    let bytes = bytes.ok_or_else(|| {
                        Error::refused(format!("expected {}, found none", part.path))
                    })?;
                    crate::part::parquet::each(bytes, &manifest.table, |row| {
                        take(batch, manifest, row)
                    })
                    .map_err(|error| error.at(&part.path))?;
                    continue;
                }
                let mut reader = self.store.read(&part.path).await?;
                let mut records = Records::default();
                let mut decoder = MultiGzDecoder::new(Vec::new());
                let damaged = |error: std::io::Error| {
                    Error::refused(format!("{} is damaged: {error}", part.path))
                };
                while let Some(chunk) = reader.chunk().await? {
                    if manifest.format == Format::Gzip {
                        decoder.write_all(&chunk).map_err(damaged)?;
                        records.push(&mem::take(decoder.get_mut()));
                    } else {
                        records.push(&chunk);
                    }
                    while let Some(row) = records.next(&manifest.null)? {
                        take(batch, manifest, row)?;
                    }
                }
                if manifest.format == Format::Gzip {
                    decoder.try_finish().map_err(damaged)?;
                    records.push(&mem::take(decoder.get_mut()));
                }
                while let Some(row) = records.next(&manifest.null)? {
                    take(batch, manifest, row)?;
                }
                if !records.is_empty() {
                    return Err(Error::refused(format!("{} is cut off", part.path)));
                }
            }
        }
        Ok(())
    }
}
