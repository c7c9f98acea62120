//! The workloads of YCSB.

use std::path::Path;

use crate::Result;
use crate::chart::{Bars, grouped};
use crate::side::Name;
use crate::ycsb::Workload;

use super::table::{Table, cell, spread};
use super::{Report, median};

pub fn section(report: &Report, pictures: &Path) -> Result<String> {
    let Some(results) = &report.ycsb else {
        return Ok(String::new());
    };
    let stored = |side: &Name| results.spread("A", side.word(), None).is_some();
    let sides: Vec<Name> = Name::ALL.into_iter().filter(stored).collect();
    let labels: Vec<&str> = sides.iter().map(|side| side.label()).collect();
    let mut workloads = Workload::ALL;
    workloads.sort_by_key(|workload| workload.name());
    let mut table = Table::new(
        2,
        &[
            "workload",
            "",
            "operations a second",
            "p50, ms",
            "p99, ms",
            "server CPU, us",
        ],
    );
    let mut bars = Vec::new();
    for workload in workloads {
        let mut row = Vec::new();
        for (i, &side) in sides.iter().enumerate() {
            let name = workload.name();
            let milliseconds = |percent: f64| {
                cell(
                    median(results, name, side, |waits| waits.percentile(percent))
                        .map(|wait| wait / 1000.0),
                )
            };
            let cpu = results.spread(name, side.word(), None);
            let words = if i == 0 {
                format!("{name}: {}", workload.label())
            } else {
                String::new()
            };
            table.line([
                words,
                side.label().into(),
                cell(median(results, name, side, |waits| Some(waits.per_second))),
                milliseconds(50.0),
                milliseconds(99.0),
                spread(cpu),
            ]);
            row.push(cpu.map(|spread| spread.median));
        }
        bars.push((format!("{}: {}", workload.name(), workload.label()), row));
    }
    let picture = Bars {
        title: "YCSB: server CPU an operation, microseconds",
        unit: "us, less is better",
        logarithmic: true,
        series: &labels,
        rows: &bars,
        marks: &[],
    };
    picture.draw(&pictures.join("ycsb.svg"))?;
    Ok(format!(
        "## YCSB\n\n\
         The six workloads of the Yahoo! Cloud Serving Benchmark on {} records of ten fields of 100 bytes, the keys scrambled\n\
         Zipfian with its constant of 0.99. A record is read whole, an update sets one field. Native is a hash a record, for E with\n\
         a sorted set of the keys, whose answer is not awaited before the hashes are read: that spares it a way.\n\n{}\n\
         ![YCSB](benchmarks/ycsb.svg)\n",
        grouped(&results.head.records.to_string()),
        table.finish()
    ))
}
