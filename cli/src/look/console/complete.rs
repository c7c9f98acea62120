//! What the editor of a line shows: completions, hints, colours.

use nu_ansi_term::{Color, Style};
use reedline::{
    Completer, Highlighter, Hinter, History, SearchDirection, SearchFilter, SearchQuery, Span,
    StyledText, Suggestion,
};

use super::{
    help::{BACKSLASH, names_table},
    history::is_secret,
    known::{Known, Shared},
};
use crate::look::{
    catalog::{Kind, Schema},
    grammar::{self, Expect, Role, Walked},
    line::{self, Word},
};

/// Completes the word at the cursor.
pub struct Completion(pub Shared);

/// The words before the one at the end of `line`, and that one.
fn split(line: &str) -> (Vec<Word>, Word) {
    let blank = Word {
        bytes: Vec::new(),
        start: line.len(),
        end: line.len(),
    };
    match line::split(line) {
        Ok(mut words) => match words.pop_if(|word| word.end == line.len()) {
            Some(last) => (words, last),
            None => (words, blank),
        },
        Err(open) => (open.words, open.rest),
    }
}

/// A way to complete a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The word.
    pub word: String,
    /// What it is.
    pub about: String,
}

fn way(word: impl Into<String>, about: impl Into<String>) -> Way {
    Way {
        word: word.into(),
        about: about.into(),
    }
}

/// The ways to complete the last word of a line, and where in it that begins.
pub fn ways(known: &mut Known, text: &str) -> (Vec<Way>, usize) {
    let (before, last) = split(text);
    let partial = String::from_utf8_lossy(&last.bytes).into_owned();
    let all = match before.first() {
        None if partial.starts_with('\\') => BACKSLASH
            .iter()
            .map(|(name, _, about)| way(*name, *about))
            .collect(),
        None => commands(known),
        Some(first) if first.bytes.starts_with(b"\\") => {
            return (
                matching(behind_backslash(known, &before), &partial),
                last.start,
            );
        }
        Some(_) => arguments(known, &before, &partial),
    };
    (matching(all, &partial), last.start)
}

fn matching(ways: Vec<Way>, partial: &str) -> Vec<Way> {
    let lower = partial.to_lowercase();
    let begins = |way: &Way| {
        let word = way.word.to_lowercase();
        word.starts_with(&lower)
            || word
                .strip_prefix('@')
                .is_some_and(|bare| bare.starts_with(&lower))
    };
    let mut found: Vec<Way> = ways.into_iter().filter(begins).collect();
    // Who types small letters goes on in small letters.
    let small = partial.chars().any(char::is_lowercase) && !partial.chars().any(char::is_uppercase);
    for way in &mut found {
        let keyword = way.word.chars().all(|c| !c.is_lowercase());
        if small && keyword {
            way.word = way.word.to_lowercase();
        }
    }
    found
}

fn commands(known: &Known) -> Vec<Way> {
    let own = grammar::COMMANDS
        .iter()
        .map(|command| way(command.name, command.summary));
    let others = known
        .commands()
        .filter(|name| !name.contains(' ') && !name.starts_with("YARR."));
    own.chain(others.map(|name| way(name, ""))).collect()
}

fn tables(known: &Known) -> Vec<Way> {
    let names = known.tables().iter();
    names.map(|name| way(line::typed(name), "table")).collect()
}

fn behind_backslash(known: &Known, before: &[Word]) -> Vec<Way> {
    let name = before.first().map(|word| word.bytes.as_slice());
    match name {
        Some(b"\\d") => tables(known),
        Some(b"\\h") => {
            let own = commands(known);
            let names = known.commands().filter(|name| name.contains(' '));
            own.into_iter()
                .chain(names.map(|name| way(name, "")))
                .collect()
        }
        Some(b"\\x") => vec![way("on", ""), way("off", ""), way("auto", "")],
        _ => Vec::new(),
    }
}

fn arguments(known: &mut Known, before: &[Word], partial: &str) -> Vec<Way> {
    let words: Vec<Vec<u8>> = before.iter().map(|word| word.bytes.clone()).collect();
    let walked = walk(known, &words, true);
    if !walked.roles.is_empty() && walked.expected.is_empty() && words.len() == 1 {
        // Another command of the server: its subcommands.
        let name = String::from_utf8_lossy(words.first().map_or(&[][..], |word| word));
        let prefix = format!("{} ", name.to_ascii_uppercase());
        let found = known
            .commands()
            .filter_map(|name| name.strip_prefix(&prefix));
        return found.map(|name| way(name, "")).collect();
    }
    let mut ways = Vec::new();
    for expected in &walked.expected {
        match expected {
            Expect::Table => ways.extend(tables(known)),
            Expect::Keyword(word) => ways.push(way(*word, "")),
            Expect::Operator(word) => ways.push(way(*word, operator(word))),
            Expect::Field => {
                if let Some(schema) = walked.schema.as_deref() {
                    ways.extend(fields(schema, partial.starts_with('@')));
                }
            }
            Expect::Value(kind) => ways.extend(values(kind.as_ref())),
            Expect::Own(_) => {}
        }
    }
    // What the table holds comes before the words of the grammar.
    ways.sort_by_key(|way| way.about.is_empty());
    ways
}

fn operator(word: &str) -> &'static str {
    match word {
        "=" => "equal",
        "!=" => "not equal",
        "<" => "less",
        "<=" => "less or equal",
        ">" => "greater",
        ">=" => "greater or equal",
        "*" => "all",
        _ => "",
    }
}

fn fields(schema: &Schema, at: bool) -> Vec<Way> {
    let sign = |name: &str| {
        if at || grammar::is_clause(name) {
            "@"
        } else {
            ""
        }
    };
    let about = |name: &str, kind: &Kind| match schema.role(name) {
        "" => kind.word().to_string(),
        role => format!("{}, {role}", kind.word()),
    };
    let fields = schema.fields.iter();
    let mut ways: Vec<Way> = fields
        .map(|field| {
            way(
                format!("{}{}", sign(&field.name), field.name),
                about(&field.name, &field.kind),
            )
        })
        .collect();
    if schema.ttl.is_some() {
        ways.push(way(format!("{}expires_at", sign("")), "DATETIME"));
    }
    if schema.changes {
        ways.push(way(format!("{}change_number", sign("")), "INTEGER"));
    }
    ways
}

fn values(kind: Option<&Kind>) -> Vec<Way> {
    match kind {
        Some(Kind::Enum(names)) => names.iter().map(|name| way(name, "value")).collect(),
        Some(Kind::Boolean) => vec![way("true", "value"), way("false", "value")],
        Some(Kind::DateTime) => ["now", "now-1h", "now-1d", "now-1w", "now+1h"]
            .map(|word| way(word, "value"))
            .into(),
        _ => Vec::new(),
    }
}

/// Walks words by what is known; `ask` allows to ask the server for a schema.
pub fn walk(known: &mut Known, words: &[Vec<u8>], ask: bool) -> Walked {
    let own = |command: &grammar::Command| {
        words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case(command.name.as_bytes()))
    };
    let schema = words
        .get(1)
        .filter(|_| grammar::COMMANDS.iter().any(own))
        .and_then(|table| match ask {
            true => known.schema(table),
            false => known.cached(table),
        });
    grammar::walk(words, &|_| schema.clone())
}

impl Completer for Completion {
    fn complete(&mut self, line: &str, pos: usize) -> Vec<Suggestion> {
        let text = line.get(..pos).unwrap_or(line);
        let (ways, start) = ways(&mut self.0.lock(), text);
        let suggestion = |way: Way| Suggestion {
            description: Some(way.about).filter(|about| !about.is_empty()),
            value: way.word,
            span: Span::new(start, pos),
            append_whitespace: true,
            ..Suggestion::default()
        };
        if ways.is_empty() {
            // One way that changes nothing is taken at once, where none would be told in a menu.
            return vec![Suggestion {
                span: Span::new(pos, pos),
                ..Suggestion::default()
            }];
        }
        ways.into_iter().map(suggestion).collect()
    }
}

/// Colours a line by the parts its words play.
pub struct Colours(pub Shared);

fn style(role: Role) -> Style {
    match role {
        Role::Command => Style::new().bold(),
        Role::Table => Style::new().fg(Color::Cyan),
        Role::Keyword => Style::new().fg(Color::Blue),
        Role::Operator => Style::new().fg(Color::Blue),
        Role::Value => Style::new().fg(Color::Green),
        Role::Wrong => Style::new().fg(Color::Red).underline(),
        Role::Field | Role::Plain => Style::new(),
    }
}

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let (mut words, last) = split(line);
        let complete = words.len();
        if last.start < last.end {
            words.push(last);
        }
        let bytes: Vec<Vec<u8>> = words.iter().map(|word| word.bytes.clone()).collect();
        let walked = walk(&mut self.0.lock(), &bytes, false);
        let mut text = StyledText::new();
        let mut at = 0;
        for (number, word) in words.iter().enumerate() {
            let role = walked.roles.get(number).copied().unwrap_or(Role::Plain);
            // A word that is being typed may yet become what belongs there.
            let role = match role {
                Role::Wrong if number == complete => Role::Plain,
                role => role,
            };
            let gap = line.get(at..word.start).unwrap_or_default();
            text.push((Style::new(), gap.into()));
            text.push((
                style(role),
                line.get(word.start..word.end).unwrap_or_default().into(),
            ));
            at = word.end;
        }
        text.push((Style::new(), line.get(at..).unwrap_or_default().into()));
        text
    }
}

/// Shows behind the cursor how the line went on the last time, or what may stand next.
pub struct Hints {
    shared: Shared,
    /// What the right arrow takes.
    rest: String,
}

impl Hints {
    /// Hints by what is known.
    pub fn new(shared: Shared) -> Hints {
        Hints {
            shared,
            rest: String::new(),
        }
    }
}

/// The most that a hint says.
const MOST: usize = 60;

/// What may stand behind a line that ends with a space.
pub fn outlook(known: &mut Known, text: &str) -> String {
    let Ok(words) = line::split(text) else {
        return String::new();
    };
    let words: Vec<Vec<u8>> = words.into_iter().map(|word| word.bytes).collect();
    if words.is_empty() || words.first().is_some_and(|word| word.starts_with(b"\\")) {
        return String::new();
    }
    let walked = walk(known, &words, false);
    let shown = |expected: &Expect| match expected {
        Expect::Table => "table".to_string(),
        Expect::Field => "field".into(),
        Expect::Value(Some(Kind::Enum(names))) => names.join("|"),
        Expect::Value(Some(kind)) => kind.word().to_lowercase(),
        Expect::Value(None) => "value".into(),
        Expect::Own(what) => what.to_string(),
        Expect::Keyword(word) | Expect::Operator(word) => word.to_string(),
    };
    let next: Vec<String> = walked.expected.iter().map(shown).collect();
    let text = match next.is_empty() && words.len() == 1 && !names_table(&words) {
        true => {
            let name = String::from_utf8_lossy(words.first().map_or(&[][..], |word| word));
            known.doc(&name).unwrap_or_default().arguments
        }
        false => next.join(" "),
    };
    crate::look::grid::cut(&text, MOST, "…")
}

impl Hinter for Hints {
    fn handle(
        &mut self,
        line: &str,
        pos: usize,
        history: &dyn History,
        use_ansi_coloring: bool,
        _: &str,
    ) -> String {
        self.rest.clear();
        if line.is_empty() || pos < line.len() || is_secret(line) {
            return String::new();
        }
        let filter = SearchFilter::from_text_search(
            reedline::CommandLineSearch::Prefix(line.into()),
            history.session(),
        );
        let mut query = SearchQuery::last_with_search(filter);
        query.direction = SearchDirection::Backward;
        let last = history
            .search(query)
            .ok()
            .and_then(|found| found.into_iter().next());
        if let Some(rest) =
            last.and_then(|item| item.command_line.get(line.len()..).map(String::from))
        {
            self.rest = rest;
        }
        let hint = match self.rest.is_empty() && line.ends_with(' ') {
            true => outlook(&mut self.shared.lock(), line),
            false => self.rest.clone(),
        };
        match use_ansi_coloring && !hint.is_empty() {
            true => Style::new().dimmed().paint(hint).to_string(),
            // Without colours nobody could tell it from what is typed.
            false => String::new(),
        }
    }

    fn complete_hint(&self) -> String {
        self.rest.clone()
    }

    fn next_hint_token(&self) -> String {
        let word = self.rest.trim_start();
        let blank = self.rest.len() - word.len();
        let end = word.find(' ').map_or(self.rest.len(), |end| blank + end);
        self.rest.get(..end).unwrap_or_default().into()
    }
}
