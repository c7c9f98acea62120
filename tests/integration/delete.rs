//! YARR.DEL: by id, by many ids, by predicate.

use crate::{cli::Client, server::fresh, transcript::transcript};

fn table() -> Client {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING ADD FIELD k INTEGER UNIQUE TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 3 n s k VALUES 30 a 1 20 b 2 10 c 3 20 d 4");
    client
}

#[test]
fn a_delete_by_id_answers_one_nothing_or_null() {
    transcript(
        &mut table(),
        r#"
        > YARR.DEL t 1
        (integer) 1
        > YARR.DEL t 1
        (nil)
        > YARR.FIND t 1
        (nil)
        > YARR.DEL t 2 IF n = 21
        (integer) 0
        > YARR.DEL t 2 IF n = 20 AND s = b
        (integer) 1
        > YARR.DEL t 2 IF n = 20
        (nil)
        > YARR.WHERE t * ORDER BY id IDS
        1) "3"
        2) "4"
        > YARR.WHERE t n = 20 IDS
        1) "4"
        "#,
    );
}

#[test]
fn many_ids_answer_how_many_went() {
    transcript(
        &mut table(),
        r#"
        > YARR.DEL t IDS 4 1 99 3 1
        (integer) 2
        > YARR.DEL t IDS 0
        (integer) 0
        > YARR.DEL t IDS 2 2 4 IF s = d
        (integer) 1
        > YARR.WHERE t * IDS
        1) "2"
        "#,
    );
}

#[test]
fn a_delete_by_predicate_answers_how_many_went() {
    transcript(
        &mut table(),
        r#"
        > YARR.DEL t WHERE s = a
        (error) NOINDEX ...s...
        > YARR.DEL t WHERE s = a SCAN
        (integer) 1
        > YARR.DEL t WHERE n >= 10 ORDER BY n LIMIT 1
        (integer) 1
        > YARR.WHERE t * ORDER BY id IDS
        1) "2"
        2) "4"
        > YARR.DEL t WHERE n = 20 LIMIT 0
        (integer) 0
        > YARR.DEL t WHERE n = 20 ORDER BY k DESC LIMIT 1 RETURN id s
        1) 1) "id"
           2) "4"
           3) "s"
           4) "d"
        > YARR.DEL t WHERE *
        (integer) 1
        > YARR.DEL t WHERE ALL
        (integer) 0
        > EXISTS t
        (integer) 1
        > YARR.CREATE t n 1
        "5"
        "#,
    );
}

#[test]
fn return_answers_the_records_as_they_were() {
    transcript(
        &mut table(),
        r#"
        > YARR.DEL t 1 RETURN *
        1) "id"
        2) "1"
        3) "n"
        4) "30"
        5) "s"
        6) "a"
        7) "k"
        8) "1"
        > YARR.DEL t 1 RETURN *
        (nil)
        > YARR.DEL t 2 IF s = x RETURN s
        (integer) 0
        > YARR.DEL t IDS 2 3 2 RETURN s
        1) 1) "s"
           2) "c"
        2) 1) "s"
           2) "b"
        > YARR.DEL t 4 RETURN nothing
        (error) NOFIELD ...
        > YARR.WHERE t * COUNT
        (integer) 1
        "#,
    );
}

#[test]
fn a_deleted_record_is_in_the_way_of_nothing() {
    transcript(
        &mut table(),
        r#"
        > YARR.CREATE t id 1 k 1
        (error) DUPLICATE ...
        > YARR.DEL t 1
        (integer) 1
        > YARR.CREATE t id 1 k 1
        "1"
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "k"
        4) "1"
        > YARR.WHERE t n = 30 COUNT
        (integer) 0
        "#,
    );
}
