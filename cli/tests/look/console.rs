//! `yarr console` in a terminal: answers, pages, transactions, Ctrl-C, connections that break.

use std::fs;

use crate::{
    harness::{Project, Server, eventually},
    sample::{accounts, many, send},
    terminal::*,
};

fn open(server: &Server, columns: u16, lines: u16) -> (Project, Terminal) {
    let project = Project::new(&[server]);
    let terminal = Terminal::open(&project, &["console"], columns, lines);
    terminal.prompt();
    (project, terminal)
}

/// The screen behind the last line that was typed, without its prompt and without times.
fn behind(screen: &Screen, typed: &str) -> String {
    let text = screen.text();
    let (_, answer) = text
        .rsplit_once(&format!("> {typed}\n"))
        .unwrap_or_else(|| panic!("{typed}:\n{text}"));
    let (answer, _prompt) = answer.rsplit_once('\n').unwrap_or_default();
    match answer.rsplit_once(", ") {
        Some((rows, time)) if time.ends_with("s)") => format!("{rows})"),
        _ => answer.into(),
    }
}

#[test]
fn records_are_tables_and_a_single_one_is_a_list() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 40);
    for (line, expected) in [
        (
            "YARR.WHERE account * ORDER BY id",
            " id │ email           │ visits │ plan │ since
────┼─────────────────┼────────┼──────┼──────────────────────
  1 │ ann@example.com │      0 │ pro  │ 2013-01-09T14:00:00Z
  2 │ bob@example.com │     12 │ free │ null
(2 rows)",
        ),
        (
            "YARR.FIND account 2",
            "id     │ 2
email  │ bob@example.com
visits │ 12
plan   │ free
since  │ null
(1 row)",
        ),
        (
            "YARR.FIND account IDS 3 2 9 1 RETURN id plan",
            "   id │ plan
──────┼──────
    2 │ free
 null │ null
    1 │ pro
(3 rows)",
        ),
        (
            "YARR.WHERE account plan = free PLUCK email",
            " email\n─────────────────\n bob@example.com\n(1 row)",
        ),
        ("YARR.WHERE account plan = free COUNT", "(integer) 1"),
        ("YARR.FIND account 9", "(nil)"),
        (
            "YARR.AGGREGATE account * GROUP BY plan COUNT MAX since ORDER BY count",
            " plan │ count │ max(since)
──────┼───────┼──────────────────────
 free │     1 │ null
 pro  │     1 │ 2013-01-09T14:00:00Z
(2 rows)",
        ),
        ("YARR.CREATE account email \"a b\"", "\"3\""),
        ("HSET h f \"v\\n\"", "(integer) 1"),
        ("HGETALL h", "1) \"f\"\n2) \"v\\n\""),
        (
            "YARR.EXPLAIN account WHERE plan = pro",
            "read the bitmap on (plan): about 1 record examined",
        ),
    ] {
        let screen = terminal.line(line);
        assert_eq!(behind(&screen, line), expected);
    }
    let screen = terminal.line("YARR.WHERE account * ORDER BY id");
    assert!(screen.is_bold("visits │ plan"));
    assert!(screen.is_dim("null"));
}

#[test]
fn a_table_is_described() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 40);
    let text = behind(&terminal.line("\\d account"), "\\d account");
    let head = " field  │ type              │ null     │ default │ index
────────┼───────────────────┼──────────┼─────────┼────────
 id     │ INTEGER           │ not null │         │ key
 email  │ STRING            │ not null │         │ unique
 visits │ INTEGER           │          │ 0       │
 plan   │ ENUM ( free pro ) │          │ free    │ bitmap
 since  │ DATETIME          │          │         │
unique on (email), 2 entries, ";
    assert!(text.starts_with(head), "{text}");
    let text = behind(&terminal.line("\\d"), "\\d");
    assert!(
        text.contains(" account │       2 │      5 │       2 │"),
        "{text}"
    );
}

#[test]
fn settings_change_how_answers_are_shown() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 40);
    terminal.line("\\timing");
    let line = "YARR.WHERE account * ORDER BY id PLUCK id plan";
    terminal.line("\\x on");
    assert_eq!(
        behind(&terminal.line(line), line),
        "─[ 1 ]─────\nid   │ 1\nplan │ pro\n─[ 2 ]─────\nid   │ 2\nplan │ free\n(2 rows)"
    );
    terminal.line("\\x off");
    let one = "YARR.FIND account 1 RETURN id";
    assert_eq!(behind(&terminal.line(one), one), " id\n────\n  1\n(1 row)");
    terminal.line("\\json");
    let one = "YARR.FIND account 1 RETURN id since plan";
    assert_eq!(
        behind(&terminal.line(one), one),
        r#"{"id":1,"plan":"pro","since":"2013-01-09T14:00:00Z"}"#
    );
}

#[test]
fn long_answers_come_in_pages() {
    let server = Server::start();
    many(&server, "number", 50);
    let (_project, terminal) = open(&server, 80, 25);
    let line = "YARR.WHERE number * ORDER BY id";
    let screen = terminal.line(line);
    assert!(
        screen.text().contains(" 20 │ 20\n(20 rows"),
        "{}",
        screen.text()
    );
    assert!(screen.text().contains("more: Enter"), "{}", screen.text());
    terminal.press(ENTER);
    terminal.shows(" 40 │ 40\n(20 rows");
    terminal.prompt();
    let screen = terminal.line("\\more");
    assert!(
        screen.text().contains(" 50 │ 50\n(10 rows"),
        "{}",
        screen.text()
    );
    assert!(
        !behind(&screen, "\\more").contains("more: Enter"),
        "{}",
        screen.text()
    );
    let screen = terminal.line("\\more");
    assert!(
        screen.text().contains("there is no next page"),
        "{}",
        screen.text()
    );
    // Who says how many gets as many.
    let screen = terminal.line("YARR.WHERE number * LIMIT 30 IDS");
    assert!(screen.text().contains("(30 rows"), "{}", screen.text());
}

#[test]
fn errors_mark_the_word_they_are_about() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 30);
    for (line, about) in [
        ("YARR.WHERE account plan ~ pro", "~"),
        ("YARR.WHERE account plam = pro", "plam"),
        ("YARR.CREATE account email x visits many", "many"),
        ("YARR.FIND nobody 1", "nobody"),
        ("GET \"open", "\""),
    ] {
        let screen = terminal.line(line);
        let text = behind(&screen, line);
        assert!(text.starts_with("(error) "), "{text}");
        let mark = format!(
            "{line}\n{}{}",
            " ".repeat(line.find(about).unwrap()),
            "^".repeat(about.len())
        );
        assert!(text.ends_with(&mark), "{text}");
        assert_eq!(screen.color_of("(error)"), vt100::Color::Idx(1));
    }
}

#[test]
fn a_transaction_shows_in_the_prompt_and_its_records_as_lists() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 30);
    terminal.line("MULTI");
    let screen = terminal.line("SET k v");
    assert!(
        screen.before_cursor().ends_with("(MULTI, 1 queued)> "),
        "{}",
        screen.text()
    );
    terminal.line("YARR.FIND account 2 RETURN id plan");
    let screen = terminal.line("EXEC");
    let expected = "1) SET k v\nOK\n2) YARR.FIND account 2 RETURN id plan\nid   │ 2\nplan │ free";
    assert!(
        behind(&screen, "EXEC").starts_with(expected),
        "{}",
        screen.text()
    );
    assert!(!screen.before_cursor().contains("MULTI"));
    terminal.line("MULTI");
    let screen = terminal.line("DISCARD");
    assert!(!screen.before_cursor().contains("MULTI"));
}

#[test]
fn ctrl_c_ends_a_line_or_a_wait_and_never_the_console() {
    let server = accounts();
    let (_project, mut terminal) = open(&server, 80, 24);
    terminal.type_in("YARR.DEL account WHERE");
    terminal.press(CTRL_C);
    terminal.prompt();
    terminal.type_in("BLPOP queue 0");
    terminal.press(ENTER);
    let blocked = || {
        let mut connection = server.client().get_connection().expect("a connection");
        let info: String = redis::cmd("INFO")
            .arg("clients")
            .query(&mut connection)
            .expect("INFO");
        info.contains("blocked_clients:1")
    };
    eventually("the console waits", blocked);
    terminal.press(CTRL_C);
    terminal.prompt();
    // Nobody is left that would take what comes into the queue.
    eventually("nobody waits", || !blocked());
    terminal.line("RPUSH queue x");
    let screen = terminal.line("LLEN queue");
    assert_eq!(behind(&screen, "LLEN queue"), "(integer) 1");
    terminal.type_in("SUBSCRIBE news");
    terminal.press(ENTER);
    terminal.shows("Ctrl-C ends it");
    send(&server, &["PUBLISH news hello"]);
    terminal.shows("\"hello\"");
    terminal.press(CTRL_C);
    terminal.prompt();
    assert_eq!(behind(&terminal.line("PING"), "PING"), "PONG");
    terminal.press(CTRL_D);
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_connection_that_breaks_is_made_anew_and_a_server_that_is_gone_is_told() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 24);
    terminal.line("SELECT 3");
    terminal.line("SET k here");
    send(&server, &["CLIENT KILL TYPE normal SKIPME yes"]);
    let screen = terminal.line("GET k");
    assert_eq!(behind(&screen, "GET k"), "\"here\"");
    assert!(screen.before_cursor().contains("[3]>"), "{}", screen.text());
    // What writes is not sent twice.
    send(&server, &["CLIENT KILL TYPE normal SKIPME yes"]);
    let screen = terminal.line("SET k there");
    assert!(
        screen.text().contains("may have been carried out"),
        "{}",
        screen.text()
    );
    assert!(
        screen.before_cursor().contains("not connected"),
        "{}",
        screen.text()
    );
    let screen = terminal.line("GET k");
    assert!(
        !screen.before_cursor().contains("not connected"),
        "{}",
        screen.text()
    );
    drop(server);
    let screen = terminal.line("PING");
    assert!(
        screen.before_cursor().contains("(not connected)"),
        "{}",
        screen.text()
    );
}

#[test]
fn the_history_outlives_the_console_and_holds_no_passwords() {
    let server = accounts();
    let (project, mut terminal) = open(&server, 80, 24);
    terminal.line("GET first");
    terminal.line("AUTH opensesame");
    terminal.line("CONFIG SET masterauth opensesame");
    terminal.line(" GET unseen");
    terminal.line("GET second");
    terminal.press("\\q\r");
    assert_eq!(terminal.ended(), 0);
    let kept =
        fs::read_to_string(project.path().join(".local/state/yarr/history")).expect("a history");
    assert_eq!(
        kept.lines().collect::<Vec<_>>(),
        ["GET first", "GET second", "\\q"]
    );
    let terminal = Terminal::open(&project, &["console"], 80, 24);
    terminal.prompt();
    for expected in ["\\q", "GET second", "GET first"] {
        terminal.press(UP);
        terminal.wait(expected, |screen| {
            screen.before_cursor().ends_with(expected)
        });
    }
    terminal.press(CTRL_C);
    terminal.prompt();
    terminal.press(CTRL_R);
    terminal.press("sec");
    terminal.shows("GET second");
}

#[test]
fn narrow_terminals_show_whole_records_one_field_a_line() {
    let server = accounts();
    let (_project, terminal) = open(&server, 44, 30);
    let line = "YARR.WHERE account *";
    let screen = terminal.line(line);
    let text = screen.text();
    assert!(text.contains("─[ 2 ]─"), "{text}");
    assert!(text.contains("email  │ bob@example.com\n"), "{text}");
    // With room enough it is a table, its blanks given up first.
    terminal.resize(58, 30);
    let screen = terminal.line(line);
    assert!(
        screen
            .text()
            .contains(" 1│ann@example.com│     0│pro │2013-01-09T14:00:00Z\n"),
        "{}",
        screen.text()
    );
}

#[test]
fn writes_are_asked_about_where_they_are_protected() {
    let server = accounts();
    let project = Project::empty();
    let url = server.url("");
    project.write(
        "yarr.toml",
        &format!("environment = \"production\"\n[environments.production]\nprotect = true\nservers = [\"{url}\"]\n"),
    );
    let terminal = Terminal::open(&project, &["console"], 100, 24);
    let screen = terminal.prompt();
    assert!(
        screen.before_cursor().starts_with("production "),
        "{}",
        screen.text()
    );
    assert_eq!(screen.color_of("production"), vt100::Color::Idx(1));
    terminal.type_in("YARR.DEL account 1");
    terminal.press(ENTER);
    terminal.shows("[y/N]");
    terminal.press(CTRL_C);
    assert!(terminal.prompt().text().contains("Nothing was sent."));
    let screen = terminal.line("YARR.WHERE account * COUNT");
    assert!(screen.text().contains("(integer) 2"), "{}", screen.text());
    terminal.type_in("DEL account");
    terminal.press(ENTER);
    terminal.wait("a question", |screen| {
        screen.before_cursor().ends_with("[y/N] ")
    });
    terminal.press("y");
    terminal.shows("(integer) 1");
    terminal.prompt();
    let run = project.run(&["console", "-c", "SET k v"]);
    assert!(run.refused(2).contains("--write allows"), "{run:?}");
    project.run(&["console", "--write", "-c", "SET k v"]).done();
}

#[test]
fn lines_that_are_pasted_are_carried_out_one_after_another() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 24);
    terminal.press("\x1b[200~SET k v\nGET k\nGET nothing\x1b[201~");
    terminal.wait("the last line", |screen| {
        screen.before_cursor().ends_with("GET nothing")
    });
    terminal.press(ENTER);
    terminal.shows("OK\n\"v\"\n(nil)\n");
    terminal.prompt();
}

#[test]
fn help_tells_of_the_console_and_of_commands() {
    let server = accounts();
    let (_project, terminal) = open(&server, 100, 40);
    terminal.line("\\?");
    let screen = terminal.shows("Tab completes");
    assert!(screen.text().contains("\\d [table]"), "{}", screen.text());
    let screen = terminal.line("\\h find");
    assert!(
        screen.text().contains("YARR.FIND table IDS n id ..."),
        "{}",
        screen.text()
    );
    let screen = terminal.line("\\h lpush");
    assert!(
        screen.text().contains("LPUSH key element [element ...]"),
        "{}",
        screen.text()
    );
    let screen = terminal.line("\\nonsense");
    assert!(
        screen.text().contains("\\? lists them"),
        "{}",
        screen.text()
    );
}
