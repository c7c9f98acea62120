//! The URL of a database.

use std::{env, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::{
    error::{Error, Result},
    target::postgres::{Login, Tls},
    variables::{decoded, plain},
};

/// How long to wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a URL of a database looks like.
const FORM: &str = "postgres://user:password@host:port/database";

/// Reads `postgres://[user[:password]@]host[:port][/database][?sslmode=disable|require|verify-full]`, in which
/// `${NAME}` stands for a variable of the process; a host that is a path is the folder of a socket. Another machine
/// is spoken to by TLS unless told.
///
/// # Errors
/// What was expected, and never a part that could hold a password.
pub fn login(text: &str) -> Result<Login> {
    // A variable that is the whole URL is read as one; within a URL its bytes need no escapes.
    let whole = text.starts_with("${") && text.ends_with('}') && text.matches("${").count() == 1;
    let url = if whole {
        plain(text)?
    } else {
        text.to_string()
    };
    let rest = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .ok_or_else(|| Error::usage(format!("expected a URL {FORM}")))?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (decoded(user)?, Some(decoded(password)?)),
        None => (decoded(credentials)?, None),
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(plain(port)?)),
        _ => (place, None),
    };
    let mut host = decoded(host.trim_start_matches('[').trim_end_matches(']'))?;
    let port = port.map_or(Ok(5432), |port| {
        port.parse()
            .map_err(|_| Error::usage("expected a port from 1 to 65535 behind the host of the URL"))
    })?;
    let mut mode = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("host", value)) => host = decoded(value)?,
            Some(("sslmode", "disable")) => mode = Some(Tls::Off),
            Some(("sslmode", "require")) => mode = Some(Tls::Require),
            Some(("sslmode", "verify-full")) => mode = Some(Tls::Verify),
            Some(("sslmode", _)) => {
                return Err(Error::usage(
                    "expected sslmode=disable, require or verify-full in the URL",
                ));
            }
            _ => {
                return Err(Error::usage(
                    "expected sslmode or host behind the '?' of the URL",
                ));
            }
        }
    }
    if host.is_empty() {
        return Err(Error::usage("expected a host in the URL, found none"));
    }
    let user = match user.is_empty() {
        false => user,
        true => env::var("USER")
            .map_err(|_| Error::usage(format!("expected a user in the URL: {FORM}")))?,
    };
    let database = decoded(database)?;
    let here = host.starts_with('/') || matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    Ok(Login {
        database: if database.is_empty() {
            user.clone()
        } else {
            database
        },
        tls: mode.unwrap_or(if here { Tls::Off } else { Tls::Verify }),
        host,
        port,
        user,
        password,
        ca: None,
        timeout: TIMEOUT,
    })
}

/// The same for serde.
pub(super) fn a_login<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Login, D::Error> {
    login(&String::deserialize(from)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_database_is_read() {
        for (url, shown, password, tls) in [
            (
                "postgres://u:p%40@h/d",
                "u@h:5432/d",
                Some("p@"),
                Tls::Verify,
            ),
            ("postgresql://u@h:1", "u@h:1/u", None, Tls::Verify),
            (
                "postgres://u:a:b@localhost/d",
                "u@localhost:5432/d",
                Some("a:b"),
                Tls::Off,
            ),
            (
                "postgres://u@[::1]:7/d?sslmode=require",
                "u@::1:7/d",
                None,
                Tls::Require,
            ),
            (
                "postgres://u@/d?host=/run/postgresql",
                "u@/run/postgresql:5432/d",
                None,
                Tls::Off,
            ),
            ("postgres://u@%2Frun/d", "u@/run:5432/d", None, Tls::Off),
        ] {
            let login = login(url).unwrap();
            assert_eq!(format!("{login:?}"), shown);
            assert_eq!(
                (login.password.as_deref(), login.tls),
                (password, tls),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_url_is_refused_and_no_password_shown() {
        for (url, expected) in [
            ("mysql://u:secret@h/d", "expected a URL postgres://"),
            ("postgres://u:secret@/d", "expected a host in the URL"),
            (
                "postgres://u:secret@h:x/d",
                "expected a port from 1 to 65535",
            ),
            (
                "postgres://u:secret@h/d?sslmode=prefer",
                "expected sslmode=disable, require or verify-full",
            ),
            ("postgres://u:secret@h/d?a=b", "expected sslmode or host"),
            (
                "postgres://u:${YARR_NO_SUCH}@h/d",
                "expected the environment variable YARR_NO_SUCH",
            ),
        ] {
            let error = login(url).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
