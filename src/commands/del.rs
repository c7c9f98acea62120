//! `YARR.DEL table id | IDS n id ... | WHERE predicate`: removes records.

use super::{
    Environment, Reply,
    clauses::{Choice, Chosen, parse_id},
    record_reply::{Shape, Written, answer_written},
};
use crate::{
    error::Result,
    query::{self, Filter},
    table::{Effects, FETCHED, Row, Table, Write},
    tokens::{Keywords, Tokens},
};

const WORDS: Keywords = Keywords::of(&["IF", "RETURN", "ORDER", "LIMIT", "SCAN", "PACKED"]);

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax.
pub fn parse<'a>(args: &'a [&'a [u8]]) -> Result<Choice<'a>> {
    let mut choice = Choice::default();
    read(&mut choice, args)?;
    Ok(choice)
}

/// [`parse`] into a choice that is empty.
fn read<'a>(choice: &mut Choice<'a>, args: &'a [&'a [u8]]) -> Result<()> {
    choice.read(&mut Tokens::new(args), &WORDS, "", |_| Ok(false))?;
    choice.answer.check_of_write()
}

/// How a removal was asked for.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    /// By an id and no other word.
    IdAlone,
    /// By an id.
    Id,
    Many,
}

/// What one id names.
enum Found {
    Absent,
    Refused,
    Row(Row),
}

/// Answers 1, 0 where IF did not hold, null where there is no such record; for IDS and WHERE
/// the number removed. RETURN puts the records, as they were, in their place.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY.
pub fn run(
    table: &mut Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let mut choice = Choice::default();
    read(&mut choice, args)?;
    let now = environment.now.get();
    let shape = Shape::of_write(table.schema(), &choice.answer)?;
    let condition = choice.condition.as_ref();
    let condition = condition.map(|predicate| query::filter(table.schema(), predicate, now));
    let condition = condition.transpose()?;
    match &choice.records {
        Chosen::Id(id) => {
            match find(table, id, condition.as_ref(), now)? {
                Found::Absent => reply.null(),
                Found::Refused => reply.integer(0),
                Found::Row(row) => {
                    let asked = match args.len() {
                        1 => Asked::IdAlone,
                        _ => Asked::Id,
                    };
                    return remove(table, &[row], asked, now, shape.as_ref(), reply);
                }
            }
            Ok(Effects::none())
        }
        Chosen::Ids(ids) => {
            let mut rows: Vec<Row> = Vec::new();
            let mut seen = roaring::RoaringBitmap::new();
            for id in *ids {
                match find(table, id, condition.as_ref(), now)? {
                    Found::Row(row) if seen.insert(row) => rows.push(row),
                    _ => {}
                }
            }
            remove(table, &rows, Asked::Many, now, shape.as_ref(), reply)
        }
        Chosen::Query(query) => {
            let most = environment
                .limits
                .most_written(query.limit, shape.is_some());
            let rows = query::select(table, query, || now, most)?;
            remove(table, &rows, Asked::Many, now, shape.as_ref(), reply)
        }
    }
}

fn find(table: &Table, id: &[u8], condition: Option<&Filter>, now: i64) -> Result<Found> {
    Ok(match table.live(&parse_id(table, id)?, || now) {
        None => Found::Absent,
        Some((row, record)) => match condition.is_none_or(|condition| condition.matches(&record)) {
            true => Found::Row(row),
            false => Found::Refused,
        },
    })
}

/// Removes the records of rows, and answers the only one or all of them.
fn remove(
    table: &mut Table,
    rows: &[Row],
    asked: Asked,
    now: i64,
    shape: Option<&Shape>,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let written = match shape {
        Some(shape) => Some(Written::before_removal(table, rows, shape)?),
        None => None,
    };
    let one = asked != Asked::Many;
    let mut write = Write::begin(table, now);
    if asked == Asked::IdAlone {
        write.tell_as_asked();
    }
    for some in rows.chunks(FETCHED) {
        // The only one has just been read, and where the others of its page end stays as it is.
        if !one {
            let rows = some.iter().copied();
            write.table().records().fetch_to_change(rows);
        }
        some.iter().for_each(|row| write.remove(*row));
    }
    let effects = write.commit()?;
    answer_written(written, one, rows.len(), table, reply);
    Ok(effects)
}
