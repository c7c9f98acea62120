//! What verbs say of a file that is read: its format, its columns and how its values are written.

use clap::Args;

use super::{
    columns::Wishes,
    convert::{Reading, Times},
    reader::{Format, Layout},
    source::format_of,
};
use crate::{Error, Result};

/// How a file is to be read.
#[derive(Debug, Clone, Args)]
pub struct FileArgs {
    /// The format, where the file's name does not tell it
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// The names of the columns, where there is no header line
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Puts a column into a field of another name
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub map: Vec<String>,
    /// Passes over a column
    #[arg(long, value_name = "COLUMN")]
    pub skip: Vec<String>,
    /// The text without quotes that stands for null in CSV and TSV [default: nothing between two commas]
    #[arg(long, value_name = "TEXT")]
    pub null: Vec<String>,
    /// What a number means where a time is expected; RFC 3339 text is read always
    #[arg(long, value_name = "UNIT", default_value = "ms")]
    pub times: Times,
    /// What stands between the tags of a field, in CSV and TSV
    #[arg(long, value_name = "CHAR", default_value = "|", value_parser = one_byte)]
    pub tags: u8,
    /// Passes over lines that begin with this
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub comment: Option<String>,
}

/// Reads an argument of one byte.
///
/// # Errors
/// Where it is another number of bytes.
pub fn one_byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [b'\\' | b'"' | b'e'] => {
            Err("expected another character: this one has a meaning already".into())
        }
        [byte] => Ok(*byte),
        _ => Err("expected one character of ASCII".into()),
    }
}

impl FileArgs {
    /// How a file is laid out.
    ///
    /// # Errors
    /// Where its format is not known.
    pub fn layout(&self, path: &str) -> Result<Layout> {
        let format = self.format.or_else(|| format_of(path)).ok_or_else(|| {
            Error::usage(format!(
                "expected a name that ends in .csv, .tsv or .jsonl (.gz behind it or not), found {path}: say --format"
            ))
        })?;
        if format == Format::Jsonl && !self.null.is_empty() {
            return Err(Error::usage(
                "--null is for CSV and TSV: in JSONL null is null",
            ));
        }
        Ok(Layout {
            format,
            columns: self.columns.clone(),
            comment: self.comment.clone(),
        })
    }

    /// What was said of columns.
    ///
    /// # Errors
    /// As [`Wishes::new`].
    pub fn wishes(&self) -> Result<Wishes> {
        Wishes::new(&self.map, &self.skip)
    }

    /// How values are written.
    pub fn reading(&self) -> Reading {
        let nulls = self.null.iter().map(|null| null.as_bytes().to_vec());
        Reading {
            nulls: match self.null.is_empty() {
                true => vec![Vec::new()],
                false => nulls.collect(),
            },
            times: self.times,
            separator: self.tags,
            now: now(),
        }
    }
}

/// The clock, in milliseconds since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    i64::try_from(ms).unwrap_or(i64::MAX)
}
