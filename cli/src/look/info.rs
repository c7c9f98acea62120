//! `yarr info TABLE`: a table part by part.

use clap::Args;
use redis::Value;

use super::{
    answer,
    catalog::Schema,
    cell,
    facts::{self, Table},
    scan::ask,
};
use crate::{
    Context, Outcome, Result,
    output::{BAD, Cell, DIM, GOOD, HEAD, Output, WARN},
    server::Server,
};

/// The arguments of `yarr info`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr info user_session
  yarr info user_session --server eu
  yarr info user_session --json | jq .indexes")]
pub struct Info {
    /// The table
    table: String,
    /// How many lines of the history to show, the last ones
    #[arg(long, value_name = "LINES", default_value_t = 10)]
    history: usize,
}

impl Info {
    /// Shows it, of each server that has it.
    ///
    /// # Errors
    /// Where no server has the table, or one refuses.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let output = &context.output;
        let mut missing = None;
        let mut shown = 0;
        for mut server in context.servers()? {
            match Report::of(&mut server, self.table.as_bytes()) {
                Ok(report) if output.is_json() => output.json(&report.json(server.name()))?,
                Ok(report) => {
                    if shown > 0 {
                        output.line("")?;
                    }
                    report.show(server.name(), self.history, output)?;
                }
                Err(error) => {
                    missing = Some(crate::Error::from(error).at(server.name()));
                    continue;
                }
            }
            shown += 1;
        }
        match missing {
            Some(error) if shown == 0 => Err(error),
            Some(error) => {
                output.warn(&error.message)?;
                Ok(Outcome::Done)
            }
            None => Ok(Outcome::Done),
        }
    }
}

/// Everything a server tells of a table.
pub struct Report {
    /// What it takes.
    pub table: Table,
    /// What it is.
    pub schema: Schema,
    info: Value,
    history: Value,
}

impl Report {
    /// Asks a server.
    ///
    /// # Errors
    /// What it answers instead.
    pub fn of(server: &mut Server, name: &[u8]) -> Result<Report, redis::RedisError> {
        let info = ask(server, None, redis::cmd("YARR.INFO").arg(name))?;
        let schema = ask(server, None, redis::cmd("YARR.SCHEMA").arg(name))?;
        let history = ask(
            server,
            None,
            redis::cmd("YARR.SCHEMA").arg(name).arg("HISTORY"),
        )?;
        let operations: Vec<String> = answer::items(&schema)
            .unwrap_or_default()
            .iter()
            .filter_map(answer::string)
            .collect();
        Ok(Report {
            table: Table::read(name, &info).unwrap_or_default(),
            schema: Schema::read(&operations),
            info,
            history,
        })
    }

    /// All of it as one document.
    pub fn json(&self, server: &str) -> serde_json::Value {
        let mut document = serde_json::json!({ "redis": server, "table": self.table.name });
        if let (Some(document), serde_json::Value::Object(facts)) =
            (document.as_object_mut(), answer::facts(&self.info))
        {
            document.extend(facts);
            let fields: Vec<serde_json::Value> = self
                .schema
                .fields
                .iter()
                .map(|field| {
                    serde_json::json!({
                        "name": field.name, "type": field.kind.text(),
                        "not_null": field.not_null, "default": field.default,
                    })
                })
                .collect();
            document.insert("fields".into(), fields.into());
            document.insert("history".into(), answer::facts(&self.history));
        }
        document
    }

    fn show(&self, server: &str, history: usize, output: &Output) -> Result<()> {
        let table = &self.table;
        output.line(&format!(
            "{} {}",
            output.paint(HEAD, &table.name),
            output.paint(DIM, &format!("on {server}"))
        ))?;
        for (name, text) in self.summary() {
            output.line(&format!(
                "  {} {text}",
                output.paint(DIM, &format!("{name:<9}"))
            ))?;
        }
        if let Some(running) = &table.running {
            let left = running.left().map_or("?".into(), facts::span);
            let bar = bar(running.percent, 20);
            output.line(&format!(
                "  {} {} {} {} {} %, {} of {} records, {} a second, {left} left",
                output.paint(DIM, "migration"),
                running.version,
                running.name,
                output.paint(WARN, &bar),
                running.percent,
                facts::grouped(running.met),
                facts::grouped(running.records),
                facts::grouped(running.per_second),
            ))?;
        }
        output.line("")?;
        output.table(
            &["field", "type", "null", "default", "index"],
            &self.fields(),
        )?;
        output.line("")?;
        output.table(&["memory", "bytes", "share", "entries"], &self.parts())?;
        let consumers = self.consumers();
        if !consumers.is_empty() {
            output.line("")?;
            output.table(&["consumer", "lag", "acknowledged", ""], &consumers)?;
        }
        self.history(history, output)
    }

    fn summary(&self) -> Vec<(&'static str, String)> {
        let table = &self.table;
        let mut records = facts::grouped(table.records);
        if table.expired > 0 {
            records += &format!(
                ", {} expired and not reclaimed",
                facts::grouped(table.expired)
            );
        }
        let mut memory = facts::size(table.bytes);
        if let Some(each) = table.bytes.checked_div(table.records + table.expired) {
            memory += &format!(", {each} B a record");
        }
        let mut lines = vec![("records", records), ("memory", memory)];
        let expiry = match (table.ttl, table.expiring) {
            (None, 0) => None,
            (None, some) => Some(format!("none; {}", expiring(some))),
            (Some(ttl), some) => Some(format!(
                "{} from each write on; {}",
                facts::span(u64::try_from(ttl).unwrap_or_default()),
                expiring(some)
            )),
        };
        lines.extend(expiry.map(|text| ("ttl", text)));
        lines.extend(table.feed.as_ref().map(|feed| {
            let [tombstones, bytes] = feed.tombstones;
            let kept = match tombstones {
                0 => "no tombstones".into(),
                1 => format!("1 tombstone, {}", facts::size(bytes)),
                some => format!(
                    "{} tombstones, {}",
                    facts::grouped(some),
                    facts::size(bytes)
                ),
            };
            let head = facts::grouped(feed.head);
            ("changes", format!("numbered up to {head}; {kept}"))
        }));
        let version = table
            .version
            .map_or("none".into(), |version| version.to_string());
        lines.push(("version", version));
        lines
    }

    /// The fields as rows: name, type, null, default, index.
    pub fn fields(&self) -> Vec<Vec<Cell>> {
        let row = |field: &super::catalog::Field| {
            let null = if field.not_null { "not null" } else { "" };
            vec![
                field.name.as_str().into(),
                field.kind.text().into(),
                Cell::new(null, field.not_null),
                field.default.clone().map_or(Cell::new("", ()), Cell::from),
                Cell::new(self.schema.role(&field.name), self.schema.role(&field.name)).style(DIM),
            ]
        };
        self.schema.fields.iter().map(row).collect()
    }

    /// Who reads the change feed, as rows: name, lag, when it said so, and what is to be known of it.
    fn consumers(&self) -> Vec<Vec<Cell>> {
        let feed = self.table.feed.iter();
        let row = |consumer: &facts::Consumer| {
            let resync = if consumer.resync { "begins anew" } else { "" };
            vec![
                consumer.name.as_str().into(),
                Cell::new(facts::grouped(consumer.lag), consumer.lag),
                Cell::from(cell::time_text(consumer.at)),
                Cell::new(resync, consumer.resync).style(WARN),
            ]
        };
        feed.flat_map(|feed| feed.consumers.iter().map(row))
            .collect()
    }

    fn parts(&self) -> Vec<Vec<Cell>> {
        let table = &self.table;
        let part = |name: String, bytes: u64, entries: Option<u64>| {
            let share = 100.0 * bytes as f64 / table.bytes.max(1) as f64;
            let entries = match entries {
                Some(entries) => Cell::new(facts::grouped(entries), entries),
                None => Cell::new("", ()),
            };
            vec![
                name.into(),
                Cell::new(facts::size(bytes), bytes),
                Cell::new(format!("{share:.0} %"), share),
                entries,
            ]
        };
        let [records, ids, expiry] = table.parts;
        let mut rows = vec![
            part(
                "records".into(),
                records,
                Some(table.records + table.expired),
            ),
            part("ids".into(), ids, None),
        ];
        for index in &table.indexes {
            let fields = index.fields.replace(' ', ", ");
            rows.push(part(
                format!("{} on ({fields})", index.kind),
                index.bytes,
                Some(index.entries),
            ));
        }
        if table.expiring > 0 {
            rows.push(part("expiry".into(), expiry, Some(table.expiring)));
        }
        rows.push(part("the rest".into(), table.rest(), None));
        rows.push(part("all".into(), table.bytes, None));
        rows.push(part("slack in it".into(), table.slack, None));
        rows
    }

    fn history(&self, most: usize, output: &Output) -> Result<()> {
        let lines = answer::items(&self.history).unwrap_or_default();
        let skipped = lines.len().saturating_sub(most);
        let rows: Vec<Vec<Cell>> = lines.iter().skip(skipped).map(history_row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        output.line("")?;
        output.table(
            &[
                "version",
                "migration",
                "direction",
                "state",
                "at",
                "duration",
            ],
            &rows,
        )?;
        match skipped {
            0 => Ok(()),
            _ => output.note(&format!(
                "{skipped} earlier lines are not shown (--history)"
            )),
        }
    }
}

fn expiring(records: u64) -> String {
    match records {
        1 => "1 record expires".into(),
        records => format!("{} records expire", facts::grouped(records)),
    }
}

fn history_row(line: &Value) -> Vec<Cell> {
    let pairs = answer::pairs(line).unwrap_or_default();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name.as_bytes());
    let text = |name: &str| get(name).and_then(|(_, value)| answer::string(value));
    let number = |name: &str| get(name).and_then(|(_, value)| cell::integer(value));
    let state = text("state").unwrap_or_default();
    let style = match state.split(' ').next() {
        Some("APPLIED") => GOOD,
        Some("RUNNING") => WARN,
        _ => BAD,
    };
    let micros = number("took_us").unwrap_or_default();
    vec![
        number("version").into(),
        text("name").into(),
        text("direction").into(),
        Cell::from(state).style(style),
        number("at").map(cell::time_text).into(),
        Cell::new(
            facts::took(u64::try_from(micros).unwrap_or_default()),
            micros,
        ),
    ]
}

/// A bar of how far something is.
pub fn bar(percent: u64, width: usize) -> String {
    let full = usize::try_from(percent.min(100)).unwrap_or_default() * width / 100;
    format!("[{}{}]", "#".repeat(full), "-".repeat(width - full))
}
