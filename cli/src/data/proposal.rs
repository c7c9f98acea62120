//! A migration that makes a table: as a file of the tool's own, and applied by its own runner.

use std::fs;

use crate::{Context, Error, Result};

/// A migration that makes a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    table: String,
    /// Its operations.
    pub operations: Vec<String>,
}

impl Proposal {
    /// Of these operations.
    pub fn new(table: &str, operations: Vec<String>) -> Proposal {
        Proposal {
            table: table.into(),
            operations,
        }
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = format!("up\n\ntable {}\n", self.table);
        for operation in &self.operations {
            text.push_str(&format!("    {operation}\n"));
        }
        text
    }

    /// Writes the file into the folder of migrations.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, _context: &Context) -> Result<String> {
        let path = format!("{}.yarr", self.table);
        fs::write(&path, self.text())
            .map_err(|error| Error::usage(format!("cannot write {path}: {error}")))?;
        Ok(path)
    }

    /// Applies it.
    ///
    /// # Errors
    /// What a server refuses.
    pub fn apply(&self, context: &Context) -> Result<()> {
        let mut server = context.server()?;
        let mut command = redis::cmd("YARR.MIGRATE");
        command.arg(&self.table).arg("UP").arg(1).arg("create");
        for operation in &self.operations {
            command.arg(operation.split(' ').collect::<Vec<_>>());
        }
        command.exec(&mut server)?;
        Ok(())
    }
}
