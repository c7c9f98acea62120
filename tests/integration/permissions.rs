//! Access control: rules for commands, rights to read and write keys, selectors, the log.

use crate::{
    able::needs,
    cli::Client,
    server::{Options, Server},
};

/// A server with the tables `a:t` and `b:t`, and its administrator.
fn guarded() -> (Server, Client) {
    let server = Options::new().start();
    let mut admin = server.connect();
    for table in ["a:t", "b:t"] {
        admin.ok(&format!(
            "YARR.MIGRATE {table} UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF"
        ));
        admin.ok(&format!("YARR.CREATE {table} FIELDS 1 n VALUES 1 2 3"));
    }
    (server, admin)
}

/// A connection of a user with those rules and no others.
#[track_caller]
fn user(server: &Server, rules: &str) -> Client {
    let mut admin = server.connect();
    admin.ok(&format!("ACL SETUSER user reset on >secret {rules}"));
    let mut client = server.connect();
    client.ok("AUTH user secret");
    client
}

/// Checks which commands are allowed; what is allowed must not fail.
#[track_caller]
fn check(client: &mut Client, cases: &[(&str, bool)]) {
    for (line, allowed) in cases {
        let reply = client.run(line);
        match allowed {
            true => assert!(!reply.is_error(), "{line}: {}", reply.print()),
            false => assert_eq!(reply.code(), "NOPERM", "{line}"),
        }
    }
}

#[test]
fn a_right_to_read_keys_covers_what_only_reads() {
    needs!(READ_PATTERNS);
    let (server, _admin) = guarded();
    let mut client = user(&server, "%R~a:* +@all");
    check(
        &mut client,
        &[
            ("YARR.FIND a:t 1", true),
            ("YARR.WHERE a:t n = 1", true),
            ("YARR.AGGREGATE a:t * COUNT", true),
            ("YARR.INFO a:t", true),
            ("YARR.SCHEMA a:t HISTORY", true),
            ("YARR.SCHEMA a:t CHECK UP 9 x ADD FIELD x INTEGER", true),
            ("YARR.EXPLAIN a:t WHERE n = 1", true),
            ("YARR.EXPLAIN a:t UPDATE WHERE n = 1 SET n 2", true),
            ("YARR.EXPLAIN a:t DEL WHERE n = 1", true),
            ("YARR.CREATE a:t n 1", false),
            ("YARR.UPDATE a:t 1 SET n 1", false),
            ("YARR.UPDATE a:t 99 SET n 1", false),
            ("YARR.DEL a:t 1", false),
            ("YARR.MIGRATE a:t DOWN 1", false),
            ("YARR.APPLY a:t x", false),
            ("YARR.FIND b:t 1", false),
            ("YARR.AGGREGATE b:t * COUNT", false),
            ("YARR.EXPLAIN b:t WHERE n = 1", false),
        ],
    );
}

#[test]
fn a_write_needs_the_right_to_read_too_because_it_may_show_records() {
    needs!(READ_PATTERNS);
    let (server, mut admin) = guarded();
    let mut client = user(&server, "%W~a:* +@all");
    check(
        &mut client,
        &[
            ("YARR.FIND a:t 1", false),
            ("YARR.UPDATE a:t 1 SET n 9", false),
            ("YARR.UPDATE a:t 1 SET n 9 RETURN n", false),
            ("YARR.DEL a:t 1", false),
            ("YARR.CREATE a:t n 9", false),
        ],
    );
    assert_eq!(admin.count("YARR.WHERE a:t n = 9 COUNT"), 0);
    let mut client = user(&server, "%RW~a:* +@all");
    check(
        &mut client,
        &[
            ("YARR.UPDATE a:t 1 SET n 9 RETURN n", true),
            ("YARR.CREATE a:t n 9", true),
            ("YARR.DEL a:t 1", true),
            ("YARR.DEL b:t 1", false),
        ],
    );
}

#[test]
fn commands_are_given_and_taken_one_by_one() {
    needs!(USERS);
    let (server, _admin) = guarded();
    let mut client = user(&server, "~* +yarr.find +YARR.WHERE");
    check(
        &mut client,
        &[
            ("YARR.FIND a:t 1", true),
            ("yarr.where a:t n = 1", true),
            ("YARR.CREATE a:t n 1", false),
            ("YARR.INFO a:t", false),
            ("GET x", false),
        ],
    );
    let mut client = user(&server, "~* +@all -yarr.migrate -yarr.apply");
    check(
        &mut client,
        &[
            ("YARR.CREATE a:t n 1", true),
            ("YARR.SCHEMA a:t", true),
            ("YARR.MIGRATE a:t DOWN 1", false),
            ("YARR.APPLY a:t x", false),
        ],
    );
}

#[test]
fn selectors_give_other_rights_on_other_tables() {
    needs!(READ_PATTERNS);
    let (server, _admin) = guarded();
    let mut client = user(
        &server,
        "~a:* +yarr.find +yarr.create +yarr.update (%R~b:* +yarr.find +yarr.where)",
    );
    check(
        &mut client,
        &[
            ("YARR.FIND a:t 1", true),
            ("YARR.UPDATE a:t 1 SET n 5", true),
            ("YARR.WHERE a:t n = 1", false),
            ("YARR.FIND b:t 1", true),
            ("YARR.WHERE b:t n = 1", true),
            ("YARR.UPDATE b:t 1 SET n 5", false),
        ],
    );
}

#[test]
fn scripts_and_transactions_have_no_more_rights_than_their_user() {
    needs!(USERS);
    let (server, mut admin) = guarded();
    let mut client = user(&server, "~a:* +eval +multi +exec +yarr.find");
    check(
        &mut client,
        &[(
            r#"EVAL "return redis.call('YARR.FIND', KEYS[1], 1)" 1 a:t"#,
            true,
        )],
    );
    for line in [
        r#"EVAL "return redis.call('YARR.DEL', KEYS[1], 1)" 1 a:t"#,
        r#"EVAL "return redis.call('YARR.FIND', 'b:t', 1)" 0"#,
    ] {
        let error = client.fail(line);
        assert!(
            error.contains("permission") || error.contains("NOPERM") || error.contains("can't"),
            "{line}: {error}"
        );
    }
    client.ok("MULTI");
    assert_eq!(client.run("YARR.DEL a:t 1").code(), "NOPERM");
    assert_eq!(client.run("EXEC").code(), "EXECABORT");
    assert_eq!(admin.count("YARR.WHERE a:t * COUNT"), 3);
}

#[test]
fn what_was_refused_is_in_the_log_and_can_be_tried_dry() {
    needs!(READ_PATTERNS);
    let (server, mut admin) = guarded();
    let mut client = user(&server, "%R~a:* +yarr.find +yarr.update");
    admin.ok("ACL LOG RESET");
    client.fail("YARR.UPDATE a:t 1 SET n 5");
    client.fail("YARR.DEL a:t 1");
    let log = admin.ok("ACL LOG");
    let entries: Vec<(String, String)> = log
        .items()
        .iter()
        .map(|entry| {
            let text = |name| {
                entry
                    .get(name)
                    .map(|reply| reply.text())
                    .unwrap_or_default()
            };
            (text("reason"), text("object"))
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("command".to_string(), "yarr.del".to_string()),
            ("key".to_string(), "a:t".to_string())
        ]
    );
    assert_eq!(admin.ok("ACL DRYRUN user YARR.FIND a:t 1").text(), "OK");
    for line in [
        "YARR.UPDATE a:t 1 SET n 5",
        "YARR.FIND b:t 1",
        "YARR.DEL a:t 1",
    ] {
        let answer = admin.run(&format!("ACL DRYRUN user {line}")).text();
        assert!(
            answer.contains("user") && answer.contains("permission"),
            "{line}: {answer}"
        );
    }
    for (line, flags) in [
        ("YARR.FIND a:t 1", "RO access"),
        ("YARR.UPDATE a:t 1 SET n 5", "RW access update"),
    ] {
        let keys = admin.ok(&format!("COMMAND GETKEYSANDFLAGS {line}"));
        assert_eq!(keys.words().join(" "), format!("a:t {flags}"), "{line}");
    }
}

#[test]
fn categories_cover_the_commands_where_a_server_lets_modules_say_so() {
    needs!(USERS);
    let (server, mut admin) = guarded();
    let info = admin.ok("INFO server").text();
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    let version: Vec<u32> = version
        .unwrap_or_default()
        .split('.')
        .map(|part| part.parse().unwrap_or_default())
        .collect();
    let covered = version >= vec![7, 2];
    let mut client = user(&server, "~* -@all +@read +@write -@dangerous");
    check(
        &mut client,
        &[
            ("YARR.FIND a:t 1", covered),
            ("YARR.WHERE a:t *", covered),
            ("YARR.INFO a:t", covered),
            ("YARR.SCHEMA a:t", covered),
            ("YARR.EXPLAIN a:t WHERE *", covered),
            ("YARR.CREATE a:t n 1", covered),
            ("YARR.UPDATE a:t 1 SET n 1", covered),
            ("YARR.DEL a:t 1", covered),
            ("YARR.MIGRATE a:t DOWN 1", false),
            ("YARR.APPLY a:t x", false),
        ],
    );
}
