//! Measures YARR beside what else could be used, and writes the report. `make bench` runs it.
//!
//! `bench` measures and writes, `bench report` writes the report again from the results there are.

mod chart;
mod cpu;
mod feed;
mod files;
mod fleet;
mod growth;
mod lua;
mod machine;
mod native;
mod notes;
mod pause;
mod postgres;
mod record;
mod report;
mod resp;
mod row;
mod rows;
mod search;
mod server;
mod session;
mod settings;
mod side;
mod wire;
mod yarr;
mod ycsb;
mod zipf;

use std::process::ExitCode;

use settings::{Part, Settings};

/// What went wrong, in words for the one who runs it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let settings = Settings::read()?;
    let parts = match std::env::args().nth(1).as_deref() {
        None => settings.parts.as_slice(),
        Some("report") => &[],
        Some(other) => return Err(format!("{other}? There is `report`, and nothing").into()),
    };
    if !parts.is_empty() {
        settings.check()?;
    }
    for part in parts {
        match part {
            Part::Rows => rows::measure(&settings)?,
            Part::Files => files::measure(&settings)?,
            Part::Pause => pause::measure(&settings)?,
            Part::Feed => feed::measure(&settings)?,
            Part::Ycsb => ycsb::measure(&settings)?,
            Part::Growth => growth::measure(&settings)?,
        }
    }
    println!("{}", report::write(&settings)?);
    println!(
        "The report is {}.",
        settings.report.join("benchmarks.md").display()
    );
    Ok(())
}
