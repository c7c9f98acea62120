//! Everything of a table but its records, as bytes: `YARR`, the format's version, then a
//! structure in bincode.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Layout, Table,
    feed::{Feed, FeedState},
    running::Running,
};
use crate::{
    error::{Error, Result},
    schema::{History, Origin, Schema},
};

const MAGIC: &[u8; 4] = b"YARR";
/// A table whose state is as the first version had it.
const PLAIN: u8 = 1;
/// A table with something that came after the first version.
const EXTENDED: u8 = 2;
/// A table with a change feed.
const FED: u8 = 3;

/// What came after the first version.
#[derive(Default, Serialize, Deserialize)]
struct Extension {
    running: Option<Running>,
    origins: Vec<Origin>,
}

/// Everything of a table but its records.
#[derive(Serialize, Deserialize)]
struct State {
    identity: u64,
    schema: Schema,
    history: History,
    layouts: Vec<Layout>,
    highest_id: i64,
}

impl Table {
    /// Everything of this table but its records, as bytes.
    pub fn state_bytes(&self) -> Vec<u8> {
        let state = State {
            identity: self.identity(),
            schema: self.schema().clone(),
            history: self.history().clone(),
            layouts: self.layouts().to_vec(),
            highest_id: self.highest_id(),
        };
        let mut bytes = MAGIC.to_vec();
        let extension = Extension {
            running: self.running().cloned(),
            origins: self.schema().origins.clone(),
        };
        let plain = extension.running.is_none() && extension.origins.is_empty();
        match self.feed() {
            Ok(feed) => {
                bytes.push(FED);
                bytes.extend(to_bytes(&(state, extension, feed.state())).unwrap_or_default());
            }
            Err(_) if plain => {
                bytes.push(PLAIN);
                bytes.extend(to_bytes(&state).unwrap_or_default());
            }
            Err(_) => {
                bytes.push(EXTENDED);
                bytes.extend(to_bytes(&(state, extension)).unwrap_or_default());
            }
        }
        bytes
    }

    /// The table, without records, that the bytes of a state describe.
    ///
    /// # Errors
    /// BADVALUE where the bytes are damaged, of a later version, or describe no possible table.
    pub fn from_state(bytes: &[u8]) -> Result<Table> {
        let Some(([magic @ .., version], state)) = bytes.split_first_chunk::<5>() else {
            return Err(Error::corrupt("the state is cut"));
        };
        if magic != MAGIC {
            return Err(Error::corrupt(
                "expected a table's state, found something else",
            ));
        }
        let (mut state, extension, feed): (State, Extension, Option<FeedState>) = match *version {
            PLAIN => (from_bytes(state)?, Extension::default(), None),
            EXTENDED => {
                let (state, extension) = from_bytes(state)?;
                (state, extension, None)
            }
            FED => {
                let (state, extension, feed) = from_bytes(state)?;
                (state, extension, Some(feed))
            }
            _ => {
                return Err(Error::corrupt(format!(
                    "expected format version 1 to 3, found {version}; load a module that knows it"
                )));
            }
        };
        state.schema.origins = extension.origins;
        state.schema.changes = feed.is_some();
        state.schema.validate()?;
        validate_layouts(&state)?;
        let mut table = Table::new(state.identity);
        table.take_state(
            state.schema,
            state.history,
            state.layouts,
            state.highest_id.max(0),
        );
        table.feed = match feed {
            Some(feed) => Some(Box::new(Feed::from_state(feed)?)),
            None => None,
        };
        if let Some(running) = extension.running {
            table.resume(running)?;
        }
        Ok(table)
    }
}

/// Records of now are written in the last layout, each layout keeps a field's values as the
/// field's type has them, and no layout has a field that is yet to come.
fn validate_layouts(state: &State) -> Result<()> {
    let current = Layout::of(&state.schema);
    if state.layouts.last().is_none_or(|last| !last.same(&current)) {
        return Err(Error::corrupt("the last layout is not the schema's"));
    }
    let shaped = |number: u32| {
        let field = state.schema.fields.iter().find(|f| f.number == number)?;
        Some(field.kind.kind())
    };
    let fields = || state.layouts.iter().flat_map(|layout| &layout.fields);
    if !fields().all(|(number, _)| state.schema.has_given(*number)) {
        return Err(Error::corrupt("a layout has a field that never was"));
    }
    // The id alone changes its type in place, and only while there are no records.
    let mut others = fields().filter(|(number, _)| *number != 0);
    match others.any(|(number, kind)| shaped(*number).is_some_and(|now| now != *kind)) {
        true => Err(Error::corrupt("a layout has a field of another type")),
        false => Ok(()),
    }
}

/// No structure kept in bincode is larger.
const MOST: usize = 1 << 28;

/// A structure in bincode.
///
/// # Errors
/// Only a structure larger than 256 MiB.
pub fn to_bytes<T: Serialize>(structure: &T) -> Result<Vec<u8>> {
    let config = bincode::config::standard().with_limit::<MOST>();
    bincode::serde::encode_to_vec(structure, config)
        .map_err(|_| Error::internal("a structure is too large to encode"))
}

/// A structure from the bincode that [`to_bytes`] wrote; nothing may be left over.
///
/// # Errors
/// BADVALUE where the bytes are not such a structure.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // A length read from the bytes is believed no further than so many bytes can mean: bincode
    // makes room for a text before it reads it, and counts at most 8 for each byte that is there.
    match bytes.len() {
        0..=0xffff => from_bytes_within::<T, 0x8_0000>(bytes),
        0x1_0000..=0xf_ffff => from_bytes_within::<T, 0x80_0000>(bytes),
        _ => from_bytes_within::<T, MOST>(bytes),
    }
}

fn from_bytes_within<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Result<T> {
    let config = bincode::config::standard().with_limit::<LIMIT>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((structure, read)) if read == bytes.len() => Ok(structure),
        Ok(_) => Err(Error::corrupt("a structure is followed by something else")),
        Err(error) => Err(Error::corrupt(format!(
            "a structure does not read: {error}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::parse_operations;
    use crate::tokens::Tokens;

    #[test]
    fn a_length_is_not_believed_past_the_bytes() {
        // 253: the 8 bytes of a length follow, here of 2^27 bytes of text that are not there.
        let bytes = [&[253][..], &(1u64 << 27).to_le_bytes()].concat();
        let error = from_bytes::<String>(&bytes).unwrap_err().to_string();
        assert!(error.contains("LimitExceeded"), "{error}");
        let text = "x".repeat(0x2_0000);
        assert_eq!(from_bytes::<String>(&to_bytes(&text).unwrap()), Ok(text));
        // As many bytes in memory for each byte as there can be.
        let numbers = vec![0u64; 0xff00];
        assert_eq!(
            from_bytes::<Vec<u64>>(&to_bytes(&numbers).unwrap()),
            Ok(numbers)
        );
    }

    #[test]
    fn a_layout_has_no_field_that_is_yet_to_come() {
        let mut table = Table::new(7);
        let later = (4, crate::value::Kind::Float);
        let mut layouts = table.layouts().to_vec();
        layouts[0].fields.push(later);
        layouts.push(Layout::of(table.schema()));
        table.take_state(table.schema().clone(), History::default(), layouts, 0);
        let error = Table::from_state(&table.state_bytes()).err().unwrap();
        assert!(error.to_string().contains("never was"), "{error}");
        // Once the number was given out, a layout may have it.
        let args: Vec<&[u8]> = "ADD FIELD a FLOAT".split(' ').map(str::as_bytes).collect();
        let operations = parse_operations(&mut Tokens::new(&args)).unwrap();
        let schema = table
            .changed_schema(&operations, &table.facts(0, true))
            .unwrap();
        let mut layouts = table.layouts().to_vec();
        layouts.push(Layout::of(&schema));
        table.take_state(schema, History::default(), layouts, 0);
        assert!(Table::from_state(&table.state_bytes()).is_ok());
    }
}
