//! A command from the server to the engine and back.

use std::{
    ffi::c_int,
    time::{SystemTime, UNIX_EPOCH},
};

use redis_module::raw;
use smallvec::SmallVec;

use super::{
    context::{Context, api, bytes},
    expiry,
    guard::guarded,
    info,
    key::Key,
    replicate::carry,
    reply::{ClientReply, OK, wrong_arity},
    settings,
};
use crate::{
    commands::{COMMANDS, Command, Environment, Run},
    error::{Error, Result},
    table::Effects,
};

/// What the server calls for a command.
pub type Entry = unsafe extern "C" fn(
    *mut raw::RedisModuleCtx,
    *mut *mut raw::RedisModuleString,
    c_int,
) -> c_int;

/// The entry of each command, in the order of [`COMMANDS`].
pub const ENTRIES: [Entry; COMMANDS.len()] = [
    entry::<0>, entry::<1>, entry::<2>, entry::<3>, entry::<4>, entry::<5>, entry::<6>, entry::<7>,
    entry::<8>, entry::<9>,
];

unsafe extern "C" fn entry<const AT: usize>(
    context: *mut raw::RedisModuleCtx,
    arguments: *mut *mut raw::RedisModuleString,
    count: c_int,
) -> c_int {
    let context = Context(context);
    let outcome = guarded(|| {
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the server lends so many strings for the length of the call.
        let arguments = unsafe { std::slice::from_raw_parts(arguments, count) };
        dispatch(&COMMANDS[AT], context, arguments);
    });
    if let Err(panic) = outcome {
        context.warn(&format!("yarr: a command panicked: {panic}"));
        ClientReply::new(context).error(&Error::internal("a command panicked"));
    }
    OK
}

fn dispatch(command: &Command, context: Context, arguments: &[*mut raw::RedisModuleString]) {
    let count = arguments.len() as i32;
    let fits = match command.arity {
        fewest @ ..0 => count >= -fewest,
        exact => count == exact,
    };
    let (true, [_, name, rest @ ..]) = (fits, arguments) else {
        return wrong_arity(context);
    };
    info::COUNTS.commands.add(1);
    let mut tokens: SmallVec<[&[u8]; 32]> = SmallVec::with_capacity(rest.len());
    // SAFETY: the server lends the strings for the length of the call.
    tokens.extend(rest.iter().map(|token| unsafe { bytes(*token) }));
    let mut reply = ClientReply::new(context);
    match run(command, context, *name, &tokens, &mut reply) {
        Ok(effects) => carry(context, *name, &effects),
        Err(error) => {
            info::COUNTS.errors.add(1);
            reply.error(&error);
        }
    }
    if !matches!(command.run, Run::Read(_)) {
        expiry::ride_along(context);
    }
}

fn run(
    command: &Command,
    context: Context,
    name: *mut raw::RedisModuleString,
    tokens: &[&[u8]],
    reply: &mut ClientReply,
) -> Result<Effects> {
    let random = || random();
    let environment = Environment {
        now: now(),
        limits: settings::limits(),
        random: &random,
    };
    // SAFETY: the name is the call's.
    let named = unsafe { bytes(name) };
    let no_table = || Error::no_table(named);
    let mut key = Key::open(context, name, !matches!(command.run, Run::Read(_)));
    let effects = match command.run {
        Run::Read(run) => {
            let table = key.table()?.ok_or_else(no_table)?;
            run(table, tokens, &environment, reply)?;
            expiry::notice(context, named, table);
            return Ok(Effects::none());
        }
        Run::Write(run) => {
            let table = key.table_mut()?.ok_or_else(no_table)?;
            run(table, tokens, &environment, reply)?
        }
        Run::Make(run) => key.make(|table| run(table, tokens, &environment, reply))?,
    };
    if let Some(table) = key.table()? {
        expiry::notice(context, named, table);
    }
    Ok(effects)
}

/// Milliseconds since 1970 UTC.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// Random bits from the server's generator.
fn random() -> u64 {
    let mut bits = [0u8; 8];
    if let Some(fill) = api!(RedisModule_GetRandomBytes) {
        // SAFETY: the server writes so many bytes.
        unsafe { fill(bits.as_mut_ptr(), bits.len()) };
    }
    u64::from_le_bytes(bits)
}
