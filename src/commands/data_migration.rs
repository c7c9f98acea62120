//! `UPDATE predicate|* SET field value ...` as the one operation of a migration: the records that
//! match are changed, in the order of their ids, a few at a time. It is seen as it goes.

use super::{
    change::{Change, Changes},
    clauses::Expiry,
    given::{self, Given, Taker},
};
use crate::{
    error::{Error, Result, quoted},
    query::{Filter, Predicate, filter, parse_predicate},
    schema::{Operation, Schema},
    table::{Effects, Row, Table, Write},
    tokens::Tokens,
    value::{Type, ValueRef},
};

/// Words that end the list of an UPDATE's fields; a field of such a name is written with its `@`.
const ENDS: [&str; 3] = ["DOWN", "DROP", ";"];

/// Reads what follows UPDATE. `schema` is that of the table, where there is one.
///
/// # Errors
/// Syntax.
pub fn parse(tokens: &mut Tokens, schema: Option<&Schema>) -> Result<Operation> {
    let before = tokens.clone();
    read(tokens, schema)?;
    let words = tokens.since(&before).iter().map(|word| Box::from(*word));
    let words = words.collect();
    while tokens.accept(";") {}
    Ok(Operation::Update { words })
}

/// What an UPDATE asks: which records, and the fields with their values.
struct Asked<'a> {
    predicate: Predicate<'a>,
    set: Vec<(&'a [u8], Given<'a>)>,
}

fn read<'a>(tokens: &mut Tokens<'a>, schema: Option<&Schema>) -> Result<Asked<'a>> {
    let predicate = parse_predicate(tokens)?;
    tokens.expect("SET")?;
    let none = Schema::new();
    let taker = Taker::new(schema.unwrap_or(&none));
    let mut set = Vec::new();
    while tokens.peek().is_some() && !tokens.is_any(&ENDS) {
        let field = tokens.expect_token("a field")?;
        set.push((field, taker.value(tokens, field, None)?));
    }
    match set.is_empty() {
        true => Err(tokens.unexpected("a field's name")),
        false => Ok(Asked { predicate, set }),
    }
}

/// An UPDATE made ready for a table.
struct Update<'a> {
    filter: Filter,
    changes: Changes<'a>,
}

impl<'a> Update<'a> {
    /// `at` is the time of the migration: what `now` means in it.
    fn new(schema: &Schema, words: &'a [&'a [u8]], at: i64, now: i64) -> Result<Update<'a>> {
        let mut tokens = Tokens::new(words);
        let asked = read(&mut tokens, Some(schema))?;
        tokens.finish()?;
        let mut fields: Vec<(usize, Change)> = Vec::new();
        for (name, given) in asked.set {
            let position = schema.position(name)?;
            if !schema.added().contains(&position) {
                return Err(Error::bad_value(format!(
                    "{} is the server's own field: expected a field that was added",
                    quoted(name)
                )));
            }
            if fields.iter().any(|(other, _)| *other == position) {
                return Err(Error::syntax(format!(
                    "syntax error: field {} is changed twice",
                    quoted(name)
                )));
            }
            let field = schema.field(position)?;
            let change = match (&field.kind, given) {
                (Type::Tags, [_, tags @ ..]) => {
                    Change::SetTags(field.kind.expect_tags(&field.name, tags)?)
                }
                (_, given) => Change::Set(given::one(field, given, at)?),
            };
            fields.push((position, change));
        }
        Ok(Update {
            filter: filter(schema, &asked.predicate, at)?,
            changes: Changes {
                fields: fields.into(),
                // A record lives as long as it would have.
                expiry: Some(Expiry::Keep),
                now,
            },
        })
    }

    /// Changes those of the rows whose records match and have not expired.
    fn apply(&self, table: &mut Table, rows: &[Row]) -> Result<Effects> {
        let now = self.changes.now;
        let matches = |row: &&Row| {
            let record = table.record(**row);
            record.is_some_and(|record| self.filter.matches(&record))
                && !table.is_expired(**row, now)
        };
        let rows: Vec<Row> = rows.iter().filter(matches).copied().collect();
        let mut write = Write::begin(table, now);
        for row in rows {
            self.changes.apply(&mut write, row)?;
        }
        write.commit()
    }
}

/// The words of a migration that is an UPDATE.
pub fn words(operations: &[Operation]) -> Option<Vec<&[u8]>> {
    match operations {
        [Operation::Update { words }] => Some(words.iter().map(|word| &**word).collect()),
        _ => None,
    }
}

/// Whether an UPDATE may be carried out on a table of this schema.
///
/// # Errors
/// NOFIELD, BADVALUE, syntax.
pub fn check(schema: &Schema, words: &[&[u8]], at: i64) -> Result<()> {
    Update::new(schema, words, at, at).map(drop)
}

/// Changes every record that matches, at once or not at all.
///
/// # Errors
/// NOTNULL, DUPLICATE, BADVALUE; then nothing changed.
pub fn whole(table: &mut Table, words: &[&[u8]], at: i64, now: i64) -> Result<Effects> {
    let form = table.form();
    let update = Update::new(&form.schema, words, at, now)?;
    let rows: Vec<Row> = table.records().iter().map(|(row, _)| row).collect();
    update.apply(table, &rows)
}

/// Goes on with the UPDATE that is running: looks at `most` records more. Answers whether it has
/// come to its end.
///
/// # Errors
/// NOTNULL, DUPLICATE, BADVALUE; then the records of this step did not change.
pub fn step(
    table: &mut Table,
    words: &[&[u8]],
    at: i64,
    most: usize,
    now: i64,
) -> Result<(Effects, bool)> {
    let form = table.form();
    let update = Update::new(&form.schema, words, at, now)?;
    let rows = table.rows_after(table.reached(), most);
    let Some(last) = rows.last().and_then(|row| table.record(*row)) else {
        return Ok((Effects::none(), true));
    };
    let mut reached = Vec::new();
    let id: ValueRef = last.value(0);
    id.key_into(&mut reached);
    let done = rows.len() < most;
    let effects = update.apply(table, &rows)?;
    Ok((effects.and(table.reach(&reached)?), done))
}
