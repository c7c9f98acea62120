//! `yarr replicate cancel`, `pause`, `resume` and `resync`.

use clap::Args;
use yarr_replicate::{
    config::{Config, Opened, Table},
    event,
    run::Runner,
    source::Source,
};

use super::{Choice, Tables, session};
use crate::{Context, Outcome, Result, output::Cell};

/// The arguments of `yarr replicate cancel`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate cancel flight")]
pub struct Cancel {
    #[command(flatten)]
    tables: Tables,
}

/// The arguments of `yarr replicate pause`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate pause flight")]
pub struct Pause {
    #[command(flatten)]
    tables: Tables,
}

/// The arguments of `yarr replicate resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate resume flight")]
pub struct Resume {
    #[command(flatten)]
    tables: Tables,
}

/// The arguments of `yarr replicate resync`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate resync flight && yarr replicate run flight")]
pub struct Resync {
    #[command(flatten)]
    tables: Tables,
}

#[derive(Clone, Copy)]
enum Wanted {
    Cancel,
    Pause,
    Resume,
    Resync,
}

impl Cancel {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        each(context, choice, self.tables, Wanted::Cancel)
    }
}

impl Pause {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        each(context, choice, self.tables, Wanted::Pause)
    }
}

impl Resume {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        each(context, choice, self.tables, Wanted::Resume)
    }
}

impl Resync {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        each(context, choice, self.tables, Wanted::Resync)
    }
}

/// Does it to each table, and says what was done; 1 where there was nothing to cancel.
fn each(context: &Context, choice: &Choice, tables: Tables, wanted: Wanted) -> Result<Outcome> {
    let config = session::configuration(context, choice)?;
    let mut rows = Vec::new();
    let mut any = false;
    let done = session::block_on(async {
        let mut source = None;
        for mut opened in session::targets(&config, &tables.tables)? {
            opened.target.prepare().await?;
            for table in opened.tables.clone() {
                let text = one(&config, &mut source, &mut opened, &table, wanted).await;
                let text = text
                    .map_err(|error| error.at(format_args!("{} -> {}", table.name, opened.name)))?;
                any |= text.is_some();
                let text = text.unwrap_or("nothing to cancel".into());
                rows.push(vec![
                    Cell::from(opened.name.as_str()),
                    Cell::from(table.name.as_str()),
                    Cell::from(text),
                ]);
            }
        }
        Ok(())
    });
    if !rows.is_empty() {
        context
            .output
            .table(&["target", "table", "outcome"], &rows)?;
    }
    done?;
    Ok(if any { Outcome::Done } else { Outcome::No })
}

async fn one(
    config: &Config,
    source: &mut Option<Source>,
    opened: &mut Opened,
    table: &Table,
    wanted: Wanted,
) -> Result<Option<String>> {
    let wish = table.wish();
    let target = opened.target.as_mut();
    Ok(Some(match wanted {
        Wanted::Pause => {
            target.pause(&wish.target, true).await?;
            "paused".into()
        }
        Wanted::Resume => {
            target.pause(&wish.target, false).await?;
            "resumed".into()
        }
        Wanted::Resync => {
            target
                .resync(&wish.target, Some("asked for by yarr replicate resync"))
                .await?;
            "the next run loads it anew".into()
        }
        Wanted::Cancel => {
            // The lease is the source's: nobody is at work on it.
            let source = match source {
                Some(source) => source,
                none => none.insert(session::source(config).await?),
            };
            let mut runner = Runner {
                source,
                target,
                store: &opened.store,
                options: &opened.options,
                listener: event::nobody(),
            };
            match runner.cancel(&wish).await? {
                Some(replication) => format!("canceled {}", replication.id),
                None => return Ok(None),
            }
        }
    }))
}
