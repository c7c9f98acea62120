//! `YARR.UPDATE table id | WHERE predicate`: changes fields of records.

use smallvec::SmallVec;

use super::{
    Environment, Reply,
    change::{Change, Changes},
    clauses::{Choice, Chosen, Expiry, field_list, once, parse_id, switch, writable},
    given::{self, Given, Taker, take_tags},
    record_reply::{Kept, KeptRows, Shape, Written, answer_written},
};
use crate::{
    error::{Error, Result, quoted},
    query::{self, Filter, Query},
    schema::Schema,
    table::{Effects, FETCHED, Row, Table, Write},
    tokens::{Keywords, Tokens},
    value::{Type, ValueRef, number},
};

const WORDS: Keywords = Keywords::of(&[
    "SET", "INCR", "ADD", "REMOVE", "UNSET", "TOUCH", "IF", "EX", "PX", "EXAT", "PXAT", "PERSIST",
    "KEEPTTL", "RETURN", "ORDER", "LIMIT", "SCAN", "PACKED",
]);

/// The clauses that no other command has, as an error names them.
const OWN_WORDS: &str = "SET, INCR, ADD, REMOVE, UNSET, TOUCH, an expiry clause, ";

/// What an UPDATE asks.
#[derive(Default)]
pub struct Request<'a> {
    choice: Choice<'a>,
    changes: Wishes<'a>,
}

/// Fields, and what is given for each.
type Pairs<'a, T> = SmallVec<[(&'a [u8], T); 2]>;

/// How they are changed.
#[derive(Default)]
struct Wishes<'a> {
    set: Pairs<'a, Given<'a>>,
    increment: Pairs<'a, &'a [u8]>,
    add: Pairs<'a, Given<'a>>,
    remove: Pairs<'a, Given<'a>>,
    unset: Option<Vec<&'a [u8]>>,
    touch: bool,
    expiry: Option<Expiry>,
}

impl<'a> Wishes<'a> {
    /// Takes one of the changes where one begins here.
    fn accept(&mut self, tokens: &mut Tokens<'a>, taker: Taker) -> Result<bool> {
        let before = tokens.clone();
        if tokens.accept("SET") {
            let value = |tokens: &mut Tokens<'a>, field: &[u8]| taker.value(tokens, field, None);
            read_pairs(&mut self.set, &before, tokens, value)?;
        } else if tokens.accept("INCR") {
            let value = |tokens: &mut Tokens<'a>, _: &[u8]| tokens.expect_token("a number to add");
            read_pairs(&mut self.increment, &before, tokens, value)?;
        } else if tokens.accept("ADD") {
            read_pairs(&mut self.add, &before, tokens, |tokens, _| {
                take_tags(tokens)
            })?;
        } else if tokens.accept("REMOVE") {
            read_pairs(&mut self.remove, &before, tokens, |tokens, _| {
                take_tags(tokens)
            })?;
        } else if tokens.accept("UNSET") {
            let fields = field_list(tokens, &WORDS)?;
            once(&mut self.unset, fields, &before)?;
        } else if tokens.accept("TOUCH") {
            switch(&mut self.touch, &before)?;
        } else if let Some(expiry) = Expiry::accept(tokens)? {
            once(&mut self.expiry, expiry, &before)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn is_empty(&self) -> bool {
        self.set.is_empty()
            && self.increment.is_empty()
            && self.add.is_empty()
            && self.remove.is_empty()
            && self.unset.is_none()
            && !self.touch
            && self.expiry.is_none()
    }
}

/// Reads fields, each with what `value` reads after it, up to the next clause, one at least. The clause may
/// stand once, and begins at `before`.
fn read_pairs<'a, T>(
    pairs: &mut Pairs<'a, T>,
    before: &Tokens,
    tokens: &mut Tokens<'a>,
    value: impl Fn(&mut Tokens<'a>, &[u8]) -> Result<T>,
) -> Result<()> {
    let earlier = pairs.len();
    while tokens.peek().is_some() && !tokens.is_among(&WORDS) {
        let field = tokens.expect_token("a field")?;
        pairs.push((field, value(tokens, field)?));
    }
    match earlier {
        _ if pairs.len() == earlier => Err(tokens.unexpected("a field's name")),
        0 => Ok(()),
        _ => Err(before.unexpected("each clause once")),
    }
}

/// Reads the arguments after the table's name.
///
/// # Errors
/// Syntax.
pub fn parse<'a>(schema: &Schema, args: &'a [&'a [u8]]) -> Result<Request<'a>> {
    let mut request = Request::default();
    request.read(schema, args)?;
    Ok(request)
}

impl<'a> Request<'a> {
    /// [`parse`] of a request that is empty. It is some 400 bytes, and made where it is to be.
    fn read(&mut self, schema: &Schema, args: &'a [&'a [u8]]) -> Result<()> {
        let taker = Taker::new(schema);
        let mut tokens = Tokens::new(args);
        let own = |tokens: &mut Tokens<'a>| self.changes.accept(tokens, taker);
        self.choice.read(&mut tokens, &WORDS, OWN_WORDS, own)?;
        if self.changes.is_empty() {
            return Err(tokens.unexpected(
                "at least one of SET, INCR, ADD, REMOVE, UNSET, TOUCH or an expiry clause",
            ));
        }
        match &self.choice.records {
            Chosen::Ids(_) => Err(takes_no_ids()),
            _ => self.choice.answer.check_of_write(),
        }
    }

    /// The query, where this changes records by one.
    pub fn query(self) -> Option<Query<'a>> {
        self.choice.query()
    }
}

fn takes_no_ids() -> Error {
    Error::syntax("syntax error: UPDATE takes one id or WHERE, found IDS; use WHERE id IN n ...")
}

/// Makes changes ready for a table: positions instead of names.
fn resolve_into<'a>(changes: &mut Changes<'a>, schema: &Schema, wishes: &Wishes<'a>) -> Result<()> {
    for (field, given) in &wishes.set {
        let position = changeable(schema, changes, field)?;
        let field = schema.field(position)?;
        let change = match (&field.kind, given) {
            (Type::Tags, [_, tags @ ..]) => {
                Change::SetTags(field.kind.expect_tags(&field.name, tags)?)
            }
            (_, given) => Change::Set(given::one(field, given, changes.now)?),
        };
        changes.fields.push((position, change));
    }
    for (field, tags) in &wishes.add {
        let position = changeable(schema, changes, field)?;
        let tags = tags_of(schema, position, "ADD", tags)?;
        changes.fields.push((position, Change::AddTags(tags)));
    }
    for (field, tags) in &wishes.remove {
        let position = changeable(schema, changes, field)?;
        let tags = tags_of(schema, position, "REMOVE", tags)?;
        changes.fields.push((position, Change::RemoveTags(tags)));
    }
    for (field, token) in &wishes.increment {
        let position = changeable(schema, changes, field)?;
        let change = increment(schema, position, token)?;
        changes.fields.push((position, change));
    }
    for field in wishes.unset.iter().flatten() {
        let position = changeable(schema, changes, field)?;
        changes.fields.push((position, Change::Set(ValueRef::Null)));
    }
    Ok(())
}

/// The position of a field that may be changed and has no change yet.
fn changeable(schema: &Schema, changes: &Changes, field: &[u8]) -> Result<usize> {
    let position = schema.position(field)?;
    if position == 0 {
        return Err(Error::read_only(
            "id",
            "an id cannot change; create another record",
        ));
    }
    writable(schema, position)?;
    match changes
        .fields
        .iter()
        .any(|(changed, _)| *changed == position)
    {
        true => Err(Error::syntax(format!(
            "syntax error: field {} is changed twice",
            quoted(field)
        ))),
        false => Ok(position),
    }
}

/// The tags that a clause adds to a field or takes from it.
fn tags_of(schema: &Schema, position: usize, clause: &str, tags: Given) -> Result<Box<[u8]>> {
    let field = schema.field(position)?;
    match field.kind {
        Type::Tags => field.kind.expect_tags(&field.name, tags),
        _ => Err(Error::bad_value(format!(
            "{clause} is for TAGS: field '{}' is {}; use SET",
            field.name,
            field.kind.word()
        ))),
    }
}

/// What INCR adds to a field of this type.
fn increment<'a>(schema: &Schema, position: usize, token: &[u8]) -> Result<Change<'a>> {
    let field = schema.field(position)?;
    let change = match field.kind {
        Type::Integer | Type::DateTime => number::parse_integer(token).map(Change::AddInteger),
        Type::Float => number::parse_float(token).map(Change::AddFloat),
        _ => {
            return Err(Error::bad_value(format!(
                "INCR adds to INTEGER, FLOAT or DATETIME: field '{}' is {}",
                field.name,
                field.kind.word()
            )));
        }
    };
    change.ok_or_else(|| {
        Error::bad_value(format!(
            "INCR {}: expected {} to add, found {}",
            field.name,
            match field.kind {
                Type::Float => "a finite number",
                _ => "a 64-bit integer",
            },
            quoted(token)
        ))
    })
}

/// Answers 1, 0 where IF did not hold, null where there is no such record; for WHERE the number
/// of matches. RETURN puts the records in their place.
///
/// # Errors
/// NOFIELD, BADVALUE, NOTNULL, DUPLICATE, NOINDEX, TOOMANY.
pub fn run(
    table: &mut Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let mut request = Request::default();
    request.read(table.schema(), args)?;
    let now = environment.now.get();
    let mut changes = Changes {
        fields: SmallVec::new(),
        expiry: request.changes.expiry,
        now,
    };
    resolve_into(&mut changes, table.schema(), &request.changes)?;
    let shape = Shape::of_write(table.schema(), &request.choice.answer)?;
    match &request.choice.records {
        Chosen::Id(id) => {
            let condition = match &request.choice.condition {
                Some(predicate) => Some(query::filter(table.schema(), predicate, now)?),
                None => None,
            };
            let id = parse_id(table, id)?;
            update_one(
                table,
                &id,
                &changes,
                condition.as_ref(),
                shape.as_ref(),
                reply,
            )
        }
        Chosen::Ids(_) => Err(takes_no_ids()),
        Chosen::Query(query) => {
            let most = environment
                .limits
                .most_written(query.limit, shape.is_some());
            let rows = query::select(table, query, || now, most)?;
            change(table, &rows, false, &changes, shape.as_ref(), reply)
        }
    }
}

fn update_one(
    table: &mut Table,
    id: &ValueRef,
    changes: &Changes,
    condition: Option<&Filter>,
    shape: Option<&Shape>,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let Some((row, record)) = table.live(id, || changes.now) else {
        reply.null();
        return Ok(Effects::none());
    };
    if condition.is_some_and(|condition| !condition.matches(&record)) {
        reply.integer(0);
        return Ok(Effects::none());
    }
    change(table, &[row], true, changes, shape, reply)
}

/// Changes the records of rows, and answers the only `one` or all of them.
fn change(
    table: &mut Table,
    rows: &[Row],
    one: bool,
    changes: &Changes,
    shape: Option<&Shape>,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let mut write = Write::begin(table, changes.now);
    let mut kept = shape.map(|_| KeptRows::with_capacity(rows.len()));
    for some in rows.chunks(FETCHED) {
        let records = write.table().records();
        match (one, some) {
            // The only one has just been read.
            (true, [row]) => records.fetch_ends(*row),
            _ => records.fetch_to_change(some.iter().copied()),
        }
        for row in some {
            change_row(&mut write, *row, changes, kept.as_mut())?;
        }
    }
    let written = match (kept, shape) {
        (Some(kept), Some(shape)) => Some(Written::new(write.table(), kept, shape)?),
        _ => None,
    };
    let effects = write.commit()?;
    answer_written(written, one, rows.len(), table, reply);
    Ok(effects)
}

/// Changes a row's record, and removes it where its new expiry lies in the past. It is kept to be answered
/// where it is asked for.
fn change_row(
    write: &mut Write,
    row: Row,
    changes: &Changes,
    kept: Option<&mut KeptRows>,
) -> Result<()> {
    changes.apply(write, row)?;
    let expired = write.table().is_expired(row, changes.now);
    if let Some(kept) = kept {
        kept.push(match expired {
            true => Kept::bytes(write.table(), row),
            false => Kept::Row(row),
        });
    }
    if expired {
        write.remove_expired(row);
    }
    Ok(())
}
