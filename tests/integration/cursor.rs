//! CURSOR: a walk over a query, page by page.

use crate::{cli::Client, reply::Reply, server::fresh, transcript::transcript};

/// Walks a query to its end by cursor and answers each page's ids.
#[track_caller]
fn walk(client: &mut Client, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = "0".to_string();
    loop {
        let reply = client.ok(&format!("{query} IDS CURSOR {cursor}"));
        let [next, rows] = reply.items() else {
            panic!("{query}: {}", reply.print())
        };
        pages.push(rows.items().iter().map(Reply::text).collect());
        cursor = next.text();
        if cursor == "0" {
            return pages;
        }
        assert!(pages.len() < 1000, "the walk does not end: {query}");
    }
}

#[test]
fn a_cursor_walks_a_query_to_its_end() {
    let mut client = fresh();
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    let values: Vec<String> = (0..250).map(|n| format!("{} s{}", n % 7, n % 3)).collect();
    client.ok(&format!(
        "YARR.CREATE t FIELDS 2 n s VALUES {}",
        values.join(" ")
    ));
    client.ok("YARR.CREATE t FIELDS 1 s VALUES s1 s2");
    for query in [
        "YARR.WHERE t *",
        "YARR.WHERE t * ORDER BY n",
        "YARR.WHERE t * ORDER BY n DESC",
        "YARR.WHERE t * ORDER BY s n DESC",
        "YARR.WHERE t * ORDER BY s DESC id ASC",
        "YARR.WHERE t n BETWEEN 2 AND 4",
        "YARR.WHERE t n BETWEEN 2 AND 4 ORDER BY n DESC",
        "YARR.WHERE t n IN 2 2 3 ORDER BY s",
        "YARR.WHERE t n IS NULL OR n = 6",
        "YARR.WHERE t s = s1 SCAN",
        "YARR.WHERE t s = s1 SCAN ORDER BY n",
    ] {
        let ordered = if query.contains("ORDER") {
            query.to_string()
        } else {
            format!("{query} ORDER BY id")
        };
        let whole = client.list(&format!("{ordered} IDS"));
        assert!(whole.len() > 30, "{query}");
        for limit in [1, 7, 100, 1000] {
            let pages = walk(&mut client, &format!("{query} LIMIT {limit}"));
            assert_eq!(pages.concat(), whole, "{query} LIMIT {limit}");
            assert!(
                pages.iter().all(|page| page.len() <= limit),
                "{query} LIMIT {limit}"
            );
        }
        let pages = walk(&mut client, query);
        assert_eq!(pages.concat(), whole, "{query}");
        assert!(
            pages.iter().all(|page| page.len() <= 100),
            "100 is the page where nothing is said"
        );
    }
    assert_eq!(
        walk(&mut client, "YARR.WHERE t n = 99"),
        [Vec::<String>::new()]
    );
}

#[test]
fn a_walk_sees_a_record_that_does_not_move_exactly_once() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    let values: Vec<String> = (0..100).map(|n| (n * 10).to_string()).collect();
    client.ok(&format!(
        "YARR.CREATE t FIELDS 1 n VALUES {}",
        values.join(" ")
    ));
    let mut seen = Vec::new();
    let mut cursor = "0".to_string();
    let mut turn = 0;
    loop {
        let reply = client.ok(&format!(
            "YARR.WHERE t n >= 0 ORDER BY n LIMIT 9 CURSOR {cursor} PLUCK n"
        ));
        seen.extend(reply.items()[1].items().iter().map(Reply::number));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
        // Records come and go on both sides; the last one seen goes too.
        let last = *seen.last().expect("a page");
        client.ok(&format!("YARR.DEL t WHERE n = {last}"));
        client.ok(&format!("YARR.CREATE t n {}", last - 5));
        client.ok(&format!("YARR.CREATE t n {}", last + 5));
        turn += 1;
        assert!(turn < 100, "the walk does not end");
    }
    let standing: Vec<i64> = seen.iter().copied().filter(|n| n % 10 == 0).collect();
    assert_eq!(standing, (0..100).map(|n| n * 10).collect::<Vec<_>>());
    assert!(
        seen.windows(2).all(|pair| pair[0] < pair[1]),
        "in order, each once: {seen:?}"
    );
}

#[test]
fn a_cursor_belongs_to_its_query() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX TIMESTAMPS OFF");
    client.ok("YARR.MIGRATE other UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX TIMESTAMPS OFF");
    for table in ["t", "other"] {
        client.ok(&format!(
            "YARR.CREATE {table} FIELDS 2 n s VALUES 1 a 2 b 3 c 4 d"
        ));
    }
    let reply = client.ok("YARR.WHERE t n > 0 ORDER BY n LIMIT 2 CURSOR 0 IDS");
    let cursor = reply.items()[0].text();
    assert_ne!(cursor, "0");
    assert_eq!(
        client
            .ok(&format!(
                "YARR.WHERE t n > 0 ORDER BY n LIMIT 9 CURSOR {cursor} IDS"
            ))
            .items()[1]
            .words(),
        ["3", "4"]
    );
    for line in [
        format!("YARR.WHERE t n > 1 ORDER BY n LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE t n > 0 ORDER BY n DESC LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE t n > 0 ORDER BY s LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE t n > 0 LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE other n > 0 ORDER BY n LIMIT 2 CURSOR {cursor} IDS"),
        "YARR.WHERE t * CURSOR x".to_string(),
        "YARR.WHERE t * CURSOR ''".to_string(),
        "YARR.WHERE t * CURSOR 1".to_string(),
        "YARR.WHERE t * CURSOR -1".to_string(),
        "YARR.WHERE t * CURSOR \"\\x00\\xff\"".to_string(),
    ] {
        assert_eq!(client.run(&line).code(), "BADCURSOR", "{line}");
    }
    // Damaged at each place, or cut.
    for place in 0..cursor.len() {
        let mut damaged = cursor.clone().into_bytes();
        damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
        let head = &cursor.as_bytes()[..place];
        for bytes in [&damaged[..], head] {
            if bytes == b"0" {
                continue; // Cut to this, it is a good cursor: the start.
            }
            let words: [&[u8]; 12] = [
                b"YARR.WHERE",
                b"t",
                b"n",
                b">",
                b"0",
                b"ORDER",
                b"BY",
                b"n",
                b"LIMIT",
                b"2",
                b"CURSOR",
                bytes,
            ];
            let reply = client.send(&words);
            // Base64 or hex in the other case may say the same bytes; a wrong answer it must not give.
            if reply.code() != "BADCURSOR" {
                let rows: Vec<String> = reply.items()[1]
                    .items()
                    .iter()
                    .map(|r| r.get("id").expect("id").text())
                    .collect();
                assert_eq!(
                    rows,
                    ["3", "4"],
                    "a damaged cursor was taken: {}",
                    String::from_utf8_lossy(bytes)
                );
            }
        }
    }
    transcript(
        &mut client,
        r#"
        > YARR.WHERE t * CURSOR 0 OFFSET 1
        (error) ERR ...
        > YARR.WHERE t * CURSOR 0 COUNT
        (error) ERR ...
        > YARR.WHERE t * CURSOR 0 LIMIT 0
        (error) ERR ...
        > YARR.WHERE t n > 0 CURSOR 0 PLUCK s n
        1) "0"
        2) 1) 1) "a"
              2) "1"
           2) 1) "b"
              2) "2"
           3) 1) "c"
              2) "3"
           4) 1) "d"
              2) "4"
        "#,
    );
}

#[test]
fn a_cursor_keeps_the_clock_of_its_first_page() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD d DATETIME INDEX TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 1 d VALUES 1 2 3 4 5");
    let first = client.ok("YARR.WHERE t d < now ORDER BY d LIMIT 2 CURSOR 0 IDS");
    let cursor = first.items()[0].text();
    // A record that came after the walk began lies beyond its `now`.
    std::thread::sleep(std::time::Duration::from_millis(3));
    client.ok("YARR.CREATE t d now");
    std::thread::sleep(std::time::Duration::from_millis(3));
    let rest = client.ok(&format!(
        "YARR.WHERE t d < now ORDER BY d LIMIT 100 CURSOR {cursor} IDS"
    ));
    assert_eq!(rest.items()[1].words(), ["3", "4", "5"]);
    assert_eq!(client.count("YARR.WHERE t d < now COUNT"), 6);
}
