//! One set of records three times: in a table with indexes, in one without, in a plain list.

use std::collections::BTreeMap;

use yarr::{
    error::Code,
    query::{Query, parse_order, parse_predicate},
    table::{Row, Table, Write},
    tokens::Tokens,
    value::{Value, ValueRef},
};

use crate::{
    draw::Draw,
    model::{
        Asked, FIELDS, NAMES, Order, Record, compare, is_visible, order_words, record, value_order,
    },
    table::migrate,
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

    /// Calls `then` with the query that the words say, SCAN given.
    pub fn with<T>(&self, then: impl FnOnce(Query) -> T) -> T {
        let predicate: Vec<&[u8]> = self.predicate.iter().map(Vec::as_slice).collect();
        let order: Vec<&[u8]> = self.order.iter().map(Vec::as_slice).collect();
        let mut tokens = Tokens::new(&predicate);
        let mut query = Query::of(parse_predicate(&mut tokens).expect("the words parse"));
        tokens.finish().expect("nothing is left");
        query.scan = true;
        if !order.is_empty() {
            query.order = parse_order(&mut Tokens::new(&order), &[]).expect("the order parses");
        }
        then(query)
    }
}
