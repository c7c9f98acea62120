//! Values as commands give them: one token, or for TAGS the number of tags and the tags.

use smallvec::SmallVec;

use crate::{
    error::Result,
    schema::{Field, Schema},
    tokens::Tokens,
    value::{Type, ValueRef, tags::Tags},
};

/// What is expected where a value is to stand.
const VALUE: &str = "the field's value";

/// The tokens of one value.
pub type Given<'a> = &'a [&'a [u8]];

/// Values of fields, one after the other.
pub enum AllGiven<'a> {
    /// One token each.
    Single(&'a [&'a [u8]]),
    /// One token each, which stands behind the name of its field.
    Named(&'a [&'a [u8]]),
    /// In a table that has TAGS.
    Any(SmallVec<[Given<'a>; 8]>),
}

impl Default for AllGiven<'_> {
    fn default() -> Self {
        AllGiven::Single(&[])
    }
}

impl AllGiven<'_> {
    /// How many.
    pub fn count(&self) -> usize {
        match self {
            AllGiven::Single(tokens) => tokens.len(),
            AllGiven::Named(tokens) => tokens.len() / 2,
            AllGiven::Any(values) => values.len(),
        }
    }
}

/// The canonical sets of records' TAGS, in the order of their fields, for values to borrow.
pub type Sets = SmallVec<[Box<[u8]>; 1]>;

/// Takes values as a table's fields want them.
#[derive(Clone, Copy)]
pub struct Taker<'s> {
    /// The schema, where it has TAGS: else every value is one token.
    schema: Option<&'s Schema>,
}

impl<'s> Taker<'s> {
    /// Takes values for this table.
    pub fn new(schema: &'s Schema) -> Taker<'s> {
        Taker {
            schema: schema.has_tags().then_some(schema),
        }
    }

    /// Whether every value is one token.
    pub fn takes_one(self) -> bool {
        self.schema.is_none()
    }

    /// Takes the value of a field; `null` is the token that stands for null, and what is no field
    /// of the table has one token.
    ///
    /// # Errors
    /// Syntax.
    #[inline]
    pub fn value<'a>(
        self,
        tokens: &mut Tokens<'a>,
        field: &[u8],
        null: Option<&[u8]>,
    ) -> Result<Given<'a>> {
        match self.schema {
            Some(schema) => value_among_tags(schema, tokens, field, null),
            None => tokens.expect_one(VALUE),
        }
    }
}

/// [`Taker::value`] in a table that has TAGS.
#[inline(never)]
fn value_among_tags<'a>(
    schema: &Schema,
    tokens: &mut Tokens<'a>,
    field: &[u8],
    null: Option<&[u8]>,
) -> Result<Given<'a>> {
    if schema.is_tags(field) && (null.is_none() || tokens.peek() != null) {
        let before = tokens.clone();
        _ = take_tags(tokens)?;
        return Ok(tokens.since(&before));
    }
    tokens.expect_one(VALUE)
}

/// Takes the number of tags and the tags; answers the tags.
///
/// # Errors
/// Syntax.
pub fn take_tags<'a>(tokens: &mut Tokens<'a>) -> Result<Given<'a>> {
    let count = tokens.expect_count("the number of tags")?;
    tokens.take_many(usize::try_from(count).unwrap_or(usize::MAX), "tags")
}

/// Whether a value stands for null.
fn is_null(given: Given, null: Option<&[u8]>) -> bool {
    matches!((given, null), ([token], Some(null)) if *token == null)
}

/// Appends the canonical sets of those of a record's values that are TAGS.
///
/// # Errors
/// BADVALUE for a tag that is too long.
pub fn sets_into<'s>(
    fields: impl Iterator<Item = Option<&'s Field>>,
    row: &[Given],
    null: Option<&[u8]>,
    sets: &mut Sets,
) -> Result<()> {
    for (field, given) in fields.zip(row) {
        if let Some(field) = field.filter(|field| field.kind == Type::Tags) {
            if !is_null(given, null) {
                let tags = given.get(1..).unwrap_or_default();
                sets.push(field.kind.expect_tags(&field.name, tags)?);
            }
        }
    }
    Ok(())
}

/// Reads a value that is one token.
///
/// # Errors
/// BADVALUE.
pub fn one<'v>(field: &Field, given: Given<'v>, now: i64) -> Result<ValueRef<'v>> {
    let token = given.first().copied().unwrap_or_default();
    field.kind.expect(&field.name, token, now)
}

/// Reads one value into its place. Of TAGS it is the next of `sets`.
///
/// # Errors
/// BADVALUE.
#[inline]
pub fn read<'v>(
    field: &Field,
    given: Given<'v>,
    null: Option<&[u8]>,
    sets: &mut std::slice::Iter<'v, Box<[u8]>>,
    now: i64,
    value: &mut ValueRef<'v>,
) -> Result<()> {
    if field.kind == Type::Tags && !is_null(given, null) {
        let set = sets.next();
        *value = set.map_or(ValueRef::Null, |set| ValueRef::Tags(Tags::of(set)));
        return Ok(());
    }
    let token = given.first().copied().unwrap_or_default();
    read_one(field, token, null, now, value)
}

/// [`read`] of one token.
///
/// # Errors
/// BADVALUE.
#[inline]
pub fn read_one<'v>(
    field: &Field,
    token: &'v [u8],
    null: Option<&[u8]>,
    now: i64,
    value: &mut ValueRef<'v>,
) -> Result<()> {
    if null == Some(token) {
        *value = ValueRef::Null;
        return Ok(());
    }
    field.kind.expect_into(&field.name, token, now, value)
}
