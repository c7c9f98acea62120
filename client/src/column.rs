//! A field of a record, to compare, to sort by and to set.

use std::{fmt, marker::PhantomData};

use crate::{
    changes::{Assignment, Change},
    error::Result,
    field::FieldValue,
    kind::{Number, Ordered, Tags, Text},
    predicate::Predicate,
    query::Order,
    row::Row,
    value::{Value, write_tags},
    words::Words,
};

/// A field of the record `R` that holds a `T`. `R::fields()` has them all.
///
/// ```
/// # use yarr_client::prelude::*;
/// #[derive(Record)]
/// #[record(table = "user_session")]
/// struct UserSession {
///     id: i64,
///     user_id: i64,
///     device: Option<String>,
/// }
///
/// let f = UserSession::fields();
/// let mine = f.user_id.eq(42).and(f.device.is_not_null());
/// assert_eq!(mine.to_string(), "@user_id = 42 AND @device IS NOT NULL");
///
/// // or by their bare names:
/// let UserSessionFields { user_id, device, .. } = UserSession::fields();
/// assert_eq!(user_id.ge(5).or(device.starts_with("i")).to_string(), "@user_id >= 5 OR @device STARTS WITH i");
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "user_session")] struct UserSession { id: i64, user_id: i64 }
/// UserSession::fields().user_id.eq("42");
/// ```
pub struct Column<R, T> {
    name: &'static str,
    of: PhantomData<fn() -> (R, T)>,
}

impl<R, T> Clone for Column<R, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, T> Copy for Column<R, T> {}

impl<R, T> fmt::Debug for Column<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.name)
    }
}

impl<R, T: FieldValue> Column<R, T> {
    /// The field of this name. `#[derive(Record)]` says it for each field.
    pub const fn new(name: &'static str) -> Column<R, T> {
        Column {
            name,
            of: PhantomData,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.name
    }

    fn compare(self, operator: &str, value: impl Value<T::Kind>) -> Predicate<R> {
        let mut words = self.words();
        words.push(operator);
        value.write(&mut words);
        Predicate::condition(words)
    }

    fn words(self) -> Words {
        let mut words = Words::new();
        words.push_field(self.name);
        words
    }

    fn says(self, text: &[&str]) -> Words {
        let mut words = self.words();
        text.iter().for_each(|word| words.push(word));
        words
    }
}

/// Conditions.
impl<R, T: FieldValue> Column<R, T>
where
    T::Kind: Ordered,
{
    /// `field = value`.
    pub fn eq(self, value: impl Value<T::Kind>) -> Predicate<R> {
        self.compare("=", value)
    }

    /// `field != value`; as any comparison, a null does not match.
    pub fn ne(self, value: impl Value<T::Kind>) -> Predicate<R> {
        self.compare("!=", value)
    }

    /// `field < value`.
    pub fn lt(self, value: impl Value<T::Kind>) -> Predicate<R> {
        self.compare("<", value)
    }

    /// `field <= value`.
    pub fn le(self, value: impl Value<T::Kind>) -> Predicate<R> {
        self.compare("<=", value)
    }

    /// `field > value`.
    pub fn gt(self, value: impl Value<T::Kind>) -> Predicate<R> {
        self.compare(">", value)
    }

    /// `field >= value`.
    pub fn ge(self, value: impl Value<T::Kind>) -> Predicate<R> {
        self.compare(">=", value)
    }

    /// `field BETWEEN low AND high`, both included; nothing where `low` is above `high`.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// assert_eq!(f.priority.between(1, 5).to_string(), "@priority BETWEEN 1 AND 5");
    /// ```
    pub fn between(self, low: impl Value<T::Kind>, high: impl Value<T::Kind>) -> Predicate<R> {
        let mut words = self.says(&["BETWEEN"]);
        low.write(&mut words);
        words.push("AND");
        high.write(&mut words);
        Predicate::condition(words)
    }

    /// `field IN n value ...`: one of these; nothing where there are none.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// assert_eq!(f.task.is_in(["sweep", "alarm"]).to_string(), "@task IN 2 sweep alarm");
    /// ```
    pub fn is_in<V: Value<T::Kind>>(self, values: impl IntoIterator<Item = V>) -> Predicate<R> {
        let mut list = Words::new();
        values.into_iter().for_each(|value| value.write(&mut list));
        let mut words = self.says(&["IN"]);
        words.push_display(list.len());
        words.extend(&list);
        Predicate::condition(words)
    }

    /// The least value first; null before every value.
    pub fn asc(self) -> Order<R> {
        Order::new(self.name, false)
    }

    /// The greatest value first.
    pub fn desc(self) -> Order<R> {
        Order::new(self.name, true)
    }
}

/// Changes.
impl<R, T: FieldValue> Column<R, T> {
    /// Sets the field to a value.
    pub fn set(self, value: impl Value<T::Kind>) -> Assignment<R> {
        let mut words = Words::new();
        value.write(&mut words);
        Assignment::new(self.name, words)
    }

    /// Adds to the number that is there; a null counts as 0. What is taken away is negative.
    pub fn increment(self, by: impl Value<T::Kind>) -> Change<R>
    where
        T::Kind: Number,
    {
        let mut words = Words::new();
        by.write(&mut words);
        Change::increment(self.name, words)
    }
}

/// Of fields that may be null.
impl<R, T: FieldValue> Column<R, Option<T>> {
    /// `field IS NULL`.
    pub fn is_null(self) -> Predicate<R> {
        Predicate::condition(self.says(&["IS", "NULL"]))
    }

    /// `field IS NOT NULL`.
    pub fn is_not_null(self) -> Predicate<R> {
        Predicate::condition(self.says(&["IS", "NOT", "NULL"]))
    }

    /// Sets the field to null.
    pub fn set_null(self) -> Assignment<R> {
        Assignment::null(self.name)
    }

    /// Sets the field to a value, or to null.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// let owner: Option<i64> = None;
    /// let update = Job::query().update(f.owner.set_or_null(owner));
    /// assert_eq!(update.to_command().to_string(), "YARR.UPDATE job WHERE * UNSET @owner");
    /// ```
    pub fn set_or_null(self, value: Option<impl Value<T::Kind>>) -> Assignment<R> {
        match value {
            Some(value) => self.set(value),
            None => self.set_null(),
        }
    }
}

/// Of text.
impl<R, T: FieldValue<Kind = Text>> Column<R, T> {
    /// `field STARTS WITH prefix`.
    pub fn starts_with(self, prefix: impl Value<Text>) -> Predicate<R> {
        let mut words = self.says(&["STARTS", "WITH"]);
        prefix.write(&mut words);
        Predicate::condition(words)
    }
}

/// Of tags.
impl<R, T: FieldValue<Kind = Tags>> Column<R, T> {
    /// Whether this tag is in the set.
    pub fn contains(self, tag: impl AsRef<str>) -> Predicate<R> {
        self.contains_all([tag])
    }

    /// Whether any of these tags is in the set.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// assert_eq!(f.tags.contains_any(["red", "blue"]).to_string(), "@tags CONTAINS ANY 2 red blue");
    /// ```
    pub fn contains_any<V: AsRef<str>>(self, tags: impl IntoIterator<Item = V>) -> Predicate<R> {
        self.contains_of("ANY", tags)
    }

    /// Whether all of these tags are in the set.
    pub fn contains_all<V: AsRef<str>>(self, tags: impl IntoIterator<Item = V>) -> Predicate<R> {
        self.contains_of("ALL", tags)
    }

    fn contains_of<V: AsRef<str>>(
        self,
        word: &str,
        tags: impl IntoIterator<Item = V>,
    ) -> Predicate<R> {
        let mut words = self.says(&["CONTAINS", word]);
        words.extend(&tag_words(tags));
        Predicate::condition(words)
    }

    /// Adds tags to the set as it stands.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// let update = Job::query().update((f.tags.add_tags(["red"]), f.tags.remove_tags(["blue"])));
    /// assert_eq!(update.to_command().to_string(), "YARR.UPDATE job WHERE * ADD @tags 1 red REMOVE @tags 1 blue");
    /// ```
    pub fn add_tags<V: AsRef<str>>(self, tags: impl IntoIterator<Item = V>) -> Change<R> {
        Change::add(self.name, tag_words(tags))
    }

    /// Takes tags out of the set as it stands.
    pub fn remove_tags<V: AsRef<str>>(self, tags: impl IntoIterator<Item = V>) -> Change<R> {
        Change::remove(self.name, tag_words(tags))
    }
}

fn tag_words<V: AsRef<str>>(tags: impl IntoIterator<Item = V>) -> Words {
    let tags: Vec<V> = tags.into_iter().collect();
    let mut words = Words::new();
    write_tags(tags.iter().map(|tag| tag.as_ref().as_bytes()), &mut words);
    words
}

/// One field, or a tuple of up to eight: what `pluck` answers, what a conflict is on, what groups are made by.
pub trait Columns<R> {
    /// The values of the fields.
    type Values;

    /// The names of the fields.
    fn names(&self) -> Vec<&'static str>;

    /// Takes the values from a row.
    ///
    /// # Errors
    /// Where one does not fit.
    fn take(&self, row: &mut Row<'_, '_>) -> Result<Self::Values>;
}

impl<R, T: FieldValue> Columns<R> for Column<R, T> {
    type Values = T;

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn take(&self, row: &mut Row<'_, '_>) -> Result<T> {
        row.take()
    }
}

macro_rules! columns {
    ($($name:ident),*) => {
        impl<R, $($name: FieldValue),*> Columns<R> for ($(Column<R, $name>,)*) {
            type Values = ($($name,)*);

            #[allow(non_snake_case)]
            fn names(&self) -> Vec<&'static str> {
                let ($($name,)*) = self;
                vec![$($name.name),*]
            }

            fn take(&self, row: &mut Row<'_, '_>) -> Result<Self::Values> {
                Ok(($(row.take::<$name>()?,)*))
            }
        }
    };
}

columns!(A);
columns!(A, B);
columns!(A, B, C);
columns!(A, B, C, D);
columns!(A, B, C, D, E);
columns!(A, B, C, D, E, F);
columns!(A, B, C, D, E, F, G);
columns!(A, B, C, D, E, F, G, H);
