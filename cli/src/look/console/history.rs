//! The history of the console: a file of the user's own, without passwords.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

use super::super::line;

/// The most lines that are kept.
const LINES: usize = 10_000;

/// A history that does not take lines with passwords.
pub struct Discreet(FileBackedHistory);

impl Discreet {
    /// The history in the user's state folder; one that ends with the process where there is none.
    pub fn open() -> Discreet {
        let kept = file().and_then(|file| {
            prepare(&file).ok()?;
            FileBackedHistory::with_file(LINES, file).ok()
        });
        Discreet(kept.unwrap_or_default())
    }
}

/// `history` in the folder `yarr` of `XDG_STATE_HOME`.
fn file() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("yarr/history"))
}

/// Makes folder and file, for nobody else to read.
fn prepare(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

/// Whether a line says a password.
pub fn is_secret(text: &str) -> bool {
    let words = match line::split(text) {
        Ok(words) => words,
        // A quote that does not end: what is there of it counts.
        Err(open) => open.words.into_iter().chain([open.rest]).collect(),
    };
    let words: Vec<String> = words
        .iter()
        .map(|word| String::from_utf8_lossy(&word.bytes).to_ascii_uppercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let says = |names: &[&str]| words.iter().any(|word| names.contains(word));
    match words.as_slice() {
        ["AUTH", ..] | ["ACL", "SETUSER", ..] => true,
        ["HELLO", ..] => says(&["AUTH"]),
        ["MIGRATE", ..] => says(&["AUTH", "AUTH2"]),
        ["CONFIG", "SET", ..] => says(&[
            "REQUIREPASS",
            "MASTERAUTH",
            "PRIMARYAUTH",
            "MASTERUSER",
            "PRIMARYUSER",
            "TLS-KEY-FILE-PASS",
            "TLS-CLIENT-KEY-FILE-PASS",
        ]),
        ["SENTINEL", "SET", ..] => says(&["AUTH-PASS", "AUTH-USER"]),
        ["SENTINEL", "CONFIG", "SET", ..] => says(&["SENTINEL-PASS", "SENTINEL-USER"]),
        _ => false,
    }
}

impl History for Discreet {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        match is_secret(&item.command_line) {
            true => Ok(item),
            false => self.0.save(item),
        }
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_passwords_are_known() {
        for line in [
            "AUTH x",
            "auth user x",
            "AUTH 'open",
            "HELLO 3 auth u p",
            "config set requirepass x",
            "CONFIG SET maxmemory 1 masterauth x",
            "ACL SETUSER a >x",
            "MIGRATE h 1 k 0 1 AUTH2 u p",
            "SENTINEL SET m auth-pass x",
        ] {
            assert!(is_secret(line), "{line}");
        }
        for line in [
            "HELLO 3",
            "GET auth",
            "CONFIG GET requirepass",
            "ACL LIST",
            "YARR.WHERE auth *",
            "",
        ] {
            assert!(!is_secret(line), "{line}");
        }
    }
}
