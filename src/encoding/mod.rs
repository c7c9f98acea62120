//! Tables as bytes: versioned, checksummed, distrustful of what they read.

pub mod snapshot;
