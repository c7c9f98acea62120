//! The same work on tables of more and more records: what should be flat must be flat.

use crate::Result;
use crate::files::{microseconds, save_and_load};
use crate::native::Native;
use crate::record::{Figure, Recorder};
use crate::row::Row;
use crate::server::Server;
use crate::session::Sessions;
use crate::settings::{Part, Settings};
use crate::side::{Name, Side, cost};
use crate::yarr::Yarr;

/// What is measured at each size.
pub const ROWS: [Row; 12] = [
    Row::Find,
    Row::FindWhere,
    Row::WhereAnd,
    Row::Newest,
    Row::NewestPacked,
    Row::CountIndexed,
    Row::Create,
    Row::Update,
    Row::UpdateBitmap,
    Row::Del,
    Row::RdbSave,
    Row::RdbLoad,
];

/// The sizes up to the greatest: powers of ten, and it.
pub fn sizes(greatest: usize) -> Vec<usize> {
    let powers = (0..).map(|power| 10_000 * 10_usize.pow(power));
    powers
        .take_while(|&size| size < greatest)
        .chain([greatest])
        .collect()
}

pub fn measure(settings: &Settings) -> Result<()> {
    let mut recorder = Recorder::new(Part::Growth, settings, settings.growth)?;
    let empty = microseconds(&Server::with_module(&settings.server, &settings.module)?)?;
    for round in 1..=settings.rounds {
        for size in sizes(settings.growth) {
            let sessions = Sessions {
                records: size,
                uuids: true,
            };
            // Not both at once: the greatest tables need the memory.
            let mut native = Native::start(&settings.server, &settings.module, sessions)?;
            native
                .fleet()
                .run(size, &|i, out| native.ask(Row::Create, i, out))?;
            native.settle()?;
            works(&mut native, size, round, &mut recorder)?;
            files(
                native.into_server(),
                Name::Native,
                size,
                round,
                empty,
                &mut recorder,
            )?;
            let mut yarr = Yarr::start(&settings.server, &settings.module, sessions)?;
            yarr.create_in_batches()?;
            works(&mut yarr, size, round, &mut recorder)?;
            files(
                yarr.into_server(),
                Name::Yarr,
                size,
                round,
                empty,
                &mut recorder,
            )?;
        }
    }
    recorder.finish()
}

fn works(side: &mut dyn Side, size: usize, round: usize, recorder: &mut Recorder) -> Result<()> {
    for row in ROWS {
        // The files come last: their server is started anew.
        if matches!(row, Row::RdbSave | Row::RdbLoad) || side.operations(row, size) == 0 {
            continue;
        }
        let (first, operations) = match row {
            // What is new comes behind what is there, and neither changes the size by much.
            Row::Create => (size, (size / 2).min(100_000)),
            Row::Del => (0, (size / 2).min(100_000)),
            Row::Newest | Row::NewestPacked | Row::CountIndexed => (0, size.min(5000)),
            _ => (0, (10 * size).min(100_000)),
        };
        if row == Row::CountIndexed {
            side.build()?;
        }
        let (value, waits) = cost(side, row, first, operations)?;
        if row == Row::CountIndexed {
            side.unbuild()?;
        }
        let (row, side) = (row.name().into(), side.name().word().into());
        recorder.figure(Figure {
            row,
            side,
            round,
            size: Some(size),
            value,
            waits: Some(waits),
        })?;
    }
    Ok(())
}

/// Saves and loads all records.
fn files(
    mut server: Server,
    side: Name,
    size: usize,
    round: usize,
    empty: f64,
    recorder: &mut Recorder,
) -> Result<()> {
    let (saving, loading) = save_and_load(&mut server, empty)?;
    for (row, cost) in [(Row::RdbSave, saving), (Row::RdbLoad, loading)] {
        recorder.figure(Figure {
            row: row.name().into(),
            side: side.word().into(),
            round,
            size: Some(size),
            value: cost / size as f64,
            waits: None,
        })?;
    }
    Ok(())
}
