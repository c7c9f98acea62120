//! Migrations of the tables and keys of an application: what they say, and how they are carried out.

mod block;
mod each;
mod glob;
mod io;
mod lexer;
mod lock;
mod migrator;
mod operation;
mod parser;
mod plain;
mod printer;
mod runner;
mod state;
mod table;

use std::fmt;

pub use block::{Block, Each};
pub use migrator::{Migrator, Note, State, Status};
pub use runner::{Direction, Done, Goal, Observer, Runner};

use crate::{
    error::{Error, Result},
    words::Words,
};

/// One version of the tables and keys of an application: what is to be done to come to it, and to go back.
///
/// It is blocks, which are carried out in their order: each table is changed by one `YARR.MIGRATE`, for which the server
/// works out the way down by itself; commands on plain keys go in one transaction together with the note that they are
/// done; and a `for each` goes through the keys of a pattern. Where it stops in the middle, the next run goes on behind
/// the last block that is done.
///
/// ```
/// use yarr_client::Migration;
///
/// Migration::new(20200504000000, "create_user_session")
///     .table("user_session", "ADD FIELD user_id INTEGER INDEX ADD INDEX created_at SET TTL 7200 PASSIVE")
///     .command(["SET", "feature:sessions", "on"])
///     .down_command(["DEL", "feature:sessions"]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Migration {
    version: i64,
    name: String,
    up: Vec<Block>,
    down: Option<Vec<Block>>,
    /// Whether the way down of every table may throw values away.
    drop_data: bool,
    /// What cannot be read of it.
    fault: Option<String>,
}

impl Migration {
    /// A version, a timestamp by custom, and what it is called.
    pub fn new(version: i64, name: impl Into<String>) -> Migration {
        Migration {
            version,
            name: name.into(),
            up: Vec::new(),
            down: None,
            drop_data: false,
            fault: None,
        }
    }

    /// Changes a table by these operations, as they stand in `YARR.MIGRATE` behind the name: also with `DOWN` and a way
    /// back of one's own, and with `DROP DATA`.
    ///
    /// What they are for a struct at this moment tells `R::SCHEMA.operations()`; write them down here instead of calling
    /// it, since a version stays what it is while the struct goes on.
    pub fn table(mut self, table: &str, operations: &str) -> Migration {
        match parser::table(table, operations) {
            Ok((up, down)) => {
                self.up.push(up);
                if let Some(down) = down {
                    self.down.get_or_insert_default().push(down);
                }
            }
            Err(fault) => self.fault = Some(fault),
        }
        self
    }

    /// Sends a Redis command on the way up.
    pub fn command<W: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = W>) -> Migration {
        push(&mut self.up, block::words(words));
        self
    }

    /// Sends a Redis command on the way down.
    pub fn down_command<W: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = W>) -> Migration {
        push(self.down.get_or_insert_default(), block::words(words));
        self
    }

    /// Goes through the keys of a pattern on the way up.
    pub fn each(mut self, each: Each) -> Migration {
        self.up.push(Block::Each(each));
        self
    }

    /// Goes through the keys of a pattern on the way down.
    pub fn down_each(mut self, each: Each) -> Migration {
        self.down.get_or_insert_default().push(Block::Each(each));
        self
    }

    /// Permits the way down to throw values away.
    pub fn down_drops_data(mut self) -> Migration {
        self.down.get_or_insert_default();
        self.drop_data = true;
        self
    }

    /// Reads a migration from the text of a `.yarr` file. Version and name are those of the file.
    ///
    /// ```
    /// use yarr_client::Migration;
    ///
    /// # let text = "up\n  table user_session\n    ADD FIELD user_id INTEGER\n";
    /// // include_str!("db/yarr/20200504000000_create_user_session.yarr")
    /// Migration::parse("db/yarr/20200504000000_create_user_session.yarr", text)?;
    /// # Ok::<(), yarr_client::Error>(())
    /// ```
    ///
    /// ```text
    /// # What begins with # is a comment. Blanks before a line mean nothing.
    /// up
    ///   table user_session
    ///     ADD FIELD user_id INTEGER INDEX
    ///     ADD INDEX created_at
    ///     SET TTL 7200 PASSIVE
    ///   redis
    ///     SET feature:sessions on
    ///   for each key matching 'user:*' type hash batch 500
    ///     HSETNX {key} plan free
    ///     RENAME {key} account:{1}
    ///   end
    /// down
    ///   redis
    ///     DEL feature:sessions
    ///   for each key matching 'account:*' type hash
    ///     RENAME {key} user:{1}
    ///   end
    /// ```
    ///
    /// # Errors
    /// [`Error::Migration`]: file, line, column, what was expected and what was found.
    pub fn parse(file: &str, text: &str) -> Result<Migration> {
        let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let (version, name) = Migration::file_name(base).ok_or_else(|| {
            Error::Migration(format!(
                "{file}: expected a name such as 20200504000000_create_user_session.yarr"
            ))
        })?;
        parser::file(Migration::new(version, name), text)
            .map_err(|fault| Error::Migration(format!("{file}:{fault}")))
    }

    /// Version and name that the name of a file says: `20200504000000_create_user_session.yarr`.
    pub fn file_name(base: &str) -> Option<(i64, &str)> {
        let stem = base.strip_suffix(".yarr")?;
        let (version, name) = stem.split_once('_')?;
        let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let fits = (1..=200).contains(&name.len()) && name.bytes().all(plain);
        let version = version.parse().ok().filter(|_| digits && fits)?;
        Some((version, name))
    }

    /// The version.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is done on the way up.
    pub fn up(&self) -> &[Block] {
        &self.up
    }

    /// What is done on the way down: what it says, then every other table of the way up, the last first.
    ///
    /// # Errors
    /// [`Error::Migration`] where plain keys are changed on the way up, and it does not say how to come back.
    pub fn down(&self) -> Result<Vec<Block>> {
        let plain = |block: &Block| !matches!(block, Block::Table { .. });
        if self.down.is_none() && self.up.iter().any(plain) {
            return Err(self.named(
                "it changes plain keys and has no way down: give it a section `down`, if need be an empty one",
            ));
        }
        let mut blocks = self.down.clone().unwrap_or_default();
        for block in &mut blocks {
            if let Block::Table { drop_data, .. } = block {
                *drop_data |= self.drop_data;
            }
        }
        let said: Vec<Vec<u8>> = blocks.iter().filter_map(Block::of_table).collect();
        for name in self.up.iter().rev().filter_map(Block::of_table) {
            if !said.contains(&name) {
                blocks.push(Block::Table {
                    name,
                    operations: Vec::new(),
                    drop_data: self.drop_data,
                });
            }
        }
        Ok(blocks)
    }

    /// Whether the way down may throw values of a table away.
    pub fn drops_data(&self, table: &[u8]) -> bool {
        let says = |block: &Block| matches!(block, Block::Table { name, drop_data: true, .. } if name == table);
        self.drop_data || self.down.iter().flatten().any(says)
    }

    /// The words behind `YARR.MIGRATE table UP version name` for a table's block on the way up.
    pub fn operations(&self, table: &[u8]) -> Words {
        let mut all = Words::new();
        let find = |blocks: &[Block]| {
            blocks.iter().find_map(|block| match block {
                Block::Table {
                    name,
                    operations,
                    drop_data,
                } if name == table => Some((operations.clone(), *drop_data)),
                _ => None,
            })
        };
        let (up, drop_data) = find(&self.up).unwrap_or_default();
        up.iter().for_each(|operation| all.extend(operation));
        let (down, _) = find(self.down.as_deref().unwrap_or_default()).unwrap_or_default();
        if !down.is_empty() {
            all.push("DOWN");
            down.iter().for_each(|operation| all.extend(operation));
        }
        if drop_data {
            all.push("DROP");
            all.push("DATA");
        }
        all
    }

    /// A number that differs where what the migration does on its way up differs, and the ways down that are stored
    /// there; comments, blanks and the rest of the way down count for nothing.
    pub fn checksum(&self) -> u64 {
        let mut text = printer::blocks(&self.up);
        let down = self.down.iter().flatten();
        let down = down.filter_map(|block| match block {
            Block::Table {
                name, operations, ..
            } if !operations.is_empty() => Some(Block::Table {
                name: name.clone(),
                operations: operations.clone(),
                drop_data: false,
            }),
            _ => None,
        });
        let down: Vec<Block> = down.collect();
        if !down.is_empty() {
            text.push_str("down\n");
            text.push_str(&printer::blocks(&down));
        }
        state::checksum(&text)
    }

    /// What cannot be read of it, as an error.
    pub(crate) fn sound(&self) -> Result<()> {
        match &self.fault {
            Some(fault) => Err(self.named(fault)),
            None => Ok(()),
        }
    }

    /// An error about it.
    pub(crate) fn named(&self, what: &str) -> Error {
        Error::Migration(format!("migration {} {}: {what}", self.version, self.name))
    }
}

/// The text of its file, which reads as the same migration.
impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("up\n")?;
        f.write_str(&printer::blocks(&self.up))?;
        if let Some(down) = &self.down {
            f.write_str("down\n")?;
            if self.drop_data {
                f.write_str("  drop data\n")?;
            }
            f.write_str(&printer::blocks(down))?;
        }
        Ok(())
    }
}

/// Adds a command to the last of the blocks, or to a new one.
fn push(blocks: &mut Vec<Block>, command: Words) {
    match blocks.last_mut() {
        Some(Block::Redis(commands)) => commands.push(command),
        _ => blocks.push(Block::Redis(vec![command])),
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
