//! The workloads A to F of YCSB: what is done to which key.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::session::mix;
use crate::zipf::{Scrambled, Zipf, hash};

/// Fields of a record.
pub const FIELDS: usize = 10;
/// Bytes of a field.
pub const LENGTH: usize = 100;
/// The most records of a scan.
const LONGEST_SCAN: u64 = 100;
/// Operations that may be under way, which no other counts on.
const UNDER_WAY: usize = crate::fleet::CONNECTIONS * crate::fleet::PIPELINE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    A,
    B,
    C,
    D,
    E,
    F,
}

/// What is done to the record of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read(u64),
    /// Sets one field.
    Update(u64, usize),
    Insert(u64),
    /// Reads so many records from one on, in the order of the keys.
    Scan(u64, usize),
    /// Reads a record and sets one field of it.
    Modify(u64, usize),
}

impl Workload {
    /// In the order that YCSB asks for: those that insert come last.
    pub const ALL: [Workload; 6] = [
        Workload::A,
        Workload::B,
        Workload::C,
        Workload::F,
        Workload::D,
        Workload::E,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Workload::A => "A",
            Workload::B => "B",
            Workload::C => "C",
            Workload::D => "D",
            Workload::E => "E",
            Workload::F => "F",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Workload::A => "half reads, half updates",
            Workload::B => "95% reads, 5% updates",
            Workload::C => "reads",
            Workload::D => "95% reads of the newest, 5% inserts",
            Workload::E => "95% scans of 1 to 100 records, 5% inserts",
            Workload::F => "half reads, half read-modify-writes",
        }
    }

    /// How many operations measure it: a scan is worth many.
    pub fn operations(self, records: usize) -> usize {
        match self {
            Workload::E => (records / 10).clamp(100, 10_000),
            _ => (2 * records).min(200_000),
        }
    }
}

/// Draws the operations of one workload, the same each time.
pub struct Mix {
    workload: Workload,
    /// Keys there are, those that are being inserted among them.
    keys: AtomicUsize,
    scrambled: Scrambled,
    newest: Zipf,
}

impl Mix {
    /// Of a workload on so many keys.
    pub fn new(workload: Workload, keys: usize) -> Mix {
        let known = keys.saturating_sub(UNDER_WAY).max(1);
        Mix {
            workload,
            keys: AtomicUsize::new(keys),
            scrambled: Scrambled::new(keys),
            newest: Zipf::new(known),
        }
    }

    /// How many keys there are by now.
    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Operation `i`.
    pub fn draw(&self, i: usize) -> Operation {
        let i = i as u64 * 4;
        let (kind, even) = (mix(i) % 100, mix(i + 1) as f64 / 2.0_f64.powi(63));
        let (field, length) = (
            (mix(i + 2) % FIELDS as u64) as usize,
            1 + mix(i + 3) % LONGEST_SCAN,
        );
        let key = || self.scrambled.draw(even);
        match (self.workload, kind) {
            (Workload::A | Workload::F, 50..) | (Workload::B | Workload::D | Workload::E, 95..) => {
                match self.workload {
                    Workload::F => Operation::Modify(key(), field),
                    Workload::D | Workload::E => {
                        Operation::Insert(self.keys.fetch_add(1, Relaxed) as u64)
                    }
                    _ => Operation::Update(key(), field),
                }
            }
            (Workload::E, _) => Operation::Scan(key(), length as usize),
            (Workload::D, _) => {
                let newest = (self.keys().saturating_sub(UNDER_WAY).max(1) - 1) as u64;
                Operation::Read(newest.saturating_sub(self.newest.draw(even)))
            }
            _ => Operation::Read(key()),
        }
    }
}

/// The key of a record's number; they lie all over the order of the texts.
pub fn key(number: u64) -> String {
    format!("user{:019}", hash(number))
}

/// What the fields hold: texts cut out of one.
pub struct Texts(Vec<u8>);

impl Texts {
    pub fn new() -> Texts {
        Texts(
            (0..16_384_u64)
                .flat_map(|i| format!("{:016x}", mix(i)).into_bytes())
                .take(100_000)
                .collect(),
        )
    }

    /// Another one for each number.
    pub fn text(&self, number: u64) -> &[u8] {
        let at = (mix(number) % (self.0.len() - LENGTH) as u64) as usize;
        &self.0[at..at + LENGTH]
    }

    /// Of a record's field, as it is first.
    pub fn first(&self, key: u64, field: usize) -> &[u8] {
        self.text(key * FIELDS as u64 + field as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_mixed_as_said() {
        let share = |workload: Workload, is: fn(&Operation) -> bool| {
            let mix = Mix::new(workload, 5000);
            (0..10_000).filter(|&i| is(&mix.draw(i))).count() as f64 / 10_000.0
        };
        let near = |share: f64, wanted: f64| (share - wanted).abs() < 0.02;
        assert!(near(
            share(Workload::A, |op| matches!(op, Operation::Update(..))),
            0.5
        ));
        assert!(near(
            share(Workload::B, |op| matches!(op, Operation::Read(_))),
            0.95
        ));
        assert!(near(
            share(Workload::C, |op| matches!(op, Operation::Read(_))),
            1.0
        ));
        assert!(near(
            share(Workload::D, |op| matches!(op, Operation::Insert(_))),
            0.05
        ));
        assert!(near(
            share(Workload::E, |op| matches!(op, Operation::Scan(..))),
            0.95
        ));
        assert!(near(
            share(Workload::F, |op| matches!(op, Operation::Modify(..))),
            0.5
        ));
    }

    #[test]
    fn what_is_read_is_there() {
        for workload in Workload::ALL {
            let mix = Mix::new(workload, 2000);
            for i in 0..10_000 {
                let keys = mix.keys() as u64;
                match mix.draw(i) {
                    Operation::Insert(number) => assert_eq!(number, keys),
                    Operation::Read(number)
                    | Operation::Update(number, _)
                    | Operation::Modify(number, _) => assert!(number < keys),
                    Operation::Scan(number, length) => {
                        assert!(number < keys && (1..=100).contains(&length))
                    }
                }
            }
        }
    }

    #[test]
    fn keys_are_as_long_as_each_other() {
        assert!((0..10_000).all(|number| key(number).len() == 23));
    }
}
