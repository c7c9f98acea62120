//! Walks over many records, page by page.

use std::fmt;

use redis::Value;

use crate::{
    command::Command,
    error::Result,
    operation::Operation,
    query::Query,
    record::{Record, names},
    reply,
};

/// Where the next page begins. It may be kept, and given to a user: it is text, holds for this query alone, and is
/// refused where it has been tampered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Of the first page.
    pub fn start() -> Cursor {
        Cursor("0".into())
    }

    /// One that was told as text before.
    pub fn new(text: impl Into<String>) -> Cursor {
        Cursor(text.into())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A page of records.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The records.
    pub records: Vec<R>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

/// A page to be got; see [`Query::page`].
#[derive(Debug)]
pub struct GetPage<R> {
    query: Query<R>,
    cursor: Cursor,
}

impl<R: Record> GetPage<R> {
    pub(crate) fn new(query: Query<R>, cursor: Cursor) -> GetPage<R> {
        GetPage { query, cursor }
    }
}

impl<R: Record> Operation for GetPage<R> {
    type Output = Page<R>;

    fn to_command(&self) -> Command {
        let mut command = self.query.select();
        command
            .word("CURSOR")
            .word(&self.cursor.0)
            .returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<Page<R>> {
        let mut parts = reply::array(reply)?.into_iter();
        let next = reply::text(parts.next().unwrap_or_default())?;
        let rows = parts.next().unwrap_or_default();
        Ok(Page {
            records: reply::present(&rows, names::<R>(), R::take)?,
            next: (next != "0").then_some(Cursor(next)),
        })
    }
}

/// Where a walk over the records of a query is.
#[derive(Debug)]
struct Walk<R> {
    query: Query<R>,
    /// Where the next page begins; `None` where there is none.
    next: Option<Cursor>,
    /// How many records may still come.
    left: u64,
}

impl<R: Record> Walk<R> {
    fn new(query: Query<R>) -> Walk<R> {
        Walk {
            next: Some(Cursor::start()),
            left: query.limit.unwrap_or(u64::MAX),
            query,
        }
    }

    /// The next page to be got.
    fn page(&self) -> Option<GetPage<R>> {
        let cursor = self.next.clone().filter(|_| self.left > 0)?;
        let length = self.query.batch.min(self.left);
        Some(self.query.clone().limit(length).page(cursor))
    }

    /// The records of a page that was got.
    fn step(&mut self, page: Page<R>) -> Vec<R> {
        self.left = self.left.saturating_sub(page.records.len() as u64);
        self.next = page.next;
        page.records
    }
}

/// A walk over the records of a query; see [`Query::iter`]. It ends after the first error;
/// [`cursor`](Iter::cursor) tells where another one can go on.
#[derive(Debug)]
pub struct Iter<'c, C, R> {
    connection: &'c mut C,
    walk: Walk<R>,
    page: std::vec::IntoIter<R>,
    failed: bool,
}

impl<'c, C, R: Record> Iter<'c, C, R> {
    pub(crate) fn new(query: Query<R>, connection: &'c mut C) -> Iter<'c, C, R> {
        Iter {
            connection,
            walk: Walk::new(query),
            page: Vec::new().into_iter(),
            failed: false,
        }
    }

    /// Goes on where another walk of the same query was.
    pub fn from_cursor(mut self, cursor: Cursor) -> Iter<'c, C, R> {
        self.walk.next = Some(cursor);
        self
    }

    /// Where the page begins that has not been read yet; `None` after the last one.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.walk.next.as_ref()
    }
}

impl<C: redis::ConnectionLike, R: Record> Iterator for Iter<'_, C, R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        loop {
            if let Some(record) = self.page.next() {
                return Some(Ok(record));
            }
            let page = self.walk.page().filter(|_| !self.failed)?;
            match page.run(self.connection) {
                Ok(page) => self.page = self.walk.step(page).into_iter(),
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// A walk on an asynchronous connection; it ends after the first error.
#[cfg(feature = "aio")]
pub fn stream<'c, C, R>(
    query: Query<R>,
    connection: &'c mut C,
) -> impl futures_util::Stream<Item = Result<R>> + Send + use<'c, C, R>
where
    C: redis::aio::ConnectionLike + Send,
    R: Record + Send + 'c,
{
    use futures_util::stream::{self, TryStreamExt};

    let start = (connection, Walk::new(query));
    let pages = stream::try_unfold(start, |(connection, mut walk)| async move {
        let Some(page) = walk.page() else {
            return Ok::<_, crate::Error>(None);
        };
        let records = walk.step(page.run_async(connection).await?);
        let records = stream::iter(records.into_iter().map(Ok));
        Ok(Some((records, (connection, walk))))
    });
    pages.try_flatten()
}
