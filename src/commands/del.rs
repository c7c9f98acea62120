//! `YARR.DEL table id | IDS n id ... | WHERE predicate`: removes records.

use super::{
    Environment, Reply,
    clauses::{Answer, Selection, Target, once, parse_id},
    record_reply::{Shape, Written, answer_written},
};
use crate::{
    error::Result,
    query::{self, Filter, Predicate, Query, parse_predicate},
    table::{Effects, FETCHED, Row, Table, Write},
    tokens::{Keywords, Tokens},
};

const WORDS: Keywords = Keywords::of(&["IF", "RETURN", "ORDER", "LIMIT", "SCAN", "PACKED"]);

/// What a DEL asks.
#[derive(Default)]
pub struct Request<'a> {
    target: Selected<'a>,
    condition: Option<Predicate<'a>>,
    answer: Answer<'a>,
}

enum Selected<'a> {
    Id(&'a [u8]),
    Ids(&'a [&'a [u8]]),
    Query(Query<'a>),
}

impl Default for Selected<'_> {
    fn default() -> Self {
        Selected::Id(&[])
    }
}

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax.
pub fn parse<'a>(args: &'a [&'a [u8]]) -> Result<Request<'a>> {
    let mut request = Request::default();
    request.read(args)?;
    Ok(request)
}

impl<'a> Request<'a> {
    /// [`parse`] of a request that is empty and made where it is to be.
    fn read(&mut self, args: &'a [&'a [u8]]) -> Result<()> {
        let mut tokens = Tokens::new(args);
        let target = Target::parse(&mut tokens)?;
        let by_query = matches!(target, Target::Where(_));
        let mut selection = Selection::default();
        while tokens.peek().is_some() {
            let before = tokens.clone();
            if self.answer.accept(&mut tokens, &WORDS)? {
                continue;
            } else if !by_query && tokens.accept("IF") {
                let value = parse_predicate(&mut tokens)?;
                once(&mut self.condition, value, &before)?;
            } else if !by_query || tokens.is("OFFSET") || !selection.accept(&mut tokens, &WORDS)? {
                return Err(tokens.unexpected(match by_query {
                    true => {
                        "AND, OR, ORDER BY, LIMIT, RETURN, PACKED, SCAN or the end of the command"
                    }
                    false => "IF, RETURN, PACKED or the end of the command",
                }));
            }
        }
        self.target = match target {
            Target::Id(id) => Selected::Id(id),
            Target::Ids(ids) => Selected::Ids(ids),
            Target::Where(predicate) => Selected::Query(selection.query(predicate)),
        };
        self.answer.check_of_write()
    }

    /// The query, where this removes records by one.
    pub fn query(self) -> Option<Query<'a>> {
        match self.target {
            Selected::Query(query) => Some(query),
            _ => None,
        }
    }
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
    let mut request = Request::default();
    request.read(args)?;
    let now = environment.now.get();
    let shape = Shape::of_write(table.schema(), &request.answer)?;
    let condition = request.condition.as_ref();
    let condition = condition.map(|predicate| query::filter(table.schema(), predicate, now));
    let condition = condition.transpose()?;
    match &request.target {
        Selected::Id(id) => {
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
        Selected::Ids(ids) => {
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
        Selected::Query(query) => {
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
