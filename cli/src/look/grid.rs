//! Rows as an aligned table, or one below another where they are few or wide.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cell::{Cell, Sort};

/// Rows under the names of their columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// The names.
    pub columns: Vec<String>,
    /// The rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// Whether each row is shown as lines of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expanded {
    /// Where there is one row, or the rows are wider than the terminal.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How tables are drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drawing {
    /// The columns of the terminal; without them nothing is cut.
    pub width: Option<usize>,
    /// Whether to use colours.
    pub color: bool,
    /// Whether lines may be drawn with more than ASCII.
    pub unicode: bool,
    /// One row below another.
    pub expanded: Expanded,
}

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The narrowest that a column of text may become where a table is cut to the terminal.
const NARROWEST: usize = 20;

impl Drawing {
    fn paint(&self, style: Style, text: &str) -> String {
        match self.color && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.into(),
        }
    }

    fn cell(&self, cell: &Cell, text: &str) -> String {
        match cell.sort {
            Sort::Null => self.paint(DIM, text),
            _ => text.into(),
        }
    }

    fn glyphs(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self.unicode {
            true => ("│", "─", "┼", "…"),
            false => ("|", "-", "+", "..."),
        }
    }
}

/// How wide the columns are, and what stands beside their lines.
#[derive(Debug, Clone)]
struct Fit {
    widths: Vec<usize>,
    blank: &'static str,
}

impl Grid {
    /// Draws it; each line ends with a newline.
    pub fn draw(&self, drawing: &Drawing) -> String {
        let widths = self.widths();
        let whole = Fit {
            widths: widths.clone(),
            blank: " ",
        };
        let fitted = match drawing.width {
            Some(width) => self.fit(&widths, width),
            None => Some(whole.clone()),
        };
        match (drawing.expanded, fitted) {
            (Expanded::On, _) | (Expanded::Auto, None) => self.expanded(drawing),
            (Expanded::Auto, Some(_)) if self.rows.len() == 1 && self.columns.len() > 1 => {
                self.expanded(drawing)
            }
            (_, fitted) => self.aligned(drawing, &fitted.unwrap_or(whole)),
        }
    }

    fn column(&self, at: usize) -> impl Iterator<Item = &Cell> {
        self.rows.iter().filter_map(move |row| row.get(at))
    }

    fn widths(&self) -> Vec<usize> {
        let width = |(at, name): (usize, &String)| {
            let cells = self.column(at).map(|cell| cell.text.width());
            cells.chain([name.width()]).max().unwrap_or_default()
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    /// Columns to the right hold nothing but numbers and nulls.
    fn is_right(&self, at: usize) -> bool {
        let is_text = |cell: &Cell| cell.sort == Sort::Text;
        let is_number = |cell: &Cell| cell.sort == Sort::Number;
        self.column(at).any(is_number) && !self.column(at).any(is_text)
    }

    /// Widths that fit the terminal: first the blanks beside the lines give way, then the widest columns of text.
    fn fit(&self, widths: &[usize], terminal: usize) -> Option<Fit> {
        let sum: usize = widths.iter().sum();
        let lines = widths.len().saturating_sub(1);
        let mut widths = widths.to_vec();
        if sum + 3 * lines + 2 <= terminal {
            return Some(Fit { widths, blank: " " });
        }
        let mut excess = (sum + lines).saturating_sub(terminal);
        while excess > 0 {
            let (at, widest) = widths
                .iter()
                .copied()
                .enumerate()
                .filter(|(at, _)| !self.is_right(*at))
                .max_by_key(|(_, width)| *width)?;
            let name = self.columns.get(at).map_or(0, |name| name.width());
            if widest <= NARROWEST.max(name) {
                return None;
            }
            if let Some(width) = widths.get_mut(at) {
                *width -= 1;
            }
            excess -= 1;
        }
        Some(Fit { widths, blank: "" })
    }

    fn aligned(&self, drawing: &Drawing, fit: &Fit) -> String {
        let (_, dash, cross, _) = drawing.glyphs();
        let head: Vec<Cell> = self.columns.iter().map(Cell::text).collect();
        let mut text = self.line(&head, drawing, fit, |shown, _| drawing.paint(HEAD, shown));
        let beside = 2 * fit.blank.len();
        let rules: Vec<String> = fit
            .widths
            .iter()
            .map(|width| dash.repeat(width + beside))
            .collect();
        text.push_str(&drawing.paint(DIM, &rules.join(cross)));
        text.push('\n');
        for row in &self.rows {
            text.push_str(&self.line(row, drawing, fit, |shown, cell| drawing.cell(cell, shown)));
        }
        text
    }

    /// A row, or the head, as a line.
    fn line(
        &self,
        row: &[Cell],
        drawing: &Drawing,
        fit: &Fit,
        paint: impl Fn(&str, &Cell) -> String,
    ) -> String {
        let (bar, _, _, more) = drawing.glyphs();
        let bar = drawing.paint(DIM, bar);
        let beside = fit.blank;
        let mut cells = Vec::new();
        for (at, (cell, width)) in row.iter().zip(&fit.widths).enumerate() {
            let (shown, blank) = padded(&cell.text, *width, more);
            let shown = paint(&shown, cell);
            cells.push(match self.is_right(at) {
                true => format!("{beside}{blank}{shown}{beside}"),
                false => format!("{beside}{shown}{blank}{beside}"),
            });
        }
        let line = cells.join(&bar);
        format!("{}\n", line.trim_end())
    }

    fn expanded(&self, drawing: &Drawing) -> String {
        let (bar, dash, ..) = drawing.glyphs();
        let names = self.columns.iter().map(|name| name.width()).max();
        let name_width = names.unwrap_or_default();
        let values = self.rows.iter().flatten().map(|cell| cell.text.width());
        let whole = name_width + 3 + values.max().unwrap_or_default();
        let length = whole.min(drawing.width.unwrap_or(usize::MAX));
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            if self.rows.len() > 1 {
                let title = format!("{dash}[ {} ]", number + 1);
                let rest = dash.repeat(length.saturating_sub(title.width()));
                let _ = writeln!(text, "{}", drawing.paint(DIM, &format!("{title}{rest}")));
            }
            for (name, cell) in self.columns.iter().zip(row) {
                let blank = " ".repeat(name_width.saturating_sub(name.width()));
                let name = drawing.paint(HEAD, name);
                let bar = drawing.paint(DIM, bar);
                let shown = drawing.cell(cell, &cell.text);
                let _ = writeln!(text, "{name}{blank} {bar} {shown}");
            }
        }
        text
    }
}

/// Text cut to a width, and the blank that is left of it.
fn padded(text: &str, width: usize, more: &str) -> (String, String) {
    let shown = cut(text, width, more);
    let blank = " ".repeat(width.saturating_sub(shown.width()));
    (shown, blank)
}

/// Text of at most this width; what is cut ends with `more`.
pub fn cut(text: &str, width: usize, more: &str) -> String {
    if text.width() <= width {
        return text.into();
    }
    let room = width.saturating_sub(more.width());
    let mut shown = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken > room {
            break;
        }
        shown.push(c);
    }
    shown.push_str(more);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Grid {
        let row = |id: &str, name: Cell, note: &str| vec![Cell::number(id), name, Cell::text(note)];
        Grid {
            columns: ["id", "name", "note"].map(String::from).into(),
            rows: vec![
                row("1", Cell::text("Ann"), "日本"),
                row("10", Cell::null(), "a somewhat longer note"),
            ],
        }
    }

    #[test]
    fn rows_are_aligned_by_what_the_terminal_shows() {
        let drawing = Drawing {
            unicode: true,
            ..Drawing::default()
        };
        assert_eq!(
            sample().draw(&drawing),
            " id │ name │ note\n\
             ────┼──────┼────────────────────────\n\
             \u{20} 1 │ Ann  │ 日本\n\
             \u{20}10 │ null │ a somewhat longer note\n"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_text_and_then_turns_the_rows() {
        let drawn = |width| {
            sample().draw(&Drawing {
                width: Some(width),
                ..Drawing::default()
            })
        };
        assert_eq!(
            drawn(32),
            "id|name|note\n\
             --+----+----------------------\n\
             \u{20}1|Ann |日本\n\
             10|null|a somewhat longer note\n"
        );
        assert_eq!(
            drawn(28),
            "id|name|note\n\
             --+----+--------------------\n\
             \u{20}1|Ann |日本\n\
             10|null|a somewhat longer...\n"
        );
        assert!(drawn(28).lines().all(|line| line.width() <= 28));
        assert_eq!(
            drawn(18),
            "-[ 1 ]------------\n\
             id   | 1\n\
             name | Ann\n\
             note | 日本\n\
             -[ 2 ]------------\n\
             id   | 10\n\
             name | null\n\
             note | a somewhat longer note\n"
        );
    }

    #[test]
    fn one_row_is_expanded_unless_told_otherwise() {
        let mut grid = sample();
        grid.rows.truncate(1);
        assert_eq!(
            grid.draw(&Drawing::default()),
            "id   | 1\nname | Ann\nnote | 日本\n"
        );
        let aligned = grid.draw(&Drawing {
            expanded: Expanded::Off,
            ..Drawing::default()
        });
        assert!(aligned.starts_with(" id | name | note\n"), "{aligned}");
    }

    #[test]
    fn colours_do_not_shift_columns() {
        let drawn = sample().draw(&Drawing {
            color: true,
            ..Drawing::default()
        });
        assert!(drawn.contains("\u{1b}[2mnull\u{1b}[0m"), "{drawn:?}");
        let plain = anstyle_free(&drawn);
        assert_eq!(plain, sample().draw(&Drawing::default()));
    }

    /// The text without its escape sequences.
    fn anstyle_free(text: &str) -> String {
        let mut rest = text;
        let mut plain = String::new();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain + rest
    }
}
