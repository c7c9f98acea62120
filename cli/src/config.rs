//! Which servers there are, and where the migrations lie: `yarr.toml`, the environment, the flags.

mod file;

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

pub use yarr_replicate::address::{Address, Client, Host, Way};
pub(crate) use yarr_replicate::config::{find, nearest};

use crate::{
    Context,
    args::Global,
    error::{Error, Outcome, Result},
};

/// The name of the file.
pub const FILE: &str = "yarr.toml";
/// Where the migrations lie unless the file says another folder.
pub const FOLDER: &str = "db/yarr";
/// The set of the versions that are applied, unless the file says another.
pub const SET: &str = "{yarr}:migrations";

/// One environment: its servers and its migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name in the file; `url` where the servers come from `--url` or `YARR_URL`.
    pub name: String,
    /// Its servers, in the order in which they are migrated.
    pub servers: Vec<Address>,
    /// The folder of its migrations.
    pub folder: PathBuf,
    /// The Redis set of the versions that are applied.
    pub set: String,
    /// How long the lock outlives a process that died.
    pub lease: Duration,
    /// How long to wait for a connection.
    pub timeout: Duration,
    /// Whether the console asks before it writes.
    pub protect: bool,
    /// The file it is from.
    pub file: Option<PathBuf>,
}

impl Environment {
    /// The environment that the flags, the variables of the process and the file name.
    ///
    /// `--url` comes before `--env`, that before `YARR_URL`, that before `YARR_ENV`, and that before the file's own
    /// choice. Without any of these and without a file it is the server on this machine.
    ///
    /// # Errors
    /// What is wrong with the file, with its place.
    pub fn load(global: &Global) -> Result<Environment> {
        let found = match &global.config {
            Some(path) => Some(path.clone()),
            None => find(FILE, &env::current_dir()?),
        };
        let configuration = match &found {
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    Error::usage(format!("cannot read {}: {error}", path.display()))
                })?;
                file::Configuration::parse(path, &text)?
            }
            None => file::Configuration::default(),
        };
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let urls = match (&global.url, &global.env) {
            (urls, _) if !urls.is_empty() => urls.clone(),
            (_, Some(_)) => Vec::new(),
            _ => variable("YARR_URL")
                .iter()
                .flat_map(|urls| urls.split_whitespace())
                .map(str::to_string)
                .collect(),
        };
        let name = global.env.clone().or_else(|| variable("YARR_ENV"));
        configuration.environment(found, name, urls)
    }
}

/// Writes a configuration to begin with, where there is none.
pub(crate) fn create(path: &Path, text: &str, context: &Context) -> Result<Outcome> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::usage(format!(
            "there is a {} already; it is left as it is",
            path.display()
        )),
        _ => Error::usage(format!("cannot write {}: {error}", path.display())),
    })?;
    context.output.json(&serde_json::json!({ "file": path }))?;
    context.output.line(&format!("wrote {}", path.display()))?;
    Ok(Outcome::Done)
}

/// A span such as `30s`, `500ms`, `2h`, `7d`.
pub(crate) fn span(text: &str) -> Result<Duration> {
    Ok(yarr_replicate::config::span(text)?)
}
