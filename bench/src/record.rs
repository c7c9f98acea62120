//! The file of results: a line of JSON for each figure, behind one that tells how the run was made.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fleet::Run;
use crate::machine::{Machine, today};
use crate::settings::{Part, Settings};

/// The percentiles that are kept of the waits of a run.
pub const PERCENTS: [f64; 9] = [0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0];

/// How a part was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub date: String,
    pub command: String,
    pub records: usize,
    pub rounds: usize,
    pub machine: Machine,
}

/// One figure of one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The row, or the workload.
    pub row: String,
    pub side: String,
    pub round: usize,
    /// Records in the table, where it is not the run's number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// In the row's unit.
    pub value: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

/// How fast operations were answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    pub operations: usize,
    pub per_second: f64,
    /// Microseconds, of [`PERCENTS`].
    pub percentiles: Vec<f64>,
    /// Records found or counted, an operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<f64>,
}

impl Waits {
    pub fn of(run: &Run, found: Option<f64>) -> Waits {
        Waits {
            operations: run.operations,
            per_second: run.per_second(),
            percentiles: PERCENTS
                .iter()
                .map(|&percent| run.percentile(percent))
                .collect(),
            found: found.map(|found| found / run.operations as f64),
        }
    }

    pub fn percentile(&self, percent: f64) -> Option<f64> {
        let at = PERCENTS.iter().position(|&kept| kept == percent)?;
        self.percentiles.get(at).copied()
    }
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Head(Head),
    Figure(Figure),
    /// What ran as a side, or why it did not.
    Side {
        side: String,
        version: Option<String>,
        missing: Option<String>,
    },
    /// What a reader must know beside the figures.
    Warning {
        text: String,
    },
}

/// Writes the results of one part; those of an earlier run stay until it is whole.
pub struct Recorder {
    file: File,
    path: PathBuf,
    part: Part,
}

impl Recorder {
    pub fn new(part: Part, settings: &Settings, records: usize) -> Result<Recorder> {
        fs::create_dir_all(&settings.results)?;
        let path = path(&settings.results, part);
        let mut recorder = Recorder {
            file: File::create(path.with_extension("part"))?,
            path,
            part,
        };
        recorder.write(&Line::Head(Head {
            date: today(),
            command: settings.command.clone(),
            records,
            rounds: settings.rounds,
            machine: Machine::here(),
        }))?;
        Ok(recorder)
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        let text = serde_json::to_string(line)?;
        Ok(writeln!(self.file, "{text}")?)
    }

    pub fn figure(&mut self, figure: Figure) -> Result<()> {
        let size = figure
            .size
            .map_or(String::new(), |size| format!(" of {size}"));
        let Figure {
            row,
            side,
            round,
            value,
            ..
        } = &figure;
        eprintln!(
            "  {} {round}: {row}{size} {side} {value:.3}",
            self.part.word()
        );
        self.write(&Line::Figure(figure))
    }

    pub fn version(&mut self, side: &str, version: String) -> Result<()> {
        self.write(&Line::Side {
            side: side.into(),
            version: Some(version),
            missing: None,
        })
    }

    /// Says that a side is not there, and why.
    pub fn missing(&mut self, side: &str, reason: String) -> Result<()> {
        eprintln!("  {side} is not measured: {reason}");
        self.write(&Line::Side {
            side: side.into(),
            version: None,
            missing: Some(reason),
        })
    }

    pub fn warn(&mut self, text: String) -> Result<()> {
        eprintln!("  {text}");
        self.write(&Line::Warning { text })
    }

    /// Puts the results in the place of those of an earlier run.
    pub fn finish(self) -> Result<()> {
        Ok(fs::rename(self.path.with_extension("part"), &self.path)?)
    }
}

fn path(folder: &Path, part: Part) -> PathBuf {
    folder.join(part.word()).with_extension("jsonl")
}

/// The results of one part.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub head: Head,
    pub figures: Vec<Figure>,
    /// What ran, by side.
    pub versions: BTreeMap<String, String>,
    /// Why others did not.
    pub missing: BTreeMap<String, String>,
    pub warnings: Vec<String>,
}

impl Results {
    /// Reads those of a part; `None` where it was never measured.
    pub fn read(folder: &Path, part: Part) -> Result<Option<Results>> {
        let path = path(folder, part);
        if !path.exists() {
            return Ok(None);
        }
        let mut results = Results::default();
        for line in fs::read_to_string(&path)?.lines() {
            let line = serde_json::from_str(line)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            results.add(line);
        }
        Ok(Some(results))
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Head(head) => self.head = head,
            Line::Figure(figure) => self.figures.push(figure),
            Line::Warning { text } if self.warnings.contains(&text) => {}
            Line::Warning { text } => self.warnings.push(text),
            Line::Side {
                side,
                version,
                missing,
            } => {
                self.versions
                    .extend(version.map(|version| (side.clone(), version)));
                self.missing.extend(missing.map(|reason| (side, reason)));
            }
        }
    }

    /// The figures of a row and side, of one size where one is given.
    pub fn of(&self, row: &str, side: &str, size: Option<usize>) -> Vec<&Figure> {
        let figures = self.figures.iter();
        figures
            .filter(|figure| figure.row == row && figure.side == side && figure.size == size)
            .collect()
    }

    /// The median of their values and how far they spread.
    pub fn spread(&self, row: &str, side: &str, size: Option<usize>) -> Option<Spread> {
        Spread::of(self.of(row, side, size).iter().map(|figure| figure.value))
    }
}

/// The median of the rounds, and the least and the greatest of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => *values.get(middle)?,
            _ => (values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0,
        };
        Some(Spread {
            median,
            least: *values.first()?,
            greatest: *values.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_median_and_the_ends() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(
            spread(&[3.0, 1.0, 9.0]),
            Some(Spread {
                median: 3.0,
                least: 1.0,
                greatest: 9.0
            })
        );
        assert_eq!(
            spread(&[4.0, 2.0]),
            Some(Spread {
                median: 3.0,
                least: 2.0,
                greatest: 4.0
            })
        );
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let waits = Waits {
            operations: 3,
            per_second: 1.5,
            percentiles: vec![1.0, 2.0],
            found: None,
        };
        for line in [
            Line::Head(Head {
                date: "2026-01-31".into(),
                records: 7,
                ..Head::default()
            }),
            Line::Figure(Figure {
                row: "find".into(),
                waits: Some(waits),
                size: Some(9),
                ..Figure::default()
            }),
            Line::Side {
                side: "lua".into(),
                version: None,
                missing: Some("not there".into()),
            },
            Line::Warning {
                text: "noise".into(),
            },
        ] {
            let text = serde_json::to_string(&line).expect("a line");
            assert_eq!(serde_json::from_str::<Line>(&text).expect("the same"), line);
        }
    }
}
