//! What a function has gathered of a group.

use std::borrow::Cow;

use super::{exact::ExactSum, function::Function};
use crate::{
    error::{Error, Result},
    value::{Value, ValueRef},
};

/// A function's state in one group. Nulls leave it as it is.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// How many records, or how many values that were new.
    Count(u64),
    /// The sum of the values and how many there are.
    Sum(Sum, u64),
    /// The least value.
    Least(Option<Value>),
    /// The greatest value.
    Greatest(Option<Value>),
}

/// A sum that no order of its parts changes.
#[derive(Debug, Clone)]
pub(super) enum Sum {
    /// Of integers: 2^32 of 64 bits fit 128.
    Integers(i128),
    /// Of floats.
    Floats(ExactSum),
}

/// What a function answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A number of records or of values.
    Count(u64),
    /// A value of a field's type, or a mean, which is a FLOAT.
    Value(Value),
}

impl Answer {
    /// The answer as a value that sorts.
    pub(super) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Answer::Count(count) => ValueRef::Integer(i64::try_from(*count).unwrap_or(i64::MAX)),
            Answer::Value(value) => value.as_ref(),
        }
    }
}

impl Cell {
    /// The state of a function in a group without records. `float`: whether its field is a FLOAT.
    pub(super) fn new(function: Function<usize>, float: bool) -> Cell {
        match function {
            Function::Count | Function::CountDistinct(_) => Cell::Count(0),
            Function::Sum(_) | Function::Average(_) => {
                let sum = match float {
                    true => Sum::Floats(ExactSum::default()),
                    false => Sum::Integers(0),
                };
                Cell::Sum(sum, 0)
            }
            Function::Least(_) => Cell::Least(None),
            Function::Greatest(_) => Cell::Greatest(None),
        }
    }

    /// Takes the value of one more record, which is not null. A count counts it.
    #[inline]
    pub(super) fn add(&mut self, value: &ValueRef<'_>) {
        match self {
            Cell::Count(count) => *count += 1,
            Cell::Sum(sum, count) => {
                match (sum, value) {
                    (Sum::Integers(sum), ValueRef::Integer(n)) => *sum += i128::from(*n),
                    (Sum::Floats(sum), ValueRef::Float(f)) => sum.add(*f),
                    // A schema never lets other types meet.
                    _ => return,
                }
                *count += 1;
            }
            Cell::Least(least) => {
                if least
                    .as_ref()
                    .is_none_or(|least| value.order(&least.as_ref()).is_lt())
                {
                    *least = Some(value.to_value());
                }
            }
            Cell::Greatest(most) => {
                if most
                    .as_ref()
                    .is_none_or(|most| value.order(&most.as_ref()).is_gt())
                {
                    *most = Some(value.to_value());
                }
            }
        }
    }

    /// What the function answers; null where it met no value. `key` names it in an error.
    ///
    /// # Errors
    /// BADVALUE where a sum leaves the values of its type.
    pub(super) fn answer(&self, function: Function<usize>, key: &[u8]) -> Result<Answer> {
        let beyond = |what: &str| {
            Error::bad_value(format!(
                "{} leaves {what}; sum up fewer records, or ask for AVG",
                key.escape_ascii()
            ))
        };
        Ok(Answer::Value(match self {
            Cell::Count(count) => return Ok(Answer::Count(*count)),
            Cell::Least(found) | Cell::Greatest(found) => found.clone().unwrap_or(Value::Null),
            Cell::Sum(_, 0) => Value::Null,
            Cell::Sum(sum, count) => match (function, sum) {
                (Function::Average(_), sum) => {
                    let mean = sum.exact().divided_by(*count);
                    Value::Float(mean.ok_or_else(|| beyond("the finite 64-bit floats"))?)
                }
                (_, Sum::Integers(sum)) => match i64::try_from(*sum) {
                    Ok(sum) => Value::Integer(sum),
                    Err(_) => return Err(beyond("the 64-bit integers")),
                },
                (_, Sum::Floats(sum)) => {
                    let sum = sum.divided_by(1);
                    Value::Float(sum.ok_or_else(|| beyond("the finite 64-bit floats"))?)
                }
            },
        }))
    }
}

impl Sum {
    fn exact(&self) -> Cow<'_, ExactSum> {
        match self {
            Sum::Integers(sum) => Cow::Owned(ExactSum::of_integer(*sum)),
            Sum::Floats(sum) => Cow::Borrowed(sum),
        }
    }
}
