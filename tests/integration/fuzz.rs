//! Random commands made of the words that commands are made of: a server answers them all, and its copies agree.

use crate::{
    random::Random,
    replication::pair,
    reply::Reply,
    sample::{dumps, state},
    server::{Options, eventually},
};

const COMMANDS: &str =
    "CREATE CREATE FIND WHERE WHERE AGGREGATE UPDATE UPDATE DEL MIGRATE SCHEMA EXPLAIN INFO";

const VOCABULARY: &str = "n s e k big t id @n 1 2 3 0 -1 x a '' * ALL ( ) AND OR NOT = != < <= > >= BETWEEN IN IS NULL STARTS WITH \
     WHERE IDS SET INCR UNSET TOUCH IF RETURN ORDER BY ASC DESC LIMIT OFFSET CURSOR PLUCK COUNT DISTINCT SUM AVG MIN MAX GROUP SCAN ON CONFLICT IGNORE KEEP UPDATE \
     EX PX EXAT PXAT PERSIST KEEPTTL FIELDS VALUES UP DOWN ADD REMOVE RENAME FIELD INDEX BITMAP UNIQUE INTEGER STRING ENUM FLOAT TO \
     DEFAULT TTL PASSIVE NONE TIMESTAMPS OFF ID UUID DROP DATA ; HISTORY CHECK VERSION ANALYZE FIND DEL now 9223372036854775807 \
     created_at expires_at CONTAINS ANY TAGS t TYPE ACTIVE CANCEL PACKED";

/// Beginnings that parse, so that the random rest reaches deep.
const BEGINNINGS: [&str; 27] = [
    "",
    "",
    "1",
    "WHERE n =",
    "WHERE n > 0",
    "n = 1",
    "n > 0 AND",
    "* ORDER BY n",
    "* COUNT SUM n",
    "* GROUP BY n COUNT",
    "1 SET n 1",
    "WHERE n > 0 SET s x",
    "n 1 s x",
    "FIELDS 2 n s VALUES",
    "UP 5 x ADD FIELD z",
    "UP 6 x ADD INDEX",
    "UP 7 x ADD FIELD y INTEGER",
    "DOWN",
    "CHECK UP 9 x",
    "t 2 a x n 2 RETURN * PACKED",
    "1 ADD t 2 x b",
    "1 REMOVE t 1 a RETURN",
    "t CONTAINS ANY 2 a x",
    "* PACKED",
    "UP 8 x SET FIELD big TYPE",
    "UP 9 x UPDATE n > 0 SET s y",
    "CANCEL",
];

#[test]
fn random_commands_never_bring_a_server_down() {
    let (mut random, seed) = Random::seeded(20_240_601);
    // Migrations go on between commands where the server can.
    let options = Options::new().appendonly(true);
    let (mut server, replica) = pair(options.module_arguments(&["max-inline-records", "3"]));
    let (mut client, mut other) = (server.connect(), replica.connect());
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD FIELD e ENUM ( a b ) BITMAP \
         ADD FIELD k STRING UNIQUE ADD FIELD big STRING ADD FIELD t TAGS BITMAP TIMESTAMPS OFF",
    );
    let (commands, vocabulary): (Vec<&str>, Vec<&str>) = (
        COMMANDS.split(' ').collect(),
        VOCABULARY.split_whitespace().collect(),
    );
    let mut served = 0;
    for step in 0..30_000 {
        let mut line = format!(
            "YARR.{} t {}",
            random.pick(&commands),
            random.pick(&BEGINNINGS)
        );
        for _ in 0..random.below(10).saturating_sub(3) {
            line.push_str(&format!(" {}", random.pick(&vocabulary)));
        }
        let words = crate::line::split(&line).expect("balanced quotes");
        let reply = client.try_send(&words).unwrap_or_else(|error| {
            panic!(
                "seed {seed}, step {step}: {error} at {line}\n{}",
                server.log()
            )
        });
        served += usize::from(!reply.is_error());
        if step % 5000 == 4000 {
            client.run("BGREWRITEAOF");
        }
        if step % 1000 == 999 {
            let at = format!("seed {seed}, step {step}");
            // Nothing expires between here and the end of the comparison.
            client.ok("YARR.UPDATE t WHERE * PERSIST");
            eventually(&format!("no migration goes on, {at}"), || {
                let info = client.ok("YARR.INFO t");
                *info.get("migration").expect("a field") == Reply::Null
            });
            let all = client.ok("YARR.WHERE t * ORDER BY id");
            assert_eq!(
                client.ok("YARR.WHERE t id >= -9223372036854775808 ORDER BY id"),
                all,
                "{at}"
            );
            eventually(&format!("the replica holds the same bytes, {at}"), || {
                dumps(&mut other, &["t"]) == dumps(&mut client, &["t"])
            });
            let payload = client.ok("DUMP t").bytes().to_vec();
            let restored =
                client.send(&[b"RESTORE".as_slice(), b"again", b"0", &payload, b"REPLACE"]);
            assert_eq!(restored.print(), "OK", "{at}");
            assert_eq!(client.ok("YARR.WHERE again * ORDER BY id"), all, "{at}");
        }
    }
    let tables = ["t", "again"];
    for table in tables {
        eventually("what expired is removed", || {
            client
                .ok(&format!("YARR.INFO {table}"))
                .get("expired")
                .map(Reply::number)
                == Some(0)
        });
    }
    let (records, bytes) = (state(&mut client, &tables), dumps(&mut client, &tables));
    server.restart();
    let mut client = server.connect();
    let loaded = state(&mut client, &tables);
    assert!(
        loaded == records,
        "seed {seed}, before:\n{records}\nloaded:\n{loaded}"
    );
    let loaded = dumps(&mut client, &tables);
    assert!(
        loaded == bytes,
        "seed {seed}, before:\n{bytes:?}\nloaded:\n{loaded:?}"
    );
    assert!(
        served > 500,
        "too few commands were served to try anything: {served}"
    );
}
