//! `COPY ... FROM 's3://...'`: what it says.

use super::{
    ROLE, Shared,
    statement::{Word, matches, words},
};
use crate::{KEY, SECRET};

/// What a COPY says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copy {
    pub table: String,
    /// In the order of the file; none are all of the table.
    pub columns: Vec<String>,
    /// `s3://bucket/key`.
    pub source: String,
    pub manifest: bool,
    pub gzip: bool,
    pub null: String,
    pub replacement: Option<u8>,
    pub truncate: bool,
    pub empty_as_null: bool,
    pub headers: usize,
    pub dry: bool,
    pub free_times: bool,
    csv: bool,
    role: Option<String>,
    key: Option<(String, String)>,
}

/// Why a COPY is refused before anything is loaded: SQLSTATE, message and detail.
pub type Refusal = (&'static str, String, String);

fn refuse(message: impl Into<String>) -> Refusal {
    ("XX000", message.into(), String::new())
}

impl Copy {
    /// The COPY that a statement is, where it is one from S3.
    pub fn parse(sql: &str) -> Option<Result<Copy, Refusal>> {
        let words = words(sql);
        matches(&words, 0, "COPY")?;
        let table = words.get(1)?.text.to_string();
        let mut copy = Copy {
            table,
            null: "\\N".into(),
            ..Copy::default()
        };
        let mut at = 2;
        if let Some(end) = matches(&words, at, "()") {
            let names = words.get(at + 1..end - 1)?.iter().map(|word| word.text);
            copy.columns = names.filter(|name| *name != ",").map(unquoted).collect();
            at = end;
        }
        at = matches(&words, at, "FROM")?;
        copy.source = words
            .get(at)?
            .text
            .strip_prefix('\'')?
            .trim_end_matches('\'')
            .into();
        copy.source.starts_with("s3://").then(|| {
            copy.options(&words, at + 1)?;
            match copy.csv {
                true => Ok(copy),
                false => Err((
                    "0A000",
                    "this stand-in loads CSV alone".into(),
                    String::new(),
                )),
            }
        })
    }

    fn options(&mut self, words: &[Word<'_>], mut at: usize) -> Result<(), Refusal> {
        let mut secret = None;
        while let Some(word) = words.get(at) {
            if word.text == ";" {
                break;
            }
            let name = word.text.to_uppercase();
            at += 1;
            // What follows as the option's value; AS may stand between.
            let value = |at: &mut usize| {
                *at = matches(words, *at, "AS").unwrap_or(*at);
                let value = words
                    .get(*at)
                    .map(|word| string(word.text))
                    .unwrap_or_default();
                *at += 1;
                value
            };
            match name.as_str() {
                "IAM_ROLE" => self.role = Some(value(&mut at)),
                "ACCESS_KEY_ID" => self.key = Some((value(&mut at), String::new())),
                "SECRET_ACCESS_KEY" => secret = Some(value(&mut at)),
                "SESSION_TOKEN" | "REGION" | "DATEFORMAT" => drop(value(&mut at)),
                "TIMEFORMAT" => self.free_times = value(&mut at) == "auto",
                "FORMAT" => self.csv = value(&mut at).eq_ignore_ascii_case("CSV"),
                "CSV" => self.csv = true,
                "GZIP" => self.gzip = true,
                "MANIFEST" => self.manifest = true,
                "NULL" => self.null = value(&mut at),
                "ACCEPTINVCHARS" => {
                    at = matches(words, at, "AS").unwrap_or(at);
                    let given = words.get(at).filter(|word| word.text.starts_with('\''));
                    at += usize::from(given.is_some());
                    let sign = given.map_or("?".into(), |word| string(word.text));
                    self.replacement = sign.bytes().next();
                }
                "TRUNCATECOLUMNS" => self.truncate = true,
                "EMPTYASNULL" => self.empty_as_null = true,
                "IGNOREHEADER" => self.headers = value(&mut at).parse().unwrap_or(0),
                "MAXERROR" => drop(value(&mut at)),
                "NOLOAD" => self.dry = true,
                "STATUPDATE" | "COMPUPDATE" => {
                    let ends = ["ON", "OFF", "TRUE", "FALSE", "PRESET"];
                    at = ends
                        .iter()
                        .find_map(|end| matches(words, at, end))
                        .unwrap_or(at);
                }
                "ACCEPTANYDATE" | "BLANKSASNULL" | "ROUNDEC" | "TRIMBLANKS" => {}
                _ => {
                    let message = format!("syntax error at or near \"{}\"", word.text);
                    return Err(("42601", message, String::new()));
                }
            }
        }
        if let Some((_, given)) = &mut self.key {
            *given = secret.unwrap_or_default();
        }
        Ok(())
    }

    /// Sees that the bucket may be read with what was given, and answers the key of the source.
    pub fn admit(&self, shared: &Shared) -> Result<String, Refusal> {
        let service = |message: &str, status: u16, code: &str| {
            refuse(format!(
                "S3ServiceException:{message},Status {status},Error {code},Rid 0123456789ABCDEF,ExtRid x,CanRetry 1"
            ))
        };
        match (&self.role, &self.key) {
            (Some(role), _) if role == ROLE => {}
            (Some(role), _) => {
                let user = "arn:aws:redshift:eu-west-1:123456789012:dbuser:cluster/postgres";
                return Err(refuse(format!(
                    "User {user} is not authorized to assume IAM Role {role}"
                )));
            }
            (None, Some((key, secret))) if key == KEY && secret == SECRET => {}
            (None, Some((key, _))) if key == KEY => {
                let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
                return Err(service(message, 403, "SignatureDoesNotMatch"));
            }
            (None, Some(_)) => {
                let message = "The AWS Access Key Id you provided does not exist in our records.";
                return Err(service(message, 403, "InvalidAccessKeyId"));
            }
            (None, None) => {
                return Err(refuse(
                    "CREDENTIALS argument is required but was not supplied",
                ));
            }
        }
        let path = self.source.trim_start_matches("s3://");
        match path.split_once('/') {
            Some((bucket, key)) if bucket == shared.bucket => Ok(key.into()),
            _ => Err(service(
                "The specified bucket does not exist",
                404,
                "NoSuchBucket",
            )),
        }
    }
}

/// A name without its quotes.
fn unquoted(name: &str) -> String {
    match name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    {
        Some(name) => name.replace("\"\"", "\""),
        None => name.to_lowercase(),
    }
}

/// What a string in quotes says.
fn string(text: &str) -> String {
    match text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
    {
        Some(text) => text.replace("''", "'").replace("\\\\", "\\"),
        None => text.into(),
    }
}
