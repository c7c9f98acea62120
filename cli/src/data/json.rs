//! Rows of JSON: one object a line. Bytes that are no UTF-8 stand as `{"base64": "..."}`.

use std::{collections::HashMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use yarr::value::number::float_text;

use super::row::{Cell, Row, Shape};

/// The one key of an object that stands for bytes.
pub const BYTES: &str = "base64";

/// The columns that have been met, by name.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Columns {
    /// The names in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of a column; a new one for a name that is new.
    pub fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }
}

/// Reads a line into a row.
///
/// # Errors
/// The column where it is one column's, what was expected and what was found.
pub fn parse(
    line: &[u8],
    columns: &mut Columns,
    row: &mut Row,
) -> Result<(), (Option<String>, String)> {
    row.clear();
    let mut current = None;
    let mut reader = serde_json::Deserializer::from_slice(line);
    let object = Object {
        columns,
        row,
        current: &mut current,
    };
    let read = object.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| {
        // Its line is one of this text, which is a line itself.
        let reason = error
            .to_string()
            .replace(" at line 1 column ", " at character ");
        (current, format!("expected a JSON object, found {reason}"))
    })
}

/// One record.
struct Object<'a> {
    columns: &'a mut Columns,
    row: &'a mut Row,
    /// The key whose value is being read.
    current: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let column = self.columns.number(&key);
            if self.row.cells.iter().any(|cell| cell.column == column) {
                *self.current = Some(key.into_owned());
                return Err(A::Error::custom("the same key twice"));
            }
            *self.current = Some(key.into_owned());
            map.next_value_seed(Item {
                row: self.row,
                column,
                depth: Depth::Field,
            })?;
            *self.current = None;
        }
        Ok(())
    }
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Field,
    Item,
}

/// One value.
struct Item<'a> {
    row: &'a mut Row,
    column: usize,
    depth: Depth,
}

impl Item<'_> {
    fn put(self, shape: Shape, text: &[u8]) {
        match self.depth {
            Depth::Field => self.row.push(self.column, shape, text),
            Depth::Item => {
                let start = self.row.text.len();
                self.row.text.extend_from_slice(text);
                self.row.parts.push((start, self.row.text.len()));
            }
        }
    }

    fn literal<E: serde::de::Error>(self, text: &[u8]) -> Result<(), E> {
        match self.depth {
            Depth::Field => {
                self.put(Shape::Literal, text);
                Ok(())
            }
            Depth::Item => Err(E::custom(format!(
                "{} in an array (TAGS are strings)",
                String::from_utf8_lossy(text)
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match self.depth {
            Depth::Field => {
                self.put(Shape::Null, b"");
                Ok(())
            }
            Depth::Item => Err(E::custom("null in an array (TAGS are strings)")),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<(), E> {
        self.literal(if truth { b"true" } else { b"false" })
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.literal(number.to_string().as_bytes())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.literal(number.to_string().as_bytes())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.literal(float_text(number).as_bytes())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.put(Shape::Quoted, text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.depth == Depth::Item {
            return Err(A::Error::custom("an array in an array"));
        }
        let (row, column) = (self.row, self.column);
        let start = row.parts.len();
        loop {
            let item = Item {
                row,
                column,
                depth: Depth::Item,
            };
            if items.next_element_seed(item)?.is_none() {
                break;
            }
        }
        let end = row.parts.len();
        row.cells.push(Cell {
            column,
            shape: Shape::List,
            start,
            end,
        });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let other = || A::Error::custom(format!("an object that is not {{\"{BYTES}\": \"...\"}}"));
        match map.next_entry::<String, String>() {
            Ok(Some((key, text))) if key == BYTES => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|error| A::Error::custom(format!("bad base64: {error}")))?;
                self.put(Shape::Quoted, &bytes);
            }
            Ok(_) => return Err(other()),
            Err(error) => return Err(error),
        }
        match map.next_key::<String>()? {
            None => Ok(()),
            Some(_) => Err(other()),
        }
    }
}

/// Writes bytes as JSON: a string, or the object that stands for what is no UTF-8.
pub fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => write_text(text, out),
        Err(_) => {
            out.extend_from_slice(b"{\"base64\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

/// Writes text as a JSON string.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Found = Vec<(String, Shape, String)>;

    fn read(line: &str) -> Result<Found, (Option<String>, String)> {
        let mut columns = Columns::default();
        let mut row = Row::default();
        parse(line.as_bytes(), &mut columns, &mut row)?;
        let text = |cell: &Cell| match cell.shape {
            Shape::List => {
                let items: Vec<_> = row.items_of(cell).map(String::from_utf8_lossy).collect();
                items.join("|")
            }
            _ => String::from_utf8_lossy(row.text_of(cell)).into_owned(),
        };
        Ok(row
            .cells
            .iter()
            .map(|cell| (columns.names()[cell.column].clone(), cell.shape, text(cell)))
            .collect())
    }

    #[test]
    fn every_sort_of_value_is_told_from_the_others() {
        let line = r#"{"a":null,"b":true,"c":-9223372036854775808,"d":0.1,"e":"xA","f":["p","q"],"g":{"base64":"/w=="},"h":[]}"#;
        let expected = [
            ("a", Shape::Null, ""),
            ("b", Shape::Literal, "true"),
            ("c", Shape::Literal, "-9223372036854775808"),
            ("d", Shape::Literal, "0.1"),
            ("e", Shape::Quoted, "xA"),
            ("f", Shape::List, "p|q"),
            ("g", Shape::Quoted, "\u{fffd}"),
            ("h", Shape::List, ""),
        ];
        let expected =
            expected.map(|(name, shape, text)| (name.to_string(), shape, text.to_string()));
        assert_eq!(read(line).unwrap(), expected);
    }

    #[test]
    fn what_is_no_record_is_named() {
        for (line, column, part) in [
            ("[1]", None, "sequence"),
            ("{\"a\":1} x", None, "trailing"),
            ("{\"a\":{\"b\":1}}", Some("a"), "invalid type"),
            ("{\"a\":{\"b\":\"c\"}}", Some("a"), "an object that is not"),
            ("{\"a\":[1]}", Some("a"), "1 in an array"),
            ("{\"a\":[[]]}", Some("a"), "an array in an array"),
            ("{\"a\":1,\"a\":2}", Some("a"), "the same key twice"),
            ("{\"a\":\"\\ud800\"}", Some("a"), "hex escape"),
            ("{\"a\":", Some("a"), "EOF"),
        ] {
            let (found, reason) = read(line).unwrap_err();
            assert_eq!(found.as_deref(), column, "{line}");
            assert!(reason.contains(part), "{line}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn bytes_are_read_back(bytes in prop::collection::vec(any::<u8>(), 0..20), text in ".{0,20}", number in any::<f64>()) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let mut line = b"{\"a\":".to_vec();
                write_bytes(bytes, &mut line);
                line.push(b'}');
                let mut row = Row::default();
                parse(&line, &mut Columns::default(), &mut row).unwrap();
                prop_assert_eq!(row.text_of(&row.cells[0]), bytes);
            }
            if number.is_finite() {
                let line = format!("{{\"a\":{}}}", float_text(number));
                let mut row = Row::default();
                parse(line.as_bytes(), &mut Columns::default(), &mut row).unwrap();
                let text = std::str::from_utf8(row.text_of(&row.cells[0])).unwrap();
                prop_assert_eq!(text.parse::<f64>().unwrap(), number + 0.0);
            }
        }
    }
}
