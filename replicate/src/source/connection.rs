//! The connection: to a single server, to the primary that Sentinels name, or to a cluster. It is made when something is
//! said, and made anew after it broke: where there was a failover meanwhile, to the new primary.

use std::{fs, path::Path, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates, TlsMode,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};

use crate::{
    address::{Address, Host, Way},
    error::{Error, Kind, Result},
};

/// How long an answer may take. A page is made in milliseconds; who says nothing for so long is not there.
const ANSWER: Duration = Duration::from_secs(60);

#[derive(Clone)]
enum Open {
    Single(MultiplexedConnection),
    Cluster(Box<ClusterConnection>),
}

/// A connection that is made when it is needed.
#[derive(Clone)]
pub(super) struct Connection {
    address: Address,
    timeout: Duration,
    open: Option<Open>,
}

impl Connection {
    pub(super) fn new(address: &Address, timeout: Duration) -> Connection {
        Connection {
            address: address.clone(),
            timeout,
            open: None,
        }
    }

    /// The same server by a connection of its own.
    pub(super) fn another(&self) -> Connection {
        Connection::new(&self.address, self.timeout)
    }

    pub(super) fn name(&self) -> &str {
        &self.address.name
    }

    /// Says a command and reads the answer to it.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T> {
        let answer = self.say(command).await?;
        T::from_redis_value(answer).map_err(|error| self.explained(&RedisError::from(error)))
    }

    async fn say(&mut self, command: &Cmd) -> Result<Value> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.opened().await?,
        };
        let answer = match &mut open {
            Open::Single(connection) => connection.req_packed_command(command).await,
            Open::Cluster(connection) => connection.req_packed_command(command).await,
        };
        // An error in an answer is an answer; after any other the connection is of no use.
        match answer.and_then(Value::extract_error) {
            Ok(value) => {
                self.open = Some(open);
                Ok(value)
            }
            Err(error) => {
                if error.code().is_some() && !is_passing(&error) {
                    self.open = Some(open);
                }
                Err(self.explained(&error))
            }
        }
    }

    async fn opened(&self) -> Result<Open> {
        let certificates = certificates(&self.address)?;
        let opened = match &self.address.way {
            Way::Direct => single(&self.address, certificates, self.timeout).await,
            Way::Sentinel(primary) => {
                sentinel(&self.address, primary, certificates, self.timeout).await
            }
            Way::Cluster => cluster(&self.address, certificates, self.timeout).await,
        };
        opened.map_err(|error| self.explained(&error))
    }

    fn explained(&self, error: &RedisError) -> Error {
        let code = error.code().unwrap_or_default();
        let kind = match code {
            "RESYNC" => Kind::Resync,
            "" => match error.kind() {
                ErrorKind::AuthenticationFailed
                | ErrorKind::InvalidClientConfig
                | ErrorKind::UnexpectedReturnType
                | ErrorKind::Parse => Kind::Refused,
                _ => Kind::Unreachable,
            },
            _ if is_passing(error) => Kind::Unreachable,
            _ => Kind::Refused,
        };
        let said = match error.detail() {
            Some(detail) if !code.is_empty() => format!("{code} {detail}"),
            _ => error.to_string(),
        };
        Error::new(kind, said).at(self.name())
    }
}

/// Whether a server that refuses so may do it soon, or from the start: it loads, fails over, moves slots, builds the
/// feed's index, or is another one than the cursor is from.
fn is_passing(error: &RedisError) -> bool {
    matches!(
        error.code(),
        Some(
            "LOADING"
                | "MASTERDOWN"
                | "READONLY"
                | "TRYAGAIN"
                | "CLUSTERDOWN"
                | "BUSY"
                | "NOREPLICAS"
                | "UNBLOCKED"
                | "INDEXBUILDING"
                | "BADCURSOR"
        )
    )
}

fn certificates(address: &Address) -> Result<TlsCertificates> {
    let read = |path: &Path| {
        fs::read(path)
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))
    };
    let client_tls = match &address.cert {
        Some((cert, key)) => Some(redis::ClientTlsConfig {
            client_cert: read(cert)?,
            client_key: read(key)?,
        }),
        None => None,
    };
    let root_cert = address.ca.as_deref().map(read).transpose()?;
    Ok(TlsCertificates {
        client_tls,
        root_cert,
    })
}

fn mode(address: &Address) -> TlsMode {
    match address.insecure {
        true => TlsMode::Insecure,
        false => TlsMode::Secure,
    }
}

fn place(host: &Host, address: &Address) -> ConnectionAddr {
    match host {
        Host::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Host::Tcp(host, port) if !address.tls => ConnectionAddr::Tcp(host.clone(), *port),
        Host::Tcp(host, port) => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: address.insecure,
            tls_params: None,
        },
    }
}

fn info(host: &Host, address: &Address) -> RedisResult<ConnectionInfo> {
    let mut own = RedisConnectionInfo::default().set_db(address.database);
    if let Some(user) = &address.user {
        own = own.set_username(user);
    }
    if let Some(password) = &address.password {
        own = own.set_password(password);
    }
    Ok(place(host, address)
        .into_connection_info()?
        .set_redis_settings(own))
}

fn config(timeout: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(ANSWER))
}

async fn single(
    address: &Address,
    certificates: TlsCertificates,
    timeout: Duration,
) -> RedisResult<Open> {
    let none = RedisError::from((ErrorKind::InvalidClientConfig, "no host"));
    let info = info(address.hosts.first().ok_or(none)?, address)?;
    let client = match address.tls {
        true => Client::build_with_tls(info, certificates)?,
        false => Client::open(info)?,
    };
    client
        .get_multiplexed_async_connection_with_config(&config(timeout))
        .await
        .map(Open::Single)
}

async fn sentinel(
    address: &Address,
    primary: &str,
    certificates: TlsCertificates,
    timeout: Duration,
) -> RedisResult<Open> {
    let hosts = address.hosts.iter().map(|host| place(host, address));
    let mut builder = SentinelClientBuilder::new(hosts, primary, SentinelServerType::Master)?
        .set_client_to_redis_db(address.database);
    if let Some(user) = &address.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &address.password {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(user) = &address.sentinel_user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &address.sentinel_password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    if address.tls {
        builder = builder
            .set_client_to_redis_tls_mode(mode(address))
            .set_client_to_sentinel_tls_mode(mode(address))
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    builder
        .build()?
        .get_async_connection_with_config(&config(timeout))
        .await
        .map(Open::Single)
}

async fn cluster(
    address: &Address,
    certificates: TlsCertificates,
    timeout: Duration,
) -> RedisResult<Open> {
    let hosts: Vec<ConnectionInfo> = address
        .hosts
        .iter()
        .map(|host| info(host, address))
        .collect::<RedisResult<_>>()?;
    let mut builder = ClusterClientBuilder::new(hosts)
        .connection_timeout(timeout)
        .response_timeout(ANSWER);
    if address.tls {
        builder = builder.tls(mode(address)).certs(certificates);
    }
    let connection = builder.build()?.get_async_connection().await?;
    Ok(Open::Cluster(Box::new(connection)))
}
