//! A table's block: one `YARR.MIGRATE`, and the wait for its end.

use redis::{Cmd, Value};

use super::{
    Migration,
    io::Io,
    lock::{Lock, PAUSE},
    runner::{Direction, Machine},
};
use crate::{
    error::{Error, Result},
    reply,
};

impl<I: Io> Machine<'_, I> {
    /// Changes a table, or finds it changed.
    pub(super) async fn table(
        &mut self,
        lock: &Lock,
        migration: &Migration,
        direction: Direction,
        table: &[u8],
    ) -> Result<()> {
        let mut command = redis::cmd("YARR.MIGRATE");
        command
            .arg(table)
            .arg(direction.to_string().to_uppercase())
            .arg(migration.version);
        match direction {
            Direction::Up => {
                command.arg(&migration.name);
                migration
                    .operations(table)
                    .iter()
                    .for_each(|word| _ = command.arg(word));
            }
            Direction::Down if migration.drops_data(table) => {
                command.arg("DROP").arg("DATA");
            }
            Direction::Down => {}
        }
        match self.migrate(lock, migration, table, command).await {
            Err(Error::NoVersion(_)) if self.is_down(table, migration.version).await? => Ok(()),
            // A table that was deleted has nothing to go back from.
            Err(Error::NoTable(_)) if direction == Direction::Down => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    /// Sends a YARR.MIGRATE and waits until it has come to its end.
    async fn migrate(
        &mut self,
        lock: &Lock,
        migration: &Migration,
        table: &[u8],
        command: Cmd,
    ) -> Result<()> {
        loop {
            lock.renew(&mut self.io).await?;
            match self.io.one(command.clone()).await {
                Ok(status) if reply::text(status.clone())? != "RUNNING" => return Ok(()),
                Ok(_) => break,
                // Somebody else changes the table: that ends.
                Err(Error::Busy(_)) => self.io.wait(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        loop {
            let last = self.last(table, migration.version).await?;
            match last
                .as_ref()
                .map_or("FAILED: it is not in the history", |(_, state)| state)
            {
                "RUNNING" => {
                    self.tell_of(table).await?;
                    self.io.wait(PAUSE).await;
                    lock.renew(&mut self.io).await?;
                }
                "APPLIED" => return Ok(()),
                failed => {
                    return Err(
                        migration.named(&format!("table '{}': {failed}", table.escape_ascii()))
                    );
                }
            }
        }
    }

    /// Tells how many records a running migration of a table has met.
    async fn tell_of(&mut self, table: &[u8]) -> Result<()> {
        let mut command = redis::cmd("YARR.INFO");
        command.arg(table);
        for (key, value) in reply::map(self.io.one(command).await?)? {
            if reply::text(key)? != "migration" || value == Value::Nil {
                continue;
            }
            let (mut met, mut records) = (0, 0);
            for (key, value) in reply::map(value)? {
                match reply::text(key)?.as_str() {
                    "met" => met = reply::count(&value)?,
                    "records" => records = reply::count(&value)?,
                    _ => {}
                }
            }
            self.observer.progress(met, records);
        }
        Ok(())
    }

    /// The last line of a version in a table's history: its direction and state.
    async fn last(&mut self, table: &[u8], version: i64) -> Result<Option<(String, String)>> {
        let mut command = redis::cmd("YARR.SCHEMA");
        command.arg(table).arg("HISTORY");
        let mut last = None;
        for line in reply::array(self.io.one(command).await?)? {
            let (mut of, mut direction, mut state) = (None, String::new(), String::new());
            for (key, value) in reply::map(line)? {
                match reply::text(key)?.as_str() {
                    "version" => of = Some(reply::integer(&value)?),
                    "direction" => direction = reply::text(value)?,
                    "state" => state = reply::text(value)?,
                    _ => {}
                }
            }
            if of == Some(version) {
                last = Some((direction, state));
            }
        }
        Ok(last)
    }

    async fn is_down(&mut self, table: &[u8], version: i64) -> Result<bool> {
        let last = self.last(table, version).await?;
        Ok(last.is_some_and(|(direction, state)| direction == "down" && state == "APPLIED"))
    }
}
