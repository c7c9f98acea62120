//! The rows: every kind of work of every side, beside each other in each round.

use std::collections::HashMap;

use crate::Result;
use crate::fleet::{CONNECTIONS, PIPELINE};
use crate::lua::Lua;
use crate::native::Native;
use crate::postgres::Postgres;
use crate::record::{Figure, Recorder, Waits};
use crate::row::{ASKED, Row};
use crate::search::Search;
use crate::session::Sessions;
use crate::settings::{Part, Settings};
use crate::side::{Name, Side, cost};
use crate::yarr::Yarr;

type Sides = Vec<Box<dyn Side>>;

pub fn measure(settings: &Settings) -> Result<()> {
    let mut recorder = Recorder::new(Part::Rows, settings, settings.records)?;
    for round in 1..=settings.rounds {
        let mut rows = Rows {
            settings,
            recorder: &mut recorder,
            round,
        };
        rows.round()?;
        rows.batches()?;
    }
    recorder.finish()
}

/// One round.
struct Rows<'a> {
    settings: &'a Settings,
    recorder: &'a mut Recorder,
    round: usize,
}

impl Rows<'_> {
    fn sessions(&self) -> Sessions {
        Sessions {
            records: self.settings.records,
            uuids: true,
        }
    }

    /// Starts everyone with a server of his own, empty.
    fn start(&mut self) -> Result<Sides> {
        let Settings { server, module, .. } = self.settings;
        let sessions = self.sessions();
        let mut sides: Sides = vec![
            Box::new(Native::start(server, module, sessions)?),
            Box::new(Yarr::start(server, module, sessions)?),
        ];
        if self.settings.peers {
            let search = match &self.settings.search {
                Some((server, module)) => Search::start(server, module, sessions),
                None => {
                    Err("it could not be fetched: scripts/servers.sh get redis-7.4 says why".into())
                }
            };
            self.join(&mut sides, Name::Lua, Lua::start(server, sessions))?;
            self.join(&mut sides, Name::Search, search)?;
            self.join(&mut sides, Name::Postgres, Postgres::start(sessions))?;
        }
        for side in &mut sides {
            self.recorder.version(side.name().word(), side.version()?)?;
        }
        Ok(sides)
    }

    /// Takes a side in, or says why it is not there.
    fn join<S: Side + 'static>(
        &mut self,
        sides: &mut Sides,
        name: Name,
        side: Result<S>,
    ) -> Result<()> {
        match side {
            Ok(side) => sides.push(Box::new(side)),
            Err(error) => self.recorder.missing(name.word(), error.to_string())?,
        }
        Ok(())
    }

    fn round(&mut self) -> Result<()> {
        let mut sides = self.start()?;
        self.create(&mut sides)?;
        for row in ASKED {
            self.row(row, &mut sides)?;
        }
        self.build(&mut sides)?;
        for row in [Row::Update, Row::UpdateBitmap, Row::Del] {
            self.row(row, &mut sides)?;
        }
        Ok(())
    }

    fn record(&mut self, row: Row, side: Name, value: f64, waits: Option<Waits>) -> Result<()> {
        let (row, side) = (row.name().into(), side.word().into());
        self.recorder.figure(Figure {
            row,
            side,
            round: self.round,
            size: None,
            value,
            waits,
        })
    }

    fn create(&mut self, sides: &mut Sides) -> Result<()> {
        let records = self.settings.records as f64;
        // Misses: the buffers of all connections are there before memory is looked at.
        for side in sides.iter() {
            cost(side.as_ref(), Row::Find, 0, 2 * CONNECTIONS * PIPELINE)?;
        }
        let mut empty = HashMap::new();
        for side in sides.iter_mut() {
            empty.insert(side.name(), side.bytes()?);
        }
        self.row(Row::Create, sides)?;
        for side in sides.iter_mut() {
            let empty = empty.get(&side.name()).copied().unwrap_or_default();
            side.settle()?;
            let bytes = (side.bytes()? - empty) / records;
            self.record(Row::Memory, side.name(), bytes, None)?;
            // Those that keep session ids as text keep any others in as many bytes.
            if !matches!(side.name(), Name::Yarr | Name::Postgres) {
                self.record(Row::MemoryText, side.name(), bytes, None)?;
            }
        }
        Ok(())
    }

    /// One row: each side after the other.
    fn row(&mut self, row: Row, sides: &mut Sides) -> Result<()> {
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for side in sides.iter() {
            let (name, operations) = (side.name(), side.operations(row, self.settings.records));
            if operations == 0 {
                continue;
            }
            let (value, waits) = match cost(side.as_ref(), row, 0, operations) {
                Ok(cost) => cost,
                Err(error) if matches!(name, Name::Yarr | Name::Native) => return Err(error),
                // What goes wrong with others does not end the run.
                Err(error) => {
                    failed.push(name);
                    self.recorder.warn(format!("{}: {error}", name.label()))?;
                    continue;
                }
            };
            found.extend(waits.found.map(|records| (name, operations, records)));
            self.record(row, name, value, Some(waits))?;
            if row == Row::Create && name == Name::Native {
                self.record(Row::Values, name, value, None)?;
            }
        }
        sides.retain(|side| !failed.contains(&side.name()));
        self.compare(row, &found)
    }

    /// Whoever was asked the same questions must have found the same.
    fn compare(&mut self, row: Row, found: &[(Name, usize, f64)]) -> Result<()> {
        let Some(&(_, asked, ours)) = found.iter().find(|(name, ..)| *name == Name::Yarr) else {
            return Ok(());
        };
        for &(name, operations, theirs) in found {
            let differs = match operations == asked {
                true => (theirs - ours).abs() > 1e-6,
                // Fewer of the same questions, on which chance has its part.
                false => operations > 1000 && (theirs - ours).abs() > 0.05 * ours,
            };
            let (row, side) = (row.label(), name.label());
            let text = format!("{row}: {side} found {theirs:.3} a question, YARR {ours:.3}");
            match differs {
                true if name == Name::Native => return Err(text.into()),
                true => self.recorder.warn(text)?,
                false => {}
            }
        }
        Ok(())
    }

    fn build(&mut self, sides: &mut Sides) -> Result<()> {
        for side in sides.iter_mut() {
            let before = side.cpu()?;
            if !side.build()? {
                continue;
            }
            let seconds = (side.cpu()? - before).as_secs_f64();
            self.record(Row::Build, side.name(), seconds, None)?;
            if let Some(slice) = side.longest_slice()? {
                self.record(
                    Row::BuildSlice,
                    side.name(),
                    slice.as_secs_f64() * 1000.0,
                    None,
                )?;
            }
        }
        self.row(Row::CountIndexed, sides)?;
        sides.iter_mut().try_for_each(|side| side.unbuild())
    }

    /// Many records a command, and what records take whose session ids are no UUIDs.
    fn batches(&mut self) -> Result<()> {
        let records = self.settings.records as f64;
        for uuids in [true, false] {
            let sessions = Sessions {
                uuids,
                ..self.sessions()
            };
            let mut yarr = Yarr::start(&self.settings.server, &self.settings.module, sessions)?;
            let (bytes, cpu) = (yarr.bytes()?, yarr.cpu()?);
            yarr.create_in_batches()?;
            let cost = (yarr.cpu()? - cpu).as_secs_f64() * 1e6 / records;
            let bytes = (yarr.bytes()? - bytes) / records;
            self.batch(Name::Yarr, uuids, cost, bytes)?;
            if !self.settings.peers {
                continue;
            }
            // That it is not there has been said.
            let Ok(mut postgres) = Postgres::start(sessions) else {
                continue;
            };
            let (bytes, cpu) = (postgres.bytes()?, postgres.cpu()?);
            postgres.copy()?;
            let cost = (postgres.cpu()? - cpu).as_secs_f64() * 1e6 / records;
            let bytes = (postgres.bytes()? - bytes) / records;
            self.batch(Name::Postgres, uuids, cost, bytes)?;
        }
        Ok(())
    }

    fn batch(&mut self, side: Name, uuids: bool, cost: f64, bytes: f64) -> Result<()> {
        match uuids {
            true => self.record(Row::Values, side, cost, None),
            false => self.record(Row::MemoryText, side, bytes, None),
        }
    }
}
