//! `yarr import --dry-run`: every row against the table, without a write.

use std::{sync::mpsc::sync_channel, thread};

use serde::Serialize;

use super::{
    batch::Batcher,
    import::ImportArgs,
    produce::{Event, produce},
    reader::{Format, Reader},
    rejects::Rejects,
    source::Meter,
};
use crate::{Context, Outcome, Result, output::Progress};

/// How many faults are shown.
const SHOWN: usize = 20;

#[derive(Debug, Serialize)]
struct Summary {
    table: String,
    file: String,
    dry_run: bool,
    fit: u64,
    rejected: u64,
}

/// Checks every row; the answer is no where one does not fit.
///
/// # Errors
/// Where the file cannot be read.
pub fn run(
    args: &ImportArgs,
    reader: Reader,
    batcher: Batcher,
    meter: &Meter,
    bar: Progress,
    context: &Context,
) -> Result<Outcome> {
    let output = &context.output;
    let header = match (
        args.reading.columns.is_none(),
        args.reading.layout(&args.file)?.format,
    ) {
        (true, Format::Csv | Format::Tsv) => reader.raw().to_vec(),
        _ => Vec::new(),
    };
    let mut rejects = match &args.rejects {
        Some(path) => Some(Rejects::begin(path, &header)?),
        None => None,
    };
    let (mut fit, mut rejected, mut shown) = (0, 0, Vec::new());
    let (to, from) = sync_channel(16);
    thread::scope(|scope| {
        scope.spawn(move || produce(reader, batcher, true, &to));
        for event in from {
            match event {
                Event::Batch(batch) => {
                    for reject in &batch.rejects {
                        if let Some(rejects) = &mut rejects {
                            rejects.put(reject)?;
                        }
                        if shown.len() < SHOWN {
                            shown.push(reject.fault.to_string());
                        }
                    }
                    rejected += u64::try_from(batch.rejects.len()).unwrap_or_default();
                    fit += u64::try_from(batch.entries.len()).unwrap_or_default();
                    bar.set(meter.bytes());
                }
                Event::Error(error) => return Err(error),
                Event::Fault(_) | Event::End(_) => break,
            }
        }
        Ok(())
    })?;
    drop(bar);
    if output.is_json() {
        for fault in &shown {
            output.warn(&format!("{} {fault}", args.file))?;
        }
        output.json(&Summary {
            table: args.table.clone(),
            file: args.file.clone(),
            dry_run: true,
            fit,
            rejected,
        })?;
    } else {
        for fault in &shown {
            output.line(&format!("{} {fault}", args.file))?;
        }
        if rejected > u64::try_from(shown.len()).unwrap_or_default() {
            output.line("...")?;
        }
        output.line(&format!(
            "{fit} records fit table {}, {rejected} do not; nothing was written (whether a UNIQUE field has a value twice is for the server to see)",
            args.table
        ))?;
    }
    Ok(match rejected {
        0 => Outcome::Done,
        _ => Outcome::No,
    })
}
