//! The plan: which column gets which field, in what form; what does not fit is refused before anything is written.

mod columns;
mod evolve;

use crate::{
    error::{Error, Result},
    source::{Schema, Source},
    table::{Deletes, FieldType, Strategy, Table, Wish},
    target::{Alteration, Position, Target},
};

/// A plan of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The table.
    pub table: Table,
    /// What is to be done to the target first; done by a run, not by `plan`.
    pub alterations: Vec<Alteration>,
    /// Fields of the source that have no column, and so are not copied.
    pub left: Vec<String>,
    /// What is no error and ought to be known.
    pub warnings: Vec<String>,
    /// How many lines the history of the source's schema has.
    pub schema_lines: i64,
    /// Why what the target has cannot be continued, and is to be loaded anew.
    pub resync: Option<String>,
    /// What the watermark counts besides changes: the strategy, the field, and what tells the table from another of its
    /// name. Empty where the feed says its own epoch.
    pub epoch: String,
    /// Where the target is with the table.
    pub position: Position,
}

/// Plans a table. Nothing is written but the row of the table in the target's state.
///
/// # Errors
/// All that does not fit, in one error.
pub async fn plan(source: &mut Source, target: &mut dyn Target, wish: &Wish) -> Result<Plan> {
    let schema = source.schema(&wish.source).await?;
    let found = target.columns(&wish.target).await?;
    let position = target.position(&wish.target).await?;
    let mut warnings = Vec::new();
    let strategy = strategy(wish, &schema, &mut warnings)?;
    let matched = columns::matched(wish, &schema, found.as_deref(), target)?;
    let epoch = epoch(&strategy, &schema);
    let table = Table {
        source: wish.source.clone(),
        target: wish.target.clone(),
        columns: matched.columns,
        strategy,
        deletes: wish.deletes.clone(),
    };
    let mut plan = Plan {
        table,
        alterations: matched.alterations,
        left: matched.left,
        warnings,
        schema_lines: schema.length(),
        resync: position.resync.clone(),
        epoch,
        position,
    };
    // What is whole each time needs nothing of what was.
    let whole = matches!(plan.table.strategy, Strategy::Full { .. });
    if plan.resync.is_none() && !plan.position.watermark.is_nothing() && !whole {
        if target.is_lake() {
            // Nothing of it is made beforehand.
            plan.alterations.clear();
        }
        plan.resync =
            evolve::continued(&mut plan.alterations, &plan.table, &schema, &plan.position)
                .or_else(|| moved(&plan));
        let fills = |change: &Alteration| matches!(change, Alteration::Fill { .. });
        if target.is_lake() && plan.alterations.iter().any(fills) {
            plan.resync = Some("fields were added, and files stay as they were written".into());
        }
    }
    Ok(plan)
}

/// Why the watermark is none of this plan's, if it is not.
fn moved(plan: &Plan) -> Option<String> {
    let found = &plan.position.watermark.epoch;
    let feed = plan.epoch.is_empty();
    let same = match feed {
        true => !found.contains(':'),
        false => *found == plan.epoch,
    };
    let now = if feed { "the change feed" } else { &plan.epoch };
    (!same).then(|| {
        format!("the target was loaded by '{found}' and the table is now replicated by '{now}'")
    })
}

fn epoch(strategy: &Strategy, schema: &Schema) -> String {
    let identity = &schema.identity;
    match strategy {
        Strategy::Changes => String::new(),
        Strategy::Timed { field, .. } => format!("timed:{field}:{identity}"),
        Strategy::Identity { field } => format!("identity:{field}:{identity}"),
        // Each load is whole: it does not matter what was there.
        Strategy::Full { .. } => "full:".into(),
    }
}

/// The strategy that is wished, or the best that the table has.
fn strategy(wish: &Wish, schema: &Schema, warnings: &mut Vec<String>) -> Result<Strategy> {
    let table = &schema.name;
    let has = |name: &str, kinds: &[FieldType]| {
        let field = schema.field(name).ok_or_else(|| {
            let names: Vec<&str> = schema
                .fields
                .iter()
                .map(|field| field.name.as_str())
                .collect();
            Error::refused(format!(
                "there is no field '{name}' in table '{table}', which has {}",
                names.join(", ")
            ))
        })?;
        match kinds.contains(&field.kind) {
            true => Ok(field),
            false => Err(Error::refused(format!(
                "field '{name}' of table '{table}': expected {}, found {}",
                kinds.first().map(FieldType::to_string).unwrap_or_default(),
                field.kind
            ))),
        }
    };
    let strategy = match &wish.strategy {
        None if schema.feed => Strategy::Changes,
        None if schema.field("updated_at").is_some() => Strategy::Timed {
            field: "updated_at".into(),
            overlap: std::time::Duration::ZERO,
        },
        None => {
            return Err(Error::refused(format!(
                "table '{table}' has neither a change feed nor updated_at: give it one by a migration with CHANGES ON, or set strategy = \"full\" or \"identity\""
            )));
        }
        Some(strategy) => strategy.clone(),
    };
    match &strategy {
        Strategy::Changes if !schema.feed => {
            return Err(Error::refused(format!(
                "table '{table}' has no change feed: give it one by a migration with CHANGES ON, or name the DATETIME field to go by"
            )));
        }
        Strategy::Timed { field, .. } => {
            let found = has(field, &[FieldType::DateTime])?;
            // A null is in no window: the record would never be seen.
            if !found.not_null {
                return Err(Error::refused(format!(
                    "field '{field}' of table '{table}' may be null, and records with null would never be replicated: set it NOT NULL, or give the table a change feed by a migration with CHANGES ON"
                )));
            }
            let unseen = wish.deletes != Deletes::Ignore;
            if unseen {
                warnings.push(format!(
                    "{table}: by '{field}' deletions are not seen; a migration with CHANGES ON has them seen"
                ));
            }
            if !schema.ordered.contains(field) {
                warnings.push(format!(
                    "{table}: no index begins with '{field}': each page of a replication walks through the table"
                ));
            }
        }
        Strategy::Identity { field } => {
            let found = has(field, &[FieldType::Integer])?;
            if !found.not_null {
                return Err(Error::refused(format!(
                    "field '{field}' of table '{table}' may be null, and records with null would never be replicated: set it NOT NULL"
                )));
            }
        }
        _ => {}
    }
    Ok(strategy)
}
