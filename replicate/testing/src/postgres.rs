//! A PostgreSQL cluster of one's own.

use std::{
    env,
    fs::{self, File},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, User},
};
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};
use yarr_client_testing::eventually;

use crate::{runtime, watchdog::Watchdog};

/// How long it may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where it differs from its defaults: a crash of the machine is not foreseen, one of the server is.
const SETTINGS: [&str; 6] = [
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=50",
    "listen_addresses=127.0.0.1",
];

/// A running cluster; dropping it ends the processes that were started here, and no others.
pub struct Cluster {
    process: Child,
    watchdog: Option<Watchdog>,
    port: u16,
    programs: PathBuf,
    folder: TempDir,
}

impl Cluster {
    /// A cluster with the user and the database `postgres`; whoever asks is let in, with any password.
    ///
    /// # Panics
    /// Where the machine has no PostgreSQL, or it does not come up.
    pub fn start() -> Cluster {
        let programs = programs().expect("no initdb on this machine: install PostgreSQL");
        let folder = TempDir::with_prefix("yarr-postgres-").expect("a temporary folder");
        if let Some(owner) = owner() {
            let (user, group) = (owner.uid.as_raw(), owner.gid.as_raw());
            chown(folder.path(), Some(user), Some(group)).expect("a folder of PostgreSQL's user");
        }
        let made = as_owner(&programs, "initdb", folder.path())
            .args(["--no-sync", "--auth=trust", "--username=postgres"])
            .args(["--encoding=UTF8", "--locale=C", "-D", "data"])
            .output()
            .expect("initdb");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {said}");
        let port = yarr_client_testing::free_port();
        let process = launch(&programs, folder.path(), port);
        let watchdog = Some(Watchdog::over(process.id(), folder.path()));
        let mut cluster = Cluster {
            process,
            watchdog,
            port,
            programs,
            folder,
        };
        cluster.wait();
        cluster
    }

    /// Waits until it answers.
    fn wait(&mut self) {
        let start = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
            if self.try_query("postgres", "SELECT 1").is_ok() {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL did not come up; it says:\n{log}");
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The place of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database and answers its place.
    pub fn database(&self, name: &str) -> String {
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    /// Runs statements in a database and answers the last one's rows, values as text.
    ///
    /// # Panics
    /// Where one is refused.
    #[track_caller]
    pub fn query(&self, database: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        let answer = self.try_query(database, sql);
        answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The same as lines of values with `|` between them, null as nothing.
    #[track_caller]
    pub fn lines(&self, database: &str, sql: &str) -> Vec<String> {
        let line = |row: Vec<Option<String>>| {
            let values: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            values.join("|")
        };
        self.query(database, sql).into_iter().map(line).collect()
    }

    /// The same; the error is what the server says.
    ///
    /// # Errors
    /// What the server says.
    pub fn try_query(&self, database: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        query(&self.url(database), sql)
    }

    /// Ends it at once, its connections with it, as a crash does.
    pub fn kill(&mut self) {
        // Both fail only where the process has already been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Its children notice by themselves, and hold on to the folder until then.
        let folder = fs::canonicalize(self.folder.path()).expect("its folder");
        eventually("the end of PostgreSQL's processes", || {
            !works_in(&folder.join("data"))
        });
    }

    /// Starts it again after [`kill`](Cluster::kill), on the same port.
    pub fn restart(&mut self) {
        self.process = launch(&self.programs, self.folder.path(), self.port);
        // The shell of before knows the process of before alone.
        self.watchdog = Some(Watchdog::over(self.process.id(), self.folder.path()));
        self.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It is asked to end at once, its connections too. Both fail only where it has already gone.
        if let Ok(pid) = self.process.id().try_into() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        }
        let _ = self.process.wait();
        self.watchdog.take();
    }
}

/// Runs statements at a place, with a connection of their own.
pub(crate) fn query(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    runtime::wait(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let asked = async {
            let messages = client.simple_query(sql).await;
            drop(client);
            messages
        };
        let (messages, _) = tokio::join!(asked, connection);
        let mut rows = Vec::new();
        for message in messages? {
            match message {
                SimpleQueryMessage::RowDescription(_) => rows.clear(),
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|at| row.get(at).map(str::to_string));
                    rows.push(values.collect());
                }
                _ => {}
            }
        }
        Ok(rows)
    })
    .map_err(|error: tokio_postgres::Error| match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => error.to_string(),
    })
}

/// Whether a process other than this has a folder as its own.
fn works_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .any(|place| place == folder)
}

fn launch(programs: &Path, folder: &Path, port: u16) -> Child {
    let log = File::create(folder.join("log")).expect("a log");
    let mut command = as_owner(programs, "postgres", folder);
    command.args(["-D", "data", "-k"]).arg(folder);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
        .args(["-p", &port.to_string()])
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("postgres")
}

/// A program of PostgreSQL, run by a user that it accepts.
fn as_owner(programs: &Path, program: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(program));
    if let Some(owner) = owner() {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
    command
        .current_dir(folder)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// Who is to run it: it refuses to run as root.
fn owner() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let names = ["postgres", "nobody"].into_iter();
    let found = names
        .filter_map(|name| User::from_name(name).ok().flatten())
        .next();
    Some(found.expect("PostgreSQL does not run as root: a user postgres or nobody to run it"))
}

/// The folder that holds `initdb` and `postgres`: one of PATH, or the newest where Debian has them.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_outlives_a_crash_and_the_rest_does_not() {
        let mut cluster = Cluster::start();
        cluster.database("place");
        cluster.query("place", "CREATE TABLE t (n int, s text)");
        cluster.query("place", "INSERT INTO t VALUES (1, 'a|b'), (2, NULL)");
        assert!(
            cluster
                .try_query("place", "BEGIN; DELETE FROM t; SELECT 1 / 0")
                .is_err()
        );
        cluster.kill();
        assert!(cluster.try_query("place", "SELECT 1").is_err());
        cluster.restart();
        let rows = cluster.lines("place", "SELECT * FROM t ORDER BY n");
        assert_eq!(rows, ["1|a|b", "2|"]);
    }
}
