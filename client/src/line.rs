//! Words of a line, as `redis-cli` reads them.

/// The words of a line; `None` where a quote does not end. In double quotes stand `\n`, `\r`, `\t`, `\"`, `\\` and
/// `\xHH`, in single ones any bytes.
pub(crate) fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start().bytes().peekable();
    while let Some(first) = rest.peek().copied() {
        let mut word = Vec::new();
        let quote = Some(first).filter(|b| b"\"'".contains(b));
        if quote.is_some() {
            rest.next();
        }
        loop {
            match (quote, rest.next()) {
                (Some(quote), Some(byte)) if byte == quote => break,
                (Some(_), None) => return None,
                (None, None) => break,
                (None, Some(byte)) if byte.is_ascii_whitespace() => break,
                (Some(b'"'), Some(b'\\')) => word.push(escaped(&mut rest)?),
                (_, Some(byte)) => word.push(byte),
            }
        }
        words.push(word);
        while rest.next_if(u8::is_ascii_whitespace).is_some() {}
    }
    Some(words)
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(match rest.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'x' => {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            u8::try_from(value).ok()?
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_redis_cli_splits_it() {
        let words = |line: &str| {
            let words = split(line)?;
            Some(
                words
                    .iter()
                    .map(|w| w.escape_ascii().to_string())
                    .collect::<Vec<_>>()
                    .join("|"),
            )
        };
        for (line, expected) in [
            ("", ""),
            ("  a  b ", "a|b"),
            (r#"SET k "a b" '' "" 'c "d'"#, r#"SET|k|a b|||c \"d"#),
            (r#""\x00\xff\n\"""#, r#"\x00\xff\n\""#),
        ] {
            assert_eq!(words(line).as_deref(), Some(expected), "{line}");
        }
        for line in [r#"a "b"#, "'", r#""\x0"#, r#""\xzz""#, r#""\"#] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
