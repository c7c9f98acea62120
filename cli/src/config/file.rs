//! `yarr.toml`.

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use yarr_replicate::variables::plain;

use super::{Address, Environment, FOLDER, SET, nearest, span};
use crate::error::{Error, Result};

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    environment: Option<String>,
    #[serde(flatten)]
    common: Settings,
    environments: BTreeMap<String, Section>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Settings {
    folder: Option<PathBuf>,
    set: Option<String>,
    lease: Option<String>,
    timeout: Option<String>,
    protect: Option<bool>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Section {
    servers: Vec<Entry>,
    #[serde(flatten)]
    own: Settings,
}

/// A server: its URL, or a table of more.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Entry {
    Url(String),
    Table(Box<Server>),
}

#[derive(Debug, Clone, Deserialize)]
struct Server {
    url: String,
    name: Option<String>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default)]
    insecure: bool,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
}

const TOP: [&str; 7] = [
    "environment",
    "environments",
    "folder",
    "set",
    "lease",
    "timeout",
    "protect",
];
const SECTION: [&str; 6] = ["servers", "folder", "set", "lease", "timeout", "protect"];
const SERVER: [&str; 8] = [
    "url",
    "name",
    "ca",
    "cert",
    "key",
    "insecure",
    "sentinel_user",
    "sentinel_password",
];

impl Configuration {
    /// Reads the file.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Configuration> {
        let at = |offset: usize, message: &dyn Display| {
            let before = text.get(..offset).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before
                .rsplit('\n')
                .next()
                .unwrap_or_default()
                .chars()
                .count()
                + 1;
            Error::usage(format!("{}:{line}:{column}: {message}", path.display()))
        };
        let refused = |error: toml::de::Error| {
            let offset = error.span().map_or(0, |span| span.start);
            at(offset, &error.message().trim())
        };
        let tree = DeTable::parse(text).map_err(refused)?;
        if let Some((offset, message)) = unknown(tree.get_ref()) {
            return Err(at(offset, &message));
        }
        toml::from_str(text).map_err(refused)
    }

    /// The environment that is wanted.
    pub(super) fn environment(
        &self,
        file: Option<PathBuf>,
        name: Option<String>,
        urls: Vec<String>,
    ) -> Result<Environment> {
        let place = file.as_ref().map(|file| file.display().to_string());
        let named = name.or_else(|| self.environment.clone());
        let asked = named.as_deref().unwrap_or("development");
        let section = match self.environments.get(asked) {
            Some(section) => section.clone(),
            // The servers are told otherwise, or the one on this machine is meant.
            None if !urls.is_empty() || (named.is_none() && self.environments.is_empty()) => {
                Section::default()
            }
            None => return Err(self.no_environment(asked, place.as_deref())),
        };
        let settings = |own: fn(&Settings) -> &Option<String>| -> Result<Option<String>> {
            let text = own(&section.own).as_ref().or(own(&self.common).as_ref());
            Ok(text.map(|text| plain(text)).transpose()?)
        };
        let long = |text: Option<String>, otherwise: u64| {
            text.map_or(Ok(Duration::from_secs(otherwise)), |text| span(&text))
        };
        let base = file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let folder = section.own.folder.as_ref().or(self.common.folder.as_ref());
        let folder = folder.map_or(Path::new(FOLDER), PathBuf::as_path);
        let name = match urls.is_empty() {
            true => asked.to_string(),
            false => "url".into(),
        };
        let located = |error: Error| match &place {
            Some(place) => error.at(format_args!("{place}: environment '{name}'")),
            None => error,
        };
        let servers = match urls.is_empty() {
            false => urls.iter().map(|url| Ok(Address::parse(url)?)).collect(),
            true if self.environments.is_empty() => {
                Ok(vec![Address::parse("redis://127.0.0.1:6379")?])
            }
            true => section
                .servers
                .iter()
                .map(|entry| entry.address(base))
                .collect(),
        };
        let environment = Environment {
            servers: distinct(servers.map_err(&located)?).map_err(&located)?,
            folder: base.join(folder),
            set: settings(|own| &own.set)
                .map_err(&located)?
                .unwrap_or(SET.into()),
            lease: long(settings(|own| &own.lease)?, 30).map_err(&located)?,
            timeout: long(settings(|own| &own.timeout)?, 5).map_err(&located)?,
            protect: section.own.protect.or(self.common.protect).unwrap_or(false),
            file,
            name,
        };
        Ok(environment)
    }

    fn no_environment(&self, asked: &str, place: Option<&str>) -> Error {
        let names: Vec<&str> = self.environments.keys().map(String::as_str).collect();
        let place = place.unwrap_or("yarr.toml");
        match (names.is_empty(), nearest(asked, names.iter().copied())) {
            (true, _) => Error::usage(format!(
                "there is no environment '{asked}': {place} has none; `yarr init` writes one to begin with"
            )),
            (_, Some(near)) => Error::usage(format!(
                "there is no environment '{asked}' in {place}; did you mean '{near}'?"
            )),
            _ => Error::usage(format!(
                "there is no environment '{asked}' in {place}, which has {}",
                names.join(", ")
            )),
        }
    }
}

impl Entry {
    fn address(&self, base: &Path) -> Result<Address> {
        let server = match self {
            Entry::Url(url) => return Ok(Address::parse(url)?),
            Entry::Table(server) => server,
        };
        let mut address = Address::parse(&server.url)?;
        let path = |path: &PathBuf| plain(&path.to_string_lossy()).map(|path| base.join(path));
        if let Some(name) = &server.name {
            address.name = name.clone();
        }
        address.ca = server.ca.as_ref().map(path).transpose()?;
        address.cert = match (&server.cert, &server.key) {
            (Some(cert), Some(key)) => Some((path(cert)?, path(key)?)),
            (None, None) => None,
            _ => {
                return Err(Error::usage(
                    "expected cert and key together, found one of them",
                ));
            }
        };
        address.insecure = server.insecure;
        if !address.tls && (address.insecure || address.ca.is_some() || address.cert.is_some()) {
            return Err(Error::usage(format!(
                "expected a URL with rediss for server '{}', whose certificates are given",
                address.name
            )));
        }
        let text = |text: &Option<String>| text.as_ref().map(|text| plain(text)).transpose();
        address.sentinel_user = text(&server.sentinel_user)?;
        address.sentinel_password = text(&server.sentinel_password)?;
        Ok(address)
    }
}

/// Servers are told apart by their names.
fn distinct(servers: Vec<Address>) -> Result<Vec<Address>> {
    for (at, server) in servers.iter().enumerate() {
        if servers
            .iter()
            .take(at)
            .any(|other| other.name == server.name)
        {
            return Err(Error::usage(format!(
                "server '{}' stands twice",
                server.name
            )));
        }
    }
    match servers.is_empty() {
        true => Err(Error::usage(
            "expected servers = [\"redis://host:port\"], found none",
        )),
        false => Ok(servers),
    }
}

/// The first key that is none of the file's, where it stands and what to say.
fn unknown(top: &DeTable<'_>) -> Option<(usize, String)> {
    let mut all = within(top, &TOP, "").into_iter().collect::<Vec<_>>();
    let sections = top
        .get("environments")
        .and_then(|value| value.get_ref().as_table());
    for (name, section) in sections.into_iter().flatten() {
        let Some(section) = section.get_ref().as_table() else {
            let message = format!("expected a table [environments.{}]", name.get_ref());
            return Some((name.span().start, message));
        };
        let place = format!(" in [environments.{}]", name.get_ref());
        all.extend(within(section, &SECTION, &place));
        let servers = section.get("servers").map(Spanned::get_ref);
        for server in servers.and_then(DeValue::as_array).into_iter().flatten() {
            if let Some(server) = server.get_ref().as_table() {
                all.extend(within(server, &SERVER, " of a server"));
            }
        }
    }
    all.into_iter().min_by_key(|(offset, _)| *offset)
}

fn within(table: &DeTable<'_>, names: &[&str], place: &str) -> Option<(usize, String)> {
    let mut strangers = table
        .keys()
        .filter(|key| !names.contains(&key.get_ref().as_ref()));
    let key = strangers.next()?;
    let word = key.get_ref();
    let hint = match nearest(word, names.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("expected one of {}", names.join(", ")),
    };
    Some((
        key.span().start,
        format!("unknown key '{word}'{place}; {hint}"),
    ))
}
