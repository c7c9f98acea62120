//! The id: counted up, a UUID, or the caller's own.

use crate::{create::table, transcript::transcript};

#[test]
fn ids_are_counted_up_from_one() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 42
        "1"
        > yarr.create t
        "2"
        > YARR.CREATE t n -7
        "3"
        > YARR.WHERE t * ORDER BY id
        1) 1) "id"
           2) "1"
           3) "n"
           4) "42"
        2) 1) "id"
           2) "2"
        3) 1) "id"
           2) "3"
           3) "n"
           4) "-7"
        "#,
    );
}

#[test]
fn an_automatic_id_is_one_more_than_the_highest_ever_used() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t id 10
        "10"
        > YARR.CREATE t id -5
        "-5"
        > YARR.CREATE t id 3 n 1
        "3"
        > YARR.CREATE t
        "11"
        > YARR.DEL t 11
        (integer) 1
        > YARR.CREATE t
        "12"
        > YARR.CREATE t id 9223372036854775806
        "9223372036854775806"
        > YARR.CREATE t
        "9223372036854775807"
        > YARR.CREATE t
        (error) ...
        > YARR.WHERE t * COUNT
        (integer) 6
        > YARR.CREATE t id -9223372036854775808
        "-9223372036854775808"
        > YARR.CREATE t id 9223372036854775808
        (error) BADVALUE ...
        > YARR.CREATE t id 1.5
        (error) BADVALUE ...
        > YARR.WHERE t * ORDER BY id LIMIT 3 IDS
        1) "-9223372036854775808"
        2) "-5"
        3) "3"
        "#,
    );
}

#[test]
fn an_id_in_use_is_a_duplicate() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t id 1 n 1
        "1"
        > YARR.CREATE t id 1 n 2
        (error) DUPLICATE ...id...1...
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "n"
        4) "1"
        "#,
    );
}

#[test]
fn a_uuid_id_is_made_by_the_server_in_the_order_of_time() {
    let mut client = table("ID UUID ADD FIELD n INTEGER TIMESTAMPS OFF");
    let mut made = Vec::new();
    for n in 0..20 {
        made.push(client.ok(&format!("YARR.CREATE t n {n}")).text());
    }
    for id in &made {
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(id.as_bytes()[14], b'7', "version 7: {id}");
        assert!(
            b"89ab".contains(&id.as_bytes()[19]),
            "variant of RFC 9562: {id}"
        );
    }
    let millisecond = |id: &String| id[..13].to_string();
    assert!(
        made.windows(2)
            .all(|pair| millisecond(&pair[0]) <= millisecond(&pair[1])),
        "{made:?}"
    );
    let mut distinct = made.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);
    assert_eq!(client.list("YARR.WHERE t * ORDER BY id IDS"), distinct);
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t id E4EAAAF2-D142-11E1-B3E4-080027620CDD
        "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
        > YARR.FIND t e4eaaaf2d14211e1b3e4080027620cdd
        1) "id"
        2) "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
        > YARR.CREATE t id e4eaaaf2d14211e1b3e4080027620cdd
        (error) DUPLICATE ...
        > YARR.CREATE t id 7
        (error) BADVALUE ...
        "#,
    );
}

#[test]
fn a_string_id_is_the_callers() {
    let mut client = table("ID STRING ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 1
        (error) NOTNULL ...id...
        > YARR.CREATE t id "a\x00b" n 1
        "a\x00b"
        > YARR.CREATE t id "" n 2
        ""
        > YARR.CREATE t id WHERE n 3
        "WHERE"
        > YARR.CREATE t id IDS n 4
        "IDS"
        > YARR.CREATE t id IDS n 5
        (error) DUPLICATE ...
        > YARR.FIND t IDS 3 WHERE IDS ""
        1) 1) "id"
           2) "WHERE"
           3) "n"
           4) "3"
        2) 1) "id"
           2) "IDS"
           3) "n"
           4) "4"
        3) 1) "id"
           2) ""
           3) "n"
           4) "2"
        > YARR.FIND t "a\x00b" RETURN n
        1) "n"
        2) "1"
        > YARR.WHERE t * ORDER BY id IDS
        1) ""
        2) "IDS"
        3) "WHERE"
        4) "a\x00b"
        > YARR.UPDATE t WHERE id = WHERE SET n 9
        (integer) 1
        > YARR.DEL t IDS 2 WHERE nowhere
        (integer) 1
        "#,
    );
}
