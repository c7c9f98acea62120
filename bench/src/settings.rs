//! What a run is told, by the environment.

use std::env;
use std::path::{Path, PathBuf};

use crate::Result;

/// The parts of a run; each has a file of results of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Rows,
    Files,
    Pause,
    Feed,
    Ycsb,
    Growth,
}

impl Part {
    pub const ALL: [Part; 6] = [
        Part::Rows,
        Part::Files,
        Part::Pause,
        Part::Feed,
        Part::Ycsb,
        Part::Growth,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Part::Rows => "rows",
            Part::Files => "files",
            Part::Pause => "pause",
            Part::Feed => "feed",
            Part::Ycsb => "ycsb",
            Part::Growth => "growth",
        }
    }
}

#[derive(Default)]
pub struct Settings {
    pub records: usize,
    pub rounds: usize,
    /// Whether others than the native commands are measured.
    pub peers: bool,
    /// The most records of the curves.
    pub growth: usize,
    pub parts: Vec<Part>,
    /// The program of the Redis server.
    pub server: String,
    /// The module, libyarr.so.
    pub module: String,
    /// The program and the module of RediSearch.
    pub search: Option<(String, String)>,
    /// Where the results lie.
    pub results: PathBuf,
    /// Where the report is written, benchmarks.md and its pictures.
    pub report: PathBuf,
    /// The notes that people keep.
    pub notes: PathBuf,
    /// How this run was started.
    pub command: String,
}

impl Settings {
    pub fn read() -> Result<Settings> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("no folder around this one")?;
        let records = number("RECORDS", 1_000_000)?;
        if records < 1000 {
            return Err("RECORDS must be 1,000 at least".into());
        }
        // GROWTH=1 asks for the curves up to RECORDS, a greater number for the curves up to that.
        let growth = number("GROWTH", 0)?;
        let parts = parts(&text("PARTS").unwrap_or_default(), growth > 0)?;
        let path =
            |name: &str, usual: &str| text(name).map_or_else(|| root.join(usual), PathBuf::from);
        let module = path("YARR_MODULE", "target/release/libyarr.so");
        // A relative path is of the folder that cargo was started in, not of the server's.
        let module = std::path::absolute(module)?;
        Ok(Settings {
            records,
            rounds: number("ROUNDS", 3)?.max(1),
            peers: number("PEERS", 0)? > 0,
            growth: growth.max(records),
            parts,
            server: text("REDIS_SERVER").unwrap_or_else(|| "redis-server".into()),
            module: module.to_string_lossy().into_owned(),
            search: text("SEARCH_SERVER").zip(text("SEARCH_MODULE")),
            results: path("RESULTS", "target/bench/results"),
            report: path("REPORT", "docs"),
            notes: path("NOTES", "bench/notes.toml"),
            command: text("BENCH_COMMAND").unwrap_or_else(|| "make bench".into()),
        })
    }
}

impl Settings {
    /// Whether there is a module to measure.
    pub fn check(&self) -> Result<()> {
        match Path::new(&self.module).is_file() {
            true => Ok(()),
            false => Err(format!("no module at {}; make module builds it", self.module).into()),
        }
    }
}

/// The parts that are named; without a name all of them, the curves where they are asked for.
fn parts(names: &str, growth: bool) -> Result<Vec<Part>> {
    if names.trim().is_empty() {
        return Ok(Part::ALL
            .into_iter()
            .filter(|&part| part != Part::Growth || growth)
            .collect());
    }
    let known = Part::ALL.map(Part::word);
    names
        .split_whitespace()
        .map(|name| {
            let part = Part::ALL.into_iter().find(|part| part.word() == name);
            part.ok_or_else(|| format!("PARTS names {name}; there are {}", known.join(", ")).into())
        })
        .collect()
}

/// What a variable says; nothing where it is empty.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.trim().is_empty())
}

fn number(name: &str, usual: usize) -> Result<usize> {
    match text(name) {
        Some(text) => Ok(text
            .trim()
            .parse()
            .map_err(|_| format!("{name} is {text}, no number"))?),
        None => Ok(usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_or_all_but_the_curves() {
        assert_eq!(parts("", false).expect("parts").len(), 5);
        assert_eq!(parts("", true).expect("parts").len(), 6);
        assert_eq!(
            parts("ycsb rows", false).expect("parts"),
            [Part::Ycsb, Part::Rows]
        );
        assert_eq!(
            parts("row", false).unwrap_err().to_string(),
            "PARTS names row; there are rows, files, pause, feed, ycsb, growth"
        );
    }
}
