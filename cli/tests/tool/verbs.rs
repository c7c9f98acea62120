//! The verbs one after the other, on one server.

use redis::Commands;

use crate::harness::{Project, Server};

const SESSIONS: &str = "\
up
  table user_session
    ADD FIELD user_id INTEGER INDEX
    ADD FIELD session_id STRING UNIQUE
    SET TTL 7200 PASSIVE
  redis
    SET feature:sessions on
down
  redis
    DEL feature:sessions
";

const USERS: &str = "\
up
  for each key matching 'user:*' type hash batch 3
    HSETNX {key} plan free
    RENAME {key} account:{1}
  end
down
  for each key matching 'account:*'
    RENAME {key} user:{1}
  end
";

const LEVEL: &str =
    "up\n  table user_session\n    ADD FIELD level INTEGER DEFAULT 1\ndown\n  drop data\n";

/// Without the columns of times: those differ from run to run.
fn rows(run: &crate::harness::Run, columns: usize) -> Vec<String> {
    let table = run.table();
    table
        .iter()
        .map(|row| row[..columns.min(row.len())].join(" "))
        .collect()
}

#[test]
fn a_project_goes_up_and_down_and_says_where_it_is() {
    let server = Server::start();
    let mut con = server.connect();
    for n in 0..10 {
        let () = con.hset(format!("user:{n}"), "n", n).unwrap();
    }
    let () = con.set("user:text", "none of these").unwrap();
    let project = Project::new(&[&server]);
    let name = format!("127.0.0.1:{}", server.port());
    let with = |rows: &[&str]| {
        rows.iter()
            .map(|row| row.replace("@", &name))
            .collect::<Vec<_>>()
    };

    let empty = project.yarr("migrate");
    assert!(empty.done().starts_with("Finished in 0."), "{empty:?}");
    assert_eq!(empty.stderr, "nothing to do\n");
    assert_eq!(project.yarr("check").code, 0);

    project.migration("20200504000000_create_user_session", SESSIONS);
    project.migration("20200505000000_rename_users", USERS);
    let check = project.yarr("check");
    assert_eq!(check.code, 1);
    assert_eq!(check.stdout.lines().count(), 3, "{check:?}");
    let plan = project.yarr("migrate --dry-run");
    assert_eq!(
        rows(&plan, 20),
        with(&[
            "redis direction version migration step result",
            "@ up 20200504000000 create_user_session table user_session OK, makes the table",
            "@ up 20200504000000 create_user_session redis 1 command",
            "@ up 20200505000000 rename_users for each key matching user:* 11 keys",
        ])
    );
    assert_eq!(con.exists("user_session"), Ok(false));

    let first = project.yarr("migrate --to 20200504000000");
    assert_eq!(
        rows(&first, 4),
        with(&[
            "redis direction version migration",
            "@ up 20200504000000 create_user_session",
            &first
                .stdout
                .lines()
                .last()
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        ])
    );
    assert!(
        first
            .stdout
            .lines()
            .last()
            .unwrap()
            .starts_with("Finished in 0.")
    );
    assert_eq!(con.get("feature:sessions"), Ok("on".to_string()));
    project.yarr("up 20200505000000").done();
    assert_eq!(
        con.hgetall("account:7"),
        Ok(vec![
            "n".to_string(),
            "7".into(),
            "plan".into(),
            "free".into()
        ])
    );
    assert_eq!(con.get("user:text"), Ok("none of these".to_string()));
    assert_eq!(project.yarr("check").done(), "");
    assert_eq!(
        rows(&project.yarr("status"), 4),
        with(&[
            "redis status version migration",
            "@ up 20200504000000 create_user_session",
            "@ up 20200505000000 rename_users",
        ])
    );
    assert_eq!(
        rows(&project.yarr("version"), 3),
        with(&["redis version migration", "@ 20200505000000 rename_users"])
    );
    let set: Vec<String> = con.smembers("{yarr}:migrations").unwrap();
    assert_eq!(set.len(), 2);
    // Nothing of a run is left behind.
    for key in [":lock", ":steps", ":keys"] {
        assert_eq!(
            con.exists(format!("{{yarr}}:migrations{key}")),
            Ok(false),
            "{key}"
        );
    }

    let redone = project.yarr("redo --json");
    let documents: Vec<serde_json::Value> = redone
        .done()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |at: usize, key: &str| documents[at][key].to_string();
    assert_eq!(documents.len(), 2, "{redone:?}");
    assert_eq!(
        (told(0, "direction"), told(1, "direction")),
        ("\"down\"".into(), "\"up\"".into())
    );
    assert_eq!(
        (told(0, "version"), told(1, "migration")),
        ("20200505000000".into(), "\"rename_users\"".into())
    );

    let schema = project.yarr("schema user_session");
    assert_eq!(
        schema.done(),
        "up\n  # version 20200504000000\n  table user_session\n    ADD FIELD user_id INTEGER\n    \
         ADD FIELD session_id STRING\n    ADD INDEX user_id\n    ADD INDEX session_id UNIQUE\n    \
         SET TTL 7200 PASSIVE\n"
    );
    // What is dumped makes the same table.
    project.write(
        "other/db/yarr/1_all.yarr",
        &schema.stdout.replace("table user_session", "table copy"),
    );
    project.write(
        "other/yarr.toml",
        &project
            .read("yarr.toml")
            .replace("environment = ", "set = \"{other}\"\nenvironment = "),
    );
    project.yarr("migrate --config other/yarr.toml").done();
    let copy = project.yarr("schema copy --json");
    let table = project.yarr("schema user_session --json");
    assert_eq!(
        copy.done()
            .replace("copy", "user_session")
            .replace("\"version\":1}", "\"version\":20200504000000}"),
        table.done()
    );

    let diff = project.yarr("diff");
    assert_eq!(
        (diff.code, rows_of(&diff)),
        (
            1,
            with(&[
                "redis what of difference",
                "@ table copy + no file makes it"
            ])
        )
    );
    let () = con.del("copy").unwrap();
    assert_eq!(project.yarr("diff").code, 0);
    project.migration("20200506000000_add_level", LEVEL);
    let diff = project.yarr("diff");
    assert_eq!(
        (diff.code, rows_of(&diff)),
        (
            1,
            with(&[
                "redis what of difference",
                "@ version 20200506000000 add_level pending",
                "@ table user_session - ADD FIELD level INTEGER DEFAULT 1",
            ])
        )
    );
    project.yarr("migrate").done();
    assert_eq!(project.yarr("diff").code, 0);
    redis::cmd("YARR.CREATE")
        .arg("user_session")
        .exec(&mut con)
        .unwrap();
    project.yarr("rollback --steps 2").done();
    assert_eq!(con.exists("user:3"), Ok(true));
    // The way down of the first would throw records' values away, which its file does not permit.
    let refused = project.yarr("down 20200504000000");
    assert!(
        refused.refused(5).contains("say DROP DATA to accept that"),
        "{refused:?}"
    );
    assert!(
        refused
            .stderr
            .contains(&format!("{name}: begun: down 20200504000000")),
        "{refused:?}"
    );
    assert_eq!(
        rows(&project.yarr("status"), 5)[1],
        format!("{name} half down (1/2) 20200504000000")
    );
    let blocked = project.yarr("migrate");
    assert_eq!(
        blocked.refused(2),
        format!(
            "error: {name}: migration 20200504000000 create_user_session: its way down was begun: take it down to the end first\n"
        )
    );
    project.migration(
        "20200504000000_create_user_session",
        &SESSIONS.replace("down\n", "down\n  drop data\n"),
    );
    project.yarr("rollback").done();
    assert_eq!(con.exists("{yarr}:migrations"), Ok(false));
    project.yarr("migrate").done();
    assert_eq!(project.yarr("check").code, 0);
}

fn rows_of(run: &crate::harness::Run) -> Vec<String> {
    run.stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn a_server_that_has_it_all_is_noted_as_it_is() {
    let server = Server::start();
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    for version in 1..=3 {
        project.migration(
            &format!("{version}_count"),
            "up\n  redis\n    INCR count\ndown\n",
        );
    }
    project.yarr("baseline 2 --only").done();
    assert!(project.yarr("status").done().contains("pending"));
    project.yarr("baseline 2").done();
    assert_eq!(con.exists("count"), Ok(false));
    project.yarr("migrate").done();
    assert_eq!(con.get("count"), Ok(1));
    assert_eq!(project.yarr("baseline 3").stderr, "nothing to do\n");

    // A file that was changed stops what goes up, until it is put back or noted.
    project.migration("1_count", "up\n  redis\n    INCR counts\ndown\n");
    project.migration("4_more", "up\n  redis\n    INCR more\ndown\n");
    let expected = format!(
        "error: 127.0.0.1:{}: migration 1 count: it was changed since it was applied: put it back as it was and give the \
         change a version of its own, or note it as it is now with a baseline\n",
        server.port()
    );
    assert_eq!(project.yarr("migrate").refused(2), expected);
    assert_eq!(project.yarr("up 4").refused(2), expected);
    assert!(project.yarr("status").done().contains("changed"));
    assert_eq!(project.yarr("check").code, 1);
    project.yarr("baseline 1").done();
    project.yarr("migrate").done();

    // So does one that is missing, unless it is to be ignored.
    std::fs::remove_file(project.path().join("db/yarr/2_count.yarr")).unwrap();
    project.migration("5_last", "up\n  redis\n    INCR last\ndown\n");
    let missing = project.yarr("migrate");
    assert!(
        missing
            .refused(2)
            .contains("migration 2 count: it is applied, and there is no such migration here"),
        "{missing:?}"
    );
    assert!(project.yarr("status").done().contains("missing"));
    assert_eq!(con.exists("last"), Ok(false));
    project.yarr("migrate --ignore-missing").done();
    assert_eq!(con.get("last"), Ok(1));
    // Comments and blanks change nothing.
    project.migration(
        "5_last",
        "# why\nup\nredis\nINCR last\n\ndown\nredis\nDECR last",
    );
    assert!(!project.yarr("status").done().contains("changed"));
}

#[test]
fn a_block_that_failed_may_be_mended_and_those_before_it_may_not() {
    let server = Server::start();
    let mut con = server.connect();
    let () = con.set("text", "x").unwrap();
    let project = Project::new(&[&server]);
    let text = "up\n  redis\n    INCR first\n  redis\n    LPUSH text y\ndown\n";
    project.migration("1_a", text);
    let failed = project.yarr("migrate");
    assert!(
        failed
            .refused(5)
            .contains("migration 1 a: `LPUSH text y`: "),
        "{failed:?}"
    );
    assert!(failed.stderr.contains("begun: up 1"), "{failed:?}");
    assert_eq!(
        rows(&project.yarr("status"), 4)[1],
        format!("127.0.0.1:{} half up (1/2)", server.port())
    );
    project.migration("1_a", &text.replace("first", "other"));
    let changed = project.yarr("migrate");
    assert!(
        changed
            .stderr
            .contains("on its way up its first 1 blocks were done, and these were changed since"),
        "{changed:?}"
    );
    project.migration("1_a", &text.replace("LPUSH text", "LPUSH list"));
    project.yarr("migrate").done();
    assert_eq!(
        (con.get("first"), con.llen("list"), con.exists("other")),
        (Ok(1), Ok(1), Ok(false))
    );
}

#[test]
fn keys_that_are_refused_have_their_turn_again() {
    let server = Server::start();
    let mut con = server.connect();
    for n in 0..20 {
        let () = con.set(format!("n:{n}"), n).unwrap();
    }
    let () = con.rpush("n:list", "x").unwrap();
    let project = Project::new(&[&server]);
    project.migration(
        "1_a",
        "up\n  for each key matching 'n:*' batch 4\n    INCR {key}\n  end\ndown\n",
    );
    let failed = project.yarr("migrate");
    let said = failed.stderr.clone();
    assert!(
        said.contains("migration 1 a: key 'n:list': `INCR n:list`: ") && said.contains("WRONGTYPE"),
        "{said}"
    );
    // Where the list came first, nothing was done before.
    assert!([4, 5].contains(&failed.code), "{failed:?}");
    let () = con.del("n:list").unwrap();
    assert_eq!(project.yarr("migrate --quiet").done().lines().count(), 2);
    for n in 0..20 {
        assert_eq!(con.get(format!("n:{n}")), Ok(n + 1));
    }

    // What was begun and is finished by hand is noted, and nothing of it is left for the way down.
    let () = con.rpush("n:list", "x").unwrap();
    project.migration("2_b", "up\n  for each key matching 'n:*'\n    DECR {key}\n  end\ndown\n  for each key matching 'n:*'\n    SET {key} {1}\n  end\n");
    assert!(project.yarr("migrate").stderr.contains("key 'n:list'"));
    // Another pattern would leave keys out.
    project.migration("2_b", "up\n  for each key matching 'n:1*'\n    DECR {key}\n  end\ndown\n  for each key matching 'n:*'\n    SET {key} {1}\n  end\n");
    assert!(
        project
            .yarr("migrate")
            .stderr
            .contains("its `for each` was begun with another pattern or type")
    );
    project.yarr("baseline 2").done();
    project.yarr("rollback").done();
    assert_eq!(con.get("n:7"), Ok("7".to_string()));
    assert_eq!(con.get("n:list"), Ok("list".to_string()));
}

#[test]
fn nothing_of_the_tools_own_is_gone_through() {
    let server = Server::start();
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    let () = con.set("a\nb", "1").unwrap();
    project.migration(
        "1_a",
        "up\n  for each key matching *\n    APPEND seen \"{key};\"\n  end\ndown\n",
    );
    project.yarr("migrate").done();
    assert_eq!(con.get("seen"), Ok("a\nb;".to_string()));
    // No key at all is no mistake.
    project.migration(
        "2_b",
        "up\n  for each key matching 'no:*'\n    DEL {key}\n  end\ndown\n",
    );
    project.yarr("migrate").done();
}

#[test]
fn an_application_that_has_the_files_and_the_tool_go_on_where_the_other_stopped() {
    let server = Server::start();
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    let file = |version: i64| format!("{version}_count.yarr");
    let text =
        "# both read it\nup\n  table t\n    ADD FIELD a STRING\n  redis\n    INCR count\ndown\n";
    let texts = [text.to_string(), text.replace("table t", "table u")];
    let application = yarr_client::Migrator::new()
        .with(yarr_client::Migration::parse(&file(1), &texts[0]).unwrap())
        .with(yarr_client::Migration::parse(&file(2), &texts[1]).unwrap());
    project.write(&format!("db/yarr/{}", file(1)), &texts[0]);
    project.yarr("migrate").done();
    assert_eq!(application.up(&mut con).unwrap(), [2]);
    project.write(&format!("db/yarr/{}", file(2)), &texts[1]);
    assert_eq!(project.yarr("check").code, 0);
    assert_eq!(project.yarr("migrate").stderr, "nothing to do\n");
    assert_eq!(con.get("count"), Ok(2));
    project.yarr("rollback").done();
    assert_eq!(application.up(&mut con).unwrap(), [2]);
    // An older release of the application may start beside a newer one.
    let older = yarr_client::Migrator::new().with(application.find(1).unwrap().clone());
    assert_eq!(older.up(&mut con).unwrap(), [0; 0]);
    let states: Vec<_> = older
        .status(&mut con)
        .unwrap()
        .iter()
        .map(|status| status.state)
        .collect();
    assert_eq!(
        states,
        [yarr_client::State::Applied, yarr_client::State::Missing]
    );
}

#[test]
fn a_table_that_was_deleted_is_in_nobodys_way_down() {
    let server = Server::start();
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    project.migration(
        "1_a",
        "up\n  table t\n    ADD FIELD a STRING\ndown\n  redis\n    DEL t\n",
    );
    project.yarr("migrate").done();
    redis::cmd("YARR.CREATE")
        .arg(&["t", "a", "x"])
        .exec(&mut con)
        .unwrap();
    project.yarr("redo").done();
    let count: i64 = redis::cmd("YARR.WHERE")
        .arg(&["t", "*", "COUNT"])
        .query(&mut con)
        .unwrap();
    assert_eq!(count, 0);
    project.yarr("rollback").done();
    assert_eq!(
        (con.exists("t"), con.exists("{yarr}:migrations")),
        (Ok(false), Ok(false))
    );
}
