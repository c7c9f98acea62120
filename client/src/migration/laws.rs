//! Migrations at random.

use proptest::{collection::vec, prelude::*};

use super::*;

/// Any bytes, of which many mean something.
fn word() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&str; 22] = [
        "up", "down", "table", "redis", "for", "each", "key", "matching", "end", "drop", "data",
        "#", "\\", "'", "\"", "", " ", "{key}", "{1}", "UPDATE", "ADD", "*",
    ];
    prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        "[ -~äß\n\t]{0,6}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..4),
    ]
}

fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    ("[A-Z]{3,9}", vec(word(), 0..5)).prop_map(|(first, rest)| {
        let mut words = vec![format!("X{first}").into_bytes()];
        words.extend(rest.into_iter().filter(|word| glob::highest(word) == 0));
        words
    })
}

fn operations() -> impl Strategy<Value = String> {
    const OPERATIONS: [&str; 9] = [
        "ADD FIELD a INTEGER INDEX",
        "ADD FIELD b ENUM ( x y ) DEFAULT x NOT NULL",
        "ADD FIELD c TAGS DEFAULT 2 ADD SET",
        "ADD FIELD d STRING DEFAULT \"a b\\n\"",
        "ADD INDEX @a created_at UNIQUE",
        "SET FIELD d DEFAULT UPDATE",
        "SET TTL NONE ACTIVE",
        "RENAME FIELD a TO b",
        "ID UUID",
    ];
    vec(proptest::sample::select(&OPERATIONS[..]), 1..4).prop_map(|all| all.join(" "))
}

#[derive(Debug, Clone)]
enum Part {
    Command(Vec<Vec<u8>>),
    Each(Vec<u8>, Option<String>, usize, Vec<Vec<Vec<u8>>>),
}

fn part() -> impl Strategy<Value = Part> {
    let pattern = vec(any::<u8>(), 1..6);
    let kind = proptest::option::of("[a-z-]{1,8}");
    prop_oneof![
        words().prop_map(Part::Command),
        (pattern, kind, 1..2000usize, vec(words(), 1..3)).prop_map(
            |(pattern, kind, batch, commands)| Part::Each(pattern, kind, batch, commands)
        ),
    ]
}

fn each(pattern: &[u8], kind: &Option<String>, batch: usize, commands: &[Vec<Vec<u8>>]) -> Each {
    let mut each = Each::matching(pattern).batch(batch);
    if let Some(kind) = kind {
        each = each.of_type(kind);
    }
    commands
        .iter()
        .fold(each, |each, command| each.command(command))
}

fn migration() -> impl Strategy<Value = Migration> {
    let tables = proptest::collection::btree_map("[a-z{}: '#]{1,4}", operations(), 0..3);
    let down = proptest::option::of((vec(part(), 0..3), any::<bool>()));
    (tables, vec(part(), 1..4), down).prop_map(|(tables, parts, down)| {
        let mut migration = Migration::new(1, "a");
        for (table, operations) in &tables {
            migration = migration.table(table, operations);
        }
        for part in &parts {
            migration = match part {
                Part::Command(words) => migration.command(words),
                Part::Each(pattern, kind, batch, commands) => {
                    migration.each(each(pattern, kind, *batch, commands))
                }
            };
        }
        let Some((parts, drop_data)) = down else {
            return migration;
        };
        for part in &parts {
            migration = match part {
                Part::Command(words) => migration.down_command(words),
                Part::Each(pattern, kind, batch, commands) => {
                    migration.down_each(each(pattern, kind, *batch, commands))
                }
            };
        }
        match drop_data {
            true => migration.down_drops_data(),
            false => migration,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is printed reads as what it was.
    #[test]
    fn a_migration_is_what_its_text_says(migration in migration()) {
        let text = migration.to_string();
        let read = Migration::parse("1_a.yarr", &text);
        prop_assert_eq!(read.map_err(|error| error.to_string()), Ok(migration), "{}", text);
    }

    /// Whatever is written is a migration or an error, and a migration is what its text says.
    #[test]
    fn any_text_is_read_or_refused(lines in vec(vec(word(), 0..6), 0..12), text in "\\PC*") {
        let mut all = vec!["up".to_string()];
        for line in lines {
            let words = line.iter().map(|word| String::from_utf8_lossy(word).into_owned());
            all.push(words.collect::<Vec<_>>().join(" "));
        }
        for text in [all.join("\n"), text] {
            if let Ok(read) = Migration::parse("1_a.yarr", &text) {
                let again = Migration::parse("1_a.yarr", &read.to_string());
                prop_assert_eq!(again.map_err(|error| error.to_string()), Ok(read));
            }
        }
    }

    /// A file with one of its bytes gone or another one is read or refused.
    #[test]
    fn a_damaged_file_is_read_or_refused(migration in migration(), at in any::<prop::sample::Index>(), with in any::<Option<char>>()) {
        let mut chars: Vec<char> = migration.to_string().chars().collect();
        let at = at.index(chars.len());
        match with {
            Some(other) => chars[at] = other,
            None => _ = chars.remove(at),
        }
        let text: String = chars.into_iter().collect();
        if let Ok(read) = Migration::parse("1_a.yarr", &text) {
            let again = Migration::parse("1_a.yarr", &read.to_string());
            prop_assert_eq!(again.map_err(|error| error.to_string()), Ok(read));
        }
    }
}
