//! The prompt: where one is, and in what state.

use std::borrow::Cow;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus};

/// Where one is, and in what state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The environment, where it has a name.
    pub environment: Option<String>,
    /// Whether writes are asked about.
    pub protected: bool,
    /// The server.
    pub server: String,
    /// The database, where it is not the first.
    pub database: i64,
    /// Commands that wait for EXEC.
    pub queued: Option<usize>,
    /// Whether there is a connection.
    pub open: bool,
}

impl Place {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(environment) = &self.environment {
            text.push_str(environment);
            text.push(' ');
        }
        text.push_str(&self.server);
        if self.database != 0 {
            text.push_str(&format!("[{}]", self.database));
        }
        match self.queued {
            Some(0) => text.push_str(" (MULTI)"),
            Some(queued) => text.push_str(&format!(" (MULTI, {queued} queued)")),
            None => {}
        }
        if !self.open {
            text.push_str(" (not connected)");
        }
        text
    }
}

impl Prompt for Place {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        self.text().into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "  ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "no ",
        };
        format!(" ({failing}history: {}) ", search.term).into()
    }

    fn get_prompt_color(&self) -> reedline::Color {
        match (self.open, self.protected) {
            (false, _) => reedline::Color::DarkYellow,
            (_, true) => reedline::Color::DarkRed,
            _ => reedline::Color::DarkGreen,
        }
    }

    fn get_indicator_color(&self) -> reedline::Color {
        self.get_prompt_color()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_tells_the_state() {
        let mut place = Place {
            server: "here:6379".into(),
            open: true,
            ..Place::default()
        };
        assert_eq!(place.text(), "here:6379");
        place.environment = Some("production".into());
        place.database = 3;
        place.queued = Some(2);
        assert_eq!(place.text(), "production here:6379[3] (MULTI, 2 queued)");
        place.queued = None;
        place.open = false;
        assert_eq!(place.text(), "production here:6379[3] (not connected)");
    }
}
