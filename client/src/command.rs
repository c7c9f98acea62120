//! A command as it will be sent.

use std::fmt;

use crate::words::Words;

/// A command as it will be sent: its name, the table, and what follows.
///
/// It is shown as one line that `redis-cli` takes:
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
/// let f = Job::fields();
/// let query = Job::query().filter(f.priority.gt(5)).limit(10);
/// assert_eq!(
///     query.ids().to_command().to_string(),
///     "YARR.WHERE job @priority > 5 LIMIT 10 IDS PACKED"
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Command(Words);

impl Command {
    /// A command of these words so far.
    pub(crate) fn new(name: &str, table: &str) -> Command {
        let mut words = Words::new();
        words.push(name);
        words.push(table);
        Command(words)
    }

    /// The name and the arguments.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter()
    }

    pub(crate) fn word(&mut self, word: &str) -> &mut Command {
        self.0.push(word);
        self
    }

    pub(crate) fn number(&mut self, number: impl fmt::Display) -> &mut Command {
        self.0.push_display(number);
        self
    }

    pub(crate) fn extend(&mut self, words: &Words) -> &mut Command {
        self.0.extend(words);
        self
    }

    pub(crate) fn fields<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Command {
        names.into_iter().for_each(|name| self.0.push_field(name));
        self
    }

    /// RETURN these fields as one packed string.
    pub(crate) fn returning<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> &mut Command {
        self.word("RETURN").fields(names).word("PACKED")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&Command> for redis::Cmd {
    fn from(command: &Command) -> redis::Cmd {
        let mut cmd = redis::Cmd::new();
        command.words().for_each(|word| _ = cmd.arg(word));
        cmd
    }
}
