//! The import of what was uploaded.

use super::Runner;
use crate::{
    error::{Error, Kind, Result},
    event::Event,
    manifest::Manifest,
    moment,
    replication::{Replication, State},
    target::{Import, Imported},
};

impl Runner<'_> {
    /// Imports a replication that is uploaded; the manifest is read where it is not at hand.
    pub(super) async fn import(
        &mut self,
        mut replication: Replication,
        manifest: Option<Manifest>,
    ) -> Result<Replication> {
        let manifest = match manifest {
            Some(manifest) => manifest,
            None => match self.manifest(&replication).await {
                Ok(manifest) => manifest,
                Err(error) => {
                    // What is there can never be imported: it is exported anew.
                    if error.kind == Kind::Refused {
                        replication.state = State::Enqueued;
                    }
                    return Err(self.failed(replication, error).await);
                }
            },
        };
        self.came_to(&mut replication, State::Importing).await?;
        match self.taken_in(&replication, &manifest).await {
            Ok(Imported::Now(counts) | Imported::Before(counts)) => {
                replication.counts = counts;
                replication.state = State::Imported;
                replication.error = None;
                let now = moment::now();
                replication.durations.import = now - replication.changed_at;
                replication.changed_at = now;
                self.tell(&replication);
                self.taken(&replication.prefix).await;
                Ok(replication)
            }
            Err(error) => Err(self.failed(replication, error).await),
        }
    }

    async fn taken_in(
        &mut self,
        replication: &Replication,
        manifest: &Manifest,
    ) -> Result<Imported> {
        let (listener, all) = (self.listener.clone(), manifest.counts);
        let of = u64::try_from(all.rows + all.tombstones).ok();
        let progress = |rows| {
            listener(&Event::Progress {
                replication,
                state: State::Importing,
                rows,
                bytes: 0,
                of,
            });
        };
        let import = || Import {
            replication,
            table: &manifest.table,
            manifest,
            store: self.store,
            progress: &progress,
            history_cap: self.options.history_cap,
        };
        match self.target.import(import()).await {
            // Whether it happened is not known: asked again, it says so or does it.
            Err(error) if error.kind == Kind::Unreachable => {
                self.target.prepare().await.map_err(|_| error)?;
                self.target.import(import()).await
            }
            imported => imported,
        }
    }

    async fn manifest(&self, replication: &Replication) -> Result<Manifest> {
        let prefix = &replication.prefix;
        let found = Manifest::read(self.store, prefix).await?;
        let manifest = found.ok_or_else(|| {
            Error::refused(format!(
                "expected a manifest in {}, found none: run it again, and it is exported anew",
                self.store.url(prefix)
            ))
        })?;
        match manifest.batch == replication.batch {
            true => Ok(manifest),
            false => Err(Error::refused(format!(
                "the manifest in {} is of another batch: run it again, and it is exported anew",
                self.store.url(prefix)
            ))),
        }
    }

    /// Tells the feed that the target has the replication. Where that fails the next run does it.
    pub(super) async fn acknowledged(&mut self, replication: &Replication) {
        let to = &replication.batch.to;
        if to.epoch.contains(':') {
            return;
        }
        let consumer = self.options.consumer(&replication.target);
        if let Err(error) = self
            .source
            .acknowledge(&replication.source, &consumer, to)
            .await
        {
            tracing::warn!(table = replication.source, %error, "the feed was not told");
        }
    }
}
