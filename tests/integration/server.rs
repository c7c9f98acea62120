//! A Redis server with the module in it, owned by a value: it stops when the value goes.

use std::{
    io::Write,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    able::{REPLICAOF, able},
    cli::Client,
    reply::Reply,
};

/// How long a server may take to start, or a state to come about, before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Databases of a server: each test on the shared one has its own.
const DATABASES: u32 = 4096;

/// A running server, its folder and its port.
pub struct Server {
    /// Where it listens, on the loopback address. A restart keeps it.
    pub port: u16,
    /// Its working folder: RDB, AOF, log.
    pub folder: TempDir,
    arguments: Vec<String>,
    /// The file that configures a sentinel, which is no server of keys.
    sentinel: Option<PathBuf>,
    process: Option<Process>,
    /// Its port while it is stopped.
    kept: Option<Keeper>,
}

/// The server's process and the one that outlives the tests to end it.
struct Process {
    server: Child,
    /// Kills the server and removes its folder when the end of its input comes before a line does.
    watchdog: Child,
}

/// Keeps a port: whoever connects is turned away.
struct Keeper(Arc<AtomicBool>);

impl Keeper {
    fn of(port: u16) -> Option<Keeper> {
        let listener = TcpListener::bind(("127.0.0.1", port)).ok()?;
        listener.set_nonblocking(true).ok()?;
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                drop(listener.accept());
                sleep(Duration::from_millis(1));
            }
        });
        Some(Keeper(done))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How to start a server.
#[derive(Default, Clone)]
pub struct Options {
    arguments: Vec<String>,
    module_arguments: Vec<String>,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Options {
    /// Neither RDB nor AOF: nothing is written unless asked.
    pub fn new() -> Options {
        Options::default()
    }

    /// Adds a server option, as `--name value`.
    pub fn set(mut self, name: &str, value: &str) -> Options {
        self.arguments
            .extend([format!("--{name}"), value.to_string()]);
        self
    }

    /// An append-only file, with an RDB preamble after each rewrite or without.
    pub fn appendonly(self, preamble: bool) -> Options {
        let preamble = if preamble { "yes" } else { "no" };
        self.set("appendonly", "yes")
            .set("aof-use-rdb-preamble", preamble)
    }

    /// A replica of that server.
    pub fn replica_of(mut self, primary: &Server) -> Options {
        let option = if able(REPLICAOF) {
            "--replicaof"
        } else {
            "--slaveof"
        };
        self.arguments
            .extend([option, "127.0.0.1", &primary.port.to_string()].map(String::from));
        self
    }

    /// A file that is in the server's folder before it starts.
    pub fn file(mut self, name: &'static str, bytes: Vec<u8>) -> Options {
        self.files.push((name, bytes));
        self
    }

    /// Arguments of the module, as they stand after its path.
    pub fn module_arguments(mut self, arguments: &[&str]) -> Options {
        self.module_arguments
            .extend(arguments.iter().map(|a| a.to_string()));
        self
    }

    /// Starts the server with the module.
    #[track_caller]
    pub fn start(mut self) -> Server {
        let module = module_path();
        assert!(
            module.exists(),
            "there is no module at {}: run `make module`, or set YARR_MODULE to its path",
            module.display()
        );
        self.arguments
            .extend(["--loadmodule".to_string(), module.display().to_string()]);
        self.arguments.append(&mut self.module_arguments);
        Server::launch(self.arguments, &self.files)
    }

    /// Starts a server that has no module.
    #[track_caller]
    pub fn start_plain(self) -> Server {
        Server::launch(self.arguments, &self.files)
    }
}

impl Server {
    /// A server with the module and nothing else.
    #[track_caller]
    pub fn start() -> Server {
        Options::new().start()
    }

    #[track_caller]
    fn launch(arguments: Vec<String>, files: &[(&str, Vec<u8>)]) -> Server {
        let folder = TempDir::with_prefix("yarr-test-").expect("a temporary folder");
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("a file of the server's");
        }
        let mut server = Server {
            port: 0,
            folder,
            arguments,
            sentinel: None,
            process: None,
            kept: None,
        };
        server.launch_on_free_port();
        server
    }

    /// A sentinel with that configuration.
    #[track_caller]
    pub fn start_sentinel(configuration: &str) -> Server {
        let folder = TempDir::with_prefix("yarr-test-").expect("a temporary folder");
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, configuration).expect("a file of the sentinel's");
        let mut server = Server {
            port: 0,
            folder,
            arguments: Vec::new(),
            sentinel: Some(file),
            process: None,
            kept: None,
        };
        server.launch_on_free_port();
        server
    }

    #[track_caller]
    fn launch_on_free_port(&mut self) {
        // Another process may take the port between the look and the start: then the next one serves.
        for _ in 0..20 {
            self.port = free_port();
            match self.spawn() {
                Ok(()) => return,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("the server did not start:\n{log}"),
            }
        }
        panic!("no port is free")
    }

    /// Starts the process and waits until it serves; the error is its log.
    fn spawn(&mut self) -> Result<(), String> {
        let binary = program();
        let folder = self.folder.path().display().to_string();
        let log = self.log_path();
        let (port, log) = (self.port.to_string(), log.display().to_string());
        let mut command = Command::new(&binary);
        if let Some(file) = &self.sentinel {
            command.arg(file).arg("--sentinel");
        }
        command.args(["--port", &port, "--bind", "127.0.0.1"]);
        command.args(["--dir", &folder, "--logfile", &log]);
        if self.sentinel.is_none() {
            command.args(["--databases", &DATABASES.to_string()]);
            command.args(["--save", "", "--repl-diskless-sync-delay", "0"]);
        }
        let server = command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{binary} does not start: {error}; install Redis or set YARR_SERVER")
            });
        let watchdog = Command::new("sh")
            .args([
                "-c",
                r#"read _ || { kill -9 "$1"; rm -rf "$2"; }"#,
                "watchdog",
                &server.id().to_string(),
                &folder,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to watch over the server");
        self.process = Some(Process { server, watchdog });
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if !self.is_alive() {
                self.end();
                return Err(self.log());
            }
            let pong = Client::connect(self.port).and_then(|mut client| client.try_send(&["PING"]));
            // A port that another server answers is no sign of this one.
            if pong.is_ok_and(|reply| reply == Reply::Status("PONG".into())) && self.is_alive() {
                return Ok(());
            }
            sleep(Duration::from_millis(5));
        }
        Err(format!("not ready after {PATIENCE:?}\n{}", self.log()))
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|process| matches!(process.server.try_wait(), Ok(None)))
    }

    /// A connection that speaks RESP2.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::connect(self.port)
            .unwrap_or_else(|error| panic!("no connection: {error}\n{}", self.log()))
    }

    /// Shuts the server down, everything saved (in the AOF where there is one, in an RDB where not), and starts it again.
    #[track_caller]
    pub fn restart(&mut self) {
        let has_aof = self
            .arguments
            .iter()
            .any(|argument| argument == "--appendonly");
        let mode = if has_aof { "NOSAVE" } else { "SAVE" };
        let mut client = self.connect();
        // A server does not stop in the middle of a first append-only file, and the candidate of 4.0 loses what it
        // has not written to the file.
        eventually("no file is being rewritten, and all is written", || {
            let info = client.ok("INFO persistence").text();
            let is_written =
                info.contains("aof_buffer_length:0\r\n") || info.contains("aof_enabled:0");
            is_written
                && info.contains("aof_rewrite_in_progress:0")
                && info.contains("aof_rewrite_scheduled:0")
        });
        let answer = client.try_send(&["SHUTDOWN", mode]);
        assert!(
            answer.is_err(),
            "SHUTDOWN {mode} answered {answer:?}\n{}",
            self.log()
        );
        self.wait_for_exit();
        self.start_again();
    }

    /// Kills the process with signal 9 and starts it again on the same folder.
    #[track_caller]
    pub fn kill(&mut self) {
        self.end();
        self.start_again();
    }

    /// Stops the server for good; its folder stays, and its port is kept: whoever still follows this server must not
    /// come upon one of another test.
    pub fn stop(&mut self) {
        self.end();
        // Where a forked child still holds the port it is kept anyhow.
        self.kept = Keeper::of(self.port);
    }

    /// Holds the process still: it answers nobody and does nothing, until [`thaw`](Server::thaw).
    #[track_caller]
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen process go on.
    #[track_caller]
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    #[track_caller]
    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("a server that runs");
        // The shell's own: a bare system has no such program.
        let kill = format!("kill {signal} {}", process.server.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Starts a server that was stopped, on the same folder.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.kept = None;
        // A child that was just forked off the killed one may still hold its socket.
        eventually("the port is free again", || {
            TcpListener::bind(("127.0.0.1", self.port)).is_ok()
        });
        if let Err(log) = self.spawn() {
            panic!("the server did not start again:\n{log}");
        }
    }

    fn wait_for_exit(&mut self) {
        let start = Instant::now();
        while self.is_alive() {
            assert!(
                start.elapsed() < PATIENCE,
                "the server does not stop\n{}",
                self.log()
            );
            sleep(Duration::from_millis(5));
        }
        self.end();
    }

    /// Ends both processes, if they still run.
    fn end(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        if let Some(mut leash) = process.watchdog.stdin.take() {
            let _ = leash.write_all(b"home\n");
        }
        let _ = process.watchdog.wait();
        let _ = process.server.kill();
        let _ = process.server.wait();
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "the server's last lines:\n{}",
                lines[lines.len().saturating_sub(60)..].join("\n")
            );
        }
    }
}

/// A connection to a server shared by all tests, in a database of its own.
/// For tests that change neither the server's settings nor other databases.
#[track_caller]
pub fn fresh() -> Client {
    static SHARED: Mutex<Option<Server>> = Mutex::new(None);
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut shared = SHARED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // A test that brought the server down must not fail those after it.
    if !shared.as_mut().is_some_and(Server::is_alive) {
        if let Some(dead) = shared.as_ref() {
            eprintln!("the shared server died:\n{}", dead.log());
        }
        *shared = Some(Server::start());
    }
    let Some(server) = shared.as_ref() else {
        unreachable!("it was started above")
    };
    let mut client = server.connect();
    let database = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(database < DATABASES, "more tests than databases");
    client.ok(&format!("SELECT {database}"));
    client
}

/// Waits until a condition holds.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "still not: {what}");
        sleep(Duration::from_millis(2));
    }
}

/// The server that the tests run on.
pub fn program() -> String {
    let named = std::env::var("YARR_SERVER").or_else(|_| std::env::var("REDIS_SERVER"));
    named.unwrap_or_else(|_| "redis-server".into())
}

/// The module that the tests load.
pub fn module_path() -> PathBuf {
    match std::env::var_os("YARR_MODULE") {
        Some(path) => path.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/release/libyarr.so"),
    }
}

/// A port outside the range that the system gives to outgoing connections, so that a restart finds it free again.
fn free_port() -> u16 {
    static STEP: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = u32::from(STEP.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + (std::process::id().wrapping_mul(61) + step) % 18_000;
        let port = u16::try_from(port).expect("below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[test]
fn a_server_keeps_its_data_over_a_restart_and_stops_with_its_value() {
    let mut server = Options::new().start_plain();
    server.connect().ok("SET k v");
    server.restart();
    assert_eq!(server.connect().run("GET k").print(), "\"v\"");
    let port = server.port;
    drop(server);
    assert!(Client::connect(port).is_err());
}

#[test]
fn a_killed_server_comes_back_with_its_append_only_file() {
    let mut server = Options::new()
        .appendonly(true)
        .set("appendfsync", "always")
        .start_plain();
    server.connect().ok("SET k v");
    server.kill();
    assert_eq!(server.connect().run("GET k").print(), "\"v\"");
}
