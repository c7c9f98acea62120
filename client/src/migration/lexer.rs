//! Lines of a migration's file, and their words.

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) bytes: Vec<u8>,
    /// Whether it stood in quotes: such a word is none of the grammar.
    pub(super) quoted: bool,
    pub(super) place: Place,
}

impl Word {
    /// Whether it is this word of the grammar, in any case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.bytes.eq_ignore_ascii_case(keyword.as_bytes())
    }
}

/// A line and a column, both from 1 on; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// What is wrong here.
    pub(super) fn fault(self, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}", self.line, self.column)
    }
}

/// A line of words, those of the lines that go on with it among them.
pub(super) struct Line {
    pub(super) words: Vec<Word>,
    /// Behind the last word.
    pub(super) end: Place,
}

/// The lines that hold words. A line whose last word is `\` goes on with the next.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, String> {
    let mut lines: Vec<Line> = Vec::new();
    let mut goes_on = false;
    for (at, text) in text.split('\n').enumerate() {
        let text = text.strip_suffix('\r').unwrap_or(text);
        if !goes_on && text.trim_start().starts_with('#') {
            continue;
        }
        let (mut words, end) = words(text, at + 1)?;
        let before = goes_on;
        goes_on = words.last().is_some_and(|word| word.is("\\"));
        if goes_on {
            words.pop();
        }
        match lines.last_mut() {
            Some(last) if before => {
                last.words.extend(words);
                last.end = end;
            }
            _ if words.is_empty() && !goes_on => {}
            _ => lines.push(Line { words, end }),
        }
    }
    match lines.iter().find(|line| line.words.is_empty()) {
        Some(line) => Err(line
            .end
            .fault("expected words before the '\\' that goes on, found none")),
        None if goes_on => {
            let end = lines
                .last()
                .map_or(Place { line: 1, column: 1 }, |line| line.end);
            Err(end.fault("expected another line behind '\\', found the end of the file"))
        }
        None => Ok(lines),
    }
}

/// The words of one line, as `redis-cli` reads them: in double quotes stand `\n`, `\r`, `\t`, `\b`, `\a`, `\"`, `\\` and
/// `\xHH`, in single ones `\'`.
fn words(text: &str, line: usize) -> Result<(Vec<Word>, Place), String> {
    let mut words = Vec::new();
    let mut rest = text.chars().enumerate().peekable();
    loop {
        while rest
            .next_if(|(_, char)| char.is_ascii_whitespace())
            .is_some()
        {}
        let Some((at, first)) = rest.peek().copied() else {
            break;
        };
        let place = Place {
            line,
            column: at + 1,
        };
        let quote = Some(first).filter(|char| ['"', '\''].contains(char));
        let bytes = match quote {
            Some(quote) => {
                rest.next();
                let quoted = quoted(&mut rest, quote);
                quoted.map_err(|what| place.fault(what))?
            }
            None => bare(&mut rest).map_err(|what| place.fault(what))?,
        };
        if rest
            .peek()
            .is_some_and(|(_, char)| !char.is_ascii_whitespace())
        {
            return Err(place.fault("expected a blank behind the quote that ends this word"));
        }
        words.push(Word {
            bytes,
            quoted: quote.is_some(),
            place,
        });
    }
    let end = Place {
        line,
        column: text.trim_end().chars().count() + 1,
    };
    Ok((words, end))
}

type Chars<'t> = std::iter::Peekable<std::iter::Enumerate<std::str::Chars<'t>>>;

fn bare(rest: &mut Chars<'_>) -> Result<Vec<u8>, &'static str> {
    let mut word = String::new();
    while let Some((_, char)) = rest.next_if(|(_, char)| !char.is_ascii_whitespace()) {
        match char {
            '"' | '\'' => return Err("expected quotes about the whole word, found one within it"),
            _ => word.push(char),
        }
    }
    Ok(word.into_bytes())
}

fn quoted(rest: &mut Chars<'_>, quote: char) -> Result<Vec<u8>, &'static str> {
    const OPEN: &str = "expected the quote that ends this word, found the end of the line";
    let mut word = Vec::new();
    let push = |word: &mut Vec<u8>, char: char| {
        word.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    };
    loop {
        let (_, char) = rest.next().ok_or(OPEN)?;
        match (char, quote) {
            (char, quote) if char == quote => return Ok(word),
            ('\\', '"') => match rest.next().ok_or(OPEN)?.1 {
                'n' => word.push(b'\n'),
                'r' => word.push(b'\r'),
                't' => word.push(b'\t'),
                'b' => word.push(8),
                'a' => word.push(7),
                'x' => {
                    let mut digit = || rest.next()?.1.to_digit(16);
                    let byte = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                    let byte = byte.and_then(|byte| u8::try_from(byte).ok());
                    word.push(byte.ok_or("expected two hex digits behind '\\x'")?);
                }
                other => push(&mut word, other),
            },
            ('\\', _) => match rest.next_if(|(_, char)| *char == '\'') {
                Some(_) => word.push(b'\''),
                None => word.push(b'\\'),
            },
            (char, _) => push(&mut word, char),
        }
    }
}
