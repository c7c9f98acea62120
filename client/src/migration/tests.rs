//! Files that are migrations, and files that are none.

use super::*;

const FILE: &str = "m/20200504000000_create_s.yarr";

/// Where the expected text is `...`, anything may stand.
fn refused(text: &str) -> String {
    let error = Migration::parse("1_a.yarr", text).unwrap_err().to_string();
    error.strip_prefix("1_a.yarr:").unwrap().to_string()
}

#[test]
fn a_file_is_read_as_the_migration_it_is() {
    let text = r#"
# sessions
UP
table s
  ADD FIELD a STRING DEFAULT "b c" ; ADD FIELD set ENUM ( x y ) \
      NOT NULL
  # within
  SET TTL 60 PASSIVE
redis
  set k on NX
  "up" 'it''s'
  "redis" "\x00\"" ''
for each key matching "u:*:*" TYPE Hash batch 7
  RENAME {key} {2}:{1}
end
table t
  REMOVE FIELD a
  drop data
down
  drop data
  redis
    DEL k
"#
    .replace("'it''s'", r"'it\'s'");
    let read = Migration::parse(FILE, &text).unwrap();
    let each = Each::matching("u:*:*")
        .of_type("hash")
        .batch(7)
        .command(["RENAME", "{key}", "{2}:{1}"]);
    let built = Migration::new(20200504000000, "create_s")
        .table(
            "s",
            "ADD FIELD a STRING DEFAULT \"b c\" ADD FIELD set ENUM ( x y ) NOT NULL SET TTL 60 PASSIVE",
        )
        .command(["set", "k", "on", "NX"])
        .command(["up", "it's"])
        .command([&b"redis"[..], b"\0\"", b""])
        .each(each)
        .table("t", "REMOVE FIELD a DROP DATA");
    assert_ne!(built, read);
    assert_eq!(built.up(), read.up());
    assert_eq!(built.checksum(), read.checksum());
    let built = built.down_command(["DEL", "k"]).down_drops_data();
    assert_eq!(read, built);
    assert_eq!(Migration::parse(FILE, &read.to_string()).unwrap(), read);
    assert_eq!(
        read.to_string(),
        r#"up
  table s
    ADD FIELD a STRING DEFAULT 'b c'
    ADD FIELD set ENUM ( x y ) NOT NULL
    SET TTL 60 PASSIVE
  redis
    set k on NX
    'up' "it's"
    'redis' "\x00\"" ''
  for each key matching 'u:*:*' type hash batch 7
    RENAME {key} {2}:{1}
  end
  table t
    REMOVE FIELD a
    drop data
down
  drop data
  redis
    DEL k
"#
    );
}

#[test]
fn a_way_down_is_what_is_said_and_then_the_other_tables_from_the_last_on() {
    let names = |migration: &Migration| {
        let blocks = migration.down().unwrap();
        let name = |block: &Block| match block {
            Block::Table {
                name, drop_data, ..
            } => format!(
                "{}{}",
                name.escape_ascii(),
                if *drop_data { "!" } else { "" }
            ),
            Block::Redis(_) => "redis".into(),
            Block::Each(_) => "each".into(),
        };
        blocks.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let up = "up\ntable a\nID UUID\ntable b\nID UUID\ntable c\nID UUID\n";
    for (down, expected) in [
        ("", "c b a"),
        ("down", "c b a"),
        ("down\ndrop data", "c! b! a!"),
        (
            "down\nredis\nDEL k\ntable a\ndrop data\nredis\nDEL l",
            "redis a! redis c b",
        ),
    ] {
        let migration = Migration::parse(FILE, &format!("{up}{down}")).unwrap();
        assert_eq!(names(&migration), expected, "{down}");
    }
    let own = format!("{up}down\ntable b\nSET TTL NONE PASSIVE");
    let own = Migration::parse(FILE, &own).unwrap();
    assert_eq!(
        own.operations(b"b").to_string(),
        "ID UUID DOWN SET TTL NONE PASSIVE"
    );
    let plain = Migration::parse(FILE, "up\nredis\nDEL k").unwrap();
    assert!(
        plain
            .down()
            .unwrap_err()
            .to_string()
            .contains("has no way down")
    );
    let empty = Migration::parse(FILE, "up\nredis\nDEL k\ndown").unwrap();
    assert_eq!(empty.down().unwrap(), []);
}

#[test]
fn a_checksum_is_of_what_is_done_and_of_nothing_else() {
    let sum = |text: &str| Migration::parse(FILE, text).unwrap().checksum();
    let one = sum("up\ntable a\nID UUID ; TIMESTAMPS OFF\n");
    for same in [
        "# why\nup\n\n   table a\n\tID UUID\n TIMESTAMPS OFF\n",
        "up\ntable 'a'\nID UUID TIMESTAMPS OFF\ndown\ndrop data\nredis\nDEL x",
        "up\r\ntable a\r\nID UUID\r\nTIMESTAMPS OFF\r\n",
    ] {
        assert_eq!(sum(same), one, "{same}");
    }
    for other in [
        "up\ntable a\nID UUID",
        "up\ntable b\nID UUID ; TIMESTAMPS OFF\n",
        "up\ntable a\nID UUID ; TIMESTAMPS OFF\ndown\ntable a\nID STRING",
    ] {
        assert_ne!(sum(other), one, "{other}");
    }
}

#[test]
fn what_is_no_file_name_is_refused() {
    for name in [
        "create.yarr",
        "1_.yarr",
        "_a.yarr",
        "1_a.redis",
        "1_a b.yarr",
        "+1_a.yarr",
        "99999999999999999999_a.yarr",
    ] {
        let error = Migration::parse(name, "up\nredis\nDEL k")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("expected a name such as 20200504000000_create_user_session.yarr"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_migration_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "1:1: expected `up`, found the end of the file"),
        (
            "# only this",
            "1:12: expected `up`, found the end of the file",
        ),
        ("table t", "1:1: expected `up`, found 'table'"),
        ("up now", "1:4: expected the end of the line, found 'now'"),
        (
            "up\n",
            "1:3: expected a block (table, redis or for each), found the end of the file",
        ),
        (
            "up\n  tabel t",
            "2:3: expected a block (table, redis or for each), `down` once, or the end of the file, found 'tabel'",
        ),
        (
            "up\ntable",
            "2:6: expected the name of a table, found the end of the line",
        ),
        (
            "up\ntable t u",
            "2:9: expected the end of the line, found 'u'",
        ),
        (
            "up\ntable t",
            "2:8: expected operations of this table, found the end of the file",
        ),
        (
            "up\ntable t\nADD FEILD a STRING",
            "3:5: expected FIELD, INDEX or ENUM VALUE, found 'FEILD'",
        ),
        (
            "up\ntable t\nADD FIELD a STRNG",
            "3:13: expected a type (INTEGER, FLOAT, BOOLEAN, DATETIME, STRING, UUID, TAGS or ENUM ( a b c )), found 'STRNG'",
        ),
        (
            "up\ntable t\nADD FIELD A STRING",
            "3:11: expected a field's name ([a-z_][a-z0-9_]*, 63 bytes at most), found 'A'",
        ),
        (
            "up\ntable t\nADD FIELD a ENUM (x y)",
            "3:18: expected (, found '(x'",
        ),
        (
            "up\ntable t\nADD FIELD a STRING NOT",
            "3:23: expected NULL, found the end of the line",
        ),
        (
            "up\ntable t\nADD FIELD a STRING INDEXED",
            "3:20: expected NOT NULL, DEFAULT, INDEX, UNIQUE, BITMAP or the next operation, found 'INDEXED'",
        ),
        (
            "up\ntable t\nADD INDEX",
            "3:10: expected a field's name ([a-z_][a-z0-9_]*, 63 bytes at most), found the end of the line",
        ),
        (
            "up\ntable t\nSET TTL 2h PASSIVE",
            "3:9: expected seconds, or NONE, found '2h'",
        ),
        (
            "up\ntable t\nSET TTL 60",
            "3:11: expected PASSIVE or ACTIVE, found the end of the line",
        ),
        (
            "up\ntable t\nID UUID x",
            "3:9: expected the next operation, or the end of this one, found 'x'",
        ),
        (
            "up\ntable t\nID UUID DROP DATA",
            "3:9: expected the next operation, or the end of the line, found 'DROP'",
        ),
        (
            "up\ntable t\nID UUID\nUPDATE * SET a 1",
            "4:1: expected no UPDATE beside other operations: it stands alone in its table's block, found 'UPDATE'",
        ),
        (
            "up\ntable t\nUPDATE *",
            "3:9: expected SET field value behind the predicate, found the end of the line",
        ),
        (
            "up\ntable t\ndrop",
            "3:5: expected `data` behind `drop`, found the end of the line",
        ),
        (
            "up\ntable t\ndrop data",
            "3:10: expected operations of this table, found the end of the file",
        ),
        (
            "up\ntable t\ndrop data\nID UUID",
            "4:1: expected no operation behind `drop data`, found 'ID'",
        ),
        (
            "up\ntable t\nID UUID\ntable t\nID UUID",
            "4:7: expected each table once: its operations stand in one block, found 't'",
        ),
        (
            "up\ntable t\nID UUID\ndown\ntable u\ndrop data",
            "5:7: expected a table of the section `up`, found 'u'",
        ),
        (
            "up\ntable t\nID UUID\ndown\ntable t",
            "5:8: expected operations, or `drop data`, of this table, found the end of the file",
        ),
        (
            "up\nredis",
            "2:6: expected a Redis command, found the end of the file",
        ),
        (
            "up\nredis\ndown",
            "3:1: expected a Redis command, found 'down'",
        ),
        (
            "up\nredis\nSET k \"v",
            "3:7: expected the quote that ends this word, found the end of the line",
        ),
        (
            "up\nredis\nSET k 'v",
            "3:7: expected the quote that ends this word, found the end of the line",
        ),
        (
            "up\nredis\nSET k \"v\"w",
            "3:7: expected a blank behind the quote that ends this word",
        ),
        (
            "up\nredis\nSET k {\"a\":1}",
            "3:7: expected quotes about the whole word, found one within it",
        ),
        (
            "up\nredis\nSET k \"\\x1\"",
            "3:7: expected two hex digits behind '\\x'",
        ),
        (
            "up\nredis\nSET größe 'v",
            "3:11: expected the quote that ends this word, found the end of the line",
        ),
        (
            "up\nredis\nSET k \\",
            "3:8: expected another line behind '\\', found the end of the file",
        ),
        (
            "up\nredis\nMULTI",
            "3:1: expected no command of a transaction: these commands are in one, found 'MULTI'",
        ),
        (
            "up\nredis\nselect 1",
            "3:1: expected no command that changes the connection, found 'select'",
        ),
        (
            "up\nredis\nyarr.migrate t UP 1 a ID UUID",
            "3:1: expected no YARR.MIGRATE: operations stand in `table name`, found 'yarr.migrate'",
        ),
        (
            "up\nredis\nDEL k\nend",
            "4:1: expected a block (table, redis or for each), `down` once, or the end of the file, found 'end'",
        ),
        (
            "up\nfor every key",
            "2:5: expected for each key matching 'pattern' [type t] [batch n], found 'every'",
        ),
        (
            "up\nfor each key matching",
            "2:22: expected a pattern of keys, such as 'user:*', found the end of the line",
        ),
        (
            "up\nfor each key matching * type",
            "2:29: expected a type (string, hash, list, set, zset or stream), found the end of the line",
        ),
        (
            "up\nfor each key matching * batch 0",
            "2:31: expected a number of keys from 1 to 100000, found '0'",
        ),
        (
            "up\nfor each key matching * sorted",
            "2:25: expected type, batch or the end of the line, found 'sorted'",
        ),
        (
            "up\nfor each key matching *\nend",
            "3:1: expected a Redis command, found 'end'",
        ),
        (
            "up\nfor each key matching *\nDEL {key}",
            "3:10: expected `end` of this for each, found the end of the file",
        ),
        (
            "up\nfor each key matching *\nDEL {2}\nend",
            "3:5: expected {1} at most: the pattern has one `*`, found '{2}'",
        ),
        (
            "up\nfor each key matching k\nDEL {1}\nend",
            "3:5: expected no {1}: the pattern has no `*`, found '{1}'",
        ),
        (
            "up\nredis\nDEL k\ndown\ndown",
            "5:1: expected a block (table, redis or for each), `down` once, or the end of the file, found 'down'",
        ),
        (
            "up\nredis\nDEL k\nup",
            "4:1: expected a block (table, redis or for each), `down` once, or the end of the file, found 'up'",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn operations_in_code_are_looked_at_too() {
    for (operations, expected) in [
        (
            "ADD FIELD a STRING DEFAULT \"b",
            "1:28: expected the quote that ends this word, found the end of the line",
        ),
        ("", "expected an operation"),
        (
            "ADD FIELD a",
            "expected a type (INTEGER, FLOAT, BOOLEAN, DATETIME, STRING, UUID, TAGS or ENUM ( a b c )) in the operations of table 't', found the end",
        ),
        ("ID UUID DOWN", "expected an operation"),
        (
            "ID UUID DROP",
            "expected DATA behind DROP in the operations of table 't', found the end",
        ),
        (
            "ID UUID DROP DATA x",
            "expected the end of the operations in the operations of table 't', found 'x'",
        ),
    ] {
        let error = Migration::new(1, "a")
            .table("t", operations)
            .sound()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("migration 1 a: ") && error.contains(expected),
            "{error}"
        );
    }
}
