//! What the console knows of the server beside the conversation: its tables and commands, over a connection of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::Value;

use super::link::{Words, command};
use crate::{
    config::Address,
    look::{
        answer::{items, pairs, string},
        catalog::Schema,
        grammar, scan,
    },
    server::Server,
};

/// Keys that are looked at for tables when the console starts.
const KEYS: u64 = 100_000;
/// Tables whose schemas are read when the console starts.
const SCHEMAS: usize = 200;

/// What is known, shared with the line's editor.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Known>>);

impl Shared {
    /// Nothing known yet of the server at this place.
    pub fn new(address: Address, timeout: Duration) -> Shared {
        Shared(Arc::new(Mutex::new(Known {
            address,
            timeout,
            server: None,
            opening: Vec::new(),
            tables: Vec::new(),
            schemas: HashMap::new(),
            commands: Vec::new(),
            docs: HashMap::new(),
        })))
    }

    /// What is known.
    pub fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a server.
pub struct Known {
    address: Address,
    timeout: Duration,
    server: Option<Server>,
    opening: Vec<Words>,
    /// Tables, sorted.
    tables: Vec<Vec<u8>>,
    schemas: HashMap<Vec<u8>, Option<Arc<Schema>>>,
    /// Commands in capitals, `CONFIG GET` among them, and whether they write.
    commands: Vec<(String, bool)>,
    docs: HashMap<String, Option<Doc>>,
}

/// What COMMAND DOCS says of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doc {
    /// What it does.
    pub summary: String,
    /// Its arguments in the usual notation.
    pub arguments: String,
    /// The time it takes.
    pub complexity: String,
    /// The version it came with.
    pub since: String,
    /// The family it is of.
    pub group: String,
    /// Subcommands and what they do.
    pub subcommands: Vec<(String, String)>,
}

impl Known {
    /// The connection, made where there is none. Whoever asks does without where it cannot be.
    pub fn server(&mut self) -> Option<&mut Server> {
        if self.server.is_none() {
            let mut server = Server::connect(&self.address, self.timeout).ok()?;
            for words in &self.opening {
                command(words).query::<Value>(&mut server).ok()?;
            }
            self.server = Some(server);
        }
        self.server.as_mut()
    }

    /// Asks the server, which may not answer.
    fn ask(&mut self, words: &[&[u8]]) -> Option<Value> {
        let words: Words = words.iter().map(|word| word.to_vec()).collect();
        let server = self.server()?;
        match scan::ask(server, None, &command(&words)) {
            Ok(value) => Some(value),
            Err(error) => {
                if error.is_io_error() || error.is_connection_dropped() {
                    self.server = None;
                }
                None
            }
        }
    }

    /// Begins with these commands from now on, and forgets what was there before.
    pub fn begin_with(&mut self, words: &[Vec<u8>]) {
        self.opening.retain(|said| {
            let same = said.first().zip(words.first());
            !same.is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        });
        self.opening.push(words.to_vec());
        self.server = None;
        self.refresh();
    }

    /// Looks for tables and commands anew.
    pub fn refresh(&mut self) {
        self.schemas.clear();
        self.tables.clear();
        if let Some(server) = self.server() {
            let found = scan::tables(server, KEYS).unwrap_or_default();
            self.tables = found.tables.into_iter().map(|place| place.table).collect();
            self.tables.dedup();
        }
        for table in self
            .tables
            .iter()
            .take(SCHEMAS)
            .cloned()
            .collect::<Vec<_>>()
        {
            self.schema(&table);
        }
        if self.commands.is_empty() {
            self.commands = self
                .ask(&[b"COMMAND"])
                .map(|value| commands(&value))
                .unwrap_or_default();
        }
    }

    /// The tables that are known.
    pub fn tables(&self) -> &[Vec<u8>] {
        &self.tables
    }

    /// A table's schema, read where it is not known.
    pub fn schema(&mut self, table: &[u8]) -> Option<Arc<Schema>> {
        if let Some(schema) = self.schemas.get(table) {
            return schema.clone();
        }
        let operations = self.ask(&[b"YARR.SCHEMA", table]);
        let schema = operations.as_ref().and_then(items).map(|lines| {
            let lines: Vec<String> = lines.iter().filter_map(string).collect();
            Arc::new(Schema::read(&lines))
        });
        if schema.is_some() && !self.tables.iter().any(|known| known == table) {
            self.tables.push(table.to_vec());
            self.tables.sort();
        }
        self.schemas.insert(table.to_vec(), schema.clone());
        schema
    }

    /// Reads a table's schema anew.
    pub fn forget(&mut self, table: &[u8]) {
        self.schemas.remove(table);
        self.schema(table);
    }

    /// A table's schema, where it is known.
    pub fn cached(&self, table: &[u8]) -> Option<Arc<Schema>> {
        self.schemas.get(table).cloned().flatten()
    }

    /// The commands of the server.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a command may change what is there.
    pub fn writes(&self, words: &[Vec<u8>]) -> bool {
        let word = |at: usize| {
            let word = words.get(at).map(|word| word.to_ascii_uppercase());
            String::from_utf8_lossy(&word.unwrap_or_default()).into_owned()
        };
        let (name, two) = (word(0), format!("{} {}", word(0), word(1)));
        let check = name == "YARR.SCHEMA";
        if check || ["EXEC", "MULTI", "DISCARD"].contains(&name.as_str()) {
            return false;
        }
        let own = grammar::COMMANDS
            .iter()
            .find(|command| command.name == name);
        let known = |wanted: &str| self.commands.iter().find(|(name, _)| name == wanted);
        own.is_some_and(|command| command.writes)
            || CHANGES.contains(&name.as_str())
            || CHANGES.contains(&two.as_str())
            || known(&two)
                .or_else(|| known(&name))
                .is_some_and(|(_, writes)| *writes)
    }

    /// What the server says of a command.
    pub fn doc(&mut self, name: &str) -> Option<Doc> {
        let key = name.to_ascii_uppercase();
        if let Some(doc) = self.docs.get(&key) {
            return doc.clone();
        }
        let piped = key.to_ascii_lowercase().replace(' ', "|");
        let answer = self.ask(&[b"COMMAND", b"DOCS", piped.as_bytes()]);
        let doc = answer.as_ref().and_then(|value| {
            let (_, doc) = pairs(value)?.into_iter().next()?;
            Some(Doc::read(doc))
        });
        self.docs.insert(key, doc.clone());
        doc
    }
}

/// Commands that change something without the flag of those that write.
const CHANGES: [&str; 21] = [
    "EVAL",
    "EVALSHA",
    "FCALL",
    "SHUTDOWN",
    "REPLICAOF",
    "SLAVEOF",
    "FAILOVER",
    "DEBUG",
    "CONFIG SET",
    "CONFIG REWRITE",
    "ACL SETUSER",
    "ACL DELUSER",
    "ACL LOAD",
    "CLIENT KILL",
    "CLIENT PAUSE",
    "MODULE LOAD",
    "MODULE LOADEX",
    "MODULE UNLOAD",
    "SCRIPT FLUSH",
    "CLUSTER RESET",
    "CLUSTER FAILOVER",
];

fn commands(value: &Value) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut todo: Vec<&Value> = items(value).unwrap_or_default().iter().collect();
    while let Some(entry) = todo.pop() {
        let Some([name, _, flags, rest @ ..]) = items(entry) else {
            continue;
        };
        let flags = items(flags).unwrap_or_default();
        let writes = flags.iter().filter_map(string).any(|flag| flag == "write");
        let name = string(name).unwrap_or_default();
        found.push((name.to_ascii_uppercase().replace('|', " "), writes));
        // The tenth are its subcommands, from Redis 7 on.
        todo.extend(rest.get(6).and_then(items).unwrap_or_default());
    }
    found.retain(|(name, _)| name != "YARR.APPLY");
    found.sort();
    found
}

impl Doc {
    fn read(value: &Value) -> Doc {
        let pairs = pairs(value).unwrap_or_default();
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name.as_bytes());
            found.map(|(_, value)| *value)
        };
        let text = |name: &str| get(name).and_then(string).unwrap_or_default();
        let subcommands = get("subcommands").and_then(super::super::answer::pairs);
        let subcommand = |(name, value): (Vec<u8>, &Value)| {
            let name = String::from_utf8_lossy(&name).to_ascii_uppercase();
            (name.replace('|', " "), Doc::read(value).summary)
        };
        let mut subcommands: Vec<_> = subcommands
            .unwrap_or_default()
            .into_iter()
            .map(subcommand)
            .collect();
        subcommands.sort();
        Doc {
            summary: text("summary"),
            arguments: get("arguments").map(arguments).unwrap_or_default(),
            complexity: text("complexity"),
            since: text("since"),
            group: text("group"),
            subcommands,
        }
    }
}

fn arguments(value: &Value) -> String {
    let list = items(value).unwrap_or_default();
    list.iter().map(argument).collect::<Vec<_>>().join(" ")
}

/// One argument, in the notation of the Redis documentation.
fn argument(value: &Value) -> String {
    let pairs = pairs(value).unwrap_or_default();
    let get = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name.as_bytes());
        found.map(|(_, value)| *value)
    };
    let text = |name: &str| get(name).and_then(string).unwrap_or_default();
    let flags = get("flags").and_then(items).unwrap_or_default();
    let has = |wanted: &str| flags.iter().filter_map(string).any(|flag| flag == wanted);
    let inner = get("arguments");
    let token = text("token");
    let mut shown = match (text("type").as_str(), inner) {
        ("oneof", Some(inner)) => {
            let ways: Vec<String> = items(inner)
                .unwrap_or_default()
                .iter()
                .map(argument)
                .collect();
            match has("optional") {
                true => ways.join(" | "),
                false => format!("<{}>", ways.join(" | ")),
            }
        }
        ("block", Some(inner)) => arguments(inner),
        ("pure-token", _) => String::new(),
        _ => match text("display_text") {
            display if display.is_empty() => text("name"),
            display => display,
        },
    };
    if has("multiple") {
        let again = match has("multiple_token") {
            true => format!("{token} {shown}"),
            false => shown.clone(),
        };
        shown = format!("{shown} [{again} ...]");
    }
    if !token.is_empty() {
        shown = format!("{token} {shown}").trim_end().to_string();
    }
    match has("optional") {
        true => format!("[{shown}]"),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn flat(pairs: &[(&str, Value)]) -> Value {
        Value::Array(
            pairs
                .iter()
                .flat_map(|(k, v)| [bulk(k), v.clone()])
                .collect(),
        )
    }

    #[test]
    fn arguments_are_shown_in_the_usual_notation() {
        let plain = |name: &str| flat(&[("name", bulk(name)), ("type", bulk("string"))]);
        let token = |word: &str| {
            flat(&[
                ("name", bulk("x")),
                ("type", bulk("pure-token")),
                ("token", bulk(word)),
            ])
        };
        let optional = Value::Array(vec![bulk("optional")]);
        let oneof = flat(&[
            ("type", bulk("oneof")),
            ("flags", optional),
            ("arguments", Value::Array(vec![token("NX"), token("XX")])),
        ]);
        let many = flat(&[
            ("name", bulk("key")),
            ("type", bulk("key")),
            ("flags", Value::Array(vec![bulk("multiple")])),
        ]);
        let value = Value::Array(vec![many, plain("value"), oneof]);
        assert_eq!(arguments(&value), "key [key ...] value [NX | XX]");
    }

    #[test]
    fn commands_are_read_with_their_subcommands() {
        let entry = |name: &str, flag: &str, inner: Vec<Value>| {
            let mut entry = vec![bulk(name), Value::Int(1), Value::Array(vec![bulk(flag)])];
            entry.extend((0..6).map(|_| Value::Int(0)));
            entry.push(Value::Array(inner));
            Value::Array(entry)
        };
        let value = Value::Array(vec![
            entry("set", "write", Vec::new()),
            entry(
                "config",
                "admin",
                vec![entry("config|get", "admin", Vec::new())],
            ),
            entry("yarr.apply", "write", Vec::new()),
        ]);
        assert_eq!(
            commands(&value),
            [
                ("CONFIG".into(), false),
                ("CONFIG GET".into(), false),
                ("SET".into(), true)
            ]
        );
    }
}
