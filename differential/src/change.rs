//! UPDATE and DEL at random, and how SQLite does the same.

use rusqlite::{Connection, types::Value as Cell};

use crate::{
    answer::Answer,
    engine::{Words, words},
    predicate::Asker,
    question::{Shape, answers},
    random::Random,
    schema::{Field, Schema},
    sql::{Sql, execute, integers, rows},
    value::{Kind, Value, integer, tag, tags, tags_of},
};

/// What does in SQLite what a command does, told what YARR answered: ids that it made are in there.
/// Answers what YARR should, or the code of the error it should answer.
pub type Mirror = Box<dyn Fn(&Connection, &Schema, Option<&Answer>) -> Result<Answer, String>>;

/// A command that changes the table.
pub struct Change {
    /// The command's name.
    pub command: &'static str,
    /// What follows the table's name.
    pub words: Words,
    /// The same in SQLite.
    pub mirror: Mirror,
}

/// The code of what SQLite refused.
pub fn refusal(error: rusqlite::Error) -> String {
    let text = error.to_string();
    match text.split_once(' ') {
        Some(("NOT", _)) => "NOTNULL".into(),
        Some(("UNIQUE", _)) => "DUPLICATE".into(),
        _ => panic!("SQLite says: {text}"),
    }
}

/// Until when a record lives.
#[derive(Clone, Copy)]
pub enum Expiry {
    In(i64),
    At(i64),
    Persist,
    Keep,
}

impl Expiry {
    /// A clause now and then.
    pub fn random(random: &mut Random, now: i64) -> Option<Expiry> {
        match random.below(10) {
            0 => Some(Expiry::In(random.within(1, 9) * 1000)),
            // In the past now and then.
            1 => Some(Expiry::At(now + 1000 * random.within(-1, 9))),
            2 => Some(Expiry::Persist),
            3 => Some(Expiry::Keep),
            _ => None,
        }
    }

    /// The clause.
    pub fn text(self) -> String {
        match self {
            Expiry::In(ms) => format!("PX {ms}"),
            Expiry::At(ms) => format!("PXAT {ms}"),
            Expiry::Persist => "PERSIST".into(),
            Expiry::Keep => "KEEPTTL".into(),
        }
    }

    /// `expires_at` after a write, in SQL; `before` is what it was.
    pub fn after(clause: Option<Expiry>, ttl: Option<i64>, now: i64, before: &str) -> String {
        match (clause, ttl) {
            (Some(Expiry::In(ms)), _) => (now + ms).to_string(),
            (Some(Expiry::At(ms)), _) => ms.to_string(),
            (Some(Expiry::Persist), _) => "NULL".into(),
            (None, Some(seconds)) => (now + 1000 * seconds).to_string(),
            (Some(Expiry::Keep), _) | (None, None) => before.into(),
        }
    }
}

/// One change of a field.
enum Set {
    To(Value),
    Add(Value),
    With(Vec<Vec<u8>>),
    Without(Vec<Vec<u8>>),
}

/// Which records a command is about.
struct Target {
    words: Words,
    /// Their rows, in order where there is one.
    rows: Sql,
    /// Where one id is named: whether it is there.
    one: Option<Sql>,
    ordered: bool,
}

impl Asker<'_> {
    /// An UPDATE.
    pub fn update(&mut self) -> Option<Change> {
        let given = self.schema.given();
        let most = 1 + self.random.below(3);
        let fields = self.random.some(&given, most);
        if fields.is_empty() {
            return None;
        }
        let mut clauses: Vec<(&str, Words)> = Vec::new();
        let mut say = |clause: &'static str, said: Words| match clauses
            .iter_mut()
            .find(|(name, _)| *name == clause)
        {
            Some((_, words)) => words.extend(said),
            None => clauses.push((clause, said)),
        };
        let mut sets: Vec<(Field, Set)> = Vec::new();
        for field in fields {
            let mut said = vec![field.word(self.random)];
            let (clause, set) = match (self.random.below(4), &field.kind) {
                (0, Kind::Integer | Kind::DateTime | Kind::Float) => {
                    let by = match field.kind {
                        Kind::Float => field.kind.value(self.random, self.now),
                        _ => Value::Integer(integer(self.random)),
                    };
                    said.extend(by.words(self.random));
                    ("INCR", Set::Add(by))
                }
                (0 | 1, Kind::Tags) => {
                    let count = self.random.below(3);
                    let given: Vec<Vec<u8>> = (0..count).map(|_| tag(self.random)).collect();
                    said.push(given.len().to_string().into());
                    said.extend(given.iter().cloned());
                    match self.random.chance(50) {
                        true => ("ADD", Set::With(given)),
                        false => ("REMOVE", Set::Without(given)),
                    }
                }
                (1, _) if !field.not_null || self.random.chance(10) => {
                    ("UNSET", Set::To(Value::Null))
                }
                _ => {
                    let value = field.kind.value(self.random, self.now);
                    said.extend(value.words(self.random));
                    ("SET", Set::To(value))
                }
            };
            say(clause, said);
            sets.push((field, set));
        }
        let expiry = Expiry::random(self.random, self.now);
        let target = self.target();
        let mut said = target.words.clone();
        for (clause, rest) in clauses {
            said.push(clause.into());
            said.extend(rest);
        }
        said.extend(
            expiry
                .map(|expiry| words(&expiry.text()))
                .unwrap_or_default(),
        );
        // What expires at once is answered as it was.
        let returned = self.random.chance(30) && !matches!(expiry, Some(Expiry::At(_)));
        if returned {
            said.extend(words("RETURN *"));
        }
        let now = self.now;
        let mirror = move |sql: &Connection, schema: &Schema, _: Option<&Answer>| {
            let found = integers(sql, &target.rows);
            change_rows(sql, schema, &found, &sets, expiry, now)?;
            Ok(target.answer(sql, schema, &found, returned))
        };
        Some(Change {
            command: "yarr.update",
            words: said,
            mirror: Box::new(mirror),
        })
    }

    /// A DEL.
    pub fn delete(&mut self) -> Change {
        let target = self.target();
        let mut said = target.words.clone();
        let returned = self.random.chance(30);
        if returned {
            said.extend(words("RETURN *"));
        }
        let mirror = move |sql: &Connection, schema: &Schema, _: Option<&Answer>| {
            let found = integers(sql, &target.rows);
            let answer = target.answer(sql, schema, &found, returned);
            for table in ["t", "tag"] {
                let delete = format!("DELETE FROM {table} WHERE r IN ({})", list(&found));
                sql.execute(&delete, []).map_err(refusal)?;
            }
            Ok(answer)
        };
        Change {
            command: "yarr.del",
            words: said,
            mirror: Box::new(mirror),
        }
    }

    fn target(&mut self) -> Target {
        let (predicate, filter) = self.predicate();
        let rows = Sql::of("SELECT r FROM t WHERE ").then(&filter);
        if self.random.chance(60) {
            // Without an order a limit could leave any of them.
            let (order, by) = self.order();
            let mut said = [words("WHERE"), predicate, order].concat();
            let mut rows = rows;
            let ordered = by.is_some();
            if let Some(by) = by {
                rows = rows.say(&format!(" ORDER BY {by}"));
                let limit = *self.random.pick(&[0, 1, 1, 2, 3, 10]);
                said.extend(words(&format!("LIMIT {limit}")));
                rows = rows.say(&format!(" LIMIT {limit}"));
            }
            said.extend(words("SCAN"));
            return Target {
                words: said,
                rows,
                one: None,
                ordered,
            };
        }
        let id = self.schema.fields[0].clone();
        let ids: Vec<Value> = self
            .seen
            .iter()
            .filter(|(name, _)| *name == "id")
            .map(|(_, id)| id.clone())
            .collect();
        let value = match ids.is_empty() || self.random.chance(20) {
            true => self.value(&id),
            false => self.random.pick(&ids).clone(),
        };
        let mut said = value.words(self.random);
        if said[0].eq_ignore_ascii_case(b"WHERE") || said[0].eq_ignore_ascii_case(b"IDS") {
            said = vec!["0".into()];
        }
        let is = Sql::of(" AND \"id\" = ").then(&value.sql());
        let live = format!(
            "SELECT r FROM t WHERE (\"expires_at\" IS NULL OR \"expires_at\" > {})",
            self.now
        );
        let one = Sql::of(live).then(&is);
        let rows = match self.random.chance(50) {
            true => {
                said.push("IF".into());
                said.extend(predicate);
                rows.then(&is)
            }
            false => one.clone(),
        };
        Target {
            words: said,
            rows,
            one: Some(one),
            ordered: true,
        }
    }
}

impl Target {
    /// What YARR answers of these rows as they are now.
    fn answer(&self, sql: &Connection, schema: &Schema, found: &[i64], returned: bool) -> Answer {
        let shape = Shape::Record(schema.visible().to_vec());
        let record = |r: &i64| {
            let select = Sql::of(format!("SELECT {} FROM t WHERE r = {r}", shape.columns()));
            answers(sql, &shape, &select).swap_remove(0)
        };
        match &self.one {
            Some(one) if found.is_empty() => match integers(sql, one).is_empty() {
                true => Answer::Null,
                false => Answer::Count(0),
            },
            Some(_) if returned => record(&found[0]),
            None if returned => {
                let records = found.iter().map(record).collect();
                Answer::List(match self.ordered {
                    true => records,
                    false => crate::answer::sorted(records),
                })
            }
            _ => Answer::Count(found.len() as i64),
        }
    }
}

fn list(rows: &[i64]) -> String {
    let rows: Vec<String> = rows.iter().map(i64::to_string).collect();
    rows.join(", ")
}

fn change_rows(
    sql: &Connection,
    schema: &Schema,
    found: &[i64],
    sets: &[(Field, Set)],
    expiry: Option<Expiry>,
    now: i64,
) -> Result<(), String> {
    let mut assigned = Vec::new();
    if schema.timestamps {
        assigned.push(Sql::of(format!("\"updated_at\" = {now}")));
    }
    let expires = Expiry::after(expiry, schema.ttl, now, "\"expires_at\"");
    assigned.push(Sql::of(format!("\"expires_at\" = {expires}")));
    for (field, set) in sets {
        let column = field.column();
        match set {
            Set::To(value) => assigned.push(Sql::of(format!("{column} = ")).then(&value.sql())),
            Set::Add(by) => {
                let zero = if field.kind == Kind::Float {
                    "0.0"
                } else {
                    "0"
                };
                let sum = Sql::of(format!("{column} = ifnull({column}, {zero}) + "));
                assigned.push(sum.then(&by.sql()));
            }
            Set::With(given) => change_tags(sql, &column, found, given, true)?,
            Set::Without(given) => change_tags(sql, &column, found, given, false)?,
        }
    }
    let update = Sql::of("UPDATE t SET ").then(&Sql::join(&assigned, ", "));
    execute(sql, &update.say(&format!(" WHERE r IN ({})", list(found)))).map_err(refusal)?;
    for (field, _) in sets.iter().filter(|(_, set)| matches!(set, Set::Add(_))) {
        // SQLite goes on with a float where an integer overflows.
        let beyond = match field.kind {
            Kind::Float => {
                Sql::of(format!("abs({}) > ", field.column())).then(&Value::Float(f64::MAX).sql())
            }
            _ => Sql::of(format!("typeof({}) = 'real'", field.column())),
        };
        if integers(sql, &Sql::of("SELECT count(*) FROM t WHERE ").then(&beyond)) != [0] {
            return Err("BADVALUE".into());
        }
    }
    sync_tags(sql, schema, found);
    Ok(())
}

fn change_tags(
    sql: &Connection,
    column: &str,
    found: &[i64],
    given: &[Vec<u8>],
    add: bool,
) -> Result<(), String> {
    for r in found {
        let before = Sql::of(format!("SELECT {column} FROM t WHERE r = {r}"));
        let before = match &rows(sql, &before).map_err(refusal)?[0][0] {
            Cell::Blob(blob) => Some(tags_of(blob)),
            _ => None,
        };
        let after = match (before, add) {
            (before, true) => tags([before.unwrap_or_default(), given.to_vec()].concat()),
            (Some(before), false) => tags(
                before
                    .into_iter()
                    .filter(|tag| !given.contains(tag))
                    .collect(),
            ),
            (None, false) => Value::Null,
        };
        let update = Sql::of(format!("UPDATE t SET {column} = ")).then(&after.sql());
        execute(sql, &update.say(&format!(" WHERE r = {r}"))).map_err(refusal)?;
    }
    Ok(())
}

/// Has the rows of `tag` say what the sets of these rows do.
pub fn sync_tags(sql: &Connection, schema: &Schema, found: &[i64]) {
    for field in schema
        .fields
        .iter()
        .filter(|field| field.kind == Kind::Tags)
    {
        let which = format!("r IN ({})", list(found));
        let delete = format!("DELETE FROM tag WHERE f = '{}' AND {which}", field.name);
        sql.execute(&delete, []).expect("tags go");
        let sets = Sql::of(format!("SELECT r, {} FROM t WHERE {which}", field.column()));
        for row in rows(sql, &sets).expect("the sets") {
            let (Cell::Integer(r), Cell::Blob(blob)) = (&row[0], &row[1]) else {
                continue;
            };
            for tag in tags_of(blob) {
                sql.execute("INSERT INTO tag VALUES (?, ?, ?)", (r, field.name, tag))
                    .expect("a tag");
            }
        }
    }
}

/// Removes what has expired; the clock never goes back.
pub fn purge(sql: &Connection, now: i64) {
    let gone = format!("r IN (SELECT r FROM t WHERE \"expires_at\" <= {now})");
    for table in ["tag", "t"] {
        let delete = format!("DELETE FROM {table} WHERE {gone}");
        sql.execute(&delete, []).expect("the expired go");
    }
}
