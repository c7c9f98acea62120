//! Records at random, written in every way there is, come back as they are.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use proptest::prelude::*;
use yarr_client::{prelude::*, redis};

use crate::connection::{Engine, NOW};

/// Fields that are called as clauses are.
#[derive(Debug, Clone, PartialEq, Record)]
#[record(table = "t")]
struct Anything {
    id: i64,
    set: Option<i64>,
    values: Option<f64>,
    unset: Option<bool>,
    on: Option<SystemTime>,
    #[record(name = "return")]
    text: Option<String>,
    fields: Option<Vec<u8>>,
    null: Option<Level>,
    incr: Option<BTreeSet<String>>,
    #[record(name = "if", index)]
    must: u16,
    #[record(version)]
    order: i64,
    updated_at: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Enum)]
enum Level {
    Low,
    #[record(name = "IDS")]
    High,
}

/// Text of which some is a word of the grammar.
fn text() -> impl Strategy<Value = String> {
    const WORDS: [&str; 12] = [
        "UNSET", "RETURN", "*", "", "-", "--", "IF", "0", "2", "null", "ON", "\0",
    ];
    prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(String::from),
        ".{0,6}"
    ]
}

fn time() -> impl Strategy<Value = SystemTime> {
    // Expiry aside, any time will do: some thousand years about 1970.
    (-100_000_000_000_000..100_000_000_000_000i64).prop_map(|ms| match u64::try_from(ms) {
        Ok(after) => UNIX_EPOCH + Duration::from_millis(after),
        Err(_) => UNIX_EPOCH - Duration::from_millis(ms.unsigned_abs()),
    })
}

fn anything() -> impl Strategy<Value = Anything> {
    let numbers = (
        any::<i64>(),
        any::<Option<i64>>(),
        any::<Option<f64>>(),
        any::<Option<bool>>(),
        any::<u16>(),
    );
    let texts = (
        proptest::option::of(text()),
        any::<Option<Vec<u8>>>(),
        proptest::option::of(proptest::collection::btree_set(text(), 0..4)),
        proptest::option::of(proptest::sample::select(&[Level::Low, Level::High][..])),
    );
    let times = (proptest::option::of(time()), time());
    (numbers, texts, times).prop_map(|(numbers, texts, times)| Anything {
        id: numbers.0,
        set: numbers.1,
        // -0 is stored as 0.
        values: numbers.2.map(|x| x + 0.0),
        unset: numbers.3,
        on: times.0,
        text: texts.0,
        fields: texts.1,
        null: texts.3,
        incr: texts.2,
        must: numbers.4,
        order: 0,
        updated_at: times.1,
    })
}

fn engine(resp3: bool) -> Engine {
    let mut engine = Engine::new(resp3);
    let mut migrate = redis::cmd("YARR.MIGRATE");
    migrate.arg("t").arg("UP").arg(1).arg("make");
    for operation in Anything::SCHEMA.operations() {
        migrate.arg(operation.split(' ').collect::<Vec<_>>());
    }
    migrate.exec(&mut engine).unwrap();
    engine
}

/// The record as the server has it after a write by which it kept the time itself.
fn written(record: &Anything, changes: i64) -> Anything {
    Anything {
        order: changes,
        updated_at: UNIX_EPOCH + Duration::from_millis(NOW as u64),
        ..record.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_comes_back(first in anything(), second in anything(), resp3 in any::<bool>()) {
        let engine = &mut engine(resp3);
        prop_assert_eq!(Anything::create(&first).run(engine).unwrap(), first.clone());
        let second = Anything { id: first.id, ..second };

        // All of it, then only what has changed.
        let saved = second.save().run(engine).unwrap();
        prop_assert_eq!(&saved, &written(&second, 1));
        let mut tracked = Tracked::new(saved);
        let changed = Anything { order: 1, updated_at: tracked.updated_at, ..first.clone() };
        *tracked = changed.clone();
        let tracked = tracked.save().run(engine).unwrap();
        prop_assert_eq!(&*tracked, &written(&first, 2));
        prop_assert_eq!(Anything::find(first.id).run(engine).unwrap(), Some(written(&first, 2)));
        let stale = changed.save().run(engine);
        prop_assert!(matches!(stale, Err(yarr_client::Error::Stale { .. })), "{:?}", stale);

        // As one of many, and by a conflict.
        let kept = Anything::create_many([&second, &first]).or_update(Anything::fields().id);
        prop_assert_eq!(kept.run(engine).unwrap(), vec![first.id, first.id]);
        prop_assert_eq!(Anything::find_many([first.id]).run(engine).unwrap(), vec![Some(first.clone())]);
        let upserted = Anything::upsert(&second, Anything::fields().id).run(engine).unwrap();
        prop_assert_eq!(&upserted, &second);

        // By queries, in rows and alone, and as what they come to.
        let f = Anything::fields();
        let query = Anything::query().filter(f.must.eq(second.must));
        prop_assert_eq!(query.clone().load().run(engine).unwrap(), vec![second.clone()]);
        let columns = (f.set, f.values, f.unset, f.on, f.text, f.fields, f.null, f.incr);
        let row = query.clone().pluck(columns).run(engine).unwrap();
        let values = second.clone();
        let expected = (values.set, values.values, values.unset, values.on, values.text, values.fields, values.null, values.incr);
        prop_assert_eq!(row, vec![expected]);
        let (least, greatest, mean, on) = query.clone().aggregate((min(f.set), max(f.text), avg(f.values), max(f.on))).run(engine).unwrap();
        prop_assert_eq!((least, greatest, on), (second.set, second.text.clone(), second.on));
        prop_assert_eq!(mean, second.values);
        let groups = query.clone().group_by((f.null, f.unset, f.fields)).aggregate(count()).run(engine).unwrap();
        prop_assert_eq!(groups, vec![((second.null, second.unset, second.fields.clone()), 1)]);
        let same = Anything::query().filter(f.text.eq(second.text.as_deref().unwrap_or("x"))).scan().count();
        prop_assert_eq!(same.run(engine).unwrap(), u64::from(second.text.is_some()));
        let changed = query.update((f.text.set("IF"), f.incr.add_tags(["RETURN", "2"]), f.set.set_null())).returning();
        let changed = changed.run(engine).unwrap();
        prop_assert_eq!((changed[0].text.as_deref(), changed[0].set), (Some("IF"), None));
        prop_assert!(Anything::delete(first.id).only_if(f.text.eq("IF")).run(engine).unwrap());
    }
}
