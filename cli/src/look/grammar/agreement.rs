//! What the walk offers, the engine takes: commands made at random of what may stand next.

use std::{cell::Cell, sync::Arc};

use yarr::{
    commands::{COMMANDS, Environment, Limits, Recorded, Run},
    table::Table,
};

use super::*;

const SCHEMA: &str = "TIMESTAMPS OFF CHANGES ON ADD FIELD email STRING INDEX ADD FIELD plan ENUM ( free pro ) BITMAP \
                      ADD FIELD count INTEGER UNIQUE ADD FIELD rate FLOAT ADD FIELD at DATETIME ADD FIELD ok BOOLEAN \
                      ADD FIELD key UUID ADD FIELD tags TAGS BITMAP";

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

/// Runs a command of the module as a server does; the error is its text.
fn send(table: &mut Option<Box<Table>>, words: &[Vec<u8>]) -> Result<(), String> {
    let name = String::from_utf8_lossy(&words[0]).to_ascii_lowercase();
    let command = COMMANDS
        .iter()
        .find(|command| command.name == name)
        .unwrap();
    let args: Vec<&[u8]> = words[2..].iter().map(Vec::as_slice).collect();
    let seed = Cell::new(1);
    let random = || {
        seed.set(seed.get() + 1);
        seed.get()
    };
    let environment = Environment {
        now: 1_700_000_000_000.into(),
        limits: Limits::DEFAULT,
        random: &random,
    };
    let mut answer = Recorded::default();
    let result = match (command.run, table) {
        (Run::Make(run), table) => run(table, &args, &environment, &mut answer).map(drop),
        (Run::Read(run), Some(table)) => run(table, &args, &environment, &mut answer),
        (Run::Write(run), Some(table)) => run(table, &args, &environment, &mut answer).map(drop),
        (_, None) => panic!("there is no table"),
    };
    result.map_err(|error| error.to_string())
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split_whitespace().map(|word| word.into()).collect()
}

fn shown(words: &[Vec<u8>]) -> String {
    let texts: Vec<_> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word))
        .collect();
    texts.join(" ")
}

/// A word for what is expected.
fn word(expected: &Expect, dice: &mut Dice, new: usize) -> String {
    let fields = [
        "email",
        "plan",
        "rate",
        "at",
        "ok",
        "key",
        "tags",
        "@count",
        "id",
        "change_number",
    ];
    match expected {
        Expect::Table => "t".into(),
        Expect::Keyword(word) | Expect::Operator(word) => word.to_string(),
        Expect::Field => fields[dice.below(fields.len())].into(),
        Expect::Value(kind) => match kind {
            Some(Kind::Integer) => dice.below(9).to_string(),
            Some(Kind::Float) => "1.5".into(),
            Some(Kind::Boolean) => "true".into(),
            Some(Kind::DateTime) => "now-1h".into(),
            Some(Kind::Uuid) => "6f9619ff-8b86-d011-b42d-00cf4fc964ff".into(),
            Some(Kind::Enum(names)) => names[dice.below(names.len())].clone(),
            _ => "AND".into(),
        },
        Expect::Own(what) if what.starts_with("number of") => (1 + dice.below(2)).to_string(),
        Expect::Own(what) => match *what {
            "cursor, 0 to begin" | "position" => "0".into(),
            "epoch" => "0123456789abcdef".into(),
            "consumer" | "cursor of the page before" => "x".into(),
            "count, sum(field), ..." => "count".into(),
            "id" | "number to add" => "1".into(),
            "name" | "name of the migration" => format!("new_{new}"),
            "tag" | "prefix" | "default" | "word that stands for null" => "x".into(),
            what if what.contains("seconds") => "4102444800".into(),
            what if what.starts_with("version") => "7".into(),
            what => panic!("no word for {what}"),
        },
    }
}

#[test]
fn what_is_offered_is_taken() {
    let schema = Arc::new(Schema::read(&[
        "TIMESTAMPS OFF",
        "CHANGES ON",
        "ADD FIELD email STRING",
        "ADD FIELD plan ENUM ( free pro )",
        "ADD FIELD count INTEGER",
        "ADD FIELD rate FLOAT",
        "ADD FIELD at DATETIME",
        "ADD FIELD ok BOOLEAN",
        "ADD FIELD key UUID",
        "ADD FIELD tags TAGS",
    ]));
    let mut dice = Dice(1);
    let (mut taken, mut tried) = (0, 0);
    for round in 0..3_000 {
        let mut table = None;
        send(
            &mut table,
            &words(&format!("YARR.MIGRATE t UP 1 create {SCHEMA}")),
        )
        .unwrap();
        let name = super::COMMANDS[dice.below(super::COMMANDS.len())].name;
        let mut said = words(&format!("{name} t"));
        let length = dice.below(20);
        while said.len() < length {
            let walked = walk(&said, &|_| Some(schema.clone()));
            assert!(!walked.roles.contains(&Role::Wrong), "{}", shown(&said));
            if walked.expected.is_empty() {
                break;
            }
            let expected = &walked.expected[dice.below(walked.expected.len())];
            said.push(word(expected, &mut dice, said.len()).into_bytes());
        }
        let line = shown(&said);
        tried += 1;
        match send(&mut table, &said) {
            Ok(()) => {
                taken += 1;
                let walked = walk(&said, &|_| Some(schema.clone()));
                assert_eq!(walked.roles.len(), said.len(), "{line}");
                assert!(!walked.roles.contains(&Role::Wrong), "{line}");
            }
            // A word that may not stand there; one that stands twice, or is no column of its outcome, is the user's affair.
            Err(error) => {
                let misplaced = error.contains(" at argument ") && error.contains(", found '");
                assert!(
                    !misplaced || error.contains("once") || error.contains("key of the outcome"),
                    "round {round}: {line}\n{error}"
                );
            }
        }
    }
    assert!(taken > tried / 4, "{taken} of {tried}");
}
