//! `yarr completions` and `yarr man`: what a shell and its user look up.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use crate::{Context, Error, Outcome, Result, args::Arguments};

/// The arguments of `yarr man`.
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

/// The pages: of the tool and of each verb, those of a verb's own behind it, with their names.
fn pages(command: &Command) -> Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let mut left = vec![("yarr".to_string(), command)];
    while let Some((name, command)) = left.pop() {
        pages.push((name.clone(), page(command.clone(), &name)?));
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        // What `help` has below it is all of it again.
        let verbs = verbs.filter(|verb| name == "yarr" || verb.get_name() != "help");
        let verbs = verbs.filter(|_| name != "yarr-help");
        left.extend(verbs.map(|verb| (format!("{name}-{}", verb.get_name()), verb)));
    }
    Ok(pages)
}

fn page(command: Command, name: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let notes = command.get_after_help().map(|notes| notes.to_string());
    let is_tool = name == "yarr";
    let has_verbs = command.get_subcommands().next().is_some() && name != "yarr-help";
    let man = clap_mangen::Man::new(command.disable_help_subcommand(true))
        .title(name.to_uppercase())
        .source(concat!("yarr ", env!("CARGO_PKG_VERSION")))
        .manual("YARR");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_verbs {
        man.render_subcommands_section(&mut text)?;
    }
    for (title, lines) in sections(&notes.unwrap_or_default()) {
        writeln!(text, ".SH {title}\n.nf")?;
        for line in lines {
            writeln!(text, "{}", escaped(&line))?;
        }
        writeln!(text, ".fi")?;
    }
    if !is_tool {
        writeln!(text, ".SH \"SEE ALSO\"\n\\fByarr\\fR(1)")?;
    }
    Ok(text)
}

/// The notes below a verb's help: what stands under a line that ends with a colon, the rest as notes.
fn sections(notes: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut begins = true;
    for line in notes.lines() {
        let title = line
            .strip_suffix(':')
            .filter(|title| begins && !title.contains(['.', ':']));
        match (title, found.last_mut()) {
            (Some(title), _) => found.push((format!("\"{}\"", title.to_uppercase()), Vec::new())),
            (None, Some((_, lines))) if !begins || line.starts_with(' ') => lines.push(line.into()),
            (None, _) if !line.is_empty() => found.push(("NOTES".into(), vec![line.into()])),
            _ => {}
        }
        begins = line.is_empty();
    }
    for (_, lines) in &mut found {
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
    }
    found
}

/// A line as roff takes it.
fn escaped(line: &str) -> String {
    let text = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_parted_by_their_titles() {
        let notes =
            "Examples:\n  yarr a\n  yarr b\n\nA note on it:\nwith a line.\n\nAnd one without.";
        let found = sections(notes);
        let titles: Vec<&str> = found.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(titles, ["\"EXAMPLES\"", "\"A NOTE ON IT\"", "NOTES"]);
        assert_eq!(found[0].1, ["  yarr a", "  yarr b"]);
    }

    #[test]
    fn each_verb_has_a_page_with_its_examples() {
        let mut command = Arguments::command();
        command.build();
        let pages = pages(&command).unwrap();
        let texts: Vec<(String, String)> = pages
            .into_iter()
            .map(|(name, text)| (name, String::from_utf8(text).unwrap()))
            .collect();
        let page = |wanted: &str| &texts.iter().find(|(name, _)| name == wanted).unwrap().1;
        assert!(
            page("yarr").contains("yarr\\-tables(1)"),
            "{}",
            page("yarr")
        );
        assert!(page("yarr-console").contains(".SH \"EXAMPLES\"\n.nf\n  yarr console\n"));
        assert!(page("yarr-console").contains(".TH YARR-CONSOLE 1"));
    }
}
