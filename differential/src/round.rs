//! A round: a table from a seed, changes and questions by turns.

use rusqlite::Connection;

use crate::{
    answer::{Answer, sorted},
    change::{Change, purge, sync_tags},
    create::duplicates,
    engine::{Engine, Words, shown, words},
    predicate::Asker,
    question::{Question, Shape, answers},
    random::Random,
    schema::Schema,
    sql::{Sql, execute, integers, open},
    value::Value,
};

/// How many questions a round asks.
pub const QUESTIONS: usize = 100;

/// Questions after each change.
const BETWEEN: usize = 5;

struct Round {
    seed: u64,
    schema: Schema,
    engine: Engine,
    sql: Connection,
    seen: Vec<(&'static str, Value)>,
    /// What was done so far, a line each.
    done: Vec<String>,
}

/// Plays the round of a seed; panics where the two differ.
pub fn round(seed: u64) {
    let mut random = Random::new(seed);
    let (schema, words, tables) = Schema::random(&mut random);
    let mut round = Round {
        seed,
        schema,
        engine: Engine::new(1_767_225_600_000),
        sql: open(),
        seen: Vec::new(),
        done: Vec::new(),
    };
    round.migrate(words, &tables);
    for _ in 0..QUESTIONS / BETWEEN {
        round.change(&mut random);
        for _ in 0..BETWEEN {
            round.ask(&mut random);
        }
    }
}

impl Round {
    fn asker<'a>(&'a self, random: &'a mut Random) -> Asker<'a> {
        let about = random.some(&self.schema.fields, 2);
        Asker {
            schema: &self.schema,
            random,
            now: self.engine.now,
            seen: &self.seen,
            about,
        }
    }

    /// Carries a migration out. Answers whether YARR took it, which existing values may forbid.
    fn migrate(&mut self, words: Words, tables: &[Sql]) -> bool {
        self.done.push(format!("yarr.migrate t {}", shown(&words)));
        match self.engine.run("yarr.migrate", &words) {
            Ok(_) => {
                for table in tables {
                    execute(&self.sql, table).unwrap_or_else(|error| {
                        panic!("{error}: {}", table.shown());
                    });
                }
                true
            }
            Err(error) if error.starts_with("DUPLICATE ") => false,
            Err(error) => self.fail(&error),
        }
    }

    fn change(&mut self, random: &mut Random) {
        match random.below(20) {
            0 => return self.change_schema(random),
            1 | 2 => {
                self.engine.now += random.within(1, 4) * 500;
                self.done.push(format!("clock {}", self.engine.now));
                if random.chance(50) {
                    self.engine.reclaim(random.below(4));
                }
                return;
            }
            _ => {}
        }
        let few = integers(&self.sql, &Sql::of("SELECT count(*) FROM t"))[0] < 40;
        let mut asker = self.asker(random);
        let change = match asker.random.below(if few { 6 } else { 12 }) {
            0..=3 => {
                let count = match asker.random.chance(30) {
                    true => 1,
                    false => 1 + asker.random.below(30),
                };
                asker.create(count)
            }
            4 | 6..=9 => match asker.update() {
                Some(change) => change,
                None => return,
            },
            _ => asker.delete(),
        };
        self.carry_out(change);
        self.compare();
    }

    fn change_schema(&mut self, random: &mut Random) {
        let Some((schema, words, column)) = self.schema.clone().migrate(random) else {
            return;
        };
        let before = std::mem::replace(&mut self.schema, schema);
        purge(&self.sql, self.engine.now);
        let taken = self.migrate(words, column.as_slice());
        if taken == duplicates(&self.sql, &self.schema) {
            self.fail(&format!("a migration that was taken: {taken}"));
        }
        if !taken {
            self.schema = before;
        }
        // A default of TAGS is in SQLite's column, not yet in its table of tags.
        let all = integers(&self.sql, &Sql::of("SELECT r FROM t"));
        sync_tags(&self.sql, &self.schema, &all);
        self.compare();
    }

    fn carry_out(&mut self, change: Change) {
        self.done
            .push(format!("{} t {}", change.command, shown(&change.words)));
        let ours = self.engine.run(change.command, &change.words);
        self.sql.execute_batch("BEGIN").expect("BEGIN");
        purge(&self.sql, self.engine.now);
        let theirs = (change.mirror)(&self.sql, &self.schema, ours.as_ref().ok());
        let theirs = theirs.and_then(|answer| {
            purge(&self.sql, self.engine.now);
            match duplicates(&self.sql, &self.schema) {
                true => Err("DUPLICATE".into()),
                false => Ok(answer),
            }
        });
        let end = if theirs.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.sql.execute_batch(end).expect(end);
        let same = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                ours == theirs
                    || matches!((ours, theirs), (Answer::List(ours), Answer::List(theirs))
                        if sorted(ours.clone()) == *theirs)
            }
            // Where several things are wrong, either may be told.
            (Err(error), Err(_)) => {
                let codes = ["DUPLICATE ", "NOTNULL ", "BADVALUE "];
                codes.iter().any(|code| error.starts_with(code))
            }
            _ => false,
        };
        if !same {
            self.fail(&format!("{ours:?}\nbeside {theirs:?}"));
        }
    }

    /// Compares the whole tables, and remembers their values.
    fn compare(&mut self) {
        let fields = self.schema.fields.clone();
        let names: Vec<String> = fields
            .iter()
            .map(|field| format!("@{}", field.name))
            .collect();
        let ask = words(&format!("* ORDER BY id RETURN {}", names.join(" ")));
        let ours = self.engine.run("yarr.where", &ask).map(Answer::list);
        let shape = Shape::Record(fields);
        let live = format!(
            "\"expires_at\" IS NULL OR \"expires_at\" > {}",
            self.engine.now
        );
        let sql = format!(
            "SELECT {} FROM t WHERE {live} ORDER BY \"id\"",
            shape.columns()
        );
        let theirs = answers(&self.sql, &shape, &Sql::of(&sql));
        if ours.as_ref() != Ok(&theirs) {
            self.fail(&format!("the tables:\n{ours:?}\nbeside {theirs:?}"));
        }
        self.seen = seen(&self.schema, &theirs);
    }

    fn ask(&mut self, random: &mut Random) {
        let question = self.asker(random).question();
        let scan = random.chance(30);
        let Err(difference) = question.differs(&mut self.engine, &self.sql, scan) else {
            if random.chance(10) {
                self.explain(&question);
            }
            return;
        };
        let difference = self.shrink(&question, scan, difference);
        let plan = self.engine.run("yarr.explain", &question.explained(""));
        self.fail(&format!("{}\n{plan:?}\n{difference}", question.shown()));
    }

    /// What has an answer has a plan.
    fn explain(&mut self, question: &Question) {
        for analyze in ["", "ANALYZE"] {
            let plan = self
                .engine
                .run("yarr.explain", &question.explained(analyze));
            match plan {
                Ok(_) => {}
                // A sum beyond its type is found out by adding up.
                Err(error) if error.starts_with("BADVALUE ") && question.adds_up() => {}
                Err(error) => self.fail(&format!("{}\nhas no plan: {error}", question.shown())),
            }
        }
    }

    /// Removes records one by one as long as the difference stays. Answers what it is then.
    fn shrink(&mut self, question: &Question, scan: bool, mut difference: String) -> String {
        for r in integers(&self.sql, &Sql::of("SELECT r FROM t")) {
            self.sql
                .execute_batch("SAVEPOINT less")
                .expect("a savepoint");
            let mut less = self.engine.duplicate();
            let id = Shape::Pluck(vec![self.schema.fields[0].clone()]);
            let one = Sql::of(format!("SELECT \"id\" FROM t WHERE r = {r}"));
            let id = match answers(&self.sql, &id, &one).swap_remove(0) {
                Answer::Number(id) => id.to_string().into_bytes(),
                Answer::Bytes(id) => id,
                other => panic!("an id that is {other:?}"),
            };
            let gone = less.run("yarr.del", &[words("IDS 1"), vec![id]].concat());
            let delete = format!("DELETE FROM t WHERE r = {r}; DELETE FROM tag WHERE r = {r}");
            self.sql.execute_batch(&delete).expect("a record goes");
            match (gone, question.differs(&mut less, &self.sql, scan)) {
                (Ok(_), Err(still)) => {
                    self.engine = less;
                    difference = still;
                    self.sql.execute_batch("RELEASE less").expect("RELEASE");
                }
                _ => self
                    .sql
                    .execute_batch("ROLLBACK TO less; RELEASE less")
                    .expect("ROLLBACK"),
            }
        }
        difference
    }

    fn fail(&self, what: &str) -> ! {
        let shape = Shape::Record(self.schema.fields.clone());
        let all = Sql::of(format!("SELECT {} FROM t", shape.columns()));
        let records = answers(&self.sql, &shape, &all).into_iter();
        let records: Vec<String> = records.map(|record| format!("{record:?}")).collect();
        panic!(
            "YARR and SQLite differ in the round of YARR_SEED={}, at {}\n\n{}\n\nThe records:\n{}\n\n{what}\n",
            self.seed,
            self.engine.now,
            self.done.join("\n"),
            records.join("\n")
        )
    }
}

/// The values of records, for questions to ask for.
fn seen(schema: &Schema, records: &[Answer]) -> Vec<(&'static str, Value)> {
    let mut seen = Vec::new();
    for record in records {
        let Answer::Map(pairs) = record else { continue };
        for pair in pairs.chunks(2) {
            let Answer::Bytes(name) = &pair[0] else {
                continue;
            };
            let found = schema
                .fields
                .iter()
                .find(|field| field.name.as_bytes() == &name[..]);
            let Some(field) = found else { continue };
            seen.extend(
                field
                    .kind
                    .value_of(&pair[1])
                    .map(|value| (field.name, value)),
            );
        }
    }
    seen
}
