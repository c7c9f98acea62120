//! A block of commands on plain keys.

use std::fmt;

use redis::{Pipeline, Value};

use super::{
    Migration,
    io::Io,
    lock::Lock,
    printer,
    runner::{Machine, cmd, command},
};
use crate::{error::Result, reply, words::Words};

impl<I: Io> Machine<'_, I> {
    /// Sends commands and their note in one transaction, if the lock is ours all the while; in a cluster one after the
    /// other.
    pub(super) async fn commands(
        &mut self,
        lock: &Lock,
        migration: &Migration,
        commands: &[Words],
        note: &[&str],
    ) -> Result<()> {
        let failed = |command: &Words, error: &dyn fmt::Display| {
            migration.named(&format!(
                "`{}`: {error}; the other commands of its block may have been carried out",
                printer::line(command)
            ))
        };
        if self.is_cluster().await {
            lock.renew(&mut self.io).await?;
            for words in commands {
                let sent = self.io.one(command(words)).await;
                sent.map_err(|error| failed(words, &error))?;
            }
            return lock.guarded(&mut self.io, &[note.to_vec()]).await;
        }
        let [_, steps, version, ..] = note else {
            return Ok(());
        };
        let before = self.io.one(cmd(&["HGET", steps, version])).await?;
        lock.watch(&mut self.io).await?;
        let mut pipeline = Pipeline::new();
        pipeline.atomic().ignore_errors();
        for words in commands {
            pipeline.add_command(command(words));
        }
        pipeline.add_command(cmd(note));
        let Some(answers) = self.io.all(pipeline).await? else {
            return Err(lock.lost());
        };
        for (words, answer) in commands.iter().zip(&answers) {
            if let Err(error) = answer {
                // Redis goes on behind a command that it refuses, so the note may be there: it must not.
                let back = match &before {
                    Value::Nil => cmd(&["HDEL", steps, version]),
                    before => cmd(&["HSET", steps, version, &reply::text(before.clone())?]),
                };
                let _ = self.io.one(back).await;
                return Err(failed(words, error));
            }
        }
        Ok(())
    }

    /// Whether it is a cluster. Where the server does not tell, transactions are tried.
    pub(super) async fn is_cluster(&mut self) -> bool {
        fn says(answer: &Value) -> bool {
            const YES: &str = "cluster_enabled:1";
            match answer {
                Value::BulkString(text) => String::from_utf8_lossy(text).contains(YES),
                Value::VerbatimString { text, .. } => text.contains(YES),
                // One answer of each node.
                Value::Map(nodes) => nodes.iter().any(|(_, answer)| says(answer)),
                _ => false,
            }
        }
        let answer = self.io.one(cmd(&["INFO", "cluster"])).await;
        answer.is_ok_and(|answer| says(&answer))
    }
}
