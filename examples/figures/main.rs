//! What YARR costs the server beside the native commands, measured in one run on one server.
//!
//! `make figures` runs it; `RECORDS` says how many sessions (a million). For each kind of work the
//! CPU time of the server is read before and after (INFO cpu) and divided by the operations. Every
//! round starts on an empty server, native first; a figure is the median of the rounds.

mod fleet;
#[path = "../demo/server.rs"]
mod server;
mod session;

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;

use fleet::Fleet;
use redis::Connection;
use server::Server;
use session::{Session, Sessions};

const ROUNDS: usize = 3;
/// Records a command where one command creates many.
const BATCH: usize = 100;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("figures: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let records = match std::env::var("RECORDS") {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("RECORDS is {text}, no number"))?,
        Err(_) => 1_000_000,
    };
    if records < 1000 {
        return Err("RECORDS must be 1,000 at least".into());
    }
    let server = Server::start()?;
    let version = server.version()?;
    let mut bench = Bench {
        fleet: Fleet::connect(server.port())?,
        control: server.connect()?,
        sessions: Sessions {
            records,
            uuids: true,
        },
        table: Table::default(),
    };
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS} ...");
        bench.native()?;
        bench.yarr()?;
        bench.batches()?;
    }
    println!(
        "\n{version}, {records} records, {} connections x {} pipelined, medians of {ROUNDS} rounds",
        fleet::CONNECTIONS,
        fleet::PIPELINE
    );
    println!("us: microseconds of server CPU an operation; a record of YARR answers its id too\n");
    bench.table.print();
    drop(bench);
    server.stop()
}

const CREATE: &str = "CREATE, three indexes";
const VALUES: &str = "CREATE ... VALUES, 100 a command, a record";
const MEMORY: &str = "memory a record, indexes included";
const MEMORY_TEXT: &str = "the same, session ids that are no UUIDs";
const FIND: &str = "FIND by id";
const FIND_WHERE: &str = "FIND WHERE user_id =";
const WHERE_AND: &str = "WHERE user_id = AND status =";
const NEWEST: &str = "WHERE created_at BETWEEN, newest 100 of 1,000";
const NEWEST_PACKED: &str = "the same, PACKED";
const COUNT: &str = "COUNT of a range of a tenth AND status";
const COUNT_INDEXED: &str = "the same, index on (status, created_at)";
const SUM: &str = "AGGREGATE * SUM, all records";
const SUM_BY: &str = "the same by user_id, the ten greatest";
const COUNT_BY: &str = "AGGREGATE * COUNT by user_id, the ten greatest";
const COUNT_BY_BITMAP: &str = "AGGREGATE * COUNT by status";
const ENDS: &str = "AGGREGATE * MIN and MAX of an indexed field";
const UPDATE: &str = "UPDATE of an indexed field";
const UPDATE_BITMAP: &str = "UPDATE of a bitmap's field";
const DEL: &str = "DEL by id";
const BUILD: &str = "building an index, the whole";

/// The kinds of work, what stands beside them, and the unit of both.
const WORKS: [(&str, &str, &str); 20] = [
    (CREATE, "HSET", "us"),
    (VALUES, "HSET", "us"),
    (FIND, "HGETALL", "us"),
    (FIND_WHERE, "HGETALL", "us"),
    (WHERE_AND, "HGETALL", "us"),
    (NEWEST, "LRANGE, as many", "us"),
    (NEWEST_PACKED, "LRANGE, as many", "us"),
    (COUNT, "", "us"),
    (COUNT_INDEXED, "", "us"),
    (SUM, "", "us"),
    (SUM_BY, "", "us"),
    (COUNT_BY, "", "us"),
    (COUNT_BY_BITMAP, "", "us"),
    (ENDS, "", "us"),
    (UPDATE, "HSET of one field", "us"),
    (UPDATE_BITMAP, "HSET of one field", "us"),
    (DEL, "DEL of the hash", "us"),
    (BUILD, "", "ms"),
    (MEMORY, "hash, no index", "B"),
    (MEMORY_TEXT, "hash, no index", "B"),
];

/// The figures of both sides by kind of work, one a round.
#[derive(Default)]
struct Table {
    native: HashMap<&'static str, Vec<f64>>,
    yarr: HashMap<&'static str, Vec<f64>>,
}

impl Table {
    fn native(&mut self, work: &'static str, value: f64) {
        self.native.entry(work).or_default().push(value);
    }

    fn yarr(&mut self, work: &'static str, value: f64) {
        self.yarr.entry(work).or_default().push(value);
    }

    fn print(&self) {
        println!(
            "{:<46} {:<18} {:>9} {:>9} {:<3} {:>6}",
            "work", "native", "native", "YARR", "", "ratio"
        );
        for (work, beside, unit) in WORKS {
            let (native, yarr) = (median(self.native.get(work)), median(self.yarr.get(work)));
            let number =
                |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
            let ratio = native.zip(yarr).map(|(native, yarr)| yarr / native);
            println!(
                "{work:<46} {beside:<18} {:>9} {:>9} {unit:<3} {:>6}",
                number(native),
                number(yarr),
                number(ratio)
            );
        }
    }
}

fn median(values: Option<&Vec<f64>>) -> Option<f64> {
    let mut values = values?.clone();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

struct Bench {
    fleet: Fleet,
    control: Connection,
    sessions: Sessions,
    table: Table,
}

impl Bench {
    /// Operations of the kinds that answer or change single records.
    fn operations(&self) -> usize {
        self.sessions.records.min(200_000)
    }

    fn info(&mut self, section: &str, name: &str) -> Result<f64, Box<dyn Error>> {
        let info: String = redis::cmd("INFO").arg(section).query(&mut self.control)?;
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok())
            .ok_or_else(|| format!("INFO {section} has no {name}").into())
    }

    /// Microseconds of CPU that the server has used so far.
    fn cpu(&mut self) -> Result<f64, Box<dyn Error>> {
        Ok((self.info("cpu", "used_cpu_user")? + self.info("cpu", "used_cpu_sys")?) * 1e6)
    }

    /// Microseconds of server CPU for each of `n` commands.
    fn cost(
        &mut self,
        n: usize,
        command: impl FnMut(usize, &mut Vec<u8>),
    ) -> Result<f64, Box<dyn Error>> {
        let before = self.cpu()?;
        self.fleet.run(n, command)?;
        Ok((self.cpu()? - before) / n as f64)
    }

    fn flush(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(redis::cmd("FLUSHALL").query(&mut self.control)?)
    }

    fn native(&mut self) -> Result<(), Box<dyn Error>> {
        self.flush()?;
        let (sessions, n) = (self.sessions, self.operations());
        let empty = self.info("memory", "used_memory")?;
        let create = self.cost(sessions.records, |i, out| sessions.at(i).hset(out))?;
        self.table.native(CREATE, create);
        self.table.native(VALUES, create);
        let bytes = (self.info("memory", "used_memory")? - empty) / sessions.records as f64;
        self.table.native(MEMORY, bytes);
        self.table.native(MEMORY_TEXT, bytes);

        let find = self.cost(n, |i, out| sessions.any(i).hgetall(out))?;
        for work in [FIND, FIND_WHERE, WHERE_AND] {
            self.table.native(work, find);
        }
        let names = Session::FIELDS.len() + 1;
        self.fleet
            .run(1, |_, out| sessions.rpush(100 * names * 2, out))?;
        let range = self.cost(n / 20, |_, out| {
            fleet::command(out, &["LRANGE", "list", "0", "-1"])
        })?;
        self.table.native(NEWEST, range);
        self.table.native(NEWEST_PACKED, range);

        let update = self.cost(n, |i, out| sessions.any(i).hset_user_id(out))?;
        self.table.native(UPDATE, update);
        let update = self.cost(n, |i, out| sessions.any(i).hset_status(out))?;
        self.table.native(UPDATE_BITMAP, update);
        let del = self.cost(n, |i, out| sessions.spread(i).del_key(out))?;
        self.table.native(DEL, del);
        self.flush()
    }

    fn yarr(&mut self) -> Result<(), Box<dyn Error>> {
        self.flush()?;
        let (sessions, n) = (self.sessions, self.operations());
        let empty = self.info("memory", "used_memory")?;
        self.migrate(Sessions::TABLE)?;
        let create = self.cost(sessions.records, |i, out| sessions.at(i).create(out))?;
        self.table.yarr(CREATE, create);
        let bytes = (self.info("memory", "used_memory")? - empty) / sessions.records as f64;
        self.table.yarr(MEMORY, bytes);

        let cost = self.cost(n, |i, out| sessions.any(i).find(out))?;
        self.table.yarr(FIND, cost);
        let cost = self.cost(n, |i, out| sessions.any(i).find_where(out))?;
        self.table.yarr(FIND_WHERE, cost);
        let cost = self.cost(n, |i, out| sessions.any(i).where_and(out))?;
        self.table.yarr(WHERE_AND, cost);
        for (work, form) in [(NEWEST, None), (NEWEST_PACKED, Some("PACKED"))] {
            let cost = self.cost(n / 20, |i, out| sessions.newest(i, form, out))?;
            self.table.yarr(work, cost);
        }
        let cost = self.cost(n / 200, |i, out| sessions.count(i, out))?;
        self.table.yarr(COUNT, cost);
        for (work, times, asked) in [
            (SUM, 10, "SUM score"),
            (
                SUM_BY,
                10,
                "GROUP BY user_id SUM score ORDER BY sum(score) DESC LIMIT 10",
            ),
            (
                COUNT_BY,
                10,
                "GROUP BY user_id COUNT ORDER BY count DESC LIMIT 10",
            ),
            (COUNT_BY_BITMAP, 10_000, "GROUP BY status COUNT"),
            (ENDS, 10_000, "MIN created_at MAX created_at"),
        ] {
            let cost = self.cost(times, |_, out| sessions.aggregate(asked, out))?;
            self.table.yarr(work, cost);
        }

        let before = self.cpu()?;
        self.migrate(Sessions::MORE)?;
        let build = (self.cpu()? - before) / 1000.0;
        self.table.yarr(BUILD, build);
        let cost = self.cost(n / 200, |i, out| sessions.count(i, out))?;
        self.table.yarr(COUNT_INDEXED, cost);
        self.migrate(Sessions::LESS)?;

        let cost = self.cost(n, |i, out| sessions.any(i).update_user_id(out))?;
        self.table.yarr(UPDATE, cost);
        let cost = self.cost(n, |i, out| sessions.any(i).update_status(out))?;
        self.table.yarr(UPDATE_BITMAP, cost);
        let cost = self.cost(n, |i, out| sessions.spread(i).del_id(out))?;
        self.table.yarr(DEL, cost);
        self.flush()
    }

    /// Many records a command, with session ids of both kinds.
    fn batches(&mut self) -> Result<(), Box<dyn Error>> {
        for uuids in [true, false] {
            self.flush()?;
            let sessions = Sessions {
                uuids,
                ..self.sessions
            };
            let empty = self.info("memory", "used_memory")?;
            self.migrate(Sessions::TABLE)?;
            let commands = sessions.records / BATCH;
            let cost = self.cost(commands, |i, out| sessions.batch(i * BATCH, BATCH, out))?;
            if uuids {
                self.table.yarr(VALUES, cost / BATCH as f64);
            } else {
                let bytes = self.info("memory", "used_memory")? - empty;
                self.table
                    .yarr(MEMORY_TEXT, bytes / (commands * BATCH) as f64);
            }
        }
        self.flush()
    }

    /// Runs a migration and waits for its end: asked again, a finished one answers APPLIED.
    fn migrate(&mut self, migration: &str) -> Result<(), Box<dyn Error>> {
        let mut command = redis::Cmd::new();
        for token in migration.split(' ') {
            command.arg(token);
        }
        let mut answer: String = command.query(&mut self.control)?;
        while answer == "RUNNING" {
            std::thread::sleep(std::time::Duration::from_millis(5));
            answer = command.query(&mut self.control)?;
        }
        match answer.as_str() {
            "OK" | "APPLIED" => Ok(()),
            other => Err(format!("{migration}: {other}").into()),
        }
    }
}
