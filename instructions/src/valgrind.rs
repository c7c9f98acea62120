//! Counting instructions by valgrind's callgrind.

use std::{
    env,
    error::Error,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What is counted is all that runs in this function.
const COUNTED: &str = "*sessions::measured*";
/// At its end a part of the output is written. Two options of the same pattern would be one to valgrind.
const WRITTEN: &str = "*::measured*";

/// Copies of memory are made by what every x86-64 has, so that counts do not depend on the processor.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX_Usable,-AVX2_Usable,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2";

/// Runs this program once more under valgrind, with that argument, and answers the instructions of
/// each measured call, in their order.
pub fn count(argument: &str) -> Result<Vec<u64>, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("yarr-instructions-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let counted = count_in(&folder, argument);
    fs::remove_dir_all(&folder)?;
    counted
}

fn count_in(folder: &Path, argument: &str) -> Result<Vec<u64>, Box<dyn Error>> {
    let log = folder.join("log");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--dump-after={WRITTEN}"))
        .arg(format!(
            "--callgrind-out-file={}",
            folder.join("count").display()
        ))
        .arg(format!("--log-file={}", log.display()))
        .arg(env::current_exe()?)
        .arg(argument)
        .env("GLIBC_TUNABLES", PLAIN)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => {
            let log = fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("valgrind ended with {status}:\n{log}").into());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(
                "valgrind is missing: install it (Debian: apt-get install valgrind)".into(),
            );
        }
        Err(error) => return Err(error.into()),
    }
    (1..)
        .map(|part| folder.join(format!("count.{part}")))
        .take_while(|path| path.exists())
        .map(instructions)
        .filter(|count| !matches!(count, Ok(None)))
        .map(|count| count.map(Option::unwrap_or_default))
        .collect()
}

/// The instructions of one part of the output. The part that valgrind writes at the end is of no
/// call.
fn instructions(path: PathBuf) -> Result<Option<u64>, Box<dyn Error>> {
    let text = fs::read_to_string(&path)?;
    if !text
        .lines()
        .any(|line| line.starts_with("desc: Trigger: --dump-after"))
    {
        return Ok(None);
    }
    let count = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("summary: ")
                .or(line.strip_prefix("totals: "))
        })
        .ok_or_else(|| format!("{} has no summary", path.display()))?;
    Ok(Some(count.trim().parse()?))
}
