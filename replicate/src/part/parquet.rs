//! Parquet: a row group of some megabytes at a time, columns of the types of the fields.

mod reader;

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use parquet::{
    basic::{Compression, GzipLevel, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};
use yarr_client::Cell;

pub use reader::each;

use super::{Row, Rules, value};
use crate::{
    error::{Error, Result},
    table::{Column, FieldType, Form, Table},
};

/// How many bytes of rows are a row group.
const GROUP: usize = 4 << 20;

/// What turns rows into Parquet.
pub struct Encoder {
    writer: SerializedFileWriter<Shared>,
    out: Shared,
    columns: Vec<Values>,
    /// The bytes of the rows that wait to be a group.
    waiting: usize,
}

/// The values of a column that wait, and for each row whether it has one.
struct Values {
    kind: Kind,
    defined: Vec<i16>,
}

enum Kind {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Truths(Vec<bool>),
    Bytes(Vec<ByteArray>),
}

/// Where the writer writes to, and the encoder takes from.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn with<T>(&self, what: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|out| out.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Encoder {
    pub fn new(table: &Table) -> Result<Encoder> {
        let mut fields = vec![
            field("_change", Physical::INT64, None, Repetition::REQUIRED)?,
            field(
                "_kind",
                Physical::BYTE_ARRAY,
                Some(LogicalType::String),
                Repetition::REQUIRED,
            )?,
        ];
        let mut columns = vec![
            Values::new(Physical::INT64),
            Values::new(Physical::BYTE_ARRAY),
        ];
        for column in &table.columns {
            let (physical, logical) = type_of(column);
            fields.push(field(
                &column.name,
                physical,
                logical,
                Repetition::OPTIONAL,
            )?);
            columns.push(Values::new(physical));
        }
        let schema = Type::group_type_builder("row")
            .with_fields(fields)
            .build()
            .map_err(failed)?;
        let level = GzipLevel::try_new(1).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(level))
            .build();
        let out = Shared::default();
        let writer = SerializedFileWriter::new(out.clone(), Arc::new(schema), Arc::new(properties))
            .map_err(failed)?;
        Ok(Encoder {
            writer,
            out,
            columns,
            waiting: 0,
        })
    }

    /// Takes a row, and answers how many bytes it is.
    pub fn write(&mut self, row: &Row<'_>, table: &Table, rules: &Rules) -> Result<u64> {
        // First all that may be refused: no half of a row stays.
        let mut texts = Vec::new();
        for (column, cell) in table.columns.iter().zip(row.cells) {
            let mut text = Vec::new();
            if let (Physical::BYTE_ARRAY, Some(cell)) = (type_of(column).0, cell) {
                let written = match (cell, column.form) {
                    (Cell::Text(bytes), Form::Hex | Form::Digits) => {
                        text.extend_from_slice(bytes);
                        Ok(())
                    }
                    (cell, form) => value::write(cell, form, rules.replacement, &mut text),
                };
                written.map_err(|error| error.at(format_args!("column '{}'", column.name)))?;
            }
            texts.push(text);
        }
        let number = i64::try_from(row.number).unwrap_or(i64::MAX);
        let mut bytes = 16;
        let mut columns = self.columns.iter_mut();
        if let (Some(change), Some(kind)) = (columns.next(), columns.next()) {
            change.push(Some(&Cell::Integer(number)), Vec::new());
            kind.push(Some(&Cell::Name("")), row.change.letter().into());
        }
        for ((values, cell), text) in columns.zip(row.cells).zip(texts) {
            bytes += 10 + text.len();
            values.push(cell.as_ref(), text);
        }
        self.waiting += bytes;
        if self.waiting >= GROUP {
            self.group()?;
        }
        Ok(bytes as u64)
    }

    /// Writes what waits as a row group.
    fn group(&mut self) -> Result<()> {
        self.waiting = 0;
        let mut group = self.writer.next_row_group().map_err(failed)?;
        let mut columns = self.columns.iter_mut().enumerate();
        while let Some(mut column) = group.next_column().map_err(failed)? {
            let Some((at, values)) = columns.next() else {
                break;
            };
            let defined = mem::take(&mut values.defined);
            // The first two are never null.
            let levels = (at >= 2).then_some(defined.as_slice());
            match &mut values.kind {
                Kind::Integers(all) => {
                    column
                        .typed::<Int64Type>()
                        .write_batch(&mem::take(all), levels, None)
                }
                Kind::Floats(all) => {
                    column
                        .typed::<DoubleType>()
                        .write_batch(&mem::take(all), levels, None)
                }
                Kind::Truths(all) => {
                    column
                        .typed::<BoolType>()
                        .write_batch(&mem::take(all), levels, None)
                }
                Kind::Bytes(all) => {
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&mem::take(all), levels, None)
                }
            }
            .map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map(drop).map_err(failed)
    }

    pub fn ready(&self) -> usize {
        self.out.with(|out| out.len())
    }

    pub fn take(&mut self) -> Vec<u8> {
        self.out.with(mem::take)
    }

    pub fn finish(mut self) -> Result<Vec<u8>> {
        if self.waiting > 0 {
            self.group()?;
        }
        self.writer.finish().map_err(failed)?;
        Ok(self.take())
    }
}

impl Values {
    fn new(physical: Physical) -> Values {
        Values {
            kind: match physical {
                Physical::INT64 => Kind::Integers(Vec::new()),
                Physical::DOUBLE => Kind::Floats(Vec::new()),
                Physical::BOOLEAN => Kind::Truths(Vec::new()),
                _ => Kind::Bytes(Vec::new()),
            },
            defined: Vec::new(),
        }
    }

    /// Takes a value, or null; `text` is what it is as text.
    fn push(&mut self, cell: Option<&Cell<'_>>, text: Vec<u8>) {
        let fits = match (&mut self.kind, cell) {
            (_, None) => false,
            (Kind::Integers(all), Some(Cell::Integer(number) | Cell::DateTime(number))) => {
                all.push(*number);
                true
            }
            (Kind::Floats(all), Some(Cell::Float(number))) => {
                all.push(*number);
                true
            }
            (Kind::Truths(all), Some(Cell::Boolean(truth))) => {
                all.push(*truth);
                true
            }
            (Kind::Bytes(all), Some(_)) => {
                all.push(text.into());
                true
            }
            _ => false,
        };
        self.defined.push(i16::from(fits));
    }
}

/// The type of a column: that of the field, and text for what has none.
fn type_of(column: &Column) -> (Physical, Option<LogicalType>) {
    match (&column.kind, column.form) {
        (FieldType::Integer, _) | (FieldType::DateTime, Form::Milliseconds) => {
            (Physical::INT64, None)
        }
        (FieldType::Float, _) => (Physical::DOUBLE, None),
        (FieldType::Boolean, _) => (Physical::BOOLEAN, None),
        (FieldType::DateTime, Form::Timestamp | Form::TimestampTz) => {
            let utc = column.form == Form::TimestampTz;
            let logical = LogicalType::timestamp(utc, TimeUnit::MILLIS);
            (Physical::INT64, Some(logical))
        }
        (FieldType::String, Form::Hex | Form::Digits) => (Physical::BYTE_ARRAY, None),
        _ => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    }
}

fn field(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    repetition: Repetition,
) -> Result<TypePtr> {
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    builder
        .with_logical_type(logical)
        .build()
        .map(Arc::new)
        .map_err(failed)
}

fn failed(error: ParquetError) -> Error {
    Error::refused(format!("cannot write Parquet: {error}"))
}
