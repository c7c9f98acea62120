//! A client that types commands as a person does in redis-cli.

use std::{
    io::{BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{
    line::{repr, split},
    reply::{Reply, read_reply},
};

/// Long enough for a gigabyte to travel on a busy machine: it only keeps a hung server from hanging the suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// One connection to a server.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// Push messages that came in front of a reply.
    pub pushes: Vec<Reply>,
}

impl Client {
    /// Connects to a server on this machine, speaking RESP2.
    pub fn connect(port: u16) -> std::io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client {
            stream: BufReader::with_capacity(1 << 16, stream),
            pushes: Vec::new(),
        })
    }

    /// Goes over to RESP3.
    pub fn resp3(mut self) -> Client {
        let hello = self.run("HELLO 3");
        assert!(matches!(hello, Reply::Map(_)), "HELLO 3 answered {hello:?}");
        self
    }

    /// Types a command line and waits for its reply.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Reply {
        let words = split(line).unwrap_or_else(|| panic!("unbalanced quotes in: {line}"));
        self.send(&words)
    }

    /// Sends one command and waits for its reply.
    #[track_caller]
    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Reply {
        match self.try_send(words) {
            Ok(reply) => reply,
            Err(error) => {
                let shown: Vec<_> = words
                    .iter()
                    .take(24)
                    .map(|w| repr(head(w.as_ref())))
                    .collect();
                panic!("the server went away ({error}) at: {}", shown.join(" "))
            }
        }
    }

    /// Sends one command; the error is that of the connection.
    pub fn try_send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> std::io::Result<Reply> {
        self.write(words)?;
        self.reply()
    }

    /// Sends one command without waiting for its reply.
    pub fn write<W: AsRef<[u8]>>(&mut self, words: &[W]) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        encode_into(&mut bytes, words);
        self.stream.get_mut().write_all(&bytes)
    }

    /// The next reply; push messages before it are kept aside.
    pub fn reply(&mut self) -> std::io::Result<Reply> {
        loop {
            match read_reply(&mut self.stream)? {
                push @ Reply::Push(_) => self.pushes.push(push),
                reply => return Ok(reply),
            }
        }
    }

    /// The next message of any kind, a push among them.
    pub fn message(&mut self) -> std::io::Result<Reply> {
        match self.pushes.is_empty() {
            true => read_reply(&mut self.stream),
            false => Ok(self.pushes.remove(0)),
        }
    }

    /// Types a command that must not fail.
    #[track_caller]
    pub fn ok(&mut self, line: &str) -> Reply {
        let reply = self.run(line);
        assert!(!reply.is_error(), "{line}\n{}", reply.print());
        reply
    }

    /// Types a command that must fail, and answers the error's text.
    #[track_caller]
    pub fn fail(&mut self, line: &str) -> String {
        match self.run(line) {
            Reply::Error(text) => text,
            reply => panic!("{line}\nexpected an error, got\n{}", reply.print()),
        }
    }

    /// Types a command that answers bulk strings or integers in an array, and answers their texts.
    #[track_caller]
    pub fn list(&mut self, line: &str) -> Vec<String> {
        match self.run(line) {
            Reply::Array(items) => items.iter().map(Reply::text).collect(),
            reply => panic!("{line}\nexpected an array, got\n{}", reply.print()),
        }
    }

    /// Types a command that answers an integer.
    #[track_caller]
    pub fn count(&mut self, line: &str) -> i64 {
        match self.run(line) {
            Reply::Integer(count) => count,
            reply => panic!("{line}\nexpected an integer, got\n{}", reply.print()),
        }
    }
}

/// A command as it travels.
fn encode_into<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    out.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        let word = word.as_ref();
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn head(word: &[u8]) -> &[u8] {
    &word[..word.len().min(80)]
}
