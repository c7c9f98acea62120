//! `yarr adopt`: hashes that are there already, as records of a table.

mod digest;
mod layout;
mod remove;
mod rows;
mod scan;

use clap::Args;
use serde::Serialize;
use yarr_client::Cell;

use self::{
    digest::Digest,
    layout::{IdText, Layout, Pattern},
    rows::{Rows, compare, id_of},
    scan::{Found, Hash, Scan},
};
use super::{
    batch::{Batch, Batcher, Fill, Limits},
    columns::{Mapping, Wishes},
    convert::{Reading, Times},
    create::{CreateArgs, Seen},
    file::{now, one_byte},
    json::Columns,
    rejects::Rejects,
    row::{Row, Shape},
    schema::Table,
    send::{Halt, Sender},
    source::Mark,
};
use crate::{Context, Error, Kind, Outcome, Result, server::Server};

/// The arguments of `yarr adopt`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr adopt 'user:*' --table user --create              propose the migration that makes the table
  yarr adopt 'user:*' --table user --create --yes        make the table, fill it, and check every record
  yarr adopt 'user:*' --table user                       take in what has changed, and check again
  yarr adopt 'user:*' --table user --delete-originals    delete the hashes, those aside that have changed since
  yarr adopt User --table user --layout ohm              Ohm: User:1, User:2, ...
  yarr adopt UserSession --table user_session --layout redcord
  yarr adopt 'shop:*:item:*' --table item --id '{1}-{2}'")]
pub struct AdoptArgs {
    /// The pattern of the keys; for a library's layout the name of the model or the prefix will do
    pub pattern: String,
    /// The table
    #[arg(long)]
    pub table: String,
    /// How the records are laid out
    #[arg(long, value_name = "LAYOUT", default_value = "plain")]
    pub layout: Layout,
    /// The id: {1} is what stands in the key for the first *, {2} for the second
    #[arg(long, value_name = "TEXT", default_value = "{1}")]
    pub id: String,
    /// The field of the hash that is the id, instead of a part of the key
    #[arg(long, value_name = "FIELD", conflicts_with = "id")]
    pub id_field: Option<String>,
    /// Puts a field of the hash into a field of another name
    #[arg(long, value_name = "FIELD=FIELD")]
    pub map: Vec<String>,
    /// Passes over a field of the hash
    #[arg(long, value_name = "FIELD")]
    pub skip: Vec<String>,
    /// What a number means where a time is expected [default: by the layout]
    #[arg(long, value_name = "UNIT")]
    pub times: Option<Times>,
    /// What stands between the tags of a field
    #[arg(long, value_name = "CHAR", default_value = "|", value_parser = one_byte)]
    pub tags: u8,
    /// Deletes the hashes that were adopted and have not changed since
    #[arg(long, conflicts_with = "create")]
    pub delete_originals: bool,
    /// The table that is not there yet.
    #[command(flatten)]
    pub creation: CreateArgs,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    table: String,
    pattern: String,
    /// Hashes that match.
    hashes: u64,
    /// Those whose record says the same now.
    adopted: u64,
    /// Those that are no record, or another.
    failed: u64,
    /// Keys that match and are no hash.
    other: u64,
    /// Keys that the library keeps beside its records.
    beside: u64,
    /// Records of the table.
    records: u64,
}

/// How many keys are named that are passed over.
const SHOWN: usize = 20;

/// One run.
struct Adopt<'a> {
    context: &'a Context,
    scan: Scan,
    table: Table,
    mapping: Mapping,
    rows: Rows,
    reading: Reading,
    /// What is said of keys: the first of them.
    shown: Vec<String>,
}

impl AdoptArgs {
    /// Does it.
    ///
    /// # Errors
    /// What is wrong with the arguments, and what the server refuses.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let text = self.layout.pattern(&self.pattern);
        let pattern = Pattern::parse(&text).map_err(Error::usage)?;
        let id = IdText::parse(&self.id, &pattern);
        let scan = Scan {
            layout: self.layout,
            id: id.map_err(|error| Error::usage(error).at("--id"))?,
            pattern,
        };
        let mut wishes = Wishes::new(&self.map, &self.skip)?;
        if let Some(field) = &self.id_field {
            wishes.put(field, "id");
        }
        let rows = Rows {
            layout: self.layout,
            id_field: self.id_field.clone(),
            columns: Columns::default(),
        };
        let mut server = context.server()?;
        if self.creation.create {
            if Table::find(&self.table, &mut server)?.is_none() {
                let seen = self.look(&scan, &rows, &wishes, &mut server)?;
                if !self
                    .creation
                    .propose(&self.table, &seen, context, &mut server)?
                {
                    return Ok(Outcome::Done);
                }
            } else if !self.creation.yes {
                return Err(Error::usage(format!(
                    "table '{}' is there already: adopt without --create",
                    self.table
                )));
            }
        }
        let table = Table::get(&self.table, &mut server)?;
        let adopt = Adopt {
            context,
            scan,
            mapping: Mapping::new(wishes, &table)?,
            table,
            rows,
            reading: Reading {
                nulls: vec![Vec::new()],
                times: self.times.unwrap_or(self.layout.times()),
                separator: self.tags,
                now: now(),
            },
            shown: Vec::new(),
        };
        adopt.run(self.delete_originals, &mut server)
    }

    /// Looks at the hashes for a proposal.
    fn look(&self, scan: &Scan, rows: &Rows, wishes: &Wishes, server: &mut Server) -> Result<Seen> {
        let mut rows = rows.clone();
        let mut seen = Seen::new(wishes.clone());
        let mut row = Row::default();
        let sample = self.creation.sample;
        scan.each(server, |_, found| {
            for found in found {
                let Found::Hash(hash) = found else { continue };
                if sample.is_some_and(|sample| seen.records >= sample) {
                    seen.whole = false;
                    return Ok(());
                }
                if rows.fill(&hash, &mut row).is_err() {
                    continue;
                }
                seen.records += 1;
                for cell in &row.cells {
                    let name = rows.columns.names().get(cell.column);
                    let column = name.and_then(|name| seen.column(name));
                    let text = row.text_of(cell);
                    if let (Some(column), false) = (column, text.is_empty()) {
                        column.see(text, Shape::Bare, false);
                    }
                }
            }
            Ok(())
        })?;
        if seen.records == 0 {
            return Err(Error::usage(format!(
                "expected hashes whose keys match '{}', found none",
                scan.pattern.text()
            )));
        }
        if self.times.unwrap_or(self.layout.times()) != Times::Ms {
            seen.columns
                .iter_mut()
                .for_each(|column| column.see_epochs());
        }
        Ok(seen)
    }
}

impl Adopt<'_> {
    fn run(mut self, delete: bool, server: &mut Server) -> Result<Outcome> {
        if delete {
            return self.remove(server);
        }
        let bar = self.context.output.progress(None, "adopt");
        let scan = self.scan.clone();
        let limits = Limits {
            rows: 500,
            tokens: 1 << 20,
            bytes: 1 << 20,
        };
        let mut summary = Summary {
            table: self.table.name.clone(),
            pattern: scan.pattern.text().into(),
            ..Summary::default()
        };
        scan.each(server, |server, found| {
            bar.add(u64::try_from(found.len()).unwrap_or_default());
            self.take(server, found, limits)
        })?;
        bar.say("check");
        bar.set(0);
        let mut digest = Digest::default();
        scan.each(server, |server, found| {
            bar.add(u64::try_from(found.len()).unwrap_or_default());
            self.check(server, &found, &mut digest, &mut summary)
        })?;
        drop(bar);
        summary.records = self.table.info("records", server)?;
        digest.keep(&self.table.name, scan.pattern.text(), server)?;
        self.done(&summary)
    }

    fn done(&self, summary: &Summary) -> Result<Outcome> {
        let output = &self.context.output;
        for line in &self.shown {
            output.note(line)?;
        }
        let more = summary.failed + summary.other;
        if more > u64::try_from(self.shown.len()).unwrap_or_default() {
            output.note("...")?;
        }
        output.json(summary)?;
        if !output.is_json() {
            output.line(&format!(
                "{} of {} hashes are records of {} now, each checked; {} passed over, {} other keys; the table has {} records",
                summary.adopted,
                summary.hashes,
                summary.table,
                summary.failed,
                summary.other + summary.beside,
                summary.records
            ))?;
            output.note("the hashes are still there: --delete-originals deletes them")?;
        }
        Ok(match summary.failed {
            0 => Outcome::Done,
            _ => Outcome::No,
        })
    }

    fn say(&mut self, key: &[u8], why: &str) {
        if self.shown.len() < SHOWN {
            let key = String::from_utf8_lossy(key);
            self.shown
                .push(format!("{} passed over: {why}", key.escape_debug()));
        }
    }

    /// Makes records of hashes, or changes those that are there.
    fn take(&mut self, server: &mut Server, found: Vec<Found>, limits: Limits) -> Result<()> {
        let mapping = self.mapping.clone();
        let mut batcher = Batcher::new(self.table.clone(), mapping, self.reading.clone(), limits)
            .keep_raw()
            .fill(Fill::Always)
            .say_expiry();
        let names = self
            .table
            .fields
            .iter()
            .map(|field| field.token())
            .collect();
        let words = ["ON", "CONFLICT", "id", "UPDATE"]
            .map(String::from)
            .to_vec();
        let mut batches: Vec<Batch> = Vec::new();
        let mut row = Row::default();
        for found in found {
            let Found::Hash(hash) = found else { continue };
            let pushed = match self.rows.fill(&hash, &mut row) {
                // Said by the check.
                Err(_) => continue,
                Ok(()) => batcher.push(&row, self.rows.columns.names(), &hash.key, Mark::default()),
            };
            batches.extend(pushed.ok().flatten());
        }
        batches.push(batcher.finish());
        let mut sender = Sender::new(server, &self.table.name, names)
            .on_conflict(words)
            .set_aside(Some(Rejects::held()));
        for batch in &batches {
            sender.send(std::slice::from_ref(batch)).map_err(halted)?;
        }
        for reject in sender.take_rejects() {
            self.say(&reject.raw, &reject.fault.reason);
        }
        Ok(())
    }

    /// Compares hashes with their records.
    fn check(
        &mut self,
        server: &mut Server,
        found: &[Found],
        digest: &mut Digest,
        summary: &mut Summary,
    ) -> Result<()> {
        let mut rows: Vec<(&Hash, Row, Result<(), String>)> = Vec::new();
        for found in found {
            match found {
                Found::Beside => summary.beside += 1,
                Found::Other(key, kind) => {
                    summary.other += 1;
                    let why = match kind.as_str() {
                        "ReJSON-RL" => "it is a JSON document, which is read by RedisJSON alone: export it as JSONL and import that".into(),
                        kind => format!("expected a hash, found a {kind}"),
                    };
                    self.say(key, &why);
                }
                Found::Hash(hash) => {
                    summary.hashes += 1;
                    digest.add(hash);
                    let mut row = Row::default();
                    let filled = self.rows.fill(hash, &mut row);
                    rows.push((hash, row, filled));
                }
            }
        }
        self.mapping.meet(self.rows.columns.names(), &self.table);
        let ids: Vec<&[u8]> = rows
            .iter()
            .map(|(_, row, _)| id_of(row, &self.mapping).unwrap_or_default())
            .collect();
        let mut compared = Vec::new();
        self.records(server, &ids, |at, record| {
            let Some((_, row, filled)) = rows.get(at) else {
                return;
            };
            compared.push(match (filled, record) {
                (Err(reason), _) => Err(reason.clone()),
                (Ok(()), None) => Err(self.reason(row)),
                (Ok(()), Some(record)) => {
                    compare(row, record, &self.table, &self.mapping, &self.reading)
                }
            });
        })?;
        for ((hash, ..), compared) in rows.iter().zip(compared) {
            match compared {
                Ok(()) => summary.adopted += 1,
                Err(reason) => {
                    summary.failed += 1;
                    self.say(&hash.key, &reason);
                }
            }
        }
        Ok(())
    }

    /// Why a row has become no record.
    fn reason(&self, row: &Row) -> String {
        let limits = Limits {
            rows: 1,
            tokens: usize::MAX,
            bytes: usize::MAX,
        };
        let mapping = self.mapping.clone();
        let mut batcher = Batcher::new(self.table.clone(), mapping, self.reading.clone(), limits);
        match batcher.push(row, self.rows.columns.names(), &[], Mark::default()) {
            Err(fault) => match fault.column {
                Some(column) => format!("field '{column}': {}", fault.reason),
                None => fault.reason,
            },
            Ok(_) => "it has no record: the server refused it, or it has expired".into(),
        }
    }

    /// The records of these ids, with all fields of the table.
    fn records(
        &self,
        server: &mut Server,
        ids: &[&[u8]],
        mut take: impl FnMut(usize, Option<&[Option<Cell<'_>>]>),
    ) -> Result<()> {
        // An id that is none of the table's would spoil the question for all.
        let fits = |id: &[u8]| self.table.id().parse(id, 0).is_some();
        let asked: Vec<&[u8]> = ids.iter().copied().filter(|id| fits(id)).collect();
        let mut answers = Vec::new();
        let page: Vec<u8>;
        if !asked.is_empty() {
            let fields: Vec<String> = self
                .table
                .fields
                .iter()
                .map(|field| field.token())
                .collect();
            page = redis::cmd("YARR.FIND")
                .arg(&self.table.name)
                .arg("IDS")
                .arg(asked.len())
                .arg(&asked)
                .arg("RETURN")
                .arg(fields)
                .arg("PACKED")
                .query(server)?;
            yarr_client::unpack(&page, |_, record| {
                answers.push(record.map(<[Option<Cell<'_>>]>::to_vec));
                Ok(())
            })?;
        }
        let mut answers = answers.into_iter();
        for (at, id) in ids.iter().enumerate() {
            let answer = if fits(id) {
                answers.next().flatten()
            } else {
                None
            };
            take(at, answer.as_deref());
        }
        Ok(())
    }
}

fn halted(halt: Halt) -> Error {
    match halt {
        Halt::Error(error) => Error::new(
            Kind::Halfway,
            format!(
                "{}; run it again: what was adopted is taken as it is",
                error.message
            ),
        ),
        Halt::Fault(fault) => Error::new(Kind::Refused, fault.to_string()),
    }
}
