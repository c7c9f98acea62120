//! What is written is read back the same, in as many parts as there are slices.

use flate2::read::GzDecoder;
use std::io::Read;
use tempfile::TempDir;
use yarr_client::Cell;
use yarr_replicate::{
    Batch, Column, Deletes, FieldType, Form, Kind, Manifest, Mode, Strategy, Table, Watermark,
    manifest::Format,
    part::{Change, Layout, Records, Row, Writer},
    store::Store,
};

/// A column of the name of its field.
pub fn column(name: &str, kind: FieldType, column_type: &str, form: Form) -> Column {
    Column {
        field: name.into(),
        kind,
        name: name.into(),
        column_type: column_type.into(),
        form,
    }
}

/// A table `note` with an id, a text and a number.
pub fn table() -> Table {
    Table {
        source: "note".into(),
        target: "public.note".into(),
        columns: vec![
            column("id", FieldType::Integer, "bigint", Form::Plain),
            column(
                "text",
                FieldType::String,
                "character varying(40)",
                Form::Plain,
            ),
            column("score", FieldType::Float, "double precision", Form::Plain),
        ],
        strategy: Strategy::Changes,
        deletes: Deletes::Hard,
    }
}

pub fn layout(format: Format, slices: usize) -> Layout {
    Layout {
        format,
        slices,
        part_bytes: 64 << 20,
        replacement: None,
    }
}

pub fn batch(from: i64, to: i64, mode: Mode) -> Batch {
    let watermark = |position| match position {
        0 => Watermark::nothing(),
        position => Watermark {
            epoch: "feed".into(),
            position,
        },
    };
    Batch {
        from: watermark(from),
        to: watermark(to),
        mode,
        schema_lines: 1,
    }
}

/// A change: its number, its kind, the record's id, text and score.
pub type Told<'a> = (u64, Change, i64, Option<&'a [u8]>, Option<f64>);

/// Writes changes as parts with their manifest.
pub async fn written(
    store: &Store,
    prefix: &str,
    layout: &Layout,
    batch: &Batch,
    rows: &[Told<'_>],
) -> yarr_replicate::Result<Manifest> {
    let mut writer = Writer::open(store, prefix, &table(), layout)?;
    for (number, change, id, text, score) in rows {
        let cells = [
            Some(Cell::Integer(*id)),
            text.map(|text| Cell::Text(text.into())),
            score.map(Cell::Float),
        ];
        writer.push(Row {
            number: *number,
            change: *change,
            cells: &cells,
        })?;
        writer.settle().await?;
    }
    let manifest = writer.finish(batch).await?;
    manifest.write(store, prefix).await?;
    Ok(manifest)
}

async fn read(store: &Store, manifest: &Manifest) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for part in &manifest.parts {
        let packed = store.get(&part.path).await.unwrap().unwrap();
        assert_eq!(packed.len() as u64, part.bytes);
        let mut text = Vec::new();
        match manifest.format {
            Format::Gzip => GzDecoder::new(&*packed)
                .read_to_end(&mut text)
                .map(drop)
                .unwrap(),
            _ => text = packed,
        }
        let mut records = Records::default();
        let mut found = 0;
        // In chunks that end anywhere.
        for chunk in text.chunks(3) {
            records.push(chunk);
            while let Some(row) = records.next(&manifest.null).unwrap() {
                rows.push(row);
                found += 1;
            }
        }
        assert!(records.is_empty());
        assert_eq!(found, part.rows);
    }
    rows
}

#[tokio::test]
async fn values_come_back_as_they_were() {
    let texts: Vec<Option<&[u8]>> = vec![
        None,
        Some(b""),
        Some(b"\"\""),
        Some(b"a,b\r\n\"c\"\n"),
        Some(b"\\N"),
        Some(b"\\."),
        Some(b"null"),
        Some("  \u{1f600} ".as_bytes()),
    ];
    let rows: Vec<Told<'_>> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| (at as u64, Change::Put, at as i64, *text, Some(0.1)))
        .collect();
    for format in [Format::Csv, Format::Gzip] {
        let folder = TempDir::new().unwrap();
        let store = Store::folder(folder.path()).unwrap();
        let manifest = written(
            &store,
            "p",
            &layout(format, 4),
            &batch(0, 7, Mode::Merge),
            &rows,
        )
        .await
        .unwrap();
        assert_eq!(
            manifest,
            Manifest::read(&store, "p").await.unwrap().unwrap()
        );
        let found = read(&store, &manifest).await;
        let expected: Vec<Vec<Option<String>>> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| {
                let text = text.map(|text| String::from_utf8(text.to_vec()).unwrap());
                vec![
                    Some(at.to_string()),
                    Some("P".into()),
                    Some(at.to_string()),
                    text,
                    Some("0.1".into()),
                ]
            })
            .collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_large_batch_is_dealt_to_the_slices_and_a_long_part_is_followed_by_another() {
    let folder = TempDir::new().unwrap();
    let store = Store::folder(folder.path()).unwrap();
    let texts: Vec<String> = (0..40_000)
        .map(|at| format!("{:064x}", at * 7919))
        .collect();
    let rows: Vec<Told<'_>> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            (
                at as u64 + 1,
                Change::Put,
                at as i64,
                Some(text.as_bytes()),
                None,
            )
        })
        .collect();
    let batch = batch(0, 40_000, Mode::Whole);
    for (part_bytes, parts) in [(64 << 20, 3), (600 << 10, 7)] {
        let layout = Layout {
            part_bytes,
            ..layout(Format::Csv, 3)
        };
        let manifest = written(&store, "p", &layout, &batch, &rows).await.unwrap();
        assert_eq!(
            (manifest.parts.len(), manifest.counts.rows),
            (parts, 40_000)
        );
        let rows: Vec<u64> = manifest.parts.iter().map(|part| part.rows).collect();
        assert_eq!(rows.iter().sum::<u64>(), 40_000);
        if parts == 3 {
            assert!(rows.iter().all(|rows| *rows > 10_000), "{rows:?}");
        }
        let mut ids: Vec<u64> = read(&store, &manifest)
            .await
            .iter()
            .map(|row| row[2].as_ref().unwrap().parse().unwrap())
            .collect();
        ids.sort_unstable();
        assert!(ids.into_iter().eq(0..40_000));
    }
    let few = written(
        &store,
        "few",
        &layout(Format::Gzip, 8),
        &batch,
        &rows[..100],
    )
    .await
    .unwrap();
    assert_eq!(few.parts.len(), 1);
    let none = written(&store, "none", &layout(Format::Gzip, 8), &batch, &[])
        .await
        .unwrap();
    assert_eq!((none.parts.len(), none.counts.bytes), (0, 0));
}

#[tokio::test]
async fn a_text_that_no_target_takes_is_refused_by_name_or_replaced() {
    let folder = TempDir::new().unwrap();
    let store = Store::folder(folder.path()).unwrap();
    let rows: [Told<'_>; 1] = [(1, Change::Put, 5, Some(b"a\xffb\0"), None)];
    let batch = batch(0, 1, Mode::Merge);
    let error = written(&store, "p", &layout(Format::Gzip, 1), &batch, &rows)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("table 'note', record 5: column 'text': expected a text in UTF-8 without NUL, found the byte 0xff at 1; "), "{said}");
    assert_eq!(error.kind, Kind::Refused);
    let lenient = Layout {
        replacement: Some('?'),
        ..layout(Format::Csv, 1)
    };
    let manifest = written(&store, "p", &lenient, &batch, &rows).await.unwrap();
    assert_eq!(read(&store, &manifest).await[0][3].as_deref(), Some("a?b?"));
}

#[tokio::test]
async fn a_manifest_that_is_broken_or_lacks_a_part_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = Store::folder(folder.path()).unwrap();
    assert_eq!(Manifest::read(&store, "p").await.unwrap(), None);
    let rows: [Told<'_>; 1] = [(1, Change::Put, 5, Some(b"a"), None)];
    let manifest = written(
        &store,
        "p",
        &layout(Format::Csv, 1),
        &batch(0, 1, Mode::Merge),
        &rows,
    )
    .await
    .unwrap();
    let refused = async || Manifest::read(&store, "p").await.unwrap_err().to_string();
    let path = &manifest.parts[0].path;
    store.put(path, b"cut".to_vec()).await.unwrap();
    let said = refused().await;
    assert!(
        said.contains("expected p/part-0000.csv of") && said.ends_with("found 3 bytes"),
        "{said}"
    );
    std::fs::remove_file(folder.path().join(path)).unwrap();
    assert!(refused().await.ends_with("found none"));
    store
        .put("p/manifest.json", b"{\"entries\":".to_vec())
        .await
        .unwrap();
    assert!(
        refused()
            .await
            .starts_with("p/manifest.json is no manifest: ")
    );
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn parquet_is_read_back_by_its_own_reader() {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::RowAccessor,
    };
    let folder = TempDir::new().unwrap();
    let store = Store::folder(folder.path()).unwrap();
    let long = "x".repeat(100);
    // More than one row group.
    let mut rows: Vec<Told<'_>> = (1..60_000)
        .map(|at| {
            (
                at,
                Change::Put,
                at as i64,
                Some(long.as_bytes()),
                Some(at as f64),
            )
        })
        .collect();
    rows.push((60_000, Change::Expire, 1, None, None));
    let manifest = written(
        &store,
        "p",
        &layout(Format::Parquet, 1),
        &batch(0, 60_000, Mode::Merge),
        &rows,
    )
    .await
    .unwrap();
    let bytes = store.get(&manifest.parts[0].path).await.unwrap().unwrap();
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    assert!(reader.num_row_groups() > 1);
    let mut count = 0;
    for (at, row) in reader.get_row_iter(None).unwrap().enumerate() {
        let row = row.unwrap();
        let number = at as i64 + 1;
        assert_eq!(row.get_long(0).unwrap(), number);
        let put = number < 60_000;
        assert_eq!(row.get_string(1).unwrap(), if put { "P" } else { "E" });
        assert_eq!(row.get_long(2).unwrap(), if put { number } else { 1 });
        assert_eq!(row.get_string(3).ok(), put.then_some(&long));
        assert_eq!(row.get_double(4).ok(), put.then_some(number as f64));
        count += 1;
    }
    assert_eq!(count, 60_000);
}
