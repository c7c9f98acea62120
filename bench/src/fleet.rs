//! Many connections with many commands under way on each.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::Result;
use crate::wire::{Answer, Wire};

pub const CONNECTIONS: usize = 50;
/// Operations sent on a connection before their replies are read.
pub const PIPELINE: usize = 16;
/// Bytes of operations that are written beforehand.
const SUPPLY: usize = 4 << 20;
/// How long a server may keep silent, in milliseconds.
const PATIENCE: u16 = 60_000;

/// The connections, shared out among threads.
pub struct Fleet {
    /// A thread drives each of these.
    squads: Vec<Mutex<Vec<Ship>>>,
    wire: Box<dyn Wire>,
}

/// Writes operation `i` and answers how many replies it will get.
pub type Commands<'a> = dyn Fn(usize, &mut Vec<u8>) -> usize + 'a;

/// What became of a number of operations.
#[derive(Default)]
pub struct Run {
    pub operations: usize,
    pub wall: Duration,
    pub answer: Answer,
    /// How long each operation took, from when it was sent with those beside it until its reply was read, in
    /// nanoseconds, ascending.
    pub waits: Vec<u32>,
}

impl Run {
    pub fn per_second(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }

    /// So many per cent of the operations took no longer, in microseconds.
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (self.waits.len() as f64 * percent / 100.0).ceil() as usize;
        let wait = self.waits.get(rank.max(1) - 1).or(self.waits.last());
        wait.map_or(0.0, |&nanoseconds| f64::from(nanoseconds) / 1000.0)
    }
}

struct Ship {
    stream: TcpStream,
    output: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    /// Bytes of `input` that are read and not yet understood.
    filled: usize,
    /// The replies that each operation under way still waits for.
    under_way: VecDeque<usize>,
    sent: Instant,
}

impl Fleet {
    /// Connects to a server on this machine. A thread drives at least 25 connections, and each leaves a core to the server.
    pub fn connect(port: u16, wire: Box<dyn Wire>) -> Result<Fleet> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).clamp(1, CONNECTIONS / 25);
        let mut squads: Vec<Vec<Ship>> = (0..threads).map(|_| Vec::new()).collect();
        for i in 0..CONNECTIONS {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_nodelay(true)?;
            wire.greet(&mut stream)?;
            stream.set_nonblocking(true)?;
            squads[i % threads].push(Ship {
                stream,
                output: Vec::new(),
                written: 0,
                input: vec![0; 65_536],
                filled: 0,
                under_way: VecDeque::new(),
                sent: Instant::now(),
            });
        }
        Ok(Fleet {
            squads: squads.into_iter().map(Mutex::new).collect(),
            wire,
        })
    }

    /// Sends operations 0 to `operations - 1` and reads their replies; an error among them ends it.
    ///
    /// They are written beforehand, some megabytes at a time: else a fast server would wait for who asks.
    pub fn run(&self, operations: usize, commands: &Commands<'_>) -> Result<Run> {
        let mut whole = Run {
            operations,
            ..Run::default()
        };
        let mut next = 0;
        while next < operations {
            let supply = Supply::write(next, operations, commands);
            next += supply.operations;
            let start = Instant::now();
            let (supply, wire) = (&supply, self.wire.as_ref());
            let runs: Vec<Result<Run>> = std::thread::scope(|scope| {
                let squads = self.squads.iter();
                let threads: Vec<_> = squads
                    .map(|squad| scope.spawn(move || supply.carry_out(squad, wire)))
                    .collect();
                let joined = threads.into_iter().map(|thread| thread.join());
                joined
                    .map(|run| run.unwrap_or(Err("a thread panicked".into())))
                    .collect()
            });
            whole.wall += start.elapsed();
            for run in runs {
                let run = run?;
                whole.answer += run.answer;
                whole.waits.extend(run.waits);
            }
        }
        whole.waits.sort_unstable();
        Ok(whole)
    }
}

/// Operations that are written and wait to be sent.
struct Supply {
    bytes: Vec<u8>,
    /// What a connection sends at once.
    batches: Vec<Batch>,
    operations: usize,
    next: AtomicUsize,
}

struct Batch {
    bytes: Range<usize>,
    /// How many replies each operation gets.
    replies: Vec<usize>,
}

impl Supply {
    /// Writes the operations from `first` on, as many as there are or are wanted at a time.
    fn write(first: usize, operations: usize, commands: &Commands<'_>) -> Supply {
        let (mut bytes, mut batches, mut next) = (Vec::new(), Vec::new(), first);
        while next < operations && bytes.len() < SUPPLY {
            let (from, last) = (bytes.len(), operations.min(next + PIPELINE));
            let replies = (next..last).map(|i| commands(i, &mut bytes)).collect();
            batches.push(Batch {
                bytes: from..bytes.len(),
                replies,
            });
            next = last;
        }
        Supply {
            bytes,
            batches,
            operations: next - first,
            next: AtomicUsize::new(0),
        }
    }

    fn carry_out(&self, squad: &Mutex<Vec<Ship>>, wire: &dyn Wire) -> Result<Run> {
        let mut ships = squad.lock().unwrap_or_else(PoisonError::into_inner);
        let ships = ships.as_mut_slice();
        let mut run = Run::default();
        for ship in ships.iter_mut() {
            self.send(ship)?;
        }
        while ships.iter().any(|ship| !ship.under_way.is_empty()) {
            let ready = wait(&ships_ready(ships))?;
            for (ship, ready) in ships.iter_mut().zip(ready) {
                if ready.contains(PollFlags::POLLOUT) {
                    ship.write()?;
                }
                if ready.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
                    ship.read(wire, &mut run)?;
                    if ship.under_way.is_empty() {
                        self.send(ship)?;
                    }
                }
            }
        }
        Ok(run)
    }

    /// Sends the next batch, where there is one.
    fn send(&self, ship: &mut Ship) -> Result<()> {
        let Some(batch) = self.batches.get(self.next.fetch_add(1, Relaxed)) else {
            return Ok(());
        };
        ship.output
            .extend_from_slice(&self.bytes[batch.bytes.clone()]);
        ship.under_way.extend(&batch.replies);
        ship.sent = Instant::now();
        ship.write()
    }
}

fn ships_ready(ships: &[Ship]) -> Vec<PollFd<'_>> {
    let wanted = |ship: &Ship| match ship.output.is_empty() {
        true => PollFlags::POLLIN,
        false => PollFlags::POLLIN | PollFlags::POLLOUT,
    };
    ships
        .iter()
        .map(|ship| PollFd::new(ship.stream.as_fd(), wanted(ship)))
        .collect()
}

/// Waits until one of them can be read or written.
fn wait(fds: &[PollFd<'_>]) -> Result<Vec<PollFlags>> {
    let mut fds = fds.to_vec();
    match poll(&mut fds, PollTimeout::from(PATIENCE)) {
        Ok(0) => Err(format!("the server kept silent for {} seconds", PATIENCE / 1000).into()),
        Ok(_) => Ok(fds
            .iter()
            .map(|fd| fd.revents().unwrap_or(PollFlags::empty()))
            .collect()),
        Err(nix::Error::EINTR) => Ok(vec![PollFlags::empty(); fds.len()]),
        Err(error) => Err(error.into()),
    }
}

impl Ship {
    fn write(&mut self) -> Result<()> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads what is there and counts the replies that are whole.
    fn read(&mut self, wire: &dyn Wire, run: &mut Run) -> Result<()> {
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) => return Err("the server hung up".into()),
            Ok(bytes) => self.filled += bytes,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let (mut at, took) = (0, self.sent.elapsed());
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
        while let Some((length, answer)) = wire.reply(&self.input[at..self.filled])? {
            at += length;
            run.answer += answer;
            let replies = self
                .under_way
                .front_mut()
                .ok_or("a reply that nobody asked for")?;
            *replies -= 1;
            if *replies == 0 {
                self.under_way.pop_front();
                run.waits.push(took);
            }
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_waits() {
        let run = Run {
            waits: (1..=1000).map(|wait| wait * 1000).collect(),
            ..Run::default()
        };
        assert_eq!(
            [50.0, 99.0, 99.9, 100.0].map(|percent| run.percentile(percent)),
            [500.0, 990.0, 999.0, 1000.0]
        );
        assert_eq!(Run::default().percentile(50.0), 0.0);
    }
}
