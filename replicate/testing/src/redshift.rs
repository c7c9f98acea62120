//! What stands in for Amazon Redshift: a proxy before a PostgreSQL cluster that takes what Redshift takes.
//!
//! `COPY ... FROM 's3://...'` is carried out here, on the client's own session of PostgreSQL, so that transactions and
//! temporary tables are real. What Redshift has and PostgreSQL lacks (sort keys, forms of VACUUM, its own catalogue) is
//! taken, what PostgreSQL has and Redshift lacks is refused. It is told to fail as Redshift does.

mod copy;
mod load;
mod message;
mod session;
mod statement;

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{Cluster, S3, postgres, runtime::Thread};

/// The role that may read the bucket.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/yarr-copy";
/// The password that is let in.
const PASSWORD: &str = "Redshift1";
/// How many slices it claims to have.
const SLICES: u32 = 4;
/// What Redshift's catalogue has and PostgreSQL's does not.
const CATALOGUE: &str = include_str!("redshift/catalogue.sql");

/// What a statement meets instead of being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Error 1023: another transaction wrote what this one read.
    Conflict,
    /// The connection ends, in the middle where it is a COPY; what was under way is rolled back.
    Gone,
    /// The statement is carried out and the connection ends without an answer.
    Unsure,
    /// An error without more ado.
    Refused,
}

/// A running stand-in; dropping it ends it.
pub struct Redshift {
    port: u16,
    backend: String,
    shared: Arc<Shared>,
    _thread: Thread,
}

/// What the sessions have in common.
struct Shared {
    backend: u16,
    /// A place to keep load errors past the end of a transaction.
    url: String,
    folder: PathBuf,
    bucket: String,
    failures: Mutex<Vec<(String, Failure)>>,
    seen: Mutex<Vec<String>>,
    hashed: Mutex<bool>,
}

impl Redshift {
    /// A stand-in with an empty database of this name in a cluster, that loads from a bucket.
    pub fn start(cluster: &Cluster, s3: &S3, database: &str) -> Redshift {
        let backend = cluster.database(database);
        cluster.query(database, CATALOGUE);
        let path = r#""$user", public, redshift"#;
        cluster.query(
            database,
            &format!(
                "ALTER DATABASE {database} SET search_path = {path};
                ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read';
                ALTER DATABASE {database} SET standard_conforming_strings = off;
                ALTER DATABASE {database} SET escape_string_warning = off;
                INSERT INTO redshift.stv_slices SELECT 0, slice FROM generate_series(0, {SLICES} - 1) slice"
            ),
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            backend: cluster.port(),
            url: backend.clone(),
            folder: s3.folder(),
            bucket: s3.bucket().into(),
            failures: Mutex::default(),
            seen: Mutex::default(),
            hashed: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let thread = Thread::serve(listener, move |stream| {
            let shared = Arc::clone(&serving);
            async move {
                // An error is that of a connection, and the client sees it end.
                let _ = session::serve(&shared, stream).await;
            }
        });
        Redshift {
            port,
            backend,
            shared,
            _thread: thread,
        }
    }

    /// The place as a client is given it.
    pub fn url(&self) -> String {
        self.url_with(PASSWORD)
    }

    /// The same with another password.
    pub fn url_with(&self, password: &str) -> String {
        let database = self.backend.rsplit('/').next().unwrap_or_default();
        let port = self.port;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}")
    }

    /// The place of the database behind, where PostgreSQL's own SQL is taken.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Runs statements in the database behind and answers the last one's rows, with `|` between values.
    ///
    /// # Panics
    /// Where one is refused.
    #[track_caller]
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let rows = postgres::query(&self.backend, sql);
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let line = |row: Vec<Option<String>>| {
            let values: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            values.join("|")
        };
        rows.into_iter().map(line).collect()
    }

    /// Lets the next statement that begins with these words fail; told twice, the next two.
    pub fn fail(&self, words: &str, failure: Failure) {
        lock(&self.shared.failures).push((words.into(), failure));
    }

    /// Takes back what was told to [`fail`](Redshift::fail) and has not.
    pub fn heal(&self) {
        lock(&self.shared.failures).clear();
    }

    /// Asks for passwords by SHA-256 in Redshift's own way from here on, which no driver of PostgreSQL knows.
    pub fn hash_passwords(&self) {
        *lock(&self.shared.hashed) = true;
    }

    /// The statements since this was asked last.
    pub fn statements(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared.seen))
    }
}

impl Shared {
    /// Notes a statement, and says how it fails.
    fn failure(&self, sql: &str) -> Option<Failure> {
        lock(&self.seen).push(sql.into());
        let mut failures = lock(&self.failures);
        let at = failures
            .iter()
            .position(|(words, _)| sql.starts_with(words))?;
        Some(failures.remove(at).1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with it")
}
