//! What the laws do to a table.

use crate::{
    commands::{COMMANDS, Environment, Limits, Recorded, Run},
    encoding::snapshot,
    table::{Effects, Table, apply},
};

/// What a copy of a table is told of a write.
pub enum Told {
    Payload(Vec<u8>),
    /// The command that asked for it: its name, and its words behind the table's.
    Command(String, Vec<Vec<u8>>),
}

impl Told {
    /// What is told of a command's effects.
    pub fn of(effects: &Effects, name: &str, words: &[&[u8]]) -> Vec<Told> {
        let words = || words.iter().map(|word| word.to_vec()).collect();
        let command = effects
            .as_asked()
            .then(|| Told::Command(name.into(), words()));
        command.into_iter().chain(Told::payloads(effects)).collect()
    }

    /// What is told of what was done between commands.
    pub fn payloads(effects: &Effects) -> impl Iterator<Item = Told> {
        effects.pieces().map(|piece| Told::Payload(piece.to_vec()))
    }

    /// Carries it out on a copy, by another clock and other settings.
    pub fn carry_out(&self, copy: &mut Option<Box<Table>>) {
        let limits = Limits {
            reply_records: 0,
            write_records: 0,
            inline_records: 0,
            ..Limits::DEFAULT
        };
        match self {
            Told::Payload(piece) => _ = apply(copy, piece).unwrap(),
            Told::Command(name, words) => {
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                let (_, effects) = run_on(copy, name, &words, i64::MAX, limits).unwrap();
                assert!(effects.as_asked(), "what is passed on is not what came");
            }
        }
    }
}

/// Runs a command on a table: the lines of its answer and its effects, or its error.
pub fn run_on(
    table: &mut Option<Box<Table>>,
    name: &str,
    words: &[&[u8]],
    now: i64,
    limits: Limits,
) -> Result<(Vec<String>, Effects), String> {
    let environment = Environment {
        now: now.into(),
        limits,
        random: &|| 7,
    };
    let command = COMMANDS.iter().find(|c| c.name == name).unwrap();
    let mut reply = Recorded::default();
    let done = match command.run {
        Run::Read(run) => {
            run(table.as_ref().unwrap(), words, &environment, &mut reply).map(|()| Effects::none())
        }
        Run::Write(run) => run(table.as_mut().unwrap(), words, &environment, &mut reply),
        Run::Make(run) => run(table, words, &environment, &mut reply),
    };
    let effects = done.map_err(|error| error.to_string())?;
    Ok((reply.lines, effects))
}

/// The chunks of a table's snapshot.
pub fn saved(table: &Table) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    snapshot::save(table, &mut |chunk| chunks.push(chunk.to_vec()));
    chunks
}
