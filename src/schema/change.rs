//! Migrations as pure functions from schema to schema.

use super::{
    CHANGE_NUMBER, CREATED_AT, DefaultValue, EXPIRES_AT, Field, FieldChange, IndexDefinition,
    IndexShape, MAX_FIELDS, MAX_INDEXES, Method, Operation, Origin, Schema, UPDATED_AT,
    grammar::MAX_ENUM_NAMES,
};
use crate::{
    error::{Code, Error, Result, quoted},
    value::{
        Type, Value,
        convert::{convert, is_possible},
    },
};

/// What a change of schema must know of its table.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Whether the table has no records.
    pub empty: bool,
    /// Whether the caller accepts that values are discarded.
    pub drop_data: bool,
    /// The command's clock, in milliseconds since 1970 UTC.
    pub now: i64,
}

impl Facts {
    /// `what` would discard values: allowed where there are none, or where the caller said so.
    fn allow_drop(&self, what: &str) -> Result<()> {
        match self.empty || self.drop_data {
            true => Ok(()),
            false => Err(Error::new(
                Code::BadValue,
                format!(
                    "{what} discards values of the table's records; say DROP DATA to accept that"
                ),
            )),
        }
    }
}

impl Schema {
    /// The schema after one operation.
    ///
    /// # Errors
    /// A field or index that is there already, or is not; a limit; values that would be lost
    /// without DROP DATA; a constraint that records in the table could not meet.
    pub fn change(&self, operation: &Operation, facts: &Facts) -> Result<Schema> {
        let mut schema = self.clone();
        match operation {
            Operation::AddField { .. } => schema.add_field(operation, facts)?,
            Operation::RemoveField { name } => schema.remove_field(name, facts)?,
            Operation::RenameField { from, to } => schema.rename_field(from, to)?,
            Operation::SetField { name, change } => schema.set_field(name, change)?,
            Operation::AddEnumValue { field, value } => schema.add_enum_value(field, value)?,
            Operation::AddIndex { fields, shape } => schema.add_index(fields, *shape)?,
            Operation::RemoveIndex { fields, method } => schema.remove_index(fields, *method)?,
            Operation::SetTtl { ttl } => schema.ttl = *ttl,
            Operation::SetTtlActive { ttl } => schema.set_ttl_active(*ttl, facts)?,
            Operation::Update { .. } => {}
            Operation::Id(id) => {
                if !facts.empty {
                    return Err(Error::bad_value(
                        "ID changes only on an empty table; delete its records first",
                    ));
                }
                if self.changes && self.id != *id {
                    return Err(Error::bad_value(
                        "ID cannot change while the table's feed tells of former ids; first CHANGES OFF",
                    ));
                }
                schema.id = *id;
                if let Some(field) = schema.fields.first_mut() {
                    field.kind = id.kind();
                }
            }
            Operation::Timestamps(on) => schema.set_timestamps(*on, facts)?,
            Operation::Changes(true) if !self.changes => schema.begin_feed()?,
            Operation::Changes(false) if self.changes => schema.end_feed()?,
            Operation::Changes(_) => {}
        }
        Ok(schema)
    }

    fn add_field(&mut self, operation: &Operation, facts: &Facts) -> Result<()> {
        let Operation::AddField {
            name,
            kind,
            not_null,
            default,
            index,
            position,
        } = operation
        else {
            return Ok(());
        };
        self.must_be_free(name)?;
        if self.added().len() >= MAX_FIELDS {
            return Err(Error::new(
                Code::TooMany,
                format!("a table has at most {MAX_FIELDS} fields of its user"),
            ));
        }
        if *not_null && default.is_none() && !facts.empty {
            return Err(Error::new(
                Code::NotNull,
                format!("field '{name}' is NOT NULL and the table has records: give it a DEFAULT"),
            ));
        }
        let initial = default.as_ref();
        let initial = initial.map_or(Value::Null, |d| d.at(facts.now).to_value());
        let field = Field {
            number: self.take_field_number(),
            name: name.clone(),
            kind: kind.clone(),
            not_null: *not_null,
            default: default.clone(),
            initial,
        };
        let added = self.added();
        let position = position.map_or(added.end, |p| p.clamp(added.start, added.end));
        self.fields.insert(position, field);
        match index {
            Some(shape) => self.add_index(std::slice::from_ref(name), *shape),
            None => Ok(()),
        }
    }

    fn must_be_free(&self, name: &str) -> Result<()> {
        match self.position(name.as_bytes()) {
            Ok(_) => Err(Error::new(
                Code::Duplicate,
                format!("there is a field '{name}' already"),
            )),
            Err(_) => Ok(()),
        }
    }

    /// No index may have the field.
    fn must_be_unindexed(&self, position: usize) -> Result<()> {
        let field = self.field(position)?;
        let holder = self
            .indexes
            .iter()
            .find(|index| index.fields.contains(&field.number));
        match holder {
            None => Ok(()),
            Some(index) => Err(Error::bad_value(format!(
                "field '{}' is in the index on ({}); first REMOVE INDEX {}{}",
                field.name,
                self.index_names(index).join(", "),
                self.index_names(index).join(" "),
                if index.method == Method::Bitmap {
                    " BITMAP"
                } else {
                    ""
                },
            ))),
        }
    }

    fn remove_field(&mut self, name: &str, facts: &Facts) -> Result<()> {
        let position = self.added_position(name)?;
        self.must_be_unindexed(position)?;
        facts.allow_drop(&format!("REMOVE FIELD {name}"))?;
        self.fields.remove(position);
        Ok(())
    }

    /// The position of a field that a user added.
    fn added_position(&self, name: &str) -> Result<usize> {
        let position = self.position(name.as_bytes())?;
        match self.added().contains(&position) {
            true => Ok(position),
            false => Err(Error::bad_value(format!(
                "'{name}' is the server's own field and cannot be changed so"
            ))),
        }
    }

    fn rename_field(&mut self, from: &str, to: &str) -> Result<()> {
        let position = self.added_position(from)?;
        self.must_be_free(to)?;
        if let Some(field) = self.fields.get_mut(position) {
            field.name = to.into();
        }
        Ok(())
    }

    fn set_field(&mut self, name: &str, change: &FieldChange) -> Result<()> {
        let position = self.added_position(name)?;
        if let FieldChange::Type(kind) = change {
            return self.set_type(position, kind);
        }
        if let Some(field) = self.fields.get_mut(position) {
            match change {
                FieldChange::Type(_) => {}
                FieldChange::Default(None) => field.default = None,
                FieldChange::Default(Some(token)) => {
                    field.default = Some(DefaultValue::parse(&field.kind, name, token)?);
                }
                FieldChange::DefaultTags(tags) if field.kind == Type::Tags => {
                    let tags: Vec<&[u8]> = tags.iter().map(|tag| &**tag).collect();
                    field.default = Some(DefaultValue::of_tags(name, &tags)?);
                }
                FieldChange::DefaultTags(tags) => {
                    return Err(Error::bad_value(format!(
                        "field '{name}' is {}: expected one value as its DEFAULT, found {}",
                        field.kind.word(),
                        tags.len() + 1
                    )));
                }
                FieldChange::NotNull(not_null) => field.not_null = *not_null,
            }
        }
        Ok(())
    }

    /// A field of another type is another field, with the values of the one before. The indexes
    /// over it are built anew.
    fn set_type(&mut self, position: usize, kind: &Type) -> Result<()> {
        let before = self.field(position)?.clone();
        if before.kind == *kind {
            return Ok(());
        }
        let refuse = |what: &str, value: &Value| {
            Error::bad_value(format!(
                "field '{}' cannot be {}: {what} {} would not be the same value",
                before.name,
                kind.word(),
                quoted(&value.as_ref().text(before.kind.names()))
            ))
        };
        if !is_possible(&before.kind, kind) {
            return Err(Error::bad_value(format!(
                "field '{}' is {}: no value of it is one of {}; add another field",
                before.name,
                before.kind.word(),
                kind.word()
            )));
        }
        let converted = |what: &str, value: &Value| {
            let converted = convert(value.as_ref(), &before.kind, kind);
            converted
                .map(|value| value.to_value())
                .ok_or_else(|| refuse(what, value))
        };
        let default = match &before.default {
            Some(DefaultValue::Fixed(value)) => {
                Some(DefaultValue::Fixed(converted("its default", value)?))
            }
            Some(DefaultValue::Clock(_)) => {
                return Err(Error::bad_value(format!(
                    "field '{}' has the clock as its default, which no {} can be: first SET FIELD {0} NO DEFAULT",
                    before.name,
                    kind.word()
                )));
            }
            None => None,
        };
        let initial = converted("what its oldest records have,", &before.initial)?;
        let number = self.take_field_number();
        self.origins.push(Origin {
            field: number,
            former: before.number,
            kind: before.kind.clone(),
        });
        self.index_anew(before.number, number);
        if let Some(field) = self.fields.get_mut(position) {
            *field = Field {
                number,
                kind: kind.clone(),
                default,
                initial,
                ..before
            };
        }
        match (0..self.indexes.len()).find_map(|at| {
            let index = self.indexes.get(at)?;
            let has = index.fields.contains(&number);
            has.then(|| self.check_tags(&index.fields, index.method).err())?
        }) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn add_enum_value(&mut self, name: &str, value: &str) -> Result<()> {
        let position = self.added_position(name)?;
        match self.fields.get_mut(position).map(|field| &mut field.kind) {
            Some(Type::Enum(names)) => {
                if names.iter().any(|known| &**known == value) {
                    return Err(Error::new(
                        Code::Duplicate,
                        format!("field '{name}' has the name '{value}' already"),
                    ));
                }
                if names.len() >= MAX_ENUM_NAMES {
                    return Err(Error::new(
                        Code::TooMany,
                        format!("an ENUM has at most {MAX_ENUM_NAMES} names"),
                    ));
                }
                names.push(value.into());
                Ok(())
            }
            _ => Err(Error::bad_value(format!("field '{name}' is no ENUM"))),
        }
    }

    fn add_index(&mut self, names: &[Box<str>], shape: IndexShape) -> Result<()> {
        let numbers = self.numbers(names)?;
        let method = shape.method();
        if self.index_on(&numbers, method).is_some() {
            return Err(Error::new(
                Code::Duplicate,
                format!("there is such an index on ({}) already", names.join(", ")),
            ));
        }
        if self.indexes.len() >= MAX_INDEXES {
            return Err(Error::new(
                Code::TooMany,
                format!("a table has at most {MAX_INDEXES} indexes"),
            ));
        }
        if numbers.len() == 1 && self.fields.first().map(|id| id.number) == numbers.first().copied()
        {
            return Err(Error::bad_value(
                "'id' needs no index of its own: it always has one",
            ));
        }
        self.check_tags(&numbers, method)?;
        let index = IndexDefinition {
            number: self.take_index_number(),
            fields: numbers,
            method,
            unique: shape == IndexShape::Unique,
        };
        self.indexes.push(index);
        Ok(())
    }

    /// A field of TAGS has a bitmap over it alone, and no other index.
    pub(super) fn check_tags(&self, numbers: &[u32], method: Method) -> Result<()> {
        let tags = |field: &&Field| field.kind == Type::Tags && numbers.contains(&field.number);
        match self.fields.iter().find(tags) {
            Some(field) if method != Method::Bitmap || numbers.len() > 1 => {
                Err(Error::bad_value(format!(
                    "field '{0}' is TAGS: expected BITMAP as its index, over it alone; use ADD INDEX {0} BITMAP",
                    field.name
                )))
            }
            _ => Ok(()),
        }
    }

    fn remove_index(&mut self, names: &[Box<str>], method: Method) -> Result<()> {
        let numbers = self.numbers(names)?;
        match self.index_on(&numbers, method) {
            Some(at) if self.indexes.get(at).is_some_and(|i| self.is_of_feed(i)) => {
                Err(Error::bad_value(format!(
                    "the index on ({CHANGE_NUMBER}) is the change feed's; use CHANGES OFF"
                )))
            }
            Some(at) => {
                self.indexes.remove(at);
                Ok(())
            }
            None => Err(Error::new(
                Code::NoIndex,
                format!("there is no such index on ({}) to remove", names.join(", ")),
            )),
        }
    }

    fn numbers(&self, names: &[Box<str>]) -> Result<Vec<u32>> {
        let number = |name: &str| {
            let position = self.position(name.as_bytes())?;
            Ok(self.field(position)?.number)
        };
        names.iter().map(|name| number(name)).collect()
    }

    /// The place of the index over exactly these fields by this method.
    pub fn index_on(&self, numbers: &[u32], method: Method) -> Option<usize> {
        self.indexes
            .iter()
            .position(|index| index.fields == numbers && index.method == method)
    }

    /// Every record there is ends so long after the migration. `expires_at` is another field from
    /// then on: those that were written before have its initial value.
    fn set_ttl_active(&mut self, ttl: Option<i64>, facts: &Facts) -> Result<()> {
        let ends = match ttl.map(|ttl| facts.now.checked_add(ttl)) {
            None => Value::Null,
            Some(Some(at)) => Value::DateTime(at),
            Some(None) => {
                return Err(Error::bad_value(
                    "SET TTL: the time to live ends beyond 64 bits of milliseconds",
                ));
            }
        };
        self.ttl = ttl;
        let field = self.own_field(EXPIRES_AT, Type::DateTime, false, ends);
        let number = field.number;
        if let Some(before) = self.fields.pop() {
            self.index_anew(before.number, number);
        }
        self.fields.push(field);
        Ok(())
    }

    /// A field has another number: the indexes over it are others, which have yet to be built.
    fn index_anew(&mut self, before: u32, after: u32) {
        for at in 0..self.indexes.len() {
            let has = self
                .indexes
                .get(at)
                .is_some_and(|index| index.fields.contains(&before));
            if has {
                let number = self.take_index_number();
                if let Some(index) = self.indexes.get_mut(at) {
                    index.number = number;
                    let fields = index.fields.iter_mut();
                    fields
                        .filter(|field| **field == before)
                        .for_each(|field| *field = after);
                }
            }
        }
    }

    fn set_timestamps(&mut self, on: bool, facts: &Facts) -> Result<()> {
        match (self.timestamp_positions(), on) {
            (Some((created, updated)), false) => {
                self.must_be_unindexed(created)?;
                self.must_be_unindexed(updated)?;
                facts.allow_drop("TIMESTAMPS OFF")?;
                self.fields.drain(created..=updated);
            }
            (None, true) => {
                let at = self.visible().end;
                for name in [UPDATED_AT, CREATED_AT] {
                    let initial = Value::DateTime(facts.now);
                    let field = self.own_field(name, Type::DateTime, true, initial);
                    self.fields.insert(at, field);
                }
            }
            _ => {}
        }
        self.timestamps = on;
        Ok(())
    }

    /// Records have the number of their last write from now on, and an index by it. Those written
    /// before have 0.
    fn begin_feed(&mut self) -> Result<()> {
        if self.position(CHANGE_NUMBER.as_bytes()).is_ok() {
            return Err(Error::new(
                Code::Duplicate,
                format!(
                    "there is a field '{CHANGE_NUMBER}', which CHANGES ON gives another meaning; rename it first"
                ),
            ));
        }
        let field = self.own_field(CHANGE_NUMBER, Type::Integer, true, Value::Integer(0));
        self.fields.insert(self.expires_at(), field);
        self.changes = true;
        self.add_index(&[CHANGE_NUMBER.into()], IndexShape::SortedSet)
    }

    fn end_feed(&mut self) -> Result<()> {
        let Some(position) = self.change_number() else {
            return Ok(());
        };
        let before = self.clone();
        self.indexes.retain(|index| !before.is_of_feed(index));
        self.must_be_unindexed(position)?;
        self.fields.remove(position);
        self.changes = false;
        Ok(())
    }
}

/// The operations that undo `up`, the last first; `None` where one cannot be undone.
/// `before` is the schema that `up` was applied to.
///
/// # Errors
/// Where `up` itself cannot be applied.
pub fn derive_down(
    before: &Schema,
    up: &[Operation],
    facts: &Facts,
) -> Result<Option<Vec<Operation>>> {
    let mut down = Some(Vec::new());
    let mut schema = before.clone();
    for operation in up {
        let undone = undo(&schema, operation);
        down = down.zip(undone).map(|(rest, mut undone)| {
            undone.extend::<Vec<Operation>>(rest);
            undone
        });
        schema = schema.change(operation, facts)?;
    }
    Ok(down)
}

/// What undoes one operation that is about to be applied to `before`.
fn undo(before: &Schema, operation: &Operation) -> Option<Vec<Operation>> {
    let field = |name: &str| {
        let position = before.position(name.as_bytes()).ok()?;
        Some((position, before.fields.get(position)?))
    };
    Some(match operation {
        Operation::AddField { name, index, .. } => {
            let mut undone: Vec<Operation> = Vec::new();
            undone.extend(index.map(|shape| Operation::RemoveIndex {
                fields: vec![name.clone()],
                method: shape.method(),
            }));
            undone.push(Operation::RemoveField { name: name.clone() });
            undone
        }
        Operation::RemoveField { name } => {
            let (position, field) = field(name)?;
            vec![Operation::AddField {
                name: name.clone(),
                kind: field.kind.clone(),
                not_null: field.not_null,
                default: field.default.clone(),
                index: None,
                position: Some(position),
            }]
        }
        Operation::RenameField { from, to } => vec![Operation::RenameField {
            from: to.clone(),
            to: from.clone(),
        }],
        Operation::SetField { name, change } => {
            let (_, field) = field(name)?;
            let change = match change {
                FieldChange::NotNull(_) => FieldChange::NotNull(field.not_null),
                FieldChange::Type(kind) => return Some(undo_type(field, kind)),
                FieldChange::Default(_) | FieldChange::DefaultTags(_) => match &field.default {
                    Some(default) => default.change(&field.kind),
                    None => FieldChange::Default(None),
                },
            };
            vec![Operation::SetField {
                name: name.clone(),
                change,
            }]
        }
        Operation::AddEnumValue { .. } | Operation::Update { .. } => return None,
        Operation::AddIndex { fields, shape } => vec![Operation::RemoveIndex {
            fields: fields.clone(),
            method: shape.method(),
        }],
        Operation::RemoveIndex { fields, method } => {
            let numbers = before.numbers(fields).ok()?;
            let index = before.indexes.get(before.index_on(&numbers, *method)?)?;
            vec![Operation::AddIndex {
                fields: fields.clone(),
                shape: IndexShape::of(index),
            }]
        }
        Operation::SetTtl { .. } | Operation::SetTtlActive { .. } => {
            vec![Operation::SetTtl { ttl: before.ttl }]
        }
        Operation::Id(_) => vec![Operation::Id(before.id)],
        Operation::Timestamps(_) => vec![Operation::Timestamps(before.timestamps)],
        Operation::Changes(_) => vec![Operation::Changes(before.changes)],
    })
}

/// What gives a field back the type it had before it was `kind`, and a default that would come back
/// as `kind` writes it.
fn undo_type(field: &Field, kind: &Type) -> Vec<Operation> {
    let name = &field.name;
    let back = |value: &Value| {
        let there = convert(value.as_ref(), &field.kind, kind)?.to_value();
        Some(convert(there.as_ref(), kind, &field.kind)?.to_value())
    };
    let other = field.default.as_ref().filter(|default| match default {
        DefaultValue::Fixed(value) => back(value).as_ref() != Some(value),
        DefaultValue::Clock(_) => false,
    });
    let changes = [FieldChange::Type(field.kind.clone())].into_iter();
    let changes = changes.chain(other.map(|default| default.change(&field.kind)));
    let operation = |change| Operation::SetField {
        name: name.clone(),
        change,
    };
    changes.map(operation).collect()
}
