//! Records as replies.

use smallvec::SmallVec;

use super::{
    Reply,
    clauses::{Answer, Positions, Return},
};
use crate::{
    encoding::packed::Packer,
    error::Result,
    schema::Schema,
    table::{FETCHED, Record, Row, Table, are_first},
};

/// The form in which records are answered.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    /// Each as a map of its fields, nulls left out.
    Maps,
    /// Each as its values without their names: the value itself where there is one field, else
    /// an array. Nulls are null replies.
    Values,
    /// All as one string.
    Packed,
}

/// Which fields of records are answered and in which form, found once for a whole reply.
pub struct Shape {
    positions: Positions,
    /// Whether the positions are the first ones of the schema, in its order.
    first: bool,
    form: Form,
}

/// Records as one string, where they are answered so. It is made before anything is answered or
/// committed, since it may be too long.
pub type Packed = Option<Vec<u8>>;

impl Shape {
    /// The fields at these positions.
    pub fn new(positions: Positions, form: Form) -> Shape {
        Shape {
            first: are_first(&positions),
            positions,
            form,
        }
    }

    /// Records with these fields.
    pub fn of_records(schema: &Schema, fields: &Return, packed: bool) -> Result<Shape> {
        let form = if packed { Form::Packed } else { Form::Maps };
        Ok(Shape::new(fields.resolve(schema)?, form))
    }

    /// Records where RETURN asks for them.
    pub fn of_write(schema: &Schema, answer: &Answer) -> Result<Option<Shape>> {
        let shape = |fields| Shape::of_records(schema, fields, answer.packed);
        answer.fields.as_ref().map(shape).transpose()
    }

    /// Packs records, where this is the form.
    ///
    /// # Errors
    /// TOOMANY where they make too long a string.
    pub fn pack<'r>(
        &self,
        table: &Table,
        records: impl ExactSizeIterator<Item = Option<Record<'r>>>,
    ) -> Result<Packed> {
        if self.form != Form::Packed {
            return Ok(None);
        }
        let fields = &table.schema().fields;
        let mut packer = Packer::new(fields, &self.positions, records.len());
        for record in records {
            packer.push(record.as_ref())?;
        }
        Ok(Some(packer.finish()))
    }

    /// Packs the records of rows.
    pub fn pack_rows(
        &self,
        table: &Table,
        rows: impl ExactSizeIterator<Item = Option<Row>>,
    ) -> Result<Packed> {
        self.pack(table, rows.map(|row| table.record(row?)))
    }

    /// One record in this form, or null.
    pub fn record(&self, table: &Table, record: Option<Record>, reply: &mut dyn Reply) {
        match record {
            None => reply.null(),
            Some(record) if self.form == Form::Maps => self.map(table, &record, reply),
            Some(record) => self.values(table, &record, reply),
        }
    }

    /// The records of rows; `packed` is what [`Shape::pack_rows`] made of them.
    pub fn rows(
        &self,
        table: &Table,
        rows: impl ExactSizeIterator<Item = Option<Row>> + Clone,
        packed: Packed,
        reply: &mut dyn Reply,
    ) {
        if let Some(bytes) = packed {
            return reply.bulk(&bytes);
        }
        reply.array(rows.len());
        table.records().fetch(rows.clone().flatten().take(FETCHED));
        for row in rows {
            let record = row.and_then(|row| table.record(row));
            self.record(table, record, reply);
        }
    }

    /// The one record of a reply, or null.
    ///
    /// # Errors
    /// As [`Shape::pack`].
    pub fn one(
        &self,
        table: &Table,
        record: Option<Record<'_>>,
        reply: &mut dyn Reply,
    ) -> Result<()> {
        match record.map(|record| self.pack(table, [Some(record)].into_iter())) {
            Some(Ok(Some(bytes))) => reply.bulk(&bytes),
            Some(Err(error)) => return Err(error),
            _ => self.record(table, record, reply),
        }
        Ok(())
    }

    fn map(&self, table: &Table, record: &Record<'_>, reply: &mut dyn Reply) {
        let fields = &table.schema().fields;
        let count = self.positions.len();
        if self.first && record.begins_with(count) {
            reply.map(record.present(count));
            return record.each_present(count, |position, value| {
                if let Some(field) = fields.get(position) {
                    reply.bulk(field.name.as_bytes());
                    reply.value(value, field.kind.names());
                }
            });
        }
        let present = self.positions.iter().filter(|at| !record.is_null(**at));
        reply.map(present.count());
        let mut positions = self.positions.iter();
        record.each(&self.positions, |value| {
            let field = positions.next().and_then(|at| fields.get(*at));
            if let (Some(field), false) = (field, value.is_null()) {
                reply.bulk(field.name.as_bytes());
                reply.value(value, field.kind.names());
            }
        });
    }

    fn values(&self, table: &Table, record: &Record<'_>, reply: &mut dyn Reply) {
        if self.positions.len() != 1 {
            reply.array(self.positions.len());
        }
        let fields = &table.schema().fields;
        let mut positions = self.positions.iter();
        record.each(&self.positions, |value| {
            let field = positions.next().and_then(|at| fields.get(*at));
            reply.value(value, field.map_or(&[], |field| field.kind.names()));
        });
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

    /// The record.
    pub fn record<'k>(&'k self, table: &'k Table) -> Option<Record<'k>> {
        match self {
            Kept::Row(row) => table.record(*row),
            Kept::Bytes(bytes) => table.read(bytes),
        }
    }
}

/// Records kept, mostly one.
pub type KeptRows = SmallVec<[Kept; 1]>;

/// Records that a command wrote and is asked for, to be answered once all is committed.
pub struct Written<'s> {
    shape: &'s Shape,
    kept: KeptRows,
    packed: Packed,
}

impl<'s> Written<'s> {
    /// Makes ready what can be made ready before the commit.
    ///
    /// # Errors
    /// As [`Shape::pack`].
    pub fn new(table: &Table, kept: KeptRows, shape: &'s Shape) -> Result<Written<'s>> {
        let packed = shape.pack(table, kept.iter().map(|kept| kept.record(table)))?;
        Ok(Written {
            shape,
            kept,
            packed,
        })
    }

    /// Makes ready the records of rows that are about to be removed.
    ///
    /// # Errors
    /// As [`Shape::pack`].
    pub fn before_removal(table: &Table, rows: &[Row], shape: &'s Shape) -> Result<Written<'s>> {
        let keep = |row: &Row| match shape.form {
            Form::Packed => Kept::Row(*row),
            Form::Maps | Form::Values => Kept::bytes(table, *row),
        };
        Written::new(table, rows.iter().map(keep).collect(), shape)
    }

    /// Answers the one record.
    fn answer_one(self, table: &Table, reply: &mut dyn Reply) {
        match (self.packed, self.kept.first()) {
            (Some(bytes), _) => reply.bulk(&bytes),
            (None, kept) => {
                let record = kept.and_then(|kept| kept.record(table));
                self.shape.record(table, record, reply);
            }
        }
    }

    /// Answers the records.
    fn answer_many(self, table: &Table, reply: &mut dyn Reply) {
        if let Some(bytes) = self.packed {
            return reply.bulk(&bytes);
        }
        reply.array(self.kept.len());
        let records = self.kept.iter().map(|kept| kept.record(table));
        records.for_each(|record| self.shape.record(table, record, reply));
    }
}

/// Answers what a write did to so many records: the records where they are asked for, without a list around
/// the only `one`.
pub fn answer_written(
    written: Option<Written>,
    one: bool,
    count: usize,
    table: &Table,
    reply: &mut dyn Reply,
) {
    match written {
        None => reply.integer(count as i64),
        Some(written) if one => written.answer_one(table, reply),
        Some(written) => written.answer_many(table, reply),
    }
}
