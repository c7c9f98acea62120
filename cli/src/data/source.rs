//! Where bytes come from: a file or standard input, packed by gzip or not, read once from front to back.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crc32fast::Hasher;
use flate2::read::MultiGzDecoder;

use super::Format;
use crate::{Error, Result};

/// How much is asked for at once.
const CHUNK: usize = 256 << 10;
/// The longest record. Without an end a quote that is never closed would take the rest of the file into memory.
pub const LONGEST: usize = 256 << 20;

/// How many bytes of the file itself have been read, packed or not: for the bar.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<AtomicU64>);

impl Meter {
    /// The bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.meter.0.fetch_add(bytes, Ordering::Relaxed);
        Ok(read)
    }
}

/// A file that is being read.
pub struct Source {
    name: String,
    reader: Box<dyn Read + Send>,
    meter: Meter,
    length: Option<u64>,
}

impl Source {
    /// Opens a file, or standard input by the name `-`. What is packed by gzip is known by its first two bytes.
    ///
    /// # Errors
    /// Where there is no such file, or it cannot be read.
    pub fn open(path: &str) -> Result<Source> {
        let (name, file, length): (&str, Box<dyn Read + Send>, _) = match path {
            "-" => ("standard input", Box::new(io::stdin()), None),
            _ => {
                let fault = |error| unreadable(path, &error);
                let file = File::open(path).map_err(fault)?;
                let about = file.metadata().map_err(fault)?;
                if about.is_dir() {
                    return Err(Error::usage(format!(
                        "expected a file, found the folder {path}"
                    )));
                }
                // The length of a pipe is no length.
                let length = about.is_file().then_some(about.len());
                (path, Box::new(file), length)
            }
        };
        Source::over(name, file, length)
    }

    /// Reads what a reader gives.
    ///
    /// # Errors
    /// Where it fails.
    pub fn over(
        name: &str,
        inner: impl Read + Send + 'static,
        length: Option<u64>,
    ) -> Result<Source> {
        let meter = Meter::default();
        let mut reader = Metered {
            inner,
            meter: meter.clone(),
        };
        let mut first = Vec::new();
        let mut head = (&mut reader).take(2);
        head.read_to_end(&mut first)
            .map_err(|error| unreadable(name, &error))?;
        let packed = first == [0x1f, 0x8b];
        let whole = io::Cursor::new(first).chain(reader);
        Ok(Source {
            name: name.into(),
            reader: match packed {
                true => Box::new(MultiGzDecoder::new(whole)),
                false => Box::new(whole),
            },
            meter,
            length,
        })
    }

    /// What the user called it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it has been read.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// How long the file is, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

fn unreadable(name: &str, error: &io::Error) -> Error {
    Error::usage(format!("cannot read {name}: {error}"))
}

/// The format that a file's name tells, `.gz` aside.
pub fn format_of(path: &str) -> Option<Format> {
    let plain = path.strip_suffix(".gz").unwrap_or(path);
    match Path::new(plain)
        .extension()?
        .to_str()?
        .to_ascii_lowercase()
        .as_str()
    {
        "csv" => Some(Format::Csv),
        "tsv" | "tab" => Some(Format::Tsv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    }
}

/// How far a file has been taken, so that it can be known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Bytes, unpacked.
    pub bytes: u64,
    /// Line ends among them.
    pub lines: u64,
    /// Their CRC-32.
    pub crc: u32,
}

/// The bytes of a source, in a window that grows where a record needs it.
pub struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    bytes: u64,
    lines: u64,
    crc: Hasher,
}

impl Window {
    /// The window before the first byte.
    pub fn new(source: Source) -> Window {
        Window {
            source,
            buffer: Vec::new(),
            start: 0,
            ended: false,
            bytes: 0,
            lines: 0,
            crc: Hasher::new(),
        }
    }

    /// What the user called the source.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// What lies in the window.
    pub fn view(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Whether the source has nothing behind the window.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The bytes that were taken last; they are there until the window is widened.
    pub fn taken(&self, bytes: usize) -> &[u8] {
        let start = self.start.saturating_sub(bytes);
        self.buffer.get(start..self.start).unwrap_or_default()
    }

    /// How far the source has been taken.
    pub fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes,
            lines: self.lines,
            crc: self.crc.clone().finalize(),
        }
    }

    /// The number of the line that the window begins in, from 1.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }

    /// Widens the window.
    ///
    /// # Errors
    /// Where the source cannot be read, or the window holds no end of a record for [`LONGEST`] bytes.
    pub fn widen(&mut self) -> Result<()> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let held = self.buffer.len();
        if held > LONGEST {
            return Err(Error::usage(format!(
                "{} line {}: expected the end of the record within {} MiB, found none: perhaps a quote is not closed",
                self.name(),
                self.line(),
                LONGEST >> 20
            )));
        }
        // Twice as much each time: a long record is looked at anew only so often.
        let wanted = held.max(CHUNK);
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        let read = (&mut self.source.reader)
            .take(limit)
            .read_to_end(&mut self.buffer)
            .map_err(|error| unreadable(&self.source.name, &error))?;
        self.ended = read < wanted;
        Ok(())
    }

    /// Takes so many bytes out of the window.
    pub fn take(&mut self, bytes: usize) {
        let end = (self.start + bytes).min(self.buffer.len());
        let taken = self.buffer.get(self.start..end).unwrap_or_default();
        self.crc.update(taken);
        self.lines += count(memchr::memchr_iter(b'\n', taken).count());
        self.bytes += count(taken.len());
        self.start = end;
    }

    /// Takes bytes until the source has been taken so far.
    ///
    /// # Errors
    /// Where it is not the source that has been taken so far before.
    pub fn take_to(&mut self, mark: Mark) -> Result<()> {
        while self.bytes < mark.bytes {
            if self.view().is_empty() {
                if self.ended {
                    break;
                }
                self.widen()?;
                continue;
            }
            let left = usize::try_from(mark.bytes - self.bytes).unwrap_or(usize::MAX);
            self.take(left.min(self.view().len()));
        }
        match self.mark() == mark {
            true => Ok(()),
            false => Err(Error::usage(format!(
                "{} is not the file that was imported up to line {}: its first {} bytes differ. Take that file, or begin anew with --restart",
                self.name(),
                mark.lines,
                mark.bytes
            ))),
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn window(bytes: Vec<u8>) -> Window {
        Window::new(Source::over("test", io::Cursor::new(bytes), None).unwrap())
    }

    #[test]
    fn what_is_packed_is_unpacked_whatever_its_name() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"a,b\n").unwrap();
        let mut packed = packer.finish().unwrap();
        packed.extend(packed.clone());
        let mut window = window(packed);
        window.widen().unwrap();
        assert_eq!(window.view(), b"a,b\na,b\n");
    }

    #[test]
    fn a_source_of_one_byte_is_not_taken_for_packed() {
        let mut window = window(vec![0x1f]);
        window.widen().unwrap();
        assert_eq!(window.view(), [0x1f]);
    }

    #[test]
    fn a_mark_is_found_again_and_another_file_is_not() {
        let text: Vec<u8> = (0..200_000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        let mut first = window(text.clone());
        while first.mark().bytes < 700_001 {
            first.widen().unwrap();
            first.take(700_001 - usize::try_from(first.mark().bytes).unwrap());
        }
        let mark = first.mark();
        let mut again = window(text.clone());
        again.take_to(mark).unwrap();
        assert_eq!(again.mark(), mark);
        let mut other = text.clone();
        other[5] = b'x';
        assert!(window(other).take_to(mark).is_err());
        assert!(window(text[..1000].to_vec()).take_to(mark).is_err());
    }
}
