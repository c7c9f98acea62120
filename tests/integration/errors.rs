//! Errors: the code comes first, the text helps, and nothing has changed.

use crate::{cli::Client, server::fresh};

fn table() -> Client {
    let mut client = fresh();
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING ADD FIELD e ENUM ( a b ) BITMAP ADD FIELD k STRING UNIQUE \
         ADD FIELD must INTEGER NOT NULL DEFAULT 1 ADD FIELD d DATETIME",
    );
    client.ok("YARR.CREATE t FIELDS 4 n s e k VALUES 1 x a k1 2 y b k2 3 z a k3");
    client.ok("SET string v");
    client.ok("RPUSH list v");
    client
}

#[track_caller]
fn state(client: &mut Client) -> String {
    [
        "YARR.SCHEMA t",
        "YARR.SCHEMA t HISTORY",
        "YARR.WHERE t * ORDER BY id RETURN *",
        "DUMP t",
        "DBSIZE",
    ]
    .map(|line| client.ok(line).print())
    .join("\n")
}

/// Commands that fail, and their codes.
const FAILURES: &[(&str, &[&str])] = &[
    (
        "NOTABLE",
        &[
            "YARR.FIND none 1",
            "YARR.WHERE none *",
            "YARR.AGGREGATE none * COUNT",
            "YARR.CREATE none n 1",
            "YARR.UPDATE none 1 SET n 1",
            "YARR.DEL none 1",
            "YARR.SCHEMA none",
            "YARR.EXPLAIN none WHERE *",
            "YARR.INFO none",
            "YARR.MIGRATE none DOWN 1",
        ],
    ),
    (
        "WRONGTYPE",
        &[
            "YARR.FIND string 1",
            "YARR.WHERE list *",
            "YARR.AGGREGATE list * COUNT",
            "YARR.CREATE string n 1",
            "YARR.UPDATE list 1 SET n 1",
            "YARR.DEL string 1",
            "YARR.SCHEMA list",
            "YARR.EXPLAIN string WHERE *",
            "YARR.INFO string",
            "YARR.MIGRATE list UP 1 make ADD FIELD a INTEGER",
            "YARR.MIGRATE string DOWN 1",
            "GET t",
            "LPUSH t x",
            "HGETALL t",
        ],
    ),
    (
        "ERR",
        &[
            // Too few arguments.
            "YARR.FIND",
            "YARR.FIND t",
            "YARR.WHERE",
            "YARR.WHERE t",
            "YARR.CREATE",
            "YARR.UPDATE t",
            "YARR.DEL t",
            "YARR.SCHEMA",
            "YARR.EXPLAIN",
            "YARR.INFO",
            "YARR.MIGRATE t UP",
            "YARR.APPLY t",
            // A token too many, too few or out of place.
            "YARR.FIND t 1 2",
            "YARR.FIND t 1 RETURN",
            "YARR.FIND t 1 RETURN n RETURN s",
            "YARR.FIND t IDS",
            "YARR.FIND t IDS 3 1 2",
            "YARR.FIND t WHERE",
            "YARR.FIND t WHERE n",
            "YARR.FIND t WHERE n =",
            "YARR.CREATE t n",
            "YARR.CREATE t n 1 s",
            "YARR.CREATE t n 1 n 2",
            "YARR.CREATE t FIELDS 1 n",
            "YARR.CREATE t FIELDS 2 n s VALUES 1",
            "YARR.CREATE t FIELDS 9 n VALUES 1",
            "YARR.CREATE t n 1 FIELDS 1 s VALUES x",
            "YARR.CREATE t n 1 ON",
            "YARR.CREATE t n 1 ON CONFLICT",
            "YARR.CREATE t n 1 ON CONFLICT k",
            "YARR.CREATE t n 1 EX",
            "YARR.CREATE t n 1 EX 1 EX 2",
            "YARR.CREATE t n 1 NULL - NULL - FIELDS 1 n VALUES 1",
            "YARR.WHERE t n",
            "YARR.WHERE t n =",
            "YARR.WHERE t n 1",
            "YARR.WHERE t n == 1",
            "YARR.WHERE t n <> 1",
            "YARR.WHERE t = 1",
            "YARR.WHERE t n = 1 AND",
            "YARR.WHERE t n = 1 OR",
            "YARR.WHERE t n = 1 n = 2",
            "YARR.WHERE t AND n = 1",
            "YARR.WHERE t NOT",
            "YARR.WHERE t ( n = 1",
            "YARR.WHERE t n = 1 )",
            "YARR.WHERE t ( )",
            "YARR.WHERE t ( n = 1 ) )",
            "YARR.WHERE t n BETWEEN 1",
            "YARR.WHERE t n BETWEEN 1 2",
            "YARR.WHERE t n BETWEEN 1 AND",
            "YARR.WHERE t n BETWEEN 1 OR 2",
            "YARR.WHERE t n IN",
            "YARR.WHERE t n IN 2 1",
            "YARR.WHERE t n IS",
            "YARR.WHERE t n IS NOT",
            "YARR.WHERE t n IS 1",
            "YARR.WHERE t s STARTS",
            "YARR.WHERE t s STARTS WITH",
            "YARR.WHERE t s STARTS x",
            "YARR.WHERE t * AND n = 1",
            "YARR.WHERE t n = 1 OR *",
            "YARR.WHERE t * LIMIT",
            "YARR.WHERE t * LIMIT 1 LIMIT 1",
            "YARR.WHERE t * OFFSET",
            "YARR.WHERE t * ORDER",
            "YARR.WHERE t * ORDER BY",
            "YARR.WHERE t * ORDER n",
            "YARR.WHERE t * ORDER BY n ORDER BY s",
            "YARR.WHERE t * CURSOR",
            "YARR.WHERE t * IDS COUNT",
            "YARR.WHERE t * RETURN n COUNT",
            "YARR.WHERE t * SCAN SCAN",
            "YARR.WHERE t * EX 1",
            "YARR.WHERE t * SET n 1",
            "YARR.AGGREGATE t *",
            "YARR.AGGREGATE t COUNT",
            "YARR.AGGREGATE t * SUM",
            "YARR.AGGREGATE t * GROUP BY n",
            "YARR.AGGREGATE t * COUNT n",
            "YARR.AGGREGATE t * COUNT RETURN n",
            "YARR.AGGREGATE t * COUNT CURSOR 0",
            "YARR.UPDATE t 1",
            "YARR.UPDATE t 1 SET",
            "YARR.UPDATE t 1 SET n",
            "YARR.UPDATE t 1 INCR n",
            "YARR.UPDATE t 1 UNSET",
            "YARR.UPDATE t 1 SET n 1 IF",
            "YARR.UPDATE t 1 SET n 1 IF n =",
            "YARR.UPDATE t 1 SET n 1 n 2",
            "YARR.UPDATE t WHERE n = 1",
            "YARR.UPDATE t WHERE n = 1 OFFSET 1 SET n 1",
            "YARR.DEL t 1 2",
            "YARR.DEL t IDS 2 1",
            "YARR.DEL t WHERE",
            "YARR.DEL t WHERE n = 1 OFFSET 1",
            "YARR.DEL t WHERE n = 1 IF n = 1",
            "YARR.SCHEMA t NOW",
            "YARR.MIGRATE t SIDEWAYS 1",
            "YARR.MIGRATE t DOWN 1 DROP",
            "YARR.MIGRATE t DOWN 1 DROP EVERYTHING",
            "YARR.MIGRATE t UP 2 more ADD SOMETHING a",
        ],
    ),
    (
        "NOFIELD",
        &[
            "YARR.FIND t 1 RETURN none",
            "YARR.FIND t WHERE none = 1 SCAN",
            "YARR.WHERE t none = 1",
            "YARR.WHERE t * ORDER BY none",
            "YARR.WHERE t * RETURN none",
            "YARR.WHERE t * PLUCK n none",
            "YARR.AGGREGATE t * GROUP BY none COUNT",
            "YARR.AGGREGATE t * MAX none",
            "YARR.CREATE t none 1",
            "YARR.CREATE t FIELDS 1 none VALUES 1",
            "YARR.CREATE t n 1 RETURN none",
            "YARR.CREATE t n 1 UNSET none",
            "YARR.CREATE t n 1 ON CONFLICT none IGNORE",
            "YARR.UPDATE t 1 SET none 1",
            "YARR.UPDATE t 1 INCR none 1",
            "YARR.UPDATE t 1 UNSET none",
            "YARR.UPDATE t 1 SET n 1 IF none = 1",
            "YARR.UPDATE t 1 SET n 1 RETURN none",
            "YARR.DEL t 1 IF none = 1",
            "YARR.DEL t 1 RETURN none",
            "YARR.MIGRATE t UP 2 x REMOVE FIELD none",
            "YARR.MIGRATE t UP 2 x RENAME FIELD none TO some",
            "YARR.MIGRATE t UP 2 x ADD INDEX none",
        ],
    ),
    (
        "BADVALUE",
        &[
            "YARR.CREATE t n x",
            "YARR.CREATE t e c",
            "YARR.CREATE t d tomorrow",
            "YARR.CREATE t FIELDS 1 n VALUES 1 2 x",
            "YARR.CREATE t id x",
            "YARR.CREATE t n 1 EX 0",
            "YARR.UPDATE t 1 SET n x",
            "YARR.UPDATE t 1 INCR n x",
            "YARR.UPDATE t WHERE n >= 1 SET e c",
            "YARR.UPDATE t 1 SET n 1 PX -1",
            "YARR.WHERE t n = x",
            "YARR.WHERE t e IN 2 a c",
            "YARR.AGGREGATE t * SUM s",
            "YARR.AGGREGATE t * AVG e",
            "YARR.MIGRATE t UP 2 x ADD FIELD f INTEGER DEFAULT x",
        ],
    ),
    (
        "NOTNULL",
        &[
            "YARR.CREATE t UNSET must",
            "YARR.UPDATE t 1 UNSET must",
            "YARR.UPDATE t WHERE n >= 1 UNSET must",
            "YARR.CREATE t NULL ~ FIELDS 1 must VALUES 1 ~",
        ],
    ),
    (
        "DUPLICATE",
        &[
            "YARR.CREATE t id 1",
            "YARR.CREATE t k k1",
            "YARR.CREATE t FIELDS 1 k VALUES new k1",
            "YARR.CREATE t FIELDS 1 k VALUES new new",
            "YARR.UPDATE t 1 SET k k2",
            "YARR.UPDATE t WHERE n >= 1 SET k same",
            "YARR.MIGRATE t UP 2 x ADD FIELD f INTEGER DEFAULT 1 UNIQUE",
        ],
    ),
    (
        "NOINDEX",
        &[
            "YARR.WHERE t s = x",
            "YARR.FIND t WHERE s = x",
            "YARR.UPDATE t WHERE s = x SET n 9",
            "YARR.DEL t WHERE s = x",
            "YARR.WHERE t n = 1 OR s = x COUNT",
            "YARR.AGGREGATE t s = x COUNT",
        ],
    ),
    (
        "BADCURSOR",
        &[
            "YARR.WHERE t * CURSOR zzz",
            "YARR.WHERE t n > 0 CURSOR 123456789",
        ],
    ),
    ("CHANGED", &["YARR.MIGRATE t UP 1 make ADD FIELD n STRING"]),
    (
        "NOVERSION",
        &["YARR.MIGRATE t DOWN 2", "YARR.MIGRATE t DOWN 0"],
    ),
];

#[test]
fn a_command_that_fails_says_its_code_and_changes_nothing() {
    let mut client = table();
    let mut before = state(&mut client);
    let mut wrong = Vec::new();
    for (code, lines) in FAILURES {
        for line in *lines {
            let reply = client.run(line);
            if reply.code() != *code {
                wrong.push(format!(
                    "{line}\n    expected {code}, got {}",
                    reply.print()
                ));
            }
            let after = state(&mut client);
            // A failed pass over the records leaves a line in the history.
            if after != before && !line.ends_with("UNIQUE") {
                wrong.push(format!("{line}\n    changed something"));
            }
            before = after;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_is_one_line_that_says_more_than_its_code() {
    let mut client = table();
    for (code, lines) in FAILURES {
        for line in lines.iter().filter(|line| line.starts_with("YARR.")) {
            let error = client.fail(line);
            assert!(error.len() > code.len() + 10, "{line}: {error}");
            assert!(
                error.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}: {error}"
            );
        }
    }
}

#[test]
fn a_syntax_error_names_the_token_and_its_position() {
    let mut client = table();
    for (line, token, position) in [
        ("YARR.FIND t 1 junk", "junk", 3),
        ("YARR.FIND t WHERE n = 1 LIMIT 4", "LIMIT", 6),
        ("YARR.WHERE t n ~~ 1", "~~", 3),
        ("YARR.WHERE t n = 1 nonsense", "nonsense", 5),
        ("YARR.WHERE t * ORDER sideways", "sideways", 4),
        ("YARR.UPDATE t 1 SET n 1 IF n bogus 1", "bogus", 8),
        ("YARR.DEL t 1 bogus", "bogus", 3),
        ("YARR.CREATE t n 1 ON bogus", "bogus", 5),
        ("YARR.MIGRATE t UP 5 x ADD bogus", "bogus", 6),
    ] {
        let error = client.fail(line);
        assert!(
            error.starts_with("ERR ") && error.contains(token),
            "{line}: {error}"
        );
        // Counted from the command's name or from the table: both are a position.
        let numbers: Vec<usize> = error
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok())
            .collect();
        assert!(
            numbers
                .iter()
                .any(|n| (position - 1..=position + 1).contains(n)),
            "{line}: no position {position} in: {error}"
        );
    }
}

#[test]
fn an_error_says_what_is_in_the_way() {
    let mut client = table();
    for (line, parts) in [
        ("YARR.CREATE t k k2", vec!["DUPLICATE", "k", "2"]),
        ("YARR.CREATE t id 3", vec!["DUPLICATE", "id", "3"]),
        ("YARR.WHERE t s = x", vec!["NOINDEX", "'s'", "ADD INDEX s"]),
        (
            "YARR.CREATE t n abc",
            vec!["BADVALUE", "'n'", "INTEGER", "'abc'"],
        ),
        ("YARR.CREATE t e c", vec!["BADVALUE", "'e'", "a, b", "'c'"]),
        ("YARR.FIND none 1", vec!["NOTABLE", "'none'"]),
        ("YARR.FIND t 1 RETURN none", vec!["NOFIELD", "'none'"]),
        ("YARR.CREATE t UNSET must", vec!["NOTNULL", "'must'"]),
        (
            "YARR.MIGRATE t UP 1 make ADD FIELD n STRING",
            vec!["CHANGED", "1"],
        ),
        ("YARR.MIGRATE t DOWN 77", vec!["NOVERSION", "77"]),
    ] {
        let error = client.fail(line);
        for part in parts {
            assert!(
                error.contains(part),
                "{line}: {part} is missing in: {error}"
            );
        }
    }
}

#[test]
fn a_command_that_is_not_there_is_unknown() {
    let mut client = fresh();
    assert!(
        client
            .fail("YARR.NONSENSE t")
            .starts_with("ERR unknown command")
    );
}
