//! How far something has come.

use std::{fmt::Write, io::IsTerminal};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A bar on a terminal, with rate and time left; nothing elsewhere. It is gone with its value.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(total: Option<u64>, what: &str, wanted: bool) -> Progress {
        let target = match wanted && std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target).with_message(what.to_string());
        let template = match total {
            Some(_) => "{msg} {wide_bar} {human_pos}/{human_len}  {rate}/s  {eta} left",
            None => "{msg} {spinner} {human_pos}  {rate}/s",
        };
        // The templates are this program's own: a bad one would show itself at once, as a bar without style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(
                style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
                    let _ = write!(text, "{}", HumanCount(state.per_sec() as u64));
                }),
            );
        }
        Progress { bar }
    }

    /// It has come to this place.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// It has come this much further.
    pub fn add(&self, more: u64) {
        self.bar.inc(more);
    }

    /// It goes to this place.
    pub fn total(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// What it is that goes on.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_string());
    }

    /// Writes something while no bar is in the way.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
