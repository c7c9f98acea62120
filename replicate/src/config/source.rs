//! `[source]`: the Redis server that is read.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    Secret,
    words::{a_size, a_span},
};
use crate::address::Address;

/// The Redis server that is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its URL: one server, TLS, a socket, Sentinels, a cluster.
    #[serde(rename = "url")]
    pub address: Address,
    /// The certificate of the authority that the server's is from, instead of those of the system.
    ca: Option<PathBuf>,
    /// The client's certificate, with `key`.
    cert: Option<PathBuf>,
    /// The key of `cert`.
    key: Option<PathBuf>,
    /// Whether to take any certificate.
    #[serde(default)]
    insecure: bool,
    sentinel_user: Option<String>,
    sentinel_password: Option<Secret>,
    /// How long to wait for a connection and for an answer.
    #[serde(default = "timeout", deserialize_with = "a_span")]
    pub timeout: Duration,
    /// How long the lease of a run outlives it when it dies.
    #[serde(default = "lease", deserialize_with = "a_span")]
    pub lease: Duration,
    /// How many bytes a page of the feed or of a walk has.
    #[serde(default = "page", deserialize_with = "a_size")]
    pub page: u64,
}

fn timeout() -> Duration {
    Duration::from_secs(30)
}

fn lease() -> Duration {
    Duration::from_secs(30)
}

fn page() -> u64 {
    1 << 20
}

impl Source {
    /// The server at this address, all else as it is unless told.
    pub fn new(address: Address) -> Source {
        Source {
            address,
            ca: None,
            cert: None,
            key: None,
            insecure: false,
            sentinel_user: None,
            sentinel_password: None,
            timeout: timeout(),
            lease: lease(),
            page: page(),
        }
    }

    /// Puts the certificates and the Sentinels' credentials into the address; answers the key that is wrong and why.
    pub(super) fn settle(
        &mut self,
        at: impl Fn(&PathBuf) -> PathBuf,
    ) -> Result<(), (&'static str, String)> {
        let address = &mut self.address;
        address.ca = self.ca.as_ref().map(&at);
        address.cert = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((at(cert), at(key))),
            (None, None) => None,
            (Some(_), None) => return Err(("cert", "expected key beside cert".into())),
            (None, Some(_)) => return Err(("key", "expected cert beside key".into())),
        };
        address.insecure = self.insecure;
        if !address.tls && (address.insecure || address.ca.is_some() || address.cert.is_some()) {
            let message = "expected a URL with rediss, for there are certificates or insecure";
            return Err(("url", message.into()));
        }
        address.sentinel_user = self.sentinel_user.clone();
        address.sentinel_password = self
            .sentinel_password
            .as_ref()
            .map(|secret| secret.expose().into());
        Ok(())
    }
}
