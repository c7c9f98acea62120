//! The client against a real server: `YARR_MODULE`, or `target/release/libyarr.so`.

mod bad;
mod batch;
mod check;
mod cluster;
mod crud;
mod feed;
mod migrate;
mod query;
mod sample;
mod tokio;
