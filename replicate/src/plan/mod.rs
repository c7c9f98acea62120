//! The plan: which column gets which field, in what form; what does not fit is refused before anything is written.

use crate::{
    error::{Error, Result},
    source::Source,
    table::{Table, Wish},
    target::{Alteration, Target},
};

/// A plan of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The table.
    pub table: Table,
    /// What is to be done to the target first; done by a run, not by `plan`.
    pub alterations: Vec<Alteration>,
    /// Fields of the source that have no column, and so are not copied.
    pub left: Vec<String>,
    /// What is no error and ought to be known.
    pub warnings: Vec<String>,
    /// How many lines the history of the source's schema has.
    pub schema_lines: i64,
}

/// Plans a table. Nothing is written.
///
/// # Errors
/// All that does not fit, in one error.
pub async fn plan(_: &mut Source, _: &mut dyn Target, _: &Wish) -> Result<Plan> {
    Err(Error::usage("nothing can be planned"))
}
