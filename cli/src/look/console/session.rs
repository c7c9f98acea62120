//! The conversation: what is typed is carried out, and what comes back is shown.

use std::{
    io::{self, Write},
    ops::Range,
    time::{Duration, Instant},
};

use crossterm::{
    event::{self, Event, KeyCode, KeyEventKind},
    terminal,
};
use redis::Value;

use super::{
    complete::walk,
    known::Shared,
    link::{Asked, Link, Words},
    mark, meta,
};
use crate::{
    Error, Kind, Result,
    config::Address,
    look::{
        answer, cell, form,
        grammar::{Answer, Walked},
        grid::{Drawing, Expanded},
        line::{self, Word},
    },
    output::{DIM, Output, WARN},
};

/// How answers are shown.
#[derive(Debug, Clone)]
pub struct Settings {
    /// One field a line.
    pub expanded: Expanded,
    /// How long commands took.
    pub timing: bool,
    /// As JSON.
    pub json: bool,
    /// Ask before writes.
    pub protect: bool,
    /// Whether somebody is there to be asked, and to be shown a page at a time.
    pub interactive: bool,
}

/// What is to be done after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Go,
    /// Quit.
    Quit,
}

/// A line that was not carried out.
#[derive(Debug)]
pub struct Trouble {
    /// What went wrong, with the exit code it has.
    pub error: Error,
    /// The part of the line it is about.
    pub part: Option<Range<usize>>,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble { error, part: None }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Error::from(error).into()
    }
}

/// What the answer to a command is made of.
pub(super) struct Question {
    pub(super) words: Words,
    pub(super) walked: Walked,
    /// Whether the console has made pages of it.
    paged: bool,
}

/// A walk in pages: the command with the cursor in its place.
pub(super) struct Page {
    words: Words,
    cursor: usize,
}

/// A conversation with a server.
pub struct Session {
    /// The connection.
    pub link: Link,
    /// What is known of the server.
    pub known: Shared,
    /// How answers are shown.
    pub settings: Settings,
    /// Where answers go.
    pub output: Output,
    /// The servers of the environment, to go to.
    pub servers: Vec<Address>,
    /// The database.
    pub database: i64,
    /// Commands that wait for EXEC.
    queued: Option<Vec<Question>>,
    pub(super) page: Option<Page>,
}

impl Session {
    /// A conversation over a connection.
    pub fn new(link: Link, settings: Settings, output: Output) -> Session {
        let known = Shared::new(link.address().clone(), link.timeout());
        known.lock().refresh();
        Session {
            database: link.address().database,
            link,
            known,
            settings,
            output,
            servers: Vec::new(),
            queued: None,
            page: None,
        }
    }

    /// How many commands wait for EXEC, inside MULTI.
    pub fn queued(&self) -> Option<usize> {
        self.queued.as_ref().map(Vec::len)
    }

    /// Goes to another server.
    pub fn switch(&mut self, mut link: Link) {
        link.interrupt = self.link.interrupt.clone();
        self.known = Shared::new(link.address().clone(), link.timeout());
        self.known.lock().refresh();
        self.database = link.address().database;
        self.link = link;
        self.queued = None;
        self.page = None;
    }

    /// Columns and lines of the terminal, where there is one.
    pub fn terminal(&self) -> Option<(usize, usize)> {
        if !self.settings.interactive {
            return None;
        }
        let (width, height) = terminal::size().unwrap_or((80, 24));
        Some((usize::from(width.max(20)), usize::from(height)))
    }

    /// How tables are drawn.
    pub fn drawing(&self) -> Drawing {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable);
        let unicode = locale.is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            name.contains("utf-8") || name.contains("utf8")
        });
        Drawing {
            width: self.terminal().map(|(width, _)| width),
            color: self.output.has_color(),
            unicode: unicode && self.settings.interactive,
            expanded: self.settings.expanded,
        }
    }

    /// Writes text that ends with a newline.
    pub fn say(&self, text: &str) -> Result<(), Trouble> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Carries a line out.
    ///
    /// # Errors
    /// Why it was not.
    pub fn run(&mut self, text: &str) -> Result<Next, Trouble> {
        let text = text.trim();
        if text.is_empty() {
            if self.page.is_some() {
                self.more()?;
            }
            return Ok(Next::Go);
        }
        if text.starts_with('#') {
            return Ok(Next::Go);
        }
        let words = line::split(text).map_err(|open| Trouble {
            error: Error::usage(
                "the quote that opens here has no end, or something follows its end",
            ),
            part: Some(open.at..open.at + 1),
        })?;
        let bytes: Words = words.iter().map(|word| word.bytes.clone()).collect();
        let first = bytes.first().cloned().unwrap_or_default();
        if first.starts_with(b"\\") {
            return meta::run(self, &bytes);
        }
        match first.to_ascii_uppercase().as_slice() {
            b"QUIT" | b"EXIT" => return Ok(Next::Quit),
            b"HELP" | b"?" => return meta::run(self, &[b"\\?".to_vec()]),
            b"CLEAR" if bytes.len() == 1 => return meta::run(self, &[b"\\clear".to_vec()]),
            _ => {}
        }
        self.page = None;
        self.command(bytes, &words)?;
        Ok(Next::Go)
    }

    fn command(&mut self, words: Words, spans: &[Word]) -> Result<(), Trouble> {
        if !self.permitted(&words)? {
            return self.say("Nothing was sent.\n");
        }
        let walked = walk(&mut self.known.lock(), &words, true);
        let mut question = Question {
            words,
            walked,
            paged: false,
        };
        let mut sent = question.words.clone();
        if let Some((_, height)) = self.terminal()
            && question.walked.pageable
            && self.queued.is_none()
        {
            let rows = height.saturating_sub(5).max(10).to_string();
            sent.extend(["CURSOR", "0", "LIMIT", &rows].map(|word| word.as_bytes().to_vec()));
            question.paged = true;
        }
        let begin = Instant::now();
        let value = self.ask(&sent, spans)?;
        let took = begin.elapsed();
        if follows(&question.words) {
            return self.follow(value);
        }
        self.heed(&question.words, &value);
        let name = question.words.first().map(|word| word.to_ascii_uppercase());
        match (name.unwrap_or_default().as_slice(), self.queued.take()) {
            (b"EXEC", Some(queued)) => {
                if answer::items(&value).is_some() {
                    for question in &queued {
                        self.heed(&question.words, &Value::Okay);
                    }
                }
                self.executed(&value, &queued, took)
            }
            (b"DISCARD", _) => self.show(&value, &question, took),
            (_, Some(mut queued)) => {
                if value == Value::SimpleString("QUEUED".into()) {
                    queued.push(question);
                    self.queued = Some(queued);
                    return match self.settings.json {
                        true => self.say("\"QUEUED\"\n"),
                        false => self.say("QUEUED\n"),
                    };
                }
                self.queued = Some(queued);
                self.show(&value, &question, took)
            }
            (b"MULTI", None) => {
                self.queued = Some(Vec::new());
                self.show(&value, &question, took)
            }
            _ if question.paged || question.walked.cursor => {
                self.paged(&value, question, sent, took)
            }
            _ => self.show(&value, &question, took),
        }
    }

    /// Whether a command may be sent: a write to where writes are protected is asked about.
    fn permitted(&mut self, words: &[Vec<u8>]) -> Result<bool, Trouble> {
        if !self.settings.protect || !self.known.lock().writes(words) {
            return Ok(true);
        }
        if !self.settings.interactive {
            return Err(Error::usage(
                "writes are protected here (protect = true in yarr.toml); --write allows them",
            )
            .into());
        }
        let question = format!(
            "This may change what is on {}. Send it? [y/N] ",
            self.link.name()
        );
        self.say(&self.output.paint(WARN, &question))?;
        let yes = key()?;
        self.say(if yes { "yes\n" } else { "no\n" })?;
        Ok(yes)
    }

    /// Sends a command over a connection that is there, or is made anew.
    fn ask(&mut self, words: &[Vec<u8>], spans: &[Word]) -> Result<Value, Trouble> {
        self.link.connect()?;
        let first = self.send(words);
        let asked = match first {
            // What does not write may be sent again over a new connection.
            Asked::Lost(_) if self.queued.is_none() && !self.known.lock().writes(words) => {
                self.link.connect()?;
                self.send(words)
            }
            asked => asked,
        };
        match asked {
            Asked::Answer(value) => Ok(value),
            Asked::Refused(message) => {
                let part = mark::place(spans, &message);
                let ends = message.starts_with("EXECABORT");
                self.queued = self.queued.take().filter(|_| !ends);
                let error = Error::new(Kind::Refused, message);
                Err(Trouble { error, part })
            }
            Asked::Interrupted => {
                self.queued = None;
                self.say("\n")?;
                Err(Error::new(
                    Kind::Halfway,
                    "given up: this is a new connection, and what the server had begun it may have finished",
                )
                .into())
            }
            Asked::Lost(why) => {
                let queued = self.queued.take().is_some();
                let what = match (queued, self.known.lock().writes(words)) {
                    (true, _) => "; the transaction is gone",
                    (_, true) => "; the command may have been carried out",
                    _ => "",
                };
                Err(Error::new(Kind::Unreachable, format!("{why}{what}")).into())
            }
        }
    }

    fn send(&mut self, words: &[Vec<u8>]) -> Asked {
        match follows(words) {
            true => self.link.follow(words),
            false => self.link.ask(words),
        }
    }

    /// Shows what comes of SUBSCRIBE or MONITOR until Ctrl-C.
    fn follow(&mut self, first: Value) -> Result<(), Trouble> {
        self.say(&form::plain(&first))?;
        let hint = "Reading messages; Ctrl-C ends it.";
        self.say(&format!("{}\n", self.output.paint(DIM, hint)))?;
        loop {
            match self.link.wait() {
                Asked::Answer(value) => self.say(&form::plain(&value))?,
                Asked::Interrupted => return self.say("\n"),
                Asked::Refused(message) => return Err(Error::new(Kind::Refused, message).into()),
                Asked::Lost(why) => return Err(Error::new(Kind::Unreachable, why).into()),
            }
        }
    }

    /// What commands change for the commands after them.
    fn heed(&mut self, words: &[Vec<u8>], value: &Value) {
        let name = words
            .first()
            .map(|word| word.to_ascii_uppercase())
            .unwrap_or_default();
        let done = *value == Value::Okay;
        match name.as_slice() {
            b"SELECT" if done => {
                let number = words
                    .get(1)
                    .and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
                self.database = number.unwrap_or_default();
                self.link.begin_with(words);
                self.known.lock().begin_with(words);
            }
            b"AUTH" if done => {
                self.link.begin_with(words);
                self.known.lock().begin_with(words);
            }
            b"YARR.MIGRATE" => {
                if let Some(table) = words.get(1) {
                    self.known.lock().forget(table);
                }
            }
            b"FLUSHALL" | b"FLUSHDB" | b"SWAPDB" | b"RESTORE" => self.known.lock().refresh(),
            b"DEL" | b"UNLINK" | b"RENAME" | b"RENAMENX" | b"COPY" | b"MOVE" => {
                let mut known = self.known.lock();
                if words.iter().any(|word| known.tables().contains(word)) {
                    known.refresh();
                }
            }
            _ => {}
        }
    }

    /// Shows a page, and keeps where the next one begins.
    fn paged(
        &mut self,
        value: &Value,
        question: Question,
        sent: Words,
        took: Duration,
    ) -> Result<(), Trouble> {
        let Some([next, rows]) = answer::items(value) else {
            return self.show(value, &question, took);
        };
        let cursor = cell::bytes(next).unwrap_or(b"0").to_vec();
        let at = sent
            .iter()
            .rposition(|word| word.eq_ignore_ascii_case(b"CURSOR"));
        self.page = at.filter(|_| cursor != b"0").map(|at| {
            let mut words = sent;
            if let Some(word) = words.get_mut(at + 1) {
                word.clone_from(&cursor);
            }
            Page {
                words,
                cursor: at + 1,
            }
        });
        let question = Question {
            paged: true,
            ..question
        };
        self.show(rows, &question, took)
    }

    /// Shows the next page.
    ///
    /// # Errors
    /// Where there is none, or the server refuses.
    pub fn more(&mut self) -> Result<(), Trouble> {
        let Some(page) = self.page.take() else {
            return Err(Error::usage("there is no next page").into());
        };
        let begin = Instant::now();
        let value = self.ask(&page.words, &[])?;
        let mut words = page.words.clone();
        words.drain(page.cursor - 1..=page.cursor);
        let mut walked = walk(&mut self.known.lock(), &words, true);
        walked.cursor = true;
        let question = Question {
            words,
            walked,
            paged: true,
        };
        self.paged(&value, question, page.words, begin.elapsed())
    }

    /// Shows what a transaction answered, command by command.
    fn executed(
        &mut self,
        value: &Value,
        queued: &[Question],
        took: Duration,
    ) -> Result<(), Trouble> {
        let answers = answer::items(value).filter(|answers| answers.len() == queued.len());
        if let Some(answers) = answers.filter(|_| self.settings.json) {
            let document = |(answer, question): (&Value, &Question)| {
                let walked = &question.walked;
                answer::json(answer, &walked.answer, walked.schema.as_deref())
            };
            let documents: serde_json::Value = answers.iter().zip(queued).map(document).collect();
            return self.say(&format!("{documents}\n"));
        }
        let tables = queued
            .iter()
            .any(|question| question.walked.answer != Answer::Plain);
        let Some(answers) = answers.filter(|_| tables) else {
            let question = Question {
                words: vec![b"EXEC".to_vec()],
                walked: Walked::default(),
                paged: false,
            };
            return self.show(value, &question, took);
        };
        for (number, (answer, question)) in answers.iter().zip(queued).enumerate() {
            let words: Vec<String> = question
                .words
                .iter()
                .map(|word| line::typed(word))
                .collect();
            let title = format!("{}) {}", number + 1, words.join(" "));
            self.say(&format!("{}\n", self.output.paint(DIM, &title)))?;
            self.say(&self.text(answer, question).0)?;
        }
        self.time(took, false)
    }
}

/// Whether the next key says yes; any other says no, Ctrl-C and Enter too.
fn key() -> io::Result<bool> {
    terminal::enable_raw_mode()?;
    let pressed = loop {
        match event::read() {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => break Ok(key.code),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    terminal::disable_raw_mode()?;
    Ok(matches!(pressed?, KeyCode::Char('y' | 'Y')))
}

/// Commands whose answers do not end.
fn follows(words: &[Vec<u8>]) -> bool {
    let name = words
        .first()
        .map(|word| word.to_ascii_uppercase())
        .unwrap_or_default();
    let names: [&[u8]; 4] = [b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE", b"MONITOR"];
    names.contains(&name.as_slice())
}
