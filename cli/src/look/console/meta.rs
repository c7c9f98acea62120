//! The console's own commands, which begin with a backslash.

use super::{
    help::{self, BACKSLASH, Paint},
    link::Link,
    session::{Next, Session, Trouble},
};
use crate::{
    Error,
    look::{
        cell::Cell,
        facts::{self, Table},
        grid::{Drawing, Expanded, Grid},
        info::Report,
        line, scan,
    },
};

/// Carries one of them out.
///
/// # Errors
/// Where there is no such command, or it fails.
pub fn run(session: &mut Session, words: &[Vec<u8>]) -> Result<Next, Trouble> {
    let texts: Vec<String> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let paint = Paint {
        color: session.output.has_color(),
        width: session.terminal().map_or(100, |(width, _)| width),
    };
    match texts.as_slice() {
        ["\\q" | "\\quit"] => return Ok(Next::Quit),
        ["\\?" | "\\help"] => session.say(&help::console(&paint))?,
        ["\\h"] => session.say(&help::commands(&paint))?,
        ["\\h", command @ ..] => {
            let name = command.join(" ");
            let text = help::command(&mut session.known.lock(), &name, &paint);
            match text {
                Some(text) => session.say(&text)?,
                None => return Err(Error::usage(format!("there is no help on '{name}'")).into()),
            }
        }
        ["\\d"] => tables(session)?,
        ["\\d", _] => describe(session, words.get(1).map_or(&[][..], |word| word))?,
        ["\\x"] => {
            let next = match session.settings.expanded {
                Expanded::On => Expanded::Auto,
                _ => Expanded::On,
            };
            expand(session, next)?;
        }
        ["\\x", "on"] => expand(session, Expanded::On)?,
        ["\\x", "off"] => expand(session, Expanded::Off)?,
        ["\\x", "auto"] => expand(session, Expanded::Auto)?,
        ["\\more"] => session.more()?,
        ["\\json"] => {
            session.settings.json ^= true;
            session.say(&switched("answers as JSON", session.settings.json))?;
        }
        ["\\timing"] => {
            session.settings.timing ^= true;
            session.say(&switched("timing", session.settings.timing))?;
        }
        ["\\c"] => servers(session)?,
        ["\\c", name] => {
            let found = session.servers.iter().find(|server| server.name == *name);
            let Some(address) = found.cloned() else {
                return Err(
                    Error::usage(format!("there is no server '{name}'; \\c lists them")).into(),
                );
            };
            let link = Link::open(address, session.link.timeout())?;
            session.switch(link);
        }
        ["\\protect", "on"] => protect(session, true)?,
        ["\\protect", "off"] => protect(session, false)?,
        ["\\protect"] => {
            session.say(&switched("asking before writes", session.settings.protect))?
        }
        ["\\refresh"] => {
            session.known.lock().refresh();
            let count = session.known.lock().tables().len();
            session.say(&format!("{count} tables\n"))?;
        }
        ["\\clear"] => session.say("\u{1b}[H\u{1b}[2J")?,
        _ => return Err(unknown(&texts)),
    }
    Ok(Next::Go)
}

fn unknown(words: &[&str]) -> Trouble {
    let name = words.first().copied().unwrap_or_default();
    let known = BACKSLASH.iter().find(|(known, ..)| *known == name);
    let error = match known {
        Some((name, arguments, _)) => format!("expected {name} {arguments}"),
        None => format!("there is no command {name}; \\? lists them"),
    };
    Error::usage(error.trim_end()).into()
}

fn switched(what: &str, on: bool) -> String {
    format!("{what}: {}\n", if on { "on" } else { "off" })
}

fn expand(session: &mut Session, expanded: Expanded) -> Result<(), Trouble> {
    session.settings.expanded = expanded;
    session.say(match expanded {
        Expanded::On => "one field a line: on\n",
        Expanded::Off => "one field a line: off\n",
        Expanded::Auto => "one field a line: auto\n",
    })
}

fn protect(session: &mut Session, on: bool) -> Result<(), Trouble> {
    session.settings.protect = on;
    session.say(&switched("asking before writes", on))
}

fn servers(session: &Session) -> Result<(), Trouble> {
    let here = session.link.name();
    let line = |server: &crate::config::Address| {
        let mark = if server.name == here { "*" } else { " " };
        format!("{mark} {}\n", server.name)
    };
    session.say(&session.servers.iter().map(line).collect::<String>())
}

fn side<T>(
    session: &Session,
    ask: impl FnOnce(&mut crate::server::Server) -> crate::Result<T>,
) -> Result<T, Trouble> {
    let mut known = session.known.lock();
    let server = known.server().ok_or_else(|| {
        let text = format!("{} does not take a second connection", session.link.name());
        Error::new(crate::Kind::Unreachable, text)
    })?;
    Ok(ask(server)?)
}

fn tables(session: &mut Session) -> Result<(), Trouble> {
    session.known.lock().refresh();
    let names = session.known.lock().tables().to_vec();
    let found = side(session, |server| {
        let places = names.into_iter().map(|table| scan::Place {
            primary: None,
            table,
        });
        let facts = places.map(|place| crate::look::tables::table(server, &place));
        facts.collect::<crate::Result<Vec<Option<Table>>>>()
    })?;
    let found: Vec<Table> = found.into_iter().flatten().collect();
    if session.settings.json {
        let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
        return session.say(&format!("{}\n", serde_json::json!(names)));
    }
    if found.is_empty() {
        return session.say("There are no tables.\n");
    }
    let columns = [
        "table",
        "records",
        "fields",
        "indexes",
        "memory",
        "version",
        "migration",
    ];
    let row = |table: &Table| {
        let running = table.running.as_ref();
        vec![
            Cell::text(&table.name),
            Cell::number(facts::grouped(table.records)),
            Cell::number(table.fields),
            Cell::number(table.indexes.len()),
            Cell::number(facts::size(table.bytes)),
            table.version.map_or(Cell::null(), Cell::number),
            Cell::text(running.map_or(String::new(), |running| {
                format!("{} {} %", running.name, running.percent)
            })),
        ]
    };
    let mut grid = Grid {
        columns: columns.map(String::from).into(),
        rows: found.iter().map(row).collect(),
    };
    if found.iter().all(|table| table.running.is_none()) {
        grid.columns.pop();
        grid.rows.iter_mut().for_each(|row| drop(row.pop()));
    }
    session.say(&grid.draw(&flat(session)))
}

/// Tables of the console's own are always aligned.
fn flat(session: &Session) -> Drawing {
    Drawing {
        expanded: Expanded::Off,
        ..session.drawing()
    }
}

fn describe(session: &mut Session, name: &[u8]) -> Result<(), Trouble> {
    let report = side(session, |server| Ok(Report::of(server, name)?))?;
    if session.settings.json {
        let document = report.json(session.link.name());
        return session.say(&format!("{document}\n"));
    }
    let row = |field: &crate::look::catalog::Field| {
        let default = field.default.as_ref();
        vec![
            Cell::text(&field.name),
            Cell::text(field.kind.text()),
            Cell::text(if field.not_null { "not null" } else { "" }),
            Cell::text(default.map_or(String::new(), |text| line::typed(text.as_bytes()))),
            Cell::text(report.schema.role(&field.name)),
        ]
    };
    let fields = Grid {
        columns: ["field", "type", "null", "default", "index"]
            .map(String::from)
            .into(),
        rows: report.schema.fields.iter().map(row).collect(),
    };
    let mut text = fields.draw(&flat(session));
    let table = &report.table;
    for index in &table.indexes {
        text.push_str(&format!(
            "{} on ({}), {} entries, {}\n",
            index.kind,
            index.fields.replace(' ', ", "),
            facts::grouped(index.entries),
            facts::size(index.bytes)
        ));
    }
    let mut rest = vec![
        format!("{} records", facts::grouped(table.records)),
        facts::size(table.bytes),
    ];
    rest.extend(table.version.map(|version| format!("version {version}")));
    let ttl = report.schema.ttl;
    rest.extend(
        ttl.map(|seconds| format!("records live {} from each write on", facts::span(seconds))),
    );
    rest.extend(table.running.as_ref().map(|running| {
        format!(
            "migration {} {}: {} %",
            running.version, running.name, running.percent
        )
    }));
    text.push_str(&format!("{}\n", rest.join(", ")));
    session.say(&text)
}
