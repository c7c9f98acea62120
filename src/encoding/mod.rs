//! Tables and records as bytes: tables versioned, checksummed and distrustful of what they read,
//! records versioned and packed for a reply.

pub mod packed;
pub mod snapshot;
