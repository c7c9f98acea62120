//! The engine of the module in memory: what migrations of tables come to, worked out as the server does.

use std::{cell::Cell, collections::BTreeMap};

use yarr::{
    commands::{COMMANDS, Environment, Limits, Reply, Run},
    table::Table,
};
use yarr_client::Migration;

/// Tables without records.
#[derive(Default)]
pub(super) struct Engine {
    tables: BTreeMap<Vec<u8>, Option<Box<Table>>>,
}

impl Engine {
    /// The tables that there are.
    pub(super) fn tables(&self) -> Vec<Vec<u8>> {
        let made = self.tables.iter().filter(|(_, table)| table.is_some());
        made.map(|(name, _)| name.clone()).collect()
    }

    /// The operations that make a table; none where there is no such table.
    pub(super) fn schema(&mut self, table: &[u8]) -> Vec<String> {
        self.send("yarr.schema", table, &[]).unwrap_or_default()
    }

    /// Makes a table as a server has it.
    pub(super) fn seed(&mut self, table: &[u8], operations: &[String]) -> Result<(), String> {
        let migration = Migration::new(0, "as it is")
            .table(&String::from_utf8_lossy(table), &operations.join(" "));
        match operations.is_empty() {
            true => Ok(()),
            false => self.up(&migration, table).map(drop),
        }
    }

    /// Applies a migration's block of a table, and answers its operations as the server would say them.
    pub(super) fn up(
        &mut self,
        migration: &Migration,
        table: &[u8],
    ) -> Result<Vec<String>, String> {
        let version = migration.version().to_string();
        let operations = migration.operations(table);
        let mut words = vec![&b"UP"[..], version.as_bytes(), migration.name().as_bytes()];
        words.extend(operations.iter());
        self.send("yarr.migrate", table, &words)
    }

    /// Sends a command, and answers the texts of its answer.
    fn send(&mut self, name: &str, table: &[u8], args: &[&[u8]]) -> Result<Vec<String>, String> {
        let found = COMMANDS.iter().find(|command| command.name == name);
        let command = found.ok_or_else(|| format!("there is no command {name}"))?;
        let slot = self.tables.entry(table.into()).or_default();
        let seed = Cell::new(1);
        let random = || {
            seed.set(seed.get() + 1);
            seed.get()
        };
        let environment = Environment {
            now: jiff::Timestamp::now().as_millisecond().into(),
            limits: Limits::DEFAULT,
            random: &random,
        };
        let mut texts = Texts(Vec::new());
        let result = match (command.run, slot) {
            (Run::Make(run), slot) => run(slot, args, &environment, &mut texts).map(drop),
            (Run::Read(run), Some(table)) => run(table, args, &environment, &mut texts),
            (Run::Write(run), Some(table)) => run(table, args, &environment, &mut texts).map(drop),
            (_, None) => Ok(()),
        };
        result.map(|()| texts.0).map_err(|error| error.to_string())
    }
}

/// The texts of an answer.
struct Texts(Vec<String>);

impl Reply for Texts {
    fn null(&mut self) {}
    fn integer(&mut self, _: i64) {}
    fn status(&mut self, _: &str) {}
    fn bulk(&mut self, bytes: &[u8]) {
        self.0.push(String::from_utf8_lossy(bytes).into_owned());
    }
    fn array(&mut self, _: usize) {}
    fn set(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}
    fn number(&mut self, _: i64) {}
    fn double(&mut self, _: f64) {}
    fn boolean(&mut self, _: bool) {}
}
