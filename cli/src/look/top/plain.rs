//! A view as text: what `--once` prints.

use super::{
    order::List,
    view::{Growing, View},
};
use crate::{
    Result,
    look::facts::{grouped, size, span, took},
    output::{Cell, DIM, HEAD, Output, WARN},
};

/// A rate in few digits.
pub fn rate(number: f64) -> String {
    match number {
        0.0 => "0".into(),
        n if n.abs() < 9.95 => format!("{n:.1}"),
        n if n < 0.0 => format!("-{}", grouped(n.abs().round() as u64)),
        n => grouped(n.round() as u64),
    }
}

/// The first line: which server.
pub fn title(view: &View) -> String {
    let uptime = view.now.number("uptime_in_seconds").unwrap_or_default() as u64;
    let clients = view.now.number("connected_clients").unwrap_or_default() as u64;
    let plural = if clients == 1 { "" } else { "s" };
    format!(
        "{}, {}, up {}, {} client{plural}",
        view.version(),
        view.now.text("role"),
        span(uptime),
        grouped(clients)
    )
}

/// The figures of the server as a whole: name and text.
pub fn figures(view: &View) -> Vec<(&'static str, String)> {
    let (used, most) = view.memory();
    let memory = match most {
        0 => size(used),
        most => format!(
            "{} of {}, {:.0} %",
            size(used),
            size(most),
            100.0 * used as f64 / most as f64
        ),
    };
    let longest = view.now.number("yarr_longest_slice_us").unwrap_or_default() as u64;
    vec![
        ("operations", format!("{}/s", rate(view.operations))),
        ("cpu", format!("{:.1} %", view.cpu)),
        ("memory", memory),
        (
            "network",
            format!(
                "{}/s in, {}/s out",
                size(view.net.0 as u64),
                size(view.net.1 as u64)
            ),
        ),
        ("errors", format!("{}/s", rate(view.errors))),
        (
            "expiry",
            format!("{}/s, longest slice {}", rate(view.expired), took(longest)),
        ),
    ]
}

/// A migration that is running, in a line.
pub fn migration(growing: &Growing) -> Option<String> {
    let running = growing.table.running.as_ref()?;
    let left = running
        .left()
        .map_or(String::new(), |left| format!(", {} left", span(left)));
    Some(format!(
        "{}: {} {}, {} of {} records, {} a second{left}",
        growing.table.name,
        running.version,
        running.name,
        grouped(running.met),
        grouped(running.records),
        grouped(running.per_second),
    ))
}

/// Prints a view.
///
/// # Errors
/// Where it cannot be written.
pub fn print(view: &View, output: &Output) -> Result<()> {
    if output.is_json() {
        return output.json(&view.json());
    }
    let name = output.paint(HEAD, &view.server);
    output.line(&format!("{name} {}", output.paint(DIM, &title(view))))?;
    for (name, text) in figures(view) {
        output.line(&format!(
            "  {} {text}",
            output.paint(DIM, &format!("{name:<10}"))
        ))?;
    }
    let commands: Vec<Vec<Cell>> = view
        .commands
        .iter()
        .map(|command| {
            vec![
                command.name.as_str().into(),
                Cell::new(rate(command.rate), command.rate),
                Cell::new(rate(command.each), command.each),
                Cell::new(format!("{:.1}", command.share), command.share),
                Cell::new(rate(command.failed), command.failed),
            ]
        })
        .collect();
    section(List::Commands, &commands, output)?;
    let tables: Vec<Vec<Cell>> = view
        .tables
        .iter()
        .map(|growing| {
            let table = &growing.table;
            vec![
                table.name.as_str().into(),
                Cell::new(grouped(table.records), table.records),
                Cell::new(rate(growing.rate), growing.rate),
                Cell::new(size(table.bytes), table.bytes),
                Cell::new(grouped(table.expiring), table.expiring),
            ]
        })
        .collect();
    section(List::Tables, &tables, output)?;
    for growing in &view.tables {
        if let (Some(text), Some(running)) = (migration(growing), &growing.table.running) {
            let bar = crate::look::info::bar(running.percent, 20);
            output.line(&format!(
                "{} {} % {text}",
                output.paint(WARN, &bar),
                running.percent
            ))?;
        }
    }
    let statements: Vec<Vec<Cell>> = view
        .statements
        .iter()
        .map(|statement| {
            vec![
                statement.text.as_str().into(),
                statement.count.into(),
                Cell::new(took(statement.worst), statement.worst),
                Cell::new(took(statement.mean()), statement.mean()),
            ]
        })
        .collect();
    section(List::Statements, &statements, output)?;
    for statement in view
        .statements
        .iter()
        .filter(|statement| !statement.plan.is_empty())
    {
        output.line("")?;
        output.line(&statement.text)?;
        for line in &statement.plan {
            let advice = crate::look::explain::Step::of(line) == crate::look::explain::Step::Advice;
            let style = if advice { WARN } else { DIM };
            output.line(&format!("  {}", output.paint(style, line)))?;
        }
    }
    Ok(())
}

fn section(list: List, rows: &[Vec<Cell>], output: &Output) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(list.columns(), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_few_digits() {
        assert_eq!(
            [0.0, 0.25, 9.94, 12_345.6, -3.0, -1_200.0].map(rate),
            ["0", "0.2", "9.9", "12,346", "-3.0", "-1,200"]
        );
    }
}
