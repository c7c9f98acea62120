//! `yarr replicate plan`.

use clap::Args;
use serde_json::json;
use yarr_replicate::{
    plan,
    table::{Strategy, Wish},
    target::Alteration,
};

use super::{Choice, Tables, session};
use crate::{
    Context, Error, Outcome, Result,
    output::{DIM, HEAD, WARN},
};

/// The arguments of `yarr replicate plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate plan
  yarr replicate plan flight --target warehouse --evolve")]
pub struct Plan {
    #[command(flatten)]
    tables: Tables,
    /// Plan columns for fields that the target lacks, and tables that it lacks
    #[arg(long)]
    evolve: bool,
}

impl Plan {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let config = session::configuration(context, choice)?;
        session::block_on(async {
            let mut source = session::source(&config).await?;
            let mut refused: Option<Error> = None;
            for mut opened in session::targets(&config, &self.tables.tables)? {
                opened.target.prepare().await?;
                for table in &opened.tables {
                    let wish = evolved(table.wish(), self.evolve);
                    match plan::plan(&mut source, opened.target.as_mut(), &wish).await {
                        Ok(plan) => show(context, &opened.name, &plan)?,
                        Err(error) => {
                            let error = Error::from(error)
                                .at(format_args!("{} -> {}", table.name, opened.name));
                            if let Some(first) = refused.replace(error) {
                                context.output.error(&first);
                            }
                        }
                    }
                }
            }
            refused.map_or(Ok(Outcome::Done), Err)
        })
    }
}

/// The wish, `--evolve` heard.
pub(super) fn evolved(wish: Wish, evolve: bool) -> Wish {
    Wish {
        evolve: wish.evolve || evolve,
        ..wish
    }
}

fn show(context: &Context, target: &str, plan: &plan::Plan) -> Result<()> {
    let output = &context.output;
    let plan::Plan {
        table,
        alterations,
        left,
        warnings,
        resync,
        position,
        ..
    } = plan;
    let strategy = strategy(&table.strategy);
    let changes: Vec<String> = alterations.iter().map(alteration).collect();
    output.json(&json!({
        "target": target,
        "table": table.source,
        "into": table.target,
        "strategy": strategy,
        "columns": table.columns.iter().map(|column| json!({
            "field": column.field,
            "type": column.kind.to_string(),
            "column": column.name,
            "column_type": column.column_type,
        })).collect::<Vec<_>>(),
        "alterations": changes,
        "left": left,
        "warnings": warnings,
        "from": position.watermark.to_string(),
        "resync": resync,
        "paused": position.paused,
    }))?;
    if output.is_json() {
        return Ok(());
    }
    let from = match (resync, position.watermark.is_nothing()) {
        (Some(reason), _) => format!("all of it, anew: {reason}"),
        (None, true) => "all of it".into(),
        (None, false) => format!("what came after {}", position.watermark),
    };
    let head = format!("{} -> {target} {}", table.source, table.target);
    output.line(&format!(
        "{}  {strategy}; {from}",
        output.paint(HEAD, &head)
    ))?;
    let width = table
        .columns
        .iter()
        .map(|column| column.field.len())
        .max()
        .unwrap_or_default();
    for column in &table.columns {
        let field = format!("{:width$}  {:8}", column.field, column.kind.to_string());
        output.line(&format!(
            "  {field}  -> {} {}",
            column.name, column.column_type
        ))?;
    }
    for change in changes {
        output.line(&format!("  {}", output.paint(WARN, &change)))?;
    }
    if !left.is_empty() {
        let text = format!("  not copied, for there is no column: {}", left.join(", "));
        output.line(&output.paint(DIM, &text))?;
    }
    warnings.iter().try_for_each(|warning| output.warn(warning))
}

fn strategy(strategy: &Strategy) -> String {
    match strategy {
        Strategy::Changes => "timed, by the change feed".into(),
        Strategy::Timed { field, .. } => format!("timed, by {field}"),
        Strategy::Identity { field } => format!("identity, by {field}"),
        Strategy::Full { rename: false } => "full".into(),
        Strategy::Full { rename: true } => "full, by renaming".into(),
    }
}

fn alteration(change: &Alteration) -> String {
    match change {
        Alteration::Create(columns) => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            format!("creates the table ({})", names.join(", "))
        }
        Alteration::Add(column) => match &column.value {
            Some(value) => format!(
                "adds the column {}, for the rows that are there {value:?}",
                column.name
            ),
            None => format!("adds the column {}", column.name),
        },
        Alteration::Fill { column, value } => match value {
            Some(value) => format!("sets {column} to {value:?} in all rows"),
            None => format!("sets {column} to null in all rows"),
        },
    }
}
