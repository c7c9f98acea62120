//! What can go wrong: the server's codes as variants, and what is the client's own.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::schema::Drift;

/// What every fallible function answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a server refused, in its own words.
#[derive(Debug, Clone)]
pub struct Refusal {
    message: String,
    source: RedisError,
}

impl Refusal {
    /// What was expected, what was found and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What can go wrong. The first variants are the server's codes; of a command that failed with one of them nothing has
/// been done.
///
/// ```no_run
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// # fn main() -> yarr_client::Result<()> {
/// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
/// # let f = Job::fields();
/// use yarr_client::Error;
///
/// match Job::update(42, f.priority.set(9)).only_if(f.owner.is_null()).run(&mut connection) {
///     Ok(job) => println!("{} is urgent", job.task),
///     Err(Error::NotFound { .. }) => println!("it is gone"),
///     Err(Error::Stale { .. }) => println!("somebody does it already"),
///     Err(error) if error.is_timeout() => println!("perhaps: {error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// `ERR`: the command's syntax.
    Syntax(Refusal),
    /// `WRONGTYPE`: the key is no table.
    WrongType(Refusal),
    /// `NOTABLE`: there is no such table.
    NoTable(Refusal),
    /// `NOFIELD`: the table has no such field.
    NoField(Refusal),
    /// `BADVALUE`: a value does not fit its field.
    BadValue(Refusal),
    /// `NOTNULL`: a field that needs a value has none.
    NotNull(Refusal),
    /// `DUPLICATE`: a unique index already has the values; the message names it and the record.
    Duplicate(Refusal),
    /// `NOINDEX`: no index serves the predicate, and [`scan`](crate::Query::scan) does not permit a walk.
    NoIndex(Refusal),
    /// `INDEXBUILDING`: the index that would serve is still being built.
    IndexBuilding(Refusal),
    /// `TOOMANY`: more records than one command may answer or change.
    TooMany(Refusal),
    /// `BADCURSOR`: the cursor is damaged, or of another query.
    BadCursor(Refusal),
    /// `CHANGED`: the version is applied with other operations.
    Changed(Refusal),
    /// `NOVERSION`: there is no such version, or not in that place.
    NoVersion(Refusal),
    /// `IRREVERSIBLE`: there is no way back.
    Irreversible(Refusal),
    /// `BUSY`: another migration of the table is running.
    Busy(Refusal),
    /// `RESYNC`: a position in a change feed cannot be continued; the reader begins anew, without
    /// [`since`](crate::Feed::since).
    Resync(Refusal),
    /// `UNSUPPORTED`: this server cannot.
    Unsupported(Refusal),
    /// The server has no YARR module.
    NoModule(Refusal),

    /// There is no record with this id.
    NotFound {
        /// The table.
        table: String,
        /// The id.
        id: String,
    },
    /// The record is not what the change was made for: its version is another one, or a condition does not hold.
    Stale {
        /// The table.
        table: String,
        /// The id.
        id: String,
    },
    /// A transaction was given up because a watched key changed. Nothing has been done.
    Aborted,
    /// A value of an answer is not of the Rust type that was to hold it. A write that answers it has been carried out.
    Field {
        /// The field.
        field: String,
        /// What the Rust type holds.
        expected: &'static str,
        /// What there was.
        found: String,
    },
    /// The rows of [`create_many`](crate::Table::create_many) do not give the same fields. None has been made.
    Rows(String),
    /// An answer is none to the command that was sent.
    Reply(String),
    /// The table is not what the record's struct says.
    Schema(Drift),
    /// A migration cannot be carried out: its file or its lock is not in order, or it failed.
    Migration(String),
    /// The connection, the time it may take, or an answer of the server itself, such as `OOM` or `READONLY`. Where the
    /// connection broke or the time was over, the command may have been carried out.
    Redis(RedisError),
}

impl Error {
    /// An answer that is none to the command.
    pub(crate) fn reply(text: String) -> Error {
        Error::Reply(text)
    }

    /// What the server said, where it refused the command with a code.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Syntax(r)
            | Error::WrongType(r)
            | Error::NoTable(r)
            | Error::NoField(r)
            | Error::BadValue(r)
            | Error::NotNull(r)
            | Error::Duplicate(r)
            | Error::NoIndex(r)
            | Error::IndexBuilding(r)
            | Error::TooMany(r)
            | Error::BadCursor(r)
            | Error::Changed(r)
            | Error::NoVersion(r)
            | Error::Irreversible(r)
            | Error::Busy(r)
            | Error::Resync(r)
            | Error::Unsupported(r)
            | Error::NoModule(r) => Some(r),
            _ => None,
        }
    }

    /// The redis error behind this one.
    pub fn redis(&self) -> Option<&RedisError> {
        match self {
            Error::Redis(error) => Some(error),
            other => other.refusal().map(|refusal| &refusal.source),
        }
    }

    /// Whether the server did not answer in time.
    pub fn is_timeout(&self) -> bool {
        self.redis().is_some_and(RedisError::is_timeout)
    }

    /// Whether the connection is lost, or never was.
    pub fn is_connection_lost(&self) -> bool {
        self.redis().is_some_and(RedisError::is_connection_dropped)
    }
}

/// The variant of a code.
type Variant = fn(Refusal) -> Error;

/// The server's codes and their variants.
const CODES: [(&str, Variant); 17] = [
    ("ERR", Error::Syntax),
    ("WRONGTYPE", Error::WrongType),
    ("NOTABLE", Error::NoTable),
    ("NOFIELD", Error::NoField),
    ("BADVALUE", Error::BadValue),
    ("NOTNULL", Error::NotNull),
    ("DUPLICATE", Error::Duplicate),
    ("NOINDEX", Error::NoIndex),
    ("INDEXBUILDING", Error::IndexBuilding),
    ("TOOMANY", Error::TooMany),
    ("BADCURSOR", Error::BadCursor),
    ("CHANGED", Error::Changed),
    ("NOVERSION", Error::NoVersion),
    ("IRREVERSIBLE", Error::Irreversible),
    ("BUSY", Error::Busy),
    ("RESYNC", Error::Resync),
    ("UNSUPPORTED", Error::Unsupported),
];

impl From<RedisError> for Error {
    fn from(source: RedisError) -> Error {
        let own = matches!(
            source.kind(),
            ErrorKind::Extension | ErrorKind::Server(ServerErrorKind::ResponseError)
        );
        let (Some(code), true) = (source.code(), own) else {
            return Error::Redis(source);
        };
        let message = source.detail().unwrap_or_default().to_string();
        // What a server says of a script that runs too long has the same first word as a migration's.
        let of_server = ["Redis ", "Valkey "]
            .iter()
            .any(|name| message.starts_with(name));
        let variant: Variant = match CODES.iter().find(|(word, _)| *word == code) {
            Some(("BUSY", _)) if of_server => return Error::Redis(source),
            Some(_) if message.starts_with("unknown command") => Error::NoModule,
            Some((_, variant)) => *variant,
            None => return Error::Redis(source),
        };
        variant(Refusal { message, source })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoModule(refusal) => write!(
                f,
                "the server has no YARR module: load libyarr.so by loadmodule ({refusal})"
            ),
            Error::NotFound { table, id } => {
                write!(f, "there is no record '{id}' in table '{table}'")
            }
            Error::Stale { table, id } => write!(
                f,
                "record '{id}' of table '{table}' is not what the change was made for; find it anew"
            ),
            Error::Aborted => f.write_str("a watched key changed, so the transaction was given up"),
            Error::Field {
                field,
                expected,
                found,
            } => write!(f, "field '{field}': expected {expected}, found {found}"),
            Error::Reply(text) => write!(f, "an answer that cannot be read: {text}"),
            Error::Schema(drift) => drift.fmt(f),
            Error::Migration(text) | Error::Rows(text) => f.write_str(text),
            Error::Redis(error) => error.fmt(f),
            other => match other.refusal() {
                Some(refusal) => refusal.fmt(f),
                None => Ok(()),
            },
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.redis()?)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn of(line: &str) -> Error {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        Error::from(value.extract_error().unwrap_err())
    }

    #[test]
    fn a_code_is_its_variant_and_keeps_its_source() {
        for (code, variant) in CODES {
            let error = of(&format!("{code} expected this"));
            let expected = variant(Refusal {
                message: String::new(),
                source: RedisError::from((ErrorKind::Io, "")),
            });
            assert_eq!(
                std::mem::discriminant(&error),
                std::mem::discriminant(&expected),
                "{code}"
            );
            assert_eq!(error.to_string(), "expected this");
            assert!(error.source().unwrap().is::<RedisError>());
        }
    }

    #[test]
    fn what_the_server_itself_says_stays_an_error_of_redis() {
        for line in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "NOPERM this user has no permissions",
        ] {
            assert!(
                matches!(of(line), Error::Redis(_)),
                "{line}: {:?}",
                of(line)
            );
        }
        let unknown = of("ERR unknown command 'YARR.FIND', with args beginning with: 't'");
        assert!(matches!(unknown, Error::NoModule(_)));
        assert!(unknown.to_string().contains("no YARR module"));
    }
}
