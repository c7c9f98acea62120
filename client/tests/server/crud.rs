//! Records made, found, changed and deleted.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use yarr_client::{Error, prelude::*};

use crate::sample::{Level, NewSample, Sample, connection, connections};

fn label(whole: i64, label: &str) -> NewSample<'_> {
    NewSample {
        whole,
        label,
        real: None,
        place: Some("here"),
    }
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    for mut connection in connections() {
        let now = SystemTime::now();
        let millisecond = UNIX_EPOCH + Duration::from_millis(1_767_225_600_123);
        let edges = Sample {
            id: i64::MIN,
            whole: i64::MAX,
            small: Some(255),
            real: Some(-1.797_693_134_862_315_7e308),
            truth: false,
            at: Some(UNIX_EPOCH - Duration::from_millis(1)),
            label: "a \"quoted\"\r\n text with AND ) * @".into(),
            bytes: Some(vec![0, 255, 13, 10]),
            level: Level::Middle,
            tags: Some(["", "ü", "2", "AND"].map(String::from).into()),
            code: Some(i32::MIN),
            r#where: Some("WHERE".into()),
            created_at: millisecond,
            updated_at: millisecond,
            expires_at: None,
        };
        let nulls = Sample {
            id: 2,
            small: None,
            real: None,
            at: None,
            label: String::new(),
            bytes: None,
            level: Level::Low,
            tags: None,
            code: None,
            r#where: None,
            ..edges.clone()
        };
        for sample in [edges, nulls] {
            let made = Sample::create(&sample).run(&mut connection).unwrap();
            assert_eq!(made, sample);
            let found = Sample::find(sample.id).run(&mut connection).unwrap();
            assert_eq!(found, Some(sample));
        }
        let made = Sample::create(label(1, "x")).run(&mut connection).unwrap();
        assert_eq!(
            (made.id, made.truth, made.level, made.tags),
            (3, true, Level::Low, None)
        );
        assert!(
            made.created_at >= now - Duration::from_millis(1) && made.created_at == made.updated_at
        );
    }
}

#[test]
fn many_records_are_made_by_one_command_or_none() {
    for mut connection in connections() {
        let f = Sample::fields();
        let rows = (1..=200).map(|n| {
            (
                f.whole.set(n),
                f.label.set(format!("l{n}")),
                f.code.set_or_null((n % 2 == 0).then_some(7)),
            )
        });
        let ids = Sample::create_many(rows).run(&mut connection).unwrap();
        assert_eq!(ids, (1..=200).collect::<Vec<i64>>());
        let found = Sample::find_many([2, 999, 1]).run(&mut connection).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|s| s.as_ref().map(|s| (s.whole, s.code)))
            .collect();
        assert_eq!(shown, [Some((2, Some(7))), None, Some((1, None))]);

        // The word that stands for null is none of the values.
        let rows = [
            (f.whole.set(1), f.label.set("-"), f.r#where.set("--")),
            (f.whole.set(1), f.label.set("---"), f.r#where.set_null()),
        ];
        let ids = Sample::create_many(rows).run(&mut connection).unwrap();
        let wheres = Sample::find_many(&ids).run(&mut connection).unwrap();
        let shown: Vec<_> = wheres
            .into_iter()
            .map(|s| s.and_then(|s| s.r#where))
            .collect();
        assert_eq!(shown, [Some("--".to_string()), None]);

        let refused = Sample::create_many([label(1, "new"), label(1, "l1")]).run(&mut connection);
        assert!(matches!(refused, Err(Error::Duplicate(_))), "{refused:?}");
        assert_eq!(Sample::query().count().run(&mut connection).unwrap(), 202);
        let unequal = [
            (f.whole.set(1), f.label.set("x")),
            (f.label.set("1"), f.whole.set(2)),
        ];
        for unequal in [Sample::create_many(unequal), Sample::create_many([(); 2])] {
            let refused = unequal.run(&mut connection);
            assert!(matches!(refused, Err(Error::Rows(_))), "{refused:?}");
        }
        assert_eq!(Sample::query().count().run(&mut connection).unwrap(), 202);
        let none: [NewSample; 0] = [];
        assert_eq!(Sample::create_many(none).run(&mut connection).unwrap(), []);
        let ids = Sample::create_many([label(5, "l1"), label(5, "l9999")])
            .or_update(f.label)
            .run(&mut connection)
            .unwrap();
        assert_eq!(ids, [1, 203]);
    }
}

#[test]
fn a_conflict_updates_or_keeps_the_record_that_is_there() {
    for mut connection in connections() {
        let f = Sample::fields();
        let id = Sample::create(label(1, "a"))
            .id()
            .run(&mut connection)
            .unwrap();
        let kept = Sample::find_or_create(label(2, "a"), f.label)
            .run(&mut connection)
            .unwrap();
        assert_eq!((kept.id, kept.whole), (id, 1));
        let set = Sample::upsert(label(3, "a"), f.label)
            .run(&mut connection)
            .unwrap();
        assert_eq!((set.id, set.whole), (id, 3));
        let new = Sample::upsert(label(4, "b"), f.label)
            .run(&mut connection)
            .unwrap();
        assert_eq!((new.id, new.whole), (id + 1, 4));
        let both = (f.label.set("b"), f.whole.set(5), f.code.set(1));
        let refused = Sample::upsert(both, (f.code, f.label)).run(&mut connection);
        assert!(matches!(refused, Err(Error::Duplicate(_))), "{refused:?}");
    }
}

#[test]
fn a_change_answers_the_record_and_says_why_it_was_not_made() {
    for mut connection in connections() {
        let f = Sample::fields();
        let id = Sample::create(label(1, "a"))
            .id()
            .run(&mut connection)
            .unwrap();
        let changes = (
            f.whole.increment(4),
            f.code.set(3),
            f.real.set_null(),
            f.tags.set(["a", "b"]),
        );
        let changed = Sample::update(id, changes).run(&mut connection).unwrap();
        assert_eq!((changed.whole, changed.code), (5, Some(3)));
        let changes = vec![f.tags.add_tags(["c"])];
        let changed = Sample::update(id, changes).run(&mut connection).unwrap();
        assert_eq!(changed.tags, Some(["a", "b", "c"].map(String::from).into()));
        let changed = Sample::update(id, f.tags.remove_tags(["a", "z"]))
            .run(&mut connection)
            .unwrap();
        assert_eq!(changed.tags.map(|tags| tags.len()), Some(2));

        let refused = Sample::update(id, f.code.set(4))
            .only_if(f.whole.gt(5))
            .run(&mut connection);
        assert!(
            matches!(&refused, Err(Error::Stale { id, .. }) if id == "1"),
            "{refused:?}"
        );
        let absent = Sample::update(99, f.code.set(4)).run(&mut connection);
        assert!(
            matches!(&absent, Err(Error::NotFound { id, .. }) if id == "99"),
            "{absent:?}"
        );
        let wrong = Sample::update(id, f.small.set(300)).run(&mut connection);
        assert!(wrong.is_err_and(
            |error| matches!(error, Error::Field { ref field, .. } if field == "small")
        ));

        assert_eq!(
            Sample::increment(id, f.whole, -2)
                .run(&mut connection)
                .unwrap(),
            3
        );
        let bounded = Sample::increment(id, f.whole, 1)
            .only_if(f.whole.lt(3))
            .run(&mut connection);
        assert!(matches!(bounded, Err(Error::Stale { .. })), "{bounded:?}");

        let f_stale = Sample::delete(id)
            .only_if(f.whole.eq(9))
            .run(&mut connection);
        assert!(matches!(f_stale, Err(Error::Stale { .. })), "{f_stale:?}");
        assert!(Sample::delete(id).run(&mut connection).unwrap());
        assert!(!Sample::delete(id).run(&mut connection).unwrap());
    }
}

#[test]
fn saving_writes_all_or_only_what_has_changed() {
    for mut connection in connections() {
        let mut sample = Sample::create(label(1, "a")).run(&mut connection).unwrap();
        sample.whole = 7;
        sample.tags = Some(BTreeSet::from(["x".to_string()]));
        let saved = sample.save().run(&mut connection).unwrap();
        assert_eq!((saved.whole, &saved.tags), (7, &sample.tags));
        assert!(saved.updated_at >= sample.updated_at && saved.created_at == sample.created_at);

        let mut one = Tracked::new(saved.clone());
        let mut other = Tracked::new(saved);
        assert!(!one.is_changed());
        one.code = Some(5);
        other.tags = None;
        assert_eq!(
            (one.changed(), other.changed()),
            (vec!["type"], vec!["tags"])
        );
        one.save().run(&mut connection).unwrap();
        let both = other.save().run(&mut connection).unwrap();
        assert_eq!(
            (both.code, &both.tags, both.is_changed()),
            (Some(5), &None, false)
        );
        let touched = both.save().run(&mut connection).unwrap();
        assert_eq!(touched.code, Some(5));
        assert!(touched.destroy().run(&mut connection).unwrap());
        let gone = touched.save().run(&mut connection);
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    }
}

#[derive(Debug, Record)]
#[record(table = "versioned")]
struct Versioned {
    id: String,
    name: Option<String>,
    #[record(version)]
    lock: i64,
}

#[test]
fn nobody_writes_over_what_somebody_else_wrote() {
    let mut connection = connection("resp2");
    crate::sample::make::<Versioned>(&mut connection);
    let f = Versioned::fields();
    // An id that is a word of the command.
    for id in ["where", "IDS", "a b", "", "IF"] {
        let first = Versioned::create(f.id.set(id))
            .run(&mut connection)
            .unwrap();
        assert_eq!((first.id.as_str(), first.lock), (id, 0));
        let mut mine = Tracked::new(Versioned::find(id).run(&mut connection).unwrap().unwrap());
        mine.name = Some("mine".into());
        let mine = mine.save().run(&mut connection).unwrap();
        assert_eq!((mine.lock, mine.name.as_deref()), (1, Some("mine")));
        let stale = first.save().run(&mut connection);
        assert!(
            matches!(stale, Err(Error::Stale { .. } | Error::NotFound { .. })),
            "{id}: {stale:?}"
        );
        let kept = Versioned::find(id).run(&mut connection).unwrap().unwrap();
        assert_eq!(kept.name.as_deref(), Some("mine"));
        let stale = first.destroy().run(&mut connection);
        assert!(matches!(stale, Err(Error::Stale { .. })), "{id}: {stale:?}");
        assert!(mine.destroy().run(&mut connection).unwrap());
    }
}

#[test]
fn a_record_lives_as_long_as_is_said() {
    let mut connection = connection("resp3");
    let f = Sample::fields();
    let hour = Duration::from_secs(3600);
    let made = Sample::create(label(1, "a"))
        .expires(Expiry::In(hour))
        .run(&mut connection)
        .unwrap();
    let left = made
        .expires_at
        .unwrap()
        .duration_since(made.created_at)
        .unwrap();
    assert_eq!(left, hour);
    let at = UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    let kept = Sample::update(made.id, ())
        .expires(Expiry::At(at))
        .run(&mut connection)
        .unwrap();
    assert_eq!(kept.expires_at, Some(at));
    let kept = Sample::update(made.id, f.whole.set(2))
        .expires(Expiry::Keep)
        .run(&mut connection)
        .unwrap();
    assert_eq!(kept.expires_at, Some(at));
    let for_ever = Sample::update(made.id, f.whole.set(2))
        .expires(Expiry::Never)
        .run(&mut connection)
        .unwrap();
    assert_eq!(for_ever.expires_at, None);
}
