//! ORDER BY: as written, and resolved to positions that end with `id`.

use super::predicate::{Digest, field_name};
use crate::{
    error::{Error, Result, quoted},
    schema::Schema,
    table::Record,
    tokens::{Keywords, Tokens},
    value::{Type, ValueRef},
};

/// A field of ORDER BY as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderField<'a> {
    /// The field's token, perhaps with its `@`.
    pub field: &'a [u8],
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// Reads what follows ORDER BY, up to the end or a bare word of `words`, the command's clauses.
///
/// # Errors
/// Syntax: no field, or one field twice.
pub fn parse_order<'a>(tokens: &mut Tokens<'a>, words: &Keywords) -> Result<Vec<OrderField<'a>>> {
    let mut order: Vec<OrderField> = Vec::new();
    while tokens.peek().is_some() && !tokens.is_among(words) {
        let before = tokens.clone();
        let field = tokens.expect_token("a field")?;
        if order
            .iter()
            .any(|f| field_name(f.field) == field_name(field))
        {
            return Err(before.unexpected("each field of ORDER BY once"));
        }
        if order.len() >= crate::schema::MAX_NAMED {
            return Err(before.unexpected("at most 1029 fields"));
        }
        let descending = tokens.accept("DESC");
        if !descending {
            tokens.accept("ASC");
        }
        order.push(OrderField { field, descending });
    }
    match order.is_empty() {
        true => Err(tokens.unexpected("a field to order by")),
        false => Ok(order),
    }
}

/// A field that records are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorting {
    /// The field.
    pub(super) position: usize,
    /// Whether the greatest comes first.
    pub(super) descending: bool,
}

/// A total order of a table's records: the last field is `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// The fields, the first one first.
    pub(super) fields: Vec<Sorting>,
}

impl Order {
    /// Resolves an order. What would follow `id` says nothing, and none without fields is by id.
    ///
    /// # Errors
    /// NOFIELD; syntax where a field stands twice.
    pub(super) fn resolve(schema: &Schema, order: &[OrderField]) -> Result<Order> {
        let mut fields: Vec<Sorting> = Vec::with_capacity(order.len() + 1);
        for written in order {
            let position = schema.position(written.field)?;
            if fields.iter().any(|field| field.position == position) {
                return Err(Error::syntax(format!(
                    "syntax error: expected each field of ORDER BY once, found {} twice",
                    quoted(written.field)
                )));
            }
            let field = schema.field(position)?;
            if field.kind == Type::Tags {
                return Err(Error::bad_value(format!(
                    "field '{}' is TAGS, which have no order: expected another field after ORDER BY",
                    field.name
                )));
            }
            fields.push(Sorting {
                position,
                descending: written.descending,
            });
        }
        match fields.iter().position(|field| field.position == 0) {
            Some(id) => fields.truncate(id + 1),
            None => fields.push(Sorting {
                position: 0,
                descending: fields.last().is_some_and(|field| field.descending),
            }),
        }
        Ok(Order { fields })
    }

    /// Appends the bytes that sort as the records do.
    pub(super) fn key_into(&self, record: &Record<'_>, key: &mut Vec<u8>) {
        for field in &self.fields {
            field.key_into(&record.value(field.position), key);
        }
    }

    /// Adds to a hash which fields these are, by number and type, and their directions.
    pub(super) fn digest(&self, schema: &Schema, digest: &mut Digest) {
        for sorting in &self.fields {
            if let Some(field) = schema.fields.get(sorting.position) {
                digest.add(&field.number.to_le_bytes());
                digest.add(field.kind.word().as_bytes());
                digest.add(&[u8::from(sorting.descending)]);
            }
        }
    }
}

impl Sorting {
    fn key_into(&self, value: &ValueRef<'_>, key: &mut Vec<u8>) {
        let start = key.len();
        value.key_into(key);
        self.turn(key, start);
    }

    /// Turns key bytes from `start` on into bytes that sort in this direction, or back. No key is
    /// a prefix of another of its type, so the complement of every byte reverses the order.
    pub(super) fn turn(&self, key: &mut [u8], start: usize) {
        if self.descending {
            key.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn an_order_ends_at_a_clause_and_has_each_field_once() {
        let order = |line: &str| {
            let args = words(line);
            let mut tokens = Tokens::new(&args);
            let order = parse_order(&mut tokens, &Keywords::of(&["LIMIT", "COUNT"])).map(|order| {
                order
                    .iter()
                    .map(|f| {
                        format!(
                            "{}{}",
                            String::from_utf8_lossy(f.field),
                            if f.descending { "-" } else { "+" }
                        )
                    })
                    .collect::<Vec<_>>()
                    .join(" ")
            });
            match order {
                Ok(order) => format!("{order} ({} left)", tokens.left()),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(order("a"), "a+ (0 left)");
        assert_eq!(order("a asc b desc c limit 5"), "a+ b- c+ (2 left)");
        assert_eq!(order("@count DESC count"), "@count- (1 left)");
        assert_eq!(order("@asc @desc DESC"), "@asc+ @desc- (0 left)");
        assert!(order("a @a").contains("each field of ORDER BY once at argument 3, found '@a'"));
        assert!(order("").contains("a field to order by at argument 2"));
        assert!(order("LIMIT 5").contains("a field to order by at argument 2, found 'LIMIT'"));
    }
}
