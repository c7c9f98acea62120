//! `[target.NAME]`: where tables go.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::login::a_login;
use crate::target::postgres::Login;

/// Where tables go.
#[derive(Debug, Clone)]
pub enum Target {
    /// A cluster or a workgroup of Amazon Redshift.
    Redshift(Redshift),
    /// A PostgreSQL server.
    Postgres(Postgres),
    /// Files, in a folder or in S3.
    Files(Files),
}

/// The kinds of targets, as they are called in the file.
pub const KINDS: [&str; 3] = ["redshift", "postgres", "files"];

impl Target {
    /// What it is called in the file.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Redshift(_) => "redshift",
            Target::Postgres(_) => "postgres",
            Target::Files(_) => "files",
        }
    }

    /// Has its paths begin at the folder of the file.
    pub(super) fn settle(&mut self, base: &Path) {
        if let Target::Redshift(Redshift { login, ca, .. })
        | Target::Postgres(Postgres { login, ca, .. }) = self
        {
            login.ca = ca.as_ref().map(|ca| base.join(ca));
        }
        if let Target::Postgres(Postgres { spool: store, .. })
        | Target::Files(Files { store, .. }) = self
        {
            if let Store::Folder(path) = store {
                *path = base.join(&path);
            }
        }
    }

    /// Whether it needs `[s3]`.
    pub fn wants_s3(&self) -> bool {
        match self {
            Target::Redshift(_) => true,
            Target::Postgres(Postgres { spool: store, .. })
            | Target::Files(Files { store, .. }) => *store == Store::S3,
        }
    }
}

/// A cluster or a workgroup of Amazon Redshift.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redshift {
    /// How it is reached: `postgres://user:password@host:5439/database`.
    #[serde(rename = "url", deserialize_with = "a_login")]
    pub login: Login,
    /// The certificate of the authority that the server's is from, instead of those of the system.
    pub(super) ca: Option<PathBuf>,
    /// The role by which the cluster reads the bucket; without one it is given the keys of `[s3]`.
    pub iam_role: Option<String>,
    /// How many parts a batch is split into; without it as many as the cluster has slices.
    pub slices: Option<u16>,
    /// What the parts are.
    #[serde(default)]
    pub format: Format,
}

/// A PostgreSQL server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// How it is reached: `postgres://user:password@host:5432/database`.
    #[serde(rename = "url", deserialize_with = "a_login")]
    pub login: Login,
    /// The certificate of the authority that the server's is from, instead of those of the system.
    pub(super) ca: Option<PathBuf>,
    /// Where parts lie between export and import.
    #[serde(default = "spool")]
    pub spool: Store,
}

/// Files, in a folder or in S3.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Where they lie.
    #[serde(rename = "folder")]
    pub store: Store,
    /// What they are.
    #[serde(default)]
    pub format: Format,
}

fn spool() -> Store {
    Store::Folder("yarr-spool".into())
}

/// Where parts lie.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Store {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In the bucket of `[s3]`.
    S3,
}

impl From<String> for Store {
    fn from(text: String) -> Store {
        match text.as_str() {
            "s3" => Store::S3,
            _ => Store::Folder(text.into()),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Store::Folder(path) => write!(f, "{}", path.display()),
            Store::S3 => f.write_str("s3"),
        }
    }
}

/// What parts are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// CSV, packed by gzip unless `[copy]` says otherwise.
    #[default]
    Csv,
    /// Parquet; a program built with the feature `parquet` has it.
    Parquet,
}
