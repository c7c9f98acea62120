//! The machine that measures.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What of it a reader must know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    /// Gibibytes.
    pub memory: f64,
    /// Name and version of the system, and of its kernel.
    pub system: String,
    pub kernel: String,
}

impl Machine {
    /// This one; what it does not tell is left empty.
    pub fn here() -> Machine {
        let of = |path: &str, name: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| {
                line.strip_prefix(name)?
                    .trim_start()
                    .strip_prefix([':', '='])
            });
            line.unwrap_or_default()
                .trim()
                .trim_matches('"')
                .to_string()
        };
        let kilobytes = of("/proc/meminfo", "MemTotal");
        let kilobytes = kilobytes
            .split(' ')
            .next()
            .and_then(|text| text.parse::<f64>().ok());
        Machine {
            processor: of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: kilobytes.unwrap_or_default() / 1024.0 / 1024.0,
            system: of("/etc/os-release", "PRETTY_NAME"),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .into(),
        }
    }
}

/// The day, as 2026-01-31; empty where the system has no `date`.
pub fn today() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    date.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().into(),
    )
}
