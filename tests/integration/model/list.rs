//! A table as a plain list of records.

use std::cmp::Ordering;

use super::{
    predicate::Predicate,
    record::{FIELDS, Kind, Record, UNIQUE, Value, Words, id_of, words},
};

/// A table as a plain list.
#[derive(Clone)]
pub struct Model {
    pub records: Vec<Record>,
    pub highest: i64,
}

/// What an UPDATE does to one field.
pub enum Change {
    Set(usize, Value),
    Incr(usize, i128),
    Unset(usize),
}

/// Fields, and whether they go down.
pub type Order = Vec<(usize, bool)>;

/// The order that ORDER BY gives, with the id at its end.
fn order(a: &Record, b: &Record, by: &Order) -> Ordering {
    let last = by.last().is_some_and(|(_, descending)| *descending);
    let keys = by.iter().copied().chain([(0, last)]);
    keys.map(|(field, descending)| {
        // `None` comes before every value.
        let order = a[field].partial_cmp(&b[field]).expect("values of one type");
        if descending { order.reverse() } else { order }
    })
    .find(|order| order.is_ne())
    .unwrap_or(Ordering::Equal)
}

/// The order as a command takes it.
pub fn order_words(by: &Order) -> Words {
    if by.is_empty() {
        return Vec::new();
    }
    let mut out = words(&["ORDER", "BY"]);
    for (field, descending) in by {
        out.extend(words(&[
            FIELDS[*field].0,
            if *descending { "DESC" } else { "ASC" },
        ]));
    }
    out
}

impl Model {
    /// Places of the matching records, in order.
    pub fn matches(&self, predicate: &Predicate, by: &Order) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.records.len())
            .filter(|place| predicate.holds(&self.records[*place]) == Some(true))
            .collect();
        places.sort_by(|a, b| order(&self.records[*a], &self.records[*b], by));
        places
    }

    /// Where the record of this id stands.
    pub fn place(&self, id: i64) -> Option<usize> {
        self.records.iter().position(|record| id_of(record) == id)
    }

    /// Whether two records share a value of the unique field.
    pub fn has_duplicates(&self) -> bool {
        let mut seen: Vec<&Value> = self
            .records
            .iter()
            .filter_map(|record| record[UNIQUE].as_ref())
            .collect();
        seen.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        seen.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Adds a record, counting its id up where it has none.
    pub fn insert(&mut self, mut record: Record) -> i64 {
        let id = record[0]
            .as_ref()
            .map_or(self.highest + 1, |_| id_of(&record));
        record[0] = Some(Value::Number(i128::from(id) * 2));
        self.highest = self.highest.max(id);
        self.records.push(record);
        id
    }

    /// Changes one record; `None` where a sum does not fit.
    pub fn change(&mut self, place: usize, changes: &[Change]) -> Option<()> {
        for change in changes {
            match change {
                Change::Set(field, value) => self.records[place][*field] = Some(value.clone()),
                Change::Unset(field) => self.records[place][*field] = None,
                Change::Incr(field, by) => {
                    let now = match self.records[place][*field] {
                        Some(Value::Number(doubled)) => doubled,
                        _ => 0,
                    };
                    let sum = match FIELDS[*field].1 {
                        Kind::Float => ((now as f64 / 2.0 + *by as f64 / 2.0) * 2.0) as i128,
                        _ => i128::from(i64::try_from((now + by) / 2).ok()?) * 2,
                    };
                    self.records[place][*field] = Some(Value::Number(sum));
                }
            }
        }
        Some(())
    }
}
