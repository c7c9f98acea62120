//! Counts of the entries of a sorted set that follow each other with the same first fields.

use super::{
    groups::{Bounds, Groups, Recipe},
    told::add,
};
use crate::{
    error::Result,
    index::{KeyRange, SortedSet, successor},
    query::{
        filter::{Filter, Node},
        source::{self, Source, Width, key_len},
        walk,
    },
    schema::Schema,
    table::Table,
};
use smallvec::SmallVec;

/// So many entries of one group are stepped over before they are counted at once.
const STEPS: u64 = if cfg!(any(test, fuzzing)) { 2 } else { 24 };

/// The first fields of a sorted set's keys, and where the groups lie.
pub(super) struct Runs<'t> {
    pub(super) source: Source<'t>,
    ranges: Vec<KeyRange>,
    /// How many of its fields tell the groups apart.
    fields: usize,
}

impl<'t> Runs<'t> {
    /// The sorted set that leads to the matches and no others, and whose first fields are those of
    /// the groups, those of one value passed over.
    pub(super) fn choose(table: &'t Table, filter: &Filter, recipe: &Recipe) -> Option<Runs<'t>> {
        let parts = filter.root.conjuncts();
        source::sorted_sets(table)
            .filter(|source| !source.without_nulls)
            .find_map(|source| Runs::over(source, parts, recipe))
    }

    fn over(source: Source<'t>, parts: &[Node], recipe: &Recipe) -> Option<Runs<'t>> {
        let mut missing: SmallVec<[usize; 8]> = recipe.group.iter().copied().collect();
        let mut fields = 0;
        for position in &source.positions {
            if missing.is_empty() {
                break;
            }
            let before = missing.len();
            missing.retain(|group| group != position);
            let fixed = || source::condition(parts, *position)?.values.only();
            if missing.len() == before && fixed().is_none() {
                return None;
            }
            fields += 1;
        }
        if !missing.is_empty() {
            return None;
        }
        let found = source::ranges(&source.positions, parts);
        let used = source.positions.get(..found.used).unwrap_or_default();
        let ensured = |part: &Node| matches!(part, Node::Field(c) if used.contains(&c.position));
        parts.iter().all(ensured).then_some(Runs {
            source,
            ranges: found.ranges,
            fields,
        })
    }

    /// The fields that tell the groups apart.
    pub(super) fn positions(&self) -> &[usize] {
        self.source.positions.get(..self.fields).unwrap_or_default()
    }

    /// Counts every run.
    ///
    /// # Errors
    /// TOOMANY.
    pub(super) fn gather(
        &self,
        schema: &Schema,
        groups: &mut Groups,
        bounds: Bounds,
    ) -> Result<()> {
        let positions = self.positions().iter();
        let widths: Vec<Width> = positions.map(|p| Width::of(schema, *p)).collect();
        let mut ranges = self.ranges.iter();
        ranges.try_for_each(|range| run_over(self.source.set, range, &widths, groups, bounds))
    }
}

/// Counts the runs of one range. A group may go on in the next.
fn run_over(
    set: &SortedSet,
    range: &KeyRange,
    widths: &[Width],
    groups: &mut Groups,
    bounds: Bounds,
) -> Result<()> {
    let mut walk = set.walk(range);
    let (mut key, mut other) = (Vec::new(), Vec::new());
    let mut next = walk.next();
    while let Some(row) = next {
        key.clear();
        walk.key_into(&mut key);
        key.truncate(key_len(&key, widths));
        let mut count = 1;
        next = loop {
            if count == STEPS {
                let mut all = range.clone();
                walk::clip(&mut all, Some(&key), false);
                if let Some(end) = successor(&key) {
                    walk::clip(&mut all, Some(&end), true);
                }
                let all = set.count(&all);
                walk.skip_front(all.saturating_sub(count));
                count = all;
                break walk.next();
            }
            let Some(row) = walk.next() else { break None };
            other.clear();
            walk.key_into(&mut other);
            if !other.starts_with(&key) {
                break Some(row);
            }
            count += 1;
        };
        add(groups, &key, row, count);
        groups.check(bounds)?;
    }
    Ok(())
}
