//! Stores, parts, and the targets that take these as they lie: files and Amazon Redshift, the latter as the stand-in of
//! `yarr-replicate-testing` has it.

mod files;
mod harness;
mod part;
mod redshift;
mod store;
