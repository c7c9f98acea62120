//! Rows into the bytes of a part.

use std::{io::Write, mem};

use flate2::{Compression, write::GzEncoder};

use super::{Row, Rules, csv};
use crate::{
    error::{Error, Result},
    manifest::Format,
    table::Table,
};

/// What turns rows into bytes.
pub enum Encoder {
    /// CSV as it is.
    Csv(Vec<u8>),
    /// CSV in a gzip stream, and room for a line.
    Gzip(Box<GzEncoder<Vec<u8>>>, Vec<u8>),
    /// Parquet.
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::Encoder>),
}

impl Encoder {
    pub fn new(format: Format, _table: &Table) -> Result<Encoder> {
        Ok(match format {
            Format::Csv => Encoder::Csv(Vec::new()),
            Format::Gzip => {
                let encoder = GzEncoder::new(Vec::new(), Compression::fast());
                Encoder::Gzip(Box::new(encoder), Vec::new())
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => Encoder::Parquet(Box::new(super::parquet::Encoder::new(_table)?)),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(Error::usage("there is no Parquet in this program")),
        })
    }

    /// Takes a row, and answers how many bytes it is, before they are packed.
    pub fn write(&mut self, row: &Row<'_>, table: &Table, rules: &Rules) -> Result<u64> {
        match self {
            Encoder::Csv(out) => {
                let from = out.len();
                let written = csv::write(row, table, rules, out);
                if written.is_err() {
                    // No half of a line stays.
                    out.truncate(from);
                }
                written?;
                Ok((out.len() - from) as u64)
            }
            Encoder::Gzip(encoder, line) => {
                line.clear();
                csv::write(row, table, rules, line)?;
                encoder.write_all(line).map_err(failed)?;
                Ok(line.len() as u64)
            }
            #[cfg(feature = "parquet")]
            Encoder::Parquet(encoder) => encoder.write(row, table, rules),
        }
    }

    /// How many bytes may be taken.
    pub fn ready(&self) -> usize {
        match self {
            Encoder::Csv(out) => out.len(),
            Encoder::Gzip(encoder, _) => encoder.get_ref().len(),
            #[cfg(feature = "parquet")]
            Encoder::Parquet(encoder) => encoder.ready(),
        }
    }

    /// Takes what there is.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Encoder::Csv(out) => mem::take(out),
            Encoder::Gzip(encoder, _) => mem::take(encoder.get_mut()),
            #[cfg(feature = "parquet")]
            Encoder::Parquet(encoder) => encoder.take(),
        }
    }

    /// Ends it, and takes the rest.
    pub fn finish(self) -> Result<Vec<u8>> {
        match self {
            Encoder::Csv(out) => Ok(out),
            Encoder::Gzip(encoder, _) => encoder.finish().map_err(failed),
            #[cfg(feature = "parquet")]
            Encoder::Parquet(encoder) => encoder.finish(),
        }
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::refused(format!("cannot pack a part: {error}"))
}
