//! `YARR.SCHEMA table [HISTORY | VERSION | CHECK UP|DOWN ...]`: what a table is, and was.

use super::{
    Environment, Reply,
    migrate::{self, Decision},
};
use crate::{
    error::Result,
    schema::{Direction, Line, Operation, State},
    table::Table,
    tokens::Tokens,
};

/// Answers the operations that make the schema anew; the history as maps; the version applied
/// last or null; or what a migration would do.
///
/// # Errors
/// Syntax; for CHECK what the migration would answer.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let mut tokens = Tokens::new(args);
    if tokens.accept("HISTORY") {
        tokens.finish()?;
        history(table, reply);
    } else if tokens.accept("VERSION") {
        tokens.finish()?;
        match table.history().version() {
            Some(version) => reply.integer(version),
            None => reply.null(),
        }
    } else if tokens.accept("CHECK") {
        return check(table, &mut tokens, environment, reply);
    } else {
        match tokens.peek() {
            Some(_) => {
                return Err(tokens.unexpected("HISTORY, VERSION, CHECK or the end of the command"));
            }
            None => texts(&table.schema().operations(), reply),
        }
    }
    Ok(())
}

fn texts(operations: &[Operation], reply: &mut dyn Reply) {
    reply.array(operations.len());
    for operation in operations {
        reply.bulk(operation.text().as_bytes());
    }
}

fn history(table: &Table, reply: &mut dyn Reply) {
    let lines = &table.history().lines;
    let running = table.running();
    reply.array(lines.len() + usize::from(running.is_some()));
    for line in lines {
        history_line(line, false, reply);
    }
    if let Some(running) = running {
        history_line(&running.line, true, reply);
    }
}

fn history_line(line: &Line, running: bool, reply: &mut dyn Reply) {
    reply.map(8);
    reply.bulk(b"version");
    reply.integer(line.version);
    reply.bulk(b"name");
    reply.bulk(line.name.as_bytes());
    reply.bulk(b"direction");
    reply.bulk(match line.direction {
        Direction::Up => b"up",
        Direction::Down => b"down",
    });
    reply.bulk(b"state");
    match &line.state {
        State::Applied if running => reply.bulk(b"RUNNING"),
        State::Applied => reply.bulk(b"APPLIED"),
        State::Failed(reason) => reply.bulk(format!("FAILED {reason}").as_bytes()),
    }
    reply.bulk(b"at");
    reply.integer(line.at);
    reply.bulk(b"took_us");
    reply.integer(i64::try_from(line.took).unwrap_or(i64::MAX));
    reply.bulk(b"operations");
    texts(&line.operations, reply);
    reply.bulk(b"down");
    match &line.down {
        Some(down) => texts(down, reply),
        None => reply.null(),
    }
}

/// A pass takes about so long a record, in nanoseconds of the server's time.
const PASS_NS: u64 = 250;

/// The operations that discard values of the records there are.
fn discarding(table: &Table, operations: &[Operation], now: i64) -> Vec<String> {
    let mut schema = table.schema().clone();
    let mut texts = Vec::new();
    for operation in operations {
        let facts = table.facts(now, false);
        if !facts.empty && schema.change(operation, &facts).is_err() {
            texts.push(operation.text());
        }
        match schema.change(operation, &table.facts(now, true)) {
            Ok(changed) => schema = changed,
            Err(_) => break,
        }
    }
    texts
}

/// A dry run: what the migration would answer, and what it would cost.
fn check(
    table: &Table,
    tokens: &mut Tokens,
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let request = migrate::parse(tokens.take_rest(), Some(table.schema()))?;
    let (decision, drop_data) = migrate::decide(table, request, environment.now.get())?;
    let (result, operations, down) = match &decision {
        Decision::Applied => ("APPLIED", &[][..], None),
        Decision::Running => ("RUNNING", &[][..], None),
        Decision::Stop => ("OK", &[][..], None),
        Decision::Go(line) => {
            let facts = table.facts(environment.now.get(), drop_data);
            table.changed_schema(&line.operations, &facts)?;
            let many = table.len() > environment.limits.inline_records;
            let runs = many && migrate::needs_pass(table, line, drop_data)?;
            (
                if runs { "RUNNING" } else { "OK" },
                &line.operations[..],
                line.down.as_ref(),
            )
        }
    };
    let up = matches!(&decision, Decision::Go(line) if line.direction == Direction::Up);
    let passes = operations.iter().filter(|o| o.needs_pass()).count() as u64;
    let discarding = discarding(table, operations, environment.now.get());
    reply.map(if up { 7 } else { 6 });
    reply.bulk(b"result");
    reply.bulk(result.as_bytes());
    reply.bulk(b"operations");
    texts(operations, reply);
    reply.bulk(b"passes");
    reply.integer(passes as i64);
    reply.bulk(b"records");
    reply.integer(i64::try_from(table.len()).unwrap_or(i64::MAX));
    reply.bulk(b"estimate_us");
    let nanoseconds = passes.saturating_mul(table.len()).saturating_mul(PASS_NS);
    reply.integer(i64::try_from(nanoseconds / 1000).unwrap_or(i64::MAX));
    reply.bulk(b"discards");
    reply.array(discarding.len());
    discarding
        .iter()
        .for_each(|text| reply.bulk(text.as_bytes()));
    if up {
        reply.bulk(b"down");
        match down {
            Some(down) => texts(down, reply),
            None => reply.null(),
        }
    }
    Ok(())
}
