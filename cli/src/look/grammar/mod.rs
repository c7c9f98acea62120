//! The grammar of the YARR commands, walked word by word.
//!
//! One walk tells what the console needs of a line: the part each word plays (colours), what may stand behind the last
//! (completion, hints), and what the answer will be made of (tables). It is forgiving: the server judges, this helps.

mod commands;
mod forms;
mod operations;

use std::sync::Arc;

use super::catalog::{Kind, Schema};

pub use commands::is_clause;
pub use forms::{COMMANDS, Command};

/// The part that a word plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A command's name.
    Command,
    /// A table's name.
    Table,
    /// A word of the grammar.
    Keyword,
    /// A field's name.
    Field,
    /// An operator, a parenthesis, `*`.
    Operator,
    /// A value.
    Value,
    /// A word that cannot stand where it stands.
    Wrong,
    /// Anything else.
    Plain,
}

/// What may stand behind the last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// A table that is there.
    Table,
    /// This word.
    Keyword(&'static str),
    /// This operator.
    Operator(&'static str),
    /// A field of the table.
    Field,
    /// A value of the field.
    Value(Option<Kind>),
    /// Something of the user's own, in a word or two.
    Own(&'static str),
}

/// The fields of records in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// Those of the table.
    All,
    /// These, in this order.
    Named(Vec<Vec<u8>>),
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answer {
    /// Whatever the server says.
    #[default]
    Plain,
    /// A record or null, or a number where nothing was done.
    Record(Fields),
    /// Records, nulls among them.
    Records(Fields),
    /// Values of one field, or rows of several.
    Values(Vec<Vec<u8>>),
    /// Rows that name their columns.
    Rows,
    /// Maps about the table, as YARR.INFO and HISTORY answer.
    Facts,
    /// A plan, a line a step.
    Plan,
    /// Operations, a line each.
    Operations,
}

/// What a walk found out.
#[derive(Debug, Default)]
pub struct Walked {
    /// The part of each word, in their order; what was not reached is missing.
    pub roles: Vec<Role>,
    /// What may stand next.
    pub expected: Vec<Expect>,
    /// The table, where one is named that is known.
    pub schema: Option<Arc<Schema>>,
    /// The table's name.
    pub table: Option<Vec<u8>>,
    /// What is answered.
    pub answer: Answer,
    /// Whether the answer is a page with the next cursor before it.
    pub cursor: bool,
    /// Whether a page could be asked for instead of everything.
    pub pageable: bool,
}

/// Finds tables by their names.
pub type Lookup<'a> = &'a dyn Fn(&[u8]) -> Option<Arc<Schema>>;

/// Walks a command; `words` are complete, its name is the first.
pub fn walk(words: &[Vec<u8>], lookup: Lookup) -> Walked {
    let mut walk = Walk {
        words,
        at: 0,
        lookup,
        found: Walked::default(),
    };
    // What stops a walk is told by what it has found.
    let _ = commands::command(&mut walk);
    walk.found
}

/// A walk in progress. Whatever takes a word answers `None` where there is none, having noted what could stand there,
/// or where the word does not belong.
struct Walk<'a> {
    words: &'a [Vec<u8>],
    at: usize,
    lookup: Lookup<'a>,
    found: Walked,
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        self.words.get(self.at).map(Vec::as_slice)
    }

    fn is_end(&self) -> bool {
        self.at >= self.words.len()
    }

    fn expect(&mut self, expected: Expect) {
        if self.is_end() && !self.found.expected.contains(&expected) {
            self.found.expected.push(expected);
        }
    }

    fn play(&mut self, role: Role) {
        self.found.roles.push(role);
        self.at += 1;
    }

    fn is(&self, word: &str) -> bool {
        self.peek()
            .is_some_and(|token| token.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Takes this word where it stands, and says that it could.
    fn accept(&mut self, word: &'static str) -> bool {
        self.expect(Expect::Keyword(word));
        let found = self.is(word);
        if found {
            self.play(Role::Keyword);
        }
        found
    }

    fn operator(&mut self, word: &'static str) -> bool {
        self.expect(Expect::Operator(word));
        let found = self.is(word);
        if found {
            self.play(Role::Operator);
        }
        found
    }

    /// The word must stand here.
    fn need(&mut self, word: &'static str) -> Option<()> {
        if self.accept(word) {
            return Some(());
        }
        self.wrong()
    }

    /// One of several words that were offered must have stood here.
    fn wrong<T>(&mut self) -> Option<T> {
        if !self.is_end() {
            self.play(Role::Wrong);
        }
        None
    }

    fn take(&mut self, role: Role, expected: Expect) -> Option<&'a [u8]> {
        self.expect(expected);
        let word = self.peek()?;
        self.play(role);
        Some(word)
    }

    /// A number of things.
    fn count(&mut self, what: &'static str) -> Option<usize> {
        self.expect(Expect::Own(what));
        let word = self.peek()?;
        match std::str::from_utf8(word).ok().and_then(|w| w.parse().ok()) {
            Some(count) => {
                self.play(Role::Value);
                Some(count)
            }
            None => self.wrong(),
        }
    }

    fn number(&mut self, what: &'static str) -> Option<()> {
        self.expect(Expect::Own(what));
        let word = self.peek()?;
        let number: Option<f64> = std::str::from_utf8(word).ok().and_then(|w| w.parse().ok());
        match number {
            Some(_) => {
                self.play(Role::Value);
                Some(())
            }
            None => self.wrong(),
        }
    }

    /// A field's name; wrong where the table is known and has none of that name.
    fn field(&mut self) -> Option<&'a [u8]> {
        self.expect(Expect::Field);
        let word = self.peek()?;
        let known = match &self.found.schema {
            Some(schema) => schema.kind(word).is_some(),
            None => true,
        };
        self.play(if known { Role::Field } else { Role::Wrong });
        Some(word.strip_prefix(b"@").unwrap_or(word))
    }

    /// Fields up to a clause or the end, one at least.
    fn fields(&mut self, clauses: &[&str]) -> Option<Vec<Vec<u8>>> {
        let mut fields = Vec::new();
        loop {
            if fields.is_empty() || !(self.is_end() || self.is_any(clauses)) {
                fields.push(self.field()?.to_vec());
                continue;
            }
            self.expect(Expect::Field);
            return Some(fields);
        }
    }

    fn kind(&self, field: &[u8]) -> Option<Kind> {
        self.found.schema.as_ref()?.kind(field)
    }

    /// A value of a field: one word, or the number of tags and the tags.
    fn value(&mut self, field: &[u8]) -> Option<()> {
        match self.kind(field) {
            Some(Kind::Tags) => self.tags(),
            kind => self.take(Role::Value, Expect::Value(kind)).map(drop),
        }
    }

    fn tags(&mut self) -> Option<()> {
        let count = self.count("number of tags")?;
        for _ in 0..count {
            self.take(Role::Value, Expect::Own("tag"))?;
        }
        Some(())
    }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
