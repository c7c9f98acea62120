//! `YARR.CHANGES table`: what has changed since a position, in the order in which it did.

use super::{
    Environment, Reply,
    clauses::{Answer, Positions, Return, once},
    record_reply::{Form, Shape},
};
use crate::{
    encoding::packed::{Change, Packer},
    error::{Code, Error, Result, quoted},
    query::{from_hex, open, seal},
    table::{Feed, Gone, Position, Row, Table, Tombstone},
    tokens::{Keywords, Tokens},
    value::{Kind, Value, key, number::parse_integer},
};

const WORDS: Keywords = Keywords::of(&[
    "SINCE", "UPTO", "CURSOR", "LIMIT", "BYTES", "RETURN", "PACKED",
]);

/// So many rows are a page, unless LIMIT says otherwise.
const LIMIT: u64 = 1000;
/// A page ends past so many bytes of records, unless BYTES says otherwise.
const BYTES: u64 = 4 << 20;
/// The cursor that follows the last page.
const END: &[u8] = b"0";

/// What is asked.
#[derive(Default)]
struct Request<'a> {
    since: Option<Position>,
    upto: Option<u64>,
    cursor: Option<&'a [u8]>,
    limit: Option<u64>,
    bytes: Option<u64>,
    answer: Answer<'a>,
}

fn parse<'a>(args: &'a [&'a [u8]]) -> Result<Request<'a>> {
    let mut tokens = Tokens::new(args);
    let mut request = Request::default();
    while tokens.peek().is_some() {
        let before = tokens.clone();
        if tokens.accept("SINCE") {
            once(&mut request.since, position(&mut tokens)?, &before)?;
        } else if tokens.accept("UPTO") {
            let number = tokens.expect_count("a position, 0 at least")?;
            once(&mut request.upto, number, &before)?;
        } else if tokens.accept("CURSOR") {
            let cursor = tokens.expect_token("the cursor of the page before")?;
            once(&mut request.cursor, cursor, &before)?;
        } else if tokens.accept("LIMIT") {
            let limit = tokens.expect_count("a number of rows, 1 at least")?;
            once(&mut request.limit, limit, &before)?;
        } else if tokens.accept("BYTES") {
            let bytes = tokens.expect_count("a number of bytes, 1 at least")?;
            once(&mut request.bytes, bytes, &before)?;
        } else if !request.answer.accept(&mut tokens, &WORDS)? {
            return Err(tokens.unexpected(
                "SINCE, UPTO, CURSOR, LIMIT, BYTES, RETURN, PACKED or the end of the command",
            ));
        }
    }
    if request.limit == Some(0) || request.bytes == Some(0) {
        return Err(Error::syntax(
            "syntax error: LIMIT and BYTES of a page of changes are 1 at least",
        ));
    }
    if request.cursor.is_some() && (request.since.is_some() || request.upto.is_some()) {
        return Err(Error::syntax(
            "syntax error: a cursor holds SINCE and UPTO; give it without them",
        ));
    }
    Ok(request)
}

/// Reads a position: the epoch's name, mostly with the head that was seen in it, and a number.
///
/// # Errors
/// Syntax.
pub fn position(tokens: &mut Tokens) -> Result<Position> {
    let before = tokens.clone();
    let token = tokens.expect_token("an epoch, 16 hex digits")?;
    let dot = token.iter().position(|byte| *byte == b'.');
    let (name, seen) = token.split_at(dot.unwrap_or(token.len()));
    let seen = match seen.split_first() {
        None => Some(0),
        Some((_, digits)) => parse_integer(digits).and_then(|seen| u64::try_from(seen).ok()),
    };
    let name = from_hex(name).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    let (Some(name), Some(seen)) = (name, seen) else {
        return Err(before.unexpected("an epoch, as it was answered"));
    };
    Ok(Position {
        epoch: u64::from_be_bytes(name),
        number: tokens.expect_count("a position, 0 at least")?,
        seen,
    })
}

/// Where a batch stands: what it goes from and to, and what was answered last.
#[derive(Clone, Copy)]
struct Place {
    epoch: u64,
    since: u64,
    upto: u64,
    number: u64,
    /// The row answered last, where that was a record.
    row: Option<Row>,
    /// The head when that was answered, in the epoch of then.
    seen: u64,
}

impl Place {
    /// The beginning of a batch.
    fn begin(feed: &Feed, since: Option<Position>, upto: Option<u64>) -> Result<Place> {
        if let Some(since) = since {
            feed.resume(since)?;
        }
        let since = since.map_or(0, |position| position.number);
        let upto = upto.unwrap_or(feed.head());
        if !(since..=feed.head()).contains(&upto) {
            return Err(Error::bad_value(format!(
                "UPTO: expected a position from {since} to the head, {}, found {upto}",
                feed.head()
            )));
        }
        Ok(Place {
            epoch: feed.epoch(),
            since,
            upto,
            number: since,
            row: None,
            seen: feed.head(),
        })
    }

    /// Whether the feed still holds what a batch from here on must answer.
    fn resume(mut self, feed: &Feed) -> Result<Place> {
        let position = |number| Position {
            epoch: self.epoch,
            number,
            seen: self.seen,
        };
        if self.since > 0 {
            feed.resume(position(self.number))?;
        }
        // The end of the batch must lie in the table's past: the beginning then does.
        feed.find(position(self.upto))?;
        (self.epoch, self.seen) = (feed.epoch(), feed.head());
        Ok(self)
    }

    /// The epoch as it is answered: a reader that ends here has seen what the table then was.
    fn epoch_text(&self, is_last: bool) -> String {
        match is_last && self.seen == self.upto {
            true => format!("{:016x}", self.epoch),
            false => format!("{:016x}.{}", self.epoch, self.seen),
        }
    }

    fn encode(&self, table: &Table) -> Vec<u8> {
        let row = self.row.unwrap_or(Row::MAX);
        let words = [
            table.identity(),
            self.epoch,
            self.since,
            self.upto,
            self.number,
            self.seen,
        ];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend_from_slice(&row.to_le_bytes());
        seal(bytes)
    }

    fn decode(table: &Table, token: &[u8]) -> Result<Place> {
        let bad = |why: &str| {
            Error::new(
                Code::BadCursor,
                format!(
                    "expected the cursor of the batch's last page, found {}: {why}; begin the batch anew with SINCE",
                    quoted(token)
                ),
            )
        };
        let damaged = || bad("it is damaged, or no cursor");
        let bytes = open(token).ok_or_else(damaged)?;
        let (words, row) = bytes.split_last_chunk().ok_or_else(damaged)?;
        let row = Row::from_le_bytes(*row);
        let words: Vec<u64> = words
            .chunks_exact(8)
            .filter_map(|word| Some(u64::from_le_bytes(word.try_into().ok()?)))
            .collect();
        let [identity, epoch, since, upto, number, seen] = words[..] else {
            return Err(damaged());
        };
        if identity != table.identity() {
            return Err(bad("it is of another table"));
        }
        if !(since <= number && number <= upto) {
            return Err(damaged());
        }
        Ok(Place {
            epoch,
            since,
            upto,
            number,
            row: (row < Row::MAX).then_some(row),
            seen,
        })
    }
}

/// One change.
enum Item<'t> {
    Put(u64, Row),
    Gone(Tombstone<'t>),
}

/// The changes of one page, and where the batch then stands; nothing where it is at its end.
fn page<'t>(
    table: &'t Table,
    mut place: Place,
    limit: u64,
    most: u64,
    now: i64,
) -> Result<(Vec<Item<'t>>, Option<Place>)> {
    let feed = table.feed()?;
    // Records from before the feed have all the number 0: a row tells where to go on.
    let from = place.number + u64::from(place.row.is_none() && place.number > 0);
    let mut walk = table.changed(from, place.row)?;
    let mut key = Vec::with_capacity(16);
    let mut put = || {
        let row = walk.next()?;
        key.clear();
        walk.key_into(&mut key);
        let number = u64::try_from(key::integer(&key)?).ok()?;
        (number <= place.upto).then_some((number, row))
    };
    // Who begins with nothing has nothing to remove.
    let mut gone = feed
        .tombstones()
        .after(place.number)
        .take_while(|tombstone| place.since > 0 && tombstone.number <= place.upto);
    let (mut next_put, mut next_gone) = (put(), gone.next());
    let (mut items, mut examined, mut bytes) = (Vec::new(), 0, 0);
    while next_put.is_some() || next_gone.is_some() {
        if examined >= limit || bytes >= most {
            return Ok((items, Some(place)));
        }
        examined += 1;
        let before = next_put.map_or(u64::MAX, |(number, _)| number);
        if let Some(tombstone) = next_gone.filter(|tombstone| tombstone.number < before) {
            (place.number, place.row) = (tombstone.number, None);
            bytes += tombstone.id.len() as u64;
            items.push(Item::Gone(tombstone));
            next_gone = gone.next();
        } else if let Some((number, row)) = next_put {
            (place.number, place.row) = (number, Some(row));
            if !table.is_expired(row, now) {
                bytes += table.records().get(row).map_or(0, <[u8]>::len) as u64;
                items.push(Item::Put(number, row));
            }
            next_put = put();
        }
    }
    Ok((items, None))
}

/// Answers the batch's epoch and end, the cursor of its next page or 0, and the page.
///
/// # Errors
/// UNSUPPORTED without a feed, RESYNC, BADCURSOR, NOFIELD, INDEXBUILDING, TOOMANY.
pub fn run(
    table: &Table,
    args: &[&[u8]],
    environment: &Environment,
    reply: &mut dyn Reply,
) -> Result<()> {
    let request = parse(args)?;
    let feed = table.feed()?;
    let place = match request.cursor {
        Some(cursor) => Place::decode(table, cursor)?.resume(feed)?,
        None => Place::begin(feed, request.since, request.upto)?,
    };
    let Answer { fields, packed } = request.answer;
    let fields = fields.unwrap_or(Return::Everything);
    let mut positions: Positions = Positions::from_slice(&[0]);
    positions.extend(
        fields
            .resolve(table.schema())?
            .into_iter()
            .filter(|at| *at > 0),
    );
    let limit = request
        .limit
        .unwrap_or(LIMIT)
        .min(environment.limits.reply_records);
    let bytes = request.bytes.unwrap_or(BYTES);
    let (items, next) = page(table, place, limit, bytes, environment.now.get())?;
    let packed = match packed {
        true => Some(pack(table, &positions, &items)?),
        false => None,
    };
    reply.array(4);
    reply.bulk(place.epoch_text(next.is_none()).as_bytes());
    reply.integer(place.upto as i64);
    match next {
        Some(next) => reply.bulk(&next.encode(table)),
        None => reply.bulk(END),
    }
    match packed {
        Some(bytes) => reply.bulk(&bytes),
        None => rows(table, &positions, &items, reply),
    }
    Ok(())
}

fn pack(table: &Table, positions: &[usize], items: &[Item]) -> Result<Vec<u8>> {
    let mut packer = Packer::of_changes(&table.schema().fields, positions, items.len());
    let id = table.schema().id.kind().kind();
    for item in items {
        match item {
            Item::Put(number, row) => {
                let record = table.record(*row);
                let record = record.ok_or_else(|| Error::internal("a record does not read"))?;
                packer.push_put(*number, &record)?;
            }
            Item::Gone(tombstone) => {
                let value = id_value(id, tombstone);
                packer.push_gone(tombstone.number, change(tombstone.gone), &value.as_ref())?;
            }
        }
    }
    Ok(packer.finish())
}

/// The id of what is gone. Its key was checked when it came.
fn id_value(id: Kind, tombstone: &Tombstone) -> Value {
    key::value(id, tombstone.id).unwrap_or(Value::Null)
}

fn change(gone: Gone) -> Change {
    match gone {
        Gone::Deleted => Change::Delete,
        Gone::Expired => Change::Expire,
    }
}

fn rows(table: &Table, positions: &Positions, items: &[Item], reply: &mut dyn Reply) {
    let shape = Shape::new(positions.clone(), Form::Maps);
    let id = table.schema().id.kind().kind();
    reply.array(items.len());
    for item in items {
        reply.array(3);
        match item {
            Item::Put(number, row) => {
                reply.integer(*number as i64);
                reply.bulk(Change::Put.word().as_bytes());
                shape.record(table, table.record(*row), reply);
            }
            Item::Gone(tombstone) => {
                reply.integer(tombstone.number as i64);
                reply.bulk(change(tombstone.gone).word().as_bytes());
                let value = id_value(id, tombstone);
                reply.value(&value.as_ref(), &[]);
            }
        }
    }
}
