//! From a predicate as written to a filter: fields found, values read, NOT pushed inward.

use std::ops::Bound;

use super::{
    filter::{Condition, Filter, Node},
    predicate::{self, Comparison, Predicate, Test},
    serve,
    value_set::ValueSet,
};
use crate::{
    error::{Error, Result, quoted},
    schema::{Field, Schema},
    value::{
        Type, Value, datetime,
        key::{Interval, after_prefix},
        number::{Place, place_float, place_integer},
    },
};

/// Resolves a predicate. `now` is the instant that `now` in it means.
///
/// # Errors
/// NOFIELD; BADVALUE naming the field, what was expected and what was found.
pub fn filter(schema: &Schema, predicate: &Predicate<'_>, now: i64) -> Result<Filter> {
    let root = match predicate {
        Predicate::Everything => return Ok(Filter::everything()),
        Predicate::Where(node) => resolve(schema, node, false, now)?,
    };
    Ok(Filter { root })
}

fn resolve(schema: &Schema, node: &predicate::Node, negated: bool, now: i64) -> Result<Node> {
    let (parts, all) = match node {
        predicate::Node::Not(part) => return resolve(schema, part, !negated, now),
        predicate::Node::Condition(condition) => {
            return Ok(Node::Field(field(schema, condition, negated, now)?));
        }
        predicate::Node::And(parts) => (parts, !negated),
        predicate::Node::Or(parts) => (parts, negated),
    };
    let parts = parts.iter().map(|part| resolve(schema, part, negated, now));
    Ok(combine(parts.collect::<Result<Vec<Node>>>()?, all))
}

/// Joins parts by AND (`all`) or OR: those of the same kind are taken in, and the conditions of
/// one field become one.
fn combine(parts: Vec<Node>, all: bool) -> Node {
    let mut fields = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            Node::All(inner) if all => split(inner, &mut fields, &mut others),
            Node::Any(inner) if !all => split(inner, &mut fields, &mut others),
            part => split(vec![part], &mut fields, &mut others),
        }
    }
    let mut joined = join(fields, all);
    joined.append(&mut others);
    match (joined.len(), joined.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            joined.extend(last);
            if all {
                Node::All(joined)
            } else {
                Node::Any(joined)
            }
        }
    }
}

fn split(parts: Vec<Node>, fields: &mut Vec<Condition>, others: &mut Vec<Node>) {
    for part in parts {
        match part {
            Node::Field(condition) => fields.push(condition),
            other => others.push(other),
        }
    }
}

/// One condition a field. AND is served if either side is, OR if both are.
fn join(mut fields: Vec<Condition>, all: bool) -> Vec<Node> {
    fields.sort_by_key(|condition| condition.position);
    let mut joined = Vec::new();
    let mut rest = fields.into_iter().peekable();
    while let Some(mut first) = rest.next() {
        let mut sets = Vec::new();
        while let Some(next) = rest.next_if(|next| next.position == first.position) {
            let either = |a: bool, b: bool| if all { a || b } else { a && b };
            first.servable = either(first.servable, next.servable);
            first.served = either(first.served, next.served);
            sets.push(next.values);
        }
        if !sets.is_empty() {
            sets.push(first.values);
            first.values = match all {
                true => ValueSet::intersection(sets),
                false => ValueSet::union(sets),
            };
        }
        joined.push(Node::Field(first));
    }
    joined
}

fn field(
    schema: &Schema,
    condition: &predicate::Condition,
    negated: bool,
    now: i64,
) -> Result<Condition> {
    let position = schema.position(condition.field)?;
    let reader = Reader {
        field: schema.field(position)?,
        now,
    };
    let (values, servable) = reader.read(&condition.test, negated)?;
    Ok(Condition {
        served: servable && serve::leads(schema, position, values.null),
        position,
        values,
        servable,
    })
}

/// Reads the values that a condition gives for a field.
struct Reader<'s> {
    field: &'s Field,
    now: i64,
}

impl Reader<'_> {
    /// The values a test accepts, and whether an index may serve it as it is written.
    fn read(&self, test: &Test, negated: bool) -> Result<(ValueSet, bool)> {
        let (values, servable) = match test {
            Test::Compare(comparison, token) => {
                let comparison = if negated {
                    comparison.negated()
                } else {
                    *comparison
                };
                let values = self.compare(comparison, token)?;
                return Ok((values, comparison != Comparison::NotEqual));
            }
            Test::IsNull | Test::IsNotNull => {
                let null = (*test == Test::IsNull) != negated;
                let values = if null {
                    ValueSet::null()
                } else {
                    ValueSet::not_null()
                };
                return Ok((values, true));
            }
            Test::Between(low, high) => (self.between(low, high)?, true),
            Test::In(tokens) => (self.any_of(tokens)?, !negated),
            Test::StartsWith(prefix) => (self.starts_with(prefix)?, !negated),
        };
        Ok(match negated {
            true => (values.complement(), servable),
            false => (values, servable),
        })
    }

    fn compare(&self, comparison: Comparison, token: &[u8]) -> Result<ValueSet> {
        let place = self.place(token)?;
        let (low, high) = match comparison {
            Comparison::Equal => return Ok(exactly(place)),
            Comparison::NotEqual => return Ok(exactly(place).complement()),
            Comparison::Less => (Some(Bound::Unbounded), below(place)),
            Comparison::LessOrEqual => (Some(Bound::Unbounded), to(place)),
            Comparison::Greater => (above(place), Some(Bound::Unbounded)),
            Comparison::GreaterOrEqual => (from(place), Some(Bound::Unbounded)),
        };
        Ok(within(low, high))
    }

    fn between(&self, low: &[u8], high: &[u8]) -> Result<ValueSet> {
        Ok(within(from(self.place(low)?), to(self.place(high)?)))
    }

    fn any_of(&self, tokens: &[&[u8]]) -> Result<ValueSet> {
        let mut points = Vec::with_capacity(tokens.len());
        for token in tokens {
            points.append(&mut exactly(self.place(token)?).intervals);
        }
        Ok(ValueSet::of(points))
    }

    fn starts_with(&self, prefix: &[u8]) -> Result<ValueSet> {
        if self.field.kind != Type::String {
            return Err(Error::bad_value(format!(
                "field '{}' is {}: STARTS WITH is for STRING; use BETWEEN or a comparison",
                self.field.name,
                self.field.kind.word()
            )));
        }
        Ok(ValueSet::interval(match prefix.is_empty() {
            true => Interval::EVERYTHING,
            false => Interval {
                low: Bound::Included(Value::String(prefix.into())),
                high: after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded),
            },
        }))
    }

    /// Where a token's value falls among the field's.
    fn place(&self, token: &[u8]) -> Result<Place<Value>> {
        match &self.field.kind {
            Type::Integer => match place_integer(token) {
                Some(place) => Ok(map(place, Value::Integer)),
                None => Err(self.refuse("a number", token)),
            },
            Type::Float => match place_float(token) {
                Some(place) => Ok(map(place, Value::Float)),
                None => Err(self.refuse("a finite number", token)),
            },
            Type::DateTime => match datetime::parse(token, self.now) {
                Some(time) => Ok(at(Value::DateTime(time))),
                None => match place_integer(token) {
                    Some(place) => Ok(map(place, Value::DateTime)),
                    None => Err(self.refuse(&self.field.kind.expectation(), token)),
                },
            },
            kind => Ok(at(kind
                .expect(&self.field.name, token, self.now)?
                .to_value())),
        }
    }

    fn refuse(&self, expected: &str, token: &[u8]) -> Error {
        Error::bad_value(format!(
            "field '{}' is {}: expected {expected}, found {}",
            self.field.name,
            self.field.kind.word(),
            quoted(token)
        ))
    }
}

fn at(value: Value) -> Place<Value> {
    Place {
        floor: Some(value.clone()),
        ceiling: Some(value),
    }
}

fn map<T>(place: Place<T>, value: impl Fn(T) -> Value) -> Place<Value> {
    Place {
        floor: place.floor.map(&value),
        ceiling: place.ceiling.map(&value),
    }
}

/// The value itself, where the type has it.
fn exactly(place: Place<Value>) -> ValueSet {
    match (place.floor, place.ceiling) {
        (Some(floor), Some(ceiling)) if floor == ceiling => {
            ValueSet::interval(Interval::exactly(floor))
        }
        _ => ValueSet::nothing(),
    }
}

/// `< v`: a number beyond the type's end is above every value.
fn below(place: Place<Value>) -> Option<Bound<Value>> {
    Some(place.ceiling.map_or(Bound::Unbounded, Bound::Excluded))
}

/// `> v`: a number before the type's start is below every value.
fn above(place: Place<Value>) -> Option<Bound<Value>> {
    Some(place.floor.map_or(Bound::Unbounded, Bound::Excluded))
}

/// `<= v`; `None` where no value is.
fn to(place: Place<Value>) -> Option<Bound<Value>> {
    place.floor.map(Bound::Included)
}

/// `>= v`; `None` where no value is.
fn from(place: Place<Value>) -> Option<Bound<Value>> {
    place.ceiling.map(Bound::Included)
}

fn within(low: Option<Bound<Value>>, high: Option<Bound<Value>>) -> ValueSet {
    match (low, high) {
        (Some(low), Some(high)) => ValueSet::interval(Interval { low, high }),
        _ => ValueSet::nothing(),
    }
}
