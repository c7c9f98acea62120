//! Patterns of keys, as `SCAN` takes them, and what their `*` stand for.

use crate::words::Words;

/// How many `*` a pattern has.
pub(super) fn stars(pattern: &[u8]) -> usize {
    tokens(pattern)
        .iter()
        .filter(|token| **token == Token::Star)
        .count()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Star,
    Any,
    Byte(u8),
    /// Ranges of bytes, and whether it is those that are meant.
    Class(Vec<(u8, u8)>, bool),
}

impl Token {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Token::Star => false,
            Token::Any => true,
            Token::Byte(own) => *own == byte,
            Token::Class(ranges, meant) => {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&byte))
                    == *meant
            }
        }
    }
}

fn tokens(pattern: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        let token = match byte {
            // Several in a row are one.
            b'*' => {
                while rest.next_if_eq(&b'*').is_some() {}
                Token::Star
            }
            b'?' => Token::Any,
            b'[' => class(&mut rest),
            b'\\' => Token::Byte(rest.next().unwrap_or(b'\\')),
            other => Token::Byte(other),
        };
        tokens.push(token);
    }
    tokens
}

fn class(rest: &mut std::iter::Peekable<impl Iterator<Item = u8>>) -> Token {
    let meant = rest.next_if_eq(&b'^').is_none();
    let mut ranges = Vec::new();
    while let Some(byte) = rest.next() {
        let low = match byte {
            b']' => break,
            b'\\' => rest.next().unwrap_or(b'\\'),
            other => other,
        };
        let high = match rest.next_if_eq(&b'-') {
            Some(_) => rest.next().unwrap_or(low),
            None => low,
        };
        ranges.push((low.min(high), low.max(high)));
    }
    Token::Class(ranges, meant)
}

/// What each `*` of a pattern stands for in a key, as few bytes as will do from left to right; `None` where the key does
/// not match.
pub(super) fn captures<'k>(pattern: &[u8], key: &'k [u8]) -> Option<Vec<&'k [u8]>> {
    let tokens = tokens(pattern);
    let parts: Vec<&[Token]> = tokens.split(|token| *token == Token::Star).collect();
    let fits = |part: &[Token], at: usize| {
        let bytes = key.get(at..at + part.len());
        bytes.is_some_and(|bytes| {
            part.iter()
                .zip(bytes)
                .all(|(token, byte)| token.takes(*byte))
        })
    };
    let (first, others) = parts.split_first()?;
    if !fits(first, 0) || (others.is_empty() && first.len() != key.len()) {
        return None;
    }
    let mut at = first.len();
    let mut spans = Vec::new();
    for (n, part) in others.iter().enumerate() {
        let start = if n + 1 == others.len() {
            // What ends the pattern ends the key.
            key.len()
                .checked_sub(part.len())
                .filter(|start| *start >= at && fits(part, *start))?
        } else {
            (at..key.len() + 1).find(|start| fits(part, *start))?
        };
        spans.push(key.get(at..start)?);
        at = start + part.len();
    }
    Some(spans)
}

/// A command with `{key}` and `{1}` filled in.
pub(super) fn filled(command: &Words, key: &[u8], captures: &[&[u8]]) -> Words {
    let mut all = Words::new();
    for word in command.iter() {
        let mut filled = Vec::with_capacity(word.len());
        let mut rest = word;
        while let Some((byte, behind)) = rest.split_first() {
            match placeholder(rest) {
                Some((0, length)) => {
                    filled.extend_from_slice(key);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Some((n, length)) => {
                    filled.extend_from_slice(captures.get(n - 1).copied().unwrap_or_default());
                    rest = rest.get(length..).unwrap_or_default();
                }
                None => {
                    filled.push(*byte);
                    rest = behind;
                }
            }
        }
        all.push(filled);
    }
    all
}

/// The highest of the `{1}` to `{9}` in a word.
pub(super) fn highest(word: &[u8]) -> usize {
    let at = |at: usize| word.get(at..).and_then(placeholder).map_or(0, |(n, _)| n);
    (0..word.len()).map(at).max().unwrap_or(0)
}

/// A placeholder at the start: 0 for the key, else which `*`, and its length.
fn placeholder(text: &[u8]) -> Option<(usize, usize)> {
    match text {
        [b'{', b'k', b'e', b'y', b'}', ..] => Some((0, 5)),
        [b'{', digit @ b'1'..=b'9', b'}', ..] => Some((usize::from(digit - b'0'), 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::block::words;

    #[test]
    fn a_pattern_tells_what_its_stars_stand_for() {
        for (pattern, key, expected) in [
            ("user:*", "user:5", Some(vec!["5"])),
            ("user:*", "user:", Some(vec![""])),
            ("user:*", "users:5", None),
            ("*", "a", Some(vec!["a"])),
            ("a", "a", Some(vec![])),
            ("a", "ab", None),
            ("*:*", "a:b:c", Some(vec!["a", "b:c"])),
            ("*:x", "a:x:x", Some(vec!["a:x"])),
            ("a**b", "axb", Some(vec!["x"])),
            ("a*b*b", "abb", Some(vec!["", ""])),
            ("a*b*b", "ab", None),
            ("u?[a-c][^x]*", "u1cyz", Some(vec!["z"])),
            ("u?[a-c][^x]*", "u1cxz", None),
            (r"\*[\]]*", "*]z", Some(vec!["z"])),
        ] {
            let expected: Option<Vec<&[u8]>> =
                expected.map(|spans| spans.iter().map(|span| span.as_bytes()).collect());
            assert_eq!(
                captures(pattern.as_bytes(), key.as_bytes()),
                expected,
                "{pattern} {key}"
            );
        }
        assert_eq!((stars(b"a**b*"), stars(br"\*[*]")), (2, 0));
    }

    #[test]
    fn placeholders_are_filled_in_and_other_braces_stay() {
        let command = words(["RENAME", "{key}", "{{1}}:{2}{x}{3"]);
        assert_eq!(
            filled(&command, b"k", &[b"a", b"{key}"]),
            words(["RENAME", "k", "{a}:{key}{x}{3"])
        );
        assert_eq!((highest(b"{1}{{4}"), highest(b"{0}{10}")), (4, 0));
    }
}
