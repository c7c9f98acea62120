//! One version of the tables and keys of an application.

use crate::{
    error::{Error, Result},
    line::split,
    words::Words,
};

/// One version of the tables and keys of an application: what is to be done to come to it, and to go back.
///
/// Tables come first, each in one `YARR.MIGRATE`; the server works out the way down by itself. Then come commands on
/// plain keys, all of them in one transaction together with the note that the version is applied: they are carried out
/// once, or not at all.
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
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) tables: Vec<(Vec<u8>, Words)>,
    pub(crate) commands: Vec<Words>,
    pub(crate) down_commands: Vec<Words>,
    pub(crate) drop_data: bool,
    /// What cannot be read of it.
    pub(crate) fault: Option<String>,
}

impl Migration {
    /// A version, a timestamp by custom, and what it is called.
    pub fn new(version: i64, name: impl Into<String>) -> Migration {
        Migration {
            version,
            name: name.into(),
            tables: Vec::new(),
            commands: Vec::new(),
            down_commands: Vec::new(),
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
        match split(operations) {
            Some(words) => self.tables.push((table.into(), all(&words))),
            None => self.fault = Some(format!("a quote does not end in: {operations}")),
        }
        self
    }

    /// Sends a Redis command on the way up.
    pub fn command<W: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = W>) -> Migration {
        self.commands.push(of(words));
        self
    }

    /// Sends a Redis command on the way down.
    pub fn down_command<W: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = W>) -> Migration {
        self.down_commands.push(of(words));
        self
    }

    /// Permits the way down to throw values away.
    pub fn down_drops_data(mut self) -> Migration {
        self.drop_data = true;
        self
    }

    /// Reads a migration from a file that is part of the program. Version and name are those of the file.
    ///
    /// ```
    /// use yarr_client::Migration;
    ///
    /// # let text = "YARR.MIGRATE user_session ADD FIELD user_id INTEGER\nDOWN\nDEL feature:sessions\n";
    /// // include_str!("migrations/20200504000000_create_user_session.redis")
    /// Migration::parse("migrations/20200504000000_create_user_session.redis", text)?;
    /// # Ok::<(), yarr_client::Error>(())
    /// ```
    ///
    /// Each line is a command as `redis-cli` takes it, `YARR.MIGRATE` without its version and name. A line that begins
    /// with a blank goes on with the one before, `#` begins a comment, and what comes behind the line `DOWN`, or
    /// `DOWN DROP DATA`, is for the way down.
    ///
    /// ```text
    /// YARR.MIGRATE user_session ADD FIELD user_id INTEGER INDEX
    ///     ADD INDEX created_at
    ///     SET TTL 7200 PASSIVE
    /// SET feature:sessions on
    ///
    /// DOWN
    /// DEL feature:sessions
    /// ```
    ///
    /// # Errors
    /// [`Error::Migration`], naming the line.
    pub fn parse(file: &str, text: &str) -> Result<Migration> {
        let refused = |what: &str| Error::Migration(format!("{file}: {what}"));
        let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let stem = base.split('.').next().unwrap_or(base);
        let (version, name) = stem.split_once('_').unwrap_or((stem, stem));
        let version = version.parse().map_err(|_| {
            refused("expected a name such as 20200504000000_create_user_session.redis")
        })?;
        let mut migration = Migration::new(version, name);
        let mut down = false;
        for line in lines(text) {
            let words =
                split(&line).ok_or_else(|| refused(&format!("a quote does not end in: {line}")))?;
            let upper: Vec<Vec<u8>> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
            let upper: Vec<&[u8]> = upper.iter().map(Vec::as_slice).collect();
            match (upper.as_slice(), words.as_slice()) {
                ([b"DOWN"], _) if !down => down = true,
                ([b"DOWN", b"DROP", b"DATA"], _) if !down => {
                    (down, migration.drop_data) = (true, true)
                }
                ([b"DOWN", ..], _) => {
                    return Err(refused("DOWN stands twice, or beside something else"));
                }
                ([b"YARR.MIGRATE", ..], [_, table, operations @ ..])
                    if !down && !operations.is_empty() =>
                {
                    migration.tables.push((table.clone(), all(operations)));
                }
                ([b"YARR.MIGRATE", ..], _) => {
                    return Err(refused(
                        "expected YARR.MIGRATE table operation ... before DOWN: a table's way down is the server's, or stands in its operations",
                    ));
                }
                (_, words) if down => migration.down_commands.push(all(words)),
                (_, words) => migration.commands.push(all(words)),
            }
        }
        match migration.tables.is_empty() && migration.commands.is_empty() {
            true => Err(refused("it does nothing")),
            false => Ok(migration),
        }
    }
}

fn of<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Words {
    let mut all = Words::new();
    words.into_iter().for_each(|word| all.push(word));
    all
}

fn all(words: &[Vec<u8>]) -> Words {
    of(words)
}

/// The lines without comments, those that go on with the one before added to it.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let goes_on = line.starts_with([' ', '\t']);
        let line = line.trim();
        match lines.last_mut() {
            _ if line.is_empty() || line.starts_with('#') => {}
            Some(last) if goes_on => *last = format!("{last} {line}"),
            _ => lines.push(line.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_the_migration_it_is() {
        let text = "# sessions\n\nYARR.MIGRATE s ADD FIELD a STRING\n    DEFAULT \"b c\"\nset k on\n  # no end\n\tNX\nDOWN DROP DATA\nDEL k\n";
        let read = Migration::parse("m/20200504000000_create_s.redis", text).unwrap();
        let built = Migration::new(20200504000000, "create_s")
            .table("s", "ADD FIELD a STRING DEFAULT \"b c\"")
            .command(["set", "k", "on", "NX"])
            .down_command(["DEL", "k"])
            .down_drops_data();
        assert_eq!(read, built);
    }

    #[test]
    fn what_is_no_migration_is_refused() {
        for (file, text, expected) in [
            ("create.redis", "DEL k", "expected a name such as"),
            ("1_a.redis", "# nothing", "does nothing"),
            ("1_a.redis", "SET k \"v", "a quote does not end in: SET k"),
            ("1_a.redis", "DEL k\nDOWN\nDOWN", "DOWN stands twice"),
            (
                "1_a.redis",
                "YARR.MIGRATE t",
                "expected YARR.MIGRATE table operation",
            ),
            (
                "1_a.redis",
                "DEL k\nDOWN\nYARR.MIGRATE t ID UUID",
                "before DOWN",
            ),
        ] {
            let error = Migration::parse(file, text).unwrap_err().to_string();
            assert!(
                error.starts_with(file) && error.contains(expected),
                "{error}"
            );
        }
    }
}
