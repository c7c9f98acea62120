//! The words of a command, one after another in one buffer.

use std::fmt::{self, Write as _};

/// Words of a command: any bytes each.
///
/// ```
/// use yarr_client::Words;
///
/// let mut words = Words::new();
/// words.push("GET");
/// words.push(b"a key");
/// assert_eq!(words.to_string(), r#"GET "a key""#);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words {
    bytes: Vec<u8>,
    /// Where each word ends in `bytes`.
    ends: Vec<usize>,
}

impl Words {
    /// No words.
    pub fn new() -> Words {
        Words::default()
    }

    /// Adds a word.
    pub fn push(&mut self, word: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(word.as_ref());
        self.ends.push(self.bytes.len());
    }

    /// Adds what is displayed as one word.
    pub fn push_display(&mut self, word: impl fmt::Display) {
        struct Sink<'a>(&'a mut Vec<u8>);
        impl fmt::Write for Sink<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
        // Writing to memory does not fail.
        let _ = write!(Sink(&mut self.bytes), "{word}");
        self.ends.push(self.bytes.len());
    }

    /// Adds a field's name with its `@`, so that it is never taken for a clause.
    pub fn push_field(&mut self, name: &str) {
        self.push_display(format_args!("@{name}"));
    }

    /// Adds the words of another list.
    pub fn extend(&mut self, words: &Words) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&words.bytes);
        self.ends.extend(words.ends.iter().map(|end| before + end));
    }

    /// The words in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied());
        spans.map(|(start, end)| self.bytes.get(start..end).unwrap_or_default())
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// The words as one line that `redis-cli` takes.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.iter().enumerate() {
            if at > 0 {
                f.write_char(' ')?;
            }
            let plain = |b: &u8| b.is_ascii_graphic() && !b"\"'\\".contains(b);
            match std::str::from_utf8(word) {
                Ok(text) if !word.is_empty() && word.iter().all(plain) => f.write_str(text)?,
                _ => {
                    let quoted = word.escape_ascii().to_string().replace("\\'", "'");
                    write!(f, "\"{quoted}\"")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_apart_and_shown_as_a_line() {
        let mut words = Words::new();
        for word in ["a", "", "b c", "\"\n", "ü"] {
            words.push(word);
        }
        let mut twice = words.clone();
        twice.extend(&words);
        assert_eq!(twice.len(), 10);
        assert_eq!(twice.iter().nth(7), Some(&b"b c"[..]));
        assert_eq!(words.to_string(), r#"a "" "b c" "\"\n" "\xc3\xbc""#);
    }
}
