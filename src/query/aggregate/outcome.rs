//! The answer of an aggregate: groups in order, cut, and their values.

use super::{
    Column, Cut,
    cell::Answer,
    function::Function,
    groups::{Groups, Recipe},
};
use crate::{
    error::Result,
    query::sort::TopK,
    table::{Row, Table},
    value::Value,
};

/// What an aggregate answers: rows of as many values as there are keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The keys, the group's fields first.
    pub columns: Vec<Column>,
    /// The values, row after row.
    pub answers: Vec<Answer>,
    /// How many rows there are.
    pub len: usize,
}

impl Outcome {
    /// An answer of no rows.
    pub(super) fn empty(columns: Vec<Column>) -> Outcome {
        Outcome {
            columns,
            answers: Vec::new(),
            len: 0,
        }
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[Answer]> {
        self.answers.chunks_exact(self.columns.len().max(1))
    }

    /// The groups that have records, in order, cut to those that are wanted.
    ///
    /// # Errors
    /// BADVALUE where a sum leaves the values of its type; TOOMANY.
    pub(super) fn of(
        table: &Table,
        groups: &Groups,
        recipe: &Recipe,
        columns: Vec<Column>,
        cut: &Cut,
    ) -> Result<Outcome> {
        let reader = Reader {
            table,
            groups,
            recipe,
            columns: &columns,
        };
        let live = || (0..groups.len()).filter(|number| reader.is_live(*number));
        let wanted = cut.wanted(live().count() as u64)?;
        let mut top = TopK::new(cut.offset.saturating_add(wanted));
        let mut key = Vec::new();
        for number in live() {
            key.clear();
            reader.key_into(number, cut, &mut key)?;
            top.push(&key, number as Row);
        }
        let offset = usize::try_from(cut.offset).unwrap_or(usize::MAX);
        let found = top.finish();
        let found = found.get(offset..).unwrap_or_default();
        let mut answers = Vec::with_capacity(found.len() * columns.len());
        for number in found {
            for column in 0..columns.len() {
                answers.push(reader.answer(*number as usize, column)?);
            }
        }
        Ok(Outcome {
            answers,
            len: found.len(),
            columns,
        })
    }
}

/// Reads the values of groups.
struct Reader<'a> {
    table: &'a Table,
    groups: &'a Groups,
    recipe: &'a Recipe,
    columns: &'a [Column],
}

impl Reader<'_> {
    /// Whether a group has a record that has not expired; the one group of all is always there.
    fn is_live(&self, number: usize) -> bool {
        self.recipe.group.is_empty()
            || !matches!(
                self.groups.cell(number, 0),
                Some(super::cell::Cell::Count(0))
            )
            || self.recipe.functions.first() != Some(&Function::Count)
    }

    /// The value under one key.
    fn answer(&self, number: usize, column: usize) -> Result<Answer> {
        let Some(at) = column.checked_sub(self.recipe.group.len()) else {
            let position = self.recipe.group.get(column);
            let row = self.groups.rows.get(number);
            let record = row.and_then(|row| self.table.record(*row));
            let value = record
                .zip(position)
                .map(|(record, p)| record.value(*p).to_value());
            return Ok(Answer::Value(value.unwrap_or(Value::Null)));
        };
        match (self.groups.cell(number, at), self.recipe.functions.get(at)) {
            (Some(cell), Some(function)) => {
                let key = self
                    .columns
                    .get(column)
                    .map_or(&[][..], |column| &column.key);
                cell.answer(*function, key)
            }
            _ => Ok(Answer::Value(Value::Null)),
        }
    }

    /// Appends the bytes that sort as the groups do: by the order, then by what is left of the
    /// group's fields in the direction of the last.
    fn key_into(&self, number: usize, cut: &Cut, key: &mut Vec<u8>) -> Result<()> {
        let last = cut.order.last().is_some_and(|sorting| sorting.descending);
        let ordered = cut
            .order
            .iter()
            .map(|sorting| (sorting.column, sorting.descending));
        let unsaid = (0..self.recipe.group.len())
            .filter(|column| cut.order.iter().all(|sorting| sorting.column != *column));
        for (column, descending) in ordered.chain(unsaid.map(|column| (column, last))) {
            let start = key.len();
            self.answer(number, column)?.as_ref().key_into(key);
            if descending {
                // No key is a prefix of another, so the complement reverses the order.
                key.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
            }
        }
        Ok(())
    }
}
