//! Migrations: files, the verbs that apply them and take them back, and what they have come to.

pub mod apply;
pub mod baseline;
pub mod check;
pub mod diff;
mod dry_run;
mod engine;
pub mod files;
pub mod generate;
pub mod init;
mod names;
pub mod revert;
mod run;
pub mod schema;
pub mod status;
mod template;
pub mod unlock;
pub mod version;

use clap::Subcommand;

use crate::{Context, Outcome, Result};

/// The verbs of this room.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a yarr.toml to begin with
    Init(init::Init),
    /// Write a migration to begin with
    #[command(visible_alias = "g")]
    Generate(generate::Generate),
    /// Apply what is pending
    ///
    /// Each server gets the versions in their order, one server after the other. A failure stops it and says what was done
    /// where; the next run goes on there. Two runs at once do the work once: the second waits for the first.
    Migrate(apply::Migrate),
    /// Apply one version
    Up(apply::Up),
    /// Take one version back
    ///
    /// A table goes back only from the version that it was given last.
    Down(revert::Down),
    /// Take the versions applied last back
    Rollback(revert::Rollback),
    /// Take the versions applied last back and apply them again
    Redo(revert::Redo),
    /// Show what is applied and what is pending
    Status(status::Status),
    /// Show the version that each server is at
    Version(version::Version),
    /// Answer whether all is applied as it is here: exit code 1 where not
    ///
    /// The exit code is 1 where a version is pending, changed, missing or half done on a server; these are shown.
    Check(check::Check),
    /// Note versions as applied without doing them
    ///
    /// It is for servers that had it all before the tool came, for a file that was changed and is right as it is, and for
    /// a version that was finished by hand.
    Baseline(baseline::Baseline),
    /// Show tables as the operations that make them
    Schema(schema::Schema),
    /// Compare what the files come to with what the servers have
    ///
    /// The exit code is 1 where they differ: a version that is not applied, or was changed since; an operation that a table
    /// lacks (-), or has and the files do not say (+); a table that is in no file.
    Diff(diff::Diff),
    /// Free the lock of a run that is dead
    ///
    /// A lock ends by itself when its lease does, half a minute after its holder died. A run that still lives stops at its
    /// next step when its lock is taken.
    Unlock(unlock::Unlock),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Init(verb) => verb.run(context),
            Verb::Generate(verb) => verb.run(context),
            Verb::Migrate(verb) => verb.run(context),
            Verb::Up(verb) => verb.run(context),
            Verb::Down(verb) => verb.run(context),
            Verb::Rollback(verb) => verb.run(context),
            Verb::Redo(verb) => verb.run(context),
            Verb::Status(verb) => verb.run(context),
            Verb::Version(verb) => verb.run(context),
            Verb::Check(verb) => verb.run(context),
            Verb::Baseline(verb) => verb.run(context),
            Verb::Schema(verb) => verb.run(context),
            Verb::Diff(verb) => verb.run(context),
            Verb::Unlock(verb) => verb.run(context),
        }
    }
}
