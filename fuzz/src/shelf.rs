//! One set of records three times: in a table with indexes, in one without, in a plain list.

use std::collections::BTreeMap;

use yarr::{
    error::Code,
    query::{Query, parse_order, parse_predicate},
    table::{Row, Table, Write},
    tokens::{Keywords, Tokens},
    value::{Value, ValueRef},
};

use crate::{
    draw::Draw,
    model::{
        Asked, FIELDS, NAMES, Order, Record, TAGS, compare, is_visible, order_words, record,
        value_order,
    },
    reply::{Reply, ask},
    table::migrate,
    tags,
};

/// Ids lie below this.
const IDS: usize = 48;

/// The same records in three places.
pub struct Shelf {
    /// With the indexes that the input chose.
    pub indexed: Table,
    /// Without any.
    pub plain: Table,
    /// The records by id.
    pub records: BTreeMap<i64, Record>,
    /// Positions of the fields of each unique index.
    unique: Vec<Vec<usize>>,
}

impl Shelf {
    /// Draws indexes, and then records.
    pub fn draw(draw: &mut Draw) -> Shelf {
        let mut shelf = Shelf {
            indexed: table(),
            plain: table(),
            records: BTreeMap::new(),
            unique: Vec::new(),
        };
        for version in 0..draw.below(7) {
            shelf.add_index(version as i64 + 2, draw);
        }
        let steps = draw.below(64);
        for _ in 0..steps {
            shelf.step(draw);
        }
        shelf
    }

    fn add_index(&mut self, version: i64, draw: &mut Draw) {
        let shape = draw.byte();
        let mut positions: Vec<usize> = Vec::new();
        for _ in 0..1 + usize::from(shape) / 4 % 3 {
            let position = draw.below(NAMES.len());
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
        let mut shape = shape;
        if positions.contains(&TAGS) {
            // Tags have an index of their own alone; any other is refused.
            let others = positions.len() > 1 || shape % 4 != 3;
            let names: Vec<&str> = positions.iter().map(|p| NAMES[*p]).collect();
            let word = ["", "", "UNIQUE", "BITMAP"][usize::from(shape % 4)];
            let operation = format!("ADD INDEX {} {word}", names.join(" "));
            if others {
                let refused = migrate(&mut self.indexed, version, &operation);
                assert!(refused.is_err(), "{operation}");
            }
            (positions, shape) = (vec![TAGS], 3);
        }
        let names: Vec<String> = positions
            .iter()
            .map(|p| format!("@{}", NAMES[*p]))
            .collect();
        let (names, word) = match shape % 4 {
            0 | 1 => (names.join(" "), ""),
            2 => (names.join(" "), "UNIQUE"),
            _ => (names[0].clone(), "BITMAP"),
        };
        // Refused where it is there already.
        let added = migrate(
            &mut self.indexed,
            version,
            &format!("ADD INDEX {names} {word}"),
        );
        if added.is_ok() && word == "UNIQUE" {
            self.unique.push(positions);
        }
    }

    /// Puts a record in place of the one that has its id, or removes it. Answers the id.
    pub fn step(&mut self, draw: &mut Draw) -> i64 {
        let byte = draw.byte();
        let id = i64::from(byte) % IDS as i64;
        if usize::from(byte) >= 5 * IDS + 4 {
            let id = draw.below(IDS) as i64;
            self.retag(id, usize::from(byte) - 5 * IDS - 4, draw);
            return id;
        }
        if usize::from(byte) >= 5 * IDS {
            self.records.remove(&id);
            [&mut self.indexed, &mut self.plain]
                .into_iter()
                .for_each(|table| remove(table, id));
            return id;
        }
        let record = record(id, draw);
        match (put(&mut self.indexed, &record), self.taken(&record)) {
            (Ok(()), false) => {
                put(&mut self.plain, &record).expect("no index, no conflict");
                self.records.insert(id, record);
            }
            (Err(Code::Duplicate), true) => {}
            (done, taken) => panic!("{done:?}, and that it is taken is {taken}: {record:?}"),
        }
        id
    }

    /// Changes the tags of a record by a command: adds, removes or sets some, or makes the record
    /// where there is none.
    fn retag(&mut self, id: i64, kind: usize, draw: &mut Draw) {
        let list = tags::any_list(draw);
        let given = tags::set(&list);
        let before = self.records.get(&id).map(|record| &record[TAGS]);
        let own = before.and_then(tags::of_value);
        let token = id.to_string();
        let (command, words) = match kind % 4 {
            0 => ("yarr.update", [&token, "ADD", "t"]),
            1 => ("yarr.update", [&token, "REMOVE", "t"]),
            2 => ("yarr.update", [&token, "SET", "t"]),
            _ => ("yarr.create", ["id", &token, "t"]),
        };
        let counted = tags::words(&list);
        let mut args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        args.extend(counted.iter().map(Vec::as_slice));
        let conflict: [&[u8]; 4] = [b"ON", b"CONFLICT", b"id", b"UPDATE"];
        args.extend(conflict.iter().filter(|_| command == "yarr.create"));
        let expected = match (tags::are_short(&list), before, kind % 4) {
            (false, ..) => Err(Code::BadValue),
            (true, _, 3) => Ok(Reply::Bulk(token.clone().into())),
            (true, None, _) => Ok(Reply::Null),
            (true, Some(_), _) => Ok(Reply::Integer(1)),
        };
        for table in [&mut self.indexed, &mut self.plain] {
            let told = ask(table, command, &args, 0).map_err(|error| error.code());
            assert_eq!(told, expected, "{command} {args:?}");
        }
        let after = match (kind % 4, own) {
            (0, own) => Some(&own.unwrap_or_default() | &given),
            (1, own) => own.map(|own| &own - &given),
            _ => Some(given),
        };
        let there = before.is_some();
        if expected.is_ok() && (there || kind % 4 == 3) {
            let record = self.records.entry(id).or_insert_with(|| empty_record(id));
            record[TAGS] = after.as_ref().map_or(Value::Null, tags::value);
        }
    }

    /// Whether another record has the same values in a unique index, none of them null.
    fn taken(&self, new: &Record) -> bool {
        let others = || self.records.values().filter(|other| other[0] != new[0]);
        self.unique.iter().any(|positions| {
            let full = positions.iter().all(|p| new[*p] != Value::Null);
            let same = |other: &&Record| {
                positions
                    .iter()
                    .all(|p| value_order(&new[*p], &other[*p]).is_eq())
            };
            full && others().find(same).is_some()
        })
    }

    /// The records that match, in order.
    pub fn matches(&self, asked: &Asked, order: &Order) -> Vec<&Record> {
        let visible = self.records.values().filter(|record| is_visible(record));
        let mut matches: Vec<&Record> = visible.filter(|record| asked.matches(record)).collect();
        matches.sort_by(|a, b| compare(order, a, b));
        matches
    }
}

/// A table of these fields, without indexes.
fn table() -> Table {
    let mut table = Table::new(7);
    migrate(&mut table, 1, FIELDS).expect("the fields are right");
    table
}

/// The same table without records.
pub fn emptied(table: &Table) -> Table {
    let mut empty = table.duplicate();
    empty.reclaim(i64::MAX, usize::MAX);
    let ids: Vec<Row> = empty.records().iter().map(|(row, _)| row).collect();
    let mut write = Write::begin(&mut empty, 0);
    ids.into_iter().for_each(|row| write.remove(row));
    write.commit().expect("a removal conflicts with nothing");
    *empty
}

fn empty_record(id: i64) -> Record {
    let mut record = [const { Value::Null }; NAMES.len()];
    record[0] = Value::Integer(id);
    record
}

fn put(table: &mut Table, record: &Record) -> Result<(), Code> {
    let values: Vec<ValueRef> = record.iter().map(Value::as_ref).collect();
    let row = table.row(&values[0]);
    let mut write = Write::begin(table, 0);
    match row {
        Some(row) => write.replace(row, &values),
        None => write.insert(&values).map(drop),
    }
    .map_err(|error| error.code())?;
    write.commit().map(drop).map_err(|error| error.code())
}

fn remove(table: &mut Table, id: i64) {
    if let Some(row) = table.row(&ValueRef::Integer(id)) {
        let mut write = Write::begin(table, 0);
        write.remove(row);
        write.commit().expect("a removal conflicts with nothing");
    }
}

/// The id of a record.
pub fn id(record: &Record) -> i64 {
    match record[0] {
        Value::Integer(id) => id,
        _ => unreachable!("ids are integers"),
    }
}

/// The ids of rows.
pub fn ids(table: &Table, rows: &[Row]) -> Vec<i64> {
    let id = |row: &Row| match table.record(*row).expect("a row of a record").value(0) {
        ValueRef::Integer(id) => id,
        other => panic!("an id is {other:?}"),
    };
    rows.iter().map(id).collect()
}

/// A question as words, from which queries borrow.
pub struct Question {
    predicate: Vec<Vec<u8>>,
    order: Vec<Vec<u8>>,
}

impl Question {
    /// The words of a predicate and an order.
    pub fn new(asked: &Asked, order: &Order) -> Question {
        let mut predicate = Vec::new();
        asked.words(&mut predicate);
        Question {
            predicate,
            order: order_words(order),
        }
    }

    /// The words of a WHERE, SCAN given.
    pub fn words(&self) -> Vec<&[u8]> {
        let mut words: Vec<&[u8]> = self.predicate.iter().map(Vec::as_slice).collect();
        if !self.order.is_empty() {
            words.extend([&b"ORDER"[..], b"BY"]);
            words.extend(self.order.iter().map(Vec::as_slice));
        }
        words.push(b"SCAN");
        words
    }

    /// Calls `then` with the query that the words say, SCAN given.
    pub fn with<T>(&self, then: impl FnOnce(Query) -> T) -> T {
        let predicate: Vec<&[u8]> = self.predicate.iter().map(Vec::as_slice).collect();
        let order: Vec<&[u8]> = self.order.iter().map(Vec::as_slice).collect();
        let mut tokens = Tokens::new(&predicate);
        let mut query = Query::of(parse_predicate(&mut tokens).expect("the words parse"));
        tokens.finish().expect("nothing is left");
        query.scan = true;
        if !order.is_empty() {
            query.order = parse_order(&mut Tokens::new(&order), &Keywords::of(&[]))
                .expect("the order parses");
        }
        then(query)
    }
}
