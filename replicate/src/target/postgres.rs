//! PostgreSQL: parts are read from the store and sent by COPY.

use std::path::PathBuf;

/// How PostgreSQL, or Redshift, is reached.
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

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}@{}:{}/{}",
            self.user, self.host, self.port, self.database
        )
    }
}
