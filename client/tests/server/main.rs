//! The client against a real server: `YARR_MODULE`, or `target/release/libyarr.so`.

mod crud;
mod sample;
