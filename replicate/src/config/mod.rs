//! The configuration: `yarr-replicate.toml`.
