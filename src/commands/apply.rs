//! `YARR.APPLY table bytes`: effects decided elsewhere, carried out here. Servers say it to one
//! another and to their AOF; it is nothing for an application.

use super::{Environment, Reply};
use crate::{
    error::Result,
    table::{self, Effects, Table},
    tokens::Tokens,
};

/// Answers OK.
///
/// # Errors
/// BADVALUE where the bytes are damaged or do not belong to this table; then nothing changed.
pub fn run(
    table: &mut Option<Box<Table>>,
    args: &[&[u8]],
    _environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let mut tokens = Tokens::new(args);
    let bytes = tokens.expect_token("the effects, as bytes")?;
    tokens.finish()?;
    let effects = table::apply(table, bytes)?;
    reply.status("OK");
    Ok(effects)
}
