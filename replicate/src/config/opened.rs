//! From a configuration to what runs.

use super::{Config, Format, Store as Place, Table, Target as Wanted};
use crate::{
    error::{Error, Result},
    manifest,
    part::Layout,
    run::Options,
    store::{Bucket, Store},
    target::{
        Target, files, postgres,
        redshift::{self, Loading},
    },
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
        let (place, format, slices) = match wanted {
            Wanted::Redshift(redshift) => (&Place::S3, redshift.format, redshift.slices),
            Wanted::Postgres(postgres) => (&postgres.spool, Format::Csv, Some(1)),
            Wanted::Files(files) => (&files.store, files.format, Some(1)),
        };
        let store = self.store(place)?;
        let layout = Layout {
            format: match format {
                Format::Parquet => manifest::Format::Parquet,
                Format::Csv if self.copy.gzip => manifest::Format::Gzip,
                Format::Csv => manifest::Format::Csv,
            },
            slices: usize::from(slices.unwrap_or(0)),
            part_bytes: self.copy.part,
            replacement: self.copy.replacement,
        };
        let target = match wanted {
            Wanted::Postgres(target) => postgres::open(name, target.login.clone()),
            Wanted::Redshift(target) => {
                let loading = Loading {
                    bucket: self.bucket()?,
                    role: target.iam_role.clone(),
                    options: self.copy.options.clone(),
                };
                redshift::open(name, target.login.clone(), loading)?
            }
            Wanted::Files(target) => files::open(name, self.store(&target.store)?, layout.format),
        };
        let options = Options {
            target: name.into(),
            layout,
            prefix: match wanted {
                // Its files are what is wanted: they lie by their tables alone.
                Wanted::Files(_) => String::new(),
                _ => name.into(),
            },
            // Of files the parts are what is wanted.
            keep: self.copy.keep || matches!(wanted, Wanted::Files(_)),
            max_retries: self.retry.max,
            retry_after: self.retry.wait,
            tries: self.retry.tries,
            history_cap: match self.history.cap {
                // As far as a server of SQL counts.
                0 => usize::try_from(i64::MAX).unwrap_or(usize::MAX),
                cap => usize::try_from(cap).unwrap_or(usize::MAX),
            },
            lease: self.source.lease,
            page_bytes: self.source.page,
            batch_rows: self.copy.batch,
            auto_resync: self.retry.resync,
        };
        Ok(Opened {
            name: name.into(),
            target,
            store,
            options,
            tables: self.tables_of(name, &[])?.into_iter().cloned().collect(),
        })
    }

    fn store(&self, place: &Place) -> Result<Store> {
        match place {
            Place::Folder(path) => Store::folder(path),
            Place::S3 => Store::s3(&self.bucket()?),
        }
    }

    fn bucket(&self) -> Result<Bucket> {
        let s3 = self.s3.as_ref();
        let s3 =
            s3.ok_or_else(|| Error::usage("expected [s3] with bucket = \"NAME\", found none"))?;
        let key = match (&s3.access_key_id, &s3.secret_access_key) {
            (Some(id), Some(secret)) => Some((id.clone(), secret.expose().to_string())),
            _ => None,
        };
        Ok(Bucket {
            name: s3.bucket.clone(),
            prefix: s3.prefix.clone(),
            region: s3.region.clone(),
            endpoint: s3.endpoint.clone(),
            key,
            token: s3
                .session_token
                .as_ref()
                .map(|token| token.expose().to_string()),
        })
    }
}
