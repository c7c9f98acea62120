//! The report: docs/benchmarks.md and its pictures, from the results there are.

mod judge;
mod method;
mod peers;
mod table;
mod tables;
mod ycsb;

use std::fs;
use std::path::Path;

use crate::Result;
use crate::notes::Notes;
use crate::pause;
use crate::record::{Results, Spread, Waits};
use crate::row::Row;
use crate::settings::{Part, Settings};
use crate::side::Name;

/// The results of all parts, and the notes.
pub struct Report {
    rows: Option<Results>,
    files: Option<Results>,
    pause: Option<Results>,
    ycsb: Option<Results>,
    growth: Option<Results>,
    notes: Notes,
}

/// Writes the report and says how many goals are met.
pub fn write(settings: &Settings) -> Result<String> {
    let read = |part| Results::read(&settings.results, part);
    let report = Report {
        rows: read(Part::Rows)?,
        files: read(Part::Files)?,
        pause: read(Part::Pause)?,
        ycsb: read(Part::Ycsb)?,
        growth: read(Part::Growth)?,
        notes: Notes::read(&settings.notes)?,
    };
    let pictures = settings.report.join("benchmarks");
    fs::create_dir_all(&pictures)?;
    let text = report.text(&pictures)?;
    fs::write(settings.report.join("benchmarks.md"), text)?;
    Ok(report.outcome())
}

impl Report {
    fn text(&self, pictures: &Path) -> Result<String> {
        let sections = [
            method::opening(self),
            self.outcome() + "\n",
            tables::beside_native(self),
            tables::aggregates(self),
            peers::section(self, pictures)?,
            peers::waits(self, pictures)?,
            tables::pauses(self),
            ycsb::section(self, pictures)?,
            tables::growth(self, pictures)?,
            method::section(),
        ];
        let sections: Vec<String> = sections
            .into_iter()
            .filter(|section| !section.is_empty())
            .collect();
        Ok(sections.join("\n"))
    }

    /// One sentence: what is met and what is not.
    fn outcome(&self) -> String {
        let judged: Vec<_> = Row::ALL
            .into_iter()
            .filter_map(|row| Some((row, judge::judge(self, row)?.met?)))
            .collect();
        let short: Vec<_> = judged
            .iter()
            .filter(|(_, met)| !met)
            .map(|(row, _)| row.label())
            .collect();
        let met = judged.len() - short.len();
        if judged.is_empty() {
            return "Nothing that has a goal is measured on enough records.".into();
        }
        let met = format!("{met} of {} goals are met.", judged.len());
        match short.is_empty() {
            true => met,
            false => format!("{met} Short of theirs: {}.", short.join("; ")),
        }
    }

    /// The figures of a row and side with their rounds.
    fn figures(&self, row: Row, side: Name) -> Vec<(usize, f64)> {
        let (part, name) = match row {
            Row::RdbLoad | Row::RdbSave | Row::RdbSize | Row::AofReplay => {
                (&self.files, row.name())
            }
            Row::Pause | Row::PauseBuild if side == Name::Native => (&self.pause, pause::IDLE),
            Row::Pause => (&self.pause, pause::GROW),
            Row::PauseBuild => (&self.pause, pause::BUILD),
            _ => (&self.rows, row.name()),
        };
        let figures = part
            .iter()
            .flat_map(|results| results.of(name, side.word(), None));
        figures.map(|figure| (figure.round, figure.value)).collect()
    }

    fn spread(&self, row: Row, side: Name) -> Option<Spread> {
        Spread::of(self.figures(row, side).into_iter().map(|(_, value)| value))
    }
}

/// Of the waits of several rounds, the median of what `of` takes of each.
fn median(
    results: &Results,
    row: &str,
    side: Name,
    of: impl Fn(&Waits) -> Option<f64>,
) -> Option<f64> {
    let figures = results.of(row, side.word(), None);
    Spread::of(
        figures
            .iter()
            .filter_map(|figure| of(figure.waits.as_ref()?)),
    )
    .map(|spread| spread.median)
}
