//! Commands one after the other on one table, with a clock that moves.
//!
//! The input is text as [`words`](crate::words) has it, a command a line, without the table's
//! name; a digit first of all chooses a prelude. Lines of the fuzzer's own: `clock n` moves the
//! clock by so many milliseconds, `limits replies writes inline` sets the limits, `reclaim n`
//! removes what has expired, `keep n` all tombstones but so many, `fill n` creates so many records in one command, `work n m` goes on
//! with a migration by n records, and by m on the copy, `reload` goes on with the table that a
//! snapshot makes, `resync` with such a copy, `failover` has the copy go on as the table.
//!
//! Held after each: no panic; a reply whole, or an error of one printable line and nothing
//! changed; PACKED says the same, and so does the copy; the effects of a write, applied to the
//! copy, give the same snapshot; a sound table; a migration that went on between commands ends as it would at once.

use std::cell::Cell;

use yarr::{
    commands::{COMMANDS, Command, Environment, Limits, Run, work},
    error::Result,
    table::{Caps, Effects, Table, apply},
};

use crate::{
    migration, packed,
    reply::{Reply, Strict},
    table::{Chunks, assert_sound, load, save_any},
    words,
};

/// What stands before the input's own commands, by its first digit.
const PRELUDES: [&str; 7] = [
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
    "migrate UP 1 make TIMESTAMPS OFF ADD FIELD a INTEGER INDEX ADD FIELD t TAGS BITMAP ADD FIELD u TAGS \
     ADD FIELD b STRING ADD FIELD h TAGS NOT NULL DEFAULT 2 y x\n\
     create NULL x FIELDS 3 a t u VALUES 1 2 x y x 2 1 x 2 '' z 3 0 0 4 x 1 any 5 3 z y z x\n\
     create t 1 x h 0 EX 1",
    "limits 9 9 2\n\
     migrate UP 1 make TIMESTAMPS OFF ADD FIELD a INTEGER ADD FIELD b STRING ADD FIELD c ENUM ( x y z ) ADD FIELD d FLOAT \
     ADD FIELD t TAGS\n\
     create FIELDS 4 a b c d VALUES 1 1 x 1 2 2 y 1.5 0 x z -1 1 3 x 1e300\n\
     create t 2 x y b 7 a 5\ncreate a 1 b 1 EX 1\ncreate a 6 EX 5\nfill 9",
    "migrate UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING\ncreate FIELDS 2 a b VALUES 1 x 2 y 3 z\n\
     migrate UP 2 feed CHANGES ON\ncreate a 4 EX 1\nupdate 1 SET a 5\ndel 2\nack x 0000000000000000 0\n\
     changes\nchanges LIMIT 1 RETURN a PACKED",
];

/// No input runs more commands than these.
const MOST: usize = 200;
/// 9999-12-31T23:59:59.999Z: no server's clock goes further.
const END_OF_TIME: i64 = 253_402_300_799_999;

/// What a copy is told of a write.
enum Told {
    Payload(Vec<u8>),
    /// The command that asked for it, with its words.
    Command(&'static Command, Vec<Vec<u8>>),
}

struct World {
    table: Option<Box<Table>>,
    /// What the effects alone make.
    copy: Option<Box<Table>>,
    /// The table's snapshot.
    saved: Chunks,
    /// What a copy was told of everything so far.
    told: Vec<Told>,
    now: i64,
    limits: Limits,
    drawn: Cell<u64>,
    /// Whether the copy is more than what effects make of nothing.
    moved: bool,
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
    world.end();
}

/// Runs commands on a table that came from elsewhere. Answers the table.
pub fn live_on(table: Box<Table>, commands: &[u8]) -> Option<Box<Table>> {
    let mut world = World::new(Some(table));
    world.take_all(commands);
    world.table
}

/// What any table lives to see.
const LIFE: &str = "work 1 1\nwork 500\nschema\nschema HISTORY\ninfo\n\
     migrate UP 9223372036854775807 new ADD FIELD newest INTEGER DEFAULT 5 INDEX ADD INDEX id newest\n\
     create\ncreate id x\ncreate id 9223372036854775807 newest 1\ncreate newest 2 EX 1\n\
     update WHERE newest >= 0 TOUCH\nupdate WHERE * SET newest 6 EX 5\n\
     where * ORDER BY newest DESC expires_at CURSOR 0 LIMIT 1\nwhere newest = 6 COUNT\nexplain where newest > 1\n\
     aggregate * GROUP BY newest COUNT SUM newest\naggregate newest > 1 MIN id MAX newest COUNT DISTINCT id\n\
     clock 2000\nreclaim 1\nreload\ndel WHERE * LIMIT 2 RETURN *\n\
     limits 9 9 0\nmigrate UP 9223372036854775806 tags ADD FIELD tagged TAGS DEFAULT 2 b a BITMAP\nwork 1\ncreate\n\
     update WHERE * ADD tagged 2 c a LIMIT 1 RETURN *\nwork 500\nwhere tagged CONTAINS ALL 2 a b\n\
     migrate UP 9223372036854775805 feed CHANGES ON\nwork 500\nupdate WHERE * TOUCH LIMIT 2\ndel WHERE * LIMIT 1\n\
     changes\nchanges LIMIT 1 PACKED\nkeep 0\nmigrate DOWN 9223372036854775805\n\
     migrate DOWN 9223372036854775806 DROP DATA\nwork 500\nmigrate DOWN 9223372036854775807 DROP DATA\n\
     where *\ndel WHERE *";

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
    let payloads = world.told.into_iter().filter_map(|told| match told {
        Told::Payload(piece) => Some(piece),
        Told::Command(..) => None,
    });
    payloads.collect()
}

/// Whether copies answer the same, the order apart: no plan has a choice of records.
fn has_one_answer(name: &str, args: &[&[u8]]) -> bool {
    let has = |word: &str| {
        args.iter()
            .any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    match name {
        "yarr.schema" | "yarr.changes" => true,
        "yarr.find" => !has("WHERE"),
        "yarr.where" | "yarr.aggregate" => {
            !["LIMIT", "OFFSET", "CURSOR", "PACKED"].into_iter().any(has)
        }
        _ => false,
    }
}

impl World {
    fn new(table: Option<Box<Table>>) -> World {
        let saved = save_any(&table);
        World {
            copy: table.as_deref().map(Table::duplicate),
            table,
            saved,
            told: Vec::new(),
            now: 1_767_225_600_000,
            limits: Limits::DEFAULT,
            drawn: Cell::new(0),
            moved: false,
        }
    }

    /// What holds once all is done.
    fn end(&self) {
        let (Some(table), Some(copy)) = (&self.table, &self.copy) else {
            return;
        };
        assert_sound(table);
        copy.check_consistency().expect("a sound copy");
        if self.moved {
            let mut replayed = None;
            for told in &self.told {
                carry_out(told, &mut replayed);
            }
            assert!(
                save_any(&replayed) == self.saved,
                "all effects make another table"
            );
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
                ..Limits::DEFAULT
            };
        } else if is("reclaim") {
            self.reclaim(number(0, 2).clamp(0, 1000) as usize);
        } else if is("keep") {
            self.keep(number(0, 1).max(0) as u64);
        } else if is("work") {
            let most = number(0, 2).clamp(1, 1000);
            let copied = number(1, most / 2).clamp(0, 1000);
            self.work(most as usize, copied as usize);
        } else if is("fill") {
            self.fill(number(0, 100).clamp(1, 500));
        } else if is("reload") {
            self.table = self.loaded();
        } else if is("resync") {
            self.copy = self.loaded();
            self.moved = true;
        } else if is("failover") {
            std::mem::swap(&mut self.table, &mut self.copy);
            self.moved = true;
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

    /// What the snapshot makes.
    fn loaded(&self) -> Option<Box<Table>> {
        self.table.as_ref()?;
        let table = load(&self.saved).expect("a table's snapshot loads");
        Some(Box::new(table))
    }

    /// Goes on with a migration, as a server does between commands, and its replica at a pace of
    /// its own.
    fn work(&mut self, most: usize, copied: usize) {
        let (Some(table), Some(copy)) = (&mut self.table, &mut self.copy) else {
            return;
        };
        if copied > 0 {
            let (told, _) = work(copy, copied, self.now, false).expect("no fault");
            assert!(told.is_empty(), "a replica decides");
            copy.check_consistency().expect("a sound copy");
            self.moved = true;
        }
        // What a copy writes to its feed stands in an epoch of its own.
        let alike = table.running().is_some() && !table.schema().changes;
        let before = alike.then(|| table.duplicate());
        let (effects, more) = work(table, most, self.now, true).expect("no fault");
        assert!(!more || table.running().is_some(), "more of nothing");
        table.check_consistency().expect("a sound table");
        if let Some(before) = before.filter(|_| table.running().is_none()) {
            migration::assert_as_at_once(before, table, self.now);
        }
        self.follow(Ok(effects), None);
    }

    fn keep(&mut self, count: u64) {
        let Some(table) = &mut self.table else { return };
        let caps = Caps {
            count,
            ..Limits::DEFAULT.tombstones
        };
        let effects = table.keep_tombstones(&caps, self.now);
        if let Ok(feed) = table.feed() {
            assert!(feed.tombstones().len() <= count);
        }
        self.follow(Ok(effects), None);
    }

    fn reclaim(&mut self, most: usize) {
        let Some(table) = &mut self.table else { return };
        let due = table.expired(self.now);
        let effects = table.reclaim(self.now, most);
        assert_eq!(table.expired(self.now), due.saturating_sub(most as u64));
        self.follow(Ok(effects), None);
    }

    /// Runs a command as a server does: arity first, and what writes only where there is a table.
    fn run(&mut self, command: &'static Command, args: &[&[u8]]) {
        let (words, arity) = (args.len() as i32 + 2, command.arity);
        if if arity < 0 {
            words < -arity
        } else {
            words != arity
        } {
            return;
        }
        let drawn = self.drawn.get();
        let more = packed::args(command.name, args);
        // What writes is asked of a twin of the table.
        let twin = more.is_some() && !matches!(command.run, Run::Read(_));
        let mut twin = self.table.as_deref().filter(|_| twin).map(Table::duplicate);
        let (done, reply) = match command.run {
            Run::Read(_) | Run::Write(_) if self.table.is_none() => return,
            _ => {
                let mut table = self.table.take();
                let answered = self.answer(command, &mut table, args);
                self.table = table;
                answered
            }
        };
        if let Some(more) = more {
            self.drawn.set(drawn);
            let (again, packed) = match command.run {
                Run::Read(_) => {
                    let mut table = self.table.take();
                    let answered = self.answer(command, &mut table, &more);
                    self.table = table;
                    answered
                }
                _ => self.answer(command, &mut twin, &more),
            };
            let outcomes = [(&done, &reply), (&again, &packed)].map(|(done, reply)| match done {
                Ok(_) => Ok(reply.as_ref().expect("a reply")),
                Err(error) => Err(error),
            });
            packed::assert_same(command.name, outcomes[0], outcomes[1], args);
            let feed = self
                .table
                .as_ref()
                .is_some_and(|table| table.schema().changes);
            // The twin writes to its feed in an epoch of its own.
            if let (Ok(effects), Ok(others), false) = (&done, &again, feed) {
                assert_eq!(effects, others, "PACKED has other effects");
            }
        }
        match command.run {
            Run::Read(_) if has_one_answer(command.name, args) => {
                let mut copy = self.copy.take();
                let (told, answered) = self.answer(command, &mut copy, args);
                self.copy = copy;
                let codes = [done, told].map(|done| done.map_err(|error| error.code()));
                assert_eq!(codes[0], codes[1]);
                let replies = [reply, answered].map(|reply| reply.map(Reply::sorted));
                assert_eq!(replies[0], replies[1], "the copy answers otherwise");
            }
            Run::Read(_) => {}
            _ => self.follow(done, Some((command, args))),
        }
    }

    /// What a command does and answers.
    fn answer(
        &self,
        command: &Command,
        table: &mut Option<Box<Table>>,
        args: &[&[u8]],
    ) -> (Result<Effects>, Option<Reply>) {
        let random = || {
            self.drawn
                .set(self.drawn.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
            self.drawn.get()
        };
        let environment = Environment {
            now: self.now.into(),
            limits: self.limits,
            random: &random,
        };
        let mut reply = Strict::default();
        let done = match (command.run, table) {
            (Run::Make(make), table) => make(table, args, &environment, &mut reply),
            (_, None) => panic!("there is no table"),
            (Run::Read(read), Some(table)) => {
                read(table, args, &environment, &mut reply).map(|()| Effects::none())
            }
            (Run::Write(write), Some(table)) => write(table, args, &environment, &mut reply),
        };
        match done {
            Ok(effects) => (Ok(effects), Some(reply.whole())),
            Err(error) => {
                let text = error.to_string();
                assert!(reply.is_empty(), "something was answered before {text}");
                assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text:?}");
                assert!(!text.starts_with("ERR internal error"), "{text}");
                (Err(error), None)
            }
        }
    }

    fn tell(&mut self, told: Told) {
        carry_out(&told, &mut self.copy);
        self.told.push(told);
    }

    /// Takes what is told of a write, and of the command that asked for it, to the copy, and compares.
    fn follow(&mut self, done: Result<Effects>, asked: Option<(&'static Command, &[&[u8]])>) {
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
        if effects.as_asked() {
            let (command, args) = asked.expect("a command");
            let args = args.iter().map(|arg| arg.to_vec()).collect();
            self.tell(Told::Command(command, args));
        }
        for piece in effects.pieces() {
            self.tell(Told::Payload(piece.to_vec()));
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

const PASSED_ON: &str = "what is passed on is not what came";

/// Has a copy do what it is told, by another clock and other settings than those of who decided.
fn carry_out(told: &Told, copy: &mut Option<Box<Table>>) {
    match told {
        Told::Payload(piece) => {
            let told = apply(copy, piece).expect("effects apply");
            assert!(told.pieces().eq([&piece[..]]), "{PASSED_ON}");
        }
        Told::Command(command, args) => {
            let environment = Environment {
                now: END_OF_TIME.into(),
                limits: Limits {
                    reply_records: 0,
                    write_records: 0,
                    inline_records: 0,
                    ..Limits::DEFAULT
                },
                random: &|| 0,
            };
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let (Run::Write(write), Some(table)) = (command.run, copy) else {
                panic!("only a write to a table is told as it was asked");
            };
            let told = write(table, &args, &environment, &mut Strict::default());
            assert!(told.expect("a copy follows").as_asked(), "{PASSED_ON}");
        }
    }
}
