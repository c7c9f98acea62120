//! Notifications: whoever subscribes is told what has become of replications. None of them can stop one.

mod command;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinHandle};

pub use command::Program;
pub use webhook::Hook;

use crate::{
    config,
    error::{Error, Result},
    event::{Event, Listener},
    moment,
    replication::{Replication, State},
};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// A replication begins.
    Enqueued,
    /// All parts and their manifest are in the store.
    Uploaded,
    /// The target has it.
    Imported,
    /// A step failed and will be tried again.
    Retry,
    /// A run of a table stopped by an error; the state stays.
    Failed,
    /// A replication was given up.
    Canceled,
    /// A table is loaded anew.
    Resync,
    /// Something that is no error and ought to be known.
    Warning,
}

impl Occasion {
    /// Those that are told unless others are named.
    pub const USUAL: [Occasion; 4] = [
        Occasion::Imported,
        Occasion::Failed,
        Occasion::Canceled,
        Occasion::Resync,
    ];
}

/// What a subscriber is told.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    /// What it is about.
    #[serde(rename = "type")]
    pub occasion: Occasion,
    /// The table of the source.
    pub name: String,
    /// The target's name in the configuration.
    pub target: String,
    /// The replication; `None` where none was begun.
    pub id: Option<String>,
    /// When it began, in milliseconds since 1970 UTC.
    pub start: i64,
    /// When this happened.
    pub finish: i64,
    /// What went wrong, or why.
    pub message: Option<String>,
    /// The replication as it is.
    pub payload: Option<Replication>,
}

impl Notice {
    /// What an event says to subscribers of a target, if anything.
    pub fn of(target: &str, event: &Event<'_>) -> Option<Notice> {
        let now = moment::now();
        let notice = |occasion, name: &str, replication: Option<&Replication>, message| Notice {
            occasion,
            name: name.into(),
            target: target.into(),
            id: replication.map(|replication| replication.id.clone()),
            start: replication.map_or(now, |replication| replication.enqueued_at),
            finish: replication.map_or(now, |replication| {
                replication.changed_at.max(replication.enqueued_at)
            }),
            message,
            payload: replication.cloned(),
        };
        Some(match *event {
            Event::State { replication } => {
                let occasion = match replication.state {
                    State::Enqueued => Occasion::Enqueued,
                    State::Uploaded => Occasion::Uploaded,
                    State::Imported => Occasion::Imported,
                    State::Canceled => Occasion::Canceled,
                    _ => return None,
                };
                let message = replication.error.clone();
                notice(occasion, &replication.source, Some(replication), message)
            }
            Event::Retry {
                replication, error, ..
            } => {
                let message = Some(error.to_string());
                notice(
                    Occasion::Retry,
                    &replication.source,
                    Some(replication),
                    message,
                )
            }
            Event::Failed {
                source,
                replication,
                error,
                ..
            } => notice(
                Occasion::Failed,
                source,
                replication,
                Some(error.to_string()),
            ),
            Event::Resync { source, reason, .. } => {
                notice(Occasion::Resync, source, None, Some(reason.into()))
            }
            Event::Warning { source, message } => {
                notice(Occasion::Warning, source, None, Some(message.into()))
            }
            Event::Nothing { .. } | Event::Progress { .. } | Event::Lag { .. } => return None,
        })
    }
}

/// Whoever is told.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// What it is called where it fails; no secret.
    fn name(&self) -> String;

    /// Whether it wants to know of this.
    fn wants(&self, occasion: Occasion) -> bool {
        Occasion::USUAL.contains(&occasion)
    }

    /// Tells it.
    ///
    /// # Errors
    /// Where it could not be told, after the retries it makes itself.
    async fn tell(&self, notice: &Notice) -> Result<()>;
}

/// The subscribers of a configuration.
///
/// # Errors
/// Where a URL is none.
pub fn subscribers(notify: &config::Notify) -> Result<Vec<Arc<dyn Subscriber>>> {
    let mut all: Vec<Arc<dyn Subscriber>> = Vec::new();
    for webhook in &notify.webhook {
        all.push(Arc::new(Hook::new(webhook)?));
    }
    for command in &notify.command {
        all.push(Arc::new(Program::new(command)));
    }
    Ok(all)
}

enum Post {
    Notice(Box<Notice>),
    End,
}

/// Carries notices to subscribers beside the run, in their order.
pub struct Postman {
    bag: mpsc::UnboundedSender<Post>,
    round: JoinHandle<()>,
}

impl Postman {
    /// Begins; what could not be told is said to `complain`. It wants to be called within a Tokio runtime.
    pub fn start(
        subscribers: Vec<Arc<dyn Subscriber>>,
        complain: impl Fn(&Error) + Send + Sync + 'static,
    ) -> Postman {
        let (bag, mut post) = mpsc::unbounded_channel();
        let round = tokio::spawn(async move {
            while let Some(Post::Notice(notice)) = post.recv().await {
                for subscriber in &subscribers {
                    if !subscriber.wants(notice.occasion) {
                        continue;
                    }
                    if let Err(error) = subscriber.tell(&notice).await {
                        complain(&error.at(subscriber.name()));
                    }
                }
            }
        });
        Postman { bag, round }
    }

    /// What hears the events of runs into a target.
    pub fn listener(&self, target: &str) -> Listener {
        let bag = self.bag.clone();
        let target = target.to_string();
        Arc::new(move |event| {
            if let Some(notice) = Notice::of(&target, event) {
                // Where the round is over nobody is to be told any more.
                let _ = bag.send(Post::Notice(Box::new(notice)));
            }
        })
    }

    /// Waits until all is delivered or given up.
    pub async fn finish(self) {
        let _ = self.bag.send(Post::End);
        let _ = self.round.await;
    }
}

/// A replication in this state, for tests.
#[cfg(test)]
pub(crate) fn sample(state: State) -> Replication {
    use crate::replication::{Batch, Counts, Durations, Mode, Watermark};
    Replication {
        id: "7".into(),
        source: "flight".into(),
        target: "public.flight".into(),
        batch: Batch {
            from: Watermark::nothing(),
            to: Watermark::nothing(),
            mode: Mode::Merge,
            schema_lines: 1,
        },
        state,
        attempt: 1,
        retries: 0,
        error: None,
        prefix: "flight/1".into(),
        counts: Counts::default(),
        durations: Durations::default(),
        enqueued_at: 1_000,
        changed_at: 3_000,
    }
}
