//! The client of a server's place: everything that an address says, but for how long to wait.

use std::{fs, path::Path};

use redis::{
    ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    RedisResult, TlsCertificates, TlsMode,
    cluster::{ClusterClient, ClusterClientBuilder},
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};

use super::{Address, Host, Way};
use crate::error::{Error, Result};

/// What makes connections to an address, whether they wait or not.
pub enum Client {
    /// To the one host.
    Direct(Box<redis::Client>),
    /// To the primary that the Sentinels name.
    Sentinel(Box<SentinelClient>),
    /// To a cluster.
    Cluster(Box<ClusterClientBuilder>),
}

impl Address {
    /// What makes connections to this address. It asks nobody yet.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) where a certificate cannot be read, or is none.
    pub fn client(&self) -> Result<Client> {
        let certificates = self.certificates()?;
        let client = match &self.way {
            Way::Direct => self.direct(certificates),
            Way::Sentinel(primary) => self.sentinel(primary, certificates),
            Way::Cluster => self.cluster(certificates),
        };
        client.map_err(|error| Error::usage(error.to_string()).at(&self.name))
    }

    fn certificates(&self) -> Result<TlsCertificates> {
        let read = |path: &Path| {
            fs::read(path)
                .map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))
        };
        let client_tls = match &self.cert {
            Some((cert, key)) => Some(redis::ClientTlsConfig {
                client_cert: read(cert)?,
                client_key: read(key)?,
            }),
            None => None,
        };
        let root_cert = self.ca.as_deref().map(read).transpose()?;
        Ok(TlsCertificates {
            client_tls,
            root_cert,
        })
    }

    fn mode(&self) -> TlsMode {
        match self.insecure {
            true => TlsMode::Insecure,
            false => TlsMode::Secure,
        }
    }

    fn place(&self, host: &Host) -> ConnectionAddr {
        match host {
            Host::Unix(path) => ConnectionAddr::Unix(path.clone()),
            Host::Tcp(host, port) if !self.tls => ConnectionAddr::Tcp(host.clone(), *port),
            Host::Tcp(host, port) => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: self.insecure,
                tls_params: None,
            },
        }
    }

    fn info(&self, host: &Host) -> RedisResult<ConnectionInfo> {
        let mut own = RedisConnectionInfo::default().set_db(self.database);
        if let Some(user) = &self.user {
            own = own.set_username(user);
        }
        if let Some(password) = &self.password {
            own = own.set_password(password);
        }
        let info = self.place(host).into_connection_info()?;
        Ok(info.set_redis_settings(own))
    }

    fn direct(&self, certificates: TlsCertificates) -> RedisResult<Client> {
        let none = RedisError::from((ErrorKind::InvalidClientConfig, "no host"));
        let info = self.info(self.hosts.first().ok_or(none)?)?;
        let client = match self.tls {
            true => redis::Client::build_with_tls(info, certificates)?,
            false => redis::Client::open(info)?,
        };
        Ok(Client::Direct(Box::new(client)))
    }

    fn sentinel(&self, primary: &str, certificates: TlsCertificates) -> RedisResult<Client> {
        let hosts = self.hosts.iter().map(|host| self.place(host));
        let mut builder = SentinelClientBuilder::new(hosts, primary, SentinelServerType::Master)?
            .set_client_to_redis_db(self.database);
        if let Some(user) = &self.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(user) = &self.sentinel_user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &self.sentinel_password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if self.tls {
            builder = builder
                .set_client_to_redis_tls_mode(self.mode())
                .set_client_to_sentinel_tls_mode(self.mode())
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        Ok(Client::Sentinel(Box::new(builder.build()?)))
    }

    fn cluster(&self, certificates: TlsCertificates) -> RedisResult<Client> {
        let hosts = self.hosts.iter().map(|host| self.info(host));
        let hosts: Vec<ConnectionInfo> = hosts.collect::<RedisResult<_>>()?;
        let mut builder = ClusterClient::builder(hosts);
        if self.tls {
            builder = builder.tls(self.mode()).certs(certificates);
        }
        Ok(Client::Cluster(Box::new(builder)))
    }
}
