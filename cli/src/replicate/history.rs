//! `yarr replicate history`.

use clap::Args;
use yarr_replicate::{Replication, State, moment};

use super::{Choice, Tables, session};
use crate::{
    Context, Outcome, Result,
    output::{BAD, Cell, GOOD, WARN},
};

/// The arguments of `yarr replicate history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate history
  yarr replicate history flight --limit 5 --json")]
pub struct History {
    #[command(flatten)]
    tables: Tables,
    /// How many of each table
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
}

const COLUMNS: [&str; 15] = [
    "target",
    "table",
    "begun at",
    "state",
    "mode",
    "rows",
    "tombstones",
    "inserted",
    "deleted",
    "bytes",
    "export",
    "upload",
    "import",
    "failures",
    "error",
];

impl History {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        session::block_on(async {
            let mut rows = Vec::new();
            for mut opened in session::targets(&config, &self.tables.tables)? {
                opened.target.prepare().await?;
                for table in &opened.tables {
                    let history = opened
                        .target
                        .history(Some(table.into_name()), self.limit)
                        .await?;
                    rows.extend(
                        history
                            .iter()
                            .map(|replication| row(&opened.name, replication)),
                    );
                }
            }
            context.output.table(&COLUMNS, &rows)?;
            Ok(Outcome::Done)
        })
    }
}

fn row(target: &str, replication: &Replication) -> Vec<Cell> {
    let Replication {
        counts,
        durations,
        state,
        ..
    } = replication;
    let style = match state {
        State::Imported => GOOD,
        State::Canceled => BAD,
        _ => WARN,
    };
    let spent = |millis: i64| {
        let seconds = millis as f64 / 1000.0;
        Cell::new(format!("{seconds:.3} s"), seconds)
    };
    vec![
        Cell::from(target),
        Cell::from(replication.source.as_str()),
        Cell::from(moment::text(replication.enqueued_at)),
        Cell::from(state.name()).style(style),
        Cell::from(replication.batch.mode.name()),
        Cell::from(counts.rows),
        Cell::from(counts.tombstones),
        Cell::from(counts.inserted),
        Cell::from(counts.deleted),
        Cell::from(counts.bytes),
        spent(durations.export),
        spent(durations.upload),
        spent(durations.import),
        Cell::from(replication.retries),
        Cell::from(replication.error.clone()),
    ]
}
