//! Aggregates that indexes tell, with few records read or none.

use super::{
    cell::Cell,
    ends,
    function::Function,
    groups::{Bounds, Groups, Recipe},
    runs::Runs,
};
use crate::{
    error::{Error, Result},
    index::KeyRange,
    query::{
        access::{Access, Way},
        count,
        filter::Filter,
        plan::Plan,
        source::{self, BitmapSource, names},
    },
    table::{Row, Table},
};

/// A pass reads so many records in the time in which a segment of two bitmaps is compared.
const RECORDS: u64 = if cfg!(any(test, fuzzing)) { 1 } else { 16 };

/// The matches that are summed up.
pub(super) struct Matches<'t, 'f> {
    pub(super) table: &'t Table,
    pub(super) filter: &'f Filter,
    /// The way to them.
    pub(super) access: &'f Access<'t, 'f>,
    /// The command's clock.
    pub(super) now: i64,
}

/// How indexes tell an aggregate.
pub(super) enum Told<'t> {
    /// Of all records as one group: see [`ends`].
    Ends,
    /// How many records have each value of a bitmap.
    Bits(BitmapSource<'t>),
    /// How many entries of a sorted set follow each other with the same first fields.
    Runs(Runs<'t>),
}

impl<'t> Told<'t> {
    /// How the indexes tell what is asked; `None` where records must be read.
    pub(super) fn choose(matches: &Matches<'t, '_>, recipe: &Recipe) -> Option<Told<'t>> {
        // Expired records are few; where they are not, reading what is left is the better way.
        let expired = matches.table.expired(matches.now);
        if expired > 0 && expired >= matches.access.rows(matches.table) {
            return None;
        }
        if recipe.group.is_empty() {
            return ends::are_told(matches, recipe).then_some(Told::Ends);
        }
        if recipe.functions != [Function::Count] {
            return None;
        }
        let bits = Told::bits(matches, recipe).map(Told::Bits);
        bits.or_else(|| Runs::choose(matches.table, matches.filter, recipe).map(Told::Runs))
    }

    fn bits(matches: &Matches<'t, '_>, recipe: &Recipe) -> Option<BitmapSource<'t>> {
        let [position] = recipe.group.as_slice() else {
            return None;
        };
        let (table, access) = (matches.table, matches.access);
        let bits = source::bitmap(table, *position)?;
        if matches!(access.way, Way::Table) {
            return access.rest.is_empty().then_some(bits);
        }
        let segments = u64::from(table.records().end()) / (1 << 16) + 1;
        let compared = (bits.bitmap.values().len() as u64).saturating_mul(segments);
        let cheap = compared <= access.rows(table) / RECORDS;
        (cheap && count::is_told(table, access)).then_some(bits)
    }

    /// The groups and what is asked of each. One whose records have all expired is there with a
    /// count of none.
    ///
    /// # Errors
    /// TOOMANY.
    pub(super) fn gather(
        &self,
        matches: &Matches,
        recipe: &Recipe,
        bounds: Bounds,
    ) -> Result<Groups> {
        let mut groups = Groups::new(matches.table.schema(), recipe);
        match self {
            Told::Ends => return ends::gather(matches, recipe, bounds),
            Told::Bits(bits) => {
                gather_bits(bits, matches, &mut groups, bounds)?;
                leave_out_expired(&mut groups, matches, &recipe.group);
            }
            Told::Runs(runs) => {
                runs.gather(matches.table.schema(), &mut groups, bounds)?;
                leave_out_expired(&mut groups, matches, runs.positions());
            }
        }
        Ok(groups)
    }

    /// What is done, for a person. `key`: the key of a function in the answer.
    pub(super) fn plan(
        &self,
        matches: &Matches,
        recipe: &Recipe,
        key: &dyn Fn(usize) -> String,
    ) -> Plan {
        if matches!(self, Told::Ends) {
            return ends::plan(matches, recipe, key);
        }
        let mut plan = Plan::of_access(matches.table, matches.access, true, false);
        plan.add(format!("count each value of {}", self.index(matches.table)));
        plan
    }

    /// The index, for a person.
    pub(super) fn index(&self, table: &Table) -> String {
        let schema = table.schema();
        match self {
            Told::Bits(bits) => format!("the bitmap on ({})", names(schema, &[bits.position])),
            Told::Runs(runs) => format!("the index on ({})", names(schema, &runs.source.positions)),
            Told::Ends => "the indexes".into(),
        }
    }
}

fn gather_bits(
    bits: &BitmapSource,
    matches: &Matches,
    groups: &mut Groups,
    bounds: Bounds,
) -> Result<()> {
    let among = match matches.access.way {
        Way::Table => None,
        _ => match count::rows(matches.table, matches.access) {
            None => return Err(Error::internal("the indexes do not tell the matches")),
            among => among,
        },
    };
    for (key, rows) in bits.bitmap.values() {
        let count = match &among {
            Some(among) => rows.common(among),
            None => rows.len(),
        };
        add(groups, key, rows.first().unwrap_or(Row::MAX), count);
        groups.check(bounds)?;
    }
    Ok(())
}

/// Adds to the count of a group.
pub(super) fn add(groups: &mut Groups, key: &[u8], row: Row, more: u64) {
    if more == 0 {
        return;
    }
    let number = groups.enter(key, row);
    set_counts(groups.cells(number), |count| count + more);
}

/// Each function is COUNT: an aggregate has it once.
fn set_counts(cells: &mut [Cell], count: impl Fn(u64) -> u64) {
    for cell in cells {
        if let Cell::Count(number) = cell {
            *number = count(*number);
        }
    }
}

/// Counts off the records that have expired and are still held. `positions`: the fields of the
/// groups' keys.
fn leave_out_expired(groups: &mut Groups, matches: &Matches, positions: &[usize]) {
    let table = matches.table;
    // Records stand here by when they expire, so the expired are the first.
    let expired = usize::try_from(table.expired(matches.now)).unwrap_or(usize::MAX);
    let rows = table.expiry().walk(&KeyRange::all()).take(expired);
    let mut key = Vec::new();
    for record in rows.filter_map(|row| table.record(row)) {
        if matches.filter.matches(&record) {
            key.clear();
            for position in positions {
                record.value(*position).key_into(&mut key);
            }
            if let Some(cells) = groups.of_key(&key) {
                set_counts(cells, |count| count.saturating_sub(1));
            }
        }
    }
}
