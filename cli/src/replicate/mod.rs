//! Tables into a warehouse: `yarr replicate`.

mod bar;
mod check;
mod control;
mod history;
mod init;
mod maintain;
mod plan;
mod run;
mod session;
mod status;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{Context, Outcome, Result};

/// The arguments of `yarr replicate`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "\
First steps:
  yarr replicate init          write a yarr-replicate.toml to begin with
  yarr replicate plan          see what would be done
  yarr replicate run           do it; again later: what has changed since
  yarr replicate verify        count and compare both sides

Exit codes: 0 done, 1 there was nothing to do, or the answer is no, 2 arguments, configuration
or a file, 3 something could not be reached (the same again may do it), 4 something refused,
5 stopped half-way, 6 a table is to be loaded anew (yarr replicate resync), 7 another runner is
at it, 8 canceled after too many failures.")]
pub struct Replicate {
    #[command(flatten)]
    choice: Choice,
    #[command(subcommand)]
    verb: Verb,
}

/// What all verbs of `yarr replicate` take.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Of all replications")]
pub struct Choice {
    /// The file, instead of the yarr-replicate.toml here or in a folder above
    #[arg(long, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A target, instead of all
    #[arg(long, global = true, value_name = "NAME")]
    pub target: Vec<String>,
}

/// Tables by name.
#[derive(Debug, Clone, Args)]
pub struct Tables {
    /// Tables of the source; without any, all
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a yarr-replicate.toml to begin with
    Init(init::Init),
    /// See whether source, targets and store can be reached, and every table can be replicated
    ///
    /// It writes nothing but the tables of states into a target that has none, and a file into the store that it takes
    /// away again.
    Check(check::Check),
    /// Show what a run would do: which field goes where, and what does not fit
    ///
    /// Nothing is written. All that does not fit is said at once; the exit code is 4 then.
    Plan(plan::Plan),
    /// Replicate what has changed since the last time
    ///
    /// What was left unfinished goes on where it stopped. A table that fails does not keep the others from going; the
    /// exit code is that of the first that failed, and 1 where there was nothing to do.
    Run(run::Run),
    /// Do the first half of a run: write the parts, and import nothing
    Export(run::Export),
    /// Do the second half of a run: import what was exported
    Import(run::Import),
    /// Show where each table is
    Status(status::Status),
    /// Show the last replications
    History(history::History),
    /// Go on with what failed now, its failures forgotten
    Retry(run::Retry),
    /// Give up what is unfinished; the next run begins anew
    Cancel(control::Cancel),
    /// Have runs pass over tables
    Pause(control::Pause),
    /// Have runs take paused tables again
    Resume(control::Resume),
    /// Have the next run load tables anew
    Resync(control::Resync),
    /// Compare source and target: counts, checksums, and some of the rows that differ
    ///
    /// The exit code is 1 where they differ. Writes meanwhile differ too: run it when all is replicated.
    Verify(verify::Verify),
    /// VACUUM tables of the target
    Vacuum(maintain::Vacuum),
    /// ANALYZE tables of the target
    Analyze(maintain::Analyze),
    /// Say something of your own to the target, and show what it answers
    Sql(maintain::Sql),
}

impl Replicate {
    /// Does it.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let choice = &self.choice;
        match self.verb {
            Verb::Init(verb) => verb.run(context, choice),
            Verb::Check(verb) => verb.run(context, choice),
            Verb::Plan(verb) => verb.run(context, choice),
            Verb::Run(verb) => verb.run(context, choice),
            Verb::Export(verb) => verb.run(context, choice),
            Verb::Import(verb) => verb.run(context, choice),
            Verb::Status(verb) => verb.run(context, choice),
            Verb::History(verb) => verb.run(context, choice),
            Verb::Retry(verb) => verb.run(context, choice),
            Verb::Cancel(verb) => verb.run(context, choice),
            Verb::Pause(verb) => verb.run(context, choice),
            Verb::Resume(verb) => verb.run(context, choice),
            Verb::Resync(verb) => verb.run(context, choice),
            Verb::Verify(verb) => verb.run(context, choice),
            Verb::Vacuum(verb) => verb.run(context, choice),
            Verb::Analyze(verb) => verb.run(context, choice),
            Verb::Sql(verb) => verb.run(context, choice),
        }
    }
}
