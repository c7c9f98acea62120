//! Values: what each type accepts, keeps and refuses.

use crate::create::table;

#[test]
fn every_type_reads_back_in_its_own_form() {
    let mut client = table(
        "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME ADD FIELD s STRING \
         ADD FIELD u UUID ADD FIELD e ENUM ( new Old a.b-c_9 ) TIMESTAMPS OFF",
    );
    let cases: &[(&str, &str, &str)] = &[
        ("i", "9223372036854775807", "9223372036854775807"),
        ("i", "-9223372036854775808", "-9223372036854775808"),
        ("i", "0", "0"),
        ("f", "5", "5"),
        ("f", "5.0", "5"),
        ("f", "0.1", "0.1"),
        ("f", "-0", "0"),
        ("f", "1e300", "1e+300"),
        ("f", "1E300", "1e+300"),
        ("f", "1e20", "100000000000000000000"),
        ("f", "1e21", "1e+21"),
        ("f", "123456789012345680000", "123456789012345680000"),
        ("f", "0.000001", "0.000001"),
        ("f", "1e-7", "1e-7"),
        ("f", "-1.5e-10", "-1.5e-10"),
        ("f", "1.7976931348623157e308", "1.7976931348623157e+308"),
        ("f", "5e-324", "5e-324"),
        ("f", "0.30000000000000004", "0.30000000000000004"),
        ("f", "9007199254740993", "9007199254740992"),
        ("b", "true", "true"),
        ("b", "TRUE", "true"),
        ("b", "1", "true"),
        ("b", "False", "false"),
        ("b", "0", "false"),
        ("d", "0", "0"),
        ("d", "-1", "-1"),
        ("d", "1357034400000", "1357034400000"),
        ("d", "2013-01-01T10:00:00Z", "1357034400000"),
        ("d", "2013-01-01T10:00:00.1239Z", "1357034400123"),
        ("d", "2013-01-01T10:00:00+01:30", "1357029000000"),
        ("d", "1969-12-31T23:59:59.999Z", "-1"),
        ("s", "\"\"", ""),
        ("s", "plain", "plain"),
        ("s", "\"with space\"", "with space"),
        (
            "s",
            "E4EAAAF2-D142-11E1-B3E4-080027620CDD",
            "E4EAAAF2-D142-11E1-B3E4-080027620CDD",
        ),
        (
            "s",
            "e4eaaaf2-d142-11e1-b3e4-080027620cdd",
            "e4eaaaf2-d142-11e1-b3e4-080027620cdd",
        ),
        (
            "s",
            "e4eaaaf2d14211e1b3e4080027620cdd",
            "e4eaaaf2d14211e1b3e4080027620cdd",
        ),
        ("s", "007", "007"),
        (
            "u",
            "E4EAAAF2-D142-11E1-B3E4-080027620CDD",
            "e4eaaaf2-d142-11e1-b3e4-080027620cdd",
        ),
        (
            "u",
            "e4eaaaf2d14211e1b3e4080027620cdd",
            "e4eaaaf2-d142-11e1-b3e4-080027620cdd",
        ),
        ("e", "new", "new"),
        ("e", "Old", "Old"),
        ("e", "a.b-c_9", "a.b-c_9"),
    ];
    for (field, given, kept) in cases {
        let id = client.ok(&format!("YARR.CREATE t {field} {given}")).text();
        let found = client.ok(&format!("YARR.FIND t {id} RETURN {field}"));
        assert_eq!(found.words(), [*field, *kept], "{field} {given}");
    }
}

#[test]
fn a_string_holds_any_bytes() {
    let mut client = table("ADD FIELD s STRING TIMESTAMPS OFF");
    let every_byte: Vec<u8> = (0..=255).collect();
    for bytes in [
        &every_byte[..],
        b"\0",
        b"\r\n",
        b")",
        b"AND",
        b"*",
        b"RETURN",
        b"\xff\xfe",
        b"%s%n",
        &[b'x'; 100_000],
    ] {
        let id = client.send(&[b"YARR.CREATE".as_slice(), b"t", b"s", bytes]);
        let found = client.send(&[b"YARR.FIND".as_slice(), b"t", id.bytes(), b"RETURN", b"s"]);
        assert_eq!(found.items()[1].bytes(), bytes);
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    let mut client = table(
        "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME ADD FIELD u UUID ADD FIELD e ENUM ( a b )",
    );
    let cases = [
        (
            "i",
            vec![
                "x",
                "''",
                "1.5",
                "9223372036854775808",
                "-9223372036854775809",
                "' 1'",
                "1e3",
                "0x10",
            ],
        ),
        (
            "f",
            vec!["x", "''", "nan", "inf", "-inf", "1e999", "1,5", "infinity"],
        ),
        ("b", vec!["yes", "''", "2", "t"]),
        (
            "d",
            vec![
                "yesterday",
                "''",
                "2013-13-01T00:00:00Z",
                "2013-02-29T00:00:00Z",
                "2013-01-01T10:00:00",
                "now-1y",
                "nowhere",
            ],
        ),
        (
            "u",
            vec![
                "x",
                "''",
                "e4eaaaf2-d142-11e1-b3e4-080027620cd",
                "e4eaaaf2-d142-11e1-b3e4-080027620cdg",
                "e4eaaaf2d142-11e1-b3e4-080027620cdd-",
            ],
        ),
        ("e", vec!["c", "''", "A", "0"]),
    ];
    for (field, values) in cases {
        for value in values {
            let error = client.fail(&format!("YARR.CREATE t {field} {value}"));
            assert!(error.starts_with("BADVALUE "), "{field} {value}: {error}");
            assert!(
                error.contains(field),
                "the error should name the field: {error}"
            );
        }
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 0);
}
