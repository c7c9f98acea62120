//! What has become of the source's schema since the target knew it.
//!
//! A migration that adds, removes or renames fields writes no record: the change feed does not tell of the values that
//! it gave or took. So each column is followed back. Where its field has been the one it stood for, the rows hold what
//! they should. Where its field was added since, every record that was there then has the default, which all rows of the
//! target get before the batch, in which are those that were written since. Anything else (a column that came later
//! than its field, names that were exchanged, values that a migration rewrote unseen) is loaded anew.

use crate::{
    source::{Added, Schema, Step},
    table::{Column, FieldType, Form, Strategy, Table},
    target::{Alteration, Position},
};

/// Where a field was when the target knew the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// It was there, under this name.
    Was(String),
    /// It was added since.
    Added(Added),
}

/// Puts what is to be filled among the alterations; answers why the table is to be loaded anew, if it is.
pub(super) fn continued(
    alterations: &mut Vec<Alteration>,
    table: &Table,
    schema: &Schema,
    position: &Position,
) -> Option<String> {
    let made = |change: &Alteration| matches!(change, Alteration::Create(_));
    if alterations.iter().any(made) {
        return Some("the target's table is gone, and is made anew".into());
    }
    let known = usize::try_from(position.known.schema_lines).unwrap_or(usize::MAX);
    let Some(lines) = schema.lines.get(known..) else {
        return Some("the source's table was made anew".into());
    };
    let steps: Vec<&Step> = lines.iter().flatten().collect();
    // Of these the feed numbers the records anew; nothing else sees them.
    if table.strategy != Strategy::Changes && steps.contains(&&Step::Rewrite) {
        return Some("a migration of the source has changed values without writing records".into());
    }
    for column in &table.columns {
        let stood_for = position.known.columns.get(&column.name);
        match (origin(&column.field, &steps), stood_for) {
            (Origin::Was(name), Some(stood_for)) if name == *stood_for => {}
            (Origin::Was(_), None) => {
                return Some(format!(
                    "column '{}' came later than its field '{}'",
                    column.name, column.field
                ));
            }
            (Origin::Was(_), Some(stood_for)) => {
                return Some(format!(
                    "column '{}' stood for the field '{stood_for}' and stands now for '{}'",
                    column.name, column.field
                ));
            }
            (Origin::Added(added), _) => match value(column, &added) {
                Some(value) => fill(alterations, column, value),
                None => {
                    return Some(format!(
                        "field '{}' was added with a default that cannot be told beforehand",
                        column.field
                    ));
                }
            },
        }
    }
    None
}

/// Follows a field back through what happened.
fn origin(field: &str, steps: &[&Step]) -> Origin {
    let mut name = field;
    for step in steps.iter().rev() {
        match step {
            Step::Add(added, how) if added == name => return Origin::Added(how.clone()),
            Step::Rename(from, to) if to == name => name = from,
            _ => {}
        }
    }
    Origin::Was(name.into())
}

fn fill(alterations: &mut Vec<Alteration>, column: &Column, value: Option<String>) {
    for alteration in alterations.iter_mut() {
        if let Alteration::Add(new) = alteration {
            if new.name == column.name {
                new.value = value;
                return;
            }
        }
    }
    alterations.push(Alteration::Fill {
        column: column.name.clone(),
        value,
    });
}

/// The default in the form of the column, null where there is none; `None` where it cannot be told: a moment that
/// was `now`, or several words.
fn value(column: &Column, added: &Added) -> Option<Option<String>> {
    let word = match added.default.as_slice() {
        [] => return Some(None),
        [word] => word,
        _ => return None,
    };
    // Bytes that are no text do not come through the words of a migration.
    if word.contains(char::REPLACEMENT_CHARACTER) || added.kind != column.kind {
        return None;
    }
    match (&added.kind, column.form) {
        (FieldType::Tags | FieldType::DateTime | FieldType::Uuid, _) => None,
        (_, Form::Plain) => Some(Some(word.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        replication::Watermark,
        table::Deletes,
        target::{Known, NewColumn},
    };

    fn column(name: &str, field: &str) -> Column {
        Column {
            field: field.into(),
            kind: FieldType::Integer,
            name: name.into(),
            column_type: "bigint".into(),
            form: Form::Plain,
        }
    }

    fn table(columns: &[(&str, &str)]) -> Table {
        Table {
            source: "t".into(),
            target: "t".into(),
            columns: columns
                .iter()
                .map(|(name, field)| column(name, field))
                .collect(),
            strategy: Strategy::Changes,
            deletes: Deletes::Hard,
        }
    }

    fn position(columns: &[(&str, &str)], schema_lines: i64) -> Position {
        let columns = columns
            .iter()
            .map(|(name, field)| (name.to_string(), field.to_string()));
        Position {
            watermark: Watermark {
                epoch: "1f".into(),
                position: 9,
            },
            known: Known {
                schema_lines,
                columns: columns.collect(),
            },
            ..Position::default()
        }
    }

    fn schema(lines: &[Step]) -> Schema {
        Schema {
            name: "t".into(),
            identity: String::new(),
            fields: Vec::new(),
            feed: true,
            ordered: Vec::new(),
            // The first makes the table.
            lines: [vec![]]
                .into_iter()
                .chain(lines.iter().map(|step| vec![step.clone()]))
                .collect(),
        }
    }

    fn add(name: &str, default: &[&str]) -> Step {
        let added = Added {
            kind: FieldType::Integer,
            default: default.iter().map(|word| word.to_string()).collect(),
        };
        Step::Add(name.into(), added)
    }

    fn rename(from: &str, to: &str) -> Step {
        Step::Rename(from.into(), to.into())
    }

    fn of(
        columns: &[(&str, &str)],
        known: &[(&str, &str)],
        steps: &[Step],
    ) -> (Vec<Alteration>, Option<String>) {
        let mut alterations = Vec::new();
        let resync = continued(
            &mut alterations,
            &table(columns),
            &schema(steps),
            &position(known, 1),
        );
        (alterations, resync)
    }

    #[test]
    fn a_field_that_was_there_goes_on_under_any_name() {
        assert_eq!(of(&[("a", "a")], &[("a", "a")], &[]), (vec![], None));
        let renamed = of(
            &[("a", "c")],
            &[("a", "a")],
            &[rename("a", "b"), rename("b", "c")],
        );
        assert_eq!(renamed, (vec![], None));
    }

    #[test]
    fn a_field_that_was_added_fills_its_column_with_its_default() {
        let fill = |value: Option<&str>| {
            vec![Alteration::Fill {
                column: "b".into(),
                value: value.map(String::from),
            }]
        };
        let columns = [("a", "a"), ("b", "b")];
        assert_eq!(
            of(&columns, &[("a", "a")], &[add("b", &["5"])]),
            (fill(Some("5")), None)
        );
        // Removed and added again: what was there must go.
        let again = [Step::Remove("b".into()), add("b", &[])];
        assert_eq!(of(&columns, &columns, &again), (fill(None), None));
        let two_words = of(&columns, &columns, &[add("b", &["2", "x"])]);
        assert!(two_words.1.is_some());
    }

    #[test]
    fn a_column_that_is_added_now_has_the_default_from_the_start() {
        let new = NewColumn {
            name: "b".into(),
            kind: FieldType::Integer,
            value: None,
        };
        let mut alterations = vec![Alteration::Add(new.clone())];
        let table = table(&[("a", "a"), ("b", "b")]);
        let schema = schema(&[add("b", &["5"])]);
        let resync = continued(
            &mut alterations,
            &table,
            &schema,
            &position(&[("a", "a")], 1),
        );
        assert_eq!(resync, None);
        let filled = NewColumn {
            value: Some("5".into()),
            ..new
        };
        assert_eq!(alterations, [Alteration::Add(filled)]);
    }

    #[test]
    fn what_cannot_be_followed_is_loaded_anew() {
        let columns = [("a", "a"), ("b", "b")];
        let exchanged = [rename("a", "c"), rename("b", "a"), rename("c", "b")];
        assert!(of(&columns, &columns, &exchanged).1.is_some());
        // The column came after the field.
        assert!(of(&columns, &[("a", "a")], &[]).1.is_some());
        // The history is shorter than it was.
        let mut none = Vec::new();
        let shorter = continued(
            &mut none,
            &table(&columns),
            &schema(&[]),
            &position(&columns, 3),
        );
        assert!(shorter.is_some());
        // The feed numbers what is rewritten; a field of times does not.
        assert_eq!(of(&columns, &columns, &[Step::Rewrite]).1, None);
        let timed = Table {
            strategy: Strategy::Identity { field: "id".into() },
            ..table(&columns)
        };
        let rewritten = schema(&[Step::Rewrite]);
        assert!(continued(&mut none, &timed, &rewritten, &position(&columns, 1)).is_some());
    }
}
