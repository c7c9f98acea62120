//! One way through for every command: open the key, check its type, run the command, carry its
//! effects away, answer.

use std::ffi::c_int;

use super::{
    api::{Context, OK, StringRef, raw},
    arguments::Arguments,
    background,
    environment::environment,
    guard::{Panic, guard},
    info::{COMMANDS_RUN, ERRORS},
    key::{Key, Mode, WrongType},
    log, replicate,
    reply::Replier,
};
use crate::{
    commands::{COMMANDS, Command, Environment, Make, Read, Run, Write},
    error::Error,
    table::Table,
};

/// What the server calls for a command.
pub type Entry = unsafe extern "C" fn(
    *mut raw::RedisModuleCtx,
    *mut *mut raw::RedisModuleString,
    c_int,
) -> c_int;

/// What the server calls for each of [`COMMANDS`], in the same order. The server tells a function
/// nothing of the name it was called by, so there is one for each place in the table.
pub static ENTRIES: [Entry; 16] = [
    entry::<0>,
    entry::<1>,
    entry::<2>,
    entry::<3>,
    entry::<4>,
    entry::<5>,
    entry::<6>,
    entry::<7>,
    entry::<8>,
    entry::<9>,
    entry::<10>,
    entry::<11>,
    entry::<12>,
    entry::<13>,
    entry::<14>,
    entry::<15>,
];

const _: () = assert!(COMMANDS.len() <= ENTRIES.len());

/// Why a command was not carried out.
enum Failure {
    /// The number of its arguments.
    Arity,
    /// The key holds something else.
    Type,
    /// What the engine says.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

impl From<WrongType> for Failure {
    fn from(_: WrongType) -> Failure {
        Failure::Type
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// The same words as the server's own commands have for it.
const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

/// Runs the command at that place in the table.
///
/// # Safety
/// Only the server may call it, with the context and the arguments of a command.
unsafe extern "C" fn entry<const PLACE: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: The server's promise: the context and the arguments stay during the command.
    let (ctx, arguments) = unsafe { (Context::new(ctx), Arguments::new(argv, argc)) };
    let mut reply = Replier::new(ctx);
    COMMANDS_RUN.bump();
    let done = match COMMANDS.get(PLACE) {
        Some(command) => guard(|| run(command, ctx, arguments, &mut reply)),
        None => Ok(Err(Failure::Arity)),
    };
    match done {
        Ok(Ok(())) if reply.is_whole() => {}
        done => answer_failure(ctx, done, &mut reply),
    }
    OK
}

#[cold]
fn answer_failure(ctx: Context, done: std::result::Result<Result<()>, Panic>, reply: &mut Replier) {
    ERRORS.bump();
    match done {
        Ok(Err(Failure::Arity)) => reply.wrong_arity(),
        Ok(Err(Failure::Type)) => reply.fail(WRONG_TYPE),
        Ok(Err(Failure::Error(error))) => reply.fail(&error.to_string()),
        Ok(Ok(())) => answer_internal(ctx, "a command left its answer unfinished", reply),
        Err(panic) => answer_internal(ctx, &panic.to_string(), reply),
    }
}

fn answer_internal(ctx: Context, text: &str, reply: &mut Replier) {
    log::warning(ctx, &format!("internal error: {text}"));
    reply.fail(&Error::internal(text).to_string());
}

#[inline]
fn run(
    command: &Command,
    ctx: Context,
    arguments: Arguments<'_>,
    reply: &mut Replier,
) -> Result<()> {
    if !takes(command.arity, arguments.len()) {
        return Err(Failure::Arity);
    }
    let name = arguments.get(1).ok_or(Failure::Arity)?;
    let tokens = arguments.tokens_from(2);
    match command.run {
        Run::Read(read) => run_read(read, ctx, name, &tokens, reply),
        Run::Write(write) => run_write(write, ctx, name, &tokens, reply),
        Run::Make(make) => run_make(make, ctx, name, &tokens, reply),
    }
}

/// Whether a command of that arity, as the server counts it, takes so many words.
#[inline]
fn takes(arity: i32, words: usize) -> bool {
    let least = arity.unsigned_abs() as usize;
    words >= 2
        && if arity < 0 {
            words >= least
        } else {
            words == least
        }
}

/// The world as the command sees it. What leads to the record that the first word probably names comes from
/// memory while the clock is read, which a write asks anyway, and the record while the command is read.
#[inline]
fn prepare(table: &Table, tokens: &[&[u8]], writes: bool) -> Environment<'static> {
    let approached = table.approach(tokens.first());
    let environment = environment();
    if writes {
        environment.now.get();
    }
    table.records().fetch(approached.into_iter());
    environment
}

#[inline]
fn run_read(
    read: Read,
    ctx: Context,
    name: StringRef<'_>,
    tokens: &[&[u8]],
    reply: &mut Replier,
) -> Result<()> {
    let key = Key::open(ctx, name, Mode::Read);
    let holder = key.holder()?.ok_or_else(|| Error::no_table(name.bytes()))?;
    let table = holder.table()?;
    background::note(ctx, name, holder);
    Ok(read(table, tokens, &prepare(table, tokens, false), reply)?)
}

#[inline]
fn run_write(
    write: Write,
    ctx: Context,
    name: StringRef<'_>,
    tokens: &[&[u8]],
    reply: &mut Replier,
) -> Result<()> {
    let mut key = Key::open(ctx, name, Mode::Write);
    let holder = key
        .holder_mut()?
        .ok_or_else(|| Error::no_table(name.bytes()))?;
    let effects = holder.change(|table| match table {
        Some(table) => {
            // Who decides what is written must know what is unique; who is told need not.
            if table.is_late() && !ctx.flags().told() {
                table.catch_up(usize::MAX);
            }
            let environment = prepare(table, tokens, true);
            let effects = write(table, tokens, &environment, reply)?;
            match table.schema().changes {
                false => Ok(effects),
                true => {
                    let caps = &environment.limits.tombstones;
                    Ok(effects.and(table.keep_tombstones(caps, environment.now.get())))
                }
            }
        }
        None => Err(Error::internal("the key has no table")),
    })?;
    background::note(ctx, name, holder);
    let rides = background::rides(holder);
    drop(key);
    replicate::publish(ctx, name, &effects);
    if rides {
        background::ride(ctx, name);
    }
    Ok(())
}

#[inline]
fn run_make(
    make: Make,
    ctx: Context,
    name: StringRef<'_>,
    tokens: &[&[u8]],
    reply: &mut Replier,
) -> Result<()> {
    let mut key = Key::open(ctx, name, Mode::Write);
    let effects = match key.holder_mut()? {
        Some(holder) => {
            let effects = holder.change(|table| {
                background::allow_late(ctx, table.as_deref_mut());
                make(table, tokens, &environment(), reply)
            })?;
            match holder.is_empty() {
                true => key.delete(),
                false => background::note(ctx, name, holder),
            }
            effects
        }
        None => {
            let mut table = None;
            let effects = make(&mut table, tokens, &environment(), reply)?;
            if let Some(table) = table {
                key.set(table)?;
                // One that an append-only file makes may come with work to do.
                if let Ok(Some(holder)) = key.holder() {
                    background::note(ctx, name, holder);
                }
            }
            effects
        }
    };
    drop(key);
    replicate::publish(ctx, name, &effects);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arity_is_counted_as_the_server_counts_it() {
        assert!(takes(2, 2) && !takes(2, 3) && !takes(2, 1));
        assert!(takes(-3, 3) && takes(-3, 9) && !takes(-3, 2));
        assert!(!takes(-1, 1), "there is always a table's name");
    }
}
