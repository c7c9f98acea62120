//! Conditions on records, joined by AND, OR and NOT.

use std::{fmt, marker::PhantomData, ops};

use crate::words::Words;

/// How tightly the words of a predicate hold together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Condition,
}

/// What records of `R` must be: conditions joined by [`and`](Predicate::and), [`or`](Predicate::or) and
/// [`not`], or by `&`, `|` and `!`. It is kept as the words that are sent, parentheses only where they are needed.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64, owner: Option<i64> }
/// let f = Job::fields();
/// let free = f.owner.is_null().or(f.owner.eq(7)).and(f.priority.gt(0));
/// assert_eq!(free.to_string(), "( @owner IS NULL OR @owner = 7 ) AND @priority > 0");
/// assert_eq!(free, (f.owner.is_null() | f.owner.eq(7)) & f.priority.gt(0));
/// assert_eq!((!f.priority.gt(0)).to_string(), "NOT @priority > 0");
/// ```
#[must_use]
pub struct Predicate<R> {
    words: Words,
    binding: Binding,
    of: PhantomData<fn() -> R>,
}

impl<R> Predicate<R> {
    pub(crate) fn condition(words: Words) -> Predicate<R> {
        Predicate {
            words,
            binding: Binding::Condition,
            of: PhantomData,
        }
    }

    /// Both.
    pub fn and(self, other: Predicate<R>) -> Predicate<R> {
        self.join("AND", Binding::And, other)
    }

    /// At least one of both.
    pub fn or(self, other: Predicate<R>) -> Predicate<R> {
        self.join("OR", Binding::Or, other)
    }

    /// All of these; `None` where there are none.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")]
    /// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
    /// # let f = Job::fields();
    /// use yarr_client::Predicate;
    ///
    /// let wanted = [("sweep", 1), ("alarm", 9)].map(|(task, least)| f.task.eq(task).and(f.priority.ge(least)));
    /// let any = Predicate::any(wanted).unwrap();
    /// assert_eq!(
    ///     any.to_string(),
    ///     "@task = sweep AND @priority >= 1 OR @task = alarm AND @priority >= 9"
    /// );
    /// ```
    pub fn all(parts: impl IntoIterator<Item = Predicate<R>>) -> Option<Predicate<R>> {
        parts.into_iter().reduce(Predicate::and)
    }

    /// Any of these; `None` where there are none.
    pub fn any(parts: impl IntoIterator<Item = Predicate<R>>) -> Option<Predicate<R>> {
        parts.into_iter().reduce(Predicate::or)
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    fn join(self, word: &str, binding: Binding, other: Predicate<R>) -> Predicate<R> {
        let mut words = self.within(binding);
        words.push(word);
        words.extend(&other.within(binding));
        Predicate {
            words,
            binding,
            of: PhantomData,
        }
    }

    /// Its words as a part of what binds so tightly.
    fn within(self, binding: Binding) -> Words {
        if self.binding >= binding {
            return self.words;
        }
        let mut words = Words::new();
        words.push("(");
        words.extend(&self.words);
        words.push(")");
        words
    }
}

/// What does not match the predicate; where that is unknown, because of a null, neither matches.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
/// let f = Job::fields();
/// assert_eq!(not(f.priority.eq(1).or(f.id.eq(2))).to_string(), "NOT ( @priority = 1 OR @id = 2 )");
/// ```
pub fn not<R>(predicate: Predicate<R>) -> Predicate<R> {
    let mut words = Words::new();
    words.push("NOT");
    words.extend(&predicate.within(Binding::Not));
    Predicate {
        words,
        binding: Binding::Not,
        of: PhantomData,
    }
}

impl<R> ops::Not for Predicate<R> {
    type Output = Predicate<R>;

    fn not(self) -> Predicate<R> {
        not(self)
    }
}

impl<R> ops::BitAnd for Predicate<R> {
    type Output = Predicate<R>;

    fn bitand(self, other: Predicate<R>) -> Predicate<R> {
        self.and(other)
    }
}

impl<R> ops::BitOr for Predicate<R> {
    type Output = Predicate<R>;

    fn bitor(self, other: Predicate<R>) -> Predicate<R> {
        self.or(other)
    }
}

impl<R> Clone for Predicate<R> {
    fn clone(&self) -> Self {
        Predicate {
            words: self.words.clone(),
            binding: self.binding,
            of: PhantomData,
        }
    }
}

impl<R> PartialEq for Predicate<R> {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

/// The words that are sent, as one line.
impl<R> fmt::Display for Predicate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words.fmt(f)
    }
}

impl<R> fmt::Debug for Predicate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
