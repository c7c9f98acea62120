//! `yarr replicate` against servers of its own: every verb, every target, what is wrong, and the documentation.

#[path = "../harness/mod.rs"]
mod harness;

mod documentation;
mod places;
mod scheduled;
mod targets;
mod verbs;
mod wrong;
