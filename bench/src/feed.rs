//! What a change feed costs: the same work on a table without one and on a table with one.

use crate::Result;
use crate::files::microseconds;
use crate::fleet::Fleet;
use crate::record::{Figure, Recorder};
use crate::resp::{Reply, Resp};
use crate::row::Row;
use crate::server::Server;
use crate::session::Sessions;
use crate::settings::{Part, Settings};
use crate::side::usual;
use crate::yarr;

/// A table as everyone has it, and one with a feed.
pub const SIDES: [&str; 2] = ["without", "with"];
/// The writes that are measured.
pub const WRITES: [Row; 3] = [Row::Create, Row::Update, Row::Del];
/// Reading all there is, a record.
pub const READ: &str = "read";
/// Memory once all records are there, a record.
pub const BYTES: &str = "bytes";
/// Memory of the tombstones of removed records, each.
pub const TOMBSTONE: &str = "tombstone";

/// The same, for a reader, and its unit.
pub fn label(name: &str) -> (&'static str, &'static str) {
    match name {
        READ => ("YARR.CHANGES of all, PACKED, a record", "us"),
        BYTES => ("memory a record, indexes included", "B"),
        _ => ("memory a tombstone", "B"),
    }
}

pub fn measure(settings: &Settings) -> Result<()> {
    let mut recorder = Recorder::new(Part::Feed, settings, settings.records)?;
    for round in 1..=settings.rounds {
        for side in SIDES {
            for (row, value) in figures(settings, side == "with")? {
                recorder.figure(Figure {
                    row: row.into(),
                    side: side.into(),
                    round,
                    size: None,
                    value,
                    waits: None,
                })?;
            }
        }
    }
    recorder.finish()
}

fn figures(settings: &Settings, feed: bool) -> Result<Vec<(&'static str, f64)>> {
    let server = Server::with_module(&settings.server, &settings.module)?;
    let mut client = server.connect()?;
    client.migrate(yarr::TABLE)?;
    if feed {
        client.migrate("YARR.MIGRATE user_session UP 2 feed CHANGES ON")?;
    }
    let sessions = Sessions {
        records: settings.records,
        uuids: true,
    };
    let fleet = Fleet::connect(server.port(), Box::new(Resp))?;
    let before = client.data_bytes()?;
    let mut figures = Vec::new();
    for row in WRITES {
        let operations = usual(row, settings.records);
        let begun = microseconds(&server)?;
        fleet.run(operations, &|i, out| yarr::ask(sessions, row, i, out))?;
        figures.push((
            row.name(),
            (microseconds(&server)? - begun) / operations as f64,
        ));
        if row == Row::Create {
            let bytes = client.data_bytes()? - before;
            figures.push((BYTES, bytes / settings.records as f64));
            if feed {
                figures.push((READ, read(&server)?));
            }
        }
    }
    if feed {
        let info = client.send("YARR.INFO user_session")?;
        let changes = info.named("changes").ok_or("YARR.INFO has no changes")?;
        let number = |name| {
            changes
                .named(name)
                .and_then(|value| value.text().parse::<f64>().ok())
        };
        let counted = number("tombstone_bytes").zip(number("tombstones"));
        let (bytes, count) = counted.ok_or("YARR.INFO has no tombstones")?;
        figures.push((TOMBSTONE, bytes / count));
    }
    Ok(figures)
}

/// Reads all changes; microseconds of the server's CPU a record.
fn read(server: &Server) -> Result<f64> {
    let mut client = server.connect()?;
    let records: f64 = client
        .send("YARR.WHERE user_session * COUNT")?
        .text()
        .parse()?;
    let begun = microseconds(server)?;
    let mut line = String::from("YARR.CHANGES user_session LIMIT 10000 PACKED");
    loop {
        let page = client.send(&line)?;
        let Reply::Array(page) = page else {
            return Err(format!("YARR.CHANGES answered {}", page.text()).into());
        };
        let cursor = page.get(2).map_or("0".into(), Reply::text);
        if cursor == "0" {
            return Ok((microseconds(server)? - begun) / records);
        }
        line = format!("YARR.CHANGES user_session CURSOR {cursor} LIMIT 10000 PACKED");
    }
}
