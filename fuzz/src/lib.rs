//! What the fuzz targets of YARR's engine do with their input, one module a target.
//!
//! Each `run` takes any bytes and panics where the engine breaks a promise. libFuzzer calls it
//! from `fuzz_targets/`; the tests call it with the corpus and with mutations of their own.

#![deny(missing_docs, unsafe_code)]

mod allocator;
mod calendar;
pub mod commands;
pub mod cursor;
mod decimal;
mod draw;
pub mod effects;
mod migration;
mod model;
pub mod mutation;
mod packed;
pub mod payload;
pub mod query;
pub mod random;
mod reply;
mod shelf;
mod table;
mod tags;
#[path = "../../tests/integration/unpack.rs"]
mod unpack;
pub mod values;
mod words;

/// What a target does with its input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 6] = [
    ("commands", commands::run),
    ("query", query::run),
    ("payload", payload::run),
    ("effects", effects::run),
    ("cursor", cursor::run),
    ("values", values::run),
];
