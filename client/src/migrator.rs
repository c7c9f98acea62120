//! Carries out the migrations of an application.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use redis::{Cmd, Pipeline, Value};

use crate::{
    error::{Error, Result},
    migration::Migration,
    reply,
    words::Words,
};

/// A version, and whether it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The version.
    pub version: i64,
    /// What it is called; `None` where the server has it and the program does not.
    pub name: Option<String>,
    /// Whether it is applied.
    pub applied: bool,
}

/// Carries out the migrations of an application, each once, in the order of their versions.
///
/// Any number of its processes may do so at once, and at each start: one does the work, under a lock with a lease that
/// it renews, and the others wait until it is done and find nothing left to do. Where it dies, the lease ends and
/// another goes on. Which versions are applied stands in a Redis set, `{yarr}:migrations` unless
/// [`keys`](Migrator::keys) says another; a table's own history is the truth for the table, so that a step that was
/// done and not noted is found done.
///
/// ```no_run
/// # use yarr_client::{Migration, Migrator, redis};
/// # fn main() -> yarr_client::Result<()> {
/// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
/// let migrator = Migrator::new()
///     .with(Migration::new(1, "create_job").table("job", "ADD FIELD priority INTEGER INDEX"))
///     .with(Migration::new(2, "add_task").table("job", "ADD FIELD task STRING"));
/// let applied: Vec<i64> = migrator.up(&mut connection)?;
/// # Ok(())
/// # }
/// ```
///
/// In a cluster the keys of a migration's commands lie in the slot of the set; tables lie where they like.
///
/// It is a connection of its own that it wants: on a multiplexed one that others use as well, their transactions come
/// between its own.
#[derive(Debug, Clone)]
#[must_use]
pub struct Migrator {
    migrations: Vec<Migration>,
    set: String,
    lock: String,
    lease: Duration,
}

impl Default for Migrator {
    fn default() -> Self {
        Migrator::new()
    }
}

/// How long it waits before it looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// Renews the lock where it is still ours.
const RENEW: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";
/// Lets the lock go where it is still ours.
const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

impl Migrator {
    /// No migrations so far.
    pub fn new() -> Migrator {
        Migrator {
            migrations: Vec::new(),
            set: "{yarr}:migrations".into(),
            lock: "{yarr}:migrations:lock".into(),
            lease: Duration::from_secs(30),
        }
    }

    /// Adds a migration; they are sorted by their versions.
    pub fn with(mut self, migration: Migration) -> Migrator {
        self.migrations.push(migration);
        self.migrations.sort_by_key(|migration| migration.version);
        self
    }

    /// Keeps the versions in the set `name`, and the lock beside it in `name:lock`.
    pub fn keys(mut self, name: &str) -> Migrator {
        self.set = name.into();
        self.lock = format!("{name}:lock");
        self
    }

    /// How long the lock outlives a process that died; half a minute unless said otherwise.
    pub fn lease(mut self, lease: Duration) -> Migrator {
        self.lease = lease;
        self
    }

    /// Applies every version that is not applied, and answers which these were.
    ///
    /// # Errors
    /// What a server refuses; [`Error::Migration`] where a migration of a table failed, or the lock was lost. What is
    /// applied by then stays so, and the next call goes on behind it.
    pub fn up<C: redis::ConnectionLike>(&self, connection: &mut C) -> Result<Vec<i64>> {
        blocking::run(self.go_up(&mut blocking::Io(connection)))
    }

    /// Takes the version applied last down again, and answers which it was.
    ///
    /// # Errors
    /// As [`up`](Migrator::up); `IRREVERSIBLE` where there is no way back.
    pub fn down<C: redis::ConnectionLike>(&self, connection: &mut C) -> Result<Option<i64>> {
        blocking::run(self.go_down(&mut blocking::Io(connection)))
    }

    /// Answers each version, and whether it is applied.
    ///
    /// # Errors
    /// What a server refuses.
    pub fn status<C: redis::ConnectionLike>(&self, connection: &mut C) -> Result<Vec<Status>> {
        blocking::run(self.look(&mut blocking::Io(connection)))
    }

    /// As [`up`](Migrator::up), on an asynchronous connection.
    ///
    /// # Errors
    /// As [`up`](Migrator::up).
    #[cfg(feature = "tokio-comp")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio-comp")))]
    pub async fn up_async<C>(&self, connection: &mut C) -> Result<Vec<i64>>
    where
        C: redis::aio::ConnectionLike + Send,
    {
        self.go_up(&mut tokio_io::Io(connection)).await
    }

    /// As [`down`](Migrator::down), on an asynchronous connection.
    ///
    /// # Errors
    /// As [`down`](Migrator::down).
    #[cfg(feature = "tokio-comp")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio-comp")))]
    pub async fn down_async<C>(&self, connection: &mut C) -> Result<Option<i64>>
    where
        C: redis::aio::ConnectionLike + Send,
    {
        self.go_down(&mut tokio_io::Io(connection)).await
    }

    /// As [`status`](Migrator::status), on an asynchronous connection.
    ///
    /// # Errors
    /// As [`status`](Migrator::status).
    #[cfg(feature = "tokio-comp")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio-comp")))]
    pub async fn status_async<C>(&self, connection: &mut C) -> Result<Vec<Status>>
    where
        C: redis::aio::ConnectionLike + Send,
    {
        self.look(&mut tokio_io::Io(connection)).await
    }

    async fn look(&self, io: &mut impl Io) -> Result<Vec<Status>> {
        let applied = self.applied(io).await?;
        let known = self.migrations.iter().map(|migration| Status {
            version: migration.version,
            name: Some(migration.name.clone()),
            applied: applied.contains(&migration.version),
        });
        let mut all: Vec<Status> = known.collect();
        for version in applied {
            if !all.iter().any(|status| status.version == version) {
                all.push(Status {
                    version,
                    name: None,
                    applied: true,
                });
            }
        }
        all.sort_by_key(|status| status.version);
        Ok(all)
    }

    async fn go_up(&self, io: &mut impl Io) -> Result<Vec<i64>> {
        self.check()?;
        // At most starts nothing is left to do, and nobody need wait for that.
        if self.left(io).await?.is_empty() {
            return Ok(Vec::new());
        }
        let lock = self.acquire(io).await?;
        let result = self.apply(io, &lock).await;
        lock.release(io).await;
        result
    }

    async fn go_down(&self, io: &mut impl Io) -> Result<Option<i64>> {
        self.check()?;
        let lock = self.acquire(io).await?;
        let result = self.take_down(io, &lock).await;
        lock.release(io).await;
        result
    }

    fn check(&self) -> Result<()> {
        let mut versions = std::collections::BTreeSet::new();
        for migration in &self.migrations {
            let named = |what: &str| {
                Error::Migration(format!(
                    "migration {} {}: {what}",
                    migration.version, migration.name
                ))
            };
            if let Some(fault) = &migration.fault {
                return Err(named(fault));
            }
            if !versions.insert(migration.version) {
                return Err(named("the version stands twice"));
            }
        }
        Ok(())
    }

    /// The versions in the set.
    async fn applied(&self, io: &mut impl Io) -> Result<Vec<i64>> {
        let members = reply::array(io.one(cmd(&["SMEMBERS", &self.set])).await?)?;
        let mut versions = Vec::new();
        for member in members {
            // A version that is being taken down is noted as `version:down` beside.
            versions.extend(reply::text(member)?.parse::<i64>().ok());
        }
        versions.sort_unstable();
        Ok(versions)
    }

    async fn left(&self, io: &mut impl Io) -> Result<Vec<&Migration>> {
        let applied = self.applied(io).await?;
        let left = self
            .migrations
            .iter()
            .filter(|migration| !applied.contains(&migration.version));
        Ok(left.collect())
    }

    async fn apply(&self, io: &mut impl Io, lock: &Lock<'_>) -> Result<Vec<i64>> {
        let mut done = Vec::new();
        for migration in self.left(io).await? {
            for (table, operations) in &migration.tables {
                let mut command = migrate(table, "UP", migration.version);
                command.arg(&migration.name);
                operations.iter().for_each(|word| _ = command.arg(word));
                self.migrate(io, lock, migration, table, command).await?;
            }
            let note = migration.version.to_string();
            lock.all(io, &migration.commands, &self.set, &note).await?;
            done.push(migration.version);
        }
        Ok(done)
    }

    async fn take_down(&self, io: &mut impl Io, lock: &Lock<'_>) -> Result<Option<i64>> {
        let Some(version) = self.applied(io).await?.into_iter().next_back() else {
            return Ok(None);
        };
        let Some(migration) = self
            .migrations
            .iter()
            .find(|migration| migration.version == version)
        else {
            return Err(Error::Migration(format!(
                "version {version} is applied and no migration of this program: take it down with the program that has it"
            )));
        };
        let half = format!("{version}:down");
        let begun = io.one(cmd(&["SISMEMBER", &self.set, &half])).await?;
        if reply::integer(&begun)? == 0 {
            let commands = &migration.down_commands;
            lock.all(io, commands, &self.set, &half).await?;
        }
        for (table, _) in migration.tables.iter().rev() {
            let mut command = migrate(table, "DOWN", version);
            if migration.drop_data {
                command.arg("DROP").arg("DATA");
            }
            match self.migrate(io, lock, migration, table, command).await {
                Err(Error::NoVersion(_)) if self.is_down(io, table, version).await? => {}
                result => result?,
            }
        }
        lock.renew(io).await?;
        let notes = cmd(&["SREM", &self.set, &version.to_string(), &half]);
        io.one(notes).await?;
        Ok(Some(version))
    }

    /// Sends a YARR.MIGRATE and waits until it has come to its end.
    async fn migrate(
        &self,
        io: &mut impl Io,
        lock: &Lock<'_>,
        migration: &Migration,
        table: &[u8],
        command: Cmd,
    ) -> Result<()> {
        loop {
            lock.renew(io).await?;
            match io.one(command.clone()).await {
                Ok(status) if reply::text(status.clone())? != "RUNNING" => return Ok(()),
                Ok(_) => break,
                // Somebody else changes the table: that ends.
                Err(Error::Busy(_)) => io.wait(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        loop {
            match self.state(io, table, migration.version).await?.as_str() {
                "RUNNING" => {
                    io.wait(PAUSE).await;
                    lock.renew(io).await?;
                }
                "APPLIED" => return Ok(()),
                failed => {
                    return Err(Error::Migration(format!(
                        "migration {} {} of table '{}': {failed}",
                        migration.version,
                        migration.name,
                        table.escape_ascii()
                    )));
                }
            }
        }
    }

    /// The last line of a version in a table's history: its direction and state.
    async fn last(
        &self,
        io: &mut impl Io,
        table: &[u8],
        version: i64,
    ) -> Result<Option<(String, String)>> {
        let mut command = redis::cmd("YARR.SCHEMA");
        command.arg(table).arg("HISTORY");
        let mut last = None;
        for line in reply::array(io.one(command).await?)? {
            let (mut of, mut direction, mut state) = (None, String::new(), String::new());
            for (key, value) in reply::map(line)? {
                match reply::text(key)?.as_str() {
                    "version" => of = Some(reply::integer(&value)?),
                    "direction" => direction = reply::text(value)?,
                    "state" => state = reply::text(value)?,
                    _ => {}
                }
            }
            if of == Some(version) {
                last = Some((direction, state));
            }
        }
        Ok(last)
    }

    async fn state(&self, io: &mut impl Io, table: &[u8], version: i64) -> Result<String> {
        let last = self.last(io, table, version).await?;
        Ok(
            last.map_or("FAILED: it is not in the history".into(), |(_, state)| {
                state
            }),
        )
    }

    async fn is_down(&self, io: &mut impl Io, table: &[u8], version: i64) -> Result<bool> {
        let last = self.last(io, table, version).await?;
        Ok(last.is_some_and(|(direction, state)| direction == "down" && state == "APPLIED"))
    }

    async fn acquire(&self, io: &mut impl Io) -> Result<Lock<'_>> {
        let token = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        let lock = Lock {
            key: &self.lock,
            lease: self.lease.as_millis().max(1).to_string(),
            token,
        };
        let take = cmd(&["SET", lock.key, &lock.token, "NX", "PX", &lock.lease]);
        while io.one(take.clone()).await? == Value::Nil {
            io.wait(PAUSE).await;
        }
        Ok(lock)
    }
}

/// The lock that this process holds.
struct Lock<'m> {
    key: &'m str,
    lease: String,
    token: String,
}

impl Lock<'_> {
    fn lost(&self) -> Error {
        Error::Migration(format!(
            "the lock '{}' was lost: its lease ended before the work did; give it a longer one",
            self.key
        ))
    }

    async fn renew(&self, io: &mut impl Io) -> Result<()> {
        let renew = cmd(&["EVAL", RENEW, "1", self.key, &self.token, &self.lease]);
        match reply::integer(&io.one(renew).await?)? {
            0 => Err(self.lost()),
            _ => Ok(()),
        }
    }

    /// What fails here is left to the lease.
    async fn release(&self, io: &mut impl Io) {
        let _ = io
            .one(cmd(&["EVAL", RELEASE, "1", self.key, &self.token]))
            .await;
    }

    /// Sends commands and notes them in a set, in one transaction, if the lock is ours all the while.
    async fn all(&self, io: &mut impl Io, commands: &[Words], set: &str, note: &str) -> Result<()> {
        self.renew(io).await?;
        if commands.is_empty() {
            return io.one(cmd(&["SADD", set, note])).await.map(drop);
        }
        io.one(cmd(&["WATCH", self.key])).await?;
        let holder = io.one(cmd(&["GET", self.key])).await?;
        if holder != Value::BulkString(self.token.clone().into()) {
            io.one(cmd(&["UNWATCH"])).await?;
            return Err(self.lost());
        }
        let mut pipeline = Pipeline::new();
        pipeline.atomic();
        for words in commands {
            let mut command = Cmd::new();
            words.iter().for_each(|word| _ = command.arg(word));
            pipeline.add_command(command);
        }
        pipeline.add_command(cmd(&["SADD", set, note]));
        match io.all(pipeline).await {
            Ok(Value::Nil) => Err(self.lost()),
            Ok(_) => Ok(()),
            Err(error) => {
                // Redis goes on behind a command that it refuses, so the note may be there: it must not.
                let _ = io.one(cmd(&["SREM", set, note])).await;
                Err(error)
            }
        }
    }
}

fn cmd(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    words.iter().for_each(|word| _ = command.arg(word));
    command
}

fn migrate(table: &[u8], direction: &str, version: i64) -> Cmd {
    let mut command = redis::cmd("YARR.MIGRATE");
    command.arg(table).arg(direction).arg(version);
    command
}

/// A connection and a clock, of either sort: the same steps are taken on both.
trait Io {
    fn one(&mut self, command: Cmd) -> impl Future<Output = Result<Value>> + Send;
    fn all(&mut self, pipeline: Pipeline) -> impl Future<Output = Result<Value>> + Send;
    fn wait(&mut self, span: Duration) -> impl Future<Output = ()> + Send;
}

mod blocking {
    use std::{
        future::ready,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::{Cmd, Duration, Error, Pipeline, Result, Value};

    /// A blocking connection: its futures are ready once they are made.
    pub(super) struct Io<'c, C>(pub(super) &'c mut C);

    impl<C: redis::ConnectionLike> super::Io for Io<'_, C> {
        fn one(&mut self, command: Cmd) -> impl Future<Output = Result<Value>> + Send {
            let reply = self.0.req_command(&command);
            ready(reply.and_then(Value::extract_error).map_err(Error::from))
        }

        fn all(&mut self, pipeline: Pipeline) -> impl Future<Output = Result<Value>> + Send {
            ready(pipeline.query(self.0).map_err(Error::from))
        }

        fn wait(&mut self, span: Duration) -> impl Future<Output = ()> + Send {
            std::thread::sleep(span);
            ready(())
        }
    }

    /// Runs what never waits for anything but such futures.
    pub(super) fn run<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(Error::Migration(
                "a blocking connection was not ready".into(),
            )),
        }
    }
}

#[cfg(feature = "tokio-comp")]
mod tokio_io {
    use super::{Cmd, Duration, Error, Pipeline, Result, Value};

    /// An asynchronous connection, on Tokio.
    pub(super) struct Io<'c, C>(pub(super) &'c mut C);

    impl<C: redis::aio::ConnectionLike + Send> super::Io for Io<'_, C> {
        async fn one(&mut self, command: Cmd) -> Result<Value> {
            let reply = self.0.req_packed_command(&command).await;
            reply.and_then(Value::extract_error).map_err(Error::from)
        }

        async fn all(&mut self, pipeline: Pipeline) -> Result<Value> {
            pipeline.query_async(self.0).await.map_err(Error::from)
        }

        async fn wait(&mut self, span: Duration) {
            tokio::time::sleep(span).await;
        }
    }
}
