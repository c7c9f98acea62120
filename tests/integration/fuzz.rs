//! Random commands made of the words that commands are made of: a server answers them all.

use crate::{random::Random, server::Server};

const COMMANDS: &str =
    "CREATE CREATE FIND WHERE WHERE UPDATE UPDATE DEL MIGRATE SCHEMA EXPLAIN INFO";

const VOCABULARY: &str = "n s e k big id @n 1 2 3 0 -1 x a '' * ALL ( ) AND OR NOT = != < <= > >= BETWEEN IN IS NULL STARTS WITH \
     WHERE IDS SET INCR UNSET TOUCH IF RETURN ORDER BY ASC DESC LIMIT OFFSET CURSOR PLUCK COUNT SCAN ON CONFLICT IGNORE KEEP UPDATE \
     EX PX EXAT PXAT PERSIST KEEPTTL FIELDS VALUES UP DOWN ADD REMOVE RENAME FIELD INDEX BITMAP UNIQUE INTEGER STRING ENUM FLOAT TO \
     DEFAULT TTL PASSIVE NONE TIMESTAMPS OFF ID UUID DROP DATA ; HISTORY CHECK VERSION ANALYZE FIND DEL now 9223372036854775807 \
     created_at expires_at";

/// Beginnings that parse, so that the random rest reaches deep.
const BEGINNINGS: [&str; 17] = [
    "",
    "",
    "1",
    "WHERE n =",
    "WHERE n > 0",
    "n = 1",
    "n > 0 AND",
    "* ORDER BY n",
    "1 SET n 1",
    "WHERE n > 0 SET s x",
    "n 1 s x",
    "FIELDS 2 n s VALUES",
    "UP 5 x ADD FIELD z",
    "UP 6 x ADD INDEX",
    "UP 7 x ADD FIELD y INTEGER",
    "DOWN",
    "CHECK UP 9 x",
];

#[test]
fn random_commands_never_bring_a_server_down() {
    let (mut random, seed) = Random::seeded(20_240_601);
    let server = Server::start();
    let mut client = server.connect();
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD FIELD e ENUM ( a b ) BITMAP \
         ADD FIELD k STRING UNIQUE ADD FIELD big STRING TIMESTAMPS OFF",
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
        if step % 1000 == 999 {
            let at = format!("seed {seed}, step {step}");
            // Index and walk agree, and the bytes can be read again.
            let all = client.ok("YARR.WHERE t * ORDER BY id");
            assert_eq!(
                client.ok("YARR.WHERE t id >= -9223372036854775808 ORDER BY id"),
                all,
                "{at}"
            );
            let payload = client.ok("DUMP t").bytes().to_vec();
            client.ok("DEL again");
            let restored = client.send(&[b"RESTORE".as_slice(), b"again", b"0", &payload]);
            assert_eq!(restored.print(), "OK", "{at}");
            assert_eq!(client.ok("YARR.WHERE again * ORDER BY id"), all, "{at}");
        }
    }
    assert!(
        served > 500,
        "too few commands were served to try anything: {served}"
    );
}
