//! The operations of a migration's file beside the server's own grammar of them.

use proptest::{collection::vec, prelude::*, sample::select};
use yarr::{schema::parse_operations, tokens::Tokens};
use yarr_client::Migration;

const WORDS: [&str; 48] = [
    "ADD",
    "FIELD",
    "a",
    "INTEGER",
    "REMOVE",
    "RENAME",
    "SET",
    "ID",
    "TIMESTAMPS",
    "TO",
    "b",
    "FLOAT",
    "INDEX",
    "UNIQUE",
    "BITMAP",
    "ENUM",
    "(",
    "x",
    ")",
    "VALUE",
    "TTL",
    "NONE",
    "60",
    "PASSIVE",
    "ACTIVE",
    "UUID",
    "STRING",
    "ON",
    "OFF",
    "NOT",
    "NULL",
    "NO",
    "DEFAULT",
    "TYPE",
    "TAGS",
    "2",
    "1",
    ";",
    "@a",
    "id",
    "created_at",
    "true",
    "now",
    "DATETIME",
    "BOOLEAN",
    "add",
    "field",
    "-5",
];

/// Operations that are mostly ones.
fn operation() -> impl Strategy<Value = Vec<&'static str>> {
    const SOME: [&str; 22] = [
        "ADD FIELD a INTEGER INDEX",
        "ADD FIELD b STRING DEFAULT ADD NOT NULL UNIQUE",
        "ADD FIELD c TAGS DEFAULT 2 x DROP BITMAP",
        "ADD FIELD d ENUM ( x ADD ) DEFAULT x",
        "ADD FIELD set DATETIME DEFAULT now",
        "ADD ENUM VALUE d y",
        "ADD INDEX a b UNIQUE",
        "ADD INDEX id a",
        "ADD INDEX @id @a BITMAP",
        "REMOVE INDEX a BITMAP",
        "REMOVE FIELD a",
        "RENAME FIELD a TO id2",
        "SET FIELD a DEFAULT 5",
        "SET FIELD a DEFAULT 2 x y",
        "SET FIELD a NO DEFAULT",
        "SET FIELD a NOT NULL",
        "SET FIELD a NULL",
        "SET FIELD a TYPE ENUM ( x y )",
        "SET TTL 60 PASSIVE",
        "SET TTL NONE ACTIVE ;",
        "ID UUID",
        "TIMESTAMPS OFF",
    ];
    let whole = select(&SOME[..]).prop_map(|text| text.split(' ').collect());
    prop_oneof![4 => whole, 1 => vec(select(&WORDS[..]), 1..4)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What the server takes, a file may say; and what a file may not say, the server refuses.
    #[test]
    fn a_file_takes_what_the_server_takes(operations in vec(operation(), 1..4), at in any::<prop::sample::Index>(), other in proptest::option::of(select(&WORDS[..]))) {
        let mut words: Vec<&str> = operations.concat();
        let at = at.index(words.len());
        match other {
            Some(other) => words[at] = other,
            None if words.len() > 1 => _ = words.remove(at),
            None => {}
        }
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut tokens = Tokens::new(&bytes);
        let server = parse_operations(&mut tokens).is_ok() && tokens.finish().is_ok();
        let line = words.join(" ");
        let file = Migration::parse("1_a.yarr", &format!("up\ntable t\n{line}"));
        if server {
            prop_assert!(file.is_ok(), "{line}: {file:?}");
        }
        // Its words are those that go to the server; a `;` may end an operation, or be a value.
        if let (Ok(file), false) = (file, words.contains(&";")) {
            let sent: Vec<Vec<u8>> = file.operations(b"t").iter().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(sent, bytes);
        }
    }
}
