//! A Redis of our own: a free port, a temporary folder, gone at the end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Result;
use crate::cpu;
use crate::resp::{Reply, command};

/// How long a server may take to come up, its data loaded.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running server; dropping it ends the process that was started here, and no other.
pub struct Server {
    process: Child,
    port: u16,
    program: String,
    arguments: Vec<String>,
    /// Holds the log and the data; removed on drop, after the process is gone.
    folder: TempDir,
}

impl Server {
    /// Starts a program with so many words of configuration behind what every server here has.
    pub fn start(program: &str, arguments: &[&str]) -> Result<Server> {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.into()).collect();
        let folder = TempDir::with_prefix("yarr-bench-")?;
        let (process, port) = launch(program, &arguments, folder.path())?;
        Ok(Server {
            process,
            port,
            program: program.into(),
            arguments,
            folder,
        })
    }

    /// Starts one with a module, which keeps nothing.
    pub fn with_module(program: &str, module: &str) -> Result<Server> {
        let arguments = ["--save", "", "--appendonly", "no", "--loadmodule", module];
        Server::start(program, &arguments)
    }

    /// Starts it anew on the data it has; what it did not save is lost.
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        (self.process, self.port) = launch(&self.program, &self.arguments, self.folder.path())?;
        Ok(())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The CPU time that it has used since it was started.
    pub fn cpu(&self) -> Result<Duration> {
        cpu::of_process(self.process.id())
    }

    pub fn connect(&self) -> Result<Client> {
        Client::connect(self.port)
    }

    fn end(&mut self) {
        // Both fail only where the process has already been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the program and waits until it answers; gives it another port where the first was taken meanwhile.
fn launch(program: &str, arguments: &[String], folder: &Path) -> Result<(Child, u16)> {
    for _ in 0..5 {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log = File::create(folder.join("log"))?;
        let mut process = Command::new(program)
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--maxmemory-policy",
                "noeviction",
            ])
            .arg("--dir")
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn()
            .map_err(|error| {
                format!("cannot start {program}: {error}; REDIS_SERVER names another")
            })?;
        let deadline = Instant::now() + PATIENCE;
        while process.try_wait()?.is_none() && Instant::now() < deadline {
            if answers(port, process.id()) {
                return Ok((process, port));
            }
            sleep(Duration::from_millis(2));
        }
        // Both fail only where the process has already been waited for.
        let _ = process.kill();
        let _ = process.wait();
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        if !log.contains("Address already in use") {
            return Err(format!("{program} did not come up; it says:\n{log}").into());
        }
    }
    Err("found no free port in five attempts".into())
}

/// Whether it is this process that answers on the port, and is done loading.
fn answers(port: u16, process: u32) -> bool {
    let Ok(mut client) = Client::connect(port) else {
        return false;
    };
    client.send("PING").is_ok()
        && client
            .info("server", "process_id")
            .is_ok_and(|pid| pid == f64::from(process))
}

/// One connection, one command at a time.
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    pub fn connect(port: u16) -> Result<Client> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            input: Vec::new(),
        })
    }

    /// Sends the words of a line.
    pub fn send(&mut self, line: &str) -> Result<Reply> {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.send_words(&words)
    }

    /// Sends words that may be anything.
    pub fn send_words(&mut self, words: &[&str]) -> Result<Reply> {
        let mut out = Vec::new();
        command(&mut out, words);
        self.send_bytes(&out)
            .map_err(|error| format!("{}: {error}", words.join(" ")).into())
    }

    /// Sends a command as it is written on the wire.
    pub fn send_bytes(&mut self, out: &[u8]) -> Result<Reply> {
        self.stream.write_all(out)?;
        self.read()
    }

    /// Sends what [`Client::read_all`] reads the replies of.
    pub fn write(&mut self, out: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(out)?)
    }

    /// Reads so many replies.
    pub fn read_all(&mut self, replies: usize) -> Result<()> {
        (0..replies).try_for_each(|_| self.read().map(drop))
    }

    fn read(&mut self) -> Result<Reply> {
        loop {
            if let Some((reply, length)) = Reply::parse(&self.input)? {
                self.input.drain(..length);
                return Ok(reply);
            }
            let mut buffer = [0; 16_384];
            let got = self.stream.read(&mut buffer)?;
            if got == 0 {
                return Err("the server hung up".into());
            }
            self.input.extend_from_slice(&buffer[..got]);
        }
    }

    /// A number that INFO tells.
    pub fn info(&mut self, section: &str, name: &str) -> Result<f64> {
        let text = self.info_text(section, name)?;
        Ok(text
            .parse()
            .map_err(|_| format!("INFO {section} says {text} of {name}, no number"))?)
    }

    /// What INFO tells of a name.
    pub fn info_text(&mut self, section: &str, name: &str) -> Result<String> {
        let info = self.send_words(&["INFO", section])?.text();
        info.lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(':')
                    .map(|text| text.trim().into())
            })
            .ok_or_else(|| format!("INFO {section} has no {name}").into())
    }

    /// The memory in use without what the connections hold.
    pub fn data_bytes(&mut self) -> Result<f64> {
        // Servers before 5 tell no part of it.
        let connections = self.info("memory", "mem_clients_normal").unwrap_or(0.0);
        Ok(self.info("memory", "used_memory")? - connections)
    }

    /// What it is, as `Redis 7.0.15`.
    pub fn version(&mut self) -> Result<String> {
        match self.info_text("server", "valkey_version") {
            Ok(version) => Ok(format!("Valkey {version}")),
            Err(_) => Ok(format!(
                "Redis {}",
                self.info_text("server", "redis_version")?
            )),
        }
    }

    /// What it is with YARR in it, as `0.1.0 on Redis 7.0.15`; servers before 6 do not tell of modules.
    pub fn yarr_version(&mut self) -> Result<String> {
        let yarr = self.info_text("yarr", "yarr_version");
        let yarr = yarr.unwrap_or_else(|_| "of unknown version".into());
        Ok(format!("{yarr} on {}", self.version()?))
    }

    /// Runs a migration of YARR and waits for its end: asked again, a finished one answers APPLIED.
    pub fn migrate(&mut self, migration: &str) -> Result<()> {
        loop {
            match self.send(migration)?.text().as_str() {
                "OK" | "APPLIED" => return Ok(()),
                "RUNNING" => sleep(Duration::from_millis(5)),
                other => return Err(format!("{migration}: {other}").into()),
            }
        }
    }
}
