//! Values for fields: what a record is made of, and how it changes.

use std::marker::PhantomData;

use crate::{command::Command, field::FieldValue, words::Words};

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Set,
    Unset,
    Increment,
    Add,
    Remove,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    field: &'static str,
    verb: Verb,
    words: Words,
}

/// Fields and what happens to them, as [`Changes`] write them down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assignments(Vec<Entry>);

impl Assignments {
    /// Sets a field to a value, which may be null.
    pub fn set<T: FieldValue>(&mut self, field: &'static str, value: &T) {
        let mut words = Words::new();
        value.write(&mut words);
        let verb = if value.is_null() {
            Verb::Unset
        } else {
            Verb::Set
        };
        self.0.push(Entry { field, verb, words });
    }

    pub(crate) fn of<R, C: Changes<R> + ?Sized>(changes: &C) -> Assignments {
        let mut assignments = Assignments::default();
        changes.write(&mut assignments);
        assignments
    }

    /// Adds to a number.
    pub(crate) fn increment(&mut self, field: &'static str, by: i64) {
        let mut words = Words::new();
        words.push_display(by);
        let verb = Verb::Increment;
        self.0.push(Entry { field, verb, words });
    }

    /// Those of the fields for which this holds.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|entry| keep(entry.field));
    }

    /// Those that are not among the assignments before.
    pub(crate) fn since(&self, before: &Assignments) -> Assignments {
        let new = |entry: &&Entry| !before.0.contains(entry);
        Assignments(self.0.iter().filter(new).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|entry| entry.field)
    }

    /// The values in their order, `None` for a null.
    pub(crate) fn values(&self) -> impl Iterator<Item = Option<&Words>> {
        let value = |entry: &'_ Entry| (entry.verb != Verb::Unset).then_some(());
        self.0
            .iter()
            .map(move |entry| value(entry).map(|()| &entry.words))
    }

    fn verb(&self, verb: Verb) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.verb == verb)
    }

    /// `field value ... [UNSET field ...]`, as CREATE takes them.
    pub(crate) fn write_values(&self, command: &mut Command) {
        for entry in self.verb(Verb::Set) {
            command.fields([entry.field]).extend(&entry.words);
        }
        self.write_nulls(command);
    }

    /// `SET ... INCR ... ADD ... REMOVE ... UNSET ...`, as UPDATE takes them.
    pub(crate) fn write_changes(&self, command: &mut Command) {
        for (verb, word) in [
            (Verb::Set, "SET"),
            (Verb::Increment, "INCR"),
            (Verb::Add, "ADD"),
            (Verb::Remove, "REMOVE"),
        ] {
            for (at, entry) in self.verb(verb).enumerate() {
                if at == 0 {
                    command.word(word);
                }
                command.fields([entry.field]).extend(&entry.words);
            }
        }
        self.write_nulls(command);
    }

    fn write_nulls(&self, command: &mut Command) {
        let mut nulls = self.verb(Verb::Unset).map(|entry| entry.field).peekable();
        if nulls.peek().is_some() {
            command.word("UNSET").fields(nulls);
        }
    }
}

/// How a record of `R` changes: an [`Assignment`], a [`Change`], a tuple of up to twelve of them, a `Vec` of one
/// sort, or a struct with [`#[derive(Changes)]`](macro@crate::Changes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no change of a record of `{R}`",
    note = "take R::fields().name.set(value), a tuple of such, or a struct with #[derive(Changes)]"
)]
pub trait Changes<R> {
    /// Writes the changes down.
    fn write(&self, assignments: &mut Assignments);
}

/// Changes that only give values, so that a record can be made of them.
#[diagnostic::on_unimplemented(
    message = "a record of `{R}` cannot be made of `{Self}`",
    note = "take R::fields().name.set(value), a tuple of such, a record, or a struct with #[derive(Changes)]"
)]
pub trait Values<R>: Changes<R> {}

/// A value for a field, by [`Column::set`](crate::Column::set).
#[derive(Debug)]
#[must_use]
pub struct Assignment<R> {
    entry: Entry,
    of: PhantomData<fn() -> R>,
}

impl<R> Assignment<R> {
    pub(crate) fn new(field: &'static str, words: Words) -> Assignment<R> {
        let entry = Entry {
            field,
            verb: Verb::Set,
            words,
        };
        Assignment {
            entry,
            of: PhantomData,
        }
    }

    pub(crate) fn null(field: &'static str) -> Assignment<R> {
        let mut assignment = Assignment::new(field, Words::new());
        assignment.entry.verb = Verb::Unset;
        assignment
    }
}

impl<R> Changes<R> for Assignment<R> {
    fn write(&self, assignments: &mut Assignments) {
        assignments.0.push(self.entry.clone());
    }
}

impl<R> Values<R> for Assignment<R> {}

/// A change to what a field holds, by [`Column::increment`](crate::Column::increment),
/// [`add_tags`](crate::Column::add_tags) or [`remove_tags`](crate::Column::remove_tags).
#[derive(Debug)]
#[must_use]
pub struct Change<R>(Assignment<R>);

impl<R> Change<R> {
    fn new(field: &'static str, verb: Verb, words: Words) -> Change<R> {
        let mut assignment = Assignment::new(field, words);
        assignment.entry.verb = verb;
        Change(assignment)
    }

    pub(crate) fn increment(field: &'static str, words: Words) -> Change<R> {
        Change::new(field, Verb::Increment, words)
    }

    pub(crate) fn add(field: &'static str, words: Words) -> Change<R> {
        Change::new(field, Verb::Add, words)
    }

    pub(crate) fn remove(field: &'static str, words: Words) -> Change<R> {
        Change::new(field, Verb::Remove, words)
    }
}

impl<R> Changes<R> for Change<R> {
    fn write(&self, assignments: &mut Assignments) {
        self.0.write(assignments);
    }
}

impl<R, C: Changes<R> + ?Sized> Changes<R> for &C {
    fn write(&self, assignments: &mut Assignments) {
        (**self).write(assignments);
    }
}

impl<R, V: Values<R> + ?Sized> Values<R> for &V {}

impl<R, C: Changes<R>> Changes<R> for Vec<C> {
    fn write(&self, assignments: &mut Assignments) {
        self.iter().for_each(|changes| changes.write(assignments));
    }
}

impl<R, V: Values<R>> Values<R> for Vec<V> {}

/// No values: a record of defaults.
impl<R> Changes<R> for () {
    fn write(&self, _: &mut Assignments) {}
}

impl<R> Values<R> for () {}

macro_rules! tuples {
    ($($name:ident),*) => {
        impl<R, $($name: Changes<R>),*> Changes<R> for ($($name,)*) {
            #[allow(non_snake_case)]
            fn write(&self, assignments: &mut Assignments) {
                let ($($name,)*) = self;
                $($name.write(assignments);)*
            }
        }

        impl<R, $($name: Values<R>),*> Values<R> for ($($name,)*) {}
    };
}

tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);
tuples!(A, B, C, D, E, F);
tuples!(A, B, C, D, E, F, G);
tuples!(A, B, C, D, E, F, G, H);
tuples!(A, B, C, D, E, F, G, H, I);
tuples!(A, B, C, D, E, F, G, H, I, J);
tuples!(A, B, C, D, E, F, G, H, I, J, K);
tuples!(A, B, C, D, E, F, G, H, I, J, K, L);
