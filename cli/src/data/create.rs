//! `yarr import --create`: the migration that makes the table for a file, from what is in the file.

use clap::Args;
use serde::Serialize;

use super::{
    columns::Wishes,
    guess::{self, Column},
    import::ImportArgs,
    proposal::Proposal,
    reader::{Format, Layout, Next, Reader},
    row::{Row, Shape},
    schema::Table,
    source::Source,
};
use crate::{Context, Error, Result, server::Server};

/// The table that is not there yet.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// Proposes the migration that makes the table, from the whole file
    #[arg(long)]
    pub create: bool,
    /// Writes the proposed migration into the folder of migrations
    #[arg(long, requires = "create")]
    pub write: bool,
    /// Writes the proposed migration, applies it, and goes on
    #[arg(long, requires = "create")]
    pub yes: bool,
    /// Looks at so many records only; an ENUM is never guessed then
    #[arg(long, requires = "create", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub sample: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Document {
    table: String,
    records: u64,
    whole: bool,
    operations: Vec<String>,
    /// The migration's file, where it was written.
    file: Option<String>,
    applied: bool,
}

impl CreateArgs {
    /// Proposes, writes, applies. Whether the table is there now.
    ///
    /// # Errors
    /// Where the file cannot be read, or the table is there already.
    pub fn run(
        &self,
        import: &ImportArgs,
        layout: &Layout,
        context: &Context,
        server: &mut Server,
    ) -> Result<bool> {
        if Table::find(&import.table, server)?.is_some() {
            if self.yes {
                context
                    .output
                    .note(&format!("table '{}' is there already", import.table))?;
                return Ok(true);
            }
            return Err(Error::usage(format!(
                "table '{}' is there already: import without --create",
                import.table
            )));
        }
        if import.file == "-" {
            return Err(Error::usage(
                "--create reads the file before it is imported, which standard input cannot be: write it to a file first",
            ));
        }
        let seen = self.look(import, layout, context)?;
        self.propose(&import.table, &seen, context, server)
    }

    /// Proposes a table for what has been seen.
    ///
    /// # Errors
    /// Where a column cannot be a field, and what writing and applying the migration says.
    pub fn propose(
        &self,
        table: &str,
        seen: &Seen,
        context: &Context,
        server: &mut Server,
    ) -> Result<bool> {
        let operations = guess::operations(&seen.columns, seen.whole).map_err(|reason| {
            Error::usage(format!(
                "{reason}: say --map 'column=field' or --skip 'column'"
            ))
        })?;
        let proposal = Proposal::new(table, operations, &context.environment()?.folder);
        let mut document = Document {
            table: table.into(),
            records: seen.records,
            whole: seen.whole,
            operations: proposal.operations.clone(),
            file: None,
            applied: false,
        };
        let output = &context.output;
        if !output.is_json() {
            let part = if seen.whole { "" } else { "the first " };
            output.note(&format!("seen in {part}{} records:", seen.records))?;
            output.line(proposal.text().trim_end())?;
        }
        if self.write || self.yes {
            let path = proposal.write(context)?;
            output.note(&format!("written to {path}"))?;
            document.file = Some(path);
        }
        if self.yes {
            proposal.apply(context, server)?;
            document.applied = true;
        } else {
            output.note(
                "nothing was imported: --write writes this migration, --yes applies it and goes on",
            )?;
        }
        output.json(&document)?;
        Ok(self.yes)
    }

    fn look(&self, import: &ImportArgs, layout: &Layout, context: &Context) -> Result<Seen> {
        let source = Source::open(&import.file)?;
        let (meter, length) = (source.meter(), source.length());
        let mut reader = Reader::new(source, layout)?;
        let bar = context.output.progress(length, "look");
        let wishes = import.reading.wishes()?;
        let reading = import.reading.reading();
        let typed = layout.format == Format::Jsonl;
        let mut seen = Seen::new(wishes);
        let mut row = Row::default();
        loop {
            if self.sample.is_some_and(|sample| seen.records >= sample) {
                seen.whole = false;
                break;
            }
            match reader.next(&mut row)? {
                Next::End => break,
                // Where such records are set aside they have no say.
                Next::Fault(_) if import.rejects.is_some() => continue,
                Next::Fault(fault) => {
                    return Err(Error::usage(super::import::at(&import.file, &fault)));
                }
                Next::Row => {}
            }
            seen.records += 1;
            seen.meet(reader.columns());
            for cell in &row.cells {
                let Some(Some(column)) = seen.by_number.get(cell.column).copied() else {
                    continue;
                };
                let Some(column) = seen.columns.get_mut(column) else {
                    continue;
                };
                let text = row.text_of(cell);
                match cell.shape {
                    Shape::Null => {}
                    Shape::List => column.see_list(),
                    // In quotes it is a value of a STRING, and of nothing else.
                    Shape::Bare | Shape::Quoted if !typed && reading.is_null(text) => {}
                    shape => column.see(text, shape, typed),
                }
            }
            if seen.records % 4_096 == 0 {
                bar.set(meter.bytes());
            }
        }
        seen.meet(reader.columns());
        Ok(seen)
    }
}

/// What has been seen of data.
#[derive(Debug, Clone)]
pub struct Seen {
    wishes: Wishes,
    /// Its columns, those aside that are passed over.
    pub columns: Vec<Column>,
    by_number: Vec<Option<usize>>,
    /// How many records.
    pub records: u64,
    /// Whether these are all.
    pub whole: bool,
}

impl Seen {
    /// Nothing yet.
    pub fn new(wishes: Wishes) -> Seen {
        Seen {
            wishes,
            columns: Vec::new(),
            by_number: Vec::new(),
            records: 0,
            whole: true,
        }
    }

    /// Takes in the columns that are new.
    fn meet(&mut self, names: &[String]) {
        for name in names.iter().skip(self.by_number.len()) {
            if self.wishes.skips(name) {
                self.by_number.push(None);
                continue;
            }
            self.by_number.push(Some(self.columns.len()));
            self.columns
                .push(Column::new(name, &self.wishes.field_of(name)));
        }
    }

    /// The column of this name.
    pub fn column(&mut self, name: &str) -> Option<&mut Column> {
        if self.wishes.skips(name) {
            return None;
        }
        let at = match self.columns.iter().position(|column| column.name == name) {
            Some(at) => at,
            None => {
                self.columns
                    .push(Column::new(name, &self.wishes.field_of(name)));
                self.columns.len() - 1
            }
        };
        self.columns.get_mut(at)
    }
}
