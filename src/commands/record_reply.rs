//! Records as replies.

use super::{Reply, clauses::Return};
use crate::{
    error::Result,
    table::{Record, Row, Table},
};

/// Which fields of records are answered, found once for a whole reply.
pub struct Shape<'t> {
    table: &'t Table,
    positions: Vec<usize>,
}

impl<'t> Shape<'t> {
    /// The fields of `wanted`.
    pub fn new(table: &'t Table, wanted: &Return) -> Result<Shape<'t>> {
        let positions = wanted.resolve(table.schema())?;
        Ok(Shape { table, positions })
    }

    /// The fields at these positions.
    pub fn of(table: &'t Table, positions: Vec<usize>) -> Shape<'t> {
        Shape { table, positions }
    }

    /// A record as a map of its fields, nulls left out.
    pub fn record(&self, record: &Record<'_>, reply: &mut dyn Reply) {
        let values = record.values();
        let fields = &self.table.schema().fields;
        let present = || {
            self.positions.iter().filter_map(|position| {
                let value = values.get(*position).filter(|value| !value.is_null())?;
                Some((fields.get(*position)?, value))
            })
        };
        reply.map(present().count());
        for (field, value) in present() {
            reply.bulk(field.name.as_bytes());
            reply.value(value, field.kind.names());
        }
    }

    /// The record of a row, or null.
    pub fn row(&self, row: Option<Row>, reply: &mut dyn Reply) {
        match row.and_then(|row| self.table.record(row)) {
            Some(record) => self.record(&record, reply),
            None => reply.null(),
        }
    }

    /// The records of rows.
    pub fn rows(&self, rows: &[Row], reply: &mut dyn Reply) {
        reply.array(rows.len());
        rows.iter().for_each(|row| self.row(Some(*row), reply));
    }

    /// A row's values without their names: the value itself where there is one field, else an
    /// array. Nulls are null replies.
    pub fn pluck(&self, row: Row, reply: &mut dyn Reply) {
        let Some(record) = self.table.record(row) else {
            return reply.null();
        };
        if self.positions.len() != 1 {
            reply.array(self.positions.len());
        }
        for position in &self.positions {
            let field = self.table.schema().fields.get(*position);
            let names = field.map_or(&[][..], |field| field.kind.names());
            reply.value(&record.value(*position), names);
        }
    }
}

/// A record as it was at one moment, kept to be answered later.
pub enum Kept {
    /// The record of a row, as it is when it is answered.
    Row(Row),
    /// The bytes of a record that may be gone by then.
    Bytes(Box<[u8]>),
}

impl Kept {
    /// Keeps the bytes of a row's record.
    pub fn bytes(table: &Table, row: Row) -> Kept {
        match table.records().get(row) {
            Some(bytes) => Kept::Bytes(bytes.into()),
            None => Kept::Row(row),
        }
    }

    /// Answers with the record.
    pub fn answer<T>(&self, table: &Table, then: impl FnOnce(Option<Record<'_>>) -> T) -> T {
        then(match self {
            Kept::Row(row) => table.record(*row),
            Kept::Bytes(bytes) => table.read(bytes),
        })
    }

    /// The record as a map, or null.
    pub fn reply(&self, shape: &Shape<'_>, reply: &mut dyn Reply) {
        self.answer(shape.table, |record| match record {
            Some(record) => shape.record(&record, reply),
            None => reply.null(),
        });
    }
}

/// Answers one record that was written: the record where it is wanted, else 1.
pub fn answer_one(
    table: &Table,
    kept: Option<&Kept>,
    wanted: Option<Vec<usize>>,
    reply: &mut dyn Reply,
) {
    match (wanted, kept) {
        (Some(positions), Some(kept)) => kept.reply(&Shape::of(table, positions), reply),
        _ => reply.integer(1),
    }
}

/// Answers the records that were written: the records where they are wanted, else their number.
pub fn answer_many(
    table: &Table,
    kept: &[Kept],
    count: usize,
    wanted: Option<Vec<usize>>,
    reply: &mut dyn Reply,
) {
    match wanted {
        Some(positions) => {
            let shape = Shape::of(table, positions);
            reply.array(kept.len());
            kept.iter().for_each(|kept| kept.reply(&shape, reply));
        }
        None => reply.integer(count as i64),
    }
}
