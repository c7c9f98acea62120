//! What can go wrong, and what the tool's exit code is then.

use std::{fmt, io};

/// What every fallible function answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a verb came to where nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is done; for a question, the answer is yes.
    Done,
    /// The answer is no: something is pending, or differs.
    No,
}

/// What sort of thing went wrong: the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Arguments, the configuration or a file.
    Usage,
    /// A server could not be reached.
    Unreachable,
    /// A server refused.
    Refused,
    /// It stopped half-way; the message says what was done.
    Halfway,
    /// A replication: the table is to be loaded anew.
    Resync,
    /// A replication: another runner is at it.
    Busy,
    /// A replication: it was given up.
    Canceled,
    /// Whoever read the output wants no more of it.
    Pipe,
}

impl Kind {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::Unreachable => 3,
            Kind::Refused => 4,
            Kind::Halfway => 5,
            Kind::Resync => 6,
            Kind::Busy => 7,
            Kind::Canceled => 8,
            Kind::Pipe => 0,
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Unreachable => "unreachable",
            Kind::Refused => "refused",
            Kind::Halfway => "halfway",
            Kind::Resync => "resync",
            Kind::Busy => "busy",
            Kind::Canceled => "canceled",
            Kind::Pipe => "pipe",
        }
    }
}

/// What went wrong: what was expected, what was found and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its sort.
    pub kind: Kind,
    /// The words for the user.
    pub message: String,
}

impl Error {
    /// An error in the arguments, the configuration or a file.
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(Kind::Usage, message)
    }

    /// An error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
        }
    }

    /// The same with the place it concerns before it: `place: message`.
    pub fn at(self, place: impl fmt::Display) -> Error {
        Error {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Error {
        yarr_client::Error::from(error).into()
    }
}

impl From<yarr_replicate::Error> for Error {
    fn from(error: yarr_replicate::Error) -> Error {
        use yarr_replicate::Kind as Theirs;
        let kind = match error.kind {
            Theirs::Usage => Kind::Usage,
            Theirs::Unreachable => Kind::Unreachable,
            Theirs::Refused => Kind::Refused,
            Theirs::Halfway => Kind::Halfway,
            Theirs::Resync => Kind::Resync,
            Theirs::Busy => Kind::Busy,
            Theirs::Canceled => Kind::Canceled,
        };
        Error::new(kind, error.message)
    }
}

impl From<yarr_client::Error> for Error {
    fn from(error: yarr_client::Error) -> Error {
        let code = error.redis().and_then(redis::RedisError::code);
        let message = match (&error, code) {
            // The server's code is half of what it says.
            (yarr_client::Error::NoModule(_), _) => error.to_string(),
            (_, Some(code)) if error.refusal().is_some() => format!("{code} {error}"),
            _ => error.to_string(),
        };
        let io = |error: &redis::RedisError| {
            error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal()
        };
        match error.redis().is_some_and(io) {
            true => Error::new(Kind::Unreachable, message),
            false => Error::new(Kind::Refused, message),
        }
    }
}

/// An error of the output: files that are read or written have their own words, with their path.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Error::new(Kind::Pipe, "nobody reads the output"),
            _ => Error::usage(format!("cannot write the output: {error}")),
        }
    }
}
