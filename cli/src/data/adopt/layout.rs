//! How libraries lay records out in hashes.

use clap::ValueEnum;

use super::super::{convert::Times, row::Shape};

/// How records are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// A hash a record
    Plain,
    /// Ohm (Ruby): Model:1, with Model:all, Model:indices:*, Model:uniques:*, Model:1:counters beside
    Ohm,
    /// Redcord (Ruby): Model:id:UUID, with Model:attribute:value and Model:attribute beside
    Redcord,
    /// Redis OM hashes: prefix:ULID
    RedisOm,
}

impl Layout {
    /// The pattern of the keys, where only a model or a prefix is named.
    pub fn pattern(self, said: &str) -> String {
        match self {
            _ if said.contains('*') => said.into(),
            Layout::Plain => said.into(),
            Layout::Redcord => format!("{said}:id:*"),
            Layout::Ohm | Layout::RedisOm => format!("{said}:*"),
        }
    }

    /// What numbers mean where a time is expected.
    pub fn times(self) -> Times {
        match self {
            Layout::Plain => Times::Ms,
            // Time.now.to_i of Ohm::Timestamps, datetime.timestamp() and Date.getTime() / 1000.
            Layout::Ohm | Layout::RedisOm => Times::S,
            // Time#to_i * 10^9 + Time#nsec.
            Layout::Redcord => Times::Ns,
        }
    }

    /// Whether an empty value is a null for a STRING too: Redcord writes nil so.
    pub fn shape(self) -> Shape {
        match self {
            Layout::Redcord => Shape::Bare,
            Layout::Plain | Layout::Ohm | Layout::RedisOm => Shape::Quoted,
        }
    }

    /// Whether a key is no record but one of what the library keeps beside its records.
    pub fn is_beside(self, id: &[u8]) -> bool {
        match self {
            // Model:all and Model:id, Model:indices:..., Model:uniques:..., Model:1:_indices, Model:1:counters.
            Layout::Ohm => id.contains(&b':') || id == b"all" || id == b"id",
            // The definition of an index: prefix:index:hash.
            Layout::RedisOm => id.ends_with(b"index:hash"),
            Layout::Plain | Layout::Redcord => false,
        }
    }

    /// The hash of a record's counters, which are fields of it too.
    pub fn counters(self, key: &[u8]) -> Option<Vec<u8>> {
        (self == Layout::Ohm).then(|| [key, b":counters"].concat())
    }

    /// A field of the hash that says the id again.
    pub fn id_field(self) -> Option<&'static str> {
        (self == Layout::RedisOm).then_some("pk")
    }
}

/// A pattern of keys: text, and `*` for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Vec<u8>>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where it has none, or one of the other signs of a pattern: the parts of a key are known by `*` alone.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.contains(['?', '[', '\\']) || !text.contains('*') {
            return Err(format!(
                "expected a pattern such as 'user:*', with * and without ?, [ and \\, found '{text}'"
            ));
        }
        let parts = text.split('*').map(|part| part.as_bytes().to_vec());
        Ok(Pattern {
            text: text.into(),
            parts: parts.collect(),
        })
    }

    /// As SCAN takes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many `*` it has.
    pub fn stars(&self) -> usize {
        self.parts.len() - 1
    }

    /// What stands in a key for each `*`, the first ones as short as can be.
    pub fn captures<'a>(&self, key: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let (first, others) = self.parts.split_first()?;
        let mut rest = key.strip_prefix(first.as_slice())?;
        let mut found = Vec::new();
        let (last, middle) = others.split_last()?;
        for part in middle {
            let at = memchr::memmem::find(rest, part)?;
            found.push(rest.get(..at)?);
            rest = rest.get(at + part.len()..)?;
        }
        found.push(rest.strip_suffix(last.as_slice())?);
        Some(found)
    }
}

/// Where a record's id comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdText(String);

impl IdText {
    /// Reads text with `{1}` for what stands in the key for the first `*`, and so on.
    ///
    /// # Errors
    /// Where it names a part that the pattern does not have, or none.
    pub fn parse(text: &str, pattern: &Pattern) -> Result<IdText, String> {
        let named = (1..=9).filter(|n| text.contains(&format!("{{{n}}}")));
        match named.max() {
            Some(last) if last <= pattern.stars() => Ok(IdText(text.into())),
            _ => Err(format!(
                "expected {{1}} to {{{}}}, the parts of '{}' that its * stand for, found '{text}'",
                pattern.stars(),
                pattern.text()
            )),
        }
    }

    /// The id of a key with these parts.
    pub fn of(&self, captures: &[&[u8]]) -> Vec<u8> {
        let mut id = Vec::new();
        let mut rest = self.0.as_bytes();
        while let Some((byte, behind)) = rest.split_first() {
            let part = match rest {
                [b'{', digit @ b'1'..=b'9', b'}', ..] => captures.get(usize::from(digit - b'1')),
                _ => None,
            };
            match part {
                Some(part) => {
                    id.extend_from_slice(part);
                    rest = rest.get(3..).unwrap_or_default();
                }
                None => {
                    id.push(*byte);
                    rest = behind;
                }
            }
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_parts() {
        let parts = |pattern: &str, key: &str| {
            let pattern = Pattern::parse(pattern).unwrap();
            pattern.captures(key.as_bytes()).map(|parts| {
                let texts = parts
                    .iter()
                    .map(|part| String::from_utf8_lossy(part).into_owned());
                texts.collect::<Vec<_>>()
            })
        };
        assert_eq!(parts("user:*", "user:5").unwrap(), ["5"]);
        assert_eq!(parts("user:*", "user:").unwrap(), [""]);
        assert_eq!(parts("*:user:*:x", "a:user:b:x:x").unwrap(), ["a", "b:x"]);
        assert_eq!(parts("user:*:x", "user:5"), None);
        assert_eq!(parts("user:*", "users:5"), None);
        assert!(Pattern::parse("user:?").is_err());
        assert!(Pattern::parse("user").is_err());
    }

    #[test]
    fn an_id_is_made_of_parts() {
        let pattern = Pattern::parse("a:*:b:*").unwrap();
        let id = |text: &str| IdText::parse(text, &pattern).map(|id| id.of(&[b"x", b"y"]));
        assert_eq!(id("{1}").unwrap(), b"x");
        assert_eq!(id("{2}-{1}{").unwrap(), b"y-x{");
        assert!(id("{3}").unwrap_err().contains("{1} to {2}"));
        assert!(id("id").is_err());
    }

    #[test]
    fn libraries_keep_other_keys_beside_their_records() {
        for (id, beside) in [
            ("1", false),
            ("all", true),
            ("id", true),
            ("1:counters", true),
            ("uniques:email", true),
        ] {
            assert_eq!(Layout::Ohm.is_beside(id.as_bytes()), beside, "{id}");
        }
        assert_eq!(Layout::Redcord.pattern("User"), "User:id:*");
        assert_eq!(Layout::Ohm.pattern("User:*"), "User:*");
    }
}
