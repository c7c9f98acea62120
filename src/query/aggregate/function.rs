//! The functions of an aggregate: as written, and resolved to positions.

use crate::{
    error::{Error, Result},
    query::predicate::field_name,
    schema::{Field, MAX_NAMED, Schema},
    tokens::{Keywords, Tokens},
    value::Kind,
};

/// What is asked of the records of a group. `F` is the field: its token, or its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function<F> {
    /// How many there are.
    Count,
    /// How many values the field has, nulls apart.
    CountDistinct(F),
    /// The sum of the field.
    Sum(F),
    /// Its mean.
    Average(F),
    /// Its least value.
    Least(F),
    /// Its greatest value.
    Greatest(F),
}

impl<F: Copy> Function<F> {
    /// The field.
    pub fn field(self) -> Option<F> {
        match self {
            Function::Count => None,
            Function::CountDistinct(field)
            | Function::Sum(field)
            | Function::Average(field)
            | Function::Least(field)
            | Function::Greatest(field) => Some(field),
        }
    }

    /// The same function of something that stands for the field.
    pub(super) fn of<G>(self, field: G) -> Function<G> {
        match self {
            Function::Count => Function::Count,
            Function::CountDistinct(_) => Function::CountDistinct(field),
            Function::Sum(_) => Function::Sum(field),
            Function::Average(_) => Function::Average(field),
            Function::Least(_) => Function::Least(field),
            Function::Greatest(_) => Function::Greatest(field),
        }
    }

    /// The function's word in a command.
    fn word(self) -> &'static str {
        match self {
            Function::Count => "COUNT",
            Function::CountDistinct(_) => "COUNT DISTINCT",
            Function::Sum(_) => "SUM",
            Function::Average(_) => "AVG",
            Function::Least(_) => "MIN",
            Function::Greatest(_) => "MAX",
        }
    }
}

impl<'a> Function<&'a [u8]> {
    /// Reads a function where one begins here, which none of `before` may be. `words` are the
    /// command's clauses.
    ///
    /// # Errors
    /// Syntax: no field, or a function twice.
    pub fn accept(
        tokens: &mut Tokens<'a>,
        words: &Keywords,
        before: &[Function<&'a [u8]>],
    ) -> Result<Option<Function<&'a [u8]>>> {
        let start = tokens.clone();
        let nameless: Function<()> = if tokens.accept("COUNT") {
            match tokens.accept("DISTINCT") {
                true => Function::CountDistinct(()),
                false => Function::Count,
            }
        } else if tokens.accept("SUM") {
            Function::Sum(())
        } else if tokens.accept("AVG") {
            Function::Average(())
        } else if tokens.accept("MIN") {
            Function::Least(())
        } else if tokens.accept("MAX") {
            Function::Greatest(())
        } else {
            return Ok(None);
        };
        let function = match nameless.field() {
            None => Function::Count,
            Some(()) if tokens.is_among(words) => {
                return Err(tokens.unexpected(&format!(
                    "a field after {} (with @ where it is named like a clause)",
                    nameless.word()
                )));
            }
            Some(()) => {
                let what = format!("a field after {}", nameless.word());
                nameless.of(field_name(tokens.expect_token(&what)?))
            }
        };
        if before.contains(&function) {
            return Err(start.unexpected("each function of a field once"));
        }
        if before.len() >= MAX_NAMED {
            return Err(start.unexpected("at most 1029 functions"));
        }
        Ok(Some(function))
    }

    /// The key that the function's answer stands under: `count`, `sum(f)`, `count(distinct f)`.
    pub fn key(self) -> Vec<u8> {
        match self.field() {
            None => b"count".to_vec(),
            Some(field) => {
                let (open, close) = match self {
                    Function::CountDistinct(_) => ("count(distinct ".to_string(), ")"),
                    function => (function.word().to_ascii_lowercase() + "(", ")"),
                };
                [open.as_bytes(), field, close.as_bytes()].concat()
            }
        }
    }

    /// The function of a field's position.
    ///
    /// # Errors
    /// NOFIELD; BADVALUE where the field's type has no such function.
    pub(super) fn resolve(self, schema: &Schema) -> Result<Function<usize>> {
        let Some(token) = self.field() else {
            return Ok(Function::Count);
        };
        let position = schema.position(token)?;
        let function = self.of(position);
        check_type(function, schema.field(position)?)?;
        Ok(function)
    }
}

/// What `clause` asks of a field needs values that are one or another; sets of tags are neither.
pub(super) fn check_comparable(field: &Field, clause: &str) -> Result<()> {
    match field.kind.kind() {
        Kind::Tags => Err(Error::bad_value(format!(
            "{clause} takes fields of one value, field '{}' is TAGS; ask for COUNT with CONTAINS, a tag at a time",
            field.name
        ))),
        _ => Ok(()),
    }
}

/// Sums and means are of numbers.
fn check_type(function: Function<usize>, field: &Field) -> Result<()> {
    check_comparable(field, function.word())?;
    let fits = match function {
        Function::Sum(_) | Function::Average(_) => match field.kind.kind() {
            Kind::Integer | Kind::Float => true,
            Kind::Boolean
            | Kind::DateTime
            | Kind::String
            | Kind::Uuid
            | Kind::Enum
            | Kind::Tags => false,
        },
        Function::Count
        | Function::CountDistinct(_)
        | Function::Least(_)
        | Function::Greatest(_) => match field.kind.kind() {
            Kind::Integer
            | Kind::Float
            | Kind::Boolean
            | Kind::DateTime
            | Kind::String
            | Kind::Uuid
            | Kind::Enum => true,
            Kind::Tags => false,
        },
    };
    match fits {
        true => Ok(()),
        false => Err(Error::bad_value(format!(
            "{} takes INTEGER and FLOAT, field '{}' is {}; ask for MIN, MAX or COUNT DISTINCT of it",
            function.word(),
            field.name,
            field.kind.word()
        ))),
    }
}
