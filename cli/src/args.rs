//! The arguments of the tool, and its way from them to an exit code.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    context::Context,
    data,
    error::{Error, Kind, Outcome, Result},
    look, migrations,
    output::{Color, Output},
    replicate,
};

/// Migrations, data and a look at what is there, for Redis and Valkey servers with the YARR module.
#[derive(Debug, Parser)]
#[command(name = "yarr", version, about, max_term_width = 100)]
#[command(after_help = "\
First steps:
  yarr init                                    write a yarr.toml to begin with
  yarr generate migration create_user name:string email:string:unique
  yarr migrate                                 apply what is pending
  yarr status                                  show what is applied

Exit codes: 0 done, 1 the answer is no, 2 arguments, configuration or a file,
3 a server could not be reached, 4 a server refused, 5 stopped half-way.
Those of yarr replicate are in its own help.")]
pub struct Arguments {
    /// What all verbs take.
    #[command(flatten)]
    pub global: Global,
    /// What is to be done.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What all verbs take.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The configuration, instead of the yarr.toml here or in a folder above
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The environment of the configuration, instead of YARR_ENV or the one it names
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// A server, instead of YARR_URL or those of the environment
    #[arg(long, global = true, value_name = "URL")]
    pub url: Vec<String>,
    /// One of the environment's servers, by its name
    #[arg(long, global = true, value_name = "NAME")]
    pub server: Option<String>,
    /// Answer in JSON, one document a line
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Say nothing but what was asked for
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The verbs, each family in its room.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Migrations.
    #[command(flatten)]
    Migrations(migrations::Verb),
    /// Data in and out.
    #[command(flatten)]
    Data(data::Verb),
    /// A look at what is there.
    #[command(flatten)]
    Look(look::Verb),
    /// Replicate tables to Amazon Redshift, PostgreSQL or files
    ///
    /// Incrementally, and exactly once: what is imported is in the target's own transaction, with how far it has come.
    /// What goes where stands in a file of its own, yarr-replicate.toml.
    Replicate(Box<replicate::Replicate>),
}

impl Verb {
    fn run(self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Migrations(verb) => verb.run(context),
            Verb::Data(verb) => verb.run(context),
            Verb::Look(verb) => verb.run(context),
            Verb::Replicate(verb) => verb.run(context),
        }
    }
}

/// Parses, runs, prints an error, and answers the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Also --help and --version: clap knows what goes where.
        Err(error) => {
            let json = std::env::args_os().any(|argument| argument == "--json");
            match error.use_stderr() && json {
                true => Output::new(&Global {
                    json,
                    ..Global::default()
                })
                .error(&of_clap(&error)),
                false => _ = error.print(),
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(&arguments.global);
    match run(arguments, &output) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(error) => {
            if error.kind != Kind::Pipe {
                output.error(&error);
            }
            ExitCode::from(error.kind.code())
        }
    }
}

/// What clap says of the arguments, its head and the hints at help left out.
fn of_clap(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let ends = ["\n\nUsage:", "\n\nFor more information"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let text = text
        .get(..end.unwrap_or(text.len()))
        .unwrap_or_default()
        .trim();
    Error::usage(text.strip_prefix("error: ").unwrap_or(text))
}

fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Error> {
    let context = Context::new(arguments.global, output.clone());
    arguments.verb.run(&context)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        super::Arguments::command().debug_assert();
    }
}
