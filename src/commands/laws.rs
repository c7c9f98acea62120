//! Laws of migrations, tried with random ones of every operation amid random writes: a table is what a plain list makes
//! of the same words, the way down leads back to where the way up began, and SCHEMA's lines make the same schema anew.

mod feed;
mod many;
mod model;
mod run;

use proptest::prelude::*;

use super::{Limits, work};
use crate::{
    encoding::snapshot,
    schema::{Direction, State},
    table::Table,
};
use model::{Field, Model, Op, UUID, names, words};
use run::{Told, run_on, saved};

/// The fields a table may have.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// The types, and values of each as a reply shows them, the first one its default.
const KINDS: [(&str, &[&str]); 9] = [
    ("INTEGER", &["7", "0", "1", "-1"]),
    ("FLOAT", &["1", "0", "2.5"]),
    ("BOOLEAN", &["true", "false"]),
    ("DATETIME", &["7000", "0", "1"]),
    (
        "STRING",
        &["x", "0", "1", "2.5", "true", "20260101", "job_42-x", UUID],
    ),
    ("UUID", &[UUID, "00000000-0000-0000-0000-000000000002"]),
    ("ENUM ( x y )", &["x", "y"]),
    ("ENUM ( y 1 x )", &["1", "x", "y"]),
    ("TAGS", &["a b", "a", "b c"]),
];

/// Values of a type, that of ENUM with whatever names it has.
fn domain(kind: &str) -> Vec<String> {
    let known = KINDS.iter().find(|(other, _)| *other == kind);
    match known {
        Some((_, texts)) => texts.iter().map(|text| text.to_string()).collect(),
        None => names(kind).into_iter().map(str::to_string).collect(),
    }
}

/// Something that happens, by what was drawn: what it means depends on the table of then.
#[derive(Debug, Clone)]
enum Step {
    /// Operations up, whether values may go, and how many records a slice meets.
    Up(Vec<[u8; 6]>, bool, usize),
    /// The same, and writes between two slices.
    Amid(Vec<[u8; 6]>, usize, Vec<[u8; 6]>),
    Down(bool, usize),
    Write([u8; 6]),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let operations = || prop::collection::vec(any::<[u8; 6]>(), 1..5);
    let drop_data = prop::bool::weighted(0.8);
    prop_oneof![
        5 => (operations(), drop_data, 1usize..9).prop_map(|(o, d, s)| Step::Up(o, d, s)),
        1 => (operations(), 1usize..9, operations()).prop_map(|(o, s, w)| Step::Amid(o, s, w)),
        3 => (drop_data, 1usize..9).prop_map(|(d, s)| Step::Down(d, s)),
        6 => any::<[u8; 6]>().prop_map(Step::Write),
        1 => Just(Step::Reload),
    ]
}

fn pick<'a, T: ?Sized>(from: &[&'a T], at: u8) -> &'a T {
    from[usize::from(at) % from.len()]
}

/// An operation, mostly one that may be applied to the model.
fn operation(model: &Model, drawn: [u8; 6]) -> Op {
    let [what, first, second, third, fourth, fifth] = drawn;
    let there: Vec<&str> = model.fields.iter().map(|field| &*field.name).collect();
    // Now and then a field that is not there.
    let name = match there.is_empty() || first >= 240 {
        true => pick(&NAMES, first),
        false => pick(&there, first),
    };
    let kind = KINDS[usize::from(second) % KINDS.len()].0;
    let value = |kind: &str, at: u8| {
        let texts = domain(kind);
        texts[usize::from(at) % texts.len()].clone()
    };
    let kind_of = |name: &str| model.field(name).map_or("STRING", |field| &*field.kind);
    let shape = pick(&["", "", "UNIQUE", "BITMAP"], third);
    match what % 16 {
        0..4 => {
            let default = (third % 2 == 0).then(|| value(kind, fourth));
            let field = Field {
                name: pick(&NAMES, first).into(),
                kind: kind.into(),
                not_null: fourth % 4 == 0,
                default,
                initial: None,
                lost: Vec::new(),
            };
            let shape = match (fifth % 4, kind) {
                (0, "TAGS") | (1, _) => Some("BITMAP"),
                (0, _) => Some(if third % 5 == 0 { "UNIQUE" } else { "INDEX" }),
                _ => None,
            };
            Op::Add(field, shape, None)
        }
        4 => Op::Remove(name.into()),
        5 => Op::Rename(name.into(), pick(&NAMES, second).into()),
        6 => {
            let default = (third % 3 > 0).then(|| value(kind_of(name), fourth));
            Op::Default(name.into(), default)
        }
        7 => Op::NotNull(name.into(), third % 3 > 0),
        8 | 9 => Op::Type(name.into(), kind.into()),
        10 => Op::EnumValue(name.into(), pick(&["x", "z", "w"], second).into()),
        11 | 12 => {
            let fields = match (shape, third % 8) {
                ("BITMAP", _) | (_, 0..4) => vec![name.to_string()],
                (_, 4) => vec!["expires_at".into(), "id".into()],
                (_, 5) if fifth % 4 == 0 => vec!["created_at".into(), name.to_string()],
                _ => vec![name.to_string(), pick(&NAMES, second).to_string()],
            };
            let twice = fields.len() == 2 && fields[0] == fields[1];
            let most = if twice { 1 } else { 2 };
            Op::AddIndex((fields.into_iter().take(most).collect(), shape))
        }
        13 => match model
            .indexes
            .get(usize::from(first) % model.indexes.len().max(1))
        {
            Some(index) => Op::RemoveIndex(index.clone()),
            None => Op::RemoveIndex((vec![name.into()], "")),
        },
        14 => {
            let seconds = (second % 3 > 0).then(|| i64::from(second % 3) * 1000);
            Op::Ttl(seconds, third % 2 == 0)
        }
        _ => match first % 4 {
            0 => Op::Timestamps(second % 2 == 0),
            3 => Op::Changes(second % 4 > 0),
            1 if model.records.is_empty() => Op::Id(pick(&["INTEGER", "UUID", "STRING"], second)),
            _ => Op::Update(name.into(), value(kind_of(name), third)),
        },
    }
}

/// The operations of one migration: an UPDATE stands alone in its own.
fn operations(model: &Model, drawn: &[[u8; 6]], now: i64) -> Vec<Op> {
    let (mut ahead, mut ops) = (model.clone(), Vec::new());
    for drawn in drawn {
        let op = operation(&ahead, *drawn);
        if matches!(op, Op::Update(..)) {
            match ops.is_empty() {
                true => return vec![op],
                false => continue,
            }
        }
        // Later ones are drawn for what the earlier ones leave.
        _ = ahead.apply(std::slice::from_ref(&op), now, true);
        ops.push(op);
    }
    if ops.is_empty() {
        vec![Op::Timestamps(model.timestamps)]
    } else {
        ops
    }
}

fn text(model: &Model, ops: &[Op], now: i64) -> String {
    let mut ahead = model.clone();
    let mut texts = Vec::new();
    for op in ops {
        texts.push(op.text(&ahead));
        _ = ahead.apply(std::slice::from_ref(op), now, true);
    }
    texts.join(" ; ")
}

/// A migration that is applied: how things were before, and what leads back.
struct Applied {
    version: i64,
    before: Model,
    /// What it left, where nothing was written meanwhile.
    after: Option<Model>,
    ops: Vec<Op>,
    down: Option<Vec<Op>>,
}

struct World {
    table: Option<Box<Table>>,
    told: Vec<Told>,
    model: Model,
    applied: Vec<Applied>,
    lines: usize,
    version: i64,
    now: i64,
}

impl World {
    fn new() -> World {
        let mut world = World {
            table: None,
            told: Vec::new(),
            model: Model::new(),
            applied: Vec::new(),
            lines: 0,
            version: 0,
            now: 1_000_000,
        };
        let make = Op::Timestamps(true);
        world.up(&[make], true, usize::MAX, &[]);
        world
    }

    /// Runs a command: the lines of its answer, or its error.
    fn run(&mut self, name: &str, line: &str, inline_records: u64) -> Result<Vec<String>, String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let words = if line.is_empty() { Vec::new() } else { words };
        let limits = Limits {
            inline_records,
            ..Limits::DEFAULT
        };
        let (lines, effects) = run_on(&mut self.table, name, &words, self.now, limits)?;
        self.told.extend(Told::of(&effects, name, &words));
        Ok(lines)
    }

    /// Ends a running migration, so many records a slice; why it failed, if it did.
    fn end(&mut self, slice: usize) -> Result<(), String> {
        let mut more = true;
        while more {
            more = self.slice(slice);
        }
        match &self
            .table
            .as_ref()
            .unwrap()
            .history()
            .lines
            .last()
            .unwrap()
            .state
        {
            State::Applied => Ok(()),
            State::Failed(reason) => Err(reason.to_string()),
        }
    }

    fn slice(&mut self, most: usize) -> bool {
        let table = self.table.as_mut().unwrap();
        let (effects, more) = work(table, most, self.now, true).unwrap();
        table.check_consistency().unwrap();
        self.told.extend(Told::payloads(&effects));
        more
    }

    /// Carries out a migration, at once or in slices with writes between; whether it was applied.
    fn migrate(&mut self, line: &str, slice: usize, writes: &[[u8; 6]]) -> Result<bool, String> {
        let before = self.table.as_deref().map(saved);
        let inline_records = if slice % 2 == 0 { 0 } else { u64::MAX };
        let answer = match self.run("yarr.migrate", line, inline_records) {
            Ok(answer) => answer,
            Err(error) => {
                assert_eq!(self.table.as_deref().map(saved), before, "{line}: {error}");
                return Err(error);
            }
        };
        self.lines += 1;
        match answer[0].as_str() {
            "+OK" => Ok(true),
            "+RUNNING" => {
                if !writes.is_empty() && self.slice(slice) {
                    writes.iter().for_each(|drawn| self.write(*drawn));
                }
                self.end(slice).map(|()| true)
            }
            other => panic!("{line}: {other}"),
        }
    }

    fn up(&mut self, ops: &[Op], drop_data: bool, slice: usize, writes: &[[u8; 6]]) {
        let version = self.version + 1;
        let text = text(&self.model, ops, self.now);
        let drop = if drop_data { " DROP DATA" } else { "" };
        let line = format!("UP {version} step {text}{drop}");
        let (before, at) = (self.model.clone(), self.now);
        let down = before.undo_all(ops, at);
        let expected = before.clone().apply(ops, at, drop_data);
        let done = self.migrate(&line, slice, writes);
        // Writes between see the old schema, and are judged with the rest.
        let mut after = self.model.clone();
        let now = after.apply(ops, at, drop_data);
        match (&done, expected, now) {
            (Ok(_), _, Ok(())) => self.model = after,
            // What was in the way when it began may have been met before a write took it away.
            (Err(_), _, Err(_)) | (Err(_), Err(_), Ok(())) => {}
            (done, expected, now) => {
                panic!("{line}\n{done:?}, expected {expected:?} and {now:?}\n{before:#?}")
            }
        }
        if done.is_ok() {
            self.version = version;
            let ops = ops.to_vec();
            self.applied.push(Applied {
                version,
                before,
                after: writes.is_empty().then(|| self.model.clone()),
                ops,
                down,
            });
            let again = self.run("yarr.migrate", &format!("UP {version} step {text}"), 0);
            assert_eq!(again.unwrap(), ["+APPLIED"]);
        }
    }

    fn down(&mut self, drop_data: bool, slice: usize) {
        let Some(last) = self.applied.last().filter(|last| last.version > 1) else {
            return;
        };
        let drop = if drop_data { " DROP DATA" } else { "" };
        let line = format!("DOWN {}{drop}", last.version);
        let Some(down) = last.down.clone() else {
            let error = self.migrate(&line, slice, &[]).unwrap_err();
            assert!(error.starts_with("IRREVERSIBLE "), "{error}");
            return;
        };
        let (before, ops) = (last.before.clone(), last.ops.clone());
        let after = last.after.as_ref();
        let untouched = after.is_some_and(|after| after.records == self.model.records);
        let untouched = untouched && ops.iter().all(|op| before.keeps(op));
        let history = self.table.as_ref().unwrap().history().clone();
        let expected = self.model.apply(&down, self.now, drop_data);
        let done = self.migrate(&line, slice, &[]);
        assert_eq!(
            done.is_ok(),
            expected.is_ok(),
            "{line} after {ops:#?}: {done:?}"
        );
        if done.is_err() {
            return;
        }
        self.applied.pop();
        let schema = |model: &Model| model.schema();
        assert_eq!(
            schema(&self.model),
            schema(&before),
            "the way down of {ops:#?}"
        );
        if untouched {
            assert_eq!(
                self.model.records, before.records,
                "the way down of {ops:#?}"
            );
        }
        let table = self.table.as_ref().unwrap();
        let (line, applied) = (
            table.history().lines.last().unwrap(),
            &table.history().applied,
        );
        assert_eq!(line.direction, Direction::Down);
        assert_eq!(applied[..], history.applied[..applied.len()]);
        assert_eq!(applied.len() + 1, history.applied.len());
        assert_eq!(table.history().lines[..self.lines - 1], history.lines[..]);
    }

    /// A record comes, changes or goes.
    fn write(&mut self, drawn: [u8; 6]) {
        let [what, which, values @ ..] = drawn;
        self.now += 1;
        let id = match self.model.id {
            "INTEGER" => format!("{}", which % 12),
            "UUID" => format!("00000000-0000-0000-0000-{:012}", which % 12),
            _ => format!("k{}", which % 12),
        };
        if what % 6 == 0 {
            _ = self.run("yarr.del", &id, 0).unwrap();
            self.model.records.remove(&id);
            return;
        }
        let mut after = self.model.clone();
        let there = after.records.contains_key(&id);
        let record = after.records.entry(id.clone()).or_default();
        let (mut set, mut unset) = (String::new(), String::new());
        for (at, field) in self.model.fields.iter().enumerate() {
            let texts = domain(&field.kind);
            let at = usize::from(values[at % 4] >> (at / 4)) % (texts.len() + 2);
            match texts.get(at) {
                Some(text) => {
                    set.push_str(&format!(" {} {}", field.name, words(&field.kind, text)));
                    record.insert(field.name.clone(), text.clone());
                }
                // Left out, or taken away.
                None if at == texts.len() && !there => {
                    let default = field.default.clone();
                    record.extend(default.map(|text| (field.name.clone(), text)));
                }
                None if at == texts.len() => {}
                None => {
                    unset.push_str(&format!(" {}", field.name));
                    record.remove(&field.name);
                }
            }
        }
        if let Some(ttl) = after.ttl {
            record.insert("expires_at".into(), (self.now + ttl * 1000).to_string());
        }
        let unset = if unset.is_empty() {
            unset
        } else {
            format!(" UNSET{unset}")
        };
        let (name, line) = match there {
            true if set.is_empty() => ("yarr.update", format!("{id} TOUCH{unset}")),
            true => ("yarr.update", format!("{id} SET{set}{unset}")),
            false => ("yarr.create", format!("id {id}{set}{unset}")),
        };
        let done = self.run(name, &line, 0);
        let fits = after.is_filled() && after.is_unique();
        assert_eq!(done.is_ok(), fits, "{line}: {done:?}\n{:#?}", self.model);
        if fits {
            self.model = after;
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Up(drawn, drop_data, slice) => {
                let ops = operations(&self.model, drawn, self.now);
                self.up(&ops, *drop_data, *slice, &[]);
            }
            Step::Amid(drawn, slice, writes) => {
                let ops = operations(&self.model, drawn, self.now);
                // What an UPDATE has come by cannot be told.
                if !matches!(ops[..], [Op::Update(..)]) {
                    self.up(&ops, true, slice * 2, writes);
                }
            }
            Step::Down(drop_data, slice) => self.down(*drop_data, *slice),
            Step::Write(drawn) => self.write(*drawn),
            Step::Reload => {
                let mut chunks = saved(self.table.as_ref().unwrap()).into_iter();
                self.table = Some(Box::new(
                    snapshot::load(&mut || Ok(chunks.next().unwrap())).unwrap(),
                ));
            }
        }
    }

    /// The table is the model, whatever it is asked.
    fn check(&mut self) {
        let (model, lines) = (self.model.clone(), self.lines);
        let schema = self.run("yarr.schema", "", 0).unwrap();
        let expected = model.schema();
        let expected_lines = expected.iter().map(|line| format!("${line}"));
        let counted = [format!("*{}", expected.len())]
            .into_iter()
            .chain(expected_lines);
        assert_eq!(schema, counted.collect::<Vec<_>>());
        assert_eq!(self.table.as_ref().unwrap().history().lines.len(), lines);
        let names: Vec<&str> = model.fields.iter().map(|field| &*field.name).collect();
        let asked = format!("* PLUCK id expires_at {}", names.join(" "));
        let mut found = self.run("yarr.where", asked.trim_end(), 0).unwrap();
        let mut rows = found.split_off(1);
        let mut expected = Vec::new();
        for (id, record) in &model.records {
            expected.push(format!("*{}", names.len() + 2));
            expected.push(format!("${id}"));
            let at = record.get("expires_at");
            expected.push(at.map_or("_".into(), |at| format!("${at}")));
            for field in &model.fields {
                match record.get(&field.name) {
                    None => expected.push("_".into()),
                    Some(text) if field.kind == "TAGS" => {
                        let tags: Vec<&str> = text.split_whitespace().collect();
                        expected.push(format!("~{}", tags.len()));
                        expected.extend(tags.iter().map(|tag| format!("${tag}")));
                    }
                    Some(text) => expected.push(format!("${text}")),
                }
            }
        }
        // Records come in any order: each begins anew.
        let sorted = |lines: &mut Vec<String>| {
            let mark = format!("*{}", names.len() + 2);
            let mut rows: Vec<Vec<String>> = Vec::new();
            for line in lines.drain(..) {
                match line == mark {
                    true => rows.push(vec![line]),
                    false => rows.last_mut().unwrap().push(line),
                }
            }
            rows.sort();
            rows
        };
        assert_eq!(sorted(&mut rows), sorted(&mut expected));
        for (fields, shape) in &model.indexes {
            let Some(field) = model.field(&fields[0]) else {
                continue;
            };
            let count = |text: Option<&str>| {
                let records = model.records.values().map(|record| record.get(&field.name));
                match (text, &*field.kind) {
                    (Some(tag), "TAGS") => records
                        .filter(|v| v.is_some_and(|tags| tags.split(' ').any(|t| t == tag)))
                        .count(),
                    (text, _) => records.filter(|v| v.map(String::as_str) == text).count(),
                }
            };
            let mut asked = vec![(format!("{} IS NULL", field.name), count(None))];
            for text in domain(&field.kind) {
                let first = text.split(' ').next().unwrap();
                asked.push(match &*field.kind {
                    "TAGS" => (
                        format!("{} CONTAINS {first}", field.name),
                        count(Some(first)),
                    ),
                    _ => (format!("{} = {text}", field.name), count(Some(&text))),
                });
            }
            for (predicate, count) in asked {
                let line = format!("{predicate} COUNT");
                assert_eq!(
                    self.run("yarr.where", &line, 0).unwrap(),
                    [format!(":{count}")],
                    "{line} by {shape}"
                );
            }
        }
    }

    /// The lines of SCHEMA make a table that answers the same lines.
    fn check_made_anew(&mut self) {
        let lines = self.model.schema();
        let mut other = World::new();
        if !lines.is_empty() {
            let line = format!("UP 7 anew {}", lines.join(" "));
            assert_eq!(
                other.run("yarr.migrate", &line, 0),
                Ok(vec!["+OK".into()]),
                "{line}"
            );
        }
        let (mine, its) = (
            self.run("yarr.schema", "", 0),
            other.run("yarr.schema", "", 0),
        );
        assert_eq!(mine, its);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn migrations_of_every_kind_make_of_a_table_what_they_make_of_a_list(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.check_made_anew();
        let table = world.table.as_deref().unwrap();
        table.check_consistency().unwrap();
        for late in [false, true] {
            let mut copy: Option<Box<Table>> = None;
            for told in &world.told {
                if let (true, Some(copy)) = (late, &mut copy) {
                    copy.may_be_late();
                }
                told.carry_out(&mut copy);
                _ = work(copy.as_mut().unwrap(), 2, 0, false).unwrap();
            }
            prop_assert_eq!(saved(copy.as_deref().unwrap()), saved(table), "another table");
        }
    }
}
