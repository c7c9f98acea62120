//! What is exported goes in again as it was: every type, nulls, any bytes, ids, times and expiry.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use redis::{Connection, Value};

use crate::harness::{Project, Server};

const OPERATIONS: &str = "ADD FIELD n INTEGER ADD FIELD x FLOAT ADD FIELD ok BOOLEAN ADD FIELD at DATETIME \
    ADD FIELD s STRING ADD FIELD key UUID ADD FIELD e ENUM ( NA b true ) DEFAULT b ADD FIELD g TAGS \
    ADD FIELD d STRING DEFAULT given";
const FIELDS: [&str; 12] = [
    "id",
    "n",
    "x",
    "ok",
    "at",
    "s",
    "key",
    "e",
    "g",
    "d",
    "created_at",
    "updated_at",
];

/// The values of a record, from its id on; a set of tags is several words.
type Record = Vec<Option<Vec<Vec<u8>>>>;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(b"\0\"',;\n\r\t|\\NA #{}\xff\xfe\xef\xbb\xbf".to_vec());
    prop_oneof![
        4 => prop::collection::vec(prop_oneof![special, any::<u8>()], 0..8),
        1 => prop::sample::select(vec![b"NA".to_vec(), Vec::new(), b"null".to_vec(), b"\\e".to_vec()]),
        1 => "\\PC{0,12}".prop_map(String::into_bytes),
    ]
}

fn one<T: ToString>(
    strategy: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<Vec<Vec<u8>>>> {
    let token = strategy.prop_map(|value| vec![value.to_string().into_bytes()]);
    prop::option::weighted(0.8, token).boxed()
}

fn record(id: BoxedStrategy<Vec<u8>>) -> impl Strategy<Value = Record> {
    let tags = prop::collection::btree_set(bytes(), 0..4).prop_map(|tags| {
        let mut words = vec![tags.len().to_string().into_bytes()];
        words.extend(tags);
        words
    });
    let time = || prop_oneof![any::<i64>(), 0..4_000_000_000_000_i64];
    let text = || prop::option::weighted(0.8, bytes().prop_map(|bytes| vec![bytes]));
    let float = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    (
        id.prop_map(|id| Some(vec![id])),
        (
            one(prop_oneof![any::<i64>(), -9..9_i64]),
            one(float),
            one(any::<bool>()),
            one(time()),
            text(),
            one(any::<u128>().prop_map(|n| format!("{n:032x}"))),
            one(prop::sample::select(vec!["NA", "b", "true"])),
            prop::option::weighted(0.8, tags),
            text(),
        ),
        (time(), time()).prop_map(|(one, other)| {
            [one, other].map(|ms| Some(vec![ms.to_string().into_bytes()]))
        }),
    )
        .prop_map(|(id, values, times)| {
            let (n, x, ok, at, s, key, e, g, d) = values;
            let mut record = vec![id, n, x, ok, at, s, key, e, g, d];
            record.extend(times);
            record
        })
}

fn make(kind: &str, table: &str, connection: &mut Connection) {
    let operations = OPERATIONS.split(' ').collect::<Vec<_>>();
    redis::cmd("YARR.MIGRATE")
        .arg(table)
        .arg(&["UP", "1", "create", "ID", kind])
        .arg(operations)
        .exec(connection)
        .expect("a table");
}

fn fill(table: &str, records: &[Record], connection: &mut Connection) {
    for (at, record) in records.iter().enumerate() {
        let mut command = redis::cmd("YARR.CREATE");
        command.arg(table);
        for (name, value) in FIELDS.iter().zip(record) {
            if let Some(words) = value {
                command.arg(format!("@{name}")).arg(words);
            }
        }
        if record[7].is_none() || record[9].is_none() {
            command.arg("UNSET");
            for (number, name) in [(7, "e"), (9, "d")] {
                if record[number].is_none() {
                    command.arg(name);
                }
            }
        }
        if at % 3 == 0 {
            command.arg("PXAT").arg(4_000_000_000_000_i64 + at as i64);
        }
        command.exec(connection).expect("a record");
    }
}

/// All that a table holds.
fn whole(table: &str, connection: &mut Connection) -> Value {
    redis::cmd("YARR.WHERE")
        .arg(table)
        .arg(&["*", "ORDER", "BY", "id", "PLUCK"])
        .arg(&FIELDS)
        .arg("expires_at")
        .query(connection)
        .expect("records")
}

fn there_and_back(
    cases: u32,
    format: &'static [&'static str],
    kind: &'static str,
    id: BoxedStrategy<Vec<u8>>,
) {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let records = prop::collection::hash_map(id.clone(), record(Just(Vec::new()).boxed()), 1..40);
    let mut runner = TestRunner::new(Config {
        cases,
        ..Config::default()
    });
    runner
        .run(&records, |records| {
            let mut connection = server.connect();
            let records: Vec<Record> = records
                .into_iter()
                .map(|(id, mut record)| {
                    record[0] = Some(vec![id]);
                    record
                })
                .collect();
            redis::cmd("FLUSHALL")
                .exec(&mut connection)
                .expect("an empty server");
            make(kind, "one", &mut connection);
            make(kind, "two", &mut connection);
            fill("one", &records, &mut connection);
            let file = format!("out.{}", format[0]);
            let mut words = vec!["export", "one", &file];
            words.extend(&format[1..]);
            let exported = project.run(&words);
            prop_assert_eq!(exported.code, 0, "{:?}", exported);
            let mut words = vec!["import", "two", &file];
            words.extend(&format[1..]);
            let imported = project.run(&words);
            prop_assert_eq!(imported.code, 0, "{:?}", imported);
            prop_assert_eq!(whole("two", &mut connection), whole("one", &mut connection));
            Ok(())
        })
        .expect("the same records");
}

fn integers() -> BoxedStrategy<Vec<u8>> {
    any::<i64>()
        .prop_map(|id| id.to_string().into_bytes())
        .boxed()
}

fn uuids() -> BoxedStrategy<Vec<u8>> {
    any::<u128>()
        .prop_map(|id| format!("{id:032x}").into_bytes())
        .boxed()
}

#[test]
fn csv_holds_every_value() {
    there_and_back(24, &["csv"], "INTEGER", integers());
}

#[test]
fn csv_holds_every_value_with_a_word_for_null_and_other_times() {
    there_and_back(
        16,
        &["csv.gz", "--null", "NA", "--times", "ms", "--tags", ";"],
        "STRING",
        bytes().boxed(),
    );
}

#[test]
fn tsv_holds_every_value() {
    there_and_back(16, &["tsv", "--times", "s"], "UUID", uuids());
}

#[test]
fn json_holds_every_value() {
    there_and_back(24, &["jsonl"], "STRING", bytes().boxed());
}

#[test]
fn huge_values_come_through_pages_that_shrink() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let mut connection = server.connect();
    for table in ["one", "two", "three"] {
        redis::cmd("YARR.MIGRATE")
            .arg(table)
            .arg("UP 1 c ADD FIELD s STRING".split(' ').collect::<Vec<_>>())
            .exec(&mut connection)
            .expect("a table");
    }
    // Small ones first: pages grow until they meet the large ones.
    for size in (0..2_000_usize).map(|n| if n < 1_980 { 3 } else { 1 << 20 }) {
        let value: Vec<u8> = (0..size).map(|n| (n * 31 % 251) as u8).collect();
        redis::cmd("YARR.CREATE")
            .arg("one")
            .arg("s")
            .arg(value)
            .exec(&mut connection)
            .expect("a record");
    }
    for (file, table) in [("a.csv", "two"), ("a.jsonl.gz", "three")] {
        project.run(&["export", "one", file]).done();
        project.run(&["import", table, file]).done();
        let mut ask = |table: &str| -> Vec<Vec<Vec<u8>>> {
            redis::cmd("YARR.WHERE")
                .arg(table)
                .arg(&["*", "ORDER", "BY", "id", "PLUCK", "id", "s"])
                .query(&mut connection)
                .expect("records")
        };
        assert!(ask(table) == ask("one"), "{file}");
    }
}
