//! `YARR.WHERE table predicate|*`: the records that match, their ids, values or number.

use super::{
    Environment, Reply,
    clauses::{Positions, Return, Selection, field_list, once, positions, switch},
    record_reply::{Form, Shape},
};
use crate::{
    error::{Error, Result},
    query::{self, Query, parse_predicate},
    table::Table,
    tokens::{Keywords, Tokens},
};

const WORDS: Keywords = Keywords::of(&[
    "ORDER", "LIMIT", "OFFSET", "CURSOR", "RETURN", "PLUCK", "IDS", "COUNT", "PACKED", "SCAN",
]);

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
    packed: bool,
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
    let (mut wanted, mut cursor, mut packed) = (None, None, false);
    while tokens.peek().is_some() {
        let before = tokens.clone();
        if tokens.accept("CURSOR") {
            let token = tokens.expect_token("a cursor, 0 to begin")?;
            once(&mut cursor, token, &before)?;
        } else if let Some(value) = parse_wanted(&mut tokens)? {
            once(&mut wanted, value, &before)?;
        } else if tokens.accept("PACKED") {
            switch(&mut packed, &before)?;
        } else if !selection.accept(&mut tokens, &WORDS)? {
            return Err(tokens.unexpected(
                "AND, OR, ORDER BY, LIMIT, OFFSET, CURSOR, RETURN, PLUCK, IDS, COUNT, PACKED, SCAN or the end of the command",
            ));
        }
    }
    let wanted = wanted.unwrap_or(Wanted::Records(Return::Everything));
    if cursor.is_some() {
        check_cursor(&selection, &wanted)?;
    }
    if packed && matches!(wanted, Wanted::Count) {
        return Err(Error::syntax(
            "syntax error: COUNT answers a number, which PACKED cannot pack; leave one of them out",
        ));
    }
    Ok(Request {
        query: selection.query(predicate),
        cursor,
        wanted,
        packed,
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
    let now = || environment.now.get();
    let most = environment.limits.reply_records;
    let schema = table.schema();
    let (positions, form) = match &request.wanted {
        Wanted::Count => {
            let count = query::count(table, &request.query, now)?;
            reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
            return Ok(());
        }
        Wanted::Records(fields) => (fields.resolve(schema)?, Form::Maps),
        Wanted::Pluck(fields) => (positions(schema, fields)?, Form::Values),
        Wanted::Ids => (Positions::from_slice(&[0]), Form::Values),
    };
    let form = if request.packed { Form::Packed } else { form };
    let shape = Shape::new(positions, form);
    let (next, rows) = match request.cursor {
        Some(cursor) => {
            let (next, rows) = query::page(table, &request.query, cursor, now(), most)?;
            (Some(next), rows.into())
        }
        None => (None, query::select(table, &request.query, now, most)?),
    };
    let rows = rows.iter().copied().map(Some);
    let packed = shape.pack_rows(table, rows.clone())?;
    if let Some(next) = next {
        reply.array(2);
        reply.bulk(&next);
    }
    shape.rows(table, rows, packed, reply);
    Ok(())
}
