//! Queries: which records, in which order, how many.

mod aggregate;
mod explain;
mod page;
mod select;
mod write;

pub use aggregate::{
    Aggregate, Function, Functions, GroupBy, Grouped, Key, avg, count, count_distinct, max, min,
    sum,
};
pub use explain::Explain;
#[cfg(feature = "aio")]
pub use page::stream;
pub use page::{Cursor, GetPage, Iter, Page};
pub use select::{Count, Exists, First, Ids, Load, Pluck};
pub use write::{DeleteAll, Returning, UpdateAll};

use std::marker::PhantomData;

use crate::{
    changes::{Assignments, Changes},
    column::Columns,
    command::Command,
    predicate::Predicate,
    record::Record,
    table::Table,
};

/// A field to sort by, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Order<R> {
    field: &'static str,
    descending: bool,
    of: PhantomData<fn() -> R>,
}

impl<R> Order<R> {
    pub(crate) fn new(field: &'static str, descending: bool) -> Order<R> {
        Order {
            field,
            descending,
            of: PhantomData,
        }
    }
}

/// Which records, in which order, how many. It does nothing by itself: what is to be done with the records is said
/// last, by [`load`](Query::load), [`count`](Query::count), [`update`](Query::update) and so on.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64, done: bool }
/// let f = Job::fields();
/// let open = Job::query().filter(f.done.eq(false));
/// let urgent = open.clone().filter(f.priority.gt(5)).order(f.priority.desc()).limit(10);
/// assert_eq!(open.count().to_command().to_string(), "YARR.WHERE job @done = false COUNT");
/// assert_eq!(
///     urgent.ids().to_command().to_string(),
///     "YARR.WHERE job @done = false AND @priority > 5 ORDER BY @priority DESC LIMIT 10 IDS PACKED"
/// );
/// ```
#[derive(Debug)]
#[must_use]
pub struct Query<R> {
    table: Table<R>,
    predicate: Option<Predicate<R>>,
    order: Vec<(&'static str, bool)>,
    limit: Option<u64>,
    offset: u64,
    scan: bool,
    /// How many records a walk gets at once.
    batch: u64,
}

/// How many records a walk gets at once where nothing else is said.
const BATCH: u64 = 1000;

impl<R> Clone for Query<R> {
    fn clone(&self) -> Self {
        Query {
            table: self.table.clone(),
            predicate: self.predicate.clone(),
            order: self.order.clone(),
            limit: self.limit,
            offset: self.offset,
            scan: self.scan,
            batch: self.batch,
        }
    }
}

impl<R: Record> Query<R> {
    pub(crate) fn new(table: Table<R>) -> Query<R> {
        Query {
            table,
            predicate: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            scan: false,
            batch: BATCH,
        }
    }

    /// Those that match. Said several times, all must.
    pub fn filter(mut self, predicate: Predicate<R>) -> Query<R> {
        self.predicate = Some(match self.predicate {
            Some(before) => before.and(predicate),
            None => predicate,
        });
        self
    }

    /// Sorts by a field; said several times, records that are equal in the fields before are sorted by the next. Without
    /// it the order is unspecified.
    pub fn order(mut self, order: Order<R>) -> Query<R> {
        self.order.push((order.field, order.descending));
        self
    }

    /// So many at most.
    pub fn limit(mut self, limit: u64) -> Query<R> {
        self.limit = Some(limit);
        self
    }

    /// Passes over the first so many.
    pub fn offset(mut self, offset: u64) -> Query<R> {
        self.offset = offset;
        self
    }

    /// How many records [`iter`](Query::iter) and [`stream`](Query::stream) get at once: a thousand unless said otherwise.
    pub fn batch(mut self, records: u64) -> Query<R> {
        self.batch = records.max(1);
        self
    }

    /// Permits a walk over the whole table where no index serves; else that is
    /// [`Error::NoIndex`](crate::Error::NoIndex).
    pub fn scan(mut self) -> Query<R> {
        self.scan = true;
        self
    }

    /// Answers the records.
    pub fn load(self) -> Load<R> {
        Load::new(self)
    }

    /// Answers the first record, or `None`.
    pub fn first(self) -> First<R> {
        First::new(self)
    }

    /// Answers how many there are.
    pub fn count(self) -> Count<R> {
        Count::new(self)
    }

    /// Answers whether there is any.
    pub fn exists(self) -> Exists<R> {
        Exists::new(self)
    }

    /// Answers the ids.
    pub fn ids(self) -> Ids<R> {
        Ids::new(self)
    }

    /// Answers the values of a field, or of a tuple of fields.
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64, owner: Option<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let f = Job::fields();
    /// let rows: Vec<(i64, Option<String>)> = Job::query().pluck((f.id, f.owner)).run(&mut connection)?;
    /// let priorities: Vec<i64> = Job::query().pluck(f.priority).run(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pluck<C: Columns<R>>(self, columns: C) -> Pluck<R, C> {
        Pluck::new(self, columns)
    }

    /// Answers a page and the cursor of the next; [`Cursor::start`] is the first one's. [`limit`](Query::limit) is the
    /// page's length.
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let jobs = Job::query().order(Job::fields().priority.desc()).limit(20);
    /// let first = jobs.clone().page(Cursor::start()).run(&mut connection)?;
    /// if let Some(next) = first.next {
    ///     let second = jobs.page(next).run(&mut connection)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn page(self, cursor: Cursor) -> GetPage<R> {
        GetPage::new(self, cursor)
    }

    /// Walks over the records without having them all at once: it gets [`batch`](Query::batch) of them at a time. A
    /// record that does not move is met exactly once, whatever is written meanwhile.
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// for job in Job::query().batch(5000).iter(&mut connection) {
    ///     println!("{}", job?.priority);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter<C: redis::ConnectionLike>(self, connection: &mut C) -> Iter<'_, C, R> {
        Iter::new(self, connection)
    }

    /// As [`iter`](Query::iter), on an asynchronous connection.
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
    /// # async fn example(mut connection: redis::aio::MultiplexedConnection) -> yarr_client::Result<()> {
    /// use futures_util::TryStreamExt;
    ///
    /// let mut jobs = std::pin::pin!(Job::query().stream(&mut connection));
    /// while let Some(job) = jobs.try_next().await? {
    ///     println!("{}", job.priority);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "aio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "aio")))]
    pub fn stream<'c, C>(
        self,
        connection: &'c mut C,
    ) -> impl futures_util::Stream<Item = crate::Result<R>> + Send + use<'c, C, R>
    where
        C: redis::aio::ConnectionLike + Send,
        R: Send + 'c,
    {
        stream(self, connection)
    }

    /// Changes the records, and answers how many; [`returning`](UpdateAll::returning) answers themselves.
    ///
    /// Taking the next job off a queue is one atomic command:
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64, done: bool }
    /// let f = Job::fields();
    /// let claim = Job::query()
    ///     .filter(f.done.eq(false))
    ///     .order(f.priority.desc())
    ///     .limit(1)
    ///     .update(f.done.set(true))
    ///     .returning();
    /// assert_eq!(
    ///     claim.to_command().to_string(),
    ///     "YARR.UPDATE job WHERE @done = false SET @done true ORDER BY @priority DESC LIMIT 1 \
    ///      RETURN @id @priority @done PACKED"
    /// );
    /// ```
    pub fn update<C: Changes<R>>(self, changes: C) -> UpdateAll<R> {
        UpdateAll::new(self, Assignments::of(&changes))
    }

    /// Deletes the records, and answers how many; [`returning`](DeleteAll::returning) answers themselves, as they were.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// let first = Job::query().order(f.id.asc()).limit(1).delete().returning();
    /// assert!(first.to_command().to_string().starts_with("YARR.DEL job WHERE * ORDER BY @id LIMIT 1 RETURN"));
    /// ```
    pub fn delete(self) -> DeleteAll<R> {
        DeleteAll::new(self)
    }

    /// What the matches come to: counts, sums, means, least and greatest values.
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64, done: bool }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let f = Job::fields();
    /// let (jobs, highest) = Job::query().aggregate((count(), max(f.priority))).run(&mut connection)?;
    /// let jobs: u64 = jobs;
    /// let highest: Option<i64> = highest;
    /// # Ok(())
    /// # }
    /// ```
    pub fn aggregate<F: Functions<R>>(self, functions: F) -> Aggregate<R, F> {
        Aggregate::new(self, functions)
    }

    /// The matches in groups that are equal in a field, or in a tuple of fields.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64, done: bool }
    /// let f = Job::fields();
    /// let by_priority = Job::query()
    ///     .filter(f.done.eq(false))
    ///     .group_by(f.priority)
    ///     .aggregate(count())
    ///     .order(count().desc())
    ///     .limit(3);
    /// assert_eq!(
    ///     by_priority.to_command().to_string(),
    ///     "YARR.AGGREGATE job @done = false GROUP BY @priority COUNT ORDER BY count DESC LIMIT 3"
    /// );
    /// ```
    pub fn group_by<C: Columns<R>>(self, columns: C) -> GroupBy<R, C> {
        GroupBy::new(self, columns)
    }

    /// Answers how the records would be found, a line a step.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// # let f = Job::fields();
    /// for line in Job::query().filter(f.priority.gt(5)).explain().run(&mut connection)? {
    ///     println!("{line}"); // read the index on (priority), 1 range: about 3 records examined
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn explain(self) -> Explain<R> {
        Explain::new(self)
    }

    fn predicate(&self, command: &mut Command) {
        match &self.predicate {
            Some(predicate) => command.extend(predicate.words()),
            None => command.word("*"),
        };
    }

    fn ordered(&self, command: &mut Command) {
        for (at, (field, descending)) in self.order.iter().enumerate() {
            if at == 0 {
                command.word("ORDER").word("BY");
            }
            command.fields([*field]);
            if *descending {
                command.word("DESC");
            }
        }
    }

    fn limited(&self, limit: Option<u64>, command: &mut Command) {
        if let Some(limit) = limit {
            command.word("LIMIT").number(limit);
        }
        if self.offset > 0 {
            command.word("OFFSET").number(self.offset);
        }
        if self.scan {
            command.word("SCAN");
        }
    }

    /// `YARR.WHERE table predicate ORDER BY ... LIMIT ... OFFSET ... SCAN`.
    fn select(&self) -> Command {
        let mut command = Command::new("YARR.WHERE", self.table.name());
        self.predicate(&mut command);
        self.ordered(&mut command);
        self.limited(self.limit, &mut command);
        command
    }
}
