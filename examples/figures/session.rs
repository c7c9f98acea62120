//! The sessions: made from their numbers alone, so that both sides get the same ones.

use crate::fleet::{command, head, token};

const STATUS: [&str; 5] = ["new", "active", "idle", "closed", "banned"];
/// 1 January 2024, in milliseconds since 1970.
const START: usize = 1_704_067_200_000;

/// How many there are; ten a user on average.
#[derive(Clone, Copy)]
pub struct Sessions {
    pub records: usize,
    /// Whether session ids are UUIDs, or other texts of as many bytes.
    pub uuids: bool,
}

/// One session, and the commands about it.
pub struct Session {
    id: usize,
    user_id: usize,
    session_id: String,
    created_at: usize,
    status: &'static str,
    score: String,
    /// Values that an update sets.
    other_user_id: usize,
    other_status: &'static str,
}

impl Sessions {
    pub const TABLE: &str = "YARR.MIGRATE user_session UP 1 create_user_session \
        ADD FIELD user_id INTEGER INDEX ADD FIELD session_id STRING \
        ADD FIELD status ENUM ( new active idle closed banned ) BITMAP \
        ADD FIELD score FLOAT ADD INDEX created_at";
    pub const MORE: &str =
        "YARR.MIGRATE user_session UP 2 index_status ADD INDEX status created_at";
    pub const LESS: &str = "YARR.MIGRATE user_session DOWN 2";

    /// The session of record `i`, from 0; its id is one more.
    pub fn at(self, i: usize) -> Session {
        let (a, b) = (mix(2 * i), mix(2 * i + 1));
        let users = self.records / 10;
        Session {
            id: i + 1,
            user_id: a % users,
            session_id: self.session_id(a, b),
            created_at: START + i * 1000,
            status: STATUS[b % 5],
            score: format!("{}", (b / 5 % 100_000) as f64 / 100.0),
            other_user_id: b % users,
            other_status: STATUS[a % 5],
        }
    }

    fn session_id(self, a: usize, b: usize) -> String {
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

    /// The `i`th of a random sequence.
    pub fn any(self, i: usize) -> Session {
        self.at(mix(i + 0x5eed) % self.records)
    }

    /// The `i`th of a sequence that goes all over the records and meets none twice.
    pub fn spread(self, i: usize) -> Session {
        let strides = [7919, 104_729, 1_299_709];
        let stride = strides.iter().find(|&&stride| self.records % stride != 0);
        self.at(i * stride.unwrap_or(&1) % self.records)
    }

    /// The first moment of a stretch of `length` records, somewhere.
    fn moment(self, i: usize, length: usize) -> usize {
        START + mix(i + 0xda7e) % (self.records - length) * 1000
    }

    /// The newest 100 of 1,000, answered as `form` says: nothing for maps.
    pub fn newest(self, i: usize, form: Option<&str>, out: &mut Vec<u8>) {
        let from = self.moment(i, 1000);
        let (from, to) = (from.to_string(), (from + 999_000).to_string());
        let words = [
            "YARR.WHERE",
            "user_session",
            "created_at",
            "BETWEEN",
            &from,
            "AND",
            &to,
            "ORDER",
            "BY",
            "created_at",
            "DESC",
            "LIMIT",
            "100",
        ];
        let words: Vec<&str> = words.into_iter().chain(form).collect();
        command(out, &words);
    }

    pub fn count(self, i: usize, out: &mut Vec<u8>) {
        let tenth = self.records / 10;
        let from = self.moment(i, tenth);
        let (from, to) = (from.to_string(), (from + (tenth - 1) * 1000).to_string());
        command(
            out,
            &[
                "YARR.WHERE",
                "user_session",
                "created_at",
                "BETWEEN",
                &from,
                "AND",
                &to,
                "AND",
                "status",
                "=",
                STATUS[i % 5],
                "COUNT",
            ],
        );
    }

    /// An aggregate of all sessions.
    pub fn aggregate(self, asked: &str, out: &mut Vec<u8>) {
        let mut tokens = vec!["YARR.AGGREGATE", "user_session", "*"];
        tokens.extend(asked.split(' '));
        command(out, &tokens);
    }

    /// A list of `elements` such as the values of sessions.
    pub fn rpush(self, elements: usize, out: &mut Vec<u8>) {
        head(out, 2 + elements);
        token(out, b"RPUSH");
        token(out, b"list");
        let mut tokens = (0..).flat_map(|i| self.at(i).answer());
        for element in tokens.by_ref().take(elements) {
            token(out, element.as_bytes());
        }
    }

    /// `length` records from the `first` on in one command.
    pub fn batch(self, first: usize, length: usize, out: &mut Vec<u8>) {
        let names = ["user_id", "session_id", "created_at", "status", "score"];
        head(out, 5 + names.len() * (1 + length));
        for word in ["YARR.CREATE", "user_session", "FIELDS", "5"]
            .iter()
            .chain(&names)
        {
            token(out, word.as_bytes());
        }
        token(out, b"VALUES");
        for i in first..first + length {
            let session = self.at(i);
            for value in [
                &session.user_id.to_string(),
                &session.session_id,
                &session.created_at.to_string(),
                session.status,
                &session.score,
            ] {
                token(out, value.as_bytes());
            }
        }
    }
}

impl Session {
    /// The fields of a hash; a record has its id beside them.
    pub const FIELDS: [&str; 6] = [
        "user_id",
        "session_id",
        "status",
        "score",
        "created_at",
        "updated_at",
    ];

    fn key(&self) -> String {
        format!("user_session:{}", self.id)
    }

    /// Names and values as FIND answers them.
    fn answer(&self) -> Vec<String> {
        let created_at = self.created_at.to_string();
        let values = [
            self.user_id.to_string(),
            self.session_id.clone(),
            self.status.into(),
            self.score.clone(),
            created_at.clone(),
            created_at,
        ];
        let fields = Session::FIELDS.map(String::from).into_iter().zip(values);
        std::iter::once((String::from("id"), self.id.to_string()))
            .chain(fields)
            .flat_map(|(name, value)| [name, value])
            .collect()
    }

    pub fn hset(&self, out: &mut Vec<u8>) {
        let mut tokens = vec![String::from("HSET"), self.key()];
        tokens.extend(self.answer().into_iter().skip(2));
        command(out, &tokens);
    }

    pub fn hgetall(&self, out: &mut Vec<u8>) {
        command(out, &["HGETALL", &self.key()]);
    }

    pub fn hset_user_id(&self, out: &mut Vec<u8>) {
        command(
            out,
            &[
                "HSET",
                &self.key(),
                "user_id",
                &self.other_user_id.to_string(),
            ],
        );
    }

    pub fn hset_status(&self, out: &mut Vec<u8>) {
        command(out, &["HSET", &self.key(), "status", self.other_status]);
    }

    pub fn del_key(&self, out: &mut Vec<u8>) {
        command(out, &["DEL", &self.key()]);
    }

    pub fn create(&self, out: &mut Vec<u8>) {
        command(
            out,
            &[
                "YARR.CREATE",
                "user_session",
                "user_id",
                &self.user_id.to_string(),
                "session_id",
                &self.session_id,
                "created_at",
                &self.created_at.to_string(),
                "status",
                self.status,
                "score",
                &self.score,
            ],
        );
    }

    pub fn find(&self, out: &mut Vec<u8>) {
        command(out, &["YARR.FIND", "user_session", &self.id.to_string()]);
    }

    pub fn find_where(&self, out: &mut Vec<u8>) {
        let user_id = self.user_id.to_string();
        command(
            out,
            &[
                "YARR.FIND",
                "user_session",
                "WHERE",
                "user_id",
                "=",
                &user_id,
            ],
        );
    }

    pub fn where_and(&self, out: &mut Vec<u8>) {
        let user_id = self.user_id.to_string();
        command(
            out,
            &[
                "YARR.WHERE",
                "user_session",
                "user_id",
                "=",
                &user_id,
                "AND",
                "status",
                "=",
                self.status,
            ],
        );
    }

    pub fn update_user_id(&self, out: &mut Vec<u8>) {
        let user_id = self.other_user_id.to_string();
        self.update("user_id", &user_id, out);
    }

    pub fn update_status(&self, out: &mut Vec<u8>) {
        self.update("status", self.other_status, out);
    }

    fn update(&self, field: &str, value: &str, out: &mut Vec<u8>) {
        let id = self.id.to_string();
        command(
            out,
            &["YARR.UPDATE", "user_session", &id, "SET", field, value],
        );
    }

    pub fn del_id(&self, out: &mut Vec<u8>) {
        command(out, &["YARR.DEL", "user_session", &self.id.to_string()]);
    }
}

/// splitmix64's finisher: a number that looks random, always the same for the same `i`.
fn mix(i: usize) -> usize {
    let mut z = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 1) as usize
}
