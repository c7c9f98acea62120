//! `YARR.MIGRATE table UP|DOWN|CANCEL version`: changes a table's schema, and makes the table
//! with its first migration.

use std::time::Instant;

use super::{Environment, Reply, data_migration};
use crate::{
    error::{Code, Error, Result, quoted},
    schema::{Direction, Line, Operation, Schema, State, derive_down, parse_operations},
    table::{Effects, Table, busy},
    tokens::Tokens,
};

/// The longest name of a migration, in bytes.
const MAX_NAME: usize = 255;

/// What a MIGRATE asks.
pub enum Request {
    /// Apply a version.
    Up(Up),
    /// Undo the version applied last.
    Down {
        /// The version.
        version: i64,
        /// Whether the caller accepts that values are discarded.
        drop_data: bool,
    },
    /// Stop a running migration.
    Cancel(i64),
}

/// A version to apply.
pub struct Up {
    version: i64,
    name: Box<str>,
    operations: Vec<Operation>,
    down: Option<Vec<Operation>>,
    drop_data: bool,
}

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax, BADVALUE for a default that its type does not accept.
pub fn parse(args: &[&[u8]], schema: Option<&Schema>) -> Result<Request> {
    let mut tokens = Tokens::new(args);
    let request = if tokens.accept("UP") {
        Request::Up(parse_up(&mut tokens, schema)?)
    } else if tokens.accept("DOWN") {
        Request::Down {
            version: tokens.expect_integer("the version, an integer")?,
            drop_data: accept_drop(&mut tokens)?,
        }
    } else if tokens.accept("CANCEL") {
        Request::Cancel(tokens.expect_integer("the version, an integer")?)
    } else {
        return Err(tokens.unexpected("UP, DOWN or CANCEL"));
    };
    tokens.finish()?;
    Ok(request)
}

/// Reads operations, or the UPDATE that stands alone.
fn parse_list(tokens: &mut Tokens, schema: Option<&Schema>) -> Result<Vec<Operation>> {
    match tokens.accept("UPDATE") {
        true => Ok(vec![data_migration::parse(tokens, schema)?]),
        false => parse_operations(tokens),
    }
}

fn parse_up(tokens: &mut Tokens, schema: Option<&Schema>) -> Result<Up> {
    let version = tokens.expect_integer("the version, an integer")?;
    let token = tokens.expect_token("the migration's name")?;
    let name = match std::str::from_utf8(token) {
        Ok(name) if (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control) => {
            name
        }
        _ => {
            return Err(Error::bad_value(format!(
                "the migration's name: expected 1 to {MAX_NAME} bytes of printable text, found {}",
                quoted(token)
            )));
        }
    };
    let operations = parse_list(tokens, schema)?;
    let down = match tokens.accept("DOWN") {
        true => Some(parse_list(tokens, schema)?),
        false => None,
    };
    Ok(Up {
        version,
        name: name.into(),
        operations,
        down,
        drop_data: accept_drop(tokens)?,
    })
}

fn accept_drop(tokens: &mut Tokens) -> Result<bool> {
    if !tokens.accept("DROP") {
        return Ok(false);
    }
    tokens.expect("DATA")?;
    Ok(true)
}

/// What a migration would do, worked out without doing it.
pub enum Decision {
    /// It is in effect already.
    Applied,
    /// It is running.
    Running,
    /// The running migration would be stopped.
    Stop,
    /// It would write this line into the history.
    Go(Line),
}

/// Works out what a request would do to a table; `None` where there is no table yet.
///
/// # Errors
/// CHANGED, NOVERSION, IRREVERSIBLE, and whatever the schema refuses.
pub fn decide(table: &Table, request: Request, now: i64) -> Result<(Decision, bool)> {
    match request {
        Request::Up(up) => {
            let drop_data = up.drop_data;
            Ok((decide_up(table, up, now)?, drop_data))
        }
        Request::Down { version, drop_data } => {
            Ok((Decision::Go(decide_down(table, version, now)?), drop_data))
        }
        Request::Cancel(version) => match table.running() {
            Some(running) if running.line.version == version => Ok((Decision::Stop, false)),
            Some(running) => Err(Error::new(
                Code::NoVersion,
                format!(
                    "the migration that is running has version {}, found {version}",
                    running.line.version
                ),
            )),
            None => Err(Error::new(
                Code::NoVersion,
                format!("no migration is running, so there is no version {version} to cancel"),
            )),
        },
    }
}

fn decide_up(table: &Table, up: Up, now: i64) -> Result<Decision> {
    if let Some(applied) = table.history().applied(up.version) {
        return match applied.up == up.operations {
            true => Ok(Decision::Applied),
            false => Err(Error::new(
                Code::Changed,
                format!(
                    "version {} is applied with other operations; give the change a version of its own, or take this one DOWN first",
                    up.version
                ),
            )),
        };
    }
    if let Some(running) = table.running() {
        let line = &running.line;
        return match (line.version == up.version, line.operations == up.operations) {
            (true, true) if line.direction == Direction::Up => Ok(Decision::Running),
            (true, false) => Err(Error::new(
                Code::Changed,
                format!(
                    "version {} is running with other operations; stop it with CANCEL {0} first",
                    up.version
                ),
            )),
            _ => Err(busy(running)),
        };
    }
    if let Some(words) = data_migration::words(&up.operations) {
        data_migration::check(table.schema(), &words, now)?;
    }
    let facts = table.facts(now, up.drop_data);
    let derived = derive_down(table.schema(), &up.operations, &facts)?;
    if let Some(down) = &up.down {
        check_down(table, &up.operations, down, now)?;
    }
    Ok(Decision::Go(Line {
        version: up.version,
        name: up.name,
        direction: Direction::Up,
        state: State::Applied,
        at: now,
        took: 0,
        operations: up.operations,
        down: up.down.or(derived),
    }))
}

/// A way down that is given must be possible after the way up.
fn check_down(table: &Table, up: &[Operation], down: &[Operation], now: i64) -> Result<()> {
    let mut facts = table.facts(now, true);
    let mut schema = table.changed_schema(up, &facts)?;
    facts.empty = true;
    for operation in down {
        schema = schema.change(operation, &facts)?;
    }
    if let Some(words) = data_migration::words(down) {
        data_migration::check(&schema, &words, now)?;
    }
    Ok(())
}

fn decide_down(table: &Table, version: i64, now: i64) -> Result<Line> {
    if let Some(running) = table.running() {
        return Err(busy(running));
    }
    let history = table.history();
    let last = match history.applied.last() {
        Some(last) if last.version == version => last,
        Some(last) => {
            return Err(Error::new(
                Code::NoVersion,
                format!(
                    "DOWN takes the version applied last: expected {}, found {version}",
                    last.version
                ),
            ));
        }
        None => {
            return Err(Error::new(
                Code::NoVersion,
                format!("no version is applied: there is no {version} to take down"),
            ));
        }
    };
    let operations = last.down.clone().ok_or_else(|| {
        Error::new(
            Code::Irreversible,
            format!(
                "version {version} has no way down: one of its operations cannot be undone and no DOWN was given; write a new migration UP instead"
            ),
        )
    })?;
    Ok(Line {
        version,
        name: last.name.clone(),
        direction: Direction::Down,
        state: State::Applied,
        at: now,
        took: 0,
        operations,
        down: None,
    })
}

/// Whether a migration looks at the records.
///
/// # Errors
/// What the schema refuses.
pub fn needs_pass(table: &Table, line: &Line, drop_data: bool) -> Result<bool> {
    Ok(data_migration::words(&line.operations).is_some() || table.needs_pass(line, drop_data)?)
}

/// Carries out a migration at once, all of it or nothing.
fn carry_out(
    table: &mut Table,
    line: Line,
    drop_data: bool,
    now: i64,
    took: impl FnOnce() -> u64,
) -> Result<Effects> {
    let changed = match data_migration::words(&line.operations) {
        Some(words) => data_migration::whole(table, &words, line.at, now)?,
        None => Effects::none(),
    };
    Ok(changed.and(table.migrate(line, drop_data, now, took)?))
}

/// Goes on with the migration that is running on a table: looks at up to `most` records more.
/// Answers what was done, and whether there is more to do here. `decides`: whether this server
/// decides what is written; else it waits to be told how the migration ends.
///
/// # Errors
/// Only a fault of the module.
pub fn work(table: &mut Table, most: usize, now: i64, decides: bool) -> Result<(Effects, bool)> {
    if table.is_late() {
        return Ok((Effects::none(), !table.catch_up(most)));
    }
    let Some(running) = table.running().cloned() else {
        return Ok((Effects::none(), false));
    };
    let Some(words) = data_migration::words(&running.line.operations) else {
        let done = table.go_on(most, decides);
        return match decides {
            true => Ok((table.settle(done, now)?, table.running().is_some())),
            false => Ok((Effects::none(), !done)),
        };
    };
    if !decides {
        return Ok((Effects::none(), false));
    }
    match data_migration::step(table, &words, running.line.at, most, now) {
        Ok((effects, false)) => Ok((effects, true)),
        Ok((effects, true)) => Ok((effects.and(table.settle(true, now)?), false)),
        Err(error) => Ok((table.fail(&error, now)?, false)),
    }
}

/// Answers OK, APPLIED where the version is in effect already, RUNNING where it goes on between
/// commands.
///
/// # Errors
/// BUSY, CHANGED, NOVERSION, IRREVERSIBLE, DUPLICATE, NOTNULL, NOFIELD, BADVALUE; then nothing
/// changed.
pub fn run(
    table: &mut Option<Box<Table>>,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let request = parse(args, table.as_deref().map(Table::schema))?;
    let begun = Instant::now();
    let mut effects = Effects::none();
    let mut fresh = None;
    let target = match table {
        Some(table) => table,
        None if matches!(request, Request::Up(_)) => {
            let identity = (environment.random)();
            effects.make(identity);
            fresh.insert(Box::new(Table::new(identity)))
        }
        None => {
            return Err(Error::new(
                Code::NoTable,
                "there is no such table; its first migration goes UP",
            ));
        }
    };
    let (decision, drop_data) = decide(target, request, environment.now.get())?;
    let line = match decision {
        Decision::Go(line) => line,
        Decision::Applied | Decision::Running => {
            let running = matches!(decision, Decision::Running);
            reply.status(if running { "RUNNING" } else { "APPLIED" });
            return Ok(Effects::none());
        }
        Decision::Stop => {
            let effects = target.stop(environment.now.get())?;
            reply.status("OK");
            return Ok(effects);
        }
    };
    let many = target.len() > environment.limits.inline_records;
    if many && needs_pass(target, &line, drop_data)? {
        let effects = target.begin(line)?;
        reply.status("RUNNING");
        return Ok(effects);
    }
    let took = || u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let effects = effects.and(carry_out(
        target,
        line,
        drop_data,
        environment.now.get(),
        took,
    )?);
    if fresh.is_some() {
        *table = fresh;
    }
    reply.status("OK");
    Ok(effects)
}
