//! Walks by cursor: any bytes are BADCURSOR, a forged cursor answers right rows or BADCURSOR, and
//! a walk with writes between its pages sees each record that does not move exactly once.

use std::collections::BTreeSet;

use yarr::{
    error::Code,
    query::{Query, page},
    table::Table,
};

use crate::{
    draw::Draw,
    model::{self, Asked, NOW, Order, Record, compare, is_visible},
    shelf::{Question, Shelf, id, ids},
};

/// More rows than any shelf holds.
const MANY: u64 = 1000;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let mut shelf = Shelf::draw(&mut draw);
    let (asked, order) = (Asked::draw(&mut draw), model::order(&mut draw));
    let question = Question::new(&asked, &order);
    let sizes = draw.byte();
    let mut standing: Vec<Record> = shelf.matches(&asked, &order).into_iter().cloned().collect();
    if order.is_empty() {
        standing.sort_by_key(id);
    }
    let (mut moved, mut seen) = (BTreeSet::new(), Vec::new());
    let mut cursor = b"0".to_vec();
    // Each page answers one record at least; a step may put one more before the walk's end.
    for number in 0.. {
        assert!(number < 1000, "the walk does not end");
        let (next, found) = question.with(|mut query| {
            query.limit = Some(1 + u64::from(sizes) % 7 + number % 3);
            let (next, rows) = page(&shelf.indexed, &query, &cursor, NOW, MANY).expect("a page");
            assert!(rows.len() as u64 <= query.limit.unwrap_or_default());
            if draw.once_in(3) {
                let token = forge(&next, &mut draw);
                check_forged(&shelf, &query, &asked, &order, &token);
                check_damaged(&shelf.indexed, &query, &next, number as usize);
            }
            (next, ids(&shelf.indexed, &rows))
        });
        seen.extend(found);
        if next == b"0" {
            break;
        }
        cursor = next;
        for _ in 0..draw.below(4) {
            if !draw.is_done() {
                moved.insert(shelf.step(&mut draw));
            }
        }
    }
    seen.retain(|id| !moved.contains(id));
    let unmoved = standing.iter().map(id).filter(|id| !moved.contains(id));
    assert_eq!(seen, unmoved.collect::<Vec<_>>());
}

/// A cursor that the server did not give: any bytes, or a real one with bytes changed behind its
/// checksum, which is made right again.
fn forge(real: &[u8], draw: &mut Draw) -> Vec<u8> {
    let Some(mut bytes) = from_hex(real).filter(|_| draw.below(4) > 0) else {
        let count = draw.below(64);
        return draw.bytes(count).to_vec();
    };
    bytes.truncate(bytes.len().saturating_sub(4));
    for _ in 0..draw.below(4) {
        // Past the version, the table's identity and the query's hash, mostly.
        let at = (draw.below(2) * 17 + draw.below(64)) % (bytes.len() + 1);
        match draw.below(3) {
            0 => bytes.insert(at, draw.byte()),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte = draw.byte()),
        }
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let pairs = text.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

/// A digit changed and no checksum made right: it is refused.
fn check_damaged(table: &Table, query: &Query, real: &[u8], number: usize) {
    let mut damaged = real.to_vec();
    let at = number * 31 % damaged.len();
    damaged[at] = if damaged[at] == b'1' { b'2' } else { b'1' };
    let refused = page(table, query, &damaged, NOW, MANY).map_err(|error| error.code());
    assert_eq!(refused.err(), Some(Code::BadCursor));
}

/// The rows after a forged position are matches, each once and in order.
fn check_forged(shelf: &Shelf, query: &Query, asked: &Asked, order: &Order, token: &[u8]) {
    let tables: [&Table; 2] = [&shelf.indexed, &shelf.plain];
    for table in tables {
        let rows = match page(table, query, token, NOW, MANY) {
            Ok((_, rows)) => rows,
            Err(error) => {
                assert_eq!(error.code(), Code::BadCursor, "{error}");
                continue;
            }
        };
        let found: Vec<&Record> = ids(table, &rows)
            .iter()
            .map(|id| &shelf.records[id])
            .collect();
        assert!(found.iter().all(|record| is_visible(record)));
        assert!(
            found
                .windows(2)
                .all(|pair| compare(order, pair[0], pair[1]).is_lt())
        );
        // `now` in the predicate is the forger's to say.
        let mut words = Vec::new();
        asked.words(&mut words);
        let clocked = words
            .iter()
            .any(|word| word.to_ascii_lowercase().starts_with(b"now"));
        assert!(clocked || found.iter().all(|record| asked.matches(record)));
    }
}
