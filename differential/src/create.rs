//! CREATE at random, with and without ON CONFLICT, and what SQLite's INSERT makes of it.

use rusqlite::Connection;

use crate::{
    answer::Answer,
    change::{Change, Expiry, purge, refusal, sync_tags},
    engine::{Words, words},
    predicate::Asker,
    schema::{Field, Schema},
    sql::{Sql, integers, rows},
    value::{Kind, Value},
};

/// Stands for null in VALUES.
const NULL: &[u8] = b"\x01null";

/// What a conflict leads to.
#[derive(Clone, Copy, PartialEq)]
enum Resolution {
    Ignore,
    Keep,
    Update,
}

/// A CREATE of many records.
struct Create {
    fields: Vec<Field>,
    rows: Vec<Vec<Value>>,
    conflict: Option<(Vec<&'static str>, Resolution)>,
    expiry: Option<Expiry>,
    now: i64,
}

impl Asker<'_> {
    /// A CREATE of so many records.
    pub fn create(&mut self, count: usize) -> Change {
        let conflict = self.random.chance(35).then(|| {
            let fields = self.random.pick(&self.schema.unique()).clone();
            let ways = [Resolution::Ignore, Resolution::Keep, Resolution::Update];
            (fields, *self.random.pick(&ways))
        });
        // SQLite refuses a null before it looks for a conflict.
        let careless = conflict.is_none() && self.random.chance(5);
        let mut fields = self.schema.given();
        fields.retain(|field| {
            let needed = field.not_null && field.default == Value::Null && !careless;
            needed || self.random.chance(75)
        });
        let id = self.schema.fields[0].clone();
        if id.kind == Kind::String || fields.is_empty() || self.random.chance(60) {
            let place = self.random.below(fields.len() + 1);
            fields.insert(place, id);
        }
        let row = |asker: &mut Self| -> Vec<Value> {
            let values = fields.iter().map(|field| {
                let null = !field.not_null || careless && field.name != "id";
                match null && asker.random.chance(20) {
                    true => Value::Null,
                    false => asker.value(field),
                }
            });
            values.collect()
        };
        let rows: Vec<Vec<Value>> = (0..count).map(|_| row(self)).collect();
        let expiry = Expiry::random(self.random, self.now);
        let mut said = Words::new();
        if let Some((names, resolution)) = &conflict {
            said.extend(words("ON CONFLICT"));
            said.extend(names.iter().map(|name| format!("@{name}").into_bytes()));
            said.push(match resolution {
                Resolution::Ignore => "IGNORE".into(),
                Resolution::Keep => "KEEP".into(),
                Resolution::Update => "UPDATE".into(),
            });
        }
        if let Some(expiry) = expiry {
            said.extend(words(&expiry.text()));
        }
        said.extend([b"NULL".to_vec(), NULL.to_vec()]);
        said.extend([b"FIELDS".to_vec(), fields.len().to_string().into()]);
        said.extend(fields.iter().map(|field| field.name.into()));
        said.push("VALUES".into());
        for value in rows.iter().flatten() {
            match value {
                Value::Null => said.push(NULL.to_vec()),
                value => said.extend(value.words(self.random)),
            }
        }
        let create = Create {
            fields,
            rows,
            conflict,
            expiry,
            now: self.now,
        };
        Change {
            command: "yarr.create",
            words: said,
            mirror: Box::new(move |sql, schema, ours| create.mirror(sql, schema, ours)),
        }
    }

    /// A value for a record; ids come again.
    pub fn value(&mut self, field: &Field) -> Value {
        match (field.name, &field.kind) {
            ("id", Kind::Integer) => match self.random.chance(95) {
                true => Value::Integer(self.random.within(-10, 90)),
                // The last ones would leave none for the server to give.
                false => Value::Integer(self.random.bits() as i64 >> 1),
            },
            _ => field.kind.value(self.random, self.now),
        }
    }
}

impl Create {
    /// Does the same in SQLite. Ids that the server made are taken from its answer.
    fn mirror(
        &self,
        sql: &Connection,
        schema: &Schema,
        ours: Option<&Answer>,
    ) -> Result<Answer, String> {
        if let Some((names, _)) = &self.conflict {
            let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let index = format!("CREATE UNIQUE INDEX arbiter ON t ({})", columns.join(", "));
            sql.execute(&index, []).map_err(refusal)?;
        }
        let made = ours.map(|answer| answer.clone().list()).unwrap_or_default();
        let mut answers = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let made = match made.get(at) {
                Some(Answer::Number(id)) => Sql::of(id.to_string()),
                Some(Answer::Bytes(text)) => {
                    let text = String::from_utf8_lossy(text).replace('-', "");
                    Sql::of(format!("x'{text}'"))
                }
                // Refused or ignored: an id that is in nobody's way.
                _ if schema.fields[0].kind == Kind::Integer => {
                    Sql::of((i64::MIN + at as i64).to_string())
                }
                _ => Sql::of(format!("x'{}{at:04x}'", "fe".repeat(14))),
            };
            // What expires at once is in nobody's way, not even in that of the next row.
            purge(sql, self.now);
            answers.push(self.mirror_row(sql, schema, row, made)?);
        }
        if self.conflict.is_some() {
            sql.execute("DROP INDEX arbiter", []).map_err(refusal)?;
        }
        Ok(Answer::List(answers))
    }

    fn mirror_row(
        &self,
        sql: &Connection,
        schema: &Schema,
        row: &[Value],
        made: Sql,
    ) -> Result<Answer, String> {
        let mut columns: Vec<(String, Sql)> = self
            .fields
            .iter()
            .zip(row)
            .map(|(field, value)| (field.column(), value.sql()))
            .collect();
        if self.fields.iter().all(|field| field.name != "id") {
            columns.push(("\"id\"".into(), made));
        }
        let now = Sql::of(self.now.to_string());
        if schema.timestamps {
            columns.push(("\"created_at\"".into(), now.clone()));
            columns.push(("\"updated_at\"".into(), now));
        }
        let expires = Expiry::after(self.expiry, schema.ttl, self.now, "NULL");
        columns.push(("\"expires_at\"".into(), Sql::of(expires)));
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<Sql> = columns.iter().map(|(_, sql)| sql.clone()).collect();
        let mut insert = Sql::of(format!("INSERT INTO t ({}) VALUES (", names.join(", ")))
            .then(&Sql::join(&values, ", "))
            .say(")");
        if let Some((names, resolution)) = &self.conflict {
            let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            insert = insert.say(&format!(" ON CONFLICT ({}) DO ", columns.join(", ")));
            insert = match resolution {
                Resolution::Update => insert.say(&self.update(schema)),
                _ => insert.say("NOTHING"),
            };
        }
        let insert = insert.say(" RETURNING r, \"id\"");
        let id = &schema.fields[0].kind;
        let found = rows(sql, &insert).map_err(refusal)?;
        if let Some(row) = found.first() {
            let rusqlite::types::Value::Integer(r) = row[0] else {
                unreachable!()
            };
            // An id is refused at once, other fields are judged in the end.
            let twins = "SELECT count(*) FROM t WHERE \"id\" = (SELECT \"id\" FROM t WHERE r = ";
            if integers(sql, &Sql::of(format!("{twins}{r})"))) != [1] {
                return Err("DUPLICATE".into());
            }
            sync_tags(sql, schema, &[r]);
            return Ok(id.answer(&row[1]));
        }
        match &self.conflict {
            Some((names, Resolution::Keep)) => {
                let equal: Vec<Sql> = names
                    .iter()
                    .map(|name| {
                        let name = format!("\"{name}\"");
                        let given = columns.iter().find(|(column, _)| *column == name);
                        // What is not given is the default, which SQLite knows.
                        let value = given.map_or_else(
                            || schema.field(name.trim_matches('"')).default.sql(),
                            |(_, value)| value.clone(),
                        );
                        Sql::of(format!("{name} = ")).then(&value)
                    })
                    .collect();
                let kept = Sql::of("SELECT \"id\" FROM t WHERE ").then(&Sql::join(&equal, " AND "));
                let kept = rows(sql, &kept).map_err(refusal)?;
                Ok(id.answer(&kept[0][0]))
            }
            _ => Ok(Answer::Null),
        }
    }

    fn update(&self, schema: &Schema) -> String {
        let given = self.fields.iter().filter(|field| field.name != "id");
        let mut sets: Vec<String> = given
            .map(|field| format!("{0} = excluded.{0}", field.column()))
            .collect();
        if schema.timestamps {
            sets.push(format!("\"updated_at\" = {}", self.now));
        }
        let expires = Expiry::after(self.expiry, schema.ttl, self.now, "\"expires_at\"");
        sets.push(format!("\"expires_at\" = {expires}"));
        format!("UPDATE SET {}", sets.join(", "))
    }
}

/// How many records two share what none may share.
pub fn duplicates(sql: &Connection, schema: &Schema) -> bool {
    schema.unique().iter().any(|names| {
        let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let known: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} IS NOT NULL"))
            .collect();
        let twice = Sql::of(format!(
            "SELECT count(*) FROM t WHERE {} GROUP BY {} HAVING count(*) > 1",
            known.join(" AND "),
            columns.join(", ")
        ));
        !integers(sql, &twice).is_empty()
    })
}
