//! What the matches of a query come to.

use std::marker::PhantomData;

use redis::Value;

use crate::{
    column::{Column, Columns},
    command::Command,
    error::{Error, Result},
    field::FieldValue,
    kind::{Number, Ordered},
    operation::Operation,
    query::Query,
    record::Record,
    reply,
    row::Row,
};

/// What records come to, as an `O`: [`count`], [`count_distinct`], [`sum`], [`avg`], [`min`] or [`max`].
pub struct Function<R, O> {
    /// COUNT, COUNT DISTINCT, SUM, ...
    words: &'static [&'static str],
    field: Option<&'static str>,
    of: PhantomData<fn() -> (R, O)>,
}

impl<R, O> Clone for Function<R, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, O> Copy for Function<R, O> {}

impl<R, O> std::fmt::Debug for Function<R, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key())
    }
}

/// How many records there are.
///
/// ```no_run
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// # fn main() -> yarr_client::Result<()> {
/// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
/// # let f = Job::fields();
/// let jobs: u64 = Job::query().filter(f.owner.is_null()).aggregate(count()).run(&mut connection)?;
/// # Ok(())
/// # }
/// ```
pub fn count<R>() -> Function<R, u64> {
    Function::new(&["COUNT"], None)
}

/// How many different values a field has, nulls apart.
pub fn count_distinct<R, T: FieldValue>(field: Column<R, T>) -> Function<R, u64> {
    Function::new(&["COUNT", "DISTINCT"], Some(field.name()))
}

/// The sum of a field; `None` where there is nothing to add up.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// # let f = Job::fields();
/// assert_eq!(
///     Job::query().aggregate((sum(f.priority), avg(f.priority), count_distinct(f.owner))).to_command().to_string(),
///     "YARR.AGGREGATE job * SUM @priority AVG @priority COUNT DISTINCT @owner"
/// );
/// ```
pub fn sum<R, T: FieldValue>(field: Column<R, T>) -> Function<R, Option<<T::Kind as Number>::Sum>>
where
    T::Kind: Number,
{
    Function::new(&["SUM"], Some(field.name()))
}

/// The mean of a field; `None` where there is nothing to take it of.
pub fn avg<R, T: FieldValue>(field: Column<R, T>) -> Function<R, Option<f64>>
where
    T::Kind: Number,
{
    Function::new(&["AVG"], Some(field.name()))
}

/// The least value of a field; `None` where there is none.
pub fn min<R, T: FieldValue>(field: Column<R, T>) -> Function<R, Option<T::NotNull>>
where
    T::Kind: Ordered,
{
    Function::new(&["MIN"], Some(field.name()))
}

/// The greatest value of a field; `None` where there is none.
pub fn max<R, T: FieldValue>(field: Column<R, T>) -> Function<R, Option<T::NotNull>>
where
    T::Kind: Ordered,
{
    Function::new(&["MAX"], Some(field.name()))
}

impl<R, O> Function<R, O> {
    fn new(words: &'static [&'static str], field: Option<&'static str>) -> Function<R, O> {
        Function {
            words,
            field,
            of: PhantomData,
        }
    }

    /// The least outcome first.
    pub fn asc(self) -> Key<R> {
        Key::new(self.key())
    }

    /// The greatest outcome first.
    pub fn desc(self) -> Key<R> {
        self.asc().reversed()
    }

    /// The key of the outcome: `count`, `sum(f)`, `count(distinct f)`.
    fn key(&self) -> String {
        let words: Vec<String> = self
            .words
            .iter()
            .map(|word| word.to_ascii_lowercase())
            .collect();
        match (words.as_slice(), self.field) {
            ([name], None) => name.clone(),
            ([name, rest @ ..], field) => {
                let inner: Vec<&str> = rest.iter().map(String::as_str).chain(field).collect();
                format!("{name}({})", inner.join(" "))
            }
            ([], _) => String::new(),
        }
    }

    fn write(&self, command: &mut Command) {
        self.words.iter().for_each(|word| _ = command.word(word));
        command.fields(self.field);
    }
}

/// What groups are sorted by: [`Function::asc`], [`Function::desc`], or a field of the groups by [`Key::of`].
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// # let f = Job::fields();
/// use yarr_client::Key;
///
/// let owners = Job::query().group_by(f.owner).aggregate(count());
/// let busiest = owners.order(count().desc()).order(Key::of(f.owner)).limit(3);
/// assert!(busiest.to_command().to_string().ends_with("ORDER BY count DESC @owner LIMIT 3"));
/// ```
#[derive(Debug)]
#[must_use]
pub struct Key<R> {
    word: String,
    descending: bool,
    of: PhantomData<fn() -> R>,
}

impl<R> Key<R> {
    fn new(word: String) -> Key<R> {
        Key {
            word,
            descending: false,
            of: PhantomData,
        }
    }

    /// A field of the groups, the least value first.
    pub fn of<T: FieldValue>(field: Column<R, T>) -> Key<R> {
        Key::new(format!("@{}", field.name()))
    }

    /// The other way round.
    pub fn reversed(self) -> Key<R> {
        Key {
            descending: !self.descending,
            ..self
        }
    }
}

/// A function, or a tuple of up to six.
pub trait Functions<R> {
    /// What they come to.
    type Outcome;

    /// Writes them down.
    fn write(&self, command: &mut Command);

    /// Takes what they come to from a row.
    ///
    /// # Errors
    /// Where a value does not fit.
    fn take(&self, row: &mut Row<'_, '_>) -> Result<Self::Outcome>;
}

impl<R, O: FieldValue> Functions<R> for Function<R, O> {
    type Outcome = O;

    fn write(&self, command: &mut Command) {
        Function::write(self, command);
    }

    fn take(&self, row: &mut Row<'_, '_>) -> Result<O> {
        row.take()
    }
}

macro_rules! functions {
    ($($name:ident),*) => {
        impl<R, $($name: FieldValue),*> Functions<R> for ($(Function<R, $name>,)*) {
            type Outcome = ($($name,)*);

            #[allow(non_snake_case)]
            fn write(&self, command: &mut Command) {
                let ($($name,)*) = self;
                $($name.write(command);)*
            }

            fn take(&self, row: &mut Row<'_, '_>) -> Result<Self::Outcome> {
                Ok(($(row.take::<$name>()?,)*))
            }
        }
    };
}

functions!(A);
functions!(A, B);
functions!(A, B, C);
functions!(A, B, C, D);
functions!(A, B, C, D, E);
functions!(A, B, C, D, E, F);

/// What the matches come to; see [`Query::aggregate`].
#[derive(Debug)]
pub struct Aggregate<R, F> {
    query: Query<R>,
    functions: F,
}

impl<R: Record, F: Functions<R>> Aggregate<R, F> {
    pub(crate) fn new(query: Query<R>, functions: F) -> Aggregate<R, F> {
        Aggregate { query, functions }
    }
}

impl<R: Record, F: Functions<R>> Operation for Aggregate<R, F> {
    type Output = F::Outcome;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.AGGREGATE", self.query.table.name());
        self.query.predicate(&mut command);
        self.functions.write(&mut command);
        self.query.limited(None, &mut command);
        command
    }

    fn read(&self, reply: Value) -> Result<F::Outcome> {
        let row = reply::array(reply)?.into_iter().next().unwrap_or_default();
        let pairs = reply::map(row)?;
        self.functions.take(&mut Row::pairs(&pairs))
    }
}

/// The matches in groups; see [`Query::group_by`].
#[derive(Debug)]
#[must_use]
pub struct GroupBy<R, C> {
    query: Query<R>,
    columns: C,
}

impl<R: Record, C: Columns<R>> GroupBy<R, C> {
    pub(crate) fn new(query: Query<R>, columns: C) -> GroupBy<R, C> {
        GroupBy { query, columns }
    }

    /// Answers what each group comes to, beside its values. The limit is of groups.
    pub fn aggregate<F: Functions<R>>(self, functions: F) -> Grouped<R, C, F> {
        Grouped {
            limit: self.query.limit,
            query: self.query,
            columns: self.columns,
            functions,
            order: Vec::new(),
        }
    }
}

/// What each group comes to; see [`Query::group_by`].
#[derive(Debug)]
pub struct Grouped<R, C, F> {
    query: Query<R>,
    columns: C,
    functions: F,
    order: Vec<Key<R>>,
    limit: Option<u64>,
}

impl<R: Record, C: Columns<R>, F: Functions<R>> Grouped<R, C, F> {
    /// Sorts the groups; said several times, those that are equal so far are sorted by the next.
    pub fn order(mut self, key: Key<R>) -> Self {
        self.order.push(key);
        self
    }

    /// So many groups at most.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }
}

impl<R: Record, C: Columns<R>, F: Functions<R>> Operation for Grouped<R, C, F> {
    type Output = Vec<(C::Values, F::Outcome)>;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.AGGREGATE", self.query.table.name());
        self.query.predicate(&mut command);
        command
            .word("GROUP")
            .word("BY")
            .fields(self.columns.names());
        self.functions.write(&mut command);
        for (at, key) in self.order.iter().enumerate() {
            if at == 0 {
                command.word("ORDER").word("BY");
            }
            command.word(&key.word);
            if key.descending {
                command.word("DESC");
            }
        }
        self.query.limited(self.limit, &mut command);
        command
    }

    fn read(&self, reply: Value) -> Result<Self::Output> {
        let groups = reply::array(reply)?.into_iter().map(|group| {
            let pairs = reply::map(group)?;
            let mut row = Row::pairs(&pairs);
            let values = self.columns.take(&mut row)?;
            let outcome = self.functions.take(&mut row)?;
            match row.left() {
                0 => Ok((values, outcome)),
                left => Err(Error::reply(format!("a group with {left} values too many"))),
            }
        });
        groups.collect()
    }
}
