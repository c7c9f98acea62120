//! The types that a table needs for data: of each column the narrowest that all its values are of, and in which each is
//! written as it stood.

use std::fmt;

use yarr::value::{datetime, number, uuid};

use super::row::Shape;

/// The most names that an ENUM is guessed of, and how often each must stand there on average.
const MOST_NAMES: usize = 24;
const OFTEN: u64 = 5;
/// So many digits a float tells apart.
const DIGITS: usize = 17;

/// What has been seen of a column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// Its field.
    pub field: String,
    values: u64,
    integer: bool,
    float: bool,
    boolean: bool,
    time: bool,
    uuid: bool,
    lists: bool,
    texts: bool,
    /// The names in the order in which they came, until there are too many.
    names: Option<Vec<String>>,
}

/// What a column is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guess {
    /// A type of one word.
    Word(&'static str),
    /// ENUM of these.
    Enum(Vec<String>),
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Guess::Word(word) => f.write_str(word),
            Guess::Enum(names) => write!(f, "ENUM ( {} )", names.join(" ")),
        }
    }
}

impl Column {
    /// Nothing seen yet.
    pub fn new(name: &str, field: &str) -> Column {
        Column {
            name: name.into(),
            field: field.into(),
            values: 0,
            integer: true,
            float: true,
            boolean: true,
            time: true,
            uuid: true,
            lists: false,
            texts: false,
            names: Some(Vec::new()),
        }
    }

    /// Sees a list of tags.
    pub fn see_list(&mut self) {
        self.values += 1;
        self.lists = true;
    }

    /// Sees a value; `typed` where a number is told from a text by quotes, as in JSON.
    pub fn see(&mut self, text: &[u8], shape: Shape, typed: bool) {
        self.values += 1;
        self.texts = true;
        if typed && shape == Shape::Quoted {
            self.integer = false;
            self.float = false;
            self.boolean = false;
        }
        self.integer = self.integer && is_integer(text);
        self.float = self.float && is_float(text);
        self.boolean = self.boolean && is_boolean(text);
        self.time = self.time && is_time(text);
        self.uuid = self.uuid && text.len() == uuid::TEXT_LEN && uuid::parse(text).is_some();
        self.see_name(text);
    }

    fn see_name(&mut self, text: &[u8]) {
        let Some(names) = &mut self.names else { return };
        if names.iter().any(|name| name.as_bytes() == text) {
            return;
        }
        let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        match std::str::from_utf8(text) {
            Ok(name) if !text.is_empty() && text.iter().all(fit) && names.len() < MOST_NAMES => {
                names.push(name.into());
            }
            _ => self.names = None,
        }
    }

    /// What it is taken for; `whole` where every value has been seen, so that an ENUM can be told.
    pub fn guess(&self, whole: bool) -> Guess {
        let texts = self.texts;
        Guess::Word(match self.values {
            0 => "STRING",
            _ if self.lists => "TAGS",
            _ if texts && self.boolean => "BOOLEAN",
            _ if texts && self.integer => "INTEGER",
            _ if texts && self.float => "FLOAT",
            _ if texts && self.time => "DATETIME",
            _ if texts && self.uuid => "UUID",
            values => match &self.names {
                Some(names) if whole && names.len() > 1 && values >= OFTEN * count(names) => {
                    return Guess::Enum(names.clone());
                }
                _ => "STRING",
            },
        })
    }

    /// Takes numbers for times, where the field's name says that it is one.
    pub fn see_epochs(&mut self) {
        let named = self.field.ends_with("_at") || self.field.ends_with("_on");
        if named && self.values > 0 && (self.integer || self.float) {
            (self.integer, self.float, self.time) = (false, false, true);
        }
    }

    /// The guess where the field is an id.
    pub fn guess_id(&self) -> &'static str {
        match self.guess(false) {
            Guess::Word("INTEGER") => "INTEGER",
            Guess::Word("UUID") => "UUID",
            _ => "STRING",
        }
    }
}

fn count(names: &[String]) -> u64 {
    u64::try_from(names.len()).unwrap_or(u64::MAX)
}

/// Whether an integer is written as it would be written again: `007` is a code.
fn is_integer(text: &[u8]) -> bool {
    number::parse_integer(text).is_some_and(|number| number.to_string().as_bytes() == text)
}

/// Whether a number is one that a float holds as it stands there.
fn is_float(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let leads = matches!(digits, [b'0', b'0'..=b'9', ..] | [b'+', ..]);
    let mantissa = digits.split(|byte| byte.eq_ignore_ascii_case(&b'e')).next();
    let told = mantissa
        .unwrap_or_default()
        .iter()
        .filter(|byte| byte.is_ascii_digit());
    let significant = told.skip_while(|byte| **byte == b'0').count();
    !leads && significant <= DIGITS && number::parse_float(text).is_some()
}

fn is_boolean(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false")
}

fn is_time(text: &[u8]) -> bool {
    // Digits alone and `now` are times to the server, and are not meant as such.
    text.get(4) == Some(&b'-') && text.len() > 10 && datetime::parse(text, 0).is_some()
}

/// The operations that make a table for these columns, `id` and the server's own among them or not.
///
/// # Errors
/// The column that cannot be a field.
pub fn operations(columns: &[Column], whole: bool) -> Result<Vec<String>, String> {
    let mut operations = Vec::new();
    for column in columns {
        let field = column.field.as_str();
        match field {
            "id" => match column.guess_id() {
                // As it is where nothing is said.
                "INTEGER" => {}
                kind => operations.insert(0, format!("ID {kind}")),
            },
            "created_at" | "updated_at" | "expires_at" => {}
            _ => {
                let letter = field.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
                let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                if !letter || !field.chars().all(fit) || field.len() > 63 {
                    return Err(format!(
                        "column '{}': expected a field's name of a-z, 0-9 and _, found '{field}'",
                        column.name
                    ));
                }
                operations.push(format!("ADD FIELD {field} {}", column.guess(whole)));
            }
        }
    }
    Ok(operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> String {
        let mut column = Column::new("c", "c");
        for value in values {
            column.see(value.as_bytes(), Shape::Bare, false);
        }
        column.guess(true).to_string()
    }

    #[test]
    fn a_column_is_the_narrowest_type_that_writes_it_again_as_it_was() {
        for (values, expected) in [
            (&["1", "-5", "9223372036854775807"][..], "INTEGER"),
            (&["0", "1"], "INTEGER"),
            (&["007", "1"], "STRING"),
            (&["1", "9223372036854775808"], "STRING"),
            (&["1", "2.5", "1e-7"], "FLOAT"),
            (&["1.", "12345678901234567.25"], "STRING"),
            (&["01.5"], "STRING"),
            (&["true", "FALSE"], "BOOLEAN"),
            (
                &["2013-01-01T10:00:00Z", "2013-01-01 10:00:00.5+01:00"],
                "DATETIME",
            ),
            (&["2013-01-01"], "STRING"),
            (&["now-1h"], "STRING"),
            (&["6f9619ff-8b86-d011-b42d-00cf4fc964ff"], "UUID"),
            (&["6f9619ff8b86d011b42d00cf4fc964ff"], "STRING"),
            (
                &[
                    "EWR", "JFK", "EWR", "EWR", "EWR", "JFK", "JFK", "JFK", "JFK", "JFK",
                ],
                "ENUM ( EWR JFK )",
            ),
            (&["EWR", "JFK", "EWR"], "STRING"),
            (&["a b"; 20], "STRING"),
            (&[], "STRING"),
        ] {
            assert_eq!(of(values), expected, "{values:?}");
        }
    }

    #[test]
    fn quotes_of_json_make_a_text() {
        let mut column = Column::new("c", "c");
        column.see(b"5", Shape::Literal, true);
        assert_eq!(column.guess(true), Guess::Word("INTEGER"));
        column.see(b"5", Shape::Quoted, true);
        assert_eq!(column.guess(true), Guess::Word("STRING"));
        let mut column = Column::new("c", "c");
        column.see_list();
        assert_eq!(column.guess(true), Guess::Word("TAGS"));
    }

    #[test]
    fn a_table_has_the_id_that_its_data_has() {
        let mut id = Column::new("id", "id");
        id.see(b"u-1", Shape::Bare, false);
        let mut n = Column::new("N", "n");
        n.see(b"1", Shape::Bare, false);
        let columns = [n, id, Column::new("created_at", "created_at")];
        assert_eq!(
            operations(&columns, true).unwrap(),
            ["ID STRING", "ADD FIELD n INTEGER"]
        );
        assert!(operations(&[Column::new("x", "É")], true).is_err());
    }
}
