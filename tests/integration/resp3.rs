//! RESP3: maps, integers, doubles, booleans.

use crate::{
    able::{HELLO, MAPS, able, needs},
    cli::Client,
    reply::Reply,
    server::fresh,
    transcript::transcript,
};

fn table() -> Client {
    let mut client = fresh().resp3();
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD i INTEGER INDEX ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME ADD FIELD s STRING \
         ADD FIELD u UUID ADD FIELD e ENUM ( low high ) TIMESTAMPS OFF",
    );
    client
}

#[test]
fn a_record_is_a_map_of_typed_values() {
    needs!(MAPS);
    transcript(
        &mut table(),
        r#"
        > YARR.CREATE t i 42 f 0.5 b true d 1970-01-01T00:00:01Z s x u E4EAAAF2-D142-11E1-B3E4-080027620CDD e high
        (integer) 1
        > YARR.FIND t 1
        1# "id" => (integer) 1
        2# "i" => (integer) 42
        3# "f" => (double) 0.5
        4# "b" => (true)
        5# "d" => (integer) 1000
        6# "s" => "x"
        7# "u" => "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
        8# "e" => "high"
        > YARR.FIND t 2
        (nil)
        > YARR.FIND t IDS 2 1 2 RETURN i b
        1) 1# "i" => (integer) 42
           2# "b" => (true)
        2) (nil)
        > YARR.CREATE t f -2 b 0 RETURN *
        1# "id" => (integer) 2
        2# "f" => (double) -2
        3# "b" => (false)
        > YARR.FIND t 2 RETURN i
        (empty hash)
        > YARR.WHERE t * ORDER BY id RETURN id i
        1) 1# "id" => (integer) 1
           2# "i" => (integer) 42
        2) 1# "id" => (integer) 2
        > YARR.WHERE t * ORDER BY id PLUCK i
        1) (integer) 42
        2) (nil)
        > YARR.WHERE t * ORDER BY id PLUCK f b
        1) 1) (double) 0.5
           2) (true)
        2) 1) (double) -2
           2) (false)
        > YARR.WHERE t * ORDER BY id IDS
        1) (integer) 1
        2) (integer) 2
        > YARR.WHERE t * COUNT
        (integer) 2
        > YARR.WHERE t i = 42 CURSOR 0 IDS
        1) "0"
        2) 1) (integer) 1
        > YARR.UPDATE t 1 SET i 43 RETURN i
        1# "i" => (integer) 43
        > YARR.UPDATE t 9 SET i 43
        (nil)
        > YARR.CREATE t FIELDS 1 i VALUES 1 2
        1) (integer) 3
        2) (integer) 4
        > YARR.DEL t 1 RETURN i
        1# "i" => (integer) 43
        > YARR.DEL t 9
        (nil)
        > YARR.FIND t x
        (error) BADVALUE ...
        "#,
    );
}

#[test]
fn a_record_is_a_flat_array_where_modules_have_no_maps() {
    needs!(HELLO);
    let mut client = table();
    client.ok("YARR.CREATE t i 42 b true");
    let record = client.ok("YARR.FIND t 1 RETURN i b");
    if able(MAPS) {
        assert_eq!(
            record.print(),
            "1# \"i\" => (integer) 42\n2# \"b\" => (true)"
        );
    } else {
        assert_eq!(record.words(), ["i", "42", "b", "true"]);
        assert!(matches!(record, Reply::Array(_)));
    }
}

#[test]
fn a_double_keeps_every_digit() {
    needs!(MAPS);
    let mut client = table();
    for text in [
        "0",
        "5",
        "0.30000000000000004",
        "1e+300",
        "-1.7976931348623157e+308",
        "5e-324",
        "123456789.125",
    ] {
        let id = client.ok(&format!("YARR.CREATE t f {text}")).text();
        let found = client.ok(&format!("YARR.FIND t {id} RETURN f"));
        let double = found.get("f").expect("f").clone();
        let Reply::Double(sent) = &double else {
            panic!("{}", double.print())
        };
        let (sent, meant): (f64, f64) = (
            sent.parse().expect("a double"),
            text.parse().expect("a double"),
        );
        assert_eq!(sent.to_bits(), meant.to_bits(), "{text}");
    }
}

#[test]
fn an_integer_keeps_every_bit() {
    needs!(MAPS);
    let mut client = table();
    for text in [
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993",
    ] {
        let id = client.ok(&format!("YARR.CREATE t i {text}")).text();
        assert_eq!(
            client.ok(&format!("YARR.FIND t {id} RETURN i")).print(),
            format!("1# \"i\" => (integer) {text}")
        );
    }
}

#[test]
fn both_protocols_are_served_on_one_connection() {
    needs!(MAPS);
    transcript(
        &mut table(),
        r#"
        > YARR.CREATE t i 1
        (integer) 1
        > HELLO 2
        ...
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "i"
        4) "1"
        > HELLO 3
        ...
        > YARR.FIND t 1
        1# "id" => (integer) 1
        2# "i" => (integer) 1
        "#,
    );
}

#[test]
fn the_commands_about_a_table_answer_in_both_protocols() {
    needs!(HELLO);
    let mut client = table();
    for line in [
        "YARR.SCHEMA t",
        "YARR.SCHEMA t HISTORY",
        "YARR.SCHEMA t VERSION",
        "YARR.INFO t",
        "YARR.EXPLAIN t WHERE i = 1",
    ] {
        client.ok("HELLO 2");
        let old = client.ok(line).words();
        client.ok("HELLO 3");
        let new = client.ok(line).words();
        assert_eq!(old.len(), new.len(), "{line}");
        assert!(!old.is_empty(), "{line}");
    }
}

#[test]
fn a_real_client_library_reads_a_record_as_a_map() {
    use std::collections::HashMap;
    let server = crate::server::Server::start();
    for protocol in ["resp2", "resp3"] {
        if protocol == "resp3" && !able(HELLO) {
            continue;
        }
        let client = redis::Client::open(format!(
            "redis://127.0.0.1:{}/?protocol={protocol}",
            server.port
        ))
        .expect("an address");
        let mut connection = client.get_connection().expect("a connection");
        let table = format!("t_{protocol}");
        let run = |words: &[&str]| {
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]);
            command
        };
        let _: () = run(&[
            "YARR.MIGRATE",
            &table,
            "UP",
            "1",
            "make",
            "ADD",
            "FIELD",
            "n",
            "INTEGER",
            "ADD",
            "FIELD",
            "s",
            "STRING",
            "TIMESTAMPS",
            "OFF",
        ])
        .query(&mut connection)
        .expect("OK");
        let id: i64 = run(&["YARR.CREATE", &table, "n", "42", "s", "x"])
            .query(&mut connection)
            .expect("an id");
        let record: HashMap<String, String> = run(&["YARR.FIND", &table, &id.to_string()])
            .query(&mut connection)
            .expect("a record");
        let expected =
            [("id", "1"), ("n", "42"), ("s", "x")].map(|(k, v)| (k.to_string(), v.to_string()));
        assert_eq!(record, HashMap::from(expected));
        let none: Option<HashMap<String, String>> = run(&["YARR.FIND", &table, "9"])
            .query(&mut connection)
            .expect("a null");
        assert_eq!(none, None);
        let error = run(&["YARR.FIND", "none", "1"])
            .query::<()>(&mut connection)
            .expect_err("an error");
        assert_eq!(error.code(), Some("NOTABLE"));
    }
}
