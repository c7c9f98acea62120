//! What can go wrong, and what the exit code of a program is then.

use std::fmt;

/// What every fallible function answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of thing went wrong: what to do about it, and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Arguments, the configuration or a file: mend it.
    Usage,
    /// Source, store or target could not be reached, or went away: the same run later may do it.
    Unreachable,
    /// Source, store or target refused, or the plan does not fit: the cause is to be mended first.
    Refused,
    /// It stopped half-way, and the state says where: the next run goes on there.
    Halfway,
    /// The feed or the target is not where the watermark says: the table is to be loaded anew.
    Resync,
    /// Another runner has the table, or did the work meanwhile: nothing is wrong.
    Busy,
    /// The replication was canceled, or past its last retry.
    Canceled,
}

impl Kind {
    /// The exit code. 0 is done, and 1 that there was nothing to do.
    pub fn code(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::Unreachable => 3,
            Kind::Refused => 4,
            Kind::Halfway => 5,
            Kind::Resync => 6,
            Kind::Busy => 7,
            Kind::Canceled => 8,
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
        }
    }

    /// Whether the same again, with nothing mended, may do it.
    pub fn is_retryable(self) -> bool {
        matches!(self, Kind::Unreachable | Kind::Halfway)
    }
}

/// What went wrong: what was expected, what was found and what to do. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its sort.
    pub kind: Kind,
    /// The words for the user.
    pub message: String,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
        }
    }

    /// An error in the arguments, the configuration or a file.
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(Kind::Usage, message)
    }

    /// Something refused, or does not fit.
    pub fn refused(message: impl Into<String>) -> Error {
        Error::new(Kind::Refused, message)
    }

    /// Something is not there, or went away.
    pub fn unreachable(message: impl Into<String>) -> Error {
        Error::new(Kind::Unreachable, message)
    }

    /// The table is to be loaded anew.
    pub fn resync(message: impl Into<String>) -> Error {
        Error::new(Kind::Resync, message)
    }

    /// The same with the place it concerns before it: `place: message`.
    #[must_use]
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
