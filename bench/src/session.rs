//! The sessions: made from their numbers alone, so that every side gets the same ones.

use crate::row::Row;

pub const STATUS: [&str; 5] = ["new", "active", "idle", "closed", "banned"];
/// 1 January 2024, in milliseconds since 1970.
const START: u64 = 1_704_067_200_000;

/// How many there are; ten a user on average.
#[derive(Clone, Copy)]
pub struct Sessions {
    pub records: usize,
    /// Whether session ids are UUIDs, or other texts of as many bytes.
    pub uuids: bool,
}

/// One session; its `updated_at` is its `created_at`.
pub struct Session {
    pub id: u64,
    pub user_id: u64,
    pub session_id: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub status: &'static str,
    /// Hundredths.
    pub score: u64,
    /// What an update sets.
    pub other_user_id: u64,
    pub other_status: &'static str,
}

impl Sessions {
    /// The session of record `i`, from 0; its id is one more.
    pub fn at(self, i: usize) -> Session {
        let i = i as u64;
        let (a, b) = (mix(2 * i), mix(2 * i + 1));
        let users = (self.records as u64 / 10).max(1);
        Session {
            id: i + 1,
            user_id: a % users,
            session_id: self.session_id(a, b),
            created_at: START + i * 1000,
            status: status(b),
            score: b / 5 % 100_000,
            other_user_id: b % users,
            other_status: status(a),
        }
    }

    fn session_id(self, a: u64, b: u64) -> String {
        if !self.uuids {
            return format!("session-{:012x}{b:016x}", a >> 15);
        }
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 31,
            (a >> 15) & 0xffff,
            a & 0xfff,
            b >> 51,
            b & 0xffff_ffff_ffff
        )
    }

    /// The session that operation `i` of a row is about.
    pub fn of(self, row: Row, i: usize) -> Session {
        match row {
            Row::Create => self.at(i),
            Row::Del => self.spread(i),
            _ => self.any(i),
        }
    }

    /// The `i`th of a random sequence.
    pub fn any(self, i: usize) -> Session {
        self.at((mix(i as u64 + 0x5eed) % self.records as u64) as usize)
    }

    /// The `i`th of a sequence that goes all over the records and meets none twice.
    pub fn spread(self, i: usize) -> Session {
        let strides = [7919, 104_729, 1_299_709];
        let stride = strides.iter().find(|&&stride| self.records % stride != 0);
        self.at(i * stride.unwrap_or(&1) % self.records)
    }

    /// First and last moment of a stretch of so many records, somewhere.
    pub fn stretch(self, i: usize, length: usize) -> (u64, u64) {
        let first = START + mix(i as u64 + 0xda7e) % (self.records - length + 1) as u64 * 1000;
        (first, first + (length as u64 - 1) * 1000)
    }
}

fn status(n: u64) -> &'static str {
    STATUS[(n % 5) as usize]
}

/// splitmix64's finisher: a number that looks random, always the same for the same `i`.
pub fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) >> 1
}

impl Session {
    /// The fields of a hash, and of a record beside its id.
    pub const FIELDS: [&'static str; 6] = [
        "user_id",
        "session_id",
        "status",
        "score",
        "created_at",
        "updated_at",
    ];

    /// The score as it is sent and answered: the shortest text.
    pub fn score_text(&self) -> String {
        format!("{}", self.score as f64 / 100.0)
    }

    /// The values of a hash's fields.
    pub fn values(&self) -> [String; 6] {
        [
            self.user_id.to_string(),
            self.session_id.clone(),
            self.status.into(),
            self.score_text(),
            self.created_at.to_string(),
            self.created_at.to_string(),
        ]
    }

    /// The key of its hash.
    pub fn key(&self) -> String {
        format!("user_session:{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn sessions_are_spread_and_none_is_met_twice() {
        let sessions = Sessions {
            records: 7919,
            uuids: true,
        };
        let met: HashSet<u64> = (0..7919).map(|i| sessions.spread(i).id).collect();
        assert_eq!(met.len(), 7919);
    }

    #[test]
    fn session_ids_have_36_bytes() {
        for uuids in [true, false] {
            let sessions = Sessions {
                records: 100,
                uuids,
            };
            assert!(
                (0..100).all(|i| sessions.at(i).session_id.len() == 36),
                "{uuids}"
            );
        }
    }

    #[test]
    fn a_stretch_lies_within_the_records() {
        let sessions = Sessions {
            records: 50,
            uuids: true,
        };
        for i in 0..1000 {
            let (first, last) = sessions.stretch(i, 50);
            assert_eq!(
                (first, last),
                (sessions.at(0).created_at, sessions.at(49).created_at)
            );
        }
    }
}
