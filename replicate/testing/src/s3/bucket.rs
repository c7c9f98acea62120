//! Objects in a folder: a file each, under a name that holds its key whole; parts that are under way beside them.

use std::{fs, io, path::Path};

/// An object's file: its key with `%` for what a file's name cannot have, so that no key leads out of the folder.
fn name(key: &str) -> String {
    let mut name = "o".to_string();
    for byte in key.bytes() {
        match byte {
            b'/' | b'%' => name.push_str(&format!("%{byte:02x}")),
            byte => name.push(char::from(byte)),
        }
    }
    name
}

pub fn keys(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut keys: Vec<String> = names
        .filter_map(|name| Some(name.strip_prefix('o')?.replace("%2f", "/")))
        .map(|name| name.replace("%25", "%"))
        .collect();
    keys.sort();
    keys
}

pub fn read(folder: &Path, key: &str) -> Option<Vec<u8>> {
    fs::read(folder.join(name(key))).ok()
}

pub fn file(folder: &Path, key: &str) -> io::Result<fs::File> {
    fs::File::open(folder.join(name(key)))
}

/// An object appears whole or not at all.
pub fn write(folder: &Path, key: &str, bytes: &[u8]) -> io::Result<()> {
    let name = name(key);
    let under_way = folder.join(format!("w{name}"));
    fs::write(&under_way, bytes)?;
    fs::rename(under_way, folder.join(name))
}

pub fn remove(folder: &Path, key: &str) -> io::Result<()> {
    match fs::remove_file(folder.join(name(key))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A part of an object that is under way.
pub fn write_part(folder: &Path, upload: &str, number: u32, bytes: &[u8]) -> io::Result<()> {
    fs::write(folder.join(format!("p{upload}.{number}")), bytes)
}

/// Makes an object of the parts of an upload, in this order.
pub fn complete(folder: &Path, upload: &str, key: &str, numbers: &[u32]) -> io::Result<()> {
    let name = name(key);
    let under_way = folder.join(format!("w{name}"));
    let mut whole = fs::File::create(&under_way)?;
    for number in numbers {
        let mut part = fs::File::open(folder.join(format!("p{upload}.{number}")))?;
        io::copy(&mut part, &mut whole)?;
    }
    fs::rename(under_way, folder.join(name))?;
    abort(folder, upload);
    Ok(())
}

/// Forgets the parts of an upload.
pub fn abort(folder: &Path, upload: &str) {
    let prefix = format!("p{upload}.");
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        if file.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(file.path());
        }
    }
}
