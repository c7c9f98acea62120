//! Two runs at once, several servers, one of them down.

use std::{process::Stdio, thread};

use redis::Commands;

use crate::harness::{Project, Run, Server, eventually};

#[test]
fn two_runs_at_once_do_the_work_once() {
    let server = Server::start();
    let mut con = server.connect();
    for n in 0..500 {
        let () = con.set(format!("n:{n}"), 0).unwrap();
    }
    let project = Project::new(&[&server]);
    for version in 1..=5 {
        let text = format!(
            "up\n  table t{version}\n    ADD FIELD a STRING\n  redis\n    INCR count\n  \
             for each key matching 'n:*' batch 10\n    INCR {{key}}\n  end\ndown\n"
        );
        project.migration(&format!("{version}_count"), &text);
    }
    let runs: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| project.yarr("migrate")))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let done: usize = runs
        .iter()
        .map(|run| run.done().matches(" up ").count())
        .sum();
    assert_eq!(done, 5, "{runs:?}");
    assert_eq!(con.get("count"), Ok(5));
    for n in 0..500 {
        assert_eq!(con.get(format!("n:{n}")), Ok(5));
    }
}

#[test]
fn nothing_is_done_anywhere_while_a_server_is_down() {
    let (first, mut second) = (Server::start(), Server::start());
    let project = Project::new(&[&first, &second]);
    project.migration("1_a", "up\n  redis\n    INCR n\ndown\n");
    second.kill();
    let name = format!("error: 127.0.0.1:{}: ", second.port());
    for line in [
        "migrate",
        "status",
        "check",
        "diff",
        "version",
        "unlock",
        "migrate --dry-run",
    ] {
        let run = project.yarr(line);
        assert!(run.refused(3).starts_with(&name), "{line}: {run:?}");
        assert_eq!(run.stdout, "", "{line}");
    }
    assert_eq!(first.connect().exists("n"), Ok(false));
    // The one that is there may be named.
    let one = format!("migrate --server 127.0.0.1:{}", first.port());
    project.yarr(&one).done();
    assert_eq!(first.connect().get("n"), Ok(1));
}

#[test]
fn a_failure_in_the_middle_stops_there_and_says_so() {
    let (first, second) = (Server::start(), Server::start());
    let project = Project::new(&[&first, &second]);
    let (one, other) = (
        format!("127.0.0.1:{}", first.port()),
        format!("127.0.0.1:{}", second.port()),
    );
    for version in 1..=3 {
        project.migration(
            &format!("{version}_a"),
            "up\n  redis\n    RPUSH list x\ndown\n",
        );
    }
    let () = second.connect().set("text", 1).unwrap();
    project.migration("2_a", "up\n  redis\n    LPUSH text y\ndown\n");
    let run = project.yarr("migrate");
    let said = run.refused(5);
    let (head, tail) = said.split_once('\n').unwrap();
    assert!(
        head.starts_with(&format!("error: {other}: migration 2 a: `LPUSH text y`: ")),
        "{said}"
    );
    assert_eq!(
        tail,
        format!(
            "  {one}: done: up 1, up 2, up 3\n  {other}: done: up 1\n  {other}: not done: up 2, up 3\n\
             Run it again when the cause is mended: it goes on where it stopped.\n"
        )
    );
    assert_eq!(run.stdout.matches(" up ").count(), 4, "{run:?}");
    let () = second.connect().del("text").unwrap();
    let again = project.yarr("migrate");
    assert_eq!(again.done().matches(&other).count(), 2, "{again:?}");
    assert_eq!(project.yarr("check").code, 0);
    assert_eq!(
        (first.connect().llen("list"), second.connect().llen("list")),
        (Ok(2), Ok(2))
    );

    // Where the first step of all is refused, nothing was done.
    project.migration("4_a", "up\n  redis\n    NO such\ndown\n");
    let run = project.yarr("migrate");
    assert!(
        run.refused(4).starts_with(&format!("error: {one}: ")),
        "{run:?}"
    );
    assert!(run.stderr.contains("unknown command"), "{run:?}");
    assert!(!run.stderr.contains("not done"), "{run:?}");
    let json = project.yarr("migrate --json");
    let document: serde_json::Value = serde_json::from_str(json.refused(4)).unwrap();
    assert_eq!(document["error"]["kind"], "refused");
    assert_eq!(json.stdout, "");
}

#[test]
fn a_server_without_the_module_gets_no_tables() {
    let (first, second) = (Server::start(), Server::start_plain());
    let project = Project::new(&[&first, &second]);
    project.migration("1_a", "up\n  redis\n    INCR n\ndown\n");
    project.yarr("migrate").done();
    project.migration("2_b", "up\n  table t\n    ADD FIELD a STRING\n");
    let expected = format!(
        "error: 127.0.0.1:{}: the server has no YARR module: load libyarr.so by loadmodule\n",
        second.port()
    );
    assert_eq!(project.yarr("migrate").refused(4), expected);
    assert_eq!(first.connect().exists("t"), Ok(false));
}

#[test]
fn a_server_that_hangs_is_not_waited_for_for_ever() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let text = project.read("yarr.toml");
    project.write("yarr.toml", &format!("timeout = \"100ms\"\n{text}"));
    server.freeze();
    let run = project.yarr("status");
    server.thaw();
    let name = format!("error: 127.0.0.1:{}: ", server.port());
    assert!(run.refused(3).starts_with(&name), "{run:?}");
}

#[test]
fn a_connection_that_breaks_leaves_nothing_half_done() {
    const KEYS: usize = 2_000;
    let (first, second) = (Server::start(), Server::start());
    let mut con = second.connect();
    for n in 0..KEYS {
        let () = con.set(format!("n:{n}"), 0).unwrap();
    }
    let project = Project::new(&[&first, &second]);
    project.migration(
        "1_a",
        "up\n  for each key matching 'n:*' batch 2\n    INCR {key}\n    INCR turns\n  end\ndown\n",
    );
    let mut run = project
        .command(&["migrate"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("some keys are done", || {
        run.try_wait().unwrap().is_some()
            || con.get::<_, Option<usize>>("turns").unwrap() > Some(20)
    });
    // All connections but this one.
    let killed: i64 = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "normal"])
        .query(&mut con)
        .unwrap();
    assert_eq!(killed, 1);
    let run = Run::of(run.wait_with_output().unwrap());
    let said = run.refused(5);
    assert!(
        said.contains(&format!("127.0.0.1:{}: done: up 1", first.port())),
        "{said}"
    );
    assert!(
        said.contains(&format!("127.0.0.1:{}: begun: up 1", second.port())),
        "{said}"
    );
    project.yarr("unlock").done();
    project.yarr("migrate").done();
    assert_eq!(con.get("turns"), Ok(KEYS));
    for n in 0..KEYS {
        assert_eq!(con.get(format!("n:{n}")), Ok(1));
    }
}
