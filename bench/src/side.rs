//! One of those that are measured beside each other.

use std::time::Duration;

use crate::Result;
use crate::fleet::Fleet;
use crate::record::Waits;
use crate::row::Row;
use crate::wire::Answer;

/// Who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    Yarr,
    Native,
    Lua,
    Search,
    Postgres,
}

impl Name {
    pub const ALL: [Name; 5] = [
        Name::Yarr,
        Name::Native,
        Name::Lua,
        Name::Search,
        Name::Postgres,
    ];

    /// As in the file of results.
    pub fn word(self) -> &'static str {
        match self {
            Name::Yarr => "yarr",
            Name::Native => "native",
            Name::Lua => "lua",
            Name::Search => "search",
            Name::Postgres => "postgres",
        }
    }

    /// As in tables and pictures.
    pub fn label(self) -> &'static str {
        match self {
            Name::Yarr => "YARR",
            Name::Native => "native",
            Name::Lua => "Lua",
            Name::Search => "RediSearch",
            Name::Postgres => "PostgreSQL",
        }
    }
}

/// A server with the records in it, and how each kind of work is asked of it.
pub trait Side: Send + Sync {
    fn name(&self) -> Name;

    /// What is running, as `Redis 7.0.15`.
    fn version(&mut self) -> Result<String>;

    fn fleet(&self) -> &Fleet;

    /// The CPU time that its processes have used.
    fn cpu(&self) -> Result<Duration>;

    /// The bytes that it holds.
    fn bytes(&mut self) -> Result<f64>;

    /// How many operations of a row to measure on so many records; 0 where it has no such row.
    fn operations(&self, row: Row, records: usize) -> usize;

    /// Writes operation `i` of a row and answers how many replies it gets.
    fn ask(&self, row: Row, i: usize, out: &mut Vec<u8>) -> usize;

    /// Records that the answers of so many operations hold, or the counts that they tell; `None` where they do not say.
    fn found(&self, row: Row, answer: Answer, operations: usize) -> Option<f64>;

    /// What is to be done once all records are there, before anything is asked.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Builds the index on (status, created_at) and answers when it is there; `false` where it has none such.
    fn build(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// Does away with that index.
    fn unbuild(&mut self) -> Result<()> {
        Ok(())
    }

    /// Its longest piece of background work so far.
    fn longest_slice(&mut self) -> Result<Option<Duration>> {
        Ok(None)
    }
}

/// Microseconds of server CPU for each of a row's operations from the `first` on, and how fast they were answered.
pub fn cost(side: &dyn Side, row: Row, first: usize, operations: usize) -> Result<(f64, Waits)> {
    let cpu = side.cpu()?;
    let run = side
        .fleet()
        .run(operations, &|i, out| side.ask(row, first + i, out))
        .map_err(|error| format!("{}, {}: {error}", row.name(), side.name().word()))?;
    let used = side.cpu()?.saturating_sub(cpu);
    let found = side.found(row, run.answer, operations);
    Ok((
        used.as_secs_f64() * 1e6 / operations as f64,
        Waits::of(&run, found),
    ))
}

/// How many operations measure a row where an operation costs microseconds at most.
pub fn usual(row: Row, records: usize) -> usize {
    let n = records.min(200_000);
    match row {
        Row::Create => records,
        Row::Newest | Row::NewestPacked | Row::CountIndexed | Row::CountByBitmap | Row::Ends => {
            (n / 20).max(1)
        }
        Row::Count => (n / 200).max(1),
        Row::Sum | Row::SumBy | Row::CountBy => 10,
        _ => n,
    }
}
