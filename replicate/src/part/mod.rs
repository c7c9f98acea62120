//! Parts: rows into files of a store, as many as the target has slices, in bounded memory.
//!
//! A part begins its life as a stretch of rows in an encoder, CSV or gzip as a rule. What an encoder has put out is sent
//! to the store a block at a time, so that a writer holds for each slice no more than a block, the encoder's own
//! buffers, and what one page of the source brings.

mod csv;
mod encoder;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod value;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    mem,
};

use yarr_client::Cell;

use crate::{
    error::{Error, Kind, Result},
    manifest::{Entry, Format, Manifest, Meta, Part},
    replication::{Batch, Counts},
    store::{Store, Upload},
    table::Table,
};

use encoder::Encoder;

pub use csv::Records;

/// How many bytes of rows go to one slice before it is the next one's turn: a small batch is one part.
const STRETCH: u64 = 256 << 10;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A record as it is now.
    Put,
    /// A record that was deleted.
    Delete,
    /// A record whose time was over.
    Expire,
}

impl Change {
    /// What stands in the column `_kind`.
    pub fn letter(self) -> &'static str {
        match self {
            Change::Put => "P",
            Change::Delete => "D",
            Change::Expire => "E",
        }
    }
}

/// A row on its way.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The number of the change; 0 where the table has no feed.
    pub number: u64,
    /// What it is.
    pub change: Change,
    /// The values of the table's columns, in their order; all but the first null in a tombstone.
    pub cells: &'a [Option<Cell<'a>>],
}

/// How parts are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In which format.
    pub format: Format,
    /// Into how many parts rows are dealt at a time: the slices of the target.
    pub slices: usize,
    /// How many bytes of a part, as they lie in the store, are enough: then the next begins.
    pub part_bytes: u64,
    /// What stands in place of a byte that no text may have: a NUL, or one that is no UTF-8. Without it such a text is
    /// refused.
    pub replacement: Option<char>,
}

/// What a writer needs to know of values.
pub(crate) struct Rules {
    /// The word for null. A text that is this very word is not written: the next attempt has another.
    null: String,
    replacement: Option<char>,
}

/// Writes the parts of a replication into its folder.
pub struct Writer<'s> {
    store: &'s Store,
    prefix: String,
    table: Table,
    layout: Layout,
    rules: Rules,
    slices: Vec<Option<Slice>>,
    /// Whose turn it is.
    turn: usize,
    /// How many bytes it has got in this turn.
    stretch: u64,
    /// How many parts have been begun.
    begun: usize,
    parts: Vec<Part>,
    counts: Counts,
}

/// A part that is being written.
struct Slice {
    encoder: Encoder,
    upload: Upload,
    part: Part,
}

/// That this program can write and read a format.
///
/// # Errors
/// [`Kind::Usage`] where it was built without.
pub(crate) fn built_in(format: Format) -> Result<()> {
    match format == Format::Parquet && cfg!(not(feature = "parquet")) {
        true => Err(Error::usage(
            "expected format = \"csv\", found \"parquet\": this program is built without it; build it with --features parquet",
        )),
        false => Ok(()),
    }
}

impl<'s> Writer<'s> {
    /// A writer of the parts of a table into the folder `prefix` of a store.
    ///
    /// # Errors
    /// Where the format is not built in.
    pub fn open(
        store: &'s Store,
        prefix: &str,
        table: &Table,
        layout: &Layout,
    ) -> Result<Writer<'s>> {
        built_in(layout.format)?;
        Ok(Writer {
            store,
            prefix: prefix.into(),
            table: table.clone(),
            layout: layout.clone(),
            rules: Rules {
                null: word(),
                replacement: layout.replacement,
            },
            slices: (0..layout.slices.max(1)).map(|_| None).collect(),
            turn: 0,
            stretch: 0,
            begun: 0,
            parts: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// Takes a row. Nothing is awaited here: [`settle`](Writer::settle) is called after each page.
    ///
    /// # Errors
    /// Where a value cannot be written in the form of its column; the error names the record and the column.
    pub fn push(&mut self, row: Row<'_>) -> Result<()> {
        if self.stretch >= STRETCH {
            self.stretch = 0;
            self.turn = (self.turn + 1) % self.slices.len();
        }
        let Some(place) = self.slices.get_mut(self.turn) else {
            return Ok(());
        };
        let slice = match place {
            Some(slice) => slice,
            none => {
                let slice = Slice::begin(
                    self.store,
                    &self.prefix,
                    self.begun,
                    &self.table,
                    &self.layout,
                )?;
                self.begun += 1;
                none.insert(slice)
            }
        };
        let written = slice.encoder.write(&row, &self.table, &self.rules);
        self.stretch += written.map_err(|error| error.at(record(&self.table, &row)))?;
        slice.part.rows += 1;
        match row.change {
            Change::Put => self.counts.rows += 1,
            Change::Delete | Change::Expire => self.counts.tombstones += 1,
        }
        Ok(())
    }

    /// Writes what is enough for a block of an upload; afterwards memory is bounded again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn settle(&mut self) -> Result<()> {
        let block = self.store.block();
        for place in &mut self.slices {
            let Some(slice) = place else { continue };
            if slice.encoder.ready() >= block {
                slice.send().await?;
            }
            let bytes = slice.part.bytes + slice.encoder.ready() as u64;
            if bytes >= self.layout.part_bytes {
                if let Some(slice) = place.take() {
                    self.parts.push(slice.finish().await?);
                }
            }
        }
        Ok(())
    }

    /// Rows and bytes so far.
    pub fn so_far(&self) -> (u64, u64) {
        let under_way = self.slices.iter().flatten();
        let sent: u64 = under_way
            .map(|slice| slice.part.bytes + slice.encoder.ready() as u64)
            .sum();
        let done: u64 = self.parts.iter().map(|part| part.bytes).sum();
        let rows = self.counts.rows + self.counts.tombstones;
        (u64::try_from(rows).unwrap_or(0), sent + done)
    }

    /// Writes what is left, and ends the parts. The manifest is for the caller to write, by [`Manifest::write`], once
    /// the state says so.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn finish(mut self, batch: &Batch) -> Result<Manifest> {
        for slice in mem::take(&mut self.slices).into_iter().flatten() {
            self.parts.push(slice.finish().await?);
        }
        self.parts.sort_by(|one, other| one.path.cmp(&other.path));
        let entry = |part: &Part| Entry {
            url: self.store.url(&part.path),
            mandatory: true,
            meta: Meta {
                content_length: part.bytes,
            },
        };
        let bytes: u64 = self.parts.iter().map(|part| part.bytes).sum();
        Ok(Manifest {
            entries: self.parts.iter().map(entry).collect(),
            format: self.layout.format,
            null: self.rules.null,
            table: self.table,
            batch: batch.clone(),
            counts: Counts {
                parts: i64::try_from(self.parts.len()).unwrap_or(i64::MAX),
                bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                ..self.counts
            },
            parts: self.parts,
        })
    }
}

impl Slice {
    fn begin(
        store: &Store,
        prefix: &str,
        number: usize,
        table: &Table,
        layout: &Layout,
    ) -> Result<Slice> {
        let ending = match layout.format {
            Format::Csv => "csv",
            Format::Gzip => "csv.gz",
            Format::Parquet => "parquet",
        };
        let path = format!("{prefix}/part-{number:04}.{ending}");
        Ok(Slice {
            encoder: Encoder::new(layout.format, table)?,
            upload: store.upload(&path),
            part: Part {
                path,
                bytes: 0,
                rows: 0,
            },
        })
    }

    async fn send(&mut self) -> Result<()> {
        let bytes = self.encoder.take();
        self.part.bytes += bytes.len() as u64;
        self.upload.push(bytes).await
    }

    async fn finish(mut self) -> Result<Part> {
        let bytes = self.encoder.finish()?;
        self.part.bytes += bytes.len() as u64;
        self.upload.finish(bytes).await?;
        Ok(self.part)
    }
}

/// A word that no text is, but by a chance of one in four thousand millions. It is not always the same because Redshift
/// does not say that a value in quotes is never null.
fn word() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("~{:08x}", random & 0xffff_ffff)
}

/// A record, as errors name it.
fn record(table: &Table, row: &Row<'_>) -> String {
    let id = row.cells.first().and_then(Option::as_ref);
    let id = id.map_or("without an id".into(), value::shown);
    format!("table '{}', record {id}", table.source)
}

/// A text that is the word for null.
fn clash() -> Error {
    let message = "a text is the very word that stands for null in this attempt; the next one takes another word";
    Error::new(Kind::Halfway, message)
}
