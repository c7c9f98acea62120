//! Migrations of data, `UPDATE predicate SET ...`, time to live set for all records at once, fields of another type.

use crate::{
    able::needs,
    cli::Client,
    server::{Options, Server, eventually, fresh},
    transcript::transcript,
};

#[test]
fn an_update_is_a_migration_of_its_own() {
    let mut client = fresh();
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER UNIQUE ADD FIELD s STRING ADD FIELD tags TAGS BITMAP TIMESTAMPS OFF
        OK
        > YARR.CREATE t FIELDS 2 n s VALUES 1 a 2 b 3 DOWN 4 DROP
        1) "1"
        2) "2"
        3) "3"
        4) "4"
        > YARR.MIGRATE t UP 2 fill UPDATE n > 2 AND s IN 2 DOWN ; SET s UPDATE tags 2 DOWN x
        OK
        > YARR.WHERE t * ORDER BY id PLUCK s tags
        1) 1) "a"
           2) (nil)
        2) 1) "b"
           2) (nil)
        3) 1) "UPDATE"
           2) 1) "DOWN"
              2) "x"
        4) 1) "DROP"
           2) (nil)
        > YARR.MIGRATE t DOWN 2
        (error) IRREVERSIBLE ...
        > YARR.MIGRATE t UP 3 all UPDATE * SET s x DOWN UPDATE s = x SET s y ;
        OK
        > YARR.MIGRATE t UP 3 all UPDATE * SET s x DOWN UPDATE s = x SET s y
        APPLIED
        > YARR.MIGRATE t DOWN 3
        OK
        > YARR.WHERE t s = y COUNT SCAN
        (integer) 4
        > YARR.MIGRATE t UP 4 same UPDATE n > 1 SET n 7
        (error) DUPLICATE the unique index on (n) already has these values, in the record with id '...'
        > YARR.WHERE t * ORDER BY id PLUCK n
        1) "1"
        2) "2"
        3) "3"
        4) "4"
        > YARR.MIGRATE t UP 5 x UPDATE * SET nothing 1
        (error) NOFIELD there is no field 'nothing'; the table has id, n, s, tags, expires_at
        > YARR.MIGRATE t UP 5 x UPDATE * SET id 1
        (error) BADVALUE 'id' is the server's own field: expected a field that was added
        > YARR.MIGRATE t UP 5 x UPDATE * SET n 1 n 2
        (error) ERR syntax error: field 'n' is changed twice
        > YARR.MIGRATE t UP 5 x UPDATE * SET
        (error) ERR syntax error: expected a field's name at argument 8, found the end of the command
        > YARR.MIGRATE t UP 5 x UPDATE n SET n 1
        (error) ERR syntax error: expected an operator ...
        > YARR.MIGRATE t UP 5 x UPDATE * SET n x
        (error) BADVALUE field 'n' is INTEGER: expected a 64-bit integer, found 'x'
        > YARR.MIGRATE t UP 5 x ADD FIELD z INTEGER UPDATE * SET z 1
        (error) ERR syntax error: expected no UPDATE beside other operations: it stands alone in its migration at argument 9, found 'UPDATE'
        "#,
    );
}

#[test]
fn a_time_to_live_is_given_to_all_records_at_once() {
    let mut client = fresh();
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD INDEX expires_at @id TIMESTAMPS OFF
        OK
        > YARR.CREATE t n 1
        "1"
        > YARR.CREATE t n 2 PXAT 4102444800000
        "2"
        > YARR.MIGRATE t UP 2 clear SET TTL NONE ACTIVE
        OK
        > YARR.WHERE t expires_at IS NULL ORDER BY id IDS
        1) "1"
        2) "2"
        > YARR.MIGRATE t UP 3 all SET TTL 1000 ACTIVE
        OK
        > YARR.WHERE t expires_at > now+990s AND expires_at < now+1001s ORDER BY id IDS
        1) "1"
        2) "2"
        > YARR.CREATE t n 3
        "3"
        > YARR.WHERE t expires_at > now COUNT
        (integer) 3
        > YARR.UPDATE t 1 PERSIST
        (integer) 1
        > YARR.WHERE t expires_at IS NULL IDS
        1) "1"
        > YARR.SCHEMA t
        1) "TIMESTAMPS OFF"
        2) "ADD FIELD n INTEGER"
        3) "ADD INDEX n"
        4) "ADD INDEX expires_at @id"
        5) "SET TTL 1000 PASSIVE"
        > YARR.MIGRATE t DOWN 3
        OK
        > YARR.WHERE t expires_at IS NOT NULL COUNT
        (integer) 2
        > YARR.MIGRATE t UP 4 x SET TTL 0 ACTIVE
        (error) BADVALUE SET TTL: expected seconds above 0, found '0'
        > YARR.MIGRATE t UP 4 x SET TTL 9223372036854775 ACTIVE
        (error) BADVALUE SET TTL: the time to live ends beyond 64 bits of milliseconds
        "#,
    );
}

/// A table of so many records, on a server where a migration of more than one goes on between commands.
fn slow(options: Options, records: usize) -> (Server, Client) {
    let server = options.start();
    let mut client = server.connect();
    client.ok("CONFIG SET yarr.max-inline-records 1");
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    for start in (0..records).step_by(1000) {
        let values: Vec<String> = (start..records.min(start + 1000))
            .map(|n| n.to_string())
            .collect();
        client.ok(&format!(
            "YARR.CREATE t FIELDS 1 n VALUES {}",
            values.join(" ")
        ));
    }
    (server, client)
}

#[track_caller]
fn ends(client: &mut Client, table: &str) {
    eventually("the migration ends", || {
        !client
            .ok(&format!("YARR.SCHEMA {table} HISTORY"))
            .print()
            .contains("RUNNING")
    });
}

#[test]
fn an_update_goes_on_between_commands_and_is_taken_up_after_a_crash() {
    needs!(SETTINGS);
    let options = Options::new().appendonly(true).set("appendfsync", "always");
    let (mut server, mut client) = slow(options, 60_000);
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 2 fill UPDATE n >= 0 SET s done")
            .text(),
        "RUNNING"
    );
    assert!(
        client
            .fail("YARR.MIGRATE t UP 3 x ADD FIELD y INTEGER")
            .starts_with("BUSY")
    );
    // What is written behind it stays.
    eventually("it has begun", || {
        client
            .run("YARR.FIND t 1 RETURN s")
            .print()
            .contains("done")
    });
    client.ok("YARR.UPDATE t 1 SET s mine");
    server.kill();
    server.restart();
    let mut client = server.connect();
    ends(&mut client, "t");
    assert_eq!(client.count("YARR.WHERE t s = done COUNT SCAN"), 59_999);
    assert_eq!(client.ok("YARR.FIND t 1 RETURN s").words(), ["s", "mine"]);
    assert_eq!(client.count("YARR.SCHEMA t VERSION"), 2);
}

#[test]
fn an_update_that_cannot_go_on_leaves_a_line_in_the_history() {
    needs!(SETTINGS);
    let (_server, mut client) = slow(Options::new(), 5000);
    client.ok("CONFIG SET yarr.max-inline-records 100000");
    client.ok("YARR.MIGRATE t UP 2 unique ADD INDEX s UNIQUE");
    client.ok("CONFIG SET yarr.max-inline-records 1");
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 3 fill UPDATE n > 4000 SET s same")
            .text(),
        "RUNNING"
    );
    ends(&mut client, "t");
    let history = client.ok("YARR.SCHEMA t HISTORY").print();
    assert!(history.contains("FAILED DUPLICATE"), "{history}");
    assert_eq!(client.count("YARR.SCHEMA t VERSION"), 2);
    client.ok("YARR.MIGRATE t UP 4 x ADD FIELD y INTEGER");
}

#[test]
fn a_time_to_live_for_all_records_shows_when_all_have_it() {
    needs!(SETTINGS);
    let (_server, mut client) = slow(Options::new(), 30_000);
    client.ok("YARR.CREATE t n -1 EX 100");
    assert_eq!(
        client
            .run("YARR.MIGRATE t UP 2 ttl SET TTL 5000 ACTIVE")
            .text(),
        "RUNNING"
    );
    let mut before = 0;
    eventually("it ends", || {
        let with = client.count("YARR.WHERE t expires_at > now COUNT");
        assert!(with == 1 || with == 30_001, "{with} of 30001");
        before += i32::from(with == 1);
        with == 30_001
    });
    assert_eq!(
        client.count("YARR.WHERE t expires_at > now+4000s COUNT"),
        30_001
    );
    client.ok("YARR.CREATE t n 7");
    assert_eq!(
        client.count("YARR.WHERE t expires_at > now+4000s COUNT"),
        30_002
    );
}

#[test]
fn a_field_takes_another_type_where_every_value_stays_the_same() {
    let mut client = fresh();
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING DEFAULT 5 ADD FIELD e ENUM ( b a ) BITMAP ADD FIELD u UUID UNIQUE ADD FIELD d DATETIME ADD FIELD f FLOAT ADD FIELD tags TAGS TIMESTAMPS OFF
        OK
        > YARR.CREATE t n 10 s 7 e a u 00000000-0000-0000-0000-000000000001 d 1000 f 2.5
        "1"
        > YARR.CREATE t n 9 e b f 3
        "2"
        > YARR.CREATE t s ""
        "3"
        > YARR.MIGRATE t UP 2 text SET FIELD n TYPE STRING SET FIELD e TYPE STRING SET FIELD u TYPE STRING SET FIELD d TYPE INTEGER
        OK
        > YARR.FIND t 1
         1) "id"
         2) "1"
         3) "n"
         4) "10"
         5) "s"
         6) "7"
         7) "e"
         8) "a"
         9) "u"
        10) "00000000-0000-0000-0000-000000000001"
        11) "d"
        12) "1000"
        13) "f"
        14) "2.5"
        > YARR.WHERE t n IS NOT NULL ORDER BY n PLUCK n
        1) "10"
        2) "9"
        > YARR.WHERE t e >= b IDS
        1) "2"
        > YARR.FIND t WHERE u = 00000000-0000-0000-0000-000000000001 RETURN id
        1) "id"
        2) "1"
        > YARR.MIGRATE t UP 3 s SET FIELD s TYPE INTEGER
        (error) BADVALUE field 's' cannot be INTEGER: '' in the record with id '3' would not be the same value
        > YARR.UPDATE t 3 UNSET s
        (integer) 1
        > YARR.MIGRATE t UP 3 s SET FIELD s TYPE INTEGER
        OK
        > YARR.CREATE t n x RETURN s
        1) "s"
        2) "5"
        > YARR.MIGRATE t UP 4 f SET FIELD f TYPE INTEGER
        (error) BADVALUE field 'f' cannot be INTEGER: '2.5' in the record with id '1' would not be the same value
        > YARR.MIGRATE t DOWN 3
        OK
        > YARR.MIGRATE t DOWN 2
        (error) BADVALUE field 'n' cannot be INTEGER: 'x' in the record with id '4' would not be the same value
        > YARR.DEL t 4
        (integer) 1
        > YARR.MIGRATE t DOWN 2
        OK
        > YARR.SCHEMA t
         1) "TIMESTAMPS OFF"
         2) "ADD FIELD n INTEGER"
         3) "ADD FIELD s STRING DEFAULT 5"
         4) "ADD FIELD e ENUM ( b a )"
         5) "ADD FIELD u UUID"
         6) "ADD FIELD d DATETIME"
         7) "ADD FIELD f FLOAT"
         8) "ADD FIELD tags TAGS"
         9) "ADD INDEX n"
        10) "ADD INDEX e BITMAP"
        11) "ADD INDEX u UNIQUE"
        > YARR.WHERE t n > 0 ORDER BY n PLUCK n s e
        1) 1) "9"
           2) "5"
           3) "b"
        2) 1) "10"
           2) "7"
           3) "a"
        > YARR.MIGRATE t UP 5 x SET FIELD n TYPE UUID
        (error) BADVALUE field 'n' is INTEGER: no value of it is one of UUID; add another field
        > YARR.MIGRATE t UP 5 x SET FIELD tags TYPE STRING
        (error) BADVALUE field 'tags' is TAGS: no value of it is one of STRING; add another field
        > YARR.MIGRATE t UP 5 x SET FIELD e TYPE ENUM ( b )
        (error) BADVALUE field 'e' cannot be ENUM: 'a' in the record with id '1' would not be the same value
        > YARR.MIGRATE t UP 5 x SET FIELD e TYPE ENUM ( a b c )
        OK
        > YARR.WHERE t e IS NOT NULL ORDER BY e PLUCK e
        1) "a"
        2) "b"
        "#,
    );
}
