//! Runs: one table after the other, each replication through its states.
//!
//! ```text
//! enqueued -> exporting -> exported -> uploading -> uploaded -> importing -> imported
//!    '------------'------------'-----------'-----------'-----------'------> canceled
//! ```
//!
//! Every state is noted in the target before the work that it names begins, so whoever comes after a runner that died
//! finds what it was at:
//!
//! - *before `uploaded`* nothing but parts in a folder of the store have come of it, which nobody has read and, without
//!   a manifest, nobody will. The next runner exports anew, from where the target is by then, into a folder of its own.
//! - *at `uploaded` or `importing`* the manifest is there, with the length of each part. The next runner sees that they
//!   are all there, and imports: the transaction does nothing where it had been done.
//! - *after the transaction* the watermark and the note `imported` are there together with the rows. What may have been
//!   left out is to tell the feed and to delete the parts; the next run does both.
//!
//! # Why no row is lost, doubled or stale
//!
//! *Not doubled:* rows come into the target's tables by the import alone, which is one transaction that happens once
//! (`target/sql` says how): it requires the watermark to be where the batch begins, and moves it to where the
//! batch ends. Two runners at once may both export; the import of one of them finds the watermark moved.
//!
//! *Not lost:* a batch begins where the watermark is, and the watermark moves only together with all rows up to where it
//! moves to. The feed answers every change since a position, or says that it cannot ([`Kind::Resync`]), and then all is
//! loaded anew. It holds tombstones back for what is not acknowledged, and what is acknowledged has been committed.
//! That the loaded rows are as many as were exported is counted within the transaction.
//!
//! *Not stale:* a batch has each record's last state before its end, and batches go in one after the other. A record
//! that is written while a batch is read is left to the next batch, since its number is behind the end; a whole load, in
//! which it would be missing, goes after such records before it ends. Of an id that
//! was deleted and made again within a batch the highest number wins. A migration within a batch throws the batch away:
//! the lines of the schema's history are counted before it and after it.
//!
//! The lease in the source saves the work of two runners that would get into each other's way. Nothing above rests on it.

mod batch;
mod export;
mod import;
mod options;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use self::batch::Beginning;
pub(crate) use self::export::folder;
pub use self::options::{Extent, Options, Outcome};
use crate::{
    error::{Error, Kind, Result},
    event::{Event, Listener},
    moment,
    plan::{self, Plan},
    replication::{Replication, State},
    source::{Lease, Source},
    store::Store,
    table::Wish,
    target::{Known, Target},
};

/// What replicates tables of a source to a target.
pub struct Runner<'r> {
    /// The source.
    pub source: &'r mut Source,
    /// The target.
    pub target: &'r mut dyn Target,
    /// Where parts lie between.
    pub store: &'r Store,
    /// How.
    pub options: &'r Options,
    /// Who is told.
    pub listener: Listener,
}

/// What one replication came to.
enum Step {
    Nothing,
    Paused,
    Exported(Replication),
    /// And whether there is more at once.
    Imported(Replication, bool),
}

impl Runner<'_> {
    /// Replicates a table until there is nothing new, or to the extent that is said.
    ///
    /// # Errors
    /// What went wrong at last; the state says where.
    pub async fn run(&mut self, wish: &Wish, extent: Extent) -> Result<Outcome> {
        self.told_of(wish, extent, false).await
    }

    /// Runs, and tells of what went wrong.
    async fn told_of(&mut self, wish: &Wish, extent: Extent, afresh: bool) -> Result<Outcome> {
        let run = self.leased(wish, extent, afresh).await;
        // Of a table that another has there is nothing to tell.
        if let Some(error) = run.as_ref().err().filter(|error| error.kind != Kind::Busy) {
            // The target may be what does not answer.
            let replication = self.target.unfinished(&wish.target).await.ok().flatten();
            (self.listener)(&Event::Failed {
                source: &wish.source,
                target: &wish.target,
                replication: replication.as_ref(),
                error,
            });
        }
        run
    }

    /// Tries a failed replication again now, with its retries forgotten.
    ///
    /// # Errors
    /// As [`run`](Runner::run).
    pub async fn retry(&mut self, wish: &Wish) -> Result<Outcome> {
        self.told_of(wish, Extent::Whole, true).await
    }

    /// Gives up the replication that is not finished; answers it.
    ///
    /// # Errors
    /// Those of the target; where another runner is at work on it.
    pub async fn cancel(&mut self, wish: &Wish) -> Result<Option<Replication>> {
        let lease = self.lease(wish).await?;
        let canceled = self.cancel_leased(wish).await;
        lease.free(self.source).await;
        canceled
    }

    async fn cancel_leased(&mut self, wish: &Wish) -> Result<Option<Replication>> {
        self.target.prepare().await?;
        let Some(mut replication) = self.target.unfinished(&wish.target).await? else {
            return Ok(None);
        };
        self.canceled(&mut replication).await?;
        Ok(Some(replication))
    }

    /// Has the next run load the table anew.
    ///
    /// # Errors
    /// Those of the target.
    pub async fn resync(&mut self, wish: &Wish, reason: &str) -> Result<()> {
        self.target.prepare().await?;
        self.target.resync(&wish.target, Some(reason)).await
    }

    /// What this target is called at the feed of a table.
    pub fn consumer(options: &Options, wish: &Wish) -> String {
        options.consumer(&wish.target)
    }

    async fn lease(&mut self, wish: &Wish) -> Result<Lease> {
        let key = format!("yarr:replicate:{}:{}", self.options.target, wish.target);
        let token = format!("process {} ({})", std::process::id(), token());
        self.source.lease(&key, &token, self.options.lease).await
    }

    async fn leased(&mut self, wish: &Wish, extent: Extent, afresh: bool) -> Result<Outcome> {
        let lease = self.lease(wish).await?;
        let run = self.tried(wish, extent, &lease, afresh).await;
        lease.free(self.source).await;
        run
    }

    /// Step after step, and a step that failed for a while again.
    async fn tried(
        &mut self,
        wish: &Wish,
        extent: Extent,
        lease: &Lease,
        afresh: bool,
    ) -> Result<Outcome> {
        let (mut done, mut last, mut tries) = (0, None, 0);
        let mut after = self.options.retry_after;
        let (mut prepared, mut lost) = (false, false);
        loop {
            lease.check()?;
            let step = match self.target.prepare().await {
                Ok(()) if !prepared => {
                    prepared = true;
                    match self.tidied(wish, afresh).await {
                        Ok(()) => self.step(wish, extent, lease).await,
                        Err(error) => Err(error),
                    }
                }
                Ok(()) => self.step(wish, extent, lease).await,
                Err(error) => Err(error),
            };
            match step {
                Ok(Step::Imported(replication, more)) => {
                    (done, tries, after) = (done + 1, 0, self.options.retry_after);
                    last = Some(replication);
                    if more {
                        continue;
                    }
                }
                Ok(Step::Nothing) => {}
                Ok(Step::Paused) => return Ok(Outcome::Paused),
                Ok(Step::Exported(replication)) => {
                    return Ok(Outcome::Exported(Box::new(replication)));
                }
                Err(error) if error.kind.is_retryable() && tries < self.options.tries => {
                    tries += 1;
                    self.retried(wish, &error, after).await;
                    after *= 2;
                    continue;
                }
                // The feed went on without this reader in the middle of a batch: the next attempt sees it from the start.
                Err(error) if error.kind == Kind::Resync && self.options.auto_resync && !lost => {
                    lost = true;
                    continue;
                }
                Err(error) => return Err(error),
            }
            return Ok(match last {
                Some(replication) => Outcome::Done(done, Box::new(replication)),
                None => {
                    (self.listener)(&Event::Nothing {
                        source: &wish.source,
                        target: &wish.target,
                    });
                    Outcome::Nothing
                }
            });
        }
    }

    async fn retried(&mut self, wish: &Wish, error: &Error, after: Duration) {
        if let Ok(Some(replication)) = self.target.unfinished(&wish.target).await {
            (self.listener)(&Event::Retry {
                replication: &replication,
                error,
                after,
            });
        }
        tokio::time::sleep(after).await;
    }

    /// Deletes the parts of the last replication, where it is done and whoever did it did not come to that; with
    /// `afresh` forgets how often one that is not done has failed.
    async fn tidied(&mut self, wish: &Wish, afresh: bool) -> Result<()> {
        let last = self.target.history(Some(&wish.target), 1).await?;
        match last.into_iter().next() {
            Some(last) if last.state == State::Imported => self.taken(&last.prefix).await,
            Some(mut last) if afresh && !last.state.is_final() => {
                (last.retries, last.error) = (0, None);
                self.target.note(&last).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the parts of an import away, where the target does not consist of them.
    async fn taken(&mut self, prefix: &str) {
        if !self.target.is_lake() {
            self.discarded(prefix).await;
        }
    }

    /// Takes parts away that nobody needs any more. Where that fails they are in nobody's way.
    async fn discarded(&mut self, prefix: &str) {
        if !self.options.keep && !prefix.is_empty() {
            if let Err(error) = self.store.delete(prefix).await {
                tracing::warn!(%prefix, %error, "parts are left behind");
            }
        }
    }

    /// One replication: the one that is not finished, or a new one.
    async fn step(&mut self, wish: &Wish, extent: Extent, lease: &Lease) -> Result<Step> {
        let position = self.target.position(&wish.target).await?;
        if position.paused {
            return Ok(Step::Paused);
        }
        let mut unfinished = self.target.unfinished(&wish.target).await?;
        while let Some(replication) = &mut unfinished {
            if replication.state < State::Uploaded || replication.batch.from == position.watermark {
                break;
            }
            // Another runner's went in instead: this one can never be imported.
            self.canceled(replication).await?;
            unfinished = self.target.unfinished(&wish.target).await?;
        }
        match unfinished {
            Some(replication) if replication.state >= State::Uploaded => match extent {
                Extent::Export => Ok(Step::Exported(replication)),
                Extent::Whole | Extent::Import => {
                    let replication = self.import(replication, None).await?;
                    self.acknowledged(&replication).await;
                    // Whoever exported it did so a while ago.
                    Ok(Step::Imported(replication, extent == Extent::Whole))
                }
            },
            _ if extent == Extent::Import => Ok(Step::Nothing),
            unfinished => self.anew(wish, extent, lease, unfinished).await,
        }
    }

    /// A replication from its beginning; one that is not finished keeps its name, and gets another attempt.
    async fn anew(
        &mut self,
        wish: &Wish,
        extent: Extent,
        lease: &Lease,
        unfinished: Option<Replication>,
    ) -> Result<Step> {
        let planned = plan::plan(self.source, self.target, wish).await?;
        let mut plan = self.prepared(wish, planned).await?;
        let mut beginning = match self.beginning(wish, &plan).await {
            Err(error) if error.kind == Kind::Resync => {
                plan = self.lost(wish, plan, error).await?;
                self.beginning(wish, &plan).await?
            }
            beginning => beginning?,
        };
        if beginning.is_nothing() {
            if let Some(mut replication) = unfinished {
                self.canceled(&mut replication).await?;
            }
            return Ok(Step::Nothing);
        }
        let mut replication = self.enqueued(wish, &beginning, unfinished).await?;
        let exported = self
            .export(&mut replication, &mut beginning, &plan, lease)
            .await;
        let (manifest, more) = match exported {
            Ok(exported) => exported,
            Err(error) => return Err(self.failed(replication, error).await),
        };
        if extent == Extent::Export {
            return Ok(Step::Exported(replication));
        }
        lease.check()?;
        let replication = self.import(replication, Some(manifest)).await?;
        self.acknowledged(&replication).await;
        Ok(Step::Imported(replication, more))
    }

    /// Tells what is to be known of a plan, and does to the target what it says.
    async fn prepared(&mut self, wish: &Wish, plan: Plan) -> Result<Plan> {
        for message in &plan.warnings {
            (self.listener)(&Event::Warning {
                source: &wish.source,
                message,
            });
        }
        if let Some(reason) = &plan.resync {
            self.wanted_anew(wish, &plan, reason).await?;
        }
        if !plan.alterations.is_empty() {
            let known = Known::of(&plan.table, plan.schema_lines);
            self.target
                .alter(&wish.target, &plan.alterations, &known)
                .await?;
        }
        Ok(plan)
    }

    /// The table is to be loaded anew. That is noted first: what comes after must not make it be forgotten.
    async fn wanted_anew(&mut self, wish: &Wish, plan: &Plan, reason: &str) -> Result<()> {
        if plan.position.resync.is_none() {
            if !self.options.auto_resync {
                return Err(Error::resync(format!(
                    "{} has to be loaded anew: {reason}: yarr replicate resync {}",
                    wish.target, wish.source
                )));
            }
            self.target.resync(&wish.target, Some(reason)).await?;
        }
        (self.listener)(&Event::Resync {
            source: &wish.source,
            target: &wish.target,
            reason,
        });
        Ok(())
    }

    /// The feed cannot be continued.
    async fn lost(&mut self, wish: &Wish, mut plan: Plan, error: Error) -> Result<Plan> {
        if plan.resync.is_some() {
            return Err(error);
        }
        self.wanted_anew(wish, &plan, &error.message).await?;
        plan.resync = Some(error.message);
        Ok(plan)
    }

    /// Notes a replication that is to be done.
    async fn enqueued(
        &mut self,
        wish: &Wish,
        beginning: &Beginning,
        unfinished: Option<Replication>,
    ) -> Result<Replication> {
        let now = moment::now();
        let batch = beginning.batch.clone();
        if let Some(mut replication) = unfinished {
            self.discarded(&replication.prefix).await;
            replication.batch = batch;
            replication.counts = Default::default();
            return Ok(replication);
        }
        let replication = Replication {
            id: format!("{now:013}-{}", token()),
            source: wish.source.clone(),
            target: wish.target.clone(),
            batch,
            state: State::Enqueued,
            attempt: 0,
            retries: 0,
            error: None,
            prefix: String::new(),
            counts: Default::default(),
            durations: Default::default(),
            enqueued_at: now,
            changed_at: now,
        };
        self.target.note(&replication).await?;
        self.tell(&replication);
        Ok(replication)
    }

    fn tell(&self, replication: &Replication) {
        (self.listener)(&Event::State { replication });
    }

    /// Notes that a replication is in a state now.
    async fn came_to(&mut self, replication: &mut Replication, state: State) -> Result<()> {
        replication.state = state;
        replication.changed_at = moment::now();
        self.target.note(replication).await?;
        self.tell(replication);
        Ok(())
    }

    async fn canceled(&mut self, replication: &mut Replication) -> Result<()> {
        self.came_to(replication, State::Canceled).await?;
        self.discarded(&replication.prefix.clone()).await;
        Ok(())
    }

    /// Notes that a replication has failed, and gives it up where it has too often. Answers the error.
    async fn failed(&mut self, mut replication: Replication, error: Error) -> Error {
        if error.kind == Kind::Busy {
            return error;
        }
        replication.retries += 1;
        replication.error = Some(error.message.clone());
        // The target may be what failed; then the count is one short.
        let _ = self.target.prepare().await;
        if replication.retries > i64::from(self.options.max_retries) {
            return match self.canceled(&mut replication).await {
                Ok(()) => Error::new(
                    Kind::Canceled,
                    format!(
                        "{}: given up after {} failures, the next run begins anew: {}",
                        replication.target, replication.retries, error.message
                    ),
                ),
                Err(_) => error,
            };
        }
        let _ = self.target.note(&replication).await;
        error
    }
}

/// A text that no other run has.
fn token() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{:08x}", random >> 32)
}
