//! A client that types commands as a person does in redis-cli and prints replies as redis-cli does.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Long enough for a gigabyte to travel on a busy machine: it only keeps a hung server from hanging the suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// One connection to a server.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// Push messages that came in front of a reply.
    pub pushes: Vec<Reply>,
}

/// A reply of RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// `+OK`.
    Status(String),
    /// `-ERR ...`, without the `-`.
    Error(String),
    /// `:1`.
    Integer(i64),
    /// `$3`.
    Bulk(Vec<u8>),
    /// A null of either protocol.
    Null,
    /// `*2`.
    Array(Vec<Reply>),
    /// `%2`.
    Map(Vec<(Reply, Reply)>),
    /// `~2`.
    Set(Vec<Reply>),
    /// `,0.5`, as it was written.
    Double(String),
    /// `#t`.
    Boolean(bool),
    /// `=15`, its kind cut off.
    Verbatim(Vec<u8>),
    /// `(123`.
    Big(String),
    /// `>2`.
    Push(Vec<Reply>),
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
                let shown: Vec<_> = words.iter().take(24).map(|w| repr(head(w.as_ref()))).collect();
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

    /// Types many command lines in one go and waits for all replies.
    pub fn pipeline(&mut self, lines: &[String]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        for line in lines {
            encode_into(&mut bytes, &split(line).expect("balanced quotes"));
        }
        self.stream.get_mut().write_all(&bytes).expect("a server that reads");
        lines.iter().map(|line| self.reply().unwrap_or_else(|error| panic!("the server went away ({error}) at: {line}"))).collect()
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

impl Reply {
    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_))
    }

    /// The first word of an error, or what came in its place.
    pub fn code(&self) -> String {
        match self {
            Reply::Error(text) => text.split(' ').next().unwrap_or_default().to_string(),
            reply => reply.print(),
        }
    }

    /// The bytes of a bulk string.
    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bulk(bytes) | Reply::Verbatim(bytes) => bytes,
            reply => panic!("expected a bulk string, got {}", reply.print()),
        }
    }

    /// The elements of an array.
    #[track_caller]
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items,
            reply => panic!("expected an array, got {}", reply.print()),
        }
    }

    /// The number in an integer or in a bulk string of digits.
    #[track_caller]
    pub fn number(&self) -> i64 {
        self.text().parse().unwrap_or_else(|_| panic!("expected a number, got {}", self.print()))
    }

    /// A scalar as plain text; a null is `(nil)`.
    pub fn text(&self) -> String {
        match self {
            Reply::Status(text) | Reply::Error(text) | Reply::Double(text) | Reply::Big(text) => text.clone(),
            Reply::Integer(number) => number.to_string(),
            Reply::Bulk(bytes) | Reply::Verbatim(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Reply::Boolean(truth) => truth.to_string(),
            other => other.print(),
        }
    }

    /// The value beside a name in a map, or in a flat array of names and values.
    pub fn get(&self, name: &str) -> Option<&Reply> {
        match self {
            Reply::Map(pairs) => pairs.iter().find(|(key, _)| key.text() == name).map(|(_, value)| value),
            Reply::Array(items) => items.chunks_exact(2).find(|pair| pair[0].text() == name).map(|pair| &pair[1]),
            _ => None,
        }
    }

    /// All scalars in the order they stand, whatever holds them.
    pub fn words(&self) -> Vec<String> {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items.iter().flat_map(Reply::words).collect(),
            Reply::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key.words(), value.words()].concat()).collect(),
            scalar => vec![scalar.text()],
        }
    }

    /// What redis-cli shows at a terminal, without the last newline.
    pub fn print(&self) -> String {
        let mut out = String::new();
        self.print_into(&mut out, "");
        out.truncate(out.trim_end_matches('\n').len());
        out
    }

    fn print_into(&self, out: &mut String, prefix: &str) {
        let (rows, mark, empty): (Vec<(&Reply, Option<&Reply>)>, char, &str) = match self {
            Reply::Status(text) => return out.push_str(&format!("{text}\n")),
            Reply::Error(text) => return out.push_str(&format!("(error) {text}\n")),
            Reply::Integer(number) => return out.push_str(&format!("(integer) {number}\n")),
            Reply::Bulk(bytes) => return out.push_str(&format!("{}\n", repr(bytes))),
            Reply::Null => return out.push_str("(nil)\n"),
            Reply::Double(text) => return out.push_str(&format!("(double) {text}\n")),
            Reply::Boolean(truth) => return out.push_str(&format!("({truth})\n")),
            Reply::Verbatim(bytes) => return out.push_str(&format!("{}\n", String::from_utf8_lossy(bytes))),
            Reply::Big(text) => return out.push_str(&format!("{text}\n")),
            Reply::Array(items) => (items.iter().map(|i| (i, None)).collect(), ')', "(empty array)\n"),
            Reply::Set(items) => (items.iter().map(|i| (i, None)).collect(), '~', "(empty set)\n"),
            Reply::Push(items) => (items.iter().map(|i| (i, None)).collect(), ')', "(empty push)\n"),
            Reply::Map(pairs) => (pairs.iter().map(|(k, v)| (k, Some(v))).collect(), '#', "(empty hash)\n"),
        };
        if rows.is_empty() {
            return out.push_str(empty);
        }
        let width = rows.len().to_string().len();
        let inner = format!("{prefix}{:width$}  ", "");
        for (place, (first, second)) in rows.into_iter().enumerate() {
            // The caller has already written the prefix of the first line.
            let before = if place == 0 { "" } else { prefix };
            let _ = write!(out, "{before}{:width$}{mark} ", place + 1);
            first.print_into(out, &inner);
            if let Some(second) = second {
                out.truncate(out.len() - 1);
                out.push_str(" => ");
                second.print_into(out, &inner);
            }
        }
    }
}

/// Bytes in double quotes, with redis-cli's escapes.
pub fn repr(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(*byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// A command line's words, quoted as redis-cli reads them; `None` where quotes are not balanced.
pub fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii().as_bytes();
    while !rest.is_empty() {
        let (word, tail) = split_word(rest)?;
        words.push(word);
        rest = tail.trim_ascii_start();
    }
    Some(words)
}

/// The first word and what follows it. A closing quote must end its word.
fn split_word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return Some((word, rest)),
            [space, ..] if space.is_ascii_whitespace() => return Some((word, rest)),
            [quote @ (b'"' | b'\''), tail @ ..] => {
                rest = if *quote == b'"' { double_quoted(tail, &mut word)? } else { single_quoted(tail, &mut word)? };
                let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, rest));
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
                word.push(digit(high) * 16 + digit(low));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = tail;
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return Some(tail),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

/// A command as it travels.
pub fn encode_into<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    out.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        let word = word.as_ref();
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Reads one reply.
pub fn read_reply(input: &mut impl BufRead) -> std::io::Result<Reply> {
    let line = read_line(input)?;
    let (mark, rest) = line.split_at_checked(1).ok_or_else(|| broken("an empty line"))?;
    let len = || rest.parse::<i64>().map_err(|_| broken(&line));
    Ok(match mark {
        "+" => Reply::Status(rest.into()),
        "-" => Reply::Error(rest.into()),
        ":" => Reply::Integer(len()?),
        "_" => Reply::Null,
        "," => Reply::Double(rest.into()),
        "#" => Reply::Boolean(rest == "t"),
        "(" => Reply::Big(rest.into()),
        "$" => match len()? {
            -1 => Reply::Null,
            n => Reply::Bulk(read_bytes(input, n)?),
        },
        "=" => Reply::Verbatim(read_bytes(input, len()?)?.split_off(4)),
        "*" => match len()? {
            -1 => Reply::Null,
            n => Reply::Array(read_replies(input, n)?),
        },
        "~" => Reply::Set(read_replies(input, len()?)?),
        ">" => Reply::Push(read_replies(input, len()?)?),
        "%" => {
            let mut pairs = Vec::new();
            for _ in 0..len()? {
                pairs.push((read_reply(input)?, read_reply(input)?));
            }
            Reply::Map(pairs)
        }
        _ => return Err(broken(&line)),
    })
}

fn read_replies(input: &mut impl BufRead, len: i64) -> std::io::Result<Vec<Reply>> {
    (0..len).map(|_| read_reply(input)).collect()
}

fn read_line(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

fn read_bytes(input: &mut impl BufRead, len: i64) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(len).map_err(|_| broken("a negative length"))?;
    let mut bytes = vec![0; len + 2];
    input.read_exact(&mut bytes)?;
    match bytes.ends_with(b"\r\n") {
        true => bytes.truncate(len),
        false => return Err(broken("a bulk string of another length than it said")),
    }
    Ok(bytes)
}

fn broken(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, format!("not RESP: {what}"))
}

fn head(word: &[u8]) -> &[u8] {
    &word[..word.len().min(80)]
}

#[test]
fn replies_print_as_redis_cli_prints_them() {
    let cases: &[(&str, &str)] = &[
        ("+OK\r\n", "OK"),
        ("-ERR no\r\n", "(error) ERR no"),
        (":7\r\n", "(integer) 7"),
        ("$-1\r\n", "(nil)"),
        ("*-1\r\n", "(nil)"),
        ("_\r\n", "(nil)"),
        ("*0\r\n", "(empty array)"),
        ("%0\r\n", "(empty hash)"),
        ("~0\r\n", "(empty set)"),
        (",0.5\r\n", "(double) 0.5"),
        ("#t\r\n", "(true)"),
        ("$9\r\na\"\\\n\x01\t\x7f z\r\n", r#""a\"\\\n\x01\t\x7f z""#),
        ("=6\r\ntxt:hi\r\n", "hi"),
        ("*2\r\n*2\r\n:1\r\n:2\r\n*0\r\n", "1) 1) (integer) 1\n   2) (integer) 2\n2) (empty array)"),
        ("%2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n$1\r\nb\r\n_\r\n", "1# \"a\" => 1) (integer) 1\n   2) (integer) 2\n2# \"b\" => (nil)"),
        ("~1\r\n%1\r\n+k\r\n+v\r\n", "1~ 1# k => v"),
    ];
    for (wire, shown) in cases {
        let reply = read_reply(&mut wire.as_bytes()).expect(wire);
        assert_eq!(reply.print(), *shown, "{wire}");
    }
    let ten: String = format!("*10\r\n{}", ":5\r\n".repeat(10));
    let shown = read_reply(&mut ten.as_bytes()).expect("ten").print();
    assert!(shown.starts_with(" 1) (integer) 5\n 2) ") && shown.ends_with("\n10) (integer) 5"), "{shown}");
}

#[test]
fn command_lines_split_as_redis_cli_splits_them() {
    let cases: &[(&str, Option<&[&[u8]]>)] = &[
        ("  a  b ", Some(&[b"a", b"b"])),
        (r#""a b" '' "\x00\xfF\n\"\q""#, Some(&[b"a b", b"", b"\0\xff\n\"q"])),
        (r"'it\'s' '\n'", Some(&[b"it's", b"\\n"])),
        (r#"a"b""#, Some(&[b"ab"])),
        (r#""a"b"#, None),
        (r#""a"#, None),
        ("'", None),
        ("", Some(&[])),
    ];
    for (line, words) in cases {
        let words = words.map(|words| words.iter().map(|w| w.to_vec()).collect::<Vec<_>>());
        assert_eq!(split(line), words, "{line}");
    }
}
