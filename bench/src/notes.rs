//! What people have noted beside the figures; a new run leaves it as it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use crate::Result;

/// A text for each row, by its name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    #[serde(default)]
    pub rows: BTreeMap<String, String>,
}

impl Notes {
    /// Reads them; a file that is not there holds none.
    pub fn read(path: &Path) -> Result<Notes> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(
                toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Notes::default()),
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        }
    }

    /// The note of a row, where there is one that says something.
    pub fn of(&self, row: &str) -> Option<&str> {
        self.rows
            .get(row)
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    #[test]
    fn the_notes_are_of_rows_there_are() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("notes.toml");
        let notes = Notes::read(&path).expect("notes");
        for name in notes.rows.keys() {
            assert!(Row::ALL.iter().any(|row| row.name() == name), "{name}");
        }
        assert!(
            Notes::read(Path::new("/nowhere/notes.toml"))
                .expect("none")
                .rows
                .is_empty()
        );
    }
}
