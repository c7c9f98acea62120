//! Migrations that go on between commands beside the same carried out at once.

use yarr::{
    query::{OrderField, Query, parse_predicate, select},
    schema::{Operation, State},
    table::Table,
    tokens::Tokens,
    value::Value,
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
        State::Failed(reason) => assert!(at_once.is_err(), "{reason}, but not at once"),
    }
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
    let rows = select(table, &query, now, u64::MAX).expect("* is served");
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
