//! `yarr console`.

use crate::{
    harness::{Project, Server},
    terminal::*,
};

/// Writes commands to a server, words parted by blanks.
pub fn send(server: &Server, lines: &[&str]) {
    let mut connection = server.client().get_connection().expect("a connection");
    for line in lines {
        let mut command = redis::Cmd::new();
        line.split(' ').for_each(|word| drop(command.arg(word)));
        let answer: redis::RedisResult<redis::Value> = command.query(&mut connection);
        answer.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

/// Two accounts.
pub const ACCOUNTS: [&str; 3] = [
    "YARR.MIGRATE account UP 1 create_account TIMESTAMPS OFF ADD FIELD email STRING NOT NULL UNIQUE ADD FIELD visits INTEGER DEFAULT 0 ADD FIELD plan ENUM ( free pro ) DEFAULT free BITMAP ADD FIELD balance FLOAT ADD FIELD since DATETIME",
    "YARR.CREATE account email ann@example.com plan pro balance 12.5 since 2013-01-09T14:00:00Z",
    "YARR.CREATE account email bob@example.com visits 12",
];

#[test]
fn shown() {
    let server = Server::start();
    send(&server, &ACCOUNTS);
    let project = Project::new(&[&server]);
    let terminal = Terminal::open(&project, &["console"], 100, 30);
    let mut steps: Vec<String> = Vec::new();
    terminal.prompt();
    println!("{}", terminal.line("YARR.WHERE account *").text());
    terminal.press("YARR.W");
    terminal.press(TAB);
    println!(
        "{}",
        terminal
            .wait("x", |s| s.before_cursor().ends_with("YARR.WHERE "))
            .text()
    );
    terminal.press("acc");
    terminal.press(TAB);
    println!(
        "{}",
        terminal
            .wait("x", |s| s.before_cursor().ends_with("account "))
            .text()
    );
    terminal.press(TAB);
    println!("{}", terminal.shows("email  ").text());
    steps.clear();
}
