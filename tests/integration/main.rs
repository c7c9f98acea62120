//! The module inside real servers, seen as a client sees it.

mod cli;
mod readme;
mod server;
mod transcript;
