//! `yarr replicate check`.

use clap::Args;
use yarr_replicate::{config::Opened, plan};

use super::{Choice, Tables, session};
use crate::{
    Context, Error, Outcome, Result,
    output::{BAD, Cell, GOOD},
};

/// The arguments of `yarr replicate check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate check")]
pub struct Check {
    #[command(flatten)]
    tables: Tables,
}

/// What has been looked at, and what was wrong with it.
#[derive(Default)]
struct Found {
    rows: Vec<Vec<Cell>>,
    refused: Vec<Error>,
}

impl Found {
    /// Whether it is as it ought to be.
    fn look<T>(&mut self, what: &str, name: &str, found: Result<T>) -> Option<T> {
        let word = match &found {
            Ok(_) => Cell::from("ok").style(GOOD),
            Err(_) => Cell::from("wrong").style(BAD),
        };
        self.rows
            .push(vec![Cell::from(what), Cell::from(name), word]);
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                self.refused.push(error);
                None
            }
        }
    }
}

impl Check {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        let mut found = Found::default();
        session::block_on(async {
            let place = config.source.address.name.clone();
            let mut source = found.look("source", &place, session::source(&config).await);
            for mut opened in session::targets(&config, &self.tables.tables)? {
                let prepared = opened.target.prepare().await.map_err(Error::from);
                let prepared = found.look("target", &opened.name, prepared);
                let store = opened.store.to_string();
                found.look("store", &store, stored(&opened).await);
                if let (Some(()), Some(source)) = (prepared, &mut source) {
                    for table in opened.tables.clone() {
                        let name = format!("{} -> {}", table.name, opened.name);
                        let planned =
                            plan::plan(source, opened.target.as_mut(), &table.wish()).await;
                        let planned = planned.map_err(|error| Error::from(error).at(&name));
                        if let Some(plan) = found.look("table", &name, planned) {
                            plan.warnings
                                .iter()
                                .try_for_each(|warning| context.output.warn(warning))?;
                        }
                    }
                }
            }
            Ok(())
        })?;
        context
            .output
            .table(&["what", "name", "found"], &found.rows)?;
        let mut refused = found.refused.into_iter();
        let Some(first) = refused.next() else {
            return Ok(Outcome::Done);
        };
        refused.for_each(|error| context.output.error(&error));
        Err(first)
    }
}

/// A small file goes in and comes out again.
async fn stored(opened: &Opened) -> Result<()> {
    const PATH: &str = "_yarr_check/file";
    let Opened { store, .. } = opened;
    store.put(PATH, b"yarr".to_vec()).await?;
    let found = store.get(PATH).await?;
    store.delete("_yarr_check").await?;
    match found.as_deref() {
        Some(b"yarr") => Ok(()),
        _ => Err(Error::usage(format!(
            "expected in {store} what was put there, found something else"
        ))),
    }
}
