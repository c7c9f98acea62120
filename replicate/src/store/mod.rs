//! Where parts lie between source and target: a folder of this machine, or S3. Paths are relative to its root, with
//! slashes.

use crate::error::{Error, Result};

/// A store.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// The folder of this machine.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn folder(_: &std::path::Path) -> Result<Store> {
        Err(Error::usage("there is no store"))
    }

    /// The address of a path as COPY of the target takes it: `s3://bucket/root/path`, or that of a file.
    pub fn url(&self, path: &str) -> String {
        path.into()
    }

    /// Writes a small file at once; where there is one it is replaced.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put(&self, _: &str, _: Vec<u8>) -> Result<()> {
        Err(Error::usage("there is no store"))
    }

    /// Reads a small file; `None` where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, _: &str) -> Result<Option<Vec<u8>>> {
        Err(Error::usage("there is no store"))
    }

    /// The bytes of a file; `None` where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn size(&self, _: &str) -> Result<Option<u64>> {
        Err(Error::usage("there is no store"))
    }

    /// Reads a file from front to back.
    ///
    /// # Errors
    /// Those of the store; where there is none.
    pub async fn read(&self, _: &str) -> Result<Reader> {
        Err(Error::usage("there is no store"))
    }

    /// Deletes all under a folder; fine where there is nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self, _: &str) -> Result<()> {
        Err(Error::usage("there is no store"))
    }
}

/// A file that is being read.
pub struct Reader {}

impl Reader {
    /// The next bytes as they lie there, some hundred kilobytes; `None` at the end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        Err(Error::usage("there is no store"))
    }
}
