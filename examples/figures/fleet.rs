//! Many connections with many commands under way on each, from one thread.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

pub const CONNECTIONS: usize = 50;
/// Commands sent on a connection before their replies are read.
pub const PIPELINE: usize = 16;

/// The connections. All of them are written before any is read, so that the server always has
/// work for a whole turn of its loop.
pub struct Fleet {
    ships: Vec<Ship>,
}

struct Ship {
    stream: TcpStream,
    output: Vec<u8>,
    /// Bytes read and not yet understood.
    input: Vec<u8>,
    /// Replies that are still to come.
    expected: usize,
}

impl Fleet {
    pub fn connect(port: u16) -> Result<Fleet, Box<dyn Error>> {
        let ships = (0..CONNECTIONS)
            .map(|_| {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
                stream.set_nodelay(true)?;
                Ok(Ship {
                    stream,
                    output: Vec::new(),
                    input: Vec::new(),
                    expected: 0,
                })
            })
            .collect::<Result<_, std::io::Error>>()?;
        Ok(Fleet { ships })
    }

    /// Sends `command(0)` to `command(n - 1)` and reads their replies; an error among them ends it.
    pub fn run(
        &mut self,
        n: usize,
        mut command: impl FnMut(usize, &mut Vec<u8>),
    ) -> Result<(), Box<dyn Error>> {
        let mut next = 0;
        while next < n {
            for ship in &mut self.ships {
                while ship.expected < PIPELINE && next < n {
                    command(next, &mut ship.output);
                    ship.expected += 1;
                    next += 1;
                }
            }
            for ship in &mut self.ships {
                ship.stream.write_all(&ship.output)?;
                ship.output.clear();
            }
            for ship in &mut self.ships {
                ship.read_replies()?;
            }
        }
        Ok(())
    }
}

impl Ship {
    /// Reads until every reply is in. An array is its head and then its items.
    fn read_replies(&mut self) -> Result<(), Box<dyn Error>> {
        let mut at = 0;
        while self.expected > 0 {
            match item(&self.input[at..])? {
                Some((length, items)) => {
                    at += length;
                    self.expected = self.expected - 1 + items;
                }
                None => {
                    self.input.drain(..at);
                    at = 0;
                    let had = self.input.len();
                    self.input.resize(had + 65_536, 0);
                    let got = self.stream.read(&mut self.input[had..])?;
                    self.input.truncate(had + got);
                    if got == 0 {
                        return Err("the server hung up".into());
                    }
                }
            }
        }
        self.input.clear();
        Ok(())
    }
}

/// The first item's bytes and how many items it announces; `None` where it is not all there.
fn item(input: &[u8]) -> Result<Option<(usize, usize)>, Box<dyn Error>> {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let line = std::str::from_utf8(&input[..end])?.trim_end();
    let size = || line[1..].parse::<i64>();
    Ok(match line.as_bytes().first() {
        Some(b'-') => return Err(line[1..].into()),
        Some(b'*') => Some((end + 1, usize::try_from(size()?).unwrap_or(0))),
        Some(b'$') => match usize::try_from(size()?) {
            Ok(length) if input.len() < end + 1 + length + 2 => None,
            Ok(length) => Some((end + 1 + length + 2, 0)),
            // A null: no bytes follow.
            Err(_) => Some((end + 1, 0)),
        },
        _ => Some((end + 1, 0)),
    })
}

/// Appends a command in RESP.
pub fn command<T: AsRef<[u8]>>(out: &mut Vec<u8>, tokens: &[T]) {
    head(out, tokens.len());
    for token in tokens {
        self::token(out, token.as_ref());
    }
}

/// Appends the head of a command of `tokens` tokens.
pub fn head(out: &mut Vec<u8>, tokens: usize) {
    out.extend_from_slice(format!("*{tokens}\r\n").as_bytes());
}

/// Appends one token.
pub fn token(out: &mut Vec<u8>, token: &[u8]) {
    out.extend_from_slice(format!("${}\r\n", token.len()).as_bytes());
    out.extend_from_slice(token);
    out.extend_from_slice(b"\r\n");
}
