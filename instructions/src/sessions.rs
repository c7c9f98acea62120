//! The work: a table of sessions and what is asked of it.

use std::hint::black_box;

use yarr::{
    commands::{COMMANDS, Environment, Limits, Reply, Run},
    encoding::snapshot,
    error::{Error, Result},
    table::{Effects, Table, apply},
};

/// The clock of every command: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;
/// Sessions in the table, ten a user.
const RECORDS: usize = 20_000;
/// Each command is run so often, so that what happens now and then has its share.
const TIMES: usize = 1000;
/// Records a command where one command creates many.
const BATCH: usize = 100;

const STATUS: [&str; 5] = ["new", "active", "idle", "closed", "banned"];

/// One kind of work.
pub struct Work {
    pub name: &'static str,
    kind: Kind,
}

enum Kind {
    /// The `i`th of [`TIMES`] commands.
    Commands(fn(usize) -> String),
    /// Commands that do for so many records each.
    Batches(usize, fn(usize) -> String),
    /// What the commands before have changed, done to a copy.
    Apply,
    /// The table as a snapshot.
    Save,
    /// A table from the snapshot.
    Load,
    /// The migration that gives the table a change feed.
    Feed,
}

impl Work {
    const fn of(name: &'static str, command: fn(usize) -> String) -> Work {
        let kind = Kind::Commands(command);
        Work { name, kind }
    }

    /// How many operations are measured.
    pub fn operations(&self) -> u64 {
        let operations = match self.kind {
            Kind::Save | Kind::Load | Kind::Feed => RECORDS,
            Kind::Commands(_) | Kind::Batches(..) | Kind::Apply => TIMES,
        };
        operations as u64
    }
}

/// What is measured, in this order.
pub static WORKS: [Work; 25] = [
    Work {
        name: "saving a record",
        kind: Kind::Save,
    },
    Work {
        name: "loading a record",
        kind: Kind::Load,
    },
    Work::of("FIND by id", |i| format!("FIND {}", 1 + any(i))),
    Work::of("FIND WHERE user_id =", |i| {
        format!("FIND WHERE user_id = {}", user(any(i)))
    }),
    Work::of("WHERE user_id = AND status =", |i| {
        format!(
            "WHERE user_id = {} AND status = {}",
            user(any(i)),
            status(any(i))
        )
    }),
    Work::of("WHERE, newest 100 of 1,000", |i| newest(i, "")),
    Work::of("the same, PACKED", |i| newest(i, " PACKED")),
    Work::of("the same, 100 ids by cursor", |i| {
        newest(i, " IDS CURSOR 0")
    }),
    Work::of("COUNT of a range of a tenth AND status", |i| {
        let from = moment(i, RECORDS / 10);
        let to = from + RECORDS / 10 * 1000;
        format!(
            "WHERE created_at BETWEEN {from} AND {to} AND status = {} COUNT",
            status(i)
        )
    }),
    Work::of("COUNT of a range", |i| {
        let from = moment(i, RECORDS / 10);
        format!(
            "WHERE created_at BETWEEN {from} AND {} COUNT",
            from + 1_000_000
        )
    }),
    Work::of("AGGREGATE GROUP BY status COUNT", |_| {
        "AGGREGATE * GROUP BY status COUNT".into()
    }),
    Work::of("UPDATE of an indexed field", |i| {
        format!("UPDATE {} SET user_id {}", 1 + any(i), user(any(i + 7)))
    }),
    Work {
        name: "its effects, applied to a copy",
        kind: Kind::Apply,
    },
    Work::of("UPDATE of a bitmap's field", |i| {
        format!("UPDATE {} SET status {}", 1 + any(i), status(any(i + 7)))
    }),
    Work::of("UPDATE of a field without index", |i| {
        format!("UPDATE {} INCR score 0.5", 1 + any(i))
    }),
    Work::of("UPDATE with an expiry", |i| {
        format!("UPDATE {} TOUCH EX {}", 1 + any(i), 3600 + i)
    }),
    Work::of("UPDATE WHERE, a claim", |i| {
        format!(
            "UPDATE WHERE user_id = {} ORDER BY created_at LIMIT 1 SET status closed RETURN *",
            user(any(i))
        )
    }),
    Work::of("CREATE, three indexes", |i| create(RECORDS + i)),
    Work {
        name: "CREATE ... VALUES, a record",
        kind: Kind::Batches(BATCH, |i| batch(RECORDS + TIMES + i * BATCH)),
    },
    // No other stride below it divides the number of records.
    Work::of("DEL by id", |i| format!("DEL {}", 1 + i * 7919 % RECORDS)),
    Work {
        name: "CHANGES ON, a record",
        kind: Kind::Feed,
    },
    Work::of("with it: UPDATE of an indexed field", |i| {
        format!("UPDATE {} SET user_id {}", 1 + any(i), user(any(i + 7)))
    }),
    Work::of("with it: CREATE, three indexes", |i| {
        create(9 * RECORDS + i)
    }),
    Work::of("with it: DEL by id", |i| {
        format!("DEL {}", 3 + i * 7919 % RECORDS)
    }),
    Work::of("a page of 1,000 changes, PACKED", |_| {
        "CHANGES LIMIT 1000 PACKED".into()
    }),
];

/// A number that follows from another as if by chance (splitmix64).
fn scrambled(i: usize) -> usize {
    let mut z = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 1) as usize
}

/// Some record's place.
fn any(i: usize) -> usize {
    scrambled(i + 0x5EED) % RECORDS
}

fn user(i: usize) -> usize {
    scrambled(i) % (RECORDS / 10)
}

fn status(i: usize) -> &'static str {
    STATUS
        .get(scrambled(i) / 7 % STATUS.len())
        .copied()
        .unwrap_or_default()
}

/// When the session of that place was created.
fn created(i: usize) -> usize {
    1_704_067_200_000 + i * 1000
}

/// Where a range of so many sessions may begin.
fn moment(i: usize, sessions: usize) -> usize {
    created(scrambled(i + 0xDA7E) % (RECORDS - sessions))
}

fn newest(i: usize, form: &str) -> String {
    let from = moment(i, 1000);
    format!(
        "WHERE created_at BETWEEN {from} AND {} ORDER BY created_at DESC LIMIT 100{form}",
        from + 999_000
    )
}

/// user_id, session_id, created_at, status and score of the session at that place.
fn session(i: usize) -> String {
    let (a, b) = (scrambled(2 * i), scrambled(2 * i + 1));
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 31,
        a >> 15 & 0xFFFF,
        a & 0xFFF,
        b >> 51,
        b & 0xFFFF_FFFF_FFFF
    );
    let score = (b / 5 % 100_000) as f64 / 100.0;
    format!("{} {id} {} {} {score}", user(i), created(i), status(i))
}

fn create(i: usize) -> String {
    let fields = ["user_id", "session_id", "created_at", "status", "score"];
    let session = session(i);
    let given = fields.iter().zip(session.split(' '));
    let given: Vec<String> = given
        .map(|(field, value)| format!("{field} {value}"))
        .collect();
    format!("CREATE {}", given.join(" "))
}

fn batch(from: usize) -> String {
    let mut line =
        String::from("CREATE FIELDS 5 user_id session_id created_at status score VALUES");
    for i in from..from + BATCH {
        line.push(' ');
        line.push_str(&session(i));
    }
    line
}

/// Takes replies and forgets them.
#[derive(Default)]
struct Sink {
    bytes: usize,
}

impl Reply for Sink {
    fn null(&mut self) {
        self.bytes += 1;
    }
    fn integer(&mut self, number: i64) {
        self.bytes += black_box(number) as usize & 1;
    }
    fn status(&mut self, text: &str) {
        self.bytes += black_box(text).len();
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.bytes += black_box(bytes).len();
    }
    fn array(&mut self, len: usize) {
        self.bytes += len;
    }
    fn set(&mut self, len: usize) {
        self.bytes += len;
    }
    fn map(&mut self, len: usize) {
        self.bytes += len;
    }
    fn number(&mut self, number: i64) {
        self.integer(number);
    }
    fn double(&mut self, number: f64) {
        self.bytes += black_box(number) as usize & 1;
    }
    fn boolean(&mut self, truth: bool) {
        self.bytes += usize::from(black_box(truth));
    }
}

/// The table and what has been done to it.
struct Sessions {
    table: Option<Box<Table>>,
    effects: Vec<Effects>,
}

/// A command's code and its words after the table's name.
struct Prepared<'w> {
    run: Run,
    words: Vec<&'w [u8]>,
}

impl<'w> Prepared<'w> {
    fn new(line: &'w str) -> Prepared<'w> {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default().to_lowercase();
        let named = COMMANDS
            .iter()
            .find(|command| command.name.ends_with(&name));
        Prepared {
            run: named.expect("a command").run,
            words: words.map(str::as_bytes).collect(),
        }
    }
}

impl Sessions {
    fn new() -> Sessions {
        let mut sessions = Sessions {
            table: None,
            effects: Vec::new(),
        };
        sessions.command(&Prepared::new(
            "MIGRATE UP 1 create_user_session ADD FIELD user_id INTEGER INDEX ADD FIELD session_id STRING \
             ADD FIELD status ENUM ( new active idle closed banned ) BITMAP ADD FIELD score FLOAT ADD INDEX created_at",
        ));
        for from in (0..RECORDS).step_by(BATCH) {
            sessions.command(&Prepared::new(&batch(from)));
        }
        sessions.effects.clear();
        sessions
    }

    fn command(&mut self, command: &Prepared<'_>) {
        self.command_within(command, Limits::DEFAULT);
    }

    fn command_within(&mut self, command: &Prepared<'_>, limits: Limits) {
        let environment = Environment {
            now: NOW.into(),
            limits,
            random: &|| 7,
        };
        let (words, mut reply) = (&command.words, Sink::default());
        // As the module does before a command.
        if let (Some(table), false) = (&self.table, matches!(command.run, Run::Make(_))) {
            let approached = table.approach(words.first());
            table.records().fetch(approached.into_iter());
        }
        let done: Result<()> = match (command.run, &mut self.table) {
            (Run::Read(run), Some(table)) => run(table, words, &environment, &mut reply),
            (Run::Write(run), Some(table)) => run(table, words, &environment, &mut reply)
                .map(|effects| self.effects.push(effects)),
            (Run::Make(run), table) => run(table, words, &environment, &mut reply).map(drop),
            _ => panic!("there is no table"),
        };
        black_box(reply.bytes);
        if let Err(error) = done {
            panic!("{}: {error}", String::from_utf8_lossy(&words.join(&b' ')));
        }
    }

    /// Runs commands and keeps their effects alone.
    fn commands(&mut self, times: usize, line: fn(usize) -> String) {
        let lines: Vec<String> = (0..times).map(line).collect();
        let commands: Vec<Prepared> = lines.iter().map(|line| Prepared::new(line)).collect();
        self.effects = Vec::with_capacity(times);
        measured(&mut || commands.iter().for_each(|command| self.command(command)));
    }
}

/// What is counted is all that happens in here.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    // What follows the call keeps it from being a jump out of this function.
    black_box(());
}

/// Does all the work.
pub fn run() {
    let mut sessions = Sessions::new();
    let mut copy = sessions.table.as_ref().map(|table| table.duplicate());
    let mut chunks = Vec::new();
    for work in &WORKS {
        match work.kind {
            Kind::Commands(line) => sessions.commands(TIMES, line),
            Kind::Batches(records, line) => sessions.commands(TIMES / records, line),
            Kind::Apply => {
                let effects = &sessions.effects;
                measured(&mut || {
                    effects
                        .iter()
                        .for_each(|effects| replay(&mut copy, effects))
                });
            }
            Kind::Feed => {
                let limits = Limits {
                    inline_records: u64::MAX,
                    ..Limits::DEFAULT
                };
                let command = Prepared::new("MIGRATE UP 2 feed CHANGES ON");
                measured(&mut || sessions.command_within(&command, limits));
            }
            Kind::Save => {
                let table = copy.as_ref().expect("a table");
                measured(&mut || snapshot::save(table, &mut |chunk| chunks.push(chunk.to_vec())));
            }
            Kind::Load => {
                let mut chunks = std::mem::take(&mut chunks).into_iter();
                let mut source = || {
                    chunks
                        .next()
                        .ok_or_else(|| Error::corrupt("no more chunks"))
                };
                measured(&mut || drop(black_box(snapshot::load(&mut source).expect("a table"))));
            }
        }
    }
}

fn replay(table: &mut Option<Box<Table>>, effects: &Effects) {
    for piece in effects.pieces() {
        apply(table, piece).expect("effects");
    }
}
