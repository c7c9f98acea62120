//! The counts that are kept, and how far new ones may be from them.

use std::{error::Error, fmt::Write as _, fs, process::Command};

/// Where they are kept.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kept.txt");

/// By so many percent a count may differ from the kept one where the compiler is the same. Names that it gives have
/// the folder of the project in them, and by their order it inlines: built elsewhere, counts differ by up to 2 %.
const TOLERANCE: f64 = 3.0;
/// And where it is another, which may inline otherwise.
const TOLERANCE_ELSEWHERE: f64 = 15.0;
/// The processors whose instructions are kept.
const ARCHITECTURE: &str = "x86_64";

/// Instructions an operation, by the name of the work.
pub struct Kept {
    compiler: String,
    counts: Vec<(String, u64)>,
}

impl Kept {
    /// Counts of a program that the compiler at hand has made.
    pub fn of_this_compiler(counts: Vec<(String, u64)>) -> Result<Kept, Box<dyn Error>> {
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let said = Command::new(compiler).arg("--version").output()?.stdout;
        let compiler = format!(
            "{} {}",
            String::from_utf8(said)?.trim(),
            std::env::consts::ARCH
        );
        Ok(Kept { compiler, counts })
    }

    /// Reads what is kept.
    pub fn read() -> Result<Kept, Box<dyn Error>> {
        let text = fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        let mut lines = text.lines();
        let compiler = lines.next().unwrap_or_default().into();
        let counts = lines
            .map(|line| {
                let (count, name) = line.trim().split_once(' ').ok_or("a line without a name")?;
                Ok((name.into(), count.parse()?))
            })
            .collect::<Result<_, Box<dyn Error>>>()
            .map_err(|error| format!("{PATH}: {error}"))?;
        Ok(Kept { compiler, counts })
    }

    /// Keeps these.
    pub fn write(&self) -> Result<(), Box<dyn Error>> {
        let mut text = format!("{}\n", self.compiler);
        for (name, count) in &self.counts {
            writeln!(text, "{count:>9} {name}")?;
        }
        Ok(fs::write(PATH, text)?)
    }

    fn get(&self, name: &str) -> Option<u64> {
        self.counts
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, count)| *count)
    }

    fn tolerance(&self, found: &Kept) -> f64 {
        if self.compiler == found.compiler {
            TOLERANCE
        } else if found.compiler.ends_with(ARCHITECTURE) {
            TOLERANCE_ELSEWHERE
        } else {
            f64::INFINITY
        }
    }

    /// By how many percent a count is above the kept one.
    fn above(&self, name: &str, found: u64) -> Option<f64> {
        let kept = self.get(name)? as f64;
        Some((found as f64 - kept) / kept * 100.0)
    }

    /// Whether every count is near the kept one, and there are the same.
    pub fn allows(&self, found: &Kept) -> bool {
        let near = |(name, count): &(String, u64)| {
            self.above(name, *count)
                .is_some_and(|above| above.abs() <= self.tolerance(found))
        };
        self.counts.len() == found.counts.len() && found.counts.iter().all(near)
    }

    /// Both, side by side, and what to do where they differ.
    pub fn beside(&self, found: &Kept) -> String {
        let mut text = format!(
            "{:<44} {:>9} {:>9} {:>8}\n",
            "instructions", "kept", "found", ""
        );
        for (name, count) in &found.counts {
            let kept = self.get(name).map_or("-".into(), |kept| kept.to_string());
            let above = self
                .above(name, *count)
                .map_or("new".into(), |above| format!("{above:+.1} %"));
            text += &format!("{name:<44} {kept:>9} {count:>9} {above:>8}\n");
        }
        if self.compiler != found.compiler {
            text += &format!("kept by {}, found by {}\n", self.compiler, found.compiler);
        }
        if !self.allows(found) {
            text += &format!(
                "expected to differ by {} % at most; where the new counts are meant, YARR_BLESS=1 make instructions keeps them\n",
                self.tolerance(found)
            );
        }
        text
    }
}
