//! Which column of a file goes into which field of a table.

use std::collections::HashMap;

use crate::{Error, Result};

use super::schema::{EXPIRES_AT, Table};

/// Where a column goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Into the field of this number.
    Field(usize),
    /// Nowhere: the user said so.
    Skip,
    /// There is no such field.
    Unknown,
}

/// What the user said of columns.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    map: HashMap<String, String>,
    skip: Vec<String>,
}

impl Wishes {
    /// Reads `column=field` and the names of columns to pass over.
    ///
    /// # Errors
    /// Where a word has no `=`, or a column stands twice.
    pub fn new(map: &[String], skip: &[String]) -> Result<Wishes> {
        let mut wishes = Wishes {
            map: HashMap::new(),
            skip: skip.to_vec(),
        };
        for word in map {
            // The last one: a column's name may hold anything, a field's name holds none.
            let (column, field) = word.rsplit_once('=').ok_or_else(|| {
                Error::usage(format!("--map: expected column=field, found '{word}'"))
            })?;
            let before = wishes.map.insert(column.into(), field.into());
            if before.is_some() || wishes.skip.iter().any(|skip| skip == column) {
                return Err(Error::usage(format!(
                    "--map: expected each column once, found '{column}' twice"
                )));
            }
        }
        Ok(wishes)
    }

    /// Puts a column into a field.
    pub fn put(&mut self, column: &str, field: &str) {
        self.map.insert(column.into(), field.into());
    }

    /// Whether a column is passed over.
    pub fn skips(&self, column: &str) -> bool {
        self.skip.iter().any(|skip| skip == column)
    }

    /// The name of the field that a column is for.
    pub fn field_of(&self, column: &str) -> String {
        match self.map.get(column) {
            Some(field) => field.clone(),
            None => normal(column),
        }
    }

    /// The columns that are spoken of.
    fn columns(&self) -> impl Iterator<Item = &String> {
        self.map.keys().chain(&self.skip)
    }
}

/// A column's name as a field's: small letters, digits and `_`.
pub fn normal(column: &str) -> String {
    let fit = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    let name: String = column.trim().chars().map(fit).take(63).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        true => format!("_{name}").chars().take(63).collect(),
        false => name,
    }
}

/// The targets of the columns met so far.
#[derive(Debug, Clone)]
pub struct Mapping {
    wishes: Wishes,
    targets: Vec<Target>,
}

impl Mapping {
    /// No column yet.
    ///
    /// # Errors
    /// Where a field is spoken of that the table does not have.
    pub fn new(wishes: Wishes, table: &Table) -> Result<Mapping> {
        for field in wishes.map.values() {
            if table.position(field).is_none() {
                return Err(Error::usage(format!(
                    "--map: there is no field '{field}' in table '{}', which has {}",
                    table.name,
                    table.names()
                )));
            }
        }
        Ok(Mapping {
            wishes,
            targets: Vec::new(),
        })
    }

    /// Takes in the columns that are new.
    pub fn meet(&mut self, columns: &[String], table: &Table) {
        for column in columns.iter().skip(self.targets.len()) {
            let field = self.wishes.field_of(column);
            self.targets.push(match table.position(&field) {
                _ if self.wishes.skips(column) => Target::Skip,
                Some(field) => Target::Field(field),
                None => Target::Unknown,
            });
        }
    }

    /// Where a column goes.
    pub fn target(&self, column: usize) -> Target {
        self.targets.get(column).copied().unwrap_or(Target::Unknown)
    }

    /// Whether a column goes into this field.
    pub fn is_met(&self, field: usize) -> bool {
        self.targets.contains(&Target::Field(field))
    }

    /// Sees that the columns of a header can make records.
    ///
    /// # Errors
    /// Columns without a field, fields with two columns, fields that need a value and have no column.
    pub fn check(&self, columns: &[String], table: &Table) -> Result<()> {
        if let Some(column) = self.wishes.columns().find(|name| !columns.contains(name)) {
            return Err(Error::usage(format!(
                "expected the column '{column}', found {}",
                columns.join(", ")
            )));
        }
        let unknown: Vec<&str> = (columns.iter().zip(&self.targets))
            .filter(|(_, target)| **target == Target::Unknown)
            .map(|(column, _)| column.as_str())
            .collect();
        if let Some(first) = unknown.first() {
            return Err(Error::usage(format!(
                "table '{}' has no field for {}: say --skip '{first}' or --map '{first}=field' (its fields: {})",
                table.name,
                unknown.join(", "),
                table.names()
            )));
        }
        for (number, field) in table.fields.iter().enumerate() {
            let from = self
                .targets
                .iter()
                .filter(|target| **target == Target::Field(number));
            match from.count() {
                0 if field.not_null && !field.filled => {
                    return Err(Error::usage(format!(
                        "field '{}' of table '{}' is NOT NULL and has no column: the file has {}",
                        field.name,
                        table.name,
                        columns.join(", ")
                    )));
                }
                0 | 1 => {}
                _ => {
                    return Err(Error::usage(format!(
                        "expected one column for field '{}', found several: --skip the others",
                        field.name
                    )));
                }
            }
        }
        Ok(())
    }

    /// Whether a column tells when records expire.
    pub fn has_expiry(&self, table: &Table) -> bool {
        table
            .position(EXPIRES_AT)
            .is_some_and(|field| self.is_met(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let operations = ["ADD FIELD dep_time INTEGER NOT NULL", "ADD FIELD b STRING"];
        Table::parse("t", &operations.map(String::from)).unwrap()
    }

    fn checked(columns: &[&str], map: &[&str], skip: &[&str]) -> Result<Vec<Target>> {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| word.to_string())
                .collect::<Vec<_>>()
        };
        let mut mapping = Mapping::new(Wishes::new(&words(map), &words(skip))?, &table())?;
        mapping.meet(&words(columns), &table());
        mapping.check(&words(columns), &table())?;
        Ok(mapping.targets)
    }

    #[test]
    fn columns_find_their_fields() {
        let found = checked(&["Dep Time", "x=y", "c"], &["x=y=b"], &["c"]).unwrap();
        assert_eq!(found, [Target::Field(1), Target::Field(2), Target::Skip]);
        assert_eq!(normal("2nd Größe (cm)"), "_2nd_gr__e__cm_");
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        for (columns, map, skip, part) in [
            (
                &["dep_time", "x"][..],
                &[][..],
                &[][..],
                "has no field for x",
            ),
            (&["b"], &[], &[], "'dep_time' of table 't' is NOT NULL"),
            (
                &["dep_time", "Dep Time"],
                &[],
                &[],
                "one column for field 'dep_time'",
            ),
            (&["dep_time"], &["y=b"], &[], "expected the column 'y'"),
            (&["dep_time"], &["dep_time=q"], &[], "no field 'q'"),
            (&["dep_time"], &["q"], &[], "column=field"),
            (&["dep_time"], &["dep_time=b"], &["dep_time"], "twice"),
        ] {
            let refused = checked(columns, map, skip).unwrap_err();
            assert!(refused.message.contains(part), "{refused}");
        }
    }
}
