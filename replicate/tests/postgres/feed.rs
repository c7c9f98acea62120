//! By the change feed: deletions and expiry, migrations in the middle of the stream, a feed that went on without its
//! reader, another primary.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use redis::Value;
use yarr_replicate::{
    Deletes, Event, Kind, Listener, State, Wish,
    run::{Extent, Options, Outcome},
};

use crate::harness::{Server, Stage, assert_equal, block_on, cluster, eventually, options};

const MIGRATION: &str = "YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL ADD FIELD turn INTEGER CHANGES ON";

fn wish() -> Wish {
    Wish::new("person", "person")
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.say(MIGRATION);
    stage.sql("CREATE TABLE person (id bigint, name text, turn bigint)");
    stage
}

fn last(stage: &Stage) -> String {
    let last = "SELECT mode, row_count, tombstones, inserted, deleted FROM _yarr_replications ORDER BY id DESC LIMIT 1";
    stage.sql(last).concat()
}

/// One of the figures that the source has of the feed.
fn figure(stage: &Stage, name: &str) -> String {
    let Value::Array(info) = stage.say("YARR.INFO person") else {
        panic!("no array");
    };
    let changes = info
        .chunks(2)
        .find(|pair| pair[0] == Value::BulkString(b"changes".into()));
    let Some([_, Value::Array(changes)]) = changes else {
        panic!("{info:?}");
    };
    let found = changes
        .chunks(2)
        .find(|pair| pair[0] == Value::BulkString(name.into()));
    redis::from_redis_value(found.expect("the figure")[1].clone()).expect("a text")
}

#[test]
fn what_is_written_deleted_and_expired_goes_over_once() {
    let stage = stage();
    for n in 0..500 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    assert_eq!(stage.run(&wish()), 1);
    assert_equal(&stage, cluster());
    assert_eq!(last(&stage), "whole|500|0|500|0");
    assert_eq!(stage.run(&wish()), 0);

    stage.say("YARR.UPDATE person 3 SET turn 1");
    stage.say("YARR.DEL person 4");
    stage.say("YARR.DEL person 5");
    stage.say("YARR.CREATE person id 5 name again turn 2");
    stage.say("YARR.CREATE person id 1000 name brief");
    stage.say("YARR.DEL person 1000");
    stage.say("YARR.UPDATE person 6 PX 1");
    eventually("the record has expired", || {
        stage.say("YARR.UPDATE person 7 TOUCH");
        figure(&stage, "tombstones") == "4"
    });
    assert_eq!(stage.run(&wish()), 1);
    assert_equal(&stage, cluster());
    // 3, 5 and 7 as they are; 4, 5, 6 and 1000 went, of which 5 came again and 1000 had never come.
    assert_eq!(last(&stage), "merge|3|4|3|2");
    // What the target has is held for it no longer.
    assert_eq!(figure(&stage, "tombstones"), "0");
    assert_eq!(stage.run(&wish()), 0);
}

#[test]
fn records_from_before_the_feed_are_in_the_first_load() {
    let stage = Stage::new();
    stage.say("YARR.MIGRATE person UP 1 make ADD FIELD name STRING ADD FIELD turn INTEGER");
    stage.say("YARR.CREATE person name old turn 1");
    stage.say("YARR.MIGRATE person UP 2 feed CHANGES ON");
    stage.say("YARR.CREATE person name new turn 2");
    stage.sql("CREATE TABLE person (id bigint, name text, turn bigint)");
    stage.run(&wish());
    assert_equal(&stage, cluster());
}

#[test]
fn a_table_that_gets_a_feed_is_loaded_anew_once() {
    let stage = Stage::new();
    stage.say("YARR.MIGRATE person UP 1 make ADD FIELD name STRING ADD FIELD turn INTEGER");
    stage.say("YARR.CREATE person name Ann turn 1");
    stage.sql("CREATE TABLE person (id bigint, name text, turn bigint)");
    assert_eq!(stage.run(&wish()), 1);
    stage.say("YARR.DEL person 1");
    stage.say("YARR.MIGRATE person UP 2 feed CHANGES ON");
    assert_eq!(stage.run(&wish()), 1);
    assert_equal(&stage, cluster());
    assert_eq!(last(&stage), "whole|0|0|0|1");
    assert_eq!(stage.run(&wish()), 0);
}

#[test]
fn rows_are_marked_or_kept_where_that_is_wished() {
    let stage = stage();
    stage.sql(
        "ALTER TABLE person ADD gone timestamptz; CREATE TABLE archive (id bigint, name text)",
    );
    stage.say("YARR.CREATE person name Ann turn 1");
    stage.say("YARR.CREATE person name Bob turn 1");
    let marked = Wish {
        deletes: Deletes::Soft {
            column: "gone".into(),
        },
        ..wish()
    };
    let kept = Wish {
        deletes: Deletes::Ignore,
        ..Wish::new("person", "archive")
    };
    stage.run(&marked);
    stage.run(&kept);
    stage.say("YARR.DEL person 1");
    stage.run(&marked);
    stage.run(&kept);
    assert_eq!(
        stage.sql("SELECT id, abs(extract(epoch FROM now() - gone)) < 600 FROM person ORDER BY id"),
        ["1|t", "2|"]
    );
    assert_eq!(stage.sql("SELECT id FROM archive ORDER BY id"), ["1", "2"]);
}

#[test]
fn long_batches_end_early_and_go_on() {
    let stage = stage();
    stage.say("YARR.CREATE person name first turn 0");
    stage.run(&wish());
    for n in 0..400 {
        stage.say(&format!("YARR.CREATE person name n{n} turn {n}"));
    }
    stage.say("YARR.DEL person 1");
    let short = Options {
        batch_rows: 100,
        page_bytes: 1000,
        ..options()
    };
    let done = stage.try_run(&wish(), &short);
    assert!(matches!(done, Ok(Outcome::Done(3.., _))), "{done:?}");
    assert_equal(&stage, cluster());
}

/// Does something to the source at the event of this number.
fn at(number: u64, what: impl FnMut() + Send + 'static) -> Listener {
    let (events, what) = (AtomicU64::new(0), std::sync::Mutex::new(what));
    Arc::new(move |event| {
        let counts = matches!(event, Event::State { .. } | Event::Progress { .. });
        if counts && events.fetch_add(1, Ordering::Relaxed) + 1 == number {
            what.lock().expect("it is done once")();
        }
    })
}

/// Says these lines to the source.
fn saying(stage: &Stage, lines: &'static [&'static str]) -> impl FnMut() + Send + 'static {
    let redis = stage.redis.client();
    move || {
        let mut connection = redis.get_connection().unwrap();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let _: Value = redis::cmd(words[0])
                .arg(&words[1..])
                .query(&mut connection)
                .unwrap();
        }
    }
}

#[test]
fn what_is_written_while_a_batch_is_read_is_not_missing_at_any_time() {
    let stage = stage();
    for n in 0..300 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    for load in ["first", "again"] {
        let lines = &[
            "YARR.UPDATE person 299 SET turn 9",
            "YARR.UPDATE person 1 SET turn 9",
            "YARR.DEL person 298",
            "YARR.CREATE person id 298 name back turn 5",
        ];
        let written = at(4, saying(&stage, lines));
        let done = block_on(stage.places.run(&wish(), &options(), written));
        assert!(matches!(done, Ok(Outcome::Done(..))), "{done:?}");
        assert_equal(&stage, cluster());
        // Of the first import already: no row was away.
        let first =
            "SELECT deleted FROM _yarr_replications WHERE mode = 'whole' ORDER BY id DESC LIMIT 1";
        assert_eq!(stage.sql(first), ["0"], "{load}");
        stage.sql("UPDATE _yarr_replication_state SET resync = 'asked for'");
    }
}

#[test]
fn a_feed_that_went_on_without_its_reader_is_loaded_anew_and_equal() {
    let stage = Stage::with(Server::start_with(&["max-tombstones", "5"]), cluster());
    stage.say(MIGRATION);
    stage.sql("CREATE TABLE person (id bigint, name text, turn bigint)");
    for n in 0..100 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    stage.run(&wish());
    stage.say("YARR.DEL person WHERE id < 50");
    stage.say("YARR.UPDATE person 60 SET turn 7");
    let asked = Options {
        auto_resync: false,
        ..options()
    };
    let refused = stage.try_run(&wish(), &asked).unwrap_err();
    assert_eq!(refused.kind, Kind::Resync, "{refused}");
    assert_eq!(stage.sql("SELECT count(*) FROM person"), ["100"]);
    assert_eq!(stage.run(&wish()), 1);
    assert_equal(&stage, cluster());
    assert_eq!(last(&stage), "whole|51|0|51|49");
    assert_eq!(stage.run(&wish()), 0);
}

#[test]
fn fields_come_go_and_change_names_in_the_middle_of_the_stream() {
    let stage = stage();
    for n in 0..50 {
        stage.say(&format!("YARR.CREATE person name n{n} turn {n}"));
    }
    stage.run(&wish());
    // Added: the target has no column for it, and goes on.
    stage.say("YARR.MIGRATE person UP 2 add ADD FIELD plan STRING NOT NULL DEFAULT free");
    stage.say("YARR.UPDATE person 1 SET plan paid");
    assert_eq!(stage.run(&wish()), 1);
    // The column comes later than the field: what it should have had is not in the feed.
    stage.sql("ALTER TABLE person ADD plan text");
    assert_eq!(stage.run(&wish()), 1);
    assert_eq!(last(&stage), "whole|50|0|50|0");
    let plans = "SELECT plan, count(*) FROM person GROUP BY plan ORDER BY plan";
    assert_eq!(stage.sql(plans), ["free|49", "paid|1"]);
    // Renamed: refused with what to do, and nothing is done until then.
    stage.say("YARR.MIGRATE person UP 3 rename RENAME FIELD turn TO round");
    stage.say("YARR.UPDATE person 2 SET round 1000");
    let refused = stage.refused(&wish());
    assert!(
        refused
            .message
            .contains("now called 'round': say columns.turn = \"round\""),
        "{refused}"
    );
    let renamed = Wish {
        columns: [("turn".to_string(), "round".to_string())].into(),
        ..wish()
    };
    assert_eq!(stage.run(&renamed), 1);
    assert_eq!(last(&stage), "merge|1|0|1|0");
    assert_eq!(stage.sql("SELECT id FROM person WHERE turn = 1000"), ["2"]);
    // Removed and added again: the old values go.
    stage.say("YARR.MIGRATE person UP 4 less REMOVE FIELD plan DROP DATA");
    assert!(stage.refused(&renamed).message.contains("column 'plan'"));
    stage.say("YARR.MIGRATE person UP 5 more ADD FIELD plan STRING NOT NULL DEFAULT none");
    stage.say("YARR.UPDATE person 3 SET plan gold");
    assert_eq!(stage.run(&renamed), 1);
    assert_eq!(stage.sql(plans), ["gold|1", "none|49"]);
    // Another type: all values are others.
    stage.say("YARR.MIGRATE person UP 6 type SET FIELD round TYPE STRING");
    let refused = stage.refused(&renamed);
    assert!(refused.message.contains("expected text"), "{refused}");
    stage.sql("ALTER TABLE person ALTER turn TYPE text");
    assert_eq!(stage.run(&renamed), 1);
    assert_eq!(stage.sql("SELECT turn FROM person WHERE id = 2"), ["1000"]);
    assert_eq!(stage.run(&renamed), 0);
}

#[test]
fn with_evolve_columns_follow_the_fields() {
    let stage = stage();
    let wish = Wish {
        evolve: true,
        ..wish()
    };
    stage.say("YARR.CREATE person name Ann turn 1");
    stage.run(&wish);
    stage.say("YARR.MIGRATE person UP 2 add ADD FIELD plan STRING NOT NULL DEFAULT free ADD FIELD seen DATETIME ADD FIELD happy BOOLEAN DEFAULT true");
    stage.say("YARR.CREATE person name Bob turn 2 plan paid happy false");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(last(&stage), "merge|1|0|1|0");
    assert_eq!(
        stage.sql("SELECT name, plan, seen, happy FROM person ORDER BY id"),
        ["Ann|free||t", "Bob|paid||f"]
    );
    // A default that nobody can tell beforehand: all is loaded anew.
    stage.say("YARR.MIGRATE person UP 3 tags ADD FIELD tags TAGS DEFAULT 2 a b");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(stage.sql("SELECT tags FROM person"), ["{a,b}", "{a,b}"]);
}

#[test]
fn a_migration_within_a_batch_throws_it_away() {
    let stage = stage();
    for n in 0..300 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    // Exchanged within the batch: pages before and after it would not fit together.
    let lines = &[
        "YARR.MIGRATE person UP 2 a RENAME FIELD name TO other",
        "YARR.MIGRATE person UP 3 b ADD FIELD name STRING NOT NULL DEFAULT none",
    ];
    let migrated = at(4, saying(&stage, lines));
    let again = Options {
        tries: 1,
        ..options()
    };
    let done = block_on(stage.places.run(&wish(), &again, migrated));
    assert!(matches!(done, Ok(Outcome::Done(..))), "{done:?}");
    assert_equal(&stage, cluster());
    assert_eq!(stage.sql("SELECT DISTINCT name FROM person"), ["none"]);
    assert_eq!(
        stage.sql("SELECT attempt FROM _yarr_replications LIMIT 1"),
        ["2"]
    );
}

#[test]
fn a_field_that_goes_within_a_batch_is_a_migration_and_no_fault() {
    let stage = stage();
    for n in 0..300 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    let lines = &["YARR.MIGRATE person UP 2 a RENAME FIELD turn TO round"];
    let migrated = at(4, saying(&stage, lines));
    let stopped = block_on(stage.places.run(&wish(), &options(), migrated)).unwrap_err();
    assert_eq!(stopped.kind, Kind::Halfway, "{stopped}");
    assert!(
        stage
            .refused(&wish())
            .message
            .contains("now called 'round'")
    );
    assert_eq!(stage.sql("SELECT count(*) FROM person"), ["0"]);
}

#[test]
fn a_table_of_the_target_that_is_gone_is_made_and_loaded_anew() {
    let stage = stage();
    let wish = Wish {
        evolve: true,
        ..wish()
    };
    stage.say("YARR.CREATE person name Ann turn 1");
    stage.run(&wish);
    stage.sql("DROP TABLE person");
    assert_eq!(stage.run(&wish), 1);
    assert_equal(&stage, cluster());
}

/// Makes a server the replica of another, and waits until it has everything.
fn follow(replica: &Server, primary: &Server) {
    let _: Value = redis::cmd("REPLICAOF")
        .arg("127.0.0.1")
        .arg(primary.port())
        .query(&mut replica.connect())
        .unwrap();
    eventually("the replica has it all", || {
        let said: Value = redis::cmd("SET")
            .arg("mark")
            .arg(1)
            .query(&mut primary.connect())
            .unwrap();
        assert_eq!(said, Value::Okay);
        redis::cmd("WAIT")
            .arg(1)
            .arg(1000)
            .query::<i64>(&mut primary.connect())
            .unwrap()
            == 1
    });
}

#[test]
fn another_primary_goes_on_where_the_first_was() {
    let mut stage = stage();
    for n in 0..200 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    stage.run(&wish());
    stage.say("YARR.UPDATE person 1 SET turn 1");
    stage.say("YARR.DEL person 2");
    let replica = Server::start();
    follow(&replica, &stage.redis);
    // The first dies in the middle of an export.
    let first = std::mem::replace(&mut stage.redis, replica);
    let dying = std::sync::Mutex::new(Some(first));
    let killed = at(3, move || drop(dying.lock().unwrap().take()));
    let failed = block_on(
        stage
            .places
            .extent(&wish(), &options(), killed, Extent::Whole),
    )
    .unwrap_err();
    assert_eq!(failed.kind, Kind::Unreachable, "{failed}");
    let _: Value = redis::cmd("REPLICAOF")
        .arg("NO")
        .arg("ONE")
        .query(&mut stage.redis.connect())
        .unwrap();
    stage.places.redis = stage.redis.url("");
    stage.say("YARR.UPDATE person 3 SET turn 3");
    stage.say("DEL yarr:replicate:warehouse:person");
    assert_eq!(stage.run(&wish()), 1);
    assert_equal(&stage, cluster());
    assert_eq!(last(&stage), "merge|2|1|2|1");
    assert_eq!(stage.states().last(), Some(&State::Imported));
    assert_eq!(stage.run(&wish()), 0);
}

#[test]
fn another_primary_that_lost_writes_is_loaded_anew() {
    let mut stage = stage();
    for n in 0..50 {
        stage.say(&format!("YARR.CREATE person name n{n} turn 0"));
    }
    let replica = Server::start();
    follow(&replica, &stage.redis);
    let _: Value = redis::cmd("REPLICAOF")
        .arg("NO")
        .arg("ONE")
        .query(&mut replica.connect())
        .unwrap();
    // Written to the first after the second was cut off, and replicated.
    stage.say("YARR.UPDATE person 1 SET turn 1");
    stage.say("YARR.CREATE person name lost turn 1");
    stage.run(&wish());
    assert_equal(&stage, cluster());
    stage.redis = replica;
    stage.places.redis = stage.redis.url("");
    stage.say("YARR.UPDATE person 2 SET turn 2");
    assert_eq!(stage.run(&wish()), 1);
    assert_equal(&stage, cluster());
}
