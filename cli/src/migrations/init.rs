//! `yarr init`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    Context, Outcome, Result,
    config::{self, FILE},
};

/// The arguments of `yarr init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr init
  yarr init --config config/yarr.toml")]
pub struct Init {}

/// What it writes.
pub const TEXT: &str = r#"# What yarr works on. Every key is optional; what stands here in comments is what holds without them.

# The environment, unless --env or YARR_ENV names another.
environment = "development"

# The folder of the migrations, from this file on.
# folder = "db/yarr"
# The Redis set of the versions that are applied. What belongs to it lies beside it, in the same slot.
# set = "{yarr}:migrations"
# How long the lock of a run outlives it when it dies.
# lease = "30s"
# How long to wait for a connection.
# timeout = "5s"
# Whether the console asks before it writes.
# protect = false

# Each environment has its servers, and may have its own of the five above. ${NAME} anywhere in a text is the variable
# NAME of the surroundings: the place for passwords.
[environments.development]
servers = ["redis://127.0.0.1:6379"]

[environments.test]
servers = ["redis://127.0.0.1:6379/1"]

# [environments.production]
# servers = [
#     # An ACL user, TLS by the authorities of the system, a socket, the primary that Sentinels name, a cluster.
#     "redis://deploy:${REDIS_PASSWORD}@redis-1.example.com:6379/0",
#     "rediss://deploy:${REDIS_PASSWORD}@redis-2.example.com:6380",
#     "unix:///run/redis/redis.sock",
#     "redis+sentinel://:${REDIS_PASSWORD}@sentinel-1:26379,sentinel-2:26379/mymaster/0",
#     "rediss+cluster://node-1:6379,node-2:6379",
#     # With a name of its own, and certificates.
#     { name = "sessions", url = "rediss://redis-3:6380", ca = "ca.pem", cert = "client.pem", key = "client.key" },
# ]
"#;

impl Init {
    /// Does it.
    ///
    /// # Errors
    /// Where there is such a file.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let path = context
            .global
            .config
            .clone()
            .unwrap_or_else(|| PathBuf::from(FILE));
        config::create(&path, TEXT, context)
    }
}
