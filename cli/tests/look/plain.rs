//! The verbs without a terminal: pipes, files, JSON.

use serde_json::{Value, json};

use crate::{
    harness::{Project, Server},
    sample::{accounts, send},
};

fn documents(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn tables_are_listed_server_by_server() {
    let (full, empty) = (accounts(), Server::start());
    send(&full, &["SET plain text"]);
    let project = Project::new(&[&full, &empty]);
    let run = project.yarr("tables");
    let lines: Vec<&str> = run.done().lines().collect();
    assert_eq!(lines.len(), 2, "{run:?}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    let place = format!("127.0.0.1:{}", full.port());
    assert_eq!(words[..5], [&place, "account", "2", "5", "2"]);
    assert_eq!(words[7..], ["1", "-"]);
    let document = &documents(project.yarr("tables --json").done())[0];
    assert_eq!(document["records"], 2);
    assert_eq!(document["version"], 1);
    assert!(document["memory"].as_u64() > Some(0));
    let none = Project::new(&[&empty]);
    let run = none.yarr("tables");
    assert_eq!(
        (run.done(), run.stderr.as_str()),
        ("", "There are no tables; yarr migrate makes them.\n")
    );
}

#[test]
fn a_walk_for_tables_is_bounded() {
    let server = accounts();
    let keys: Vec<String> = (0..3_000).map(|key| format!("k{key} v")).collect();
    send(&server, &[&format!("MSET {}", keys.join(" "))]);
    // A table in another database keeps the walk from knowing when it has all of them.
    send(&server, &["COPY account elsewhere DB 5"]);
    let project = Project::new(&[&server]);
    let run = project.yarr("tables --keys 1000");
    run.done();
    assert!(run.stderr.contains("more keys than 1,000"), "{run:?}");
    let run = project.yarr("tables");
    assert!(run.done().contains(" account "), "{run:?}");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_table_is_told_part_by_part() {
    let server = accounts();
    send(
        &server,
        &[
            "YARR.MIGRATE account UP 2 add_ttl SET TTL 7200 PASSIVE",
            "YARR.UPDATE account 1 TOUCH",
        ],
    );
    let project = Project::new(&[&server]);
    let run = project.yarr("info account");
    let text = run.done();
    for expected in [
        "  records   2\n",
        "  ttl       2h from each write on; 1 record expires\n",
        "  version   2\n",
        "email   STRING             not null           unique\n",
        "plan    ENUM ( free pro )            free     bitmap\n",
        "unique on (email) ",
        "      1  create_account  up         APPLIED  ",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    let document = &documents(project.yarr("info account --json").done())[0];
    assert_eq!(document["indexes"][0]["fields"], "email");
    assert_eq!(document["history"][1]["name"], "add_ttl");
    assert_eq!(document["fields"][3]["type"], "ENUM ( free pro )");
    assert!(project.yarr("info nobody").refused(4).contains("NOTABLE"));
}

#[test]
fn a_change_feed_is_shown_with_those_who_read_it() {
    let server = accounts();
    send(
        &server,
        &[
            "YARR.MIGRATE account UP 2 feed CHANGES ON",
            "YARR.ACK account search 0000000000000000 0",
            "YARR.UPDATE account 1 SET visits 3",
            "YARR.DEL account 2",
        ],
    );
    let project = Project::new(&[&server]);
    let run = project.yarr("info account");
    let text = run.done();
    assert!(
        text.contains("numbered up to 3; 1 tombstone, 13 B"),
        "{text}"
    );
    let row = text.lines().find(|line| line.starts_with("search "));
    assert!(row.is_some_and(|row| row.contains(" 3 ")), "{text}");
    let document = &documents(project.yarr("info account --json").done())[0];
    assert_eq!(document["changes"]["consumers"][0]["lag"], 3, "{document}");
}

#[test]
fn a_plan_is_explained_and_carried_out() {
    let server = accounts();
    let project = Project::new(&[&server]);
    let run = project.yarr("explain account WHERE plan eq pro");
    assert_eq!(
        run.done(),
        "read the bitmap on (plan): about 1 record examined\n"
    );
    let run = project.yarr("explain account --analyze WHERE visits gt 5 SCAN");
    assert!(
        run.done()
            .starts_with("walk the table: 2 records examined, 2 in fact\n"),
        "{run:?}"
    );
    assert!(run.done().contains("\nanswered 1 elements in "), "{run:?}");
    let document = &documents(
        project
            .yarr("explain --json account WHERE plan eq pro")
            .done(),
    )[0];
    assert_eq!(
        document["plan"],
        json!(["read the bitmap on (plan): about 1 record examined"])
    );
    assert!(
        project
            .yarr("explain account WHERE visits gt 5")
            .refused(4)
            .contains("NOINDEX")
    );
}

#[test]
fn commands_of_a_file_end_with_the_first_that_fails() {
    let server = accounts();
    let project = Project::new(&[&server]);
    let input = b"# Two of them.\n\nSET k v\nGET k\nYARR.WHERE account plan ~ pro\nSET k never\n";
    let run = project.run_with(&["console"], input);
    assert!(run.stdout.ends_with("OK\n\"v\"\n"), "{run:?}");
    let expected = "error: line 5: ERR syntax error: expected an operator";
    assert!(run.refused(4).starts_with(expected), "{run:?}");
    assert!(
        run.stderr
            .ends_with("\n  YARR.WHERE account plan ~ pro\n                          ^\n"),
        "{run:?}"
    );
    let run = project.run(&[
        "console",
        "-c",
        "GET k",
        "-c",
        "YARR.FIND account 1 RETURN email",
    ]);
    assert_eq!(
        run.done(),
        "\"v\"\nemail | ann@example.com\n".replace(
            "email | ann@example.com\n",
            " email\n-----------------\n ann@example.com\n"
        )
    );
}

#[test]
fn answers_are_json_where_that_is_asked_for() {
    let server = accounts();
    let project = Project::new(&[&server]);
    let ask = |command: &str| documents(project.run(&["console", "--json", "-c", command]).done());
    assert_eq!(
        ask("YARR.WHERE account * ORDER BY id"),
        [json!([
            {"id": 1, "email": "ann@example.com", "visits": 0, "plan": "pro", "since": "2013-01-09T14:00:00Z"},
            {"id": 2, "email": "bob@example.com", "visits": 12, "plan": "free"},
        ])]
    );
    assert_eq!(ask("YARR.WHERE account * COUNT"), [json!(2)]);
    assert_eq!(ask("YARR.FIND account 9"), [Value::Null]);
    assert_eq!(ask("YARR.INFO account")[0]["indexes"][1]["kind"], "bitmap");
    assert_eq!(ask("SET k v"), [json!("OK")]);
    let words = [
        "console",
        "--json",
        "-c",
        "MULTI",
        "-c",
        "SET k v",
        "-c",
        "YARR.FIND account 2 RETURN id",
    ];
    let run = project.run(&[&words[..], &["-c", "EXEC"]].concat());
    assert_eq!(
        documents(run.done()),
        [
            json!("OK"),
            json!("QUEUED"),
            json!("QUEUED"),
            json!(["OK", {"id": 2}])
        ]
    );
    let run = project.run(&["console", "--json", "-c", "YARR.FIND account"]);
    assert_eq!(documents(run.refused(4))[0]["error"]["kind"], "refused");
}

#[test]
fn a_server_without_the_module_or_without_tables_is_told() {
    let plain = Server::start_plain();
    let project = Project::new(&[&plain]);
    assert_eq!(project.yarr("tables").done(), "");
    assert!(project.yarr("info account").refused(4).contains("module"));
    assert_eq!(project.run(&["console", "-c", "PING"]).done(), "PONG\n");
    drop(plain);
    for line in ["tables", "info account", "top --once", "console -c PING"] {
        assert!(!project.yarr(line).refused(3).is_empty(), "{line}");
    }
}

#[test]
fn completions_and_manual_pages_are_written_without_a_server() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            project
                .yarr(&format!("completions {shell}"))
                .done()
                .contains("console"),
            "{shell}"
        );
    }
    assert!(
        project
            .yarr("man console")
            .done()
            .contains(".SH \"EXAMPLES\"")
    );
    assert!(
        project
            .yarr("man nonsense")
            .refused(2)
            .contains("no verb 'nonsense'")
    );
    let page = project.yarr("man replicate-run");
    assert!(page.done().contains("\\-\\-every"));
    project.yarr("man --folder pages").done();
    assert!(
        project
            .read("pages/yarr-replicate.1")
            .contains("yarr\\-replicate\\-verify(1)")
    );
    assert!(project.read("pages/yarr-top.1").contains("\\-\\-once"));
    for verb in [
        "tables",
        "info",
        "explain",
        "console",
        "top",
        "completions",
        "man",
    ] {
        let help = project.run(&[verb, "--help"]);
        assert!(help.done().contains("Examples:\n  yarr "), "{verb}");
    }
}
