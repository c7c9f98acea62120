//! The module against a plain vector of records: random commands, and the same answers with and without each index.

mod list;
mod predicate;
mod record;
mod source;
mod step;

use crate::{
    cli::Client,
    line::repr,
    random::Random,
    replication::pair,
    reply::Reply,
    sample::dumps,
    server::{Options, eventually},
};

use list::{Model, order_words};
use record::{bulk, flat, id_of, words};
use source::Source;
use step::{Answer, MOST_RECORDS};

const STEPS: usize = 4000;

/// Indexes that come and go on one of the tables: what stands after ADD INDEX.
const INDEXES: [&str; 10] = [
    "n", "n BITMAP", "f", "b BITMAP", "d", "s", "e BITMAP", "e n", "s d f", "b e d",
];

fn check(answer: &Answer, reply: &Reply) -> Result<(), String> {
    let right = match (answer, reply) {
        (Answer::Is(expected), reply) => expected == reply,
        (Answer::Fails(codes), reply) => codes.contains(&reply.code().as_str()),
        (Answer::Rows(rows), Reply::Array(found)) => {
            let sorted = |rows: &[Reply]| {
                let mut texts: Vec<String> = rows.iter().map(Reply::print).collect();
                texts.sort();
                texts
            };
            sorted(rows) == sorted(found)
        }
        _ => false,
    };
    let expected = match answer {
        Answer::Is(reply) => reply.print(),
        Answer::Rows(rows) => Reply::Array(rows.clone()).print(),
        Answer::Fails(codes) => format!("(error) {}", codes.join(" or ")),
    };
    if right {
        Ok(())
    } else {
        Err(format!("expected:\n{expected}\nfound:\n{}", reply.print()))
    }
}

/// Adds or removes one of the indexes.
fn change_an_index(
    client: &mut Client,
    random: &mut Random,
    present: &mut [bool; INDEXES.len()],
    version: usize,
) {
    let place = random.below(INDEXES.len());
    let verb = if present[place] { "REMOVE" } else { "ADD" };
    let reply = client.ok(&format!(
        "YARR.MIGRATE indexed UP {version} index {verb} INDEX {}",
        INDEXES[place]
    ));
    assert_eq!(reply.print(), "OK");
    present[place] = !present[place];
}

/// Walks a query by cursor, page by page, to its end.
fn walk(client: &mut Client, query: &[Vec<u8>], limit: usize) -> Vec<Reply> {
    let mut rows = Vec::new();
    let mut cursor = b"0".to_vec();
    loop {
        let command = [
            query.to_vec(),
            words(&["SCAN", "IDS", "LIMIT", &limit.to_string(), "CURSOR"]),
            vec![cursor],
        ]
        .concat();
        let reply = client.send(&command);
        rows.extend(reply.items()[1].items().to_vec());
        cursor = reply.items()[0].bytes().to_vec();
        if cursor == b"0" {
            return rows;
        }
        assert!(
            rows.len() <= MOST_RECORDS * 2,
            "the walk does not end: {}",
            shown(&command)
        );
    }
}

fn shown(command: &[Vec<u8>]) -> String {
    command
        .iter()
        .map(|word| {
            if word.is_empty() || word.iter().any(|b| !b.is_ascii_graphic()) {
                repr(word)
            } else {
                String::from_utf8_lossy(word).into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn random_commands_answer_as_a_plain_list_of_records_does_with_and_without_indexes() {
    let (random, seed) = Random::seeded(42);
    let mut source = Source { random };
    let (mut primary, replica) = pair(Options::new().appendonly(false));
    let (mut client, mut other) = (primary.connect(), replica.connect());
    let tables = ["indexed", "plain"];
    let fields = "ADD FIELD n INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME ADD FIELD s STRING \
                  ADD FIELD e ENUM ( low mid high top ) ADD FIELD u INTEGER UNIQUE TIMESTAMPS OFF";
    client.ok(&format!(
        "YARR.MIGRATE indexed UP 1 make {fields} ADD INDEX n ADD INDEX e n"
    ));
    client.ok(&format!("YARR.MIGRATE plain UP 1 make {fields}"));
    let mut present = INDEXES.map(|index| index == "n" || index == "e n");
    let mut model = Model {
        records: Vec::new(),
        highest: 0,
    };
    let mut history: Vec<String> = Vec::new();
    for number in 0..STEPS {
        let step = source.step(&model);
        history.push(shown(&step.command));
        for table in tables {
            let mut command = step.command.clone();
            command[1] = table.as_bytes().to_vec();
            let reply = client.send(&command);
            if let Err(difference) = check(&step.answer, &reply) {
                let past = history[history.len().saturating_sub(12)..].join("\n");
                panic!("seed {seed}, step {number}, table {table}\n{past}\n{difference}");
            }
        }
        model = step.after;
        if number % 20 == 19 {
            change_an_index(&mut client, &mut source.random, &mut present, number);
        }
        if number % 50 == 49 {
            model.records.sort_by_key(id_of);
            let all = Reply::Array(model.records.iter().map(flat).collect());
            for table in tables {
                let found = client.ok(&format!("YARR.WHERE {table} * ORDER BY id RETURN *"));
                assert!(
                    found == all,
                    "seed {seed}, step {number}, table {table}\nexpected:\n{}\nfound:\n{}",
                    all.print(),
                    found.print()
                );
            }
            let (predicate, by) = (source.whole_predicate(), source.order());
            let ids: Vec<Reply> = model
                .matches(&predicate, &by)
                .into_iter()
                .map(|place| bulk(&model.records[place][0], 0))
                .collect();
            let limit = 1 + source.random.below(20);
            for table in tables {
                let query = [
                    words(&["YARR.WHERE", table]),
                    predicate.words(),
                    order_words(&by),
                ]
                .concat();
                assert_eq!(
                    walk(&mut client, &query, limit),
                    ids,
                    "seed {seed}, step {number}: {}",
                    shown(&query)
                );
            }
        }
        if number % 200 == 199 {
            let bytes = dumps(&mut client, &tables);
            eventually(
                &format!("the replica holds the same bytes; seed {seed}, step {number}"),
                || dumps(&mut other, &tables) == bytes,
            );
            for table in tables {
                let payload = client.ok(&format!("DUMP {table}")).bytes().to_vec();
                let restored = client.send(&[
                    b"RESTORE".as_slice(),
                    table.as_bytes(),
                    b"0",
                    &payload,
                    b"REPLACE",
                ]);
                assert_eq!(restored.print(), "OK");
            }
        }
    }
    let bytes = dumps(&mut client, &tables);
    primary.restart();
    assert!(
        dumps(&mut primary.connect(), &tables) == bytes,
        "seed {seed}: the append-only file holds other bytes"
    );
}
