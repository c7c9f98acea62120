//! From a predicate as written to a filter: fields found, values read, NOT pushed inward.

use std::ops::Bound;

use super::{
    filter::{Condition, Filter, Node, Tagged},
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
        tags::Tags,
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

/// What a filter leaves of which a condition holds too.
pub(super) fn narrowed(filter: &Filter, condition: Condition) -> Filter {
    Filter {
        root: combine(vec![filter.root.clone(), Node::Field(condition)], true),
    }
}

fn resolve(schema: &Schema, node: &predicate::Node, negated: bool, now: i64) -> Result<Node> {
    let (parts, all) = match node {
        predicate::Node::Not(part) => return resolve(schema, part, !negated, now),
        predicate::Node::Condition(condition) => {
            return match condition.test {
                Test::Contains { tags, all } => {
                    contains(schema, condition.field, tags, all, negated)
                }
                _ => field(schema, condition, negated, now).map(Node::Field),
            };
        }
        predicate::Node::And(parts) => (parts, !negated),
        predicate::Node::Or(parts) => (parts, negated),
    };
    let parts = parts.iter().map(|part| resolve(schema, part, negated, now));
    Ok(combine(parts.collect::<Result<Vec<Node>>>()?, all))
}

/// Joins parts by AND (`all`) or OR: those of the same kind are taken in, and the conditions of
/// one field become one.
fn combine(mut parts: Vec<Node>, all: bool) -> Node {
    if are_apart(&mut parts) {
        return match all {
            true => Node::All(parts),
            false => Node::Any(parts),
        };
    }
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

/// Whether each part is a condition on a field of its own, as mostly; then they are put in order.
fn are_apart(parts: &mut [Node]) -> bool {
    let position = |part: &Node| match part {
        Node::Field(condition) => Some(condition.position),
        _ => None,
    };
    if parts.len() < 2 || parts.iter().any(|part| position(part).is_none()) {
        return false;
    }
    parts.sort_by_key(position);
    let mut pairs = parts.windows(2);
    pairs.all(|pair| matches!(pair, [a, b] if position(a) != position(b)))
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

/// The parts of CONTAINS: one a tag, all or any of them. An unknown, which null is, is no match.
fn contains(
    schema: &Schema,
    field: &[u8],
    tags: &[&[u8]],
    all: bool,
    negated: bool,
) -> Result<Node> {
    let position = schema.position(field)?;
    let field = schema.field(position)?;
    if field.kind != Type::Tags {
        return Err(Error::bad_value(format!(
            "field '{}' is {}: CONTAINS is for TAGS; use = or IN",
            field.name,
            field.kind.word()
        )));
    }
    let tags = field.kind.expect_tags(&field.name, tags)?;
    let served = serve::leads(schema, position, false);
    let part = |tag: &[u8]| {
        Node::Tag(Tagged {
            position,
            tag: tag.into(),
            wanted: !negated,
            served: served && !negated,
        })
    };
    let parts: Vec<Node> = Tags::of(&tags).iter().map(part).collect();
    if parts.is_empty() {
        // All of none are in every set, any of none in no set.
        let values = match all != negated {
            true => ValueSet::not_null(),
            false => ValueSet::nothing(),
        };
        return Ok(Node::Field(Condition {
            position,
            values,
            servable: true,
            served,
        }));
    }
    Ok(combine(parts, all != negated))
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
            Test::Contains { .. } => return Err(Error::internal("CONTAINS is read elsewhere")),
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
            Type::Tags => Err(Error::bad_value(format!(
                "field '{}' is TAGS: expected CONTAINS, CONTAINS ANY, CONTAINS ALL or IS [NOT] NULL, found another comparison",
                self.field.name
            ))),
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

#[cfg(test)]
mod tests {
    use super::{
        super::{fixture::*, select},
        *,
    };
    use crate::{table::Table, value::ValueRef};

    /// A table with a field of each type, and records in the order of their values.
    fn typed() -> Table {
        let mut table = table(
            "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME \
             ADD FIELD s STRING ADD FIELD u UUID ADD FIELD e ENUM ( low mid high ) TIMESTAMPS OFF",
        );
        let text = |text: &str| Value::String(text.as_bytes().into());
        let values: [[Value; 7]; 5] = [
            [
                Value::Integer(i64::MIN),
                Value::Float(f64::MIN),
                Value::Boolean(false),
                Value::DateTime(-1),
                text(""),
                Value::Uuid([0; 16]),
                Value::Enum(0),
            ],
            [
                Value::Integer(5),
                Value::Float(0.1),
                Value::Boolean(false),
                Value::DateTime(1000),
                text("a"),
                Value::Uuid([1; 16]),
                Value::Enum(0),
            ],
            [
                Value::Integer(6),
                Value::Float(9_007_199_254_740_992.0),
                Value::Boolean(true),
                Value::DateTime(1_357_034_400_000),
                text("ab"),
                Value::Uuid([2; 16]),
                Value::Enum(1),
            ],
            [
                Value::Integer(i64::MAX),
                Value::Float(f64::MAX),
                Value::Boolean(true),
                Value::DateTime(i64::MAX),
                text("b\u{0}"),
                Value::Uuid([255; 16]),
                Value::Enum(2),
            ],
            [const { Value::Null }; 7],
        ];
        for (at, values) in values.into_iter().enumerate() {
            let mut record = vec![Value::Integer(at as i64 + 1)];
            record.extend(values);
            record.push(Value::Null);
            put(&mut table, &record);
        }
        table
    }

    #[test]
    fn a_condition_matches_the_values_it_says() {
        let table = typed();
        for (line, expected) in [
            ("i = 5", "2"),
            ("i = 5.0", "2"),
            ("i = 5e0", "2"),
            ("i = 5.5", ""),
            ("i != 5.5", "1234"),
            ("i < 5.5", "12"),
            ("i <= 5.5", "12"),
            ("i > 5.5", "34"),
            ("i >= 5.5", "34"),
            ("i BETWEEN 4.5 AND 5.5", "2"),
            ("i BETWEEN 5.1 AND 5.9", ""),
            ("NOT i BETWEEN 5.1 AND 5.9", "1234"),
            ("i IN 3 5 5.5 5.0", "2"),
            ("i > 9223372036854775807", ""),
            ("i >= 9223372036854775807", "4"),
            ("i < 9223372036854775808", "1234"),
            ("i <= 9223372036854775807.5", "1234"),
            ("i >= 9223372036854775807.5", ""),
            ("i = 9223372036854775808", ""),
            ("NOT i >= 9223372036854775808", "1234"),
            ("i < -9223372036854775808", ""),
            ("i <= -9223372036854775808", "1"),
            ("i >= -9223372036854775809", "1234"),
            ("i < 1e400", "1234"),
            ("i > -1e400", "1234"),
            ("i <= -1e400", ""),
            ("i BETWEEN -1e400 AND 1e400", "1234"),
            ("f = 9007199254740992", "3"),
            ("f = 9007199254740993", ""),
            ("f != 9007199254740993", "1234"),
            ("f < 9007199254740993", "123"),
            ("f >= 9007199254740993", "4"),
            ("f > 9007199254740991", "34"),
            ("f = 0.1", "2"),
            ("f <= 1e400", "1234"),
            ("f >= 1e400", ""),
            ("f > -1e400", "1234"),
            ("b = TRUE", "34"),
            ("b > 0", "34"),
            ("b != true", "12"),
            ("d = 2013-01-01T10:00:00Z", "3"),
            ("d < now", "12"),
            ("d <= now", "12"),
            ("d = now-1s", "2"),
            ("d > 999.5", "234"),
            ("s = ''", "1"),
            ("s STARTS WITH ''", "1234"),
            ("s STARTS WITH a", "23"),
            ("NOT s STARTS WITH a", "14"),
            ("s BETWEEN a AND ab", "23"),
            ("s > ab", "4"),
            ("u = 01010101010101010101010101010101", "2"),
            ("u < ffffffff-ffff-ffff-ffff-ffffffffffff", "123"),
            ("e < high", "123"),
            ("e BETWEEN high AND low", ""),
            ("e IN 3 high high low", "124"),
            ("i IS NULL", "5"),
            ("NOT i IS NULL", "1234"),
            ("NOT i IS NOT NULL", "5"),
            ("i IN 0", ""),
            ("NOT i IN 0", "1234"),
            ("i BETWEEN 6 AND 5", ""),
            ("NOT i BETWEEN 6 AND 5", "1234"),
            ("NOT ( i = 5 OR s = ab )", "14"),
            ("NOT ( i = 5 AND s = ab )", "1234"),
            ("NOT ( i IS NULL OR i = 5 )", "134"),
            ("i > 5 AND i < 9223372036854775807", "3"),
            ("i = 5 OR i IS NULL", "25"),
            ("i = 5 AND i IS NULL", ""),
            ("id = 3 OR id = 5", "35"),
            ("expires_at IS NULL", "12345"),
        ] {
            let line = words(line);
            let filter = filter(table.schema(), &predicate(&line).unwrap(), 2000).unwrap();
            let matched: Vec<String> = (1..=5)
                .filter(|id| {
                    let row = table.row(&ValueRef::Integer(*id)).unwrap();
                    filter.matches(&table.record(row).unwrap())
                })
                .map(|id| id.to_string())
                .collect();
            assert_eq!(
                matched.concat(),
                expected,
                "{:?}",
                String::from_utf8_lossy(&line.join(&b' '))
            );
            // And the same through a walk.
            let found = select(&table, &query(&line, &[b"id"]), || 2000, 10).unwrap();
            let found: Vec<String> = ids(&table, &found).iter().map(i64::to_string).collect();
            assert_eq!(found.concat(), expected);
        }
    }

    #[test]
    fn what_does_not_fit_its_field_is_refused() {
        let table = typed();
        for (line, expected) in [
            (
                "i = x",
                "BADVALUE field 'i' is INTEGER: expected a number, found 'x'",
            ),
            ("i = nan", "BADVALUE field 'i' is INTEGER"),
            ("i = ''", "found ''"),
            (
                "f = inf",
                "BADVALUE field 'f' is FLOAT: expected a finite number, found 'inf'",
            ),
            ("f > NaN", "BADVALUE"),
            ("b = 2", "BADVALUE field 'b' is BOOLEAN"),
            ("d = yesterday", "BADVALUE field 'd' is DATETIME"),
            ("u = 5", "BADVALUE field 'u' is UUID"),
            (
                "e = none",
                "BADVALUE field 'e' is ENUM: expected one of low, mid, high, found 'none'",
            ),
            ("i IN 2 1 x", "BADVALUE"),
            ("i BETWEEN x AND 1", "BADVALUE"),
            ("i = 1 OR b = 2", "BADVALUE"),
            (
                "i STARTS WITH 1",
                "BADVALUE field 'i' is INTEGER: STARTS WITH is for STRING",
            ),
            ("none = 1", "NOFIELD there is no field 'none'"),
            ("@@i = 1", "NOFIELD"),
            ("I = 1", "NOFIELD"),
        ] {
            let line = words(line);
            let error = error(filter(table.schema(), &predicate(&line).unwrap(), 0)).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
