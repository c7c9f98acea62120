//! What Redis speaks: commands out, replies in.

use crate::Result;
use crate::wire::{Answer, Wire};

/// Appends a command.
pub fn command<T: AsRef<[u8]>>(out: &mut Vec<u8>, tokens: &[T]) {
    head(out, tokens.len());
    for token in tokens {
        self::token(out, token.as_ref());
    }
}

/// Appends the head of a command of so many tokens.
pub fn head(out: &mut Vec<u8>, tokens: usize) {
    line(out, b'*', tokens);
}

/// Appends one token.
pub fn token(out: &mut Vec<u8>, token: &[u8]) {
    line(out, b'$', token.len());
    out.extend_from_slice(token);
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    let (mut digits, mut at, mut rest) = ([0; 20], 20, number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// One item of a reply: an array is its head and then its items.
enum Item<'a> {
    Text(&'a [u8]),
    Error(&'a str),
    Integer(i64),
    Array(usize),
    Null,
}

/// The first item and its length; `None` where it is not all there.
fn item(input: &[u8]) -> Result<Option<(Item<'_>, usize)>> {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let line = std::str::from_utf8(&input[..end])?.trim_end();
    let after = end + 1;
    let Some(kind) = line.chars().next() else {
        return Err("an empty line in a reply".into());
    };
    let rest = &line[1..];
    Ok(Some(match kind {
        '+' => (Item::Text(rest.as_bytes()), after),
        '-' => (Item::Error(rest), after),
        ':' => (Item::Integer(rest.parse()?), after),
        '*' => match rest.parse::<i64>()?.try_into() {
            Ok(length) => (Item::Array(length), after),
            Err(_) => (Item::Null, after),
        },
        '$' => match usize::try_from(rest.parse::<i64>()?) {
            Ok(length) => match input.get(after..after + length + 2) {
                Some(text) => (Item::Text(&text[..length]), after + length + 2),
                None => return Ok(None),
            },
            Err(_) => (Item::Null, after),
        },
        other => return Err(format!("a reply that begins with {other:?}").into()),
    }))
}

/// Redis on the wire.
pub struct Resp;

impl Wire for Resp {
    fn reply(&self, input: &[u8]) -> Result<Option<(usize, Answer)>> {
        let (mut at, mut pending, mut answer) = (0, 1, Answer::default());
        while pending > 0 {
            let Some((item, length)) = item(&input[at..])? else {
                return Ok(None);
            };
            at += length;
            pending -= 1;
            match item {
                Item::Text(_) => answer.items += 1,
                Item::Integer(value) => {
                    answer.items += 1;
                    answer.value = answer.value.wrapping_add(value);
                }
                Item::Array(items) => pending += items,
                Item::Null => answer.nulls += 1,
                Item::Error(text) => return Err(text.into()),
            }
        }
        answer.bytes = at as u64;
        Ok(Some((at, answer)))
    }
}

/// A whole reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Text(String),
    Integer(i64),
    Array(Vec<Reply>),
    Null,
}

impl Reply {
    /// The first reply and its length; `None` where it is not all there.
    pub fn parse(input: &[u8]) -> Result<Option<(Reply, usize)>> {
        let Some((item, mut at)) = item(input)? else {
            return Ok(None);
        };
        let reply = match item {
            Item::Text(text) => Reply::Text(String::from_utf8_lossy(text).into_owned()),
            Item::Integer(value) => Reply::Integer(value),
            Item::Null => Reply::Null,
            Item::Error(text) => return Err(text.into()),
            Item::Array(length) => {
                let mut items = Vec::new();
                for _ in 0..length {
                    let Some((reply, length)) = Reply::parse(&input[at..])? else {
                        return Ok(None);
                    };
                    items.push(reply);
                    at += length;
                }
                Reply::Array(items)
            }
        };
        Ok(Some((reply, at)))
    }

    /// Its text; that of a number too.
    pub fn text(&self) -> String {
        match self {
            Reply::Text(text) => text.clone(),
            Reply::Integer(value) => value.to_string(),
            Reply::Array(_) | Reply::Null => String::new(),
        }
    }

    /// Of `name value ...`, the value.
    pub fn named(&self, name: &str) -> Option<&Reply> {
        let Reply::Array(items) = self else {
            return None;
        };
        items
            .chunks_exact(2)
            .find(|pair| pair[0].text() == name)
            .map(|pair| &pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_counts_what_it_holds_once_it_is_there() {
        let input = b"*3\r\n$2\r\nid\r\n*2\r\n:7\r\n$-1\r\n+OK\r\n:1\r\n";
        let whole = input.len() - 4;
        for end in 0..whole {
            assert_eq!(Resp.reply(&input[..end]).expect("no error"), None, "{end}");
        }
        let (length, answer) = Resp.reply(input).expect("no error").expect("a reply");
        assert_eq!(
            (length, answer.items, answer.nulls, answer.value),
            (whole, 3, 1, 7)
        );
    }

    #[test]
    fn an_error_is_one() {
        assert_eq!(
            Resp.reply(b"*1\r\n-ERR no\r\n").unwrap_err().to_string(),
            "ERR no"
        );
    }

    #[test]
    fn a_command_is_its_tokens_and_their_lengths() {
        let mut out = Vec::new();
        command(&mut out, &["GET", "a key of 17 bytes"]);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$17\r\na key of 17 bytes\r\n");
    }
}
