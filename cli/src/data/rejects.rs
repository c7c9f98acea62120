//! The file of records that were set aside: each as it was, under a comment that says why. With the header before them
//! the file can be mended and imported with `--comment '# line '`.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
};

use super::batch::Reject;
use crate::{Error, Result};

/// The file of rejects.
#[derive(Debug)]
pub struct Rejects {
    path: String,
    /// Without one they are held here.
    file: Option<File>,
    held: Vec<Reject>,
    length: u64,
}

impl Rejects {
    /// Holds them in memory, until they are taken.
    pub fn held() -> Rejects {
        Rejects {
            path: String::new(),
            file: None,
            held: Vec::new(),
            length: 0,
        }
    }

    /// Takes those that are held.
    pub fn take(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.held)
    }

    /// Begins a file, with this header where it is no empty one.
    ///
    /// # Errors
    /// Where it has something in it: it may be rejects that nobody has looked at.
    pub fn begin(path: &str, header: &[u8]) -> Result<Rejects> {
        let about = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        let length = about.map_or(0, |about| about.len());
        // A run that was ended before its first record has left no more than the header.
        let is_header = length <= u64::try_from(header.len()).unwrap_or_default()
            && fs::read(path).is_ok_and(|text| header.starts_with(&text));
        if length > 0 && !is_header {
            return Err(Error::usage(format!(
                "{path} has something in it already: look at it and remove it, or name another file for the rejects"
            )));
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)
            .map_err(|error| fault(path, &error))?;
        let mut rejects = Rejects {
            path: path.into(),
            file: Some(file),
            held: Vec::new(),
            length: 0,
        };
        rejects.write(header)?;
        Ok(rejects)
    }

    /// Goes on with a file that was so long when the import's position was kept.
    ///
    /// # Errors
    /// Where it is shorter.
    pub fn go_on(path: &str, header: &[u8], length: u64) -> Result<Rejects> {
        if length == 0 {
            return Rejects::begin(path, header);
        }
        let open = OpenOptions::new().write(true).open(path);
        let mut file = open.map_err(|error| fault(path, &error))?;
        let found = file.metadata().map_err(|error| fault(path, &error))?.len();
        if found < length {
            return Err(Error::usage(format!(
                "expected the rejects of the import before in {path}, {length} bytes, found {found}: name that file"
            )));
        }
        file.set_len(length)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(|error| fault(path, &error))?;
        Ok(Rejects {
            path: path.into(),
            file: Some(file),
            held: Vec::new(),
            length,
        })
    }

    /// How long it is.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Sets a record aside.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&mut self, reject: &Reject) -> Result<()> {
        if self.file.is_none() {
            self.held.push(reject.clone());
            return Ok(());
        }
        let mut text = format!("# {}\n", reject.fault).into_bytes();
        text.extend_from_slice(&reject.raw);
        if !reject.raw.ends_with(b"\n") {
            text.push(b'\n');
        }
        self.write(&text)
    }

    fn write(&mut self, text: &[u8]) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.write_all(text)
            .map_err(|error| fault(&self.path, &error))?;
        self.length += u64::try_from(text.len()).unwrap_or_default();
        Ok(())
    }
}

fn fault(path: &str, error: &std::io::Error) -> Error {
    Error::usage(format!("cannot write the rejects to {path}: {error}"))
}
