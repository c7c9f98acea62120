//! YARR.UPDATE: SET, INCR, UNSET, TOUCH by id and by predicate, with IF.

use std::{thread::sleep, time::Duration};

use crate::{cli::Client, server::fresh, transcript::transcript};

fn table() -> Client {
    let mut client = fresh();
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING ADD FIELD f FLOAT \
         ADD FIELD state ENUM ( ready running done ) BITMAP ADD FIELD k INTEGER UNIQUE ADD FIELD must STRING NOT NULL DEFAULT m TIMESTAMPS OFF",
    );
    client.ok(
        "YARR.CREATE t FIELDS 3 n s state VALUES 30 a ready 20 b ready 10 c running 20 d ready",
    );
    client
}

#[test]
fn an_update_by_id_answers_one_nothing_or_null() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t 1 SET n 31 s x
        (integer) 1
        > YARR.FIND t 1 RETURN n s
        1) "n"
        2) "31"
        3) "s"
        4) "x"
        > YARR.UPDATE t 99 SET n 1
        (nil)
        > YARR.UPDATE t 1 SET n 32 IF n = 30
        (integer) 0
        > YARR.UPDATE t 1 SET n 32 IF n = 31 AND s = x
        (integer) 1
        > YARR.UPDATE t 1 IF f IS NULL SET f 1.5
        (integer) 1
        > YARR.UPDATE t 99 SET n 1 IF n = 1
        (nil)
        > YARR.UPDATE t 1 SET n 32
        (integer) 1
        > YARR.FIND t WHERE n = 32 RETURN id n f
        1) "id"
        2) "1"
        3) "n"
        4) "32"
        5) "f"
        6) "1.5"
        > YARR.FIND t WHERE n = 30
        (nil)
        "#,
    );
}

#[test]
fn return_answers_the_record_as_it_is_after() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t 2 SET n 5 RETURN id n
        1) "id"
        2) "2"
        3) "n"
        4) "5"
        > YARR.UPDATE t 2 SET n 6 IF n = 4 RETURN *
        (integer) 0
        > YARR.UPDATE t 99 SET n 6 RETURN *
        (nil)
        > YARR.UPDATE t WHERE n = 20 SET s z RETURN id s
        1) 1) "id"
           2) "4"
           3) "s"
           4) "z"
        > YARR.UPDATE t WHERE n = 21 SET s z RETURN id s
        (empty array)
        "#,
    );
}

#[test]
fn incr_adds_and_counts_a_null_as_nothing() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t 1 INCR n 5 RETURN n
        1) "n"
        2) "35"
        > YARR.UPDATE t 1 INCR n -40 f 0.5 RETURN n f
        1) "n"
        2) "-5"
        3) "f"
        4) "0.5"
        > YARR.UPDATE t 1 INCR k 3 RETURN k
        1) "k"
        2) "3"
        > YARR.UPDATE t WHERE n < 0 INCR n 1
        (integer) 1
        > YARR.WHERE t n = -4 IDS
        1) "1"
        > YARR.UPDATE t 1 SET n 9223372036854775807
        (integer) 1
        > YARR.UPDATE t 1 INCR n 1
        (error) BADVALUE ...n...
        > YARR.UPDATE t 1 INCR n -9223372036854775808 RETURN n
        1) "n"
        2) "-1"
        > YARR.UPDATE t 1 INCR n -9223372036854775808
        (error) BADVALUE ...
        > YARR.UPDATE t 1 SET f 1.7976931348623157e308
        (integer) 1
        > YARR.UPDATE t 1 INCR f 1.7976931348623157e308
        (error) BADVALUE ...f...
        > YARR.UPDATE t 1 INCR n 1.5
        (error) BADVALUE ...
        > YARR.UPDATE t 1 INCR n x
        (error) BADVALUE ...
        > YARR.UPDATE t 1 INCR s 1
        (error) ...s...
        > YARR.UPDATE t 1 INCR id 1
        (error) ...id...
        > YARR.FIND t 1 RETURN id n k
        1) "id"
        2) "1"
        3) "n"
        4) "-1"
        5) "k"
        6) "3"
        "#,
    );
}

#[test]
fn unset_makes_a_field_null() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t 1 UNSET n s state
        (integer) 1
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "must"
        4) "m"
        > YARR.WHERE t n IS NULL IDS
        1) "1"
        > YARR.WHERE t state IS NULL IDS
        1) "1"
        > YARR.UPDATE t 1 UNSET must
        (error) NOTNULL ...must...
        > YARR.UPDATE t 1 UNSET id
        (error) ...
        > YARR.UPDATE t 1 UNSET nothing
        (error) NOFIELD ...nothing...
        > YARR.UPDATE t 1 SET n 1 UNSET s INCR f 2
        (integer) 1
        > YARR.FIND t 1 RETURN n s f
        1) "n"
        2) "1"
        3) "f"
        4) "2"
        "#,
    );
}

#[test]
fn an_id_cannot_change() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t 1 SET id 50
        (error) ...id...
        > YARR.UPDATE t WHERE n = 10 SET id 50
        (error) ...id...
        > YARR.WHERE t * ORDER BY id IDS
        1) "1"
        2) "2"
        3) "3"
        4) "4"
        "#,
    );
}

#[test]
fn an_update_without_a_change_and_a_field_changed_twice_are_refused() {
    let mut client = table();
    for line in [
        "YARR.UPDATE t 1",
        "YARR.UPDATE t 1 IF n = 30",
        "YARR.UPDATE t 1 RETURN *",
        "YARR.UPDATE t WHERE n = 30",
        "YARR.UPDATE t 1 SET",
        "YARR.UPDATE t 1 SET n",
        "YARR.UPDATE t 1 SET n 1 n 2",
        "YARR.UPDATE t 1 SET n 1 INCR n 2",
        "YARR.UPDATE t 1 SET n 1 UNSET n",
        "YARR.UPDATE t 1 INCR n 1 n 1",
        "YARR.UPDATE t 1 UNSET n n",
        "YARR.UPDATE t 1 SET n 1 SET s x",
        "YARR.UPDATE t WHERE n = 30 SET n 1 IF n = 2",
        "YARR.UPDATE t IDS 1 1 SET n 1",
        "YARR.UPDATE t 1 SET n 1 LIMIT 1",
        "YARR.UPDATE t 1 SET n 1 ORDER BY n",
    ] {
        let error = client.fail(line);
        assert!(error.starts_with("ERR "), "{line}: {error}");
    }
    assert_eq!(
        client.list("YARR.WHERE t * ORDER BY id PLUCK n"),
        ["30", "20", "10", "20"]
    );
}

#[test]
fn an_update_by_predicate_answers_how_many_matched() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t WHERE n = 20 SET s same
        (integer) 2
        > YARR.UPDATE t WHERE n = 20 SET s same
        (integer) 2
        > YARR.UPDATE t WHERE n = 99 SET s same
        (integer) 0
        > YARR.UPDATE t WHERE * SET f 1
        (integer) 4
        > YARR.UPDATE t WHERE ALL INCR f 1
        (integer) 4
        > YARR.WHERE t * ORDER BY id PLUCK s f
        1) 1) "a"
           2) "2"
        2) 1) "same"
           2) "2"
        3) 1) "c"
           2) "2"
        4) 1) "same"
           2) "2"
        > YARR.UPDATE t WHERE s = same SET n 0
        (error) NOINDEX ...s...
        > YARR.UPDATE t WHERE s = same SET n 0 SCAN
        (integer) 2
        > YARR.UPDATE t WHERE n >= 0 INCR n 1
        (integer) 4
        > YARR.WHERE t * ORDER BY id PLUCK n
        1) "31"
        2) "1"
        3) "11"
        4) "1"
        > YARR.UPDATE t WHERE n >= 0 LIMIT 0 SET n 5
        (integer) 0
        "#,
    );
}

#[test]
fn a_job_is_claimed_in_one_command() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t WHERE state = ready ORDER BY n DESC LIMIT 1 SET state running RETURN id n state
        1) 1) "id"
           2) "1"
           3) "n"
           4) "30"
           5) "state"
           6) "running"
        > YARR.UPDATE t WHERE state = ready ORDER BY n DESC LIMIT 1 SET state running RETURN id
        1) 1) "id"
           2) "4"
        > YARR.UPDATE t SET state running WHERE state = ready LIMIT 1
        (error) ...
        > YARR.UPDATE t WHERE state = ready SET state running LIMIT 1 ORDER BY n
        (integer) 1
        > YARR.UPDATE t WHERE state = ready ORDER BY n DESC LIMIT 1 SET state running
        (integer) 0
        > YARR.WHERE t state = running COUNT
        (integer) 4
        "#,
    );
}

#[test]
fn uniqueness_is_judged_when_the_command_is_done() {
    let mut client = table();
    client.ok("YARR.UPDATE t 1 SET k 1");
    client.ok("YARR.UPDATE t 2 SET k 2");
    client.ok("YARR.UPDATE t 3 SET k 3");
    transcript(
        &mut client,
        r#"
        > YARR.UPDATE t WHERE k >= 1 INCR k 1
        (integer) 3
        > YARR.UPDATE t WHERE k >= 1 INCR k -1
        (integer) 3
        > YARR.WHERE t * ORDER BY id PLUCK k
        1) "1"
        2) "2"
        3) "3"
        4) (nil)
        > YARR.UPDATE t 1 SET k 2
        (error) DUPLICATE ...k...2...
        > YARR.UPDATE t WHERE k <= 2 SET k 7
        (error) DUPLICATE ...k...
        > YARR.UPDATE t WHERE k = 1 SET k 3
        (error) DUPLICATE ...k...3...
        > YARR.UPDATE t WHERE * SET k 7
        (error) DUPLICATE ...
        > YARR.UPDATE t 1 SET k 1
        (integer) 1
        > YARR.WHERE t * ORDER BY id PLUCK k
        1) "1"
        2) "2"
        3) "3"
        4) (nil)
        > YARR.UPDATE t WHERE k IS NOT NULL UNSET k
        (integer) 3
        > YARR.WHERE t k IS NOT NULL COUNT
        (integer) 0
        "#,
    );
}

#[test]
fn touch_and_every_change_move_updated_at() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    client.ok("YARR.CREATE t n 1 created_at 1000 updated_at 2000");
    client.ok("YARR.CREATE t n 2 created_at 1000 updated_at 2000");
    let updated = |client: &mut Client| {
        client
            .ok("YARR.FIND t 1")
            .get("updated_at")
            .expect("updated_at")
            .number()
    };
    assert_eq!(updated(&mut client), 2000);
    assert_eq!(client.count("YARR.UPDATE t 1 TOUCH"), 1);
    let touched = updated(&mut client);
    assert!(touched > 1_600_000_000_000, "{touched}");
    sleep(Duration::from_millis(3));
    client.ok("YARR.UPDATE t 1 SET n 5");
    let changed = updated(&mut client);
    assert!(changed > touched);
    sleep(Duration::from_millis(3));
    client.ok("YARR.UPDATE t 1 INCR n 5");
    assert!(updated(&mut client) > changed);
    client.ok("YARR.UPDATE t 1 SET n 6 updated_at 7 created_at 8");
    assert_eq!(updated(&mut client), 7);
    assert_eq!(
        client.list("YARR.WHERE t * ORDER BY id PLUCK created_at"),
        ["8", "1000"]
    );
    assert_eq!(
        client.list("YARR.WHERE t id = 2 PLUCK updated_at"),
        ["2000"],
        "the other record is untouched"
    );
    assert_eq!(client.count("YARR.UPDATE t WHERE * TOUCH"), 2);
    let all = client.list("YARR.WHERE t * ORDER BY id PLUCK updated_at");
    assert!(
        all[0] == all[1] && all[0].len() == 13,
        "one clock for the whole command: {all:?}"
    );
}

#[test]
fn an_if_that_does_not_hold_leaves_updated_at_alone() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    client.ok("YARR.CREATE t n 1 created_at 1 updated_at 1");
    assert_eq!(client.count("YARR.UPDATE t 1 TOUCH IF n = 2"), 0);
    assert_eq!(client.list("YARR.WHERE t * PLUCK updated_at"), ["1"]);
}

#[test]
fn a_value_in_set_may_be_any_word() {
    transcript(
        &mut table(),
        r#"
        > YARR.UPDATE t 1 SET s UNSET must IF
        (integer) 1
        > YARR.UPDATE t 2 SET s RETURN RETURN s
        1) "s"
        2) "RETURN"
        > YARR.UPDATE t 3 SET s "" IF s = c
        (integer) 1
        > YARR.WHERE t * ORDER BY id LIMIT 3 PLUCK s must
        1) 1) "UNSET"
           2) "IF"
        2) 1) "RETURN"
           2) "m"
        3) 1) ""
           2) "m"
        "#,
    );
}
