//! Tables made and copied in every way there is.

use yarr::{
    encoding::snapshot,
    error::{Error, Result},
    schema::{Direction, Line, State, parse_operations},
    table::{Table, apply},
    tokens::Tokens,
};

/// A table's snapshot, chunk by chunk.
pub type Chunks = Vec<Vec<u8>>;

/// The snapshot of a table.
pub fn save(table: &Table) -> Chunks {
    let mut chunks = Vec::new();
    snapshot::save(table, &mut |chunk| chunks.push(chunk.to_vec()));
    chunks
}

/// The snapshot of a table, empty where there is none.
pub fn save_any(table: &Option<Box<Table>>) -> Chunks {
    table.as_deref().map(save).unwrap_or_default()
}

/// Reads a table from chunks.
pub fn load(chunks: &[Vec<u8>]) -> Result<Table> {
    let mut chunks = chunks.iter().cloned();
    snapshot::load(&mut || {
        chunks
            .next()
            .ok_or_else(|| Error::corrupt("no more chunks"))
    })
}

/// The payloads that make a table anew.
pub fn rewrite(table: &Table) -> Chunks {
    let mut pieces = Vec::new();
    snapshot::rewrite(table, &mut |piece| pieces.push(piece.to_vec()));
    pieces
}

/// Whatever is kept beside the records agrees with them, and every copy is the same table.
pub fn assert_sound(table: &Table) {
    table.check_consistency().expect("a sound table");
    let saved = save(table);
    let loaded = load(&saved).expect("a table's snapshot loads");
    loaded.check_consistency().expect("a sound loaded table");
    assert!(save(&loaded) == saved, "the loaded table is another");
    let mut copy = None;
    for piece in rewrite(table) {
        apply(&mut copy, &piece).expect("a table's rewrite applies");
    }
    let copy = copy.expect("a rewrite makes a table");
    copy.check_consistency().expect("a sound rewritten table");
    assert!(save(&copy) == saved, "the rewritten table is another");
    assert!(
        save(&table.duplicate()) == saved,
        "the duplicate is another"
    );
}

/// The words of a line, each a token; `''` is the empty one.
pub fn words(line: &str) -> Vec<&[u8]> {
    let words = line.split_whitespace();
    words
        .map(|word| {
            if word == "''" {
                &b""[..]
            } else {
                word.as_bytes()
            }
        })
        .collect()
}

/// Carries out operations as migration `version` of a table.
pub fn migrate(table: &mut Table, version: i64, operations: &str) -> Result<()> {
    let args = words(operations);
    let line = Line {
        version,
        name: "make".into(),
        direction: Direction::Up,
        state: State::Applied,
        at: 0,
        took: 0,
        operations: parse_operations(&mut Tokens::new(&args))?,
        down: None,
    };
    table.migrate(line, true, 0, || 0).map(drop)
}
