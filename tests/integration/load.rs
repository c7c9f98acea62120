//! Writers that keep a primary busy with every kind of write, and what must hold once they rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering::Relaxed},
    },
    thread::{JoinHandle, sleep},
    time::Duration,
};

use crate::{
    able::{DIGEST, WRITING_SCRIPTS, able, debuggable, nudge},
    cli::Client,
    line::split,
    random::Random,
    replication::link,
    reply::Reply,
    sample::dumps,
    server::{Options, Server, eventually},
};

/// The tables of a load.
pub const BUSY: [&str; 6] = ["journal", "work", "users", "visits", "left", "right"];

const MAKE: [&str; 6] = [
    "journal UP 1 make ADD FIELD w INTEGER ADD FIELD n INTEGER ADD INDEX w n UNIQUE",
    "work UP 1 make ADD FIELD state ENUM ( ready running done ) DEFAULT ready BITMAP ADD FIELD priority INTEGER INDEX \
     ADD FIELD at DATETIME INDEX ADD FIELD text STRING ADD FIELD note STRING ADD INDEX state priority",
    "users UP 1 make ID UUID ADD FIELD email STRING UNIQUE ADD FIELD n INTEGER DEFAULT 0 INDEX",
    "visits UP 1 make ADD FIELD user INTEGER INDEX ADD FIELD seen DATETIME SET TTL 1 PASSIVE",
    "left UP 1 make ADD FIELD n INTEGER INDEX",
    "right UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF",
];

/// Writers at work.
const WRITERS: usize = 4;

/// What the writer with that number may do and others may not.
const MIGRATOR: usize = 0;

/// Runs the lines that it is given, one after the other.
pub const SCRIPT: &str = "for _, line in ipairs(ARGV) do local words = {} \
    for word in string.gmatch(line, '%S+') do words[#words + 1] = word end redis.call(unpack(words)) end";

/// Options of a server whose copies are to be compared. Every other one has its migrations go on between commands.
pub fn options() -> Options {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let most = ["1", "100000"][(CALLS.fetch_add(1, Relaxed) + std::process::id() as usize) % 2];
    debuggable(Options::new()).module_arguments(&["max-inline-records", most])
}

/// How often a test does what it does, where more than the least is asked for.
pub fn rounds() -> usize {
    std::env::var("YARR_ROUNDS").map_or(1, |text| text.parse().expect("a number"))
}

/// A record of the journal that a server said it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The port of the server that said so.
    pub port: u16,
    /// The id it gave.
    pub id: i64,
    /// The writer, and which of its entries this is.
    pub mark: (usize, i64),
    /// All replicas had it before this writer went on.
    pub copied: bool,
}

/// Writers at work, until they are told to rest.
pub struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
    seed: u64,
}

struct Shared {
    /// Where to write.
    port: AtomicU16,
    rests: AtomicBool,
    /// How many replicas there are.
    replicas: usize,
    /// Commands, transactions and scripts that were answered.
    done: AtomicUsize,
    journal: Mutex<Vec<Entry>>,
}

/// Why a writer has to look for the primary again.
struct Lost;

impl From<std::io::Error> for Lost {
    fn from(_: std::io::Error) -> Lost {
        Lost
    }
}

impl Load {
    /// Makes the tables and sets writers on that server, of which there are so many replicas.
    #[track_caller]
    pub fn start(primary: &Server, replicas: usize) -> Load {
        let mut client = primary.connect();
        for line in MAKE {
            client.ok(&format!("YARR.MIGRATE {line}"));
        }
        let (mut random, seed) = Random::seeded(std::process::id().into());
        let shared = Arc::new(Shared {
            port: primary.port.into(),
            rests: false.into(),
            replicas,
            done: 0.into(),
            journal: Mutex::default(),
        });
        let writers = (0..WRITERS)
            .map(|number| {
                let (shared, random) = (Arc::clone(&shared), Random::from(random.bits()));
                std::thread::spawn(move || Writer::new(number, random).work(&shared))
            })
            .collect();
        Load {
            shared,
            writers,
            seed,
        }
    }

    /// Sends the writers to another server.
    pub fn turn_to(&self, server: &Server) {
        self.shared.port.store(server.port, Relaxed);
    }

    /// Waits until so many more writes were answered.
    #[track_caller]
    pub fn more(&self, writes: usize) {
        let done = || self.shared.done.load(Relaxed);
        let before = done();
        eventually(&format!("{writes} more writes, {self}"), || {
            assert!(
                !self.writers.iter().any(JoinHandle::is_finished),
                "a writer gave up, {self}"
            );
            done() >= before + writes
        });
    }

    /// Waits until as much is written as this condition wants.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl FnMut() -> bool) {
        eventually(&format!("{what}, {self}"), condition);
    }

    /// Waits until this server has said of an entry that all replicas had it.
    #[track_caller]
    pub fn until_copied(&self, server: &Server) {
        let copied = |entry: &Entry| entry.copied && entry.port == server.port;
        self.until("an entry that all replicas have", || {
            let journal = self.shared.journal.lock().expect("the journal");
            journal.iter().any(copied)
        });
    }

    /// Lets the writers rest, and answers the journal's records that were acknowledged.
    #[track_caller]
    pub fn rest(mut self) -> Vec<Entry> {
        self.shared.rests.store(true, Relaxed);
        for writer in std::mem::take(&mut self.writers) {
            assert!(writer.join().is_ok(), "a writer failed, {self}");
        }
        let mut journal = self.shared.journal.lock().expect("the journal");
        std::mem::take(&mut *journal)
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {}", self.seed)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.rests.store(true, Relaxed);
    }
}

struct Writer {
    number: usize,
    random: Random,
    entries: i64,
}

impl Writer {
    fn new(number: usize, random: Random) -> Writer {
        Writer {
            number,
            random,
            entries: 0,
        }
    }

    fn work(mut self, shared: &Shared) {
        while !shared.rests.load(Relaxed) {
            let port = shared.port.load(Relaxed);
            let Ok(mut client) = Client::connect(port) else {
                // Whoever listens next is announced by another port, or by this one's return.
                sleep(Duration::from_millis(2));
                continue;
            };
            while !shared.rests.load(Relaxed) && shared.port.load(Relaxed) == port {
                match self.write(&mut client, port, shared) {
                    Ok(()) => shared.done.fetch_add(1, Relaxed),
                    Err(Lost) => break,
                };
            }
        }
    }

    /// One write, of whatever kind.
    fn write(&mut self, client: &mut Client, port: u16, shared: &Shared) -> Result<(), Lost> {
        let line = match self.random.below(16) {
            0 | 1 => return self.note(client, port, shared),
            2 => return self.both_sides(client),
            3 if able(WRITING_SCRIPTS) => return self.script(client),
            4 if self.number == MIGRATOR => return self.migrate(client),
            4..7 => self.create_work(),
            7..10 => self.change_work(),
            10..13 => self.change_user(),
            _ => self.change_visit(),
        };
        let allowed = if line.contains("email") {
            "DUPLICATE"
        } else {
            ""
        };
        answer(client, &line, allowed).map(|_| ())
    }

    /// A record that is never changed, whose id is kept.
    fn note(&mut self, client: &mut Client, port: u16, shared: &Shared) -> Result<(), Lost> {
        self.entries += 1;
        let mark = (self.number, self.entries);
        let line = format!("YARR.CREATE journal w {} n {}", mark.0, mark.1);
        let id = answer(client, &line, "")?.number();
        let asks = self.random.one_in(4);
        let wait = format!("WAIT {} 50", shared.replicas);
        let copied =
            asks && answer(client, &wait, "").is_ok_and(|n| n.number() >= shared.replicas as i64);
        let entry = Entry {
            port,
            id,
            mark,
            copied,
        };
        shared.journal.lock().expect("the journal").push(entry);
        Ok(())
    }

    fn create_work(&mut self) -> String {
        let random = &mut self.random;
        let priority = random.below(100);
        if random.one_in(2) {
            let text = "x".repeat(random.below(60));
            return format!("YARR.CREATE work priority {priority} at now-1h text t{text}");
        }
        let rows: String = (0..1 + random.below(6))
            .map(|row| {
                let at = random.pick(&["now", "now-1h", "now-90s"]);
                format!(" {} {at} {}", row * 9, random.pick(&["ready", "done"]))
            })
            .collect();
        format!("YARR.CREATE work FIELDS 3 priority at state VALUES{rows}")
    }

    fn change_work(&mut self) -> String {
        let random = &mut self.random;
        let (priority, most) = (random.below(100), 1 + random.below(9));
        match random.below(5) {
            0 => "YARR.UPDATE work WHERE state = ready ORDER BY priority DESC LIMIT 2 SET state running at now RETURN *".into(),
            1 => format!("YARR.UPDATE work WHERE priority BETWEEN 10 AND {priority} ORDER BY at LIMIT {most} INCR priority 1"),
            2 => format!("YARR.UPDATE work WHERE state = running AND at < now-1s ORDER BY at LIMIT {most} SET state done UNSET text"),
            3 => format!("YARR.DEL work WHERE priority >= {priority} ORDER BY at DESC LIMIT {most}"),
            _ => format!("YARR.DEL work WHERE * ORDER BY priority LIMIT {most}"),
        }
    }

    fn life(&mut self) -> &'static str {
        self.random
            .pick(&["PX 5", "PX 60", "PX 400", "EX 1", "EX 5000", "PERSIST"])
    }

    fn change_user(&mut self) -> String {
        let (email, life) = (self.random.below(200), self.life());
        match self.random.below(7) {
            0 => format!("YARR.CREATE users email e{email} {life}"),
            1 => format!(
                "YARR.CREATE users email e{email} n 3 ON CONFLICT email UPDATE {life} RETURN *"
            ),
            2 => format!("YARR.CREATE users email e{email} ON CONFLICT email KEEP"),
            3 => format!("YARR.CREATE users email e{email} ON CONFLICT email IGNORE {life}"),
            4 => format!("YARR.UPDATE users WHERE email = e{email} INCR n 1 {life}"),
            5 => "YARR.UPDATE users WHERE n < 3 ORDER BY n DESC LIMIT 2 INCR n 1 KEEPTTL".into(),
            _ => format!("YARR.DEL users WHERE email = e{email}"),
        }
    }

    fn change_visit(&mut self) -> String {
        let (user, most) = (self.random.below(50), 1 + self.random.below(4));
        match self.random.below(6) {
            0 => format!("YARR.CREATE visits user {user} seen now {}", self.life()),
            1 => format!(
                "YARR.UPDATE visits WHERE user = {user} ORDER BY id LIMIT {most} SET seen now"
            ),
            2 => format!("YARR.DEL visits WHERE user = {user} ORDER BY seen LIMIT {most} RETURN *"),
            _ => format!("YARR.CREATE visits user {user} seen now-1h"),
        }
    }

    /// Writes that keep two tables alike.
    fn alike(&mut self) -> [String; 4] {
        let (comes, goes) = (self.random.below(50), self.random.below(50));
        [
            format!("YARR.CREATE left n {comes}"),
            format!("YARR.CREATE right n {comes}"),
            format!("YARR.DEL left WHERE n = {goes}"),
            format!("YARR.DEL right WHERE n = {goes}"),
        ]
    }

    fn both_sides(&mut self, client: &mut Client) -> Result<(), Lost> {
        let lines = self.alike();
        client.write(&["MULTI"])?;
        for line in &lines {
            client.write(&split(line).expect("words"))?;
        }
        client.write(&["EXEC"])?;
        for _ in 0..=lines.len() {
            client.reply()?;
        }
        match client.reply()? {
            Reply::Array(replies) if !replies.iter().any(Reply::is_error) => Ok(()),
            reply => judge(&reply, "EXEC", "EXECABORT").and(Err(Lost)),
        }
    }

    fn script(&mut self, client: &mut Client) -> Result<(), Lost> {
        let lines = self.alike();
        let words = ["EVAL", SCRIPT, "2", "left", "right"];
        let words: Vec<&str> = words
            .into_iter()
            .chain(lines.iter().map(String::as_str))
            .collect();
        let reply = client.try_send(&words)?;
        judge(&reply, "EVAL", "")
    }

    /// One migration up, or the last one down again.
    fn migrate(&mut self, client: &mut Client) -> Result<(), Lost> {
        let table = self.random.pick(&["work", "work", "visits", "users"]);
        let version = answer(client, &format!("YARR.SCHEMA {table} VERSION"), "")?;
        let line = match (version.text().as_str(), table) {
            ("2", _) => format!("YARR.MIGRATE {table} DOWN 2 DROP DATA"),
            (_, "work") => {
                let operations = self.random.pick(&[
                    "ADD INDEX priority state",
                    "ADD FIELD extra INTEGER DEFAULT 7 INDEX",
                    "ADD FIELD tag STRING DEFAULT none BITMAP ADD INDEX tag at",
                    "RENAME FIELD note TO remark ADD INDEX remark",
                    "REMOVE INDEX state BITMAP ADD INDEX state",
                ]);
                format!("YARR.MIGRATE work UP 2 more {operations}")
            }
            (_, "visits") => {
                "YARR.MIGRATE visits UP 2 more SET TTL NONE PASSIVE ADD INDEX seen user".into()
            }
            _ => format!("YARR.MIGRATE {table} UP 2 more ADD FIELD more FLOAT DEFAULT 0.5 INDEX"),
        };
        // One that goes on between commands is not the schema's version yet, or still.
        answer(client, &line, "NOVERSION CHANGED BUSY").map(|_| ())
    }
}

/// The answer to a line, if a primary gave it. No error is one but those that are allowed.
fn answer(client: &mut Client, line: &str, allowed: &str) -> Result<Reply, Lost> {
    let reply = client.try_send(&split(line).expect("words"))?;
    judge(&reply, line, allowed).map(|()| reply)
}

fn judge(reply: &Reply, line: &str, allowed: &str) -> Result<(), Lost> {
    let text = reply.print();
    match reply.code().as_str() {
        _ if !reply.is_error() => Ok(()),
        // What a server says that is no primary, or is about to be none.
        "READONLY" | "LOADING" | "MASTERDOWN" | "UNBLOCKED" | "EXECABORT" => Err(Lost),
        _ if text.contains("READONLY") || text.contains("read only replica") => Err(Lost),
        code if allowed.split(' ').any(|allowed| allowed == code) => Ok(()),
        _ => panic!("{line}\n{text}"),
    }
}

/// Waits until nothing is left that changes by itself: no record with a short life, none that is to be reclaimed, no
/// migration that is running.
#[track_caller]
pub fn settle(primary: &mut Client) {
    for table in BUSY {
        eventually(&format!("what expires in {table} is gone"), || {
            nudge(
                primary,
                &format!("YARR.UPDATE {table} WHERE * LIMIT 0 TOUCH"),
            );
            let soon = format!("YARR.WHERE {table} expires_at < now+10m SCAN COUNT");
            let info = primary.ok(&format!("YARR.INFO {table}"));
            let runs = info.get("migration") != Some(&Reply::Null);
            primary.count(&soon) == 0 && info.get("expired").map(Reply::number) == Some(0) && !runs
        });
    }
}

/// All copies, the primary first, hold the same bytes and give the same answers.
#[track_caller]
pub fn agree(copies: &mut [Client]) {
    settle(&mut copies[0]);
    follow(copies);
    let [primary, replicas @ ..] = copies else {
        panic!("no copies")
    };
    let first = view(primary);
    for (place, replica) in replicas.iter_mut().enumerate() {
        for (ours, theirs) in first.iter().zip(view(replica)) {
            assert!(
                ours.1 == theirs.1,
                "replica {place} differs in {}\nprimary: {}\nreplica: {}",
                ours.0,
                excerpt(&ours.1, &theirs.1),
                excerpt(&theirs.1, &ours.1)
            );
        }
    }
    alike(primary);
}

/// Waits until every replica has all that the primary wrote.
#[track_caller]
pub fn follow(copies: &mut [Client]) {
    let [primary, replicas @ ..] = copies else {
        panic!("no copies")
    };
    eventually("the replicas follow", || {
        let offset = link(primary, "master_repl_offset");
        replicas.iter_mut().all(|replica| {
            link(replica, "master_link_status") == "up"
                && link(replica, "slave_repl_offset") == offset
        }) && link(primary, "master_repl_offset") == offset
    });
}

/// Everything that can be seen of the tables, each with its name.
fn view(client: &mut Client) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (table, dump) in BUSY.iter().zip(dumps(client, &BUSY)) {
        all.push((format!("the bytes of {table}"), dump));
        for line in [
            format!("YARR.SCHEMA {table} HISTORY"),
            format!("YARR.WHERE {table} * ORDER BY id RETURN *"),
            format!("YARR.WHERE {table} * ORDER BY id PLUCK expires_at"),
        ] {
            let answer = client.ok(&line).words().join(" ");
            all.push((line, answer));
        }
    }
    for (table, field) in [
        ("work", "priority"),
        ("work", "at"),
        ("work", "state"),
        ("users", "n"),
    ] {
        let line =
            format!("YARR.WHERE {table} {field} IS NOT NULL ORDER BY {field} PLUCK id {field}");
        all.push((line.clone(), client.ok(&line).words().join(" ")));
    }
    if able(DIGEST) {
        let digest = client.list(&format!("DEBUG DIGEST-VALUE {}", BUSY.join(" ")));
        all.push(("DEBUG DIGEST-VALUE".into(), digest.join(" ")));
        all.push(("DEBUG DIGEST".into(), client.ok("DEBUG DIGEST").text()));
    }
    all
}

/// The text around the first byte in which it differs from the other.
fn excerpt(text: &str, other: &str) -> String {
    let same = text.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
    let at = same.count().saturating_sub(100);
    let part: String = text.chars().skip(at).take(300).collect();
    format!("{} bytes, at {at}: {part}", text.len())
}

/// Transactions and scripts were carried out whole: what they do to one table they did to the other.
fn alike(client: &mut Client) {
    let mut count = |table: &str| {
        let mut numbers = client.list(&format!("YARR.WHERE {table} * PLUCK n"));
        numbers.sort();
        numbers
    };
    assert_eq!(count("left"), count("right"), "half of a transaction");
}

/// The entries of the journal that a server holds, by id.
pub fn journal(client: &mut Client) -> BTreeMap<i64, (usize, i64)> {
    let rows = client.ok("YARR.WHERE journal * ORDER BY id PLUCK id w n");
    let entry = |row: &Reply| match row.items() {
        [id, w, n] => (id.number(), (w.number() as usize, n.number())),
        _ => panic!("three values: {}", row.print()),
    };
    rows.items().iter().map(entry).collect()
}

/// Of the acknowledged entries, all those are there that `must` says, and no id was given twice on this history.
#[track_caller]
pub fn keeps(client: &mut Client, entries: &[Entry], must: impl Fn(&Entry) -> bool) {
    let held = journal(client);
    let mut given = BTreeSet::new();
    for entry in entries.iter().filter(|entry| must(entry)) {
        assert_eq!(held.get(&entry.id), Some(&entry.mark), "lost: {entry:?}");
        assert!(given.insert(entry.id), "an id given twice: {entry:?}");
    }
    assert!(!given.is_empty(), "nothing was acknowledged");
    let marks: BTreeSet<_> = held.values().collect();
    assert_eq!(marks.len(), held.len(), "an entry is there twice");
}
