//! Redshift: COPY, its options and its errors, conflicts, ends in the middle, maintenance.

use std::sync::{Arc, Mutex};

use yarr_replicate::{
    Event, Kind, State, Strategy, Wish, event,
    part::Layout,
    run::{Extent, Outcome},
    target::{Maintenance, redshift::Choice},
};
use yarr_replicate_testing::{Cluster, Failure, KEY, ROLE, SECRET};

use crate::harness::{Warehouse, done, full, line, say, timed};

fn person() -> Warehouse {
    let warehouse = Warehouse::new();
    line(
        &warehouse.redis,
        "YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL",
    );
    warehouse
        .redshift
        .lines("CREATE TABLE person (id bigint, name varchar(5), updated_at timestamptz)");
    line(&warehouse.redis, "YARR.CREATE person name Ann");
    line(&warehouse.redis, "YARR.CREATE person name Bob");
    warehouse
}

const NAMES: &str = "SELECT id, name FROM person ORDER BY id";

#[test]
fn values_of_every_type_arrive_as_they_are() {
    let warehouse = Warehouse::new();
    let redis = &warehouse.redis;
    line(
        redis,
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD x FLOAT ADD FIELD b BOOLEAN ADD FIELD at DATETIME ADD FIELD s STRING ADD FIELD raw STRING ADD FIELD u UUID ADD FIELD e ENUM ( low high ) ADD FIELD tags TAGS",
    );
    warehouse.redshift.lines(
        "CREATE TABLE t (id bigint, n bigint, x double precision, b boolean, at timestamptz, s varchar(100), raw bytea, u varchar(36), e varchar(10), tags jsonb)",
    );
    say(
        redis,
        &[
            b"YARR.CREATE",
            b"t",
            b"n",
            b"-9223372036854775808",
            b"x",
            b"1e300",
            b"b",
            b"true",
            b"at",
            b"1767268800123",
            b"s",
            "a,\"b\"\r\n\\N\\.'ä".as_bytes(),
            b"raw",
            b"\0\xff",
            b"u",
            b"01234567-89ab-cdef-0123-456789abcdef",
            b"e",
            b"high",
            b"tags",
            b"2",
            b"b \"c",
            b"a",
        ],
    );
    line(redis, "YARR.CREATE t b false");
    say(redis, &[b"YARR.CREATE", b"t", b"s", b"", b"tags", b"0"]);
    assert_eq!(warehouse.run(&full("t")), 1);
    let rows = warehouse.redshift.lines(
        "SELECT id, n, x, b, at AT TIME ZONE 'UTC', replace(replace(s, chr(13), '<CR>'), chr(10), '<LF>'), encode(raw, 'hex'), u, e, tags, s IS NULL FROM t ORDER BY id",
    );
    assert_eq!(
        rows,
        [
            r#"1|-9223372036854775808|1e+300|t|2026-01-01 12:00:00.123|a,"b"<CR><LF>\N\.'ä|00ff|01234567-89ab-cdef-0123-456789abcdef|high|["a", "b \"c"]|f"#,
            "2|||f|||||||t",
            "3|||||||||[]|f",
        ]
    );
    // What is in the target is told in the forms in which it was written, for those who compare.
    let told = Arc::new(Mutex::new(Vec::new()));
    let rows = told.clone();
    let count = warehouse.with(event::nobody(), async |runner| {
        let plan = yarr_replicate::plan::plan(runner.source, runner.target, &full("t")).await?;
        let mut take = |row: &[Option<&str>]| {
            rows.lock().unwrap().push(
                row.iter()
                    .map(|text| text.unwrap_or("-").to_string())
                    .collect::<Vec<_>>(),
            );
            Ok(())
        };
        runner.target.rows(&plan.table, &mut take).await?;
        runner.target.count(&plan.table).await
    });
    assert_eq!(count.unwrap(), 3);
    let told = told.lock().unwrap();
    let expected = [
        "1",
        "-9223372036854775808",
        "1e+300",
        "true",
        "2026-01-01 12:00:00.123+00",
        "a,\"b\"\r\n\\N\\.'ä",
        "00ff",
        "01234567-89ab-cdef-0123-456789abcdef",
        "high",
        "[\"a\", \"b \\\"c\"]",
    ];
    assert_eq!(told[0], expected);
    assert_eq!(told[1].join(" "), "2 - - false - - - - - -");
}

#[test]
fn a_batch_is_loaded_from_its_manifest_and_merged_once() {
    let warehouse = person();
    assert_eq!(warehouse.run(&timed("person")), 1);
    assert_eq!(warehouse.redshift.lines(NAMES), ["1|Ann", "2|Bob"]);
    let said = warehouse.redshift.statements();
    let copy = said.iter().find(|sql| sql.starts_with("COPY")).unwrap();
    for words in [
        "COPY _yarr_stage FROM 's3://yarr/root/of it/spool/person/",
        "/manifest.json' IAM_ROLE 'arn:",
        " REGION AS 'eu-west-1' FORMAT AS CSV GZIP NULL AS '~",
        " MANIFEST COMPUPDATE OFF STATUPDATE OFF",
    ] {
        assert!(copy.contains(words), "{copy}");
    }
    assert_eq!(warehouse.s3.keys(""), [""; 0], "parts are left");
    line(&warehouse.redis, "YARR.UPDATE person 2 SET name Bea");
    line(&warehouse.redis, "YARR.CREATE person name Cat");
    assert_eq!(warehouse.run(&timed("person")), 1);
    assert_eq!(warehouse.redshift.lines(NAMES), ["1|Ann", "2|Bea", "3|Cat"]);
    // The whole of it: what the source lacks goes, in the same transaction.
    line(&warehouse.redis, "YARR.DEL person 1");
    warehouse
        .with(event::nobody(), async |runner| {
            runner.resync(&timed("person"), "as a test").await
        })
        .unwrap();
    assert_eq!(warehouse.run(&timed("person")), 1);
    assert_eq!(warehouse.redshift.lines(NAMES), ["2|Bea", "3|Cat"]);
    assert_eq!(
        warehouse
            .redshift
            .lines("SELECT state, row_count FROM _yarr_replications ORDER BY id"),
        ["imported|2", "imported|3", "imported|2"]
    );
}

#[test]
fn an_empty_table_and_one_of_many_parts_are_loaded() {
    let mut warehouse = person();
    line(
        &warehouse.redis,
        "YARR.MIGRATE none UP 1 make ADD FIELD name STRING",
    );
    warehouse
        .redshift
        .lines("CREATE TABLE none (id bigint, name varchar(5))");
    assert_eq!(warehouse.run(&full("none")), 1);
    let mut pipe = redis::pipe();
    for at in 0..20_000 {
        pipe.cmd("YARR.CREATE")
            .arg("person")
            .arg("name")
            .arg(format!("{:05}", at % 99_991));
    }
    pipe.query::<()>(&mut warehouse.redis.connect()).unwrap();
    warehouse.options.layout.part_bytes = 64 << 10;
    warehouse.options.keep = true;
    assert_eq!(warehouse.run(&full("person")), 1);
    assert_eq!(
        warehouse
            .redshift
            .lines("SELECT count(*), count(DISTINCT name) FROM person"),
        ["20002|20002"]
    );
    assert!(warehouse.s3.keys("root/of it/spool/person/").len() > 2);
}

#[test]
fn what_is_wrong_is_told_in_one_line_and_nothing_is_merged() {
    let refused = |expected: &str, kind: Kind, change: fn(&mut Warehouse)| {
        let mut warehouse = person();
        change(&mut warehouse);
        let error = warehouse.refused(&full("person"));
        assert!(
            error.message.contains(expected),
            "{error}\nexpected {expected}"
        );
        assert!(
            !error.message.contains(SECRET) && !error.message.contains('\n'),
            "{error}"
        );
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(warehouse.redshift.lines(NAMES), [""; 0]);
        // Mended, it goes on.
        warehouse.password = "Redshift1".into();
        warehouse.loading.role = Some(ROLE.into());
        warehouse.loading.options.clear();
        warehouse.loading.bucket = crate::store::bucket(&warehouse.s3);
        warehouse.s3.heal();
        warehouse
            .redshift
            .lines("ALTER TABLE person ALTER COLUMN name TYPE varchar(500)");
        assert!(warehouse.run(&full("person")) > 0);
        assert!(!warehouse.redshift.lines(NAMES).is_empty());
    };
    refused(
        "is not authorized to assume IAM Role arn:aws:iam::1:role/x",
        Kind::Refused,
        |warehouse| {
            warehouse.loading.role = Some("arn:aws:iam::1:role/x".into());
        },
    );
    refused("SignatureDoesNotMatch", Kind::Refused, |warehouse| {
        warehouse.bucket(|bucket| bucket.key = Some((KEY.into(), "open sesame".into())));
    });
    refused("NoSuchBucket", Kind::Refused, |warehouse| {
        warehouse.bucket(|bucket| bucket.name = "other".into())
    });
    refused(
        "password authentication failed",
        Kind::Refused,
        |warehouse| warehouse.password = "wrong".into(),
    );
    refused("take NOLOAD out of [copy]", Kind::Refused, |warehouse| {
        warehouse.copy("NOLOAD", Choice::Is(true))
    });
    refused(
        "column 'name': String length exceeds DDL length; mend the record",
        Kind::Refused,
        |warehouse| {
            line(&warehouse.redis, "YARR.CREATE person name Magdalena");
        },
    );
}

#[test]
fn a_password_that_no_driver_can_send_is_explained() {
    let warehouse = person();
    warehouse.redshift.hash_passwords();
    let error = warehouse.refused(&full("person"));
    assert!(
        error.message.contains("ALTER USER name PASSWORD 'md5...'"),
        "{error}"
    );
    assert_eq!(error.kind, Kind::Refused);
}

#[test]
fn keys_are_given_where_there_is_no_role_and_options_do_what_they_say() {
    let mut warehouse = person();
    warehouse.loading.role = None;
    say(
        &warehouse.redis,
        &[b"YARR.CREATE", b"person", b"name", b"Magda\xfflena"],
    );
    let error = warehouse.refused(&full("person"));
    assert!(
        error
            .message
            .contains("table 'person', record 3: column 'name': expected a text in UTF-8"),
        "{error}"
    );
    warehouse.copy("TRUNCATECOLUMNS", Choice::Is(true));
    warehouse.options.layout = Layout {
        replacement: Some('?'),
        ..warehouse.options.layout.clone()
    };
    assert_eq!(warehouse.run(&full("person")), 1);
    assert_eq!(
        warehouse.redshift.lines(NAMES),
        ["1|Ann", "2|Bob", "3|Magda"]
    );
}

#[test]
fn a_conflict_is_tried_again_and_an_unknown_end_is_found_out() {
    let mut warehouse = person();
    warehouse.options.tries = 3;
    for (at, (words, failure)) in [
        ("COMMIT", Failure::Conflict),
        ("DELETE FROM \"person\"", Failure::Conflict),
        ("COMMIT", Failure::Unsure),
        ("COPY", Failure::Gone),
        ("COPY", Failure::Unsure),
        ("LOCK TABLE _yarr_replication_lock", Failure::Gone),
    ]
    .into_iter()
    .enumerate()
    {
        line(&warehouse.redis, "YARR.CREATE person name Cat");
        warehouse.redshift.fail(words, failure);
        assert_eq!(warehouse.run(&timed("person")), 1, "{words} {failure:?}");
        let counts = warehouse
            .redshift
            .lines("SELECT count(*), count(DISTINCT id) FROM person");
        let all = at + 3;
        assert_eq!(counts, [format!("{all}|{all}")], "{words} {failure:?}");
    }
    let states = "SELECT state, count(*) FROM _yarr_replications GROUP BY state";
    assert_eq!(warehouse.redshift.lines(states), ["imported|6"]);
}

#[test]
fn a_server_that_is_killed_amid_an_import_has_all_of_it_afterwards() {
    let cluster = Arc::new(Mutex::new(Cluster::start()));
    let warehouse = Warehouse::on(&cluster.lock().unwrap());
    line(
        &warehouse.redis,
        "YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL",
    );
    warehouse
        .redshift
        .lines("CREATE TABLE person (id bigint, name varchar(5), updated_at timestamptz)");
    for round in 1..=3 {
        line(&warehouse.redis, "YARR.CREATE person name Ann");
        let killed = cluster.clone();
        let kill = move |event: &Event<'_>| {
            if matches!(event, Event::State { replication } if replication.state == State::Importing)
            {
                killed.lock().unwrap().kill();
            }
        };
        let error = warehouse
            .with(Arc::new(kill), async |runner| {
                runner.run(&timed("person"), Extent::Whole).await
            })
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable, "{error}");
        cluster.lock().unwrap().restart();
        let before = warehouse.s3.requests().len();
        assert!(before > 0);
        let imported = warehouse.with(event::nobody(), async |runner| {
            runner.run(&timed("person"), Extent::Import).await
        });
        assert_eq!(done(imported), 1);
        assert!(
            warehouse
                .s3
                .requests()
                .iter()
                .all(|request| !request.starts_with("PUT")),
            "it was exported again"
        );
        assert_eq!(
            warehouse
                .redshift
                .lines("SELECT count(*), count(DISTINCT id) FROM person"),
            [format!("{round}|{round}")]
        );
    }
}

#[test]
fn a_manifest_that_is_malformed_is_refused_and_the_batch_exported_anew() {
    let warehouse = person();
    let exported = warehouse.with(event::nobody(), async |runner| {
        runner.run(&full("person"), Extent::Export).await
    });
    assert!(matches!(exported, Ok(Outcome::Exported(_))), "{exported:?}");
    let keys = warehouse.s3.keys("");
    let manifest = keys
        .iter()
        .find(|key| key.ends_with("manifest.json"))
        .unwrap();
    warehouse.s3.write(manifest, b"{\"entries\":[");
    let error = warehouse.refused(&full("person"));
    assert!(
        error.message.contains("is no manifest: EOF while parsing"),
        "{error}"
    );
    assert_eq!(warehouse.redshift.lines(NAMES), [""; 0]);
    assert_eq!(warehouse.run(&full("person")), 1);
    assert_eq!(warehouse.redshift.lines(NAMES), ["1|Ann", "2|Bob"]);
}

#[test]
fn tables_are_vacuumed_in_every_form_and_analyzed() {
    let warehouse = person();
    warehouse
        .redshift
        .lines("CREATE TABLE woven (id bigint); COMMENT ON TABLE woven IS 'INTERLEAVED(id)'");
    let maintain = |table: Option<&str>, what: Maintenance| {
        warehouse.with(event::nobody(), async |runner| {
            runner.target.prepare().await?;
            runner.target.maintain(table, &what).await
        })
    };
    let vacuum = |form: &str| Maintenance::Vacuum(form.into());
    for (table, what, said) in [
        (Some("person"), vacuum("plain"), "VACUUM \"person\""),
        (
            Some("public.person"),
            vacuum("full"),
            "VACUUM FULL \"public\".\"person\"",
        ),
        (None, vacuum("sort only"), "VACUUM SORT ONLY"),
        (
            Some("person"),
            vacuum("delete-only"),
            "VACUUM DELETE ONLY \"person\"",
        ),
        (
            Some("person"),
            vacuum("reindex"),
            "VACUUM REINDEX \"person\"",
        ),
        (Some("person"), vacuum("auto"), "VACUUM \"person\""),
        (
            Some("public.woven"),
            vacuum("auto"),
            "VACUUM REINDEX \"public\".\"woven\"",
        ),
        (None, vacuum("auto"), "VACUUM"),
        (Some("person"), Maintenance::Analyze, "ANALYZE \"person\""),
        (None, Maintenance::Analyze, "ANALYZE"),
    ] {
        assert_eq!(maintain(table, what).unwrap(), [said]);
    }
    for (table, form) in [(Some("person"), "sideways"), (None, "reindex")] {
        assert_eq!(maintain(table, vacuum(form)).unwrap_err().kind, Kind::Usage);
    }
    assert_eq!(
        warehouse
            .redshift
            .lines("SELECT count(*) FROM redshift.vacuumed"),
        ["8"]
    );
}

#[test]
fn a_table_may_be_renamed_into_its_place_and_columns_added() {
    let warehouse = person();
    let wish = Wish {
        strategy: Some(Strategy::Full { rename: true }),
        evolve: true,
        ..full("person")
    };
    line(
        &warehouse.redis,
        "YARR.MIGRATE person UP 2 more ADD FIELD n INTEGER DEFAULT 7",
    );
    for _ in 0..2 {
        assert_eq!(warehouse.run(&wish), 1);
        assert_eq!(
            warehouse
                .redshift
                .lines("SELECT id, name, n FROM person ORDER BY id"),
            ["1|Ann|7", "2|Bob|7"]
        );
    }
    warehouse.redshift.lines("DROP TABLE person");
    assert_eq!(warehouse.run(&wish), 1);
    assert_eq!(warehouse.redshift.lines(NAMES), ["1|Ann", "2|Bob"]);
}
