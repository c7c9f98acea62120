//! YARR.FIND: by id, by many ids, the first of a predicate.

use crate::{cli::Client, server::fresh, transcript::transcript};

fn table() -> Client {
    let mut client = fresh();
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 2 n s VALUES 30 a 20 b 10 c 20 d");
    client
}

#[test]
fn a_record_is_found_by_its_id_or_is_null() {
    transcript(
        &mut table(),
        r#"
        > YARR.FIND t 2
        1) "id"
        2) "2"
        3) "n"
        4) "20"
        5) "s"
        6) "b"
        > YARR.FIND t 2 RETURN *
        1) "id"
        2) "2"
        3) "n"
        4) "20"
        5) "s"
        6) "b"
        > YARR.FIND t 99
        (nil)
        > YARR.FIND t -1 RETURN n
        (nil)
        > YARR.FIND t x
        (error) BADVALUE ...
        "#,
    );
}

#[test]
fn return_chooses_the_fields() {
    transcript(
        &mut table(),
        r#"
        > YARR.FIND t 1 RETURN s
        1) "s"
        2) "a"
        > YARR.FIND t 1 RETURN id s
        1) "id"
        2) "1"
        3) "s"
        4) "a"
        > YARR.FIND t 1 RETURN n s
        1) "n"
        2) "30"
        3) "s"
        4) "a"
        > YARR.FIND t 1 RETURN
        (error) ERR ...
        > YARR.FIND t 1 RETURN nothing
        (error) NOFIELD ...nothing...
        > YARR.FIND t 99 RETURN nothing
        (error) NOFIELD ...nothing...
        "#,
    );
}

#[test]
fn nulls_are_left_out_of_a_record() {
    let mut client = table();
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t s x
        "5"
        > YARR.FIND t 5
        1) "id"
        2) "5"
        3) "s"
        4) "x"
        > YARR.FIND t 5 RETURN n
        (empty array)
        > YARR.FIND t 5 RETURN n s
        1) "s"
        2) "x"
        "#,
    );
}

#[test]
fn many_ids_answer_in_their_own_order_with_nulls_between() {
    transcript(
        &mut table(),
        r#"
        > YARR.FIND t IDS 4 3 99 1 3 RETURN s
        1) 1) "s"
           2) "c"
        2) (nil)
        3) 1) "s"
           2) "a"
        4) 1) "s"
           2) "c"
        > YARR.FIND t ids 1 2
        1) 1) "id"
           2) "2"
           3) "n"
           4) "20"
           5) "s"
           6) "b"
        > YARR.FIND t IDS 0
        (empty array)
        > YARR.FIND t IDS 2 1
        (error) ERR ...
        > YARR.FIND t IDS x 1
        (error) ...
        > YARR.FIND t IDS -1
        (error) ...
        > YARR.FIND t IDS 18446744073709551617 1
        (error) ...
        > YARR.FIND t IDS 1 1 2
        (error) ERR ...2...
        > YARR.FIND t IDS 1 x
        (error) BADVALUE ...
        "#,
    );
}

#[test]
fn find_where_answers_the_first_match_or_null() {
    transcript(
        &mut table(),
        r#"
        > YARR.FIND t WHERE n = 10 RETURN s
        1) "s"
        2) "c"
        > YARR.FIND t WHERE n > 5 ORDER BY n DESC RETURN s
        1) "s"
        2) "a"
        > YARR.FIND t WHERE n = 20 ORDER BY s DESC RETURN s
        1) "s"
        2) "d"
        > YARR.FIND t WHERE n = 20 ORDER BY n RETURN id
        1) "id"
        2) "2"
        > YARR.FIND t WHERE n = 20 ORDER BY n DESC RETURN id
        1) "id"
        2) "4"
        > YARR.FIND t WHERE n = 11
        (nil)
        > YARR.FIND t WHERE s = c
        (error) NOINDEX ...s...
        > YARR.FIND t WHERE s = c SCAN RETURN n
        1) "n"
        2) "10"
        > YARR.FIND t where id = 4 return s
        1) "s"
        2) "d"
        > YARR.FIND t WHERE n = 20 LIMIT 1
        (error) ERR ...LIMIT...
        "#,
    );
}

#[test]
fn a_table_that_is_not_there_is_named() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.FIND t 1
        (error) NOTABLE ...t...
        > YARR.FIND t IDS 0
        (error) NOTABLE ...
        > YARR.FIND t WHERE a = 1
        (error) NOTABLE ...
        > EXISTS t
        (integer) 0
        "#,
    );
}
