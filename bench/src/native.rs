//! The native commands that stand beside those of YARR: a hash a record and no index.

use std::time::Duration;

use crate::Result;
use crate::fleet::Fleet;
use crate::resp::{Resp, command, head, token};
use crate::row::Row;
use crate::server::{Client, Server};
use crate::session::{Session, Sessions};
use crate::side::{Name, Side, usual};
use crate::wire::Answer;

/// Elements of a list that is as long as the answer of a hundred records.
const ELEMENTS: usize = 100 * 2 * (Session::FIELDS.len() + 1);

pub struct Native {
    fleet: Fleet,
    control: Client,
    server: Server,
    sessions: Sessions,
}

impl Native {
    /// Starts an empty server, the same as that of YARR: with the module, of which nothing is asked.
    pub fn start(program: &str, module: &str, sessions: Sessions) -> Result<Native> {
        let server = Server::with_module(program, module)?;
        let control = server.connect()?;
        let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
        Ok(Native {
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
}

/// Writes the session as a hash.
fn hset(session: &Session, out: &mut Vec<u8>) {
    head(out, 2 + 2 * Session::FIELDS.len());
    token(out, b"HSET");
    token(out, session.key().as_bytes());
    for (name, value) in Session::FIELDS.iter().zip(session.values()) {
        token(out, name.as_bytes());
        token(out, value.as_bytes());
    }
}

impl Side for Native {
    fn name(&self) -> Name {
        Name::Native
    }

    fn version(&mut self) -> Result<String> {
        self.control.version()
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
        match row.native() {
            "" => 0,
            _ => usual(row, records),
        }
    }

    fn ask(&self, row: Row, i: usize, out: &mut Vec<u8>) -> usize {
        ask(self.sessions, row, i, out)
    }

    fn found(&self, row: Row, answer: Answer, _: usize) -> Option<f64> {
        match row {
            Row::Find | Row::FindWhere => Some(answer.items as f64 / 12.0),
            Row::Newest => Some(answer.items as f64 / 14.0),
            Row::Del => Some(answer.value as f64),
            _ => None,
        }
    }

    fn settle(&mut self) -> Result<()> {
        let sessions = self.sessions;
        let mut values = (0..sessions.records).cycle().flat_map(|i| {
            let session = sessions.at(i);
            let names = ["id"].into_iter().chain(Session::FIELDS).map(String::from);
            names
                .zip([session.id.to_string()].into_iter().chain(session.values()))
                .flat_map(|(name, value)| [name, value])
        });
        let mut out = Vec::new();
        head(&mut out, 2 + ELEMENTS);
        token(&mut out, b"RPUSH");
        token(&mut out, b"list");
        for element in values.by_ref().take(ELEMENTS) {
            token(&mut out, element.as_bytes());
        }
        self.control.send_bytes(&out)?;
        Ok(())
    }
}

/// Writes operation `i` of what stands beside a row.
pub fn ask(sessions: Sessions, row: Row, i: usize, out: &mut Vec<u8>) -> usize {
    let session = sessions.of(row, i);
    match row {
        Row::Create => hset(&session, out),
        Row::Find | Row::FindWhere | Row::WhereAnd => command(out, &["HGETALL", &session.key()]),
        Row::Newest | Row::NewestPacked => command(out, &["LRANGE", "list", "0", "-1"]),
        Row::Update => command(
            out,
            &[
                "HSET",
                &session.key(),
                "user_id",
                &session.other_user_id.to_string(),
            ],
        ),
        Row::UpdateBitmap => command(
            out,
            &["HSET", &session.key(), "status", session.other_status],
        ),
        Row::Del => command(out, &["DEL", &session.key()]),
        _ => return 0,
    }
    1
}
