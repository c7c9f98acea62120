//! `YARR.ACK table consumer epoch position | FORGET`: how far a reader of the change feed has come.

use super::{Environment, Reply, changes::position};
use crate::{
    error::Result,
    table::{Effects, Table},
    tokens::Tokens,
};

/// Answers OK; for FORGET 1, or 0 where there was no such consumer.
///
/// # Errors
/// UNSUPPORTED without a feed, RESYNC where the position cannot be continued, BADVALUE for a name
/// too long, TOOMANY.
pub fn run(
    table: &mut Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let mut tokens = Tokens::new(args);
    let name = tokens.expect_token("a consumer's name")?;
    if tokens.accept("FORGET") {
        tokens.finish()?;
        let effects = table.forget_consumer(name)?;
        reply.integer(i64::from(!effects.is_empty()));
        return Ok(effects);
    }
    let position = position(&mut tokens)?;
    tokens.finish()?;
    let effects = table.acknowledge(name, position, environment.now.get())?;
    reply.status("OK");
    Ok(effects)
}
