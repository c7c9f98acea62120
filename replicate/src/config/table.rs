//! `[[table]]`: what is replicated, and how.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::words::{some_span, words};
use crate::table::{self, Wish};

/// How far a replication by a DATETIME goes back behind its watermark, unless told.
const OVERLAP: Duration = Duration::from_secs(5);

/// A table of the source and what becomes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name in the source.
    pub name: String,
    /// Its name in the target, `schema.table` for one of another schema; without it the same.
    pub into: Option<String>,
    /// The targets it goes to; without any, all of them.
    #[serde(default, rename = "target", deserialize_with = "words")]
    pub targets: Vec<String>,
    /// Which records go.
    #[serde(default)]
    pub strategy: Strategy,
    /// The field that grows: a DATETIME for `timed` where the table has no feed (`updated_at` unless told), an INTEGER
    /// for `identity` (`id` unless told).
    pub by: Option<String>,
    /// How far behind its watermark a `timed` replication by a DATETIME begins, for clocks that are set by hand.
    #[serde(default, deserialize_with = "some_span")]
    pub overlap: Option<Duration>,
    /// Columns of another name than their field: `{ column = "field" }`.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Fields that go nowhere, whatever columns there are.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// What a deletion in the source does.
    #[serde(default)]
    pub deletes: Deletes,
    /// The column that says when a record was deleted, of `deletes = "soft"`; `deleted_at` unless told.
    pub deleted_at: Option<String>,
    /// How a `full` replication takes the place of the one before; by its rows unless told.
    pub swap: Option<Swap>,
    /// Whether columns may be added to the target for fields that it lacks.
    #[serde(default)]
    pub evolve: bool,
    /// How the target table is vacuumed after each import; never unless told.
    pub vacuum: Option<Vacuum>,
    /// Whether the target table is analyzed after each import.
    #[serde(default)]
    pub analyze: bool,
}

impl Table {
    /// Its name in the target.
    pub fn into_name(&self) -> &str {
        self.into.as_deref().unwrap_or(&self.name)
    }

    /// Whether it goes to the target of this name.
    pub fn goes_to(&self, target: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|name| name == target)
    }

    /// What is planned of it.
    pub fn wish(&self) -> Wish {
        let strategy = match (self.strategy, &self.by) {
            (Strategy::Timed, None) => None,
            (Strategy::Timed, Some(field)) => Some(table::Strategy::Timed {
                field: field.clone(),
                overlap: self.overlap.unwrap_or(OVERLAP),
            }),
            (Strategy::Identity, field) => Some(table::Strategy::Identity {
                field: field.clone().unwrap_or("id".into()),
            }),
            (Strategy::Full, _) => Some(table::Strategy::Full {
                rename: self.swap == Some(Swap::Rename),
            }),
        };
        Wish {
            strategy,
            deletes: match self.deletes {
                Deletes::Hard => table::Deletes::Hard,
                Deletes::Soft => table::Deletes::Soft {
                    column: self.deleted_at.clone().unwrap_or("deleted_at".into()),
                },
                Deletes::Ignore => table::Deletes::Ignore,
            },
            columns: self.columns.clone(),
            exclude: self.exclude.clone(),
            evolve: self.evolve,
            ..Wish::new(&self.name, self.into_name())
        }
    }

    /// A key that means nothing beside the others, and why.
    pub(super) fn idle(&self) -> Option<(&'static str, &'static str)> {
        let Table {
            strategy, deletes, ..
        } = self;
        if self.by.is_some() && *strategy == Strategy::Full {
            return Some((
                "by",
                "expected no field beside strategy = \"full\": all records go",
            ));
        }
        if self.overlap.is_some() && (*strategy != Strategy::Timed || self.by.is_none()) {
            return Some((
                "overlap",
                "expected strategy = \"timed\" and by = \"FIELD\" beside overlap",
            ));
        }
        if self.swap.is_some() && *strategy != Strategy::Full {
            return Some(("swap", "expected strategy = \"full\" beside swap"));
        }
        if self.deleted_at.is_some() && *deletes != Deletes::Soft {
            return Some((
                "deleted_at",
                "expected deletes = \"soft\" beside deleted_at",
            ));
        }
        None
    }
}

/// Which records go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Those that changed since the last time, merged by id.
    #[default]
    Timed,
    /// Those that were added since the last time, appended.
    Identity,
    /// All of them, in the place of what was there.
    Full,
}

/// What a deletion in the source does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deletes {
    /// It deletes the row.
    #[default]
    Hard,
    /// It sets the column `deleted_at`.
    Soft,
    /// Nothing.
    Ignore,
}

/// How a `full` replication takes the place of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Swap {
    /// By its rows: grants, views and indexes of the table stay.
    Rows,
    /// By its name: quicker, and grants and views go with the old table.
    Rename,
}

/// A form of VACUUM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vacuum {
    /// By the sort key: REINDEX where that is interleaved, else plain.
    Auto,
    /// VACUUM.
    Plain,
    /// VACUUM FULL.
    Full,
    /// VACUUM SORT ONLY.
    SortOnly,
    /// VACUUM DELETE ONLY.
    DeleteOnly,
    /// VACUUM REINDEX.
    Reindex,
}
