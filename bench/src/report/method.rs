//! What is measured on, and how.

use std::fmt::Write;

use crate::chart::grouped;
use crate::fleet::{CONNECTIONS, PIPELINE};
use crate::postgres::SETTINGS;
use crate::record::Results;

use super::Report;
use super::table::{Table, number};

/// What the page is, and the machine.
pub fn opening(report: &Report) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n\
         What YARR costs a server beside the native commands of Redis and, with `PEERS=1`, beside what else could be used. This page\n\
         is written by `make bench`; nobody's hand is in it but in the notes under the first table.\n\n\
         ```sh\n\
         make bench                  # a million records, three rounds, beside the native commands\n\
         make bench PEERS=1          # also beside Lua scripts, RediSearch and PostgreSQL\n\
         make bench GROWTH=1         # also the curves of growth up to RECORDS; GROWTH=10000000 for ten million\n\
         make bench RECORDS=100000 ROUNDS=5 PARTS=\"rows ycsb\"\n\
         make bench-report           # writes this page again from the results in target/bench\n\
         ```\n\n",
    );
    let parts = [
        &report.rows,
        &report.files,
        &report.pause,
        &report.ycsb,
        &report.growth,
    ];
    let names = ["the rows", "files", "pauses", "YCSB", "growth"];
    let measured = || {
        parts
            .iter()
            .zip(names)
            .filter_map(|(part, name)| Some((part.as_ref()?, name)))
    };
    let mut runs = Table::new(3, &["part", "command", "day", "records", "rounds"]);
    for (Results { head, .. }, name) in measured() {
        let command = format!("`{}`", head.command);
        let records = grouped(&head.records.to_string());
        runs.line([
            name.into(),
            command,
            head.date.clone(),
            records,
            head.rounds.to_string(),
        ]);
    }
    text.push_str(&runs.finish());
    let mut machines: Vec<_> = measured()
        .map(|(results, _)| &results.head.machine)
        .collect();
    machines.dedup();
    for machine in machines {
        let memory = number(machine.memory);
        let cores = if machine.cores == 1 { "core" } else { "cores" };
        let _ = write!(
            text,
            "\nMachine: {}, {} {cores}, {memory} GiB of memory, {}, Linux {}.\n",
            machine.processor, machine.cores, machine.system, machine.kernel
        );
    }
    if let Some(rows) = &report.rows {
        let versions: Vec<String> = rows
            .versions
            .iter()
            .map(|(side, version)| format!("{side} {version}"))
            .collect();
        let _ = writeln!(text, "Versions: {}.", versions.join("; "));
    }
    text
}

/// How it is measured.
pub fn section() -> String {
    format!(
        "## How it is measured\n\n\
         - **Records** are of `user_session`: `user_id` INTEGER, ten records each on average; `session_id` STRING of 36 bytes, a UUID's\n  \
           text unless said otherwise; `created_at` a second apart; `status` ENUM of five; `score` FLOAT. Sorted indexes are on `user_id`\n  \
           and `created_at`, a bitmap on `status`. A record that is answered has its id and `updated_at` too; a hash has `updated_at`.\n\
         - **Load** comes from {CONNECTIONS} connections with {PIPELINE} operations under way on each, over loopback, written\n  \
           beforehand so that the server need not wait for them. Everyone has a server of his own with the same records,\n  \
           started anew each round, and each row is measured of everyone in turn before the next. Answers\n  \
           are counted: where the same questions find other records, the run fails or says so.\n\
         - **Server CPU** is the time, user and system, that the server's processes ran, all threads included, divided by the\n  \
           operations; it holds the way through sockets and the parsing of commands. What stands in tables is the median of the\n  \
           rounds. What else the machine does shows in it less than in throughput, but it does, by caches that are shared and by\n  \
           turns that are lost: compare figures of one run, and look at their spread.\n\
         - **Times native** is the median of the rounds' own ratios. A goal is judged by it.\n\
         - **The longest slice** is what the module itself says that its work between commands took of a processor at most. How long\n  \
           others wait is said under pauses.\n\
         - **Memory** is what the server uses more when all records are there (of PostgreSQL the size of table and indexes).\n\
         - **Files**: `SAVE`, and the start of a server on the file less the start of one without; the log holds a command a record.\n\
         - **Lua** keeps a hash a record, a set for each value of `user_id` and `status`, and a sorted set of `created_at`, as Redcord and\n  \
           Ohm do; the scripts are in `bench/src/lua`. For the count by index it has a sorted set for each status.\n\
         - **RediSearch** has `user_id` and `status` as TAG and `created_at` as NUMERIC SORTABLE, and no time limit; what it does in\n  \
           other threads counts. Its index is kept after a write, in the same command; `building an index` is a second index over `status` and\n  \
           `created_at`, until it says that it is done.\n\
         - **PostgreSQL** has an unlogged table with an index on each of the fields, vacuumed after loading, and prepared statements,\n  \
           values binary both ways, each a transaction of its own; many records a command is COPY. Its settings: `{}`.\n",
        SETTINGS.join("`, `")
    )
}
