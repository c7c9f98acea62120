//! A session: what is said to a server of SQL, and what it answers, as text. All but COPY goes by simple queries, which
//! every one of these servers takes, several statements at a time.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, config::SslMode};

use super::tls;
use crate::error::{Error, Kind, Result};

/// After how much silence of a server it is asked whether it is there, and how long that may take.
const SILENCE: Duration = Duration::from_secs(60);

/// How a server of SQL is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The host, or the folder of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Option<String>,
    /// Whether to speak TLS, and how far to believe the server.
    pub tls: Tls,
    /// The certificate of the authority that the server's is from, instead of those of the system.
    pub ca: Option<PathBuf>,
    /// How long to wait for a connection.
    pub timeout: Duration,
}

/// Whether to speak TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// No.
    Off,
    /// Yes, with any certificate.
    Require,
    /// Yes, and the certificate must be of the host.
    Verify,
}

/// Without the password.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Login {
            host,
            port,
            database,
            user,
            ..
        } = self;
        write!(f, "{user}@{host}:{port}/{database}")
    }
}

/// A row of an answer, as text.
pub(crate) type Line = Vec<Option<String>>;

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
}

impl Session {
    pub(crate) async fn open(login: &Login) -> Result<Session> {
        let mut config = Config::new();
        config
            .host(&login.host)
            .port(login.port)
            .dbname(&login.database)
            .user(&login.user)
            .application_name("yarr replicate")
            .connect_timeout(login.timeout)
            // A server that is gone without a word is noticed in minutes, not in hours.
            .keepalives_idle(SILENCE)
            .tcp_user_timeout(SILENCE)
            .ssl_mode(match login.tls {
                Tls::Off => SslMode::Disable,
                Tls::Require | Tls::Verify => SslMode::Require,
            });
        if let Some(password) = &login.password {
            config.password(password);
        }
        let opening = async {
            match login.tls {
                Tls::Off => {
                    let (client, connection) = config.connect(NoTls).await.map_err(explained)?;
                    tokio::spawn(connection);
                    Ok(client)
                }
                Tls::Require | Tls::Verify => {
                    let any = login.tls == Tls::Require;
                    let connector = tls::connector(any, login.ca.as_deref())?;
                    let (client, connection) =
                        config.connect(connector).await.map_err(explained)?;
                    tokio::spawn(connection);
                    Ok(client)
                }
            }
        };
        let opened = tokio::time::timeout(login.timeout, opening).await;
        let client = opened.unwrap_or_else(|_| {
            Err(Error::unreachable(format!(
                "no connection within {:?}",
                login.timeout
            )))
        });
        let client = client.map_err(|error| error.at(format_args!("{login:?}")))?;
        Ok(Session { client })
    }

    /// Whether it can still be spoken through.
    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Says statements; answers how many rows the last of them concerned.
    pub(crate) async fn run(&self, sql: &str) -> Result<u64> {
        let answer = self.client.simple_query(sql).await.map_err(explained)?;
        let counts = answer.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(count) => Some(*count),
            _ => None,
        });
        Ok(counts.unwrap_or_default())
    }

    /// Asks for rows.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<Line>> {
        Ok(self.table(sql).await?.1)
    }

    /// Asks for rows and the names of their columns.
    pub(crate) async fn table(&self, sql: &str) -> Result<(Vec<String>, Vec<Line>)> {
        let answer = self.client.simple_query(sql).await.map_err(explained)?;
        let (mut names, mut rows) = (Vec::new(), Vec::new());
        for message in answer {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    names = columns.iter().map(|column| column.name().into()).collect();
                }
                SimpleQueryMessage::Row(row) => rows.push(
                    (0..row.len())
                        .map(|at| row.try_get(at).ok().flatten().map(String::from))
                        .collect(),
                ),
                _ => {}
            }
        }
        Ok((names, rows))
    }

    /// Asks for one value; `None` where there is no row, or it is null.
    pub(crate) async fn value(&self, sql: &str) -> Result<Option<String>> {
        let rows = self.rows(sql).await?;
        Ok(rows.into_iter().flatten().next().flatten())
    }

    /// Asks for a number.
    pub(crate) async fn number(&self, sql: &str) -> Result<u64> {
        let value = self.value(sql).await?;
        let number = value.as_deref().and_then(|value| value.parse().ok());
        number.ok_or_else(|| Error::refused(format!("expected a number, found {value:?}")))
    }

    /// Begins a `COPY ... FROM STDIN`.
    pub(crate) async fn copy(&self, sql: &str) -> Result<Copy> {
        let sink = self.client.copy_in(sql).await.map_err(explained)?;
        Ok(Copy {
            sink: Box::pin(sink),
        })
    }
}

/// A COPY that takes bytes.
pub(crate) struct Copy {
    sink: std::pin::Pin<Box<tokio_postgres::CopyInSink<Bytes>>>,
}

impl Copy {
    pub(crate) async fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.sink.feed(bytes.into()).await.map_err(explained)
    }

    /// Ends it; answers how many rows it took.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        self.sink.as_mut().finish().await.map_err(explained)
    }
}

/// The error in words: what the server said, where it said it, and what to do.
pub(crate) fn explained(error: tokio_postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        let refused = text.contains("password missing") || text.contains("authentication");
        if text.contains("authentication tag `13`") {
            text.push_str(
                "; Redshift keeps this user's password by SHA-256, which no driver of PostgreSQL knows: \
                 keep it by MD5, ALTER USER name PASSWORD 'md5...'",
            );
        }
        return match refused {
            true => Error::refused(text),
            false => Error::unreachable(text),
        };
    };
    let code = said.code().code();
    let mut text = said.message().to_string();
    for more in [said.detail(), said.where_(), said.hint()]
        .into_iter()
        .flatten()
    {
        text = format!("{text}; {}", more.trim());
    }
    // Connection lost, going down or starting up, resources, deadlocks and serialization: it may go the next time.
    let passing = matches!(code.get(..2), Some("08" | "53" | "40"))
        || matches!(
            code,
            "57P01" | "57P02" | "57P03" | "57P05" | "55P03" | "25P03"
        )
        || (text.contains("1023") && text.contains("isolation"));
    let kind = match passing {
        true => Kind::Unreachable,
        false => Kind::Refused,
    };
    Error::new(kind, format!("{text} (SQLSTATE {code})"))
}
