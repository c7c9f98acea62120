//! A comparison of source and target: how many rows, their checksum, and the ids of some that differ.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::{
    error::Result,
    part::value,
    replication::Watermark,
    source::{Pages, Source, Walk},
    table::{FieldType, Form, Table},
    target::Target,
};

/// How many heaps rows are summed in: where sums differ, one heap is looked at row by row.
const HEAPS: usize = 256;
/// How many ids are told.
const TOLD: usize = 10;

/// What one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// How many rows.
    pub rows: u64,
    /// The sum of all rows: the same for the same rows in whatever order.
    pub sum: u64,
    heaps: Vec<(u64, u64)>,
}

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The target lacks it.
    Missing,
    /// The source has none of this id.
    Extra,
    /// A value is another.
    Other,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The source.
    pub source: Side,
    /// The target.
    pub target: Side,
    /// Some of the rows that differ, by id.
    pub differences: Vec<(String, Difference)>,
}

impl Comparison {
    /// Whether both have the same.
    pub fn is_equal(&self) -> bool {
        self.source == self.target
    }
}

/// Compares a table in source and target, by the columns that are replicated. Both are read once from front to back,
/// and where they differ once more; a write between differs too.
///
/// # Errors
/// Those of source and target.
pub async fn verify(
    source: &mut Source,
    target: &mut dyn Target,
    table: &Table,
    page_bytes: u64,
    replacement: Option<char>,
) -> Result<Comparison> {
    let mut ours = Sums::default();
    of_source(source, table, page_bytes, replacement, &mut |row| {
        ours.add(row)
    })
    .await?;
    let mut theirs = Sums::default();
    of_target(target, table, &mut |row| theirs.add(row)).await?;
    let (ours, theirs) = (ours.side(), theirs.side());
    let mut differences = Vec::new();
    let heap = (0..HEAPS).find(|at| ours.heaps.get(*at) != theirs.heaps.get(*at));
    if let Some(heap) = heap {
        let mut rows: BTreeMap<String, (Option<u64>, Option<u64>)> = BTreeMap::new();
        of_source(source, table, page_bytes, replacement, &mut |row| {
            if row.heap == heap {
                rows.entry(row.id.into()).or_default().0 = Some(row.hash);
            }
        })
        .await?;
        of_target(target, table, &mut |row| {
            if row.heap == heap {
                rows.entry(row.id.into()).or_default().1 = Some(row.hash);
            }
        })
        .await?;
        let differs = |(id, sides)| match sides {
            (Some(ours), Some(theirs)) if ours == theirs => None,
            (Some(_), Some(_)) => Some((id, Difference::Other)),
            (Some(_), None) => Some((id, Difference::Missing)),
            (None, _) => Some((id, Difference::Extra)),
        };
        differences = rows.into_iter().filter_map(differs).take(TOLD).collect();
    }
    Ok(Comparison {
        source: ours,
        target: theirs,
        differences,
    })
}

/// A row, by what is compared of it.
struct Digest<'r> {
    id: &'r str,
    heap: usize,
    hash: u64,
}

impl<'r> Digest<'r> {
    fn of(
        table: &Table,
        id: &'r str,
        values: impl Iterator<Item = Option<Cow<'r, str>>>,
    ) -> Digest<'r> {
        let mut hash = DefaultHasher::new();
        for (value, column) in values.zip(&table.columns) {
            value
                .map(|value| alike(value, &column.kind, column.form))
                .hash(&mut hash);
        }
        let mut heap = DefaultHasher::new();
        id.hash(&mut heap);
        Digest {
            id,
            heap: usize::try_from(heap.finish()).unwrap_or_default() % HEAPS,
            hash: hash.finish(),
        }
    }
}

/// A value as one text, however a target writes it: `1e+300` and `1e300`, `5.00` and `5`, `["a", "b"]` and `["a","b"]`.
fn alike<'v>(value: Cow<'v, str>, kind: &FieldType, form: Form) -> Cow<'v, str> {
    match (kind, form) {
        (FieldType::Float, _) => match value.parse::<f64>() {
            Ok(number) => format!("{number:?}").into(),
            Err(_) => value,
        },
        (FieldType::Integer, _) => match value.split_once('.') {
            Some((whole, rest)) if rest.bytes().all(|byte| byte == b'0') => {
                whole.to_string().into()
            }
            _ => value,
        },
        (_, Form::Json) => match serde_json::from_str::<serde_json::Value>(&value) {
            Ok(json) => json.to_string().into(),
            Err(_) => value,
        },
        (_, Form::Array) => items(&value).into(),
        (_, Form::Timestamp | Form::TimestampTz) => match value.split_once('.') {
            Some((moment, rest)) => {
                let fraction = rest.trim_end_matches("+00").trim_end_matches('0');
                let zone = if rest.ends_with("+00") { "+00" } else { "" };
                let dot = if fraction.is_empty() { "" } else { "." };
                format!("{moment}{dot}{fraction}{zone}").into()
            }
            None => value,
        },
        _ => value,
    }
}

/// An array as PostgreSQL writes it, with quotes around every item: `{a,"b c"}` is `{"a","b c"}`.
fn items(array: &str) -> String {
    let mut all = String::new();
    let (mut inside, mut bare) = (false, false);
    let mut rest = array.chars();
    while let Some(char) = rest.next() {
        let is_end = matches!(char, ',' | '}') && !inside;
        if bare && is_end {
            all.push('"');
            bare = false;
        }
        match char {
            '"' => inside = !inside,
            '{' | ',' | '}' if !inside => {}
            _ if !inside && !bare => {
                all.push('"');
                bare = true;
            }
            _ => {}
        }
        all.push(char);
        if char == '\\' {
            all.extend(rest.next());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_is_the_same_however_a_target_writes_it() {
        for (one, other, kind, form) in [
            ("1e+300", "1e300", FieldType::Float, Form::Plain),
            ("5.00", "5", FieldType::Integer, Form::Plain),
            (
                "[\"a\", \"b\"]",
                "[\"a\",\"b\"]",
                FieldType::Tags,
                Form::Json,
            ),
            (
                "{a,\"b c\",\"d\\\"}\"}",
                "{\"a\",\"b c\",\"d\\\"}\"}",
                FieldType::Tags,
                Form::Array,
            ),
            ("{}", "{}", FieldType::Tags, Form::Array),
            (
                "2020-01-01 00:00:00.000+00",
                "2020-01-01 00:00:00+00",
                FieldType::DateTime,
                Form::TimestampTz,
            ),
            (
                "2020-01-01 10:00:10.120",
                "2020-01-01 10:00:10.12",
                FieldType::DateTime,
                Form::Timestamp,
            ),
        ] {
            assert_eq!(
                alike(one.into(), &kind, form),
                alike(other.into(), &kind, form),
                "{one}"
            );
        }
        for (one, other) in [("{a}", "{b}"), ("{a,b}", "{\"a,b\"}"), ("{a}", "{}")] {
            let tags = |text: &'static str| alike(text.into(), &FieldType::Tags, Form::Array);
            assert_ne!(tags(one), tags(other));
        }
    }
}

#[derive(Default)]
struct Sums(Vec<(u64, u64)>);

impl Sums {
    fn add(&mut self, row: Digest<'_>) {
        self.0.resize(HEAPS, (0, 0));
        if let Some((rows, sum)) = self.0.get_mut(row.heap) {
            *rows += 1;
            *sum = sum.wrapping_add(row.hash);
        }
    }

    fn side(mut self) -> Side {
        self.0.resize(HEAPS, (0, 0));
        Side {
            rows: self.0.iter().map(|(rows, _)| rows).sum(),
            sum: self
                .0
                .iter()
                .fold(0, |all, (_, sum)| all.wrapping_add(*sum)),
            heaps: self.0,
        }
    }
}

async fn of_source(
    source: &mut Source,
    table: &Table,
    page_bytes: u64,
    replacement: Option<char>,
    take: &mut (dyn FnMut(Digest<'_>) + Send),
) -> Result<()> {
    let walk = Walk::all(
        &table.source,
        table.fields(),
        page_bytes,
        Watermark::nothing(),
    );
    let mut pages = Pages::Walk(walk);
    while let Some(page) = pages.next(source).await? {
        page.each(|row| {
            let mut texts = Vec::new();
            for (cell, column) in row.cells.iter().zip(&table.columns) {
                texts.push(match cell {
                    Some(cell) => {
                        let mut text = Vec::new();
                        value::write(cell, column.form, replacement, &mut text)?;
                        Some(String::from_utf8_lossy(&text).into_owned())
                    }
                    None => None,
                });
            }
            let id = texts.first().cloned().flatten().unwrap_or_default();
            take(Digest::of(
                table,
                &id,
                texts.into_iter().map(|text| text.map(Cow::Owned)),
            ));
            Ok(())
        })?;
    }
    Ok(())
}

async fn of_target(
    target: &mut dyn Target,
    table: &Table,
    take: &mut (dyn FnMut(Digest<'_>) + Send),
) -> Result<()> {
    let mut row = |texts: &[Option<&str>]| {
        let id = texts.first().copied().flatten().unwrap_or_default();
        take(Digest::of(
            table,
            id,
            texts.iter().map(|text| text.map(Cow::Borrowed)),
        ));
        Ok(())
    };
    target.rows(table, &mut row).await
}
