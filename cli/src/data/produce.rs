//! A file into batches, on a thread of its own: it reads on while the server works.

use std::sync::mpsc::SyncSender;

use super::{
    batch::{Batch, Batcher, Reject},
    reader::{Next, Reader},
    row::{Fault, Row},
};
use crate::Error;

/// What the reading of a file comes to, in its order.
#[derive(Debug)]
pub enum Event {
    /// Rows for a command.
    Batch(Batch),
    /// A record that is none, where none is set aside: all before it has been sent on.
    Fault(Fault),
    /// The file cannot be read on.
    Error(Error),
    /// The end, and how many of the records had expired.
    End(u64),
}

/// Reads a file to its end, or to the first fault where none is set aside; or until nobody listens.
pub fn produce(mut reader: Reader, mut batcher: Batcher, set_aside: bool, to: &SyncSender<Event>) {
    // A send fails where the other side has come to an end: then nothing is left to do.
    let _ = run(&mut reader, &mut batcher, set_aside, to);
}

/// Nobody listens.
struct Gone;

fn run(
    reader: &mut Reader,
    batcher: &mut Batcher,
    set_aside: bool,
    to: &SyncSender<Event>,
) -> Result<(), Gone> {
    let send = |event| to.send(event).map_err(|_| Gone);
    let mut row = Row::default();
    loop {
        let fault = match reader.next(&mut row) {
            Ok(Next::End) => {
                send(Event::Batch(batcher.finish()))?;
                return send(Event::End(batcher.expired()));
            }
            Err(error) => {
                send(Event::Batch(batcher.finish()))?;
                return send(Event::Error(error));
            }
            Ok(Next::Fault(fault)) => fault,
            Ok(Next::Row) => {
                match batcher.push(&row, reader.columns(), reader.raw(), reader.mark()) {
                    Ok(None) => continue,
                    Ok(Some(batch)) => {
                        send(Event::Batch(batch))?;
                        continue;
                    }
                    Err(fault) => fault,
                }
            }
        };
        if !set_aside {
            send(Event::Batch(batcher.finish()))?;
            return send(Event::Fault(fault));
        }
        let reject = Reject {
            raw: reader.raw().to_vec(),
            fault,
        };
        if let Some(batch) = batcher.reject(reject, reader.mark()) {
            send(Event::Batch(batch))?;
        }
    }
}
