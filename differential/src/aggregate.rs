//! Aggregates at random, in both languages.

use rusqlite::{Connection, types::Value as Cell};

use crate::{
    answer::Answer,
    engine::{Words, words},
    predicate::Asker,
    question::{Asked, Question},
    schema::Field,
    sql::{BEYOND, Sql, rows},
    value::Kind,
};

/// A key of the outcome: its name, its SQL, how it is asked for, and what its value is of.
struct Column {
    key: String,
    sql: String,
    words: Words,
    /// None: a count.
    field: Option<Field>,
}

impl Asker<'_> {
    /// What the matches come to.
    pub fn aggregate(&mut self, said: Words, filter: Sql) -> Question {
        let sorting: Vec<Field> = self
            .schema
            .fields
            .iter()
            .filter(|f| f.sorts())
            .cloned()
            .collect();
        let most = *self.random.pick(&[0, 0, 1, 1, 2, 3]);
        let group: Vec<Field> = self.random.some(&sorting, most);
        let functions = self.functions(&sorting, group.iter().any(|field| field.name == "count"));
        let mut clauses: Vec<Words> = functions
            .iter()
            .map(|column| column.words.clone())
            .collect();
        let mut columns = Vec::new();
        if !group.is_empty() {
            let list = group.iter().map(|field| field.word(self.random));
            clauses.insert(0, [words("GROUP BY"), list.collect()].concat());
            columns.extend(group.iter().map(|field| Column {
                key: field.name.into(),
                sql: field.column(),
                words: vec![field.word(self.random)],
                field: Some(field.clone()),
            }));
        }
        columns.extend(functions);
        let (order, by) = self.group_order(&columns, group.len());
        clauses.push(order);
        let (limit, offset) = self.cut();
        clauses.extend(limit.map(|limit| words(&format!("LIMIT {limit}"))));
        clauses.extend((offset > 0).then(|| words(&format!("OFFSET {offset}"))));
        let list: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
        let mut sql = Sql::of(format!("SELECT {} FROM t WHERE ", list.join(", "))).then(&filter);
        if !group.is_empty() {
            let list: Vec<String> = group.iter().map(Field::column).collect();
            sql = sql.say(&format!(" GROUP BY {}", list.join(", ")));
        }
        if !by.is_empty() {
            sql = sql.say(&format!(" ORDER BY {by}"));
        }
        let cut = Sql::of(format!(" LIMIT {} OFFSET {offset}", limit.unwrap_or(-1)));
        let columns = columns.into_iter().map(|column| (column.key, column.field));
        Question {
            command: "yarr.aggregate",
            words: [said, clauses.concat()].concat(),
            sql,
            asked: Asked::Groups(columns.collect(), cut),
        }
    }

    /// One function at least, none twice; no COUNT where a field has its key.
    fn functions(&mut self, sorting: &[Field], counted: bool) -> Vec<Column> {
        let mut functions: Vec<Column> = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let field = self.random.pick(sorting).clone();
            let number = matches!(field.kind, Kind::Integer | Kind::Float);
            let (name, column) = (field.name, field.column());
            let (key, sql, word, field) = match self.random.below(6) {
                0 if !counted => ("count".into(), "count(*)".into(), "COUNT", None),
                0 | 1 => (
                    format!("count(distinct {name})"),
                    format!("count(DISTINCT {column})"),
                    "COUNT DISTINCT",
                    Some((field, false)),
                ),
                2 if number => (
                    format!("sum({name})"),
                    format!("exact_sum({column})"),
                    "SUM",
                    Some((field, true)),
                ),
                3 if number => {
                    let mean = Field {
                        kind: Kind::Float,
                        ..field
                    };
                    (
                        format!("avg({name})"),
                        format!("exact_avg({column})"),
                        "AVG",
                        Some((mean, true)),
                    )
                }
                at if at % 2 == 0 => (
                    format!("min({name})"),
                    format!("min({column})"),
                    "min",
                    Some((field, true)),
                ),
                _ => (
                    format!("max({name})"),
                    format!("max({column})"),
                    "MAX",
                    Some((field, true)),
                ),
            };
            if functions.iter().any(|function| function.key == key) {
                continue;
            }
            let mut said = words(word);
            said.extend(field.as_ref().map(|(field, _)| field.word(self.random)));
            let field = field.and_then(|(field, value)| value.then_some(field));
            functions.push(Column {
                key,
                sql,
                words: said,
                field,
            });
        }
        functions
    }

    /// ORDER BY takes keys of the outcome; what is left of the group's fields follows, in the
    /// direction of the last key.
    fn group_order(&mut self, columns: &[Column], group: usize) -> (Words, String) {
        let most = *self.random.pick(&[0, 0, 1, 2, 3]);
        let places: Vec<usize> = (0..columns.len()).collect();
        let keys = self.random.some(&places, most);
        let (mut said, mut by, mut last) = (Words::new(), Vec::new(), "ASC");
        for place in &keys {
            if said.is_empty() {
                said = words("ORDER BY");
            }
            said.push(match *place < group {
                true => columns[*place].words[0].clone(),
                false => columns[*place].key.clone().into(),
            });
            last = *self.random.pick(&["ASC", "DESC"]);
            if last == "DESC" || self.random.chance(50) {
                said.push(last.into());
            }
            by.push(format!("{} {last}", place + 1));
        }
        let unsaid = (0..group).filter(|place| !keys.contains(place));
        by.extend(unsaid.map(|place| format!("{} {last}", place + 1)));
        (said, by.join(", "))
    }
}

/// The groups that SQLite answers.
pub struct Groups {
    /// Those that are answered; none where a sum of one of them leaves its type.
    pub answers: Option<Vec<Answer>>,
    /// Whether a sum of any group leaves its type.
    pub beyond: bool,
}

impl Groups {
    /// Asks for groups of these columns.
    pub fn of(
        sql: &Connection,
        what: &Sql,
        columns: &[(String, Option<Field>)],
        cut: &Sql,
    ) -> Groups {
        let ask = |what: &Sql| {
            let rows = rows(sql, what);
            rows.unwrap_or_else(|error| panic!("{error}: {}", what.shown()))
        };
        let beyond = |rows: &[Vec<Cell>]| {
            let mut cells = rows.iter().flatten();
            cells.any(|cell| *cell == Cell::Text(BEYOND.into()))
        };
        let answer = |row: Vec<Cell>| {
            let pairs = columns.iter().zip(row).flat_map(|((key, field), cell)| {
                let answer = match (field, cell) {
                    (Some(field), cell) => field.kind.answer(&cell),
                    (None, Cell::Integer(count)) => Answer::Count(count),
                    (None, cell) => panic!("SQLite counted {cell:?}"),
                };
                [Answer::text(key), answer]
            });
            Answer::Map(pairs.collect())
        };
        let found = ask(&what.clone().then(cut));
        Groups {
            beyond: beyond(&ask(what)),
            answers: match beyond(&found) {
                true => None,
                false => Some(found.into_iter().map(answer).collect()),
            },
        }
    }
}
