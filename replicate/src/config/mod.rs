//! The configuration: `yarr-replicate.toml`.

mod login;
mod opened;
mod read;
mod sample;
mod secret;
mod settings;
mod source;
mod table;
mod target;
mod words;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

pub use login::login;
pub use opened::Opened;
pub use sample::SAMPLE;
pub use secret::Secret;
pub use settings::{Command, Copying, History, Metrics, Notify, Retry, S3, Webhook};
pub use source::Source;
pub use table::{Deletes, Strategy, Swap, Table, Vacuum};
pub use target::{Files, Format, KINDS, Postgres, Redshift, Store, Target};
pub use words::{nearest, size, span};

use crate::error::{Error, Result};

/// The name of the file.
pub const FILE: &str = "yarr-replicate.toml";

/// What the file says. Its paths begin at its folder.
#[derive(Debug, Clone)]
pub struct Config {
    /// The Redis server that is read.
    pub source: Source,
    /// Where tables go, by name.
    pub targets: BTreeMap<String, Target>,
    /// The bucket.
    pub s3: Option<S3>,
    /// The parts, and how they are loaded.
    pub copy: Copying,
    /// What is replicated, in the order in which it is done.
    pub tables: Vec<Table>,
    /// What happens when a step fails.
    pub retry: Retry,
    /// What is kept of replications that are over.
    pub history: History,
    /// Who is told.
    pub notify: Notify,
    /// Figures for Prometheus.
    pub metrics: Metrics,
}

/// What of a file is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The URL of the source, instead of the file's.
    pub source: Option<String>,
    /// The targets; without any, all. Variables that only others name need not be set.
    pub targets: Vec<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it: file, line and column, what was expected and found.
    pub fn load(path: &Path, wanted: &Wanted) -> Result<Config> {
        let text = fs::read_to_string(path)
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))?;
        Config::parse(path, &text, wanted)
    }

    /// Reads the text of a file, which lies at this path.
    ///
    /// # Errors
    /// As [`load`](Config::load).
    pub fn parse(path: &Path, text: &str, wanted: &Wanted) -> Result<Config> {
        read::read(path, text, wanted)
    }

    /// The tables that go to a target, or those of them that are named.
    ///
    /// # Errors
    /// Where one that is named does not go there.
    pub fn tables_of(&self, target: &str, named: &[String]) -> Result<Vec<&Table>> {
        let all: Vec<&Table> = self
            .tables
            .iter()
            .filter(|table| table.goes_to(target))
            .collect();
        let names = || all.iter().map(|table| table.name.as_str());
        for name in named {
            if !names().any(|known| known == name) {
                return Err(Error::usage(match nearest(name, names()) {
                    Some(near) => format!(
                        "there is no table '{name}' for target '{target}'; did you mean '{near}'?"
                    ),
                    None => format!(
                        "there is no table '{name}' for target '{target}', which gets {}",
                        names().collect::<Vec<_>>().join(", ")
                    ),
                }));
            }
        }
        Ok(match named.is_empty() {
            true => all,
            false => all
                .into_iter()
                .filter(|table| named.contains(&table.name))
                .collect(),
        })
    }
}

/// The file of this name here or in the nearest folder above.
pub fn find(name: &str, start: &Path) -> Option<PathBuf> {
    let mut files = start.ancestors().map(|folder| folder.join(name));
    let file = files.find(|file| file.is_file())?;
    // What lies below is called by its name alone.
    Some(
        file.strip_prefix(start)
            .map(Path::to_path_buf)
            .unwrap_or(file),
    )
}
