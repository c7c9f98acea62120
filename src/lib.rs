//! YARR (Yet Another Redis Record): typed, indexed records inside a Redis server.

pub mod index;
