//! The CPU time of processes, user and system together, to the microsecond and better.

use std::fs;
use std::time::Duration;

use nix::sys::time::TimeValLike;
use nix::time::ClockId;
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::Result;

/// What one process has used so far with all its threads, those that ended among them.
pub fn of_process(pid: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.try_into()?))?;
    Ok(Duration::from_nanos(
        clock.now()?.num_nanoseconds().try_into()?,
    ))
}

/// What a process and its children have used, those among them that are gone.
pub fn of_family(pid: u32) -> Result<Duration> {
    let mut used = of_process(pid)? + of_gone_children(pid)?;
    for child in children(pid)? {
        // One that has gone since the list was read is counted with the gone ones next time.
        used += of_process(child).unwrap_or_default();
    }
    Ok(used)
}

fn of_gone_children(pid: u32) -> Result<Duration> {
    let line = stat(pid)?;
    let ticks: u64 = line
        .iter()
        .skip(13)
        .take(2)
        .map(|text| text.parse().unwrap_or(0))
        .sum();
    let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// The processes whose parent is this one.
fn children(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if stat(pid).is_ok_and(|line| line.get(1) == Some(&parent.to_string())) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The words of `/proc/PID/stat` behind the program's name, which may hold anything: state, parent, ...
fn stat(pid: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, behind) = text
        .rsplit_once(')')
        .ok_or("a line of /proc that names no program")?;
    Ok(behind.split_whitespace().map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_time() {
        let before = of_process(std::process::id()).expect("a clock");
        let mut sum = 0_u64;
        while of_process(std::process::id()).expect("a clock") < before + Duration::from_millis(3) {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert!(
            of_family(std::process::id()).expect("a clock") > before,
            "{sum}"
        );
    }
}
