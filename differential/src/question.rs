//! Questions at random: WHERE, FIND and walks, in both languages.

use rusqlite::{Connection, types::Value as Cell};

use crate::{
    aggregate::Groups,
    answer::{Answer, sorted},
    engine::{Engine, Words, shown, words},
    predicate::Asker,
    schema::Field,
    sql::{Sql, integers, rows},
};

/// One question.
pub struct Question {
    /// The command's name.
    pub command: &'static str,
    /// The command after the table's name, without SCAN, CURSOR and what follows.
    pub words: Words,
    /// What SQLite is asked, without a limit.
    pub sql: Sql,
    /// How the rows of both are compared.
    pub asked: Asked,
}

/// What is asked of the matches.
pub enum Asked {
    /// Their number, of those that a limit and an offset leave.
    Count(Option<i64>, i64),
    /// So many of them, from which on, and whether in this order.
    Rows(Shape, Option<i64>, i64, bool),
    /// The first, or any where there is no order.
    First(Shape, bool),
    /// All of them, in pages of these sizes by turns.
    Walk(Shape, Vec<usize>),
    /// Groups, in order; SQLite obeys the limit itself.
    Groups(Vec<(String, Option<Field>)>, Sql),
}

/// What is answered of a record.
pub enum Shape {
    /// A map of these fields.
    Record(Vec<Field>),
    /// The values of these.
    Pluck(Vec<Field>),
}

impl Shape {
    /// The fields.
    pub fn fields(&self) -> &[Field] {
        match self {
            Shape::Record(fields) | Shape::Pluck(fields) => fields,
        }
    }

    /// The columns that SQLite answers.
    pub fn columns(&self) -> String {
        let columns: Vec<String> = self.fields().iter().map(Field::column).collect();
        columns.join(", ")
    }

    /// A row as YARR answers it.
    pub fn answer(&self, row: &[Cell]) -> Answer {
        let values = self.fields().iter().zip(row);
        let mut values = values.map(|(field, cell)| (field, field.kind.answer(cell)));
        match self {
            Shape::Pluck(fields) if fields.len() == 1 => values.next().expect("a value").1,
            Shape::Pluck(_) => Answer::List(values.map(|(_, value)| value).collect()),
            Shape::Record(_) => {
                let present = values.filter(|(_, value)| *value != Answer::Null);
                let pairs = present.flat_map(|(field, value)| [Answer::text(field.name), value]);
                Answer::Map(pairs.collect())
            }
        }
    }
}

impl Asker<'_> {
    /// Any question of these kinds.
    pub fn question(&mut self) -> Question {
        let (mut said, filter) = self.predicate();
        match self.random.below(20) {
            0..=2 => return self.first(said, filter),
            3..=5 => return self.walk(said, filter),
            6..=9 if Engine::has("yarr.aggregate") => return self.aggregate(said, filter),
            _ => {}
        }
        let (order, by) = self.order();
        let (limit, offset) = self.cut();
        let mut clauses = vec![order];
        clauses.extend(limit.map(|limit| words(&format!("LIMIT {limit}"))));
        clauses.extend((offset > 0).then(|| words(&format!("OFFSET {offset}"))));
        let (sql, asked) = if self.random.chance(25) {
            clauses.push(words("COUNT"));
            let sql = Sql::of("SELECT count(*) FROM t WHERE ").then(&filter);
            (sql, Asked::Count(limit, offset))
        } else {
            let (clause, shape) = self.shape();
            clauses.push(clause);
            let ordered = by.is_some();
            let sql = select(&shape, &filter, by);
            (sql, Asked::Rows(shape, limit, offset, ordered))
        };
        // Clauses come in any order.
        let most = clauses.len();
        said.extend(self.random.some(&clauses, most).concat());
        Question {
            command: "yarr.where",
            words: said,
            sql,
            asked,
        }
    }

    fn first(&mut self, said: Words, filter: Sql) -> Question {
        let (order, by) = self.order();
        let (clause, shape) = self.returned();
        let sql = select(&shape, &filter, by.clone());
        Question {
            command: "yarr.find",
            words: [words("WHERE"), said, order, clause].concat(),
            sql,
            asked: Asked::First(shape, by.is_some()),
        }
    }

    fn walk(&mut self, said: Words, filter: Sql) -> Question {
        let (order, by) = self.order();
        let (clause, shape) = self.shape();
        let sql = select(&shape, &filter, by.or(Some("\"id\"".into())));
        let pages = 1 + self.random.below(3);
        let pages = (0..pages).map(|_| *self.random.pick(&[1, 2, 3, 5, 7, 20, 100]));
        Question {
            command: "yarr.where",
            words: [said, order, clause].concat(),
            sql,
            asked: Asked::Walk(shape, pages.collect()),
        }
    }

    /// ORDER BY in both languages; none more often than not. Ties end with the id, in the direction
    /// of the last field. NULL comes before every value in both.
    pub fn order(&mut self) -> (Words, Option<String>) {
        if self.random.chance(40) {
            return (Words::new(), None);
        }
        let from = match self.random.chance(50) && self.about.iter().any(Field::sorts) {
            true => &self.about,
            false => &self.schema.fields,
        };
        let sorting: Vec<Field> = from.iter().filter(|f| f.sorts()).cloned().collect();
        let most = 1 + self.random.below(3);
        let mut said = words("ORDER BY");
        let (mut columns, mut last) = (Vec::new(), "ASC");
        for field in self.random.some(&sorting, most) {
            said.push(field.word(self.random));
            last = *self.random.pick(&["ASC", "DESC"]);
            if last == "DESC" || self.random.chance(50) {
                said.push(last.into());
            }
            columns.push(format!("{} {last}", field.column()));
        }
        columns.push(format!("\"id\" {last}"));
        (said, Some(columns.join(", ")))
    }

    /// LIMIT and OFFSET.
    pub fn cut(&mut self) -> (Option<i64>, i64) {
        let limits = [0, 1, 2, 3, 5, 10, 50, i64::MAX];
        let limit = self.random.chance(50).then(|| *self.random.pick(&limits));
        let offset = *self.random.pick(&[0, 0, 0, 0, 1, 2, 7, 40, i64::MAX]);
        (limit, offset)
    }

    fn shape(&mut self) -> (Words, Shape) {
        match self.random.below(4) {
            0 => (
                words("IDS"),
                Shape::Pluck(vec![self.schema.fields[0].clone()]),
            ),
            1 => {
                let (list, fields) = self.fields();
                ([words("PLUCK"), list].concat(), Shape::Pluck(fields))
            }
            _ => self.returned(),
        }
    }

    fn returned(&mut self) -> (Words, Shape) {
        let whole = || Shape::Record(self.schema.visible().to_vec());
        match self.random.below(3) {
            0 => (Words::new(), whole()),
            1 => (words("RETURN *"), whole()),
            _ => {
                let (list, fields) = self.fields();
                ([words("RETURN"), list].concat(), Shape::Record(fields))
            }
        }
    }

    fn fields(&mut self) -> (Words, Vec<Field>) {
        let most = 1 + self.random.below(3);
        let fields = self.random.some(&self.schema.fields, most);
        let list = fields.iter().map(|field| field.word(self.random)).collect();
        (list, fields)
    }
}

fn select(shape: &Shape, filter: &Sql, by: Option<String>) -> Sql {
    let sql = Sql::of(format!("SELECT {} FROM t WHERE ", shape.columns())).then(filter);
    match by {
        Some(by) => sql.say(&format!(" ORDER BY {by}")),
        None => sql,
    }
}

impl Question {
    /// Asks both. Answers what differs, and whether a walk over the table had to be permitted.
    pub fn differs(&self, engine: &mut Engine, sql: &Connection, scan: bool) -> Result<(), String> {
        let mut ask = |more: &str| -> Result<Answer, String> {
            let said = [self.words.clone(), words(more)].concat();
            let answer = engine.run(self.command, &said);
            match answer {
                // Not served by the schema: with leave to walk it is.
                Err(error) if error.starts_with("NOINDEX ") && !scan => {
                    engine.run(self.command, &[said, words("SCAN")].concat())
                }
                other => other,
            }
        };
        let scanned = if scan { "SCAN" } else { "" };
        match &self.asked {
            Asked::Groups(columns, cut) => {
                let theirs = Groups::of(sql, &self.sql, columns, cut);
                match (ask(scanned), theirs.answers) {
                    (Ok(ours), Some(theirs)) => same(&ours.list(), &theirs),
                    // A sum that leaves its type may be needed to order the groups.
                    (Err(error), _) if theirs.beyond && error.starts_with("BADVALUE ") => Ok(()),
                    (ours, theirs) => Err(format!("{ours:?}\nbeside {theirs:?}")),
                }
            }
            Asked::Count(limit, offset) => {
                let all = integers(sql, &self.sql)[0];
                let left = (all - offset).max(0).min(limit.unwrap_or(i64::MAX));
                match ask(scanned)? {
                    Answer::Count(count) if count == left => Ok(()),
                    other => Err(format!("{other:?}\nbeside {left}")),
                }
            }
            Asked::Rows(shape, limit, offset, ordered) => {
                let cut = Sql::of(format!(" LIMIT {} OFFSET {offset}", limit.unwrap_or(-1)));
                let theirs = match ordered {
                    true => answers(sql, shape, &self.sql.clone().then(&cut)),
                    false => answers(sql, shape, &self.sql),
                };
                let ours = ask(scanned)?.list();
                match ordered {
                    true => same(&ours, &theirs),
                    false => some_of(ours, theirs, *limit, *offset),
                }
            }
            Asked::First(shape, ordered) => {
                let theirs = answers(sql, shape, &self.sql);
                let ours = ask(scanned)?;
                let right = match (theirs.first(), ordered) {
                    (None, _) => ours == Answer::Null,
                    (Some(first), true) => ours == *first,
                    (Some(_), false) => theirs.contains(&ours),
                };
                right
                    .then_some(())
                    .ok_or(format!("{ours:?}\nbeside {theirs:?}"))
            }
            Asked::Walk(shape, pages) => {
                let theirs = answers(sql, shape, &self.sql);
                let (mut ours, mut cursor) = (Vec::new(), Answer::text("0"));
                for page in pages.iter().cycle() {
                    let Answer::Bytes(from) = &cursor else {
                        return Err(format!("the cursor {cursor:?}"));
                    };
                    let from = String::from_utf8_lossy(from);
                    let answer = ask(&format!("CURSOR {from} LIMIT {page} {scanned}"))?.list();
                    let [next, Answer::List(rows)] = &answer[..] else {
                        return Err(format!("the page {answer:?}"));
                    };
                    let over = *next == Answer::text("0");
                    if rows.len() > *page || rows.len() < *page && !over {
                        return Err(format!("{} rows of {page}, next {next:?}", rows.len()));
                    }
                    ours.extend_from_slice(rows);
                    cursor = next.clone();
                    if over || ours.len() > theirs.len() {
                        break;
                    }
                }
                same(&ours, &theirs)
            }
        }
    }

    /// The words that ask for the plan.
    pub fn explained(&self, analyze: &str) -> Words {
        let command = self.command.trim_start_matches("yarr.");
        let said = [
            words(analyze),
            words(command),
            self.words.clone(),
            words("SCAN"),
        ];
        said.concat()
    }

    /// Whether there may be a sum that leaves its type.
    pub fn adds_up(&self) -> bool {
        matches!(self.asked, Asked::Groups(..))
    }

    /// The words and the SQL, for a person to see.
    pub fn shown(&self) -> String {
        format!(
            "{} t {}\n{}",
            self.command,
            shown(&self.words),
            self.sql.shown()
        )
    }
}

/// The rows that SQLite answers, as YARR would.
pub fn answers(connection: &Connection, shape: &Shape, sql: &Sql) -> Vec<Answer> {
    let rows = rows(connection, sql);
    let rows = rows.unwrap_or_else(|error| panic!("{error}: {}", sql.shown()));
    rows.iter().map(|row| shape.answer(row)).collect()
}

/// The same answers in the same order.
pub fn same(ours: &[Answer], theirs: &[Answer]) -> Result<(), String> {
    match ours == theirs {
        true => Ok(()),
        false => Err(format!("{ours:?}\nbeside {theirs:?}")),
    }
}

/// Where there is no order, any of the matches, as many as a limit and an offset leave.
fn some_of(
    ours: Vec<Answer>,
    theirs: Vec<Answer>,
    limit: Option<i64>,
    offset: i64,
) -> Result<(), String> {
    let left = theirs
        .len()
        .saturating_sub(usize::try_from(offset).unwrap_or(usize::MAX));
    let left = left.min(usize::try_from(limit.unwrap_or(i64::MAX)).unwrap_or(usize::MAX));
    let (ours, theirs) = (sorted(ours), sorted(theirs));
    let mut rest = theirs.iter();
    let found = ours.iter().all(|one| rest.any(|other| one == other));
    match found && ours.len() == left {
        true => Ok(()),
        false => Err(format!("{ours:?}\nbeside {left} of {theirs:?}")),
    }
}
