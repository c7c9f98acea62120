//! Migrations that go on between commands: what clients see of them, and that they come to the right end.

mod answers;
mod constraint;
mod copies;
mod crash;
mod late;
mod pace;

use crate::{
    able::{TIMERS, debuggable, lacks, needs},
    cli::Client,
    reply::Reply,
    server::{Options, Server, eventually},
};

/// Options of a server on which any table of two records is migrated between commands.
fn options() -> Options {
    debuggable(Options::new()).module_arguments(&["max-inline-records", "1"])
}

/// Makes a table: the `i`th record has `n` = i % 100, `u` = i, `s` = a text, `t` = two tags.
#[track_caller]
fn make(client: &mut Client, table: &str, records: usize) {
    client.ok(&format!(
        "YARR.MIGRATE {table} UP 1 make ADD FIELD n INTEGER ADD FIELD u INTEGER ADD FIELD s STRING ADD FIELD t TAGS ADD FIELD z INTEGER TIMESTAMPS OFF"
    ));
    for start in (0..records).step_by(1000) {
        let rows: String = (start..records.min(start + 1000))
            .map(|i| format!(" {} {i} s{} 2 a{} b{}", i % 100, i % 10, i % 3, i % 7))
            .collect();
        client.ok(&format!(
            "YARR.CREATE {table} FIELDS 4 n u s t VALUES{rows}"
        ));
    }
}

/// Runs lines in one transaction, between which nothing else happens, and answers the replies.
#[track_caller]
fn together(client: &mut Client, lines: &[&str]) -> Vec<Reply> {
    client.ok("MULTI");
    for line in lines {
        client.ok(line);
    }
    client.ok("EXEC").items().to_vec()
}

/// The state of the last line in the history.
#[track_caller]
fn last_state(client: &mut Client, table: &str) -> String {
    let history = client.ok(&format!("YARR.SCHEMA {table} HISTORY"));
    let last = history.items().last().expect("a line");
    last.get("state").expect("a state").text()
}

/// Waits until the running migration ends, and answers how.
#[track_caller]
fn end(client: &mut Client, table: &str) -> String {
    let mut state = String::new();
    eventually("the migration ends", || {
        state = last_state(client, table);
        state != "RUNNING"
    });
    state
}

/// Takes a migration up and waits for its end.
#[track_caller]
fn migrate(client: &mut Client, table: &str, migration: &str) -> String {
    let answer = client.ok(&format!("YARR.MIGRATE {table} {migration}"));
    assert_eq!(answer.print(), "RUNNING", "{migration}");
    end(client, table)
}

/// A number that INFO shows of the module.
#[track_caller]
fn figure(client: &mut Client, name: &str) -> u64 {
    let info = client.ok("INFO yarr").text();
    let mut lines = info.lines();
    let number = lines.find_map(|line| line.strip_prefix(&format!("yarr_{name}:")));
    number
        .and_then(|n| n.trim().parse().ok())
        .unwrap_or_else(|| panic!("{name} in\n{info}"))
}

#[test]
fn a_migration_of_many_records_runs_and_says_so() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 3000);
    let up = "YARR.MIGRATE t UP 2 index_n ADD INDEX n";
    let replies = together(
        &mut client,
        &[
            "YARR.SCHEMA t CHECK UP 2 index_n ADD INDEX n",
            up,
            up,
            "YARR.MIGRATE t UP 2 index_n ADD INDEX u",
            "YARR.MIGRATE t UP 3 other ADD FIELD x INTEGER",
            "YARR.MIGRATE t DOWN 1 DROP DATA",
            "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD u INTEGER ADD FIELD s STRING ADD FIELD t TAGS ADD FIELD z INTEGER TIMESTAMPS OFF",
            "YARR.MIGRATE t CANCEL 1",
            "YARR.SCHEMA t VERSION",
            "YARR.SCHEMA t CHECK UP 2 index_n ADD INDEX n",
            "YARR.WHERE t n = 5 COUNT",
            "YARR.WHERE t n = 5 COUNT SCAN",
            "YARR.UPDATE t WHERE n = 5 SET s x",
            "YARR.DEL t WHERE n = 5",
            "YARR.AGGREGATE t n = 5 COUNT",
            "YARR.FIND t WHERE n = 5",
            "YARR.EXPLAIN t WHERE n = 5",
            "YARR.WHERE t u = 5",
            "YARR.WHERE t n = 5 OR u = 5",
            "YARR.WHERE t n = 5 AND u = 5",
            "YARR.SCHEMA t HISTORY",
            "YARR.INFO t",
            "YARR.SCHEMA t",
            "INFO yarr",
        ],
    );
    let said: Vec<String> = replies.iter().map(Reply::code).collect();
    assert_eq!(
        replies[0].get("result").expect("a result").text(),
        "RUNNING"
    );
    assert_eq!(
        said[1..9],
        [
            "RUNNING",
            "RUNNING",
            "CHANGED",
            "BUSY",
            "BUSY",
            "APPLIED",
            "NOVERSION",
            "(integer) 1"
        ]
    );
    assert_eq!(
        replies[9].get("result").expect("a result").text(),
        "RUNNING"
    );
    assert_eq!(said[10], "INDEXBUILDING");
    assert!(
        replies[10].text().contains(" 0 % "),
        "{}",
        replies[10].text()
    );
    assert_eq!(said[11], "(integer) 30");
    assert_eq!(said[12..17], ["INDEXBUILDING"; 5]);
    assert_eq!(said[17..20], ["NOINDEX", "NOINDEX", "INDEXBUILDING"]);
    let history = &replies[20];
    let running = history.items().last().expect("a line");
    for (name, value) in [
        ("version", "2"),
        ("name", "index_n"),
        ("direction", "up"),
        ("state", "RUNNING"),
        ("took_us", "0"),
    ] {
        assert_eq!(
            running.get(name).map(Reply::text).as_deref(),
            Some(value),
            "{name}"
        );
    }
    let migration = replies[21].get("migration").expect("a migration");
    for (name, value) in [
        ("version", "2"),
        ("name", "index_n"),
        ("percent", "0"),
        ("met", "0"),
        ("records", "3000"),
    ] {
        assert_eq!(
            migration.get(name).map(Reply::text).as_deref(),
            Some(value),
            "{name}"
        );
    }
    assert!(
        !replies[22].words().join(" ").contains("INDEX"),
        "the schema before its time"
    );
    assert!(
        replies[23].text().contains("yarr_migrations_running:1\r"),
        "{}",
        replies[23].text()
    );
    assert_eq!(end(&mut client, "t"), "APPLIED");
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 30);
    assert_eq!(client.run(up).print(), "APPLIED");
    assert_eq!(client.count("YARR.SCHEMA t VERSION"), 2);
    assert_eq!(
        client.ok("YARR.INFO t").get("migration"),
        Some(&Reply::Null)
    );
    assert_eq!(client.ok("YARR.SCHEMA t HISTORY").items().len(), 2);
    assert_eq!(figure(&mut client, "migrations_running"), 0);
    assert_eq!(figure(&mut client, "migration_records"), 3000);
    assert_eq!(client.run("YARR.MIGRATE t CANCEL 2").code(), "NOVERSION");
}

#[test]
fn a_migration_that_is_cancelled_leaves_a_line_and_may_come_again() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 3000);
    let up = "YARR.MIGRATE t UP 2 more ADD FIELD x INTEGER DEFAULT 7 INDEX ADD INDEX n UNIQUE";
    let replies = together(
        &mut client,
        &[
            up,
            "YARR.MIGRATE t CANCEL 3",
            "YARR.MIGRATE t CANCEL 2",
            "YARR.MIGRATE t CANCEL 2",
            "YARR.WHERE t n = 5",
            "YARR.WHERE t x = 7",
            "YARR.MIGRATE t UP 2 more ADD INDEX n",
        ],
    );
    let said: Vec<String> = replies.iter().map(Reply::code).collect();
    assert_eq!(
        said,
        [
            "RUNNING",
            "NOVERSION",
            "OK",
            "NOVERSION",
            "NOINDEX",
            "NOFIELD",
            "RUNNING"
        ]
    );
    assert_eq!(end(&mut client, "t"), "APPLIED");
    let history = client.ok("YARR.SCHEMA t HISTORY");
    assert_eq!(
        history.items()[1].get("state").map(Reply::text).as_deref(),
        Some("FAILED cancelled")
    );
    assert_eq!(client.run(up).code(), "CHANGED");
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 30);
}

#[test]
fn records_made_under_the_old_schema_have_the_new_field_and_its_index() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 3000);
    let replies = together(
        &mut client,
        &[
            "YARR.MIGRATE t UP 2 more ADD FIELD x INTEGER DEFAULT 7 INDEX ADD FIELD y STRING INDEX REMOVE FIELD s RENAME FIELD n TO m ADD INDEX m u DROP DATA",
            "YARR.CREATE t n 1 u 1 s old",
            "YARR.CREATE t n 1 x 3",
            "YARR.UPDATE t 5 SET n 3 s new",
            "YARR.WHERE t n = 5 AND s = x",
            "YARR.DEL t 6",
            "YARR.WHERE t m = 5",
        ],
    );
    let said: Vec<String> = replies.iter().map(Reply::code).collect();
    assert_eq!(
        said,
        [
            "RUNNING",
            "\"3001\"",
            "NOFIELD",
            "(integer) 1",
            "INDEXBUILDING",
            "(integer) 1",
            "NOFIELD"
        ]
    );
    assert_eq!(end(&mut client, "t"), "APPLIED");
    for (line, count) in [
        ("x = 7", 3000),
        ("x IS NULL", 0),
        ("y IS NULL", 3000),
        ("m = 1", 31),
        ("m = 3 AND u >= 0", 31),
    ] {
        assert_eq!(
            client.count(&format!("YARR.WHERE t {line} COUNT")),
            count,
            "{line}"
        );
    }
    assert_eq!(
        client.ok("YARR.FIND t 3001 RETURN m u x").words(),
        ["m", "1", "u", "1", "x", "7"]
    );
    assert_eq!(client.run("YARR.WHERE t s = x").code(), "NOFIELD");
}

#[test]
fn the_way_down_builds_what_the_way_up_took_away() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 3000);
    assert_eq!(
        migrate(
            &mut client,
            "t",
            "UP 2 index ADD INDEX n ADD INDEX u UNIQUE ADD INDEX t BITMAP"
        ),
        "APPLIED"
    );
    client.ok("YARR.MIGRATE t UP 3 less REMOVE INDEX n REMOVE INDEX u REMOVE INDEX t BITMAP");
    assert_eq!(client.run("YARR.WHERE t n = 5").code(), "NOINDEX");
    let replies = together(
        &mut client,
        &[
            "YARR.MIGRATE t DOWN 3",
            "YARR.MIGRATE t DOWN 3",
            "YARR.MIGRATE t UP 3 less REMOVE INDEX n REMOVE INDEX u REMOVE INDEX t BITMAP",
            "YARR.WHERE t t CONTAINS a1 COUNT",
            "YARR.SCHEMA t VERSION",
            "YARR.CREATE t u 5",
        ],
    );
    let said: Vec<String> = replies.iter().map(Reply::code).collect();
    assert_eq!(
        said,
        [
            "RUNNING",
            "BUSY",
            "APPLIED",
            "INDEXBUILDING",
            "(integer) 3",
            "\"3001\""
        ]
    );
    let state = end(&mut client, "t");
    assert!(state.starts_with("FAILED DUPLICATE "), "{state}");
    client.ok("YARR.DEL t 3001");
    assert_eq!(migrate(&mut client, "t", "DOWN 3"), "APPLIED");
    assert_eq!(client.count("YARR.SCHEMA t VERSION"), 2);
    assert_eq!(client.count("YARR.WHERE t t CONTAINS a1 COUNT"), 1000);
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 30);
    assert_eq!(client.run("YARR.CREATE t u 5").code(), "DUPLICATE");
}

/// Takes a migration up until it is applied, and answers what was said.
fn take_up(server: &Server, line: &str) -> Vec<String> {
    let (mut client, mut said) = (server.connect(), Vec::new());
    eventually("it is applied", || {
        said.push(client.run(line).print());
        said.last().is_some_and(|last| last != "RUNNING")
    });
    said
}

#[test]
fn clients_that_take_a_migration_up_at_once_apply_it_once() {
    needs!(TIMERS);
    let server = options().start();
    make(&mut server.connect(), "t", 20_000);
    let up = "YARR.MIGRATE t UP 2 more ADD FIELD x INTEGER DEFAULT 7 INDEX ADD INDEX n";
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| take_up(&server, up)))
            .collect();
        for client in clients {
            let said = client.join().expect("a client");
            assert_eq!(said.last().map(String::as_str), Some("APPLIED"), "{said:?}");
        }
    });
    let mut client = server.connect();
    assert_eq!(client.ok("YARR.SCHEMA t HISTORY").items().len(), 2);
    assert_eq!(client.count("YARR.WHERE t x = 7 COUNT"), 20_000);
}

#[test]
fn two_clients_that_bring_a_table_through_its_versions_apply_each_once() {
    // Some in their command, some between commands where there are timers.
    let server = debuggable(Options::new())
        .module_arguments(&["max-inline-records", "20"])
        .start();
    let mut client = server.connect();
    let rows: String = (0..30).map(|n| format!(" {n}")).collect();
    let fill = format!("YARR.CREATE t FIELDS 1 n VALUES{rows}");
    let versions = [
        "UP 1 make ADD FIELD n INTEGER INDEX",
        "UP 2 more ADD FIELD x INTEGER DEFAULT 7 INDEX",
        "UP 3 data UPDATE n >= 0 SET x 8",
        "UP 4 text SET FIELD x TYPE STRING",
        "UP 5 less REMOVE INDEX n RENAME FIELD n TO m",
    ];
    for round in 0..25 {
        client.ok("FLUSHALL");
        if round % 2 == 0 {
            client.ok(&format!("YARR.MIGRATE t {}", versions[0]));
            client.ok(&fill);
        }
        let climb =
            || versions.map(|version| take_up(&server, &format!("YARR.MIGRATE t {version}")));
        let (one, other) = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(climb), scope.spawn(climb));
            (
                one.join().expect("a client"),
                other.join().expect("a client"),
            )
        });
        for (version, said) in versions.iter().zip(one.iter().zip(&other)) {
            let done = [said.0, said.1].map(|said| said.last().cloned().expect("an answer"));
            let at = format!("round {round}: {version}: {said:?}");
            // Whoever did it in the command is told so, and nobody else.
            assert!(
                done.iter().all(|said| said == "OK" || said == "APPLIED"),
                "{at}"
            );
            assert!(done != ["OK", "OK"], "{at}");
        }
        let history = client.ok("YARR.SCHEMA t HISTORY");
        let applied = history.items().iter().map(|line| {
            let state = line.get("state").expect("a state").text();
            (line.get("version").expect("a version").number(), state)
        });
        let expected: Vec<_> = (1..=5)
            .map(|version| (version, "APPLIED".to_string()))
            .collect();
        assert_eq!(applied.collect::<Vec<_>>(), expected, "round {round}");
        if round % 2 == 0 {
            assert_eq!(client.count("YARR.WHERE t x = 8 COUNT"), 30);
        }
    }
}

#[test]
fn what_has_expired_is_reclaimed_while_a_migration_runs() {
    needs!(TIMERS);
    for operations in ["ADD INDEX n ADD INDEX t BITMAP", "UPDATE n >= 0 SET s x"] {
        let server = options().set("notify-keyspace-events", "KEA").start();
        let (mut client, mut listener) = (server.connect(), server.connect());
        make(&mut client, "t", 40_000);
        let rows = " 1 100000 s".repeat(500);
        let create = format!("YARR.CREATE t PX 1 FIELDS 3 n u s VALUES{rows}");
        let up = format!("YARR.MIGRATE t UP 2 more {operations}");
        listener.ok("PSUBSCRIBE __keyevent@*__:yarr.*");
        // Nothing is reclaimed between these: all have expired when the migration begins.
        let said = together(
            &mut client,
            &[&create, "DEBUG SLEEP 0.01", &up, "YARR.INFO t"],
        );
        assert_eq!(said[2].print(), "RUNNING");
        assert_eq!(said[3].get("expired").map(Reply::number), Some(500));
        assert_eq!(end(&mut client, "t"), "APPLIED");
        let mut reclaimed = 0;
        loop {
            let event = listener.message().expect("an event").words();
            reclaimed += i32::from(event[2].ends_with(":yarr.expired"));
            if event[2].ends_with(":yarr.migrate") {
                break;
            }
        }
        assert!(reclaimed > 0, "nothing was reclaimed before the end");
        let info = client.ok("YARR.INFO t");
        assert_eq!(info.get("expired").map(Reply::number), Some(0));
        assert_eq!(client.count("YARR.WHERE t * COUNT"), 40_000);
    }
}

#[test]
fn a_script_begins_a_migration_as_a_client_does() {
    needs!(TIMERS, WRITING_SCRIPTS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 3000);
    let script = "local r = redis.call('YARR.MIGRATE', KEYS[1], 'UP', '2', 'x', 'ADD', 'INDEX', 'n') \
        return { r.ok, redis.pcall('YARR.WHERE', KEYS[1], 'n', '=', '5').err }";
    let said = client.send(&["EVAL", script, "1", "t"]);
    assert_eq!(said.items()[0].text(), "RUNNING");
    assert!(
        said.items()[1].text().contains("INDEXBUILDING"),
        "{}",
        said.print()
    );
    assert_eq!(end(&mut client, "t"), "APPLIED");
}

#[test]
fn the_setting_says_from_when_on_migrations_go_on_between_commands() {
    needs!(TIMERS, SETTINGS);
    let server = Options::new().start();
    let mut client = server.connect();
    make(&mut client, "t", 2000);
    assert_eq!(
        client.run("YARR.MIGRATE t UP 2 more ADD INDEX n").print(),
        "OK"
    );
    client.ok("CONFIG SET yarr.max-inline-records 1999");
    assert_eq!(client.list("CONFIG GET yarr.max-inline-records")[1], "1999");
    assert_eq!(
        migrate(&mut client, "t", "UP 3 more ADD INDEX u"),
        "APPLIED"
    );
    // What looks at no record is done at once, however many there are.
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 4 more ADD FIELD x INTEGER SET TTL 1000 PASSIVE REMOVE INDEX n")
            .print(),
        "OK"
    );
    client.ok("CONFIG SET yarr.max-inline-records 2000");
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 5 more SET FIELD u NOT NULL")
            .print(),
        "OK"
    );
    assert!(
        client
            .run("CONFIG SET yarr.max-inline-records 0")
            .is_error()
    );
}

#[test]
fn without_a_timer_every_migration_is_done_in_its_command() {
    if !lacks(TIMERS) {
        return;
    }
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 3000);
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 2 more ADD INDEX n SET FIELD u NOT NULL")
            .print(),
        "OK"
    );
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 3 more ADD INDEX n UNIQUE")
            .code(),
        "DUPLICATE"
    );
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 30);
}
