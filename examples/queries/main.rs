//! Questions to a table of `RECORDS` (1,000,000) sessions: the plan of each, what it met, how long it took.
//!
//! Writes the part of `docs/queries.md` that is measured.

#[path = "../../tests/plans/sessions.rs"]
mod sessions;

use sessions::{QUESTIONS, Sessions};

/// Each is asked so often; the median is shown.
const TIMES: usize = 9;

/// What is measured follows this line of the document.
const MARK: &str = "<!-- measured by make queries -->\n";

fn main() -> std::io::Result<()> {
    let records =
        std::env::var("RECORDS").map_or(1_000_000, |text| text.parse().expect("a number"));
    let mut sessions = Sessions::new(records);
    let mut text = format!(
        "\n{records} records, the median of {TIMES}, on {}.\n\n```text\n",
        machine()
    );
    for question in QUESTIONS {
        text.push_str(&format!("> {question}\n"));
        for line in asked(&mut sessions, question) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text.push_str("```\n");
    print!("{text}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/queries.md");
    let document = std::fs::read_to_string(path)?;
    let (head, _) = document.split_once(MARK).expect("the mark in the document");
    std::fs::write(path, format!("{head}{MARK}{text}"))
}

/// The lines of the answer whose time is the median; of a write the plan alone.
fn asked(sessions: &mut Sessions, question: &str) -> Vec<String> {
    if question.starts_with("UPDATE") || question.starts_with("DEL") {
        return sessions.explain(question, false);
    }
    let mut answers: Vec<Vec<String>> = (0..TIMES)
        .map(|_| sessions.explain(question, true))
        .collect();
    answers.sort_by_key(|lines| microseconds(lines));
    answers.swap_remove(TIMES / 2)
}

/// `answered 10 elements in 12 us` took 12.
fn microseconds(lines: &[String]) -> u64 {
    let last = lines.last().and_then(|line| line.strip_suffix(" us"));
    let number = last.and_then(|line| line.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    format!(
        "{} ({cores} cores)",
        model.unwrap_or("a processor that does not say its name")
    )
}
