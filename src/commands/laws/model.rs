//! What a table must be after migrations and writes: plain lists, told apart from the engine by working on text alone.

use std::collections::{BTreeMap, BTreeSet};

pub const UUID: &str = "00000000-0000-0000-0000-000000000001";

/// An index: its fields, and the word behind them (`UNIQUE`, `BITMAP` or none).
pub type Index = (Vec<String>, &'static str);
/// The texts of a record's values by the names of their fields; nulls are left out.
pub type Record = BTreeMap<String, String>;

/// A field: `kind` is its type as written, ENUM with its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: String,
    pub not_null: bool,
    pub default: Option<String>,
    /// What records older than the field have.
    pub initial: Option<String>,
    /// The records with a value that the field's type has not, and the value, which a name that is added
    /// may still be; none where the type has changed once more since.
    pub lost: Vec<(String, Option<String>)>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The field, the word of its index (`INDEX`, `UNIQUE` or `BITMAP`), and its place where it was there before.
    Add(Field, Option<&'static str>, Option<usize>),
    Remove(String),
    Rename(String, String),
    Default(String, Option<String>),
    NotNull(String, bool),
    Type(String, String),
    EnumValue(String, String),
    AddIndex(Index),
    RemoveIndex(Index),
    /// Seconds, and whether all records are given it.
    Ttl(Option<i64>, bool),
    Timestamps(bool),
    Changes(bool),
    Id(&'static str),
    /// Sets a field of every record.
    Update(String, String),
}

/// Fields, indexes and records.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub id: &'static str,
    pub timestamps: bool,
    pub changes: bool,
    pub ttl: Option<i64>,
    pub fields: Vec<Field>,
    pub indexes: Vec<Index>,
    pub records: BTreeMap<String, Record>,
}

/// Why an operation is refused: the code of the error.
pub type Refused = &'static str;

/// The words of a value where one stands: a set of tags is written as their number and the tags.
pub fn words(kind: &str, text: &str) -> String {
    match kind {
        "TAGS" => {
            let tags: Vec<&str> = text.split_whitespace().collect();
            format!("{} {}", tags.len(), tags.join(" "))
                .trim_end()
                .to_string()
        }
        _ => text.to_string(),
    }
}

/// The names of an ENUM.
pub fn names(kind: &str) -> Vec<&str> {
    let inside = kind
        .strip_prefix("ENUM ( ")
        .and_then(|rest| rest.strip_suffix(" )"));
    inside.map_or(Vec::new(), |inside| inside.split(' ').collect())
}

fn is_possible(from: &str, to: &str) -> bool {
    let class = |kind: &str| kind.split(' ').next().unwrap_or_default().to_string();
    let (from, to) = (class(from), class(to));
    let numbers = ["INTEGER", "FLOAT", "DATETIME"];
    let both = |a: &str, b: &str| (from == a && to == b) || (from == b && to == a);
    match from == "TAGS" || to == "TAGS" {
        true => from == to,
        false => {
            from == to
                || from == "STRING"
                || to == "STRING"
                || (numbers.contains(&from.as_str()) && numbers.contains(&to.as_str()))
                || both("INTEGER", "BOOLEAN")
        }
    }
}

/// A value in another type, as a reply shows it.
pub fn convert(text: &str, from: &str, to: &str) -> Option<String> {
    if from == to || to == "STRING" {
        return Some(text.to_string());
    }
    let kept = |kept: bool| kept.then(|| text.to_string());
    match to {
        "INTEGER" if from == "BOOLEAN" => Some(if text == "true" { "1" } else { "0" }.into()),
        "INTEGER" | "DATETIME" => kept(text.parse::<i64>().is_ok()),
        "FLOAT" => kept(text.parse::<f64>().is_ok()),
        "BOOLEAN" => match text {
            "0" | "false" => Some("false".into()),
            "1" | "true" => Some("true".into()),
            _ => None,
        },
        "UUID" => kept(text.starts_with("00000000-")),
        kind => kept(names(kind).contains(&text)),
    }
}

impl Model {
    pub fn new() -> Model {
        Model {
            id: "INTEGER",
            timestamps: true,
            changes: false,
            ttl: None,
            fields: Vec::new(),
            indexes: Vec::new(),
            records: BTreeMap::new(),
        }
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn place(&self, name: &str) -> Result<usize, Refused> {
        let own = ["id", "created_at", "updated_at", "expires_at"];
        match self.fields.iter().position(|field| field.name == name) {
            Some(place) => Ok(place),
            None if own.contains(&name) && self.exists(name) => Err("BADVALUE"),
            None => Err("NOFIELD"),
        }
    }

    fn exists(&self, name: &str) -> bool {
        match name {
            "id" | "expires_at" => true,
            "created_at" | "updated_at" => self.timestamps,
            _ => self.field(name).is_some(),
        }
    }

    /// The place of a field among all.
    fn position(&self, name: &str) -> usize {
        let place = self.fields.iter().position(|field| field.name == name);
        match name {
            "id" => 0,
            "created_at" => 1 + self.fields.len(),
            "updated_at" => 2 + self.fields.len(),
            "expires_at" => 3 + self.fields.len(),
            _ => 1 + place.unwrap_or(usize::MAX - 1),
        }
    }

    fn unindexed(&self, name: &str) -> Result<(), Refused> {
        let has = |index: &Index| index.0.iter().any(|field| field == name);
        match self.indexes.iter().any(has) {
            true => Err("BADVALUE"),
            false => Ok(()),
        }
    }

    /// No two records have the same values in a unique index, nulls apart.
    pub fn is_unique(&self) -> bool {
        let unique = self.indexes.iter().filter(|index| index.1 == "UNIQUE");
        let mut unique = unique.map(|(fields, _)| {
            let mut met = BTreeSet::new();
            let keys = self.records.iter().filter_map(|(id, record)| {
                let value = |name: &String| match name.as_str() {
                    "id" => Some(id.clone()),
                    _ => record.get(name).cloned(),
                };
                fields.iter().map(value).collect::<Option<Vec<_>>>()
            });
            keys.into_iter().all(|key| met.insert(key))
        });
        unique.all(|holds| holds)
    }

    /// Whether no record has a null where none may be.
    pub fn is_filled(&self) -> bool {
        let mut fields = self.fields.iter().filter(|field| field.not_null);
        fields.all(|field| self.records.values().all(|r| r.contains_key(&field.name)))
    }

    /// Applies operations at `now`; `drop_data` permits that values go.
    pub fn apply(&mut self, ops: &[Op], now: i64, drop_data: bool) -> Result<(), Refused> {
        let mut after = self.clone();
        for op in ops {
            after.step(op, now, drop_data)?;
        }
        if after.fields.iter().any(|field| !field.lost.is_empty()) {
            return Err("BADVALUE");
        }
        if !after.is_filled() {
            return Err("NOTNULL");
        }
        if !after.is_unique() {
            return Err("DUPLICATE");
        }
        *self = after;
        Ok(())
    }

    fn step(&mut self, op: &Op, now: i64, drop_data: bool) -> Result<(), Refused> {
        let empty = self.records.is_empty();
        let may_drop = if empty || drop_data {
            Ok(())
        } else {
            Err("BADVALUE")
        };
        match op {
            Op::Add(field, shape, place) => {
                if self.exists(&field.name) {
                    return Err("DUPLICATE");
                }
                if field.not_null && field.default.is_none() && !empty {
                    return Err("NOTNULL");
                }
                for record in self.records.values_mut() {
                    record.extend(field.default.clone().map(|text| (field.name.clone(), text)));
                }
                let mut field = field.clone();
                (field.initial, field.lost) = (field.default.clone(), Vec::new());
                let name = field.name.clone();
                let place = place.unwrap_or(self.fields.len()).min(self.fields.len());
                self.fields.insert(place, field);
                if let Some(shape) = shape {
                    let shape = if *shape == "INDEX" { "" } else { *shape };
                    self.add_index((vec![name], shape))?;
                }
            }
            Op::Remove(name) => {
                let place = self.place(name)?;
                self.unindexed(name)?;
                may_drop?;
                self.fields.remove(place);
                self.records.values_mut().for_each(|r| drop(r.remove(name)));
            }
            Op::Rename(from, to) => {
                let place = self.place(from)?;
                if self.exists(to) {
                    return Err("DUPLICATE");
                }
                self.fields[place].name = to.clone();
                let named = self.indexes.iter_mut().flat_map(|index| &mut index.0);
                named
                    .filter(|name| *name == from)
                    .for_each(|name| *name = to.clone());
                for record in self.records.values_mut() {
                    let value = record.remove(from);
                    record.extend(value.map(|value| (to.clone(), value)));
                }
            }
            Op::Default(name, default) => {
                let place = self.place(name)?;
                self.fields[place].default = default.clone();
            }
            Op::NotNull(name, not_null) => {
                let place = self.place(name)?;
                self.fields[place].not_null = *not_null;
            }
            Op::Type(name, kind) => self.set_type(name, kind)?,
            Op::EnumValue(name, value) => {
                let place = self.place(name)?;
                let field = &mut self.fields[place];
                let kind = &mut field.kind;
                if names(kind).is_empty() {
                    return Err("BADVALUE");
                }
                if names(kind).contains(&value.as_str()) {
                    return Err("DUPLICATE");
                }
                *kind = kind.replace(" )", &format!(" {value} )"));
                // What a migration loses is judged by where it leads.
                for (id, text) in std::mem::take(&mut field.lost) {
                    match (text == Some(value.clone()), self.records.get_mut(&id)) {
                        (true, Some(record)) => drop(record.insert(name.clone(), value.clone())),
                        _ => field.lost.push((id, text)),
                    }
                }
            }
            Op::AddIndex(index) => self.add_index(index.clone())?,
            Op::RemoveIndex((fields, shape)) => {
                if !fields.iter().all(|field| self.exists(field)) {
                    return Err("NOFIELD");
                }
                let bitmap = *shape == "BITMAP";
                let same = |i: &Index| i.0 == *fields && (i.1 == "BITMAP") == bitmap;
                let place = self.indexes.iter().position(same).ok_or("NOINDEX")?;
                self.indexes.remove(place);
            }
            Op::Ttl(ttl, active) => {
                self.ttl = *ttl;
                if *active {
                    for record in self.records.values_mut() {
                        record.remove("expires_at");
                        let at =
                            ttl.map(|ttl| ("expires_at".into(), (now + ttl * 1000).to_string()));
                        record.extend(at);
                    }
                }
            }
            Op::Timestamps(on) => {
                if self.timestamps && !on {
                    self.unindexed("created_at")?;
                    self.unindexed("updated_at")?;
                    may_drop?;
                }
                self.timestamps = *on;
            }
            Op::Changes(on) => self.changes = *on,
            Op::Id(_) if !empty => return Err("BADVALUE"),
            Op::Id(id) if self.changes && self.id != *id => return Err("BADVALUE"),
            Op::Id(id) => self.id = id,
            Op::Update(name, text) => {
                let place = self.place(name)?;
                let name = self.fields[place].name.clone();
                for record in self.records.values_mut() {
                    record.insert(name.clone(), text.clone());
                }
            }
        }
        Ok(())
    }

    fn set_type(&mut self, name: &str, kind: &str) -> Result<(), Refused> {
        let place = self.place(name)?;
        let field = &mut self.fields[place];
        let before = std::mem::replace(&mut field.kind, kind.to_string());
        if before == kind {
            return Ok(());
        }
        if !is_possible(&before, kind) {
            return Err("BADVALUE");
        }
        let to = |text: &String| convert(text, &before, kind).ok_or("BADVALUE");
        field.default = field.default.as_ref().map(to).transpose()?;
        field.initial = field.initial.as_ref().map(to).transpose()?;
        field.lost.iter_mut().for_each(|(_, text)| *text = None);
        for (id, record) in &mut self.records {
            if let Some(value) = record.remove(name) {
                match to(&value) {
                    Ok(value) => drop(record.insert(name.to_string(), value)),
                    Err(_) => field.lost.push((id.clone(), Some(value))),
                }
            }
        }
        Ok(())
    }

    fn add_index(&mut self, (fields, shape): Index) -> Result<(), Refused> {
        if !fields.iter().all(|field| self.exists(field)) {
            return Err("NOFIELD");
        }
        let bitmap = shape == "BITMAP";
        let same = |i: &Index| i.0 == fields && (i.1 == "BITMAP") == bitmap;
        if self.indexes.iter().any(same) {
            return Err("DUPLICATE");
        }
        let tags = |name: &String| self.field(name).is_some_and(|field| field.kind == "TAGS");
        if fields == ["id"] || (fields.iter().any(tags) && !bitmap) {
            return Err("BADVALUE");
        }
        self.indexes.push((fields, shape));
        Ok(())
    }

    /// What undoes an operation that is about to be applied; `None` where nothing does.
    pub fn undo(&self, op: &Op) -> Option<Vec<Op>> {
        let field = |name: &String| self.field(name).cloned();
        Some(match op {
            Op::Add(field, shape, _) => {
                let name = field.name.clone();
                let index = shape.map(|shape| Op::RemoveIndex((vec![name.clone()], shape)));
                index.into_iter().chain([Op::Remove(name)]).collect()
            }
            Op::Remove(name) => {
                let place = self.fields.iter().position(|field| field.name == *name)?;
                vec![Op::Add(field(name)?, None, Some(place))]
            }
            Op::Rename(from, to) => vec![Op::Rename(to.clone(), from.clone())],
            Op::Default(name, _) => vec![Op::Default(name.clone(), field(name)?.default)],
            Op::NotNull(name, _) => vec![Op::NotNull(name.clone(), field(name)?.not_null)],
            Op::Type(name, kind) => {
                let Field {
                    kind: before,
                    default,
                    ..
                } = field(name)?;
                let back = |text: &String| convert(&convert(text, &before, kind)?, kind, &before);
                let same = default
                    .as_ref()
                    .is_none_or(|text| back(text).as_ref() == Some(text));
                let default = (!same).then(|| Op::Default(name.clone(), default.clone()));
                [Op::Type(name.clone(), before)]
                    .into_iter()
                    .chain(default)
                    .collect()
            }
            Op::EnumValue(..) | Op::Update(..) => return None,
            Op::AddIndex(index) => vec![Op::RemoveIndex(index.clone())],
            Op::RemoveIndex((fields, shape)) => {
                let bitmap = *shape == "BITMAP";
                let same = |i: &&Index| i.0 == *fields && (i.1 == "BITMAP") == bitmap;
                vec![Op::AddIndex(self.indexes.iter().find(same)?.clone())]
            }
            Op::Ttl(..) => vec![Op::Ttl(self.ttl, false)],
            Op::Timestamps(_) => vec![Op::Timestamps(self.timestamps)],
            Op::Changes(_) => vec![Op::Changes(self.changes)],
            Op::Id(_) => vec![Op::Id(self.id)],
        })
    }

    /// Whether an operation leaves all values there are, and the way down each as it was: a text in another type is
    /// read as that type reads it, and comes back as it writes it.
    pub fn keeps(&self, op: &Op) -> bool {
        match op {
            Op::Remove(_) | Op::Timestamps(_) | Op::Ttl(_, true) | Op::Update(..) => false,
            Op::Type(..) => self.fields.iter().all(|field| field.kind != "STRING"),
            _ => true,
        }
    }

    /// What undoes all of them, the last first.
    pub fn undo_all(&self, ops: &[Op], now: i64) -> Option<Vec<Op>> {
        let (mut model, mut down) = (self.clone(), Vec::new());
        for op in ops {
            let mut undone = model.undo(op)?;
            undone.append(&mut down);
            down = undone;
            model.step(op, now, true).ok()?;
        }
        Some(down)
    }

    /// The lines that SCHEMA answers.
    pub fn schema(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.id != "INTEGER" {
            lines.push(format!("ID {}", self.id));
        }
        if !self.timestamps {
            lines.push("TIMESTAMPS OFF".into());
        }
        if self.changes {
            lines.push("CHANGES ON".into());
        }
        lines.extend(
            self.fields
                .iter()
                .map(|field| Op::Add(field.clone(), None, None).text(self)),
        );
        let mut indexes = self.indexes.clone();
        indexes.sort_by_key(|(fields, shape)| {
            let places: Vec<usize> = fields.iter().map(|name| self.position(name)).collect();
            (places, *shape == "BITMAP")
        });
        let index = |index: Index| Op::AddIndex(index).text(self);
        lines.extend(indexes.into_iter().map(index));
        lines.extend(self.ttl.map(|ttl| Op::Ttl(Some(ttl), false).text(self)));
        lines
    }
}

impl Op {
    /// The operation as it is written, for a table that is about to be changed by it.
    pub fn text(&self, model: &Model) -> String {
        let on = |(fields, shape): &Index| {
            let names = fields.iter().map(|name| match name.as_str() {
                "id" => "@id".into(),
                name => name.to_string(),
            });
            format!("{} {shape}", names.collect::<Vec<_>>().join(" "))
        };
        let kind_of = |name: &String| model.field(name).map_or("", |field| &*field.kind);
        let seconds = |ttl: &Option<i64>| ttl.map_or("NONE".into(), |ttl| ttl.to_string());
        let text = match self {
            Op::Add(field, shape, _) => {
                let not_null = if field.not_null { " NOT NULL" } else { "" };
                let shape = shape.map_or(String::new(), |shape| format!(" {shape}"));
                let default = field.default.as_ref();
                let default = default.map(|text| format!(" DEFAULT {}", words(&field.kind, text)));
                let default = default.unwrap_or_default();
                format!(
                    "ADD FIELD {} {}{not_null}{shape}{default}",
                    field.name, field.kind
                )
            }
            Op::Remove(name) => format!("REMOVE FIELD {name}"),
            Op::Rename(from, to) => format!("RENAME FIELD {from} TO {to}"),
            Op::Default(name, None) => format!("SET FIELD {name} NO DEFAULT"),
            Op::Default(name, Some(text)) => {
                format!("SET FIELD {name} DEFAULT {}", words(kind_of(name), text))
            }
            Op::NotNull(name, true) => format!("SET FIELD {name} NOT NULL"),
            Op::NotNull(name, false) => format!("SET FIELD {name} NULL"),
            Op::Type(name, kind) => format!("SET FIELD {name} TYPE {kind}"),
            Op::EnumValue(name, value) => format!("ADD ENUM VALUE {name} {value}"),
            Op::AddIndex(index) => format!("ADD INDEX {}", on(index)),
            Op::RemoveIndex((fields, shape)) => {
                let shape = if *shape == "BITMAP" { "BITMAP" } else { "" };
                format!("REMOVE INDEX {}", on(&(fields.clone(), shape)))
            }
            Op::Ttl(ttl, true) => format!("SET TTL {} ACTIVE", seconds(ttl)),
            Op::Ttl(ttl, false) => format!("SET TTL {} PASSIVE", seconds(ttl)),
            Op::Timestamps(true) => "TIMESTAMPS ON".into(),
            Op::Timestamps(false) => "TIMESTAMPS OFF".into(),
            Op::Changes(true) => "CHANGES ON".into(),
            Op::Changes(false) => "CHANGES OFF".into(),
            Op::Id(id) => format!("ID {id}"),
            Op::Update(name, text) => {
                format!("UPDATE * SET {name} {}", words(kind_of(name), text))
            }
        };
        text.trim_end().to_string()
    }
}
