//! What a command answers, in the terms both protocols share.

use crate::value::ValueRef;

/// A sink of replies. A command that fails answers an error instead and must not have
/// written anything here before.
pub trait Reply {
    /// The null reply.
    fn null(&mut self);
    /// A count or another number that is an integer in both protocols.
    fn integer(&mut self, number: i64);
    /// A status such as `OK`.
    fn status(&mut self, text: &str);
    /// Bytes.
    fn bulk(&mut self, bytes: &[u8]);
    /// The head of an array; `len` replies follow.
    fn array(&mut self, len: usize);
    /// The head of a set; `len` replies follow. An array where the client or the server has no sets.
    fn set(&mut self, len: usize);
    /// The head of a map; `len` pairs follow. A flat array where the client or the server has no maps.
    fn map(&mut self, len: usize);
    /// An INTEGER or DATETIME value: a bulk string of digits in RESP2, an integer in RESP3.
    fn number(&mut self, number: i64);
    /// A FLOAT value: its shortest text in RESP2, a double in RESP3.
    fn double(&mut self, number: f64);
    /// A BOOLEAN value: `true` or `false` in RESP2, a boolean in RESP3.
    fn boolean(&mut self, truth: bool);

    /// The value of a field; `names` are the names of its ENUM type, empty otherwise.
    fn value(&mut self, value: &ValueRef<'_>, names: &[Box<str>]) {
        match value {
            ValueRef::Null => self.null(),
            ValueRef::Integer(n) | ValueRef::DateTime(n) => self.number(*n),
            ValueRef::Float(f) => self.double(*f),
            ValueRef::Boolean(b) => self.boolean(*b),
            ValueRef::String(text) => text.tell(|text| self.bulk(text)),
            ValueRef::Uuid(bytes) => self.bulk(&crate::value::uuid::text(bytes)),
            ValueRef::Enum(ordinal) => match names.get(usize::from(*ordinal)) {
                Some(name) => self.bulk(name.as_bytes()),
                None => self.null(),
            },
            ValueRef::Tags(tags) => {
                self.set(tags.len());
                tags.iter().for_each(|tag| self.bulk(tag));
            }
        }
    }
}

/// Replies kept as values, in RESP2's manner: what tests and EXPLAIN ANALYZE listen with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recorded {
    /// One line a reply: `+OK`, `:1`, `$text`, `*2`, `~2`, `%1`, `_`.
    pub lines: Vec<String>,
    /// How many bytes all strings have together.
    bytes: usize,
}

impl Recorded {
    /// What was answered, in a few words.
    pub fn outline(&self) -> String {
        match self.lines.first().and_then(|line| line.split_at_checked(1)) {
            Some(("*", len)) => format!("{len} elements"),
            Some(("%", len)) => format!("a record of {len} fields"),
            Some((":", number)) => format!("the number {number}"),
            Some(("_", _)) | None => "null".into(),
            Some(("$", _)) => format!("{} bytes", self.bytes),
            Some((_, text)) => text.into(),
        }
    }
}

impl Reply for Recorded {
    fn null(&mut self) {
        self.lines.push("_".into());
    }
    fn integer(&mut self, number: i64) {
        self.lines.push(format!(":{number}"));
    }
    fn status(&mut self, text: &str) {
        self.lines.push(format!("+{text}"));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.lines
            .push(format!("${}", String::from_utf8_lossy(bytes)));
    }
    fn array(&mut self, len: usize) {
        self.lines.push(format!("*{len}"));
    }
    fn set(&mut self, len: usize) {
        self.lines.push(format!("~{len}"));
    }
    fn map(&mut self, len: usize) {
        self.lines.push(format!("%{len}"));
    }
    fn number(&mut self, number: i64) {
        self.lines.push(format!("${number}"));
    }
    fn double(&mut self, number: f64) {
        self.lines
            .push(format!("${}", crate::value::number::float_text(number)));
    }
    fn boolean(&mut self, truth: bool) {
        self.lines.push(format!("${truth}"));
    }
}
