//! A decoder of PACKED, written from `docs/packed.md` alone: it knows nothing of the module's own code. The fuzzer
//! reads by it too, with a `reply` of its own.

use crate::reply::Reply;

/// A packed reply.
#[derive(Debug, PartialEq)]
pub struct Unpacked {
    /// Name and type of each column.
    pub columns: Vec<(String, Kind)>,
    /// `None` where there is no such record; in it, `None` for a null.
    pub rows: Vec<Option<Vec<Option<Cell>>>>,
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Integer,
    Float,
    Boolean,
    DateTime,
    String,
    Uuid,
    Enum(Vec<String>),
    Tags,
}

/// A value.
#[derive(Debug, PartialEq)]
pub enum Cell {
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    Name(String),
    Tags(Vec<Vec<u8>>),
}

impl Unpacked {
    /// Whether a row is a record that says what these names with values do, nulls left out.
    pub fn says_record<'r>(
        &self,
        row: usize,
        mut pairs: impl Iterator<Item = (&'r Reply, &'r Reply)>,
    ) -> bool {
        let Some(values) = &self.rows[row] else {
            return false;
        };
        let columns = self.columns.iter().zip(values);
        let mut present = columns.filter_map(|((name, _), value)| Some((name, value.as_ref()?)));
        let says = |(name, cell): (&String, &Cell)| {
            let pair = pairs.next();
            pair.is_some_and(|(key, value)| name.as_bytes() == key.bytes() && cell.says(value))
        };
        present.all(says) && pairs.next().is_none()
    }

    /// Whether a row says what values without names do: one as itself, else an array.
    pub fn says_values(&self, row: usize, plain: &Reply) -> bool {
        let Some(values) = &self.rows[row] else {
            return false;
        };
        let plain = match &values[..] {
            [_] => std::slice::from_ref(plain),
            _ => plain.items(),
        };
        let says = |(cell, reply): (&Option<Cell>, &Reply)| match cell {
            Some(cell) => cell.says(reply),
            None => *reply == Reply::Null,
        };
        values.len() == plain.len() && values.iter().zip(plain).all(says)
    }
}

impl Cell {
    /// Whether a reply of RESP2 says the same.
    pub fn says(&self, reply: &Reply) -> bool {
        match (self, reply) {
            (Cell::Tags(tags), Reply::Array(items)) => tags
                .iter()
                .map(Vec::as_slice)
                .eq(items.iter().map(Reply::bytes)),
            (Cell::Tags(_), _) => false,
            (cell, reply) => cell.says_text(reply.bytes()),
        }
    }

    fn says_text(&self, text: &[u8]) -> bool {
        let shown = String::from_utf8_lossy(text);
        match self {
            Cell::Integer(n) => n.to_string() == shown,
            Cell::Float(f) => shown
                .parse::<f64>()
                .is_ok_and(|g| g.to_bits() == f.to_bits()),
            Cell::Boolean(truth) => truth.to_string() == shown,
            Cell::Bytes(bytes) => bytes == text,
            Cell::Name(name) => *name == shown,
            Cell::Uuid(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                shown.len() == 36 && shown.replace('-', "") == hex
            }
            Cell::Tags(_) => false,
        }
    }
}

/// Decodes a packed reply. `None` where the bytes are not one, to the last.
pub fn unpack(bytes: &[u8]) -> Option<Unpacked> {
    let mut reader = Reader { rest: bytes };
    if reader.byte()? != 1 {
        return None;
    }
    let columns = reader.list(Reader::column)?;
    let row = |reader: &mut Reader| {
        reader.option(|reader| {
            let values = columns
                .iter()
                .map(|(_, kind)| reader.option(|reader| reader.value(kind)));
            values.collect::<Option<Vec<_>>>()
        })
    };
    let rows = reader.list(row)?;
    reader.rest.is_empty().then_some(Unpacked { columns, rows })
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn unsigned(&mut self) -> Option<u64> {
        let width = match self.byte()? {
            251 => 2,
            252 => 4,
            253 => 8,
            254.. => return None,
            small => return Some(u64::from(small)),
        };
        let mut number = [0; 8];
        number[..width].copy_from_slice(self.take(width)?);
        Some(u64::from_le_bytes(number))
    }

    fn signed(&mut self) -> Option<i64> {
        let folded = self.unsigned()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        Some(self.take(length)?.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    fn truth(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn option<T>(&mut self, item: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.truth()? {
            true => item(self).map(Some),
            false => Some(None),
        }
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.unsigned()?;
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(item(self)?);
        }
        Some(items)
    }

    fn column(&mut self) -> Option<(String, Kind)> {
        let name = self.text()?;
        let kind = match self.byte()? {
            0 => Kind::Integer,
            1 => Kind::Float,
            2 => Kind::Boolean,
            3 => Kind::DateTime,
            4 => Kind::String,
            5 => Kind::Uuid,
            6 => Kind::Enum(self.list(Reader::text)?),
            7 => Kind::Tags,
            _ => return None,
        };
        Some((name, kind))
    }

    fn value(&mut self, kind: &Kind) -> Option<Cell> {
        Some(match kind {
            Kind::Integer | Kind::DateTime => Cell::Integer(self.signed()?),
            Kind::Float => Cell::Float(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            Kind::Boolean => Cell::Boolean(self.truth()?),
            Kind::String => Cell::Bytes(self.bytes()?),
            Kind::Uuid => Cell::Uuid(self.take(16)?.try_into().ok()?),
            Kind::Enum(names) => {
                let ordinal = usize::try_from(self.unsigned()?).ok()?;
                Cell::Name(names.get(ordinal)?.clone())
            }
            Kind::Tags => Cell::Tags(self.list(Reader::bytes)?),
        })
    }
}
