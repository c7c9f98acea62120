//! `yarr schema`.

use clap::Args;
use yarr_client::Words;

use crate::{Context, Error, Kind, Outcome, Result, config::nearest, server::Server};

/// The arguments of `yarr schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr schema
  yarr schema user_session --json
  yarr schema > db/schema.yarr")]
pub struct Schema {
    /// The table
    table: Option<String>,
}

impl Schema {
    /// Does it.
    ///
    /// # Errors
    /// Where there is no such table, or the server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let mut server = context.server()?;
        let tables = match &self.table {
            Some(table) => vec![table.clone().into_bytes()],
            None => server.tables()?,
        };
        let mut all = Vec::new();
        for table in tables {
            match of(&mut server, &table)? {
                Some(found) => all.push((table, found)),
                None if self.table.is_some() => return Err(none(&mut server, &table)),
                None => {}
            }
        }
        for (at, (table, (version, operations))) in all.iter().enumerate() {
            let name = String::from_utf8_lossy(table);
            context.output.json(&serde_json::json!({
                "table": name, "version": version, "operations": operations
            }))?;
            if context.output.is_json() {
                continue;
            }
            if at == 0 {
                context.output.line("up")?;
            }
            let version = version.map_or("none".into(), |version| version.to_string());
            context.output.line(&format!("  # version {version}"))?;
            let mut word = Words::new();
            word.push(table);
            context.output.line(&format!("  table {word}"))?;
            for operation in operations {
                context.output.line(&format!("    {operation}"))?;
            }
        }
        if all.is_empty() {
            context.output.note("there are no tables")?;
        }
        Ok(Outcome::Done)
    }
}

/// A table's version and the operations that make it; `None` where there is no such table.
pub(super) fn of(server: &mut Server, table: &[u8]) -> Result<Option<(Option<i64>, Vec<String>)>> {
    let operations = redis::cmd("YARR.SCHEMA")
        .arg(table)
        .query::<Vec<String>>(server);
    let operations = match operations {
        Ok(operations) => operations,
        Err(error) if error.code() == Some("NOTABLE") => return Ok(None),
        Err(error) => return Err(Error::from(error).at(server.name())),
    };
    let version = redis::cmd("YARR.SCHEMA")
        .arg(table)
        .arg("VERSION")
        .query(server);
    Ok(Some((version?, operations)))
}

fn none(server: &mut Server, table: &[u8]) -> Error {
    let name = String::from_utf8_lossy(table).into_owned();
    let tables = server.tables().unwrap_or_default();
    let tables: Vec<String> = tables
        .iter()
        .map(|table| String::from_utf8_lossy(table).into_owned())
        .collect();
    let message = match nearest(&name, tables.iter().map(String::as_str)) {
        Some(near) => format!("there is no table '{name}'; did you mean '{near}'?"),
        None if tables.is_empty() => format!("there is no table '{name}', nor any other"),
        None => format!(
            "there is no table '{name}'; there are {}",
            tables.join(", ")
        ),
    };
    Error::new(Kind::Refused, message).at(server.name())
}
