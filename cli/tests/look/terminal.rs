//! A terminal of one's own: the tool in a pseudo-terminal, and the screen it draws.

use std::{
    io::{Read, Write},
    num::NonZero,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::harness::Project;

/// How long a screen may take to show what is expected.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys that are no letters.
pub const TAB: &str = "\t";
pub const ENTER: &str = "\r";
pub const UP: &str = "\x1b[A";
pub const RIGHT: &str = "\x1b[C";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_R: &str = "\x12";

/// A terminal with the tool in it.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    shared: Arc<Shared>,
}

struct Shared {
    screen: Mutex<vt100::Parser>,
    drawn: Condvar,
    keyboard: Mutex<Box<dyn Write + Send>>,
}

impl Terminal {
    /// Runs the tool in a terminal of so many columns and lines.
    pub fn open(project: &Project, words: &[&str], columns: u16, lines: u16) -> Terminal {
        Terminal::open_with(project, words, columns, lines, &[])
    }

    /// The same with variables.
    pub fn open_with(
        project: &Project,
        words: &[&str],
        columns: u16,
        lines: u16,
        variables: &[(&str, &str)],
    ) -> Terminal {
        let program = env!("CARGO_BIN_EXE_yarr");
        Terminal::run(program, project, words, columns, lines, variables)
    }

    /// Runs any program in a terminal.
    pub fn run(
        program: &str,
        project: &Project,
        words: &[&str],
        columns: u16,
        lines: u16,
        variables: &[(&str, &str)],
    ) -> Terminal {
        let mut command = CommandBuilder::new(program);
        command.args(words);
        command.cwd(project.path());
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HOME", project.path());
        for (name, value) in variables {
            command.env(name, value);
        }
        let size = PtySize {
            rows: lines,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("the tool");
        let keyboard = pair.master.take_writer().expect("its keyboard");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let shared = Arc::new(Shared {
            screen: Mutex::new(vt100::Parser::new(sized(lines), sized(columns), 1_000)),
            drawn: Condvar::new(),
            keyboard: Mutex::new(keyboard),
        });
        let seen = Arc::clone(&shared);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            let mut rest = Vec::new();
            while let Ok(count) = output.read(&mut bytes) {
                if count == 0 {
                    break;
                }
                rest.extend_from_slice(&bytes[..count]);
                seen.take(&mut rest);
            }
        });
        Terminal {
            child,
            master: pair.master,
            shared,
        }
    }

    /// Types text, or presses keys.
    pub fn press(&self, keys: &str) {
        let mut keyboard = self.shared.keyboard.lock().expect("the keyboard");
        keyboard.write_all(keys.as_bytes()).expect("the keyboard");
        keyboard.flush().expect("the keyboard");
    }

    /// Types text and waits until it stands where the cursor is.
    #[track_caller]
    pub fn type_in(&self, text: &str) {
        self.press(text);
        let tail: String = text
            .chars()
            .rev()
            .take(20)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        self.wait(&format!("what was typed: {text}"), |screen| {
            screen.before_cursor().ends_with(tail.trim_start())
        });
    }

    /// Types a line to a prompt that ends with `> `, and waits until it is there again.
    #[track_caller]
    pub fn line(&self, text: &str) -> Screen {
        self.type_in(text);
        self.press(ENTER);
        self.prompt()
    }

    /// Waits until nothing but a prompt stands before the cursor.
    #[track_caller]
    pub fn prompt(&self) -> Screen {
        self.wait("a prompt", |screen| {
            let before = screen.before_cursor();
            before.ends_with("> ") && before.matches('>').count() == 1
        })
    }

    /// Waits until the screen shows this text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> Screen {
        self.wait(text, |screen| screen.text().contains(text))
    }

    /// Waits until the screen is as expected.
    #[track_caller]
    pub fn wait(&self, what: &str, is_there: impl Fn(&Screen) -> bool) -> Screen {
        let end = Instant::now() + PATIENCE;
        let mut parser = self.shared.screen.lock().expect("the screen");
        loop {
            let screen = Screen(parser.screen().clone());
            if is_there(&screen) {
                return screen;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "expected {what}; the screen shows:\n{}",
                screen.text()
            );
            parser = self
                .shared
                .drawn
                .wait_timeout(parser, left)
                .expect("the screen")
                .0;
        }
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.shared
            .screen
            .lock()
            .expect("the screen")
            .screen_mut()
            .set_size(sized(lines), sized(columns));
        let size = PtySize {
            rows: lines,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).expect("a size");
    }

    /// Waits until the tool has ended, and answers its exit code.
    #[track_caller]
    pub fn ended(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the tool") {
                return status.exit_code();
            }
            let text = Screen(
                self.shared
                    .screen
                    .lock()
                    .expect("the screen")
                    .screen()
                    .clone(),
            )
            .text();
            assert!(
                Instant::now() < end,
                "the tool goes on; the screen shows:\n{text}"
            );
            thread::yield_now();
        }
    }
}

/// A size, which is never nothing.
fn sized(size: u16) -> NonZero<u16> {
    NonZero::new(size).expect("a size")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Shared {
    /// Draws what has come. Who asks where the cursor is gets an answer, as of any terminal.
    fn take(&self, rest: &mut Vec<u8>) {
        const WHERE: &[u8] = b"\x1b[6n";
        let mut screen = self.screen.lock().expect("the screen");
        while let Some(at) = rest.windows(WHERE.len()).position(|bytes| bytes == WHERE) {
            screen.process(&rest[..at]);
            rest.drain(..at + WHERE.len());
            let (line, column) = screen.screen().cursor_position();
            let mut keyboard = self.keyboard.lock().expect("the keyboard");
            write!(keyboard, "\x1b[{};{}R", line + 1, column + 1).expect("the keyboard");
            keyboard.flush().expect("the keyboard");
        }
        // Half a question stays until its other half comes.
        let keep = (1..WHERE.len())
            .rev()
            .find(|length| rest.ends_with(&WHERE[..*length]))
            .unwrap_or_default();
        let whole = rest.len() - keep;
        screen.process(&rest[..whole]);
        rest.drain(..whole);
        drop(screen);
        self.drawn.notify_all();
    }
}

/// What a screen showed.
pub struct Screen(vt100::Screen);

impl Screen {
    /// Its lines, without the blanks at their ends and the empty lines at its end.
    pub fn text(&self) -> String {
        let (_, columns) = self.0.size();
        let lines: Vec<String> = self
            .0
            .rows(0, columns.get())
            .map(|line| line.trim_end().to_string())
            .collect();
        lines.join("\n").trim_end().to_string()
    }

    /// What stands on the cursor's line before it.
    pub fn before_cursor(&self) -> String {
        let (line, column) = self.0.cursor_position();
        self.0.contents_between(line, 0, line, column)
    }

    /// The colour of the first letter of this text.
    #[track_caller]
    pub fn color_of(&self, text: &str) -> vt100::Color {
        self.cell_of(text).fgcolor()
    }

    /// Whether the first letter of this text is bold.
    #[track_caller]
    pub fn is_bold(&self, text: &str) -> bool {
        self.cell_of(text).bold()
    }

    /// Whether the first letter of this text is dim.
    #[track_caller]
    pub fn is_dim(&self, text: &str) -> bool {
        self.cell_of(text).dim()
    }

    #[track_caller]
    fn cell_of(&self, text: &str) -> &vt100::Cell {
        let (_, columns) = self.0.size();
        let found = self
            .0
            .rows(0, columns.get())
            .enumerate()
            .find_map(|(line, row)| {
                let at = row.find(text)?;
                let column = row[..at].chars().count();
                self.0
                    .cell(u16::try_from(line).ok()?, u16::try_from(column).ok()?)
            });
        found.unwrap_or_else(|| panic!("the screen does not show {text}:\n{}", self.text()))
    }
}
