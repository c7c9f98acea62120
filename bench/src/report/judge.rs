//! Whether a goal is met.

use crate::record::Spread;
use crate::row::{Goal, Row};
use crate::side::Name;

use super::Report;

/// The goals are of a million records; of fewer, which caches hold, they say nothing.
const ENOUGH: usize = 1_000_000;

/// The figures of a row and what they say of its goal.
pub struct Judged {
    pub native: Option<Spread>,
    pub yarr: Spread,
    /// Of each round by itself, YARR beside native.
    pub times: Option<Spread>,
    /// `None` where there is no goal, or none for so many records.
    pub met: Option<bool>,
    /// Whether some rounds are on the other side of the goal.
    pub unsure: bool,
}

/// `None` where YARR was not measured.
pub fn judge(report: &Report, row: Row) -> Option<Judged> {
    let (ours, theirs) = (
        report.figures(row, Name::Yarr),
        report.figures(row, Name::Native),
    );
    let pairs = || {
        ours.iter().filter_map(|(round, ours)| {
            let (_, theirs) = theirs.iter().find(|(other, _)| other == round)?;
            Some((*ours, *theirs))
        })
    };
    let yarr = report.spread(row, Name::Yarr)?;
    let times = Spread::of(pairs().map(|(ours, theirs)| ours / theirs));
    let measured = match row.goal() {
        Goal::Times(goal) => times.map(|times| (times, goal)),
        Goal::AtMost(goal) => Some((yarr, goal)),
        Goal::Over(goal) => {
            Spread::of(pairs().map(|(ours, theirs)| ours - theirs)).map(|over| (over, goal))
        }
        Goal::None => None,
    };
    let records = report.records().unwrap_or(0);
    let enough = if row.is_of_a_million() {
        records == 1_000_000
    } else {
        records >= ENOUGH
    };
    let measured = measured.filter(|_| enough);
    Some(Judged {
        native: report.spread(row, Name::Native),
        yarr,
        times,
        met: measured.map(|(spread, goal)| spread.median <= goal),
        unsure: measured
            .is_some_and(|(spread, goal)| spread.least <= goal && goal < spread.greatest),
    })
}

impl Report {
    /// Of the rows, or of the files and pauses where the rows are not measured.
    fn records(&self) -> Option<usize> {
        let parts = [&self.rows, &self.files, &self.pause];
        parts
            .into_iter()
            .flatten()
            .map(|results| results.head.records)
            .next()
    }
}

/// A goal as the table says it.
pub fn goal(row: Row) -> String {
    match row.goal() {
        Goal::Times(goal) => format!("{goal} times"),
        Goal::AtMost(goal) => format!("{goal} {}", row.unit()),
        Goal::Over(goal) => format!("{goal} {} more", row.unit()),
        Goal::None => String::new(),
    }
}

/// A verdict as the table says it.
pub fn verdict(judged: &Judged) -> &'static str {
    match (judged.met, judged.unsure) {
        (None, _) => "",
        (Some(true), false) => "met",
        (Some(true), true) => "met, within the noise",
        (Some(false), false) => "**short**",
        (Some(false), true) => "**short**, within the noise",
    }
}
