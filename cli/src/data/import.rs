//! `yarr import`: the records of a file into a table.

use std::{
    path::Path,
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
    thread,
    time::Instant,
};

use clap::Args;
use serde::Serialize;

use super::{
    batch::{Batch, Batcher, Fill, Limits},
    columns::Mapping,
    create::CreateArgs,
    dry_run,
    file::FileArgs,
    position::{Kept, Place, Position},
    produce::{Event, produce},
    reader::{Format, Layout, Reader},
    rejects::Rejects,
    row::Fault,
    schema::Table,
    send::{Counts, Halt, MOST_VALUES, Sender},
    source::{Meter, Source},
};
use crate::{Context, Error, Kind, Outcome, Result, output::Progress, server::Server};

/// The arguments of `yarr import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr import flight flights.csv.gz --null NA
  yarr import flight flights.csv.gz --null NA --create         propose the migration that makes the table
  yarr import flight flights.csv.gz --null NA --create --yes   make the table and fill it
  zcat export.gz | yarr import user - --format jsonl --map mail=email --skip note
  yarr import user users.csv --rejects bad.csv                 set aside what does not fit, with the reasons
  yarr import user users.csv --resume                          go on where an import stopped
  yarr import user users.csv --dry-run                         check every row, write nothing")]
pub struct ImportArgs {
    /// The table
    pub table: String,
    /// The file; - is standard input
    pub file: String,
    /// How the file is to be read.
    #[command(flatten)]
    pub reading: FileArgs,
    /// What a record comes to whose field, of a UNIQUE index or id, is there already: field:ignore, field:keep or
    /// field:update; several fields of one index with commas
    #[arg(long, value_name = "FIELD:ACTION")]
    pub on_conflict: Option<String>,
    /// Sets records aside that do not fit, each with the reason
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<String>,
    /// Goes on where an import of this file stopped; begins it where there was none
    #[arg(long, conflicts_with_all = ["restart", "no_position", "dry_run"])]
    pub resume: bool,
    /// Begins anew where an import of this file stopped
    #[arg(long)]
    pub restart: bool,
    /// Keeps no position in the server: faster, and not to be resumed
    #[arg(long)]
    pub no_position: bool,
    /// Checks every row against the table, and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The most records that one command makes
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,
    /// The table that is not there yet.
    #[command(flatten)]
    pub creation: CreateArgs,
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Summary {
    table: String,
    file: String,
    /// Made or changed.
    created: u64,
    /// Passed over because of a conflict.
    ignored: u64,
    rejected: u64,
    expired: u64,
    seconds: f64,
    per_second: u64,
}

impl ImportArgs {
    /// Does it.
    ///
    /// # Errors
    /// What is wrong with the file, and what the server refuses.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let layout = self.reading.layout(&self.file)?;
        let mut server = context.server()?;
        if self.creation.create {
            let made = self.creation.run(&self, &layout, context, &mut server)?;
            if !made {
                return Ok(Outcome::Done);
            }
        }
        let table = Table::get(&self.table, &mut server)?;
        let source = Source::open(&self.file)?;
        let (meter, length) = (source.meter(), source.length());
        let reader = Reader::new(source, &layout)?;
        let mut mapping = Mapping::new(self.reading.wishes()?, &table)?;
        mapping.meet(reader.columns(), &table);
        if layout.format != Format::Jsonl {
            mapping.check(reader.columns(), &table)?;
        }
        let bar = context.output.progress(length, "import");
        if self.dry_run {
            let batcher = self.batcher(table, mapping, false);
            return dry_run::run(&self, reader, batcher, &meter, bar, context);
        }
        let import = Import {
            args: &self,
            layout: &layout,
            table,
            context,
            meter,
        };
        import.run(reader, mapping, bar, &mut server)
    }

    /// What makes batches of the file's rows.
    fn batcher(&self, table: Table, mapping: Mapping, keeps: bool) -> Batcher {
        let rows = usize::try_from(self.batch).unwrap_or(usize::MAX);
        let limits = match keeps {
            true => Limits {
                rows,
                tokens: MOST_VALUES,
                bytes: 256 << 10,
            },
            false => Limits {
                rows,
                tokens: 1 << 20,
                bytes: 1 << 20,
            },
        };
        let mut batcher = Batcher::new(table, mapping, self.reading.reading(), limits);
        if self.rejects.is_some() || self.dry_run {
            batcher = batcher.keep_raw();
        }
        if self.updates() {
            batcher = batcher.fill(Fill::Never);
        }
        batcher
    }

    fn updates(&self) -> bool {
        self.on_conflict.as_ref().is_some_and(|conflict| {
            let action = conflict.rsplit(':').next().unwrap_or_default();
            action.eq_ignore_ascii_case("update")
        })
    }

    /// The words of ON CONFLICT.
    fn conflict(&self, table: &Table) -> Result<Vec<String>> {
        let Some(said) = &self.on_conflict else {
            return Ok(Vec::new());
        };
        let wrong = || {
            Error::usage(format!(
                "--on-conflict: expected field:ignore, field:keep or field:update, found '{said}'"
            ))
        };
        let (fields, action) = said.rsplit_once(':').ok_or_else(wrong)?;
        let action = action.to_ascii_uppercase();
        if !["IGNORE", "KEEP", "UPDATE"].contains(&action.as_str()) {
            return Err(wrong());
        }
        let fields: Vec<&str> = fields.split(',').collect();
        let is_unique = table.uniques.iter().any(|unique| *unique == fields);
        if fields != ["id"] && !is_unique {
            let uniques: Vec<String> = table
                .uniques
                .iter()
                .map(|fields| fields.join(","))
                .collect();
            return Err(Error::usage(format!(
                "--on-conflict: expected id or the fields of a UNIQUE index of table '{}' ({}), found {}",
                table.name,
                if uniques.is_empty() {
                    "it has none".into()
                } else {
                    uniques.join("; ")
                },
                fields.join(",")
            )));
        }
        let mut words = vec!["ON".to_string(), "CONFLICT".to_string()];
        words.extend(fields.iter().map(|field| format!("@{field}")));
        words.push(action);
        Ok(words)
    }

    /// What the file is called in the server: its name without its folder.
    fn identity(&self) -> String {
        let name = Path::new(&self.file).file_name();
        name.map_or_else(
            || self.file.clone(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

/// An import under way.
struct Import<'a> {
    args: &'a ImportArgs,
    layout: &'a Layout,
    table: Table,
    context: &'a Context,
    meter: Meter,
}

impl Import<'_> {
    fn run(
        self,
        mut reader: Reader,
        mapping: Mapping,
        bar: Progress,
        server: &mut Server,
    ) -> Result<Outcome> {
        let conflict = self.args.conflict(&self.table)?;
        let place = self.place(server)?;
        let found = match &place {
            Some(place) => place.find(server)?,
            None => None,
        };
        let before = self.before(found.as_ref())?;
        // The header is behind the reader now: what comes first in the rejects.
        let header = match self.layout.columns {
            None if self.layout.format != Format::Jsonl => reader.raw().to_vec(),
            _ => Vec::new(),
        };
        let rejects = match (&self.args.rejects, &before) {
            (None, _) => None,
            (Some(path), None) => Some(Rejects::begin(path, &header)?),
            (Some(path), Some(kept)) => Some(Rejects::go_on(path, &header, kept.at.rejects)?),
        };
        let at = match &before {
            Some(kept) => {
                reader.go_to(kept.at.mark)?;
                self.context.output.note(&format!(
                    "going on behind line {}: {} records had been read",
                    kept.at.mark.lines, kept.at.records
                ))?;
                kept.at
            }
            None => Position {
                mark: reader.mark(),
                rejects: rejects.as_ref().map_or(0, Rejects::length),
                ..Position::default()
            },
        };
        if let (Some(place), None) = (&place, &before) {
            place.begin(found.as_ref(), &at, server)?;
        }
        let names = self
            .table
            .fields
            .iter()
            .map(|field| field.token())
            .collect();
        let set_aside = rejects.is_some();
        let batcher = self
            .args
            .batcher(self.table.clone(), mapping, place.is_some());
        let mut sender = Sender::new(server, &self.table.name, names)
            .on_conflict(conflict)
            .keep(place.clone(), at)
            .set_aside(rejects);
        let start = Instant::now();
        let (to, from) = sync_channel(16);
        let sent = thread::scope(|scope| {
            scope.spawn(move || produce(reader, batcher, set_aside, &to));
            // The channel is closed with this: the thread comes to its end wherever this one does.
            consume(from, &mut sender, || bar.set(self.meter.bytes()))
        });
        // What is said from here on is said where the bar was.
        drop(bar);
        let (counts, at) = (sender.counts(), sender.at());
        let expired = sent.map_err(|halt| self.stopped(halt, counts, at, place.is_some()))?;
        if let Some(place) = &place {
            place.finish(server)?;
        }
        self.done(counts, expired, start)
    }

    /// Where the position is kept, if it is.
    fn place(&self, server: &mut Server) -> Result<Option<Place>> {
        if self.args.no_position {
            return Ok(None);
        }
        let place = Place::new(&self.table.name, &self.args.identity());
        if place.is_possible(&self.table.name, server)? {
            return Ok(Some(place));
        }
        if self.args.resume {
            return Err(Error::usage(
                "this server runs no scripts that write to tables for this user (Redis 4, or its ACL), so no position can be kept: import anew, with --on-conflict where the file has ids or a UNIQUE field",
            ));
        }
        self.context.output.warn(
            "this server runs no scripts that write to tables for this user: no position is kept, and the import cannot be resumed",
        )?;
        Ok(None)
    }

    /// What this import goes on from, of what is kept.
    fn before(&self, found: Option<&Kept>) -> Result<Option<Kept>> {
        match found {
            Some(kept) if self.args.resume => Ok(Some(kept.clone())),
            Some(kept) if !kept.done && !self.args.restart && kept.at.records > 0 => {
                Err(Error::usage(format!(
                    "an import of {} into {} stopped behind line {} ({} records made): --resume goes on there, --restart begins anew beside the records that are there",
                    self.args.file, self.table.name, kept.at.mark.lines, kept.created
                )))
            }
            _ => Ok(None),
        }
    }

    /// The error of an import that came to no end.
    fn stopped(&self, halt: Halt, counts: Counts, at: Position, kept: bool) -> Error {
        let made = counts.created;
        let so_far = match (made, kept) {
            (0, _) => "nothing was imported".to_string(),
            (_, true) => format!("{made} records were imported, up to line {}", at.mark.lines),
            (_, false) => format!("{made} records were imported"),
        };
        match halt {
            Halt::Fault(fault) => {
                let on = match (kept, made) {
                    (true, 1..) => "mend it and go on with --resume",
                    (false, 1..) => "what is imported stays",
                    _ => "mend it",
                };
                let kind = if made > 0 { Kind::Halfway } else { Kind::Usage };
                let text = format!(
                    "{fault}; {so_far}; {on}, or set such records aside with --rejects FILE"
                );
                Error::new(kind, text).at(&self.args.file)
            }
            Halt::Error(error) => {
                let on = if kept { "; go on with --resume" } else { "" };
                let kind = if made > 0 { Kind::Halfway } else { error.kind };
                Error::new(kind, format!("{}; {so_far}{on}", error.message))
            }
        }
    }

    fn summary(&self, counts: Counts, expired: u64, start: Instant) -> Summary {
        let seconds = start.elapsed().as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rate is rounded"
        )]
        let per_second = ((counts.created + counts.passed) as f64 / seconds.max(1e-9)) as u64;
        Summary {
            table: self.table.name.clone(),
            file: self.args.file.clone(),
            created: counts.created,
            ignored: counts.passed,
            rejected: counts.rejected,
            expired,
            seconds,
            per_second,
        }
    }

    fn done(&self, counts: Counts, expired: u64, start: Instant) -> Result<Outcome> {
        let summary = self.summary(counts, expired, start);
        let output = &self.context.output;
        if output.is_json() {
            output.json(&summary)?;
            return Ok(Outcome::Done);
        }
        let mut text = format!(
            "{} records imported into {}",
            counts.created, self.table.name
        );
        for (count, what) in [
            (counts.passed, "were there already"),
            (counts.rejected, "set aside"),
            (expired, "had expired"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        let rate = format!(
            " in {:.1} s ({} a second)",
            summary.seconds, summary.per_second
        );
        output.line(&(text + &rate))?;
        if let (Some(path), 1..) = (&self.args.rejects, counts.rejected) {
            output.note(&format!(
                "{path} has what was set aside, with the reasons; mended, it goes in with --comment '# line '"
            ))?;
        }
        Ok(Outcome::Done)
    }
}

/// Sends what comes, as much at once as there is: how many records had expired.
fn consume(
    from: Receiver<Event>,
    sender: &mut Sender<'_, Server>,
    mut tick: impl FnMut(),
) -> Result<u64, Halt> {
    /// What is sent at once; the server answers it before the next.
    const MOST: usize = 1 << 20;
    let mut group: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    let mut waiting = None;
    loop {
        let next = match waiting.take() {
            Some(event) => Ok(event),
            None if group.is_empty() => from.recv().map_err(|_| TryRecvError::Disconnected),
            None => from.try_recv(),
        };
        if let Ok(Event::Batch(batch)) = &next {
            let more = batch.tokens.len();
            let fits =
                group.len() < sender.depth() && bytes + more <= MOST && batch.rejects.is_empty();
            if group.is_empty() || fits {
                if let Ok(Event::Batch(batch)) = next {
                    bytes += more;
                    group.push(batch);
                }
                continue;
            }
        }
        sender.send(&group)?;
        group.clear();
        bytes = 0;
        tick();
        match next {
            Ok(Event::Batch(batch)) => waiting = Some(Event::Batch(batch)),
            Ok(Event::Fault(fault)) => return Err(Halt::Fault(fault)),
            Ok(Event::Error(error)) => return Err(Halt::Error(error)),
            Ok(Event::End(expired)) => return Ok(expired),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                let text = "the file was not read to its end";
                return Err(Halt::Error(Error::new(Kind::Halfway, text)));
            }
        }
    }
}

/// A fault where a file is: for an error to say.
pub fn at(file: &str, fault: &Fault) -> String {
    format!("{file} {fault}")
}
