//! `yarr top`.

use serde_json::Value;

use crate::{
    harness::{Project, Server},
    sample::{accounts, many, send},
    terminal::*,
};

/// A server whose slow log holds everything.
fn slow() -> Server {
    let server = Server::start_with(&["--slowlog-log-slower-than", "0"]);
    many(&server, "number", 200);
    send(
        &server,
        &[
            "YARR.WHERE number n > 5 COUNT SCAN",
            "YARR.WHERE number n > 7 COUNT SCAN",
        ],
    );
    server
}

#[test]
fn a_look_tells_of_commands_tables_and_slow_statements() {
    let server = slow();
    let project = Project::new(&[&server]);
    let run = project.yarr("top --once --interval 0.2");
    let text = run.done();
    for expected in [
        "  memory     ",
        "\ncommand  ",
        "\nINFO  ",
        "\nnumber  ",
        "\nYARR.WHERE number n > ? COUNT SCAN  ",
        "\n  walk the table: 200 records examined\n",
        "\n  ADD INDEX n would help\n",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    let run = project.yarr("top --once --interval 0.2 --json");
    let document: Value = serde_json::from_str(run.done()).expect("JSON");
    assert_eq!(document["tables"][0]["records"], 200);
    let slow = document["slow"].as_array().expect("statements");
    let asked = slow
        .iter()
        .find(|statement| statement["statement"] == "YARR.WHERE number n > ? COUNT SCAN");
    assert_eq!(asked.expect("the statement")["count"], 2);
    assert!(project.yarr("top").refused(2).contains("--once"));
    assert!(
        project
            .yarr("top --interval 0")
            .refused(2)
            .contains("between 0.1 and 3600")
    );
}

#[test]
fn the_screen_is_live_and_obeys_keys() {
    let server = slow();
    let project = Project::new(&[&server]);
    let mut terminal = Terminal::open(&project, &["top", "--interval", "0.1"], 120, 40);
    for expected in [
        "slow statements",
        "tables (1)",
        "YARR.WHERE number n > ? COUNT SCAN",
        "memory v",
    ] {
        terminal.shows(expected);
    }
    // What is done meanwhile is seen.
    send(&server, &["YARR.CREATE number n 1"]);
    terminal.shows("201");
    send(
        &server,
        &["YARR.MIGRATE other UP 1 create ADD FIELD n INTEGER"],
    );
    terminal.shows("tables (2)");
    terminal.press("s");
    terminal.shows("errors/s v");
    terminal.press("r");
    terminal.shows("errors/s ^");
    terminal.press(TAB);
    terminal.press("s");
    terminal.shows("expiring ^");
    terminal.press("?");
    terminal.shows("sort the list by its next column");
    terminal.press("?");
    terminal.wait("no keys", |screen| {
        !screen.text().contains("by its next column")
    });
    terminal.press(" ");
    terminal.shows("paused");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    // The screen is as it was before.
    terminal.wait("no trace of it", |screen| {
        !screen.text().contains("statements")
    });
}

#[test]
fn ctrl_c_ends_it_and_a_small_terminal_suffices() {
    let server = accounts();
    let project = Project::new(&[&server]);
    let mut terminal = Terminal::open(&project, &["top", "--interval", "0.1"], 40, 14);
    terminal.shows("account");
    terminal.shows("commands (");
    terminal.resize(100, 30);
    terminal.shows("tables (1)");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_migration_that_runs_has_a_bar() {
    let server = Server::start();
    many(&server, "number", 20_000);
    let mut connection = server.client().get_connection().expect("a connection");
    // What a migration does between commands rests while writes are paused; nothing comes between these two.
    let mut both = redis::pipe();
    let migrate = "YARR.MIGRATE number UP 2 add_index ADD INDEX n";
    for line in [migrate, "CLIENT PAUSE 600000 WRITE"] {
        let mut words = line.split(' ');
        both.cmd(words.next().expect("a name"));
        words.for_each(|word| {
            both.arg(word);
        });
    }
    let (state, _): (String, String) = both.query(&mut connection).expect("a migration");
    assert_eq!(state, "RUNNING");
    let project = Project::new(&[&server]);
    let run = project.yarr("top --once --interval 0.1");
    assert!(run.done().contains(" % number: 2 add_index, "), "{run:?}");
    let run = project.yarr("info number");
    assert!(run.done().contains("migration 2 add_index ["), "{run:?}");
    assert!(project.yarr("tables").done().contains("2 add_index "));
    let terminal = Terminal::open(&project, &["top", "--interval", "0.1"], 120, 30);
    terminal.shows("%  number: 2 add_index, ");
    send(&server, &["CLIENT UNPAUSE"]);
    terminal.wait("its end", |screen| !screen.text().contains("add_index"));
    terminal.shows("tables (1)");
}

#[test]
fn a_server_that_goes_away_is_told_and_taken_up_again() {
    let server = accounts();
    let project = Project::new(&[&server]);
    let mut terminal = Terminal::open(&project, &["top", "--interval", "0.1"], 100, 30);
    terminal.shows("tables (1)");
    send(&server, &["CLIENT KILL TYPE normal SKIPME yes"]);
    terminal.shows("tables (1)");
    drop(server);
    terminal.shows("onnection refused");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
}
