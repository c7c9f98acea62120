//! Tables as bytes: versioned, checksummed, distrustful of what they read.

pub mod snapshot;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};

/// No structure kept in bincode is larger: a length read from bytes is not believed past it.
const MOST: usize = 1 << 28;

/// A structure in bincode.
///
/// # Errors
/// Only a structure larger than 256 MiB.
pub fn to_bytes<T: Serialize>(structure: &T) -> Result<Vec<u8>> {
    let config = bincode::config::standard().with_limit::<MOST>();
    bincode::serde::encode_to_vec(structure, config)
        .map_err(|_| Error::internal("a structure is too large to encode"))
}

/// A structure from the bincode that [`to_bytes`] wrote; nothing may be left over.
///
/// # Errors
/// BADVALUE where the bytes are not such a structure.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let config = bincode::config::standard().with_limit::<MOST>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((structure, read)) if read == bytes.len() => Ok(structure),
        Ok(_) => Err(Error::corrupt("a structure is followed by something else")),
        Err(error) => Err(Error::corrupt(format!(
            "a structure does not read: {error}"
        ))),
    }
}
