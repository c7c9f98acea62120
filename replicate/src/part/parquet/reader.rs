//! Parquet read back: each value as the text that it is in CSV.

use parquet::{
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use yarr_client::Cell;

use super::value;
use crate::{
    error::{Error, Result},
    table::{Column, FieldType, Form, Table},
};

/// Gives each row of a part of a table, `_change` and `_kind` first; a row group is held at a time, and the part's bytes.
///
/// # Errors
/// Where the bytes are no Parquet, or those of `take`.
pub fn each(
    bytes: Vec<u8>,
    table: &Table,
    mut take: impl FnMut(Vec<Option<String>>) -> Result<()>,
) -> Result<()> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).map_err(damaged)?;
    for row in reader.get_row_iter(None).map_err(damaged)? {
        let row = row.map_err(damaged)?;
        let mut values = Vec::with_capacity(2 + table.columns.len());
        for (at, (_, field)) in row.get_column_iter().enumerate() {
            let column = at.checked_sub(2).and_then(|at| table.columns.get(at));
            values.push(text(field, column)?);
        }
        take(values)?;
    }
    Ok(())
}

/// A value as text; `column` is none for those of YARR's own.
fn text(field: &Field, column: Option<&Column>) -> Result<Option<String>> {
    let cell = match (field, column) {
        (Field::Null, _) => return Ok(None),
        (Field::Str(text), _) => return Ok(Some(text.clone())),
        (Field::Bool(truth), _) => Cell::Boolean(*truth),
        (Field::Double(number), _) => Cell::Float(*number),
        (Field::Long(number), None) => Cell::Integer(*number),
        (Field::Long(number), Some(column)) if column.kind != FieldType::DateTime => {
            Cell::Integer(*number)
        }
        (Field::Long(at) | Field::TimestampMillis(at), _) => Cell::DateTime(*at),
        (Field::Bytes(bytes), _) => Cell::Text(bytes.data().into()),
        (other, _) => {
            return Err(Error::refused(format!(
                "expected Parquet of yarr replicate, found the value {other}"
            )));
        }
    };
    let form = column.map_or(Form::Plain, |column| column.form);
    let mut text = Vec::new();
    value::write(&cell, form, None, &mut text)?;
    let text = String::from_utf8(text);
    text.map(Some)
        .map_err(|error| Error::refused(error.to_string()))
}

fn damaged(error: ParquetError) -> Error {
    Error::refused(format!("is damaged: {error}"))
}
