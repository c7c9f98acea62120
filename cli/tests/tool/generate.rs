//! `yarr generate migration`.

use crate::harness::{Project, Server};

#[test]
fn what_is_written_is_applied_as_it_is() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let made = project.run(&[
        "generate",
        "migration",
        "create_user_session",
        "user_id:integer:index",
        "session_id:string:unique",
        "--ttl",
        "2h",
        "--version",
        "20200504000000",
    ]);
    assert_eq!(
        made.done(),
        "wrote db/yarr/20200504000000_create_user_session.yarr\n"
    );
    assert_eq!(
        project.read("db/yarr/20200504000000_create_user_session.yarr"),
        "up\n  table user_session\n    ADD FIELD user_id INTEGER INDEX\n    ADD FIELD session_id STRING UNIQUE\n    \
         SET TTL 7200 PASSIVE\n\n# The server works out the way back; what throws values away has to be said.\n\
         down\n  # drop data\n"
    );
    for line in [
        "g migration add_state_to_user_session state:enum(new,done):default=new:bitmap --index user_id,created_at",
        "g migration rename_state_to_status_in_user_session",
        "g migration remove_session_id_from_user_session session_id:string:unique",
        "g migration create_job name:string! owner:references at:datetime --id uuid --no-timestamps --changes --unique name,owner_id",
    ] {
        project.yarr(line).done();
    }
    project.yarr("migrate").done();
    let schema = project.yarr("schema");
    assert_eq!(
        schema
            .done()
            .lines()
            .filter(|line| !line.contains("version"))
            .collect::<Vec<_>>()
            .join("\n"),
        "up\n  table job\n    ID UUID\n    TIMESTAMPS OFF\n    CHANGES ON\n    ADD FIELD name STRING NOT NULL\n    ADD FIELD owner_id INTEGER\n    \
         ADD FIELD at DATETIME\n    ADD INDEX name owner_id UNIQUE\n    ADD INDEX owner_id\n  table user_session\n    \
         ADD FIELD user_id INTEGER\n    ADD FIELD status ENUM ( new done ) DEFAULT new\n    ADD INDEX user_id\n    \
         ADD INDEX user_id created_at\n    ADD INDEX status BITMAP\n    SET TTL 7200 PASSIVE"
    );
    project.yarr("rollback --steps 5").done();
    project.yarr("migrate").done();
    // What is to be filled in says so until it is.
    for line in ["g migration move_users --redis", "g migration something"] {
        let made = project.yarr(line);
        let path = made
            .done()
            .strip_prefix("wrote ")
            .unwrap()
            .trim_end()
            .to_string();
        let refused = project.yarr("migrate");
        assert!(
            refused
                .refused(2)
                .contains("expected a block (table, redis or for each)"),
            "{refused:?}"
        );
        std::fs::remove_file(project.path().join(path)).unwrap();
    }
}

#[test]
fn what_no_migration_comes_of_is_refused_and_nothing_written() {
    let project = Project::of_urls(&["redis://127.0.0.1:1".into()]);
    project.migration("7_a", "up\n  redis\n    DEL a\n");
    for (words, expected) in [
        (
            &["add_x", "a:string"][..],
            "expected a table: name it with --table, or call the migration add_..._to_table, found 'add_x'",
        ),
        (
            &["create_x", "a:strng"],
            "field 'a:strng': unknown type 'strng'; did you mean 'string'?",
        ),
        (
            &["create_x", "a", "--ttl", "2"],
            "--ttl: expected a span such as 30s (ms s m h d w), found '2'",
        ),
        (
            &["create x", "a"],
            "expected a name of letters, digits, '_' and '-', found 'create x'",
        ),
        (
            &["../x", "--redis"],
            "expected a name of letters, digits, '_' and '-', found '../x'",
        ),
        (
            &["b", "--version", "7", "--redis"],
            "version 7 is there already: db/yarr/7_a.yarr",
        ),
        (&["create_x", "a", "a"], ""),
    ] {
        let run = project.run(&[&["generate", "migration"], words].concat());
        if expected.is_empty() {
            // What only a server can tell is left to it.
            run.done();
            continue;
        }
        assert_eq!(run.refused(2), format!("error: {expected}\n"));
    }
    let files = std::fs::read_dir(project.path().join("db/yarr"))
        .unwrap()
        .count();
    assert_eq!(files, 2);
}
