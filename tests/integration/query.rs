//! YARR.WHERE: order, limit, offset, and the forms of an answer.

use crate::{cli::Client, predicate::tables, transcript::transcript};

#[test]
fn order_by_sorts_nulls_before_every_value() {
    let mut client = tables();
    let by = |client: &mut Client, order: &str| -> Vec<String> {
        let lists: Vec<_> = ["plain", "ranges", "bitmaps"]
            .iter()
            .map(|t| client.list(&format!("YARR.WHERE {t} * ORDER BY {order} IDS")))
            .collect();
        assert!(
            lists.windows(2).all(|pair| pair[0] == pair[1]),
            "{order}: {lists:?}"
        );
        lists.into_iter().next().expect("three lists")
    };
    for (order, expected) in [
        ("i", "512634"),
        ("i ASC", "512634"),
        ("i DESC", "436215"),
        ("f", "512634"),
        ("d", "561234"),
        ("s", "516234"),
        ("s desc", "432615"),
        ("u", "512463"),
        ("b", "514236"),
        ("b DESC", "632415"),
        ("e", "516234"),
        ("e DESC", "432615"),
        ("e id DESC", "561243"),
        ("e DESC id ASC", "342165"),
        ("b DESC e DESC", "326415"),
        ("b e DESC i", "541326"),
        ("id", "123456"),
        ("id DESC", "654321"),
    ] {
        let expected: Vec<String> = expected.chars().map(String::from).collect();
        assert_eq!(by(&mut client, order), expected, "{order}");
    }
}

#[test]
fn limit_and_offset_cut_a_page() {
    let mut client = tables();
    for table in ["plain", "ranges", "bitmaps"] {
        let mut page = |clauses: &str| {
            client
                .list(&format!("YARR.WHERE {table} * {clauses} IDS"))
                .concat()
        };
        assert_eq!(page("ORDER BY i LIMIT 2"), "51");
        assert_eq!(page("ORDER BY i LIMIT 2 OFFSET 2"), "26");
        assert_eq!(page("OFFSET 4 ORDER BY i"), "34");
        assert_eq!(page("ORDER BY i DESC LIMIT 100 OFFSET 5"), "5");
        assert_eq!(page("ORDER BY i OFFSET 6"), "");
        assert_eq!(page("ORDER BY i OFFSET 9223372036854775807"), "");
        assert_eq!(page("ORDER BY i LIMIT 9223372036854775807"), "512634");
        assert_eq!(page("LIMIT 0"), "");
        assert_eq!(page("LIMIT 3").len(), 3);
    }
    transcript(
        &mut client,
        r#"
        > YARR.WHERE ranges i >= 0 COUNT
        (integer) 4
        > YARR.WHERE ranges i >= 0 LIMIT 3 COUNT
        (integer) 3
        > YARR.WHERE ranges i >= 0 OFFSET 3 COUNT
        (integer) 1
        > YARR.WHERE ranges i >= 0 OFFSET 30 COUNT
        (integer) 0
        > YARR.WHERE ranges i >= 0 LIMIT 0 COUNT
        (integer) 0
        > YARR.WHERE ranges i >= 0 LIMIT 3 OFFSET 2 COUNT
        (integer) 2
        > YARR.WHERE ranges * LIMIT -1
        (error) ...
        > YARR.WHERE ranges * OFFSET -1
        (error) ...
        > YARR.WHERE ranges * LIMIT x
        (error) ...x...
        > YARR.WHERE ranges * LIMIT 1 LIMIT 2
        (error) ERR ...LIMIT...
        "#,
    );
}

#[test]
fn an_answer_takes_the_form_that_is_asked_for() {
    transcript(
        &mut tables(),
        r#"
        > YARR.WHERE ranges i = 5
        1)  1) "id"
            2) "6"
            3) "i"
            4) "5"
            5) "f"
            6) "5.5"
            7) "b"
            8) "true"
            9) "d"
           10) "-1"
           11) "s"
           12) ")"
           13) "u"
           14) "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
           15) "e"
           16) "low"
        > YARR.WHERE ranges i <= 0 ORDER BY i RETURN i e
        1) 1) "i"
           2) "-5"
           3) "e"
           4) "low"
        2) 1) "i"
           2) "0"
           3) "e"
           4) "mid"
        > YARR.WHERE ranges * ORDER BY i LIMIT 2 PLUCK e
        1) (nil)
        2) "low"
        > YARR.WHERE ranges * ORDER BY i LIMIT 2 PLUCK e i id
        1) 1) (nil)
           2) (nil)
           3) "5"
        2) 1) "low"
           2) "-5"
           3) "1"
        > YARR.WHERE ranges i = 77
        (empty array)
        > YARR.WHERE ranges i = 77 COUNT
        (integer) 0
        > YARR.WHERE ranges id = 5
        1) 1) "id"
           2) "5"
        > YARR.WHERE ranges id = 5 RETURN i
        1) (empty array)
        > YARR.WHERE ranges * IDS COUNT
        (error) ERR ...
        > YARR.WHERE ranges * RETURN i PLUCK i
        (error) ERR ...
        > YARR.WHERE ranges * PLUCK
        (error) ERR ...
        > YARR.WHERE ranges * PLUCK nothing
        (error) NOFIELD ...nothing...
        "#,
    );
}

#[test]
fn clauses_may_come_in_any_order() {
    let mut client = tables();
    let clauses = ["ORDER BY i DESC", "LIMIT 2", "OFFSET 1", "PLUCK e", "SCAN"];
    let expected = ["high", "low"];
    for turn in 0..clauses.len() {
        let mut turned = clauses;
        turned.rotate_left(turn);
        let line = format!("YARR.WHERE plain b IS NOT NULL {}", turned.join(" "));
        assert_eq!(client.list(&line), expected, "{line}");
        turned.reverse();
        let line = format!("YARR.WHERE plain b IS NOT NULL {}", turned.join(" "));
        assert_eq!(client.list(&line), expected, "{line}");
    }
}
