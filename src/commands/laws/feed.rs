//! The law of the change feed: whatever happens to a table, a reader that follows the rules has, at the end of each
//! batch that nobody wrote into, exactly the records of the table - through writes between two pages, expiries, cut
//! batches, restarts, servers that lost their last writes, dropped tombstones, and migrations that rewrite values.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::run::{Told, run_on, saved};
use crate::{
    commands::Limits,
    encoding::snapshot,
    table::{Caps, Table},
};

#[derive(Debug, Clone)]
enum Step {
    /// A write: which of them, an id, a value.
    Write(u8, u8, u8),
    Later(i64),
    Reclaim(usize),
    /// The server is lost, and one takes over that lacks the last writes.
    Failover(usize),
    /// The server saves what it has.
    Save,
    /// It starts again from what it saved last.
    Restart,
    /// So many tombstones are kept.
    Keep(u64),
    /// A page of so many rows; where it is the last the batch is merged.
    Page(u64),
    /// The batch ends after the page that was read, where it can.
    Cut,
    /// A batch to its end, with nothing between.
    Batch(u64),
    Acknowledge,
    /// A type changes: every value there is.
    Rewrite,
    /// The feed ends and begins in one migration, or in two.
    Renew(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0u8..12, 0u8..14, any::<u8>()).prop_map(|(w, i, v)| Step::Write(w, i, v)),
        1 => (1i64..40).prop_map(Step::Later),
        1 => (0usize..3).prop_map(Step::Reclaim),
        1 => (0usize..6).prop_map(Step::Failover),
        1 => Just(Step::Save),
        1 => Just(Step::Restart),
        1 => (0u64..4).prop_map(Step::Keep),
        8 => (1u64..5).prop_map(Step::Page),
        2 => Just(Step::Cut),
        2 => (1u64..5).prop_map(Step::Batch),
        1 => Just(Step::Acknowledge),
        1 => Just(Step::Rewrite),
        1 => any::<bool>().prop_map(Step::Renew),
    ]
}

/// A reader, and what it has made of what it read.
#[derive(Default)]
struct Reader {
    /// Where the last batch ended: an epoch and a position.
    watermark: Option<(String, String)>,
    target: BTreeMap<i64, Option<String>>,
    /// The cursor of a batch under way.
    cursor: Option<String>,
    /// What the batch has brought so far, by id with its number, and its end.
    stage: BTreeMap<i64, (u64, Option<String>)>,
    end: (String, String),
    /// The number of the last row.
    last: u64,
}

struct World {
    table: Option<Box<Table>>,
    told: Vec<Told>,
    now: i64,
    version: u32,
    saved: Option<Vec<Vec<u8>>>,
    reader: Reader,
}

impl World {
    fn new() -> World {
        let mut world = World {
            table: None,
            told: Vec::new(),
            now: 1_000_000,
            version: 1,
            saved: None,
            reader: Reader::default(),
        };
        let make = "UP 1 make TIMESTAMPS OFF ADD FIELD v STRING";
        world.run("yarr.migrate", make).unwrap();
        world
    }

    fn run(&mut self, name: &str, line: &str) -> Result<Vec<String>, String> {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        let (lines, effects) = run_on(&mut self.table, name, &words, self.now, Limits::DEFAULT)?;
        self.keep(Told::of(&effects, name, &words));
        Ok(lines)
    }

    fn keep(&mut self, told: impl IntoIterator<Item = Told>) {
        self.told.extend(told);
        self.table.as_ref().unwrap().check_consistency().unwrap();
    }

    fn begin_feed(&mut self) {
        self.run("yarr.migrate", "UP 2 feed CHANGES ON").unwrap();
        self.version = 2;
    }

    fn write(&mut self, which: u8, id: u8, value: u8) {
        let value = value % 6;
        let (name, line) = match which {
            0..=2 => (
                "yarr.create",
                format!("id {id} v {value} ON CONFLICT id UPDATE"),
            ),
            3 => (
                "yarr.create",
                format!("id {id} v {value} ON CONFLICT id UPDATE PX 20"),
            ),
            4 => ("yarr.create", format!("id {id} v {value}")),
            5 | 6 => ("yarr.update", format!("{id} SET v {value}")),
            7 => (
                "yarr.update",
                format!("WHERE id < {id} SET v {value} LIMIT 3"),
            ),
            8 => ("yarr.update", format!("{id} UNSET v PX 9")),
            9 | 10 => ("yarr.del", format!("{id}")),
            _ => ("yarr.del", format!("WHERE id >= {id} LIMIT 3")),
        };
        if let Err(error) = self.run(name, &line) {
            assert!(error.starts_with("DUPLICATE"), "{line}: {error}");
        }
    }

    /// Reads a page; whether the batch is at its end. A reader that is told to start anew does.
    fn page(&mut self, limit: u64) -> bool {
        let reader = &self.reader;
        let line = match (&reader.cursor, &reader.watermark) {
            (Some(cursor), _) => format!("CURSOR {cursor}"),
            (None, Some((epoch, position))) => format!("SINCE {epoch} {position}"),
            (None, None) => String::new(),
        };
        let answer = self.run("yarr.changes", &format!("{line} LIMIT {limit} RETURN v"));
        let reader = &mut self.reader;
        let lines = match answer {
            Ok(lines) => lines,
            Err(error) => {
                assert!(error.starts_with("RESYNC"), "{line}: {error}");
                // The batch is lost; where the next cannot go on from the watermark, all is.
                match reader.cursor.take() {
                    Some(_) => reader.stage.clear(),
                    None => *reader = Reader::default(),
                }
                return false;
            }
        };
        let word = |at: usize| lines[at][1..].to_string();
        if reader.cursor.is_none() {
            reader.end = (word(1), word(2));
            reader.stage.clear();
            reader.last = 0;
        }
        assert_eq!(word(2), reader.end.1, "a batch has one end");
        reader.end.0 = word(1);
        let mut at = 5;
        while at < lines.len() {
            assert_eq!(lines[at], "*3");
            let number: u64 = word(at + 1).parse().unwrap();
            let (id, change, next): (i64, Option<String>, usize) = match lines[at + 2].as_str() {
                "$put" => match lines[at + 3].as_str() {
                    "%2" => (word(at + 5).parse().unwrap(), Some(word(at + 7)), at + 8),
                    "%1" => (word(at + 5).parse().unwrap(), Some("null".into()), at + 6),
                    other => panic!("{other}: {lines:?}"),
                },
                _ => (word(at + 3).parse().unwrap(), None, at + 4),
            };
            assert!(number == 0 || number > reader.last, "{lines:?}");
            reader.last = number;
            // The highest number of an id wins, which comes last.
            let put_before = reader.stage.insert(id, (number, change.clone()));
            let twice = matches!((put_before, change), (Some((_, Some(_))), Some(_)));
            assert!(!twice, "record {id} came twice in a batch");
            at = next;
        }
        let cursor = word(3);
        if cursor != "0" {
            reader.cursor = Some(cursor);
            return false;
        }
        self.merge();
        true
    }

    fn merge(&mut self) {
        let reader = &mut self.reader;
        if reader.watermark.is_none() {
            reader.target.clear();
        }
        for (id, (_, change)) in std::mem::take(&mut reader.stage) {
            match change {
                Some(value) => _ = reader.target.insert(id, Some(value)),
                None => _ = reader.target.remove(&id),
            }
        }
        reader.cursor = None;
        reader.watermark = Some(reader.end.clone());
    }

    fn batch(&mut self, limit: u64) {
        while !self.page(limit) {}
    }

    fn take(&mut self, step: &Step) {
        // No two things happen to a server within one millisecond: by that a feed that begins is told from another.
        self.now += 1;
        match step {
            Step::Write(which, id, value) => self.write(*which, *id, *value),
            Step::Later(span) => self.now += span,
            Step::Reclaim(most) => {
                let effects = self.table.as_mut().unwrap().reclaim(self.now, *most);
                self.keep(Told::payloads(&effects));
            }
            Step::Failover(lost) => {
                let least = self.told.len() - (*lost).min(self.told.len());
                // The migrations have reached everyone.
                let mut table = None;
                let mut kept = 0;
                for (at, told) in self.told.iter().enumerate() {
                    let lines = |table: &Option<Box<Table>>| {
                        table.as_ref().map(|table| table.history().lines.len())
                    };
                    if at >= least && lines(&table) == lines(&self.table) {
                        break;
                    }
                    told.carry_out(&mut table);
                    kept = at + 1;
                }
                self.told.truncate(kept);
                self.table = table;
            }
            Step::Save => self.saved = Some(saved(self.table.as_ref().unwrap())),
            Step::Restart => {
                let now = || saved(self.table.as_ref().unwrap());
                let mut chunks = self.saved.clone().unwrap_or_else(now).into_iter();
                let table = snapshot::load(&mut || Ok(chunks.next().unwrap())).unwrap();
                self.version = table.history().version().unwrap() as u32;
                self.told.clear();
                snapshot::rewrite(&table, &mut |piece| {
                    self.told.push(Told::Payload(piece.to_vec()))
                });
                self.table = Some(Box::new(table));
            }
            Step::Keep(count) => {
                let caps = Caps {
                    count: *count,
                    bytes: u64::MAX,
                    age: u64::MAX,
                };
                let table = self.table.as_mut().unwrap();
                let effects = table.keep_tombstones(&caps, self.now);
                self.keep(Told::payloads(&effects));
            }
            Step::Page(limit) => _ = self.page(*limit),
            Step::Cut => {
                let reader = &mut self.reader;
                if reader.cursor.is_some() && reader.last > 0 {
                    reader.end.1 = reader.last.to_string();
                    self.merge();
                }
            }
            Step::Batch(limit) => self.batch(*limit),
            Step::Acknowledge => {
                if let Some((epoch, position)) = self.reader.watermark.clone() {
                    let said = self.run("yarr.ack", &format!("me {epoch} {position}"));
                    assert!(said.is_ok_and(|_| true) || self.reader.watermark.is_some());
                }
            }
            Step::Renew(at_once) => {
                self.version += 1;
                let line = match at_once {
                    true => format!("UP {} renew CHANGES OFF CHANGES ON", self.version),
                    false => format!("UP {} off CHANGES OFF", self.version),
                };
                self.run("yarr.migrate", &line).unwrap();
                if !at_once {
                    self.run("yarr.migrate", &format!("DOWN {}", self.version))
                        .unwrap();
                    self.version -= 1;
                }
            }
            Step::Rewrite => {
                self.version += 1;
                let kind = ["STRING", "INTEGER"][self.now as usize / 2 % 2];
                let line = format!("UP {} type SET FIELD v TYPE {kind}", self.version);
                self.run("yarr.migrate", &line).unwrap();
            }
        }
    }

    /// Reads to the end, and compares.
    fn check(&mut self) {
        self.batch(3);
        self.batch(2);
        let lines = self.run("yarr.where", "* RETURN id v").unwrap();
        let mut held = BTreeMap::new();
        let mut at = 1;
        while at < lines.len() {
            let id: i64 = lines[at + 2][1..].parse().unwrap();
            let (value, next) = match lines[at].as_str() {
                "%2" => (lines[at + 4][1..].to_string(), at + 5),
                _ => ("null".to_string(), at + 3),
            };
            held.insert(id, Some(value));
            at = next;
        }
        assert_eq!(self.reader.target, held, "the reader has something else");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn a_reader_has_what_the_table_has(
        before in prop::collection::vec(step(), 0..8),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new();
        for step in &before {
            if let Step::Write(which, id, value) = step {
                world.write(*which, *id, *value);
            }
        }
        world.begin_feed();
        for step in &steps {
            world.take(step);
        }
        // What has expired is gone for the reader once it is reclaimed.
        let effects = world.table.as_mut().unwrap().reclaim(world.now, usize::MAX);
        world.keep(Told::payloads(&effects));
        world.check();
    }
}
