//! Figures for a monitoring: lag, rows, bytes, durations, retries, in the text format of Prometheus.

mod listen;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

pub use listen::listen;

use crate::{
    error::{Error, Result},
    event::{Event, Listener},
    moment,
    replication::{Replication, State},
};

/// A figure, its kind, and what it says.
struct Family(&'static str, &'static str, &'static str);

const ROWS: Family = Family("rows_total", "counter", "Records exported and imported.");
const DELETED: Family = Family(
    "deleted_rows_total",
    "counter",
    "Rows deleted, or marked as such.",
);
const BYTES: Family = Family("bytes_total", "counter", "Bytes of the parts.");
const SECONDS: Family = Family(
    "stage_seconds_total",
    "counter",
    "Time spent in each stage.",
);
const ENDED: Family = Family(
    "replications_total",
    "counter",
    "Replications that came to an end.",
);
const RETRIES: Family = Family("retries_total", "counter", "Steps that were tried again.");
const FAILURES: Family = Family(
    "failures_total",
    "counter",
    "Runs that stopped with an error.",
);
const RESYNCS: Family = Family("resyncs_total", "counter", "Tables loaded anew.");
const LAG: Family = Family("lag_changes", "gauge", "Changes that the target has not.");
const HELD: Family = Family("tombstones", "gauge", "Tombstones that the source holds.");
const FRESH: Family = Family(
    "fresh_timestamp_seconds",
    "gauge",
    "When the target last had all there was: lag in seconds is time() less this.",
);

const FAMILIES: [&Family; 11] = [
    &ROWS, &DELETED, &BYTES, &SECONDS, &ENDED, &RETRIES, &FAILURES, &RESYNCS, &LAG, &HELD, &FRESH,
];

/// What all names begin with.
const PREFIX: &str = "yarr_replicate_";

/// Figures, by name and labels.
#[derive(Debug, Default)]
pub struct Figures {
    samples: Mutex<BTreeMap<String, f64>>,
}

impl Figures {
    /// Figures that go on where those of a file stopped: a counter that begins at nothing in each process of a cron
    /// job would stand still. Where there is no such file they begin at nothing.
    pub fn of_file(path: &Path) -> Figures {
        let text = fs::read_to_string(path).unwrap_or_default();
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            let name = name.strip_prefix(PREFIX)?;
            Some((name.to_string(), value.parse().ok()?))
        };
        Figures {
            samples: Mutex::new(text.lines().filter_map(sample).collect()),
        }
    }

    /// What hears the events of runs into a target.
    pub fn listener(self: &Arc<Self>, target: &str) -> Listener {
        let figures = Arc::clone(self);
        let target = target.to_string();
        Arc::new(move |event| figures.take(&target, event))
    }

    fn take(&self, target: &str, event: &Event<'_>) {
        let now = moment::now() as f64 / 1000.0;
        match event {
            Event::Nothing { source, .. } => self.set(&FRESH, target, source, "", now),
            Event::State { replication } => self.state(target, replication, now),
            Event::Retry { replication, .. } => {
                self.add(&RETRIES, target, &replication.source, "", 1)
            }
            Event::Failed { source, .. } => self.add(&FAILURES, target, source, "", 1),
            Event::Resync { source, .. } => self.add(&RESYNCS, target, source, "", 1),
            Event::Lag {
                source,
                changes,
                tombstones,
                ..
            } => {
                for (family, value) in [(&LAG, changes), (&HELD, tombstones)] {
                    if let Some(value) = value {
                        self.set(family, target, source, "", *value as f64);
                    }
                }
            }
            Event::Progress { .. } | Event::Warning { .. } => {}
        }
    }

    fn state(&self, target: &str, replication: &Replication, now: f64) {
        let Replication {
            source,
            state,
            counts,
            durations,
            ..
        } = replication;
        if !state.is_final() {
            return;
        }
        self.add(&ENDED, target, source, &format!("state=\"{state}\""), 1);
        if *state != State::Imported {
            return;
        }
        self.set(&FRESH, target, source, "", now);
        for (family, count) in [
            (&ROWS, counts.rows),
            (&DELETED, counts.deleted),
            (&BYTES, counts.bytes),
        ] {
            self.add(family, target, source, "", count);
        }
        let stages = [
            ("export", durations.export),
            ("upload", durations.upload),
            ("import", durations.import),
        ];
        for (stage, millis) in stages {
            let name = sample(&SECONDS, target, source, &format!("stage=\"{stage}\""));
            *self.samples().entry(name).or_default() += millis as f64 / 1000.0;
        }
    }

    fn samples(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, f64>> {
        // Each change is one of a number: there is no half of it.
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, family: &Family, target: &str, table: &str, more: &str, value: f64) {
        self.samples()
            .insert(sample(family, target, table, more), value);
    }

    fn add(&self, family: &Family, target: &str, table: &str, more: &str, value: i64) {
        *self
            .samples()
            .entry(sample(family, target, table, more))
            .or_default() += value as f64;
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> String {
        let samples = self.samples();
        let mut text = String::new();
        for Family(name, kind, help) in FAMILIES {
            let of_family = |sample: &&String| sample.split('{').next() == Some(name);
            let mut lines = samples.keys().filter(of_family).peekable();
            if lines.peek().is_some() {
                let _ = writeln!(
                    text,
                    "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}"
                );
            }
            for sample in lines {
                let value = samples.get(sample).copied().unwrap_or_default();
                let _ = writeln!(text, "{PREFIX}{sample} {value}");
            }
        }
        text
    }

    /// Writes them into a file, for node_exporter's textfile collector. Whoever reads it finds it whole.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        fs::write(&part, self.text())
            .and_then(|()| fs::rename(&part, path))
            .map_err(|error| Error::usage(format!("cannot write {}: {error}", path.display())))
    }
}

fn sample(Family(name, ..): &Family, target: &str, table: &str, more: &str) -> String {
    let escaped = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        "{name}{{target=\"{}\",table=\"{}\"{comma}{more}}}",
        escaped(target),
        escaped(table)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replication(state: State) -> Replication {
        let mut replication = crate::notify::sample(state);
        replication.counts.rows = 5;
        replication.durations.import = 1_500;
        replication
    }

    #[test]
    fn figures_count_on_from_their_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("yarr.prom");
        for _ in 0..2 {
            let figures = Arc::new(Figures::of_file(&path));
            let listener = figures.listener("a \"b\"");
            for state in State::ALL {
                listener(&Event::State {
                    replication: &replication(state),
                });
            }
            listener(&Event::Lag {
                source: "flight",
                target: "flight",
                changes: Some(3),
                tombstones: None,
            });
            figures.write(&path).expect("written");
        }
        let text = fs::read_to_string(&path).expect("a file");
        for line in [
            "# TYPE yarr_replicate_rows_total counter",
            "yarr_replicate_rows_total{target=\"a \\\"b\\\"\",table=\"flight\"} 10",
            "yarr_replicate_stage_seconds_total{target=\"a \\\"b\\\"\",table=\"flight\",stage=\"import\"} 3",
            "yarr_replicate_replications_total{target=\"a \\\"b\\\"\",table=\"flight\",state=\"imported\"} 2",
            "yarr_replicate_replications_total{target=\"a \\\"b\\\"\",table=\"flight\",state=\"canceled\"} 2",
            "yarr_replicate_lag_changes{target=\"a \\\"b\\\"\",table=\"flight\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("tombstones"), "{text}");
    }

    #[tokio::test]
    async fn figures_are_served() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let figures = Arc::new(Figures::default());
        figures.listener("a")(&Event::Nothing {
            source: "flight",
            target: "flight",
        });
        let address = listen(&figures, "127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("a port");
        for (path, expected) in [
            ("/metrics", "HTTP/1.1 200 OK"),
            ("/", "HTTP/1.1 404 Not Found"),
        ] {
            let mut socket = tokio::net::TcpStream::connect(address)
                .await
                .expect("a socket");
            let asked = format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n");
            socket.write_all(asked.as_bytes()).await.expect("asked");
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.starts_with(expected), "{answer}");
            assert_eq!(
                answer.contains("fresh_timestamp_seconds{"),
                path == "/metrics",
                "{answer}"
            );
        }
    }
}
