//! The clauses that commands share: which records, which fields, until when.

use smallvec::SmallVec;

use crate::{
    error::{Error, Result, quoted},
    query::{OrderField, Predicate, Query, parse_order, parse_predicate},
    schema::{CHANGE_NUMBER, Schema},
    table::Table,
    tokens::{Keywords, Tokens},
    value::ValueRef,
};

/// Which records a command is about.
pub enum Target<'a> {
    /// The record of one id.
    Id(&'a [u8]),
    /// The records of these ids.
    Ids(&'a [&'a [u8]]),
    /// The records that a predicate matches.
    Where(Predicate<'a>),
}

impl<'a> Target<'a> {
    /// Reads an id, `IDS n id ...`, or `WHERE predicate`.
    pub fn parse(tokens: &mut Tokens<'a>) -> Result<Target<'a>> {
        if tokens.accept("WHERE") {
            return Ok(Target::Where(parse_predicate(tokens)?));
        }
        if tokens.accept("IDS") {
            let count = tokens.expect_count("the number of ids")?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            return Ok(Target::Ids(tokens.take_many(count, "ids")?));
        }
        Ok(Target::Id(tokens.expect_token("an id, IDS or WHERE")?))
    }
}

/// What UPDATE and DEL say alike: which records they are about, and what they answer.
#[derive(Default)]
pub struct Choice<'a> {
    /// Which records.
    pub records: Chosen<'a>,
    /// IF: what must hold of a record that an id names.
    pub condition: Option<Predicate<'a>>,
    /// What is answered.
    pub answer: Answer<'a>,
}

/// The records of a [`Choice`].
pub enum Chosen<'a> {
    /// The record of one id.
    Id(&'a [u8]),
    /// The records of these ids.
    Ids(&'a [&'a [u8]]),
    /// Those that a query finds.
    Query(Query<'a>),
}

impl Default for Chosen<'_> {
    fn default() -> Self {
        Chosen::Id(&[])
    }
}

impl<'a> Choice<'a> {
    /// Reads a target and all clauses behind it, up to the end of the command. `words` are the command's clauses;
    /// `own` takes one that is its alone, and `own_words` name those for an error. The choice is empty before:
    /// a request is large, and made where it is to be.
    ///
    /// # Errors
    /// Syntax.
    #[inline]
    pub fn read(
        &mut self,
        tokens: &mut Tokens<'a>,
        words: &Keywords,
        own_words: &str,
        mut own: impl FnMut(&mut Tokens<'a>) -> Result<bool>,
    ) -> Result<()> {
        let target = Target::parse(tokens)?;
        let by_query = matches!(target, Target::Where(_));
        let mut selection = Selection::default();
        while tokens.peek().is_some() {
            let before = tokens.clone();
            if self.answer.accept(tokens, words)? {
                continue;
            } else if !by_query && tokens.accept("IF") {
                let value = parse_predicate(tokens)?;
                once(&mut self.condition, value, &before)?;
            } else if own(tokens)? {
                continue;
            } else if !by_query || tokens.is("OFFSET") || !selection.accept(tokens, words)? {
                let clauses = match by_query {
                    true => "AND, OR, ORDER BY, LIMIT, RETURN, PACKED, SCAN",
                    false => "IF, RETURN, PACKED",
                };
                let expected = format!("{own_words}{clauses} or the end of the command");
                return Err(tokens.unexpected(&expected));
            }
        }
        self.records = match target {
            Target::Id(id) => Chosen::Id(id),
            Target::Ids(ids) => Chosen::Ids(ids),
            Target::Where(predicate) => Chosen::Query(selection.query(predicate)),
        };
        Ok(())
    }

    /// The query, where the records are those that one finds.
    pub fn query(self) -> Option<Query<'a>> {
        match self.records {
            Chosen::Query(query) => Some(query),
            Chosen::Id(_) | Chosen::Ids(_) => None,
        }
    }
}

/// Reads the names of fields up to the end or a bare word of `words`, the command's clauses.
/// At least one; none twice.
pub fn field_list<'a>(tokens: &mut Tokens<'a>, words: &Keywords) -> Result<Vec<&'a [u8]>> {
    let mut fields: Vec<&[u8]> = Vec::new();
    while tokens.peek().is_some() && !tokens.is_among(words) {
        let before = tokens.clone();
        let field = tokens.expect_token("a field")?;
        if fields.contains(&field) {
            return Err(before.unexpected("each field once"));
        }
        if fields.len() >= crate::schema::MAX_NAMED {
            return Err(before.unexpected("at most 1029 fields"));
        }
        fields.push(field);
    }
    match fields.is_empty() {
        true => Err(tokens.unexpected("a field's name")),
        false => Ok(fields),
    }
}

/// Each clause may stand once.
pub fn once<T>(slot: &mut Option<T>, value: T, before: &Tokens) -> Result<()> {
    match slot {
        Some(_) => Err(before.unexpected("each clause once")),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// A switch such as SCAN may stand once.
pub fn switch(slot: &mut bool, before: &Tokens) -> Result<()> {
    if *slot {
        return Err(before.unexpected("each clause once"));
    }
    *slot = true;
    Ok(())
}

/// Where fields stand in a schema. So many find room without an allocation.
pub type Positions = SmallVec<[usize; 12]>;

/// Which fields of a record a reply holds.
pub enum Return<'a> {
    /// All that `*` means.
    Everything,
    /// These.
    Fields(Vec<&'a [u8]>),
}

impl<'a> Return<'a> {
    /// Reads what follows RETURN.
    pub fn parse(tokens: &mut Tokens<'a>, words: &Keywords) -> Result<Return<'a>> {
        Ok(if tokens.accept("*") || tokens.accept("ALL") {
            Return::Everything
        } else {
            Return::Fields(field_list(tokens, words)?)
        })
    }

    /// The positions of the fields.
    pub fn resolve(&self, schema: &Schema) -> Result<Positions> {
        match self {
            Return::Everything => Ok(schema.visible().collect()),
            Return::Fields(fields) => positions(schema, fields),
        }
    }
}

/// The positions of fields by their names.
pub fn positions(schema: &Schema, fields: &[&[u8]]) -> Result<Positions> {
    let mut positions = Positions::new();
    positions_into(schema, fields, &mut positions)?;
    Ok(positions)
}

/// [`positions`] in the place where they are to be.
pub fn positions_into(schema: &Schema, fields: &[&[u8]], positions: &mut Positions) -> Result<()> {
    let (mut next, mut end) = (0, 0);
    for field in fields {
        let position = schema.position_near(field, next)?;
        // Fields are mostly named in their order: one behind all others is none of them.
        if position < end && positions.contains(&position) {
            return Err(Error::syntax(format!(
                "syntax error: field {} stands twice",
                quoted(field)
            )));
        }
        next = position + 1;
        end = end.max(next);
        positions.push(position);
    }
    Ok(())
}

/// That a field is one that a command may give a value: not one that YARR keeps itself.
///
/// # Errors
/// BADVALUE.
pub fn writable(schema: &Schema, position: usize) -> Result<()> {
    if position == schema.expires_at() {
        return Err(Error::read_only(
            "expires_at",
            "use EX, PX, EXAT, PXAT or PERSIST",
        ));
    }
    if Some(position) == schema.change_number() {
        return Err(Error::read_only(
            CHANGE_NUMBER,
            "each write is given its own",
        ));
    }
    Ok(())
}

/// RETURN and PACKED, as they are gathered.
#[derive(Default)]
pub struct Answer<'a> {
    /// The fields that RETURN names.
    pub fields: Option<Return<'a>>,
    /// Whether the records are answered as one string.
    pub packed: bool,
}

impl<'a> Answer<'a> {
    /// Takes one of the clauses where one begins here. `words` are the command's clauses.
    pub fn accept(&mut self, tokens: &mut Tokens<'a>, words: &Keywords) -> Result<bool> {
        let before = tokens.clone();
        if tokens.accept("RETURN") {
            let fields = Return::parse(tokens, words)?;
            once(&mut self.fields, fields, &before)?;
        } else if tokens.accept("PACKED") {
            switch(&mut self.packed, &before)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// That this may be asked of a command that answers ids and numbers unless RETURN asks for records.
    ///
    /// # Errors
    /// Syntax.
    pub fn check_of_write(&self) -> Result<()> {
        match self.packed && self.fields.is_none() {
            true => Err(Error::syntax(
                "syntax error: PACKED goes with RETURN here; add RETURN * or RETURN and fields",
            )),
            false => Ok(()),
        }
    }
}

/// Until when a record lives after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// So many milliseconds from now.
    In(i64),
    /// Until this time, in milliseconds since 1970 UTC.
    At(i64),
    /// Without an end.
    Persist,
    /// As it was before the write.
    Keep,
}

/// The words that begin an expiry clause.
pub const EXPIRY_WORDS: [&str; 6] = ["EX", "PX", "EXAT", "PXAT", "PERSIST", "KEEPTTL"];

impl Expiry {
    /// Reads an expiry clause where one begins here.
    pub fn accept(tokens: &mut Tokens) -> Result<Option<Expiry>> {
        if tokens.accept("PERSIST") {
            return Ok(Some(Expiry::Persist));
        }
        if tokens.accept("KEEPTTL") {
            return Ok(Some(Expiry::Keep));
        }
        for (word, factor, absolute) in [
            ("EX", 1000, false),
            ("PX", 1, false),
            ("EXAT", 1000, true),
            ("PXAT", 1, true),
        ] {
            if tokens.accept(word) {
                return Expiry::parse(tokens, word, factor, absolute).map(Some);
            }
        }
        Ok(None)
    }

    fn parse(tokens: &mut Tokens, word: &str, factor: i64, absolute: bool) -> Result<Expiry> {
        let token = tokens.peek().unwrap_or_default();
        let number = tokens.expect_integer("a time to live or a time")?;
        let milliseconds = number.checked_mul(factor);
        match (milliseconds, absolute) {
            (Some(at), true) => Ok(Expiry::At(at)),
            (Some(span), false) if span > 0 => Ok(Expiry::In(span)),
            _ => Err(Error::bad_value(format!(
                "{word}: expected {}, found {}",
                if absolute {
                    "a time within 64 bits of milliseconds"
                } else {
                    "a time to live above 0"
                },
                quoted(token)
            ))),
        }
    }

    /// The value of `expires_at` after a write at `now`: what the clause says, else the table's
    /// time to live anew, else what it was.
    pub fn after(
        clause: Option<Expiry>,
        ttl: Option<i64>,
        before: ValueRef<'static>,
        now: i64,
    ) -> Result<ValueRef<'static>> {
        let from_now = |span: i64| match now.checked_add(span) {
            Some(at) => Ok(ValueRef::DateTime(at)),
            None => Err(Error::bad_value(
                "the time to live ends beyond 64 bits of milliseconds",
            )),
        };
        match (clause, ttl) {
            (Some(Expiry::In(span)), _) | (None, Some(span)) => from_now(span),
            (Some(Expiry::At(at)), _) => Ok(ValueRef::DateTime(at)),
            (Some(Expiry::Persist), _) => Ok(ValueRef::Null),
            (Some(Expiry::Keep), _) | (None, None) => Ok(before),
        }
    }
}

/// ORDER BY, LIMIT, OFFSET and SCAN, as they are gathered.
#[derive(Default)]
pub struct Selection<'a> {
    order: Option<Vec<OrderField<'a>>>,
    /// How many at most.
    pub limit: Option<u64>,
    /// How many are passed over.
    pub offset: Option<u64>,
    scan: bool,
}

impl<'a> Selection<'a> {
    /// Takes one of the clauses where one begins here. `words` are the command's clauses.
    pub fn accept(&mut self, tokens: &mut Tokens<'a>, words: &Keywords) -> Result<bool> {
        let before = tokens.clone();
        if tokens.accept("ORDER") {
            tokens.expect("BY")?;
            let order = parse_order(tokens, words)?;
            once(&mut self.order, order, &before)?;
        } else if tokens.accept("LIMIT") {
            let limit = tokens.expect_count("a number of records, 0 at least")?;
            once(&mut self.limit, limit, &before)?;
        } else if tokens.accept("OFFSET") {
            let offset = tokens.expect_count("a number of records, 0 at least")?;
            once(&mut self.offset, offset, &before)?;
        } else if tokens.accept("SCAN") {
            switch(&mut self.scan, &before)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The query that a predicate and these clauses make.
    pub fn query(self, predicate: Predicate<'a>) -> Query<'a> {
        Query {
            predicate,
            order: self.order.unwrap_or_default(),
            limit: self.limit,
            offset: self.offset.unwrap_or(0),
            scan: self.scan,
        }
    }
}

/// Reads an id of the table's type.
pub fn parse_id<'a>(table: &Table, token: &'a [u8]) -> Result<ValueRef<'a>> {
    table.schema().id.kind().expect("id", token, 0)
}
