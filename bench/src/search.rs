//! RediSearch: a hash a record, an index over them kept by its module.

use std::thread::sleep;
use std::time::Duration;

use crate::Result;
use crate::fleet::Fleet;
use crate::native;
use crate::resp::{Resp, command};
use crate::row::Row;
use crate::server::{Client, Server};
use crate::session::{STATUS, Sessions};
use crate::side::{Name, Side, usual};
use crate::wire::Answer;

const INDEX: &str = "FT.CREATE sessions ON HASH PREFIX 1 user_session: \
    SCHEMA user_id TAG status TAG created_at NUMERIC SORTABLE";
/// No question of these serves it: it shows what adding an index to loaded records costs.
const MORE: &str =
    "FT.CREATE more ON HASH PREFIX 1 user_session: SCHEMA status TAG created_at NUMERIC";

pub struct Search {
    fleet: Fleet,
    control: Client,
    server: Server,
    sessions: Sessions,
}

impl Search {
    /// Starts a server with the module `search`, which has the index and no records.
    pub fn start(program: &str, search: &str, sessions: Sessions) -> Result<Search> {
        let server = Server::with_module(program, search)?;
        let mut control = server.connect()?;
        control.send(INDEX)?;
        // An answer is never cut because it took long.
        control.send("FT.CONFIG SET TIMEOUT 0")?;
        let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
        Ok(Search {
            fleet,
            control,
            server,
            sessions,
        })
    }
}

impl Side for Search {
    fn name(&self) -> Name {
        Name::Search
    }

    fn version(&mut self) -> Result<String> {
        let version = self.control.info_text("modules", "search_version")?;
        Ok(format!("{version} on {}", self.control.version()?))
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
        let usual = usual(row, records);
        match row {
            Row::Create | Row::Find | Row::FindWhere => usual,
            Row::WhereAnd | Row::Update | Row::UpdateBitmap | Row::Del => usual.div_ceil(2),
            Row::Newest | Row::Count => usual.div_ceil(5),
            _ => 0,
        }
    }

    fn ask(&self, row: Row, i: usize, out: &mut Vec<u8>) -> usize {
        let sessions = self.sessions;
        let session = sessions.of(row, i);
        let search = |query: &str, more: &[&str], out: &mut Vec<u8>| {
            let words: Vec<&str> = ["FT.SEARCH", "sessions", query]
                .iter()
                .chain(more)
                .copied()
                .collect();
            command(out, &words);
        };
        let of_user = || format!("@user_id:{{{}}}", session.user_id);
        match row {
            // Its records are hashes.
            Row::Create | Row::Find | Row::Update | Row::UpdateBitmap | Row::Del => {
                return native::ask(sessions, row, i, out);
            }
            Row::FindWhere => search(&of_user(), &["LIMIT", "0", "1"], out),
            Row::WhereAnd => {
                let query = format!("{} @status:{{{}}}", of_user(), session.status);
                search(&query, &["LIMIT", "0", "100"], out);
            }
            Row::Newest => {
                let (from, to) = sessions.stretch(i, sessions.records.min(1000));
                let query = format!("@created_at:[{from} {to}]");
                search(
                    &query,
                    &["SORTBY", "created_at", "DESC", "LIMIT", "0", "100"],
                    out,
                );
            }
            Row::Count => {
                let (from, to) = sessions.stretch(i, sessions.records / 10);
                let query = format!("@created_at:[{from} {to}] @status:{{{}}}", STATUS[i % 5]);
                search(&query, &["LIMIT", "0", "0"], out);
            }
            _ => return 0,
        }
        1
    }

    /// An answer of records is their count, then the key and the fields of each.
    fn found(&self, row: Row, answer: Answer, operations: usize) -> Option<f64> {
        match row {
            Row::Find => Some(answer.items as f64 / 12.0),
            Row::FindWhere | Row::WhereAnd | Row::Newest => {
                Some((answer.items as f64 - operations as f64) / 13.0)
            }
            Row::Count | Row::Del => Some(answer.value as f64),
            _ => None,
        }
    }

    fn settle(&mut self) -> Result<()> {
        self.indexed("sessions")
    }

    fn build(&mut self) -> Result<bool> {
        self.control.send(MORE)?;
        self.indexed("more")?;
        Ok(true)
    }

    fn unbuild(&mut self) -> Result<()> {
        self.control.send("FT.DROPINDEX more")?;
        Ok(())
    }
}

impl Search {
    /// Waits until every hash is in the index.
    fn indexed(&mut self, index: &str) -> Result<()> {
        loop {
            let info = self.control.send(&format!("FT.INFO {index}"))?;
            let is = |name: &str, value: &str| {
                info.named(name).is_some_and(|found| found.text() == value)
            };
            if is("percent_indexed", "1") && is("indexing", "0") {
                return Ok(());
            }
            sleep(Duration::from_millis(10));
        }
    }
}
