//! What the answers of YARR commands hold: rows for tables, documents for JSON.

use redis::Value;
use serde_json::{Map, Value as Json};

use super::{
    catalog::{Kind, Schema},
    cell::{self, Cell},
    grammar::{Answer, Fields},
    grid::Grid,
};

/// Names and values.
pub type Pairs<'v> = Vec<(Vec<u8>, &'v Value)>;

/// A record or another map as its names and values, whether the server has maps or not.
pub fn pairs(value: &Value) -> Option<Pairs<'_>> {
    match value {
        Value::Map(pairs) => {
            let pair = |(key, value)| Some((cell::bytes(key)?.to_vec(), value));
            pairs.iter().map(|(k, v)| pair((k, v))).collect()
        }
        Value::Array(items) if items.len() % 2 == 0 => {
            let pair = |pair: &'_ [Value]| match pair {
                [key, _] => Some(cell::bytes(key)?.to_vec()),
                _ => None,
            };
            let keys: Option<Vec<Vec<u8>>> = items.chunks(2).map(pair).collect();
            let values = items.iter().skip(1).step_by(2);
            Some(keys?.into_iter().zip(values).collect())
        }
        _ => None,
    }
}

/// The elements of a list.
pub fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) | Value::Set(items) => Some(items),
        _ => None,
    }
}

/// The text of a string.
pub fn string(value: &Value) -> Option<String> {
    Some(String::from_utf8_lossy(cell::bytes(value)?).into_owned())
}

/// The rows of an answer; `None` where it holds none, so that it is shown as any other answer.
pub fn grid(value: &Value, answer: &Answer, schema: Option<&Schema>) -> Option<Grid> {
    match answer {
        Answer::Record(fields) => {
            pairs(value)?;
            records(std::slice::from_ref(value), fields, schema)
        }
        Answer::Records(fields) => records(items(value)?, fields, schema),
        Answer::Values(fields) => values(items(value)?, fields, schema),
        Answer::Rows => rows(items(value)?, schema),
        _ => None,
    }
}

fn kind(schema: Option<&Schema>, name: &[u8]) -> Option<Kind> {
    schema?.kind(name)
}

fn name(bytes: &[u8]) -> String {
    let bare = bytes.strip_prefix(b"@").unwrap_or(bytes);
    String::from_utf8_lossy(bare).into_owned()
}

fn records(values: &[Value], fields: &Fields, schema: Option<&Schema>) -> Option<Grid> {
    let records: Vec<Option<Pairs>> = values
        .iter()
        .map(|value| match value {
            Value::Nil => Some(None),
            _ => Some(Some(pairs(value)?)),
        })
        .collect::<Option<_>>()?;
    let mut columns: Vec<Vec<u8>> = match (fields, schema) {
        (Fields::Named(names), _) => names.clone(),
        (Fields::All, Some(schema)) => {
            let names = schema.fields.iter().map(|field| field.name.clone());
            names.map(String::into_bytes).collect()
        }
        (Fields::All, None) => Vec::new(),
    };
    // A schema that has changed meanwhile hides nothing.
    for (name, _) in records.iter().flatten().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let row = |record: &Option<Pairs>| {
        let cell = |column: &Vec<u8>| {
            let value = record.iter().flatten().find(|(name, _)| name == column);
            match value {
                Some((_, value)) => Cell::of(value, kind(schema, column).as_ref()),
                None => Cell::null(),
            }
        };
        columns.iter().map(cell).collect()
    };
    Some(Grid {
        rows: records.iter().map(row).collect(),
        columns: columns.iter().map(|column| name(column)).collect(),
    })
}

fn values(values: &[Value], fields: &[Vec<u8>], schema: Option<&Schema>) -> Option<Grid> {
    let kinds: Vec<Option<Kind>> = fields.iter().map(|field| kind(schema, field)).collect();
    let row = |value: &Value| match fields.len() {
        1 => {
            let kind = kinds.first().cloned().flatten();
            Some(vec![Cell::of(value, kind.as_ref())])
        }
        _ => {
            let cells = items(value)?.iter().zip(&kinds);
            Some(
                cells
                    .map(|(value, kind)| Cell::of(value, kind.as_ref()))
                    .collect(),
            )
        }
    };
    Some(Grid {
        rows: values.iter().map(row).collect::<Option<_>>()?,
        columns: fields.iter().map(|field| name(field)).collect(),
    })
}

/// What a column of rows that name their columns holds: `min(at)` holds what `at` does.
fn column_kind(schema: Option<&Schema>, column: &[u8]) -> Option<Kind> {
    let text = std::str::from_utf8(column).ok()?;
    if let Some(found) = kind(schema, column) {
        return Some(found);
    }
    match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some(("sum", field)) => kind(schema, field.as_bytes()),
        Some(("avg", _)) => Some(Kind::Float),
        Some(("min" | "max", field)) => kind(schema, field.as_bytes()),
        // Of a history.
        None if text == "at" => Some(Kind::DateTime),
        None if text == "version" || text == "took_us" => Some(Kind::Integer),
        _ => None,
    }
}

fn rows(values: &[Value], schema: Option<&Schema>) -> Option<Grid> {
    let mut grid = Grid::default();
    for value in values {
        let pairs = pairs(value)?;
        if grid.columns.is_empty() {
            grid.columns = pairs.iter().map(|(column, _)| name(column)).collect();
        }
        let cell = |(column, value): &(Vec<u8>, &Value)| match value {
            Value::Array(lines) => {
                let lines: Vec<String> = lines.iter().filter_map(string).collect();
                Cell::text(lines.join("; "))
            }
            _ => Cell::of(value, column_kind(schema, column).as_ref()),
        };
        grid.rows.push(pairs.iter().map(cell).collect());
    }
    Some(grid)
}

/// An answer as one document.
pub fn json(value: &Value, answer: &Answer, schema: Option<&Schema>) -> Json {
    match answer {
        Answer::Record(_) => record(value, schema),
        Answer::Records(_) | Answer::Rows => match items(value) {
            Some(items) => items.iter().map(|item| record(item, schema)).collect(),
            None => cell::json(value, None),
        },
        Answer::Values(fields) => match (items(value), fields.as_slice()) {
            (Some(items), [field]) => {
                let kind = kind(schema, field);
                let values = items.iter().map(|item| cell::json(item, kind.as_ref()));
                values.collect()
            }
            (Some(rows), fields) => {
                let row = |row: &Value| -> Json {
                    let cells = items(row).unwrap_or_default().iter().zip(fields);
                    let cell = |(value, field): (&Value, &Vec<u8>)| {
                        cell::json(value, kind(schema, field).as_ref())
                    };
                    cells.map(cell).collect()
                };
                rows.iter().map(row).collect()
            }
            (None, _) => cell::json(value, None),
        },
        Answer::Facts => facts(value),
        Answer::Plan | Answer::Operations | Answer::Plain => cell::json(value, None),
    }
}

fn record(value: &Value, schema: Option<&Schema>) -> Json {
    let Some(pairs) = pairs(value) else {
        return cell::json(value, None);
    };
    let pair = |(column, value): (Vec<u8>, &Value)| {
        let kind = column_kind(schema, &column);
        (name(&column), cell::json(value, kind.as_ref()))
    };
    Json::Object(pairs.into_iter().map(pair).collect())
}

/// Maps in maps: what has the form of one is one.
pub fn facts(value: &Value) -> Json {
    if let Some(pairs) = pairs(value).filter(|pairs| !pairs.is_empty()) {
        let pair = |(key, value): (Vec<u8>, &Value)| {
            let text = name(&key);
            let lists = ["operations", "down", "discards"].contains(&text.as_str());
            let value = if lists {
                cell::json(value, None)
            } else {
                facts(value)
            };
            (text, value)
        };
        return Json::Object(pairs.into_iter().map(pair).collect::<Map<_, _>>());
    }
    match items(value) {
        Some(items) => items.iter().map(facts).collect(),
        None => cell::json(value, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn flat(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| bulk(word)).collect())
    }

    fn schema() -> Schema {
        Schema::read(&[
            "ADD FIELD name STRING",
            "ADD FIELD n INTEGER",
            "ADD FIELD at DATETIME",
            "TIMESTAMPS OFF",
        ])
    }

    #[test]
    fn records_fill_the_columns_of_the_table() {
        let answer = Answer::Records(Fields::All);
        let value = Value::Array(vec![
            flat(&["id", "1", "n", "5"]),
            Value::Nil,
            flat(&["id", "2", "at", "0", "new", "x"]),
        ]);
        let grid = grid(&value, &answer, Some(&schema())).unwrap();
        assert_eq!(grid.columns, ["id", "name", "n", "at", "new"]);
        let texts = |at: usize| -> Vec<&str> {
            grid.rows[at]
                .iter()
                .map(|cell| cell.text.as_str())
                .collect()
        };
        assert_eq!(texts(0), ["1", "null", "5", "null", "null"]);
        assert_eq!(texts(1), ["null"; 5]);
        assert_eq!(texts(2), ["2", "null", "null", "1970-01-01T00:00:00Z", "x"]);
        assert_eq!(
            json(&value, &answer, Some(&schema())),
            json!([{"id": 1, "n": 5}, null, {"id": 2, "at": "1970-01-01T00:00:00Z", "new": "x"}])
        );
    }

    #[test]
    fn a_number_in_the_place_of_a_record_is_no_table() {
        let answer = Answer::Record(Fields::All);
        assert_eq!(grid(&Value::Int(0), &answer, None), None);
        assert_eq!(grid(&Value::Nil, &answer, None), None);
        assert_eq!(json(&Value::Nil, &answer, None), Json::Null);
    }

    #[test]
    fn values_and_groups_know_their_kinds() {
        let plucked = Value::Array(vec![flat(&["1", "0"])]);
        let fields = vec![b"n".to_vec(), b"@at".to_vec()];
        let found = grid(&plucked, &Answer::Values(fields.clone()), Some(&schema())).unwrap();
        assert_eq!(found.columns, ["n", "at"]);
        assert_eq!(found.rows[0][1].text, "1970-01-01T00:00:00Z");
        assert_eq!(
            json(&plucked, &Answer::Values(fields), Some(&schema())),
            json!([[1, "1970-01-01T00:00:00Z"]])
        );
        let groups = Value::Array(vec![Value::Array(vec![
            bulk("max(at)"),
            bulk("0"),
            bulk("count"),
            Value::Int(2),
            bulk("sum(n)"),
            Value::Nil,
        ])]);
        assert_eq!(
            json(&groups, &Answer::Rows, Some(&schema())),
            json!([{"max(at)": "1970-01-01T00:00:00Z", "count": 2, "sum(n)": null}])
        );
    }

    #[test]
    fn facts_are_maps_in_maps() {
        let value = Value::Array(vec![
            bulk("records"),
            Value::Int(2),
            bulk("migration"),
            Value::Nil,
            bulk("indexes"),
            Value::Array(vec![flat(&["fields", "a b"])]),
        ]);
        assert_eq!(
            facts(&value),
            json!({"records": 2, "migration": null, "indexes": [{"fields": "a b"}]})
        );
    }
}
