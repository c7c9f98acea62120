//! What servers tell of themselves and of tables, read into numbers.

use std::collections::HashMap;

use redis::Value;

use super::{
    answer::{items, pairs, string},
    cell::integer,
};

/// The lines `name:value` of an INFO.
pub fn section(text: &str) -> HashMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.trim_end().split_once(':'))
        .collect()
}

/// What YARR.INFO tells of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name, as text.
    pub name: String,
    /// The migration applied last.
    pub version: Option<i64>,
    /// Records that are there for a reader.
    pub records: u64,
    /// Records that have expired and are not reclaimed yet.
    pub expired: u64,
    /// Records that will expire.
    pub expiring: u64,
    /// Its fields.
    pub fields: u64,
    /// The seconds that a record lives from each write on.
    pub ttl: Option<i64>,
    /// The highest id ever given.
    pub highest_id: i64,
    /// What it takes in all.
    pub bytes: u64,
    /// What its parts take: records, ids, expiry.
    pub parts: [u64; 3],
    /// How much of it holds nothing.
    pub slack: u64,
    /// The migration that is running.
    pub running: Option<Running>,
    /// Its change feed.
    pub feed: Option<Feed>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}

/// A change feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// The number of the last write.
    pub head: u64,
    /// What is left of removed records: how many, and how many bytes.
    pub tombstones: [u64; 2],
    /// Who reads it.
    pub consumers: Vec<Consumer>,
}

/// A reader of a change feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// How many changes it lags behind.
    pub lag: u64,
    /// When it said so, in milliseconds since 1970 UTC.
    pub at: i64,
    /// Whether it has to begin anew.
    pub resync: bool,
}

/// A migration that is running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub percent: u64,
    /// Records met.
    pub met: u64,
    /// Records there are to meet.
    pub records: u64,
    /// Records a second.
    pub per_second: u64,
}

impl Running {
    /// The seconds that it will take yet, where that can be told.
    pub fn left(&self) -> Option<u64> {
        let records = self.records.checked_sub(self.met)?;
        records.checked_div(self.per_second)
    }
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Its fields.
    pub fields: String,
    /// What it is: `sorted set`, `unique`, `bitmap`.
    pub kind: String,
    /// Entries in it.
    pub entries: u64,
    /// What it takes.
    pub bytes: u64,
}

/// A map that is asked by name.
struct Map<'a>(Vec<(Vec<u8>, &'a Value)>);

impl<'a> Map<'a> {
    fn of(value: &'a Value) -> Option<Map<'a>> {
        pairs(value).map(Map)
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        let found = self.0.iter().find(|(key, _)| key == name.as_bytes());
        found.map(|(_, value)| *value)
    }

    fn integer(&self, name: &str) -> Option<i64> {
        integer(self.get(name)?)
    }

    fn count(&self, name: &str) -> u64 {
        let number = self.integer(name).unwrap_or_default();
        u64::try_from(number).unwrap_or_default()
    }

    fn string(&self, name: &str) -> String {
        self.get(name).and_then(string).unwrap_or_default()
    }
}

impl Table {
    /// Reads the answer of YARR.INFO.
    pub fn read(name: &[u8], value: &Value) -> Option<Table> {
        let map = Map::of(value)?;
        let index = |value: &Value| {
            let map = Map::of(value)?;
            Some(Index {
                fields: map.string("fields"),
                kind: map.string("kind"),
                entries: map.count("entries"),
                bytes: map.count("bytes"),
            })
        };
        let indexes = map.get("indexes").and_then(items).unwrap_or_default();
        let running = map.get("migration").filter(|value| **value != Value::Nil);
        Some(Table {
            name: String::from_utf8_lossy(name).into_owned(),
            version: map.integer("version"),
            records: map.count("records"),
            expired: map.count("expired"),
            expiring: map.count("expiring"),
            fields: map.count("fields"),
            ttl: map.integer("ttl"),
            highest_id: map.integer("highest_id").unwrap_or_default(),
            bytes: map.count("bytes"),
            parts: ["bytes_records", "bytes_ids", "bytes_expiry"].map(|part| map.count(part)),
            slack: map.count("bytes_slack"),
            running: running.and_then(Running::read),
            feed: map.get("changes").and_then(Feed::read),
            indexes: indexes.iter().filter_map(index).collect(),
        })
    }

    /// What neither records, ids, expiry nor indexes take: the schema, its history, room to spare.
    pub fn rest(&self) -> u64 {
        let indexes: u64 = self.indexes.iter().map(|index| index.bytes).sum();
        let parts: u64 = self.parts.iter().sum();
        self.bytes.saturating_sub(parts + indexes)
    }
}

impl Feed {
    fn read(value: &Value) -> Option<Feed> {
        let map = Map::of(value)?;
        let consumer = |value: &Value| {
            let map = Map::of(value)?;
            Some(Consumer {
                name: map.string("name"),
                lag: map.count("lag"),
                at: map.integer("acknowledged_at").unwrap_or_default(),
                resync: match map.get("resync") {
                    Some(Value::Boolean(resync)) => *resync,
                    _ => map.string("resync") == "true",
                },
            })
        };
        let consumers = map.get("consumers").and_then(items).unwrap_or_default();
        Some(Feed {
            head: map.count("head"),
            tombstones: ["tombstones", "tombstone_bytes"].map(|name| map.count(name)),
            consumers: consumers.iter().filter_map(consumer).collect(),
        })
    }
}

impl Running {
    fn read(value: &Value) -> Option<Running> {
        let map = Map::of(value)?;
        Some(Running {
            version: map.integer("version")?,
            name: map.string("name"),
            percent: map.count("percent"),
            met: map.count("met"),
            records: map.count("records"),
            per_second: map.count("per_second"),
        })
    }
}

/// A number with its thousands parted.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in a unit that leaves few digits.
pub fn size(bytes: u64) -> String {
    let mut number = bytes as f64;
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = units.into_iter();
    let mut name = unit.next().unwrap_or_default();
    while number >= 999.95 {
        let Some(next) = unit.next() else { break };
        number /= 1024.0;
        name = next;
    }
    match name {
        "B" => format!("{bytes} B"),
        _ => format!("{number:.1} {name}"),
    }
}

/// A short time, in a unit that leaves few digits.
pub fn took(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        1_000_000..60_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        _ => span(micros / 1_000_000),
    }
}

/// Seconds in words of two units at most: `2h`, `3d 4h`, `0s`.
pub fn span(seconds: u64) -> String {
    let units = [
        ("w", 604_800),
        ("d", 86_400),
        ("h", 3_600),
        ("m", 60),
        ("s", 1),
    ];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, length) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    match parts.is_empty() {
        true => "0s".into(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_few_digits() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 999, 1_023, 1_536, 1 << 30].map(size),
            ["0 B", "999 B", "1.0 KiB", "1.5 KiB", "1.0 GiB"]
        );
        assert_eq!(
            [0, 59, 7_200, 90_061, 604_800].map(span),
            ["0s", "59s", "2h", "1d 1h", "1w"]
        );
        assert_eq!(
            [7, 1_500, 2_340_000, 61_000_000].map(took),
            ["7 us", "1.5 ms", "2.3 s", "1m 1s"]
        );
    }

    #[test]
    fn a_table_is_read_from_what_it_tells() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let flat = |pairs: &[(&str, Value)]| {
            Value::Array(
                pairs
                    .iter()
                    .flat_map(|(k, v)| [bulk(k), v.clone()])
                    .collect(),
            )
        };
        let index = flat(&[
            ("fields", bulk("a b")),
            ("kind", bulk("unique")),
            ("entries", Value::Int(5)),
            ("bytes", Value::Int(40)),
        ]);
        let running = flat(&[
            ("version", Value::Int(2)),
            ("name", bulk("more")),
            ("percent", Value::Int(25)),
            ("met", Value::Int(50)),
            ("records", Value::Int(200)),
            ("per_second", Value::Int(10)),
        ]);
        let value = flat(&[
            ("version", Value::Int(1)),
            ("ttl", Value::Nil),
            ("records", Value::Int(5)),
            ("bytes", Value::Int(200)),
            ("bytes_records", Value::Int(100)),
            ("migration", running),
            ("indexes", Value::Array(vec![index])),
        ]);
        let table = Table::read(b"t", &value).unwrap();
        assert_eq!(
            (table.version, table.ttl, table.records),
            (Some(1), None, 5)
        );
        assert_eq!(table.rest(), 60);
        assert_eq!(table.indexes[0].kind, "unique");
        assert_eq!(table.running.unwrap().left(), Some(15));
    }
}
