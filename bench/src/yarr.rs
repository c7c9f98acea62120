//! YARR itself.

use std::time::Duration;

use crate::Result;
use crate::fleet::Fleet;
use crate::resp::{Resp, command, head, token};
use crate::row::Row;
use crate::server::{Client, Server};
use crate::session::{STATUS, Sessions};
use crate::side::{Name, Side, usual};
use crate::wire::Answer;

/// Records a command where one command creates many.
pub const BATCH: usize = 100;

pub const TABLE: &str = "YARR.MIGRATE user_session UP 1 create_user_session \
    ADD FIELD user_id INTEGER INDEX ADD FIELD session_id STRING \
    ADD FIELD status ENUM ( new active idle closed banned ) BITMAP \
    ADD FIELD score FLOAT ADD INDEX created_at";
pub const MORE: &str = "YARR.MIGRATE user_session UP 2 index_status ADD INDEX status created_at";
const LESS: &str = "YARR.MIGRATE user_session DOWN 2";

pub struct Yarr {
    fleet: Fleet,
    control: Client,
    server: Server,
    sessions: Sessions,
}

impl Yarr {
    /// Starts a server that has the table and no records.
    pub fn start(program: &str, module: &str, sessions: Sessions) -> Result<Yarr> {
        let server = Server::with_module(program, module)?;
        let mut control = server.connect()?;
        control.migrate(TABLE)?;
        let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
        Ok(Yarr {
            fleet,
            control,
            server,
            sessions,
        })
    }

    /// The server, with what is in it.
    pub fn into_server(self) -> Server {
        self.server
    }

    /// Creates all records, a hundred a command.
    pub fn create_in_batches(&mut self) -> Result<()> {
        let sessions = self.sessions;
        self.fleet
            .run(sessions.records.div_ceil(BATCH), &|i, out| {
                batch(sessions, i * BATCH, out)
            })?;
        Ok(())
    }
}

/// The hundred records from the `first` on in one command.
pub fn batch(sessions: Sessions, first: usize, out: &mut Vec<u8>) -> usize {
    let names = ["user_id", "session_id", "created_at", "status", "score"];
    let last = (first + BATCH).min(sessions.records);
    head(out, 5 + names.len() * (1 + last - first));
    for word in ["YARR.CREATE", "user_session", "FIELDS", "5"]
        .iter()
        .chain(&names)
    {
        token(out, word.as_bytes());
    }
    token(out, b"VALUES");
    for i in first..last {
        let session = sessions.at(i);
        token(out, session.user_id.to_string().as_bytes());
        token(out, session.session_id.as_bytes());
        token(out, session.created_at.to_string().as_bytes());
        token(out, session.status.as_bytes());
        token(out, session.score_text().as_bytes());
    }
    1
}

impl Side for Yarr {
    fn name(&self) -> Name {
        Name::Yarr
    }

    fn version(&mut self) -> Result<String> {
        self.control.yarr_version()
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn cpu(&self) -> Result<Duration> {
        self.server.cpu()
    }

    fn bytes(&mut self) -> Result<f64> {
        self.control.data_bytes()
    }

    fn operations(&self, row: Row, records: usize) -> usize {
        usual(row, records)
    }

    fn ask(&self, row: Row, i: usize, out: &mut Vec<u8>) -> usize {
        ask(self.sessions, row, i, out)
    }

    fn found(&self, row: Row, answer: Answer, _: usize) -> Option<f64> {
        match row {
            Row::Find | Row::FindWhere | Row::WhereAnd | Row::Newest => {
                Some(answer.items as f64 / 14.0)
            }
            Row::Count | Row::CountIndexed | Row::Del => Some(answer.value as f64),
            Row::Create => Some(answer.items as f64),
            _ => None,
        }
    }

    fn build(&mut self) -> Result<bool> {
        self.control.migrate(MORE)?;
        Ok(true)
    }

    fn unbuild(&mut self) -> Result<()> {
        self.control.migrate(LESS)
    }

    fn longest_slice(&mut self) -> Result<Option<Duration>> {
        // Servers before 6 tell nothing.
        let microseconds = self.control.info("yarr", "yarr_longest_slice_cpu_us").ok();
        Ok(microseconds.map(|microseconds| Duration::from_secs_f64(microseconds / 1e6)))
    }
}

/// Writes operation `i` of a row.
pub fn ask(sessions: Sessions, row: Row, i: usize, out: &mut Vec<u8>) -> usize {
    let table = "user_session";
    let session = sessions.of(row, i);
    let (id, user_id) = (session.id.to_string(), session.user_id.to_string());
    match row {
        Row::Create => create(sessions, i, out),
        Row::Find => command(out, &["YARR.FIND", table, &id]),
        Row::FindWhere => command(
            out,
            &["YARR.FIND", table, "WHERE", "user_id", "=", &user_id],
        ),
        Row::WhereAnd => {
            let (status, and) = (session.status, "AND");
            command(
                out,
                &[
                    "YARR.WHERE",
                    table,
                    "user_id",
                    "=",
                    &user_id,
                    and,
                    "status",
                    "=",
                    status,
                ],
            );
        }
        Row::Newest => newest(sessions, i, &[], out),
        Row::NewestPacked => newest(sessions, i, &["PACKED"], out),
        Row::Count | Row::CountIndexed => count(sessions, i, out),
        Row::Sum => aggregate("SUM score", out),
        Row::SumBy => aggregate(
            "GROUP BY user_id SUM score ORDER BY sum(score) DESC LIMIT 10",
            out,
        ),
        Row::CountBy => aggregate("GROUP BY user_id COUNT ORDER BY count DESC LIMIT 10", out),
        Row::CountByBitmap => aggregate("GROUP BY status COUNT", out),
        Row::Ends => aggregate("MIN created_at MAX created_at", out),
        Row::Update => {
            let user_id = session.other_user_id.to_string();
            command(
                out,
                &["YARR.UPDATE", table, &id, "SET", "user_id", &user_id],
            );
        }
        Row::UpdateBitmap => command(
            out,
            &[
                "YARR.UPDATE",
                table,
                &id,
                "SET",
                "status",
                session.other_status,
            ],
        ),
        Row::Del => command(out, &["YARR.DEL", table, &id]),
        _ => return 0,
    }
    1
}

fn create(sessions: Sessions, i: usize, out: &mut Vec<u8>) {
    let session = sessions.at(i);
    let (user_id, created_at) = (session.user_id.to_string(), session.created_at.to_string());
    let words = [
        "YARR.CREATE",
        "user_session",
        "user_id",
        &user_id,
        "session_id",
        &session.session_id,
    ];
    let more = [
        "created_at",
        &created_at,
        "status",
        session.status,
        "score",
        &session.score_text(),
    ];
    head(out, words.len() + more.len());
    for word in words.iter().chain(&more) {
        token(out, word.as_bytes());
    }
}

fn newest(sessions: Sessions, i: usize, form: &[&str], out: &mut Vec<u8>) {
    let (from, to) = sessions.stretch(i, sessions.records.min(1000));
    let (from, to) = (from.to_string(), to.to_string());
    let mut words = vec![
        "YARR.WHERE",
        "user_session",
        "created_at",
        "BETWEEN",
        &from,
        "AND",
        &to,
    ];
    words.extend(["ORDER", "BY", "created_at", "DESC", "LIMIT", "100"]);
    words.extend(form);
    command(out, &words);
}

fn count(sessions: Sessions, i: usize, out: &mut Vec<u8>) {
    let (from, to) = sessions.stretch(i, sessions.records / 10);
    let (from, to) = (from.to_string(), to.to_string());
    let range = [
        "YARR.WHERE",
        "user_session",
        "created_at",
        "BETWEEN",
        &from,
        "AND",
        &to,
    ];
    let words: Vec<&str> = range
        .into_iter()
        .chain(["AND", "status", "=", STATUS[i % 5], "COUNT"])
        .collect();
    command(out, &words);
}

/// An aggregate of all sessions.
fn aggregate(asked: &str, out: &mut Vec<u8>) {
    let words: Vec<&str> = ["YARR.AGGREGATE", "user_session", "*"]
        .into_iter()
        .chain(asked.split(' '))
        .collect();
    command(out, &words);
}
