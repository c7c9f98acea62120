//! A table beside its struct.

use std::time::SystemTime;

use yarr_client::{Error, prelude::*, redis};

use crate::sample::{Sample, connection, database, make};

#[derive(Record)]
#[record(table = "sample", ttl = "2h", unique(label), index(whole, at))]
#[allow(dead_code)]
struct Wanted {
    id: i64,
    #[record(index)]
    whole: Option<i64>,
    small: Option<f64>,
    #[record(default = "now-1000ms")]
    at: Option<SystemTime>,
    #[record(unique)]
    label: String,
    #[record(bitmap)]
    level: Wider,
    #[record(bitmap)]
    new: Option<String>,
}

#[derive(Enum)]
#[allow(dead_code)]
enum Wider {
    Low,
    Lowest,
}

#[test]
fn what_a_table_lacks_is_told_as_operations_that_mend_it() {
    let mut connection = connection("resp3");
    assert!(Sample::check().run(&mut connection).unwrap().is_empty());
    let drift = Wanted::check().run(&mut connection).unwrap();
    assert_eq!(
        drift.missing(),
        [
            "SET FIELD whole NULL",
            "SET FIELD small TYPE FLOAT",
            "SET FIELD at DEFAULT now-1000ms",
            "ADD ENUM VALUE level lowest",
            "ADD FIELD new STRING",
            "ADD INDEX @new BITMAP",
            "ADD INDEX @whole @at",
            "SET TTL 7200 PASSIVE",
        ]
    );
    let refused = drift.clone().into_result().unwrap_err();
    assert!(matches!(refused, Error::Schema(_)));
    assert!(
        refused.to_string().contains("YARR.MIGRATE sample UP"),
        "{refused}"
    );

    let mut migrate = redis::cmd("YARR.MIGRATE");
    migrate.arg("sample").arg("UP").arg(2).arg("mend");
    drift
        .missing()
        .iter()
        .for_each(|operation| _ = migrate.arg(operation.split(' ').collect::<Vec<_>>()));
    migrate.exec(&mut connection).unwrap();
    let mended = Wanted::check().run(&mut connection).unwrap();
    assert!(mended.is_empty(), "{mended}");
}

#[derive(Record)]
#[record(table = "other")]
#[allow(dead_code)]
struct Other {
    id: String,
    #[record(version)]
    lock: i64,
}

#[test]
fn a_table_that_is_not_there_lacks_everything() {
    let mut connection = database("resp2").get_connection().unwrap();
    let drift = Other::check().run(&mut connection).unwrap();
    assert_eq!(
        drift.missing(),
        [
            "ID STRING",
            "TIMESTAMPS OFF",
            "ADD FIELD lock INTEGER NOT NULL DEFAULT 0"
        ]
    );
    make::<Other>(&mut connection);
    assert!(Other::check().run(&mut connection).unwrap().is_empty());
    redis::cmd("SET")
        .arg("sample")
        .arg("a string")
        .exec(&mut connection)
        .unwrap();
    let refused = Sample::check().run(&mut connection);
    assert!(matches!(refused, Err(Error::WrongType(_))), "{refused:?}");
}
