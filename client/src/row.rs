//! A row of an answer, value by value.

use redis::Value;

use crate::{
    cell::{Cell, Unfit},
    error::{Error, Result},
    field::FieldValue,
    packed::{Column, Reader},
    reply::{self, cell},
};

/// A row of an answer, taken value by value in the order of its columns.
pub struct Row<'r, 'a>(Source<'r, 'a>);

enum Source<'r, 'a> {
    Packed {
        reader: &'r mut Reader<'a>,
        columns: std::slice::Iter<'r, Column<'a>>,
    },
    Pairs(std::slice::Iter<'r, (Value, Value)>),
    Cells(std::vec::IntoIter<(&'r str, Option<Cell<'a>>)>),
}

impl<'r, 'a> Row<'r, 'a> {
    pub(crate) fn packed(reader: &'r mut Reader<'a>, columns: &'r [Column<'a>]) -> Row<'r, 'a> {
        let columns = columns.iter();
        Row(Source::Packed { reader, columns })
    }

    /// A row of keys with their values.
    pub(crate) fn pairs(pairs: &'r [(Value, Value)]) -> Row<'r, 'a> {
        Row(Source::Pairs(pairs.iter()))
    }

    /// A row of values with their names.
    pub(crate) fn cells(cells: Vec<(&'r str, Option<Cell<'a>>)>) -> Row<'r, 'a> {
        Row(Source::Cells(cells.into_iter()))
    }

    /// Takes the next value.
    ///
    /// # Errors
    /// [`Error::Field`] where it is not of this type.
    pub fn take<T: FieldValue>(&mut self) -> Result<T> {
        let few = || Error::reply("an answer has fewer columns than its row needs".into());
        match &mut self.0 {
            Source::Packed { reader, columns } => {
                let column = columns.next().ok_or_else(few)?;
                T::read(reader.cell(column)?).map_err(|unfit| of_field(column.name, unfit))
            }
            Source::Cells(cells) => {
                let (name, cell) = cells.next().ok_or_else(few)?;
                T::read(cell).map_err(|unfit| of_field(name, unfit))
            }
            Source::Pairs(pairs) => {
                let (key, value) = pairs.next().ok_or_else(few)?;
                T::read(cell(T::TYPE, value)?).map_err(|unfit| match reply::text(key.clone()) {
                    Ok(name) => of_field(&name, unfit),
                    Err(error) => error,
                })
            }
        }
    }

    /// The next value of a packed row, whatever it is.
    #[cfg(test)]
    pub(crate) fn cell(&mut self) -> Result<Option<crate::Cell<'a>>> {
        match &mut self.0 {
            Source::Packed { reader, columns } => match columns.next() {
                Some(column) => reader.cell(column),
                None => Ok(None),
            },
            Source::Pairs(_) | Source::Cells(_) => Ok(None),
        }
    }

    /// How many values have not been taken.
    pub(crate) fn left(&self) -> usize {
        match &self.0 {
            Source::Packed { columns, .. } => columns.len(),
            Source::Pairs(pairs) => pairs.len(),
            Source::Cells(cells) => cells.len(),
        }
    }
}

fn of_field(name: &str, unfit: Unfit) -> Error {
    Error::Field {
        field: name.into(),
        expected: unfit.expected,
        found: unfit.found,
    }
}
