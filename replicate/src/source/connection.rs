//! The connection: to a single server, to the primary that Sentinels name, or to a cluster. It is made when something is
//! said, and made anew after it broke: where there was a failover meanwhile, to the new primary.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
};

use crate::{
    address::{Address, Client},
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
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(ANSWER));
        let opened = match self.address.client()? {
            Client::Direct(client) => client
                .get_multiplexed_async_connection_with_config(&config)
                .await
                .map(Open::Single),
            Client::Sentinel(mut client) => client
                .get_async_connection_with_config(&config)
                .await
                .map(Open::Single),
            Client::Cluster(builder) => {
                cluster(builder.response_timeout(ANSWER), self.timeout).await
            }
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

async fn cluster(builder: ClusterClientBuilder, timeout: Duration) -> RedisResult<Open> {
    let client = builder.connection_timeout(timeout).build()?;
    let connection = client.get_async_connection().await?;
    Ok(Open::Cluster(Box::new(connection)))
}
