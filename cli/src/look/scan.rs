//! Which tables a server has: a bounded walk over its keys.

use redis::{Cmd, ConnectionLike, RedisError, Value};

use super::{answer, cell, facts::section};
use crate::{Result, server::Server};

/// The type of tables as a server names it.
const TYPE: &str = "yarrtable";

/// Keys looked at in one step of a walk: well below a millisecond of the server's time.
const STEP: u64 = 1_000;

/// Where a table lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The primary of a cluster; nothing of a single server.
    pub primary: Option<String>,
    /// Its name.
    pub table: Vec<u8>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// The tables, by their names.
    pub tables: Vec<Place>,
    /// How many keys it has passed, about.
    pub keys: u64,
    /// Whether all tables are found.
    pub complete: bool,
}

/// Sends a command to a primary of a cluster, or to the single server.
///
/// # Errors
/// What it answers instead.
pub fn ask(server: &mut Server, primary: Option<&str>, command: &Cmd) -> Result<Value, RedisError> {
    let answer = match primary {
        Some(primary) => server.ask(primary, command)?,
        None => server.req_command(command)?,
    };
    answer.extract_error()
}

/// The tables of a server, of all primaries where it is a cluster; at most about `most` keys are looked at.
///
/// # Errors
/// What the server answers instead.
pub fn tables(server: &mut Server, most: u64) -> Result<Found> {
    let primaries = match server.is_cluster() {
        true => server.primaries()?.into_iter().map(Some).collect(),
        false => vec![None],
    };
    let mut found = Found {
        complete: true,
        ..Found::default()
    };
    for primary in primaries {
        walk(server, primary.as_deref(), most, &mut found)?;
    }
    found
        .tables
        .sort_by(|one, other| one.table.cmp(&other.table));
    Ok(found)
}

fn walk(server: &mut Server, primary: Option<&str>, most: u64, found: &mut Found) -> Result<()> {
    // As many as the module counts are all of them: there is no need to go on.
    let count = counted(server, primary);
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut cursor = b"0".to_vec();
    let mut typed = true;
    loop {
        if count.is_some_and(|count| names.len() as u64 >= count) {
            break;
        }
        if found.keys >= most {
            found.complete = false;
            break;
        }
        let mut command = redis::cmd("SCAN");
        command.arg(&cursor).arg("COUNT").arg(STEP);
        if typed {
            command.arg("TYPE").arg(TYPE);
        }
        let answer = match ask(server, primary, &command) {
            // Before Redis 6 SCAN knows no types.
            Err(error) if typed && !error.is_io_error() => {
                typed = false;
                continue;
            }
            answer => answer?,
        };
        let [next, keys] = answer::items(&answer).unwrap_or_default() else {
            break;
        };
        for key in answer::items(keys).unwrap_or_default() {
            let name = cell::bytes(key).unwrap_or_default().to_vec();
            let is_table = typed || {
                let kind = ask(server, primary, redis::cmd("TYPE").arg(&name))?;
                cell::bytes(&kind) == Some(TYPE.as_bytes())
            };
            // A walk may come to a key twice.
            if is_table && !names.contains(&name) {
                names.push(name);
            }
        }
        found.keys += STEP;
        cursor = cell::bytes(next).unwrap_or(b"0").to_vec();
        if cursor == b"0" {
            break;
        }
    }
    found.tables.extend(names.into_iter().map(|table| Place {
        primary: primary.map(String::from),
        table,
    }));
    Ok(())
}

/// How many tables the module counts, in all databases.
fn counted(server: &mut Server, primary: Option<&str>) -> Option<u64> {
    let info = ask(server, primary, redis::cmd("INFO").arg("yarr")).ok()?;
    let text = answer::string(&info)?;
    section(&text).get("yarr_tables")?.parse().ok()
}
