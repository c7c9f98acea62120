//! Schemas at random: fields, defaults, indexes, ids, as a migration and as SQLite's tables.

use crate::{
    engine::Words,
    random::Random,
    sql::Sql,
    value::{Kind, Value},
};

/// A field of a table; the server's own are fields as well.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, without the `@`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it takes no null.
    pub not_null: bool,
    /// What a record has that is given none.
    pub default: Value,
}

/// A table as both sides know it.
#[derive(Clone, Debug)]
pub struct Schema {
    /// `id` first, `expires_at` last, in the order of a record's reply.
    pub fields: Vec<Field>,
    /// Whether the server keeps `created_at` and `updated_at`.
    pub timestamps: bool,
    /// How long a record lives from each write on, in seconds.
    pub ttl: Option<i64>,
    /// The fields of each index, and how it is written.
    pub indexes: Vec<(Vec<&'static str>, &'static str)>,
    /// How many migrations there were.
    pub version: usize,
}

/// Names of fields, words of the grammar among them.
const NAMES: [&str; 10] = [
    "a", "b", "c", "d", "limit", "order", "count", "and", "set", "add",
];

fn own(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        not_null: name == "id",
        default: Value::Null,
    }
}

impl Field {
    fn random(name: &'static str, random: &mut Random) -> Field {
        let kind = Kind::random(random);
        let default = match (&kind, random.chance(30)) {
            (_, false) => Value::Null,
            // SQLite reads a default's decimals itself.
            (Kind::Float, true) => Value::Float(random.within(-4, 12) as f64 / 2.0),
            (kind, true) => kind.value(random, 1_767_225_600_000),
        };
        Field {
            name,
            kind,
            not_null: random.chance(20),
            default,
        }
    }

    /// The name in SQLite.
    pub fn column(&self) -> String {
        format!("\"{}\"", self.name)
    }

    /// The name where a field may stand in a command.
    pub fn word(&self, random: &mut Random) -> Vec<u8> {
        let word_of_the_grammar = self.name.len() > 1 && NAMES.contains(&self.name);
        match word_of_the_grammar || random.chance(20) {
            true => format!("@{}", self.name).into(),
            false => self.name.into(),
        }
    }

    /// Whether records can be ordered by it.
    pub fn sorts(&self) -> bool {
        self.kind != Kind::Tags
    }

    fn definition(&self) -> Sql {
        let mut sql = Sql::of(self.column());
        if self.not_null {
            sql = sql.say(" NOT NULL");
        }
        match &self.default {
            Value::Null => sql,
            Value::Float(f) => sql.say(&format!(" DEFAULT {f:?}")),
            value => sql.say(" DEFAULT ").then(&value.sql()),
        }
    }

    fn migration(&self, random: &mut Random) -> Words {
        let mut words: Words = vec!["ADD".into(), "FIELD".into(), self.name.into()];
        words.extend(self.kind.words());
        if self.not_null {
            words.extend(["NOT".into(), "NULL".into()]);
        }
        if self.default != Value::Null {
            words.push("DEFAULT".into());
            words.extend(self.default.words(random));
        }
        words
    }
}

impl Schema {
    /// Any schema, the words of its migration, and SQLite's tables.
    pub fn random(random: &mut Random) -> (Schema, Words, Vec<Sql>) {
        let id = random
            .pick(&[Kind::Integer, Kind::Integer, Kind::Uuid, Kind::String])
            .clone();
        let mut schema = Schema {
            fields: vec![own("id", id.clone())],
            timestamps: random.chance(40),
            ttl: random.chance(20).then(|| random.within(1, 20)),
            indexes: Vec::new(),
            version: 1,
        };
        let mut words: Words = vec!["UP".into(), "1".into(), "make".into(), "ID".into()];
        words.extend(id.words());
        if !schema.timestamps {
            words.extend(["TIMESTAMPS".into(), "OFF".into()]);
        }
        if let Some(seconds) = schema.ttl {
            let ttl = format!("SET TTL {seconds} PASSIVE");
            words.extend(crate::engine::words(&ttl));
        }
        let count = 1 + random.below(6);
        for name in random.some(&NAMES, count) {
            let field = Field::random(name, random);
            words.extend(field.migration(random));
            schema.fields.push(field);
        }
        if schema.timestamps {
            schema.fields.push(own("created_at", Kind::DateTime));
            schema.fields.push(own("updated_at", Kind::DateTime));
        }
        schema.fields.push(own("expires_at", Kind::DateTime));
        for _ in 0..random.below(7) {
            words.extend(schema.add_index(random));
        }
        let columns: Vec<Sql> = schema.fields.iter().map(Field::definition).collect();
        let table = Sql::of("CREATE TABLE t (r INTEGER PRIMARY KEY, ");
        let tags = "CREATE TABLE tag (r, f, tag, PRIMARY KEY (r, f, tag)) WITHOUT ROWID";
        let tables = vec![
            table.then(&Sql::join(&columns, ", ")).say(")"),
            Sql::of(tags),
        ];
        (schema, words, tables)
    }

    /// An index that is not there yet, perhaps, and the words that add it.
    fn add_index(&mut self, random: &mut Random) -> Words {
        let field = random.pick(&self.fields).clone();
        let (names, shape) = if field.kind == Kind::Tags || random.chance(25) {
            (vec![field.name], "BITMAP")
        } else {
            let sorting: Vec<&'static str> = self
                .fields
                .iter()
                .filter(|field| field.sorts() && field.name != "id")
                .map(|field| field.name)
                .collect();
            let mut names = match random.chance(60) {
                true => vec![field.name],
                false => {
                    let most = 1 + random.below(3);
                    random.some(&sorting, most)
                }
            };
            if random.chance(25) && !names.contains(&"id") {
                names.push("id");
            }
            let unique = random.chance(20);
            (names, if unique { "UNIQUE" } else { "" })
        };
        let bitmap = shape == "BITMAP";
        let same =
            |(others, other): &(Vec<_>, &str)| *others == names && (*other == "BITMAP") == bitmap;
        // One of id alone would be another way of saying what is there.
        if names == ["id"] || self.indexes.iter().any(same) {
            return Words::new();
        }
        let mut words: Words = vec!["ADD".into(), "INDEX".into()];
        words.extend(names.iter().map(|name| format!("@{name}").into_bytes()));
        words.extend((!shape.is_empty()).then(|| shape.into()));
        self.indexes.push((names, shape));
        words
    }

    /// A change of a schema that has records: an index more or less, or a field more. Answers the
    /// migration's words, and SQLite's.
    pub fn migrate(&mut self, random: &mut Random) -> Option<(Schema, Words, Option<Sql>)> {
        let mut next = self.clone();
        let mut column = None;
        let change = match random.below(3) {
            0 => next.add_index(random),
            1 if !next.indexes.is_empty() => {
                let at = random.below(next.indexes.len());
                let (names, shape) = next.indexes.swap_remove(at);
                let mut words: Words = vec!["REMOVE".into(), "INDEX".into()];
                words.extend(names.iter().map(|name| format!("@{name}").into_bytes()));
                words.extend((shape == "BITMAP").then(|| shape.into()));
                words
            }
            _ => {
                let free = |name: &&str| next.fields.iter().all(|field| field.name != *name);
                let name = NAMES.into_iter().find(free)?;
                let mut field = Field::random(name, random);
                field.not_null &= field.default != Value::Null;
                let before = next.fields.len() - if next.timestamps { 3 } else { 1 };
                column = Some(Sql::of("ALTER TABLE t ADD COLUMN ").then(&field.definition()));
                let words = field.migration(random);
                next.fields.insert(before, field);
                words
            }
        };
        if change.is_empty() {
            return None;
        }
        next.version += 1;
        let mut words: Words = vec!["UP".into(), next.version.to_string().into(), "more".into()];
        words.extend(change);
        Some((next, words, column))
    }

    /// The place of a field.
    pub fn field(&self, name: &str) -> &Field {
        let found = self.fields.iter().find(|field| field.name == name);
        found.expect("a field of this name")
    }

    /// The fields that `*` means.
    pub fn visible(&self) -> &[Field] {
        &self.fields[..self.fields.len() - 1]
    }

    /// The fields that a command may give: neither `id` nor what the server keeps.
    pub fn given(&self) -> Vec<Field> {
        let own = ["id", "created_at", "updated_at", "expires_at"];
        let given = self.fields.iter();
        given
            .filter(|field| !own.contains(&field.name))
            .cloned()
            .collect()
    }

    /// The lists of fields that no two records share.
    pub fn unique(&self) -> Vec<Vec<&'static str>> {
        let unique = self.indexes.iter().filter(|(_, shape)| *shape == "UNIQUE");
        let lists = unique.map(|(names, _)| names.clone());
        lists.chain([vec!["id"]]).collect()
    }
}
