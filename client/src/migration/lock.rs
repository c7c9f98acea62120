//! The lock that keeps two runs apart.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use redis::Value;

use super::{
    io::Io,
    runner::{Observer, cmd},
};
use crate::{
    error::{Error, Result},
    reply,
};

/// How long to wait before looking again.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// Renews the lock where it is still ours.
const RENEW: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";
/// Lets the lock go where it is still ours.
const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
/// Carries out commands, each led by its length, where the lock is still ours.
const GUARDED: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
    local at = 2 while at <= #ARGV do local n = tonumber(ARGV[at]) \
    redis.call(unpack(ARGV, at + 1, at + n)) at = at + n + 1 end return 1";

/// The lock that this process holds.
#[derive(Debug, Clone)]
pub(super) struct Lock {
    key: String,
    lease: String,
    /// A random word, then who holds it.
    token: String,
}

impl Lock {
    /// Takes the lock, or waits until it is free: for ever, or so long.
    pub(super) async fn acquire(
        io: &mut impl Io,
        (key, lease): (&str, Duration),
        holder: &str,
        patience: Option<Duration>,
        observer: &mut dyn Observer,
    ) -> Result<Lock> {
        let lock = Lock {
            key: key.into(),
            lease: lease.as_millis().max(1).to_string(),
            token: format!(
                "{:016x} {holder}",
                RandomState::new().hash_one(std::process::id())
            ),
        };
        let take = cmd(&["SET", key, &lock.token, "NX", "PX", &lock.lease]);
        let start = Instant::now();
        let mut told = false;
        while io.one(take.clone()).await? == Value::Nil {
            if !told {
                told = true;
                observer.waiting(&held_by(io, key).await?.unwrap_or_default());
            }
            if patience.is_some_and(|patience| start.elapsed() >= patience) {
                let holder = held_by(io, key).await?.unwrap_or("somebody".into());
                return Err(Error::Migration(format!(
                    "the lock '{key}' is held by {holder}: wait until that run is over, or free the lock where it is dead"
                )));
            }
            io.wait(PAUSE).await;
        }
        Ok(lock)
    }

    /// An error: the lock is somebody else's.
    pub(super) fn lost(&self) -> Error {
        Error::Migration(format!(
            "the lock '{}' was lost: its lease ended before the work did, or somebody freed it; give it a longer one and run again",
            self.key
        ))
    }

    pub(super) async fn renew(&self, io: &mut impl Io) -> Result<()> {
        let renew = cmd(&["EVAL", RENEW, "1", &self.key, &self.token, &self.lease]);
        match reply::integer(&io.one(renew).await?)? {
            0 => Err(self.lost()),
            _ => Ok(()),
        }
    }

    /// What fails here is left to the lease.
    pub(super) async fn release(&self, io: &mut impl Io) {
        let release = cmd(&["EVAL", RELEASE, "1", &self.key, &self.token]);
        let _ = io.one(release).await;
    }

    /// Carries out commands on keys beside the lock, all at once, where it is still ours.
    pub(super) async fn guarded(&self, io: &mut impl Io, commands: &[Vec<&str>]) -> Result<()> {
        let mut eval = cmd(&["EVAL", GUARDED, "1", &self.key, &self.token]);
        for command in commands {
            eval.arg(command.len());
            command.iter().for_each(|word| _ = eval.arg(*word));
        }
        match reply::integer(&io.one(eval).await?)? {
            0 => Err(self.lost()),
            _ => Ok(()),
        }
    }

    /// Watches the lock for the transaction that follows; it must be ours.
    pub(super) async fn watch(&self, io: &mut impl Io) -> Result<()> {
        self.renew(io).await?;
        io.one(cmd(&["WATCH", &self.key])).await?;
        let holder = io.one(cmd(&["GET", &self.key])).await?;
        if holder != Value::BulkString(self.token.clone().into()) {
            io.one(cmd(&["UNWATCH"])).await?;
            return Err(self.lost());
        }
        Ok(())
    }
}

/// Who holds a lock.
pub(super) async fn held_by(io: &mut impl Io, key: &str) -> Result<Option<String>> {
    match io.one(cmd(&["GET", key])).await? {
        Value::Nil => Ok(None),
        value => {
            let token = reply::text(value)?;
            let holder = token.split_once(' ').map(|(_, holder)| holder.to_string());
            Ok(Some(holder.unwrap_or(token)))
        }
    }
}
