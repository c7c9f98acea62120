//! The operations of `YARR.MIGRATE`, read far enough to tell them apart and to find what cannot be one. The server has
//! the last word.

use super::parser::FIELD_NAME;

/// Words that begin an operation, and so end the one before.
pub(super) const FIRST_WORDS: [&str; 8] = [
    "ADD",
    "REMOVE",
    "RENAME",
    "SET",
    "ID",
    "TIMESTAMPS",
    "CHANGES",
    "UPDATE",
];

/// What was expected in the place of a word; the place is a number of words, or their end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unexpected {
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

type Result<T> = std::result::Result<T, Unexpected>;

const OPERATION: &str = "an operation (ADD FIELD, REMOVE FIELD, RENAME FIELD, SET FIELD, ADD ENUM VALUE, ADD INDEX, REMOVE INDEX, SET TTL, ID, TIMESTAMPS, CHANGES or UPDATE)";
const TYPE: &str =
    "a type (INTEGER, FLOAT, BOOLEAN, DATETIME, STRING, UUID, TAGS or ENUM ( a b c ))";
const TYPES: [&str; 7] = [
    "INTEGER", "FLOAT", "BOOLEAN", "DATETIME", "STRING", "UUID", "TAGS",
];

/// Words, read from left to right.
pub(super) struct Reader<'w> {
    words: Vec<&'w [u8]>,
    at: usize,
}

impl<'w> Reader<'w> {
    pub(super) fn new(words: Vec<&'w [u8]>) -> Reader<'w> {
        Reader { words, at: 0 }
    }

    /// The operations up to the end of the words, or to DOWN or DROP: where each begins and ends, the `;` between them
    /// left out.
    pub(super) fn operations(&mut self) -> Result<Vec<(usize, usize)>> {
        let mut spans = Vec::new();
        while self.peek().is_some() && !self.is_any(&["DOWN", "DROP"]) {
            let start = self.at;
            self.operation(spans.is_empty())?;
            spans.push((start, self.at));
            while self.accept(";") {}
        }
        match spans.is_empty() {
            true => self.expected(OPERATION),
            false => Ok(spans),
        }
    }

    pub(super) fn peek(&self) -> Option<&'w [u8]> {
        self.words.get(self.at).copied()
    }

    fn is(&self, keyword: &str) -> bool {
        let same = |word: &[u8]| word.eq_ignore_ascii_case(keyword.as_bytes());
        self.peek().is_some_and(same)
    }

    fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    pub(super) fn accept(&mut self, keyword: &str) -> bool {
        let found = self.is(keyword);
        self.at += usize::from(found);
        found
    }

    fn accept_any(&mut self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.accept(keyword))
    }

    pub(super) fn expected<T>(&self, expected: &'static str) -> Result<T> {
        Err(Unexpected {
            at: self.at,
            expected,
        })
    }

    fn expect(&mut self, keyword: &'static str) -> Result<()> {
        match self.accept(keyword) {
            true => Ok(()),
            false => self.expected(keyword),
        }
    }

    fn expect_any(&mut self, keywords: &[&str], expected: &'static str) -> Result<()> {
        match self.accept_any(keywords) {
            true => Ok(()),
            false => self.expected(expected),
        }
    }

    fn any(&mut self, expected: &'static str) -> Result<()> {
        match self.peek() {
            Some(_) => {
                self.at += 1;
                Ok(())
            }
            None => self.expected(expected),
        }
    }

    fn ends(&self) -> bool {
        self.peek().is_none()
            || self.is(";")
            || self.is_any(&FIRST_WORDS)
            || self.is_any(&["DOWN", "DROP"])
    }

    fn operation(&mut self, alone: bool) -> Result<()> {
        if self.is("UPDATE") {
            return self.update(alone);
        }
        if self.accept("ADD") {
            self.add()?;
        } else if self.accept("REMOVE") {
            if self.accept("FIELD") {
                self.field()?;
            } else if self.accept("INDEX") {
                self.fields()?;
                self.accept("BITMAP");
            } else {
                return self.expected("FIELD or INDEX");
            }
        } else if self.accept("RENAME") {
            self.expect("FIELD")?;
            self.field()?;
            self.expect("TO")?;
            self.field()?;
        } else if self.accept("SET") {
            self.set()?;
        } else if self.accept("ID") {
            self.expect_any(&["INTEGER", "UUID", "STRING"], "INTEGER, UUID or STRING")?;
        } else if self.accept_any(&["TIMESTAMPS", "CHANGES"]) {
            self.expect_any(&["ON", "OFF"], "ON or OFF")?;
        } else {
            return self.expected(OPERATION);
        }
        match self.ends() {
            true => Ok(()),
            false => self.expected("the next operation, or the end of this one"),
        }
    }

    /// What it says of records is the server's to read.
    fn update(&mut self, alone: bool) -> Result<()> {
        if !alone {
            return self
                .expected("no UPDATE beside other operations: it stands alone in its migration");
        }
        self.at += 1;
        let set = |words: &[&[u8]]| {
            words
                .iter()
                .position(|word| word.eq_ignore_ascii_case(b"SET"))
        };
        match set(self.words.get(self.at..).unwrap_or_default()) {
            Some(0) => self.expected("a predicate, or *"),
            Some(_) => {
                self.at = self.words.len();
                Ok(())
            }
            None => {
                self.at = self.words.len();
                self.expected("SET field value behind the predicate")
            }
        }
    }

    fn add(&mut self) -> Result<()> {
        if self.accept("ENUM") {
            self.expect("VALUE")?;
            self.field()?;
            return self.enum_name();
        }
        if self.accept("INDEX") {
            self.fields()?;
            self.accept_any(&["UNIQUE", "BITMAP"]);
            return Ok(());
        }
        if !self.accept("FIELD") {
            return self.expected("FIELD, INDEX or ENUM VALUE");
        }
        self.field()?;
        let tags = self.is("TAGS");
        self.kind()?;
        while !self.ends() {
            if self.accept("NOT") {
                self.expect("NULL")?;
            } else if self.accept("DEFAULT") {
                match tags {
                    true => self.tags()?,
                    false => self.any("the default")?,
                }
            } else {
                const REST: &str = "NOT NULL, DEFAULT, INDEX, UNIQUE, BITMAP or the next operation";
                self.expect_any(&["INDEX", "UNIQUE", "BITMAP"], REST)?;
            }
        }
        Ok(())
    }

    fn set(&mut self) -> Result<()> {
        if self.accept("TTL") {
            if !self.accept("NONE") {
                self.number("seconds, or NONE")?;
            }
            return self.expect_any(&["PASSIVE", "ACTIVE"], "PASSIVE or ACTIVE");
        }
        if !self.accept("FIELD") {
            return self.expected("FIELD or TTL");
        }
        self.field()?;
        if self.accept("DEFAULT") {
            // Whether it is one value or some tags depends on the field: a number before so many words counts them.
            let count = self.number("the default").ok();
            if count.is_none() {
                self.any("the default")?;
            }
            if !self.ends() {
                for _ in 0..count.unwrap_or_default() {
                    self.any("as many tags as the number says")?;
                }
            }
            return Ok(());
        }
        if self.accept("NO") {
            return self.expect("DEFAULT");
        }
        if self.accept("NOT") {
            return self.expect("NULL");
        }
        if self.accept("TYPE") {
            return self.kind();
        }
        self.expect_any(&["NULL"], "DEFAULT, NO DEFAULT, NOT NULL, NULL or TYPE")
    }

    fn number(&mut self, expected: &'static str) -> Result<u64> {
        let text = self.peek().and_then(|word| std::str::from_utf8(word).ok());
        match text.and_then(|text| text.parse().ok()) {
            Some(number) => {
                self.at += 1;
                Ok(number)
            }
            None => self.expected(expected),
        }
    }

    fn tags(&mut self) -> Result<()> {
        for _ in 0..self.number("the number of tags in the default")? {
            self.any("as many tags as the number says")?;
        }
        Ok(())
    }

    fn kind(&mut self) -> Result<()> {
        if self.accept_any(&TYPES) {
            return Ok(());
        }
        if !self.accept("ENUM") {
            return self.expected(TYPE);
        }
        self.expect("(")?;
        self.enum_name()?;
        while !self.accept(")") {
            self.enum_name()?;
        }
        Ok(())
    }

    fn enum_name(&mut self) -> Result<()> {
        let fits = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
        match self.peek() {
            Some(word) if (1..=255).contains(&word.len()) && word.iter().all(fits) => {
                self.at += 1;
                Ok(())
            }
            _ => self.expected(
                "a name of an ENUM ([A-Za-z0-9_.-]+), blanks about it and the parentheses",
            ),
        }
    }

    fn field(&mut self) -> Result<()> {
        let name = self
            .peek()
            .map(|word| word.strip_prefix(b"@").unwrap_or(word));
        let rest = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_';
        match name {
            Some(name @ [b'a'..=b'z' | b'_', ..]) if name.len() <= 63 && name.iter().all(rest) => {
                self.at += 1;
                Ok(())
            }
            _ => self.expected(FIELD_NAME),
        }
    }

    fn fields(&mut self) -> Result<()> {
        // `id` is a field here as well as an operation's first word.
        self.field()?;
        while !self.ends() && !self.is_any(&["UNIQUE", "BITMAP"]) {
            self.field()?;
        }
        Ok(())
    }
}
