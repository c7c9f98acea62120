//! YARR beside SQLite: the same records, the same changes, the same questions, the same answers.
//!
//! ```text
//! Random -> Schema -> Round: changes and questions -> words for YARR   -> Answer
//!                                                  -> text for SQLite  -> Answer
//! ```
//!
//! A [`round`] makes a table from its seed, changes it and asks of it, and panics with all that is
//! needed to see the difference where there is one. The README beside tells where the two
//! languages differ, and so where the translation is more than other words.

mod aggregate;
mod answer;
mod change;
mod create;
mod engine;
mod exact;
mod operand;
mod predicate;
mod question;
mod random;
mod round;
mod schema;
mod sql;
mod value;

pub use round::{QUESTIONS, round};
