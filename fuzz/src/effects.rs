//! Bytes carried out as `YARR.APPLY`: refused whole, or a sound table that every copy agrees with.
//!
//! The first byte is the base that they meet (0 is none). Its high bit says that the rest is
//! effects whose lengths are made right: tag, length, so many bytes; a tag of 8 ends a piece, and
//! those above are one more than they are.
//! Otherwise the rest is one piece as it is.

use std::sync::OnceLock;

use yarr::{
    commands::{COMMANDS, Environment, Limits, Recorded, Run},
    error::{Code, Result},
    table::{Effects, Table, apply, push_number},
};

use crate::{
    commands,
    draw::Draw,
    payload::{BASES, base_of},
    table::{Chunks, assert_sound, load, rewrite, save_any},
};

const VERSION: u8 = 1;
/// The base with TAGS.
const TAGGED: usize = 4;
const MAKE: u8 = 3;
const HIGHEST: u8 = 4;
const PLACE: u8 = 7;
/// What ends a piece.
const NEXT: u8 = 8;
const EPOCH: u8 = 11;
const DROP: u8 = 13;
/// How many tags there are, nothing and this among them.
const TAGS: u8 = 17;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let head = draw.byte();
    let mut table = base(head);
    let pieces = match head & 0x80 {
        0 => vec![draw.rest().to_vec()],
        _ => shaped(&mut draw),
    };
    for piece in pieces {
        take(&mut table, &piece);
    }
    if let Some(table) = table {
        assert_sound(&table);
        commands::live(table);
    }
}

/// What the pieces meet: nothing, or a base with a few records.
fn base(head: u8) -> Option<Box<Table>> {
    static SAVED: [OnceLock<Chunks>; BASES.len() + 2] =
        [const { OnceLock::new() }; BASES.len() + 2];
    let which = usize::from(head & 0x7F) % SAVED.len();
    let saved = SAVED[which].get_or_init(|| match which {
        0 => Chunks::new(),
        _ => {
            let records = "create a 1 b x\ncreate id x a 5\ncreate z y EX 100\ncreate a 2\ndel 1\n\
                 create a 3 t 2 x y\ncreate a 4 t 0 u 1 x";
            let running = "\nlimits 9 9 0\nmigrate UP 9 run ADD INDEX a UNIQUE ADD INDEX u BITMAP";
            let (base, rest) = match which > BASES.len() {
                true => (TAGGED, running),
                false => (which - 1, ""),
            };
            let text = [records, rest].concat();
            save_any(&commands::live_on(Box::new(base_of(base)), text.as_bytes()))
        }
    });
    (!saved.is_empty()).then(|| Box::new(load(saved).expect("a snapshot loads")))
}

/// Pieces of effects whose lengths are right.
fn shaped(draw: &mut Draw) -> Chunks {
    let mut pieces = vec![vec![VERSION]];
    while !draw.is_done() {
        let (choice, length) = (draw.byte() % TAGS, usize::from(draw.byte()));
        let tag = choice - u8::from(choice > NEXT);
        let bytes = draw.bytes(length);
        let Some(piece) = pieces.last_mut() else {
            break;
        };
        match tag {
            _ if choice == NEXT => pieces.push(vec![VERSION]),
            MAKE | HIGHEST | EPOCH | DROP => {
                let mut number = [0; 8];
                number
                    .iter_mut()
                    .zip(bytes)
                    .for_each(|(to, from)| *to = *from);
                piece.push(tag);
                piece.extend(number);
            }
            _ => {
                piece.push(tag);
                let (row, bytes) = match (tag, bytes.split_first()) {
                    (PLACE, Some((row, bytes))) => (Some(*row), bytes),
                    _ => (None, bytes),
                };
                row.into_iter()
                    .for_each(|row| push_number(row.into(), piece));
                push_number(bytes.len() as u64, piece);
                piece.extend(bytes);
            }
        }
    }
    pieces
}

fn yarr_apply(table: &mut Option<Box<Table>>, piece: &[u8]) -> Result<Effects> {
    let command = COMMANDS.iter().find(|command| command.name == "yarr.apply");
    let Some(Run::Make(run)) = command.map(|command| command.run) else {
        panic!("there is no yarr.apply");
    };
    let environment = Environment {
        now: 0.into(),
        limits: Limits::DEFAULT,
        random: &|| 4,
    };
    run(table, &[piece], &environment, &mut Recorded::default())
}

fn take(table: &mut Option<Box<Table>>, piece: &[u8]) {
    let before = save_any(table);
    let mut copy = (!before.is_empty()).then(|| Box::new(load(&before).expect("a snapshot loads")));
    match yarr_apply(table, piece) {
        Err(error) => {
            let known = [
                Code::BadValue,
                Code::Duplicate,
                Code::NotNull,
                Code::NoField,
                Code::Syntax,
                Code::TooMany,
                Code::Busy,
                Code::Unsupported,
            ];
            assert!(known.contains(&error.code()), "{error}");
            assert!(
                save_any(table) == before,
                "a refused piece changed something: {error}"
            );
        }
        Ok(effects) => {
            assert!(
                effects.pieces().eq([piece]),
                "what is passed on is not what came"
            );
            apply(&mut copy, piece).expect("a copy takes what the table took");
            assert!(
                save_any(&copy) == save_any(table),
                "the copy is another table"
            );
            if let Some(table) = table {
                table.check_consistency().expect("a sound table");
            }
        }
    }
}

/// What changes the bases, a line here and a line there.
const CHANGES: &[u8] = b"create a 2 b y c x\ncreate id y z 3\ndel IDS 1 2\nupdate x TOUCH\nupdate 3 ADD t 1 z u 2 y z\n\
     work 1\nwork 500\nmigrate UP 9 n ADD FIELD n INTEGER INDEX\nlimits 9 9 0\nmigrate UP 10 type SET FIELD a TYPE STRING\n\
     work 500\nmigrate UP 11 data UPDATE * SET a 9\nwork 1\nmigrate CANCEL 11\nupdate 5 EX 1\nclock 2000\nreclaim 3\n\
     ack c 0000000000000000 0\nkeep 1\nack c FORGET";

/// Inputs worth starting from: what makes each base, and what changes it.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for which in 1..BASES.len() as u8 + 2 {
        let table = base(which).expect("a base");
        for piece in rewrite(&table) {
            seeds.push([&[0], &piece[..]].concat());
        }
        for piece in commands::effects_of(table, CHANGES) {
            seeds.push([&[which], &piece[..]].concat());
            // As shaped effects: those whose one length is one byte.
            if let [_, tag, length, rest @ ..] = &piece[..] {
                if usize::from(*length) == rest.len() && *length < 128 {
                    let choice = tag + u8::from(*tag >= NEXT);
                    seeds.push([&[which | 0x80, choice, *length], rest].concat());
                }
            }
        }
    }
    seeds
}
