//! States: retries, cancelling, pausing, resyncing, two runners.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use yarr_replicate::{
    Event, Kind, State, Strategy, Wish,
    run::{Extent, Options, Outcome, Runner},
    store::Store,
};

use crate::harness::{Stage, assert_equal, block_on, cluster, options};

fn wish() -> Wish {
    Wish {
        strategy: Some(Strategy::Full { rename: false }),
        ..Wish::new("person", "person")
    }
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.say("YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL");
    stage.say("YARR.CREATE person name Ann");
    stage.sql("CREATE TABLE person (id bigint, name varchar(5))");
    stage
}

/// What a runner of the stage is asked for.
fn with<T>(stage: &Stage, options: &Options, ask: impl AsyncFnOnce(&mut Runner<'_>) -> T) -> T {
    block_on(async {
        let mut source = stage.places.source().await.unwrap();
        let mut target = stage.places.target();
        let store = Store::folder(&stage.places.store).unwrap();
        let mut runner = Runner {
            source: &mut source,
            target: target.as_mut(),
            store: &store,
            options,
            listener: stage.listener(),
        };
        ask(&mut runner).await
    })
}

#[test]
fn an_import_that_failed_is_tried_again_without_an_export() {
    let stage = stage();
    stage.say("YARR.CREATE person name Magdalena");
    let refused = stage.refused(&wish());
    assert_eq!(refused.kind, Kind::Refused);
    assert!(
        refused.message.contains("too long") && refused.message.contains("Magdalena"),
        "{refused}"
    );
    let noted = "SELECT state, attempt, retries, error LIKE '%too long%' FROM _yarr_replications";
    assert_eq!(stage.sql(noted), ["importing|1|1|t"]);
    assert_eq!(stage.sql("SELECT count(*) FROM person"), ["0"]);
    stage.refused(&wish());
    stage.sql("ALTER TABLE person ALTER name TYPE text");
    stage.states();
    let first = with(&stage, &options(), async |runner| {
        runner.run(&wish(), Extent::Import).await
    });
    assert!(matches!(first, Ok(Outcome::Done(1, _))), "{first:?}");
    assert_eq!(stage.states(), [State::Importing, State::Imported]);
    assert_eq!(stage.sql(noted), ["imported|1|2|"]);
    assert_eq!(stage.sql("SELECT count(*) FROM person"), ["2"]);
}

#[test]
fn past_its_last_retry_it_is_given_up_and_begins_anew() {
    let stage = stage();
    stage.say("YARR.CREATE person id 3 name Magdalena");
    let options = Options {
        max_retries: 1,
        ..options()
    };
    assert_eq!(
        stage.try_run(&wish(), &options).unwrap_err().kind,
        Kind::Refused
    );
    assert_eq!(
        stage.try_run(&wish(), &options).unwrap_err().kind,
        Kind::Canceled
    );
    assert_eq!(
        stage.sql("SELECT state, retries FROM _yarr_replications"),
        ["canceled|2"]
    );
    assert!(stage.left().is_empty());
    stage.say("YARR.UPDATE person 3 SET name Lena");
    assert_eq!(stage.run(&wish()), 1);
    assert_eq!(
        stage.sql("SELECT name FROM person ORDER BY id"),
        ["Ann", "Lena"]
    );
}

#[test]
fn parts_that_are_damaged_are_refused_and_exported_anew() {
    let stage = stage();
    for damage in ["manifest", "gone", "shorter", "byte"] {
        let exported = with(&stage, &options(), async |runner| {
            runner.run(&wish(), Extent::Export).await
        });
        assert!(matches!(exported, Ok(Outcome::Exported(_))), "{exported:?}");
        let find = |name: &str| {
            let left = stage.left();
            left.into_iter()
                .find(|file| file.to_string_lossy().contains(name))
                .unwrap()
        };
        match damage {
            "manifest" => fs::write(find("manifest"), "{\"entries\": [").unwrap(),
            "gone" => fs::remove_file(find("manifest")).unwrap(),
            "shorter" => {
                let part = find("part-");
                let bytes = fs::read(&part).unwrap();
                fs::write(&part, &bytes[..bytes.len() - 3]).unwrap();
            }
            _ => {
                let part = find("part-");
                let mut bytes = fs::read(&part).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x55;
                fs::write(&part, bytes).unwrap();
            }
        }
        let refused = stage.refused(&wish());
        assert_eq!(refused.kind, Kind::Refused, "{damage}: {refused}");
        if damage == "byte" {
            // What only the import can find stays until it is given up.
            with(&stage, &options(), async |runner| {
                runner.cancel(&wish()).await
            })
            .unwrap();
        }
        assert_eq!(stage.run(&wish()), 1, "{damage}");
        assert_eq!(
            stage.sql("SELECT id, name FROM person"),
            ["1|Ann"],
            "{damage}"
        );
    }
}

#[test]
fn a_table_that_is_paused_is_passed_over() {
    let stage = stage();
    with(&stage, &options(), async |runner| {
        runner.target.prepare().await?;
        runner.target.pause("person", true).await
    })
    .unwrap();
    assert_eq!(stage.try_run(&wish(), &options()), Ok(Outcome::Paused));
    with(&stage, &options(), async |runner| {
        runner.target.pause("person", false).await
    })
    .unwrap();
    assert_eq!(stage.run(&wish()), 1);
}

#[test]
fn a_table_is_loaded_anew_when_it_is_asked_for() {
    let stage = stage();
    let wish = Wish::new("person", "person");
    stage.run(&wish);
    stage.sql("UPDATE person SET name = 'Eve'; INSERT INTO person VALUES (5, 'Joe')");
    assert_eq!(stage.run(&wish), 0);
    with(&stage, &options(), async |runner| {
        runner.resync(&wish, "asked for").await
    })
    .unwrap();
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(stage.sql("SELECT id, name FROM person"), ["1|Ann"]);
    assert_eq!(stage.run(&wish), 0);
}

#[test]
fn a_second_runner_is_told_who_is_at_it() {
    let stage = stage();
    let (places, refusals) = (stage.places.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = refusals.clone();
    let second = Arc::new(move |event: &Event<'_>| {
        if matches!(event, Event::State { replication } if replication.state == State::Exported) {
            let places = places.clone();
            let second = std::thread::spawn(move || {
                block_on(places.run(&wish(), &options(), yarr_replicate::event::nobody()))
            });
            let refused = second
                .join()
                .expect("a second runner")
                .expect_err("it is busy");
            assert_eq!(refused.kind, Kind::Busy, "{refused}");
            assert!(refused.message.contains("process"), "{refused}");
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let first = block_on(stage.places.run(&wish(), &options(), second));
    assert!(matches!(first, Ok(Outcome::Done(1, _))), "{first:?}");
    assert_eq!(refusals.load(Ordering::Relaxed), 1);
}

#[test]
fn without_the_lease_two_runners_still_import_once() {
    let stage = stage();
    let places = stage.places.clone();
    let redis = stage.redis.client();
    let times = Arc::new(AtomicUsize::new(0));
    let second = Arc::new(move |event: &Event<'_>| {
        if matches!(event, Event::State { replication } if replication.state == State::Uploaded) {
            // The lease goes, as if this runner had been held up for too long.
            let _: redis::Value = redis::cmd("DEL")
                .arg("yarr:replicate:warehouse:person")
                .query(&mut redis.get_connection().unwrap())
                .unwrap();
            if times.fetch_add(1, Ordering::Relaxed) == 0 {
                let places = places.clone();
                let second = std::thread::spawn(move || {
                    block_on(places.run(&wish(), &options(), yarr_replicate::event::nobody()))
                });
                let done = second.join().expect("a second runner");
                // It finds what the first has uploaded, and then goes on to the next load.
                assert!(matches!(done, Ok(Outcome::Done(2, _))), "{done:?}");
            }
        }
    });
    let first = block_on(stage.places.run(&wish(), &options(), second));
    assert_eq!(
        first.as_ref().map_err(|error| error.kind),
        Err(Kind::Busy),
        "{first:?}"
    );
    assert_eq!(stage.sql("SELECT id, name FROM person"), ["1|Ann"]);
    assert_eq!(
        stage.sql("SELECT state FROM _yarr_replications"),
        ["imported", "imported"]
    );
}

#[test]
fn the_history_is_pruned_and_the_watermark_is_not() {
    let stage = stage();
    let options = Options {
        history_cap: 2,
        ..options()
    };
    for _ in 0..4 {
        stage.try_run(&wish(), &options).unwrap();
    }
    assert_eq!(
        stage.sql("SELECT to_position FROM _yarr_replications ORDER BY id"),
        ["3", "4"]
    );
    assert_eq!(
        stage.sql("SELECT position FROM _yarr_replication_state"),
        ["4"]
    );
}

#[test]
fn runners_that_know_nothing_of_each_other_double_nothing() {
    let stage = Stage::new();
    stage.say("YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL ADD FIELD turn INTEGER CHANGES ON");
    stage.sql("CREATE TABLE person (id bigint, name text, turn bigint)");
    let wish = Wish::new("person", "person");
    let (errors, at_work) = (Mutex::new(Vec::new()), AtomicUsize::new(3));
    std::thread::scope(|scope| {
        for runner in 0..3 {
            let (places, wish, errors, at_work) = (&stage.places, &wish, &errors, &at_work);
            scope.spawn(move || {
                // Each has a lease of its own, which is none.
                let options = Options {
                    target: format!("runner{runner}"),
                    ..options()
                };
                for _ in 0..8 {
                    let run = places.run(wish, &options, yarr_replicate::event::nobody());
                    let error = block_on(run).err();
                    errors.lock().unwrap().extend(error);
                }
                at_work.fetch_sub(1, Ordering::Relaxed);
            });
        }
        for turn in 1.. {
            if at_work.load(Ordering::Relaxed) == 0 {
                break;
            }
            stage.say(&format!("YARR.CREATE person name n{turn} turn {turn}"));
            stage.say(&format!(
                "YARR.UPDATE person {} SET turn {}",
                1 + turn / 2,
                1000 + turn
            ));
            stage.say(&format!("YARR.DEL person {}", 1 + turn / 3));
        }
    });
    // One is behind where the others are, or finds what they were at half done.
    let errors = errors.into_inner().unwrap();
    let met = [Kind::Busy, Kind::Refused, Kind::Canceled, Kind::Unreachable];
    let other = errors.iter().find(|error| !met.contains(&error.kind));
    assert_eq!(other, None);
    assert!(!errors.is_empty(), "none met another");
    for _ in 0..3 {
        // What is left of theirs is given up, and then it goes on.
        let _ = stage.try_run(&wish, &options());
    }
    assert_equal(&stage, cluster());
    assert_eq!(
        stage.sql("SELECT count(*) - count(DISTINCT id) FROM person"),
        ["0"]
    );
}
