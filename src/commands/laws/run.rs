//! What the laws do to a table.

use crate::{
    commands::{COMMANDS, Environment, Limits, Recorded, Run},
    encoding::snapshot,
    table::{Effects, Table},
};

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
