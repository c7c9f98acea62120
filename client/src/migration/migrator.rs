//! The migrations of an application, and what a server has of them.

use std::{collections::BTreeSet, time::Duration};

pub use super::state::Note;
use super::{
    Migration,
    runner::{Done, Goal, Runner},
    state::{Found, Keys},
};
use crate::error::Result;

/// A version, and what has become of it on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The version.
    pub version: i64,
    /// What it is called: here, or else where it was applied.
    pub name: Option<String>,
    /// Whether it is applied.
    pub applied: bool,
    /// What has become of it.
    pub state: State,
    /// What stands beside it on the server.
    pub note: Option<Note>,
}

/// What has become of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is not applied.
    Pending,
    /// It is applied.
    Applied,
    /// It is applied, and is another one here than it was then.
    Changed,
    /// It is applied, and none of the migrations here.
    Missing,
    /// It was begun: so many of its blocks are done, of so many.
    HalfUp(usize, usize),
    /// Its way down was begun.
    HalfDown(usize, usize),
}

/// Carries out the migrations of an application, each once, in the order of their versions.
///
/// Any number of its processes may do so at once, and at each start: one does the work, under a lock with a lease that
/// it renews, and the others wait until it is done and find nothing left to do. Where it dies, the lease ends and
/// another goes on, behind the last block that is done. Which versions are applied stands in a Redis set,
/// `{yarr}:migrations` unless [`keys`](Migrator::keys) says another, with their names, checksums and times beside it; a
/// table's own history is the truth for the table, so that a step that was done and not noted is found done.
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
/// On one server the commands on plain keys are carried out once. In a cluster, where no transaction spans the slots,
/// what was cut off in the middle is done again: write such commands so that twice is as good as once. A `for each` walks
/// all nodes of a cluster, which takes a [`Runner`] that knows how to ask them, as the `yarr` tool has.
///
/// It is a connection of its own that it wants: on a multiplexed one that others use as well, their transactions come
/// between its own.
#[derive(Debug, Clone)]
#[must_use]
pub struct Migrator {
    pub(super) migrations: Vec<Migration>,
    pub(super) keys: Keys,
    pub(super) lease: Duration,
    pub(super) patience: Option<Duration>,
    pub(super) holder: String,
    pub(super) strict: bool,
}

impl Default for Migrator {
    fn default() -> Self {
        Migrator::new()
    }
}

impl Migrator {
    /// No migrations so far.
    pub fn new() -> Migrator {
        Migrator {
            migrations: Vec::new(),
            keys: Keys::of("{yarr}:migrations"),
            lease: Duration::from_secs(30),
            patience: None,
            holder: format!("process {}", std::process::id()),
            strict: false,
        }
    }

    /// Adds a migration; they are sorted by their versions.
    pub fn with(mut self, migration: Migration) -> Migrator {
        self.migrations.push(migration);
        self.migrations.sort_by_key(|migration| migration.version);
        self
    }

    /// Keeps the versions in the set `name`, and beside it, in the same slot, what belongs to them.
    pub fn keys(mut self, name: &str) -> Migrator {
        self.keys = Keys::of(name);
        self
    }

    /// How long the lock outlives a process that died; half a minute unless said otherwise.
    pub fn lease(mut self, lease: Duration) -> Migrator {
        self.lease = lease;
        self
    }

    /// How long to wait for the lock while somebody else holds it; for ever unless said otherwise.
    pub fn patience(mut self, patience: Duration) -> Migrator {
        self.patience = Some(patience);
        self
    }

    /// What this process is called where it holds the lock.
    pub fn holder(mut self, name: &str) -> Migrator {
        self.holder = name.into();
        self
    }

    /// Refuses to go up where versions are applied that are none of these. Without that, an older release of an
    /// application may start beside a newer one.
    pub fn strict(mut self) -> Migrator {
        self.strict = true;
        self
    }

    /// The migrations, by version.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// The migration of a version.
    pub fn find(&self, version: i64) -> Option<&Migration> {
        self.migrations
            .iter()
            .find(|migration| migration.version == version)
    }

    /// A run on a connection, to be told more than the functions here are.
    pub fn on<'m, C: redis::ConnectionLike>(&'m self, connection: &'m mut C) -> Runner<'m, C> {
        Runner::new(self, connection)
    }

    /// Applies every version that is not applied, and answers which these were.
    ///
    /// # Errors
    /// What a server refuses; [`Error::Migration`](crate::Error::Migration) where a migration of a table failed, one that
    /// is applied was changed, or the lock was lost. What is done by then stays so, and the next call goes on behind it.
    pub fn up<C: redis::ConnectionLike>(&self, connection: &mut C) -> Result<Vec<i64>> {
        self.on(connection).run(Goal::Up).map(versions)
    }

    /// Takes the version applied last down again, and answers which it was.
    ///
    /// # Errors
    /// As [`up`](Migrator::up); `IRREVERSIBLE` where there is no way back.
    pub fn down<C: redis::ConnectionLike>(&self, connection: &mut C) -> Result<Option<i64>> {
        let done = self.on(connection).run(Goal::Back(1))?;
        Ok(versions(done).pop())
    }

    /// Answers each version, and whether it is applied.
    ///
    /// # Errors
    /// What a server refuses.
    pub fn status<C: redis::ConnectionLike>(&self, connection: &mut C) -> Result<Vec<Status>> {
        self.on(connection).status()
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
        super::runner::run_async(self, connection, Goal::Up)
            .await
            .map(versions)
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
        let done = super::runner::run_async(self, connection, Goal::Back(1)).await?;
        Ok(versions(done).pop())
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
        super::runner::status_async(self, connection).await
    }

    /// Each version stands once and can be read.
    pub(super) fn check(&self) -> Result<()> {
        let mut versions = BTreeSet::new();
        for migration in &self.migrations {
            migration.sound()?;
            if !versions.insert(migration.version) {
                return Err(migration.named("the version stands twice"));
            }
        }
        Ok(())
    }

    /// What has become of each version.
    pub(super) fn statuses(&self, found: &Found) -> Vec<Status> {
        let here = self.migrations.iter().map(|migration| migration.version);
        let there = found.applied.iter().chain(found.steps.keys()).copied();
        let versions: BTreeSet<i64> = here.chain(there).collect();
        let status = |version| {
            let migration = self.find(version);
            let note = found.notes.get(&version);
            let applied = found.applied.contains(&version);
            let name = migration.map(|migration| migration.name.clone());
            Status {
                version,
                name: name.or_else(|| note.map(|note| note.name.clone())),
                applied,
                state: state(found, version, migration, note),
                note: note.cloned(),
            }
        };
        versions.into_iter().map(status).collect()
    }
}

fn state(found: &Found, version: i64, migration: Option<&Migration>, note: Option<&Note>) -> State {
    use super::runner::Direction;
    let applied = found.applied.contains(&version);
    match (found.steps.get(&version), migration) {
        (None, None) => State::Missing,
        (Some(_), None) if applied => State::Missing,
        (Some(step), _) if step.direction == Direction::Up && !applied => State::HalfUp(
            step.done,
            migration.map_or(0, |migration| migration.up.len()),
        ),
        (Some(step), Some(migration)) if step.direction == Direction::Down => {
            State::HalfDown(step.done, migration.down().map_or(0, |down| down.len()))
        }
        (_, Some(migration)) if applied => {
            match note.is_some_and(|note| note.checksum != migration.checksum()) {
                true => State::Changed,
                false => State::Applied,
            }
        }
        _ => State::Pending,
    }
}

fn versions(done: Vec<Done>) -> Vec<i64> {
    done.iter().map(|done| done.version).collect()
}
