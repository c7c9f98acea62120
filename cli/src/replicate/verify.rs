//! `yarr replicate verify`.

use clap::Args;
use yarr_replicate::{
    plan,
    verify::{Comparison, Difference, verify},
};

use super::{Choice, Tables, session};
use crate::{
    Context, Outcome, Result,
    output::{BAD, Cell, GOOD},
};

/// The arguments of `yarr replicate verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate verify
  yarr replicate verify flight --target warehouse")]
pub struct Verify {
    #[command(flatten)]
    tables: Tables,
}

const COLUMNS: [&str; 7] = [
    "target",
    "table",
    "found",
    "source rows",
    "target rows",
    "source checksum",
    "target checksum",
];

impl Verify {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        session::block_on(async {
            let mut source = session::source(&config).await?;
            let (mut rows, mut notes) = (Vec::new(), Vec::new());
            for mut opened in session::targets(&config, &self.tables.tables)? {
                let target = opened.target.as_mut();
                target.prepare().await?;
                for table in &opened.tables {
                    let name = format!("{} -> {}", table.name, opened.name);
                    let plan = plan::plan(&mut source, target, &table.wish()).await;
                    let plan = plan.map_err(|error| error.at(&name))?;
                    let options = &opened.options;
                    let compared = verify(
                        &mut source,
                        target,
                        &plan.table,
                        options.page_bytes,
                        options.layout.replacement,
                    )
                    .await;
                    let compared = compared.map_err(|error| error.at(&name))?;
                    rows.push(row(&opened.name, &table.name, &compared));
                    notes.extend(compared.differences.iter().map(|(id, difference)| {
                        let how = match difference {
                            Difference::Missing => "is not in the target",
                            Difference::Extra => "is in the target alone",
                            Difference::Other => "has another value in the target",
                        };
                        format!("{name}: {id} {how}")
                    }));
                }
            }
            context.output.table(&COLUMNS, &rows)?;
            notes
                .iter()
                .try_for_each(|note| context.output.warn(note))?;
            Ok(match notes.is_empty() {
                true => Outcome::Done,
                false => Outcome::No,
            })
        })
    }
}

fn row(target: &str, table: &str, compared: &Comparison) -> Vec<Cell> {
    let found = match compared.is_equal() {
        true => Cell::from("equal").style(GOOD),
        false => Cell::from("differs").style(BAD),
    };
    let Comparison {
        source,
        target: other,
        ..
    } = compared;
    vec![
        Cell::from(target),
        Cell::from(table),
        found,
        Cell::from(source.rows),
        Cell::from(other.rows),
        Cell::from(format!("{:016x}", source.sum)),
        Cell::from(format!("{:016x}", other.sum)),
    ]
}
