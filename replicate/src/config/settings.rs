//! The sections that a configuration may go without: `[s3]`, `[copy]`, `[retry]`, `[history]`, `[notify]`, `[metrics]`.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    Secret,
    words::{a_size, a_span, words},
};
use crate::{notify::Occasion, target::redshift::Choice};

/// `[s3]`: the bucket, and how to get in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// What all keys begin with.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// Its region; without it AWS_REGION or AWS_DEFAULT_REGION.
    pub region: Option<String>,
    /// Another server than Amazon's.
    pub endpoint: Option<String>,
    /// The key; without one what the surroundings give: the variables AWS_*, a container's or an instance's role.
    pub access_key_id: Option<String>,
    /// The secret of the key.
    pub secret_access_key: Option<Secret>,
    /// The token of a session.
    pub session_token: Option<Secret>,
}

fn prefix() -> String {
    "yarr".into()
}

/// `[copy]`: the parts, and how they are loaded.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Copying {
    /// Whether CSV is packed by gzip.
    pub gzip: bool,
    /// How many bytes of a part are enough: then the next begins.
    #[serde(deserialize_with = "a_size")]
    pub part: u64,
    /// How many changes a batch has at most; 0 for no end.
    pub batch: u64,
    /// What stands in the target for a byte that no text there may have: a NUL, or one that is no UTF-8. Without it such a
    /// text is refused.
    pub replacement: Option<char>,
    /// Whether parts stay when they are imported.
    pub keep: bool,
    /// Options of Redshift's COPY. `false` takes one out that holds without.
    pub options: BTreeMap<String, Choice>,
}

impl Default for Copying {
    fn default() -> Copying {
        Copying {
            gzip: true,
            part: 64 << 20,
            batch: 0,
            replacement: None,
            keep: false,
            options: BTreeMap::new(),
        }
    }
}

/// `[retry]`: what happens when a step fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// After how many failures a replication is canceled; the next begins anew.
    pub max: u32,
    /// How many times a run tries a step before it stops with the error; the next run goes on there.
    pub tries: u32,
    /// How long to wait before the second time; twice as long before each that follows.
    #[serde(deserialize_with = "a_span")]
    pub wait: Duration,
    /// Whether a table whose feed cannot be continued is loaded anew without being asked.
    pub resync: bool,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            max: 5,
            tries: 3,
            wait: Duration::from_secs(1),
            resync: true,
        }
    }
}

/// `[history]`: what is kept of replications that are over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// How many of a table; 0 for all.
    pub cap: u64,
}

impl Default for History {
    fn default() -> History {
        History { cap: 1000 }
    }
}

/// `[notify]`: who is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// URLs that are posted to.
    pub webhook: Vec<Webhook>,
    /// Programs that are run.
    pub command: Vec<Command>,
}

/// A URL that is posted to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The URL; it may hold a secret itself.
    pub url: Secret,
    /// Signs what is posted.
    pub secret: Option<Secret>,
    /// What it is told of; [`Occasion::USUAL`] unless told.
    #[serde(default = "usual")]
    pub on: Vec<Occasion>,
    /// How many times it is tried again.
    #[serde(default = "retries")]
    pub retries: u32,
    /// How long an answer may take.
    #[serde(default = "timeout", deserialize_with = "a_span")]
    pub timeout: Duration,
}

/// A program that is run, the event as JSON on its standard input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments.
    #[serde(deserialize_with = "words")]
    pub run: Vec<String>,
    /// What it is run for; [`Occasion::USUAL`] unless told.
    #[serde(default = "usual")]
    pub on: Vec<Occasion>,
    /// How long it may take before it is killed.
    #[serde(default = "timeout", deserialize_with = "a_span")]
    pub timeout: Duration,
}

fn usual() -> Vec<Occasion> {
    Occasion::USUAL.to_vec()
}

fn retries() -> u32 {
    3
}

fn timeout() -> Duration {
    Duration::from_secs(10)
}

/// `[metrics]`: figures for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// A file that is written after each replication, for node_exporter's textfile collector.
    pub file: Option<PathBuf>,
    /// Where they are served while the program runs, `127.0.0.1:9187`.
    pub listen: Option<SocketAddr>,
}
