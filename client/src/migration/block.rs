//! A part of a migration.

use crate::words::Words;

/// A part of a migration; it is done, and noted, before the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Changes a table.
    Table {
        /// The table.
        name: Vec<u8>,
        /// The operations; on the way down none where the way is the one that the server keeps.
        operations: Vec<Words>,
        /// Whether values may be thrown away.
        drop_data: bool,
    },
    /// Commands on plain keys, in one transaction.
    Redis(Vec<Words>),
    /// Commands for each key of a pattern.
    Each(Each),
}

impl Block {
    /// The table that it changes.
    pub(crate) fn of_table(&self) -> Option<Vec<u8>> {
        match self {
            Block::Table { name, .. } => Some(name.clone()),
            _ => None,
        }
    }
}

/// Commands for each key of a pattern.
///
/// ```
/// use yarr_client::{Each, Migration};
///
/// let each = Each::matching("user:*")
///     .of_type("hash")
///     .command(["HSETNX", "{key}", "plan", "free"])
///     .command(["RENAME", "{key}", "account:{1}"]);
/// Migration::new(20200504000000, "rename_users").each(each);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Each {
    pub(crate) pattern: Vec<u8>,
    pub(crate) kind: Option<String>,
    pub(crate) batch: usize,
    pub(crate) commands: Vec<Words>,
}

/// How many keys go in one transaction unless a migration says so.
pub(crate) const BATCH: usize = 500;
/// The most keys that may.
pub(crate) const MAX_BATCH: usize = 100_000;

impl Each {
    /// The keys that match a pattern as that of `SCAN`.
    pub fn matching(pattern: impl AsRef<[u8]>) -> Each {
        Each {
            pattern: pattern.as_ref().into(),
            kind: None,
            batch: BATCH,
            commands: Vec::new(),
        }
    }

    /// The pattern.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// Those of this type, as `TYPE` says it.
    pub fn of_type(mut self, kind: &str) -> Each {
        self.kind = Some(kind.into());
        self
    }

    /// How many keys go in one transaction, 500 unless said otherwise.
    pub fn batch(mut self, keys: usize) -> Each {
        self.batch = keys.clamp(1, MAX_BATCH);
        self
    }

    /// A command for each key: `{key}` in it stands for the key, `{1}` for what the first `*` of the pattern stands for
    /// in it.
    pub fn command<W: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = W>) -> Each {
        self.commands.push(self::words(words));
        self
    }
}

pub(crate) fn words<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Words {
    let mut all = Words::new();
    words.into_iter().for_each(|word| all.push(word));
    all
}
