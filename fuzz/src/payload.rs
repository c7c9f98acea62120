//! Bytes read as a snapshot: refused, or a sound table that saves as it loads.
//!
//! ```text
//! mode % 3
//!   0   chunks as they are: length (2 bytes, little-endian), bytes, again and again
//!   1   a state (length in 2 bytes) and records, each sealed with its checksum, the count right
//!   2   base, edits of its state (place, kind, byte; as many as a byte says), then records; sealed
//! ```
//!
//! What loads goes on to live: it is changed by commands as any table is.

use yarr::{
    error::Code,
    table::{Table, Write, split_number},
};

use crate::{
    commands,
    draw::Draw,
    table::{Chunks, assert_sound, load, migrate, save},
};

const STATE: u8 = 1;
const RECORDS: u8 = 2;
const END: u8 = 3;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let chunks = match draw.byte() % 3 {
        0 => raw(&mut draw),
        1 => {
            let length = usize::from(draw.byte()) | usize::from(draw.byte()) << 8;
            let state = draw.bytes(length).to_vec();
            sealed(&state, draw.rest())
        }
        _ => edited(&mut draw),
    };
    let Ok(table) = refused_or(load(&chunks)) else {
        return;
    };
    assert_sound(&table);
    assert_refused_where_damaged(&save(&table));
    commands::live(Box::new(table));
}

/// Chunks of a table of which one bit is another, one is missing, or the count is wrong.
fn assert_refused_where_damaged(chunks: &Chunks) {
    let last = chunks.len() - 1;
    for at in 0..=last {
        let (mut flipped, mut fewer) = (chunks.clone(), chunks.clone());
        let middle = flipped[at].len() / 2;
        flipped[at][middle] ^= 1;
        fewer.remove(at);
        assert!(load(&flipped).is_err(), "a damaged chunk is read");
        assert!(load(&fewer).is_err(), "a missing chunk is not missed");
    }
    let mut miscounted = chunks.clone();
    miscounted[last].truncate(9);
    miscounted[last][1] ^= 1;
    seal(&mut miscounted[last]);
    assert!(load(&miscounted).is_err(), "a wrong count is believed");
}

/// Ends a chunk with its checksum.
fn seal(chunk: &mut Vec<u8>) {
    chunk.extend(crc32fast::hash(chunk).to_le_bytes());
}

fn refused_or(loaded: yarr::error::Result<Table>) -> Result<Table, ()> {
    loaded.map_err(|error| assert_eq!(error.code(), Code::BadValue, "{error}"))
}

fn raw(draw: &mut Draw) -> Chunks {
    let mut chunks = Chunks::new();
    while !draw.is_done() {
        let length = usize::from(draw.byte()) | usize::from(draw.byte()) << 8;
        chunks.push(draw.bytes(length).to_vec());
    }
    chunks
}

/// A state with its head, and records, as chunks whose checksums and count are right.
fn sealed(state: &[u8], records: &[u8]) -> Chunks {
    let mut count: u64 = 0;
    let mut rest = records;
    while let Some(after) = after_record(rest) {
        count += 1;
        rest = after;
    }
    let mut chunks = vec![[&[STATE][..], state].concat()];
    if !records.is_empty() {
        chunks.push([&[RECORDS][..], records].concat());
    }
    chunks.push([&[END][..], &count.to_le_bytes()].concat());
    chunks.iter_mut().for_each(seal);
    chunks
}

fn after_record(bytes: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_number(bytes)?;
    let (length, rest) = split_number(rest)?;
    rest.get(usize::try_from(length).ok()?..)
}

fn edited(draw: &mut Draw) -> Chunks {
    let base = draw.byte();
    let mut state = base_of(usize::from(base)).state_bytes();
    for _ in 0..draw.below(5) {
        let at = (usize::from(draw.byte()) | usize::from(draw.byte()) << 8) % state.len();
        match draw.byte() % 3 {
            0 => state.insert(at, draw.byte()),
            1 => drop(state.remove(at)),
            _ => state[at] = draw.byte(),
        }
    }
    sealed(&state, draw.rest())
}

/// Operations that make the bases, the steps of one a migration each.
pub const BASES: [&[&str]; 6] = [
    &[
        "ADD FIELD a INTEGER INDEX ADD FIELD b STRING UNIQUE ADD FIELD c ENUM ( x y ) BITMAP TIMESTAMPS OFF",
    ],
    &[
        "ADD FIELD a FLOAT DEFAULT 1.5 ADD FIELD b UUID ADD FIELD c BOOLEAN NOT NULL DEFAULT true",
        "REMOVE FIELD b ADD FIELD d DATETIME DEFAULT now-1h INDEX",
        "ADD FIELD e STRING DEFAULT x ADD INDEX e d @id",
    ],
    &[
        "ID STRING TIMESTAMPS OFF SET TTL 5 PASSIVE ADD FIELD a INTEGER",
        "REMOVE FIELD a",
    ],
    &[
        "ADD FIELD a INTEGER",
        "ID UUID ADD INDEX expires_at @id ADD FIELD z STRING NOT NULL DEFAULT ''",
    ],
    &[
        "TIMESTAMPS OFF ADD FIELD a INTEGER ADD FIELD t TAGS BITMAP ADD FIELD u TAGS NOT NULL DEFAULT 2 y x",
    ],
    &["ID STRING ADD FIELD a INTEGER CHANGES ON"],
];

/// A table without records, of several layouts.
pub fn base_of(which: usize) -> Table {
    let mut table = Table::new(7);
    for (at, operations) in BASES[which % BASES.len()].iter().enumerate() {
        migrate(&mut table, at as i64 + 1, operations).expect("a base's operations are right");
    }
    // Ids up to here may be in records that are read.
    let mut write = Write::begin(&mut table, 0);
    write.use_id(100);
    write.commit().expect("there is no record in the way");
    table
}

/// Inputs worth starting from: each base as it is and with records that commands made, in every mode.
pub fn seeds() -> Vec<Vec<u8>> {
    let lines = [
        "create FIELDS 3 a b c VALUES 1 x x 2 6f9619ff-8b86-d011-b42d-00cf4fc964ff y -9223372036854775808 '' x",
        "create a 1.5 d 5 e y\ncreate a 1e300 c false EX 5\ncreate a 0\ndel 1",
        "create id x\ncreate id '' PERSIST\ncreate id y PX 5",
        "create z x\ncreate z y EX 1",
        "create t 2 y x a 1\ncreate a 2 t 0 u 1 ''\ncreate u 1 x EX 1\n\
         limits 9 9 0\nmigrate UP 9 run SET FIELD a TYPE STRING ADD INDEX u BITMAP",
        "create id x a 1\ncreate id y\ncreate id z EX 1\ndel x\ndel y\nclock 2000\nreclaim 1\ncreate id x",
    ];
    let mut seeds = Vec::new();
    for (which, text) in lines.into_iter().enumerate() {
        let empty = base_of(which);
        let full = commands::live_on(Box::new(empty), text.as_bytes())
            .expect("no command removes the table");
        let chunks = save(&full);
        let body = |chunk: &Vec<u8>| chunk[1..chunk.len() - 4].to_vec();
        let (state, records) = (body(&chunks[0]), body(&chunks[1]));
        let length = (state.len() as u16).to_le_bytes();
        let each = chunks
            .iter()
            .map(|chunk| [&(chunk.len() as u16).to_le_bytes()[..], chunk].concat());
        seeds.push([vec![0], each.collect::<Vec<_>>().concat()].concat());
        seeds.push([&[1][..], &length, &state, &records].concat());
        seeds.push([&[2, which as u8, 0][..], &records].concat());
    }
    seeds
}
