//! Wrong input, each with its one error; nothing is changed by it.

use redis::Commands;

use crate::harness::{Project, Server};

const GOOD: &str = "up\n  redis\n    INCR n\ndown\n";

#[test]
fn a_file_that_is_wrong_stops_everything_before_it_begins() {
    let server = Server::start();
    let mut con = server.connect();
    for (name, text, expected) in [
        (
            "2_b.yarr",
            "up\n  table t\n    ADD FEILD a STRING\n",
            "db/yarr/2_b.yarr:3:9: expected FIELD, INDEX or ENUM VALUE, found 'FEILD'",
        ),
        (
            "2_b.yarr",
            "up\n  redis\n    SET k 'v\n",
            "db/yarr/2_b.yarr:3:11: expected the quote that ends this word, found the end of the line",
        ),
        (
            "b.yarr",
            GOOD,
            "db/yarr/b.yarr: expected a name such as 20200504000000_create_user_session.yarr",
        ),
        (
            "01_b.yarr",
            GOOD,
            "version 1 stands twice: db/yarr/01_b.yarr and db/yarr/1_a.yarr; give one of them another version",
        ),
        (
            "1_b.yarr",
            GOOD,
            "version 1 stands twice: db/yarr/1_a.yarr and db/yarr/1_b.yarr; give one of them another version",
        ),
        (
            "2_b.yarr",
            "",
            "db/yarr/2_b.yarr:1:1: expected `up`, found the end of the file",
        ),
    ] {
        let project = Project::new(&[&server]);
        project.migration("1_a", GOOD);
        project.write(&format!("db/yarr/{name}"), text);
        for line in [
            "migrate",
            "migrate --dry-run",
            "up 1",
            "status",
            "check",
            "rollback",
            "diff",
            "baseline 1",
        ] {
            let run = project.yarr(line);
            assert_eq!(run.refused(2), format!("error: {expected}\n"), "{line}");
            assert_eq!(run.stdout, "");
        }
    }
    let project = Project::new(&[&server]);
    project.migration("1_a", GOOD);
    std::fs::write(
        project.path().join("db/yarr/2_b.yarr"),
        b"up\nredis\nSET k \xff",
    )
    .unwrap();
    let run = project.yarr("migrate");
    assert_eq!(
        run.refused(2),
        "error: db/yarr/2_b.yarr:3: expected UTF-8, found other bytes; write them as \"\\xHH\"\n"
    );
    let size: i64 = redis::cmd("DBSIZE").query(&mut con).unwrap();
    assert_eq!(size, 0);
}

#[test]
fn arguments_that_are_wrong_are_refused() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    project.migration("1_a", GOOD);
    let name = format!("127.0.0.1:{}", server.port());
    for (line, code, expected) in [
        ("migrate --to 2", 2, format!("error: {name}: there is no migration of version 2\n")),
        ("up 2", 2, format!("error: {name}: there is no migration of version 2\n")),
        ("down 2", 2, format!("error: {name}: there is no migration of version 2\n")),
        ("baseline 2", 2, "error: there is no migration of version 2\n".into()),
        ("schema t", 4, format!("error: {name}: there is no table 't', nor any other\n")),
        ("migrate --wait x", 2, "error: --wait: expected a span such as 30s (ms s m h d w), found 'x'\n".into()),
        ("status --env tset", 2, "error: there is no environment 'tset' in yarr.toml; did you mean 'test'?\n".into()),
        ("status --url x", 2, "error: yarr.toml: environment 'url': expected a URL that begins with redis://, rediss:// (TLS), unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://\n".into()),
        ("up x --json", 2, "{\"error\":{\"kind\":\"usage\",\"message\":\"invalid value 'x' for '<VERSION>': invalid digit found in string\"}}\n".into()),
        ("status --server x", 2, format!("error: there is no server 'x' in environment 'test', which has {name}\n")),
    ] {
        let run = project.yarr(line);
        assert_eq!((run.refused(code), run.stdout.as_str()), (expected.as_str(), ""), "{line}");
    }
    assert!(
        project
            .yarr("frobnicate")
            .refused(2)
            .starts_with("error: unrecognized subcommand 'frobnicate'")
    );
    assert_eq!(server.connect().exists("n"), Ok(false));
}

#[test]
fn what_a_server_refuses_is_seen_by_a_dry_run() {
    let server = Server::start();
    let mut con = server.connect();
    let project = Project::new(&[&server]);
    project.migration("1_a", "up\n  table t\n    ADD FIELD a STRING\n");
    project.yarr("migrate").done();
    project.migration("2_b", "up\n  table t\n    ADD FIELD b STRING\n");
    project.migration(
        "3_c",
        "up\n  table t\n    ADD FIELD b STRING\n  table u\n    ADD FIELD a ENUM ( x x )\n",
    );
    let plan = project.yarr("migrate --dry-run");
    assert_eq!(
        plan.refused(4),
        "error: 2 steps would be refused; nothing was done\n"
    );
    let lines: Vec<&str> = plan.stdout.lines().skip(1).collect();
    assert!(lines[0].ends_with("table t  OK"), "{plan:?}");
    assert!(
        lines[1].contains("DUPLICATE there is a field 'b' already"),
        "{plan:?}"
    );
    assert!(lines[2].contains("ENUM names 'x' twice"), "{plan:?}");
    assert_eq!(con.scard("{yarr}:migrations"), Ok(1));
    let run = project.yarr("migrate");
    assert!(
        run.refused(5)
            .contains("DUPLICATE there is a field 'b' already"),
        "{run:?}"
    );
    // A key that is no table, and a version that somebody applied in another way.
    let () = con.set("v", 1).unwrap();
    project.migration("3_c", "up\n  table v\n    ADD FIELD b STRING\n");
    assert!(project.yarr("migrate").refused(4).contains("WRONGTYPE"));
    project.migration("3_c", "up\n  table t\n    ADD FIELD c STRING\n");
    redis::cmd("YARR.MIGRATE")
        .arg(&["t", "UP", "3", "c", "ADD", "FIELD", "d", "STRING"])
        .exec(&mut con)
        .unwrap();
    assert!(
        project
            .yarr("migrate")
            .refused(4)
            .contains("CHANGED version 3 is applied with other operations")
    );
}
