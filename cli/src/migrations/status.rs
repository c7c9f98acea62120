//! `yarr status`.

use anstyle::Style;
use clap::Args;
use jiff::Timestamp;
use yarr_client::{State, Status as Found};

use super::{
    files::Files,
    run::{duration, on},
};
use crate::{
    Context, Outcome, Result,
    output::{BAD, Cell, GOOD, WARN},
};

/// The arguments of `yarr status`.
#[derive(Debug, Args)]
#[command(after_help = "\
States:
  up       applied                        changed    applied, and the file is another one now
  pending  not applied                    missing    applied, and there is no file
  half up  begun, so many blocks done     half down  its way down was begun

Examples:
  yarr status
  yarr status --env production --json")]
pub struct Status {}

impl Status {
    /// Does it.
    ///
    /// # Errors
    /// Where a server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        show(context, |_| true)?;
        Ok(Outcome::Done)
    }
}

/// Shows the versions of each server that are wanted, and answers how many these were.
pub(super) fn show(context: &Context, wanted: impl Fn(&Found) -> bool) -> Result<usize> {
    let migrator = Files::read(context)?.migrator(context)?;
    let mut rows = Vec::new();
    for mut server in context.servers()? {
        let statuses = on(&migrator, &mut server).status();
        let statuses = statuses.map_err(|error| crate::Error::from(error).at(server.name()))?;
        for status in statuses.into_iter().filter(&wanted) {
            let (state, style) = state(status.state);
            let note = status.note.filter(|_| status.applied);
            rows.push(vec![
                Cell::from(server.name()),
                Cell::from(state).style(style),
                Cell::from(status.version),
                Cell::from(status.name),
                Cell::from(note.as_ref().map(|note| time(note.at))),
                note.as_ref()
                    .map_or(Cell::null(), |note| duration(note.took)),
            ]);
        }
    }
    let columns = [
        "redis",
        "status",
        "version",
        "migration",
        "applied at",
        "duration",
    ];
    if !rows.is_empty() {
        context.output.table(&columns, &rows)?;
    }
    Ok(rows.len())
}

/// A state in words.
pub(super) fn state(state: State) -> (String, Style) {
    match state {
        State::Pending => ("pending".into(), WARN),
        State::Applied => ("up".into(), GOOD),
        State::Changed => ("changed".into(), BAD),
        State::Missing => ("missing".into(), BAD),
        State::HalfUp(done, of) => (format!("half up ({done}/{of})"), BAD),
        State::HalfDown(done, of) => (format!("half down ({done}/{of})"), BAD),
    }
}

/// Milliseconds since 1970 as a time of UTC, to the second.
fn time(at: i64) -> String {
    let at = Timestamp::from_second(at.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_string()
}
