//! The console's connection: commands are waited for beside Ctrl-C, and a connection that broke is made anew.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use redis::{ConnectionLike, RedisError, RedisResult, Value};

use crate::{Result, config::Address, server::Server};

/// Words of a command.
pub type Words = Vec<Vec<u8>>;

/// How often a wait looks whether Ctrl-C was pressed.
const LOOK: Duration = Duration::from_millis(50);

/// What came of a command.
#[derive(Debug)]
pub enum Asked {
    /// The server's answer.
    Answer(Value),
    /// The server's error, as it says it.
    Refused(String),
    /// Ctrl-C was pressed before an answer came.
    Interrupted,
    /// The connection broke; nobody knows whether the command was carried out.
    Lost(String),
}

/// A connection, and how to make it anew.
pub struct Link {
    address: Address,
    timeout: Duration,
    worker: Option<Worker>,
    /// Commands that a new connection begins with: what has been said by AUTH and SELECT.
    opening: Vec<Words>,
    /// Set by Ctrl-C.
    pub interrupt: Arc<AtomicBool>,
}

/// The thread that waits for the server.
struct Worker {
    requests: Sender<(Words, bool)>,
    answers: Receiver<RedisResult<Value>>,
    /// The connection's id, to end it by.
    id: Option<i64>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// Where the server cannot be reached or lets nobody in.
    pub fn open(address: Address, timeout: Duration) -> Result<Link> {
        let mut link = Link {
            address,
            timeout,
            worker: None,
            opening: Vec::new(),
            interrupt: Arc::default(),
        };
        link.connect()?;
        Ok(link)
    }

    /// What the server is called.
    pub fn name(&self) -> &str {
        &self.address.name
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How long to wait for a connection.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether there is a connection.
    pub fn is_open(&self) -> bool {
        self.worker.is_some()
    }

    /// Connects where there is no connection.
    ///
    /// # Errors
    /// Where the server cannot be reached or lets nobody in.
    pub fn connect(&mut self) -> Result<()> {
        if self.worker.is_some() {
            return Ok(());
        }
        let mut server = Server::connect(&self.address, self.timeout)?;
        for words in &self.opening {
            command(words).query::<Value>(&mut server)?;
        }
        let id = match server.is_cluster() {
            true => None,
            // Before Redis 5 connections have no names for clients.
            false => redis::cmd("CLIENT").arg("ID").query(&mut server).ok(),
        };
        let (requests, received) = channel::<(Words, bool)>();
        let (sent, answers) = channel();
        thread::spawn(move || serve(server, &received, &sent));
        self.worker = Some(Worker {
            requests,
            answers,
            id,
        });
        Ok(())
    }

    /// Remembers a command that a new connection begins with, in the place of an earlier one of that name.
    pub fn begin_with(&mut self, words: &[Vec<u8>]) {
        self.opening.retain(|said| {
            let same = said.first().zip(words.first());
            !same.is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        });
        self.opening.push(words.to_vec());
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&mut self, words: &[Vec<u8>]) -> Asked {
        self.send(words, false);
        self.wait()
    }

    /// Sends a command whose answers do not end; each is taken by [`Link::wait`].
    pub fn follow(&mut self, words: &[Vec<u8>]) -> Asked {
        self.send(words, true);
        self.wait()
    }

    fn send(&mut self, words: &[Vec<u8>], follow: bool) {
        self.interrupt.store(false, Relaxed);
        if let Some(worker) = &self.worker {
            // A worker that is gone is found out by the wait.
            let _ = worker.requests.send((words.to_vec(), follow));
        }
    }

    /// Waits for the next answer, or for Ctrl-C, which ends the connection and makes a new one.
    pub fn wait(&mut self) -> Asked {
        loop {
            let Some(worker) = &self.worker else {
                return Asked::Lost("there is no connection".into());
            };
            match worker.answers.recv_timeout(LOOK) {
                Ok(Ok(Value::ServerError(error))) => {
                    let details = error.details().unwrap_or_default();
                    return Asked::Refused(format!("{} {details}", error.code()).trim().into());
                }
                Ok(Ok(value)) => return Asked::Answer(value),
                Ok(Err(error)) => return self.failed(&error),
                Err(RecvTimeoutError::Timeout) => {
                    if self.interrupt.swap(false, Relaxed) {
                        self.give_up();
                        return Asked::Interrupted;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.worker = None;
                    return Asked::Lost("the connection broke".into());
                }
            }
        }
    }

    fn failed(&mut self, error: &RedisError) -> Asked {
        let code = error.code();
        let broken = error.is_io_error() || error.is_connection_dropped();
        match (code, broken) {
            (Some(code), false) => {
                let text = format!("{code} {}", error.detail().unwrap_or_default());
                Asked::Refused(text.trim().into())
            }
            (None, false) if !error.is_unrecoverable_error() => Asked::Refused(error.to_string()),
            _ => {
                self.worker = None;
                Asked::Lost(error.to_string())
            }
        }
    }

    /// Leaves the connection to its thread, asks the server to end it, and makes a new one.
    fn give_up(&mut self) {
        let id = self.worker.take().and_then(|worker| worker.id);
        let connected = self.connect();
        if let (Some(id), Ok(())) = (id, connected) {
            let kill =
                ["CLIENT", "KILL", "ID", &id.to_string()].map(|word| word.as_bytes().to_vec());
            // Where that is refused, what was sent goes on without anybody who waits for it.
            let _ = self.ask(&kill);
        }
    }
}

/// Words as a command.
pub fn command(words: &[Vec<u8>]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command
}

fn serve(
    mut server: Server,
    requests: &Receiver<(Words, bool)>,
    answers: &Sender<RedisResult<Value>>,
) {
    while let Ok((words, follow)) = requests.recv() {
        let mut answer = server.req_command(&command(&words));
        loop {
            let ends = !follow || answer.is_err();
            if answers.send(answer).is_err() {
                return;
            }
            if ends {
                break;
            }
            answer = server.receive();
        }
    }
}
