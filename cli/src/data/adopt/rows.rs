//! Hashes as rows of a file are, and records beside them.

use yarr_client::Cell;

use super::{layout::Layout, scan::Hash};
use crate::data::{
    columns::{Mapping, Target},
    convert::{Given, Reading, Times, convert},
    json::Columns,
    row::{Row, Shape, shown},
    schema::{EXPIRES_AT, TIMES, Table},
    write::{time_text, write_plain},
};

/// How far the expiry of a record may be from that of its hash, in milliseconds: it is told as time that is left.
const LEEWAY: i64 = 1_000;

/// Makes rows of hashes.
#[derive(Debug, Clone)]
pub struct Rows {
    /// How records are laid out.
    pub layout: Layout,
    /// The field of the hash that is the id, where it is not the key's.
    pub id_field: Option<String>,
    /// The columns that have been met.
    pub columns: Columns,
}

impl Rows {
    /// Fills a row.
    ///
    /// # Errors
    /// What of the hash can be no row.
    pub fn fill(&mut self, hash: &Hash, row: &mut Row) -> Result<(), String> {
        row.clear();
        if self.id_field.is_none() {
            row.push(self.columns.number("id"), Shape::Quoted, &hash.id);
        }
        for (name, value) in &hash.fields {
            let name = std::str::from_utf8(name).map_err(|_| {
                format!(
                    "expected the name of a field in UTF-8, found {}",
                    shown(name)
                )
            })?;
            let says_id =
                self.id_field.is_none() && (name == "id" || self.layout.id_field() == Some(name));
            if says_id && *value == hash.id {
                continue;
            }
            row.push(self.columns.number(name), self.layout.shape(), value);
        }
        if let Some(at) = hash.expires {
            let text = time_text(at, Times::Rfc3339);
            row.push(
                self.columns.number(EXPIRES_AT),
                Shape::Quoted,
                text.as_bytes(),
            );
        }
        Ok(())
    }
}

/// The id that a row gives.
pub fn id_of<'a>(row: &'a Row, mapping: &Mapping) -> Option<&'a [u8]> {
    let is_id = |column: usize| mapping.target(column) == Target::Field(0);
    let cell = row.cells.iter().find(|cell| is_id(cell.column))?;
    Some(row.text_of(cell))
}

/// Compares a row with a record, whose cells are those of the table's fields in their order.
///
/// # Errors
/// The first field that differs, with both values.
pub fn compare(
    row: &Row,
    record: &[Option<Cell<'_>>],
    table: &Table,
    mapping: &Mapping,
    reading: &Reading,
) -> Result<(), String> {
    for (number, field) in table.fields.iter().enumerate() {
        let found = record.get(number).and_then(Option::as_ref);
        let cell = row
            .cells
            .iter()
            .find(|cell| mapping.target(cell.column) == Target::Field(number));
        if field.name == EXPIRES_AT {
            expiry(cell.map(|cell| row.text_of(cell)), found, reading)?;
            continue;
        }
        let given = match cell {
            // The server's own value.
            None if field.filled => continue,
            None => Given::Null,
            Some(cell) => convert(field, row, cell, reading)?,
        };
        if given == Given::Null && TIMES.contains(&field.name.as_str()) {
            continue;
        }
        let expected = match &given {
            Given::Null => None,
            Given::Time(ms) => Some(ms.to_string().into_bytes()),
            Given::One(text) => {
                let value = field.kind.parse(text, reading.now);
                value.map(|value| value.text(field.kind.names()))
            }
            Given::Tags(tags) => Some(text_of_tags(tags.iter().map(Vec::as_slice).collect())),
        };
        let found = found.map(text);
        if expected != found {
            let show = |value: &Option<Vec<u8>>| match value {
                Some(text) => shown(text),
                None => "null".into(),
            };
            return Err(format!(
                "field '{}': expected {}, found {}",
                field.name,
                show(&expected),
                show(&found)
            ));
        }
    }
    Ok(())
}

fn expiry(given: Option<&[u8]>, found: Option<&Cell<'_>>, reading: &Reading) -> Result<(), String> {
    let expected = given.and_then(|text| yarr::value::datetime::parse(text, reading.now));
    match (expected, found) {
        (None, None) => Ok(()),
        (Some(expected), Some(Cell::DateTime(found))) if (expected - found).abs() <= LEEWAY => {
            Ok(())
        }
        (expected, found) => Err(format!("expected the expiry {expected:?}, found {found:?}")),
    }
}

/// A value as the command would take it.
fn text(cell: &Cell<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match cell {
        Cell::Text(bytes) => out.extend_from_slice(bytes),
        Cell::Name(name) => out.extend_from_slice(name.as_bytes()),
        Cell::Tags(tags) => return text_of_tags(tags.clone()),
        other => write_plain(other, Times::Ms, &mut out),
    }
    out
}

fn text_of_tags(mut tags: Vec<&[u8]>) -> Vec<u8> {
    tags.sort_unstable();
    tags.dedup();
    let mut out = Vec::new();
    crate::data::csv::join_tags(&tags, b'|', &mut out);
    out
}
