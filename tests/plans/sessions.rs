//! A table of sessions and questions to it: the same records on every machine.

use yarr::{
    commands::{COMMANDS, Environment, Limits, Recorded, Run},
    table::Table,
};

/// The clock of every command: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;

/// The operations that make the table.
const OPERATIONS: &str = "TIMESTAMPS OFF ADD FIELD user_id INTEGER INDEX ADD FIELD session_id STRING UNIQUE \
     ADD FIELD started_at DATETIME INDEX ADD FIELD status ENUM ( active idle closed expired banned ) BITMAP \
     ADD FIELD score FLOAT ADD FIELD country STRING ADD FIELD tags TAGS BITMAP ADD INDEX status started_at @id";

/// The questions, each a command after EXPLAIN and its table. `$day` is the day in the middle, `$user` one of the users.
pub const QUESTIONS: [&str; 27] = [
    "FIND 4711",
    "FIND WHERE session_id = 00000000-0000-4000-8000-000000001000",
    "WHERE user_id = $user",
    "WHERE user_id = $user AND status = idle",
    "WHERE user_id IN 5 1 2 3 5 8 COUNT",
    "WHERE started_at BETWEEN $day-1w AND $day COUNT",
    "WHERE started_at BETWEEN $day-1w AND $day AND status = idle COUNT",
    "WHERE started_at BETWEEN $day-1w AND $day ORDER BY started_at DESC LIMIT 100",
    "WHERE status = idle ORDER BY started_at DESC LIMIT 10",
    "WHERE status IN 2 idle closed ORDER BY started_at DESC LIMIT 10",
    "WHERE status = idle AND score > 0.9 ORDER BY started_at LIMIT 20",
    "WHERE status = idle AND user_id < $user COUNT",
    "WHERE started_at < $day AND user_id < $user COUNT",
    "WHERE NOT status = active AND user_id = $user",
    "WHERE user_id = $user OR tags CONTAINS tag42",
    "WHERE tags CONTAINS ALL 2 tag1 tag2",
    "WHERE tags CONTAINS ANY 3 tag1 tag2 tag3 COUNT",
    "WHERE * ORDER BY id DESC LIMIT 10",
    "WHERE * COUNT",
    "WHERE country = NO AND status = banned COUNT",
    "WHERE score > 0.999 LIMIT 100 SCAN",
    "WHERE * ORDER BY score DESC LIMIT 10 SCAN",
    "UPDATE WHERE status = idle ORDER BY started_at LIMIT 1 SET status active",
    "DEL WHERE started_at < $day-4w",
    "AGGREGATE * GROUP BY status COUNT",
    "AGGREGATE status = idle MIN started_at MAX started_at COUNT",
    "AGGREGATE started_at BETWEEN $day-1w AND $day GROUP BY country COUNT AVG score ORDER BY count DESC",
];

/// A number that follows from another as if by chance (splitmix64).
fn scrambled(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A table of so many sessions.
pub struct Sessions {
    table: Option<Box<Table>>,
    records: u64,
}

impl Sessions {
    /// Makes the table: ten sessions a user, spread over sixty days.
    pub fn new(records: u64) -> Sessions {
        let mut sessions = Sessions {
            table: None,
            records,
        };
        sessions.run("yarr.migrate", &format!("UP 1 make {OPERATIONS}"));
        let fields = "user_id session_id started_at status score country tags";
        for start in (0..records).step_by(1000) {
            let mut line = format!("FIELDS 7 {fields} VALUES");
            for n in start..records.min(start + 1000) {
                line.push(' ');
                line.push_str(&sessions.record(n));
            }
            sessions.run("yarr.create", &line);
        }
        sessions
    }

    fn record(&self, n: u64) -> String {
        let chance = scrambled(n);
        let user = chance % (self.records / 10).max(1);
        let at = self.start() + (n * 60 * 86_400_000 / self.records) as i64;
        let status = ["active", "idle", "closed", "expired", "banned"][(chance >> 20) as usize % 5];
        let score = (chance >> 32) % 1_000_000;
        let country = ["DE", "FR", "IT", "NO", "PL", "SE"][(chance >> 24) as usize % 6];
        let tags = [chance % 100, (chance >> 8) % 100, (chance >> 16) % 100];
        format!(
            "{user} 00000000-0000-4000-8000-{n:012x} {at} {status} {} {country} 3 tag{} tag{} tag{}",
            score as f64 / 1e6,
            tags[0],
            tags[1],
            tags[2]
        )
    }

    fn start(&self) -> i64 {
        NOW - 60 * 86_400_000
    }

    /// The words of a question.
    pub fn words(&self, question: &str) -> String {
        let day = |weeks: i64| (NOW - 30 * 86_400_000 - weeks * 7 * 86_400_000).to_string();
        let user = (self.records / 200).to_string();
        question
            .replace("$day-1w", &day(1))
            .replace("$day-4w", &day(4))
            .replace("$day", &day(0))
            .replace("$user", &user)
    }

    /// What EXPLAIN says of a question.
    pub fn explain(&mut self, question: &str, analyze: bool) -> Vec<String> {
        let analyze = if analyze { "ANALYZE " } else { "" };
        let line = format!("{analyze}{}", self.words(question));
        let lines = self.run("yarr.explain", &line).lines;
        let lines = lines.iter().filter_map(|line| line.strip_prefix('$'));
        lines.map(str::to_string).collect()
    }

    fn run(&mut self, name: &str, line: &str) -> Recorded {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        let environment = Environment {
            now: NOW.into(),
            limits: Limits::DEFAULT,
            random: &|| 7,
        };
        let mut reply = Recorded::default();
        let command = COMMANDS.iter().find(|command| command.name == name);
        let command = command.expect("a command");
        let done = match (command.run, &mut self.table) {
            (Run::Read(run), Some(table)) => run(table, &words, &environment, &mut reply),
            (Run::Write(run), Some(table)) => {
                run(table, &words, &environment, &mut reply).map(|_| ())
            }
            (Run::Make(run), table) => run(table, &words, &environment, &mut reply).map(|_| ()),
            _ => panic!("there is no table"),
        };
        done.unwrap_or_else(|error| panic!("{name} {line:.200}: {error}"));
        reply
    }
}
