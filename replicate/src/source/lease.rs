//! The lease: a key in the source that keeps two runners of one table apart. It saves work; what keeps rows from being
//! doubled is the target's transaction.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{Value, cmd};
use tokio::task::JoinHandle;

use super::Source;
use crate::error::{Error, Kind, Result};

/// Sets the lease anew where it is still this runner's.
const RENEW: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";
/// Frees it where it is still this runner's.
const FREE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// A lease that is held, and renewed beside the work.
#[derive(Debug)]
pub struct Lease {
    key: String,
    token: String,
    lost: Arc<AtomicBool>,
    renewal: JoinHandle<()>,
}

impl Source {
    /// Takes the lease of a table. `token` tells this runner from all others and says, for people, who it is.
    ///
    /// # Errors
    /// [`Kind::Busy`] where another runner has it, and who that is.
    pub async fn lease(&mut self, key: &str, token: &str, time: Duration) -> Result<Lease> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = cmd("SET");
        command
            .arg(key)
            .arg(token)
            .arg("NX")
            .arg("PX")
            .arg(milliseconds);
        if self.ask::<Value>(&command).await? == Value::Nil {
            let holder: Option<String> = self.ask(cmd("GET").arg(key)).await?;
            return Err(Error::new(
                Kind::Busy,
                format!(
                    "another runner has the table: {} holds '{key}', for {} ms at most once it is gone",
                    holder.as_deref().unwrap_or("it"),
                    milliseconds
                ),
            ));
        }
        let lost = Arc::new(AtomicBool::new(false));
        let mut connection = self.connection.another();
        let (its_lost, its_key, its_token) = (lost.clone(), key.to_string(), token.to_string());
        let renewal = tokio::spawn(async move {
            let mut misses = 0;
            loop {
                tokio::time::sleep(time / 3).await;
                let mut command = cmd("EVAL");
                command
                    .arg(RENEW)
                    .arg(1)
                    .arg(&its_key)
                    .arg(&its_token)
                    .arg(milliseconds);
                match connection.ask::<i64>(&command).await {
                    Ok(1) => misses = 0,
                    Err(_) if misses < 1 => misses += 1,
                    _ => return its_lost.store(true, Ordering::Relaxed),
                }
            }
        });
        Ok(Lease {
            key: key.into(),
            token: token.into(),
            lost,
            renewal,
        })
    }
}

impl Lease {
    /// Sees that it is still held.
    ///
    /// # Errors
    /// [`Kind::Busy`] where it could not be renewed in time.
    pub fn check(&self) -> Result<()> {
        match self.lost.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(Error::new(
                Kind::Busy,
                format!(
                    "the lease '{}' could not be renewed: another runner may have it",
                    self.key
                ),
            )),
        }
    }

    /// Frees it. Where that fails it ends by itself.
    pub async fn free(self, source: &mut Source) {
        let mut command = cmd("EVAL");
        command.arg(FREE).arg(1).arg(&self.key).arg(&self.token);
        let _ = source.ask::<Value>(&command).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}
