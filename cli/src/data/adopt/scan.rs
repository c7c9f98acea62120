//! Hashes by a pattern, read in batches from every primary.

use redis::{Cmd, ConnectionLike, Value};

use super::layout::{IdText, Layout, Pattern};
use crate::{Error, Kind, Result, server::Server};

/// How many keys are asked for at once.
const BATCH: usize = 500;

/// A hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    /// Its key.
    pub key: Vec<u8>,
    /// What its key says of its id.
    pub id: Vec<u8>,
    /// Its fields with their values.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many of them are the key's own; the others are of its counters.
    pub own: usize,
    /// When it expires, in milliseconds since 1970.
    pub expires: Option<i64>,
}

/// What stands at a key of the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A hash.
    Hash(Hash),
    /// Something else: its key, and what.
    Other(Vec<u8>, String),
    /// What the layout keeps beside its records.
    Beside,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Scan {
    /// How records are laid out.
    pub layout: Layout,
    /// The pattern of their keys.
    pub pattern: Pattern,
    /// What of a key is the id.
    pub id: IdText,
}

impl Scan {
    /// Goes through all keys of the pattern, batch by batch. A key may come twice, as in SCAN.
    ///
    /// # Errors
    /// What a server says, and what is done with a batch.
    pub fn each(
        &self,
        server: &mut Server,
        mut take: impl FnMut(&mut Server, Vec<Found>) -> Result<()>,
    ) -> Result<()> {
        let primaries = match server.is_cluster() {
            true => server.primaries()?.into_iter().map(Some).collect(),
            false => vec![None],
        };
        for primary in &primaries {
            let mut cursor: Vec<u8> = b"0".to_vec();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor)
                    .arg("MATCH")
                    .arg(self.pattern.text())
                    .arg("COUNT")
                    .arg(BATCH);
                let answer = one(server, primary.as_deref(), &scan)?;
                let (next, keys): (Vec<u8>, Vec<Vec<u8>>) = read(answer)?;
                if !keys.is_empty() {
                    let found = self.look(server, primary.as_deref(), keys)?;
                    take(server, found)?;
                }
                if next == b"0" {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }

    fn look(
        &self,
        server: &mut Server,
        primary: Option<&str>,
        keys: Vec<Vec<u8>>,
    ) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut wanted: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for key in keys {
            let id = self
                .pattern
                .captures(&key)
                .map(|captures| self.id.of(&captures));
            match id {
                Some(id) if !self.layout.is_beside(&id) => wanted.push((key, id)),
                _ => found.push(Found::Beside),
            }
        }
        let mut commands = vec![redis::cmd("TIME")];
        for (key, _) in &wanted {
            commands.extend([get_all(key), of("PTTL", key)]);
            commands.extend(self.layout.counters(key).as_deref().map(get_all));
        }
        let mut answers = many(server, primary, &commands)?.into_iter();
        let now = now(answers.next())?;
        for (key, id) in wanted {
            let hash = answers.next().unwrap_or(Value::Nil);
            let left = answers.next().unwrap_or(Value::Nil);
            let counters = match self.layout.counters(&key) {
                Some(_) => answers.next().unwrap_or(Value::Nil),
                None => Value::Nil,
            };
            if let Value::ServerError(error) = &hash {
                if error.code() != "WRONGTYPE" {
                    return Err(redis::RedisError::from(error.clone()).into());
                }
                let kind: String = read(one(server, primary, &of("TYPE", &key))?)?;
                found.push(Found::Other(key, kind));
                continue;
            }
            let mut fields: Vec<(Vec<u8>, Vec<u8>)> = read(hash)?;
            let own = fields.len();
            // It is gone since it was named.
            if own == 0 {
                continue;
            }
            if !matches!(counters, Value::Nil | Value::ServerError(_)) {
                fields.extend(read::<Vec<(Vec<u8>, Vec<u8>)>>(counters)?);
            }
            let left: i64 = read(left)?;
            found.push(Found::Hash(Hash {
                key,
                id,
                fields,
                own,
                expires: (left >= 0).then(|| now.saturating_add(left)),
            }));
        }
        Ok(found)
    }
}

fn of(command: &str, key: &[u8]) -> Cmd {
    let mut cmd = redis::cmd(command);
    cmd.arg(key);
    cmd
}

fn get_all(key: &[u8]) -> Cmd {
    of("HGETALL", key)
}

fn now(time: Option<Value>) -> Result<i64> {
    let (seconds, micros): (i64, i64) = read(time.unwrap_or(Value::Nil))?;
    Ok(seconds * 1_000 + micros / 1_000)
}

/// Reads an answer.
///
/// # Errors
/// Where it is an error, or another thing.
pub fn read<T: redis::FromRedisValue>(value: Value) -> Result<T> {
    let value = value.extract_error()?;
    T::from_redis_value(value).map_err(|error| Error::new(Kind::Refused, error.to_string()))
}

fn one(server: &mut Server, primary: Option<&str>, command: &Cmd) -> Result<Value> {
    Ok(match primary {
        Some(primary) => server.ask(primary, command)?,
        None => server.req_command(command)?,
    })
}

/// Sends several commands; an error among the answers is one of them.
///
/// # Errors
/// Where the server cannot be reached.
pub fn many(server: &mut Server, primary: Option<&str>, commands: &[Cmd]) -> Result<Vec<Value>> {
    let Some(primary) = primary else {
        let message: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        return Ok(server.req_packed_commands(&message, 0, commands.len())?);
    };
    // The keys of a primary are of many slots, which no pipeline goes to.
    let answers = commands
        .iter()
        .map(|command| match server.ask(primary, command) {
            Err(error) if error.code() == Some("WRONGTYPE") => {
                let wrong = redis::parse_redis_value(b"-WRONGTYPE it is no hash\r\n");
                wrong.map_err(Error::from)
            }
            other => other.map_err(Error::from),
        });
    answers.collect()
}
