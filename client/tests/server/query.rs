//! Queries: loaded, counted, plucked, walked over, changed, added up.

use std::time::Duration;

use yarr_client::{Error, Key, prelude::*, redis::Connection};

use crate::sample::{Level, Sample, connections};

/// A hundred records: whole 0 to 9, code 0 to 99, every fourth without a real.
fn fill(connection: &mut Connection) {
    let f = Sample::fields();
    let rows = (0..100).map(|n| {
        (
            f.whole.set(n % 10),
            f.label.set(format!("label-{n:03}")),
            f.real.set_or_null((n % 4 > 0).then_some(n as f64 / 4.0)),
            f.code.set(n),
            f.level.set(if n < 30 {
                Level::Middle
            } else {
                Level::VeryHigh
            }),
            f.tags.set(if n % 2 == 0 {
                vec!["even"]
            } else {
                vec!["odd", "AND"]
            }),
        )
    });
    Sample::create_many(rows).run(connection).unwrap();
}

#[test]
fn a_query_answers_what_was_asked_of_it() {
    for mut connection in connections() {
        let con = &mut connection;
        fill(con);
        let f = Sample::fields();
        let sevens = Sample::query().filter(f.whole.eq(7));
        assert_eq!(sevens.clone().count().run(con).unwrap(), 10);
        assert_eq!(sevens.clone().limit(3).count().run(con).unwrap(), 3);
        assert!(sevens.clone().exists().run(con).unwrap());
        assert!(
            !sevens
                .clone()
                .filter(f.code.lt(0))
                .exists()
                .run(con)
                .unwrap()
        );
        let last = sevens
            .clone()
            .order(f.code.desc())
            .first()
            .run(con)
            .unwrap()
            .unwrap();
        assert_eq!((last.code, last.level), (Some(97), Level::VeryHigh));
        let loaded = sevens
            .clone()
            .order(f.id.asc())
            .offset(1)
            .limit(2)
            .load()
            .run(con)
            .unwrap();
        assert_eq!(
            loaded.iter().map(|s| s.code).collect::<Vec<_>>(),
            [Some(17), Some(27)]
        );
        assert_eq!(
            sevens
                .clone()
                .order(f.id.asc())
                .limit(2)
                .ids()
                .run(con)
                .unwrap(),
            [8, 18]
        );
        let labels = sevens
            .clone()
            .order(f.id.asc())
            .limit(1)
            .pluck(f.label)
            .run(con)
            .unwrap();
        assert_eq!(labels, ["label-007"]);
        let rows = sevens
            .order(f.code.asc())
            .limit(2)
            .pluck((f.code, f.real, f.level))
            .run(con)
            .unwrap();
        assert_eq!(
            rows,
            [
                (Some(7), Some(1.75), Level::Middle),
                (Some(17), Some(4.25), Level::Middle)
            ]
        );

        let found = Sample::find_by(f.label.eq("label-042")).run(con).unwrap();
        assert_eq!(found.map(|s| s.id), Some(43));
        assert_eq!(Sample::find_by(f.label.eq("none")).run(con).unwrap(), None);
        for (predicate, expected) in [
            (f.level.eq(Level::Middle).and(f.tags.contains("odd")), 15),
            (f.tags.contains_any(["AND", "even"]), 100),
            (f.tags.contains_all(["AND", "even"]), 0),
            (
                f.whole.is_in([1, 2, 2]).or(f.label.starts_with("label-00")),
                28,
            ),
            (f.whole.is_in(Vec::<i64>::new()), 0),
            (f.whole.between(3, 4) & !f.level.eq(Level::Middle), 14),
            (f.whole.ge(0).and(f.real.is_null()), 25),
            (f.whole.ge(0).and(f.real.gt(24)), 3),
            (f.id.le(5), 5),
            (f.at.gt(now() - Duration::from_secs(1)), 0),
            (not(f.id.gt(5)), 5),
        ] {
            let count = Sample::query()
                .filter(predicate.clone())
                .count()
                .run(con)
                .unwrap();
            assert_eq!(count, expected, "{predicate}");
        }

        let unserved = Sample::query().filter(f.real.gt(1));
        let refused = unserved.clone().load().run(con);
        assert!(matches!(refused, Err(Error::NoIndex(_))), "{refused:?}");
        assert_eq!(unserved.clone().scan().count().run(con).unwrap(), 72);
        let plan = unserved.scan().explain().run(con).unwrap();
        assert!(plan[0].contains("walk the table"), "{plan:?}");
        let analyzed = Sample::query()
            .filter(f.whole.eq(1))
            .explain()
            .analyze()
            .run(con)
            .unwrap();
        assert!(
            analyzed.last().unwrap().starts_with("answered"),
            "{analyzed:?}"
        );
    }
}

#[test]
fn a_walk_meets_every_record_once_in_order() {
    for mut connection in connections() {
        let con = &mut connection;
        fill(con);
        let f = Sample::fields();
        let query = Sample::query()
            .filter(f.whole.ge(2))
            .order(f.whole.desc())
            .batch(7);
        let mut walk = query.clone().iter(con);
        let mut met: Vec<(i64, i64)> = Vec::new();
        for sample in walk.by_ref() {
            let sample = sample.unwrap();
            met.push((sample.whole, sample.id));
        }
        assert_eq!(walk.cursor(), None);
        assert_eq!(met.len(), 80);
        assert!(met.windows(2).all(|pair| pair[0] > pair[1]), "{met:?}");

        let first = query
            .clone()
            .limit(7)
            .page(Cursor::start())
            .run(con)
            .unwrap();
        let kept = first.next.unwrap().to_string();
        let rest = query
            .clone()
            .iter(con)
            .from_cursor(Cursor::new(kept.clone()));
        let ids: Vec<i64> = first
            .records
            .into_iter()
            .map(Ok)
            .chain(rest)
            .map(|s| s.unwrap().id)
            .collect();
        assert_eq!(ids, met.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        let limited = query.clone().limit(10).iter(con).map(|s| s.unwrap().id);
        assert_eq!(limited.collect::<Vec<_>>(), ids[..10]);
        assert_eq!(query.clone().limit(0).iter(con).count(), 0);
        let other = Sample::query()
            .filter(f.whole.ge(3))
            .page(Cursor::new(kept))
            .run(con);
        assert!(matches!(other, Err(Error::BadCursor(_))), "{other:?}");
        let mut refused = query.iter(con).from_cursor(Cursor::new("damaged"));
        assert!(matches!(refused.next(), Some(Err(Error::BadCursor(_)))));
        assert!(refused.next().is_none());
    }
}

#[test]
fn all_matches_are_changed_and_deleted_by_one_command() {
    for mut connection in connections() {
        let con = &mut connection;
        fill(con);
        let f = Sample::fields();
        let nines = Sample::query().filter(f.whole.eq(9));
        assert_eq!(
            nines
                .clone()
                .update((f.code.increment(1000), f.truth.set(false)))
                .run(con)
                .unwrap(),
            10
        );
        let claim = || {
            nines
                .clone()
                .order(f.code.desc())
                .limit(1)
                .update(f.whole.set(90))
                .returning()
        };
        let claimed = claim().run(con).unwrap();
        assert_eq!(
            claimed
                .iter()
                .map(|s| (s.whole, s.code, s.truth))
                .collect::<Vec<_>>(),
            [(90, Some(1099), false)]
        );
        assert_eq!(claim().run(con).unwrap()[0].code, Some(1089));
        let gone = nines
            .clone()
            .order(f.id.asc())
            .limit(2)
            .delete()
            .returning()
            .run(con)
            .unwrap();
        assert_eq!(gone.iter().map(|s| s.id).collect::<Vec<_>>(), [10, 20]);
        assert_eq!(nines.clone().delete().run(con).unwrap(), 6);
        assert_eq!(Sample::query().delete().run(con).unwrap(), 92);
        assert!(claim().run(con).unwrap().is_empty());
    }
}

#[test]
fn matches_are_added_up_as_a_whole_and_by_groups() {
    for mut connection in connections() {
        let con = &mut connection;
        fill(con);
        let f = Sample::fields();
        let all = Sample::query();
        let functions = (
            count(),
            count_distinct(f.level),
            sum(f.code),
            avg(f.real),
            min(f.label),
            max(f.level),
        );
        let outcome = all.clone().aggregate(functions).run(con).unwrap();
        let label = Some("label-000".to_string());
        assert_eq!(
            outcome,
            (100, 2, Some(4950), Some(12.5), label, Some(Level::VeryHigh))
        );
        let none = all
            .clone()
            .filter(f.whole.gt(99))
            .aggregate((count(), sum(f.real)))
            .run(con)
            .unwrap();
        assert_eq!(none, (0, None));
        let groups = all
            .clone()
            .group_by(f.level)
            .aggregate((count(), max(f.created_at)));
        let groups = groups.order(count().desc()).run(con).unwrap();
        let shown: Vec<(Level, u64)> = groups
            .iter()
            .map(|(level, (count, _))| (*level, *count))
            .collect();
        assert_eq!(shown, [(Level::VeryHigh, 70), (Level::Middle, 30)]);
        let pairs = all
            .group_by((f.whole, f.truth))
            .aggregate(sum(f.code))
            .order(sum(f.code).asc());
        let pairs = pairs
            .order(Key::of(f.whole).reversed())
            .limit(2)
            .run(con)
            .unwrap();
        assert_eq!(pairs, [((0, true), Some(450)), ((1, true), Some(460))]);
    }
}
