//! The strategies, each from an empty target to one that is equal, and on from there.

use std::time::Duration;

use yarr_replicate::{Deletes, Kind, State, Strategy, Wish};

use crate::harness::{Stage, options};

const MIGRATION: &str = "YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL ADD FIELD age INTEGER \
    ADD FIELD score FLOAT ADD FIELD sort ENUM ( low high ) ADD FIELD happy BOOLEAN ADD FIELD key UUID \
    ADD FIELD tags TAGS ADD INDEX age ADD INDEX updated_at";
const TABLE: &str =
    "CREATE TABLE person (name text, id bigint primary key, age bigint, updated_at timestamptz)";

fn people() -> Stage {
    let stage = Stage::new();
    stage.say(MIGRATION);
    stage
}

fn full() -> Wish {
    Wish {
        strategy: Some(Strategy::Full { rename: false }),
        ..Wish::new("person", "person")
    }
}

#[test]
fn a_whole_table_goes_over_with_every_type_and_again() {
    let stage = people();
    stage.say("YARR.CREATE person name Ann age -5 score 0.1 sort high happy true key 6f1f9a4e-0a53-4b64-8a7b-1f0e7f3c2d11 tags 2 b a,\"c");
    stage.say("YARR.CREATE person name Bob");
    stage.sql("CREATE TABLE person (id bigint, sort text, name text, age numeric, score float8, happy bool, key uuid, tags text[], created_at timestamp, updated_at timestamptz)");
    assert_eq!(stage.run(&full()), 1);
    assert_eq!(
        stage.sql("SELECT id, name, age, score, sort, happy, key, tags FROM person ORDER BY id"),
        [
            r#"1|Ann|-5|0.1|high|t|6f1f9a4e-0a53-4b64-8a7b-1f0e7f3c2d11|{"a,\"c",b}"#,
            "2|Bob||||||"
        ]
    );
    let all = State::ALL
        .into_iter()
        .filter(|state| *state != State::Canceled);
    assert_eq!(stage.states(), all.collect::<Vec<_>>());
    assert!(stage.left().is_empty(), "{:?}", stage.left());
    let times = "SELECT count(*) FROM person WHERE created_at AT TIME ZONE 'UTC' = updated_at AND now() - updated_at < interval '1 hour'";
    assert_eq!(stage.sql(times), ["2"]);

    stage.say("YARR.DEL person 1");
    stage.say("YARR.UPDATE person 2 SET name Bea");
    assert_eq!(stage.run(&full()), 1);
    assert_eq!(stage.sql("SELECT id, name FROM person"), ["2|Bea"]);
    let history = "SELECT state, mode, row_count, inserted, deleted, from_position, to_position FROM _yarr_replications ORDER BY id";
    assert_eq!(
        stage.sql(history),
        ["imported|whole|2|2|0|0|1", "imported|whole|1|1|1|1|2"]
    );
}

#[test]
fn an_empty_table_empties_its_target() {
    let stage = people();
    stage.sql(&format!("{TABLE}; INSERT INTO person VALUES ('x', 1, 1)"));
    assert_eq!(stage.run(&full()), 1);
    assert_eq!(stage.sql("SELECT count(*) FROM person"), ["0"]);
}

#[test]
fn a_side_table_takes_the_place_of_the_targets_where_it_is_asked_for() {
    let stage = people();
    stage.say("YARR.CREATE person name Ann");
    stage.sql(TABLE);
    let wish = Wish {
        strategy: Some(Strategy::Full { rename: true }),
        ..full()
    };
    let id = "SELECT 'person'::regclass::oid";
    let before = stage.sql(id);
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(stage.sql("SELECT id, name FROM person"), ["1|Ann"]);
    assert_ne!(stage.sql(id), before);
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(
        stage.sql(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'person'::regclass AND indisprimary"
        ),
        ["1"]
    );
}

#[test]
fn records_that_are_marked_stay_and_come_back() {
    let stage = people();
    stage.sql("CREATE TABLE person (id bigint, name text, gone timestamp)");
    let wish = Wish {
        deletes: Deletes::Soft {
            column: "gone".into(),
        },
        ..full()
    };
    stage.say("YARR.CREATE person id 7 name Ann");
    stage.run(&wish);
    stage.say("YARR.DEL person 7");
    stage.run(&wish);
    let rows = "SELECT id, name, gone IS NULL FROM person";
    assert_eq!(stage.sql(rows), ["7|Ann|f"]);
    stage.run(&wish);
    assert_eq!(
        stage.sql("SELECT deleted FROM _yarr_replications ORDER BY id"),
        ["0", "1", "0"]
    );
    stage.say("YARR.CREATE person id 7 name Anna");
    stage.run(&wish);
    assert_eq!(stage.sql(rows), ["7|Anna|t"]);
}

#[test]
fn by_a_field_of_times_what_has_changed_is_merged_and_nothing_twice() {
    let stage = people();
    stage.sql(TABLE);
    let wish = Wish::new("person", "person");
    for n in 0..300 {
        stage.say(&format!("YARR.CREATE person name n{n} age {n}"));
    }
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(
        stage.sql("SELECT count(*), sum(age) FROM person"),
        ["300|44850"]
    );
    assert_eq!(stage.run(&wish), 0);
    stage.say("YARR.UPDATE person 5 SET age 1000");
    stage.say("YARR.CREATE person name new age 1");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(
        stage.sql("SELECT count(*), sum(age) FROM person"),
        ["301|45847"]
    );
    let last = "SELECT mode, row_count, inserted, deleted FROM _yarr_replications ORDER BY id DESC LIMIT 1";
    assert_eq!(stage.sql(last), ["merge|2|2|0"]);
    assert_eq!(stage.run(&wish), 0);
}

#[test]
fn an_overlap_goes_back_and_doubles_nothing() {
    let stage = people();
    stage.sql(TABLE);
    let wish = Wish {
        strategy: Some(Strategy::Timed {
            field: "updated_at".into(),
            overlap: Duration::from_secs(3600),
        }),
        ..Wish::new("person", "person")
    };
    stage.say("YARR.CREATE person name Ann age 1");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(stage.sql("SELECT name, age FROM person"), ["Ann|1"]);
}

#[test]
fn by_a_growing_field_rows_are_added() {
    let stage = people();
    stage.sql("CREATE TABLE person (id bigint, name text)");
    let wish = Wish {
        strategy: Some(Strategy::Identity { field: "id".into() }),
        ..Wish::new("person", "person")
    };
    assert_eq!(stage.run(&wish), 0);
    stage.say("YARR.CREATE person name Ann");
    stage.say("YARR.CREATE person name Bob");
    assert_eq!(stage.run(&wish), 1);
    stage.say("YARR.DEL person 1");
    assert_eq!(stage.run(&wish), 0);
    stage.say("YARR.CREATE person name Cyn");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(
        stage.sql("SELECT id, name FROM person ORDER BY id"),
        ["1|Ann", "2|Bob", "3|Cyn"]
    );
    let modes = "SELECT mode, to_position FROM _yarr_replications ORDER BY id";
    assert_eq!(stage.sql(modes), ["merge|2", "append|3"]);
}

#[test]
fn a_table_that_was_made_anew_is_loaded_anew() {
    let stage = people();
    stage.sql(TABLE);
    let wish = Wish::new("person", "person");
    stage.say("YARR.CREATE person name Ann");
    stage.run(&wish);
    stage.say("DEL person");
    stage.say(MIGRATION);
    stage.say("YARR.CREATE person id 9 name Bob");
    let asked = yarr_replicate::run::Options {
        auto_resync: false,
        ..options()
    };
    let refused = stage.try_run(&wish, &asked).unwrap_err();
    assert_eq!(refused.kind, Kind::Resync);
    assert!(refused.message.contains("resync person"), "{refused}");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(stage.sql("SELECT id, name FROM person"), ["9|Bob"]);
    assert_eq!(stage.run(&wish), 0);
}

#[test]
fn columns_may_have_other_names_and_be_fewer() {
    let stage = people();
    stage.sql("CREATE SCHEMA shop; CREATE TABLE shop.\"the people\" (\"a name\" varchar(3), key bigint, loaded timestamp DEFAULT now())");
    stage.say("YARR.CREATE person name Ann age 3");
    let wish = Wish {
        columns: [("a name", "name"), ("key", "id")]
            .map(|(column, field)| (column.to_string(), field.to_string()))
            .into(),
        ..Wish {
            target: "shop.the people".into(),
            ..full()
        }
    };
    stage.run(&wish);
    assert_eq!(
        stage.sql("SELECT \"a name\", key, loaded IS NOT NULL FROM shop.\"the people\""),
        ["Ann|1|t"]
    );
}

#[test]
fn what_does_not_fit_is_refused_all_at_once_before_anything_is_written() {
    let stage = people();
    stage.say("YARR.CREATE person name Ann");
    stage.sql("CREATE TABLE person (id bigint, age smallint, name text NOT NULL, score float8 NOT NULL, height float8)");
    let wish = Wish {
        exclude: vec!["nonsense".into()],
        ..full()
    };
    let refused = stage.refused(&wish);
    assert_eq!(refused.kind, Kind::Refused);
    for part in [
        "column 'age' of the INTEGER 'age': expected bigint, numeric or text, found smallint",
        "column 'score' takes no null",
        "column 'height': expected a field 'height', found none",
        "exclude: 'person' has no field 'nonsense'",
    ] {
        assert!(refused.message.contains(part), "{part}: {refused}");
    }
    assert_eq!(stage.sql("SELECT count(*) FROM _yarr_replications"), ["0"]);
    let none = stage.refused(&Wish::new("person", "nobody"));
    assert!(
        none.message.contains("there is no table 'nobody'"),
        "{none}"
    );
    let none = stage.refused(&Wish::new("nobody", "person"));
    assert!(none.message.contains("NOTABLE"), "{none}");
}

#[test]
fn evolve_makes_the_table_and_adds_columns_with_their_defaults() {
    let stage = people();
    stage.say("YARR.CREATE person name Ann age 3 tags 1 x");
    let wish = Wish {
        evolve: true,
        exclude: vec!["score".into()],
        ..Wish::new("person", "person")
    };
    assert_eq!(stage.run(&wish), 1);
    stage.say("YARR.MIGRATE person UP 2 more ADD FIELD plan STRING NOT NULL DEFAULT free ADD FIELD note STRING");
    assert_eq!(stage.run(&wish), 0);
    assert_eq!(
        stage.sql("SELECT name, age, tags, plan, note FROM person"),
        ["Ann|3|{x}|free|"]
    );
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'person' AND column_name = 'score'";
    assert_eq!(stage.sql(columns), ["0"]);
    stage.say("YARR.CREATE person name Bob plan paid");
    assert_eq!(stage.run(&wish), 1);
    assert_eq!(
        stage.sql("SELECT name, plan FROM person ORDER BY id"),
        ["Ann|free", "Bob|paid"]
    );
    assert_eq!(
        stage.sql("SELECT mode FROM _yarr_replications ORDER BY id"),
        ["whole", "merge"]
    );
}
