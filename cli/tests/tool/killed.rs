//! Runs that are killed in the middle, and run again.

use std::{
    process::{Child, Stdio},
    thread,
};

use redis::{Commands, Connection};

use crate::harness::{Project, Server, eventually};

fn start(project: &Project) -> Child {
    project
        .command(&["migrate"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool")
}

/// How many keys have had their turn, and how many turns were counted, both at one moment.
fn turns(con: &mut Connection, keys: usize) -> (usize, usize) {
    let script = "local n = 0 for i = 1, ARGV[1] do if redis.call('HEXISTS', 'n:' .. i, 'turns') == 1 then n = n + 1 end end return { n, tonumber(redis.call('GET', 'turns') or 0) }";
    redis::cmd("EVAL")
        .arg(script)
        .arg(0)
        .arg(keys)
        .query(con)
        .unwrap()
}

fn done(con: &mut Connection, keys: usize) -> usize {
    turns(con, keys).0
}

#[test]
fn a_run_that_is_killed_at_ten_places_does_everything_once() {
    const KEYS: usize = 4_000;
    let server = Server::start();
    let mut con = server.connect();
    for n in 1..=KEYS {
        let () = con.hset(format!("n:{n}"), "n", n).unwrap();
    }
    let project = Project::new(&[&server]);
    project.migration(
        "1_all",
        "up\n  redis\n    INCR started\n    INCR started:too\n  table a\n    ADD FIELD x INTEGER\n  \
         for each key matching 'n:*' type hash batch 5\n    HINCRBY {key} turns 1\n    INCR turns\n  end\n  \
         table b\n    ADD FIELD y STRING\n  redis\n    INCR ended\ndown\n",
    );
    let mut killed = 0;
    for place in 0..10 {
        // Far enough from the end that a busy machine does not miss it.
        let threshold = KEYS * place / 16;
        let mut run = start(&project);
        eventually("the run has come so far", || {
            let over = run.try_wait().unwrap().is_some();
            over || (con.exists("started").unwrap() && done(&mut con, KEYS) >= threshold)
        });
        run.kill().unwrap();
        killed += usize::from(!run.wait().unwrap().success());
        // Whatever the place: what is noted is done, and what is done is noted.
        let (keys, counted) = turns(&mut con, KEYS);
        assert_eq!(keys, counted);
        let freed = project.yarr("unlock");
        assert_eq!(freed.table().len(), 2);
    }
    assert_eq!(killed, 10);
    let status = project.yarr("status");
    assert!(status.done().contains("half up (2/5)"), "{status:?}");
    project.yarr("migrate").done();
    for key in ["started", "started:too", "ended"] {
        assert_eq!(con.get(key), Ok(1), "{key}");
    }
    assert_eq!(turns(&mut con, KEYS), (KEYS, KEYS));
    assert_eq!(project.yarr("check").code, 0);
    assert_eq!(con.exists("{yarr}:migrations:keys"), Ok(false));
}

#[test]
fn a_run_that_is_killed_while_an_index_is_built_finds_it_built() {
    let server = Server::start_with(&["max-inline-records", "10"]);
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    project.migration(
        "1_make",
        "up\n  table t\n    ADD FIELD n INTEGER\n    TIMESTAMPS OFF\n",
    );
    project.yarr("migrate").done();
    for chunk in (0..300_000).collect::<Vec<i64>>().chunks(10_000) {
        let mut create = redis::cmd("YARR.CREATE");
        create
            .arg("t")
            .arg("FIELDS")
            .arg(1)
            .arg("n")
            .arg("VALUES")
            .arg(chunk);
        create.exec(&mut con).unwrap();
    }
    project.migration(
        "2_index",
        "up\n  table t\n    ADD INDEX n\n  redis\n    INCR indexed\ndown\n",
    );
    let mut run = start(&project);
    let lines = |con: &mut Connection| {
        let history: redis::Value = redis::cmd("YARR.SCHEMA")
            .arg("t")
            .arg("HISTORY")
            .query(con)
            .unwrap();
        history.into_sequence().unwrap().len()
    };
    eventually("the index is begun", || lines(&mut con) == 2);
    run.kill().unwrap();
    run.wait().unwrap();
    project.yarr("unlock").done();
    project.yarr("migrate").done();
    assert_eq!((lines(&mut con), con.get("indexed")), (2, Ok(1)));
    let count: i64 = redis::cmd("YARR.WHERE")
        .arg(&["t", "n", ">=", "0", "COUNT"])
        .query(&mut con)
        .unwrap();
    assert_eq!(count, 300_000);
}

#[test]
fn a_lock_ends_with_its_lease() {
    let server = Server::start();
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    project.migration("1_a", "up\n  redis\n    INCR n\ndown\n");
    let lock = "{yarr}:migrations:lock";
    let () = con.set(lock, "0 somebody who is gone").unwrap();
    let expected = format!(
        "127.0.0.1:{0}: waiting for the lock, which is held by somebody who is gone\n\
         error: 127.0.0.1:{0}: the lock '{lock}' is held by somebody who is gone: wait until that run is over, or free the \
         lock where it is dead\n",
        server.port()
    );
    assert_eq!(project.yarr("migrate --wait 50ms").refused(4), expected);
    assert_eq!(con.exists("n"), Ok(false));
    let () = con.pexpire(lock, 300).unwrap();
    project.yarr("migrate").done();
    assert_eq!(con.get("n"), Ok(1));
    let () = con.set(lock, "0 somebody").unwrap();
    let freed = project.yarr("unlock");
    assert!(freed.done().contains("somebody"));
    assert_eq!(con.exists(lock), Ok(false));
}

#[test]
fn a_run_whose_lock_is_taken_stops() {
    const KEYS: usize = 3_000;
    let server = Server::start();
    let mut con = server.connect();
    for n in 1..=KEYS {
        let () = con.hset(format!("n:{n}"), "n", n).unwrap();
    }
    let project = Project::new(&[&server]);
    project.migration(
        "1_a",
        "up\n  for each key matching 'n:*' batch 2\n    HINCRBY {key} turns 1\n  end\ndown\n",
    );
    let run = project
        .command(&["migrate"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = thread::spawn(move || crate::harness::Run::of(run.wait_with_output().unwrap()));
    eventually("some keys are done", || done(&mut con, KEYS) > 10);
    project.yarr("unlock").done();
    let run = run.join().unwrap();
    assert!(
        run.refused(5)
            .contains("the lock '{yarr}:migrations:lock' was lost"),
        "{run:?}"
    );
    assert!(done(&mut con, KEYS) < KEYS);
    project.yarr("migrate").done();
    let turns: Vec<i64> = (1..=KEYS)
        .map(|n| con.hget(format!("n:{n}"), "turns").unwrap())
        .collect();
    assert!(turns.iter().all(|turns| *turns == 1));
}
