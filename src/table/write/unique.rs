//! Uniqueness, judged on what a write leaves.

use smallvec::SmallVec;

use super::{
    super::{Row, TableIndex},
    Undo, Write,
};
use crate::{
    error::{Code, Error, Result, quoted},
    index::{Index, KeyRange},
    value::ValueRef,
};

impl Write<'_> {
    /// Whether the final state is unique. A record that has expired gives way.
    pub(super) fn judge(&mut self) -> Result<()> {
        for (at, key) in std::mem::take(&mut self.suspects) {
            let range = KeyRange::prefix(&key);
            loop {
                let rows: SmallVec<[Row; 4]> = match self.table.indexes.get(at) {
                    Some(TableIndex {
                        index: Index::SortedSet(set),
                        ..
                    }) => set.walk(&range).take(3).collect(),
                    _ => SmallVec::new(),
                };
                if rows.len() < 2 {
                    break;
                }
                match rows
                    .iter()
                    .find(|row| self.table.is_expired(**row, self.now))
                {
                    Some(expired) => self.remove_expired(*expired),
                    None => return Err(self.duplicate(at, &rows)),
                }
            }
        }
        Ok(())
    }

    /// The error that names the index and the id in the way: that of the record this write
    /// did not touch, where there is one.
    fn duplicate(&self, at: usize, rows: &[Row]) -> Error {
        let touched = |row: &Row| {
            self.undo.iter().any(|undo| match undo {
                Undo::Insert(r) | Undo::Replace(r, _) | Undo::Remove(r, _) => r == row,
            })
        };
        let in_the_way = rows.iter().find(|row| !touched(row)).or(rows.first());
        let schema = &self.table.form.schema;
        let names = self
            .table
            .indexes
            .get(at)
            .map(|index| schema.index_names(&index.definition));
        let id = in_the_way
            .and_then(|row| self.table.record(*row))
            .map(|r| r.value(0));
        let id = id.unwrap_or(ValueRef::Null).text(&[]);
        Error::new(
            Code::Duplicate,
            format!(
                "the unique index on ({}) already has these values, in the record with id {}",
                names.unwrap_or_default().join(", "),
                quoted(&id)
            ),
        )
    }
}
