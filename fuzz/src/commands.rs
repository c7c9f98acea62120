//! Commands one after the other on one table, with a clock that moves.
//!
//! The input is text as [`words`](crate::words) has it, a command a line, without the table's
//! name; a digit first of all chooses a prelude. Lines of the fuzzer's own: `clock n` moves the
//! clock by so many milliseconds, `limits replies writes` sets the limits, `reclaim n` removes
//! what has expired, `work n` goes on with a migration, `fill n` creates so many records in one command, `reload` goes on with the table that a snapshot makes.
//!
//! Held after each: no panic; a reply whole, or an error of one printable line and nothing
//! changed; the effects of a write, applied to a copy, give the same snapshot; a sound table.

use std::cell::Cell;

use yarr::{
    commands::{COMMANDS, Command, Environment, Limits, Run, work},
    error::Result,
    table::{Effects, Table, apply},
};

use crate::{
    reply::Strict,
    table::{Chunks, assert_sound, load, save_any},
    words,
};

/// What stands before the input's own commands, by its first digit.
const PRELUDES: [&str; 4] = [
    "",
    "migrate UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING INDEX ADD FIELD c ENUM ( x y z ) BITMAP \
     ADD FIELD d FLOAT ADD FIELD e UUID UNIQUE ADD FIELD f BOOLEAN DEFAULT true ADD FIELD g DATETIME DEFAULT now-1h \
     ADD INDEX c a @id\n\
     create FIELDS 4 a b c d VALUES 1 x x 1.5 1 y x 0 2 x y -1 3 '' z 1e300\n\
     create a 2 c y EX 1\n\
     create b 0 e 6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "migrate UP 1 make ID UUID SET TTL 5 PASSIVE ADD FIELD a INTEGER NOT NULL UNIQUE ADD FIELD b STRING \
     ADD INDEX expires_at @id\n\
     create a 1\ncreate a 2 b x PERSIST",
    "migrate UP 1 make ID STRING TIMESTAMPS OFF ADD FIELD a INTEGER ADD FIELD c ENUM ( x y ) DEFAULT x BITMAP\n\
     create id x a 1\ncreate id '' a 2 c y\nmigrate UP 2 more ADD FIELD b STRING DEFAULT y INDEX",
];

/// No input runs more commands than these.
const MOST: usize = 200;
/// 9999-12-31T23:59:59.999Z: no server's clock goes further.
const END_OF_TIME: i64 = 253_402_300_799_999;

struct World {
    table: Option<Box<Table>>,
    /// What the effects alone make.
    copy: Option<Box<Table>>,
    /// The table's snapshot.
    saved: Chunks,
    /// The effects of everything so far.
    pieces: Chunks,
    now: i64,
    limits: Limits,
    drawn: Cell<u64>,
}

/// Runs one input.
pub fn run(data: &[u8]) {
    let (prelude, rest) = match data.split_first() {
        Some((digit @ b'0'..=b'9', rest)) => {
            (PRELUDES[usize::from(digit - b'0') % PRELUDES.len()], rest)
        }
        _ => ("", data),
    };
    let mut world = World::new(None);
    world.take_all(prelude.as_bytes());
    world.take_all(rest);
    if let Some(table) = &world.table {
        assert_sound(table);
    }
}

/// Runs commands on a table that came from elsewhere. Answers the table.
pub fn live_on(table: Box<Table>, commands: &[u8]) -> Option<Box<Table>> {
    let mut world = World::new(Some(table));
    world.take_all(commands);
    world.table
}

/// What any table lives to see.
const LIFE: &str = "schema\nschema HISTORY\ninfo\n\
     migrate UP 9223372036854775807 new ADD FIELD newest INTEGER DEFAULT 5 INDEX ADD INDEX id newest\n\
     create\ncreate id x\ncreate id 9223372036854775807 newest 1\ncreate newest 2 EX 1\n\
     update WHERE newest >= 0 TOUCH\nupdate WHERE * SET newest 6 EX 5\n\
     where * ORDER BY newest DESC expires_at CURSOR 0 LIMIT 1\nwhere newest = 6 COUNT\nexplain where newest > 1\n\
     aggregate * GROUP BY newest COUNT SUM newest\naggregate newest > 1 MIN id MAX newest COUNT DISTINCT id\n\
     clock 2000\nreclaim 1\nreload\ndel WHERE * LIMIT 2 RETURN *\n\
     migrate DOWN 9223372036854775807 DROP DATA\nwhere *\ndel WHERE *";

/// Lets a table that came from elsewhere see the life of any other.
pub fn live(table: Box<Table>) {
    if let Some(table) = live_on(table, LIFE.as_bytes()) {
        assert_sound(&table);
    }
}

/// The effects of commands on a table, one piece after the other.
pub fn effects_of(table: Box<Table>, commands: &[u8]) -> Chunks {
    let mut world = World::new(Some(table));
    world.take_all(commands);
    world.pieces
}

impl World {
    fn new(table: Option<Box<Table>>) -> World {
        let saved = save_any(&table);
        World {
            copy: table.as_deref().map(Table::duplicate),
            table,
            saved,
            pieces: Chunks::new(),
            now: 1_767_225_600_000,
            limits: Limits::DEFAULT,
            drawn: Cell::new(0),
        }
    }

    fn take_all(&mut self, text: &[u8]) {
        for command in words::commands(text).iter().take(MOST) {
            let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
            if let Some((name, args)) = words.split_first() {
                self.take(name, args);
            }
        }
    }

    fn take(&mut self, name: &[u8], args: &[&[u8]]) {
        let number = |at: usize, otherwise: i64| {
            let text = args.get(at).and_then(|word| std::str::from_utf8(word).ok());
            text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
        };
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        if is("clock") {
            self.now = self
                .now
                .saturating_add(number(0, 1000))
                .clamp(0, END_OF_TIME);
        } else if is("limits") {
            let count = |at| number(at, 2).max(0) as u64;
            self.limits = Limits {
                reply_records: count(0),
                write_records: count(1),
                inline_records: count(0),
            };
        } else if is("reclaim") {
            self.reclaim(number(0, 2).clamp(0, 1000) as usize);
        } else if is("work") {
            self.work(number(0, 2).clamp(1, 1000) as usize);
        } else if is("fill") {
            self.fill(number(0, 100).clamp(1, 500));
        } else if is("reload") {
            if self.table.is_some() {
                self.table = Some(Box::new(
                    load(&self.saved).expect("a table's snapshot loads"),
                ));
            }
        } else {
            let called = |command: &&Command| {
                name.len() + 5 == command.name.len() && is(&command.name[5..]) || is(command.name)
            };
            let first = usize::from(name.first().copied().unwrap_or_default());
            let command = COMMANDS
                .iter()
                .find(called)
                .unwrap_or(&COMMANDS[first % COMMANDS.len()]);
            self.run(command, args);
        }
    }

    /// Creates records enough for an index of many nodes, none like another.
    fn fill(&mut self, count: i64) {
        let values =
            (0..count).flat_map(|n| [(n * 7919 % 10_007).to_string(), format!("t{}", n % 10)]);
        let values: Vec<String> = values.collect();
        let head = ["FIELDS", "2", "a", "b", "VALUES"];
        let words = head.into_iter().chain(values.iter().map(String::as_str));
        let words: Vec<&[u8]> = words.map(str::as_bytes).collect();
        self.take(b"create", &words);
    }

    /// Goes on with a migration, as a server does between commands.
    fn work(&mut self, most: usize) {
        let Some(table) = &mut self.table else { return };
        let (effects, more) = work(table, most, self.now, true).expect("no fault");
        assert!(!more || table.running().is_some(), "more of nothing");
        self.follow(Ok(effects));
    }

    fn reclaim(&mut self, most: usize) {
        let Some(table) = &mut self.table else { return };
        let due = table.expired(self.now);
        let effects = table.reclaim(self.now, most);
        assert_eq!(table.expired(self.now), due.saturating_sub(most as u64));
        self.follow(Ok(effects));
    }

    /// Runs a command as a server does: arity first, and what writes only where there is a table.
    fn run(&mut self, command: &Command, args: &[&[u8]]) {
        let (words, arity) = (args.len() as i32 + 2, command.arity);
        if if arity < 0 {
            words < -arity
        } else {
            words != arity
        } {
            return;
        }
        let random = || {
            self.drawn
                .set(self.drawn.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
            self.drawn.get()
        };
        let environment = Environment {
            now: self.now,
            limits: self.limits,
            random: &random,
        };
        let mut reply = Strict::default();
        let done = match (command.run, &mut self.table) {
            (Run::Read(_) | Run::Write(_), None) => return,
            (Run::Read(read), Some(table)) => {
                read(table, args, &environment, &mut reply).map(|()| Effects::none())
            }
            (Run::Write(write), Some(table)) => write(table, args, &environment, &mut reply),
            (Run::Make(make), table) => make(table, args, &environment, &mut reply),
        };
        match &done {
            Ok(_) => assert!(reply.is_whole(), "a reply is not whole"),
            Err(error) => {
                let text = error.to_string();
                assert!(reply.is_empty(), "something was answered before {text}");
                assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text:?}");
                assert!(!text.starts_with("ERR internal error"), "{text}");
            }
        }
        match command.run {
            Run::Read(_) => {}
            _ => self.follow(done),
        }
    }

    /// Takes the effects of a write to the copy, and compares.
    fn follow(&mut self, done: Result<Effects>) {
        let saved = save_any(&self.table);
        let effects = match done {
            Err(error) => {
                assert!(
                    saved == self.saved,
                    "a command that failed changed something: {error}"
                );
                return;
            }
            Ok(effects) => effects,
        };
        if effects.is_empty() {
            assert!(saved == self.saved, "a change without effects");
            return;
        }
        for piece in effects.pieces() {
            let told = apply(&mut self.copy, piece).expect("effects apply");
            assert!(
                told.pieces().eq([piece]),
                "what is passed on is not what came"
            );
            self.pieces.push(piece.to_vec());
        }
        assert!(
            save_any(&self.copy) == saved,
            "the effects make another table"
        );
        if let Some(table) = &self.table {
            table.check_consistency().expect("a sound table");
        }
        self.saved = saved;
    }
}
