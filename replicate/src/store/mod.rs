//! Where parts lie between source and target: a folder of this machine, or S3. Paths are relative to its root, with
//! slashes.

mod folder;
mod s3;

use std::{fmt, path::Path};

use crate::error::Result;

use folder::Folder;
use s3::S3;

/// A store.
pub struct Store {
    place: Place,
}

enum Place {
    Folder(Folder),
    S3(S3),
}

/// A bucket of S3 and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What all keys begin with; nothing is its root.
    pub prefix: String,
    /// Its region; without it AWS_REGION or AWS_DEFAULT_REGION.
    pub region: Option<String>,
    /// Another server than Amazon's.
    pub endpoint: Option<String>,
    /// A key and its secret; without them what the surroundings give: the variables AWS_*, the role of a container or
    /// an instance.
    pub key: Option<(String, String)>,
    /// The token of a session.
    pub token: Option<String>,
}

/// Without the secrets.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bucket { name, prefix, .. } = self;
        write!(f, "s3://{name}/{prefix}")
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// As messages name it.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url("").trim_end_matches('/'))
    }
}

/// What a small file was when it was read, to replace that one and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Store {
    /// The folder of this machine; it is made where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn folder(path: &Path) -> Result<Store> {
        let place = Place::Folder(Folder::open(path)?);
        Ok(Store { place })
    }

    /// A bucket. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where what is said of it does not make sense.
    pub fn s3(bucket: &Bucket) -> Result<Store> {
        let place = Place::S3(S3::open(bucket)?);
        Ok(Store { place })
    }

    /// The address of a path as COPY of the target takes it: `s3://bucket/root/path`, or that of a file.
    pub fn url(&self, path: &str) -> String {
        match &self.place {
            Place::Folder(folder) => folder.path(path).display().to_string(),
            Place::S3(s3) => s3.url(path),
        }
    }

    /// How many bytes are sent at a time: what an upload of parts takes at least.
    pub fn block(&self) -> usize {
        match &self.place {
            Place::Folder(_) => folder::BLOCK,
            Place::S3(_) => s3::BLOCK,
        }
    }

    /// Writes a small file at once; where there is one it is replaced.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        match &self.place {
            Place::Folder(folder) => folder.put(path, &bytes).await,
            Place::S3(s3) => s3.put(path, bytes).await,
        }
    }

    /// Reads a small file; `None` where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let found = self.read_version(path).await?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    /// The same with its version.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_version(&self, path: &str) -> Result<Option<(Vec<u8>, Version)>> {
        match &self.place {
            Place::Folder(folder) => folder.read_version(path).await,
            Place::S3(s3) => s3.read_version(path).await,
        }
    }

    /// Writes a small file in place of that version, or where there is none; `false` where it is another by now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn swap(
        &self,
        path: &str,
        version: Option<&Version>,
        bytes: Vec<u8>,
    ) -> Result<bool> {
        match &self.place {
            Place::Folder(folder) => folder.swap(path, version, &bytes).await,
            Place::S3(s3) => s3.swap(path, version, bytes).await,
        }
    }

    /// The bytes of a file; `None` where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn size(&self, path: &str) -> Result<Option<u64>> {
        match &self.place {
            Place::Folder(folder) => folder.size(path).await,
            Place::S3(s3) => s3.size(path).await,
        }
    }

    /// Reads a file from front to back.
    ///
    /// # Errors
    /// Those of the store; where there is none.
    pub async fn read(&self, path: &str) -> Result<Reader> {
        Ok(Reader(match &self.place {
            Place::Folder(folder) => Reading::Folder(folder.read(path).await?),
            Place::S3(s3) => Reading::S3(s3.read(path).await?),
        }))
    }

    /// Begins a file of any length. It is there when the upload is finished, and not before.
    pub fn upload(&self, path: &str) -> Upload {
        Upload(match &self.place {
            Place::Folder(folder) => Uploading::Folder(folder.upload(path)),
            Place::S3(s3) => Uploading::S3(s3.upload(path)),
        })
    }

    /// The names of the folders at its root, in order.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn folders(&self) -> Result<Vec<String>> {
        let mut names = match &self.place {
            Place::Folder(folder) => folder.folders().await?,
            Place::S3(s3) => s3.folders().await?,
        };
        names.sort();
        Ok(names)
    }

    /// Deletes all under a folder; fine where there is nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self, path: &str) -> Result<()> {
        match &self.place {
            Place::Folder(folder) => folder.delete(path).await,
            Place::S3(s3) => s3.delete(path).await,
        }
    }
}

/// A file that is being read.
pub struct Reader(Reading);

enum Reading {
    Folder(folder::Reader),
    S3(s3::Reader),
}

impl Reader {
    /// The next bytes as they lie there, some hundred kilobytes; `None` at the end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        match &mut self.0 {
            Reading::Folder(reader) => reader.chunk().await,
            Reading::S3(reader) => reader.chunk().await,
        }
    }
}

/// A file that is being written. One that is dropped leaves nothing that a reader would see.
pub struct Upload(Uploading);

enum Uploading {
    Folder(folder::Upload),
    S3(s3::Upload),
}

impl Upload {
    /// Sends bytes behind those before; all but the last are of at least a [`block`](Store::block).
    ///
    /// # Errors
    /// Those of the store.
    pub async fn push(&mut self, bytes: Vec<u8>) -> Result<()> {
        match &mut self.0 {
            Uploading::Folder(upload) => upload.push(&bytes).await,
            Uploading::S3(upload) => upload.push(bytes).await,
        }
    }

    /// Sends the last bytes, and makes it a file.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn finish(self, bytes: Vec<u8>) -> Result<()> {
        match self.0 {
            Uploading::Folder(upload) => upload.finish(&bytes).await,
            Uploading::S3(upload) => upload.finish(bytes).await,
        }
    }
}
