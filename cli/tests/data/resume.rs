//! Imports that are ended in the middle, and go on: no record twice, none lost, none set aside twice.

use std::{
    fmt::Write as _,
    process::{Child, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use redis::Connection;
use tempfile::TempDir;

use crate::harness::{Project, Run, Server, eventually};

const ROWS: u64 = 60_000;
const KILLS: u64 = 20;

/// A file with records that are refused here (a number that is none) and by the server (a UNIQUE value twice).
fn file() -> String {
    let mut text = String::from("n,code\n");
    for n in 0..ROWS {
        let _ = match n {
            n if n % 7_001 == 7_000 => writeln!(text, "x{n},c{n}"),
            n if n % 5_003 == 5_002 => writeln!(text, "{n},c{}", n - 1),
            n => writeln!(text, "{n},c{n}"),
        };
    }
    text
}

fn make(connection: &mut Connection) {
    let words = "YARR.MIGRATE t UP 1 create ADD FIELD n INTEGER ADD FIELD code STRING UNIQUE";
    let mut words = words.split(' ');
    redis::cmd(words.next().expect("a command"))
        .arg(words.collect::<Vec<_>>())
        .exec(connection)
        .expect("a table");
}

/// How many records the import says it has taken in.
fn taken(connection: &mut Connection) -> u64 {
    let at: Option<String> = redis::cmd("HGET")
        .arg("yarr:import:f.csv:{t}")
        .arg("at")
        .query(connection)
        .unwrap_or(None);
    at.and_then(|at| at.split(' ').nth(4)?.parse().ok())
        .unwrap_or(0)
}

fn begin(project: &Project, url: &str) -> Child {
    let words = [
        "import",
        "t",
        "f.csv",
        "--resume",
        "--rejects",
        "bad",
        "--batch",
        "50",
        "--url",
        url,
    ];
    let mut command = project.command(&words);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool")
}

/// What must have come of it, whatever went before.
fn check(project: &Project, connection: &mut Connection) {
    let text = file();
    let mut codes = std::collections::HashSet::new();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let (n, code) = line.split_once(',').expect("two fields");
        match n.parse::<i64>().is_ok() && codes.insert(code) {
            true => good.push(vec![n.to_string(), code.to_string()]),
            false => bad.push(line),
        }
    }
    let found: Vec<Vec<String>> = redis::cmd("YARR.WHERE")
        .arg("t")
        .arg(&["*", "ORDER", "BY", "id", "PLUCK", "n", "code"])
        .query(connection)
        .expect("records");
    assert_eq!(found.len(), good.len());
    assert!(found == good, "the records are others");
    let rejects = project.read("bad");
    let set_aside: Vec<&str> = rejects
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(set_aside[0], "n,code");
    assert_eq!(set_aside[1..], bad);
    assert_eq!(rejects.lines().count(), 1 + 2 * bad.len());
}

fn random() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    u64::from(now.subsec_nanos()) / 7
}

#[test]
fn a_tool_that_is_killed_twenty_times_doubles_and_loses_nothing() {
    let server = Server::start_with(&["--proto-max-bulk-len", "512mb"]);
    let mut connection = server.connect();
    make(&mut connection);
    let project = Project::new(&[&server]);
    project.write("f.csv", &file());
    let mut killed = 0;
    for round in 0..KILLS {
        let goal = (round * ROWS / (KILLS + 4)) + random() % (ROWS / (KILLS + 4));
        let mut tool = begin(&project, &server.url(""));
        eventually("the import comes so far", || {
            taken(&mut connection) >= goal || tool.try_wait().expect("the tool").is_some()
        });
        match tool.try_wait().expect("the tool") {
            None => killed += 1,
            Some(status) => assert!(status.success(), "it came to an end by itself"),
        }
        // Not at a boundary that the server knows of: anywhere in what follows.
        for _ in 0..random() % 3_000 {
            std::hint::spin_loop();
        }
        tool.kill().expect("an end");
        tool.wait().expect("an end");
    }
    assert!(
        killed > KILLS / 2,
        "{killed} runs were ended before their end"
    );
    let last = begin(&project, &server.url(""));
    Run::of(last.wait_with_output().expect("the tool")).done();
    check(&project, &mut connection);
    // Once more has nothing to do.
    Run::of(
        begin(&project, &server.url(""))
            .wait_with_output()
            .expect("the tool"),
    )
    .done();
    check(&project, &mut connection);
}

#[test]
fn a_server_that_is_killed_and_comes_back_doubles_and_loses_nothing() {
    let folder = TempDir::with_prefix("yarr-resume-").expect("a folder");
    let path = folder.path().to_str().expect("UTF-8").to_string();
    let start =
        || Server::start_with(&["--dir", &path, "--appendonly", "yes", "--appendfsync", "no"]);
    let mut server = start();
    make(&mut server.connect());
    let project = Project::new(&[&server]);
    project.write("f.csv", &file());
    for round in 1..=5 {
        let goal = round * ROWS / 7 + random() % (ROWS / 7);
        let tool = begin(&project, &server.url(""));
        let mut connection = server.connect();
        eventually("the import comes so far", || taken(&mut connection) >= goal);
        server.kill();
        let run = Run::of(tool.wait_with_output().expect("the tool"));
        let said = run.refused(5);
        assert!(said.contains("go on with --resume"), "{said}");
        server = start();
        let mut connection = server.connect();
        eventually("it is loaded", || {
            redis::cmd("PING").exec(&mut connection).is_ok()
        });
    }
    let last = begin(&project, &server.url(""));
    Run::of(last.wait_with_output().expect("the tool")).done();
    check(&project, &mut server.connect());
}

#[test]
fn an_import_that_stopped_wants_to_be_told_what_to_do() {
    let server = Server::start();
    make(&mut server.connect());
    let project = Project::new(&[&server]);
    project.write("f.csv", "n,code\n1,a\n2,b\nx,c\n4,d\n");
    let stopped = project.yarr("import t f.csv");
    let said = stopped.refused(5);
    for part in [
        "f.csv: line 4, column 'n': expected a 64-bit integer, found 'x'",
        "2 records were imported, up to line 3",
        "--resume",
        "--rejects",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let again = project.yarr("import t f.csv");
    assert!(
        again.refused(2).contains("stopped behind line 3"),
        "{again:?}"
    );
    // The part that is in is another: it is not that file.
    project.write("f.csv", "n,code\n1,a\n2,z\n3,c\n4,d\n");
    let other = project.yarr("import t f.csv --resume");
    assert!(other.refused(2).contains("is not the file"), "{other:?}");
    project.write("f.csv", "n,code\n1,a\n2,b\n3,c\n4,d\n");
    project.yarr("import t f.csv --resume").done();
    let count: u64 = redis::cmd("YARR.WHERE")
        .arg("t")
        .arg(&["*", "COUNT"])
        .query(&mut server.connect())
        .expect("a count");
    assert_eq!(count, 4);
    let stale = project.yarr("import t f.csv --rejects bad");
    assert_eq!(stale.code, 0, "{stale:?}");
    assert!(stale.stdout.contains("4 set aside"), "{stale:?}");
    let kept = project.yarr("import t f.csv --rejects bad");
    assert!(kept.refused(2).contains("has something in it"), "{kept:?}");
}

#[test]
fn a_file_that_has_grown_is_taken_on_from_where_it_ended() {
    let server = Server::start();
    let mut connection = server.connect();
    make(&mut connection);
    let project = Project::new(&[&server]);
    project.write("f.csv", "n,code\n1,a\n2,b\n");
    for (text, created) in [
        ("n,code\n1,a\n2,b\n", 2),
        ("n,code\n1,a\n2,b\n3,c\n", 1),
        ("n,code\n1,a\n2,b\n3,c\n", 0),
    ] {
        project.write("f.csv", text);
        let run = project.yarr("import t f.csv --resume");
        assert!(
            run.done()
                .starts_with(&format!("{created} records imported")),
            "{run:?}"
        );
    }
    project.write("f.csv", "n,code\n7,z\n");
    let other = project.yarr("import t f.csv --resume");
    assert!(other.refused(2).contains("is not the file"), "{other:?}");
}

#[test]
fn two_imports_at_once_double_nothing() {
    let server = Server::start();
    let mut connection = server.connect();
    redis::cmd("YARR.MIGRATE")
        .arg("t")
        .arg(&["UP", "1", "create", "ADD", "FIELD", "n", "INTEGER"])
        .exec(&mut connection)
        .expect("a table");
    let project = Project::new(&[&server]);
    let rows: String = (0..ROWS).map(|n| format!("{n}\n")).collect();
    project.write("f.csv", &format!("n\n{rows}"));
    let start = || {
        let mut command = project.command(&["import", "t", "f.csv", "--resume", "--batch", "50"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool")
    };
    let tools = [start(), start(), start()];
    for tool in tools {
        let run = Run::of(tool.wait_with_output().expect("the tool"));
        // Each may be overtaken, and one may come when all is done.
        assert!(
            run.code == 0 || run.stderr.contains("another import of this file"),
            "{run:?}"
        );
    }
    Run::of(start().wait_with_output().expect("the tool")).done();
    let run = project.yarr("export t --fields n");
    let mut found: Vec<u64> = run
        .done()
        .lines()
        .skip(1)
        .map(|n| n.parse().expect("n"))
        .collect();
    found.sort_unstable();
    assert!(found.into_iter().eq(0..ROWS), "a record is lost or doubled");
}

#[test]
fn a_server_without_memory_stops_an_import_that_goes_on_when_it_has_some() {
    let server = Server::start();
    let mut connection = server.connect();
    make(&mut connection);
    let project = Project::new(&[&server]);
    let rows: String = (0..ROWS).map(|n| format!("{n},c{n}\n")).collect();
    project.write("f.csv", &format!("n,code\n{rows}"));
    let limit = |bytes: &str, connection: &mut Connection| {
        redis::cmd("CONFIG")
            .arg(&["SET", "maxmemory", bytes])
            .exec(connection)
            .expect("a limit");
    };
    limit("4mb", &mut connection);
    let run = project.yarr("import t f.csv --resume");
    let said = run.refused(5);
    assert!(
        said.contains("OOM") && said.contains("go on with --resume"),
        "{said}"
    );
    limit("0", &mut connection);
    project.yarr("import t f.csv --resume").done();
    let run = project.yarr("export t --fields n,code");
    assert!(
        run.done().strip_prefix("n,code\n") == Some(&rows),
        "the records are others"
    );
}

#[test]
fn a_packed_file_that_is_cut_off_goes_on_when_it_is_whole() {
    let server = Server::start();
    let mut connection = server.connect();
    make(&mut connection);
    let project = Project::new(&[&server]);
    let rows: String = (0..ROWS).map(|n| format!("{n},c{n}\n")).collect();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, format!("n,code\n{rows}").as_bytes()).expect("memory");
    let packed = packer.finish().expect("memory");
    let path = project.path().join("f.csv");
    std::fs::write(&path, &packed[..packed.len() - 5_000]).expect("a file");
    let run = project.yarr("import t f.csv");
    assert!(run.refused(5).contains("cannot read f.csv"), "{run:?}");
    std::fs::write(&path, &packed).expect("a file");
    project.yarr("import t f.csv --resume").done();
    let run = project.yarr("export t --fields n,code");
    assert!(
        run.done().strip_prefix("n,code\n") == Some(&rows),
        "the records are others"
    );
}
