//! From a configuration to what runs.

use std::path::PathBuf;

use super::{Config, Copying, Format, S3, Store as Place, Table, Target as Wanted};
use crate::{
    error::{Error, Result},
    manifest,
    part::Layout,
    run::Options,
    store::{Bucket, Store},
    target::{Target, postgres},
};

/// A target of a configuration, and what a [`Runner`](crate::run::Runner) needs beside it and the source.
pub struct Opened {
    /// Its name in the configuration.
    pub name: String,
    /// The target; it connects when it is prepared.
    pub target: Box<dyn Target>,
    /// Where parts lie.
    pub store: Store,
    /// How runs go.
    pub options: Options,
    /// The tables that go there, in their order.
    pub tables: Vec<Table>,
}

impl Config {
    /// Opens a target.
    ///
    /// # Errors
    /// Where there is none of this name; where a folder cannot be made.
    pub fn open(&self, name: &str) -> Result<Opened> {
        let wanted = self
            .targets
            .get(name)
            .ok_or_else(|| Error::usage(format!("there is no target '{name}'")))?;
        let (place, format) = match wanted {
            Wanted::Redshift(redshift) => (&Place::S3, redshift.format),
            Wanted::Postgres(postgres) => (&postgres.spool, Format::Csv),
            Wanted::Files(files) => (&files.store, files.format),
        };
        let store = self.store(place)?;
        let target = match wanted {
            Wanted::Postgres(target) => postgres::open(name, target.login.clone()),
            Wanted::Redshift(_) | Wanted::Files(_) => return Err(Error::usage("not yet")),
        };
        Ok(Opened {
            name: name.into(),
            target,
            store,
            options: self.options(name, format, slices),
            tables: self.tables_of(name, &[])?.into_iter().cloned().collect(),
        })
    }
}
