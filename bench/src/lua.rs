//! Records as Ruby's Redcord and Ohm keep them: a hash each, a set for each value of an indexed field, a sorted set for
//! ranges, all of it kept in step by scripts.

use std::collections::HashMap;
use std::time::Duration;

use crate::Result;
use crate::fleet::Fleet;
use crate::resp::{Resp, command, head, token};
use crate::row::Row;
use crate::server::{Client, Server};
use crate::session::{STATUS, Session, Sessions};
use crate::side::{Name, Side, usual};
use crate::wire::Answer;

const SCRIPTS: [(Row, &str); 8] = [
    (Row::Create, include_str!("lua/create.lua")),
    (Row::FindWhere, include_str!("lua/find_where.lua")),
    (Row::WhereAnd, include_str!("lua/where_and.lua")),
    (Row::Newest, include_str!("lua/newest.lua")),
    (Row::Count, include_str!("lua/count.lua")),
    (Row::Update, include_str!("lua/update.lua")),
    (Row::UpdateBitmap, include_str!("lua/update.lua")),
    (Row::Del, include_str!("lua/del.lua")),
];

pub struct Lua {
    fleet: Fleet,
    control: Client,
    server: Server,
    sessions: Sessions,
    /// The names under which the server knows the scripts.
    scripts: HashMap<Row, String>,
}

impl Lua {
    pub fn start(program: &str, sessions: Sessions) -> Result<Lua> {
        let server = Server::start(program, &["--save", "", "--appendonly", "no"])?;
        let mut control = server.connect()?;
        if control.send("SMISMEMBER key member").is_err() {
            return Err("the scripts need SMISMEMBER, which came with Redis 6.2".into());
        }
        let mut scripts = HashMap::new();
        for (row, script) in SCRIPTS {
            scripts.insert(row, control.send_words(&["SCRIPT", "LOAD", script])?.text());
        }
        let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
        Ok(Lua {
            fleet,
            control,
            server,
            sessions,
            scripts,
        })
    }

    /// The head of a call of a row's script; keys and arguments follow.
    fn call(&self, row: Row, keys: usize, words: usize, out: &mut Vec<u8>) {
        head(out, 3 + words);
        token(out, b"EVALSHA");
        token(
            out,
            self.scripts.get(&row).map_or("", |name| name).as_bytes(),
        );
        token(out, keys.to_string().as_bytes());
    }

    fn evalsha(&self, row: Row, keys: usize, words: &[&str], out: &mut Vec<u8>) {
        self.call(row, keys, words.len(), out);
        for word in words {
            token(out, word.as_bytes());
        }
    }
}

impl Side for Lua {
    fn name(&self) -> Name {
        Name::Lua
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
        let usual = usual(row, records);
        match row {
            Row::Create | Row::Find | Row::CountIndexed => usual,
            Row::FindWhere | Row::WhereAnd | Row::Update | Row::UpdateBitmap | Row::Del => {
                usual.div_ceil(2)
            }
            Row::Newest => usual.div_ceil(5),
            Row::Count => usual.div_ceil(50),
            _ => 0,
        }
    }

    fn ask(&self, row: Row, i: usize, out: &mut Vec<u8>) -> usize {
        let sessions = self.sessions;
        let session = sessions.of(row, i);
        let (id, key) = (session.id.to_string(), session.key());
        match row {
            Row::Create => {
                self.call(row, 1, 2 + 2 * Session::FIELDS.len(), out);
                token(out, key.as_bytes());
                token(out, id.as_bytes());
                for (name, value) in Session::FIELDS.iter().zip(session.values()) {
                    token(out, name.as_bytes());
                    token(out, value.as_bytes());
                }
            }
            Row::Find => command(out, &["HGETALL", &key]),
            Row::FindWhere => self.evalsha(row, 0, &[&session.user_id.to_string()], out),
            Row::WhereAnd => {
                self.evalsha(row, 0, &[&session.user_id.to_string(), session.status], out)
            }
            Row::Newest => {
                let (from, to) = sessions.stretch(i, sessions.records.min(1000));
                self.evalsha(row, 0, &[&from.to_string(), &to.to_string()], out);
            }
            Row::Count => {
                let (from, to) = sessions.stretch(i, sessions.records / 10);
                self.evalsha(
                    row,
                    0,
                    &[&from.to_string(), &to.to_string(), STATUS[i % 5]],
                    out,
                );
            }
            Row::CountIndexed => {
                let (from, to) = sessions.stretch(i, sessions.records / 10);
                let key = format!("user_session:created_at:{}", STATUS[i % 5]);
                command(out, &["ZCOUNT", &key, &from.to_string(), &to.to_string()]);
            }
            Row::Update => {
                let user_id = session.other_user_id.to_string();
                self.evalsha(row, 1, &[&key, &id, "user_id", &user_id], out);
            }
            Row::UpdateBitmap => {
                self.evalsha(row, 1, &[&key, &id, "status", session.other_status], out)
            }
            Row::Del => self.evalsha(row, 1, &[&key, &id], out),
            _ => return 0,
        }
        1
    }

    fn found(&self, row: Row, answer: Answer, _: usize) -> Option<f64> {
        match row {
            Row::Find | Row::FindWhere | Row::WhereAnd | Row::Newest => {
                Some(answer.items as f64 / 12.0)
            }
            Row::Count | Row::CountIndexed | Row::Update | Row::UpdateBitmap | Row::Del => {
                Some(answer.value as f64)
            }
            Row::Create => Some(answer.items as f64),
            _ => None,
        }
    }

    /// A sorted set for each status, filled by the client as one who adds it later would.
    fn build(&mut self) -> Result<bool> {
        let sessions = self.sessions;
        self.fleet.run(sessions.records, &|i, out| {
            let session = sessions.at(i);
            let key = format!("user_session:created_at:{}", session.status);
            command(
                out,
                &[
                    "ZADD",
                    &key,
                    &session.created_at.to_string(),
                    &session.id.to_string(),
                ],
            );
            1
        })?;
        Ok(true)
    }

    fn unbuild(&mut self) -> Result<()> {
        for status in STATUS {
            self.control
                .send(&format!("UNLINK user_session:created_at:{status}"))?;
        }
        Ok(())
    }
}
