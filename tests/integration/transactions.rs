//! MULTI and EXEC, WATCH, Lua.

use crate::{
    able::{
        ARITY, PLAIN_SCRIPT_ERRORS, QUIET_CLOSE, READING_SCRIPTS, WRITING_SCRIPTS, able, needs,
    },
    cli::Client,
    reply::Reply,
    server::{Server, fresh},
    transcript::transcript,
};

fn table() -> Client {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING ADD FIELD k STRING UNIQUE TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 2 n s VALUES 1 a 2 b");
    client
}

#[test]
fn commands_in_a_transaction_see_each_other() {
    transcript(
        &mut table(),
        r#"
        > MULTI
        OK
        > YARR.CREATE t n 3
        QUEUED
        > YARR.WHERE t n >= 1 COUNT
        QUEUED
        > YARR.UPDATE t WHERE n = 3 SET n 4 RETURN n
        QUEUED
        > YARR.FIND none 1
        QUEUED
        > YARR.CREATE t k x
        QUEUED
        > YARR.CREATE t k x
        QUEUED
        > YARR.DEL t 1
        QUEUED
        > YARR.MIGRATE t UP 2 more ADD FIELD more INTEGER DEFAULT 5 INDEX
        QUEUED
        > YARR.WHERE t more = 5 COUNT
        QUEUED
        > EXEC
        1) "3"
        2) (integer) 3
        3) 1) 1) "n"
              2) "4"
        4) (error) NOTABLE ...
        5) "4"
        6) (error) DUPLICATE ...
        7) (integer) 1
        8) OK
        9) (integer) 3
        > YARR.WHERE t * ORDER BY id IDS
        1) "2"
        2) "3"
        3) "4"
        "#,
    );
}

#[test]
fn a_discarded_transaction_does_nothing() {
    let mut client = table();
    transcript(
        &mut client,
        r#"
        > MULTI
        OK
        > YARR.DEL t WHERE *
        QUEUED
        > DISCARD
        OK
        > MULTI
        OK
        > YARR.DEL t WHERE *
        QUEUED
        > YARR.NOTHING
        (error) ERR unknown command ...
        > EXEC
        (error) EXECABORT ...
        > YARR.WHERE t * COUNT
        (integer) 2
        "#,
    );
    if able(ARITY) {
        transcript(
            &mut client,
            r#"
            > MULTI
            OK
            > YARR.DEL t WHERE *
            QUEUED
            > YARR.FIND
            (error) ERR wrong number of arguments ...
            > EXEC
            (error) EXECABORT ...
            > YARR.WHERE t * COUNT
            (integer) 2
            "#,
        );
    }
}

#[test]
fn watch_sees_a_table_change() {
    let server = Server::start();
    let (mut client, mut other) = (server.connect(), server.connect());
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2 3 4 5 6");
    let mut watched = |line: &str| {
        client.ok("WATCH t");
        other.run(line);
        client.ok("MULTI");
        client.ok("PING");
        client.ok("EXEC") == Reply::Null
    };
    for line in [
        "YARR.CREATE t n 9",
        "YARR.CREATE t FIELDS 1 n VALUES 9 9",
        "YARR.UPDATE t 1 SET n 8",
        "YARR.UPDATE t 1 TOUCH",
        "YARR.UPDATE t WHERE n = 8 INCR n 1",
        "YARR.UPDATE t 1 EX 1000",
        "YARR.DEL t 2",
        "YARR.DEL t WHERE n = 3",
        "YARR.MIGRATE t UP 2 more ADD FIELD more INTEGER",
        "YARR.MIGRATE t DOWN 2 DROP DATA",
        "UNLINK t",
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX",
    ] {
        assert!(
            watched(line),
            "the transaction should have been given up after: {line}"
        );
    }
    for line in [
        "YARR.FIND t 1",
        "YARR.WHERE t * COUNT",
        "YARR.SCHEMA t",
        "YARR.INFO t",
        "YARR.EXPLAIN t WHERE n = 1",
    ] {
        assert!(!watched(line), "nothing changed with: {line}");
    }
    if !able(QUIET_CLOSE) {
        return;
    }
    for line in [
        "YARR.CREATE t n x",
        "YARR.UPDATE t 9 SET n 1",
        "YARR.DEL t 9",
        "YARR.UPDATE t WHERE n = 1234 SET n 1",
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX",
        "YARR.MIGRATE t DOWN 9",
    ] {
        assert!(!watched(line), "nothing changed with: {line}");
    }
}

#[test]
fn a_script_calls_the_commands() {
    needs!(WRITING_SCRIPTS);
    let mut client = table();
    transcript(
        &mut client,
        r#"
        > EVAL "return redis.call('YARR.CREATE', KEYS[1], 'n', ARGV[1])" 1 t 3
        "3"
        > EVAL "return redis.call('YARR.FIND', KEYS[1], 3)" 1 t
        1) "id"
        2) "3"
        3) "n"
        4) "3"
        > EVAL "return redis.call('YARR.WHERE', KEYS[1], 'n', '>=', 1, 'COUNT')" 1 t
        (integer) 3
        > EVAL "return redis.pcall('YARR.CREATE', KEYS[1], 'n', 'x').err" 1 t
        "BADVALUE ..."
        > EVAL "local id = redis.call('YARR.CREATE', KEYS[1], 'n', 4); redis.call('YARR.UPDATE', KEYS[1], id, 'INCR', 'n', 10); return redis.call('YARR.FIND', KEYS[1], id, 'RETURN', 'n')[2]" 1 t
        "14"
        > EVAL "return {redis.call('YARR.FIND', KEYS[1], 99), redis.call('YARR.DEL', KEYS[1], 4)}" 1 t
        1) (nil)
        2) (integer) 1
        > EVAL "return redis.call('YARR.CREATE', KEYS[1], 'n', 'x')" 1 t
        (error) ...BADVALUE ...
        > EVAL "return redis.call('YARR.FIND')" 0
        (error) ...
        > YARR.WHERE t * ORDER BY id IDS
        1) "1"
        2) "2"
        3) "3"
        "#,
    );
    if able(PLAIN_SCRIPT_ERRORS) {
        let error = client.run("EVAL \"return redis.call('YARR.CREATE', KEYS[1], 'n', 'x')\" 1 t");
        assert_eq!(error.code(), "BADVALUE");
    }
    if able(READING_SCRIPTS) {
        transcript(
            &mut client,
            r#"
            > EVAL_RO "return redis.call('YARR.FIND', KEYS[1], 1)[2]" 1 t
            "1"
            > EVAL_RO "return redis.call('YARR.DEL', KEYS[1], 1)" 1 t
            (error) ...
            > YARR.WHERE t * COUNT
            (integer) 3
            "#,
        );
    }
}

#[test]
fn a_script_reads_on_every_server_and_writes_where_its_effects_are_what_travels() {
    let mut client = table();
    let read = "EVAL \"return redis.call('YARR.WHERE', KEYS[1], 'n', '=', 2, 'IDS')\" 1 t";
    assert_eq!(client.list(read), ["2"]);
    let write = "EVAL \"return redis.call('YARR.DEL', KEYS[1], 2)\" 1 t";
    assert_eq!(client.run(write).is_error(), !able(WRITING_SCRIPTS));
    assert_eq!(client.list(read).is_empty(), able(WRITING_SCRIPTS));
}

#[test]
fn a_script_may_ask_for_maps() {
    needs!(MAPS);
    transcript(
        &mut table(),
        r#"
        > EVAL "redis.setresp(3); return redis.call('YARR.FIND', KEYS[1], 2)['map']['s']" 1 t
        "b"
        > EVAL "redis.setresp(3); return redis.call('YARR.FIND', KEYS[1], 2)['map']['n']" 1 t
        (integer) 2
        "#,
    );
}

#[test]
fn an_error_in_a_script_leaves_what_came_before_it() {
    needs!(WRITING_SCRIPTS);
    transcript(
        &mut table(),
        r#"
        > EVAL "redis.call('YARR.CREATE', KEYS[1], 'n', 7); redis.call('YARR.CREATE', KEYS[1], 'n', 'x')" 1 t
        (error) ...
        > YARR.WHERE t n = 7 COUNT
        (integer) 1
        "#,
    );
}
