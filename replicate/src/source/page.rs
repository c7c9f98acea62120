//! Pages: what the source answers at once, and the question that goes from one to the next.

use redis::{Cmd, Value};
use yarr_client::Cell;

use super::{Source, feed::Feed, walk::Walk};
use crate::{
    error::{Error, Result},
    part::{Change, Row},
    replication::Watermark,
};

/// How many rows the first page is asked for, and any.
const FIRST: u64 = 64;
const MOST: u64 = 20_000;

/// How many rows to ask for, so that pages are of about the same size whatever that of a row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    bytes: u64,
    limit: u64,
}

impl Pace {
    pub(super) fn new(bytes: u64) -> Pace {
        Pace {
            bytes: bytes.max(1),
            limit: FIRST,
        }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A page of so many bytes has come.
    pub(super) fn came(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).max(1);
        let wanted = self.limit.saturating_mul(self.bytes) / bytes;
        self.limit = wanted.clamp(1, MOST.min(self.limit * 8));
    }

    /// A page was too large for the source; answers whether a smaller one can be asked for.
    pub(super) fn too_many(&mut self) -> bool {
        let more = self.limit > 1;
        self.limit = (self.limit / 8).max(1);
        more
    }
}

/// What the source is asked for, page after page.
#[derive(Debug)]
pub enum Pages {
    /// Changes.
    Feed(Feed),
    /// Records.
    Walk(Walk),
}

impl Pages {
    /// The next page; `None` where there is no more.
    ///
    /// # Errors
    /// Those of the server; [`Kind::Resync`](crate::Kind::Resync) where the feed cannot be continued.
    pub async fn next(&mut self, source: &mut Source) -> Result<Option<Page>> {
        match self {
            Pages::Feed(feed) => feed.next(source).await,
            Pages::Walk(walk) => walk.next(source).await,
        }
    }

    /// Where a target is that has taken in all pages; of a feed it is known once the first has come.
    pub fn watermark(&self) -> Watermark {
        match self {
            Pages::Feed(feed) => feed.watermark(),
            Pages::Walk(walk) => walk.watermark(),
        }
    }
}

/// A page: records, or changes, as the source packed them.
#[derive(Debug)]
pub struct Page {
    pub(super) packed: Vec<u8>,
    /// The number of the first row of a walk's page; a feed's rows have their own.
    pub(super) first: Option<u64>,
}

impl Page {
    /// Its bytes.
    pub fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// How many rows it has.
    ///
    /// # Errors
    /// Where the page is none.
    pub fn rows(&self) -> Result<u64> {
        let mut rows = 0;
        self.each(|_| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Gives each row, whose cells are those of the fields that were asked for.
    ///
    /// # Errors
    /// Where the page is none, and what `take` says.
    pub fn each(&self, mut take: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        let mut refused = None;
        let mut number = self.first;
        let read = yarr_client::unpack(&self.packed, |_, cells| {
            let (Some(cells), None) = (cells, &refused) else {
                return Ok(());
            };
            let row = match &mut number {
                Some(next) => {
                    let number = *next;
                    *next += 1;
                    Ok(Row {
                        number,
                        change: Change::Put,
                        cells,
                    })
                }
                None => changed(cells),
            };
            refused = row.and_then(&mut take).err();
            Ok(())
        });
        match (refused, read) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(Error::refused(error.to_string())),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// A row of the feed: its number and kind stand before its cells.
fn changed<'a>(cells: &'a [Option<Cell<'a>>]) -> Result<Row<'a>> {
    let wrong = || Error::refused("a row of the change feed without its number and kind");
    let [
        Some(Cell::Integer(number)),
        Some(Cell::Name(kind)),
        cells @ ..,
    ] = cells
    else {
        return Err(wrong());
    };
    Ok(Row {
        number: u64::try_from(*number).map_err(|_| wrong())?,
        change: match *kind {
            "put" => Change::Put,
            "delete" => Change::Delete,
            "expire" => Change::Expire,
            _ => return Err(wrong()),
        },
        cells,
    })
}

/// The names of fields as a command takes them, whatever words they are.
pub(super) fn named(command: &mut Cmd, fields: &[String]) {
    for field in fields {
        command.arg(format!("@{field}"));
    }
}

pub(super) fn packed(value: Value) -> Result<Vec<u8>> {
    match value {
        Value::BulkString(packed) => Ok(packed),
        other => Err(Error::refused(format!("expected a page, found {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_as_large_as_they_are_to_be() {
        let mut pace = Pace::new(1 << 20);
        for _ in 0..10 {
            pace.came(usize::try_from(pace.limit() * 500).unwrap());
        }
        assert_eq!(pace.limit(), (1 << 20) / 500);
        assert!(pace.too_many());
        while pace.too_many() {}
        assert_eq!(pace.limit(), 1);
    }

    #[test]
    fn a_page_of_the_feed_gives_numbers_kinds_and_cells() {
        // change_number INTEGER, change_kind ENUM (put delete expire), id INTEGER; (5, put, 7), (6, delete, 8).
        let head = b"\x03\x03\x0dchange_number\x00\x0bchange_kind\x06\x03\x03put\x06delete\x06expire\x02id\x00";
        let packed = [
            &head[..],
            b"\x02\x01\x12\x02\x0a\x0e\x01\x22\x02\x0c\x01\x10",
        ];
        let page = Page {
            packed: packed.concat(),
            first: None,
        };
        let mut rows = Vec::new();
        page.each(|row| {
            rows.push((row.number, row.change, row.cells.len()));
            Ok(())
        })
        .unwrap();
        assert_eq!(rows, [(5, Change::Put, 1), (6, Change::Delete, 1)]);
    }

    #[test]
    fn a_page_of_a_walk_is_numbered_from_its_first_row() {
        let packed = b"\x03\x01\x02id\x00\x02\x01\x02\x0e\x01\x02\x10".to_vec();
        let page = Page {
            packed,
            first: Some(41),
        };
        let mut rows = Vec::new();
        page.each(|row| {
            rows.push((row.number, row.change, row.cells.len()));
            Ok(())
        })
        .unwrap();
        assert_eq!(rows, [(41, Change::Put, 1), (42, Change::Put, 1)]);
    }
}
