//! A `for each`: the keys of a pattern are gathered into a set, and go from there in batches.
//!
//! On one server a batch's commands and its removal from the set are one transaction, so that each key has its turn
//! once, however often the run is cut off. In a cluster a key goes from the set when its commands are done: what is cut
//! off there is done again.

use redis::{Cmd, Pipeline, RedisError, Value};

use super::{
    Migration,
    block::Each,
    glob,
    io::Io,
    lock::Lock,
    printer,
    runner::{Machine, cmd, command},
    state,
};
use crate::{
    error::{Error, Result},
    reply,
    words::Words,
};

/// How many keys a step of SCAN looks at.
const SCAN: &str = "1000";

impl<I: Io> Machine<'_, I> {
    /// Goes through the keys, and notes that it is done.
    pub(super) async fn each(
        &mut self,
        lock: &Lock,
        migration: &Migration,
        each: &Each,
        note: &[&str],
    ) -> Result<()> {
        let keys = &self.migrator.keys;
        let field = format!("{}:keys", migration.version);
        let cluster = self.is_cluster().await;
        let total = match self.gathered(migration, each, &field).await? {
            Some(total) => total,
            None => self.gather(lock, each, &field, cluster).await?,
        };
        loop {
            let left = reply::count(&self.io.one(cmd(&["SCARD", &keys.work])).await?)?;
            self.observer.progress(total.saturating_sub(left), total);
            if left == 0 {
                break;
            }
            match cluster {
                true => self.one_by_one(lock, migration, each).await?,
                false => self.batch(lock, migration, each).await?,
            }
        }
        let gone = vec!["DEL", keys.work.as_str()];
        let field = vec!["HDEL", keys.steps.as_str(), &field];
        lock.guarded(&mut self.io, &[note.to_vec(), gone, field])
            .await
    }

    /// How many keys were gathered by a run that was cut off.
    async fn gathered(
        &mut self,
        migration: &Migration,
        each: &Each,
        field: &str,
    ) -> Result<Option<u64>> {
        let found = self
            .io
            .one(cmd(&["HGET", &self.migrator.keys.steps, field]))
            .await?;
        if found == Value::Nil {
            return Ok(None);
        }
        let text = reply::text(found)?;
        let (total, pattern) = text.split_once(' ').unwrap_or_default();
        match pattern == mark(each) {
            true => Ok(total.parse().ok()),
            false => Err(migration.named(
                "its `for each` was begun with another pattern or type: put it back, the keys that are left are those of that one",
            )),
        }
    }

    /// Gathers the keys, and answers how many there are.
    async fn gather(
        &mut self,
        lock: &Lock,
        each: &Each,
        field: &str,
        cluster: bool,
    ) -> Result<u64> {
        let keys = &self.migrator.keys;
        lock.guarded(&mut self.io, &[vec!["DEL", keys.work.as_str()]])
            .await?;
        let primaries = match cluster {
            false => None,
            true => match self.io.primaries().await? {
                Some(primaries) if !primaries.is_empty() => Some(primaries),
                _ => {
                    return Err(Error::Migration(
                        "a `for each` in a cluster walks all of its nodes, which this connection cannot: run it with the `yarr` tool, and an address of redis+cluster://".into(),
                    ));
                }
            },
        };
        let nodes = primaries.map_or(vec![None], |names| names.into_iter().map(Some).collect());
        for node in nodes {
            let mut cursor = "0".to_string();
            loop {
                let mut scan = cmd(&["SCAN", &cursor, "COUNT", SCAN, "MATCH"]);
                scan.arg(&each.pattern);
                let page = match &node {
                    Some(node) => self.io.ask(node, scan).await?,
                    None => self.io.one(scan).await?,
                };
                let [next, found] = <[Value; 2]>::try_from(reply::array(page)?)
                    .map_err(|_| Error::reply("a page of SCAN without a cursor".into()))?;
                self.keep(lock, reply::array(found)?).await?;
                cursor = reply::text(next)?;
                if cursor == "0" {
                    break;
                }
            }
        }
        let total = reply::count(&self.io.one(cmd(&["SCARD", &keys.work])).await?)?;
        let text = format!("{total} {}", mark(each));
        let noted = vec!["HSET", keys.steps.as_str(), field, &text];
        lock.guarded(&mut self.io, &[noted]).await?;
        Ok(total)
    }

    /// Keeps keys that were found.
    async fn keep(&mut self, lock: &Lock, found: Vec<Value>) -> Result<()> {
        let keys = &self.migrator.keys;
        let mut add = cmd(&["SADD", &keys.work]);
        let mut any = false;
        for key in found {
            if let Value::BulkString(key) = key {
                if !keys.own(&key) {
                    add.arg(key);
                    any = true;
                }
            }
        }
        lock.renew(&mut self.io).await?;
        match any {
            true => self.io.one(add).await.map(drop),
            false => Ok(()),
        }
    }

    /// Some keys of the set.
    async fn some(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let take = cmd(&["SRANDMEMBER", &self.migrator.keys.work, &count.to_string()]);
        let keys = reply::array(self.io.one(take).await?)?;
        keys.into_iter().map(bytes).collect()
    }

    /// Does one batch and takes it from the set, in one transaction.
    async fn batch(&mut self, lock: &Lock, migration: &Migration, each: &Each) -> Result<()> {
        let work = self.migrator.keys.work.clone();
        let keys = self.some(each.batch).await?;
        let mut types = Pipeline::new();
        types.atomic();
        keys.iter()
            .for_each(|key| _ = types.add_command(of(&["TYPE"], key)));
        let types = self.io.all(types).await?.unwrap_or_default();
        let mut pipeline = Pipeline::new();
        pipeline.atomic().ignore_errors();
        let mut sent: Vec<(&Vec<u8>, Words)> = Vec::new();
        for (key, kind) in keys.iter().zip(types) {
            if fits(each, &reply::text(kind.map_err(Error::from)?)?) {
                sent.extend(commands(each, key).into_iter().map(|words| (key, words)));
            }
        }
        sent.iter()
            .for_each(|(_, words)| _ = pipeline.add_command(command(words)));
        let mut gone = cmd(&["SREM", &work]);
        keys.iter().for_each(|key| _ = gone.arg(key));
        pipeline.add_command(gone);
        lock.watch(&mut self.io).await?;
        let Some(answers) = self.io.all(pipeline).await? else {
            return Err(lock.lost());
        };
        let mut failed: Option<(Vec<u8>, Words, RedisError)> = None;
        let mut back: Vec<&Vec<u8>> = Vec::new();
        for ((key, words), answer) in sent.iter().zip(answers) {
            let Err(error) = answer else { continue };
            // It may have gone between the look at it and its turn.
            if back.contains(key) || self.io.one(of(&["EXISTS"], key)).await? == Value::Int(0) {
                continue;
            }
            back.push(*key);
            failed = failed.or(Some(((*key).clone(), words.clone(), error)));
        }
        let Some((key, words, error)) = failed else {
            return Ok(());
        };
        let mut add = cmd(&["SADD", &work]);
        back.iter().for_each(|key| _ = add.arg(*key));
        self.io.one(add).await?;
        Err(refused(migration, &key, &words, back.len(), &error))
    }

    /// Does some keys, each by itself.
    async fn one_by_one(&mut self, lock: &Lock, migration: &Migration, each: &Each) -> Result<()> {
        let work = self.migrator.keys.work.clone();
        for key in self.some(each.batch).await? {
            lock.renew(&mut self.io).await?;
            if fits(each, &reply::text(self.io.one(of(&["TYPE"], &key)).await?)?) {
                for words in commands(each, &key) {
                    let answer = self.io.one(command(&words)).await;
                    answer.map_err(|error| refused(migration, &key, &words, 1, &error))?;
                }
            }
            self.io.one(of(&["SREM", &work], &key)).await?;
        }
        Ok(())
    }
}

/// Whether a key of this type has its turn.
fn fits(each: &Each, kind: &str) -> bool {
    kind != "none"
        && each
            .kind
            .as_ref()
            .is_none_or(|wanted| kind.eq_ignore_ascii_case(wanted))
}

/// The commands for a key.
fn commands(each: &Each, key: &[u8]) -> Vec<Words> {
    let captures = glob::captures(&each.pattern, key).unwrap_or_default();
    let filled = |command| glob::filled(command, key, &captures);
    each.commands.iter().map(filled).collect()
}

/// What the keys that were gathered depend on.
fn mark(each: &Each) -> String {
    let kind = each.kind.as_deref().unwrap_or_default();
    let text = format!("{kind} {}", each.pattern.escape_ascii());
    format!("{:016x}", state::checksum(&text))
}

fn of(words: &[&str], key: &[u8]) -> Cmd {
    let mut command = cmd(words);
    command.arg(key);
    command
}

fn bytes(value: Value) -> Result<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(reply::unexpected("a key", &other)),
    }
}

fn refused(
    migration: &Migration,
    key: &[u8],
    words: &Words,
    keys: usize,
    error: &dyn std::fmt::Display,
) -> Error {
    let others = match keys {
        0 | 1 => String::new(),
        more => format!(" and {} others", more - 1),
    };
    migration.named(&format!(
        "key '{}'{others}: `{}`: {error}; the other commands of these keys were carried out, and they have their turn again in the next run",
        key.escape_ascii(),
        printer::line(words)
    ))
}
