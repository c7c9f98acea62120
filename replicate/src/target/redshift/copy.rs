//! The statement of a COPY, and the options of it that may be set.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Loading;
use crate::{
    error::{Error, Result},
    manifest::{Format, Manifest},
};

/// What an option of COPY is set to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected true, false, a number or a text")]
pub enum Choice {
    /// Whether it stands there.
    Is(bool),
    /// A number behind it.
    Number(i64),
    /// A text behind it: a word as it is (`ON`), anything else in quotes.
    Text(String),
}

/// What holds unless it is said otherwise. The stage is small and of this session: no statistics, no choice of
/// encodings.
const DEFAULTS: [(&str, &str); 2] = [("COMPUPDATE", "OFF"), ("STATUPDATE", "OFF")];
/// What is said by this program itself, or would let rows go missing.
const OWN: [&str; 30] = [
    "ACCESS_KEY_ID",
    "AVRO",
    "BZIP2",
    "COMPROWS",
    "CREDENTIALS",
    "CSV",
    "DELIMITER",
    "ENCODING",
    "ENCRYPTED",
    "ESCAPE",
    "FILLRECORD",
    "FIXEDWIDTH",
    "FORMAT",
    "GZIP",
    "IAM_ROLE",
    "IGNOREBLANKLINES",
    "IGNOREHEADER",
    "JSON",
    "LZOP",
    "MANIFEST",
    "MASTER_SYMMETRIC_KEY",
    "MAXERROR",
    "NULL",
    "ORC",
    "PARQUET",
    "QUOTE",
    "READRATIO",
    "SECRET_ACCESS_KEY",
    "SESSION_TOKEN",
    "ZSTD",
];

/// What stands behind the place in every COPY.
pub struct Options {
    /// Who reads the bucket: a role, or a key.
    access: String,
    region: Option<String>,
    /// Options as they are said.
    said: Vec<String>,
    dry: bool,
}

/// Without the secrets.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub fn new(loading: &Loading) -> Result<Options> {
        let mut all: BTreeMap<String, Choice> = DEFAULTS
            .iter()
            .map(|(name, word)| ((*name).into(), Choice::Text((*word).into())))
            .collect();
        for (name, choice) in &loading.options {
            let name = name.to_uppercase();
            if name.is_empty()
                || !name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            {
                return Err(Error::usage(format!(
                    "[copy]: expected the name of an option of COPY, found '{name}'"
                )));
            }
            if OWN.contains(&name.as_str()) {
                return Err(Error::usage(format!(
                    "[copy]: {name} is not to be set: the parts are written and loaded as they must be for every row to arrive"
                )));
            }
            all.insert(name, choice.clone());
        }
        let said = |(name, choice): (&String, &Choice)| match choice {
            Choice::Is(false) => None,
            Choice::Is(true) => Some(name.clone()),
            Choice::Number(number) => Some(format!("{name} {number}")),
            Choice::Text(text) if is_word(text) => Some(format!("{name} {text}")),
            Choice::Text(text) => Some(format!("{name} AS {}", literal(text))),
        };
        let region = loading.bucket.region.clone();
        Ok(Options {
            access: access(loading)?,
            region: region.filter(|_| !all.contains_key("REGION")),
            dry: all
                .get("NOLOAD")
                .is_some_and(|choice| *choice != Choice::Is(false)),
            said: all.iter().filter_map(said).collect(),
        })
    }

    /// Whether nothing is loaded.
    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// The statement that loads what a manifest names.
    pub fn statement(&self, table: &str, place: &str, manifest: &Manifest) -> String {
        let format = match manifest.format {
            Format::Csv => format!("FORMAT AS CSV NULL AS {}", literal(&manifest.null)),
            Format::Gzip => format!("FORMAT AS CSV GZIP NULL AS {}", literal(&manifest.null)),
            Format::Parquet => "FORMAT AS PARQUET".into(),
        };
        let mut sql = format!("COPY {table} FROM {} {} ", literal(place), self.access);
        if let (Some(region), false) = (&self.region, manifest.format == Format::Parquet) {
            sql.push_str(&format!("REGION AS {} ", literal(region)));
        }
        sql.push_str(&format!("{format} MANIFEST"));
        for option in &self.said {
            sql.push(' ');
            sql.push_str(option);
        }
        sql
    }
}

/// Who reads the bucket.
fn access(loading: &Loading) -> Result<String> {
    if let Some(role) = &loading.role {
        return Ok(format!("IAM_ROLE {}", literal(role)));
    }
    let Some((key, secret)) = &loading.bucket.key else {
        return Err(Error::usage(
            "expected iam_role of the target, or access_key_id and secret_access_key in [s3]: Redshift itself reads the bucket",
        ));
    };
    let mut access = format!(
        "ACCESS_KEY_ID {} SECRET_ACCESS_KEY {}",
        literal(key),
        literal(secret)
    );
    if let Some(token) = &loading.bucket.token {
        access.push_str(&format!(" SESSION_TOKEN {}", literal(token)));
    }
    Ok(access)
}

/// Words of COPY's own, which stand without quotes.
fn is_word(text: &str) -> bool {
    ["ON", "OFF", "TRUE", "FALSE", "PRESET"].contains(&text.to_uppercase().as_str())
}

/// A text as a literal. A backslash is a sign of its own in Redshift's literals, and a NUL ends a text.
pub fn literal(text: &str) -> String {
    let text = text.replace('\0', "").replace('\\', "\\\\");
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Bucket;

    fn loading(options: &[(&str, Choice)]) -> Loading {
        Loading {
            bucket: Bucket {
                name: "b".into(),
                prefix: String::new(),
                region: Some("eu-west-1".into()),
                endpoint: None,
                key: Some(("AKIA".into(), "it's\\secret".into())),
                token: None,
            },
            role: None,
            options: options
                .iter()
                .map(|(name, choice)| ((*name).into(), choice.clone()))
                .collect(),
        }
    }

    #[test]
    fn options_are_added_changed_and_taken_out() {
        let word = |text: &str| Choice::Text(text.into());
        let said =
            |options: &[(&str, Choice)]| Options::new(&loading(options)).unwrap().said.join(" ");
        assert_eq!(said(&[]), "COMPUPDATE OFF STATUPDATE OFF");
        assert_eq!(
            said(&[
                ("statupdate", word("ON")),
                ("COMPUPDATE", Choice::Is(false)),
                ("ACCEPTINVCHARS", word("?")),
                ("TRUNCATECOLUMNS", Choice::Is(true)),
                ("TIMEFORMAT", word("auto")),
            ]),
            "ACCEPTINVCHARS AS '?' STATUPDATE ON TIMEFORMAT AS 'auto' TRUNCATECOLUMNS"
        );
        for name in ["MAXERROR", "manifest", "A; DROP TABLE t", ""] {
            let refused = Options::new(&loading(&[(name, Choice::Is(true))])).unwrap_err();
            assert!(refused.message.starts_with("[copy]: "), "{refused}");
        }
    }

    #[test]
    fn a_role_goes_before_a_key_and_a_secret_is_not_shown() {
        let mut loading = loading(&[]);
        let options = Options::new(&loading).unwrap();
        assert_eq!(
            options.access,
            r"ACCESS_KEY_ID 'AKIA' SECRET_ACCESS_KEY 'it''s\\secret'"
        );
        assert!(!format!("{options:?} {loading:?}").contains("secret"));
        loading.role = Some("arn:aws:iam::1:role/x".into());
        assert_eq!(
            Options::new(&loading).unwrap().access,
            "IAM_ROLE 'arn:aws:iam::1:role/x'"
        );
        (loading.role, loading.bucket.key) = (None, None);
        assert!(
            Options::new(&loading)
                .unwrap_err()
                .message
                .starts_with("expected iam_role")
        );
    }
}
