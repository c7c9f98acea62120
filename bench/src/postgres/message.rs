//! The messages of PostgreSQL's protocol 3 that are needed here: prepared statements, pipelined, all values binary.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::Result;
use crate::wire::{Answer, Wire};

/// Appends the message that begins a connection.
pub fn startup(out: &mut Vec<u8>) {
    let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    out.extend_from_slice(body);
}

/// Appends a message: its kind and what `body` writes.
fn message(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// Appends a question in text, which may be several statements.
pub fn query(out: &mut Vec<u8>, sql: &str) {
    message(out, b'Q', |out| text(out, sql));
}

/// Appends the preparing of a statement.
pub fn prepare(out: &mut Vec<u8>, name: &str, sql: &str) {
    message(out, b'P', |out| {
        text(out, name);
        text(out, sql);
        out.extend_from_slice(&[0; 2]);
    });
}

/// Appends the execution of a prepared statement, without the end that [`sync`] writes.
pub fn execute(out: &mut Vec<u8>, name: &str, values: &[&[u8]]) {
    message(out, b'B', |out| {
        out.push(0);
        text(out, name);
        let binary = [0, 1, 0, 1];
        out.extend_from_slice(&binary);
        out.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            out.extend_from_slice(&(value.len() as u32).to_be_bytes());
            out.extend_from_slice(value);
        }
        out.extend_from_slice(&binary);
    });
    message(out, b'E', |out| out.extend_from_slice(&[0; 5]));
}

/// Appends the end of a transaction of prepared statements: it is answered when they are done.
pub fn sync(out: &mut Vec<u8>) {
    message(out, b'S', |_| ());
}

/// Appends data of a COPY.
pub fn copy_data(out: &mut Vec<u8>, rows: &[u8]) {
    message(out, b'd', |out| out.extend_from_slice(rows));
}

/// Appends the end of a COPY.
pub fn copy_done(out: &mut Vec<u8>) {
    message(out, b'c', |_| ());
}

/// The first message, its kind and its body; `None` where it is not all there.
pub fn first(input: &[u8]) -> Option<(u8, &[u8])> {
    let (&kind, rest) = input.split_first()?;
    let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
    Some((kind, rest.get(4..length)?))
}

/// What an error says.
pub fn error(body: &[u8]) -> String {
    let fields = body.split(|&byte| byte == 0);
    let message = fields
        .filter_map(|field| field.strip_prefix(b"M"))
        .next()
        .unwrap_or(b"an error");
    format!("PostgreSQL: {}", String::from_utf8_lossy(message))
}

/// PostgreSQL on the wire; a reply is all that comes until the server is ready again.
pub struct Messages {
    /// The statements that each connection prepares, with their names.
    pub statements: &'static [(&'static str, &'static str)],
}

impl Wire for Messages {
    fn reply(&self, input: &[u8]) -> Result<Option<(usize, Answer)>> {
        let (mut at, mut answer) = (0, Answer::default());
        while let Some((kind, body)) = first(&input[at..]) {
            at += 5 + body.len();
            match kind {
                b'D' => {
                    answer.items += 1;
                    answer.value = answer.value.wrapping_add(only_number(body).unwrap_or(0));
                }
                b'C' if answer.items == 0 => answer.value += changed(body).unwrap_or(0),
                b'E' => return Err(error(body).into()),
                b'Z' => {
                    answer.bytes = at as u64;
                    return Ok(Some((at, answer)));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn greet(&self, stream: &mut TcpStream) -> Result<()> {
        let mut out = Vec::new();
        startup(&mut out);
        stream.write_all(&out)?;
        until_ready(stream)?;
        if self.statements.is_empty() {
            return Ok(());
        }
        out.clear();
        for (name, sql) in self.statements {
            prepare(&mut out, name, sql);
        }
        sync(&mut out);
        stream.write_all(&out)?;
        until_ready(stream)
    }
}

/// Of a row of one number, the number.
fn only_number(row: &[u8]) -> Option<i64> {
    let number = row.strip_prefix(&[0, 1, 0, 0, 0, 8])?;
    Some(i64::from_be_bytes(number.try_into().ok()?))
}

/// Of the tag of a finished command, as `UPDATE 1`, the number of rows.
fn changed(tag: &[u8]) -> Option<i64> {
    let tag = std::str::from_utf8(tag.strip_suffix(b"\0")?).ok()?;
    tag.rsplit_once(' ')?.1.parse().ok()
}

/// Reads one message.
pub fn read(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut body = vec![0; length.saturating_sub(4)];
    stream.read_exact(&mut body)?;
    match head[0] {
        b'E' => Err(error(&body).into()),
        kind => Ok((kind, body)),
    }
}

/// Reads until the server is ready.
pub fn until_ready(stream: &mut TcpStream) -> Result<()> {
    while read(stream)?.0 != b'Z' {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_where_the_server_is_ready() {
        let mut input = Vec::new();
        message(&mut input, b'D', |out| {
            out.extend_from_slice(&[0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7])
        });
        message(&mut input, b'C', |out| text(out, "SELECT 1"));
        message(&mut input, b'Z', |out| out.push(b'I'));
        let wire = Messages { statements: &[] };
        for end in 0..input.len() {
            assert_eq!(wire.reply(&input[..end]).expect("no error"), None, "{end}");
        }
        let (length, answer) = wire.reply(&input).expect("no error").expect("a reply");
        assert_eq!((length, answer.items, answer.value), (input.len(), 1, 7));
    }

    #[test]
    fn a_change_tells_its_rows_and_an_error_its_text() {
        let mut input = Vec::new();
        message(&mut input, b'C', |out| text(out, "UPDATE 3"));
        message(&mut input, b'Z', |out| out.push(b'I'));
        let wire = Messages { statements: &[] };
        assert_eq!(
            wire.reply(&input)
                .expect("no error")
                .expect("a reply")
                .1
                .value,
            3
        );
        input.clear();
        message(&mut input, b'E', |out| {
            out.extend_from_slice(b"SERROR\0Mno such table\0\0")
        });
        assert_eq!(
            wire.reply(&input).unwrap_err().to_string(),
            "PostgreSQL: no such table"
        );
    }
}
