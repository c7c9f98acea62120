//! `YARR.INFO table`: how large a table is, part by part.

use super::{Environment, Reply};
use crate::{
    error::Result,
    schema::Method,
    table::{Feed, Table, TableIndex},
    tokens::Tokens,
};

/// Answers a map of numbers; `indexes` is an array of maps.
///
/// # Errors
/// Syntax.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    Tokens::new(args).finish()?;
    let expired = table.expired(environment.now.get());
    let counts: [(&str, u64); 9] = [
        ("records", table.len().saturating_sub(expired)),
        ("expired", expired),
        ("expiring", table.expiry().len()),
        ("fields", table.schema().visible().len() as u64),
        ("bytes", table.bytes() as u64),
        ("bytes_records", table.records().bytes() as u64),
        ("bytes_ids", table.ids().bytes() as u64),
        ("bytes_expiry", table.expiry().bytes() as u64),
        ("bytes_slack", table.slack() as u64),
    ];
    reply.map(counts.len() + 7);
    reply.bulk(b"identity");
    reply.bulk(format!("{:016x}", table.identity()).as_bytes());
    reply.bulk(b"version");
    match table.history().version() {
        Some(version) => reply.integer(version),
        None => reply.null(),
    }
    reply.bulk(b"highest_id");
    reply.integer(table.highest_id());
    reply.bulk(b"ttl");
    match table.schema().ttl {
        Some(ttl) => reply.integer(ttl / 1000),
        None => reply.null(),
    }
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }
    reply.bulk(b"migration");
    migration_reply(table, environment.now.get(), reply);
    reply.bulk(b"changes");
    match table.feed() {
        Ok(feed) => feed_reply(feed, reply),
        Err(_) => reply.null(),
    }
    reply.bulk(b"indexes");
    reply.array(table.indexes().len());
    for index in table.indexes() {
        index_reply(table, index, reply);
    }
    Ok(())
}

/// The migration that is running, and how far it has come; else null.
fn migration_reply(table: &Table, now: i64, reply: &mut dyn Reply) {
    let (Some(running), Some(progress)) = (table.running(), table.progress()) else {
        return reply.null();
    };
    let seconds = running.line.took_by(now).max(1) as f64 / 1e6;
    let numbers = [
        ("percent", progress.percent()),
        ("met", progress.met),
        ("records", progress.records),
        ("per_second", (progress.met as f64 / seconds) as u64),
    ];
    reply.map(numbers.len() + 2);
    reply.bulk(b"version");
    reply.integer(running.line.version);
    reply.bulk(b"name");
    reply.bulk(running.line.name.as_bytes());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
    }
}

/// How far the change feed has come, what it holds, and who reads it.
fn feed_reply(feed: &Feed, reply: &mut dyn Reply) {
    let numbers = [
        ("head", feed.head()),
        ("floor", feed.floor()),
        ("tombstones", feed.tombstones().len()),
        ("tombstone_bytes", feed.tombstones().bytes()),
    ];
    reply.map(numbers.len() + 2);
    reply.bulk(b"epoch");
    reply.bulk(format!("{:016x}", feed.epoch()).as_bytes());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
    }
    reply.bulk(b"consumers");
    reply.array(feed.consumers().len());
    for consumer in feed.consumers() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(&consumer.name);
        reply.bulk(b"epoch");
        reply.bulk(format!("{:016x}", consumer.position.epoch).as_bytes());
        reply.bulk(b"position");
        reply.integer(consumer.position.number as i64);
        reply.bulk(b"lag");
        reply.integer(feed.head().saturating_sub(consumer.position.number) as i64);
        reply.bulk(b"acknowledged_at");
        reply.integer(consumer.at);
        reply.bulk(b"resync");
        reply.boolean(feed.resume(consumer.position).is_err());
    }
}

fn index_reply(table: &Table, index: &TableIndex, reply: &mut dyn Reply) {
    reply.map(4);
    reply.bulk(b"fields");
    let names = table.schema().index_names(&index.definition);
    reply.bulk(names.join(" ").as_bytes());
    reply.bulk(b"kind");
    reply.bulk(match (index.definition.method, index.definition.unique) {
        (Method::Bitmap, _) => b"bitmap",
        (Method::SortedSet, true) => b"unique",
        (Method::SortedSet, false) => b"sorted set",
    });
    reply.bulk(b"entries");
    reply.integer(i64::try_from(index.index.len()).unwrap_or(i64::MAX));
    reply.bulk(b"bytes");
    reply.integer(index.index.bytes() as i64);
}
