//! A connection to a server of the environment.

use std::{fmt, time::Duration};

use redis::{
    Cmd, ConnectionLike, ErrorKind, RedisError, RedisResult, Value,
    cluster::ClusterConnection,
    cluster_routing::{RoutingInfo, SingleNodeRoutingInfo},
};

use crate::{
    config::{Address, Client},
    error::{Error, Kind, Result},
};

/// A server and the connection to it: a single one, the primary that Sentinels name, or a whole cluster.
pub struct Server {
    name: String,
    connection: Connection,
}

enum Connection {
    Single(redis::Connection),
    Cluster(Box<ClusterConnection>),
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Connects, and sees that it answers.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] where it does not within the time, [`Kind::Refused`] where it does not let this user in.
    pub fn connect(address: &Address, timeout: Duration) -> Result<Server> {
        let opened = match address.client()? {
            Client::Direct(client) => client
                .get_connection_with_timeout(timeout)
                .map(Connection::Single),
            Client::Sentinel(mut sentinels) => sentinels
                .get_client()
                .and_then(|client| client.get_connection_with_timeout(timeout))
                .map(Connection::Single),
            Client::Cluster(builder) => builder
                .connection_timeout(timeout)
                .build()
                .and_then(|client| client.get_connection())
                .map(|cluster| Connection::Cluster(Box::new(cluster))),
        };
        let connection = opened.map_err(|error| refused(&error).at(&address.name))?;
        Ok(Server {
            name: address.name.clone(),
            connection,
        })
    }

    /// What it is called: host and port, or its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(self.connection, Connection::Cluster(_))
    }

    /// Whether it has the module; a server that does not tell is taken to have it.
    pub fn has_module(&mut self) -> bool {
        let asked = redis::cmd("COMMAND")
            .arg("INFO")
            .arg("YARR.MIGRATE")
            .to_owned();
        !matches!(self.req_command(&asked), Ok(Value::Array(found)) if found == [Value::Nil])
    }

    /// The tables, by name.
    ///
    /// # Errors
    /// What the server answers instead.
    pub fn tables(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut tables = Vec::new();
        let mut nodes: Vec<Option<String>> = self.primaries()?.into_iter().map(Some).collect();
        if nodes.is_empty() {
            nodes.push(None);
        }
        for node in nodes {
            let mut cursor = "0".to_string();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor)
                    .arg("COUNT")
                    .arg(1000)
                    .arg("TYPE")
                    .arg("yarrtable");
                let page = match self.at(node.as_deref(), &scan) {
                    // Before Redis 6 there is no TYPE: all keys are looked at.
                    Err(error) if error.code() == Some("ERR") => {
                        let mut scan = redis::cmd("SCAN");
                        scan.arg(&cursor).arg("COUNT").arg(1000);
                        self.at(node.as_deref(), &scan)?
                    }
                    page => page?,
                };
                let (next, keys): (String, Vec<Vec<u8>>) =
                    redis::from_redis_value(page).map_err(redis::RedisError::from)?;
                for key in keys {
                    let kind: String = redis::cmd("TYPE").arg(&key).query(self)?;
                    if kind == "yarrtable" {
                        tables.push(key);
                    }
                }
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
        }
        tables.sort_unstable();
        tables.dedup();
        Ok(tables)
    }

    fn at(&mut self, node: Option<&str>, command: &Cmd) -> RedisResult<Value> {
        match node {
            Some(node) => self.ask(node, command),
            None => self.req_command(command).and_then(Value::extract_error),
        }
    }

    /// The primaries of a cluster as `host:port`, in order; of a single server none.
    ///
    /// # Errors
    /// What the cluster answers instead.
    pub fn primaries(&mut self) -> Result<Vec<String>> {
        let Connection::Cluster(cluster) = &mut self.connection else {
            return Ok(Vec::new());
        };
        let slots: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query(cluster)?;
        let mut names: Vec<String> = slots
            .iter()
            .filter_map(|slot| match slot.get(2) {
                Some(Value::Array(node)) => match node.as_slice() {
                    [Value::BulkString(host), Value::Int(port), ..] => {
                        Some(format!("{}:{port}", String::from_utf8_lossy(host)))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Sends a command to one of the [`primaries`](Server::primaries).
    ///
    /// # Errors
    /// What it answers instead.
    pub fn ask(&mut self, primary: &str, command: &Cmd) -> RedisResult<Value> {
        let Connection::Cluster(cluster) = &mut self.connection else {
            return self.req_command(command);
        };
        let (host, port) = primary
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.to_string(), port.parse().ok()?)))
            .ok_or(RedisError::from((
                ErrorKind::InvalidClientConfig,
                "no host:port",
            )))?;
        let node = SingleNodeRoutingInfo::ByAddress { host, port };
        cluster
            .route_command(command, RoutingInfo::SingleNode(node))
            .and_then(Value::extract_error)
    }

    /// Waits for what the server sends unasked: messages of a subscription, the lines of MONITOR.
    ///
    /// # Errors
    /// Where the connection ends, or is one to a cluster, which does not tell.
    pub fn receive(&mut self) -> RedisResult<Value> {
        match &mut self.connection {
            Connection::Single(connection) => connection.recv_response(),
            Connection::Cluster(_) => Err(RedisError::from((
                ErrorKind::Client,
                "a cluster's messages cannot be followed; connect to one of its nodes",
            ))),
        }
    }

    /// Sends a command to every primary of a cluster, or to the single server, and answers each one's name and answer.
    ///
    /// # Errors
    /// What the first of them answers instead.
    pub fn ask_all(&mut self, command: &Cmd) -> Result<Vec<(String, Value)>> {
        if !self.is_cluster() {
            let answer = self.req_command(command)?.extract_error()?;
            return Ok(vec![(self.name.clone(), answer)]);
        }
        let mut answers = Vec::new();
        for primary in self.primaries()? {
            let answer = self.ask(&primary, command)?;
            answers.push((primary, answer));
        }
        Ok(answers)
    }
}

impl ConnectionLike for Server {
    fn req_packed_command(&mut self, cmd: &[u8]) -> RedisResult<Value> {
        match &mut self.connection {
            Connection::Single(connection) => connection.req_packed_command(cmd),
            Connection::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands(
        &mut self,
        cmd: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        match &mut self.connection {
            Connection::Single(connection) => connection.req_packed_commands(cmd, offset, count),
            Connection::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn req_command(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        match &mut self.connection {
            Connection::Single(connection) => connection.req_command(cmd),
            Connection::Cluster(connection) => connection.req_command(cmd),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.connection {
            Connection::Single(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
        }
    }

    fn supports_pipelining(&self) -> bool {
        match &self.connection {
            Connection::Single(connection) => connection.supports_pipelining(),
            Connection::Cluster(connection) => connection.supports_pipelining(),
        }
    }

    fn check_connection(&mut self) -> bool {
        match &mut self.connection {
            Connection::Single(connection) => connection.check_connection(),
            Connection::Cluster(connection) => connection.check_connection(),
        }
    }

    fn is_open(&self) -> bool {
        match &self.connection {
            Connection::Single(connection) => connection.is_open(),
            Connection::Cluster(connection) => connection.is_open(),
        }
    }
}

/// A connection that could not be made: the server is not there, or lets nobody in.
fn refused(error: &RedisError) -> Error {
    let text = error.to_string();
    match error.code() {
        Some("WRONGPASS" | "NOAUTH" | "NOPERM") => Error::new(Kind::Refused, text),
        _ if error.kind() == ErrorKind::AuthenticationFailed => Error::new(Kind::Refused, text),
        _ => Error::new(Kind::Unreachable, text),
    }
}
