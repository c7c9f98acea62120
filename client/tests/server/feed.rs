//! The change feed, as records of a struct.

use yarr_client::{
    Changed, Entry, Error, Position,
    prelude::*,
    redis::{self, Connection},
};

use crate::sample::{connections, make};

#[derive(Debug, Clone, PartialEq, Record)]
#[record(table = "parcel")]
struct Parcel {
    town: Option<String>,
    // The server puts it first.
    id: i64,
    weight: f64,
}

/// A batch, pages of two.
fn batch(
    connection: &mut Connection,
    since: Option<&Position>,
) -> (Vec<Entry<Parcel, i64>>, Position) {
    let feed = match since {
        Some(since) => Parcel::feed().since(since.clone()),
        None => Parcel::feed(),
    };
    let mut page: Changed<Parcel> = feed.limit(2).run(connection).unwrap();
    let mut entries = page.entries;
    while let Some(next) = page.next {
        page = next.run(connection).unwrap();
        entries.extend(page.entries);
    }
    (entries, page.end)
}

#[test]
fn what_was_written_and_what_is_gone_is_told() {
    for mut connection in connections() {
        let connection = &mut connection;
        make::<Parcel>(connection);
        let on: String = redis::cmd("YARR.MIGRATE")
            .arg(&["parcel", "UP", "2", "feed", "CHANGES", "ON"])
            .query(connection)
            .unwrap();
        assert_eq!(on, "OK");
        let f = Parcel::fields();
        for weight in [1.0, 2.0, 3.0] {
            Parcel::create(f.weight.set(weight))
                .run(connection)
                .unwrap();
        }
        let (entries, end) = batch(connection, None);
        assert_eq!(entries.len(), 3);
        assert_eq!(end, end.to_string().parse().unwrap());
        Parcel::update(2, f.town.set("Oslo"))
            .run(connection)
            .unwrap();
        Parcel::delete(1).run(connection).unwrap();
        let (entries, end) = batch(connection, Some(&end));
        let parcel = Parcel {
            town: Some("Oslo".into()),
            id: 2,
            weight: 2.0,
        };
        assert_eq!(entries, [Entry::Put(parcel), Entry::Deleted(1)]);
        Parcel::acknowledge("search", end.clone())
            .run(connection)
            .unwrap();
        Parcel::forget("search").run(connection).unwrap();
        let ahead = format!("{}:99", end.to_string().split_once(':').unwrap().0);
        let since = Parcel::feed().since(ahead.parse().unwrap());
        let refused = since.run(connection).unwrap_err();
        assert!(matches!(refused, Error::Resync(_)), "{refused}");
        let refused = Parcel::acknowledge("", end).run(connection).unwrap_err();
        assert!(matches!(refused, Error::BadValue(_)), "{refused}");
    }
}
