//! Writes inputs to start from, a folder a target: `cargo run --example seeds -- <folder>`.
//!
//! They are the README's commands, snapshots and effects of small tables, the tokens that the
//! engine's own tests try, and bytes at random where an input is nothing but choices.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use yarr_fuzz::{effects, payload, random::Random};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("say where: seeds <folder>")?;
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))?;
    let seeds = [
        ("commands", commands(&readme)),
        ("query", choices(1, 300)),
        ("payload", payload::seeds()),
        ("effects", effects::seeds()),
        ("cursor", choices(2, 300)),
        ("values", values()),
    ];
    for (target, seeds) in seeds {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}

/// The README's commands, a seed a table.
fn commands(readme: &str) -> Vec<Vec<u8>> {
    let mut tables: BTreeMap<&str, String> = BTreeMap::new();
    for line in readme.lines() {
        let Some((name, rest)) = line
            .strip_prefix("> YARR.")
            .and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        // EXPLAIN and its like name what they explain after the table.
        let (table, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let text = tables.entry(table).or_default();
        *text += &format!("{} {rest}\n", name.to_lowercase());
    }
    // And each of the tables that a digit stands for.
    let digits = ["1", "2", "3", "4", "5"].map(String::from);
    tables
        .into_values()
        .chain(digits)
        .map(String::into_bytes)
        .collect()
}

fn choices(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    let length = |random: &mut Random| 20 + random.below(500);
    (0..count)
        .map(|_| {
            let length = length(&mut random);
            (0..length).map(|_| random.below(256) as u8).collect()
        })
        .collect()
}

fn values() -> Vec<Vec<u8>> {
    const TOKENS: [(&str, &str); 7] = [
        (
            "i",
            "0 -1 +5 9223372036854775807 -9223372036854775808 9223372036854775808 1.5 1e400 15e-1 .5 5. -",
        ),
        (
            "f",
            "0 -0 0.1 1e300 1.5e-7 1e21 1e-6 9007199254740993 5e-324 1.7976931348623157e308 1e999 inf nan 1e",
        ),
        ("b", "true FALSE 1 0 yes"),
        (
            "d",
            "0 -5 1970-01-01T00:00:00Z 2013-01-01T10:00:00+01:30 2000-02-29T00:00:00.5z 9999-12-31T23:59:60Z now now-1h NOW+2w now-5ms 2013-13-01T10:00:00Z",
        ),
        ("s", "a ab \0 a\0 \u{7f}"),
        (
            "u",
            "6f9619ff-8b86-d011-b42d-00cf4fc964ff 6F9619FF8B86D011B42D00CF4FC964FF 6f9619ff-8b86d011b42d00cf4fc964ff",
        ),
        ("e", "x y z a.b A_1- w"),
    ];
    let pairs = TOKENS.iter().flat_map(|(letter, tokens)| {
        let tokens: Vec<&str> = tokens.split(' ').collect();
        let pairs = tokens
            .windows(2)
            .map(|pair| format!("{letter}{}\n{}", pair[0], pair[1]));
        pairs.collect::<Vec<_>>()
    });
    pairs.map(String::into_bytes).collect()
}
