//! A table by its name.

use std::{borrow::Cow, fmt, marker::PhantomData};

use crate::{
    Value,
    changes::{Assignments, Changes, Values},
    check::Check,
    column::{Column, Columns},
    create::{Conflict, Create, CreateMany},
    delete::{Delete, Destroy},
    feed::{Acknowledge, Feed, Position},
    field::FieldValue,
    find::{Find, FindMany},
    kind::Number,
    predicate::Predicate,
    query::{First, Query},
    record::Record,
    update::{Increment, Save, Update},
    words::Words,
};

/// A table that has records of `R`; [`Record::table`] names one, and each function of [`Record`] is of the one that the
/// struct names.
pub struct Table<R> {
    name: Cow<'static, str>,
    of: PhantomData<fn() -> R>,
}

/// What stands for an id of `R`.
type IdKind<R> = <<R as Record>::Id as FieldValue>::Kind;

fn id_words<R: Record>(id: impl Value<IdKind<R>>) -> Words {
    let mut words = Words::new();
    id.write(&mut words);
    words
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Table {
            name: self.name.clone(),
            of: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({:?})", self.name)
    }
}

impl<R: Record> Default for Table<R> {
    fn default() -> Self {
        Table::new(R::TABLE)
    }
}

impl<R: Record> Table<R> {
    /// The table of this name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Table<R> {
        Table {
            name: name.into(),
            of: PhantomData,
        }
    }

    /// Its name: a Redis key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a record and answers it, with its id and its defaults.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, task: String, owner: Option<i64> }
    /// let f = Job::fields();
    /// let create = Job::create((f.task.set("sweep"), f.owner.set_null()));
    /// assert_eq!(
    ///     create.to_command().to_string(),
    ///     "YARR.CREATE job @task sweep UNSET @owner RETURN @id @task @owner PACKED"
    /// );
    /// ```
    pub fn create<V: Values<R>>(&self, values: V) -> Create<R> {
        Create::new(self.clone(), Assignments::of(&values), None)
    }

    /// Makes many records, all or none, and answers their ids. All give the same fields.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, task: String, priority: i64 }
    /// let f = Job::fields();
    /// let jobs = [("sweep", 1), ("alarm", 9)];
    /// let create = Job::create_many(jobs.map(|(task, priority)| (f.task.set(task), f.priority.set(priority))));
    /// assert_eq!(
    ///     create.to_command().to_string(),
    ///     "YARR.CREATE job RETURN @id PACKED FIELDS 2 @task @priority VALUES sweep 1 alarm 9"
    /// );
    /// ```
    pub fn create_many<V: Values<R>>(&self, rows: impl IntoIterator<Item = V>) -> CreateMany<R> {
        CreateMany::new(
            self.clone(),
            rows.into_iter().map(|row| Assignments::of(&row)).collect(),
        )
    }

    /// Makes a record, or sets these values on the one that has the same in the fields `on`, which have a unique index
    /// (or are `id`). Answers the record as it is then.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "user")] struct User { id: i64, email: String, plan: String }
    /// let f = User::fields();
    /// let upsert = User::upsert((f.email.set("ann@x.org"), f.plan.set("pro")), f.email);
    /// assert_eq!(
    ///     upsert.to_command().to_string(),
    ///     "YARR.CREATE user @email ann@x.org @plan pro ON CONFLICT @email UPDATE RETURN @id @email @plan PACKED"
    /// );
    /// ```
    pub fn upsert<V: Values<R>>(&self, values: V, on: impl Columns<R>) -> Create<R> {
        let conflict = Conflict::update(on.names());
        Create::new(self.clone(), Assignments::of(&values), Some(conflict))
    }

    /// The change feed: a page of what has changed since a position, or of all there is. The table has one after a
    /// migration with `CHANGES ON`.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, task: String }
    /// # fn kept() -> Option<yarr_client::Position> { None }
    /// # fn keep(jobs: Vec<yarr_client::Entry<Job, i64>>, position: &yarr_client::Position) {}
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let mut page = match kept() {
    ///     Some(position) => Job::feed().since(position),
    ///     None => Job::feed(),
    /// }
    /// .run(&mut connection)?;
    /// let mut jobs = page.entries;
    /// while let Some(next) = page.next {
    ///     page = next.run(&mut connection)?;
    ///     jobs.extend(page.entries);
    /// }
    /// keep(jobs, &page.end);
    /// Job::acknowledge("search", page.end).run(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn feed(&self) -> Feed<R> {
        Feed::new(self.clone())
    }

    /// Tells the change feed that a consumer has kept all up to a position: tombstones that no consumer needs go.
    pub fn acknowledge(&self, consumer: impl Into<String>, position: Position) -> Acknowledge<R> {
        Acknowledge::new(self.clone(), consumer.into(), Some(position))
    }

    /// Tells the change feed that a consumer will not come back.
    pub fn forget(&self, consumer: impl Into<String>) -> Acknowledge<R> {
        Acknowledge::new(self.clone(), consumer.into(), None)
    }

    /// Makes a record, or answers the one that has the same in the fields `on`, as it is.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// let job = Job::find_or_create((f.task.set("sweep"), f.priority.set(1)), f.task);
    /// assert!(job.to_command().to_string().contains("ON CONFLICT @task KEEP"));
    /// ```
    pub fn find_or_create<V: Values<R>>(&self, values: V, on: impl Columns<R>) -> Create<R> {
        let conflict = Conflict::keep(on.names());
        Create::new(self.clone(), Assignments::of(&values), Some(conflict))
    }

    /// The record of an id, or `None`.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let job: Option<Job> = Job::find(42).run(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn find(&self, id: impl Value<IdKind<R>>) -> Find<R> {
        Find::new(self.clone(), id_words::<R>(id))
    }

    /// The records of these ids in their order, `None` where there is none.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let jobs: Vec<Option<Job>> = Job::find_many([1, 2, 3]).run(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn find_many<I: Value<IdKind<R>>>(&self, ids: impl IntoIterator<Item = I>) -> FindMany<R> {
        let mut words = Words::new();
        ids.into_iter().for_each(|id| id.write(&mut words));
        FindMany::new(self.clone(), words)
    }

    /// A record that matches, or `None`.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// # let f = Job::fields();
    /// let alarm: Option<Job> = Job::find_by(f.task.eq("alarm")).run(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn find_by(&self, predicate: Predicate<R>) -> First<R> {
        self.query().filter(predicate).first()
    }

    /// All records, to be narrowed down.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # use std::time::{Duration, SystemTime};
    /// # #[derive(Record)] #[record(table = "user_session")]
    /// # struct UserSession { id: i64, user_id: i64, created_at: SystemTime }
    /// let UserSessionFields { user_id, created_at, .. } = UserSession::fields();
    /// let hour = Duration::from_secs(3600);
    /// let query = UserSession::query()
    ///     .filter(user_id.eq(42).and(created_at.lt(now() - hour)))
    ///     .order(created_at.desc())
    ///     .limit(10);
    /// assert_eq!(
    ///     query.load().to_command().to_string(),
    ///     "YARR.WHERE user_session @user_id = 42 AND @created_at < now-3600000ms \
    ///      ORDER BY @created_at DESC LIMIT 10 RETURN @id @user_id @created_at PACKED"
    /// );
    /// ```
    pub fn query(&self) -> Query<R> {
        Query::new(self.clone())
    }

    /// Changes the record of an id and answers it as it is then; [`Error::NotFound`](crate::Error::NotFound) where
    /// there is none. No changes, `()`, touch the record: its `updated_at` and its time to live begin anew.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, task: String, tries: i64 }
    /// let f = Job::fields();
    /// let update = Job::update(7, (f.task.set("sweep"), f.tries.increment(1))).only_if(f.tries.lt(3));
    /// assert_eq!(
    ///     update.to_command().to_string(),
    ///     "YARR.UPDATE job 7 SET @task sweep INCR @tries 1 IF @tries < 3 RETURN @id @task @tries PACKED"
    /// );
    /// ```
    pub fn update<C: Changes<R>>(&self, id: impl Value<IdKind<R>>, changes: C) -> Update<R> {
        Update::new(self.clone(), id_words::<R>(id), Assignments::of(&changes))
    }

    /// Adds to a number of the record of an id and answers what it is then.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, tries: i64 }
    /// let increment = Job::increment(7, Job::fields().tries, 1);
    /// assert_eq!(increment.to_command().to_string(), "YARR.UPDATE job 7 INCR @tries 1 RETURN @tries PACKED");
    /// ```
    pub fn increment<T: FieldValue>(
        &self,
        id: impl Value<IdKind<R>>,
        field: Column<R, T>,
        by: impl Value<T::Kind>,
    ) -> Increment<R, T>
    where
        T::Kind: Number,
    {
        Increment::new(self.clone(), id_words::<R>(id), field, by)
    }

    /// Writes all fields of a record and answers it as it is then. Where the struct has a version, the record must still
    /// have it ([`Error::Stale`](crate::Error::Stale)). [`Tracked`](crate::Tracked) writes only what has changed.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// if let Some(mut job) = Job::find(42).run(&mut connection)? {
    ///     job.priority = 9;
    ///     let job: Job = job.save().run(&mut connection)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn save(&self, record: &R) -> Save<R> {
        Save::whole(self.clone(), record)
    }

    /// Deletes the record of an id; answers whether there was one.
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// let there_was_one: bool = Job::delete(42).run(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, id: impl Value<IdKind<R>>) -> Delete<R> {
        Delete::new(self.clone(), id_words::<R>(id))
    }

    /// Deletes this record; answers whether it was still there. Where the struct has a version, the record must still
    /// have it ([`Error::Stale`](crate::Error::Stale)).
    ///
    /// ```no_run
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// if let Some(job) = Job::find(42).run(&mut connection)? {
    ///     job.destroy().run(&mut connection)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn destroy(&self, record: &R) -> Destroy<R> {
        Destroy::new(self.clone(), record)
    }

    /// Compares the table with the struct; see [`Drift`](crate::Drift).
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
    /// # fn main() -> yarr_client::Result<()> {
    /// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
    /// Job::check().run(&mut connection)?.into_result()?; // do not start on a table that lacks something
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self) -> Check<R> {
        Check::new(self.clone())
    }
}
