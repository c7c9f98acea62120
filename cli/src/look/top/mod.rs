//! `yarr top`: a server at work.

mod order;
mod plain;
mod sample;
mod screen;
mod view;

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use self::{
    order::Order,
    sample::{Sample, Sampler},
    screen::State,
    view::View,
};
use crate::{Context, Error, Outcome, Result, config::Address, server::Server};

/// The arguments of `yarr top`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr top
  yarr top --interval 0.5
  yarr top --once
  yarr top --once --json | jq '.tables[] | select(.migration)'

What is slow is what the server's slow log holds (slowlog-log-slower-than, 10 ms unless it is set): commands that differ by their values alone are one statement, with the plan of the last of them.")]
pub struct Top {
    /// Seconds between two looks
    #[arg(long, short, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    interval: f64,
    /// Print one plain look, of the time of one interval, and end
    #[arg(long)]
    once: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3_600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds between 0.1 and 3600".into()),
    }
}

/// How often keys are looked for.
const KEYS: Duration = Duration::from_millis(100);
/// How many rates the chart holds.
const PAST: usize = 200;

impl Top {
    /// Shows it until a key ends it.
    ///
    /// # Errors
    /// Where the server cannot be reached, or there is no terminal.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let addresses: Vec<Address> = context.addresses()?.into_iter().cloned().collect();
        let timeout = context.environment()?.timeout;
        let interval = Duration::from_secs_f64(self.interval);
        if self.once {
            for address in &addresses {
                let mut look = Look::open(address, timeout)?;
                let before = look.sampler.take(&mut look.server)?;
                thread::sleep(interval);
                let mut view = look.view(&before)?;
                Order::default().apply(&mut view);
                plain::print(&view, &context.output)?;
            }
            return Ok(Outcome::Done);
        }
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(Error::usage(
                "expected a terminal, found none; --once prints one look",
            ));
        }
        if context.output.is_json() {
            return Err(Error::usage("--json goes with --once"));
        }
        // Where the first server cannot be reached there is nothing to show.
        let first = addresses
            .first()
            .ok_or_else(|| Error::usage("there is no server"))?;
        let look = Look::open(first, timeout)?;
        let state = State {
            color: context.output.has_color(),
            seconds: self.interval,
            ..State::default()
        };
        let mut live = Live {
            addresses,
            timeout,
            look: Some(look),
            at: 0,
            before: None,
            state,
            interval,
        };
        let mut terminal = ratatui::try_init()
            .map_err(|error| Error::usage(format!("cannot use the terminal: {error}")))?;
        let outcome = live.watch(&mut terminal);
        ratatui::restore();
        outcome.map(|()| Outcome::Done)
    }
}

/// A server that is looked at.
struct Look {
    server: Server,
    sampler: Sampler,
    /// Plans that were asked for, by their statements; each is asked for once.
    plans: HashMap<String, Vec<String>>,
}

impl Look {
    fn open(address: &Address, timeout: Duration) -> Result<Look> {
        Ok(Look {
            server: Server::connect(address, timeout)?,
            sampler: Sampler::default(),
            plans: HashMap::new(),
        })
    }

    /// What has come about since a sample.
    fn view(&mut self, before: &Sample) -> Result<View> {
        let now = self.sampler.take(&mut self.server)?;
        let mut view = View::new(self.server.name(), before, now);
        for statement in &mut view.statements {
            let Some(example) = &statement.example else {
                continue;
            };
            if !self.plans.contains_key(&statement.text) {
                // A command that cannot be explained, or no longer, has no plan.
                let plan = sample::plan(&mut self.server, example).unwrap_or_default();
                self.plans.insert(statement.text.clone(), plan);
            }
            statement.plan = self.plans.get(&statement.text).cloned().unwrap_or_default();
        }
        Ok(view)
    }
}

/// The screen that is drawn again and again.
struct Live {
    addresses: Vec<Address>,
    timeout: Duration,
    look: Option<Look>,
    at: usize,
    before: Option<Sample>,
    state: State,
    interval: Duration,
}

impl Live {
    fn watch(&mut self, terminal: &mut ratatui::DefaultTerminal) -> Result<()> {
        let broken = |error: io::Error| Error::usage(format!("cannot use the terminal: {error}"));
        let mut due = Instant::now();
        loop {
            let now = Instant::now();
            if now >= due && !self.state.paused {
                self.step();
                // The second look comes soon, so that the first rates do.
                due = match &self.state.view {
                    Some(_) => now + self.interval,
                    None => now + self.interval.min(Duration::from_millis(500)),
                };
            }
            self.state.server = (
                self.addresses
                    .get(self.at)
                    .map(|a| a.name.clone())
                    .unwrap_or_default(),
                self.at,
                self.addresses.len(),
            );
            terminal
                .draw(|frame| self.state.draw(frame))
                .map_err(broken)?;
            let wait = due.saturating_duration_since(Instant::now());
            let wait = if self.state.paused { KEYS } else { wait };
            if event::poll(wait.min(Duration::from_secs(1))).map_err(broken)? {
                match event::read().map_err(broken)? {
                    Event::Key(key) if key.kind == KeyEventKind::Press => {
                        let at = self.at;
                        if self.key(key) {
                            return Ok(());
                        }
                        if at != self.at || self.look.is_none() {
                            due = Instant::now();
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Looks at the server, anew where the connection broke.
    fn step(&mut self) {
        if let Err(error) = self.try_step() {
            self.look = None;
            self.before = None;
            self.state.trouble = Some(error.message);
        }
    }

    fn try_step(&mut self) -> Result<()> {
        let look = match &mut self.look {
            Some(look) => look,
            None => {
                let address = self.addresses.get(self.at);
                let address = address.ok_or_else(|| Error::usage("there is no server"))?;
                self.look.insert(Look::open(address, self.timeout)?)
            }
        };
        let before = match self.before.take() {
            Some(before) => before,
            None => {
                self.before = Some(look.sampler.take(&mut look.server)?);
                return Ok(());
            }
        };
        let mut view = look.view(&before)?;
        self.before = Some(view.now.clone());
        self.state.order.apply(&mut view);
        self.state.past.push(view.operations.round() as u64);
        let surplus = self.state.past.len().saturating_sub(PAST);
        self.state.past.drain(..surplus);
        self.state.trouble = None;
        self.state.view = Some(view);
        Ok(())
    }

    /// Does what a key says; whether it is to end.
    fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let state = &mut self.state;
        match key.code {
            KeyCode::Char('c' | 'd') if control => return true,
            KeyCode::Char('q') => return true,
            KeyCode::Esc if state.help => state.help = false,
            KeyCode::Esc => return true,
            KeyCode::Char('?' | 'h') => state.help ^= true,
            KeyCode::Tab => state.focus = state.focus.next(),
            KeyCode::Char('s') => state.order.turn(state.focus),
            KeyCode::Char('r') => state.order.reversed ^= true,
            KeyCode::Char(' ') => state.paused ^= true,
            KeyCode::Down | KeyCode::Up => {
                let rows = state.view.as_ref().map_or(0, |view| match state.focus {
                    order::List::Commands => view.commands.len(),
                    order::List::Tables => view.tables.len(),
                    order::List::Statements => view.statements.len(),
                });
                if let Some(scrolled) = state.scrolled.get_mut(state.focus as usize) {
                    *scrolled = match key.code {
                        KeyCode::Down => (*scrolled + 1).min(rows.saturating_sub(1)),
                        _ => scrolled.saturating_sub(1),
                    };
                }
            }
            KeyCode::Char('+') => self.pace(0.5),
            KeyCode::Char('-') => self.pace(2.0),
            KeyCode::Right => self.turn(1),
            KeyCode::Left => self.turn(self.addresses.len().saturating_sub(1)),
            _ => {}
        }
        if let Some(view) = &mut self.state.view {
            self.state.order.apply(view);
        }
        false
    }

    fn pace(&mut self, factor: f64) {
        self.state.seconds = (self.state.seconds * factor).clamp(0.1, 3_600.0);
        self.interval = Duration::from_secs_f64(self.state.seconds);
    }

    /// Goes so many servers on.
    fn turn(&mut self, by: usize) {
        if self.addresses.len() < 2 {
            return;
        }
        self.at = (self.at + by) % self.addresses.len();
        self.look = None;
        self.before = None;
        self.state.view = None;
        self.state.trouble = None;
        self.state.past.clear();
    }
}
