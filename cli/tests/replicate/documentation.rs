//! The first run of the documentation, typed into bash word by word.

use std::{path::Path, process::Command};

use crate::places::Places;

/// Each command of the first block below a heading, and what it answers.
fn session(page: &str, heading: &str) -> Vec<(String, Vec<String>)> {
    let (_, below) = page
        .split_once(&format!("\n## {heading}\n"))
        .expect("the heading");
    let block = below.split("\n```").nth(1).expect("a block");
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines().skip(1) {
        match line.strip_prefix("$ ") {
            Some(typed) => steps.push((typed.into(), Vec::new())),
            None => steps.last_mut().expect("a command").1.push(line.into()),
        }
    }
    steps
}

/// Lines without what differs from run to run: ports, versions, spans of time, sizes, checksums, and the blanks these make.
fn normal(text: &str, port: &str) -> Vec<String> {
    let word = |word: &str| -> String {
        let word = word.replace(port, "6379");
        let is_sum =
            |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_version =
            |text: &str| text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
        match word.split_once("yarr/20") {
            Some((before, rest)) => format!("{before}yarr/VERSION{}", &rest[12..]),
            None if is_sum(&word) || is_version(&word) => "SUM".into(),
            None if word.contains('.') && word.parse::<f64>().is_ok() => "TIME".into(),
            None => word,
        }
    };
    let line = |line: &str| -> String {
        let mut words: Vec<String> = line.split_whitespace().map(word).collect();
        // Packed parts are a few bytes more or less.
        if let [.., bytes, time, second] = words.as_mut_slice() {
            if time == "TIME" && second == "s" && bytes.parse::<u64>().is_ok() {
                *bytes = "BYTES".into();
            }
        }
        words.join(" ")
    };
    text.lines().map(line).collect()
}

#[test]
fn the_first_run_is_as_the_documentation_says() {
    let places = Places::empty("first_run");
    let port = places.redis.port().to_string();
    let url = places.redis.url("");
    places.project.write(
        "yarr.toml",
        &format!("[environments.development]\nservers = [\"{url}\"]\n"),
    );
    let steps = session(
        include_str!("../../../docs/replication.md"),
        "The first run",
    );
    assert!(steps.len() > 10);
    let tool = Path::new(env!("CARGO_BIN_EXE_yarr"))
        .parent()
        .expect("a folder");
    let mut exported = Vec::new();
    for (typed, answer) in steps {
        if let Some(rest) = typed.strip_prefix("export ") {
            let (name, rest) = rest.split_once('=').expect("a variable");
            let value = rest.split_whitespace().next().expect("its value");
            exported.push((name.to_string(), value.to_string()));
            continue;
        }
        let output = Command::new("bash")
            .args(["-c", &typed])
            .current_dir(places.project.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", tool.display()))
            .envs(exported.iter().cloned())
            .output()
            .expect("bash");
        let mut said = String::from_utf8(output.stdout).expect("UTF-8");
        said.push_str(&String::from_utf8(output.stderr).expect("UTF-8"));
        assert_eq!(
            normal(&said, &port),
            normal(&answer.join("\n"), &port),
            "{typed}"
        );
        // The file names servers on this machine; those of this test have other ports.
        if typed == "yarr replicate init" {
            let text = places.project.read("yarr-replicate.toml");
            let text = text.replacen("redis://127.0.0.1:6379", &url, 1);
            let text = text.replacen(
                "postgres://postgres:${PGPASSWORD}@127.0.0.1:5432/postgres",
                &places.url,
                1,
            );
            places.project.write("yarr-replicate.toml", &text);
        }
    }
}
