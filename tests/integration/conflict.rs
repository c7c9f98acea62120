//! UNIQUE and ON CONFLICT.

use crate::{create::table, transcript::transcript};

#[test]
fn a_unique_index_refuses_a_second_record_with_its_values() {
    let mut client = table(
        "ADD FIELD email STRING UNIQUE ADD FIELD a INTEGER ADD FIELD b INTEGER ADD INDEX a b UNIQUE TIMESTAMPS OFF",
    );
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t email x a 1 b 1
        "1"
        > YARR.CREATE t email x
        (error) DUPLICATE ...email...1...
        > YARR.CREATE t email y a 1 b 1
        (error) DUPLICATE ...a...b...1...
        > YARR.CREATE t email y a 1 b 2
        "2"
        # A null in any field never conflicts.
        > YARR.CREATE t
        "3"
        > YARR.CREATE t
        "4"
        > YARR.CREATE t a 1
        "5"
        > YARR.CREATE t a 1
        "6"
        > YARR.CREATE t FIELDS 1 email VALUES p q p
        (error) DUPLICATE ...
        > YARR.WHERE t * COUNT
        (integer) 6
        > YARR.CREATE t email q
        "7"
        "#,
    );
}

#[test]
fn a_conflict_is_ignored_kept_or_updated_as_asked() {
    let mut client = table(
        "ADD FIELD email STRING UNIQUE ADD FIELD n INTEGER ADD FIELD s STRING DEFAULT d TIMESTAMPS OFF",
    );
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t email x n 1 s given ON CONFLICT email KEEP
        "1"
        > YARR.CREATE t email x n 2 ON CONFLICT email IGNORE
        (nil)
        > YARR.CREATE t email x n 2 ON CONFLICT email KEEP
        "1"
        > YARR.CREATE t email x n 2 ON CONFLICT email KEEP RETURN *
        1) "id"
        2) "1"
        3) "email"
        4) "x"
        5) "n"
        6) "1"
        7) "s"
        8) "given"
        > YARR.CREATE t email x n 2 ON CONFLICT email IGNORE RETURN *
        (nil)
        # Only the given fields are set: the default does not come back.
        > YARR.CREATE t email x n 3 ON CONFLICT email UPDATE
        "1"
        > YARR.CREATE t email x n 4 ON CONFLICT email UPDATE RETURN *
        1) "id"
        2) "1"
        3) "email"
        4) "x"
        5) "n"
        6) "4"
        7) "s"
        8) "given"
        > YARR.CREATE t email y ON CONFLICT email KEEP RETURN *
        1) "id"
        2) "2"
        3) "email"
        4) "y"
        5) "s"
        6) "d"
        > YARR.CREATE t id 2 n 7 ON CONFLICT id UPDATE
        "2"
        > YARR.FIND t 2 RETURN email n
        1) "email"
        2) "y"
        3) "n"
        4) "7"
        # A conflict on another index than the one named.
        > YARR.CREATE t id 3 email x ON CONFLICT id IGNORE
        (error) DUPLICATE ...email...1...
        > YARR.CREATE t id 2 email x ON CONFLICT id UPDATE
        (error) DUPLICATE ...email...1...
        > YARR.FIND t 2 RETURN email
        1) "email"
        2) "y"
        # An id that an ignored record would have had.
        > YARR.CREATE t email z ON CONFLICT email IGNORE
        ...
        > YARR.WHERE t * COUNT
        (integer) 3
        "#,
    );
}

#[test]
fn on_conflict_names_a_unique_index() {
    let mut client = table(
        "ADD FIELD a INTEGER ADD FIELD b INTEGER ADD FIELD c INTEGER INDEX ADD INDEX a b UNIQUE TIMESTAMPS OFF",
    );
    client.ok("YARR.CREATE t a 1 b 2 c 3");
    for names in ["c", "a", "b", "a b c", "nothing", "a c"] {
        let error = client.fail(&format!(
            "YARR.CREATE t a 1 b 2 c 3 ON CONFLICT {names} IGNORE"
        ));
        assert!(!error.starts_with("DUPLICATE"), "{names}: {error}");
    }
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t a 1 b 2 c 4 ON CONFLICT a b UPDATE
        "1"
        > YARR.FIND t 1 RETURN c
        1) "c"
        2) "4"
        > YARR.CREATE t a 1 b 2 ON CONFLICT a b
        (error) ERR ...
        > YARR.CREATE t a 1 b 2 ON CONFLICT a b REPLACE
        (error) ...
        > YARR.WHERE t * COUNT
        (integer) 1
        "#,
    );
}

#[test]
fn conflicts_of_many_rows_apply_in_order_all_or_none() {
    let mut client = table("ADD FIELD email STRING UNIQUE ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t email x n 1
        "1"
        > YARR.CREATE t ON CONFLICT email IGNORE FIELDS 2 email n VALUES y 2 x 3 y 4
        1) "2"
        2) (nil)
        3) (nil)
        > YARR.CREATE t ON CONFLICT email KEEP FIELDS 2 email n VALUES x 5 y 6
        1) "1"
        2) "2"
        > YARR.CREATE t ON CONFLICT email UPDATE FIELDS 2 email n VALUES x 5 y 6 x 7
        1) "1"
        2) "2"
        3) "1"
        > YARR.WHERE t * ORDER BY id PLUCK email n
        1) 1) "x"
           2) "7"
        2) 1) "y"
           2) "6"
        > YARR.CREATE t ON CONFLICT email UPDATE FIELDS 2 email n VALUES x 8 y bad
        (error) BADVALUE ...
        > YARR.CREATE t ON CONFLICT email UPDATE FIELDS 3 email id n VALUES x 1 8 z 2 9
        (error) ...
        > YARR.WHERE t * ORDER BY id PLUCK n
        1) "7"
        2) "6"
        > YARR.CREATE t ON CONFLICT email KEEP RETURN n FIELDS 1 email VALUES x new x
        1) 1) "n"
           2) "7"
        2) (empty array)
        3) 1) "n"
           2) "7"
        "#,
    );
}
