//! Hashes that are there already, in the layouts of several libraries, as records of a table.

use redis::Connection;
use serde_json::Value as Json;

use crate::harness::{Project, Run, Server, eventually};

/// Sends commands, one a line; `~` stands for a blank within a word, `''` for nothing.
fn send(lines: &str, connection: &mut Connection) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line
            .split(' ')
            .map(|word| word.replace('~', " ").replace("''", ""));
        let mut command = redis::cmd(&words.next().expect("a command"));
        command.arg(words.collect::<Vec<_>>());
        command
            .exec(connection)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

fn rows(line: &str, connection: &mut Connection) -> Vec<Vec<Option<String>>> {
    let mut words = line.split(' ');
    redis::cmd(words.next().expect("a command"))
        .arg(words.collect::<Vec<_>>())
        .query(connection)
        .expect("rows")
}

fn row(values: &[&str]) -> Vec<Option<String>> {
    values
        .iter()
        .map(|value| (*value != "null").then(|| value.to_string()))
        .collect()
}

fn json(run: &Run) -> Json {
    let last = run
        .stdout
        .lines()
        .last()
        .unwrap_or_else(|| panic!("{run:?}"));
    serde_json::from_str(last).expect("JSON")
}

fn started() -> (Server, Project, Connection) {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let connection = server.connect();
    (server, project, connection)
}

#[test]
fn hashes_become_records_and_go_when_told() {
    let (_server, project, mut connection) = started();
    send(
        "HMSET user:1 name Ann age 30 plan pro
         HMSET user:2 name Bob~B. age 40 plan free note x
         HMSET user:3 name Cy age many
         HMSET user:x name Dee age 1
         SADD user:1:friends 2
         SET user:count 3
         PEXPIREAT user:2 4000000000000",
        &mut connection,
    );
    // What does not fit has no say where the type is said by hand.
    send(
        "YARR.MIGRATE user UP 1 create ADD FIELD name STRING ADD FIELD age INTEGER ADD FIELD plan STRING ADD FIELD note STRING",
        &mut connection,
    );
    let run = project.run(&["adopt", "user:*", "--table", "user", "--json"]);
    let document = json(&run);
    assert_eq!(run.code, 1, "{run:?}");
    for (key, count) in [
        ("hashes", 4),
        ("adopted", 2),
        ("failed", 2),
        ("other", 2),
        ("records", 2),
    ] {
        assert_eq!(document[key], count, "{key}: {run:?}");
    }
    for part in [
        "user:3 passed over: field 'age': expected a 64-bit integer, found 'many'",
        "user:x passed over: field 'id': expected a 64-bit integer, found 'x'",
        "user:1:friends passed over: expected a hash, found a set",
        "user:count passed over: expected a hash, found a string",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    let ask = "YARR.WHERE user * ORDER BY id PLUCK id name age plan note";
    assert_eq!(
        rows(ask, &mut connection),
        [
            row(&["1", "Ann", "30", "pro", "null"]),
            row(&["2", "Bob B.", "40", "free", "x"])
        ]
    );
    let expiry = rows(
        "YARR.WHERE user id = 2 PLUCK id expires_at",
        &mut connection,
    );
    let at: i64 = expiry[0][1]
        .as_ref()
        .expect("an expiry")
        .parse()
        .expect("a time");
    assert!((at - 4_000_000_000_000).abs() < 1_000, "{at}");

    // What has changed comes along the next time, a field that is gone too.
    send(
        "HMSET user:1 age 31
          HDEL user:2 note
          PERSIST user:2
          HMSET user:3 age 50
          DEL user:x",
        &mut connection,
    );
    let run = project.run(&["adopt", "user:*", "--table", "user"]);
    assert!(
        run.done().contains("3 of 3 hashes are records of user now"),
        "{run:?}"
    );
    assert_eq!(
        rows(ask, &mut connection)[0],
        row(&["1", "Ann", "31", "pro", "null"])
    );
    assert_eq!(
        rows(ask, &mut connection)[1],
        row(&["2", "Bob B.", "40", "free", "null"])
    );
    assert_eq!(
        rows(
            "YARR.WHERE user id = 2 PLUCK id expires_at",
            &mut connection
        ),
        [row(&["2", "null"])]
    );

    // One hash changes, one record does, and one hash is new.
    send(
        "HMSET user:1 age 32
          YARR.UPDATE user 2 SET age 41
          HMSET user:9 name Eve",
        &mut connection,
    );
    let run = project.run(&["adopt", "user:*", "--table", "user", "--delete-originals"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("2 hashes deleted, 2 stay"), "{run:?}");
    assert!(
        run.stderr
            .contains("user:1 stays: it has changed since it was adopted"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("user:9 stays: it has no record"),
        "{run:?}"
    );
    let mut left: Vec<String> = redis::cmd("KEYS")
        .arg("user:*")
        .query(&mut connection)
        .expect("keys");
    left.sort();
    assert_eq!(left, ["user:1", "user:1:friends", "user:9", "user:count"]);
    // The record that has moved on stays as it is.
    assert_eq!(
        rows(ask, &mut connection)[1],
        row(&["2", "Bob B.", "41", "free", "null"])
    );
}

#[test]
fn nothing_is_deleted_that_was_not_adopted() {
    let (_server, project, mut connection) = started();
    send("HMSET user:1 name Ann", &mut connection);
    send(
        "YARR.MIGRATE user UP 1 create ADD FIELD name STRING",
        &mut connection,
    );
    let run = project.run(&["adopt", "user:*", "--table", "user", "--delete-originals"]);
    assert!(
        run.refused(2).contains("nothing was adopted from 'user:*'"),
        "{run:?}"
    );
    for (words, part) in [
        (
            &["adopt", "user:?", "--table", "user"][..],
            "expected a pattern such as 'user:*'",
        ),
        (
            &["adopt", "user:*", "--table", "user", "--id", "{2}"],
            "--id: expected {1} to {1}",
        ),
        (
            &["adopt", "user:*", "--table", "nobody"],
            "there is no table 'nobody'",
        ),
        (
            &["adopt", "cart:*", "--table", "cart", "--create"],
            "expected hashes whose keys match 'cart:*', found none",
        ),
        (
            &["adopt", "user:*", "--table", "user", "--create"],
            "is there already",
        ),
    ] {
        let run = project.run(words);
        assert!(run.refused(2).contains(part), "{words:?}: {run:?}");
    }
}

#[test]
fn records_of_ohm_bring_their_counters() {
    let (_server, project, mut connection) = started();
    // As Ohm's save.lua leaves them.
    send(
        "SET User:id 2
         SADD User:all 1 2
         HMSET User:1 name Ann email ann@example.com created_at 1577836800
         HMSET User:2 name Bob email bob@example.com created_at 1577836801
         HMSET User:uniques:email ann@example.com 1 bob@example.com 2
         SADD User:indices:name:Ann 1
         SADD User:1:_indices User:indices:name:Ann
         HMSET User:1:_uniques User:uniques:email ann@example.com
         HMSET User:1:counters visits 7
         SADD User:1:posts 1 2",
        &mut connection,
    );
    let run = project.run(&[
        "adopt", "User", "--table", "user", "--layout", "ohm", "--create", "--yes",
    ]);
    assert!(
        run.done().contains("2 of 2 hashes are records of user now"),
        "{run:?}"
    );
    let found = rows(
        "YARR.WHERE user * ORDER BY id PLUCK id name email visits created_at",
        &mut connection,
    );
    assert_eq!(
        found,
        [
            row(&["1", "Ann", "ann@example.com", "7", "1577836800000"]),
            row(&["2", "Bob", "bob@example.com", "null", "1577836801000"]),
        ]
    );
    let run = project.run(&[
        "adopt",
        "User",
        "--table",
        "user",
        "--layout",
        "ohm",
        "--delete-originals",
        "--json",
    ]);
    run.done();
    assert_eq!(json(&run)["deleted"], 2);
    let left: Vec<String> = redis::cmd("KEYS")
        .arg("User:?")
        .query(&mut connection)
        .expect("keys");
    assert_eq!(left, [""; 0]);
}

#[test]
fn records_of_redcord_keep_their_times_and_nulls() {
    let (_server, project, mut connection) = started();
    // As Redcord's create_hash leaves them: times in nanoseconds, floats in sixteen digits, nil as nothing.
    send(
        "HMSET UserSession:id:6f9619ff-8b86-4011-b42d-00cf4fc964ff user_id 42 score 1.5000000000000000e+00 note '' created_at 1577836800123456789 updated_at 1577836800123456789 seen_at 1577836800500000000
         HMSET UserSession:id:7f9619ff-8b86-4011-b42d-00cf4fc964ff user_id 43 score 1.0000000000000001e-01 note x created_at 1577836801000000000 updated_at 1577836801000000000 seen_at ''
         ZADD UserSession:user_id 42 6f9619ff-8b86-4011-b42d-00cf4fc964ff
         SADD UserSession:note:x 7f9619ff-8b86-4011-b42d-00cf4fc964ff
         EXPIRE UserSession:id:7f9619ff-8b86-4011-b42d-00cf4fc964ff 7200",
        &mut connection,
    );
    let run = project.run(&[
        "adopt",
        "UserSession",
        "--table",
        "user_session",
        "--layout",
        "redcord",
        "--create",
        "--yes",
    ]);
    let said = run.done();
    for part in [
        "ID UUID",
        "ADD FIELD user_id INTEGER",
        "ADD FIELD score FLOAT",
        "ADD FIELD seen_at DATETIME",
        "2 of 2 hashes",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let found = rows(
        "YARR.WHERE user_session * ORDER BY id PLUCK user_id score note created_at seen_at",
        &mut connection,
    );
    assert_eq!(
        found,
        [
            row(&["42", "1.5", "null", "1577836800123", "1577836800500"]),
            row(&["43", "0.1", "x", "1577836801000", "null"]),
        ]
    );
    let expiring = rows(
        "YARR.WHERE user_session * ORDER BY id PLUCK user_id expires_at",
        &mut connection,
    );
    assert!(
        expiring[0][1].is_none() && expiring[1][1].is_some(),
        "{expiring:?}"
    );
    project
        .run(&[
            "adopt",
            "UserSession",
            "--table",
            "user_session",
            "--layout",
            "redcord",
            "--delete-originals",
        ])
        .done();
}

#[test]
fn records_of_redis_om_keep_their_ids() {
    let (_server, project, mut connection) = started();
    // As the HashModel of Python and the repository of Node leave them.
    send(
        "HMSET :app.models.Pet:01H5XQ0M8J6Y6W1E8J7K2V3B4C pk 01H5XQ0M8J6Y6W1E8J7K2V3B4C name Rex good 1 born_on 1577836800.25 kinds dog|big
         HMSET :app.models.Pet:01H5XQ0M8J6Y6W1E8J7K2V3B4D pk 01H5XQ0M8J6Y6W1E8J7K2V3B4D name Tom good 0 born_on 1577836800 kinds cat
         SET :app.models.Pet:index:hash abc",
        &mut connection,
    );
    send(
        "YARR.MIGRATE pet UP 1 create ID STRING ADD FIELD name STRING ADD FIELD good BOOLEAN ADD FIELD born_on DATETIME ADD FIELD kinds TAGS",
        &mut connection,
    );
    let run = project.run(&[
        "adopt",
        ":app.models.Pet",
        "--table",
        "pet",
        "--layout",
        "redis-om",
        "--json",
    ]);
    run.done();
    assert_eq!(json(&run)["adopted"], 2);
    assert_eq!(json(&run)["beside"], 1);
    let found = rows(
        "YARR.WHERE pet kinds CONTAINS dog PLUCK id name good born_on SCAN",
        &mut connection,
    );
    assert_eq!(
        found,
        [row(&[
            "01H5XQ0M8J6Y6W1E8J7K2V3B4C",
            "Rex",
            "true",
            "1577836800250"
        ])]
    );
}

#[test]
fn ids_come_from_parts_of_the_key_or_from_a_field() {
    let (_server, project, mut connection) = started();
    send(
        "HMSET shop:a:item:1 sku s-1 price 5
          HMSET shop:b:item:1 sku s-2 price 6",
        &mut connection,
    );
    for (table, id, expected) in [
        ("one", ["--id", "{1}/{2}"], ["a/1", "b/1"]),
        ("two", ["--id-field", "sku"], ["s-1", "s-2"]),
    ] {
        let run = project.run(&[
            "adopt",
            "shop:*:item:*",
            "--table",
            table,
            "--create",
            "--yes",
            id[0],
            id[1],
        ]);
        run.done();
        let found = rows(
            &format!("YARR.WHERE {table} * ORDER BY id PLUCK id price"),
            &mut connection,
        );
        assert_eq!(found, [row(&[expected[0], "5"]), row(&[expected[1], "6"])]);
    }
}

#[test]
fn an_adoption_that_is_killed_is_begun_again() {
    let (server, project, mut connection) = started();
    let mut pipe = redis::pipe();
    for n in 0..20_000 {
        pipe.hset(format!("user:{n}"), "name", format!("n{n}"))
            .ignore();
    }
    pipe.exec(&mut connection).expect("hashes");
    send(
        "YARR.MIGRATE user UP 1 create ADD FIELD name STRING",
        &mut connection,
    );
    for goal in [1_000, 8_000, 15_000] {
        let mut tool = project
            .command(&["adopt", "user:*", "--table", "user"])
            .spawn()
            .expect("the tool");
        let mut own = server.connect();
        eventually("it comes so far", || {
            let count: u64 = redis::cmd("YARR.WHERE")
                .arg("user")
                .arg(&["*", "COUNT"])
                .query(&mut own)
                .expect("a count");
            count >= goal
        });
        tool.kill().expect("an end");
        tool.wait().expect("an end");
    }
    let run = project.run(&["adopt", "user:*", "--table", "user"]);
    assert!(
        run.done()
            .contains("20000 of 20000 hashes are records of user now"),
        "{run:?}"
    );
    let run = project.run(&["adopt", "user:*", "--table", "user", "--delete-originals"]);
    assert!(
        run.done().contains("20000 hashes deleted, 0 stay"),
        "{run:?}"
    );
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query(&mut connection)
        .expect("keys");
    assert_eq!(keys, ["user"]);
}

#[test]
fn the_hashes_of_a_cluster_are_found_on_its_primaries() {
    let own = [
        "--cluster-enabled",
        "yes",
        "--cluster-announce-ip",
        "127.0.0.1",
    ];
    let server = Server::start_with(&own);
    let mut connection = server.connect();
    let slots: Vec<u16> = (0..16_384).collect();
    redis::cmd("CLUSTER")
        .arg("ADDSLOTS")
        .arg(slots)
        .exec(&mut connection)
        .expect("slots");
    eventually("the cluster is up", || {
        let info: String = redis::cmd("CLUSTER")
            .arg("INFO")
            .query(&mut connection)
            .expect("its state");
        info.contains("cluster_state:ok")
    });
    let project = Project::of_urls(&[format!("redis+cluster://127.0.0.1:{}", server.port())]);
    let lines: String = (0..300)
        .map(|n| format!("HMSET user:{n} name n{n}\n"))
        .collect();
    send(&(lines + "SADD user:tags a"), &mut connection);
    send(
        "YARR.MIGRATE user UP 1 create ADD FIELD name STRING",
        &mut connection,
    );
    let run = project.run(&["adopt", "user:*", "--table", "user", "--json"]);
    run.done();
    assert_eq!(json(&run)["adopted"], 300);
    assert_eq!(json(&run)["other"], 1);
    project
        .run(&["adopt", "user:*", "--table", "user", "--delete-originals"])
        .done();
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("user:*")
        .query(&mut connection)
        .expect("keys");
    assert_eq!(keys, ["user:tags"]);
}
