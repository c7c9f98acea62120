//! `yarr explain TABLE WHERE ...`: how a question will be answered.

use clap::Args;

use super::{answer, scan::ask};
use crate::{
    Context, Outcome, Result,
    output::{DIM, Output, WARN},
};

/// The arguments of `yarr explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr explain user_session WHERE user_id = 42
  yarr explain user_session --analyze WHERE user_id = 42 ORDER BY created_at DESC LIMIT 10
  yarr explain job UPDATE WHERE state eq ready SET state running

Operators have word forms that a shell leaves alone: EQ NE LT LE GT GE, and ALL for *.
Flags stand before the table: what follows it is the question.")]
pub struct Explain {
    /// Carry the question out as well: what each step met and how long it took (FIND, WHERE, AGGREGATE)
    #[arg(long)]
    analyze: bool,
    /// The table
    table: String,
    /// FIND, WHERE, AGGREGATE, UPDATE or DEL and what follows it
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "QUESTION"
    )]
    question: Vec<String>,
}

impl Explain {
    /// Shows the plan.
    ///
    /// # Errors
    /// What the command itself would answer.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let mut server = context.server()?;
        let mut question = self.question.as_slice();
        let mut analyze = self.analyze;
        if let [first, rest @ ..] = question
            && (first.eq_ignore_ascii_case("ANALYZE") || first == "--analyze")
        {
            analyze = true;
            question = rest;
        }
        let mut command = redis::cmd("YARR.EXPLAIN");
        command.arg(&self.table);
        if analyze {
            command.arg("ANALYZE");
        }
        command.arg(question);
        let plan = ask(&mut server, None, &command)?;
        let lines: Vec<String> = answer::items(&plan)
            .unwrap_or_default()
            .iter()
            .filter_map(answer::string)
            .collect();
        let output = &context.output;
        if output.is_json() {
            output.json(&serde_json::json!({
                "redis": server.name(), "table": self.table,
                "question": question.join(" "), "analyze": analyze, "plan": lines,
            }))?;
            return Ok(Outcome::Done);
        }
        for line in &lines {
            output.line(&painted(line, output))?;
        }
        Ok(Outcome::Done)
    }
}

/// What a line of a plan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something that is done.
    Work,
    /// An index that would help.
    Advice,
    /// What was answered, and how long it took.
    Outcome,
}

impl Step {
    /// Of a line of a plan.
    pub fn of(line: &str) -> Step {
        match line {
            _ if line.contains("ADD INDEX") => Step::Advice,
            _ if line.starts_with("answered ") => Step::Outcome,
            _ => Step::Work,
        }
    }
}

fn painted(line: &str, output: &Output) -> String {
    match Step::of(line) {
        Step::Work => line.to_string(),
        Step::Advice => output.paint(WARN, line),
        Step::Outcome => output.paint(DIM, line),
    }
}
