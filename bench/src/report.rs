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
    feed: Option<Results>,
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
        feed: read(Part::Feed)?,
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
            tables::feed(self),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Figure, Recorder};

    /// A report of what `record` writes, beside a note on FIND.
    fn report(records: usize, record: impl Fn(&mut Recorder) -> Result<()>) -> (String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = folder.path().join("notes.toml");
        fs::write(&notes, "[rows]\nfind = \"a note on it\"\n").expect("notes");
        let settings = Settings {
            records,
            results: folder.path().join("results"),
            report: folder.path().into(),
            notes,
            ..Settings::default()
        };
        let mut recorder = Recorder::new(Part::Rows, &settings, records).expect("a file");
        record(&mut recorder).expect("figures");
        recorder.finish().expect("a file");
        let outcome = write(&settings).expect("a report");
        let text = fs::read_to_string(folder.path().join("benchmarks.md")).expect("a report");
        (outcome, text)
    }

    fn figure(row: Row, side: Name, round: usize, value: f64) -> Figure {
        Figure {
            row: row.name().into(),
            side: side.word().into(),
            round,
            value,
            ..Figure::default()
        }
    }

    fn rounds(recorder: &mut Recorder) -> Result<()> {
        for (round, noise) in [(1, 1.0), (2, 2.0), (3, 1.5)] {
            recorder.figure(figure(Row::Create, Name::Native, round, 2.0 * noise))?;
            recorder.figure(figure(Row::Create, Name::Yarr, round, 1.0 * noise))?;
            recorder.figure(figure(Row::Find, Name::Native, round, 2.0 * noise))?;
            recorder.figure(figure(Row::Find, Name::Yarr, round, 2.5 * noise))?;
        }
        recorder.missing(Name::Lua.word(), "there is none".into())
    }

    #[test]
    fn goals_are_judged_by_the_ratios_of_the_rounds() {
        let (outcome, text) = report(1_000_000, rounds);
        assert_eq!(
            outcome,
            "1 of 2 goals are met. Short of theirs: FIND by id."
        );
        for line in [
            "| FIND by id | HGETALL of the same fields | 3.00 (2.00..4.00) | 3.75 (2.50..5.00) | us | 1.25 | 0.9 times | **short** |",
            "| CREATE, three indexes | HSET of the same fields, a new key | 3.00 (2.00..4.00) | 1.50 (1.00..2.00) | us | 0.500 | 0.8 times | met |",
            "- **FIND by id**: a note on it",
            "- lua: there is none",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn fewer_records_than_the_goals_are_of_are_not_judged() {
        let (outcome, text) = report(10_000, rounds);
        assert_eq!(
            outcome,
            "Nothing that has a goal is measured on enough records."
        );
        assert!(!text.contains("short"), "{text}");
    }
}
