//! A server's place, as a URL says it.

mod client;

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Deserializer, de};

pub use client::Client;

use crate::error::{Error, Result};
use crate::variables::{decoded, plain};

/// A server's place and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// What it is called: its name in the configuration, else host and port.
    pub name: String,
    /// How the server is reached from the hosts.
    pub way: Way,
    /// The host; several for Sentinels and for a cluster.
    pub hosts: Vec<Host>,
    /// Whether to speak TLS.
    pub tls: bool,
    /// Whether to take any certificate.
    pub insecure: bool,
    /// The ACL user.
    pub user: Option<String>,
    /// Their password.
    pub password: Option<String>,
    /// The same of the Sentinels.
    pub sentinel_user: Option<String>,
    /// The same of the Sentinels.
    pub sentinel_password: Option<String>,
    /// The database.
    pub database: i64,
    /// The certificate of the authority that the server's is from, instead of those of the system.
    pub ca: Option<PathBuf>,
    /// The client's certificate, and beside it its key.
    pub cert: Option<(PathBuf, PathBuf)>,
}

/// How a server is reached from the hosts of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The one host is the server.
    Direct,
    /// The hosts are Sentinels, which know where this primary is.
    Sentinel(String),
    /// The hosts are some nodes of a cluster.
    Cluster,
}

/// A host and port, or a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A host and its port.
    Tcp(String, u16),
    /// The path of a socket.
    Unix(PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Host::Tcp(host, port) => write!(f, "{host}:{port}"),
            Host::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Without the passwords.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        write!(f, "{} ({})", self.name, hosts.join(","))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Address, D::Error> {
        Address::parse(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// What a URL may begin with.
const SCHEMES: &str = "redis://, rediss:// (TLS), unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://";

impl Address {
    /// Reads a URL: `redis://[[user]:password@]host[:port][/database]`, `unix:///path[?db=N]`,
    /// `redis+sentinel://...host,host/primary[/database]`, `redis+cluster://...host,host`. `${NAME}` anywhere in it
    /// stands for a variable of the process.
    ///
    /// # Errors
    /// What was expected, and never a part that could hold a password.
    pub fn parse(url: &str) -> Result<Address> {
        // A variable that is the whole URL is read as one; within a URL its bytes need no escapes.
        let whole = url.starts_with("${") && url.ends_with('}') && url.matches("${").count() == 1;
        let url = if whole { plain(url)? } else { url.to_string() };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| Error::usage(format!("expected a URL that begins with {SCHEMES}")))?;
        let (tls, way) = match scheme {
            "redis" | "valkey" => (false, Way::Direct),
            "rediss" | "valkeys" => (true, Way::Direct),
            "unix" | "redis+unix" => return Address::unix(rest),
            "redis+sentinel" => (false, Way::Sentinel(String::new())),
            "rediss+sentinel" => (true, Way::Sentinel(String::new())),
            "redis+cluster" => (false, Way::Cluster),
            "rediss+cluster" => (true, Way::Cluster),
            other => {
                return Err(Error::usage(format!(
                    "expected a URL that begins with {SCHEMES}, found '{other}://'"
                )));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (credentials, hosts),
            None => ("", authority),
        };
        let port = if matches!(way, Way::Sentinel(_)) {
            26379
        } else {
            6379
        };
        let hosts: Vec<Host> = plain(hosts)?
            .split(',')
            .map(|host| tcp(host, port))
            .collect::<Result<_>>()?;
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let way = match way {
            Way::Sentinel(_) => Way::Sentinel(match parts.next() {
                Some(primary) => decoded(primary)?,
                None => {
                    return Err(Error::usage(
                        "expected the name of the primary: redis+sentinel://host,host/primary",
                    ));
                }
            }),
            way => way,
        };
        let database = parts.next().map(plain).transpose()?;
        let database = database.map_or(Ok(0), |text| number(&text))?;
        if parts.next().is_some() {
            return Err(Error::usage(
                "expected nothing behind the database of a URL",
            ));
        }
        if way == Way::Direct && hosts.len() > 1 {
            return Err(Error::usage(
                "expected one host, found several; write several URLs, or redis+cluster:// or redis+sentinel://",
            ));
        }
        if way == Way::Cluster && database != 0 {
            return Err(Error::usage("expected no database: a cluster has only 0"));
        }
        let (user, password) = credentials_of(credentials)?;
        let first = hosts.first().map(Host::to_string).unwrap_or_default();
        let name = match &way {
            Way::Direct if database != 0 => format!("{first}/{database}"),
            Way::Sentinel(primary) => primary.clone(),
            _ => first,
        };
        Ok(Address {
            user,
            password,
            database,
            ..Address::new(name, way, hosts, tls)
        })
    }

    fn new(name: String, way: Way, hosts: Vec<Host>, tls: bool) -> Address {
        Address {
            name,
            way,
            hosts,
            tls,
            insecure: false,
            user: None,
            password: None,
            sentinel_user: None,
            sentinel_password: None,
            database: 0,
            ca: None,
            cert: None,
        }
    }

    /// `unix://[[user]:password@]/path[?db=N]`.
    fn unix(rest: &str) -> Result<Address> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (credentials, path) = match rest.split_once("@/") {
            Some((credentials, path)) => (credentials, format!("/{path}")),
            None => ("", rest.to_string()),
        };
        let path = decoded(&path)?;
        if path.is_empty() {
            return Err(Error::usage("expected a path: unix:///run/redis.sock"));
        }
        let database = match query.split_once('=') {
            Some(("db", database)) => number(&plain(database)?)?,
            None if query.is_empty() => 0,
            _ => return Err(Error::usage("expected ?db=N behind the path of a socket")),
        };
        let (user, password) = credentials_of(credentials)?;
        let host = Host::Unix(path.clone().into());
        Ok(Address {
            user,
            password,
            database,
            ..Address::new(path, Way::Direct, vec![host], false)
        })
    }
}

/// User and password: both, or a password alone.
fn credentials_of(text: &str) -> Result<(Option<String>, Option<String>)> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (decoded(user)?, Some(decoded(password)?)),
        None => (decoded(text)?, None),
    };
    if password.is_none() && !user.is_empty() {
        return Err(Error::usage(
            "expected a password behind the user: user:password@host, or :password@host",
        ));
    }
    Ok((Some(user).filter(|user| !user.is_empty()), password))
}

fn number(text: &str) -> Result<i64> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| Error::usage(format!("expected the number of a database, found '{text}'")))
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn tcp(text: &str, port: u16) -> Result<Host> {
    let (host, rest) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, rest)) => (host, rest),
        None => match text.find(':') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        },
    };
    let port = match rest.strip_prefix(':') {
        Some(number) => number.parse().map_err(|_| {
            Error::usage(format!("expected a port from 1 to 65535 behind '{host}:'"))
        })?,
        None if rest.is_empty() => port,
        None => return Err(Error::usage("expected host:port")),
    };
    if host.is_empty() {
        return Err(Error::usage("expected a host in the URL, found none"));
    }
    Ok(Host::Tcp(host.into(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_the_place_it_is() {
        let hosts = |address: &Address| {
            let hosts: Vec<String> = address.hosts.iter().map(Host::to_string).collect();
            hosts.join(" ")
        };
        for (url, name, places, tls, user, password, database) in [
            ("redis://a", "a:6379", "a:6379", false, None, None, 0),
            ("redis://a:1/2", "a:1/2", "a:1", false, None, None, 2),
            (
                "rediss://:p%40@[::1]:7/",
                "[::1]:7",
                "[::1]:7",
                true,
                None,
                Some("p@"),
                0,
            ),
            (
                "redis://u:a:b@h",
                "h:6379",
                "h:6379",
                false,
                Some("u"),
                Some("a:b"),
                0,
            ),
            (
                "unix:///run/r.sock?db=3",
                "/run/r.sock",
                "/run/r.sock",
                false,
                None,
                None,
                3,
            ),
            (
                "unix://u:p@/r.sock",
                "/r.sock",
                "/r.sock",
                false,
                Some("u"),
                Some("p"),
                0,
            ),
            (
                "redis+sentinel://a,b:5/main/1",
                "main",
                "a:26379 b:5",
                false,
                None,
                None,
                1,
            ),
            (
                "rediss+cluster://a,b",
                "a:6379",
                "a:6379 b:6379",
                true,
                None,
                None,
                0,
            ),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (
                    address.name.as_str(),
                    hosts(&address).as_str(),
                    address.tls,
                    address.database
                ),
                (name, places, tls, database),
                "{url}"
            );
            assert_eq!(
                (address.user.as_deref(), address.password.as_deref()),
                (user, password)
            );
            assert!(
                !format!("{address:?}").contains("p@"),
                "a password is shown"
            );
        }
    }

    #[test]
    fn what_is_no_url_is_refused_and_no_password_shown() {
        for (url, expected) in [
            ("localhost", "expected a URL that begins with redis://"),
            ("http://a", "found 'http://'"),
            ("redis://", "expected a host in the URL, found none"),
            ("redis://a:b", "expected a port from 1 to 65535 behind 'a:'"),
            (
                "redis://a/x",
                "expected the number of a database, found 'x'",
            ),
            ("redis://a/1/2", "expected nothing behind the database"),
            ("redis://a,b", "expected one host, found several"),
            ("redis://secret@a", "expected a password behind the user"),
            ("redis://:secret%4@a", "expected two hex digits behind '%'"),
            ("redis+sentinel://a", "expected the name of the primary"),
            ("redis+cluster://a/1", "a cluster has only 0"),
            ("unix://", "expected a path"),
            (
                "redis://:${YARR_NO_SUCH}@a",
                "expected the environment variable YARR_NO_SUCH",
            ),
            ("redis://:${YARR@a", "expected a '}'"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
