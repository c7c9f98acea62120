//! The export of a batch: pages of the source into parts of the store, and their manifest.

use std::time::Instant;

use super::{Runner, batch::Beginning, token};
use crate::{
    error::{Error, Kind, Result},
    event::Event,
    manifest::Manifest,
    part::{Layout, Writer},
    plan::Plan,
    replication::{Batch, Mode, Replication, State},
    source::{Feed, Lease, Page, Pages},
};

/// How often a whole load goes after what was written meanwhile. Each round is shorter than the one before.
const ROUNDS: u32 = 8;

fn milliseconds(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// A name as a folder of the store.
pub(crate) fn folder(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() || "._-".contains(c) {
        true => c,
        false => '_',
    };
    name.chars().map(plain).collect()
}

impl Runner<'_> {
    /// Exports a batch, up to `uploaded`. Answers the manifest, and whether the batch ended before all was read.
    pub(super) async fn export(
        &mut self,
        replication: &mut Replication,
        beginning: &mut Beginning,
        plan: &Plan,
        lease: &Lease,
    ) -> Result<(Manifest, bool)> {
        let Batch { from, to, .. } = &replication.batch;
        replication.attempt += 1;
        // Whoever else is at the same attempt has another folder.
        replication.prefix = format!(
            "{}/{}/{}/{}-{}/a{}-{}",
            self.options.prefix,
            folder(&replication.target),
            folder(&to.epoch),
            from.position,
            to.position,
            replication.attempt,
            token()
        );
        replication.prefix = replication.prefix.trim_start_matches('/').into();
        self.came_to(replication, State::Exporting).await?;
        let start = Instant::now();
        let layout = Layout {
            slices: match self.options.layout.slices {
                0 => self.target.slices().await?,
                slices => slices,
            },
            ..self.options.layout.clone()
        };
        let store = self.store;
        let mut writer = Writer::open(store, &replication.prefix, &plan.table, &layout)?;
        let read = self
            .read(replication, beginning, plan, &mut writer, lease)
            .await;
        // A field that is gone is refused: then the migration is what is to be said, and not that.
        if !read
            .as_ref()
            .is_err_and(|error| error.kind != Kind::Refused)
        {
            self.of_one_schema(replication, plan).await?;
        }
        let more = read?;
        replication.durations.export = milliseconds(start);
        self.came_to(replication, State::Exported).await?;

        let start = Instant::now();
        self.came_to(replication, State::Uploading).await?;
        let manifest = writer.finish(&replication.batch).await?;
        manifest.write(store, &replication.prefix).await?;
        replication.counts = manifest.counts;
        replication.durations.upload = milliseconds(start);
        self.came_to(replication, State::Uploaded).await?;
        Ok((manifest, more))
    }

    /// Reads page after page into the parts; answers whether there is more at once.
    async fn read(
        &mut self,
        replication: &mut Replication,
        beginning: &mut Beginning,
        plan: &Plan,
        writer: &mut Writer<'_>,
        lease: &Lease,
    ) -> Result<bool> {
        let feed = matches!(beginning.pages, Pages::Feed(_));
        let whole = replication.batch.mode == Mode::Whole;
        // A whole table is one batch: what it lacks is deleted.
        let may_end = feed && !whole && self.options.batch_rows > 0;
        let mut rounds = 0;
        let mut page = beginning.first.take();
        loop {
            while let Some(at_hand) = page {
                let mut last = 0;
                at_hand.each(|row| {
                    last = row.number;
                    writer.push(row)
                })?;
                drop(at_hand);
                writer.settle().await?;
                lease.check()?;
                let (rows, bytes) = writer.so_far();
                (self.listener)(&Event::Progress {
                    replication,
                    state: State::Exporting,
                    rows,
                    bytes,
                    of: beginning.expected,
                });
                // Where the batch ends early, it ends in what was known when its last page came.
                let known = beginning.pages.watermark();
                page = beginning.pages.next(self.source).await?;
                if may_end && rows >= self.options.batch_rows && last > 0 && page.is_some() {
                    replication.batch.to = known;
                    replication.batch.to.position = i64::try_from(last).unwrap_or(i64::MAX);
                    return Ok(true);
                }
            }
            if feed {
                replication.batch.to = beginning.pages.watermark();
            }
            if !(feed && whole) || rounds == ROUNDS {
                return Ok(feed && whole);
            }
            // What was written while the whole table was read was left out, and would be missing until the next batch.
            rounds += 1;
            let since = Some(replication.batch.to.clone());
            let (table, bytes) = (&replication.source, self.options.page_bytes);
            let mut pages = Pages::Feed(Feed::new(table, since, plan.table.fields(), bytes));
            page = pages.next(self.source).await?;
            replication.batch.to = pages.watermark();
            beginning.pages = pages;
            if page.as_ref().map_or(Ok(0), Page::rows)? == 0 {
                return Ok(false);
            }
        }
    }

    /// Sees that no migration came between the plan and the last page.
    async fn of_one_schema(&mut self, replication: &Replication, plan: &Plan) -> Result<()> {
        let lines = self.source.lines(&replication.source).await?;
        match i64::try_from(lines.len()) == Ok(plan.schema_lines) {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Halfway,
                format!(
                    "{}: a migration came while it was exported: it is planned and exported anew",
                    replication.source
                ),
            )),
        }
    }
}
