//! A PostgreSQL of our own: a free port, a temporary folder, gone at the end.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use tempfile::TempDir;

use crate::Result;
use crate::cpu;
use crate::wire::Wire;

use super::message::{self, Messages};

/// How it is set up where it differs from its defaults: nothing is made safe on disk.
pub const SETTINGS: [&str; 9] = [
    "shared_buffers=1GB",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=100",
    "jit=off",
    "max_parallel_workers_per_gather=0",
];
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; dropping it ends the processes that were started here, and no others.
pub struct Cluster {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Cluster {
    /// Makes a cluster with the programs in a folder and starts it.
    pub fn start(programs: &Path) -> Result<Cluster> {
        let folder = TempDir::with_prefix("yarr-bench-")?;
        let owner = owner()?;
        if let Some(owner) = &owner {
            chown(
                folder.path(),
                Some(owner.uid.as_raw()),
                Some(owner.gid.as_raw()),
            )?;
        }
        let data = folder.path().join("data");
        let as_owner = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if let Some(owner) = &owner {
                command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
            }
            command
                .current_dir(folder.path())
                .env("LC_ALL", "C")
                .stdin(Stdio::null());
            command
        };
        let made = as_owner("initdb")
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(&data)
            .output()?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log = File::create(folder.path().join("log"))?;
        let mut command = as_owner("postgres");
        command.arg("-D").arg(&data).arg("-k").arg(folder.path());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["-c", "listen_addresses=127.0.0.1", "-p", &port.to_string()]);
        let process = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut cluster = Cluster {
            process,
            port,
            _folder: folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while cluster.process.try_wait()?.is_none() && Instant::now() < deadline {
            if cluster.connect().is_ok() {
                return Ok(cluster);
            }
            sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(cluster._folder.path().join("log")).unwrap_or_default();
        Err(format!("PostgreSQL did not come up; it says:\n{log}").into())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new connection, ready.
    pub fn connect(&self) -> Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        Messages { statements: &[] }.greet(&mut stream)?;
        Ok(stream)
    }

    /// The CPU time of the server and all its processes.
    pub fn cpu(&self) -> Result<Duration> {
        cpu::of_family(self.process.id())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It is asked to end at once, its connections too. Both fail only where it has already gone.
        if let Ok(pid) = self.process.id().try_into() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        }
        let _ = self.process.wait();
    }
}

/// Who is to run it: it refuses to run as root.
fn owner() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    Err("PostgreSQL does not run as root, and there is no user postgres or nobody to run it".into())
}

/// The folder that holds `initdb` and `postgres`: one of PATH, or the newest where Debian has them.
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// Runs statements and reads what they answer, as text.
pub fn run(stream: &mut TcpStream, sql: &str) -> Result<Vec<String>> {
    use std::io::Write;
    let mut out = Vec::new();
    message::query(&mut out, sql);
    stream.write_all(&out)?;
    let (mut rows, mut failed) = (Vec::new(), None);
    loop {
        match message::read(stream) {
            Ok((b'Z', _)) => break,
            Ok((b'D', body)) => {
                rows.push(String::from_utf8_lossy(body.get(6..).unwrap_or_default()).into_owned())
            }
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
        if failed
            .as_ref()
            .is_some_and(|error| error.is::<std::io::Error>())
        {
            break;
        }
    }
    match failed {
        Some(error) => Err(format!("{sql}: {error}").into()),
        None => Ok(rows),
    }
}
