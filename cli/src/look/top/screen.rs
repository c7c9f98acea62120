//! A view as a screen.

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span, Text},
    widgets::{Block, Borders, Cell, Clear, Gauge, Paragraph, Row, Sparkline, Table},
};

use super::{
    order::{List, Order},
    plain::{figures, migration, rate, title},
    view::View,
};
use crate::look::{
    explain::Step,
    facts::{grouped, size, took},
};

/// What the screen shows beside the view.
#[derive(Debug, Default)]
pub struct State {
    /// The view, once there are two samples.
    pub view: Option<View>,
    /// What is wrong with the server.
    pub trouble: Option<String>,
    /// How the lists are sorted.
    pub order: Order,
    /// The list that keys are for.
    pub focus: List,
    /// How many lines of each list are above the screen.
    pub scrolled: [usize; 3],
    /// Operations a second, the last ones.
    pub past: Vec<u64>,
    /// Whether nothing is asked for the time being.
    pub paused: bool,
    /// Whether the keys are shown.
    pub help: bool,
    /// Whether to use colours.
    pub color: bool,
    /// The server, and which it is of how many.
    pub server: (String, usize, usize),
    /// The interval.
    pub seconds: f64,
}

/// The keys and what they do.
pub const KEYS: [(&str, &str); 9] = [
    ("q Esc Ctrl-C", "quit"),
    ("Tab", "the next list"),
    ("s", "sort the list by its next column"),
    ("r", "the other way round"),
    ("Up Down", "scroll the list"),
    ("Left Right", "the next server of the environment"),
    ("+ -", "look more often, less often"),
    ("Space", "pause"),
    ("?", "these keys"),
];

/// The columns that the figures of the server take, and those that a list has for its names at least.
const FIGURES: u16 = 82;
const NAMES: u16 = 14;

impl State {
    fn style(&self, color: Color) -> Style {
        match self.color {
            true => Style::new().fg(color),
            false => Style::new(),
        }
    }

    fn dim(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Draws all of it.
    pub fn draw(&self, frame: &mut Frame) {
        let area = frame.area();
        let [head, body, foot] = Layout::vertical([
            Constraint::Length(4),
            Constraint::Min(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.foot(frame, foot);
        let Some(view) = &self.view else {
            let text = self
                .trouble
                .clone()
                .unwrap_or(format!("looking at {} ...", self.server.0));
            frame.render_widget(Paragraph::new(text), body);
            return;
        };
        self.head(frame, head, view);
        let running = view
            .tables
            .iter()
            .filter(|growing| growing.table.running.is_some())
            .count();
        let builds = u16::try_from(running.min(4)).unwrap_or(4);
        let lists = u16::try_from(view.commands.len().max(view.tables.len())).unwrap_or(u16::MAX);
        let upper = lists.saturating_add(2).clamp(4, (body.height / 2).max(4));
        match area.width >= 100 {
            true => {
                let [upper, builds, lower] = Layout::vertical([
                    Constraint::Length(upper),
                    Constraint::Length(builds),
                    Constraint::Min(3),
                ])
                .areas(body);
                let [left, right] = Layout::horizontal([Constraint::Fill(1); 2])
                    .spacing(2)
                    .areas(upper);
                self.commands(frame, left, view);
                self.tables(frame, right, view);
                self.builds(frame, builds, view);
                self.statements(frame, lower, view);
            }
            false => {
                let [first, second, builds, third] = Layout::vertical([
                    Constraint::Fill(1),
                    Constraint::Fill(1),
                    Constraint::Length(builds),
                    Constraint::Fill(1),
                ])
                .areas(body);
                self.commands(frame, first, view);
                self.tables(frame, second, view);
                self.builds(frame, builds, view);
                self.statements(frame, third, view);
            }
        }
        if self.help {
            self.help(frame, area);
        }
    }

    fn head(&self, frame: &mut Frame, area: Rect, view: &View) {
        // The figures come first; the chart takes what is left of the line.
        let room = area.width.saturating_sub(FIGURES);
        let room = if room < 12 { 0 } else { room };
        let [text, chart] =
            Layout::horizontal([Constraint::Min(1), Constraint::Length(room)]).areas(area);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let mut lines = vec![Line::from(vec![
            Span::styled(view.server.clone(), bold),
            Span::raw("  "),
            Span::styled(title(view), self.dim()),
        ])];
        for pair in figures(view).chunks(2) {
            let mut spans = Vec::new();
            for (name, text) in pair {
                spans.push(Span::styled(format!("{name:<11}"), self.dim()));
                let color = match *name {
                    "cpu" if view.cpu > 80.0 => Some(Color::Red),
                    "errors" if view.errors > 0.0 => Some(Color::Yellow),
                    _ => None,
                };
                let style = color.map_or(Style::new(), |color| self.style(color));
                spans.push(Span::styled(format!("{text:<28} "), style));
            }
            lines.push(Line::from(spans));
        }
        frame.render_widget(Paragraph::new(Text::from(lines)), text);
        let room = usize::from(chart.width);
        let shown: Vec<u64> = self.past.iter().rev().take(room).rev().copied().collect();
        let most = shown.iter().max().copied().unwrap_or_default();
        let [label, chart] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(chart);
        let label_text = format!("operations/s, most {}", grouped(most));
        frame.render_widget(Paragraph::new(Span::styled(label_text, self.dim())), label);
        let spark = Sparkline::default()
            .data(shown)
            .style(self.style(Color::Cyan));
        frame.render_widget(spark, chart);
    }

    fn block(&self, list: List, count: usize) -> Block<'static> {
        let name = match list {
            List::Commands => "commands",
            List::Tables => "tables",
            List::Statements => "slow statements",
        };
        let focused = self.focus == list;
        let style = match focused {
            true => self.style(Color::Cyan).add_modifier(Modifier::BOLD),
            false => self.dim(),
        };
        Block::new()
            .borders(Borders::TOP)
            .border_style(style)
            .title(Span::styled(format!(" {name} ({count}) "), style))
    }

    /// The head of a list: its columns, the one it is sorted by marked.
    fn columns(&self, list: List) -> Row<'static> {
        let sorted = self.order.column(list);
        let mark = if self.order.reversed { "^" } else { "v" };
        let cells = list.columns().iter().enumerate().map(|(at, name)| {
            let text = match at == sorted {
                true => format!("{name} {mark}"),
                false => name.to_string(),
            };
            let side = if at == 0 {
                Alignment::Left
            } else {
                Alignment::Right
            };
            Cell::from(Line::from(text).alignment(side))
        });
        Row::new(cells).style(Style::new().add_modifier(Modifier::BOLD))
    }

    fn list(
        &self,
        frame: &mut Frame,
        area: Rect,
        list: List,
        rows: Vec<Row<'static>>,
        numbers: &[u16],
    ) {
        // On a narrow terminal the last columns are left out.
        let fits = |count: &usize| {
            let taken: u16 = numbers.iter().take(*count).map(|width| width + 1).sum();
            taken + NAMES <= area.width
        };
        let count = (0..=numbers.len()).rev().find(fits).unwrap_or_default();
        let numbers = numbers.get(..count).unwrap_or_default();
        let widths = std::iter::once(Constraint::Fill(1))
            .chain(numbers.iter().map(|width| Constraint::Length(*width)));
        let count = rows.len();
        let skipped = self
            .scrolled
            .get(list as usize)
            .copied()
            .unwrap_or_default();
        let table = Table::new(
            rows.into_iter().skip(skipped.min(count.saturating_sub(1))),
            widths,
        )
        .header(self.columns(list))
        .block(self.block(list, count));
        frame.render_widget(table, area);
    }

    fn commands(&self, frame: &mut Frame, area: Rect, view: &View) {
        let rows = view.commands.iter().map(|command| {
            let own = command.name.starts_with("YARR.");
            let name = match own {
                true => Span::styled(command.name.clone(), self.style(Color::Cyan)),
                false => Span::raw(command.name.clone()),
            };
            let failed = match command.failed > 0.0 {
                true => self.style(Color::Yellow),
                false => Style::new(),
            };
            Row::new([
                Cell::from(name),
                right(rate(command.rate)),
                right(rate(command.each)),
                right(format!("{:.1}", command.share)),
                right(rate(command.failed)).style(failed),
            ])
        });
        self.list(frame, area, List::Commands, rows.collect(), &[9, 10, 8, 10]);
    }

    fn tables(&self, frame: &mut Frame, area: Rect, view: &View) {
        let rows = view.tables.iter().map(|growing| {
            let table = &growing.table;
            Row::new([
                Cell::from(table.name.clone()),
                right(grouped(table.records)),
                right(rate(growing.rate)),
                right(size(table.bytes)),
                right(grouped(table.expiring)),
            ])
        });
        self.list(frame, area, List::Tables, rows.collect(), &[11, 8, 10, 10]);
    }

    fn builds(&self, frame: &mut Frame, area: Rect, view: &View) {
        let growing = view
            .tables
            .iter()
            .filter_map(|growing| Some((growing, growing.table.running.as_ref()?)));
        for (at, (growing, running)) in growing.take(usize::from(area.height)).enumerate() {
            let line = Rect {
                y: area.y + u16::try_from(at).unwrap_or_default(),
                height: 1,
                ..area
            };
            let text = migration(growing).unwrap_or_default();
            let gauge = Gauge::default()
                .ratio((running.percent.min(100) as f64) / 100.0)
                .label(format!("{} %  {text}", running.percent))
                .use_unicode(true)
                .gauge_style(self.style(Color::Green));
            frame.render_widget(gauge, line);
        }
    }

    fn statements(&self, frame: &mut Frame, area: Rect, view: &View) {
        let rows = view.statements.iter().map(|statement| {
            let mut lines = vec![Line::from(statement.text.clone())];
            for step in &statement.plan {
                let style = match Step::of(step) {
                    Step::Advice => self.style(Color::Yellow),
                    _ => self.dim(),
                };
                lines.push(Line::from(Span::styled(format!("  {step}"), style)));
            }
            let height = u16::try_from(lines.len()).unwrap_or(1);
            Row::new([
                Cell::from(Text::from(lines)),
                right(grouped(statement.count as u64)),
                right(took(statement.worst)),
                right(took(statement.mean())),
            ])
            .height(height)
        });
        self.list(frame, area, List::Statements, rows.collect(), &[8, 10, 10]);
    }

    fn foot(&self, frame: &mut Frame, area: Rect) {
        let mut spans = vec![
            Span::raw("q quit  Tab list  s sort  r reverse  Space pause  ? keys"),
            Span::styled(format!("   every {} s", self.seconds), self.dim()),
        ];
        if self.paused {
            spans.push(Span::styled("   paused", self.style(Color::Yellow)));
        }
        if self.server.2 > 1 {
            spans.push(Span::styled(
                format!("   server {} of {}", self.server.1 + 1, self.server.2),
                self.dim(),
            ));
        }
        if let Some(trouble) = &self.trouble {
            spans = vec![Span::styled(trouble.clone(), self.style(Color::Red))];
        }
        frame.render_widget(Paragraph::new(Line::from(spans)), area);
    }

    fn help(&self, frame: &mut Frame, area: Rect) {
        let lines: Vec<Line> = KEYS
            .iter()
            .map(|(key, what)| Line::from(format!(" {key:<14} {what}")))
            .collect();
        let height = u16::try_from(lines.len() + 2).unwrap_or(3).min(area.height);
        let width = 56.min(area.width);
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        frame.render_widget(Clear, place);
        let block = Block::bordered().title(" keys ");
        frame.render_widget(Paragraph::new(lines).block(block), place);
    }
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).alignment(Alignment::Right))
}
