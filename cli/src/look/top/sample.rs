//! What a server tells at one moment.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use redis::{RedisError, Value};

use crate::{
    look::{
        answer::{items, string},
        cell::{bytes, integer},
        facts::{Table, section},
        scan::{self, Place, ask},
        tables,
    },
    server::Server,
};

/// Keys that are looked at for tables in one walk.
const KEYS: u64 = 100_000;
/// Samples between two walks for tables.
const WALK: u64 = 15;
/// Lines of the slow log that are asked for.
const SLOW: usize = 128;

/// What a server counts of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it ran.
    pub calls: u64,
    /// How long in all, in microseconds.
    pub micros: u64,
    /// How often it answered an error.
    pub failed: u64,
}

/// A line of the slow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// Its number.
    pub id: i64,
    /// Seconds since 1970.
    pub at: i64,
    /// How long the command took, in microseconds.
    pub micros: u64,
    /// Its words, long ones cut by the server.
    pub words: Vec<Vec<u8>>,
}

/// What a server tells at one moment.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The moment.
    pub at: Instant,
    /// The lines of INFO.
    pub info: HashMap<String, String>,
    /// What it counts of each command.
    pub commands: BTreeMap<String, Count>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its slow commands of the module, the last one first.
    pub slow: Vec<Slow>,
}

impl Sample {
    /// A number of INFO.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.info.get(name)?.parse().ok()
    }

    /// A text of INFO.
    pub fn text(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }
}

/// Takes samples of a server.
#[derive(Debug, Default)]
pub struct Sampler {
    places: Vec<Place>,
    counted: Option<u64>,
    taken: u64,
}

impl Sampler {
    /// Takes a sample. A cluster is asked primary by primary, and their numbers added.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub fn take(&mut self, server: &mut Server) -> crate::Result<Sample> {
        let primaries: Vec<Option<String>> = match server.is_cluster() {
            true => server.primaries()?.into_iter().map(Some).collect(),
            false => vec![None],
        };
        let mut sample = Sample {
            at: Instant::now(),
            info: HashMap::new(),
            commands: BTreeMap::new(),
            tables: Vec::new(),
            slow: Vec::new(),
        };
        for primary in &primaries {
            let primary = primary.as_deref();
            for part in [None, Some("commandstats"), Some("yarr")] {
                let mut command = redis::cmd("INFO");
                command.arg(part);
                let text = string(&ask(server, primary, &command)?).unwrap_or_default();
                sample.add(&section(&text));
            }
            let slow = ask(server, primary, redis::cmd("SLOWLOG").arg("GET").arg(SLOW));
            // A user who may not look into the slow log does without.
            sample
                .slow
                .extend(slow.as_ref().map(slow_lines).unwrap_or_default());
        }
        self.find(server, &sample)?;
        let found: crate::Result<Vec<Option<Table>>> = self
            .places
            .iter()
            .map(|place| tables::table(server, place))
            .collect();
        sample.tables = found?.into_iter().flatten().collect();
        Ok(sample)
    }

    /// Walks for tables now and then, and where their number has changed.
    fn find(&mut self, server: &mut Server, sample: &Sample) -> crate::Result<()> {
        let counted = sample.number("yarr_tables").map(|count| count as u64);
        if self.taken % WALK == 0 || counted != self.counted {
            self.places = scan::tables(server, KEYS)?.tables;
            self.counted = counted;
        }
        self.taken += 1;
        Ok(())
    }
}

impl Sample {
    /// Adds the lines of an INFO: those of several primaries come to their sum.
    fn add(&mut self, lines: &HashMap<&str, &str>) {
        const SUMMED: [&str; 14] = [
            "used_memory",
            "maxmemory",
            "used_cpu_sys",
            "used_cpu_user",
            "connected_clients",
            "total_commands_processed",
            "total_net_input_bytes",
            "total_net_output_bytes",
            "total_error_replies",
            "yarr_tables",
            "yarr_errors",
            "yarr_expired_records",
            "yarr_slices",
            "yarr_migrations_running",
        ];
        for (name, value) in lines {
            if let Some(command) = name.strip_prefix("cmdstat_") {
                let count = self.commands.entry(command.replace('|', " ")).or_default();
                let more = Count::read(value);
                count.calls += more.calls;
                count.micros += more.micros;
                count.failed += more.failed;
                continue;
            }
            let sum = match (self.number(name), value.parse::<f64>()) {
                (Some(before), Ok(number)) if SUMMED.contains(name) => before + number,
                _ => {
                    self.info.insert(name.to_string(), value.to_string());
                    continue;
                }
            };
            self.info.insert(name.to_string(), sum.to_string());
        }
    }
}

impl Count {
    /// Reads `calls=1,usec=2,...`.
    fn read(text: &str) -> Count {
        let mut count = Count::default();
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').unwrap_or_default();
            let number = value.parse().unwrap_or_default();
            match name {
                "calls" => count.calls = number,
                "usec" => count.micros = number,
                "failed_calls" => count.failed = number,
                _ => {}
            }
        }
        count
    }
}

fn slow_lines(value: &Value) -> Vec<Slow> {
    let line = |value: &Value| {
        let [id, at, micros, words, ..] = items(value)? else {
            return None;
        };
        let words: Vec<Vec<u8>> = items(words)?
            .iter()
            .filter_map(|word| Some(bytes(word)?.to_vec()))
            .collect();
        let name = words.first()?.to_ascii_uppercase();
        name.starts_with(b"YARR.").then_some(Slow {
            id: integer(id)?,
            at: integer(at)?,
            micros: u64::try_from(integer(micros)?).ok()?,
            words,
        })
    };
    items(value)
        .unwrap_or_default()
        .iter()
        .filter_map(line)
        .collect()
}

/// The plan of a command, asked of the server that has its table.
///
/// # Errors
/// What it answers instead.
pub fn plan(server: &mut Server, words: &[Vec<u8>]) -> Result<Vec<String>, RedisError> {
    let [name, table, rest @ ..] = words else {
        return Ok(Vec::new());
    };
    let verb = name.get(5..).unwrap_or_default();
    let mut command = redis::cmd("YARR.EXPLAIN");
    command.arg(table).arg(verb).arg(rest);
    let answer = ask(server, None, &command)?;
    Ok(items(&answer)
        .unwrap_or_default()
        .iter()
        .filter_map(string)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_those_of_primaries_added() {
        let mut sample = Sample {
            at: Instant::now(),
            info: HashMap::new(),
            commands: BTreeMap::new(),
            tables: Vec::new(),
            slow: Vec::new(),
        };
        let text = "# Memory\r\nused_memory:100\r\nrole:master\r\ncmdstat_yarr.find:calls=2,usec=10,usec_per_call=5.00,rejected_calls=0,failed_calls=1\r\n";
        sample.add(&section(text));
        sample.add(&section(text));
        assert_eq!(sample.number("used_memory"), Some(200.0));
        assert_eq!(sample.text("role"), "master");
        let count = Count {
            calls: 4,
            micros: 20,
            failed: 2,
        };
        assert_eq!(sample.commands["yarr.find"], count);
    }

    #[test]
    fn only_commands_of_the_module_are_taken_from_the_slow_log() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let line = |id, name| {
            Value::Array(vec![
                Value::Int(id),
                Value::Int(1_700_000_000),
                Value::Int(12_345),
                Value::Array(vec![bulk(name), bulk("t"), bulk("*")]),
                bulk("127.0.0.1:1"),
                bulk(""),
            ])
        };
        let lines = slow_lines(&Value::Array(vec![line(2, "yarr.where"), line(1, "KEYS")]));
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].id, lines[0].micros, lines[0].words.len()),
            (2, 12_345, 3)
        );
    }
}
