//! Columns and fields: the target's columns decide what is copied.

use crate::{
    error::{Error, Result},
    source::{Field, Schema},
    table::{Column, Deletes, FieldType, Wish},
    target::{Alteration, NewColumn, Target, TargetColumn},
};

/// What columns and fields come to.
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// That of the id first.
    pub(super) columns: Vec<Column>,
    pub(super) alterations: Vec<Alteration>,
    /// Fields without a column.
    pub(super) left: Vec<String>,
}

/// Finds a field for each column, and with `evolve` a column for each field.
pub(super) fn matched(
    wish: &Wish,
    schema: &Schema,
    found: Option<&[TargetColumn]>,
    target: &dyn Target,
) -> Result<Matched> {
    let mut matched = Matched::default();
    let mut wrong = Vec::new();
    let Some(found) = found else {
        if !wish.evolve && !target.is_lake() {
            return Err(Error::refused(format!(
                "there is no table '{}' in {}: make it, or have --evolve (evolve = true in the file) make it",
                wish.target,
                target.name()
            )));
        }
        matched.create(wish, schema, target);
        return Ok(matched);
    };
    for column in found {
        match matched.column(wish, schema, column, target) {
            Ok(Some(column)) => matched.columns.push(column),
            Ok(None) => {}
            Err(error) => wrong.push(error.message),
        }
    }
    misspelt(wish, schema, found, &mut wrong);
    let key = matched
        .columns
        .iter()
        .position(|column| column.field == "id");
    match key {
        Some(key) => {
            let key = matched.columns.remove(key);
            matched.columns.insert(0, key);
        }
        None if wrong.is_empty() => wrong.push(format!(
            "expected a column for the field 'id' in '{}', found none: rows are merged by it",
            wish.target
        )),
        None => {}
    }
    if !wrong.is_empty() {
        return Err(Error::refused(format!(
            "{} does not fit {}: {}",
            wish.source,
            wish.target,
            wrong.join("; ")
        )));
    }
    for field in &schema.fields {
        if matched
            .columns
            .iter()
            .any(|column| column.field == field.name)
        {
            continue;
        }
        let wanted =
            wish.evolve && !wish.exclude.contains(&field.name) && field.name != "expires_at";
        match wanted {
            true => matched.add(field, wish, target),
            false => matched.left.push(field.name.clone()),
        }
    }
    Ok(matched)
}

/// The name of the column for a field: as it is said, or its own.
fn name_of(wish: &Wish, field: &str) -> String {
    let said = wish.columns.iter().find(|(_, its)| *its == field);
    said.map_or(field, |(column, _)| column).into()
}

fn misspelt(wish: &Wish, schema: &Schema, found: &[TargetColumn], wrong: &mut Vec<String>) {
    for (column, field) in &wish.columns {
        if !found.iter().any(|found| found.name == *column) && !wish.evolve {
            wrong.push(format!(
                "columns.{column}: '{}' has no such column",
                wish.target
            ));
        }
        if schema.field(field).is_none() {
            wrong.push(format!(
                "columns.{column}: '{}' has no field '{field}'",
                wish.source
            ));
        }
    }
    for field in &wish.exclude {
        if schema.field(field).is_none() {
            wrong.push(format!("exclude: '{}' has no field '{field}'", wish.source));
        }
    }
    if let Deletes::Soft { column } = &wish.deletes {
        match found.iter().find(|found| found.name == *column) {
            None => wrong.push(format!(
                "deletes: '{}' has no column '{column}' for the moment of a deletion: add it, of a type of times",
                wish.target
            )),
            Some(found) if !found.column_type.starts_with("timestamp") || !found.nullable => {
                wrong.push(format!(
                    "deletes: expected column '{column}' to be a timestamp that may be null, found {}",
                    found.column_type
                ));
            }
            Some(_) => {}
        }
    }
}

impl Matched {
    /// The field of a column; `None` where the column is no field's, and is filled otherwise.
    fn column(
        &self,
        wish: &Wish,
        schema: &Schema,
        column: &TargetColumn,
        target: &dyn Target,
    ) -> Result<Option<Column>> {
        let name = &column.name;
        if matches!(&wish.deletes, Deletes::Soft { column } if column == name) {
            return Ok(None);
        }
        let field = wish.columns.get(name).unwrap_or(name);
        let excluded = wish.exclude.contains(field);
        let Some(field) = schema.field(field).filter(|_| !excluded) else {
            if column.filled {
                return Ok(None);
            }
            let renamed = schema.lines.iter().flatten().find_map(|step| match step {
                crate::source::Step::Rename(from, to) if from == field => Some(to),
                _ => None,
            });
            return Err(Error::refused(match (excluded, renamed) {
                (true, _) => {
                    format!("column '{name}' is of the field '{field}', which is excluded")
                }
                (false, Some(to)) => format!(
                    "column '{name}': expected a field '{field}', which is now called '{to}': say columns.{name} = \"{to}\", or rename the column"
                ),
                (false, None) => format!(
                    "column '{name}': expected a field '{field}', found none: say columns.{name} = \"its field\", give the column a default, or drop it"
                ),
            }));
        };
        if let Some(other) = self.columns.iter().find(|other| other.field == field.name) {
            return Err(Error::refused(format!(
                "columns '{}' and '{name}' are both of the field '{}'",
                other.name, field.name
            )));
        }
        if !column.nullable && !field.not_null {
            return Err(Error::refused(format!(
                "column '{name}' takes no null, and the field '{}' may be null",
                field.name
            )));
        }
        let form = target
            .form(&field.kind, &column.column_type)
            .map_err(|error| {
                error.at(format_args!(
                    "column '{name}' of the {} '{}'",
                    field.kind, field.name
                ))
            })?;
        Ok(Some(Column {
            field: field.name.clone(),
            kind: field.kind.clone(),
            name: name.clone(),
            column_type: column.column_type.clone(),
            form,
        }))
    }

    /// A table of all fields that are not excluded.
    fn create(&mut self, wish: &Wish, schema: &Schema, target: &dyn Target) {
        let mut columns = Vec::new();
        for field in &schema.fields {
            if wish.exclude.contains(&field.name) || field.name == "expires_at" {
                self.left.push(field.name.clone());
                continue;
            }
            let column = new_column(field, wish, target);
            self.columns.extend(column.1);
            columns.push(column.0);
        }
        if let Deletes::Soft { column } = &wish.deletes {
            columns.push(NewColumn {
                name: column.clone(),
                kind: FieldType::DateTime,
                value: None,
            });
        }
        self.alterations.push(Alteration::Create(columns));
    }

    fn add(&mut self, field: &Field, wish: &Wish, target: &dyn Target) {
        let column = new_column(field, wish, target);
        self.columns.extend(column.1);
        self.alterations.push(Alteration::Add(column.0));
    }
}

/// A column for a field, and what of it is planned.
fn new_column(field: &Field, wish: &Wish, target: &dyn Target) -> (NewColumn, Option<Column>) {
    let name = name_of(wish, &field.name);
    let column_type = target.column_type(&field.kind);
    let column = target
        .form(&field.kind, &column_type)
        .ok()
        .map(|form| Column {
            field: field.name.clone(),
            kind: field.kind.clone(),
            name: name.clone(),
            column_type,
            form,
        });
    let new = NewColumn {
        name,
        kind: field.kind.clone(),
        value: None,
    };
    (new, column)
}
