//! A program that is run, the notice as JSON on its standard input.

use std::process::Stdio;

use async_trait::async_trait;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{io::AsyncWriteExt, process, time::timeout};

use super::{Notice, Occasion, Subscriber};
use crate::{
    config::Command,
    error::{Error, Result},
};

/// A program that is run, the notice as JSON on its standard input. What it writes to its standard output is let go.
#[derive(Debug, Clone)]
pub struct Program {
    command: Command,
}

impl Program {
    /// As it is configured.
    pub fn new(command: &Command) -> Program {
        Program {
            command: command.clone(),
        }
    }

    async fn run(&self, text: &[u8]) -> Result<()> {
        let mut words = self.command.run.iter();
        let program = words.next().map_or("", String::as_str);
        let cannot = |error: std::io::Error| Error::usage(format!("cannot run it: {error}"));
        let mut child = process::Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        // Also what it has begun itself: a shell's own kind.
        let mut group = Group(child.id());
        if let Some(mut stdin) = child.stdin.take() {
            // It may well want none of it.
            let _ = stdin.write_all(text).await;
        }
        let status = child.wait().await.map_err(cannot)?;
        group.0 = None;
        match status.success() {
            true => Ok(()),
            false => Err(Error::refused(format!(
                "expected exit code 0, found {status}"
            ))),
        }
    }
}

/// A group of processes that is killed with this, unless it has ended.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            // Where it has ended this instant there is nothing to kill.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

#[async_trait]
impl Subscriber for Program {
    fn name(&self) -> String {
        format!(
            "command {}",
            self.command.run.first().map_or("", String::as_str)
        )
    }

    fn wants(&self, occasion: Occasion) -> bool {
        self.command.on.contains(&occasion)
    }

    async fn tell(&self, notice: &Notice) -> Result<()> {
        let text = serde_json::to_vec(notice).map_err(|error| Error::usage(error.to_string()))?;
        timeout(self.command.timeout, self.run(&text))
            .await
            .unwrap_or_else(|_| {
                let limit = self.command.timeout;
                Err(Error::unreachable(format!(
                    "expected its end within {limit:?}; it was killed"
                )))
            })
    }
}
