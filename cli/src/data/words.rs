//! A line of words as a user writes it: parted by blanks, with quotes around a word that has some.

use crate::{Error, Result};

/// The words of a line. `'...'` takes what is in it as it is, in `"..."` stands `\"` and `\\` for these two.
///
/// # Errors
/// Where a quote is not closed.
pub fn split(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = chars.next_if(|c| matches!(c, '"' | '\'')) else {
            let mut word = String::new();
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
            match word.is_empty() {
                true => return Ok(words),
                false => words.push(word),
            }
            continue;
        };
        let mut word = String::new();
        loop {
            match chars.next() {
                Some(c) if c == first => break,
                Some('\\') if first == '"' => word.extend(chars.next()),
                Some(c) => word.push(c),
                None => {
                    return Err(Error::usage(format!(
                        "expected a closing {first}, found the end of: {line}"
                    )));
                }
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_a_word_together() {
        let words = split(r#"a = 'x "y'  AND b != "p \"q\\" OR c = '' "#).unwrap();
        let expected = [
            "a", "=", "x \"y", "AND", "b", "!=", "p \"q\\", "OR", "c", "=", "",
        ];
        assert_eq!(words, expected);
        assert_eq!(split("it's 5").unwrap(), ["it's", "5"]);
        assert!(split("a = 'x").is_err());
    }
}
