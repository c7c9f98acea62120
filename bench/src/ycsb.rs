//! The workloads of YCSB, the Yahoo! Cloud Serving Benchmark (Cooper and others, 2010).

mod store;
mod workload;

use std::cell::Cell;

use crate::Result;
use crate::record::{Figure, Recorder, Waits};
use crate::settings::{Part, Settings};
use crate::side::Name;

use store::{NativeStore, PostgresStore, Store, YarrStore};
use workload::{Mix, Operation};

pub use workload::Workload;

/// Records of a kilobyte: a tenth of the others.
pub fn records(settings: &Settings) -> usize {
    settings.records / 10
}

pub fn measure(settings: &Settings) -> Result<()> {
    let records = records(settings);
    let mut recorder = Recorder::new(Part::Ycsb, settings, records)?;
    for round in 1..=settings.rounds {
        let mut stores: Vec<Box<dyn Store>> = vec![
            Box::new(NativeStore::start(settings, records)?),
            Box::new(YarrStore::start(settings)?),
        ];
        if settings.peers {
            match PostgresStore::start() {
                Ok(store) => stores.push(Box::new(store)),
                Err(error) => recorder.missing(Name::Postgres.word(), error.to_string())?,
            }
        }
        for store in &mut stores {
            recorder.version(store.name().word(), store.version()?)?;
            let load =
                |i: usize, out: &mut Vec<u8>| store.write(Operation::Insert(i as u64), i, out);
            store.fleet().run(records, &load)?;
        }
        let mut keys = records;
        for workload in Workload::ALL {
            let mut now = keys;
            for store in &mut stores {
                store.prepare(workload)?;
                let mix = Mix::new(workload, keys);
                let (value, waits) = cost(store.as_ref(), workload, &mix, records)?;
                now = mix.keys();
                let (row, side) = (workload.name().into(), store.name().word().into());
                recorder.figure(Figure {
                    row,
                    side,
                    round,
                    size: None,
                    value,
                    waits: Some(waits),
                })?;
            }
            keys = now;
        }
    }
    recorder.finish()
}

/// Microseconds of server CPU for each operation of a workload, and how fast they were answered.
fn cost(store: &dyn Store, workload: Workload, mix: &Mix, records: usize) -> Result<(f64, Waits)> {
    let operations = workload.operations(records);
    let before = store.cpu()?;
    let reads = Cell::new(0_u64);
    let run = store.fleet().run(operations, &|i, out| {
        let operation = mix.draw(i);
        if !matches!(operation, Operation::Insert(_) | Operation::Update(..)) {
            reads.set(reads.get() + 1);
        }
        store.write(operation, i, out)
    })?;
    let used = store.cpu()?.saturating_sub(before);
    // A record may be asked for before the connection that inserts it had its turn.
    let allowed = operations as f64 / 100.0;
    if run.answer.nulls as f64 > allowed || (run.answer.items as f64) < reads.get() as f64 - allowed
    {
        return Err(format!(
            "YCSB {}: {} misses records",
            workload.name(),
            store.name().word()
        )
        .into());
    }
    Ok((
        used.as_secs_f64() * 1e6 / operations as f64,
        Waits::of(&run, None),
    ))
}
