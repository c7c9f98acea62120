//! Migrations in code: once each, by whoever comes first, and back.

use std::{thread, time::Duration};

use yarr_client::{
    Error, Migration, Migrator,
    redis::{self, Commands, Connection},
};
use yarr_client_testing::Server;

use crate::sample::database;

fn first() -> Migration {
    Migration::new(1, "create_job")
        .table("job", "ADD FIELD priority INTEGER INDEX TIMESTAMPS OFF")
        .command(["INCR", "started"])
        .down_command(["DEL", "started"])
}

fn second() -> Migration {
    let text = "up\ntable job\nADD FIELD task STRING DEFAULT 'a b'\nredis\nAPPEND log two\ndown\ndrop data\nredis\nAPPEND log down";
    Migration::parse("2_add_task.yarr", text).unwrap()
}

fn applied(migrator: &Migrator, connection: &mut Connection) -> Vec<bool> {
    migrator
        .status(connection)
        .unwrap()
        .iter()
        .map(|status| status.applied)
        .collect()
}

#[test]
fn versions_go_up_once_and_down_again() {
    for protocol in ["resp2", "resp3"] {
        let mut connection = database(protocol).get_connection().unwrap();
        let con = &mut connection;
        assert_eq!(Migrator::new().with(first()).up(con).unwrap(), [1]);
        let migrator = Migrator::new().with(second()).with(first());
        assert_eq!(applied(&migrator, con), [true, false]);
        assert_eq!(migrator.up(con).unwrap(), [2]);
        assert_eq!(migrator.up(con).unwrap(), [0; 0]);
        assert_eq!(
            (con.get("started"), con.get("log")),
            (Ok(1), Ok("two".to_string()))
        );
        let schema: Vec<String> = redis::cmd("YARR.SCHEMA").arg("job").query(con).unwrap();
        assert!(
            schema.contains(&"ADD FIELD task STRING DEFAULT \"a b\"".to_string()),
            "{schema:?}"
        );
        redis::cmd("YARR.CREATE").arg("job").exec(con).unwrap();

        assert_eq!(migrator.down(con).unwrap(), Some(2));
        assert_eq!(con.get("log"), Ok("twodown".to_string()));
        assert_eq!(applied(&migrator, con), [true, false]);
        // The way down from here would throw the priorities away, which is not permitted.
        let refused = migrator.down(con);
        assert!(matches!(refused, Err(Error::BadValue(_))), "{refused:?}");
        assert_eq!(
            Migrator::new()
                .with(first().down_drops_data())
                .down(con)
                .unwrap(),
            Some(1)
        );
        assert_eq!(migrator.down(con).unwrap(), None);
        assert_eq!(con.get("started"), Ok(None::<i64>));
        redis::cmd("DEL").arg("job").exec(con).unwrap();
        let stranger = Migrator::new().with(first()).keys("mine");
        assert_eq!(stranger.up(con).unwrap(), [1]);
        assert_eq!(con.smembers("mine"), Ok(vec!["1".to_string()]));
    }
}

#[test]
fn ten_processes_that_start_at_once_do_the_work_once() {
    let client = database("resp3");
    let threads: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || {
                let mut connection = client.get_connection().unwrap();
                let migrator = Migrator::new().with(first()).with(second());
                let done = migrator.up(&mut connection).unwrap();
                // Whoever comes back finds everything done.
                assert_eq!(applied(&migrator, &mut connection), [true, true]);
                done.len()
            })
        })
        .collect();
    let done: usize = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    let mut connection = client.get_connection().unwrap();
    assert_eq!((done, connection.get("started")), (2, Ok(1)));
    assert_eq!(connection.get("log"), Ok("two".to_string()));
    assert_eq!(connection.exists("{yarr}:migrations:lock"), Ok(false));
}

#[test]
fn what_was_done_and_not_noted_is_found_done() {
    let mut connection = database("resp2").get_connection().unwrap();
    let con = &mut connection;
    let migrator = Migrator::new().with(first());
    // As after a crash between the table and its note.
    let operations = [
        "ADD",
        "FIELD",
        "priority",
        "INTEGER",
        "INDEX",
        "TIMESTAMPS",
        "OFF",
    ];
    redis::cmd("YARR.MIGRATE")
        .arg("job")
        .arg("UP")
        .arg(1)
        .arg("create_job")
        .arg(&operations)
        .exec(con)
        .unwrap();
    assert_eq!(migrator.up(con).unwrap(), [1]);
    // As after a crash on the way down, before that was noted.
    redis::cmd("YARR.MIGRATE")
        .arg("job")
        .arg("DOWN")
        .arg(1)
        .exec(con)
        .unwrap();
    assert_eq!(migrator.down(con).unwrap(), Some(1));
    for key in ["", ":notes", ":steps", ":keys", ":lock"] {
        assert_eq!(con.exists(format!("{{yarr}}:migrations{key}")), Ok(false));
    }
}

#[test]
fn what_is_refused_is_not_noted() {
    let mut connection = database("resp3").get_connection().unwrap();
    let con = &mut connection;
    let () = con.set("text", "x").unwrap();
    let wrong = Migration::new(1, "wrong")
        .command(["SET", "done", "1"])
        .command(["LPUSH", "text", "y"]);
    let refused = Migrator::new().with(wrong).up(con);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.starts_with("migration 1 wrong: `LPUSH text y`: ") && refused.contains("WRONGTYPE"),
        "{refused}"
    );
    let unknown = Migration::new(1, "unknown")
        .command(["SET", "other", "1"])
        .command(["NO", "SUCH"]);
    let refused = Migrator::new().with(unknown).up(con);
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(con.exists("other"), Ok(false));
    let quoted = Migration::new(1, "quoted").table("t", "ADD FIELD a STRING DEFAULT \"b");
    let refused = Migrator::new()
        .with(quoted)
        .up(con)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("migration 1 quoted: 1:28: expected the quote that ends this word"),
        "{refused}"
    );
    let twice = Migrator::new().with(first()).with(first()).up(con);
    assert!(matches!(twice, Err(Error::Migration(_))), "{twice:?}");
    assert_eq!(con.exists("{yarr}:migrations"), Ok(false));
    assert_eq!(con.exists("{yarr}:migrations:lock"), Ok(false));
}

#[test]
fn a_lock_that_is_lost_stops_the_work_and_is_left_to_its_holder() {
    let client = database("resp2");
    let mut connection = client.get_connection().unwrap();
    let con = &mut connection;
    // Somebody holds the lock who is gone: its lease ends and the next one goes on.
    let lock = "{yarr}:migrations:lock";
    let () = con.pset_ex(lock, "somebody", 200).unwrap();
    let wait = Migration::new(1, "wait").command(["SET", "slow", "1"]);
    assert_eq!(Migrator::new().with(wait).up(con).unwrap(), [1]);

    // A lease that ends while a command takes its time.
    let long = "for i = 1, 5e7 do end";
    let slow = Migration::new(2, "slow")
        .command(["EVAL", long, "0"])
        .command(["INCR", "slowly"]);
    let table = Migration::new(3, "late").table("late", "ADD FIELD a STRING");
    let migrator = Migrator::new()
        .with(slow)
        .with(table)
        .lease(Duration::from_millis(10));
    let result = migrator.up(con);
    assert!(
        matches!(&result, Err(Error::Migration(text)) if text.contains("lock")),
        "{result:?}"
    );
    assert_eq!(con.exists("late"), Ok(false));
    let left = migrator
        .clone()
        .lease(Duration::from_secs(30))
        .up(con)
        .unwrap();
    assert!(left.ends_with(&[3]), "{left:?}");
    assert_eq!(con.get("slowly"), Ok(1));
    assert_eq!(applied(&migrator, con), [true, true, true]);
}

#[test]
fn a_migration_that_goes_on_between_commands_is_waited_for() {
    let server = Server::start_with(&["max-inline-records", "10"]);
    let mut connection = server.connect();
    let con = &mut connection;
    let base = Migrator::new()
        .with(Migration::new(1, "make").table("t", "ADD FIELD n INTEGER TIMESTAMPS OFF"));
    base.up(con).unwrap();
    for chunk in (0..100_000).collect::<Vec<i64>>().chunks(10_000) {
        let mut create = redis::cmd("YARR.CREATE");
        create
            .arg("t")
            .arg("FIELDS")
            .arg(1)
            .arg("n")
            .arg("VALUES")
            .arg(chunk)
            .exec(con)
            .unwrap();
    }
    let index = base
        .clone()
        .with(Migration::new(2, "index").table("t", "ADD INDEX n"));
    let mut other = server.connect();
    let waiting = thread::spawn({
        let index = index.clone();
        move || index.up(&mut other).unwrap()
    });
    let done = [index.up(con).unwrap(), waiting.join().unwrap()].concat();
    assert_eq!(done, [2]);
    let count: i64 = redis::cmd("YARR.WHERE")
        .arg(&["t", "n", ">=", "0", "COUNT"])
        .query(con)
        .unwrap();
    assert_eq!(count, 100_000);

    redis::cmd("YARR.UPDATE")
        .arg(&["t", "5", "SET", "n", "99999"])
        .exec(con)
        .unwrap();
    let unique =
        index.with(Migration::new(3, "unique").table("t", "REMOVE INDEX n ADD INDEX n UNIQUE"));
    // Before Redis 6 it is the command itself that fails.
    match unique.up(con).unwrap_err() {
        Error::Duplicate(_) => {}
        error => assert!(
            error
                .to_string()
                .contains("migration 3 unique: table 't': FAILED"),
            "{error}"
        ),
    }
    assert_eq!(applied(&unique, &mut server.connect()), [true, true, false]);
}
