//! The groups of an aggregate and what is gathered of each.

use super::{cell::Cell, function::Function, key_set::KeySet};
use crate::{
    error::{Code, Error, Result},
    query::{
        access::Access,
        executor::{Clock, visit_records},
    },
    schema::Schema,
    table::{Record, Row, Table},
    value::{Kind, ValueRef},
};
use smallvec::SmallVec;

/// What is gathered: the fields that make a group, and the functions asked of each.
pub(super) struct Recipe {
    /// The positions of the fields that the records of a group have in common; none: all records
    /// are one group.
    pub(super) group: Vec<usize>,
    /// The functions.
    pub(super) functions: Vec<Function<usize>>,
}

impl Recipe {
    /// How many records there are of each value of a field.
    pub(super) fn of_values(position: usize) -> Recipe {
        Recipe {
            group: vec![position],
            functions: vec![Function::Count],
        }
    }
}

/// Bounds on what is gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The most groups.
    pub(super) groups: u64,
    /// The most groups that are answered, for an error to say.
    pub(super) most: u64,
    /// The most bytes that they and the values met may take.
    pub(super) bytes: usize,
}

/// The groups met so far, numbered, and the state of each function in each.
pub(super) struct Groups {
    keys: KeySet,
    /// A record of each group: its fields say what the group has in common.
    pub(super) rows: Vec<Row>,
    cells: Vec<Cell>,
    /// The state of each function in a group without records.
    empty: Vec<Cell>,
    /// For each function that counts values the values met, behind the number of their group.
    met: Vec<KeySet>,
}

impl Groups {
    /// No groups.
    pub(super) fn new(schema: &Schema, recipe: &Recipe) -> Groups {
        let float = |position: usize| {
            let field = schema.fields.get(position);
            field.is_some_and(|field| field.kind.kind() == Kind::Float)
        };
        let functions = recipe.functions.iter();
        let empty = functions.map(|f| Cell::new(*f, f.field().is_some_and(float)));
        Groups {
            keys: KeySet::new(),
            rows: Vec::new(),
            cells: Vec::new(),
            empty: empty.collect(),
            met: recipe.functions.iter().map(|_| KeySet::new()).collect(),
        }
    }

    /// The one group of all records. It needs no record, and has none to show.
    pub(super) fn whole(schema: &Schema, recipe: &Recipe) -> Groups {
        let mut groups = Groups::new(schema, recipe);
        groups.enter(&[], Row::MAX);
        groups
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of the group of this key, begun with the record of `row` where it is new.
    #[inline]
    pub(super) fn enter(&mut self, key: &[u8], row: Row) -> usize {
        let (number, new) = self.keys.insert(key);
        if new {
            self.rows.push(row);
            self.cells.extend_from_slice(&self.empty);
        }
        number
    }

    /// The state of each function in a group.
    #[inline]
    pub(super) fn cells(&mut self, number: usize) -> &mut [Cell] {
        let start = number * self.empty.len();
        let end = start + self.empty.len();
        self.cells.get_mut(start..end).unwrap_or_default()
    }

    /// The state of one function in a group.
    pub(super) fn cell(&self, number: usize, function: usize) -> Option<&Cell> {
        self.cells.get(number * self.empty.len() + function)
    }

    /// The state of each function in the group of this key, where it is there.
    pub(super) fn of_key(&mut self, key: &[u8]) -> Option<&mut [Cell]> {
        let number = self.keys.get(key)?;
        Some(self.cells(number))
    }

    /// Bytes held. They follow from what was met, not from the order in which it was.
    fn held(&self) -> usize {
        let met: usize = self.met.iter().map(KeySet::held).sum();
        let rows = self.rows.len() * size_of::<Row>();
        self.keys.held() + rows + self.cells.len() * size_of::<Cell>() + met
    }

    /// # Errors
    /// TOOMANY where there are more than the bounds allow.
    pub(super) fn check(&self, bounds: Bounds) -> Result<()> {
        if self.len() as u64 > bounds.groups {
            return Err(too_many(bounds.most));
        }
        if self.held() > bounds.bytes {
            return Err(Error::new(
                Code::TooMany,
                format!(
                    "the groups and the values of COUNT DISTINCT take more than {} bytes; narrow the predicate, or group by fewer fields",
                    bounds.bytes
                ),
            ));
        }
        Ok(())
    }

    /// Gathers the records that a way leads to, those that match, in one pass.
    ///
    /// # Errors
    /// TOOMANY.
    pub(super) fn gather(
        table: &Table,
        access: &Access,
        now: i64,
        recipe: &Recipe,
        bounds: Bounds,
    ) -> Result<Groups> {
        let mut gathering = Gathering::new(table, recipe);
        let clock = Clock::new(table, || now);
        let mut checked = Ok(());
        visit_records(table, access, clock, &mut |row, record| {
            if gathering.take(row, record) {
                checked = gathering.groups.check(bounds);
            }
            checked.is_ok()
        });
        checked.map(|()| gathering.groups)
    }
}

/// A pass over records.
struct Gathering<'r> {
    recipe: &'r Recipe,
    groups: Groups,
    /// The positions that are read of a record, each once.
    fields: SmallVec<[usize; 8]>,
    /// For each function the place of its field in `fields`.
    places: SmallVec<[Option<usize>; 8]>,
    key: Vec<u8>,
}

impl<'r> Gathering<'r> {
    fn new(table: &Table, recipe: &'r Recipe) -> Gathering<'r> {
        let mut fields: SmallVec<[usize; 8]> = SmallVec::new();
        let mut place = |position: usize| {
            let known = fields.iter().position(|field| *field == position);
            known.unwrap_or_else(|| {
                fields.push(position);
                fields.len() - 1
            })
        };
        let functions = recipe.functions.iter();
        let places = functions.map(|f| f.field().map(&mut place)).collect();
        let groups = match recipe.group.is_empty() {
            true => Groups::whole(table.schema(), recipe),
            false => Groups::new(table.schema(), recipe),
        };
        Gathering {
            recipe,
            groups,
            fields,
            places,
            key: Vec::new(),
        }
    }

    /// Takes one more record. Answers whether that made a group or added a value to those met.
    #[inline]
    fn take(&mut self, row: Row, record: &Record<'_>) -> bool {
        let mut number = 0;
        let mut more = false;
        if !self.recipe.group.is_empty() {
            self.key.clear();
            for position in &self.recipe.group {
                record.value(*position).key_into(&mut self.key);
            }
            let before = self.groups.len();
            number = self.groups.enter(&self.key, row);
            more = self.groups.len() > before;
        }
        let fields = self.fields.iter();
        let values: SmallVec<[ValueRef; 4]> = fields.map(|field| record.value(*field)).collect();
        for (at, place) in self.places.iter().enumerate() {
            let value = match place {
                None => &ValueRef::Boolean(true),
                Some(place) => match values.get(*place) {
                    Some(value) if !value.is_null() => value,
                    _ => continue,
                },
            };
            if let Some(Function::CountDistinct(_)) = self.recipe.functions.get(at) {
                self.key.clear();
                self.key.extend_from_slice(&(number as u32).to_le_bytes());
                value.key_into(&mut self.key);
                match self.groups.met.get_mut(at).map(|met| met.insert(&self.key)) {
                    Some((_, true)) => more = true,
                    _ => continue,
                }
            }
            if let Some(cell) = self.groups.cells(number).get_mut(at) {
                cell.add(value);
            }
        }
        more
    }
}

/// More groups would be answered than a reply may hold.
pub(super) fn too_many(most: u64) -> Error {
    Error::new(
        Code::TooMany,
        format!(
            "the reply would hold more than {most} groups (max-reply-records); use LIMIT, narrow the predicate, or group by fewer fields"
        ),
    )
}
