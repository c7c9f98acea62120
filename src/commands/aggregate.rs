//! `YARR.AGGREGATE table predicate|* [GROUP BY field ...] COUNT|SUM f ...`: what the matches come to.

use super::{
    Environment, Reply,
    clauses::{Selection, field_list, once},
};
use crate::{
    error::{Error, Result, quoted},
    query::{self, Aggregation, Answer, ColumnOrder, Function, field_name, parse_predicate},
    table::Table,
    tokens::{Keywords, Tokens},
};

const WORDS: Keywords = Keywords::of(&[
    "GROUP", "COUNT", "SUM", "AVG", "MIN", "MAX", "ORDER", "LIMIT", "OFFSET", "SCAN",
]);

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax.
pub fn parse<'a>(args: &'a [&'a [u8]]) -> Result<Aggregation<'a>> {
    let mut tokens = Tokens::new(args);
    let predicate = parse_predicate(&mut tokens)?;
    let mut selection = Selection::default();
    let mut functions: Vec<Function<&[u8]>> = Vec::new();
    let (mut group, mut order) = (None, None);
    while tokens.peek().is_some() {
        let before = tokens.clone();
        if tokens.accept("GROUP") {
            tokens.expect("BY")?;
            let fields = field_list(&mut tokens, &WORDS)?;
            let fields = fields.into_iter().map(field_name).collect::<Vec<_>>();
            once(&mut group, fields, &before)?;
        } else if let Some(function) = Function::accept(&mut tokens, &WORDS, &functions)? {
            functions.push(function);
        } else if tokens.accept("ORDER") {
            tokens.expect("BY")?;
            let keys = keys(&mut tokens, functions.contains(&Function::Count))?;
            once(&mut order, keys, &before)?;
        } else if !selection.accept(&mut tokens, &WORDS)? {
            return Err(tokens.unexpected(
                "AND, OR, GROUP BY, COUNT, SUM, AVG, MIN, MAX, ORDER BY, LIMIT, OFFSET, SCAN or the end of the command",
            ));
        }
    }
    if functions.is_empty() {
        return Err(tokens.unexpected("at least one of COUNT, COUNT DISTINCT, SUM, AVG, MIN, MAX"));
    }
    let group = group.unwrap_or_default();
    if group.contains(&&b"count"[..]) && functions.contains(&Function::Count) {
        return Err(Error::syntax(
            "syntax error: COUNT and the field 'count' of GROUP BY would have the same key; leave one of them out, or ask for COUNT DISTINCT id",
        ));
    }
    let order = resolve(order.unwrap_or_default(), &group, &functions)?;
    Ok(Aggregation {
        query: selection.query(predicate),
        group,
        functions,
        order,
    })
}

/// A key of ORDER BY as written.
struct Key<'a> {
    /// The tokens from the key on.
    at: Tokens<'a>,
    descending: bool,
}

/// Reads the keys after ORDER BY. COUNT, which is a clause as well, is a key where it comes first
/// or has been asked for already, and DISTINCT does not follow.
fn keys<'a>(tokens: &mut Tokens<'a>, counted: bool) -> Result<Vec<Key<'a>>> {
    let mut keys = Vec::new();
    loop {
        let at = tokens.clone();
        let ends = match tokens.accept("COUNT") {
            true => tokens.is("DISTINCT") || !(counted || keys.is_empty()),
            false => tokens.is_among(&WORDS) || tokens.take().is_none(),
        };
        if ends {
            *tokens = at;
            break;
        }
        if keys.len() >= crate::schema::MAX_NAMED {
            return Err(at.unexpected("at most 1029 keys"));
        }
        let descending = tokens.accept("DESC");
        if !descending {
            tokens.accept("ASC");
        }
        keys.push(Key { at, descending });
    }
    match keys.is_empty() {
        true => Err(tokens.unexpected(EXPECTED_KEY)),
        false => Ok(keys),
    }
}

const EXPECTED_KEY: &str =
    "a key of the outcome (a field of GROUP BY, count, sum(f), count(distinct f), ...)";

/// Finds the columns that keys name.
fn resolve(
    keys: Vec<Key>,
    group: &[&[u8]],
    functions: &[Function<&[u8]>],
) -> Result<Vec<ColumnOrder>> {
    let names: Vec<Vec<u8>> = functions.iter().map(|function| function.key()).collect();
    let mut order: Vec<ColumnOrder> = Vec::with_capacity(keys.len());
    for key in keys {
        let token = key.at.peek().unwrap_or_default();
        let of_group = group.iter().position(|field| *field == field_name(token));
        let of_function = || {
            let at = names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(token))?;
            Some(group.len() + at)
        };
        let Some(column) = of_group.or_else(of_function) else {
            let known = group.iter().map(|field| field.to_vec()).chain(names);
            let known: Vec<String> = known.take(16).map(|key| quoted(&key)).collect();
            return Err(key.at.unexpected(&format!(
                "a key of the outcome, which has {}",
                known.join(", ")
            )));
        };
        if order.iter().any(|sorting| sorting.column == column) {
            return Err(key.at.unexpected("each key of ORDER BY once"));
        }
        order.push(ColumnOrder {
            column,
            descending: key.descending,
        });
    }
    Ok(order)
}

/// Answers a map for each group.
///
/// # Errors
/// NOFIELD, BADVALUE, NOINDEX, TOOMANY.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let asked = parse(args)?;
    let most = environment.limits.reply_records;
    let outcome = query::aggregate(table, &asked, environment.now.get(), most)?;
    reply.array(outcome.len);
    for row in outcome.rows() {
        reply.map(row.len());
        for (column, answer) in outcome.columns.iter().zip(row) {
            reply.bulk(&column.key);
            match answer {
                Answer::Count(count) => reply.integer(i64::try_from(*count).unwrap_or(i64::MAX)),
                Answer::Value(value) => {
                    let field = column.field.and_then(|at| table.schema().fields.get(at));
                    let names = field.map_or(&[][..], |field| field.kind.names());
                    reply.value(&value.as_ref(), names);
                }
            }
        }
    }
    Ok(())
}
