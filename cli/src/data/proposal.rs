//! A migration that makes a table: as a file of the tool's own, and applied by what applies all of them.

use std::{fs, path::Path};

use yarr_client::{Goal, Migration, Migrator};

use crate::{Context, Error, Result, server::Server};

/// A migration that makes a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    migration: Migration,
    /// Its operations.
    pub operations: Vec<String>,
}

impl Proposal {
    /// Of these operations, with this moment as its version, or the next one that no file in the folder has.
    pub fn new(table: &str, operations: Vec<String>, folder: &Path) -> Proposal {
        let name: String = super::columns::normal(table);
        let taken: Vec<i64> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(Migration::file_name(&name)?.0))
            .collect();
        let mut version = version(super::file::now());
        while taken.contains(&version) {
            version += 1;
        }
        let migration = Migration::new(version, format!("create_{name}"));
        Proposal {
            migration: migration.table(table, &operations.join(" ")),
            operations,
        }
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        self.migration.to_string()
    }

    /// Writes the file into the environment's folder of migrations.
    ///
    /// # Errors
    /// Where it cannot be written, or is there.
    pub fn write(&self, context: &Context) -> Result<String> {
        let folder = &context.environment()?.folder;
        let name = format!(
            "{}_{}.yarr",
            self.migration.version(),
            self.migration.name()
        );
        let path = folder.join(name);
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = fs::File::create_new(&path)?;
            std::io::Write::write_all(&mut file, self.text().as_bytes())
        };
        write().map_err(|error: std::io::Error| {
            Error::usage(format!("cannot write {}: {error}", path.display()))
        })?;
        Ok(path.display().to_string())
    }

    /// Applies it on a server, and notes it there.
    ///
    /// # Errors
    /// What the server refuses.
    pub fn apply(&self, context: &Context, server: &mut Server) -> Result<()> {
        let environment = context.environment()?;
        let migrator = Migrator::new()
            .keys(&environment.set)
            .lease(environment.lease)
            .with(self.migration.clone());
        migrator
            .on(server)
            .run(Goal::Only(self.migration.version()))?;
        Ok(())
    }
}

/// A moment as a version: `20200504000000`.
fn version(ms: i64) -> i64 {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    let digits: String = time
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    digits.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_reads_as_the_migration_it_is() {
        let operations = ["ID UUID", "ADD FIELD a ENUM ( x y )"]
            .map(String::from)
            .to_vec();
        let folder = tempfile::tempdir().unwrap();
        let proposal = Proposal::new("my table", operations.clone(), folder.path());
        let file = format!(
            "{}_{}.yarr",
            proposal.migration.version(),
            proposal.migration.name()
        );
        let read = Migration::parse(&file, &proposal.text()).unwrap();
        assert_eq!(read, proposal.migration);
        assert!(
            proposal.text().contains("table 'my table'"),
            "{}",
            proposal.text()
        );
        let taken = proposal.migration.version();
        fs::write(folder.path().join(&file), "").unwrap();
        assert!(
            Proposal::new("my table", operations, folder.path())
                .migration
                .version()
                > taken
        );
        assert_eq!(version(1_588_550_400_123), 20_200_504_000_000);
    }
}
