//! The files of an environment's migrations.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use yarr_client::{Migration, Migrator};

use crate::{Context, Error, Result};

/// The files of a folder, by version.
#[derive(Debug, Default)]
pub struct Files {
    /// Each version's file and what it says.
    pub all: BTreeMap<i64, (PathBuf, Migration)>,
}

impl Files {
    /// Reads the folder of the environment. Where there is none, there are no migrations.
    ///
    /// # Errors
    /// A file that is none of a migration, or two of one version.
    pub fn read(context: &Context) -> Result<Files> {
        Files::of(&context.environment()?.folder)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// As [`read`](Files::read).
    pub fn of(folder: &Path) -> Result<Files> {
        let mut files = Files::default();
        let cannot = |path: &Path, error: &dyn std::fmt::Display| {
            Error::usage(format!("cannot read {}: {error}", path.display()))
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
            Err(error) => return Err(cannot(folder, &error)),
            Ok(entries) => entries,
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(|error| cannot(folder, &error))?.path());
        }
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yarr")
        });
        paths.sort();
        for path in paths {
            let bytes = fs::read(&path).map_err(|error| cannot(&path, &error))?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
                let line = before
                    .unwrap_or_default()
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count()
                    + 1;
                Error::usage(format!(
                    "{}:{line}: expected UTF-8, found other bytes; write them as \"\\xHH\"",
                    path.display()
                ))
            })?;
            let migration = Migration::parse(&path.to_string_lossy(), &text)
                .map_err(|error| Error::usage(error.to_string()))?;
            let version = migration.version();
            if let Some((other, _)) = files.all.get(&version) {
                return Err(Error::usage(format!(
                    "version {version} stands twice: {} and {}; give one of them another version",
                    other.display(),
                    path.display()
                )));
            }
            files.all.insert(version, (path, migration));
        }
        Ok(files)
    }

    /// What carries them out.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn migrator(&self, context: &Context) -> Result<Migrator> {
        let environment = context.environment()?;
        let migrator = Migrator::new()
            .keys(&environment.set)
            .lease(environment.lease)
            .holder(&holder());
        let migrations = self.all.values().map(|(_, migration)| migration.clone());
        Ok(migrations.fold(migrator, Migrator::with))
    }
}

/// What this process is called where it holds the lock.
fn holder() -> String {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "this host",
        host => host,
    };
    format!("yarr, process {} on {host}", std::process::id())
}
