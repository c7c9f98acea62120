//! Runs migrations on a server: which versions, in which order, and block by block.

use std::{
    fmt,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use redis::{Cmd, Value};

use super::{
    Block, Migration, Migrator, Status,
    io::{Io, Nodes, blocking},
    lock::{self, Lock},
    migrator::State,
    printer,
    state::{self, Found, Note, Step},
};
use crate::{
    error::{Error, Result},
    reply,
    words::Words,
};

/// The way a version goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is applied.
    Up,
    /// It is taken back.
    Down,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Up => "up",
            Direction::Down => "down",
        })
    }
}

/// What a run is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Every version is applied.
    Up,
    /// Every version up to this one is applied.
    To(i64),
    /// This version is applied.
    Only(i64),
    /// This version is taken back.
    Down(i64),
    /// So many versions are taken back, the one applied last first.
    Back(usize),
    /// So many versions are taken back and applied again.
    Redo(usize),
}

/// A version that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The version.
    pub version: i64,
    /// What it is called.
    pub name: String,
    /// Which way it went.
    pub direction: Direction,
    /// How long that took.
    pub took: Duration,
}

/// Is told how a run comes on.
pub trait Observer: Send {
    /// Somebody else holds the lock.
    fn waiting(&mut self, _holder: &str) {}
    /// A version is begun.
    fn begin(&mut self, _direction: Direction, _migration: &Migration) {}
    /// A block of it is begun: which one, from 0 on, of how many.
    fn block(&mut self, _block: &Block, _nth: usize, _of: usize) {}
    /// So many records or keys of the block are done, of so many.
    fn progress(&mut self, _done: u64, _total: u64) {}
    /// A version is done.
    fn end(&mut self, _done: &Done) {}
}

impl Observer for () {}

/// Runs the migrations of a [`Migrator`] on a connection.
#[must_use]
pub struct Runner<'m, C> {
    migrator: &'m Migrator,
    connection: &'m mut C,
    nodes: Option<(Primaries<C>, Ask<C>)>,
    observer: Option<&'m mut dyn Observer>,
}

type Primaries<C> = fn(&mut C) -> redis::RedisResult<Vec<String>>;
type Ask<C> = fn(&mut C, &str, &Cmd) -> redis::RedisResult<Value>;

impl<'m, C: redis::ConnectionLike> Runner<'m, C> {
    pub(super) fn new(migrator: &'m Migrator, connection: &'m mut C) -> Runner<'m, C> {
        Runner {
            migrator,
            connection,
            nodes: None,
            observer: None,
        }
    }

    /// How the connection names the primaries of a cluster, and asks one of them: what a `for each` needs there.
    pub fn nodes(mut self, primaries: Primaries<C>, ask: Ask<C>) -> Runner<'m, C> {
        self.nodes = Some((primaries, ask));
        self
    }

    /// Tells somebody how it comes on.
    pub fn observer(mut self, observer: &'m mut dyn Observer) -> Runner<'m, C> {
        self.observer = Some(observer);
        self
    }

    /// Does what there is to do, and answers what was done.
    ///
    /// # Errors
    /// As [`Migrator::up`]; the observer was told what was done by then.
    pub fn run(self, goal: Goal) -> Result<Vec<Done>> {
        self.with(async |machine| machine.run(goal).await)
    }

    /// What [`run`](Runner::run) would do: the versions in their order.
    ///
    /// # Errors
    /// As [`run`](Runner::run).
    pub fn plan(self, goal: Goal) -> Result<Vec<(Direction, i64)>> {
        self.with(async |machine| {
            machine.migrator.check()?;
            let found = machine.found().await?;
            machine.plan(&found, goal)
        })
    }

    /// Answers each version, and what has become of it.
    ///
    /// # Errors
    /// What a server refuses.
    pub fn status(self) -> Result<Vec<Status>> {
        self.with(async |machine| machine.status().await)
    }

    /// Notes the versions of a range as applied, as they are here, without doing any of it. Answers which were noted.
    ///
    /// # Errors
    /// What a server refuses.
    pub fn baseline(self, versions: RangeInclusive<i64>) -> Result<Vec<i64>> {
        self.with(async |machine| machine.baseline(&versions).await)
    }

    /// Takes the lock from whoever holds it, and answers who that was.
    ///
    /// # Errors
    /// What a server refuses.
    pub fn unlock(self) -> Result<Option<String>> {
        self.with(async |machine| {
            let key = machine.migrator.keys.lock.clone();
            let holder = lock::held_by(&mut machine.io, &key).await?;
            machine.io.one(cmd(&["DEL", &key])).await?;
            Ok(holder)
        })
    }

    fn with<T>(
        self,
        work: impl AsyncFnOnce(&mut Machine<'_, blocking::Io<'_, C>>) -> Result<T>,
    ) -> Result<T> {
        let mut nobody = ();
        let mut machine = Machine {
            migrator: self.migrator,
            io: blocking::Io {
                connection: self.connection,
                nodes: self.nodes.map(|(primaries, ask)| Nodes { primaries, ask }),
            },
            observer: self.observer.unwrap_or(&mut nobody),
        };
        blocking::run(work(&mut machine))
    }
}

#[cfg(feature = "tokio-comp")]
pub(super) async fn run_async<C>(
    migrator: &Migrator,
    connection: &mut C,
    goal: Goal,
) -> Result<Vec<Done>>
where
    C: redis::aio::ConnectionLike + Send,
{
    let mut machine = Machine {
        migrator,
        io: super::io::tokio_io::Io(connection),
        observer: &mut (),
    };
    machine.run(goal).await
}

#[cfg(feature = "tokio-comp")]
pub(super) async fn status_async<C>(migrator: &Migrator, connection: &mut C) -> Result<Vec<Status>>
where
    C: redis::aio::ConnectionLike + Send,
{
    let mut machine = Machine {
        migrator,
        io: super::io::tokio_io::Io(connection),
        observer: &mut (),
    };
    machine.status().await
}

/// A run at work.
pub(super) struct Machine<'m, I> {
    pub(super) migrator: &'m Migrator,
    pub(super) io: I,
    pub(super) observer: &'m mut dyn Observer,
}

impl<I: Io> Machine<'_, I> {
    async fn run(&mut self, goal: Goal) -> Result<Vec<Done>> {
        self.migrator.check()?;
        // At most starts nothing is left to do, and nobody need wait for that.
        let found = self.found().await?;
        if self.plan(&found, goal)?.is_empty() {
            return Ok(Vec::new());
        }
        let lock = self.lock().await?;
        let result = self.work(&lock, goal).await;
        lock.release(&mut self.io).await;
        result
    }

    /// Takes the lock, or waits until it is free.
    async fn lock(&mut self) -> Result<Lock> {
        let migrator = self.migrator;
        Lock::acquire(
            &mut self.io,
            (&migrator.keys.lock, migrator.lease),
            &migrator.holder,
            migrator.patience,
            self.observer,
        )
        .await
    }

    async fn work(&mut self, lock: &Lock, goal: Goal) -> Result<Vec<Done>> {
        let found = self.found().await?;
        let plan = self.plan(&found, goal)?;
        let mut all = Vec::new();
        for (direction, version) in plan {
            let step = found
                .steps
                .get(&version)
                .filter(|step| step.direction == direction);
            let done = self.version(lock, direction, version, step).await?;
            self.observer.end(&done);
            all.push(done);
        }
        Ok(all)
    }

    /// Everything that the server keeps.
    async fn found(&mut self) -> Result<Found> {
        let keys = &self.migrator.keys;
        let mut found = Found::default();
        for member in reply::array(self.io.one(cmd(&["SMEMBERS", &keys.set])).await?)? {
            found
                .applied
                .extend(reply::text(member)?.parse::<i64>().ok());
        }
        found.applied.sort_unstable();
        for (version, text) in self.hash(&keys.notes).await? {
            let note = version.parse().ok().zip(Note::read(&text));
            found.notes.extend(note);
        }
        for (version, text) in self.hash(&keys.steps).await? {
            let step = version.parse().ok().zip(Step::read(&text));
            found.steps.extend(step);
        }
        Ok(found)
    }

    async fn hash(&mut self, key: &str) -> Result<Vec<(String, String)>> {
        let pairs = reply::map(self.io.one(cmd(&["HGETALL", key])).await?)?;
        let text = |(field, value)| Ok((reply::text(field)?, reply::text(value)?));
        pairs.into_iter().map(text).collect()
    }

    async fn status(&mut self) -> Result<Vec<Status>> {
        let found = self.found().await?;
        Ok(self.migrator.statuses(&found))
    }

    /// The versions that are to go up or down, in their order.
    fn plan(&self, found: &Found, goal: Goal) -> Result<Vec<(Direction, i64)>> {
        let statuses = self.migrator.statuses(found);
        let applied = |version: i64| found.applied.contains(&version);
        let known = |version: i64| match self.migrator.find(version) {
            Some(_) => Ok(()),
            None => Err(Error::Migration(format!(
                "there is no migration of version {version}"
            ))),
        };
        let up = |limit: i64| {
            self.sound(&statuses)?;
            let pending = self
                .migrator
                .migrations
                .iter()
                .map(|migration| migration.version);
            let pending = pending.filter(|version| *version <= limit && !applied(*version));
            Ok(pending.map(|version| (Direction::Up, version)).collect())
        };
        let back = |count: usize| {
            let versions = found.in_order();
            versions
                .into_iter()
                .rev()
                .take(count)
                .map(|version| (Direction::Down, version))
        };
        match goal {
            Goal::Up => up(i64::MAX),
            Goal::To(version) => known(version).and_then(|()| up(version)),
            Goal::Only(version) => {
                known(version)?;
                self.sound(&statuses)?;
                Ok(match applied(version) {
                    true => Vec::new(),
                    false => vec![(Direction::Up, version)],
                })
            }
            Goal::Down(version) => Ok(match applied(version) {
                true => vec![(Direction::Down, version)],
                false => {
                    known(version)?;
                    Vec::new()
                }
            }),
            Goal::Back(count) => Ok(back(count).collect()),
            Goal::Redo(count) => {
                let mut plan: Vec<(Direction, i64)> = back(count).collect();
                let again: Vec<(Direction, i64)> = plan
                    .iter()
                    .rev()
                    .map(|(_, version)| (Direction::Up, *version))
                    .collect();
                plan.extend(again);
                Ok(plan)
            }
        }
    }

    /// Whether what is applied is what is here.
    fn sound(&self, statuses: &[Status]) -> Result<()> {
        for status in statuses {
            let name = status.name.as_deref().unwrap_or_default();
            let what = match status.state {
                State::Changed => {
                    "it was changed since it was applied: put it back as it was and give the change a version of its own, or note it as it is now with a baseline"
                }
                State::Missing if self.migrator.strict => {
                    "it is applied, and there is no such migration here: bring it back"
                }
                State::HalfDown(..) => "its way down was begun: take it down to the end first",
                _ => continue,
            };
            return Err(Error::Migration(format!(
                "migration {} {name}: {what}",
                status.version
            )));
        }
        Ok(())
    }

    async fn version(
        &mut self,
        lock: &Lock,
        direction: Direction,
        version: i64,
        step: Option<&Step>,
    ) -> Result<Done> {
        let Some(migration) = self.migrator.find(version) else {
            return Err(Error::Migration(format!(
                "version {version} is applied and no migration of this program: take it down with the program that has it"
            )));
        };
        let start = Instant::now();
        let blocks = match direction {
            Direction::Up => migration.up.clone(),
            Direction::Down => migration.down()?,
        };
        let begun = match step {
            Some(step) => continued(migration, step, &blocks)?,
            None => 0,
        };
        self.observer.begin(direction, migration);
        for (nth, block) in blocks.iter().enumerate().skip(begun) {
            self.observer.block(block, nth, blocks.len());
            let note = Step {
                direction,
                done: nth + 1,
                checksum: checksum(&blocks, nth + 1),
            };
            self.block(lock, migration, block, &note).await?;
        }
        let took = start.elapsed();
        self.note(lock, migration, direction, took).await?;
        Ok(Done {
            version,
            name: migration.name.clone(),
            direction,
            took,
        })
    }

    /// Does a block, and notes that it is done.
    async fn block(
        &mut self,
        lock: &Lock,
        migration: &Migration,
        block: &Block,
        note: &Step,
    ) -> Result<()> {
        let (version, text) = (migration.version.to_string(), note.text());
        let steps = &self.migrator.keys.steps;
        let noted = vec!["HSET", steps.as_str(), &version, &text];
        match block {
            Block::Table { name, .. } => {
                self.table(lock, migration, note.direction, name).await?;
                lock.guarded(&mut self.io, &[noted]).await
            }
            Block::Redis(commands) => self.commands(lock, migration, commands, &noted).await,
            Block::Each(each) => self.each(lock, migration, each, &noted).await,
        }
    }

    /// Notes a version as applied, or no longer.
    async fn note(
        &mut self,
        lock: &Lock,
        migration: &Migration,
        direction: Direction,
        took: Duration,
    ) -> Result<()> {
        let keys = &self.migrator.keys;
        let version = migration.version.to_string();
        let gathered = format!("{version}:keys");
        let step = vec!["HDEL", keys.steps.as_str(), &version, &gathered];
        if direction == Direction::Down {
            let set = vec!["SREM", keys.set.as_str(), &version];
            let note = vec!["HDEL", keys.notes.as_str(), &version];
            return lock.guarded(&mut self.io, &[set, note, step]).await;
        }
        let at = self.time().await?;
        let text = Note {
            name: migration.name.clone(),
            checksum: migration.checksum(),
            at,
            took,
        }
        .text();
        let set = vec!["SADD", keys.set.as_str(), &version];
        let note = vec!["HSET", keys.notes.as_str(), &version, &text];
        lock.guarded(&mut self.io, &[set, note, step]).await
    }

    /// Milliseconds by the server's clock.
    async fn time(&mut self) -> Result<i64> {
        let key = &self.migrator.keys.set;
        let script = "local t = redis.call('TIME') return t[1] .. string.format('%06d', t[2])";
        let time = self.io.one(cmd(&["EVAL", script, "1", key])).await?;
        let microseconds: i64 = reply::text(time)?.parse().unwrap_or_default();
        Ok(microseconds / 1000)
    }

    async fn baseline(&mut self, versions: &RangeInclusive<i64>) -> Result<Vec<i64>> {
        let migrator = self.migrator;
        migrator.check()?;
        let lock = self.lock().await?;
        let mut noted = Vec::new();
        let mut result = Ok(());
        for status in self.status().await? {
            let Some(migration) = migrator
                .find(status.version)
                .filter(|_| versions.contains(&status.version))
            else {
                continue;
            };
            if status.state == State::Applied {
                continue;
            }
            result = self
                .note(&lock, migration, Direction::Up, Duration::ZERO)
                .await;
            if result.is_err() {
                break;
            }
            noted.push(migration.version);
        }
        lock.release(&mut self.io).await;
        result.map(|()| noted)
    }
}

/// The checksum of the first blocks.
fn checksum(blocks: &[Block], count: usize) -> u64 {
    state::checksum(&printer::blocks(blocks.get(..count).unwrap_or_default()))
}

/// How many blocks are done; they must be those that were.
fn continued(migration: &Migration, step: &Step, blocks: &[Block]) -> Result<usize> {
    match step.done <= blocks.len() && step.checksum == checksum(blocks, step.done) {
        true => Ok(step.done),
        false => Err(migration.named(&format!(
            "on its way {} its first {} blocks were done, and these were changed since: put them back as they were, or note it as applied with a baseline",
            step.direction, step.done
        ))),
    }
}

pub(super) fn cmd(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    words.iter().for_each(|word| _ = command.arg(*word));
    command
}

pub(super) fn command(words: &Words) -> Cmd {
    let mut command = Cmd::new();
    words.iter().for_each(|word| _ = command.arg(word));
    command
}
