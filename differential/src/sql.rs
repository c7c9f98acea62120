//! SQLite's side: text with floats bound to it, so that no decimal is read twice.

use rusqlite::{
    Connection,
    functions::{Aggregate, Context, FunctionFlags},
    types::{Value as Cell, ValueRef},
};

use crate::exact::Sum;

/// A piece of SQL and the floats that stand for its question marks.
#[derive(Clone, Default, PartialEq)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The floats, in the order of the question marks.
    pub floats: Vec<f64>,
}

impl Sql {
    /// Text without floats.
    pub fn of(text: impl Into<String>) -> Sql {
        Sql {
            text: text.into(),
            floats: Vec::new(),
        }
    }

    /// Appends text.
    pub fn say(mut self, text: &str) -> Sql {
        self.text.push_str(text);
        self
    }

    /// Appends a piece.
    pub fn then(mut self, other: &Sql) -> Sql {
        self.text.push_str(&other.text);
        self.floats.extend(&other.floats);
        self
    }

    /// Pieces with a word between each two.
    pub fn join(parts: &[Sql], between: &str) -> Sql {
        let mut joined = Sql::default();
        for (at, part) in parts.iter().enumerate() {
            joined = match at {
                0 => joined.then(part),
                _ => joined.say(between).then(part),
            };
        }
        joined
    }

    /// Text and floats as a person reads them.
    pub fn shown(&self) -> String {
        match self.floats.is_empty() {
            true => self.text.clone(),
            false => format!("{} -- ? = {:?}", self.text, self.floats),
        }
    }
}

/// What stands for a sum that leaves its type: such a group is in nobody's way until it is answered.
pub const BEYOND: &str = "beyond";

/// An empty database with the sums of [`Sum`].
pub fn open() -> Connection {
    let sql = Connection::open_in_memory().expect("SQLite opens");
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
    sql.create_aggregate_function("exact_sum", 1, flags, Exactly { mean: false })
        .expect("a function");
    sql.create_aggregate_function("exact_avg", 1, flags, Exactly { mean: true })
        .expect("a function");
    sql
}

/// Runs statements that answer nothing.
pub fn execute(sql: &Connection, what: &Sql) -> rusqlite::Result<usize> {
    sql.execute(&what.text, rusqlite::params_from_iter(&what.floats))
}

/// The rows of a question.
pub fn rows(sql: &Connection, what: &Sql) -> rusqlite::Result<Vec<Vec<Cell>>> {
    let mut statement = sql.prepare(&what.text)?;
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(&what.floats))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(
            (0..columns)
                .map(|at| row.get(at))
                .collect::<Result<_, _>>()?,
        );
    }
    Ok(found)
}

/// The first column of a question, which has integers.
pub fn integers(sql: &Connection, what: &Sql) -> Vec<i64> {
    let rows = rows(sql, what).unwrap_or_else(|error| panic!("{error}: {}", what.shown()));
    let integer = |row: Vec<Cell>| match row.first() {
        Some(Cell::Integer(n)) => *n,
        other => panic!("expected an integer, found {other:?}: {}", what.shown()),
    };
    rows.into_iter().map(integer).collect()
}

/// A sum or a mean that is rounded once. SQLite's own are rounded at every step and stop where a
/// sum of integers passes 64 bits on its way.
struct Exactly {
    mean: bool,
}

impl Aggregate<Sum, Cell> for Exactly {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Sum> {
        Ok(Sum::default())
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        match context.get_raw(0) {
            ValueRef::Null => {}
            ValueRef::Integer(n) => sum.add_integer(n),
            ValueRef::Real(f) => sum.add_float(f),
            other => panic!("a sum of {other:?}"),
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Sum>) -> rusqlite::Result<Cell> {
        let sum = sum.unwrap_or_default();
        if sum.count == 0 {
            return Ok(Cell::Null);
        }
        let answer = match (self.mean, sum.float) {
            (true, _) => sum.divided_by(sum.count).map(Cell::Real),
            (false, true) => sum.divided_by(1).map(Cell::Real),
            (false, false) => sum.integer().map(Cell::Integer),
        };
        Ok(answer.unwrap_or(Cell::Text(BEYOND.into())))
    }
}
