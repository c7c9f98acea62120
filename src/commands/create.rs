//! `YARR.CREATE table`: one record, or many with FIELDS and VALUES.

mod plan;

use smallvec::SmallVec;

use super::{
    Environment, Reply,
    change::{Change, Changes},
    clauses::{Answer, EXPIRY_WORDS, Expiry, field_list, once},
    given::{AllGiven, Taker},
    record_reply::{Kept, Shape},
};
use crate::{
    error::{Code, Error, Result, quoted},
    schema::{IdType, Schema},
    table::{Effects, Record, Row, Table, Values, Write},
    tokens::{Keywords, Tokens},
    value::{ValueRef, uuid},
};
use plan::Plan;

const WORDS: Keywords = Keywords::of(&[
    "UNSET", "ON", "RETURN", "PACKED", "NULL", "FIELDS", "EX", "PX", "EXAT", "PXAT", "PERSIST",
    "KEEPTTL",
]);

/// Of so many rows at once is looked ahead.
const AHEAD: usize = 16;

/// Fields, and row after row of their values.
type Lists<'a> = (Fields<'a>, AllGiven<'a>);
type Fields<'a> = SmallVec<[&'a [u8]; 8]>;

/// What a conflict leads to.
#[derive(Clone, Copy, PartialEq)]
enum Resolution {
    Ignore,
    Keep,
    Update,
}

struct Conflict<'a> {
    fields: Vec<&'a [u8]>,
    resolution: Resolution,
}

/// What a CREATE asks.
#[derive(Default)]
pub struct Request<'a> {
    fields: Fields<'a>,
    /// Row after row of as many values as `fields`.
    values: AllGiven<'a>,
    many: bool,
    null: Option<&'a [u8]>,
    unset: Vec<&'a [u8]>,
    conflict: Option<Conflict<'a>>,
    expiry: Option<Expiry>,
    answer: Answer<'a>,
}

impl<'a> Request<'a> {
    /// Reads the arguments after the table's name into a request that is empty. It is some 500 bytes, and
    /// made where it is to be.
    ///
    /// # Errors
    /// Syntax.
    fn read(&mut self, schema: &Schema, args: &'a [&'a [u8]]) -> Result<()> {
        let mut tokens = Tokens::new(args);
        let (start, taker, mut values) = (tokens.clone(), Taker::new(schema), SmallVec::new());
        while tokens.peek().is_some() && !tokens.is_among(&WORDS) {
            let field = tokens.expect_token("a field")?;
            self.fields.push(field);
            let value = taker.value(&mut tokens, field, None)?;
            if !taker.takes_one() {
                values.push(value);
            }
        }
        self.values = match taker.takes_one() {
            true => AllGiven::Named(tokens.since(&start)),
            false => AllGiven::Any(values),
        };
        let pairs = !self.fields.is_empty();
        let mut unset = None;
        while tokens.peek().is_some() {
            let before = tokens.clone();
            if tokens.accept("FIELDS") {
                if pairs || unset.is_some() {
                    return Err(before.unexpected("no FIELDS after fields with values or UNSET"));
                }
                self.many = true;
                (self.fields, self.values) = parse_values(&mut tokens, taker, self.null)?;
            } else if tokens.accept("NULL") {
                let token = tokens.expect_token("the token that stands for null")?;
                once(&mut self.null, token, &before)?;
            } else if tokens.accept("UNSET") {
                let list = field_list(&mut tokens, &WORDS)?;
                once(&mut unset, list, &before)?;
            } else if tokens.accept("ON") {
                let clause = parse_conflict(&mut tokens)?;
                once(&mut self.conflict, clause, &before)?;
            } else if self.answer.accept(&mut tokens, &WORDS)? {
                continue;
            } else if let Some(clause) = Expiry::accept(&mut tokens)? {
                once(&mut self.expiry, clause, &before)?;
            } else {
                return Err(tokens.unexpected(
                    "UNSET, ON CONFLICT, RETURN, PACKED, FIELDS, an expiry clause or the end of the command",
                ));
            }
        }
        if self.null.is_some() && !self.many {
            return Err(Error::syntax(
                "syntax error: NULL token goes with FIELDS and VALUES; use UNSET for a single record",
            ));
        }
        self.unset = unset.unwrap_or_default();
        self.answer.check_of_write()
    }
}

/// Reads `n field ... VALUES value ...`, which ends the command.
fn parse_values<'a>(
    tokens: &mut Tokens<'a>,
    taker: Taker,
    null: Option<&[u8]>,
) -> Result<Lists<'a>> {
    let before = tokens.clone();
    let count = tokens.expect_count("the number of fields")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count == 0 || count > crate::schema::MAX_NAMED {
        return Err(before.unexpected("1 to 1029 fields"));
    }
    let fields = Fields::from_slice(tokens.take_many(count, "fields")?);
    tokens.expect("VALUES")?;
    let values = if taker.takes_one() {
        AllGiven::Single(tokens.take_rest())
    } else {
        let mut values = SmallVec::new();
        while tokens.peek().is_some() {
            let field = fields.get(values.len() % count).copied();
            values.push(taker.value(tokens, field.unwrap_or_default(), null)?);
        }
        AllGiven::Any(values)
    };
    if values.count() == 0 || values.count() % count != 0 {
        return Err(Error::syntax(format!(
            "syntax error: VALUES takes {count} values a record, one record at least; found {} values",
            values.count()
        )));
    }
    Ok((fields, values))
}

fn parse_conflict<'a>(tokens: &mut Tokens<'a>) -> Result<Conflict<'a>> {
    const RESOLUTIONS: Keywords = Keywords::of(&["IGNORE", "KEEP", "UPDATE"]);
    tokens.expect("CONFLICT")?;
    let fields = field_list(tokens, &RESOLUTIONS)?;
    let resolution = if tokens.accept("IGNORE") {
        Resolution::Ignore
    } else if tokens.accept("KEEP") {
        Resolution::Keep
    } else if tokens.accept("UPDATE") {
        Resolution::Update
    } else {
        return Err(tokens.unexpected("IGNORE, KEEP or UPDATE"));
    };
    Ok(Conflict { fields, resolution })
}

/// What became of each row.
type Outcomes = SmallVec<[Outcome; 1]>;

/// What became of one row.
enum Outcome {
    Ignored,
    /// A new record with an INTEGER id.
    Numbered(Row, i64),
    Record(Kept),
}

impl Outcome {
    /// A new record of these values.
    fn of(row: Row, values: &[ValueRef]) -> Outcome {
        match values.first() {
            Some(ValueRef::Integer(id)) => Outcome::Numbered(row, *id),
            _ => Outcome::Record(Kept::Row(row)),
        }
    }

    fn record<'o>(&'o self, table: &'o Table) -> Option<Record<'o>> {
        match self {
            Outcome::Ignored => None,
            Outcome::Numbered(row, _) => table.record(*row),
            Outcome::Record(kept) => kept.record(table),
        }
    }
}

/// Answers the id, or the ids, or the records.
///
/// # Errors
/// NOFIELD, BADVALUE, NOTNULL, DUPLICATE, NOINDEX (of ON CONFLICT), TOOMANY.
pub fn run(
    table: &mut Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<Effects> {
    let form = table.form();
    let mut request = Request::default();
    request.read(&form.schema, args)?;
    let shape = Shape::of_write(&form.schema, &request.answer)?;
    let rows = match request.many {
        true => request.values.count() / request.fields.len().max(1),
        false => 1,
    };
    if rows as u64 > environment.limits.reply_records {
        return Err(Error::too_many_replies(environment.limits.reply_records));
    }
    let now = environment.now.get();
    let mut plan = Plan::of(&form.schema, &request, now);
    plan.resolve(table)?;
    let mut write = Write::begin(table, now);
    let outcomes = create_all(&mut write, &plan, rows, environment)?;
    let packed = match &shape {
        Some(shape) => {
            let records = outcomes.iter().map(|outcome| outcome.record(write.table()));
            shape.pack(write.table(), records)?
        }
        None => None,
    };
    let effects = write.commit()?;
    match packed {
        Some(bytes) if request.many || !matches!(outcomes.first(), Some(Outcome::Ignored)) => {
            reply.bulk(&bytes);
        }
        _ => answer(table, &outcomes, shape.as_ref(), request.many, reply),
    }
    Ok(effects)
}

/// Creates the records of so many rows.
fn create_all(
    write: &mut Write,
    plan: &Plan,
    rows: usize,
    environment: &Environment,
) -> Result<Outcomes> {
    let mut outcomes = Outcomes::with_capacity(rows);
    // The first row that does not read ends the command once those before it are created, for one of
    // them may be refused before.
    let (sets, whole, refused) = plan.sets(rows);
    let mut sets = sets.iter();
    // The values of some rows, one row after the other.
    let mut values = Values::new();
    plan.begin_into(whole.min(AHEAD), &mut values);
    for first in (0..whole).step_by(AHEAD) {
        let rows = first..whole.min(first + AHEAD);
        let (read, refused) = plan.read(rows, &mut sets, &mut values);
        let values = values.get_mut(..read * plan.width()).unwrap_or_default();
        create_some(write, plan, values, environment, &mut outcomes)?;
        refused?;
    }
    refused.map(|()| outcomes)
}

/// Creates records of these values, one record's after the other's. What each of them will touch is
/// asked for before the first is created.
fn create_some(
    write: &mut Write,
    plan: &Plan,
    values: &mut [ValueRef],
    environment: &Environment,
    outcomes: &mut Outcomes,
) -> Result<()> {
    if values.len() > plan.width() && plan.is_plain(write.table()) {
        let rows = write.insert_all(values, plan.width(), |table, values| match values {
            [id, ..] => make_id(table, environment, id),
            [] => Ok(()),
        })?;
        let records = rows.iter().zip(values.chunks(plan.width()));
        outcomes.extend(records.map(|(row, values)| Outcome::of(*row, values)));
        return Ok(());
    }
    for values in values.chunks(plan.width()) {
        write.look_ahead(values);
    }
    if values.len() > plan.width() {
        write.fetch();
    }
    for values in values.chunks_mut(plan.width()) {
        outcomes.push(create(write, plan, values, environment)?);
    }
    Ok(())
}

/// Creates one record, or does what its conflict says. Of the values only the id may be missing.
fn create(
    write: &mut Write,
    plan: &Plan,
    values: &mut [ValueRef<'_>],
    environment: &Environment,
) -> Result<Outcome> {
    let made = match values.first_mut().filter(|id| id.is_null()) {
        Some(id) => {
            make_id(write.table(), environment, id)?;
            true
        }
        None => false,
    };
    if let Some((arbiter, resolution)) = &plan.arbiter {
        if let Some(row) = arbiter.row(write, values, plan.now) {
            write.look_no_more();
            return match resolution {
                Resolution::Ignore => Ok(Outcome::Ignored),
                Resolution::Keep => Ok(Outcome::Record(Kept::Row(row))),
                Resolution::Update => update(write, plan, row, values),
            };
        }
    }
    // An INTEGER that was counted up is above every other.
    let above = made && matches!(values.first(), Some(ValueRef::Integer(_)));
    if let (Some(id), false) = (values.first(), above) {
        if write.make_way(id).is_some() {
            return Err(Error::new(
                Code::Duplicate,
                format!(
                    "there is a record with id {} already",
                    quoted(&id.text(&[]))
                ),
            ));
        }
    }
    let row = write.insert(values)?;
    Ok(match written(write, plan, row) {
        Outcome::Record(Kept::Row(row)) => Outcome::of(row, values),
        outcome => outcome,
    })
}

/// Makes the id that the server gives where the row gives none.
fn make_id(table: &Table, environment: &Environment, id: &mut ValueRef<'_>) -> Result<()> {
    match table.schema().id {
        IdType::Integer => {
            let next = table.highest_id().checked_add(1).ok_or_else(|| {
                Error::bad_value("there is no higher id to give: expected an id in the command")
            })?;
            *id = ValueRef::Integer(next);
        }
        IdType::Uuid => {
            let random = [(environment.random)(), (environment.random)()];
            *id = ValueRef::Uuid(uuid::version7(environment.now.get(), random));
        }
        IdType::String => {
            return Err(Error::new(
                Code::NotNull,
                "this table's ids are the caller's: expected a value for 'id', found none",
            ));
        }
    }
    Ok(())
}

/// ON CONFLICT UPDATE: sets the given fields of the record in the way.
fn update(write: &mut Write, plan: &Plan, row: Row, values: &[ValueRef]) -> Result<Outcome> {
    let given = plan.positions.iter();
    let given = given.filter_map(|position| Some((*position, *values.get(*position)?)));
    let unset = plan
        .unset
        .iter()
        .map(|position| (*position, ValueRef::Null));
    // The record in the way keeps its id.
    let fields = given.chain(unset).filter(|(position, _)| *position > 0);
    let changes = Changes {
        fields: fields
            .map(|(position, value)| (position, Change::Set(value)))
            .collect(),
        expiry: plan.request.expiry,
        now: plan.now,
    };
    changes.apply(write, row)?;
    Ok(written(write, plan, row))
}

/// A record that was written. One whose expiry lies in the past goes at once, before another takes
/// its row, and is answered as it was.
fn written(write: &mut Write, plan: &Plan, row: Row) -> Outcome {
    let past = matches!(plan.request.expiry, Some(Expiry::At(at)) if at <= plan.now);
    if !past || !write.table().is_expired(row, plan.now) {
        return Outcome::Record(Kept::Row(row));
    }
    let kept = Kept::bytes(write.table(), row);
    write.remove_expired(row);
    Outcome::Record(kept)
}

fn answer(
    table: &Table,
    outcomes: &[Outcome],
    shape: Option<&Shape>,
    many: bool,
    reply: &mut dyn Reply,
) {
    if many {
        reply.array(outcomes.len());
    }
    for outcome in outcomes {
        match (shape, outcome) {
            (Some(shape), _) => shape.record(table, outcome.record(table), reply),
            (None, Outcome::Numbered(_, id)) => reply.number(*id),
            (None, _) => match outcome.record(table) {
                Some(record) => reply.value(&record.value(0), &[]),
                None => reply.null(),
            },
        }
    }
}

const _: () = assert!(EXPIRY_WORDS.len() + 6 == WORDS.count());
