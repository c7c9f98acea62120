//! What the value of a key is: the table, and what this process knows of it.

use std::cell::Cell;

use super::{
    disposal,
    guard::guard,
    info::{MIGRATIONS, TABLES},
};
use crate::{
    error::{Error, Result},
    table::Table,
};

/// How far a table may be trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Its records and indexes agree.
    Sound,
    /// A panic broke off a write; nobody has looked since.
    Suspect,
    /// It was looked at, and something disagrees.
    Damaged,
}

/// The value of a key.
pub struct Holder {
    /// Always there, but while a command runs on it.
    table: Option<Box<Table>>,
    trust: Trust,
    /// What [`Holder::noted`] answers.
    noted: Cell<u64>,
    /// Whether it is counted among those with a running migration.
    migrating: Cell<bool>,
}

impl Holder {
    /// A value with this table.
    pub fn new(table: Box<Table>) -> Box<Holder> {
        TABLES.add(1);
        Box::new(Holder {
            table: Some(table),
            trust: Trust::Sound,
            noted: Cell::new(0),
            migrating: Cell::new(false),
        })
    }

    /// The table, to be read.
    ///
    /// # Errors
    /// A write on it broke off, and left it damaged.
    #[inline]
    pub fn table(&self) -> Result<&Table> {
        match (&self.table, self.trust) {
            (Some(table), Trust::Sound) => Ok(table),
            (Some(table), Trust::Suspect) if is_consistent(table) => Ok(table),
            _ => Err(damaged()),
        }
    }

    /// The table whatever its state: its records are what a saved copy is made of, and a copy's
    /// indexes are built anew when it is loaded.
    pub fn table_as_it_is(&self) -> Option<&Table> {
        self.table.as_deref()
    }

    /// Runs a write on the table. It may take the table away, but not on the way out by a panic.
    ///
    /// # Errors
    /// Those of the write, and a table that an earlier one left damaged.
    #[inline]
    pub fn change<T>(
        &mut self,
        write: impl FnOnce(&mut Option<Box<Table>>) -> Result<T>,
    ) -> Result<T> {
        if self.trust != Trust::Sound {
            self.examine()?;
        }
        self.trust = Trust::Suspect;
        let done = write(&mut self.table);
        if let Some(table) = self.table.as_mut().filter(|table| table.has_dropped()) {
            disposal::dispose_indexes(table.take_dropped());
        }
        self.trust = Trust::Sound;
        done
    }

    /// Whether there is a table.
    pub fn is_empty(&self) -> bool {
        self.table.is_none()
    }

    /// The generation of the register in which this table was last noted to have expiry.
    #[inline]
    pub fn noted(&self) -> &Cell<u64> {
        &self.noted
    }

    /// Counts the table among those with a running migration, or no longer.
    pub fn count_migration(&self) {
        let migrating = self
            .table
            .as_ref()
            .is_some_and(|table| table.running().is_some());
        match (self.migrating.replace(migrating), migrating) {
            (false, true) => MIGRATIONS.add(1),
            (true, false) => MIGRATIONS.subtract(1),
            _ => {}
        }
    }

    #[cold]
    fn examine(&mut self) -> Result<()> {
        let sound =
            self.trust == Trust::Suspect && self.table.as_deref().is_some_and(is_consistent);
        self.trust = if sound { Trust::Sound } else { Trust::Damaged };
        if sound { Ok(()) } else { Err(damaged()) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        TABLES.subtract(1);
        if self.migrating.get() {
            MIGRATIONS.subtract(1);
        }
    }
}

#[cold]
fn is_consistent(table: &Table) -> bool {
    matches!(guard(|| table.check_consistency()), Ok(Ok(())))
}

#[cold]
fn damaged() -> Error {
    Error::internal(
        "an earlier fault of the module damaged this table; DUMP and RESTORE, or a restart, build its indexes anew",
    )
}
