//! A walk through the records of a table, by `YARR.WHERE` with a cursor.

use redis::{Value, cmd};

use super::{
    Source,
    page::{Pace, Page, named, packed},
};
use crate::{error::Result, replication::Watermark};

/// A walk. A record that does not move in its order while it goes on is met once.
#[derive(Debug)]
pub struct Walk {
    table: String,
    /// Predicate and order.
    question: Vec<String>,
    fields: Vec<String>,
    pace: Pace,
    /// `None` at the end.
    cursor: Option<Vec<u8>>,
    met: u64,
    to: Watermark,
}

impl Walk {
    fn new(
        table: &str,
        question: Vec<String>,
        fields: impl Iterator<Item = impl Into<String>>,
        page_bytes: u64,
        to: Watermark,
    ) -> Walk {
        Walk {
            table: table.into(),
            question,
            fields: fields.map(Into::into).collect(),
            pace: Pace::new(page_bytes),
            cursor: Some(b"0".to_vec()),
            met: 0,
            to,
        }
    }

    /// All records, in the order of their ids.
    pub fn all(
        table: &str,
        fields: impl Iterator<Item = impl Into<String>>,
        page_bytes: u64,
        to: Watermark,
    ) -> Walk {
        Walk::new(table, vec!["*".into()], fields, page_bytes, to)
    }

    /// Records whose DATETIME field is from a moment on and before `to`. What is written later has a later moment: the
    /// window has all it will ever have, as long as the server's clock keeps the field and does not go back.
    pub fn window(
        table: &str,
        fields: impl Iterator<Item = impl Into<String>>,
        page_bytes: u64,
        field: &str,
        from: Option<i64>,
        to: Watermark,
    ) -> Walk {
        Walk::by_field(table, fields, page_bytes, field, (">=", from), ("<", to))
    }

    /// Records whose growing field is behind a value, up to one that was the highest when the walk began.
    pub fn behind(
        table: &str,
        fields: impl Iterator<Item = impl Into<String>>,
        page_bytes: u64,
        field: &str,
        from: Option<i64>,
        to: Watermark,
    ) -> Walk {
        Walk::by_field(table, fields, page_bytes, field, (">", from), ("<=", to))
    }

    fn by_field(
        table: &str,
        fields: impl Iterator<Item = impl Into<String>>,
        page_bytes: u64,
        field: &str,
        (least, from): (&str, Option<i64>),
        (most, to): (&str, Watermark),
    ) -> Walk {
        let field = format!("@{field}");
        let mut question = Vec::new();
        if let Some(from) = from {
            question.extend([field.clone(), least.into(), from.to_string(), "AND".into()]);
        }
        question.extend([field.clone(), most.into(), to.position.to_string()]);
        question.extend(["ORDER".into(), "BY".into(), field]);
        Walk::new(table, question, fields, page_bytes, to)
    }

    pub(super) fn watermark(&self) -> Watermark {
        self.to.clone()
    }

    pub(super) async fn next(&mut self, source: &mut Source) -> Result<Option<Page>> {
        let (next, page) = loop {
            let Some(cursor) = &self.cursor else {
                return Ok(None);
            };
            let mut command = cmd("YARR.WHERE");
            command.arg(&self.table).arg(&self.question);
            command.arg("CURSOR").arg(cursor);
            command.arg("LIMIT").arg(self.pace.limit());
            command.arg("RETURN");
            named(&mut command, &self.fields);
            command.arg("PACKED").arg("SCAN");
            match source.ask::<(Vec<u8>, Value)>(&command).await {
                // The records are larger than those before.
                Err(error) if error.message.contains("TOOMANY") && self.pace.too_many() => {}
                Err(error) => return Err(error.at(&self.table)),
                Ok(answer) => break answer,
            }
        };
        let packed = packed(page)?;
        self.pace.came(packed.len());
        self.cursor = (next != b"0").then_some(next);
        let page = Page {
            packed,
            first: Some(self.met),
        };
        page.each(|_| {
            self.met += 1;
            Ok(())
        })?;
        Ok(Some(page))
    }
}

impl Source {
    /// The highest value of a field of numbers; `None` where no record has one.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn highest(&mut self, table: &str, field: &str) -> Result<Option<i64>> {
        let field = format!("@{field}");
        let mut command = cmd("YARR.WHERE");
        command.arg(table).arg("*");
        command.arg(&["ORDER", "BY", &field, "DESC"]);
        command.arg(&["LIMIT", "1", "PLUCK", &field, "SCAN"]);
        let found: Vec<Option<i64>> = self.ask(&command).await?;
        Ok(found.into_iter().next().flatten())
    }
}
