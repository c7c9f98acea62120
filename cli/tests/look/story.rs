//! The first session of the documentation, typed into a shell in a terminal.

use std::path::Path;

use crate::{
    harness::{Project, Server},
    sample::send,
    terminal::*,
};

/// A command of the documentation and what it says comes of it.
struct Step {
    prompt: String,
    typed: String,
    answer: Vec<String>,
}

/// The steps of each block below a heading.
fn blocks(page: &str, heading: &str) -> Vec<Vec<Step>> {
    let (_, below) = page
        .split_once(&format!("\n## {heading}\n"))
        .expect("the heading");
    let section = below.split("\n## ").next().expect("its text");
    let blocks = section.split("\n```").skip(1).step_by(2);
    blocks
        .map(|block| steps(block.trim_start_matches('\n')))
        .collect()
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        let prompt = match line.split_once("> ") {
            Some((before, _)) if before.starts_with("development ") => format!("{before}> "),
            _ if line.starts_with("$ ") => "$ ".to_string(),
            _ => {
                steps
                    .last_mut()
                    .expect("a command")
                    .answer
                    .push(line.into());
                continue;
            }
        };
        steps.push(Step {
            typed: line[prompt.len()..].into(),
            prompt,
            answer: Vec::new(),
        });
    }
    steps
}

/// A shell in a terminal, the tool on its path.
fn shell(project: &Project) -> Terminal {
    let tool = Path::new(env!("CARGO_BIN_EXE_yarr"));
    let path = format!(
        "{}:/usr/bin:/bin",
        tool.parent().expect("a folder").display()
    );
    let words = ["--noprofile", "--norc", "--noediting"];
    let variables = [("PATH", path.as_str()), ("PS1", "$ "), ("NO_COLOR", "1")];
    Terminal::run("bash", project, &words, 150, 50, &variables)
}

/// Types the steps, and compares what comes of each with what the documentation says.
#[track_caller]
fn follow(steps: &[Step], terminal: &Terminal, port: &str, after: impl Fn(&Step)) {
    let is_there = |screen: &Screen, prompt: &str| {
        screen.before_cursor().replace(port, "6379").trim_end() == prompt.trim_end()
    };
    for (at, step) in steps.iter().enumerate() {
        terminal.wait(&step.prompt, |screen| is_there(screen, &step.prompt));
        terminal.type_in(&step.typed);
        terminal.press(ENTER);
        let next = match (steps.get(at + 1), step.typed.as_str()) {
            (Some(next), _) => next.prompt.clone(),
            (None, "\\q") => "$ ".into(),
            (None, _) => step.prompt.clone(),
        };
        let screen = terminal.wait(&format!("the end of: {}", step.typed), |screen| {
            is_there(screen, &next) && screen.text().contains(&step.typed)
        });
        let text = screen.text();
        let typed = format!("{}{}", step.prompt.replace("6379", port), step.typed);
        let (_, answer) = text.rsplit_once(&typed).expect("what was typed");
        let lines: Vec<&str> = answer.lines().skip(1).collect();
        let lines = &lines[..lines.len().saturating_sub(1)];
        let expected: Vec<&str> = step.answer.iter().map(String::as_str).collect();
        assert_eq!(
            normal(lines, port),
            normal(&expected, port),
            "{}",
            step.typed
        );
        after(step);
    }
}

/// Lines without what differs from run to run: the port, versions, times, and the blanks these make.
fn normal(lines: &[&str], port: &str) -> Vec<String> {
    let word = |word: &str| -> String {
        let word = word.replace(port, "6379");
        let is_version = |text: &str| text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit());
        let number = word.trim_start_matches('(');
        if is_version(&word) {
            return "VERSION".into();
        }
        if let Some((before, rest)) = word.split_once("yarr/20") {
            return format!("{before}yarr/VERSION{}", &rest[12..]);
        }
        if number.parse::<f64>().is_ok() && number.contains('.') {
            return "TIME".into();
        }
        if word.len() > 18 && word.ends_with('Z') && word.contains('T') {
            return "TIME".into();
        }
        word
    };
    let line = |line: &&str| {
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        let text = words.join(" ");
        // How long a question took.
        match text.split_once(" row").map(|(rows, _)| rows) {
            Some(rows) if rows.starts_with('(') => format!("{rows} rows"),
            _ => text,
        }
    };
    lines.iter().map(line).collect()
}

#[test]
fn the_first_session_is_as_the_documentation_says() {
    let server = Server::start();
    let port = server.port().to_string();
    let project = Project::empty();
    let terminal = shell(&project);
    let blocks = blocks(include_str!("../../../docs/console.md"), "A first session");
    assert!(blocks.len() == 1 && blocks[0].len() > 10);
    follow(&blocks[0], &terminal, &port, |step| {
        // The file names the server on this machine; the one of this test has another port.
        if step.typed == "yarr init" {
            let text = project.read("yarr.toml");
            let here = format!("127.0.0.1:{port}");
            project.write("yarr.toml", &text.replace("127.0.0.1:6379", &here));
        }
    });
    // Of the table its history is left, and nothing else.
    let document: serde_json::Value =
        serde_json::from_str(project.yarr("tables --json").done()).expect("JSON");
    assert_eq!(document["records"], 0);
    assert_eq!(document["version"], serde_json::Value::Null);
}

#[test]
fn the_tool_is_as_the_readme_says() {
    let server = Server::start();
    let port = server.port().to_string();
    let project = Project::empty();
    let url = server.url("");
    project.write(
        "yarr.toml",
        &format!("[environments.development]\nservers = [\"{url}\"]\n"),
    );
    let terminal = shell(&project);
    let blocks = blocks(include_str!("../../../README.md"), "The tool");
    let [migrated, looked] = blocks.as_slice() else {
        panic!("the README has {} blocks", blocks.len());
    };
    follow(migrated, &terminal, &port, |_| {});
    for session in ["s-1001", "s-1002"] {
        send(
            &server,
            &[&format!(
                "YARR.CREATE user_session user_id 42 session_id {session}"
            )],
        );
    }
    follow(looked, &terminal, &port, |_| {});
}

#[test]
fn a_terminal_has_colours_and_a_pipe_has_none() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    project.migration(
        "20200504000000_create_pet",
        "up\n  table pet\n    ADD FIELD name STRING\n",
    );
    let terminal = Terminal::open(&project, &["migrate"], 100, 20);
    terminal.shows("Finished in");
    let terminal = Terminal::open(&project, &["status"], 100, 20);
    let screen = terminal.shows("create_pet");
    assert!(screen.is_bold("migration"), "{}", screen.text());
    assert_ne!(screen.color_of("up"), vt100::Color::Default);
    let plain = project.yarr("status");
    assert_eq!(plain.done().trim_end(), screen.text());
    let forced = project.yarr("status --color always");
    assert!(forced.done().contains("\u{1b}["));
}
