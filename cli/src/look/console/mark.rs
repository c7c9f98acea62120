//! Where in a line an error is.

use std::ops::Range;

use super::super::line::Word;

/// The part of a line that an error of the server is about: the argument it counts, or the only word it quotes.
pub fn place(words: &[Word], message: &str) -> Option<Range<usize>> {
    let span = |word: &Word| word.start..word.end;
    let found = quoted(message);
    if let Some(at) = position(message) {
        // Of a command inside another (EXPLAIN, CHECK) the server counts from its own table on.
        let near = [at, at + 1, at + 2]
            .into_iter()
            .filter_map(|at| words.get(at));
        let mut near = near.filter(|word| found.last().is_none_or(|text| is(word, text)));
        return match (message.contains("found the end"), near.next()) {
            (true, _) => words.last().map(|word| word.end..word.end + 1),
            (false, word) => word.map(span),
        };
    }
    // Not the command, not the table: these are rarely what is wrong.
    let arguments = words.get(2..).unwrap_or_default();
    let table = message.starts_with("NOTABLE") || message.starts_with("WRONGTYPE");
    if table {
        return words.get(1).map(span);
    }
    found.iter().rev().find_map(|text| {
        let mut same = arguments.iter().filter(|word| is(word, text));
        match (same.next(), same.next()) {
            (Some(word), None) => Some(span(word)),
            _ => None,
        }
    })
}

fn is(word: &Word, text: &str) -> bool {
    let bytes = word.bytes.strip_prefix(b"@").unwrap_or(&word.bytes);
    let escaped = |bytes: &[u8]| bytes.escape_ascii().to_string();
    escaped(bytes) == text || escaped(&word.bytes) == text
}

/// The number that follows `argument`: the table is the first, as it is in `words`.
fn position(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once(" at argument ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What stands in single quotes.
fn quoted(message: &str) -> Vec<String> {
    let mut rest = message;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once('\'') {
        let mut text = String::new();
        let mut chars = after.char_indices();
        let mut end = after.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    text.push(c);
                    text.extend(chars.next().map(|(_, c)| c));
                }
                '\'' => {
                    end = at + 1;
                    break;
                }
                c => text.push(c),
            }
        }
        found.push(text);
        rest = after.get(end..).unwrap_or_default();
    }
    found
}

/// The line and below it a mark under the part, cut to a terminal of that width.
pub fn marked(line: &str, part: &Range<usize>, width: usize) -> (String, String) {
    use unicode_width::UnicodeWidthStr;
    let width = width.max(20);
    let before = line.get(..part.start).unwrap_or(line);
    let inside = line.get(part.clone()).unwrap_or_default();
    // The part stands in view: what is before it is cut from the left.
    let mut start = 0;
    let view = |start: usize| before.get(start..).map_or(0, |text| text.width());
    while view(start) > width / 2 {
        start += before
            .get(start..)
            .and_then(|text| text.chars().next())
            .map_or(1, char::len_utf8);
    }
    let lead = if start > 0 { "..." } else { "" };
    let shown: String = format!("{lead}{}", line.get(start..).unwrap_or_default());
    let shown = super::super::grid::cut(&shown, width - 1, "...");
    let offset = lead.len() + view(start);
    let length = inside.width().clamp(1, width.saturating_sub(offset).max(1));
    (
        shown,
        format!("{}{}", " ".repeat(offset), "^".repeat(length)),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::super::line, *};

    fn found<'l>(line: &'l str, message: &str) -> Option<&'l str> {
        let words = line::split(line).unwrap();
        let range = place(&words, message)?;
        Some(line.get(range).unwrap_or("the end"))
    }

    #[test]
    fn the_part_is_the_argument_or_the_only_word_quoted() {
        for (line, message, expected) in [
            (
                "YARR.WHERE account plan ~ pro",
                "ERR syntax error: expected an operator (= != < <= > >= BETWEEN, IN, IS, STARTS WITH, CONTAINS) at argument 3, found '~'",
                Some("~"),
            ),
            (
                "YARR.WHERE account plan",
                "ERR syntax error: expected an operator at argument 3, found the end of the command",
                Some("the end"),
            ),
            (
                "YARR.EXPLAIN account ANALYZE WHERE plan ~ pro",
                "ERR syntax error: expected an operator at argument 3, found '~'",
                Some("~"),
            ),
            (
                "YARR.WHERE account @plam = pro",
                "NOFIELD there is no field 'plam' in table 'account'",
                Some("@plam"),
            ),
            (
                "YARR.CREATE s user_id many x y",
                "BADVALUE field 'user_id' is INTEGER: expected a 64-bit integer, found 'many'",
                Some("many"),
            ),
            (
                "YARR.FIND nobody 1",
                "NOTABLE there is no table 'nobody'; make it",
                Some("nobody"),
            ),
            (
                "YARR.CREATE t a x b x",
                "BADVALUE field 'q': found 'x'",
                None,
            ),
            ("GET x", "WRONGTYPE Operation against a key", Some("x")),
            ("GET x", "ERR unknown", None),
        ] {
            assert_eq!(found(line, message), expected, "{line}: {message}");
        }
    }

    #[test]
    fn the_mark_stands_under_the_part_also_on_narrow_terminals() {
        let line = "YARR.WHERE größe plan ~ pro";
        let at = line.find('~').unwrap();
        let (shown, mark) = marked(line, &(at..at + 1), 80);
        assert_eq!(
            (shown.as_str(), mark.as_str()),
            (line, "                      ^")
        );
        let (shown, mark) = marked(line, &(at..at + 1), 20);
        let column = mark.len() - 1;
        assert_eq!(shown.chars().nth(column), Some('~'), "{shown}\n{mark}");
    }
}
