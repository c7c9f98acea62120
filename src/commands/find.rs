//! `YARR.FIND table id | IDS n id ... | WHERE predicate`: records by id, or the first match.

use super::{
    Environment, Reply,
    clauses::{Answer, Return, Selection, Target, parse_id},
    record_reply::Shape,
};
use crate::{
    error::{Error, Result},
    query::{self, Query},
    table::Table,
    tokens::{Keywords, Tokens},
};

const WORDS: Keywords = Keywords::of(&["ORDER", "RETURN", "SCAN", "PACKED"]);

/// What a FIND asks.
pub struct Request<'a> {
    target: Found<'a>,
    answer: Answer<'a>,
}

enum Found<'a> {
    Id(&'a [u8]),
    Ids(&'a [&'a [u8]]),
    First(Query<'a>),
}

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax.
pub fn parse<'a>(args: &'a [&'a [u8]]) -> Result<Request<'a>> {
    let mut tokens = Tokens::new(args);
    let target = Target::parse(&mut tokens)?;
    let mut selection = Selection::default();
    let mut answer = Answer::default();
    while tokens.peek().is_some() {
        if answer.accept(&mut tokens, &WORDS)? {
            continue;
        }
        let by_query = matches!(target, Target::Where(_)) && tokens.is_any(&["ORDER", "SCAN"]);
        if !by_query || !selection.accept(&mut tokens, &WORDS)? {
            return Err(tokens.unexpected(match target {
                Target::Where(_) => {
                    "AND, OR, ORDER BY, RETURN, PACKED, SCAN or the end of the command"
                }
                _ => "RETURN, PACKED or the end of the command",
            }));
        }
    }
    selection.limit = Some(1);
    Ok(Request {
        target: match target {
            Target::Id(id) => Found::Id(id),
            Target::Ids(ids) => Found::Ids(ids),
            Target::Where(predicate) => Found::First(selection.query(predicate)),
        },
        answer,
    })
}

impl<'a> Request<'a> {
    /// The query, where this finds by one.
    pub fn query(self) -> Option<Query<'a>> {
        match self.target {
            Found::First(query) => Some(query),
            _ => None,
        }
    }
}

/// Answers the record or null; for IDS an array with nulls, in the order of the arguments.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let request = parse(args)?;
    let now = || environment.now.get();
    let Answer { fields, packed } = request.answer;
    let fields = fields.unwrap_or(Return::Everything);
    let shape = Shape::of_records(table.schema(), &fields, packed)?;
    match request.target {
        Found::Id(id) => {
            let id = parse_id(table, id)?;
            let found = table.live(&id, now);
            shape.one(table, found.map(|(_, record)| record), reply)
        }
        Found::Ids(ids) => {
            let most = environment.limits.reply_records;
            if ids.len() as u64 > most {
                return Err(Error::too_many_replies(most));
            }
            let ids = ids.iter().map(|id| parse_id(table, id));
            let ids = ids.collect::<Result<Vec<_>>>()?;
            let rows = ids.iter().map(|id| table.live_row(id, now));
            let packed = shape.pack_rows(table, rows.clone())?;
            shape.rows(table, rows, packed, reply);
            Ok(())
        }
        Found::First(query) => {
            let row = query::first(table, &query, now)?;
            let record = row.and_then(|row| table.record(row));
            shape.one(table, record, reply)
        }
    }
}
