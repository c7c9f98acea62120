//! What the server under test can do, judged by its version and never by what it answers.
//!
//! A test that needs an ability says so first, by `needs!(COPY)`, and a step of a test by
//! `if able(COPY)`. What an older server is spared is written to stderr, a line each. Where there is
//! another way to ask the same of every server, [`copy`], [`memory`] and [`nudge`] take it.

use std::{
    collections::BTreeSet,
    fmt,
    io::Write,
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

use crate::{
    cli::Client,
    server::{Options, program},
};

/// Something that not every server can.
#[derive(Clone, Copy)]
pub struct Ability {
    name: &'static str,
    /// The first version of Redis that can. Valkey can all that Redis 7.2 can.
    redis: [u32; 2],
    /// The version of Valkey that cannot all the same.
    but_valkey: Option<[u32; 2]>,
}

const fn since(major: u32, minor: u32, name: &'static str) -> Ability {
    Ability {
        name,
        redis: [major, minor],
        but_valkey: None,
    }
}

/// MEMORY USAGE of a module's value; the candidate of 4.0 that calls itself 3.9.102 ends of it.
pub const MEMORY_USAGE: Ability = since(4, 0, "MEMORY USAGE");
/// Scripts may write: what they change is replicated, and not their text.
pub const WRITING_SCRIPTS: Ability = since(5, 0, "scripts replicated by their effects");
/// DEBUG DIGEST of modules' values; the candidate of 4.0 ends of it.
pub const DIGEST: Ability = since(5, 0, "DEBUG DIGEST");
/// A transaction that is cut off in the append-only file is loaded not at all.
pub const WHOLE_TRANSACTIONS: Ability = since(5, 0, "no part of a transaction in a cut-off log");
/// REPLICAOF beside SLAVEOF.
pub const REPLICAOF: Ability = since(5, 0, "REPLICAOF");
/// CLIENT ID.
pub const CLIENT_ID: Ability = since(5, 0, "CLIENT ID");
/// SLOWLOG names the client; the candidate of 4.0 does not yet.
pub const SLOWLOG_NAMES: Ability = since(5, 0, "clients in SLOWLOG");
/// XADD.
pub const STREAMS: Ability = since(5, 0, "streams");
/// RESTORE ... IDLETIME, FREQ and ABSTTL.
pub const RESTORE_OPTIONS: Ability = since(5, 0, "RESTORE IDLETIME");
/// MIGRATE ... AUTH; the candidate of 4.0 cannot yet.
pub const MIGRATE_AUTH: Ability = since(5, 0, "MIGRATE AUTH");
/// Snapshots of version 9 are read, as Redis 5 writes them.
pub const SNAPSHOTS_9: Ability = since(5, 0, "snapshots of version 9");
/// What a module writes is a change to be saved; Redis before 4.0.3 counts none of it.
pub const COUNTED_CHANGES: Ability = since(5, 0, "changes by modules that count");
/// The server moves its memory; the candidate of 4.0 does not know the setting yet.
pub const DEFRAGMENTATION: Ability = since(5, 0, "activedefrag");
/// ACL SETUSER.
pub const USERS: Ability = since(6, 0, "ACL");
/// A replica may load from the socket beside what it holds.
pub const SWAPPING_LOAD: Ability = since(6, 0, "repl-diskless-load");
/// HELLO and the protocol RESP3, if not yet for modules.
pub const HELLO: Ability = since(6, 0, "HELLO");
/// CLIENT TRACKING.
pub const TRACKING: Ability = since(6, 0, "CLIENT TRACKING");
/// SCAN ... TYPE.
pub const SCAN_TYPE: Ability = since(6, 0, "SCAN TYPE");
/// A module says itself when a key it opened was changed.
pub const QUIET_CLOSE: Ability = since(6, 0, "no sign of change from a write that failed");
/// Modules may tell of keyspace events.
pub const KEYSPACE_EVENTS: Ability = since(6, 0, "keyspace events of modules");
/// Modules may ask about the server while they load.
pub const EVICTION_WARNING: Ability = since(6, 0, "calls while a module loads");
/// INFO has sections of modules.
pub const INFO_SECTIONS: Ability = since(6, 0, "INFO of modules");
/// A timer may replicate, so expired records go without a write.
pub const TIMERS: Ability = since(6, 0, "timers that replicate");
/// FLUSHDB SYNC.
pub const SYNC_FLUSHES: Ability = since(6, 2, "FLUSHDB SYNC");
/// GEOSEARCHSTORE.
pub const GEOSEARCHSTORE: Ability = since(6, 2, "GEOSEARCHSTORE");
/// The class `d` of keyspace events.
pub const MODULE_EVENTS: Ability = since(6, 2, "the class of modules' events");
/// RESET.
pub const RESET: Ability = since(6, 2, "RESET");
/// COPY.
pub const COPY: Ability = since(6, 2, "COPY");
/// SET ... GET.
pub const SET_GET: Ability = since(6, 2, "SET GET");
/// FAILOVER.
pub const FAILOVER: Ability = since(6, 2, "FAILOVER");
/// CLIENT PAUSE ... WRITE.
pub const PAUSE_WRITES: Ability = since(6, 2, "CLIENT PAUSE WRITE");
/// The server's own reader answers an error to a forged payload, and does not end.
pub const FORGED_PAYLOADS: Ability = since(6, 2, "to live through forged payloads");
/// Modules may answer maps.
pub const MAPS: Ability = since(7, 0, "RESP3 maps of modules");
/// DEBUG is off until it is allowed.
const GUARDED_DEBUG: Ability = since(7, 0, "enable-debug-command");
/// SENTINEL DEBUG, which makes a sentinel quicker.
pub const QUICK_SENTINEL: Ability = since(7, 0, "SENTINEL DEBUG");
/// FUNCTION and FCALL.
pub const FUNCTIONS: Ability = since(7, 0, "FUNCTION");
/// A script says in its first line what it does.
pub const SCRIPT_FLAGS: Ability = since(7, 0, "flags of scripts");
/// The source of a slot that moves does not send on who asks for what it has and for what it has not.
pub const PARTED_SLOTS: Ability = since(7, 0, "TRYAGAIN from the source of a slot");
/// The class `n` of keyspace events.
pub const EVENTS_OF_NEW_KEYS: Ability = since(7, 0, "keyspace events of new keys");
/// LMPOP and ZMPOP.
pub const MULTI_POPS: Ability = since(7, 0, "LMPOP");
/// The setting maxmemory-clients.
pub const CLIENT_EVICTION: Ability = since(7, 0, "maxmemory-clients");
/// COMMAND DOCS and LIST, and the flag `module`.
pub const COMMAND_DOCS: Ability = since(7, 0, "COMMAND DOCS");
/// The server knows the arity of a module's command.
pub const ARITY: Ability = since(7, 0, "arity of modules' commands");
/// CONFIG SET of a module's settings.
pub const SETTINGS: Ability = since(7, 0, "CONFIG of modules");
/// MODULE LOAD at run time is off until it is allowed.
pub const GUARDED_LOADING: Ability = since(7, 0, "enable-module-command");
/// EXPIRE ... NX and LT.
pub const EXPIRE_CONDITIONS: Ability = since(7, 0, "EXPIRE NX");
/// EXPIRETIME.
pub const EXPIRETIME: Ability = since(7, 0, "EXPIRETIME");
/// Key patterns for reading alone.
pub const READ_PATTERNS: Ability = since(7, 0, "ACL %R~");
/// EVAL_RO.
pub const READING_SCRIPTS: Ability = since(7, 0, "EVAL_RO");
/// An error in a script is answered as it is.
pub const PLAIN_SCRIPT_ERRORS: Ability = since(7, 0, "errors of scripts without a preface");
/// A module puts its commands into categories of the ACL.
pub const CATEGORIES: Ability = since(7, 2, "ACL categories of modules");
/// Keyspace events may be listened to: Valkey 8.1 leaves a client in the event's database.
pub const LISTENING: Ability = Ability {
    name: "listening to keyspace events",
    redis: [6, 0],
    but_valkey: Some([8, 1]),
};

/// Ends the test, with a line on stderr, where the server lacks one of the abilities.
macro_rules! needs {
    ($($ability:ident),+) => {
        $(if !$crate::able::has($crate::able::$ability, "needs") {
            return;
        })+
    };
}
pub(crate) use needs;

/// Whether the server can; where not, what follows in the test is passed over.
pub fn able(ability: Ability) -> bool {
    has(ability, "asks otherwise or not at all without")
}

/// Whether the server cannot; where it can, a test of how to do without is passed over.
pub fn lacks(ability: Ability) -> bool {
    let can = SERVER.can(ability);
    if can {
        say("needs the lack of", ability);
    }
    !can
}

/// Whether the server can; a line on stderr where not.
pub fn has(ability: Ability, what: &str) -> bool {
    let can = SERVER.can(ability);
    if !can {
        say(what, ability);
    }
    can
}

fn say(what: &str, ability: Ability) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("passed over: {test} {what} {}\n", ability.name);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(line.clone()) {
        // Not `eprintln!`: what a test that succeeds prints so is never seen.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// The lines written so far: each is written once.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What the tests run on.
struct Kind {
    is_valkey: bool,
    version: [u32; 2],
}

static SERVER: LazyLock<Kind> = LazyLock::new(|| {
    let output = Command::new(program()).arg("--version").output();
    let output = output.unwrap_or_else(|error| {
        panic!(
            "{} does not start: {error}; install Redis or set YARR_SERVER",
            program()
        )
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Kind::parse(&text).unwrap_or_else(|| panic!("a version of no known form: {text}"))
});

impl Kind {
    /// Reads `Redis server v=7.0.15 sha=...`.
    fn parse(text: &str) -> Option<Kind> {
        let (name, rest) = text.split_once(" server v=")?;
        let mut parts = rest.split(['.', ' ']).map(str::parse);
        Some(Kind {
            is_valkey: name == "Valkey",
            version: [parts.next()?.ok()?, parts.next()?.ok()?],
        })
    }

    fn can(&self, ability: Ability) -> bool {
        if self.is_valkey {
            ability.redis <= [7, 2] && ability.but_valkey != Some(self.version)
        } else {
            ability.redis <= self.version
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor] = self.version;
        let field = match self.is_valkey {
            true => "valkey_version",
            false => "redis_version",
        };
        write!(f, "{field}:{major}.{minor}.")
    }
}

/// Adds what a server wants before it lets DEBUG be typed.
pub fn debuggable(options: Options) -> Options {
    match SERVER.can(GUARDED_DEBUG) {
        true => options.set("enable-debug-command", "yes"),
        false => options,
    }
}

/// Copies a table to another name of the same database, over what is there.
#[track_caller]
pub fn copy(client: &mut Client, from: &str, to: &str) {
    if able(COPY) {
        assert_eq!(client.count(&format!("COPY {from} {to} REPLACE")), 1);
        return;
    }
    let payload = client.ok(&format!("DUMP {from}")).bytes().to_vec();
    let restored = client.send(&[b"RESTORE", to.as_bytes(), b"0", &payload, b"REPLACE"]);
    assert_eq!(restored.print(), "OK");
}

/// Checks at which millisecond a key expires; where only the time that is left can be asked, it is right within a minute.
#[track_caller]
pub fn expires_at(client: &mut Client, key: &str, instant: i64) {
    if able(EXPIRETIME) {
        assert_eq!(client.count(&format!("PEXPIRETIME {key}")), instant);
        return;
    }
    let seconds: i64 = client.list("TIME")[0].parse().expect("seconds");
    let off = client.count(&format!("PTTL {key}")) + seconds * 1000 - instant;
    assert!((-60_000..=1000).contains(&off), "{off} ms off");
}

/// The bytes that a table takes.
#[track_caller]
pub fn memory(client: &mut Client, table: &str) -> i64 {
    if SERVER.can(MEMORY_USAGE) {
        let line = format!("MEMORY USAGE {table} SAMPLES 0");
        return client.ok(&line).number();
    }
    let info = client.ok(&format!("YARR.INFO {table}"));
    info.get("bytes").expect("bytes").number()
}

/// Runs a write where nothing but writes reclaims expired records.
#[track_caller]
pub fn nudge(client: &mut Client, line: &str) {
    if !SERVER.can(TIMERS) {
        client.ok(line);
    }
}

#[test]
fn the_running_server_is_of_the_version_that_its_program_says() {
    let server = crate::server::Options::new().start_plain();
    let info = server.connect().ok("INFO server").text();
    assert!(info.contains(&SERVER.to_string()), "{info}");
}

#[test]
fn abilities_are_judged_by_the_version() {
    let cases: [(&str, &[Ability], &[Ability]); 6] = [
        (
            "Redis server v=3.9.102 sha=0",
            &[],
            &[MEMORY_USAGE, REPLICAOF, COPY],
        ),
        ("Redis server v=5.0.3 sha=0", &[REPLICAOF], &[TIMERS, HELLO]),
        ("Redis server v=6.0.16 x", &[HELLO, TIMERS], &[COPY, MAPS]),
        ("Redis server v=7.0.15 x", &[COPY, MAPS], &[CATEGORIES]),
        ("Valkey server v=8.1.8 x", &[MAPS, CATEGORIES], &[LISTENING]),
        ("Valkey server v=9.1.2 x", &[LISTENING, CATEGORIES], &[]),
    ];
    for (text, can, cannot) in cases {
        let kind = Kind::parse(text).expect(text);
        for ability in can {
            assert!(kind.can(*ability), "{text} {}", ability.name);
        }
        for ability in cannot {
            assert!(!kind.can(*ability), "{text} {}", ability.name);
        }
    }
}
