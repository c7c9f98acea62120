//! `yarr completions` and `yarr man`: what a shell and its user look up.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use crate::{Context, Error, Outcome, Result, args::Arguments};

/// The arguments of `yarr completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr completions bash > ~/.local/share/bash-completion/completions/yarr
  yarr completions zsh > \"${fpath[1]}/_yarr\"
  yarr completions fish > ~/.config/fish/completions/yarr.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Writes them to stdout.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn run(self, _: &Context) -> Result<Outcome> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "yarr", &mut text);
        io::stdout().write_all(&text)?;
        Ok(Outcome::Done)
    }
}

/// The arguments of `yarr man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr man | man -l -
  yarr man migrate | man -l -
  yarr man --folder /usr/local/share/man/man1")]
pub struct Man {
    /// The verb the page is about, instead of the tool as a whole
    #[arg(conflicts_with = "folder")]
    verb: Option<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Man {
    /// Writes it.
    ///
    /// # Errors
    /// Where there is no such verb, or a file cannot be written.
    pub fn run(self, _: &Context) -> Result<Outcome> {
        let mut command = Arguments::command();
        command.build();
        if let Some(folder) = &self.folder {
            fs::create_dir_all(folder).map_err(|error| {
                Error::usage(format!("cannot make {}: {error}", folder.display()))
            })?;
            for (name, text) in pages(&command)? {
                let file = folder.join(format!("{name}.1"));
                fs::write(&file, text).map_err(|error| {
                    Error::usage(format!("cannot write {}: {error}", file.display()))
                })?;
            }
            return Ok(Outcome::Done);
        }
        let wanted = match &self.verb {
            Some(verb) => format!("yarr-{verb}"),
            None => "yarr".into(),
        };
        match pages(&command)?
            .into_iter()
            .find(|(name, _)| *name == wanted)
        {
            Some((_, text)) => io::stdout().write_all(&text)?,
            None => {
                let verb = self.verb.unwrap_or_default();
                return Err(Error::usage(format!(
                    "there is no verb '{verb}'; yarr --help names them"
                )));
            }
        }
        Ok(Outcome::Done)
    }
}

/// The pages: of the tool and of each verb, with their names.
fn pages(command: &Command) -> Result<Vec<(String, Vec<u8>)>> {
    let mut pages = vec![("yarr".to_string(), page(command.clone(), "yarr")?)];
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = format!("yarr-{}", verb.get_name());
        pages.push((name.clone(), page(verb.clone(), &name)?));
    }
    Ok(pages)
}

fn page(command: Command, name: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.disable_help_subcommand(true))
        .title(name)
        .manual("YARR")
        .render(&mut text)?;
    Ok(text)
}
