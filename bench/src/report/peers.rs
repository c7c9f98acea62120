//! YARR beside others.

use std::path::Path;

use crate::Result;
use crate::chart::{Bars, Curves, Panel};
use crate::record::PERCENTS;
use crate::row::{Goal, Row};
use crate::side::Name;

use super::table::{Table, cell, number};
use super::{Report, median};

/// What others do too.
const ROWS: [Row; 11] = [
    Row::Find,
    Row::FindWhere,
    Row::WhereAnd,
    Row::Newest,
    Row::Count,
    Row::CountIndexed,
    Row::Create,
    Row::Values,
    Row::Update,
    Row::UpdateBitmap,
    Row::Del,
];

/// Those of whom there are figures.
fn sides(report: &Report) -> Vec<Name> {
    Name::ALL
        .into_iter()
        .filter(|&side| report.spread(Row::Create, side).is_some())
        .collect()
}

/// The medians of a row, by side.
fn medians(report: &Report, row: Row, sides: &[Name]) -> Vec<Option<f64>> {
    sides
        .iter()
        .map(|&side| report.spread(row, side).map(|spread| spread.median))
        .collect()
}

/// The tables and pictures of CPU time and memory.
pub fn section(report: &Report, pictures: &Path) -> Result<String> {
    let Some(results) = &report.rows else {
        return Ok(String::new());
    };
    let sides = sides(report);
    let labels: Vec<&str> = sides.iter().map(|side| side.label()).collect();
    let named = |rows: &[Row]| -> Vec<(String, Vec<Option<f64>>)> {
        rows.iter()
            .map(|&row| (row.label().to_string(), medians(report, row, &sides)))
            .collect()
    };
    let title = "Server CPU an operation, microseconds";
    let rows = named(&ROWS);
    let picture = Bars {
        title,
        unit: "us, less is better",
        logarithmic: true,
        series: &labels,
        rows: &rows,
        marks: &[],
    };
    picture.draw(&pictures.join("cpu.svg"))?;
    let rows = named(&[Row::Memory, Row::MemoryText]);
    let title = "Memory a record, all indexes included, bytes";
    let picture = Bars {
        title,
        unit: "bytes, less is better",
        logarithmic: false,
        series: &labels,
        rows: &rows,
        marks: &[],
    };
    picture.draw(&pictures.join("memory.svg"))?;
    ratios(report, pictures)?;

    let mut head = vec!["work"];
    head.extend(&labels);
    head.push("");
    let mut table = Table::new(1, &head);
    for row in ROWS
        .into_iter()
        .chain([Row::Build, Row::Memory, Row::MemoryText])
    {
        let cells = medians(report, row, &sides).into_iter().map(cell);
        table.line(
            [row.label().to_string()]
                .into_iter()
                .chain(cells)
                .chain([row.unit().into()]),
        );
    }
    let mut text = format!(
        "## Beside others\n\n\
         The medians again, of everyone. The native command is the one of the first table: a hash without any index.\n\n{}\n\
         ![Server CPU](benchmarks/cpu.svg)\n\n![Memory](benchmarks/memory.svg)\n\n![Beside native](benchmarks/ratio.svg)\n",
        table.finish()
    );
    if !results.missing.is_empty() {
        text.push_str("\nNot there when this was measured:\n\n");
        for (side, reason) in &results.missing {
            text.push_str(&format!(
                "- {side}: {}\n",
                reason.lines().next().unwrap_or_default()
            ));
        }
    } else if sides.len() == 2 {
        text.push_str("\nOthers were not asked for: `make bench PEERS=1`.\n");
    }
    if !results.warnings.is_empty() {
        text.push_str("\nWhere the same question got another answer:\n\n");
        for warning in &results.warnings {
            text.push_str(&format!("- {warning}\n"));
        }
    }
    Ok(text)
}

/// YARR as a share of the native command, with the goal.
fn ratios(report: &Report, pictures: &Path) -> Result<()> {
    let (mut rows, mut marks) = (Vec::new(), Vec::new());
    for row in Row::ALL {
        let Goal::Times(goal) = row.goal() else {
            continue;
        };
        let Some(times) = super::judge::judge(report, row).and_then(|judged| judged.times) else {
            continue;
        };
        rows.push((row.label().to_string(), vec![Some(times.median)]));
        marks.push(Some(goal));
    }
    let bars = Bars {
        title: "YARR beside the native command, times its CPU; the mark is the goal",
        unit: "times, less is better",
        logarithmic: false,
        series: &["YARR"],
        rows: &rows,
        marks: &marks,
    };
    bars.draw(&pictures.join("ratio.svg"))
}

/// How fast answers came, with all connections busy.
pub fn waits(report: &Report, pictures: &Path) -> Result<String> {
    const CURVES: [Row; 4] = [Row::FindWhere, Row::WhereAnd, Row::Create, Row::Update];
    let Some(results) = &report.rows else {
        return Ok(String::new());
    };
    let sides = sides(report);
    let labels: Vec<&str> = sides.iter().map(|side| side.label()).collect();
    let mut head = vec!["work"];
    head.extend(&labels);
    let mut table = Table::new(1, &head);
    for row in ROWS.into_iter().filter(|&row| row != Row::Values) {
        let cells = sides.iter().map(|&side| {
            let of =
                |percent: f64| median(results, row.name(), side, |waits| waits.percentile(percent));
            let per_second = median(results, row.name(), side, |waits| Some(waits.per_second));
            let milliseconds = |percent: f64| cell(of(percent).map(|wait| wait / 1000.0));
            match per_second {
                Some(per_second) => format!(
                    "{} ({}, {})",
                    number(per_second),
                    milliseconds(50.0),
                    milliseconds(99.0)
                ),
                None => "-".into(),
            }
        });
        table.line([row.label().to_string()].into_iter().chain(cells));
    }
    // The least and the greatest of all are left out: of so many they tell of chance.
    let kept = &PERCENTS[1..PERCENTS.len() - 1];
    let places: Vec<String> = kept.iter().map(|percent| format!("{percent}%")).collect();
    let panels = CURVES.map(|row| {
        let curve = |side: &Name| {
            kept.iter()
                .map(|&percent| {
                    median(results, row.name(), *side, |waits| {
                        waits.percentile(percent)
                    })
                })
                .collect()
        };
        Panel {
            title: row.label().into(),
            curves: sides.iter().map(curve).collect(),
        }
    });
    let curves = Curves {
        title: "How long operations waited, 800 of them under way, microseconds",
        across: "so many took no longer",
        up: "us",
        places: &places,
        panels: &panels,
        series: &labels,
    };
    curves.draw(&pictures.join("waits.svg"))?;
    Ok(format!(
        "## Throughput and waits\n\n\
         Operations a second, and in brackets how many milliseconds half of them and 99 of 100 took at most. All connections\n\
         are busy all the time, so what an operation takes is mostly the turn of the 799 others. The program that measures runs on\n\
         the same machine, and like everything else there it takes its part of these figures, not of those of CPU time.\n\n{}\n\
         ![Waits](benchmarks/waits.svg)\n",
        table.finish()
    ))
}
