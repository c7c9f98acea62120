//! `YARR.EXPLAIN table [ANALYZE] FIND|WHERE|AGGREGATE|UPDATE|DEL ...`: how a command would find its records.

use std::time::Instant;

use super::{Environment, Recorded, Reply, aggregate, del, find, update, r#where};
use crate::{
    error::{Error, Result},
    query::{self, Query},
    table::Table,
    tokens::Tokens,
};

/// Answers the plan, a line a step. ANALYZE, of FIND, WHERE and AGGREGATE alone, carries the command out
/// and adds what it answered and how long it took.
///
/// # Errors
/// What the command itself would answer.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let mut tokens = Tokens::new(args);
    let analyze = tokens.accept("ANALYZE");
    let before = tokens.clone();
    let verb = tokens
        .expect_token("FIND, WHERE, AGGREGATE, UPDATE or DEL")?
        .to_ascii_uppercase();
    let rest = tokens.take_rest();
    let most = environment.limits.reply_records;
    let now = environment.now.get();
    let plan = |query: Option<&Query>| match (query, analyze) {
        (None, _) => Ok(vec!["look up by id".into()]),
        (Some(query), false) => Ok(query::explain(table, query, now)?.lines()),
        (Some(query), true) => Ok(query::analyze(table, query, now, most)?.lines()),
    };
    let mut lines = match verb.as_slice() {
        b"FIND" => plan(find::parse(rest)?.query().as_ref())?,
        b"WHERE" => {
            let request = r#where::parse(rest)?;
            match (request.counts(), analyze) {
                (true, false) => query::explain_count(table, request.query(), now)?.lines(),
                (true, true) => query::analyze_count(table, request.query(), now)?.lines(),
                (false, _) => plan(Some(request.query()))?,
            }
        }
        b"UPDATE" if !analyze => plan(update::parse(table.schema(), rest)?.query().as_ref())?,
        b"DEL" if !analyze => plan(del::parse(rest)?.query().as_ref())?,
        b"UPDATE" | b"DEL" => {
            return Err(Error::syntax(
                "syntax error: ANALYZE carries the command out, so it takes only FIND, WHERE and AGGREGATE",
            ));
        }
        b"AGGREGATE" => {
            let asked = aggregate::parse(rest)?;
            match analyze {
                true => query::analyze_aggregate(table, &asked, now, most)?.lines(),
                false => query::explain_aggregate(table, &asked, now)?.lines(),
            }
        }
        _ => return Err(before.unexpected("FIND, WHERE, AGGREGATE, UPDATE or DEL")),
    };
    if analyze {
        let mut recorded = Recorded::default();
        let begun = Instant::now();
        match verb.as_slice() {
            b"FIND" => find::run(table, rest, environment, &mut recorded)?,
            b"AGGREGATE" => aggregate::run(table, rest, environment, &mut recorded)?,
            _ => r#where::run(table, rest, environment, &mut recorded)?,
        }
        let took = begun.elapsed().as_micros();
        lines.push(format!("answered {} in {took} us", recorded.outline()));
    }
    reply.array(lines.len());
    for line in lines {
        reply.bulk(line.as_bytes());
    }
    Ok(())
}
