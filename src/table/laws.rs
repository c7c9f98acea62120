//! Laws of a table, tried with random schemas and random operations: it holds what a plain list
//! of records holds, whatever it keeps beside them agrees, a write that fails changes nothing,
//! and a table made of its effects or its snapshot is the same table to the byte.

use std::collections::BTreeMap;

mod steps;

use proptest::prelude::*;

use super::{Caps, Effects, Position, Table, Write, apply};
use crate::{
    encoding::snapshot,
    error::Code,
    schema::{CHANGE_NUMBER, Direction, FieldChange, Line, Operation, Schema, State, derive_down},
    value::{Type, Value, ValueRef, convert::convert},
};
use steps::{FIELDS, Step, draw, kind_of, operations, step};

fn line(table: &Table, version: i64, operations: Vec<Operation>) -> Line {
    let facts = table.facts(0, true);
    Line {
        version,
        name: "step".into(),
        direction: Direction::Up,
        state: State::Applied,
        at: version,
        took: 0,
        down: derive_down(table.schema(), &operations, &facts).unwrap_or(None),
        operations,
    }
}

fn bytes(table: &Table) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    snapshot::save(table, &mut |chunk| chunks.push(chunk.to_vec()));
    chunks
}

fn loaded(chunks: &[Vec<u8>]) -> Table {
    let mut chunks = chunks.iter().cloned();
    snapshot::load(&mut || Ok(chunks.next().expect("a chunk"))).unwrap()
}

/// The table that these make; `late` where it need not have come to the end of a migration when it is told of it.
fn replayed(pieces: &[Vec<u8>], late: bool) -> Table {
    let mut table: Option<Box<Table>> = None;
    for piece in pieces {
        if let (true, Some(table)) = (late, &mut table) {
            table.may_be_late();
        }
        let effects = apply(&mut table, piece).unwrap();
        // What is passed on is what came.
        assert_eq!(effects.pieces().collect::<Vec<_>>(), [piece.as_slice()]);
        // A replica goes on by itself, but decides nothing.
        if let Some(table) = &mut table {
            match table.is_late() {
                true => _ = table.catch_up(2),
                false => _ = table.go_on(2, false),
            }
            table.check_consistency().unwrap();
        }
    }
    let mut table = table.unwrap();
    let saved = bytes(&table);
    table.catch_up(usize::MAX);
    assert!(!table.is_late());
    table.check_consistency().unwrap();
    assert_eq!(
        bytes(&table),
        saved,
        "what comes late is no part of the bytes"
    );
    *table
}

type Model = BTreeMap<i64, BTreeMap<String, Value>>;

/// The field that a migration gives another type, the type it had, and the new one.
fn retyped(before: &Schema, line: &Line) -> Option<(String, Type, Type)> {
    let Operation::SetField {
        name,
        change: FieldChange::Type(to),
    } = line.operations.first()?
    else {
        return None;
    };
    let from = before
        .field(before.position(name.as_bytes()).unwrap())
        .unwrap();
    Some((name.to_string(), from.kind.clone(), to.clone()))
}

/// A table, the plain list beside it, and the effects that made it.
struct World {
    table: Box<Table>,
    model: Model,
    pieces: Vec<Vec<u8>>,
    now: i64,
    version: i64,
}

impl World {
    fn new() -> World {
        let mut effects = Effects::none();
        effects.make(7);
        World {
            table: Box::new(Table::new(7)),
            model: Model::new(),
            pieces: effects.pieces().map(<[u8]>::to_vec).collect(),
            now: 0,
            version: 0,
        }
    }

    fn values(&self, id: i64, seed: u64) -> Vec<Value> {
        let fields = self.table.schema().fields.iter().enumerate();
        fields
            .map(|(at, field)| match &*field.name {
                "id" => Value::Integer(id),
                name => {
                    let value = draw(name, seed.rotate_left(at as u32 * 9));
                    // What is drawn is of the type that the field had at first.
                    let first = FIELDS.iter().find(|(n, _)| *n == name);
                    let Some((_, first)) = first else {
                        return value;
                    };
                    let first = kind_of(first);
                    convert(value.as_ref(), &first, &field.kind)
                        .map_or(Value::Null, |value| value.to_value())
                }
            })
            .collect()
    }

    fn keep(&mut self, effects: &Effects) {
        self.pieces.extend(effects.pieces().map(<[u8]>::to_vec));
    }

    fn expired(record: &BTreeMap<String, Value>, now: i64) -> bool {
        matches!(record.get("expires_at"), Some(Value::DateTime(at)) if *at <= now)
    }

    /// Whether the list, expired records apart, keeps every unique index.
    fn unique(&self, model: &Model) -> bool {
        self.table
            .indexes()
            .iter()
            .filter(|i| i.definition.unique)
            .all(|index| {
                let names = self.table.schema().index_names(&index.definition);
                let mut keys = std::collections::BTreeSet::new();
                let live = model.values().filter(|r| !World::expired(r, self.now));
                live.map(|record| {
                    names
                        .iter()
                        .map(|n| record.get(*n).cloned())
                        .collect::<Vec<_>>()
                })
                .filter(|key| !key.iter().any(|v| matches!(v, None | Some(Value::Null))))
                .all(|key| keys.insert(format!("{key:?}")))
            })
    }

    fn put(&mut self, records: &[(i64, u64)], commit: bool) {
        let mut after = self.model.clone();
        let names: Vec<String> = self
            .table
            .schema()
            .fields
            .iter()
            .map(|f| f.name.to_string())
            .collect();
        let rows: Vec<Vec<Value>> = records
            .iter()
            .map(|(id, seed)| self.values(*id, *seed))
            .collect();
        let before = bytes(&self.table);
        let mut write = Write::begin(&mut self.table, self.now);
        for row in &rows {
            let values: Vec<ValueRef> = row.iter().map(Value::as_ref).collect();
            match write.make_way(&values[0]) {
                Some(place) => write.replace(place, &values).unwrap(),
                None => drop(write.insert(&values).unwrap()),
            }
            let Value::Integer(id) = row[0] else {
                unreachable!()
            };
            let named = names.iter().cloned().zip(row.iter().cloned());
            after.insert(
                id,
                named.filter(|(name, _)| name != CHANGE_NUMBER).collect(),
            );
        }
        let outcome = if commit {
            Some(write.commit())
        } else {
            drop(write);
            None
        };
        match outcome {
            Some(Ok(effects)) => {
                assert!(self.unique(&after), "a duplicate was let in");
                // Expired records in the way of a unique key are gone; the list follows.
                let rows = self.table.records().iter();
                let held: Vec<i64> = rows
                    .map(
                        |(_, bytes)| match self.table.read(bytes).unwrap().value(0) {
                            ValueRef::Integer(id) => id,
                            _ => unreachable!(),
                        },
                    )
                    .collect();
                after.retain(|id, record| held.contains(id) || !World::expired(record, self.now));
                self.model = after;
                self.keep(&effects);
            }
            Some(Err(error)) => {
                assert_eq!(error.code(), Code::Duplicate);
                assert!(!self.unique(&after), "{error} without a duplicate");
                assert_eq!(
                    bytes(&self.table),
                    before,
                    "a write that failed changed something"
                );
            }
            None => assert_eq!(
                bytes(&self.table),
                before,
                "an abandoned write changed something"
            ),
        }
    }

    fn migrate(&mut self, text: &str) -> bool {
        let operations = operations(text);
        let facts = self.table.facts(0, true);
        if self.table.changed_schema(&operations, &facts).is_err() {
            return false;
        }
        self.version += 1;
        let line = line(&self.table, self.version, operations);
        let before = bytes(&self.table);
        match self.table.migrate(line, true, self.now, || 5) {
            Ok(effects) => {
                self.keep(&effects);
                self.forget_removed();
                true
            }
            Err(error) => {
                let expected = match self.table.running() {
                    Some(_) => Code::Busy,
                    None => Code::Duplicate,
                };
                assert_eq!(error.code(), expected);
                assert_eq!(
                    bytes(&self.table),
                    before,
                    "a migration that failed changed something"
                );
                false
            }
        }
    }

    /// Expired records that were in the way of a migration are gone; the list follows.
    fn forget_removed(&mut self) {
        let (table, now) = (&self.table, self.now);
        self.model.retain(|id, record| {
            let there = table.row(&ValueRef::Integer(*id)).is_some();
            assert!(there || World::expired(record, now));
            there
        });
    }

    fn begin(&mut self, text: &str) {
        let operations = operations(text);
        let facts = self.table.facts(0, true);
        if self.table.changed_schema(&operations, &facts).is_err() {
            return;
        }
        self.version += 1;
        let line = line(&self.table, self.version, operations);
        match self.table.begin(line) {
            Ok(effects) => self.keep(&effects),
            Err(error) => assert_eq!(error.code(), Code::Busy),
        }
    }

    /// Goes on with a migration, which may end.
    fn go_on(&mut self, most: usize) {
        let lines = self.table.history().lines.len();
        let before = self.table.schema().clone();
        let done = self.table.go_on(most, true);
        self.table.check_consistency().unwrap();
        let effects = self.table.settle(done, self.now).unwrap();
        self.keep(&effects);
        self.forget_removed();
        let Some(line) = self.table.history().lines.get(lines) else {
            return;
        };
        assert!(self.table.running().is_none());
        match &line.state {
            State::Applied => {
                assert!(done && self.unique(&self.model), "a duplicate was let in");
                if let Some((name, from, to)) = retyped(&before, line) {
                    for record in self.model.values_mut() {
                        let value = record.get_mut(&name).unwrap();
                        *value = convert(value.as_ref(), &from, &to).unwrap().to_value();
                    }
                }
                if let Some(Operation::SetTtlActive { ttl }) = line.operations.first() {
                    let at = ttl.map_or(Value::Null, |ttl| Value::DateTime(line.at + ttl));
                    for record in self.model.values_mut() {
                        record.insert("expires_at".into(), at.clone());
                    }
                }
                if self.table.schema().position(b"i").is_ok() {
                    for record in self.model.values_mut() {
                        record.entry("i".into()).or_insert(Value::Integer(7));
                    }
                }
            }
            State::Failed(reason) if reason.starts_with("BADVALUE ") => {
                let (name, from, to) = retyped(&before, line).unwrap();
                let mut values = self.model.values().map(|record| &record[&name]);
                let lost = |value: &Value| convert(value.as_ref(), &from, &to).is_none();
                assert!(values.any(lost), "{reason} though all convert");
            }
            State::Failed(reason) => {
                assert!(reason.starts_with("DUPLICATE "), "{reason}");
                let Operation::AddIndex { fields, .. } = &line.operations[0] else {
                    panic!("{line:?}");
                };
                let mut keys = std::collections::BTreeSet::new();
                let live = self.model.values().filter(|r| !World::expired(r, self.now));
                let mut full = live
                    .map(|record| {
                        fields
                            .iter()
                            .map(|f| record[&**f].clone())
                            .collect::<Vec<_>>()
                    })
                    .filter(|key| !key.contains(&Value::Null));
                assert!(
                    full.any(|key| !keys.insert(format!("{key:?}"))),
                    "{reason} without a duplicate"
                );
            }
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Put(records) => self.put(records, true),
            Step::Abandon(records) => self.put(records, false),
            Step::Remove(ids) => {
                let rows: Vec<_> = ids
                    .iter()
                    .filter_map(|id| self.table.row(&ValueRef::Integer(*id)))
                    .collect();
                let mut write = Write::begin(&mut self.table, self.now);
                rows.iter().for_each(|row| write.remove(*row));
                let effects = write.commit().unwrap();
                self.keep(&effects);
                self.model.retain(|id, _| !ids.contains(id));
            }
            Step::Reclaim => {
                let due = self
                    .model
                    .values()
                    .filter(|r| World::expired(r, self.now))
                    .count();
                assert_eq!(self.table.expired(self.now), due as u64);
                assert_eq!(self.table.any_expired(self.now), due > 0);
                let effects = self.table.reclaim(self.now, 3);
                self.keep(&effects);
                assert_eq!(self.table.expired(self.now), due.saturating_sub(3) as u64);
                let table = &self.table;
                self.model
                    .retain(|id, _| table.row(&ValueRef::Integer(*id)).is_some());
            }
            Step::Later(span) => self.now += span,
            Step::AddField(at) => {
                let (name, kind) = FIELDS[*at];
                if self.migrate(&format!("ADD FIELD {name} {kind}")) {
                    for record in self.model.values_mut() {
                        record.insert(name.into(), Value::Null);
                    }
                }
            }
            Step::RemoveField(at) => {
                let (name, _) = FIELDS[*at];
                if self.migrate(&format!("REMOVE FIELD {name}")) {
                    self.model
                        .values_mut()
                        .for_each(|record| drop(record.remove(name)));
                }
            }
            Step::AddIndex(fields, shape) => {
                let mut names: Vec<&str> = fields.iter().map(|at| FIELDS[*at].0).collect();
                names.dedup();
                names.sort_unstable();
                names.dedup();
                match shape {
                    0 => self.migrate(&format!("ADD INDEX {}", names.join(" "))),
                    1 => self.migrate(&format!("ADD INDEX {} UNIQUE", names.join(" "))),
                    _ => self.migrate(&format!("ADD INDEX {} BITMAP", names[names.len() - 1])),
                };
            }
            Step::RemoveIndex(at) => {
                let text = self.table.schema().indexes.get(*at).map(|index| {
                    let names = self.table.schema().index_names(index).join(" @");
                    let bitmap = index.method == crate::schema::Method::Bitmap;
                    format!(
                        "REMOVE INDEX @{names}{}",
                        if bitmap { " BITMAP" } else { "" }
                    )
                });
                if let Some(text) = text {
                    self.migrate(&text);
                }
            }
            Step::Begin(fields, shape) => {
                let mut names: Vec<&str> = fields.iter().map(|at| FIELDS[*at].0).collect();
                names.sort_unstable();
                names.dedup();
                let names = names.join(" ");
                match shape {
                    0 => self.begin("ADD FIELD i INTEGER DEFAULT 7 INDEX"),
                    1 => self.begin(&format!("ADD INDEX {names}")),
                    2 => self.begin(&format!("ADD INDEX {} BITMAP", FIELDS[fields[0]].0)),
                    3 if fields.len() > 1 => {
                        self.begin("SET TTL 1 ACTIVE ADD INDEX expires_at @id")
                    }
                    3 => self.begin("SET TTL NONE ACTIVE"),
                    4 | 5 => self.begin(&format!("ADD INDEX {names} UNIQUE")),
                    _ => {
                        let kind = FIELDS[*fields.last().unwrap()].1;
                        self.begin(&format!("SET FIELD {} TYPE {kind}", FIELDS[fields[0]].0));
                    }
                }
            }
            Step::GoOn(most) => self.go_on(*most),
            Step::SetType(field, kind, most) => {
                self.begin(&format!(
                    "SET FIELD {} TYPE {}",
                    FIELDS[*field].0, FIELDS[*kind].1
                ));
                while self.table.running().is_some() {
                    self.go_on(*most);
                }
            }
            Step::Cancel => {
                if self.table.running().is_some() {
                    let effects = self.table.stop(self.now).unwrap();
                    self.keep(&effects);
                }
            }
            Step::Feed(on) => {
                self.migrate(if *on { "CHANGES ON" } else { "CHANGES OFF" });
            }
            Step::Bury(count) => {
                let (bytes, age) = (u64::MAX, 30);
                let count = *count;
                let caps = Caps { count, bytes, age };
                let effects = self.table.keep_tombstones(&caps, self.now);
                self.keep(&effects);
                if let Ok(feed) = self.table.feed() {
                    assert!(feed.tombstones().len() <= count);
                }
            }
            Step::Acknowledge(name, back) => {
                let Ok(feed) = self.table.feed() else { return };
                let position = back.map(|back| Position {
                    epoch: feed.epoch(),
                    number: feed.head().saturating_sub(back),
                    seen: 0,
                });
                let name = [b'a' + name];
                let effects = match position {
                    Some(position) if feed.resume(position).is_err() => return,
                    Some(position) => self.table.acknowledge(&name, position, self.now),
                    None => self.table.forget_consumer(&name),
                };
                self.keep(&effects.unwrap());
            }
            Step::Reload => *self.table = loaded(&bytes(&self.table)),
        }
    }

    fn check(&self) {
        self.table.check_consistency().unwrap();
        let mut held = Model::new();
        for (_, bytes) in self.table.records().iter() {
            let values = self.table.read(bytes).unwrap().values();
            let names = self
                .table
                .schema()
                .fields
                .iter()
                .map(|field| field.name.to_string());
            let named = names.zip(values.iter().map(ValueRef::to_value));
            let record: BTreeMap<String, Value> =
                named.filter(|(name, _)| name != CHANGE_NUMBER).collect();
            let Value::Integer(id) = record["id"] else {
                unreachable!()
            };
            held.insert(id, record);
        }
        assert_eq!(held, self.model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn a_table_is_the_list_of_its_records(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        let saved = bytes(&world.table);
        for late in [false, true] {
            let made = bytes(&replayed(&world.pieces, late));
            prop_assert_eq!(&made, &saved, "its effects make another table");
        }
        prop_assert_eq!(&bytes(&world.table.duplicate()), &saved, "its copy is another table");
        let mut rewritten = Vec::new();
        snapshot::rewrite(&world.table, &mut |piece| rewritten.push(piece.to_vec()));
        prop_assert_eq!(&bytes(&replayed(&rewritten, false)), &saved, "its rewrite makes another table");
        prop_assert_eq!(&bytes(&loaded(&saved)), &saved, "its snapshot is another table");
        // The next record takes the same row in each.
        let mut copy = loaded(&saved);
        let next = world.table.records().next_row().unwrap();
        prop_assert_eq!(copy.records().next_row().unwrap(), next);
        copy.reclaim(i64::MAX, usize::MAX);
        copy.check_consistency().map_err(TestCaseError::fail)?;
    }

    #[test]
    fn damaged_bytes_are_refused_or_make_a_sound_table(
        steps in prop::collection::vec(step(), 1..30),
        at: prop::sample::Index,
        byte: u8,
        cut: bool,
        sealed: bool,
    ) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.take(step));
        let mut chunks = bytes(&world.table);
        let which = at.index(chunks.len());
        let place = at.index(chunks[which].len());
        if cut {
            chunks[which].truncate(place);
        } else {
            chunks[which][place] ^= byte;
        }
        if sealed {
            // The checksum is made right again, so that what lies behind it is tried.
            if let Some(body) = chunks[which].len().checked_sub(4) {
                let sum = crc32fast::hash(&chunks[which][..body]);
                chunks[which][body..].copy_from_slice(&sum.to_le_bytes());
            }
        }
        let mut chunks = chunks.into_iter();
        let ended = || crate::error::Error::corrupt("no more chunks");
        if let Ok(table) = snapshot::load(&mut || chunks.next().ok_or_else(ended)) {
            table.check_consistency().map_err(TestCaseError::fail)?;
        }
        let mut piece = world.pieces[at.index(world.pieces.len())].clone();
        let place = at.index(piece.len());
        if cut { piece.truncate(place) } else { piece[place] ^= byte }
        let mut table = Some(world.table);
        let before = bytes(table.as_deref().unwrap());
        match apply(&mut table, &piece) {
            Ok(_) => table.unwrap().check_consistency().map_err(TestCaseError::fail)?,
            Err(_) => prop_assert_eq!(&bytes(&table.unwrap()), &before),
        }
    }
}
