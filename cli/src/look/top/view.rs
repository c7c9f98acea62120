//! What two samples come to: rates, shares, and the slow statements.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::sample::{Count, Sample, Slow};
use crate::look::{
    facts::Table,
    grammar::{self, Role},
    line,
};

/// A command and how often it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its name in capitals.
    pub name: String,
    /// Times a second.
    pub rate: f64,
    /// Microseconds each time, in the time between the samples.
    pub each: f64,
    /// How much of a processor it takes, in per cent.
    pub share: f64,
    /// Errors a second.
    pub failed: f64,
}

/// A table and how it grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Growing {
    /// The table.
    pub table: Table,
    /// Records more, or fewer, a second.
    pub rate: f64,
}

/// Slow commands that differ by their values alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The command with `?` in the place of each value.
    pub text: String,
    /// How often it stands in the slow log.
    pub count: usize,
    /// The longest time, in microseconds.
    pub worst: u64,
    /// All of the time, in microseconds.
    pub total: u64,
    /// When the last one was, in seconds since 1970.
    pub last: i64,
    /// The last of them, where the server has not cut it.
    pub example: Option<Vec<Vec<u8>>>,
    /// The number of the last line of the log.
    pub id: i64,
    /// Its plan.
    pub plan: Vec<String>,
}

/// What two samples come to.
#[derive(Debug, Clone)]
pub struct View {
    /// The server.
    pub server: String,
    /// The later sample.
    pub now: Sample,
    /// Commands a second, of all kinds.
    pub operations: f64,
    /// Of a processor, in per cent.
    pub cpu: f64,
    /// Bytes a second, in and out.
    pub net: (f64, f64),
    /// Records that expired a second.
    pub expired: f64,
    /// Errors a second, of all commands.
    pub errors: f64,
    /// Commands that ran between the samples.
    pub commands: Vec<Command>,
    /// Tables.
    pub tables: Vec<Growing>,
    /// Slow statements.
    pub statements: Vec<Statement>,
}

impl View {
    /// The view of a sample and one before it.
    pub fn new(server: &str, before: &Sample, now: Sample) -> View {
        let seconds = now.at.duration_since(before.at).as_secs_f64().max(1e-3);
        let rate = |name: &str| {
            let grown =
                now.number(name).unwrap_or_default() - before.number(name).unwrap_or_default();
            // A server that has started anew counts from nothing.
            grown.max(0.0) / seconds
        };
        let commands = now
            .commands
            .iter()
            .filter_map(|(name, count)| {
                let past = before.commands.get(name).copied().unwrap_or_default();
                Command::between(name, past, *count, seconds)
            })
            .collect();
        let tables = now
            .tables
            .iter()
            .map(|table| {
                let past = before.tables.iter().find(|past| past.name == table.name);
                let grown = past.map_or(0.0, |past| table.records as f64 - past.records as f64);
                Growing {
                    table: table.clone(),
                    rate: grown / seconds,
                }
            })
            .collect();
        View {
            server: server.into(),
            operations: rate("total_commands_processed"),
            cpu: 100.0 * (rate("used_cpu_sys") + rate("used_cpu_user")),
            net: (
                rate("total_net_input_bytes"),
                rate("total_net_output_bytes"),
            ),
            expired: rate("yarr_expired_records"),
            errors: rate("total_error_replies"),
            commands,
            tables,
            statements: statements(&now.slow),
            now,
        }
    }

    /// The server's kind and version.
    pub fn version(&self) -> String {
        match self.now.text("valkey_version") {
            "" => format!("redis {}", self.now.text("redis_version")),
            version => format!("valkey {version}"),
        }
    }

    /// Memory in use, and how much there may be; 0 where there is no limit.
    pub fn memory(&self) -> (u64, u64) {
        let number = |name: &str| self.now.number(name).unwrap_or_default() as u64;
        (number("used_memory"), number("maxmemory"))
    }

    /// All of it as a document.
    pub fn json(&self) -> Json {
        let (used, most) = self.memory();
        let commands: Vec<Json> = self.commands.iter().map(Command::json).collect();
        let tables: Vec<Json> = self.tables.iter().map(Growing::json).collect();
        let statements: Vec<Json> = self.statements.iter().map(Statement::json).collect();
        json!({
            "redis": self.server, "version": self.version(), "role": self.now.text("role"),
            "uptime": self.now.number("uptime_in_seconds"), "clients": self.now.number("connected_clients"),
            "operations_per_second": round(self.operations), "cpu_percent": round(self.cpu),
            "memory": used, "maxmemory": most,
            "net_in_per_second": round(self.net.0), "net_out_per_second": round(self.net.1),
            "expired_per_second": round(self.expired), "errors_per_second": round(self.errors),
            "commands": commands, "tables": tables, "slow": statements,
        })
    }
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

impl Command {
    fn between(name: &str, before: Count, now: Count, seconds: f64) -> Option<Command> {
        let calls = now
            .calls
            .checked_sub(before.calls)
            .filter(|calls| *calls > 0)? as f64;
        let micros = now.micros.saturating_sub(before.micros) as f64;
        Some(Command {
            name: name.to_ascii_uppercase(),
            rate: calls / seconds,
            each: micros / calls,
            share: micros / seconds / 1e4,
            failed: now.failed.saturating_sub(before.failed) as f64 / seconds,
        })
    }

    fn json(&self) -> Json {
        json!({
            "command": self.name, "per_second": round(self.rate), "us_each": round(self.each),
            "cpu_percent": round(self.share), "errors_per_second": round(self.failed),
        })
    }
}

impl Growing {
    fn json(&self) -> Json {
        let table = &self.table;
        let running = table.running.as_ref().map(|running| {
            json!({ "version": running.version, "name": running.name, "percent": running.percent })
        });
        json!({
            "table": table.name, "records": table.records, "records_per_second": round(self.rate),
            "memory": table.bytes, "expiring": table.expiring, "expired": table.expired, "migration": running,
        })
    }
}

impl Statement {
    /// The mean time, in microseconds.
    pub fn mean(&self) -> u64 {
        self.total / self.count.max(1) as u64
    }

    fn json(&self) -> Json {
        json!({
            "statement": self.text, "count": self.count, "worst_us": self.worst, "mean_us": self.mean(),
            "last": crate::look::cell::time_text(self.last * 1_000), "plan": self.plan,
        })
    }
}

/// Lines of the slow log by their statements, the one that took the most time in all first.
fn statements(slow: &[Slow]) -> Vec<Statement> {
    let mut found: BTreeMap<String, Statement> = BTreeMap::new();
    for line in slow {
        let cut = is_cut(&line.words);
        let text = normal(&line.words);
        let statement = found.entry(text.clone()).or_insert(Statement {
            text,
            count: 0,
            worst: 0,
            total: 0,
            last: i64::MIN,
            example: None,
            id: -1,
            plan: Vec::new(),
        });
        statement.count += 1;
        statement.worst = statement.worst.max(line.micros);
        statement.total += line.micros;
        statement.last = statement.last.max(line.at);
        if line.id > statement.id {
            statement.id = line.id;
            statement.example = (!cut).then(|| line.words.clone());
        }
    }
    let mut all: Vec<Statement> = found.into_values().collect();
    all.sort_by_key(|statement| std::cmp::Reverse(statement.total));
    all
}

/// The server cuts commands of more than 32 words, and words of more than 128 bytes.
fn is_cut(words: &[Vec<u8>]) -> bool {
    let cut =
        |word: &Vec<u8>| word.ends_with(b" more arguments)") || word.ends_with(b" more bytes)");
    words.iter().any(cut)
}

/// A command with `?` in the place of each value.
fn normal(words: &[Vec<u8>]) -> String {
    let walked = grammar::walk(words, &|_| None);
    let mut texts: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let text = match walked.roles.get(at) {
            Some(Role::Value) => "?".to_string(),
            Some(Role::Command | Role::Keyword | Role::Operator) => {
                String::from_utf8_lossy(word).to_ascii_uppercase()
            }
            _ => line::typed(word),
        };
        // However many values there are, they are one list.
        let again = text == "?" && texts.ends_with(&["?".into(), "?".into()]);
        if !again {
            texts.push(text);
        }
    }
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        time::{Duration, Instant},
    };

    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.into()).collect()
    }

    #[test]
    fn statements_are_told_apart_by_all_but_their_values() {
        for (line, expected) in [
            (
                "yarr.where t a = 5 and b in 3 1 2 3 limit 10",
                "YARR.WHERE t a = ? AND b IN ? ? LIMIT ?",
            ),
            (
                "YARR.UPDATE t WHERE s = x SET s y",
                "YARR.UPDATE t WHERE s = ? SET s ?",
            ),
            ("YARR.FIND t 5", "YARR.FIND t ?"),
        ] {
            assert_eq!(normal(&words(line)), expected);
        }
        let slow = |id, micros, line: &str| Slow {
            id,
            at: id,
            micros,
            words: words(line),
        };
        let found = statements(&[
            slow(3, 100, "YARR.FIND t 2"),
            slow(2, 500, "YARR.FIND t 1"),
            slow(1, 50, "YARR.WHERE t *"),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].count, found[0].worst, found[0].mean()),
            (2, 500, 300)
        );
        assert_eq!(found[0].example, Some(words("YARR.FIND t 2")));
    }

    #[test]
    fn rates_are_of_the_time_between_the_samples() {
        let at = Instant::now();
        let sample = |seconds: u64, calls: u64, memory: &str| Sample {
            at: at + Duration::from_secs(seconds),
            info: HashMap::from([
                ("total_commands_processed".to_string(), calls.to_string()),
                (
                    "used_cpu_user".to_string(),
                    (seconds as f64 * 0.5).to_string(),
                ),
                ("used_memory".to_string(), memory.to_string()),
            ]),
            commands: BTreeMap::from([(
                "yarr.find".to_string(),
                Count {
                    calls,
                    micros: calls * 10,
                    failed: 0,
                },
            )]),
            tables: vec![Table {
                name: "t".into(),
                records: calls,
                ..Table::default()
            }],
            slow: Vec::new(),
        };
        let view = View::new("here", &sample(0, 100, "1"), sample(2, 300, "5"));
        assert_eq!((view.operations, view.cpu), (100.0, 50.0));
        let find = &view.commands[0];
        assert_eq!(
            (find.name.as_str(), find.rate, find.each),
            ("YARR.FIND", 100.0, 10.0)
        );
        assert_eq!(find.share, 0.1);
        assert_eq!(view.tables[0].rate, 100.0);
        assert_eq!(view.memory(), (5, 0));
        let anew = View::new("here", &sample(2, 300, "1"), sample(4, 10, "1"));
        assert_eq!(anew.operations, 0.0);
        assert!(anew.commands.is_empty());
    }
}
