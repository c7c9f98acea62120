//! The beginning of a batch: where it starts, what is asked for, and whether there is anything in it.

use super::Runner;
use crate::{
    error::Result,
    event::Event,
    plan::Plan,
    replication::{Batch, Mode, Watermark},
    source::{Feed, Page, Pages, Walk},
    table::{Strategy, Wish},
};

/// A batch whose first page has been read.
pub(super) struct Beginning {
    pub(super) batch: Batch,
    pub(super) pages: Pages,
    /// The first page with rows; `None` where there is none.
    pub(super) first: Option<Page>,
    /// How many rows there are said to be.
    pub(super) expected: Option<u64>,
}

impl Beginning {
    /// Whether it would change nothing.
    pub(super) fn is_nothing(&self) -> bool {
        let Batch { from, to, mode, .. } = &self.batch;
        // An epoch that has ended is not known for ever: the target goes along with it.
        self.first.is_none() && *mode != Mode::Whole && from.epoch == to.epoch
    }
}

impl Runner<'_> {
    /// Begins a batch where the target is.
    pub(super) async fn beginning(&mut self, wish: &Wish, plan: &Plan) -> Result<Beginning> {
        let from = plan.position.watermark.clone();
        let whole = from.is_nothing() || plan.resync.is_some();
        let (table, bytes) = (&wish.source, self.options.page_bytes);
        let fields = || plan.table.fields();
        let to = |position| Watermark {
            epoch: plan.epoch.clone(),
            position,
        };
        let (mut pages, mode) = match &plan.table.strategy {
            Strategy::Changes => {
                if !whole {
                    self.told(wish, &from).await?;
                }
                let since = (!whole).then(|| from.clone());
                let feed = Feed::new(table, since, fields(), bytes);
                (
                    Pages::Feed(feed),
                    if whole { Mode::Whole } else { Mode::Merge },
                )
            }
            Strategy::Timed { field, overlap } => {
                let to = to(self.source.now().await?);
                if whole {
                    (
                        Pages::Walk(Walk::all(table, fields(), bytes, to)),
                        Mode::Whole,
                    )
                } else {
                    let overlap = i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX);
                    let since = Some(from.position.saturating_sub(overlap));
                    let walk = Walk::window(table, fields(), bytes, field, since, to);
                    (Pages::Walk(walk), Mode::Merge)
                }
            }
            Strategy::Identity { field } => {
                let highest = self.source.highest(table, field).await?;
                // From nothing rows that are there already are replaced, not doubled; none is ever taken away.
                let mode = if whole { Mode::Merge } else { Mode::Append };
                let since = (!whole).then_some(from.position);
                let to = match highest {
                    Some(highest) => to(highest.max(since.unwrap_or(i64::MIN))),
                    None => from.clone(),
                };
                (
                    Pages::Walk(Walk::behind(table, fields(), bytes, field, since, to)),
                    mode,
                )
            }
            Strategy::Full { .. } => {
                let loads = if from.epoch == plan.epoch {
                    from.position
                } else {
                    0
                };
                let walk = Walk::all(table, fields(), bytes, to(loads + 1));
                (Pages::Walk(walk), Mode::Whole)
            }
        };
        let mut first = None;
        while let Some(page) = pages.next(self.source).await? {
            if page.rows()? > 0 {
                first = Some(page);
                break;
            }
        }
        let to = pages.watermark();
        if whole && plan.table.strategy == Strategy::Changes {
            // Tombstones behind the end of this batch are held for this target from now on.
            let consumer = Runner::consumer(self.options, wish);
            self.source.acknowledge(table, &consumer, &to).await?;
        }
        let expected = match mode {
            Mode::Whole => Some(self.source.count(table).await?),
            Mode::Append => u64::try_from(to.position.saturating_sub(from.position)).ok(),
            Mode::Merge => None,
        };
        Ok(Beginning {
            batch: Batch {
                from,
                to,
                mode,
                schema_lines: plan.schema_lines,
            },
            pages,
            first,
            expected,
        })
    }

    /// Tells the feed where the target is, where whoever brought it there died before, and others how far behind.
    async fn told(&mut self, wish: &Wish, at: &Watermark) -> Result<()> {
        let consumer = Runner::consumer(self.options, wish);
        if let Some(found) = self.source.consumer(&wish.source, &consumer).await? {
            (self.listener)(&Event::Lag {
                source: &wish.source,
                target: &wish.target,
                changes: Some(found.lag),
                tombstones: Some(found.tombstones),
            });
            if found.lag > 0 || !found.registered {
                self.source.acknowledge(&wish.source, &consumer, at).await?;
            }
        }
        Ok(())
    }
}
