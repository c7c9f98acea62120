//! A record of every type, and a server for all tests.

use std::{
    collections::BTreeSet,
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use yarr_client::{
    prelude::*,
    redis::{self, Connection},
};
use yarr_client_testing::Server;

/// One of each.
#[derive(Debug, Clone, PartialEq, Record)]
#[record(table = "sample", unique(code, label), index(level, whole, id))]
pub struct Sample {
    pub id: i64,
    #[record(index)]
    pub whole: i64,
    pub small: Option<u8>,
    pub real: Option<f64>,
    #[record(default = "true")]
    pub truth: bool,
    #[record(index)]
    pub at: Option<SystemTime>,
    #[record(unique)]
    pub label: String,
    pub bytes: Option<Vec<u8>>,
    #[record(bitmap, default = "low")]
    pub level: Level,
    #[record(bitmap)]
    pub tags: Option<BTreeSet<String>>,
    #[record(name = "type")]
    pub code: Option<i32>,
    /// A word of the grammar, and of Rust.
    pub r#where: Option<String>,
    pub created_at: SystemTime,
    pub updated_at: SystemTime,
    pub expires_at: Option<SystemTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Enum)]
pub enum Level {
    Low,
    #[record(name = "MID.1")]
    Middle,
    VeryHigh,
}

/// What a new one must have.
#[derive(Changes)]
#[record(of = Sample)]
pub struct NewSample<'a> {
    pub whole: i64,
    pub label: &'a str,
    pub real: Option<f64>,
    #[record(name = "where")]
    pub place: Option<&'a str>,
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
static NEXT: AtomicI64 = AtomicI64::new(1);

/// RESP3, or the protocol before it where the server is older than that.
static NEWEST: LazyLock<&str> = LazyLock::new(|| match SERVER.client_resp3() {
    Some(_) => "resp3",
    None => "resp2",
});

/// A database of one's own, in either protocol.
pub fn database(protocol: &str) -> redis::Client {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let protocol = if protocol == "resp3" {
        *NEWEST
    } else {
        protocol
    };
    let url = SERVER.url(&format!("{number}?protocol={protocol}"));
    redis::Client::open(url).expect("a client")
}

/// A client of a database.
pub fn client_of(database: i64) -> redis::Client {
    redis::Client::open(SERVER.url(&database.to_string())).expect("a client")
}

/// Both protocols, each with the table in a database of its own.
pub fn connections() -> Vec<Connection> {
    ["resp2", "resp3"].map(connection).into()
}

/// The table in a database of its own.
pub fn connection(protocol: &str) -> Connection {
    let mut connection = database(protocol).get_connection().expect("a connection");
    make::<Sample>(&mut connection);
    connection
}

/// Makes the table of a record.
pub fn make<R: Record>(connection: &mut Connection) {
    let mut migrate = redis::cmd("YARR.MIGRATE");
    migrate.arg(R::TABLE).arg("UP").arg(1).arg("make");
    for operation in R::SCHEMA.operations() {
        migrate.arg(operation.split(' ').collect::<Vec<_>>());
    }
    let status: String = migrate.query(connection).expect("a table");
    assert_eq!(status, "OK");
}
