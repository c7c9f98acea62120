//! A server of one's own for the tests of the client: a free port, a temporary folder, gone with its value.

use std::{
    env, fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use redis::{Client, Connection};
use tempfile::TempDir;

/// How long a server may take to come up, or a state to come about.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; dropping it ends the process that was started here, and no other.
pub struct Server {
    process: Child,
    /// A shell that ends the server once the test's own process is gone: values that are static are
    /// never dropped.
    watchdog: Child,
    port: u16,
    /// Holds the log; removed after the process is gone.
    folder: TempDir,
}

impl Server {
    /// A server with the module.
    pub fn start() -> Server {
        Server::start_with(&[])
    }

    /// A server with the module and these options.
    pub fn start_with(options: &[&str]) -> Server {
        let module = module();
        let mut all = vec!["--loadmodule".to_string(), module.display().to_string()];
        all.extend(options.iter().map(|option| option.to_string()));
        Server::launch(&all, None)
    }

    /// A server that has no module.
    pub fn start_plain() -> Server {
        Server::launch(&[], None)
    }

    /// A Sentinel of this configuration.
    pub fn start_sentinel(configuration: &str) -> Server {
        Server::launch(&[], Some(configuration))
    }

    fn launch(options: &[String], sentinel: Option<&str>) -> Server {
        // Between the choice of a free port and its use someone else may take it.
        for _ in 0..20 {
            if let Some(server) = Server::try_launch(options, sentinel) {
                return server;
            }
        }
        panic!("no port is free")
    }

    fn try_launch(options: &[String], sentinel: Option<&str>) -> Option<Server> {
        let folder = TempDir::with_prefix("yarr-client-").expect("a temporary folder");
        let port = free_port();
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let mut command = Command::new(&program);
        if let Some(configuration) = sentinel {
            let file = folder.path().join("sentinel.conf");
            fs::write(&file, configuration).expect("a configuration");
            command.arg(file).arg("--sentinel");
        } else {
            let save = ["--save", "", "--appendonly", "no"];
            command.args(save).args(["--databases", "1024"]);
        }
        let process = command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
            .arg(folder.path())
            .args(options)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a second handle of the log"))
            .stdout(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let watchdog = Command::new("sh")
            .args([
                "-c",
                r#"read _ || { kill -9 "$1"; rm -rf "$2"; }"#,
                "watchdog",
            ])
            .arg(process.id().to_string())
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to watch over the server");
        let mut server = Server {
            process,
            watchdog,
            port,
            folder,
        };
        let start = Instant::now();
        while server.is_alive() && start.elapsed() < PATIENCE {
            if server.answers() {
                return Some(server);
            }
            sleep(Duration::from_millis(5));
        }
        let log = server.log();
        assert!(
            log.contains("Address already in use"),
            "the server did not come up; it says:\n{log}"
        );
        None
    }

    /// Whether it is this server that answers on the port.
    fn answers(&self) -> bool {
        let info = self.client().get_connection().and_then(|mut connection| {
            redis::cmd("INFO")
                .arg("server")
                .query::<String>(&mut connection)
        });
        info.is_ok_and(|info| info.contains(&format!("process_id:{}\r\n", self.process.id())))
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that it works in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The place of a database, as a client is opened with.
    pub fn url(&self, query: &str) -> String {
        format!("redis://127.0.0.1:{}/{query}", self.port)
    }

    /// A client that speaks RESP2.
    pub fn client(&self) -> Client {
        Client::open(self.url("")).expect("a client")
    }

    /// A client that speaks RESP3; `None` where the server is older than that.
    pub fn client_resp3(&self) -> Option<Client> {
        let client = Client::open(self.url("?protocol=resp3")).expect("a client");
        client.get_connection().is_ok().then_some(client)
    }

    /// A connection that speaks RESP2.
    pub fn connect(&self) -> Connection {
        self.client().get_connection().expect("a connection")
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        // Both fail only where the process has already been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Holds the process still: it answers nobody until [`thaw`](Server::thaw).
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        // The shell's own: there need be no program of this name.
        let kill = format!("kill {signal} {}", self.process.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if let Some(mut leash) = self.watchdog.stdin.take() {
            // A line says that there is nothing left to end.
            let _ = leash.write_all(b"\n");
        }
        let _ = self.watchdog.wait();
    }
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

/// A free port; a cluster's bus takes the one 10,000 above.
pub fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        if port < 55_000 {
            return port;
        }
    }
}

/// The path of the module.
fn module() -> PathBuf {
    let path = env::var_os("YARR_MODULE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/libyarr.so"),
        PathBuf::from,
    );
    let found = fs::canonicalize(&path);
    found.unwrap_or_else(|error| {
        panic!(
            "no module at {}: {error}; make module builds it",
            path.display()
        )
    })
}
