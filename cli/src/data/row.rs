//! A row as its file says it: what stands in each column, before anything is known of types.

/// What sort of thing stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A null of JSON.
    Null,
    /// Text without quotes, in CSV.
    Bare,
    /// Text in quotes, in CSV and JSON.
    Quoted,
    /// A number, `true` or `false` of JSON.
    Literal,
    /// An array of strings, in JSON.
    List,
}

/// What stands in a column; its bytes are those of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The number of the column.
    pub column: usize,
    /// Of what sort it is.
    pub shape: Shape,
    /// Where its text begins, or the first of its parts.
    pub start: usize,
    /// Where its text ends, or the last of its parts.
    pub end: usize,
}

/// A row. It is filled anew for each record, so that its memory is taken once.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The line that it begins in, from 1.
    pub line: u64,
    /// All its text.
    pub text: Vec<u8>,
    /// The columns that it has.
    pub cells: Vec<Cell>,
    /// Where the items of arrays begin and end.
    pub parts: Vec<(usize, usize)>,
}

impl Row {
    /// Makes room for the next one.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.parts.clear();
    }

    /// The text of a cell.
    pub fn text_of(&self, cell: &Cell) -> &[u8] {
        self.text.get(cell.start..cell.end).unwrap_or_default()
    }

    /// The items of a list.
    pub fn items_of(&self, cell: &Cell) -> impl Iterator<Item = &[u8]> {
        let parts = self.parts.get(cell.start..cell.end).unwrap_or_default();
        parts
            .iter()
            .map(|&(start, end)| self.text.get(start..end).unwrap_or_default())
    }

    /// Adds a cell with this text.
    pub fn push(&mut self, column: usize, shape: Shape, text: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        let end = self.text.len();
        self.cells.push(Cell {
            column,
            shape,
            start,
            end,
        });
    }

    /// Adds a cell with these items.
    pub fn push_list<'a>(&mut self, column: usize, items: impl IntoIterator<Item = &'a [u8]>) {
        let first = self.parts.len();
        for item in items {
            let start = self.text.len();
            self.text.extend_from_slice(item);
            self.parts.push((start, self.text.len()));
        }
        self.cells.push(Cell {
            column,
            shape: Shape::List,
            start: first,
            end: self.parts.len(),
        });
    }
}

/// A record of a file that is no row, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// The column, by name or number, where it is one column's.
    pub column: Option<String>,
    /// What was expected and what was found.
    pub reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column '{column}'")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// The start of a text, for an error to show.
pub fn shown(text: &[u8]) -> String {
    const MOST: usize = 60;
    let start = text.get(..MOST).unwrap_or(text);
    let start = match std::str::from_utf8(start) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => String::from_utf8_lossy(start).escape_debug().to_string(),
    };
    match text.len() > MOST {
        true => format!("'{start}...' ({} bytes)", text.len()),
        false => format!("'{start}'"),
    }
}
