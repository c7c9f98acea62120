//! The client beside the server's own engine, without a server: what is sent is read as it was meant, and what is
//! answered comes back as it was written.

mod connection;
mod language;
mod operations;
mod round_trip;
