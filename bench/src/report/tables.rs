//! The tables of YARR alone and beside the native commands.

use std::path::Path;

use crate::Result;
use crate::chart::{Curves, Panel, grouped};
use crate::feed;
use crate::growth;
use crate::pause;
use crate::record::{Results, Spread};
use crate::row::{Goal, Row};
use crate::side::Name;

use super::judge::{self, judge};
use super::table::{Table, cell, number, spread};
use super::{Report, median};

/// Every row that has a native command or a goal.
pub fn beside_native(report: &Report) -> String {
    let mut table = Table::new(
        2,
        &[
            "work",
            "beside it",
            "native",
            "YARR",
            "",
            "times native",
            "goal, at most",
            "",
        ],
    );
    let mut notes = Vec::new();
    for row in Row::ALL {
        if row.native().is_empty() && row.goal() == Goal::None {
            continue;
        }
        let Some(judged) = judge(report, row) else {
            continue;
        };
        // How long a PING waits times so much longer says nothing.
        let times = judged.times.filter(|_| row.unit() != "ms");
        table.line([
            row.label().into(),
            row.native().into(),
            spread(judged.native),
            spread(Some(judged.yarr)),
            row.unit().into(),
            spread(times),
            judge::goal(row),
            judge::verdict(&judged).into(),
        ]);
        if let Some(note) = report.notes.of(row.name()) {
            notes.push(format!("- **{}**: {note}\n", row.label()));
        } else if judged.met == Some(false) {
            notes.push(format!(
                "- **{}** is short of its goal; the reason is not noted yet.\n",
                row.label()
            ));
        }
    }
    if report.rows.is_none() && report.files.is_none() && report.pause.is_none() {
        return String::new();
    }
    let found = report
        .rows
        .as_ref()
        .and_then(|rows| median(rows, Row::WhereAnd.name(), Name::Yarr, |waits| waits.found));
    let found = found.map_or(String::new(), |found| {
        format!(" {} finds {found:.1} records.", Row::WhereAnd.label())
    });
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!("\n{}", notes.concat())
    };
    format!(
        "## Beside the native commands\n\n\
         us: microseconds of the server's CPU time an operation. ms of pauses: the most CPU time of the server while a\n\
         PING waited. B: bytes. In brackets the least and the greatest of the rounds.{found}\n\n{}{notes}",
        table.finish()
    )
}

/// What is asked of all records at once.
pub fn aggregates(report: &Report) -> String {
    let mut table = Table::new(1, &["aggregate", "YARR", "PostgreSQL"]);
    let rows = [
        Row::CountByBitmap,
        Row::Ends,
        Row::CountBy,
        Row::Sum,
        Row::SumBy,
    ];
    for row in rows {
        let Some(yarr) = report.spread(row, Name::Yarr) else {
            return String::new();
        };
        let label = row.label().trim_start_matches("AGGREGATE * ");
        table.line([
            label.into(),
            spread(Some(yarr)),
            spread(report.spread(row, Name::Postgres)),
        ]);
    }
    format!(
        "## AGGREGATE of all records\n\nMicroseconds of the server's CPU time.\n\n{}",
        table.finish()
    )
}

/// How long others wait.
pub fn pauses(report: &Report) -> String {
    let Some(results) = &report.pause else {
        return String::new();
    };
    let head = [
        "meanwhile",
        "most CPU in a wait",
        "longest wait",
        "p99.9",
        "p99",
        "p50",
    ];
    let mut table = Table::new(1, &head);
    let works = [pause::IDLE, pause::HASHES, pause::GROW, pause::BUILD];
    for (work, side) in works
        .into_iter()
        .zip([Name::Native, Name::Native, Name::Yarr, Name::Yarr])
    {
        let waits = |percent: f64| {
            let milliseconds = median(results, work, side, |waits| waits.percentile(percent))
                .map(|wait| wait / 1000.0);
            cell(milliseconds)
        };
        let most = spread(results.spread(work, side.word(), None));
        table.line([
            pause::label(work).into(),
            most,
            waits(100.0),
            waits(99.9),
            waits(99.0),
            waits(50.0),
        ]);
    }
    format!(
        "## Pauses\n\n\
         A PING goes out right behind each command that fills an empty table with {} records, a hundred a command; in milliseconds.\n\
         The first column is what the server did while a PING waited, the hundred records among it; the others are how long it\n\
         waited, which on a machine with other work tells of that too.\n\n{}",
        grouped(&results.head.records.to_string()),
        table.finish()
    )
}

/// What a change feed costs.
pub fn feed(report: &Report) -> String {
    let Some(results) = &report.feed else {
        return String::new();
    };
    let mut table = Table::new(1, &["work", "without", "with a feed", "", "times"]);
    let writes = feed::WRITES.map(|row| (row.name(), (row.label(), "us")));
    let others = [feed::BYTES, feed::READ, feed::TOMBSTONE].map(|name| (name, feed::label(name)));
    for (name, (label, unit)) in writes.into_iter().chain(others) {
        let [without, with] = feed::SIDES.map(|side| results.spread(name, side, None));
        let times = with
            .zip(without)
            .map(|(with, without)| with.median / without.median);
        table.line([
            label.into(),
            spread(without),
            spread(with),
            unit.into(),
            cell(times),
        ]);
    }
    format!(
        "## The change feed\n\n\
         The same work on tables of {} records without a feed and with one (CHANGES ON): microseconds of the server's CPU time an\n\
         operation, bytes of its memory.\n\n{}",
        grouped(&results.head.records.to_string()),
        table.finish()
    )
}

/// The same work on larger and larger tables.
pub fn growth(report: &Report, pictures: &Path) -> Result<String> {
    let Some(results) = &report.growth else {
        return Ok("## Growth\n\nNot measured: `make bench GROWTH=1`.\n".into());
    };
    let sizes = growth::sizes(results.head.records);
    let names: Vec<String> = sizes
        .iter()
        .map(|size| grouped(&size.to_string()))
        .collect();
    let head: Vec<String> = names.iter().map(|name| format!("of {name}")).collect();
    let mut head: Vec<&str> = head.iter().map(String::as_str).collect();
    head.insert(0, "work");
    head.push("last / first");
    let mut table = Table::new(1, &head);
    let native = (Row::Find, Name::Native, "HGETALL of the same fields");
    let ours = growth::ROWS.map(|row| (row, Name::Yarr, row.label()));
    let mut panels: Vec<Panel> = Vec::new();
    for (row, side, label) in std::iter::once(native).chain(ours) {
        let spreads = sizes
            .iter()
            .map(|&size| results.spread(row.name(), side.word(), Some(size)));
        let medians: Vec<Option<f64>> = spreads
            .map(|spread| spread.map(|spread| spread.median))
            .collect();
        let grown = medians
            .last()
            .copied()
            .flatten()
            .zip(medians.first().copied().flatten());
        let cells = medians.iter().map(|median| cell(*median));
        let grown = grown.map_or("-".into(), |(last, first)| number(last / first));
        table.line([label.to_string()].into_iter().chain(cells).chain([grown]));
        if side == Name::Yarr {
            let theirs = sizes.iter().map(|&size| of(results, row, size));
            panels.push(Panel {
                title: label.into(),
                curves: vec![medians, theirs.collect()],
            });
        }
    }
    let curves = Curves {
        title: "Server CPU an operation as the table grows, microseconds",
        across: "records",
        up: "us",
        places: &names,
        panels: &panels,
        series: &["YARR", "the native command beside it"],
    };
    curves.draw(&pictures.join("growth.svg"))?;
    Ok(format!(
        "## Growth\n\n\
         Microseconds of the server's CPU time an operation, of files a record. What grows is the time that memory takes which the processor's\n\
         caches do not hold, of hashes as of tables.\n\n{}\n![Growth](benchmarks/growth.svg)\n",
        table.finish()
    ))
}

fn of(results: &Results, row: Row, size: usize) -> Option<f64> {
    results
        .spread(row.name(), Name::Native.word(), Some(size))
        .map(|Spread { median, .. }| median)
}
