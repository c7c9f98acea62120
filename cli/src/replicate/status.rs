//! `yarr replicate status`.

use clap::Args;
use yarr_replicate::{
    State,
    config::{Opened, Table},
    moment,
    run::Runner,
    source::Source,
};

use super::{Choice, Tables, session};
use crate::{
    Context, Outcome, Result,
    output::{Cell, GOOD, WARN},
};

/// The arguments of `yarr replicate status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate status
  yarr replicate status --json")]
pub struct Status {
    #[command(flatten)]
    tables: Tables,
}

const COLUMNS: [&str; 9] = [
    "target",
    "table",
    "state",
    "at",
    "lag",
    "tombstones",
    "failures",
    "imported at",
    "error",
];

impl Status {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        session::block_on(async {
            // What the target knows is shown also where the source does not answer.
            let mut source = match session::source(&config).await {
                Ok(source) => Some(source),
                Err(error) => {
                    context.output.warn(&error.to_string())?;
                    None
                }
            };
            let mut rows = Vec::new();
            for mut opened in session::targets(&config, &self.tables.tables)? {
                opened.target.prepare().await?;
                for table in opened.tables.clone() {
                    rows.push(row(&mut source, &mut opened, &table).await?);
                }
            }
            context.output.table(&COLUMNS, &rows)?;
            Ok(Outcome::Done)
        })
    }
}

async fn row(source: &mut Option<Source>, opened: &mut Opened, table: &Table) -> Result<Vec<Cell>> {
    let wish = table.wish();
    let target = opened.target.as_mut();
    let position = target.position(&wish.target).await?;
    let last = target
        .history(Some(&wish.target), 1)
        .await?
        .into_iter()
        .next();
    let imported = target.history(Some(&wish.target), 100).await?;
    let imported = imported
        .iter()
        .find(|replication| replication.state == State::Imported);
    let feed = match source {
        Some(source) => {
            source
                .consumer(&wish.source, &Runner::consumer(&opened.options, &wish))
                .await?
        }
        None => None,
    };
    let lag = feed
        .as_ref()
        .filter(|feed| feed.registered)
        .map(|feed| feed.lag);
    let unfinished = last.as_ref().filter(|last| !last.state.is_final());
    let state = match (&position.resync, unfinished, lag) {
        _ if position.paused => Cell::from("paused").style(WARN),
        (_, Some(replication), _) => Cell::from(replication.state.name()).style(WARN),
        (Some(_), ..) => Cell::from("resync").style(WARN),
        _ if position.watermark.is_nothing() => Cell::from("new"),
        (.., Some(0)) => Cell::from("up to date").style(GOOD),
        (.., Some(_)) => Cell::from("behind"),
        (.., None) => Cell::from("replicated"),
    };
    Ok(vec![
        Cell::from(opened.name.as_str()),
        Cell::from(table.name.as_str()),
        state,
        match position.watermark.is_nothing() {
            true => Cell::null(),
            false => Cell::from(position.watermark.to_string()),
        },
        Cell::from(lag),
        Cell::from(feed.map(|feed| feed.tombstones)),
        Cell::from(unfinished.map(|replication| replication.retries)),
        Cell::from(imported.map(|replication| moment::text(replication.changed_at))),
        Cell::from(last.and_then(|last| last.error).or(position.resync)),
    ])
}
