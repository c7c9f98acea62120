//! Arguments made to break a server: it answers, lives, and its tables stay sound.

use crate::{
    cli::Client,
    reply::Reply,
    server::{Server, fresh},
};

fn table(client: &mut Client) {
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD FIELD e ENUM ( a b ) BITMAP ADD FIELD k STRING UNIQUE ADD FIELD big STRING TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 4 n s e k VALUES 1 x a p 2 y b q 3 z a r");
}

/// The table answers as ever.
#[track_caller]
fn sound(client: &mut Client) {
    assert_eq!(
        client.list("YARR.WHERE t n >= 1 AND n <= 3 ORDER BY n PLUCK s"),
        ["x", "y", "z"]
    );
    assert_eq!(client.count("YARR.WHERE t e = a AND n <= 3 COUNT"), 2);
}

fn words(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

#[test]
fn a_predicate_nested_too_deep_is_refused() {
    let mut client = fresh();
    table(&mut client);
    let nested = |depth: usize, open: &[&str], close: &[&str]| {
        let mut command = words(&["YARR.WHERE", "t"]);
        (0..depth).for_each(|_| command.extend(words(open)));
        command.extend(words(&["n", "=", "1"]));
        (0..depth).for_each(|_| command.extend(words(close)));
        command
    };
    for (open, close) in [
        (vec!["("], vec![")"]),
        (vec!["NOT", "("], vec![")"]),
        (vec!["(", "n", "=", "1", "AND"], vec![")"]),
        (vec!["(", "n", "=", "2", "OR", "NOT"], vec![")"]),
    ] {
        for depth in [1_000, 100_000] {
            let reply = client.send(&nested(depth, &open, &close));
            assert_eq!(reply.code(), "ERR", "{depth} x {open:?}: {}", reply.print());
            let reply = client.send(&nested(depth, &open, &[]));
            assert!(reply.is_error());
        }
        let reply = client.send(&nested(40, &open, &close));
        assert!(!reply.is_error(), "40 x {open:?}: {}", reply.print());
    }
    // A chain of NOTs may be folded or refused.
    let folded = client.send(&nested(100_000, &["NOT"], &[])).code();
    assert!(
        ["ERR".to_string(), client.run("YARR.WHERE t n = 1").print()].contains(&folded),
        "{folded}"
    );
    assert!(!client.send(&nested(120, &["("], &[")"])).is_error());
    assert_eq!(client.send(&nested(129, &["("], &[")"])).code(), "ERR");
    let mut closing = words(&["YARR.WHERE", "t"]);
    closing.extend(vec![b")".to_vec(); 100_000]);
    assert_eq!(client.send(&closing).code(), "ERR");
    sound(&mut client);
}

#[test]
fn a_predicate_may_be_long_where_it_is_not_deep() {
    let mut client = fresh();
    table(&mut client);
    for word in ["OR", "AND"] {
        let mut command = words(&["YARR.WHERE", "t", "n", "=", "1"]);
        for n in 0..10_000 {
            command.extend(words(&[
                word,
                "n",
                if word == "OR" { "=" } else { ">=" },
                &(-n).to_string(),
            ]));
        }
        command.push(b"COUNT".to_vec());
        assert_eq!(client.send(&command).print(), "(integer) 1", "{word}");
    }
    sound(&mut client);
}

#[test]
fn a_million_arguments_are_answered() {
    let mut client = fresh();
    table(&mut client);
    let million = 1_000_000;
    let mut command = words(&["YARR.WHERE", "t", "n", "IN", &million.to_string()]);
    command.extend((0..million).map(|n| n.to_string().into_bytes()));
    command.push(b"COUNT".to_vec());
    assert_eq!(client.send(&command).print(), "(integer) 3");
    let mut command = words(&["YARR.FIND", "t", "IDS", &million.to_string()]);
    command.extend((0..million).map(|n| n.to_string().into_bytes()));
    assert_eq!(client.send(&command).code(), "TOOMANY");
    let mut command = words(&["YARR.DEL", "t", "IDS", &million.to_string()]);
    command.extend((10..million + 10).map(|n| n.to_string().into_bytes()));
    assert!(["TOOMANY", "(integer) 0"].contains(&client.send(&command).code().as_str()));
    let mut command = words(&["YARR.CREATE", "t"]);
    command.extend((0..million).map(|_| b"n".to_vec()));
    assert!(client.send(&command).is_error());
    let mut command = words(&["YARR.CREATE", "t", "FIELDS", "1", "n", "VALUES"]);
    command.extend((0..million).map(|_| b"0".to_vec()));
    client.send(&command);
    let count = client.count("YARR.WHERE t n = 0 COUNT");
    assert!(
        count == 0 || count == 1_000_000,
        "all rows or none: {count}"
    );
    sound(&mut client);
}

#[test]
fn a_value_of_half_a_gigabyte_is_answered() {
    let server = Server::start();
    let mut client = server.connect();
    table(&mut client);
    let huge = vec![b'x'; 512 * 1024 * 1024];
    let create = client.send(&[b"YARR.CREATE".as_slice(), b"t", b"big", &huge]);
    match &create {
        Reply::Bulk(id) => {
            let found = client.send(&[b"YARR.FIND".as_slice(), b"t", id, b"RETURN", b"big"]);
            assert!(found.items()[1].bytes() == &huge[..]);
            assert_eq!(
                client.send(&[b"YARR.DEL".as_slice(), b"t", id]).print(),
                "(integer) 1"
            );
        }
        reply => assert_eq!(reply.code(), "BADVALUE"),
    }
    // What is refused is refused the same a little shorter, and sooner.
    let huge = &huge[..64 * 1024 * 1024];
    for command in [
        vec![b"YARR.CREATE".as_slice(), b"t", b"s", huge],
        vec![b"YARR.CREATE".as_slice(), b"t", b"n", huge],
        vec![b"YARR.CREATE".as_slice(), b"t", huge, b"1"],
        vec![b"YARR.FIND".as_slice(), b"t", huge],
        vec![b"YARR.WHERE".as_slice(), b"t", huge, b"=", b"1"],
        vec![b"YARR.WHERE".as_slice(), b"t", b"*", b"CURSOR", huge],
        vec![
            b"YARR.MIGRATE".as_slice(),
            b"t",
            b"UP",
            b"2",
            b"x",
            b"ADD",
            b"FIELD",
            huge,
            b"INTEGER",
        ],
    ] {
        assert!(client.send(&command).is_error());
    }
    assert_eq!(
        client
            .send(&[b"YARR.WHERE".as_slice(), b"t", b"s", b"=", huge, b"COUNT"])
            .print(),
        "(integer) 0"
    );
    sound(&mut client);
}

#[test]
fn a_string_in_an_index_is_at_most_four_kibibytes() {
    let mut client = fresh();
    table(&mut client);
    let long = "x".repeat(4096);
    assert!(!client.run(&format!("YARR.CREATE t s {long}")).is_error());
    assert_eq!(
        client.run(&format!("YARR.CREATE t s {long}y")).code(),
        "BADVALUE"
    );
    assert_eq!(
        client.run(&format!("YARR.UPDATE t 1 SET s {long}y")).code(),
        "BADVALUE"
    );
    assert!(!client.run(&format!("YARR.CREATE t big {long}y")).is_error());
    assert_eq!(client.count(&format!("YARR.WHERE t s = {long} COUNT")), 1);
    assert_eq!(client.count(&format!("YARR.WHERE t s = {long}y COUNT")), 0);
    assert_eq!(client.count(&format!("YARR.WHERE t s > {long} COUNT")), 2);
    assert_eq!(client.count(&format!("YARR.WHERE t s <= {long}y COUNT")), 2);
    assert_eq!(
        client.count(&format!("YARR.WHERE t s STARTS WITH {long}y COUNT")),
        0
    );
}

/// Commands with any bytes in the place of the question mark.
const TEMPLATES: [&str; 40] = [
    "YARR.FIND ? 1",
    "YARR.FIND t ?",
    "YARR.FIND t 1 ?",
    "YARR.FIND t 1 RETURN ?",
    "YARR.FIND t IDS ? 1",
    "YARR.FIND t WHERE ? = 1",
    "YARR.WHERE t ?",
    "YARR.WHERE t n ? 1",
    "YARR.WHERE t n = ?",
    "YARR.WHERE t e = ?",
    "YARR.WHERE t s = ?",
    "YARR.WHERE t s STARTS WITH ?",
    "YARR.WHERE t * CURSOR ?",
    "YARR.WHERE t * LIMIT ?",
    "YARR.WHERE t * ORDER BY ?",
    "YARR.CREATE t ? 1",
    "YARR.CREATE t n ?",
    "YARR.CREATE t id ?",
    "YARR.CREATE t n 5 ON CONFLICT ? IGNORE",
    "YARR.CREATE t n 5 EX ?",
    "YARR.CREATE t FIELDS ? n VALUES 1",
    "YARR.UPDATE t 9 SET ? 1",
    "YARR.UPDATE t 9 INCR n ?",
    "YARR.DEL t ?",
    "YARR.MIGRATE t ? 5",
    "YARR.MIGRATE t UP ? x ADD FIELD z INTEGER",
    "YARR.MIGRATE u UP 1 ? ADD FIELD z INTEGER",
    "YARR.MIGRATE t UP 5 x ADD FIELD ? INTEGER",
    "YARR.MIGRATE t UP 5 x ADD FIELD z ?",
    "YARR.MIGRATE t UP 5 x ADD FIELD z ENUM ( ? )",
    "YARR.MIGRATE t UP 5 x ADD FIELD z INTEGER DEFAULT ?",
    "YARR.MIGRATE t DOWN ?",
    "YARR.AGGREGATE t * GROUP BY ? COUNT",
    "YARR.AGGREGATE t * SUM ?",
    "YARR.AGGREGATE t * COUNT ORDER BY ?",
    "YARR.SCHEMA t ?",
    "YARR.EXPLAIN t ?",
    "YARR.INFO ?",
    "YARR.APPLY t ?",
    "YARR.APPLY ? ?",
];

fn filled<'a>(template: &'a str, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    template
        .split(' ')
        .map(|word| if word == "?" { bytes } else { word.as_bytes() })
        .collect()
}

#[test]
fn bytes_of_every_kind_may_stand_everywhere() {
    let mut client = fresh();
    table(&mut client);
    let nasty: [&[u8]; 12] = [
        b"\0",
        b"a\0b",
        b"\xff\xfe\xc0\x80",
        b"",
        b"\r\n",
        b"%s%s%s%n%n",
        b"\x1b[2J",
        b"'\"\\`",
        b"\xed\xa0\x80",
        &[0; 300],
        &[0xff; 300],
        b"*1\r\n$4\r\nPING\r\n",
    ];
    for bytes in nasty {
        for template in TEMPLATES {
            let command = filled(template, bytes);
            let reply = client.send(&command);
            if let Reply::Error(text) = &reply {
                assert!(
                    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "{command:?}: {text:?}"
                );
            }
            // The reply was whole: the next command has its own.
            assert_eq!(client.run("ECHO still").print(), "\"still\"", "{command:?}");
        }
        // As the table's name, the migration's name, a default and a value it is as good as any.
        for template in [
            "YARR.MIGRATE ? UP 1 make ADD FIELD s STRING DEFAULT ? INDEX",
            "YARR.CREATE ? s ?",
            "YARR.CREATE ?",
            "YARR.SCHEMA ?",
            "YARR.SCHEMA ? HISTORY",
            "YARR.INFO ?",
        ] {
            let command = filled(template, bytes);
            let reply = client.send(&command);
            assert!(!reply.is_error(), "{command:?}: {}", reply.print());
        }
        let found = client.send(&[
            b"YARR.WHERE".as_slice(),
            bytes,
            b"s",
            b"=",
            bytes,
            b"PLUCK",
            b"s",
        ]);
        assert_eq!(found, Reply::Array(vec![Reply::Bulk(bytes.to_vec()); 2]));
        client.send(&[b"UNLINK", bytes]);
        client.ok("YARR.DEL t WHERE id > 3");
    }
    sound(&mut client);
}

#[test]
fn numbers_at_the_edge_are_answered() {
    let mut client = fresh();
    table(&mut client);
    let edges = [
        "0",
        "-1",
        "1",
        "2147483647",
        "2147483648",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "-0",
        "+1",
        "00",
        "",
    ];
    for edge in edges {
        for line in [
            format!("YARR.WHERE t * LIMIT '{edge}'"),
            format!("YARR.WHERE t * OFFSET '{edge}'"),
            format!("YARR.WHERE t * OFFSET '{edge}' LIMIT '{edge}'"),
            format!("YARR.WHERE t n IN '{edge}' 1"),
            format!("YARR.FIND t IDS '{edge}' 1"),
            format!("YARR.DEL t IDS '{edge}' 99"),
            format!("YARR.CREATE t FIELDS '{edge}' n VALUES 77"),
            format!("YARR.UPDATE t 99 INCR n '{edge}'"),
            format!("YARR.UPDATE t 99 SET n 1 EX '{edge}'"),
            format!("YARR.UPDATE t 99 SET n 1 PXAT '{edge}'"),
            format!("YARR.WHERE t n = '{edge}' COUNT"),
            format!("YARR.WHERE t n BETWEEN '{edge}' AND '{edge}' COUNT"),
            format!("YARR.MIGRATE t DOWN '{edge}0'"),
            format!("YARR.MIGRATE none DOWN '{edge}'"),
        ] {
            client.run(&line);
            assert_eq!(client.run("PING").print(), "PONG", "{line}");
        }
        client.ok("YARR.DEL t WHERE n = 77");
    }
    sound(&mut client);
}
