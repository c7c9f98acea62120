//! Several operations in one round trip.

use yarr_client::{Error, pipeline, prelude::*, redis, transaction};

use crate::sample::{Sample, connections};

#[test]
fn a_pipeline_has_a_result_for_each_operation() {
    for mut connection in connections() {
        let f = Sample::fields();
        let new = |label: &str| Sample::create((f.whole.set(1), f.label.set(label)));
        let (one, two, three, found, count) = pipeline((
            new("a").id(),
            new("a"),
            new("b"),
            Sample::find(1),
            Sample::query().count(),
        ))
        .run(&mut connection)
        .unwrap();
        assert_eq!(one.unwrap(), 1);
        assert!(matches!(two, Err(Error::Duplicate(_))), "{two:?}");
        assert_eq!(three.unwrap().id, 2);
        assert_eq!(found.unwrap().unwrap().label, "a");
        assert_eq!(count.unwrap(), 2);
        let many: Vec<_> = (0..500).map(|n| Sample::find(n % 3)).collect();
        let found = pipeline(many).run(&mut connection).unwrap();
        assert_eq!(
            found.iter().filter(|f| matches!(f, Ok(Some(_)))).count(),
            333
        );
        let none = pipeline(Vec::<yarr_client::Find<Sample>>::new())
            .run(&mut connection)
            .unwrap();
        assert!(none.is_empty());
    }
}

#[test]
fn a_transaction_is_done_as_a_whole_or_given_up() {
    for mut connection in connections() {
        let f = Sample::fields();
        let new = |label: &str| Sample::create((f.whole.set(1), f.label.set(label))).id();
        let (one, two) = transaction((new("a"), new("b")))
            .run(&mut connection)
            .unwrap();
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2));

        redis::cmd("WATCH")
            .arg("sample")
            .exec(&mut connection)
            .unwrap();
        new("c").run(&mut connection).unwrap();
        let aborted = transaction((new("d"), Sample::query().delete())).run(&mut connection);
        assert!(
            matches!(aborted, Err(Error::Aborted)),
            "{:?}",
            aborted.err()
        );
        assert_eq!(Sample::query().count().run(&mut connection).unwrap(), 3);

        let (refused, done) = transaction((new("a"), Sample::increment(1, f.whole, 1)))
            .run(&mut connection)
            .unwrap();
        assert!(matches!(refused, Err(Error::Duplicate(_))), "{refused:?}");
        assert_eq!(done.unwrap(), 2);
    }
}
