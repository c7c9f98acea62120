//! `yarr replicate run`, `export`, `import` and `retry`.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use yarr_replicate::{
    config::{Config, Opened, Table},
    event::Listener,
    metrics::{self, Figures},
    notify::{self, Postman},
    run::{Extent, Outcome as Ran, Runner},
    source::Source,
};

use super::{Choice, Tables, bar, maintain, plan::evolved, session};
use crate::{
    Context, Error, Outcome, Result,
    config::span,
    output::{self, Column, GOOD, Stream},
};

/// The arguments of `yarr replicate run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate run
  yarr replicate run flight airport --target warehouse
  yarr replicate run --every 5m")]
pub struct Run {
    #[command(flatten)]
    tables: Tables,
    /// Again and again, so long after the last began (30s, 5m, 1h); a failure is said and does not end it
    #[arg(long, value_name = "SPAN")]
    every: Option<String>,
    /// Add columns for fields that the target lacks, and tables that it lacks
    #[arg(long)]
    evolve: bool,
}

/// The arguments of `yarr replicate export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate export flight && yarr replicate import flight")]
pub struct Export {
    #[command(flatten)]
    tables: Tables,
}

/// The arguments of `yarr replicate import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate import flight")]
pub struct Import {
    #[command(flatten)]
    tables: Tables,
}

/// The arguments of `yarr replicate retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate retry flight")]
pub struct Retry {
    #[command(flatten)]
    tables: Tables,
}

impl Run {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let every = self.every.as_deref().map(span).transpose();
        let every = every.map_err(|error| error.at("--every"))?;
        let work = Work {
            tables: self.tables.tables,
            extent: Some(Extent::Whole),
            evolve: self.evolve,
        };
        work.begin(context, choice, every)
    }
}

impl Export {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        Work::of(self.tables, Some(Extent::Export)).begin(context, choice, None)
    }
}

impl Import {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        Work::of(self.tables, Some(Extent::Import)).begin(context, choice, None)
    }
}

impl Retry {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        Work::of(self.tables, None).begin(context, choice, None)
    }
}

/// What is done with each table.
struct Work {
    tables: Vec<String>,
    /// `None` is a retry.
    extent: Option<Extent>,
    evolve: bool,
}

impl Work {
    fn of(tables: Tables, extent: Option<Extent>) -> Work {
        Work {
            tables: tables.tables,
            extent,
            evolve: false,
        }
    }

    fn begin(
        &self,
        context: &Context,
        choice: &Choice,
        every: Option<Duration>,
    ) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        let idle = Cell::new(false);
        let ended = session::block_on(async {
            let figures = Arc::new(match &config.metrics.file {
                Some(file) => Figures::of_file(file),
                None => Figures::default(),
            });
            if let Some(address) = config.metrics.listen {
                metrics::listen(&figures, address).await?;
            }
            let mut all = session::targets(&config, &self.tables)?;
            let mut told = Told::new(context, &all, every.is_some());
            loop {
                let began = Instant::now();
                let done = self
                    .round(context, &config, &mut all, &figures, &mut told)
                    .await;
                match (every, done) {
                    (None, done) => return done,
                    (Some(_), Ok(_)) => {}
                    (Some(_), Err(error)) => context.output.error(&error),
                }
                idle.set(true);
                tokio::time::sleep(every.unwrap_or_default().saturating_sub(began.elapsed())).await;
                idle.set(false);
            }
        });
        // A signal between two rounds leaves nothing half done.
        match idle.get() {
            true => Ok(Outcome::Done),
            false => ended,
        }
    }

    /// All tables into all targets, once.
    async fn round(
        &self,
        context: &Context,
        config: &Config,
        all: &mut [Opened],
        figures: &Arc<Figures>,
        told: &mut Told<'_>,
    ) -> Result<Outcome> {
        let output = context.output.clone();
        let postman = Postman::start(notify::subscribers(&config.notify)?, move |error| {
            // Where stderr is closed there is nobody to tell.
            let _ = output.warn(&error.to_string());
        });
        let mut source = session::source(config).await;
        for opened in all {
            let listeners = [
                bar::listener(&context.output, &opened.name),
                postman.listener(&opened.name),
                figures.listener(&opened.name),
            ];
            let listener: Listener =
                Arc::new(move |event| listeners.iter().for_each(|listener| listener(event)));
            for table in opened.tables.clone() {
                let ran = match &mut source {
                    Ok(source) => self.table(source, opened, &table, &listener).await,
                    Err(error) => Err(error.clone()),
                };
                told.table(&opened.name, &table, ran)?;
            }
        }
        postman.finish().await;
        if let Some(file) = &config.metrics.file {
            figures.write(file)?;
        }
        told.end()
    }

    async fn table(
        &self,
        source: &mut Source,
        opened: &mut Opened,
        table: &Table,
        listener: &Listener,
    ) -> Result<Ran> {
        let wish = evolved(table.wish(), self.evolve);
        let mut runner = Runner {
            source,
            target: opened.target.as_mut(),
            store: &opened.store,
            options: &opened.options,
            listener: Arc::clone(listener),
        };
        let ran = match self.extent {
            Some(extent) => runner.run(&wish, extent).await?,
            None => runner.retry(&wish).await?,
        };
        if matches!(ran, Ran::Done(..)) {
            maintain::after(opened.target.as_mut(), table).await?;
        }
        Ok(ran)
    }
}

/// What has been said of the tables so far.
struct Told<'c> {
    context: &'c Context,
    lines: Stream<'c>,
    /// Whether only what has happened is told: the same again and again is nothing.
    terse: bool,
    done: bool,
    failed: Option<Error>,
}

impl<'c> Told<'c> {
    fn new(context: &'c Context, all: &[Opened], terse: bool) -> Told<'c> {
        let names = all.iter().map(|opened| opened.name.len()).max();
        let tables = all.iter().flat_map(|opened| &opened.tables);
        let tables = tables.map(|table| table.name.len()).max();
        let columns = [
            Column::text("target", names.unwrap_or_default()),
            Column::text("table", tables.unwrap_or_default()),
            Column::text("outcome", 11),
            Column::number("batches", 7),
            Column::number("rows", 9),
            Column::number("deleted", 9),
            Column::number("bytes", 11),
            Column::number("duration", 10),
        ];
        Told {
            context,
            lines: context.output.stream(&columns),
            terse,
            done: false,
            failed: None,
        }
    }

    fn table(&mut self, target: &str, table: &Table, ran: Result<Ran>) -> Result<()> {
        if self.terse && matches!(ran, Ok(Ran::Nothing | Ran::Paused)) {
            return Ok(());
        }
        let (outcome, replication) = match &ran {
            Ok(Ran::Nothing) => (output::Cell::from("nothing new"), None),
            Ok(Ran::Paused) => (output::Cell::from("paused"), None),
            Ok(Ran::Exported(replication)) => (
                output::Cell::from("exported").style(GOOD),
                Some((1, replication)),
            ),
            Ok(Ran::Done(batches, last)) => (
                output::Cell::from("imported").style(GOOD),
                Some((*batches, last)),
            ),
            Err(_) => (output::Cell::from("failed").style(output::BAD), None),
        };
        let mut cells = vec![
            output::Cell::from(target),
            output::Cell::from(table.name.as_str()),
            outcome,
        ];
        match replication {
            Some((batches, replication)) => {
                let counts = &replication.counts;
                let spent = &replication.durations;
                let seconds = (spent.export + spent.upload + spent.import) as f64 / 1000.0;
                cells.extend([
                    output::Cell::from(batches),
                    output::Cell::from(counts.rows),
                    output::Cell::from(counts.deleted),
                    output::Cell::from(counts.bytes),
                    output::Cell::new(format!("{seconds:.3} s"), seconds),
                ]);
                self.done = true;
            }
            None => cells.extend((0..5).map(|_| output::Cell::null())),
        }
        self.lines.row(&cells)?;
        if let Err(error) = ran {
            let error = error.at(format_args!("{} -> {target}", table.name));
            if let Some(first) = &self.failed {
                // The first is told at the end.
                if first.message != error.message {
                    self.context.output.error(&error);
                }
            } else {
                self.failed = Some(error);
            }
        }
        Ok(())
    }

    /// What the round came to; the next begins.
    fn end(&mut self) -> Result<Outcome> {
        match (self.failed.take(), std::mem::take(&mut self.done)) {
            (Some(error), _) => Err(error),
            (None, true) => Ok(Outcome::Done),
            (None, false) => Ok(Outcome::No),
        }
    }
}
