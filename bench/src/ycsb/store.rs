//! Where the workloads' records lie.

use std::time::Duration;

use crate::Result;
use crate::fleet::Fleet;
use crate::postgres::{Cluster, Messages, execute, programs, run, sync};
use crate::resp::{Resp, command, head, token};
use crate::server::Server;
use crate::settings::Settings;
use crate::side::Name;

use super::workload::{FIELDS, Operation, Texts, Workload, key};

/// A server with the records.
pub trait Store: Send + Sync {
    fn name(&self) -> Name;

    fn version(&mut self) -> Result<String>;

    fn fleet(&self) -> &Fleet;

    fn cpu(&self) -> Result<Duration>;

    /// What is to be done before a workload.
    fn prepare(&mut self, _workload: Workload) -> Result<()> {
        Ok(())
    }

    /// Writes an operation; `i` makes the texts that it sets. Answers how many replies it gets.
    fn write(&self, operation: Operation, i: usize, out: &mut Vec<u8>) -> usize;
}

/// Writes names and values of fields.
fn pairs<'a>(texts: impl Iterator<Item = (usize, &'a [u8])>, out: &mut Vec<u8>) {
    for (field, text) in texts {
        token(out, format!("field{field}").as_bytes());
        token(out, text);
    }
}

pub struct YarrStore {
    fleet: Fleet,
    server: Server,
    texts: Texts,
}

impl YarrStore {
    pub fn start(settings: &Settings) -> Result<YarrStore> {
        let server = Server::with_module(&settings.server, &settings.module)?;
        let fields: String = (0..FIELDS)
            .map(|field| format!(" ADD FIELD field{field} STRING"))
            .collect();
        server.connect()?.migrate(&format!(
            "YARR.MIGRATE usertable UP 1 create ID STRING TIMESTAMPS OFF{fields}"
        ))?;
        Ok(YarrStore {
            fleet: Fleet::connect(server.port(), Box::new(Resp))?,
            server,
            texts: Texts::new(),
        })
    }
}

impl Store for YarrStore {
    fn name(&self) -> Name {
        Name::Yarr
    }

    fn version(&mut self) -> Result<String> {
        self.server.connect()?.yarr_version()
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn cpu(&self) -> Result<Duration> {
        self.server.cpu()
    }

    fn write(&self, operation: Operation, i: usize, out: &mut Vec<u8>) -> usize {
        let table = "usertable";
        match operation {
            Operation::Read(number) => command(out, &["YARR.FIND", table, &key(number)]),
            Operation::Update(number, field) => {
                head(out, 6);
                for word in ["YARR.UPDATE", table, &key(number), "SET"] {
                    token(out, word.as_bytes());
                }
                pairs([(field, self.texts.text(i as u64))].into_iter(), out);
            }
            Operation::Insert(number) => {
                head(out, 4 + 2 * FIELDS);
                for word in ["YARR.CREATE", table, "id", &key(number)] {
                    token(out, word.as_bytes());
                }
                pairs(
                    (0..FIELDS).map(|field| (field, self.texts.first(number, field))),
                    out,
                );
            }
            Operation::Scan(number, length) => {
                let (from, length) = (key(number), length.to_string());
                command(
                    out,
                    &[
                        "YARR.WHERE",
                        table,
                        "id",
                        ">=",
                        &from,
                        "ORDER",
                        "BY",
                        "id",
                        "LIMIT",
                        &length,
                    ],
                );
            }
            Operation::Modify(number, field) => {
                let replies = self.write(Operation::Read(number), i, out);
                return replies + self.write(Operation::Update(number, field), i, out);
            }
        }
        1
    }
}

/// A hash a record; for the scans a sorted set of the keys beside them.
pub struct NativeStore {
    fleet: Fleet,
    server: Server,
    texts: Texts,
    /// The keys of the records that were loaded, in order; empty before the scans.
    sorted: Vec<String>,
    records: usize,
}

impl NativeStore {
    pub fn start(settings: &Settings, records: usize) -> Result<NativeStore> {
        let server = Server::with_module(&settings.server, &settings.module)?;
        let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
        Ok(NativeStore {
            fleet,
            server,
            texts: Texts::new(),
            sorted: Vec::new(),
            records,
        })
    }
}

impl Store for NativeStore {
    fn name(&self) -> Name {
        Name::Native
    }

    fn version(&mut self) -> Result<String> {
        self.server.connect()?.version()
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn cpu(&self) -> Result<Duration> {
        self.server.cpu()
    }

    fn prepare(&mut self, workload: Workload) -> Result<()> {
        if workload == Workload::E {
            let mut sorted: Vec<String> = (0..self.records as u64).map(key).collect();
            sorted.sort_unstable();
            self.fleet.run(sorted.len(), &|i, out| {
                command(out, &["ZADD", "usertable", "0", &sorted[i]]);
                1
            })?;
            self.sorted = sorted;
        }
        Ok(())
    }

    fn write(&self, operation: Operation, i: usize, out: &mut Vec<u8>) -> usize {
        match operation {
            Operation::Read(number) => command(out, &["HGETALL", &key(number)]),
            Operation::Update(number, field) => {
                head(out, 4);
                token(out, b"HSET");
                token(out, key(number).as_bytes());
                pairs([(field, self.texts.text(i as u64))].into_iter(), out);
            }
            Operation::Insert(number) => {
                let key = key(number);
                head(out, 2 + 2 * FIELDS);
                token(out, b"HSET");
                token(out, key.as_bytes());
                pairs(
                    (0..FIELDS).map(|field| (field, self.texts.first(number, field))),
                    out,
                );
                if !self.sorted.is_empty() {
                    command(out, &["ZADD", "usertable", "0", &key]);
                    return 2;
                }
            }
            Operation::Scan(number, length) => {
                let from = key(number);
                command(
                    out,
                    &[
                        "ZRANGEBYLEX",
                        "usertable",
                        &format!("[{from}"),
                        "+",
                        "LIMIT",
                        "0",
                        &length.to_string(),
                    ],
                );
                // A client would wait for the keys; that way is spared here, the keys being known.
                let at = self.sorted.partition_point(|key| *key < from);
                let found = self.sorted[at..].iter().take(length);
                return 1 + found.map(|key| command(out, &["HGETALL", key])).count();
            }
            Operation::Modify(number, field) => {
                let replies = self.write(Operation::Read(number), i, out);
                return replies + self.write(Operation::Update(number, field), i, out);
            }
        }
        1
    }
}

const STATEMENTS: [(&str, &str); 13] = [
    ("read", "SELECT * FROM usertable WHERE ycsb_key = $1"),
    (
        "scan",
        "SELECT * FROM usertable WHERE ycsb_key >= $1 ORDER BY ycsb_key LIMIT $2",
    ),
    (
        "insert",
        "INSERT INTO usertable VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    ),
    (
        "update0",
        "UPDATE usertable SET field0 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update1",
        "UPDATE usertable SET field1 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update2",
        "UPDATE usertable SET field2 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update3",
        "UPDATE usertable SET field3 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update4",
        "UPDATE usertable SET field4 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update5",
        "UPDATE usertable SET field5 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update6",
        "UPDATE usertable SET field6 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update7",
        "UPDATE usertable SET field7 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update8",
        "UPDATE usertable SET field8 = $2 WHERE ycsb_key = $1",
    ),
    (
        "update9",
        "UPDATE usertable SET field9 = $2 WHERE ycsb_key = $1",
    ),
];

/// An unlogged table, prepared statements, a transaction each.
pub struct PostgresStore {
    fleet: Fleet,
    cluster: Cluster,
    texts: Texts,
}

impl PostgresStore {
    pub fn start() -> Result<PostgresStore> {
        let cluster = Cluster::start(&programs().ok_or("there is no initdb on this machine")?)?;
        let fields: String = (0..FIELDS)
            .map(|field| format!(", field{field} text"))
            .collect();
        run(
            &mut cluster.connect()?,
            &format!("CREATE UNLOGGED TABLE usertable (ycsb_key text PRIMARY KEY{fields})"),
        )?;
        let fleet = Fleet::connect(
            cluster.port(),
            Box::new(Messages {
                statements: &STATEMENTS,
            }),
        )?;
        Ok(PostgresStore {
            fleet,
            cluster,
            texts: Texts::new(),
        })
    }
}

impl Store for PostgresStore {
    fn name(&self) -> Name {
        Name::Postgres
    }

    fn version(&mut self) -> Result<String> {
        crate::postgres::version(&mut self.cluster.connect()?)
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn cpu(&self) -> Result<Duration> {
        self.cluster.cpu()
    }

    fn prepare(&mut self, workload: Workload) -> Result<()> {
        if workload == Workload::ALL[0] {
            run(&mut self.cluster.connect()?, "VACUUM ANALYZE usertable")?;
        }
        Ok(())
    }

    fn write(&self, operation: Operation, i: usize, out: &mut Vec<u8>) -> usize {
        match operation {
            Operation::Read(number) => execute(out, "read", &[key(number).as_bytes()]),
            Operation::Update(number, field) => {
                execute(
                    out,
                    &format!("update{field}"),
                    &[key(number).as_bytes(), self.texts.text(i as u64)],
                );
            }
            Operation::Insert(number) => {
                let key = key(number);
                let texts = (0..FIELDS).map(|field| self.texts.first(number, field));
                let values: Vec<&[u8]> = std::iter::once(key.as_bytes()).chain(texts).collect();
                execute(out, "insert", &values);
            }
            Operation::Scan(number, length) => {
                execute(
                    out,
                    "scan",
                    &[key(number).as_bytes(), &(length as i64).to_be_bytes()],
                );
            }
            Operation::Modify(number, field) => {
                let replies = self.write(Operation::Read(number), i, out);
                return replies + self.write(Operation::Update(number, field), i, out);
            }
        }
        sync(out);
        1
    }
}
