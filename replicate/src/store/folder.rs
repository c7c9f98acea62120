//! A folder of this machine. A file is written under another name, made durable, and then renamed.

use std::{
    io,
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncWriteExt},
};

use super::Version;
use crate::error::{Error, Kind, Result};

/// How many bytes are written at a time.
pub const BLOCK: usize = 256 << 10;

pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn open(root: &Path) -> Result<Folder> {
        std::fs::create_dir_all(root).map_err(|error| said(&error, "make the folder", root))?;
        let root = root.to_path_buf();
        Ok(Folder { root })
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub async fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.upload(path).finish(bytes).await?;
        // The names in the folder too are to outlive a crash of the machine: those of parts, since their manifest is
        // put behind them.
        let path = self.path(path);
        let failed = |error: io::Error| said(&error, "write", &path);
        if let Some(folder) = path.parent() {
            let folder = File::open(folder).await.map_err(failed)?;
            folder.sync_all().await.map_err(failed)?;
        }
        Ok(())
    }

    pub async fn read_version(&self, path: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let path = self.path(path);
        let bytes = there(fs::read(&path).await, &path)?;
        // The file's own text: they are small.
        Ok(bytes.map(|bytes| {
            let version = Version(String::from_utf8_lossy(&bytes).into_owned());
            (bytes, version)
        }))
    }

    pub async fn swap(&self, path: &str, version: Option<&Version>, bytes: &[u8]) -> Result<bool> {
        let lock = self.path(&format!("{path}.lock"));
        let failed = |error: &io::Error| said(error, "lock", &lock);
        parent(&lock).await?;
        let file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .map_err(|error| failed(&error))?;
        // The lock goes with the file, with the process too.
        let Ok(_lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            return Ok(false);
        };
        let found = self.read_version(path).await?;
        if found.as_ref().map(|(_, version)| version) != version {
            return Ok(false);
        }
        self.put(path, bytes).await?;
        Ok(true)
    }

    pub async fn size(&self, path: &str) -> Result<Option<u64>> {
        let path = self.path(path);
        let found = there(fs::metadata(&path).await, &path)?;
        Ok(found.map(|found| found.len()))
    }

    pub async fn read(&self, path: &str) -> Result<Reader> {
        let path = self.path(path);
        let file = File::open(&path).await;
        let file = file.map_err(|error| said(&error, "read", &path))?;
        Ok(Reader { file, path })
    }

    pub fn upload(&self, path: &str) -> Upload {
        Upload {
            path: self.path(path),
            file: None,
            finished: false,
        }
    }

    pub async fn folders(&self) -> Result<Vec<String>> {
        let failed = |error: io::Error| said(&error, "read", &self.root);
        let mut entries = fs::read_dir(&self.root).await.map_err(failed)?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            if entry.path().is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        let path = self.path(path);
        there(fs::remove_dir_all(&path).await, &path)?;
        // The folders above it go where nothing else is in them.
        let above = path.ancestors().skip(1);
        for folder in above.take_while(|folder| **folder != self.root) {
            if fs::remove_dir(folder).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

pub struct Reader {
    file: File,
    path: PathBuf,
}

impl Reader {
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::with_capacity(BLOCK);
        let read = self.file.read_buf(&mut bytes).await;
        match read.map_err(|error| said(&error, "read", &self.path))? {
            0 => Ok(None),
            _ => Ok(Some(bytes)),
        }
    }
}

pub struct Upload {
    path: PathBuf,
    file: Option<File>,
    finished: bool,
}

impl Upload {
    /// Where it lies until it is whole.
    fn beside(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        self.path.with_file_name(name)
    }

    pub async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let beside = self.beside();
        let failed = |error: io::Error| said(&error, "write", &beside);
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                parent(&beside).await?;
                none.insert(File::create(&beside).await.map_err(failed)?)
            }
        };
        file.write_all(bytes).await.map_err(failed)
    }

    pub async fn finish(mut self, bytes: &[u8]) -> Result<()> {
        self.push(bytes).await?;
        let beside = self.beside();
        let failed = |error: io::Error| said(&error, "write", &beside);
        if let Some(mut file) = self.file.take() {
            // What could not be written is told here at last.
            file.flush().await.map_err(failed)?;
            file.sync_all().await.map_err(failed)?;
        }
        let rename = fs::rename(&beside, &self.path).await;
        rename.map_err(|error| said(&error, "name", &self.path))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.finished && self.path.file_name().is_some() {
            // Where there is none nothing is lost.
            let _ = std::fs::remove_file(self.beside());
        }
    }
}

async fn parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder)
            .await
            .map_err(|error| said(&error, "make the folder", folder)),
        None => Ok(()),
    }
}

/// `None` where there is nothing of that name.
fn there<T>(found: io::Result<T>, path: &Path) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(said(&error, "read", path)),
    }
}

fn said(error: &io::Error, what: &str, path: &Path) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there, or name another folder, and run again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; name a folder that this user may write"
        }
        _ => "",
    };
    let message = format!("cannot {what} {}: {error}{hint}", path.display());
    Error::new(Kind::Refused, message)
}
