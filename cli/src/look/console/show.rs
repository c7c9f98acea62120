//! How answers are shown: records as tables, plans and facts in their own forms, everything else as in `redis-cli`.

use std::time::Duration;

use redis::Value;

use super::session::{Question, Session, Trouble};
use crate::{
    look::{
        answer, cell,
        explain::Step,
        facts, form,
        grammar::Answer,
        grid::{Drawing, Expanded, Grid},
    },
    output::{DIM, WARN},
};

impl Session {
    /// Shows an answer.
    pub(super) fn show(
        &self,
        value: &Value,
        question: &Question,
        took: Duration,
    ) -> Result<(), Trouble> {
        let walked = &question.walked;
        if self.settings.json {
            let document = answer::json(value, &walked.answer, walked.schema.as_deref());
            return self.say(&format!("{document}\n"));
        }
        let (text, rows) = self.text(value, question);
        self.say(&text)?;
        let Some(rows) = rows else {
            return self.time(took, true);
        };
        let more = match (self.page.is_some(), self.settings.interactive) {
            (false, _) => "",
            (true, true) => "; more: Enter or \\more",
            (true, false) => "; there are more",
        };
        let counted = match rows {
            1 => "1 row".to_string(),
            rows => format!("{rows} rows"),
        };
        let time = match self.settings.timing {
            true => format!(", {}", shown(took)),
            false => String::new(),
        };
        let foot = format!("({counted}{time}{more})");
        match self.settings.interactive {
            true => self.say(&format!("{}\n", self.output.paint(DIM, &foot))),
            false => Ok(()),
        }
    }

    /// Under an answer that is no table, how long it took: where it was asked for, or took long.
    pub(super) fn time(&self, took: Duration, plain: bool) -> Result<(), Trouble> {
        let long = took > Duration::from_millis(500) || !plain;
        match self.settings.timing && self.settings.interactive && long {
            true => self.say(&format!(
                "{}\n",
                self.output.paint(DIM, &format!("({})", shown(took)))
            )),
            false => Ok(()),
        }
    }

    /// An answer as text, and how many rows it has where it is a table.
    pub(super) fn text(&self, value: &Value, question: &Question) -> (String, Option<usize>) {
        let walked = &question.walked;
        let schema = walked.schema.as_deref();
        if let Some(grid) = answer::grid(value, &walked.answer, schema) {
            let rows = grid.rows.len();
            let text = match rows {
                0 => String::new(),
                _ => grid.draw(&self.drawing()),
            };
            return (text, Some(rows));
        }
        let lines = || {
            let lines: Option<Vec<String>> =
                answer::items(value)?.iter().map(answer::string).collect();
            lines.filter(|lines| !lines.is_empty())
        };
        let text = match &walked.answer {
            Answer::Plan => lines().map(|lines| self.plan(&lines)),
            Answer::Operations => lines().map(|lines| lines.join("\n") + "\n"),
            Answer::Facts => self.facts(value),
            _ => None,
        };
        (
            text.unwrap_or_else(|| form::text(value, &question.words)),
            None,
        )
    }

    fn plan(&self, lines: &[String]) -> String {
        let painted = |line: &String| match Step::of(line) {
            Step::Work => format!("{line}\n"),
            Step::Advice => format!("{}\n", self.output.paint(WARN, line)),
            Step::Outcome => format!("{}\n", self.output.paint(DIM, line)),
        };
        lines.iter().map(painted).collect()
    }

    /// A map of facts: names and values, lists of maps as tables below.
    fn facts(&self, value: &Value) -> Option<String> {
        let mut plain = Grid {
            columns: Vec::new(),
            rows: vec![Vec::new()],
        };
        let mut below = String::new();
        for (name, value) in answer::pairs(value).filter(|pairs| !pairs.is_empty())? {
            let name = String::from_utf8_lossy(&name).into_owned();
            let table =
                answer::grid(value, &Answer::Rows, None).filter(|grid| !grid.rows.is_empty());
            if let Some(grid) = table.filter(|grid| !grid.columns.is_empty()) {
                let drawing = Drawing {
                    expanded: Expanded::Off,
                    ..self.drawing()
                };
                below.push_str(&format!("\n{name}:\n{}", grid.draw(&drawing)));
                continue;
            }
            let cell = match answer::pairs(value).filter(|pairs| !pairs.is_empty()) {
                Some(_) => cell::Cell::text(answer::facts(value).to_string()),
                None => cell::Cell::of(value, None),
            };
            plain.columns.push(name);
            if let Some(row) = plain.rows.first_mut() {
                row.push(cell);
            }
        }
        let drawing = Drawing {
            expanded: Expanded::On,
            ..self.drawing()
        };
        Some(plain.draw(&drawing) + &below)
    }
}

/// A time in a unit that leaves few digits.
fn shown(took: Duration) -> String {
    facts::took(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}
