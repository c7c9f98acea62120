//! The grammar of a migration's file.
//!
//! ```text
//! file    = "up" blocks [ "down" [ "drop data" ] blocks ]
//! blocks  = { table | redis | each }
//! table   = "table" name                                        operations, "drop data"
//! redis   = "redis"                                             commands
//! each    = "for each key matching" pattern [ "type" type ] [ "batch" keys ]   commands   "end"
//! ```

use super::{
    Migration,
    block::{Block, Each, MAX_BATCH},
    glob,
    lexer::{Line, Place, Word, lines},
    operation::Reader,
    printer::KEYWORDS,
};
use crate::words::Words;

pub(super) const FIELD_NAME: &str = "a field's name ([a-z_][a-z0-9_]*, 63 bytes at most)";

type Result<T> = std::result::Result<T, String>;

/// Reads a file into a migration that has version and name.
pub(super) fn file(mut migration: Migration, text: &str) -> Result<Migration> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = lines(text)?;
    let end = Place {
        line: text.lines().count().max(1),
        column: text
            .lines()
            .last()
            .map_or(0, |line| line.trim_end().chars().count())
            + 1,
    };
    let mut parser = Parser {
        lines: &lines,
        end,
        captures: None,
    };
    parser.header("up")?;
    migration.up = parser.blocks(false)?;
    if migration.up.is_empty() {
        return Err(parser.unexpected("a block (table, redis or for each)"));
    }
    if parser.accept("down")? {
        migration.drop_data = parser.accept_drop()?;
        migration.down = Some(parser.blocks(true)?);
    }
    if let Some(line) = parser.lines.first() {
        return Err(unexpected(
            line,
            0,
            "a block (table, redis or for each), `down` once, or the end of the file",
        ));
    }
    if let Some(fault) = parser.strange_table(&migration, &lines) {
        return Err(fault);
    }
    Ok(migration)
}

/// Reads the operations of a table given in one text, with DOWN and DROP DATA.
pub(super) fn table(table: &str, text: &str) -> Result<(Block, Option<Block>)> {
    let lines = lines(text)?;
    let words: Vec<&Word> = lines.iter().flat_map(|line| &line.words).collect();
    let mut reader = Reader::new(words.iter().map(|word| word.bytes.as_slice()).collect());
    let place = |at: usize| {
        let word = words.get(at);
        let found = word.map_or("the end".into(), |word| {
            format!("'{}'", word.bytes.escape_ascii())
        });
        format!("in the operations of table '{table}', found {found}")
    };
    let fault = |error: super::operation::Unexpected| {
        format!("expected {} {}", error.expected, place(error.at))
    };
    let operations = |reader: &mut Reader<'_>| {
        let spans = reader.operations().map_err(fault)?;
        Ok::<_, String>(
            spans
                .into_iter()
                .map(|(start, end)| of(words.get(start..end).unwrap_or_default()))
                .collect::<Vec<Words>>(),
        )
    };
    let up = operations(&mut reader)?;
    let down = match reader.accept("DOWN") {
        true => Some(operations(&mut reader)?),
        false => None,
    };
    let drop_data = reader.accept("DROP");
    if drop_data && !reader.accept("DATA") {
        return reader.expected("DATA behind DROP").map_err(fault);
    }
    if reader.peek().is_some() {
        return reader.expected("the end of the operations").map_err(fault);
    }
    let block = |operations, drop_data| Block::Table {
        name: table.into(),
        operations,
        drop_data,
    };
    Ok((block(up, drop_data), down.map(|down| block(down, false))))
}

fn of<'w>(words: impl IntoIterator<Item = &'w &'w Word>) -> Words {
    let mut all = Words::new();
    words.into_iter().for_each(|word| all.push(&word.bytes));
    all
}

/// A word of a line, or its end, in the place of something else.
fn unexpected(line: &Line, at: usize, expected: &str) -> String {
    match line.words.get(at) {
        Some(word) => {
            let shown = String::from_utf8_lossy(&word.bytes);
            let shown: String = shown.escape_debug().take(60).collect();
            word.place
                .fault(format_args!("expected {expected}, found '{shown}'"))
        }
        None => line.end.fault(format_args!(
            "expected {expected}, found the end of the line"
        )),
    }
}

struct Parser<'l> {
    lines: &'l [Line],
    /// Behind the last line.
    end: Place,
    /// Within a `for each`: how many `*` its pattern has.
    captures: Option<usize>,
}

impl<'l> Parser<'l> {
    fn unexpected(&self, expected: &str) -> String {
        match self.lines.first() {
            Some(line) => unexpected(line, 0, expected),
            None => self.end.fault(format_args!(
                "expected {expected}, found the end of the file"
            )),
        }
    }

    /// Whether the next line begins with this word of the grammar.
    fn is(&self, keyword: &str) -> bool {
        let first = self.lines.first().and_then(|line| line.words.first());
        first.is_some_and(|word| word.is(keyword))
    }

    fn take(&mut self) -> Option<&'l Line> {
        let (line, rest) = self.lines.split_first()?;
        self.lines = rest;
        Some(line)
    }

    /// Takes a line that is this one word.
    fn header(&mut self, keyword: &str) -> Result<()> {
        match self.accept(keyword)? {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{keyword}`"))),
        }
    }

    fn accept(&mut self, keyword: &str) -> Result<bool> {
        if !self.is(keyword) {
            return Ok(false);
        }
        match self.take() {
            Some(line) if line.words.len() > 1 => Err(unexpected(line, 1, "the end of the line")),
            _ => Ok(true),
        }
    }

    /// Takes `drop data`.
    fn accept_drop(&mut self) -> Result<bool> {
        if !self.is("drop") {
            return Ok(false);
        }
        match self.take() {
            Some(line) if !line.words.get(1).is_some_and(|word| word.is("data")) => {
                Err(unexpected(line, 1, "`data` behind `drop`"))
            }
            Some(line) if line.words.len() > 2 => Err(unexpected(line, 2, "the end of the line")),
            _ => Ok(true),
        }
    }

    fn blocks(&mut self, down: bool) -> Result<Vec<Block>> {
        let mut blocks: Vec<Block> = Vec::new();
        while let Some(line) = self.lines.first() {
            let block = if self.is("table") {
                let block = self.table(down)?;
                if blocks
                    .iter()
                    .any(|other| other.of_table() == block.of_table())
                {
                    return Err(unexpected(
                        line,
                        1,
                        "each table once: its operations stand in one block",
                    ));
                }
                block
            } else if self.is("redis") {
                self.header("redis")?;
                Block::Redis(self.commands()?)
            } else if self.is("for") {
                Block::Each(self.each()?)
            } else {
                break;
            };
            blocks.push(block);
        }
        if self.is("end") || self.is("drop") || !self.begins() {
            const BLOCK: &str =
                "a block (table, redis or for each), `down` once, or the end of the file";
            return Err(self.unexpected(BLOCK));
        }
        Ok(blocks)
    }

    /// Whether the next line is none of commands.
    fn begins(&self) -> bool {
        self.lines.is_empty() || KEYWORDS.iter().any(|keyword| self.is(keyword))
    }

    fn table(&mut self, down: bool) -> Result<Block> {
        let Some(line) = self.take() else {
            return Err(self.unexpected("a table"));
        };
        let name = match line.words.as_slice() {
            [_, name] if !name.bytes.is_empty() => name.bytes.clone(),
            [_, _, ..] if line.words.len() > 2 => {
                return Err(unexpected(line, 2, "the end of the line"));
            }
            _ => return Err(unexpected(line, 1, "the name of a table")),
        };
        let mut said: Vec<&Line> = Vec::new();
        let mut drop_data = false;
        while !self.begins() || self.is("drop") {
            match self.accept_drop()? {
                true => drop_data = true,
                false if drop_data => {
                    return Err(self.unexpected("no operation behind `drop data`"));
                }
                false => said.extend(self.take()),
            }
        }
        let operations = operations(&said)?;
        if operations.is_empty() && !(down && drop_data) {
            let expected = match down {
                true => "operations, or `drop data`, of this table",
                false => "operations of this table",
            };
            return Err(self.unexpected(expected));
        }
        Ok(Block::Table {
            name,
            operations,
            drop_data,
        })
    }

    fn commands(&mut self) -> Result<Vec<Words>> {
        let mut commands = Vec::new();
        while !self.begins() {
            let Some(line) = self.take() else { break };
            self.command(line)?;
            commands.push(of(&line.words.iter().collect::<Vec<_>>()));
        }
        match commands.is_empty() {
            true => Err(self.unexpected("a Redis command")),
            false => Ok(commands),
        }
    }

    /// Sees whether a command is one that may stand here.
    fn command(&self, line: &Line) -> Result<()> {
        let first = line
            .words
            .first()
            .map(|word| word.bytes.to_ascii_uppercase());
        let expected = match first.as_deref().unwrap_or_default() {
            b"YARR.MIGRATE" => "no YARR.MIGRATE: operations stand in `table name`",
            b"MULTI" | b"EXEC" | b"DISCARD" | b"WATCH" | b"UNWATCH" => {
                "no command of a transaction: these commands are in one"
            }
            b"SELECT" | b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"MONITOR" | b"QUIT"
            | b"RESET" | b"HELLO" | b"AUTH" | b"SYNC" | b"PSYNC" => {
                "no command that changes the connection"
            }
            _ => "",
        };
        if !expected.is_empty() {
            return Err(unexpected(line, 0, expected));
        }
        let Some(captures) = self.captures else {
            return Ok(());
        };
        for (at, word) in line.words.iter().enumerate() {
            if glob::highest(&word.bytes) > captures {
                let most = match captures {
                    0 => "no {1}: the pattern has no `*`".into(),
                    1 => "{1} at most: the pattern has one `*`".into(),
                    more => format!("{{{more}}} at most: the pattern has {more} `*`"),
                };
                return Err(unexpected(line, at, &most));
            }
        }
        Ok(())
    }

    fn each(&mut self) -> Result<Each> {
        let Some(line) = self.take() else {
            return Err(self.unexpected("for each"));
        };
        for (at, keyword) in ["for", "each", "key", "matching"].iter().enumerate() {
            if !line.words.get(at).is_some_and(|word| word.is(keyword)) {
                return Err(unexpected(
                    line,
                    at,
                    "for each key matching 'pattern' [type t] [batch n]",
                ));
            }
        }
        let Some(pattern) = line.words.get(4).filter(|word| !word.bytes.is_empty()) else {
            return Err(unexpected(line, 4, "a pattern of keys, such as 'user:*'"));
        };
        let mut each = Each::matching(&pattern.bytes);
        let mut at = 5;
        if line.words.get(at).is_some_and(|word| word.is("type")) {
            let kind = line.words.get(at + 1);
            let kind = kind.and_then(|word| std::str::from_utf8(&word.bytes).ok());
            let plain =
                |kind: &&str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_graphic());
            match kind.filter(plain) {
                Some(kind) => each = each.of_type(&kind.to_ascii_lowercase()),
                None => {
                    return Err(unexpected(
                        line,
                        at + 1,
                        "a type (string, hash, list, set, zset or stream)",
                    ));
                }
            }
            at += 2;
        }
        if line.words.get(at).is_some_and(|word| word.is("batch")) {
            let text = line.words.get(at + 1).map(|word| word.bytes.as_slice());
            let text = text.and_then(|bytes| std::str::from_utf8(bytes).ok());
            match text.and_then(|text| text.parse().ok()) {
                Some(keys) if (1..=MAX_BATCH).contains(&keys) => each = each.batch(keys),
                _ => {
                    return Err(unexpected(
                        line,
                        at + 1,
                        "a number of keys from 1 to 100000",
                    ));
                }
            }
            at += 2;
        }
        if line.words.len() > at {
            return Err(unexpected(line, at, "type, batch or the end of the line"));
        }
        self.captures = Some(glob::stars(&pattern.bytes));
        each.commands = self.commands()?;
        self.captures = None;
        match self.accept("end")? {
            true => Ok(each),
            false => Err(self.unexpected("`end` of this for each")),
        }
    }

    /// A table on the way down that is none of the way up.
    fn strange_table(&self, migration: &Migration, lines: &[Line]) -> Option<String> {
        let known = |name: &[u8]| {
            let names = migration.up.iter().filter_map(Block::of_table);
            names.into_iter().any(|own| own == name)
        };
        let down = lines
            .iter()
            .skip_while(|line| !line.words.first().is_some_and(|word| word.is("down")));
        let tables = down.filter(|line| line.words.first().is_some_and(|word| word.is("table")));
        let mut strange =
            tables.filter(|line| !line.words.get(1).is_some_and(|name| known(&name.bytes)));
        strange
            .next()
            .map(|line| unexpected(line, 1, "a table of the section `up`"))
    }
}

/// The operations of a table's lines; each line begins with one.
fn operations(lines: &[&Line]) -> Result<Vec<Words>> {
    let mut all = Vec::new();
    for (nth, line) in lines.iter().enumerate() {
        let words: Vec<&Word> = line.words.iter().collect();
        let mut reader = Reader::new(words.iter().map(|word| word.bytes.as_slice()).collect());
        let spans = reader
            .operations()
            .map_err(|error| unexpected(line, error.at, error.expected))?;
        if let Some((_, end)) = spans.last().filter(|_| reader.peek().is_some()) {
            return Err(unexpected(
                line,
                *end,
                "the next operation, or the end of the line",
            ));
        }
        let update = |line: &Line| {
            line.words
                .first()
                .is_some_and(|word| word.bytes.eq_ignore_ascii_case(b"UPDATE"))
        };
        if (update(line) && lines.len() > 1) || (nth > 0 && update(line)) {
            return Err(unexpected(
                line,
                0,
                "no UPDATE beside other operations: it stands alone in its table's block",
            ));
        }
        for (start, end) in spans {
            all.push(of(words.get(start..end).unwrap_or_default()));
        }
    }
    Ok(all)
}
