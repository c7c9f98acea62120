//! Migrations that go on between commands beside the same carried out at once.

use yarr::{
    error::quoted,
    query::{OrderField, Query, parse_predicate, select},
    schema::{FieldChange, Operation, State},
    table::Table,
    tokens::Tokens,
    value::{Type, Value},
};

/// What a table that is about to end a migration would be if it were carried out at once is what
/// it has become: the same schema and records, or both times a refusal. Of expired records only
/// that they are not seen is the same, and a migration of data changes records as it goes.
pub fn assert_as_at_once(mut before: Box<Table>, after: &Table, now: i64) {
    let Some(running) = before.running().cloned() else {
        panic!("no migration was running");
    };
    if matches!(running.line.operations[..], [Operation::Update { .. }]) {
        return;
    }
    let Some(ended) = after.history().lines.last() else {
        panic!("a migration ended without a line");
    };
    assert_eq!(ended.version, running.line.version);
    before.stop(now).expect("no fault");
    if ended.state == State::Applied {
        assert_keeps_values(&before, after, &running.line.operations, now);
    }
    let at_once = before.migrate(running.line, true, now, || 0);
    match &ended.state {
        State::Applied => {
            at_once.expect("what was applied can be applied at once");
            assert_eq!(before.schema(), after.schema());
            assert!(
                records(&before, now) == records(after, now),
                "migrated at once, the records are others"
            );
        }
        State::Failed(reason) => {
            assert!(at_once.is_err(), "{reason}, but not at once");
            assert_names_one_seen(after, reason, now);
        }
    }
}

/// What stands in the way is a record that is seen, and the reason names it.
fn assert_names_one_seen(table: &Table, reason: &str, now: i64) {
    let (_, ids) = column(table, b"id", now);
    let names = |id: &Value| {
        let id = quoted(&id.as_ref().text(&[]));
        ["id ", "ids ", "and "]
            .iter()
            .any(|before| reason.contains(&format!("{before}{id}")))
    };
    assert!(ids.iter().any(names), "{reason}");
}

/// Fields that have another type have the same values, and where they are of text the same words.
fn assert_keeps_values(before: &Table, after: &Table, operations: &[Operation], now: i64) {
    let retyped = |operation: &Operation| match operation {
        Operation::SetField {
            name,
            change: FieldChange::Type(_),
        } => Some(name.clone()),
        _ => None,
    };
    // Beside other changes a name may stand for another field.
    let names: Option<Vec<Box<str>>> = operations.iter().map(retyped).collect();
    for name in names.unwrap_or_default() {
        let [(was, old), (is, new)] =
            [before, after].map(|table| column(table, name.as_bytes(), now));
        assert_eq!(old.len(), new.len());
        for (old, new) in old.iter().zip(&new) {
            let text = |value: &Value, kind: &Type| value.as_ref().text(kind.names());
            let same = match (old, new) {
                (Value::Null, new) => *new == Value::Null,
                (_, Value::Null) => false,
                (Value::Integer(n), Value::Boolean(truth)) => *n == i64::from(*truth),
                (Value::Boolean(truth), Value::Integer(n)) => *n == i64::from(*truth),
                (Value::String(old), new) => {
                    is.parse(old, 0).map(|value| value.to_value()).as_ref() == Some(new)
                }
                (old, new) => text(old, &was) == text(new, &is),
            };
            assert!(same, "{name}: {old:?} became {new:?}");
        }
    }
}

/// The type of a field, and its value in every record that is seen, by id.
fn column(table: &Table, name: &[u8], now: i64) -> (Type, Vec<Value>) {
    let position = table.schema().position(name).expect("a field");
    let values = records(table, now).into_iter();
    (
        table.schema().fields[position].kind.clone(),
        values
            .map(|mut values| values.swap_remove(position))
            .collect(),
    )
}

/// Every value of every record that is seen, by id.
fn records(table: &Table, now: i64) -> Vec<Vec<Value>> {
    let everything: [&[u8]; 1] = [b"*"];
    let predicate = parse_predicate(&mut Tokens::new(&everything)).expect("*");
    let mut query = Query::of(predicate);
    query.order = vec![OrderField {
        field: b"id",
        descending: false,
    }];
    let rows = select(table, &query, || now, u64::MAX).expect("* is served");
    let values = |row| {
        let record = table.record(row).expect("a row of a record");
        record
            .values()
            .iter()
            .map(|value| value.to_value())
            .collect()
    };
    rows.into_iter().map(values).collect()
}
