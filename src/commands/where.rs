//! `YARR.WHERE table predicate|*`: the records that match, their ids, values or number.

use super::{
    Environment, Reply,
    clauses::{Return, Selection, field_list, once, packed, positions},
    record_reply::Shape,
};
use crate::{
    error::{Error, Result},
    query::{self, Query, parse_predicate},
    table::{Row, Table},
    tokens::Tokens,
};

const WORDS: [&str; 10] = [
    "ORDER", "LIMIT", "OFFSET", "CURSOR", "RETURN", "PLUCK", "IDS", "COUNT", "PACKED", "SCAN",
];

/// What is answered of each match.
enum Wanted<'a> {
    Records(Return<'a>),
    Pluck(Vec<&'a [u8]>),
    Ids,
    Count,
}

/// What a WHERE asks.
pub struct Request<'a> {
    query: Query<'a>,
    cursor: Option<&'a [u8]>,
    wanted: Wanted<'a>,
}

impl<'a> Request<'a> {
    /// The query.
    pub fn query(&self) -> &Query<'a> {
        &self.query
    }

    /// Whether only the number of matches is asked for.
    pub fn counts(&self) -> bool {
        matches!(self.wanted, Wanted::Count)
    }
}

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax.
pub fn parse<'a>(args: &'a [&'a [u8]]) -> Result<Request<'a>> {
    let mut tokens = Tokens::new(args);
    let predicate = parse_predicate(&mut tokens)?;
    let mut selection = Selection::default();
    let (mut wanted, mut cursor) = (None, None);
    while tokens.peek().is_some() {
        let before = tokens.clone();
        if tokens.accept("CURSOR") {
            let token = tokens.expect_token("a cursor, 0 to begin")?;
            once(&mut cursor, token, &before)?;
        } else if let Some(value) = parse_wanted(&mut tokens)? {
            once(&mut wanted, value, &before)?;
        } else if tokens.is("PACKED") {
            return Err(packed());
        } else if !selection.accept(&mut tokens, &WORDS)? {
            return Err(tokens.unexpected(
                "AND, OR, ORDER BY, LIMIT, OFFSET, CURSOR, RETURN, PLUCK, IDS, COUNT, SCAN or the end of the command",
            ));
        }
    }
    let wanted = wanted.unwrap_or(Wanted::Records(Return::Everything));
    if cursor.is_some() {
        check_cursor(&selection, &wanted)?;
    }
    Ok(Request {
        query: selection.query(predicate),
        cursor,
        wanted,
    })
}

fn parse_wanted<'a>(tokens: &mut Tokens<'a>) -> Result<Option<Wanted<'a>>> {
    Ok(if tokens.accept("RETURN") {
        Some(Wanted::Records(Return::parse(tokens, &WORDS)?))
    } else if tokens.accept("PLUCK") {
        Some(Wanted::Pluck(field_list(tokens, &WORDS)?))
    } else if tokens.accept("IDS") {
        Some(Wanted::Ids)
    } else if tokens.accept("COUNT") {
        Some(Wanted::Count)
    } else {
        None
    })
}

/// A walk has pages: no OFFSET, no COUNT, no empty page.
fn check_cursor(selection: &Selection, wanted: &Wanted) -> Result<()> {
    let refused = if selection.offset.is_some() {
        "OFFSET"
    } else if matches!(wanted, Wanted::Count) {
        "COUNT"
    } else if selection.limit == Some(0) {
        "LIMIT 0"
    } else {
        return Ok(());
    };
    Err(Error::syntax(format!(
        "syntax error: {refused} cannot stand beside CURSOR; leave one of them out"
    )))
}

/// Answers the matches, or `[next cursor, matches]`, or their number.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY, BADCURSOR.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let request = parse(args)?;
    let now = environment.now;
    let most = environment.limits.reply_records;
    let shape = match &request.wanted {
        Wanted::Count => {
            let count = query::count(table, &request.query, now)?;
            reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
            return Ok(());
        }
        Wanted::Records(wanted) => Shape::new(table, wanted)?,
        Wanted::Pluck(fields) => Shape::of(table, positions(table.schema(), fields)?),
        Wanted::Ids => Shape::of(table, vec![0]),
    };
    let rows = match request.cursor {
        Some(cursor) => {
            let (next, rows) = query::page(table, &request.query, cursor, now, most)?;
            reply.array(2);
            reply.bulk(&next);
            rows
        }
        None => query::select(table, &request.query, now, most)?,
    };
    answer(&shape, &request.wanted, &rows, reply);
    Ok(())
}

fn answer(shape: &Shape, wanted: &Wanted, rows: &[Row], reply: &mut dyn Reply) {
    match wanted {
        Wanted::Records(_) => shape.rows(rows, reply),
        _ => {
            reply.array(rows.len());
            rows.iter().for_each(|row| shape.pluck(*row, reply));
        }
    }
}
