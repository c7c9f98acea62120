//! What the servers of these tests hold.

use crate::harness::Server;

/// Writes commands to a server, words parted by blanks.
#[track_caller]
pub fn send(server: &Server, lines: &[&str]) {
    let mut connection = server.client().get_connection().expect("a connection");
    for line in lines {
        let mut command = redis::Cmd::new();
        for word in line.split(' ') {
            command.arg(word);
        }
        let answer: redis::RedisResult<redis::Value> = command.query(&mut connection);
        answer.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

/// Two accounts.
pub const ACCOUNTS: [&str; 3] = [
    "YARR.MIGRATE account UP 1 create_account TIMESTAMPS OFF ADD FIELD email STRING NOT NULL UNIQUE \
     ADD FIELD visits INTEGER DEFAULT 0 ADD FIELD plan ENUM ( free pro ) DEFAULT free BITMAP ADD FIELD since DATETIME",
    "YARR.CREATE account email ann@example.com plan pro since 2013-01-09T14:00:00Z",
    "YARR.CREATE account email bob@example.com visits 12",
];

/// A server with two accounts.
pub fn accounts() -> Server {
    let server = Server::start();
    send(&server, &ACCOUNTS);
    server
}

/// Many records of one number each, in a table of that name.
pub fn many(server: &Server, table: &str, count: usize) {
    let numbers: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    send(
        server,
        &[
            &format!("YARR.MIGRATE {table} UP 1 create TIMESTAMPS OFF ADD FIELD n INTEGER"),
            &format!(
                "YARR.CREATE {table} FIELDS 1 n VALUES {}",
                numbers.join(" ")
            ),
        ],
    );
}
