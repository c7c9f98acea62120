//! A Redis of our own: a free port, a temporary folder, gone at the end.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::{Client, Connection};
use tempfile::TempDir;

/// How long a server may take to come up or to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; dropping it stops the process that was started here, and no other.
pub struct Server {
    process: Child,
    port: u16,
    /// Holds the log; removed with everything in it on drop, after the process is gone.
    folder: TempDir,
}

impl Server {
    /// Starts `$REDIS_SERVER` (`redis-server`) with the module at `$YARR_MODULE`
    /// (`target/release/libyarr.so`).
    pub fn start() -> Result<Server, Box<dyn Error>> {
        let module = module()?;
        // Between the choice of a free port and its use someone else may take it.
        for _ in 0..5 {
            if let Some(server) = Server::try_start(&module)? {
                return Ok(server);
            }
        }
        Err("found no free port in five attempts".into())
    }

    /// Answers `None` where the port was taken meanwhile.
    fn try_start(module: &Path) -> Result<Option<Server>, Box<dyn Error>> {
        let folder = TempDir::with_prefix("yarr-")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let log = File::create(folder.path().join("log"))?;
        let process = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .args(["--maxmemory-policy", "noeviction", "--loadmodule"])
            .arg(module)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let mut server = Server {
            process,
            port,
            folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while server.process.try_wait()?.is_none() && Instant::now() < deadline {
            if server.answers() {
                return Ok(Some(server));
            }
            sleep(Duration::from_millis(20));
        }
        let log = server.log();
        if log.contains("Address already in use") {
            return Ok(None);
        }
        Err(format!("the server did not come up; it says:\n{log}").into())
    }

    /// Whether it is this server that answers on the port, and is done loading.
    fn answers(&self) -> bool {
        self.info("server")
            .is_ok_and(|text| text.contains(&format!("process_id:{}\r\n", self.process.id())))
    }

    fn info(&self, section: &str) -> Result<String, Box<dyn Error>> {
        let mut connection = self.connect()?;
        Ok(redis::cmd("INFO").arg(section).query(&mut connection)?)
    }

    /// A new connection.
    pub fn connect(&self) -> Result<Connection, Box<dyn Error>> {
        let client = Client::open(format!("redis://127.0.0.1:{}/", self.port))?;
        Ok(client.get_connection_with_timeout(PATIENCE)?)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it is, as `Redis 7.0.15`.
    pub fn version(&self) -> Result<String, Box<dyn Error>> {
        let info = self.info("server")?;
        let line = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        Ok(match (line("valkey_version"), line("redis_version")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => format!("Redis {version}"),
            (None, None) => "a server of unknown version".into(),
        })
    }

    /// Asks it to go and waits until it has gone.
    pub fn stop(mut self) -> Result<(), Box<dyn Error>> {
        // The connection breaks instead of answering: that is the answer.
        let _ = redis::cmd("SHUTDOWN")
            .arg("NOSAVE")
            .query::<()>(&mut self.connect()?);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => {
                        Err(format!("the server ended badly: {status}\n{}", self.log()).into())
                    }
                };
            }
            sleep(Duration::from_millis(10));
        }
        Err("the server did not stop".into())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the process has already been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The absolute path of the module.
fn module() -> Result<PathBuf, Box<dyn Error>> {
    let path = env::var_os("YARR_MODULE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/libyarr.so"),
        PathBuf::from,
    );
    fs::canonicalize(&path).map_err(|error| {
        format!(
            "no module at {}: {error}; make module builds it",
            path.display()
        )
        .into()
    })
}
