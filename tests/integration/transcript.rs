//! Transcripts: commands behind a prompt, each with the reply expected under it.
//!
//! ```text
//! > YARR.CREATE user_session user_id 42
//! "1"
//! ```
//! `...` in an expected line stands for any text, as a line of its own for any lines.
//! A command may be continued after a backslash at the end of its line. Lines that begin with `#` are comments.

use crate::cli::Client;

/// One command and the reply expected of it.
#[derive(Debug, PartialEq)]
pub struct Exchange {
    /// The command line.
    pub command: String,
    /// The reply as redis-cli prints it.
    pub expected: String,
}

/// Types every command of a transcript and compares what comes back.
#[track_caller]
pub fn transcript(client: &mut Client, text: &str) {
    let exchanges = parse(text);
    assert!(
        !exchanges.is_empty(),
        "a transcript without commands:\n{text}"
    );
    let wrong: Vec<String> = exchanges
        .iter()
        .filter_map(|exchange| difference(client, exchange))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn difference(client: &mut Client, exchange: &Exchange) -> Option<String> {
    let Exchange { command, expected } = exchange;
    // redis-cli leaves a space at the end of some lines.
    let found: Vec<_> = client
        .run(command)
        .print()
        .lines()
        .map(|line| line.trim_end().to_string())
        .collect();
    let found = found.join("\n");
    (!matches(expected, &found)).then(|| {
        format!(
            "> {command}\nexpected:\n{}\nfound:\n{}\n",
            indent(expected),
            indent(&found)
        )
    })
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The exchanges of a transcript.
pub fn parse(text: &str) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut lines = unindented(text)
        .into_iter()
        .filter(|line| !line.starts_with('#'));
    while let Some(line) = lines.next() {
        match (prompted(line), exchanges.last_mut()) {
            (Some(command), _) => {
                let mut command = command.to_string();
                while let Some(head) = command.strip_suffix('\\') {
                    let more = lines.next().unwrap_or_default();
                    command = format!("{} {}", head.trim_end(), more.trim());
                }
                exchanges.push(Exchange {
                    command,
                    expected: String::new(),
                });
            }
            (None, Some(exchange)) => exchange.expected.push_str(&format!("{line}\n")),
            (None, None) => assert!(
                line.is_empty(),
                "a transcript begins with a prompt, not with: {line}"
            ),
        }
    }
    for exchange in &mut exchanges {
        exchange
            .expected
            .truncate(exchange.expected.trim_end().len());
    }
    exchanges
}

/// The lines without the spaces that the first line of text begins with.
fn unindented(text: &str) -> Vec<&str> {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let margin = first.len() - first.trim_start().len();
    text.lines()
        .map(|line| line.get(margin..).unwrap_or_default().trim_end())
        .collect()
}

fn prompted(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("> ");
    rest.or_else(|| {
        let (prompt, command) = line.split_once("> ")?;
        let (host, port) = prompt.rsplit_once(':')?;
        let is_prompt = host == "127.0.0.1"
            && port
                .bytes()
                .all(|b| b.is_ascii_digit() || b"[]TX()".contains(&b));
        is_prompt.then_some(command)
    })
}

/// Whether the text found is the text expected, `...` standing for anything.
pub fn matches(expected: &str, found: &str) -> bool {
    let mut parts = expected.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, tail)) => rest = tail,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_transcript_is_read_as_commands_and_replies() {
    let text = r#"
        > SET k \
              v
        OK
        # a comment
        127.0.0.1:6379> GET k
        "v"

        127.0.0.1:6379[3]> KEYS *
        1) "k"
           2) "x"
    "#;
    let exchange = |command: &str, expected: &str| Exchange {
        command: command.into(),
        expected: expected.into(),
    };
    let expected = [
        exchange("SET k v", "OK"),
        exchange("GET k", "\"v\""),
        exchange("KEYS *", "1) \"k\"\n   2) \"x\""),
    ];
    assert_eq!(parse(text), expected);
}

#[test]
fn three_dots_stand_for_anything() {
    for (expected, found) in [
        ("...", "a\nb"),
        ("(error) ERR ...", "(error) ERR x"),
        ("1) ...\n3) c", "1) a\n2) b\n3) c"),
        ("a", "a"),
        ("a...", "a"),
    ] {
        assert!(matches(expected, found), "{expected} should match {found}");
    }
    for (expected, found) in [
        ("a", "ab"),
        ("a...b", "a"),
        ("(error) ERR ...", "(error) NOTABLE x"),
        ("a...a", "a"),
        ("", "a"),
    ] {
        assert!(
            !matches(expected, found),
            "{expected} should not match {found}"
        );
    }
}
