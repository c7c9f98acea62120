//! One place of a table.

use anstyle::Style;
use serde_json::{Map, Value};

/// One place of a table: what is shown, and what JSON says.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub(super) shown: String,
    pub(super) json: Value,
    pub(super) style: Style,
    pub(super) right: bool,
}

impl Cell {
    /// Shown as this text, in JSON this value.
    pub fn new(shown: impl Into<String>, json: impl Into<Value>) -> Cell {
        let json = json.into();
        Cell {
            // What would break the line or the terminal is shown as what it is.
            shown: shown.into().chars().map(printable).collect(),
            right: json.is_number(),
            json,
            style: Style::new(),
        }
    }

    /// Nothing.
    pub fn null() -> Cell {
        Cell::new("-", Value::Null)
    }

    /// The same in a style.
    pub fn style(self, style: Style) -> Cell {
        Cell { style, ..self }
    }

    pub(super) fn is_null(&self) -> bool {
        self.json.is_null()
    }
}

fn printable(char: char) -> char {
    match char.is_control() {
        true => '\u{fffd}',
        false => char,
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::new(text, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::new(text.clone(), text)
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => { $(
        impl From<$kind> for Cell {
            fn from(number: $kind) -> Cell {
                Cell::new(number.to_string(), number)
            }
        }
    )* };
}
numbers!(i32 u32 i64 u64 usize f64);

impl From<bool> for Cell {
    fn from(truth: bool) -> Cell {
        Cell::new(truth.to_string(), truth)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or_else(Cell::null, Into::into)
    }
}

/// A document a row, its keys the names of the columns.
pub(super) fn documents(columns: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut text = String::new();
    for row in rows {
        let pairs = columns.iter().zip(row);
        let document: Map<String, Value> = pairs
            .map(|(name, cell)| (name.replace(' ', "_"), cell.json.clone()))
            .collect();
        text.push_str(&Value::Object(document).to_string());
        text.push('\n');
    }
    text
}
