//! `yarr console`: a conversation with a server.

mod complete;
mod help;
mod history;
mod known;
mod link;
mod mark;
mod meta;
mod prompt;
mod session;
mod show;

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use reedline::{
    Emacs, IdeMenu, KeyCode, KeyModifiers, MenuBuilder, Reedline, ReedlineEvent, ReedlineMenu,
    Signal, default_emacs_keybindings,
};

use self::{
    complete::{Colours, Completion, Hints},
    history::Discreet,
    link::Link,
    prompt::Place,
    session::{Next, Session, Settings, Trouble},
};
use super::grid::Expanded;
use crate::{
    Context, Error, Outcome, Result,
    output::{BAD, DIM},
};

/// The arguments of `yarr console`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr console
  yarr console --env production --server eu
  yarr console -c 'YARR.WHERE user_session user_id = 42'
  yarr console --json -c 'YARR.FIND account 1' | jq .email
  yarr console < commands.txt

In it, \\? lists its own commands, \\h those of the server, Tab completes. Without a terminal, or with -c, it stops at the first command that fails (exit code 4).")]
pub struct Console {
    /// Carry this out and end; several one after another
    #[arg(short, long, value_name = "COMMAND")]
    command: Vec<String>,
    /// Allow writes where the configuration protects from them, when nobody can be asked
    #[arg(long)]
    write: bool,
}

impl Console {
    /// Has the conversation.
    ///
    /// # Errors
    /// Without a terminal what the first command that failed answered.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let environment = context.environment()?;
        let interactive =
            self.command.is_empty() && io::stdin().is_terminal() && io::stdout().is_terminal();
        let link = open(context)?;
        let settings = Settings {
            expanded: Expanded::Auto,
            timing: interactive,
            json: context.output.is_json(),
            protect: environment.protect && !self.write,
            interactive,
        };
        let mut session = Session::new(link, settings, context.output.clone());
        session.servers.clone_from(&environment.servers);
        if interactive {
            let name = Some(environment.name.clone()).filter(|_| environment.file.is_some());
            let name = name.filter(|name| name != "url");
            return converse(&mut session, context, name);
        }
        if self.command.is_empty() {
            for (number, line) in io::stdin().lock().lines().enumerate() {
                let line =
                    line.map_err(|error| Error::usage(format!("cannot read the input: {error}")))?;
                if carry_out(&mut session, &line, &format!("line {}", number + 1))? == Next::Quit {
                    break;
                }
            }
        }
        for (number, command) in self.command.iter().enumerate() {
            let place = match self.command.len() {
                1 => String::new(),
                _ => format!("command {}", number + 1),
            };
            if carry_out(&mut session, command, &place)? == Next::Quit {
                break;
            }
        }
        Ok(Outcome::Done)
    }
}

fn open(context: &Context) -> Result<Link> {
    let addresses = context.addresses()?;
    match addresses.as_slice() {
        [address] => Link::open((*address).clone(), context.environment()?.timeout),
        several => {
            let names: Vec<&str> = several.iter().map(|server| server.name.as_str()).collect();
            Err(Error::usage(format!(
                "expected one server, found several; name one with --server: {}",
                names.join(", ")
            )))
        }
    }
}

/// Carries a line out with nobody there to see it: a failure ends it all.
fn carry_out(session: &mut Session, line: &str, place: &str) -> Result<Next> {
    session.run(line).map_err(|trouble| {
        let mut error = trouble.error;
        if let Some(part) = trouble.part {
            let (line, mark) = mark::marked(line.trim(), &part, 160);
            error.message = format!("{}\n  {line}\n  {mark}", error.message);
        }
        match place.is_empty() {
            true => error,
            false => error.at(place),
        }
    })
}

fn editor(session: &Session) -> Reedline {
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu("completion".into()),
            ReedlineEvent::MenuNext,
        ]),
    );
    keys.add_binding(
        KeyModifiers::SHIFT,
        KeyCode::BackTab,
        ReedlineEvent::MenuPrevious,
    );
    let style = |color: nu_ansi_term::Color| nu_ansi_term::Style::new().fg(color);
    let menu = IdeMenu::default()
        .with_name("completion")
        .with_text_style(nu_ansi_term::Style::new())
        .with_match_text_style(nu_ansi_term::Style::new())
        .with_selected_text_style(nu_ansi_term::Style::new().reverse())
        .with_selected_match_text_style(nu_ansi_term::Style::new().reverse())
        .with_description_text_style(style(nu_ansi_term::Color::DarkGray))
        .with_max_completion_height(10)
        .with_max_description_width(40)
        .with_description_offset(1)
        .with_marker("> ");
    Reedline::create()
        .with_ansi_colors(session.output.has_color())
        .with_history(Box::new(Discreet::open()))
        .with_history_exclusion_prefix(Some(" ".into()))
        .with_completer(Box::new(Completion(session.known.clone())))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_highlighter(Box::new(Colours(session.known.clone())))
        .with_hinter(Box::new(Hints::new(session.known.clone())))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .use_bracketed_paste(true)
}

fn converse(
    session: &mut Session,
    context: &Context,
    environment: Option<String>,
) -> Result<Outcome> {
    // Ctrl-C outside the editor: a flag that waits for answers look at.
    signal_hook::flag::register(signal_hook::consts::SIGINT, session.link.interrupt.clone())
        .map_err(|error| Error::usage(format!("cannot watch for Ctrl-C: {error}")))?;
    let unusable = |error: io::Error| Error::usage(format!("cannot use the terminal: {error}"));
    let mut editor = editor(session);
    if !context.global.quiet {
        let count = session.known.lock().tables().len();
        let tables = match count {
            0 => "no tables yet".to_string(),
            1 => "1 table".into(),
            count => format!("{count} tables"),
        };
        let text = format!(
            "yarr {}; {tables}; \\? for help\n",
            env!("CARGO_PKG_VERSION")
        );
        say(session, &session.output.paint(DIM, &text))?;
    }
    loop {
        let place = Place {
            environment: environment.clone(),
            protected: session.settings.protect,
            server: session.link.name().to_string(),
            database: session.database,
            queued: session.queued(),
            open: session.link.is_open(),
        };
        match editor.read_line(&place).map_err(unusable)? {
            Signal::Success(text) => {
                // The history outlives whatever becomes of the process.
                let _ = editor.sync_history();
                for line in text.lines().chain(text.is_empty().then_some("")) {
                    match session.run(line) {
                        Ok(Next::Go) => {}
                        Ok(Next::Quit) => return Ok(Outcome::Done),
                        Err(trouble) => complain(session, line.trim(), &trouble)?,
                    }
                }
            }
            Signal::CtrlD => return Ok(Outcome::Done),
            _ => {}
        }
    }
}

fn say(session: &Session, text: &str) -> Result<()> {
    session.say(text).map_err(|trouble| trouble.error)
}

/// Says what is wrong with a line, and marks the part.
fn complain(session: &Session, line: &str, trouble: &Trouble) -> Result<()> {
    if trouble.error.kind == crate::Kind::Pipe {
        return Err(trouble.error.clone());
    }
    let mut text = format!(
        "{} {}\n",
        session.output.paint(BAD, "(error)"),
        trouble.error.message
    );
    if let Some(part) = &trouble.part {
        let width = session.terminal().map_or(80, |(width, _)| width);
        let (line, mark) = mark::marked(line, part, width);
        text.push_str(&format!("{line}\n{}\n", session.output.paint(BAD, &mark)));
    }
    say(session, &text)?;
    Ok(io::stdout().flush()?)
}
