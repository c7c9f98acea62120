//! A predicate made ready to be asked of records.

use super::value_set::ValueSet;
use crate::{table::Record, value::ValueRef};

/// A predicate whose fields, values and negations are resolved: what is left is two-valued, for
/// a comparison with null, which is unknown, simply does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub(super) root: Node,
}

/// A part of a filter. No `All` stands directly in an `All`, no `Any` in an `Any`, and in each a
/// field has one condition at most.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// All of these; every record where there are none.
    All(Vec<Node>),
    /// Any of these.
    Any(Vec<Node>),
    /// One field's values.
    Field(Condition),
    /// One tag of a field.
    Tag(Tagged),
}

/// What one field must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// The field.
    pub(super) position: usize,
    /// What it may be.
    pub(super) values: ValueSet,
    /// Whether it was written in a form that an index serves.
    pub(super) servable: bool,
    /// Whether it is, and an index leads with its field.
    pub(super) served: bool,
}

/// Which tag a field must have, or must not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tagged {
    /// The field, of TAGS.
    pub(super) position: usize,
    /// The tag.
    pub(super) tag: Box<[u8]>,
    /// Whether the field must have it; else it must have a value without it.
    pub(super) wanted: bool,
    /// Whether an index serves this.
    pub(super) served: bool,
}

impl Filter {
    /// The filter that every record passes.
    pub fn everything() -> Filter {
        Filter {
            root: Node::All(Vec::new()),
        }
    }

    /// Whether a record passes.
    #[inline]
    pub fn matches(&self, record: &Record<'_>) -> bool {
        self.root.matches(record)
    }
}

impl Node {
    /// Whether a record passes.
    #[inline]
    pub(super) fn matches(&self, record: &Record<'_>) -> bool {
        match self {
            Node::Field(condition) => condition.matches(record),
            Node::Tag(tagged) => tagged.matches(record),
            Node::All(parts) => parts.iter().all(|part| part.matches(record)),
            Node::Any(parts) => parts.iter().any(|part| part.matches(record)),
        }
    }

    /// The parts of which every record that passes passes each.
    pub(super) fn conjuncts(&self) -> &[Node] {
        match self {
            Node::All(parts) => parts,
            part => std::slice::from_ref(part),
        }
    }
}

impl Tagged {
    fn matches(&self, record: &Record<'_>) -> bool {
        match record.value(self.position) {
            ValueRef::Tags(tags) => tags.contains(&self.tag) == self.wanted,
            _ => false,
        }
    }
}

impl Condition {
    #[inline]
    fn matches(&self, record: &Record<'_>) -> bool {
        self.values.contains(&record.value(self.position))
    }
}
