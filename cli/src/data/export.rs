//! `yarr export`: the records of a table into a file.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Instant,
};

use clap::Args;
use flate2::{Compression, write::GzEncoder};
use redis::Value;
use serde::Serialize;

use super::{
    convert::Times,
    file::one_byte,
    reader::Format,
    schema::{EXPIRES_AT, Table},
    source::format_of,
    words::split,
    write::{Writer, Writing},
};
use crate::{Context, Error, Kind, Outcome, Result, output::Progress, server::Server};

/// The arguments of `yarr export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr export user users.csv.gz
  yarr export user --format jsonl | jq .email
  yarr export flight jfk.csv --where \"origin = JFK AND distance > 1000\" --order \"distance DESC\"
  yarr export flight - --fields carrier,flight,dest --null NA")]
pub struct ExportArgs {
    /// The table
    pub table: String,
    /// The file; - is standard output
    #[arg(default_value = "-")]
    pub file: String,
    /// The format, where the file's name does not tell it
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Only the records that match, as in YARR.WHERE; a value with blanks stands in quotes
    #[arg(
        long = "where",
        value_name = "PREDICATE",
        default_value = "*",
        hide_default_value = true
    )]
    pub predicate: String,
    /// The order: fields, each with DESC behind it or not
    #[arg(long, value_name = "FIELDS")]
    pub order: Option<String>,
    /// The fields, in the order of the columns [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub fields: Option<Vec<String>>,
    /// The text that stands for null in CSV and TSV
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub null: String,
    /// How times are written
    #[arg(long, value_name = "FORM", default_value = "rfc3339")]
    pub times: Times,
    /// What stands between the tags of a field, in CSV and TSV
    #[arg(long, value_name = "CHAR", default_value = "|", value_parser = one_byte)]
    pub tags: u8,
}

#[derive(Debug, Serialize)]
struct Summary {
    table: String,
    file: String,
    records: u64,
    seconds: f64,
}

impl ExportArgs {
    /// Does it.
    ///
    /// # Errors
    /// What cannot be written, and what the server refuses.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let format = match (self.format, format_of(&self.file)) {
            (Some(format), _) | (None, Some(format)) => format,
            (None, None) if self.file == "-" => Format::Csv,
            (None, None) => {
                return Err(Error::usage(format!(
                    "expected a name that ends in .csv, .tsv or .jsonl (.gz behind it or not), found {}: say --format",
                    self.file
                )));
            }
        };
        if self
            .null
            .contains(['"', '\n', '\r', char::from(format.delimiter())])
        {
            return Err(Error::usage(format!(
                "--null: expected a text without quotes, line ends and what parts fields, found {:?}",
                self.null
            )));
        }
        let mut server = context.server()?;
        let table = Table::get(&self.table, &mut server)?;
        let fields = self.columns(&table, &mut server)?;
        let question = Question::new(&self, &fields)?;
        let total = match self.predicate.as_str() {
            "*" => Some(table.info("records", &mut server)?),
            _ => None,
        };
        let start = Instant::now();
        let writing = Writing {
            format,
            null: self.null.clone().into_bytes(),
            times: self.times,
            separator: self.tags,
        };
        let bar = context.output.progress(total, "export");
        let mut file = Target::open(&self.file)?;
        let records = {
            let writer = Writer::new(&mut file, writing, &fields);
            self.pages(&question, writer, &bar, &mut server)?
        };
        file.finish().map_err(|error| self.unwritten(&error))?;
        let seconds = start.elapsed().as_secs_f64();
        drop(bar);
        // What stands in standard output is the records.
        let output = &context.output;
        if self.file == "-" {
            return Ok(Outcome::Done);
        }
        match output.is_json() {
            true => output.json(&Summary {
                table: self.table.clone(),
                file: self.file.clone(),
                records,
                seconds,
            })?,
            false => output.line(&format!(
                "{records} records of {} written to {} in {seconds:.1} s",
                self.table, self.file
            ))?,
        }
        Ok(Outcome::Done)
    }

    /// The fields that are written.
    fn columns(&self, table: &Table, server: &mut Server) -> Result<Vec<String>> {
        if let Some(fields) = &self.fields {
            for field in fields {
                if table.position(field).is_none() {
                    return Err(Error::usage(format!(
                        "--fields: there is no field '{field}' in table '{}', which has {}",
                        table.name,
                        table.names()
                    )));
                }
            }
            return Ok(fields.clone());
        }
        let expires = table.ttl || table.info("expiring", server)? > 0;
        let names = table.fields.iter().map(|field| field.name.clone());
        Ok(names.filter(|name| expires || name != EXPIRES_AT).collect())
    }

    /// Asks for page after page while another thread writes them.
    fn pages(
        &self,
        question: &Question,
        writer: Writer<&mut Target>,
        bar: &Progress,
        server: &mut Server,
    ) -> Result<u64> {
        let (to, from) = sync_channel(2);
        thread::scope(|scope| {
            let written = scope.spawn(move || write(writer, from, bar));
            let asked = question.ask(&to, server);
            // The other side comes to its end with this.
            drop(to);
            let written = match written.join() {
                Ok(written) => written,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            // What cannot be written ends the asking too, and is the reason.
            match written {
                Err(Unwritten::Io(error)) => Err(self.unwritten(&error)),
                Err(Unwritten::Page(error)) => Err(error),
                Ok(records) => asked.map(|()| records),
            }
        })
    }

    fn unwritten(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Error::new(Kind::Pipe, "nobody reads the output"),
            _ => Error::usage(format!("cannot write {}: {error}", self.file)),
        }
    }
}

/// What is asked for.
struct Question {
    table: String,
    /// Predicate and order.
    head: Vec<String>,
    fields: Vec<String>,
}

/// A page is to have about so many bytes.
const PAGE: usize = 1 << 20;
/// The records of the first page, and of any.
const FIRST: usize = 16;
const MOST: usize = 10_000;

impl Question {
    fn new(args: &ExportArgs, fields: &[String]) -> Result<Question> {
        let mut head = split(&args.predicate)?;
        if head.is_empty() {
            head.push("*".into());
        }
        if let Some(order) = &args.order {
            head.extend(["ORDER".into(), "BY".into()]);
            for word in order.split([',', ' ']).filter(|word| !word.is_empty()) {
                head.push(match word.to_ascii_uppercase().as_str() {
                    direction @ ("ASC" | "DESC") => direction.into(),
                    _ => format!("@{}", word.trim_start_matches('@')),
                });
            }
        }
        Ok(Question {
            table: args.table.clone(),
            head,
            fields: fields.iter().map(|field| format!("@{field}")).collect(),
        })
    }

    /// Hands on page after page, until the last or until nobody takes them.
    fn ask(&self, to: &SyncSender<Vec<u8>>, server: &mut Server) -> Result<()> {
        let mut cursor: Vec<u8> = b"0".to_vec();
        let mut limit = FIRST;
        loop {
            let answer = redis::cmd("YARR.WHERE")
                .arg(&self.table)
                .arg(&self.head)
                .arg("CURSOR")
                .arg(&cursor)
                .arg("LIMIT")
                .arg(limit)
                .arg("RETURN")
                .arg(&self.fields)
                .arg("PACKED")
                .arg("SCAN")
                .query::<(Vec<u8>, Value)>(server);
            let (next, page) = match answer.map_err(yarr_client::Error::from) {
                Ok((next, Value::BulkString(page))) => (next, page),
                Ok((_, other)) => {
                    let text = format!("expected a page of records, found {other:?}");
                    return Err(Error::new(Kind::Refused, text));
                }
                // The records are larger than those before.
                Err(yarr_client::Error::TooMany(_)) if limit > 1 => {
                    limit = (limit / 8).max(1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            // Towards pages of about the same size, whatever that of the records is.
            let wanted = limit.saturating_mul(PAGE) / page.len().max(1);
            limit = wanted.clamp(1, MOST.min(limit * 8));
            if to.send(page).is_err() || next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }
}

enum Unwritten {
    Io(io::Error),
    Page(Error),
}

fn write(
    mut writer: Writer<&mut Target>,
    from: Receiver<Vec<u8>>,
    bar: &Progress,
) -> Result<u64, Unwritten> {
    let mut records = 0;
    for (number, page) in from.into_iter().enumerate() {
        // Not before there is an answer: an error is then all that is said.
        if number == 0 {
            writer.begin().map_err(Unwritten::Io)?;
        }
        let mut failed = None;
        let read = yarr_client::unpack(&page, |_, cells| {
            if let (Some(cells), None) = (cells, &failed) {
                failed = writer.put(cells).err();
                records += 1;
            }
            Ok(())
        });
        if let Some(error) = failed {
            return Err(Unwritten::Io(error));
        }
        read.map_err(|error| Unwritten::Page(error.into()))?;
        bar.set(records);
    }
    Ok(records)
}

/// Where records are written to. A file has its name when it is whole: until then it is called `.part`.
struct Target {
    to: Sink,
    names: Option<(String, String)>,
}

enum Sink {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Packed(Box<GzEncoder<BufWriter<Box<dyn Write + Send>>>>),
}

impl Target {
    fn open(path: &str) -> Result<Target> {
        if path == "-" {
            let to =
                BufWriter::with_capacity(1 << 16, Box::new(io::stdout()) as Box<dyn Write + Send>);
            return Ok(Target {
                to: Sink::Plain(to),
                names: None,
            });
        }
        let part = format!("{path}.part");
        let file = File::create(&part)
            .map_err(|error| Error::usage(format!("cannot write {part}: {error}")))?;
        let to = BufWriter::with_capacity(1 << 16, Box::new(file) as Box<dyn Write + Send>);
        Ok(Target {
            to: match path.ends_with(".gz") {
                true => Sink::Packed(Box::new(GzEncoder::new(to, Compression::default()))),
                false => Sink::Plain(to),
            },
            names: Some((part, path.into())),
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        match &mut self.to {
            Sink::Plain(to) => to.flush()?,
            Sink::Packed(to) => {
                to.try_finish()?;
                to.get_mut().flush()?;
            }
        }
        match self.names.take() {
            Some((part, path)) => fs::rename(part, path),
            None => Ok(()),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Half a file is of no use; where it cannot be removed there is nobody to tell.
        if let Some((part, _)) = &self.names {
            let _ = fs::remove_file(part);
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Sink::Plain(to) => to.write(bytes),
            Sink::Packed(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Sink::Plain(to) => to.flush(),
            Sink::Packed(to) => to.flush(),
        }
    }
}
