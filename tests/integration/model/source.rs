//! Random values, predicates, orders and changes.

use crate::random::Random;

use super::{
    list::{Change, Model, Order},
    predicate::{Condition, Predicate},
    record::{FIELDS, Kind, NAMES, Record, STRINGS, UNIQUE, Value, Words, id_of, words},
};

/// Where random commands come from.
pub struct Source {
    pub random: Random,
}

impl Source {
    pub fn number(&mut self, kind: Kind) -> i128 {
        let edges = [
            i128::from(i64::MAX),
            i128::from(i64::MIN),
            1 << 53,
            (1 << 53) + 1,
        ];
        match self.random.below(20) {
            0 if kind == Kind::Integer => 2 * edges[self.random.below(edges.len())],
            0 => 2 * (1 << 53),
            _ if kind == Kind::Float => self.random.below(17) as i128 - 8,
            _ => 2 * (self.random.below(11) as i128 - 5),
        }
    }

    pub fn value(&mut self, field: usize) -> Value {
        match FIELDS[field].1 {
            _ if field == UNIQUE => Value::Number(2 * self.random.below(200) as i128),
            kind @ (Kind::Integer | Kind::Float) => Value::Number(self.number(kind)),
            Kind::Boolean => Value::Boolean(self.random.one_in(2)),
            Kind::String => Value::String(self.random.pick(&STRINGS).to_vec()),
            Kind::Enum => Value::Enum(self.random.below(NAMES.len())),
        }
    }

    /// A value to compare a field with: a number that the field cannot hold, too.
    pub fn literal(&mut self, field: usize) -> Value {
        let odd = [
            1,
            -3,
            2 * (i128::from(i64::MAX) + 1),
            2 * (i128::from(i64::MIN) - 1),
            2 * (1 << 53) + 2,
            2 * (i128::from(i64::MAX)) + 1,
        ];
        match FIELDS[field].1 {
            Kind::Integer if field == 0 || field == UNIQUE => {
                Value::Number(self.random.below(400) as i128 - 20)
            }
            Kind::Integer | Kind::Float if self.random.one_in(5) => {
                Value::Number(odd[self.random.below(odd.len())])
            }
            _ => self.value(field),
        }
    }

    pub fn condition(&mut self) -> Predicate {
        let field = self.random.below(FIELDS.len());
        let condition = match self.random.below(10) {
            0 => Condition::IsNull(self.random.one_in(2)),
            1 => Condition::Between(self.literal(field), self.literal(field)),
            2 => Condition::In(
                (0..1 + self.random.below(5))
                    .map(|_| self.literal(field))
                    .collect(),
            ),
            3 if FIELDS[field].1 == Kind::String => {
                Condition::StartsWith(self.random.pick(&STRINGS).to_vec())
            }
            _ => Condition::Compare(
                self.random
                    .pick(&["=", "=", "=", "!=", "<", "<=", ">", ">="]),
                self.literal(field),
            ),
        };
        Predicate::Condition(field, condition)
    }

    pub fn predicate(&mut self, depth: usize) -> Predicate {
        match self.random.below(if depth == 0 { 4 } else { 9 }) {
            0..=3 => self.condition(),
            4 | 5 => Predicate::And(
                Box::new(self.predicate(depth - 1)),
                Box::new(self.predicate(depth - 1)),
            ),
            6 | 7 => Predicate::Or(
                Box::new(self.predicate(depth - 1)),
                Box::new(self.predicate(depth - 1)),
            ),
            _ => Predicate::Not(Box::new(self.predicate(depth - 1))),
        }
    }

    pub fn whole_predicate(&mut self) -> Predicate {
        if self.random.one_in(12) {
            Predicate::All
        } else {
            self.predicate(3)
        }
    }

    pub fn order(&mut self) -> Order {
        let mut by: Order = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let field = self.random.below(FIELDS.len());
            if by.iter().all(|(other, _)| *other != field) {
                by.push((field, self.random.one_in(2)));
            }
        }
        by
    }

    pub fn record(&mut self) -> Record {
        std::array::from_fn(|field| {
            (field > 0 && !self.random.one_in(4)).then(|| self.value(field))
        })
    }

    /// An id that is there more often than not.
    pub fn id(&mut self, model: &Model) -> i64 {
        match model.records.is_empty() || self.random.one_in(6) {
            true => self.random.below(1000) as i64,
            false => id_of(&model.records[self.random.below(model.records.len())]),
        }
    }

    pub fn changes(&mut self) -> (Vec<Change>, Words) {
        let (mut set, mut incr, mut unset) = (Vec::new(), Vec::new(), Vec::new());
        let mut changes = Vec::new();
        let first = 1 + self.random.below(FIELDS.len() - 1);
        for (field, (name, kind)) in FIELDS.into_iter().enumerate().skip(1) {
            if field != first && !self.random.one_in(5) {
                continue;
            }
            match self.random.below(4) {
                0 => {
                    unset.extend(words(&[name]));
                    changes.push(Change::Unset(field));
                }
                1 if matches!(kind, Kind::Integer | Kind::Float) && name != "d" => {
                    let by = if self.random.one_in(10) {
                        self.number(kind)
                    } else {
                        if kind == Kind::Float { 1 } else { 2 }
                    };
                    incr.extend([name.as_bytes().to_vec(), Value::Number(by).token(kind)]);
                    changes.push(Change::Incr(field, by));
                }
                _ => {
                    let value = self.value(field);
                    set.extend([name.as_bytes().to_vec(), value.token(kind)]);
                    changes.push(Change::Set(field, value));
                }
            }
        }
        let clause = |word: &str, list: Words| {
            if list.is_empty() {
                list
            } else {
                [words(&[word]), list].concat()
            }
        };
        (
            changes,
            [
                clause("SET", set),
                clause("UNSET", unset),
                clause("INCR", incr),
            ]
            .concat(),
        )
    }
}
