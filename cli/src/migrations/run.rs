//! Runs migrations on every server of the environment, one server after the other.

use std::time::{Duration, Instant};

use clap::Args;
use redis::ConnectionLike;
use yarr_client::{Block, Direction, Done, Goal, Migration, Migrator, Observer, Runner};

use super::{dry_run, files::Files};
use crate::{
    Context, Error, Kind, Outcome, Result,
    config::span,
    output::{Cell, Column, DIM, GOOD, Output, Progress, Stream, WARN},
    server::Server,
};

/// What all that run migrations take.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// Show what would be done, and do none of it
    #[arg(long)]
    pub dry_run: bool,
    /// Give up where another run holds the lock for so long (30s, 5m); unless said, wait until it is over
    #[arg(long, value_name = "SPAN")]
    pub wait: Option<String>,
    /// Go on where versions are applied whose files are not here
    #[arg(long)]
    pub ignore_missing: bool,
}

/// What was planned on a server, and what came of it.
struct Work {
    server: String,
    plan: Vec<(Direction, i64)>,
    done: usize,
}

/// Runs to a goal on every server. A failure stops it, and says what was done.
pub(super) fn run(context: &Context, goal: Goal, how: &How) -> Result<Outcome> {
    let start = Instant::now();
    let files = Files::read(context)?;
    let mut migrator = files.migrator(context)?;
    if !how.ignore_missing {
        migrator = migrator.strict();
    }
    if let Some(wait) = &how.wait {
        migrator = migrator.patience(span(wait).map_err(|error| error.at("--wait"))?);
    }
    // Nothing is done anywhere unless every server answers, and has a plan.
    let mut works = Vec::new();
    for mut server in context.servers()? {
        let plan = on(&migrator, &mut server).plan(goal);
        let plan = plan.map_err(|error| planned(error).at(server.name()))?;
        let tables = |(_, version): &(Direction, i64)| {
            let migration = migrator.find(*version);
            let blocks = migration.map(Migration::up).unwrap_or_default();
            blocks
                .iter()
                .any(|block| matches!(block, Block::Table { .. }))
        };
        if plan.iter().any(tables) && !server.has_module() {
            let message = "the server has no YARR module: load libyarr.so by loadmodule";
            return Err(Error::new(Kind::Refused, message).at(server.name()));
        }
        works.push(Work {
            server: server.name().into(),
            plan,
            done: 0,
        });
    }
    if how.dry_run {
        let plans = works.into_iter().map(|work| work.plan).collect();
        return dry_run::run(context, &migrator, plans);
    }
    let mut stream = context.output.stream(&columns(&works, &migrator));
    for at in 0..works.len() {
        if let Err(error) = one(context, &migrator, goal, &mut works, at, &mut stream) {
            return Err(stopped(error, &works, at));
        }
    }
    if works.iter().all(|work| work.done == 0) {
        context.output.note("nothing to do")?;
    }
    let took = start.elapsed().as_secs_f64();
    if !context.global.quiet {
        context.output.line(&format!("Finished in {took:.3} s"))?;
    }
    Ok(Outcome::Done)
}

/// A run on a server, which knows how to ask the nodes of a cluster.
pub(super) fn on<'m>(migrator: &'m Migrator, server: &'m mut Server) -> Runner<'m, Server> {
    migrator.on(server).nodes(
        |server| {
            server.primaries().map_err(|error| {
                redis::RedisError::from((redis::ErrorKind::Io, "no primaries", error.message))
            })
        },
        Server::ask,
    )
}

/// An error before anything was done: mostly of the files.
fn planned(error: yarr_client::Error) -> Error {
    match error {
        yarr_client::Error::Migration(text) => Error::usage(text),
        other => other.into(),
    }
}

fn columns(works: &[Work], migrator: &Migrator) -> [Column; 5] {
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let plans = || works.iter().flat_map(|work| &work.plan);
    let name = |version: &i64| {
        migrator
            .find(*version)
            .map_or(0, |migration| migration.name().len())
    };
    [
        Column::text(
            "redis",
            width(&mut works.iter().map(|work| work.server.len())),
        ),
        Column::text("direction", 0),
        Column::number(
            "version",
            width(&mut plans().map(|(_, version)| version.to_string().len())),
        ),
        Column::text(
            "migration",
            width(&mut plans().map(|(_, version)| name(version))),
        ),
        Column::number("duration", 10),
    ]
}

fn one(
    context: &Context,
    migrator: &Migrator,
    goal: Goal,
    works: &mut [Work],
    at: usize,
    stream: &mut Stream<'_>,
) -> Result<(), (Error, bool)> {
    let Some(work) = works.get_mut(at) else {
        return Ok(());
    };
    // The connection of the plan may have been idle for long.
    let environment = context.environment().map_err(|error| (error, false))?;
    let address = environment
        .servers
        .iter()
        .find(|address| address.name == work.server);
    let Some(address) = address else {
        return Ok(());
    };
    let mut server =
        Server::connect(address, environment.timeout).map_err(|error| (error, false))?;
    let mut watcher = Watcher {
        output: &context.output,
        stream,
        server: work.server.clone(),
        done: 0,
        begun: false,
        bar: None,
        what: String::new(),
        failed: None,
    };
    let result = on(migrator, &mut server).observer(&mut watcher).run(goal);
    work.done = watcher.done;
    watcher.bar = None;
    let begun = watcher.begun;
    match (result, watcher.failed.take()) {
        (Err(error), _) => {
            let mut error = Error::from(error).at(&work.server);
            if !server.is_open() {
                error.kind = Kind::Unreachable;
            }
            Err((error, begun))
        }
        (Ok(_), Some(error)) => Err((error, begun)),
        (Ok(_), None) => Ok(()),
    }
}

/// What stopped a run, and what was and was not done by then.
fn stopped((error, begun): (Error, bool), works: &[Work], at: usize) -> Error {
    if error.kind == Kind::Pipe {
        return error;
    }
    let total: usize = works.iter().map(|work| work.done).sum();
    if total == 0 && !begun {
        return error;
    }
    let list = |versions: &[(Direction, i64)]| {
        let texts: Vec<String> = versions
            .iter()
            .map(|(direction, version)| format!("{direction} {version}"))
            .collect();
        texts.join(", ")
    };
    let mut message = error.message;
    for (nth, work) in works.iter().enumerate() {
        let (done, left) = work.plan.split_at(work.done.min(work.plan.len()));
        if !done.is_empty() {
            message.push_str(&format!("\n  {}: done: {}", work.server, list(done)));
        }
        let (first, rest) = left.split_at(usize::from(begun && nth == at).min(left.len()));
        if !first.is_empty() {
            message.push_str(&format!("\n  {}: begun: {}", work.server, list(first)));
        }
        if !rest.is_empty() {
            message.push_str(&format!("\n  {}: not done: {}", work.server, list(rest)));
        }
    }
    message.push_str("\nRun it again when the cause is mended: it goes on where it stopped.");
    Error::new(Kind::Halfway, message)
}

/// Writes a line for each version that is done, and shows how blocks come on.
struct Watcher<'w, 's> {
    output: &'w Output,
    stream: &'w mut Stream<'s>,
    server: String,
    done: usize,
    /// Whether a block of the version at hand is done.
    begun: bool,
    bar: Option<Progress>,
    what: String,
    /// What went wrong with the output.
    failed: Option<Error>,
}

impl Observer for Watcher<'_, '_> {
    fn waiting(&mut self, holder: &str) {
        let text = format!(
            "{}: waiting for the lock, which is held by {holder}",
            self.server
        );
        let _ = self.output.note(&text);
    }

    fn begin(&mut self, _: Direction, migration: &Migration) {
        self.what = migration.name().into();
        self.begun = false;
    }

    fn block(&mut self, block: &Block, nth: usize, _: usize) {
        self.begun |= nth > 0;
        self.bar = None;
        self.what = match block {
            Block::Table { name, .. } => format!("{} table {}", self.server, name.escape_ascii()),
            Block::Redis(_) => format!("{} redis", self.server),
            Block::Each(_) => format!("{} keys", self.server),
        };
    }

    fn progress(&mut self, done: u64, total: u64) {
        // Some keys are done: the version is begun.
        self.begun |= done > 0 && self.what.ends_with("keys");
        let bar = self
            .bar
            .get_or_insert_with(|| self.output.progress(Some(total), &self.what));
        bar.total(total);
        bar.set(done);
    }

    fn end(&mut self, done: &Done) {
        self.bar = None;
        self.done += 1;
        self.begun = false;
        let direction = match done.direction {
            Direction::Up => Cell::from("up").style(GOOD),
            Direction::Down => Cell::from("down").style(WARN),
        };
        let row = vec![
            Cell::from(self.server.as_str()),
            direction,
            Cell::from(done.version),
            Cell::from(done.name.as_str()),
            duration(done.took).style(DIM),
        ];
        if let Err(error) = self.stream.row(&row) {
            self.failed.get_or_insert(error);
        }
    }
}

/// A duration, in JSON as seconds.
pub(super) fn duration(took: Duration) -> Cell {
    let seconds = took.as_secs_f64();
    Cell::new(format!("{seconds:.3} s"), seconds)
}
