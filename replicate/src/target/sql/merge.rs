//! The statements that take a stage into its table.

use super::{identifier, quoted};
use crate::{
    error::{Error, Result},
    replication::Mode,
    table::{Deletes, Strategy, Table},
};

/// The stage: a temporary table of the session.
pub(super) const STAGE: &str = "_yarr_stage";

/// What the rows that a statement concerned are counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    Inserted,
    Deleted,
    Nothing,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) counts: Counting,
}

/// What is merged into what.
#[derive(Debug)]
pub(super) struct Merge<'t> {
    table: &'t Table,
    mode: Mode,
    target: String,
    key: String,
    columns: String,
}

impl<'t> Merge<'t> {
    pub(super) fn of(table: &'t Table, mode: Mode) -> Result<Merge<'t>> {
        let key = table
            .key()
            .ok_or_else(|| Error::refused("a table without a column for the id"))?;
        let columns = table.columns.iter();
        let columns: Vec<String> = columns.map(|column| identifier(&column.name)).collect();
        Ok(Merge {
            table,
            mode,
            target: quoted(&table.target),
            key: identifier(&key.name),
            columns: columns.join(", "),
        })
    }

    /// Makes the stage, whose columns have the types of the table's.
    pub(super) fn stage(&self) -> String {
        format!(
            "DROP TABLE IF EXISTS {STAGE}; CREATE TEMP TABLE {STAGE} AS \
             SELECT CAST(0 AS bigint) AS _change, CAST('' AS varchar(1)) AS _kind, {} FROM {} WHERE 1 = 0",
            self.columns, self.target
        )
    }

    /// Asks how many rows the stage has.
    pub(super) fn loaded(&self) -> String {
        format!("SELECT count(*) FROM {STAGE}")
    }

    /// The statements, in their order. `moment` is the literal of the moment at which rows are marked as deleted, `like`
    /// what a side table takes over from its table.
    pub(super) fn steps(&self, moment: &str, like: &str) -> Vec<Step> {
        let Merge {
            target,
            key,
            columns,
            ..
        } = self;
        let mut steps = Vec::new();
        let mut step = |counts, sql| steps.push(Step { sql, counts });
        // Of an id the highest change is what holds.
        step(
            Counting::Nothing,
            format!(
                "DELETE FROM {STAGE} USING (SELECT {key} AS k, max(_change) AS newest FROM {STAGE} \
                 GROUP BY {key} HAVING count(*) > 1) AS twice \
                 WHERE {STAGE}.{key} = twice.k AND {STAGE}._change < twice.newest"
            ),
        );
        let gone = match self.mode {
            Mode::Whole => format!(
                "NOT EXISTS (SELECT 1 FROM {STAGE} WHERE {STAGE}.{key} = {target}.{key} AND {STAGE}._kind = 'P')"
            ),
            Mode::Merge | Mode::Append => {
                format!("{key} IN (SELECT {key} FROM {STAGE} WHERE _kind <> 'P')")
            }
        };
        if self.mode != Mode::Append {
            match &self.table.deletes {
                Deletes::Hard => step(
                    Counting::Deleted,
                    format!("DELETE FROM {target} WHERE {gone}"),
                ),
                Deletes::Soft { column } => {
                    let column = identifier(column);
                    step(
                        Counting::Deleted,
                        format!(
                            "UPDATE {target} SET {column} = {moment} WHERE {column} IS NULL AND {gone}"
                        ),
                    );
                }
                Deletes::Ignore => {}
            }
        }
        let insert = |into: &str| {
            format!(
                "INSERT INTO {into} ({columns}) SELECT {columns} FROM {STAGE} WHERE _kind = 'P'"
            )
        };
        if self.mode == Mode::Whole && self.table.strategy == (Strategy::Full { rename: true }) {
            let side = quoted(&format!("{}_yarr_side", self.table.target));
            let name = self.table.target.rsplit('.').next().unwrap_or_default();
            step(
                Counting::Nothing,
                format!("DROP TABLE IF EXISTS {side}; CREATE TABLE {side} (LIKE {target} {like})"),
            );
            step(Counting::Inserted, insert(&side));
            step(
                Counting::Nothing,
                format!(
                    "DROP TABLE {target}; ALTER TABLE {side} RENAME TO {}",
                    identifier(name)
                ),
            );
        } else {
            if self.mode != Mode::Append {
                step(
                    Counting::Nothing,
                    format!(
                        "DELETE FROM {target} USING {STAGE} WHERE {target}.{key} = {STAGE}.{key} AND {STAGE}._kind = 'P'"
                    ),
                );
            }
            step(Counting::Inserted, insert(target));
        }
        step(Counting::Nothing, format!("DROP TABLE {STAGE}"));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, FieldType, Form};

    fn table(deletes: Deletes, strategy: Strategy) -> Table {
        let column = |name: &str| Column {
            field: name.into(),
            kind: FieldType::Integer,
            name: name.into(),
            column_type: "bigint".into(),
            form: Form::Plain,
        };
        Table {
            source: "t".into(),
            target: "shop.t".into(),
            columns: vec![column("id"), column("a \"b\"")],
            strategy,
            deletes,
        }
    }

    /// The first words of each statement, and what it is counted as.
    fn shape(deletes: Deletes, strategy: Strategy, mode: Mode) -> Vec<(String, Counting)> {
        let table = table(deletes, strategy);
        let steps = Merge::of(&table, mode).unwrap().steps("'now'", "");
        let head = |sql: &str| sql.split(' ').take(3).collect::<Vec<_>>().join(" ");
        steps
            .iter()
            .map(|step| (head(&step.sql), step.counts))
            .collect()
    }

    #[test]
    fn what_is_gone_goes_before_what_is_there_comes() {
        let target = r#""shop"."t""#;
        let statements = [
            ("DELETE FROM _yarr_stage".to_string(), Counting::Nothing),
            (format!("DELETE FROM {target}"), Counting::Deleted),
            (format!("DELETE FROM {target}"), Counting::Nothing),
            (format!("INSERT INTO {target}"), Counting::Inserted),
            ("DROP TABLE _yarr_stage".to_string(), Counting::Nothing),
        ];
        for mode in [Mode::Merge, Mode::Whole] {
            assert_eq!(shape(Deletes::Hard, Strategy::Changes, mode), statements);
        }
        let soft = Deletes::Soft {
            column: "gone".into(),
        };
        let marked = shape(soft, Strategy::Changes, Mode::Merge);
        assert_eq!(
            marked[1],
            (format!("UPDATE {target} SET"), Counting::Deleted)
        );
        let kept = shape(Deletes::Ignore, Strategy::Changes, Mode::Merge);
        assert_eq!(kept, [&statements[..1], &statements[2..]].concat());
    }

    #[test]
    fn rows_that_are_added_take_nothing_away() {
        let identity = Strategy::Identity { field: "id".into() };
        let added = shape(Deletes::Hard, identity, Mode::Append);
        assert!(
            added
                .iter()
                .all(|(head, _)| !head.starts_with("DELETE FROM \"shop\"")),
            "{added:?}"
        );
    }

    #[test]
    fn names_are_quoted_wherever_they_stand() {
        let table = table(Deletes::Hard, Strategy::Changes);
        let merge = Merge::of(&table, Mode::Merge).unwrap();
        assert!(
            merge.stage().contains(r#""id", "a ""b""" FROM "shop"."t""#),
            "{}",
            merge.stage()
        );
    }
}
