//! Everything of a table but its records, as bytes: `YARR`, the format's version, then a
//! structure in bincode.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Layout, Table};
use crate::{
    error::{Error, Result},
    schema::{History, Schema},
};

const MAGIC: &[u8; 5] = b"YARR\x01";

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
        bytes.extend(to_bytes(&state).unwrap_or_default());
        bytes
    }

    /// The table, without records, that the bytes of a state describe.
    ///
    /// # Errors
    /// BADVALUE where the bytes are damaged, of a later version, or describe no possible table.
    pub fn from_state(bytes: &[u8]) -> Result<Table> {
        let Some((head, state)) = bytes.split_first_chunk::<5>() else {
            return Err(Error::corrupt("the state is cut"));
        };
        if head.first_chunk::<4>() != MAGIC.first_chunk::<4>() {
            return Err(Error::corrupt(
                "expected a table's state, found something else",
            ));
        }
        if head != MAGIC {
            return Err(Error::corrupt(format!(
                "expected format version 1, found {}; load a module that knows it",
                head[4]
            )));
        }
        let state: State = from_bytes(state)?;
        state.schema.validate()?;
        validate_layouts(&state)?;
        let mut table = Table::new(state.identity);
        table.take_state(
            state.schema,
            state.history,
            state.layouts,
            state.highest_id.max(0),
        );
        Ok(table)
    }
}

/// Records of now are written in the last layout, and each layout keeps a field's values as the
/// field's type has them.
fn validate_layouts(state: &State) -> Result<()> {
    let current = Layout::of(&state.schema);
    if state.layouts.last().is_none_or(|last| !last.same(&current)) {
        return Err(Error::corrupt("the last layout is not the schema's"));
    }
    let shaped = |number: u32| {
        let field = state.schema.fields.iter().find(|f| f.number == number)?;
        Some(field.kind.kind())
    };
    let fields = state.layouts.iter().flat_map(|layout| &layout.fields);
    // The id alone changes its type in place, and only while there are no records.
    let mut others = fields.filter(|(number, _)| *number != 0);
    match others.any(|(number, kind)| shaped(*number).is_some_and(|now| now != *kind)) {
        true => Err(Error::corrupt("a layout has a field of another type")),
        false => Ok(()),
    }
}

/// No structure kept in bincode is larger: a length read from bytes is not believed past it.
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
    let config = bincode::config::standard().with_limit::<MOST>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((structure, read)) if read == bytes.len() => Ok(structure),
        Ok(_) => Err(Error::corrupt("a structure is followed by something else")),
        Err(error) => Err(Error::corrupt(format!(
            "a structure does not read: {error}"
        ))),
    }
}
