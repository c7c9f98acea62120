//! How long a client waits at most while a table grows, beside one on an idle server.
//!
//! A client sends PING after PING and keeps two times of each: how long it waited, and how much CPU time the server used
//! meanwhile. On a machine that has other work to do the first tells of that as well; the second only of the server.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
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
            let (row, side) = (work.into(), side.word().into());
            let value = pauses.cpu.as_secs_f64() * 1000.0;
            recorder.figure(Figure {
                row,
                side,
                round,
                size: None,
                value,
                waits: Some(Waits::of(&pauses.run, None)),
            })
        };
        let server = start(settings)?;
        record(
            IDLE,
            Name::Native,
            pauses(&server, || {
                std::thread::sleep(Duration::from_secs(1));
                Ok(())
            })?,
        )?;
        let mut client = server.connect()?;
        record(
            HASHES,
            Name::Native,
            pauses(&server, || grow(&mut client, sessions, hashes))?,
        )?;
        drop(server);
        let server = start(settings)?;
        let mut client = server.connect()?;
        client.migrate(yarr::TABLE)?;
        record(
            GROW,
            Name::Yarr,
            pauses(&server, || grow(&mut client, sessions, yarr::batch))?,
        )?;
        record(
            BUILD,
            Name::Yarr,
            pauses(&server, || client.migrate(yarr::MORE))?,
        )?;
    }
    recorder.finish()
}

fn start(settings: &Settings) -> Result<Server> {
    let module = ["--loadmodule", &settings.module];
    Server::start(
        &settings.server,
        &[&["--save", "", "--appendonly", "no"][..], &module].concat(),
    )
}

/// Writes a hundred sessions as hashes; answers how many replies that gets.
fn hashes(sessions: Sessions, first: usize, out: &mut Vec<u8>) -> usize {
    let last = sessions.records.min(first + yarr::BATCH);
    (first..last)
        .map(|i| native::ask(sessions, Row::Create, i, out))
        .sum()
}

/// Makes all records from one connection, each hundred after the one before.
fn grow(
    client: &mut Client,
    sessions: Sessions,
    batch: fn(Sessions, usize, &mut Vec<u8>) -> usize,
) -> Result<()> {
    for first in (0..sessions.records).step_by(yarr::BATCH) {
        let mut out = Vec::new();
        let replies = batch(sessions, first, &mut out);
        client.send_all(&out, replies)?;
    }
    Ok(())
}

/// The waits of the PINGs, and the most CPU time of the server within one of them.
struct Pauses {
    run: Run,
    cpu: Duration,
}

/// Sends PINGs from a thread of its own while `work` goes on.
fn pauses(server: &Server, work: impl FnOnce() -> Result<()>) -> Result<Pauses> {
    let stop = AtomicBool::new(false);
    let mut client = server.connect()?;
    std::thread::scope(|scope| {
        let pinger = scope.spawn(|| ping(server, &mut client, &stop));
        let worked = work();
        stop.store(true, Relaxed);
        let pauses = pinger.join().unwrap_or(Err("a thread panicked".into()))?;
        worked.map(|()| pauses)
    })
}

fn ping(server: &Server, client: &mut Client, stop: &AtomicBool) -> Result<Pauses> {
    let mut pauses = Pauses {
        run: Run::default(),
        cpu: Duration::ZERO,
    };
    let start = Instant::now();
    while !stop.load(Relaxed) {
        let (used, sent) = (server.cpu()?, Instant::now());
        client.send_bytes(b"*1\r\n$4\r\nPING\r\n")?;
        let waited = u32::try_from(sent.elapsed().as_nanos()).unwrap_or(u32::MAX);
        pauses.cpu = pauses.cpu.max(server.cpu()?.saturating_sub(used));
        pauses.run.waits.push(waited);
    }
    pauses.run.wall = start.elapsed();
    pauses.run.operations = pauses.run.waits.len();
    pauses.run.waits.sort_unstable();
    Ok(pauses)
}
