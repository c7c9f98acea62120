//! YARR.AGGREGATE: functions, groups, their order, and what the indexes tell.

use crate::{
    able::{MAPS, able, needs},
    cli::Client,
    predicate::tables,
    replication::pair,
    reply::Reply,
    server::{Options, eventually, fresh},
    transcript::transcript,
};

/// Orders: of two states and a null, with nulls among their numbers.
fn orders() -> Client {
    let mut client = fresh();
    client.ok(
        "YARR.MIGRATE t UP 1 make TIMESTAMPS OFF ADD FIELD state ENUM ( ready open done ) BITMAP ADD FIELD user INTEGER INDEX \
         ADD FIELD n INTEGER ADD FIELD x FLOAT ADD FIELD at DATETIME ADD FIELD s STRING ADD FIELD ok BOOLEAN ADD INDEX user at",
    );
    client.ok(
        "YARR.CREATE t NULL ~ FIELDS 7 state user n x at s ok VALUES \
         open 1 10 0.1 1000 b true \
         open 1 -3 0.2 3000 a false \
         done 2 ~ 0.3 2000 ~ true \
         ~ 2 4 ~ ~ c ~ \
         open 3 ~ ~ 5000 \"\" ~",
    );
    client
}

#[test]
fn functions_come_to_one_row_without_groups() {
    transcript(
        &mut orders(),
        r#"
        > YARR.AGGREGATE t * COUNT
        1) 1) "count"
           2) (integer) 5
        > YARR.AGGREGATE t * count sum n avg n min n max n count distinct user
        1)  1) "count"
            2) (integer) 5
            3) "sum(n)"
            4) "11"
            5) "avg(n)"
            6) "3.6666666666666665"
            7) "min(n)"
            8) "-3"
            9) "max(n)"
           10) "10"
           11) "count(distinct user)"
           12) (integer) 3
        > YARR.AGGREGATE t * SUM x AVG x MIN s MAX s MIN state MAX state MIN at MAX at MIN ok MAX id
        1)  1) "sum(x)"
            2) "0.6"
            3) "avg(x)"
            4) "0.2"
            5) "min(s)"
            6) ""
            7) "max(s)"
            8) "c"
            9) "min(state)"
           10) "open"
           11) "max(state)"
           12) "done"
           13) "min(at)"
           14) "1000"
           15) "max(at)"
           16) "5000"
           17) "min(ok)"
           18) "false"
           19) "max(id)"
           20) "5"
        > YARR.AGGREGATE t state = open AND x > 0 SUM x COUNT
        1) 1) "sum(x)"
           2) "0.30000000000000004"
           3) "count"
           4) (integer) 2
        > YARR.AGGREGATE t user = 77 COUNT SUM n AVG x MIN s MAX at COUNT DISTINCT s
        1)  1) "count"
            2) (integer) 0
            3) "sum(n)"
            4) (nil)
            5) "avg(x)"
            6) (nil)
            7) "min(s)"
            8) (nil)
            9) "max(at)"
           10) (nil)
           11) "count(distinct s)"
           12) (integer) 0
        > YARR.AGGREGATE t * COUNT LIMIT 0
        (empty array)
        > YARR.AGGREGATE t * COUNT OFFSET 1
        (empty array)
        "#,
    );
}

#[test]
fn groups_are_in_order_and_a_null_is_a_group() {
    transcript(
        &mut orders(),
        r#"
        > YARR.AGGREGATE t * GROUP BY state COUNT SUM n
        1) 1) "state"
           2) (nil)
           3) "count"
           4) (integer) 1
           5) "sum(n)"
           6) "4"
        2) 1) "state"
           2) "open"
           3) "count"
           4) (integer) 3
           5) "sum(n)"
           6) "7"
        3) 1) "state"
           2) "done"
           3) "count"
           4) (integer) 1
           5) "sum(n)"
           6) (nil)
        > YARR.AGGREGATE t * GROUP BY user state COUNT
        1) 1) "user"
           2) "1"
           3) "state"
           4) "open"
           5) "count"
           6) (integer) 2
        2) 1) "user"
           2) "2"
           3) "state"
           4) (nil)
           5) "count"
           6) (integer) 1
        3) 1) "user"
           2) "2"
           3) "state"
           4) "done"
           5) "count"
           6) (integer) 1
        4) 1) "user"
           2) "3"
           3) "state"
           4) "open"
           5) "count"
           6) (integer) 1
        > YARR.AGGREGATE t user > 1 COUNT GROUP BY @user ORDER BY COUNT DESC @user LIMIT 1
        1) 1) "user"
           2) "2"
           3) "count"
           4) (integer) 2
        > YARR.AGGREGATE t * GROUP BY user MAX at ORDER BY MAX(at) DESC OFFSET 1
        1) 1) "user"
           2) "1"
           3) "max(at)"
           4) "3000"
        2) 1) "user"
           2) "2"
           3) "max(at)"
           4) "2000"
        > YARR.AGGREGATE t state = open GROUP BY s COUNT LIMIT 2
        1) 1) "s"
           2) ""
           3) "count"
           4) (integer) 1
        2) 1) "s"
           2) "a"
           3) "count"
           4) (integer) 1
        > YARR.AGGREGATE t * ORDER BY "count(distinct s)" LIMIT 2 COUNT DISTINCT s GROUP BY user
        1) 1) "user"
           2) "2"
           3) "count(distinct s)"
           4) (integer) 1
        2) 1) "user"
           2) "3"
           3) "count(distinct s)"
           4) (integer) 1
        > YARR.AGGREGATE t user = 77 GROUP BY user COUNT
        (empty array)
        "#,
    );
}

#[test]
fn an_outcome_is_a_map_of_typed_values() {
    needs!(MAPS);
    transcript(
        &mut orders().resp3(),
        r#"
        > YARR.AGGREGATE t * GROUP BY state COUNT SUM n AVG n SUM x MIN ok MAX at LIMIT 2
        1) 1# "state" => (nil)
           2# "count" => (integer) 1
           3# "sum(n)" => (integer) 4
           4# "avg(n)" => (double) 4
           5# "sum(x)" => (nil)
           6# "min(ok)" => (nil)
           7# "max(at)" => (nil)
        2) 1# "state" => "open"
           2# "count" => (integer) 3
           3# "sum(n)" => (integer) 7
           4# "avg(n)" => (double) 3.5
           5# "sum(x)" => (double) 0.30000000000000004
           6# "min(ok)" => (false)
           7# "max(at)" => (integer) 5000
        "#,
    );
}

#[test]
fn tables_with_and_without_indexes_answer_the_same() {
    let mut client = tables();
    for line in [
        "* COUNT",
        "* COUNT MIN i MAX i MIN s MAX u MIN e MAX b",
        "* COUNT DISTINCT b COUNT DISTINCT e COUNT DISTINCT i COUNT DISTINCT u",
        "* MIN i MAX f SUM f AVG f AVG i",
        "i > 0 AND b = true COUNT MIN i MAX d",
        "i > 0 OR b = true COUNT COUNT DISTINCT e",
        "NOT e = high MIN s COUNT",
        "b = true GROUP BY e COUNT",
        "b IN 2 true false GROUP BY b COUNT MIN i",
        "* GROUP BY b COUNT",
        "* GROUP BY e COUNT ORDER BY count DESC e",
        "* GROUP BY s COUNT ORDER BY s DESC LIMIT 3 OFFSET 1",
        "e >= mid GROUP BY e COUNT",
        "e >= mid GROUP BY b e COUNT SUM f ORDER BY sum(f) b DESC",
        "* GROUP BY i f b d s u e id COUNT",
    ] {
        let mut answer = |table: &str| client.ok(&format!("YARR.AGGREGATE {table} {line} SCAN"));
        let plain = answer("plain");
        assert!(!plain.items().is_empty(), "{line}");
        assert_eq!(answer("ranges"), plain, "{line}");
        assert_eq!(answer("bitmaps"), plain, "{line}");
    }
}

#[test]
fn a_sum_is_exact_and_says_where_it_ends() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make TIMESTAMPS OFF ADD FIELD g INTEGER ADD FIELD n INTEGER ADD FIELD x FLOAT");
    client.ok(
        "YARR.CREATE t FIELDS 3 g n x VALUES 1 9223372036854775807 1e308 1 1 1e308 1 -2 -1e308 2 9223372036854775807 1e16 2 1 1 \
         2 0 -1e16 3 -9223372036854775808 1e308 3 0 1e308",
    );
    transcript(
        &mut client,
        r#"
        > YARR.AGGREGATE t g < 3 GROUP BY g SUM x AVG n SCAN
        1) 1) "g"
           2) "1"
           3) "sum(x)"
           4) "1e+308"
           5) "avg(n)"
           6) "3074457345618258400"
        2) 1) "g"
           2) "2"
           3) "sum(x)"
           4) "1"
           5) "avg(n)"
           6) "3074457345618258400"
        > YARR.AGGREGATE t g = 1 OR g = 3 SUM n SCAN
        1) 1) "sum(n)"
           2) "-2"
        > YARR.AGGREGATE t * GROUP BY g SUM n
        (error) BADVALUE sum(n) ...64-bit integers...
        > YARR.AGGREGATE t g != 2 GROUP BY g SUM n SCAN
        1) 1) "g"
           2) "1"
           3) "sum(n)"
           4) "9223372036854775806"
        2) 1) "g"
           2) "3"
           3) "sum(n)"
           4) "-9223372036854775808"
        > YARR.AGGREGATE t g = 3 SUM x SCAN
        (error) BADVALUE sum(x) ...finite...
        > YARR.AGGREGATE t g = 3 AVG x SCAN
        1) 1) "avg(x)"
           2) "1e+308"
        "#,
    );
}

#[test]
fn a_record_that_has_expired_is_in_no_group() {
    let mut client = fresh();
    client.ok(
        "YARR.MIGRATE t UP 1 make TIMESTAMPS OFF ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER BITMAP ADD FIELD c INTEGER",
    );
    client.ok("YARR.CREATE t FIELDS 3 a b c VALUES 2 2 2 2 2 2 3 3 3");
    client.ok("YARR.CREATE t PX 30 FIELDS 3 a b c VALUES 1 1 1 2 2 2 4 4 4");
    eventually("three have expired", || {
        client.count("YARR.WHERE t * COUNT") == 3
    });
    for field in ["a", "b", "c"] {
        let groups = client.ok(&format!("YARR.AGGREGATE t * GROUP BY {field} COUNT"));
        let words: Vec<String> = groups.items().iter().flat_map(Reply::words).collect();
        let expected = [field, "2", "count", "2", field, "3", "count", "1"];
        assert_eq!(words, expected);
        let ends =
            format!("YARR.AGGREGATE t * COUNT MIN {field} MAX {field} COUNT DISTINCT {field}");
        let ends = client.ok(&ends).items()[0].words();
        let values: Vec<&String> = ends.iter().skip(1).step_by(2).collect();
        assert_eq!(values, ["3", "2", "3", "2"], "{field}");
    }
}

#[test]
fn more_groups_than_a_reply_may_hold_are_refused() {
    let server = Options::new()
        .module_arguments(&["max-reply-records", "3"])
        .start();
    let mut client = server.connect();
    client.ok(
        "YARR.MIGRATE t UP 1 make TIMESTAMPS OFF ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER",
    );
    client.ok("YARR.CREATE t FIELDS 2 a b VALUES 1 1 2 2 3 3");
    client.ok("YARR.CREATE t FIELDS 2 a b VALUES 4 4 4 4");
    for field in ["a", "b"] {
        for (clauses, groups) in [
            ("", None),
            ("LIMIT 4", None),
            ("LIMIT 3", Some(3)),
            ("OFFSET 1", Some(3)),
            ("LIMIT 9 OFFSET 2", Some(2)),
            ("ORDER BY count DESC LIMIT 1", Some(1)),
        ] {
            let line = format!("YARR.AGGREGATE t * GROUP BY {field} COUNT {clauses}");
            match groups {
                None => {
                    let error = client.fail(&line);
                    assert!(
                        error.starts_with("TOOMANY ") && error.contains("LIMIT"),
                        "{error}"
                    );
                }
                Some(groups) => assert_eq!(client.ok(&line).items().len(), groups, "{line}"),
            }
        }
    }
    assert_eq!(client.ok("YARR.AGGREGATE t * COUNT SUM b").items().len(), 1);
}

#[test]
fn what_no_index_serves_asks_for_scan() {
    let mut client = orders();
    for line in [
        "YARR.AGGREGATE t n = 4 COUNT",
        "YARR.EXPLAIN t AGGREGATE n = 4 COUNT",
        "YARR.AGGREGATE t n = 4 GROUP BY user COUNT",
    ] {
        let error = client.fail(line);
        assert!(
            error.starts_with("NOINDEX ") && error.contains("ADD INDEX n"),
            "{line}: {error}"
        );
        client.ok(&format!("{line} SCAN"));
    }
    client.ok("YARR.AGGREGATE t * GROUP BY n COUNT");
}

#[test]
fn a_plan_says_whether_an_index_tells() {
    let mut client = orders();
    for (line, expected) in [
        (
            "* COUNT",
            "5 of them, no record examined|take count from the indexes alone",
        ),
        (
            "* MIN user MAX state COUNT DISTINCT state",
            "walk the index on (user) forward, 1 range with 5 entries: about 1 record examined|take min(user) from the first match|take max(state) from the values of the bitmap on (state)|take count(distinct state) from the values of the bitmap on (state)",
        ),
        (
            "user = 1 MAX at",
            "walk the index on (user, at) backward, 1 range with 2 entries: about 1 record examined|take max(at) from the first match",
        ),
        (
            "* GROUP BY state COUNT",
            "count each value of the bitmap on (state)",
        ),
        (
            "* GROUP BY user COUNT",
            "count each value of the index on (user)",
        ),
        (
            "user = 1 GROUP BY at COUNT",
            "count each value of the index on (user, at)",
        ),
        (
            "user = 1 SUM n",
            "about 2 records examined|gather sum(n) of all matches",
        ),
        (
            "* GROUP BY state s SUM n COUNT ORDER BY count DESC s LIMIT 3 OFFSET 1",
            "5 records examined|gather sum(n), count of the matches of each (state, s)|sort the groups by count DESC, s|answer 3 of them from group 2 on",
        ),
    ] {
        let plan = client
            .ok(&format!("YARR.EXPLAIN t AGGREGATE {line}"))
            .words()
            .join("|");
        assert!(plan.ends_with(expected), "{line}: {plan}");
    }
    let plan = client
        .ok("YARR.EXPLAIN t ANALYZE AGGREGATE * GROUP BY state COUNT")
        .words();
    assert!(
        plan.last()
            .is_some_and(|line| line.starts_with("answered 3 elements in ")),
        "{plan:?}"
    );
}

#[test]
fn an_error_of_an_aggregate_says_what_to_do() {
    let mut client = orders();
    for (line, expected) in [
        (
            "* MEDIAN n",
            "ERR syntax error: expected AND, OR, GROUP BY, COUNT, SUM, AVG, MIN, MAX, ORDER BY, LIMIT, OFFSET, SCAN or the end of the command at argument 3, found 'MEDIAN'",
        ),
        (
            "* GROUP BY user",
            "ERR syntax error: expected at least one of COUNT, COUNT DISTINCT, SUM, AVG, MIN, MAX at argument 6, found the end of the command",
        ),
        (
            "* LIMIT 1",
            "ERR syntax error: expected at least one of COUNT",
        ),
        (
            "* GROUP user COUNT",
            "ERR syntax error: expected BY at argument 4, found 'user'",
        ),
        (
            "* GROUP BY COUNT",
            "ERR syntax error: expected a field's name at argument 5, found 'COUNT'",
        ),
        (
            "* GROUP BY user user COUNT",
            "ERR syntax error: expected each field once at argument 6, found 'user'",
        ),
        (
            "* GROUP BY user @user COUNT",
            "ERR syntax error: expected each field of GROUP BY once, found 'user' twice",
        ),
        (
            "* GROUP BY user COUNT GROUP BY s",
            "ERR syntax error: expected each clause once at argument 7, found 'GROUP'",
        ),
        (
            "* GROUP BY nothing COUNT",
            "NOFIELD there is no field 'nothing'",
        ),
        (
            "* SUM",
            "ERR syntax error: expected a field after SUM at argument 4, found the end of the command",
        ),
        (
            "* SUM LIMIT 5",
            "ERR syntax error: expected a field after SUM (with @ where it is named like a clause) at argument 4, found 'LIMIT'",
        ),
        (
            "* COUNT DISTINCT",
            "ERR syntax error: expected a field after COUNT DISTINCT at argument 5",
        ),
        ("* SUM nothing", "NOFIELD there is no field 'nothing'"),
        (
            "* SUM s",
            "BADVALUE SUM takes INTEGER and FLOAT, field 's' is STRING; ask for MIN, MAX or COUNT DISTINCT of it",
        ),
        (
            "* AVG at",
            "BADVALUE AVG takes INTEGER and FLOAT, field 'at' is DATETIME",
        ),
        (
            "* COUNT COUNT",
            "ERR syntax error: expected each function of a field once at argument 4, found 'COUNT'",
        ),
        (
            "* SUM n COUNT SUM @n",
            "ERR syntax error: expected each function of a field once at argument 6, found 'SUM'",
        ),
        (
            "* COUNT ORDER BY user",
            "ERR syntax error: expected a key of the outcome, which has 'count' at argument 6, found 'user'",
        ),
        (
            "* GROUP BY user SUM n ORDER BY user sum(x)",
            "ERR syntax error: expected a key of the outcome, which has 'user', 'sum(n)' at argument 11, found 'sum(x)'",
        ),
        (
            "* COUNT ORDER BY count DESC count",
            "ERR syntax error: expected each key of ORDER BY once at argument 8, found 'count'",
        ),
        (
            "* COUNT ORDER BY",
            "ERR syntax error: expected a key of the outcome (a field of GROUP BY, count, sum(f), count(distinct f), ...) at argument 6",
        ),
        (
            "* COUNT ORDER BY LIMIT 1",
            "ERR syntax error: expected a key of the outcome",
        ),
        (
            "* COUNT ORDER count",
            "ERR syntax error: expected BY at argument 5, found 'count'",
        ),
        (
            "* COUNT LIMIT x",
            "ERR syntax error: expected a number of records, 0 at least at argument 5, found 'x'",
        ),
        (
            "* COUNT LIMIT 1 LIMIT 2",
            "ERR syntax error: expected each clause once at argument 6, found 'LIMIT'",
        ),
        ("* COUNT OFFSET -1", "ERR syntax error: expected a number"),
        (
            "user = x COUNT",
            "BADVALUE field 'user' is INTEGER: expected a number, found 'x'",
        ),
        ("user COUNT", "ERR syntax error: expected an operator"),
    ] {
        let error = client.fail(&format!("YARR.AGGREGATE t {line}"));
        assert!(error.starts_with(expected), "{line}\n{error}\n{expected}");
        assert_eq!(
            client.fail(&format!("YARR.EXPLAIN t ANALYZE AGGREGATE {line}")),
            error
        );
    }
}

#[test]
fn fields_may_be_named_like_clauses() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make TIMESTAMPS OFF ADD FIELD count INTEGER ADD FIELD min INTEGER ADD FIELD distinct INTEGER");
    client.ok("YARR.CREATE t FIELDS 3 count min distinct VALUES 1 5 7 1 6 7 2 9 8");
    transcript(
        &mut client,
        r#"
        > YARR.AGGREGATE t * GROUP BY @count SUM @min ORDER BY @count DESC LIMIT 1
        1) 1) "count"
           2) "2"
           3) "sum(min)"
           4) "9"
        > YARR.AGGREGATE t * SUM distinct COUNT DISTINCT distinct ORDER BY SUM(distinct)
        1) 1) "sum(distinct)"
           2) "22"
           3) "count(distinct distinct)"
           4) (integer) 2
        > YARR.AGGREGATE t * GROUP BY @count COUNT
        (error) ERR ...'count'...same key...
        > YARR.AGGREGATE t * SUM min
        (error) ERR ...@...
        "#,
    );
}

#[test]
fn a_replica_answers_the_same() {
    let (primary, replica) = pair(Options::new());
    let (mut client, mut other) = (primary.connect(), replica.connect());
    client.ok("YARR.MIGRATE t UP 1 make TIMESTAMPS OFF ADD FIELD a INTEGER BITMAP ADD FIELD x FLOAT ADD FIELD s STRING INDEX");
    let values: Vec<String> = (0..500)
        .map(|n| format!("{} {} s{}", n % 7, f64::from(n) / 10.0, n % 90))
        .collect();
    client.ok(&format!(
        "YARR.CREATE t FIELDS 3 a x s VALUES {}",
        values.join(" ")
    ));
    client.ok("YARR.DEL t WHERE a = 3");
    eventually("the replica follows", || {
        other.run("YARR.WHERE t * COUNT") == client.ok("YARR.WHERE t * COUNT")
    });
    for line in [
        "YARR.AGGREGATE t * COUNT SUM x AVG x MIN s MAX s",
        "YARR.AGGREGATE t * GROUP BY a COUNT SUM x",
        "YARR.AGGREGATE t * GROUP BY s COUNT ORDER BY count DESC LIMIT 20",
        "YARR.AGGREGATE t s > s5 GROUP BY s a AVG x COUNT DISTINCT x ORDER BY avg(x)",
        "YARR.EXPLAIN t AGGREGATE * GROUP BY a COUNT",
    ] {
        assert_eq!(other.ok(line), client.ok(line), "{line}");
    }
    if able(MAPS) {
        let mut other = other.resp3();
        assert_eq!(
            other.ok("YARR.AGGREGATE t * COUNT").items()[0].get("count"),
            Some(&Reply::Integer(429))
        );
    }
}
