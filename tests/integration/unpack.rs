//! A decoder of PACKED, written from `docs/packed.md` alone: it knows nothing of the module's own code. The fuzzer
//! reads by it too, with a `reply` of its own.

use crate::reply::Reply;

/// A DATETIME counts from here: 2026-01-01, in milliseconds since 1970 UTC.
const EPOCH: i64 = 1_767_225_600_000;

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
    if reader.byte()? != 3 {
        return None;
    }
    let columns = reader.list(Reader::column)?;
    let row = |reader: &mut Reader| {
        reader.option(|reader| {
            let codes = reader.take(columns.len().div_ceil(2))?;
            let unused = columns.len() % 2 == 1 && codes.last()? >> 4 != 0;
            let code = |at: usize| codes[at / 2] >> (at % 2 * 4) & 15;
            let values = columns
                .iter()
                .enumerate()
                .map(|(at, (_, kind))| reader.value(kind, code(at)));
            let values = values.collect::<Option<Vec<_>>>()?;
            (!unused).then_some(values)
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

    /// A value by its code; `None` within the answer is a null.
    fn value(&mut self, kind: &Kind, code: u8) -> Option<Option<Cell>> {
        let length = match code {
            0 => return Some(None),
            1..=9 => usize::from(code) - 1,
            10 => usize::from(self.byte()?),
            11 => usize::from(u16::from_le_bytes(self.take(2)?.try_into().ok()?)),
            12 => usize::try_from(u32::from_le_bytes(self.take(4)?.try_into().ok()?)).ok()?,
            13 | 14 => 16,
            15 => return self.spelled(kind).map(Some),
            _ => return None,
        };
        let bytes = self.take(length)?;
        let mut number = [0; 8];
        if code <= 9 {
            number[..length].copy_from_slice(bytes);
        }
        let unsigned = u64::from_le_bytes(number);
        let signed = (unsigned >> 1) as i64 ^ -((unsigned & 1) as i64);
        Some(Some(match (kind, code) {
            (Kind::Integer, 1..=9) => Cell::Integer(signed),
            (Kind::DateTime, 1..=9) => Cell::Integer(signed.wrapping_add(EPOCH)),
            (Kind::Float, 1..=9) => Cell::Float(f64::from_be_bytes(number)),
            (Kind::Boolean, 1..=2) => match unsigned {
                0 => Cell::Boolean(false),
                1 => Cell::Boolean(true),
                _ => return None,
            },
            (Kind::Enum(names), 1..=3) => {
                Cell::Name(names.get(usize::try_from(unsigned).ok()?)?.clone())
            }
            (Kind::String, 10..=12) => Cell::Bytes(bytes.to_vec()),
            (Kind::String, 13) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hex[part]);
                Cell::Bytes(parts.join("-").into_bytes())
            }
            (Kind::Uuid, 14) => Cell::Uuid(bytes.try_into().ok()?),
            (Kind::Tags, 10..=12) => Cell::Tags(tags(bytes)?),
            _ => return None,
        }))
    }

    /// A text of 4 or 6 bits a character, bit by bit.
    fn spelled(&mut self, kind: &Kind) -> Option<Cell> {
        let head = self.byte()?;
        let (each, alphabet) = match head {
            0..=127 => (4, "0123456789abcdef"),
            _ => (
                6,
                "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
            ),
        };
        let length = usize::from(head % 128) + 1;
        let bytes = self.take((length * each).div_ceil(8))?;
        let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
        let place = |at: usize| (at * each..(at + 1) * each).fold(0, |n, at| n << 1 | bit(at));
        let over = (length * each..bytes.len() * 8).any(|at| bit(at) == 1);
        let text = (0..length).map(|at| alphabet.as_bytes()[place(at)]);
        (matches!(kind, Kind::String) && !over).then(|| Cell::Bytes(text.collect()))
    }
}

/// Tags, each behind its length.
fn tags(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut tags = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (tag, rest) = rest.split_at_checked(usize::from(*length))?;
        tags.push(tag.to_vec());
        bytes = rest;
    }
    Some(tags)
}
