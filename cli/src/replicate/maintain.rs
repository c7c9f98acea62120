//! `yarr replicate vacuum`, `analyze` and `sql`.

use clap::{Args, ValueEnum};
use yarr_replicate::{
    config,
    target::{Maintenance, Target},
};

use super::{Choice, Tables, session};
use crate::{Context, Error, Outcome, Result, output::Cell};

/// The arguments of `yarr replicate vacuum`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate vacuum flight
  yarr replicate vacuum --form auto --target warehouse")]
pub struct Vacuum {
    #[command(flatten)]
    tables: Tables,
    /// Which VACUUM; auto goes by the sort key of a table of Redshift
    #[arg(long, value_name = "FORM", default_value = "plain")]
    form: Form,
}

/// The arguments of `yarr replicate analyze`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate analyze flight")]
pub struct Analyze {
    #[command(flatten)]
    tables: Tables,
}

/// The arguments of `yarr replicate sql`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate sql 'SELECT count(*) FROM flight'
  yarr replicate sql --target warehouse 'GRANT SELECT ON flight TO analysts'")]
pub struct Sql {
    /// What is said
    text: String,
}

/// A form of VACUUM.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Auto,
    Plain,
    Full,
    SortOnly,
    DeleteOnly,
    Reindex,
}

impl Form {
    fn said(self) -> Maintenance {
        vacuum(match self {
            Form::Auto => "auto",
            Form::Plain => "plain",
            Form::Full => "full",
            Form::SortOnly => "sort only",
            Form::DeleteOnly => "delete only",
            Form::Reindex => "reindex",
        })
    }
}

fn vacuum(form: &str) -> Maintenance {
    Maintenance::Vacuum(form.into())
}

impl Vacuum {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        each(context, choice, &self.tables, &self.form.said())
    }
}

impl Analyze {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        each(context, choice, &self.tables, &Maintenance::Analyze)
    }
}

fn each(
    context: &Context,
    choice: &Choice,
    tables: &Tables,
    what: &Maintenance,
) -> Result<Outcome> {
    let config = session::configuration(context, choice)?;
    session::block_on(async {
        let mut rows = Vec::new();
        for mut opened in session::targets(&config, &tables.tables)? {
            // Files need none: where they are not asked for by name they are passed over.
            if choice.target.is_empty()
                && config.targets.get(&opened.name).map(config::Target::kind) == Some("files")
            {
                continue;
            }
            opened.target.prepare().await?;
            for table in &opened.tables {
                let said = opened
                    .target
                    .maintain(Some(table.into_name()), what)
                    .await?;
                let row = |statement| vec![Cell::from(opened.name.as_str()), Cell::from(statement)];
                rows.extend(said.into_iter().map(row));
            }
        }
        context.output.table(&["target", "statement"], &rows)?;
        Ok(Outcome::Done)
    })
}

/// What the configuration asks for after an import.
pub(super) async fn after(target: &mut dyn Target, table: &config::Table) -> Result<()> {
    let form = table.vacuum.map(|form| match form {
        config::Vacuum::Auto => "auto",
        config::Vacuum::Plain => "plain",
        config::Vacuum::Full => "full",
        config::Vacuum::SortOnly => "sort only",
        config::Vacuum::DeleteOnly => "delete only",
        config::Vacuum::Reindex => "reindex",
    });
    if let Some(form) = form {
        target
            .maintain(Some(table.into_name()), &vacuum(form))
            .await?;
    }
    if table.analyze {
        target
            .maintain(Some(table.into_name()), &Maintenance::Analyze)
            .await?;
    }
    Ok(())
}

impl Sql {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        session::block_on(async {
            let mut all = session::targets(&config, &[])?;
            let names: Vec<String> = all.iter().map(|opened| opened.name.clone()).collect();
            let [opened] = all.as_mut_slice() else {
                return Err(Error::usage(format!(
                    "expected one target, found several; name one with --target: {}",
                    names.join(", ")
                )));
            };
            opened.target.prepare().await?;
            let (columns, rows) = opened.target.sql(&self.text).await?;
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let rows: Vec<Vec<Cell>> = rows
                .into_iter()
                .map(|row| row.into_iter().map(Cell::from).collect())
                .collect();
            if !names.is_empty() {
                context.output.table(&names, &rows)?;
            }
            Ok(Outcome::Done)
        })
    }
}
