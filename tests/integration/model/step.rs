//! Random commands, each with the answer it should get and the records it should leave.

use crate::reply::Reply;

use super::{
    list::{Change, Model, order_words},
    record::{FIELDS, Record, UNIQUE, Value, Words, bulk, flat, id_of, words},
    source::Source,
};

/// The most records a table is let grow to.
pub const MOST_RECORDS: usize = 150;

/// What a command should answer.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Is(Reply),
    /// These rows in any order.
    Rows(Vec<Reply>),
    /// An error of one of these codes.
    Fails(Vec<&'static str>),
}

/// One of the commands, and what it should answer and leave behind.
pub struct Step {
    pub command: Words,
    pub answer: Answer,
    pub after: Model,
}

impl Source {
    /// The next command and what should come of it.
    pub fn step(&mut self, model: &Model) -> Step {
        let full = model.records.len() >= MOST_RECORDS;
        match self.random.below(20) {
            0..=5 if full => self.delete_where(model),
            0..=3 => self.create(model),
            4 => self.create_many(model),
            5 => self.create_on_conflict(model),
            6 | 7 => self.update(model),
            8 | 9 => self.update_where(model),
            10 => self.delete(model),
            11 => self.delete_where(model),
            12 => self.find(model),
            _ => self.query(model),
        }
    }

    fn create(&mut self, model: &Model) -> Step {
        let mut record = self.record();
        if self.random.one_in(10) {
            record[0] = Some(Value::Number(2 * i128::from(self.id(model))));
        }
        let mut command = words(&["YARR.CREATE", "t"]);
        for (field, value) in record.iter().enumerate() {
            if let Some(value) = value {
                command.extend([
                    FIELDS[field].0.as_bytes().to_vec(),
                    value.token(FIELDS[field].1),
                ]);
            }
        }
        let mut after = model.clone();
        let taken = record[0].is_some() && model.place(id_of(&record)).is_some();
        let id = after.insert(record);
        if taken || after.has_duplicates() {
            return Step {
                command,
                answer: Answer::Fails(vec!["DUPLICATE"]),
                after: model.clone(),
            };
        }
        Step {
            command,
            answer: Answer::Is(Reply::Bulk(id.to_string().into())),
            after,
        }
    }

    fn create_many(&mut self, model: &Model) -> Step {
        let fields: Vec<usize> = (1..FIELDS.len())
            .filter(|_| !self.random.one_in(3))
            .chain([1])
            .collect();
        let fields: Vec<usize> = fields
            .iter()
            .copied()
            .enumerate()
            .filter(|(place, field)| !fields[..*place].contains(field))
            .map(|(_, field)| field)
            .collect();
        let mut command = words(&[
            "YARR.CREATE",
            "t",
            "NULL",
            "~",
            "FIELDS",
            &fields.len().to_string(),
        ]);
        command.extend(
            fields
                .iter()
                .map(|field| FIELDS[*field].0.as_bytes().to_vec()),
        );
        command.extend(words(&["VALUES"]));
        let mut after = model.clone();
        let mut ids = Vec::new();
        for _ in 0..1 + self.random.below(6) {
            let whole = self.record();
            let record: Record = std::array::from_fn(|field| {
                if fields.contains(&field) {
                    whole[field].clone()
                } else {
                    None
                }
            });
            command.extend(fields.iter().map(|field| {
                record[*field]
                    .as_ref()
                    .map_or(b"~".to_vec(), |value| value.token(FIELDS[*field].1))
            }));
            ids.push(Reply::Bulk(after.insert(record).to_string().into()));
        }
        if after.has_duplicates() {
            return Step {
                command,
                answer: Answer::Fails(vec!["DUPLICATE"]),
                after: model.clone(),
            };
        }
        Step {
            command,
            answer: Answer::Is(Reply::Array(ids)),
            after,
        }
    }

    fn create_on_conflict(&mut self, model: &Model) -> Step {
        let mut record = self.record();
        record[UNIQUE] = Some(self.value(UNIQUE));
        let mut command = words(&["YARR.CREATE", "t"]);
        for (field, value) in record.iter().enumerate() {
            if let Some(value) = value {
                command.extend([
                    FIELDS[field].0.as_bytes().to_vec(),
                    value.token(FIELDS[field].1),
                ]);
            }
        }
        let action = self.random.pick(&["IGNORE", "KEEP", "UPDATE"]);
        command.extend(words(&["ON", "CONFLICT", "u", action]));
        let mut after = model.clone();
        let other = model
            .records
            .iter()
            .position(|other| other[UNIQUE] == record[UNIQUE]);
        let answer = match other {
            None => Reply::Bulk(after.insert(record).to_string().into()),
            Some(_) if action == "IGNORE" => Reply::Null,
            Some(place) => {
                if action == "UPDATE" {
                    for (field, value) in record
                        .into_iter()
                        .enumerate()
                        .filter(|(_, value)| value.is_some())
                    {
                        after.records[place][field] = value;
                    }
                }
                bulk(&model.records[place][0], 0)
            }
        };
        Step {
            command,
            answer: Answer::Is(answer),
            after,
        }
    }

    fn update(&mut self, model: &Model) -> Step {
        let id = self.id(model);
        let (changes, clauses) = self.changes();
        let mut command = words(&["YARR.UPDATE", "t", &id.to_string()]);
        command.extend(clauses);
        let condition = self.random.one_in(3).then(|| self.predicate(2));
        if let Some(predicate) = &condition {
            command.extend(words(&["IF"]));
            command.extend(predicate.words());
        }
        let Some(place) = model.place(id) else {
            return Step {
                command,
                answer: Answer::Is(Reply::Null),
                after: model.clone(),
            };
        };
        if condition.is_some_and(|predicate| predicate.holds(&model.records[place]) != Some(true)) {
            return Step {
                command,
                answer: Answer::Is(Reply::Integer(0)),
                after: model.clone(),
            };
        }
        self.changed(model, &[place], &changes, command)
    }

    fn update_where(&mut self, model: &Model) -> Step {
        let predicate = self.whole_predicate();
        let (changes, clauses) = self.changes();
        let mut command = [
            words(&["YARR.UPDATE", "t", "WHERE"]),
            predicate.words(),
            clauses,
        ]
        .concat();
        let mut by = Vec::new();
        let mut limit = usize::MAX;
        if self.random.one_in(2) {
            by = self.order();
            limit = self.random.below(5);
            command.extend(order_words(&by));
            command.extend(words(&["LIMIT", &limit.to_string()]));
        }
        command.extend(words(&["SCAN"]));
        let mut places = model.matches(&predicate, &by);
        places.truncate(limit);
        self.changed(model, &places, &changes, command)
    }

    fn changed(
        &mut self,
        model: &Model,
        places: &[usize],
        changes: &[Change],
        command: Words,
    ) -> Step {
        let mut after = model.clone();
        let fit = places
            .iter()
            .all(|place| after.change(*place, changes).is_some());
        let mut codes = Vec::new();
        if !fit {
            codes.push("BADVALUE");
            // The rest was not changed here, so whether it would also collide is not known.
            codes.push("DUPLICATE");
        } else if after.has_duplicates() {
            codes.push("DUPLICATE");
        }
        if !codes.is_empty() {
            return Step {
                command,
                answer: Answer::Fails(codes),
                after: model.clone(),
            };
        }
        Step {
            command,
            answer: Answer::Is(Reply::Integer(places.len() as i64)),
            after,
        }
    }

    fn delete(&mut self, model: &Model) -> Step {
        let ids: Vec<i64> = (0..1 + self.random.below(3))
            .map(|_| self.id(model))
            .collect();
        let mut after = model.clone();
        after.records.retain(|record| !ids.contains(&id_of(record)));
        let gone = (model.records.len() - after.records.len()) as i64;
        let (command, answer) = match &ids[..] {
            [id] => (
                words(&["YARR.DEL", "t", &id.to_string()]),
                if gone == 0 {
                    Reply::Null
                } else {
                    Reply::Integer(1)
                },
            ),
            _ => {
                let mut command = words(&["YARR.DEL", "t", "IDS", &ids.len().to_string()]);
                command.extend(ids.iter().map(|id| id.to_string().into_bytes()));
                (command, Reply::Integer(gone))
            }
        };
        Step {
            command,
            answer: Answer::Is(answer),
            after,
        }
    }

    fn delete_where(&mut self, model: &Model) -> Step {
        let (predicate, by, limit) = (self.predicate(2), self.order(), 1 + self.random.below(8));
        let command = [
            words(&["YARR.DEL", "t", "WHERE"]),
            predicate.words(),
            order_words(&by),
            words(&["LIMIT", &limit.to_string(), "SCAN"]),
        ]
        .concat();
        let mut places = model.matches(&predicate, &by);
        places.truncate(limit);
        let mut after = model.clone();
        let mut place = 0;
        after.records.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        Step {
            command,
            answer: Answer::Is(Reply::Integer(places.len() as i64)),
            after,
        }
    }

    fn find(&mut self, model: &Model) -> Step {
        let id = self.id(model);
        let answer = model
            .place(id)
            .map_or(Reply::Null, |place| flat(&model.records[place]));
        Step {
            command: words(&["YARR.FIND", "t", &id.to_string()]),
            answer: Answer::Is(answer),
            after: model.clone(),
        }
    }

    fn query(&mut self, model: &Model) -> Step {
        let predicate = self.whole_predicate();
        let by = if self.random.one_in(4) {
            Vec::new()
        } else {
            self.order()
        };
        let mut command = [
            words(&["YARR.WHERE", "t"]),
            predicate.words(),
            order_words(&by),
        ]
        .concat();
        let mut places = model.matches(&predicate, &by);
        // Without an order, which records a page holds is not said.
        if !by.is_empty() && self.random.one_in(2) {
            let (limit, offset) = (self.random.below(20), self.random.below(6));
            command.extend(words(&[
                "LIMIT",
                &limit.to_string(),
                "OFFSET",
                &offset.to_string(),
            ]));
            places = places.into_iter().skip(offset).take(limit).collect();
        }
        let record = |place: &usize| &model.records[*place];
        let field = self.random.below(FIELDS.len());
        let (form, rows): (Words, Vec<Reply>) = match self.random.below(5) {
            0 => (words(&["COUNT", "SCAN"]), Vec::new()),
            1 => (
                words(&["SCAN", "IDS"]),
                places
                    .iter()
                    .map(|place| bulk(&record(place)[0], 0))
                    .collect(),
            ),
            2 => (
                words(&["SCAN", "PLUCK", FIELDS[field].0]),
                places
                    .iter()
                    .map(|place| bulk(&record(place)[field], field))
                    .collect(),
            ),
            3 => (
                words(&["SCAN", "PLUCK", "id", FIELDS[field].0])
                    .into_iter()
                    .take(if field == 0 { 3 } else { 4 })
                    .collect(),
                places
                    .iter()
                    .map(|place| {
                        if field == 0 {
                            bulk(&record(place)[0], 0)
                        } else {
                            Reply::Array(vec![
                                bulk(&record(place)[0], 0),
                                bulk(&record(place)[field], field),
                            ])
                        }
                    })
                    .collect(),
            ),
            _ => (
                words(&["SCAN"]),
                places.iter().map(|place| flat(record(place))).collect(),
            ),
        };
        let counted = form[0] == b"COUNT";
        command.extend(form);
        let answer = match (counted, by.is_empty()) {
            (true, _) => Answer::Is(Reply::Integer(places.len() as i64)),
            (false, true) => Answer::Rows(rows),
            (false, false) => Answer::Is(Reply::Array(rows)),
        };
        Step {
            command,
            answer,
            after: model.clone(),
        }
    }
}
