//! PACKED says what the plain reply says, wherever it may stand.

use std::{fs, path::PathBuf};

use crate::{
    able::needs,
    cli::Client,
    line::split,
    reply::Reply,
    sample::{TABLES, fill},
    server::fresh,
    unpack::{Cell, Kind, Unpacked, unpack},
};

const SCHEMA: &str = "ADD FIELD i INTEGER INDEX ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME INDEX ADD FIELD s STRING \
     ADD FIELD u UUID UNIQUE ADD FIELD e ENUM ( low high ) BITMAP ADD FIELD t TAGS BITMAP TIMESTAMPS OFF";

/// Every type at its edges, and nulls.
const RECORDS: [&str; 8] = [
    "id 1 i 9223372036854775807 f 0.1 b true d 0 s \"\" u 00000000-0000-0000-0000-000000000000 e low",
    "id 2 i -9223372036854775808 f -1.7976931348623157e308 b false d -1 s \"a\\x00\\xff\\r\\n\" u E4EAAAF2-D142-11E1-B3E4-080027620CDD e high",
    "id 3 t 0",
    "id 4 i 125 f 0 s e4eaaaf2-d142-11e1-b3e4-080027620cdd",
    "id 5 i -126 f 5e-324 s E4EAAAF2-D142-11E1-B3E4-080027620CDD d 9223372036854775807",
    "id 6 i 32767 d 1767225600000 e high t 3 b \"\" \"a\\x00\"",
    "id 7 i -32769 s cafe0123456 d -9223372036854775808 b 1",
    "id -9223372036854775808 i 2147483648 f -0",
];

/// The table, twice over with the same records.
fn tables() -> Client {
    let mut client = fresh();
    for table in ["t", "v"] {
        client.ok(&format!("YARR.MIGRATE {table} UP 1 make {SCHEMA}"));
        for record in RECORDS {
            client.ok(&format!("YARR.CREATE {table} {record}"));
        }
    }
    client
}

#[track_caller]
fn unpacked(reply: &Reply) -> Unpacked {
    unpack(reply.bytes()).unwrap_or_else(|| panic!("it does not unpack: {}", reply.print()))
}

/// Whether a record as a flat array and a packed row say the same.
#[track_caller]
fn assert_record(packed: &Unpacked, at: usize, plain: &Reply) {
    let pairs = || plain.items().chunks(2).map(|pair| (&pair[0], &pair[1]));
    let says = match &packed.rows[at] {
        None => *plain == Reply::Null,
        Some(_) => packed.says_record(at, pairs()),
    };
    assert!(says, "{:?}\n{}", packed.rows[at], plain.print());
}

#[track_caller]
fn assert_records(packed: &Reply, plain: &Reply) {
    let packed = unpacked(packed);
    assert_eq!(packed.rows.len(), plain.items().len());
    for (at, record) in plain.items().iter().enumerate() {
        assert_record(&packed, at, record);
    }
}

/// Runs a command that answers an array of records with PACKED and without.
#[track_caller]
fn compare(client: &mut Client, line: &str) {
    let plain = client.ok(line);
    let packed = client.ok(&format!("{line} PACKED"));
    assert_records(&packed, &plain);
}

/// Runs a command that changes records: plainly on `t`, packed on its twin `v`.
#[track_caller]
fn compare_change(client: &mut Client, line: &str) -> (Reply, Reply) {
    let plain = client.ok(line);
    let packed = client.ok(&format!("{} PACKED", line.replacen(" t", " v", 1)));
    (plain, packed)
}

#[test]
fn reads_say_the_same_packed() {
    let mut client = tables();
    for line in [
        "YARR.WHERE t *",
        "YARR.WHERE t * ORDER BY i DESC LIMIT 3 OFFSET 1",
        "YARR.WHERE t * ORDER BY id RETURN e s id",
        "YARR.WHERE t * RETURN s",
        "YARR.WHERE t * RETURN expires_at id",
        "YARR.WHERE t i > 0 ORDER BY id RETURN *",
        "YARR.WHERE t i = 1",
        "YARR.WHERE t * LIMIT 0",
        "YARR.WHERE t f > 0 SCAN RETURN f",
        "YARR.FIND t IDS 6 1 99 7 1 -9223372036854775808 3",
        "YARR.FIND t IDS 3 1 2 99 RETURN u id",
        "YARR.FIND t IDS 0",
    ] {
        compare(&mut client, line);
    }
    for line in [
        "YARR.FIND t 1",
        "YARR.FIND t 2 RETURN s e",
        "YARR.FIND t 3",
        "YARR.FIND t WHERE i = 125",
        "YARR.FIND t WHERE f = 0 SCAN RETURN *",
    ] {
        let plain = client.ok(line);
        let packed = unpacked(&client.ok(&format!("{line} PACKED")));
        assert_eq!(packed.rows.len(), 1, "{line}");
        assert_record(&packed, 0, &plain);
    }
    assert_eq!(client.ok("YARR.FIND t 99 PACKED"), Reply::Null);
    assert_eq!(client.ok("YARR.FIND t WHERE i = 1 PACKED"), Reply::Null);
}

#[test]
fn values_and_ids_are_columns_like_any_other() {
    let mut client = tables();
    let records = client.ok("YARR.WHERE t * ORDER BY id RETURN s id PACKED");
    for line in [
        "YARR.WHERE t * ORDER BY id PLUCK s id PACKED",
        "YARR.WHERE t * PACKED PLUCK s id ORDER BY id",
    ] {
        assert_eq!(client.ok(line), records, "{line}");
    }
    assert_eq!(
        client.ok("YARR.WHERE t * ORDER BY id IDS PACKED"),
        client.ok("YARR.WHERE t * ORDER BY id RETURN id PACKED")
    );
    for wanted in ["PLUCK s id", "PLUCK t e", "PLUCK t", "PLUCK u", "IDS"] {
        let line = format!("YARR.WHERE t * ORDER BY id {wanted}");
        let plain = client.ok(&line);
        let packed = unpacked(&client.ok(&format!("{line} PACKED")));
        assert_eq!(packed.rows.len(), plain.items().len(), "{line}");
        for (at, values) in plain.items().iter().enumerate() {
            assert!(packed.says_values(at, values), "{line}\n{}", values.print());
        }
    }
}

#[test]
fn changes_say_the_same_packed() {
    let mut client = tables();
    for line in [
        "YARR.UPDATE t WHERE i > 0 ORDER BY id SET s new INCR f 1 UNSET e RETURN *",
        "YARR.UPDATE t WHERE i = 1 SET s x RETURN *",
        "YARR.UPDATE t WHERE id = 6 SET s gone PXAT 1 RETURN id s",
        "YARR.DEL t IDS 3 1 2 99 RETURN *",
        "YARR.DEL t WHERE i < 0 ORDER BY id LIMIT 1 RETURN s id",
    ] {
        let (plain, packed) = compare_change(&mut client, line);
        assert_records(&packed, &plain);
    }
    // VALUES ends a command, so there the word stands before.
    let values = "ON CONFLICT id IGNORE RETURN * FIELDS 2 id s VALUES 3 a 50 b";
    let plain = client.ok(&format!("YARR.CREATE t {values}"));
    let packed = client.ok(&format!("YARR.CREATE v PACKED {values}"));
    assert_records(&packed, &plain);
    for line in [
        "YARR.UPDATE t 3 SET i 7 e low IF i IS NULL RETURN *",
        "YARR.UPDATE t 3 PXAT 1 RETURN id i",
        "YARR.DEL t 4 RETURN s",
        "YARR.CREATE t i 5 RETURN *",
        "YARR.CREATE t id 60 i 5 PXAT 1 RETURN *",
        "YARR.CREATE t id 50 i 6 ON CONFLICT id UPDATE RETURN i s",
        "YARR.CREATE t id 50 i 7 ON CONFLICT id KEEP RETURN i s",
    ] {
        let (plain, packed) = compare_change(&mut client, line);
        let packed = unpacked(&packed);
        assert_eq!(packed.rows.len(), 1, "{line}");
        assert_record(&packed, 0, &plain);
    }
    for line in [
        "YARR.UPDATE t 50 SET i 8 IF i = 99 RETURN *",
        "YARR.UPDATE t 99 SET i 8 RETURN *",
        "YARR.DEL t 50 IF i = 99 RETURN *",
        "YARR.DEL t 99 RETURN *",
        "YARR.CREATE t id 50 ON CONFLICT id IGNORE RETURN *",
    ] {
        let (plain, packed) = compare_change(&mut client, line);
        assert_eq!(plain, packed, "{line}");
    }
    assert_eq!(client.ok("YARR.WHERE t *"), client.ok("YARR.WHERE v *"));
}

#[test]
fn a_walk_packs_each_of_its_pages() {
    let mut client = tables();
    let (mut cursor, mut pages) = ("0".to_string(), 0);
    loop {
        let line = format!("YARR.WHERE t * ORDER BY i CURSOR {cursor} LIMIT 3");
        let plain = client.ok(&line);
        let packed = client.ok(&format!("{line} PACKED"));
        assert_eq!(packed.items().len(), 2);
        // The cursors differ in the instant that they hold.
        let ends = |reply: &Reply| reply.items()[0].text() == "0";
        assert_eq!(ends(&packed), ends(&plain));
        assert_records(&packed.items()[1], &plain.items()[1]);
        cursor = plain.items()[0].text();
        pages += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(pages, 3);
}

#[test]
fn records_of_older_schemas_are_packed_as_they_are_read() {
    let mut client = fresh();
    fill(&mut client);
    for table in TABLES {
        compare(&mut client, &format!("YARR.WHERE {table} * ORDER BY id"));
        compare(
            &mut client,
            &format!("YARR.WHERE {table} * ORDER BY id RETURN expires_at id"),
        );
    }
    compare(
        &mut client,
        "YARR.WHERE people * ORDER BY id RETURN city updated_at name place id status",
    );
    let packed = unpacked(&client.ok("YARR.FIND people 1 RETURN status city PACKED"));
    let names = ["new", "active", "gone"].map(String::from).to_vec();
    assert_eq!(packed.columns[0], ("status".into(), Kind::Enum(names)));
    assert_eq!(packed.columns[1], ("city".into(), Kind::String));
}

#[test]
fn texts_of_any_length_are_packed() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD s STRING");
    for length in [250, 251, 255, 256, 65_535, 65_536, 3_000_000] {
        let text = vec![length as u8; length];
        client.send(&[b"YARR.CREATE".as_slice(), b"t", b"s", &text]);
        let packed = unpacked(&client.ok("YARR.WHERE t * ORDER BY id DESC LIMIT 1 PLUCK s PACKED"));
        assert!(packed.rows == [Some(vec![Some(Cell::Bytes(text))])]);
    }
}

#[test]
fn a_string_past_what_a_reply_may_be_is_refused_and_nothing_has_changed() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD s STRING TIMESTAMPS OFF");
    let text = vec![b'x'; 27_000_000];
    client.send(&[b"YARR.CREATE".as_slice(), b"t", b"s", &text]);
    let twenty = ["1"; 20].join(" ");
    let error = client.fail(&format!("YARR.FIND t IDS 20 {twenty} PACKED"));
    assert!(
        error.starts_with("TOOMANY the packed reply would be longer than 512 MB"),
        "{error}"
    );
    // Each row answers the same record, as it is at the end.
    let mut words =
        split("YARR.CREATE t ON CONFLICT id UPDATE RETURN s PACKED FIELDS 2 id s VALUES")
            .expect("words");
    for _ in 0..19 {
        words.extend([b"1".to_vec(), b"y".to_vec()]);
    }
    words.extend([b"1".to_vec(), text.clone()]);
    let reply = client.send(&words);
    assert_eq!(reply.code(), "TOOMANY");
    let kept = client.ok("YARR.FIND t 1 RETURN s PACKED");
    assert!(unpacked(&kept).rows == [Some(vec![Some(Cell::Bytes(text))])]);
    assert_eq!(client.count("YARR.WHERE t s = y SCAN COUNT"), 0);
}

#[test]
fn a_transaction_and_resp3_answer_the_same_string() {
    let mut client = tables();
    let expected = client.ok("YARR.WHERE t * ORDER BY id PACKED");
    client.ok("MULTI");
    client.ok("YARR.WHERE t * ORDER BY id PACKED");
    client.ok("YARR.UPDATE t 1 SET i 5 RETURN i PACKED");
    let replies = client.ok("EXEC");
    assert_eq!(replies.items()[0], expected);
    assert_eq!(
        unpacked(&replies.items()[1]).rows,
        [Some(vec![Some(Cell::Integer(5))])]
    );
    needs!(HELLO);
    let expected = client.ok("YARR.WHERE t * ORDER BY id PACKED");
    let mut client = client.resp3();
    assert_eq!(client.ok("YARR.WHERE t * ORDER BY id PACKED"), expected);
}

#[test]
fn packed_stands_where_records_are_answered_and_once() {
    let mut client = tables();
    for (line, said) in [
        ("YARR.WHERE t * COUNT PACKED", "COUNT answers a number"),
        ("YARR.WHERE t * PACKED COUNT", "COUNT answers a number"),
        ("YARR.WHERE t * PACKED PACKED", "each clause once"),
        ("YARR.WHERE t * PACKED RETURN id PACKED", "each clause once"),
        ("YARR.FIND t 1 RETURN id PACKED PACKED", "each clause once"),
        ("YARR.CREATE t PACKED", "PACKED goes with RETURN"),
        ("YARR.UPDATE t 1 SET i 1 PACKED", "PACKED goes with RETURN"),
        ("YARR.DEL t 1 PACKED", "PACKED goes with RETURN"),
        ("YARR.DEL t WHERE * PACKED", "PACKED goes with RETURN"),
    ] {
        let error = client.fail(line);
        assert!(
            error.starts_with("ERR") && error.contains(said),
            "{line}\n{error}"
        );
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), RECORDS.len() as i64);
}

#[test]
fn a_field_may_be_called_packed() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD packed INTEGER TIMESTAMPS OFF");
    client.ok("YARR.CREATE t @packed 7 RETURN @packed PACKED");
    client.ok("YARR.UPDATE t 1 INCR @packed 1");
    let packed = unpacked(&client.ok("YARR.FIND t 1 RETURN @packed PACKED"));
    assert_eq!(packed.columns, [("packed".into(), Kind::Integer)]);
    assert_eq!(packed.rows, [Some(vec![Some(Cell::Integer(8))])]);
}

#[test]
fn explain_tells_how_long_the_string_is() {
    let mut client = tables();
    let length = client.ok("YARR.WHERE t * PACKED").bytes().len();
    let lines = client.list("YARR.EXPLAIN t ANALYZE WHERE * PACKED");
    let said = format!("answered {length} bytes in ");
    assert!(
        lines.iter().any(|line| line.starts_with(&said)),
        "{lines:?}"
    );
}

#[test]
fn any_end_before_the_end_is_refused() {
    let mut client = tables();
    let reply = client.ok("YARR.WHERE t * PACKED");
    let bytes = reply.bytes();
    assert!(unpack(bytes).is_some());
    for end in 0..bytes.len() {
        assert_eq!(unpack(&bytes[..end]), None, "{end} bytes");
    }
    assert_eq!(unpack(&[bytes, b"\0"].concat()), None);
}

/// The string of [`RECORDS`] in version 3, which stays what it is for ever.
fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packed-3.bin")
}

#[test]
fn version_3_stays_what_it_is() {
    let mut client = tables();
    let reply = client.ok("YARR.WHERE t * ORDER BY id PACKED");
    let kept = fs::read(golden()).expect("the fixture");
    assert!(reply.bytes() == kept, "{}", reply.print());
    let kept = unpack(&kept).expect("version 3");
    assert_eq!(kept.rows.len(), RECORDS.len());
    let first = kept.rows[0].as_ref().expect("a record");
    assert_eq!(first[0], Some(Cell::Integer(i64::MIN)));
    assert_eq!(first[2], Some(Cell::Float(0.0)));
}

/// `cargo test --test integration write_the_packed_reply -- --ignored`.
#[test]
#[ignore = "writes the fixture anew, which only a new version may ask for"]
fn write_the_packed_reply_of_this_version() {
    let reply = tables().ok("YARR.WHERE t * ORDER BY id PACKED");
    fs::write(golden(), reply.bytes()).expect("a file");
}
