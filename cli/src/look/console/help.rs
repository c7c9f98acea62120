//! `\?` and `\h`: what the console itself and the commands take.

use anstyle::Style;

use super::known::{Doc, Known};
use crate::look::grammar::{COMMANDS, Command};

/// The console's own commands: name, arguments, what they do.
pub const BACKSLASH: [(&str, &str, &str); 12] = [
    ("\\d", "[table]", "list the tables, or describe one"),
    ("\\h", "[command]", "list the commands, or explain one"),
    (
        "\\x",
        "[on|off|auto]",
        "one field a line; auto does so for one record and for wide ones",
    ),
    (
        "\\more",
        "",
        "the next page; Enter on an empty line does the same",
    ),
    ("\\json", "", "answers as JSON, or no longer"),
    ("\\timing", "", "how long each command took, or no longer"),
    (
        "\\c",
        "[server]",
        "list the servers of the environment, or go to one",
    ),
    ("\\protect", "[on|off]", "ask before writes"),
    ("\\refresh", "", "look for tables anew"),
    ("\\clear", "", "clear the screen"),
    ("\\?", "", "this list"),
    ("\\q", "", "quit; Ctrl-D does the same"),
];

/// Whether a command is one of the module's, which names its table first.
pub fn names_table(words: &[Vec<u8>]) -> bool {
    let name = words.first().map_or(&[][..], |word| word);
    COMMANDS
        .iter()
        .any(|command| name.eq_ignore_ascii_case(command.name.as_bytes()))
}

/// How help is painted.
pub struct Paint {
    /// Whether to use colours.
    pub color: bool,
    /// The columns of the terminal.
    pub width: usize,
}

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

impl Paint {
    fn in_style(&self, style: Style, text: &str) -> String {
        match self.color {
            true => format!("{style}{text}{style:#}"),
            false => text.into(),
        }
    }

    /// Text broken at spaces, each line behind an indent.
    fn wrapped(&self, text: &str, indent: usize) -> String {
        let width = self.width.max(indent + 20);
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && indent + line.len() + 1 + word.len() >= width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        let blank = " ".repeat(indent);
        lines
            .iter()
            .map(|line| format!("{blank}{line}\n"))
            .collect()
    }
}

/// The console's own commands, and its keys.
pub fn console(paint: &Paint) -> String {
    let mut text = String::new();
    for (name, arguments, about) in BACKSLASH {
        let head = format!("{name} {arguments}");
        let painted = paint.in_style(HEAD, name);
        let blank = " ".repeat(24_usize.saturating_sub(head.len()));
        text.push_str(&format!("  {painted} {arguments}{blank}{about}\n"));
    }
    text.push_str("\n  Tab completes, the right arrow takes the grey hint, Ctrl-R searches the history, Ctrl-C ends the line.\n");
    text.push_str(
        "  Every other line is a command for the server, its words quoted as in redis-cli.\n",
    );
    text
}

/// The commands of the module.
pub fn commands(paint: &Paint) -> String {
    let mut text = String::new();
    for command in &COMMANDS {
        let name = paint.in_style(HEAD, command.name);
        let blank = " ".repeat(16_usize.saturating_sub(command.name.len()));
        text.push_str(&format!("  {name}{blank}{}\n", command.summary));
    }
    text.push_str(
        "\n  \\h command tells its arguments; so it does of every command of the server.\n",
    );
    text
}

/// One command: from the module's table, else from the server's COMMAND DOCS.
pub fn command(known: &mut Known, name: &str, paint: &Paint) -> Option<String> {
    let wanted = name.to_ascii_uppercase();
    let with_prefix = format!("YARR.{wanted}");
    let exact = COMMANDS.iter().find(|command| command.name == wanted);
    if let Some(command) = exact {
        return Some(own(known, command, paint));
    }
    if let Some(doc) = known.doc(&wanted) {
        return Some(others(&wanted, &doc, paint));
    }
    let short = COMMANDS
        .iter()
        .find(|command| command.name == with_prefix)?;
    Some(own(known, short, paint))
}

fn own(known: &mut Known, command: &Command, paint: &Paint) -> String {
    let mut text = format!(
        "{}: {}\n",
        paint.in_style(HEAD, command.name),
        command.summary
    );
    for form in command.forms {
        text.push_str(&paint.wrapped(&format!("{} {form}", command.name), 2));
    }
    if matches!(
        command.name,
        "YARR.WHERE" | "YARR.FIND" | "YARR.UPDATE" | "YARR.DEL" | "YARR.AGGREGATE"
    ) {
        text.push_str(&paint.in_style(DIM, PREDICATE));
    }
    if command.name == "YARR.MIGRATE" {
        text.push_str(&paint.in_style(DIM, OPERATIONS));
    }
    if let Some(doc) = known
        .doc(command.name)
        .filter(|doc| !doc.complexity.is_empty())
    {
        text.push_str(&paint.in_style(DIM, &format!("  {}\n", doc.complexity)));
    }
    text
}

const PREDICATE: &str = "  predicate: p AND p | p OR p | NOT p | ( p ) | field = v | != < <= > >= | field BETWEEN a AND b
             field IN n v1 .. vn | field IS [NOT] NULL | field STARTS WITH v
             field CONTAINS v | field CONTAINS ANY|ALL n v1 .. vn
";

const OPERATIONS: &str = "  operation: ADD FIELD name type [NOT NULL] [DEFAULT v] [INDEX|BITMAP|UNIQUE] | REMOVE FIELD name
             RENAME FIELD a TO b | SET FIELD name DEFAULT v|NO DEFAULT|NOT NULL|NULL|TYPE type
             ADD ENUM VALUE field name | ADD INDEX f ... [UNIQUE] | ADD INDEX f BITMAP
             REMOVE INDEX f ... [BITMAP] | SET TTL s|NONE PASSIVE|ACTIVE | ID INTEGER|UUID|STRING
             TIMESTAMPS ON|OFF | CHANGES ON|OFF | UPDATE predicate|* SET f v ... (alone)
";

fn others(name: &str, doc: &Doc, paint: &Paint) -> String {
    let mut text = format!("{}: {}\n", paint.in_style(HEAD, name), doc.summary);
    text.push_str(&paint.wrapped(format!("{name} {}", doc.arguments).trim_end(), 2));
    for (name, about) in &doc.subcommands {
        let blank = " ".repeat(26_usize.saturating_sub(name.len()).max(1));
        text.push_str(&format!("  {name}{blank}{about}\n"));
    }
    let facts = [
        (&doc.complexity, ""),
        (&doc.since, "since "),
        (&doc.group, "group "),
    ];
    let facts: Vec<String> = facts
        .iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, prefix)| format!("{prefix}{text}"))
        .collect();
    if !facts.is_empty() {
        text.push_str(&paint.in_style(DIM, &format!("  {}\n", facts.join("; "))));
    }
    text
}
