//! How long a client waits at most while a table grows, beside one on an idle server.
//!
//! A PING goes out right behind each command that makes the table grow, on a connection of its own, and two times of it
//! are kept: how long it waited, and how much CPU time the server used meanwhile. On a machine that has other work to do the
//! first tells of that as well; the second only of the server, which has nothing else to do until both are answered.

use std::time::{Duration, Instant};

use crate::Result;
use crate::fleet::Run;
use crate::native;
use crate::record::{Figure, Recorder, Waits};
use crate::row::Row;
use crate::server::{Client, Server};
use crate::session::Sessions;
use crate::settings::{Part, Settings};
use crate::side::Name;
use crate::yarr;

/// What goes on meanwhile.
pub const IDLE: &str = "idle";
pub const HASHES: &str = "hashes";
pub const GROW: &str = "grow";
pub const BUILD: &str = "build";

/// The same, for a reader.
pub fn label(name: &str) -> &'static str {
    match name {
        HASHES => "as many hashes are made, by HSETs of 100",
        GROW => "the table grows, by CREATE ... VALUES of 100",
        BUILD => "an index over all records is built",
        _ => "nothing",
    }
}

pub fn measure(settings: &Settings) -> Result<()> {
    let records = settings.records.max(settings.growth);
    let mut recorder = Recorder::new(Part::Pause, settings, records)?;
    let sessions = Sessions {
        records,
        uuids: true,
    };
    for round in 1..=settings.rounds {
        let mut record = |work: &str, side: Name, pauses: Pauses| {
            recorder.figure(Figure {
                row: work.into(),
                side: side.word().into(),
                round,
                size: None,
                value: pauses.cpu.as_secs_f64() * 1000.0,
                waits: Some(Waits::of(&pauses.run(), None)),
            })
        };
        let server = start(settings)?;
        record(IDLE, Name::Native, idle(&server)?)?;
        record(HASHES, Name::Native, grow(&server, sessions, hashes)?)?;
        drop(server);
        let server = start(settings)?;
        server.connect()?.migrate(yarr::TABLE)?;
        record(GROW, Name::Yarr, grow(&server, sessions, yarr::batch)?)?;
        record(BUILD, Name::Yarr, build(&server)?)?;
    }
    recorder.finish()
}

fn start(settings: &Settings) -> Result<Server> {
    let module = ["--loadmodule", &settings.module];
    let arguments = [&["--save", "", "--appendonly", "no"][..], &module].concat();
    Server::start(&settings.server, &arguments)
}

/// PINGs while nothing goes on.
fn idle(server: &Server) -> Result<Pauses<'_>> {
    let mut pauses = Pauses::new(server)?;
    while pauses.since.elapsed() < Duration::from_secs(1) {
        pauses.ping(|| Ok(()))?;
    }
    Ok(pauses)
}

/// PINGs behind each of the commands that make all records, a hundred at a time.
fn grow(
    server: &Server,
    sessions: Sessions,
    batch: fn(Sessions, usize, &mut Vec<u8>) -> usize,
) -> Result<Pauses<'_>> {
    let (mut client, mut pauses) = (server.connect()?, Pauses::new(server)?);
    for first in (0..sessions.records).step_by(yarr::BATCH) {
        let mut out = Vec::new();
        let replies = batch(sessions, first, &mut out);
        pauses.ping(|| client.write(&out))?;
        client.read_all(replies)?;
    }
    Ok(pauses)
}

/// Writes a hundred sessions as hashes; answers how many replies that gets.
fn hashes(sessions: Sessions, first: usize, out: &mut Vec<u8>) -> usize {
    let last = sessions.records.min(first + yarr::BATCH);
    (first..last)
        .map(|i| native::ask(sessions, Row::Create, i, out))
        .sum()
}

/// PINGs while an index is built between commands.
fn build(server: &Server) -> Result<Pauses<'_>> {
    let (mut client, mut pauses) = (server.connect()?, Pauses::new(server)?);
    while client.send(yarr::MORE)?.text() == "RUNNING" {
        for _ in 0..50 {
            pauses.ping(|| Ok(()))?;
        }
    }
    Ok(pauses)
}

/// The waits of PINGs, and the most CPU time of the server within one of them.
struct Pauses<'a> {
    server: &'a Server,
    client: Client,
    since: Instant,
    /// Nanoseconds.
    waits: Vec<u32>,
    cpu: Duration,
}

impl Pauses<'_> {
    fn new(server: &Server) -> Result<Pauses<'_>> {
        Ok(Pauses {
            server,
            client: server.connect()?,
            since: Instant::now(),
            waits: Vec::new(),
            cpu: Duration::ZERO,
        })
    }

    /// Sends a PING behind what `before` sends.
    fn ping(&mut self, before: impl FnOnce() -> Result<()>) -> Result<()> {
        let (used, sent) = (self.server.cpu()?, Instant::now());
        before()?;
        self.client.send_bytes(b"*1\r\n$4\r\nPING\r\n")?;
        let waited = sent.elapsed();
        self.cpu = self.cpu.max(self.server.cpu()?.saturating_sub(used));
        self.waits
            .push(u32::try_from(waited.as_nanos()).unwrap_or(u32::MAX));
        Ok(())
    }

    fn run(mut self) -> Run {
        self.waits.sort_unstable();
        Run {
            operations: self.waits.len(),
            wall: self.since.elapsed(),
            waits: self.waits,
            ..Run::default()
        }
    }
}
