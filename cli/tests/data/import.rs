//! Import: what goes in, what does not, and what is said.

use redis::Connection;

use crate::harness::{Project, Server};

fn migrate(table: &str, operations: &str, connection: &mut Connection) {
    redis::cmd("YARR.MIGRATE")
        .arg(table)
        .arg(&["UP", "1", "create"])
        .arg(operations.split(' ').collect::<Vec<_>>())
        .exec(connection)
        .expect("a table");
}

fn ask<T: redis::FromRedisValue>(line: &str, connection: &mut Connection) -> T {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    command
        .arg(words.collect::<Vec<_>>())
        .query(connection)
        .expect("an answer")
}

const ACCOUNT: &str = "TIMESTAMPS OFF ADD FIELD email STRING NOT NULL UNIQUE ADD FIELD age INTEGER ADD FIELD plan ENUM ( free pro ) DEFAULT free";

fn accounts() -> (Server, Project, Connection) {
    let server = Server::start();
    let mut connection = server.connect();
    migrate("account", ACCOUNT, &mut connection);
    let project = Project::new(&[&server]);
    (server, project, connection)
}

#[test]
fn bad_input_is_one_clear_error_and_changes_nothing() {
    let (_server, project, mut connection) = accounts();
    project.write("a.csv", "email,age\na,1\n");
    project.write("noheader.csv", "");
    project.write("twice.csv", "email,email\n");
    project.write("other.csv", "email,mail\n");
    project.write("few.csv", "age\n1\n");
    project.write("quote.csv", "email,age\n\"a,1\n");
    project.write("a.jsonl", "{\"email\":\"a\",\"shoe\":5}\n");
    project.write("b.jsonl", "{\"email\":null}\n");
    project.write("bytes.csv", "email,age\na,5.5\n");
    for (line, part) in [
        ("import account a", "say --format"),
        ("import account b.csv", "cannot read b.csv"),
        ("import nobody a.csv", "there is no table 'nobody'"),
        (
            "import account noheader.csv",
            "expected a header line, found nothing",
        ),
        ("import account twice.csv", "found 'email' twice"),
        (
            "import account other.csv",
            "no field for mail: say --skip 'mail' or --map 'mail=field'",
        ),
        (
            "import account few.csv",
            "field 'email' of table 'account' is NOT NULL and has no column",
        ),
        (
            "import account quote.csv",
            "quote.csv: line 2, column 'email': expected a closing quote, found the end of the file; nothing was imported",
        ),
        (
            "import account bytes.csv",
            "line 2, column 'age': expected a 64-bit integer, found '5.5'",
        ),
        (
            "import account a.jsonl",
            "line 1, column 'shoe': expected one of id, email, age, plan",
        ),
        (
            "import account b.jsonl",
            "line 1, column 'email': expected a value (the field is NOT NULL), found null",
        ),
        (
            "import account a.csv --on-conflict email",
            "expected field:ignore",
        ),
        (
            "import account a.csv --on-conflict age:keep",
            "a UNIQUE index of table 'account' (email), found age",
        ),
        (
            "import account a.csv --map age=years",
            "there is no field 'years'",
        ),
        (
            "import account a.csv --skip years",
            "expected the column 'years', found email, age",
        ),
        ("import account a.csv --create", "is there already"),
        (
            "import fresh - --format csv --create",
            "standard input cannot",
        ),
        ("import account a.jsonl --columns a", "--columns is for CSV"),
        ("export nobody", "there is no table 'nobody'"),
        (
            "export account --fields email,shoe",
            "there is no field 'shoe'",
        ),
        ("export account --where age", "expected"),
        (
            "export account no/such/folder.csv",
            "cannot write no/such/folder.csv.part",
        ),
    ] {
        let run = project.yarr(line);
        assert!([2, 4].contains(&run.code), "{line}: {run:?}");
        assert!(run.stderr.contains(part), "{line}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{line}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{line}");
    }
    let count: u64 = ask("YARR.WHERE account * COUNT", &mut connection);
    assert_eq!(count, 0);
    let keys: Vec<String> = ask("KEYS *", &mut connection);
    assert_eq!(keys.iter().filter(|key| *key == "account").count(), 1);
}

#[test]
fn a_record_that_the_server_refuses_is_found_and_the_others_go_in() {
    let (_server, project, mut connection) = accounts();
    let mut text = String::from("email,age\n");
    for n in 0..2_000 {
        // One that is there already, and one that is too long for an index.
        match n {
            1_234 => text.push_str("m7,7\n"),
            1_500 => text.push_str(&format!("{},7\n", "x".repeat(5_000))),
            _ => text.push_str(&format!("m{n},{n}\n")),
        }
    }
    project.write("a.csv", &text);
    let stopped = project.yarr("import account a.csv");
    let said = stopped.refused(5);
    assert!(
        said.contains("line 1236: DUPLICATE the unique index on (email)"),
        "{said}"
    );
    assert!(
        said.contains("1234 records were imported, up to line 1235"),
        "{said}"
    );
    let count: u64 = ask("YARR.WHERE account * COUNT", &mut connection);
    assert_eq!(count, 1_234);
    let run = project.yarr("import account a.csv --resume --rejects bad.csv --json");
    let document: serde_json::Value = serde_json::from_str(run.done()).expect("JSON");
    assert_eq!(document["created"], 764);
    assert_eq!(document["rejected"], 2);
    let rejects = project.read("bad.csv");
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines.len(), 5, "{rejects}");
    assert!(lines[1].starts_with("# line 1236: DUPLICATE"), "{rejects}");
    assert_eq!(lines[2], "m7,7");
    assert!(lines[3].starts_with("# line 1502: BADVALUE"), "{rejects}");
    // Mended, they go in.
    project.write(
        "mended.csv",
        &rejects
            .replace("m7", "n7")
            .replace(&"x".repeat(5_000), "n8"),
    );
    project
        .run(&["import", "account", "mended.csv", "--comment", "# line "])
        .done();
    let count: u64 = ask("YARR.WHERE account * COUNT", &mut connection);
    assert_eq!(count, 2_000);
}

#[test]
fn without_a_position_the_same_records_go_in() {
    let (_server, project, mut connection) = accounts();
    project.write("a.csv", "email,age\na,1\nb,2\na,3\nc,4\n");
    project
        .yarr("import account a.csv --no-position --rejects bad.csv")
        .done();
    let emails: Vec<String> = ask(
        "YARR.WHERE account * ORDER BY id PLUCK email",
        &mut connection,
    );
    assert_eq!(emails, ["a", "b", "c"]);
    let keys: Vec<String> = ask("KEYS *", &mut connection);
    assert_eq!(keys, ["account"]);
}

#[test]
fn a_user_without_scripts_imports_without_a_position() {
    let (server, project, mut connection) = accounts();
    let () = ask(
        "ACL SETUSER ann on >secret ~* +@all -@scripting",
        &mut connection,
    );
    project.write("a.csv", "email,age\na,1\nb,2\n");
    let url = format!("redis://ann:secret@127.0.0.1:{}/", server.port());
    let run = project.run(&["import", "account", "a.csv", "--url", &url]);
    run.done();
    assert!(run.stderr.contains("no position is kept"), "{run:?}");
    let refused = project.run(&["import", "account", "a.csv", "--resume", "--url", &url]);
    assert!(
        refused.refused(2).contains("no position can be kept"),
        "{refused:?}"
    );
}

#[test]
fn what_is_there_is_kept_passed_over_or_changed() {
    let (_server, project, mut connection) = accounts();
    project.write("a.csv", "email,age,plan\na,1,pro\nb,2,pro\n");
    project.yarr("import account a.csv").done();
    project.write(
        "b.jsonl",
        "{\"email\":\"a\",\"age\":10}\n{\"email\":\"c\"}\n",
    );
    let run = project.yarr("import account b.jsonl --on-conflict email:ignore");
    assert!(
        run.done()
            .contains("1 records imported into account, 1 were there already"),
        "{run:?}"
    );
    project
        .yarr("import account b.jsonl --on-conflict email:keep")
        .done();
    let ages = |connection: &mut Connection| -> Vec<Vec<Option<String>>> {
        ask(
            "YARR.WHERE account * ORDER BY id PLUCK email age plan",
            connection,
        )
    };
    let some = |text: &str| Some(text.to_string());
    assert_eq!(
        ages(&mut connection)[0],
        [some("a"), some("1"), some("pro")]
    );
    // The key that a line does not have is left alone; one that is null becomes null.
    project
        .yarr("import account b.jsonl --on-conflict email:update")
        .done();
    assert_eq!(
        ages(&mut connection)[0],
        [some("a"), some("10"), some("pro")]
    );
    assert_eq!(ages(&mut connection)[2], [some("c"), None, some("free")]);
    project.write("c.jsonl", "{\"email\":\"a\",\"age\":null}\n");
    project
        .yarr("import account c.jsonl --on-conflict email:update")
        .done();
    assert_eq!(ages(&mut connection)[0], [some("a"), None, some("pro")]);
}

#[test]
fn columns_are_mapped_skipped_and_named() {
    let (_server, project, mut connection) = accounts();
    let run = project.run_with(
        &[
            "import",
            "account",
            "-",
            "--format",
            "tsv",
            "--columns",
            "E-Mail,note,years",
            "--map",
            "E-Mail=email",
            "--map",
            "years=age",
            "--skip",
            "note",
            "--null",
            "-",
            "--null",
            "?",
        ],
        b"a\tx\t-\nb\t?\t?\nc\t\t7\n",
    );
    run.done();
    let found: Vec<Vec<Option<String>>> = ask(
        "YARR.WHERE account * ORDER BY id PLUCK email age",
        &mut connection,
    );
    let some = |text: &str| Some(text.to_string());
    assert_eq!(
        found,
        [[some("a"), None], [some("b"), None], [some("c"), some("7")]]
    );
}

#[test]
fn a_dry_run_checks_every_row_and_writes_nothing() {
    let (_server, project, mut connection) = accounts();
    project.write("a.csv", "email,age\na,1\nb,x\nc\nd,4\n");
    let run = project.yarr("import account a.csv --dry-run");
    assert_eq!(run.code, 1, "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "a.csv line 3, column 'age': expected a 64-bit integer, found 'x'"
    );
    assert_eq!(lines[1], "a.csv line 4: expected 2 fields, found 1");
    assert!(
        lines[2].starts_with("2 records fit table account, 2 do not"),
        "{run:?}"
    );
    let keys: Vec<String> = ask("KEYS *", &mut connection);
    assert_eq!(keys, ["account"]);
    let count: u64 = ask("YARR.WHERE account * COUNT", &mut connection);
    assert_eq!(count, 0);
    project.write("a.csv", "email,age\na,1\n");
    let run = project.yarr("import account a.csv --dry-run --json");
    let document: serde_json::Value = serde_json::from_str(run.done()).expect("JSON");
    assert_eq!(document["fit"], 1);
}

#[test]
fn a_sample_never_takes_few_values_for_all_there_are() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let rows: String = (0..100)
        .map(|n| format!("{n},{}\n", ["a", "b"][n % 2]))
        .collect();
    project.write("a.csv", &format!("n,kind\n{rows}"));
    let whole = project.yarr("import t a.csv --create");
    assert!(
        whole.done().contains("ADD FIELD kind ENUM ( a b )"),
        "{whole:?}"
    );
    let sample = project.yarr("import t a.csv --create --sample 50");
    assert!(
        sample.done().contains("ADD FIELD kind STRING"),
        "{sample:?}"
    );
    let written = project.yarr("import t a.csv --create --write");
    written.done();
    let keys: Vec<String> = ask("KEYS *", &mut server.connect());
    assert_eq!(keys, [""; 0]);
    assert_eq!(
        std::fs::read_dir(project.path().join("db/yarr"))
            .expect("a folder")
            .count(),
        1
    );
}

#[test]
fn a_cluster_keeps_the_position_beside_the_table() {
    let server = Server::start_with(&["--cluster-enabled", "yes"]);
    let mut connection = server.connect();
    let slots: Vec<u16> = (0..16_384).collect();
    let () = redis::cmd("CLUSTER")
        .arg("ADDSLOTS")
        .arg(slots)
        .query(&mut connection)
        .expect("slots");
    crate::harness::eventually("the cluster is up", || {
        let info: String = ask("CLUSTER INFO", &mut connection);
        info.contains("cluster_state:ok")
    });
    let project = Project::of_urls(&[format!("redis+cluster://127.0.0.1:{}", server.port())]);
    let rows: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    project.write("a.csv", &format!("n\n{rows}"));
    for table in ["t", "a{b}c", "a}b"] {
        migrate(table, "ADD FIELD n INTEGER", &mut connection);
        project.run(&["import", table, "a.csv", "--resume"]).done();
        let run = project.run(&["export", table, "--fields", "n"]);
        assert!(run.done().strip_prefix("n\n") == Some(&rows), "{table}");
    }
}

#[test]
fn an_expiry_is_kept_and_what_is_over_is_not_there() {
    let server = Server::start();
    let mut connection = server.connect();
    migrate(
        "t",
        "ADD FIELD n INTEGER SET TTL 60 PASSIVE",
        &mut connection,
    );
    let project = Project::new(&[&server]);
    project.write(
        "a.csv",
        "n,expires_at\n1,2100-01-01T00:00:00Z\n2,\n3,2001-01-01T00:00:00Z\n",
    );
    let run = project.yarr("import t a.csv");
    assert!(
        run.done()
            .contains("3 records imported into t, 1 had expired"),
        "{run:?}"
    );
    let found: Vec<Vec<Option<String>>> = ask(
        "YARR.WHERE t * ORDER BY id PLUCK n expires_at",
        &mut connection,
    );
    let some = |text: &str| Some(text.to_string());
    assert_eq!(
        found,
        [[some("1"), some("4102444800000")], [some("2"), None]]
    );
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let server = Server::start();
    let mut connection = server.connect();
    migrate("t", "ADD FIELD n INTEGER", &mut connection);
    let project = Project::new(&[&server]);
    let rows: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    project.write("a.csv", &format!("n\n{rows}"));
    project.yarr("import t a.csv").done();
    let mut tool = project
        .command(&["export", "t"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the tool");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(tool.stdout.take().expect("its stdout"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    drop(stdout);
    assert_eq!(line, "id,n,created_at,updated_at\n");
    let output = tool.wait_with_output().expect("the tool");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}
