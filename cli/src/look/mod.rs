//! A look at what is there: tables, info, explain, console, top.

mod answer;
mod catalog;
mod cell;
mod console;
mod explain;
mod facts;
mod form;
mod grammar;
mod grid;
mod info;
mod line;
mod scan;
mod shell;
mod tables;
mod top;

use clap::Subcommand;

use crate::{Context, Outcome, Result};

/// The verbs of this room.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the tables of each server: records, memory, version, the migration that is running
    Tables(tables::Tables),
    /// Show a table: its fields, memory by part, indexes, builds, expiry and history
    Info(info::Info),
    /// Show how a question will be answered, and over how many records
    Explain(explain::Explain),
    /// Talk to a server: completion, history, records as tables
    Console(console::Console),
    /// Watch a server at work: commands, tables, migrations, slow statements
    Top(top::Top),
    /// Write the completions of a shell
    Completions(shell::Completions),
    /// Write the manual: one page to stdout, or all pages into a folder
    Man(shell::Man),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Tables(verb) => verb.run(context),
            Verb::Info(verb) => verb.run(context),
            Verb::Explain(verb) => verb.run(context),
            Verb::Console(verb) => verb.run(context),
            Verb::Top(verb) => verb.run(context),
            Verb::Completions(verb) => verb.run(context),
            Verb::Man(verb) => verb.run(context),
        }
    }
}
