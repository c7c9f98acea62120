//! The append-only file of a server, read from its folder.

use std::path::{Path, PathBuf};

/// The append-only file that grows.
pub fn append_only_file(folder: &Path) -> PathBuf {
    let inside = folder.join("appendonlydir");
    if !inside.exists() {
        return folder.join("appendonly.aof");
    }
    let entries = std::fs::read_dir(inside)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .expect("a file that grows")
}

/// The commands in an append-only file.
pub fn commands(mut file: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut commands = Vec::new();
    while !file.is_empty() {
        // Annotations begin with `#` and end with their line.
        if file[0] == b'#' {
            let end = file.iter().position(|byte| *byte == b'\n').expect("a line");
            file = &file[end + 1..];
            continue;
        }
        let reply = crate::reply::read_reply(&mut file).expect("a command");
        commands.push(
            reply
                .items()
                .iter()
                .map(|word| word.bytes().to_vec())
                .collect(),
        );
    }
    commands
}
