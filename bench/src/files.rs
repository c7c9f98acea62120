//! What it costs to save the records, to load them and to replay the log of their making, beside the same as hashes.

use std::{fs, thread, time::Duration};

use crate::Result;
use crate::fleet::Fleet;
use crate::native;
use crate::record::{Figure, Recorder};
use crate::resp::Resp;
use crate::row::Row;
use crate::server::Server;
use crate::session::Sessions;
use crate::settings::{Part, Settings};
use crate::side::Name;
use crate::yarr;

pub fn measure(settings: &Settings) -> Result<()> {
    let mut recorder = Recorder::new(Part::Files, settings, settings.records)?;
    for round in 1..=settings.rounds {
        for side in [Name::Native, Name::Yarr] {
            let mut files = Files {
                settings,
                recorder: &mut recorder,
                side,
                round,
            };
            let empty = files.empty()?;
            files.snapshot(empty)?;
            files.log(empty)?;
        }
    }
    recorder.finish()
}

struct Files<'a> {
    settings: &'a Settings,
    recorder: &'a mut Recorder,
    side: Name,
    round: usize,
}

impl Files<'_> {
    fn start(&self, log: &str) -> Result<Server> {
        let log = ["--appendonly", log, "--auto-aof-rewrite-percentage", "0"];
        let more = ["--save", "", "--loadmodule", &self.settings.module];
        Server::start(&self.settings.server, &[&log[..], &more].concat())
    }

    fn record(&mut self, row: Row, value: f64) -> Result<()> {
        let (row, side) = (row.name().into(), self.side.word().into());
        self.recorder.figure(Figure {
            row,
            side,
            round: self.round,
            size: None,
            value,
            waits: None,
        })
    }

    fn records(&self) -> f64 {
        self.settings.records as f64
    }

    /// Microseconds of CPU of a start without data.
    fn empty(&self) -> Result<f64> {
        microseconds(&self.start("no")?)
    }

    /// Starts a server and makes all records, a command each.
    fn filled(&self, log: &str) -> Result<Server> {
        let server = self.start(log)?;
        if self.side == Name::Yarr {
            server.connect()?.migrate(yarr::TABLE)?;
        }
        let sessions = Sessions {
            records: self.settings.records,
            uuids: true,
        };
        let ask = if self.side == Name::Yarr {
            yarr::ask
        } else {
            native::ask
        };
        let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
        fleet.run(sessions.records, &|i, out| {
            ask(sessions, Row::Create, i, out)
        })?;
        Ok(server)
    }

    /// Whether all records are there.
    fn check(&self, server: &Server) -> Result<()> {
        let count = if self.side == Name::Yarr {
            "YARR.WHERE user_session * COUNT"
        } else {
            "DBSIZE"
        };
        let found = server.connect()?.send(count)?.text();
        match found == self.settings.records.to_string() {
            true => Ok(()),
            false => {
                Err(format!("{found} records were loaded, not {}", self.settings.records).into())
            }
        }
    }

    fn snapshot(&mut self, empty: f64) -> Result<()> {
        let mut server = self.filled("no")?;
        let (saving, loading) = save_and_load(&mut server, empty)?;
        self.check(&server)?;
        let size = fs::metadata(server.folder().join("dump.rdb"))?.len();
        self.record(Row::RdbSize, size as f64 / self.records())?;
        self.record(Row::RdbSave, saving / self.records())?;
        self.record(Row::RdbLoad, loading / self.records())
    }

    fn log(&mut self, empty: f64) -> Result<()> {
        let mut server = self.filled("yes")?;
        // While a thread syncs the log the server keeps back what comes: a restart would lose it.
        let mut client = server.connect()?;
        while !client
            .send("INFO persistence")?
            .text()
            .contains("aof_buffer_length:0\r")
        {
            thread::sleep(Duration::from_millis(10));
        }
        server.restart()?;
        let replaying = (microseconds(&server)? - empty) / self.records();
        self.check(&server)?;
        self.record(Row::AofReplay, replaying)
    }
}

/// Microseconds of CPU to save what a server has, and to load it in place of a start without data.
pub fn save_and_load(server: &mut Server, empty: f64) -> Result<(f64, f64)> {
    let before = microseconds(server)?;
    server.connect()?.send("SAVE")?;
    let saving = microseconds(server)? - before;
    server.restart()?;
    Ok((saving, microseconds(server)? - empty))
}

/// The CPU time that the server has used since its start.
pub fn microseconds(server: &Server) -> Result<f64> {
    Ok(server.cpu()?.as_secs_f64() * 1e6)
}
