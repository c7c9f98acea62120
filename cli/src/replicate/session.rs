//! What verbs work with: the configuration, the source and the targets.

use std::{env, future::Future, path::PathBuf};

use yarr_replicate::{
    config::{Config, FILE, Opened, Table, Wanted, find},
    source::Source,
};

use super::Choice;
use crate::{Context, Error, Kind, Result};

/// The configuration, by the flags.
pub fn configuration(context: &Context, choice: &Choice) -> Result<Config> {
    let path = match &choice.file {
        Some(path) => path.clone(),
        None => find(FILE, &env::current_dir()?).ok_or_else(|| {
            Error::usage(format!(
                "expected a {FILE} here or in a folder above, found none; `yarr replicate init` writes one, --file names another"
            ))
        })?,
    };
    let source = match context.global.url.as_slice() {
        [] => None,
        [url] => Some(url.clone()),
        _ => {
            return Err(Error::usage(
                "expected one --url, found several: a replication has one source",
            ));
        }
    };
    let wanted = Wanted {
        source,
        targets: choice.target.clone(),
    };
    Ok(Config::load(&path, &wanted)?)
}

/// Where `init` writes.
pub fn path(choice: &Choice) -> PathBuf {
    choice.file.clone().unwrap_or_else(|| FILE.into())
}

/// The source of a configuration.
pub async fn source(config: &Config) -> Result<Source> {
    let Config { source, .. } = config;
    Ok(Source::connect(&source.address, source.timeout).await?)
}

/// The targets of a configuration, opened, each with those of its tables that are named.
///
/// # Errors
/// Where a table is named that no target gets.
pub fn targets(config: &Config, named: &[String]) -> Result<Vec<Opened>> {
    let mut all = Vec::new();
    let mut refused = None;
    for name in config.targets.keys() {
        match chosen(config, name, named) {
            Ok(tables) if tables.is_empty() => {}
            Ok(tables) => all.push(Opened {
                tables,
                ..config.open(name)?
            }),
            Err(error) => refused = Some(error),
        }
    }
    match (all.is_empty(), refused) {
        (true, Some(error)) => Err(error),
        (true, None) => Err(Error::usage(
            "expected a table for one of the targets, found none",
        )),
        (false, _) => Ok(all),
    }
}

/// The tables of a target, in their order; of several that are named those that go there.
fn chosen(config: &Config, target: &str, named: &[String]) -> Result<Vec<Table>> {
    let elsewhere = |name: &&String| {
        let goes = |table: &Table| table.name == **name && !table.goes_to(target);
        config.tables.iter().any(goes)
    };
    let named_here: Vec<String> = named
        .iter()
        .filter(|name| !elsewhere(name))
        .cloned()
        .collect();
    if !named.is_empty() && named_here.is_empty() {
        return Ok(Vec::new());
    }
    let tables = config.tables_of(target, &named_here)?;
    Ok(tables.into_iter().cloned().collect())
}

/// Does something on the runtime that the library wants; a signal ends it.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    // The only cryptography of this program; where it is chosen already it is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage(format!("cannot begin: {error}")))?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut stop = signal(SignalKind::terminate())?;
        tokio::select! {
            done = work => done,
            _ = stop.recv() => Err(stopped()),
            _ = tokio::signal::ctrl_c() => Err(stopped()),
        }
    })
}

fn stopped() -> Error {
    Error::new(
        Kind::Halfway,
        "stopped by a signal; the next run goes on where this one was, once its lease has ended",
    )
}
