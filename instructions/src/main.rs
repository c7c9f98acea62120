//! How many machine instructions the hot commands take in the engine, counted by valgrind.
//!
//! A count is the same on every machine that runs the same program, whatever else goes on there, so
//! it can be kept and compared: `kept.txt` of this folder. `make instructions` counts and
//! compares; `YARR_BLESS=1` keeps what was counted.

mod kept;
mod sessions;
mod valgrind;

use std::{error::Error, process::ExitCode};

use kept::Kept;

/// Says that this process is the one that valgrind watches.
const COUNTED: &str = "--counted";

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == COUNTED) {
        sessions::run();
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what was counted is near enough to what is kept.
fn run() -> Result<bool, Box<dyn Error>> {
    let counted = valgrind::count(COUNTED)?;
    let works = sessions::WORKS.iter();
    if counted.len() != works.len() {
        let (found, expected) = (counted.len(), works.len());
        return Err(format!("expected {expected} counts of valgrind, found {found}").into());
    }
    let each = works
        .zip(counted)
        .map(|(work, count)| (work.name.into(), count / work.operations()))
        .collect();
    let found = Kept::of_this_compiler(each)?;
    if std::env::var_os("YARR_BLESS").is_some() {
        found.write()?;
    }
    let kept = Kept::read()?;
    print!("{}", kept.beside(&found));
    Ok(kept.allows(&found))
}
