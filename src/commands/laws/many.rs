//! The law of large tables, whose indexes have leaves that writes ask for and keep hints of: commands that write many
//! records do what a plain list says, whichever of their rows conflict or are refused, and so does a copy that has
//! their effects alone.

use std::collections::BTreeMap;

use proptest::{
    prelude::RngCore,
    test_runner::{RngAlgorithm, TestRng},
};

use super::run::{Told, run_on, saved};
use crate::{commands::Limits, table::Table};

/// Users, and places, that records may have.
const USERS: u32 = 400;

struct World {
    table: Option<Box<Table>>,
    copy: Option<Box<Table>>,
    /// By email: the id, the user.
    model: BTreeMap<u32, (i64, u32)>,
    last: i64,
    random: TestRng,
}

impl World {
    fn new(seed: u8) -> World {
        let mut world = World {
            table: None,
            copy: None,
            model: BTreeMap::new(),
            last: 0,
            random: TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
        };
        let make = "UP 1 make ADD FIELD email STRING UNIQUE ADD FIELD user INTEGER INDEX \
                    ADD FIELD kind ENUM ( a b c ) BITMAP ADD INDEX kind user email ADD INDEX created_at";
        world.run("yarr.migrate", make).unwrap();
        world
    }

    fn below(&mut self, most: u32) -> u32 {
        self.random.next_u32() % most
    }

    fn run(&mut self, name: &str, line: &str) -> Result<Vec<String>, String> {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        let (lines, effects) = run_on(&mut self.table, name, &words, 1_000_000, Limits::DEFAULT)?;
        for told in Told::of(&effects, name, &words) {
            told.carry_out(&mut self.copy);
        }
        Ok(lines)
    }

    /// Rows of emails, some of which are there or stand twice, and of users.
    fn rows(&mut self, count: u32, emails: u32) -> Vec<(u32, u32)> {
        let row = |_| (self.below(emails), self.below(USERS));
        (0..count).map(row).collect()
    }

    fn create(&mut self, rows: &[(u32, u32)], resolution: &str) {
        let text = |(email, user): &(u32, u32)| format!("e{email} {user} {}", kind(*user));
        let values: Vec<String> = rows.iter().map(text).collect();
        let line = format!(
            "ON CONFLICT email {resolution} FIELDS 3 email user kind VALUES {}",
            values.join(" ")
        );
        self.run("yarr.create", &line).unwrap();
        for (email, user) in rows {
            match self.model.get_mut(email) {
                Some(there) if resolution == "UPDATE" => there.1 = *user,
                Some(_) => {}
                None => {
                    self.last += 1;
                    self.model.insert(*email, (self.last, *user));
                }
            }
        }
    }

    /// Rows with emails of their own, in whose way nothing can be.
    fn create_new(&mut self, rows: &[(u32, u32)]) {
        let mut values = String::new();
        for (_, user) in rows {
            self.last += 1;
            let email = 20_000 + self.last as u32;
            values += &format!(" e{email} {user} {}", kind(*user));
            self.model.insert(email, (self.last, *user));
        }
        let line = format!("FIELDS 3 email user kind VALUES{values}");
        self.run("yarr.create", &line).unwrap();
    }

    /// Rows of which the last cannot be: nothing of the command stays.
    fn create_in_vain(&mut self, rows: &[(u32, u32)]) {
        let new = |(n, row): (usize, &(u32, u32))| format!("new{n} {} a", row.1);
        let values: Vec<String> = rows.iter().enumerate().map(new).collect();
        let there = self.model.keys().next().copied();
        let (last, code) = match there {
            Some(email) if rows.len() % 2 == 0 => (format!("e{email} 1 a"), "DUPLICATE"),
            _ => ("x many a".into(), "BADVALUE"),
        };
        let line = format!(
            "FIELDS 3 email user kind VALUES {} {last}",
            values.join(" ")
        );
        let error = self.run("yarr.create", &line).unwrap_err();
        assert!(error.starts_with(code), "{error}");
    }

    fn step(&mut self) {
        let count = 1 + self.below(40);
        match self.below(9) {
            0 => {
                let rows = self.rows(count, 20_000);
                self.create(&rows, "IGNORE");
            }
            1 => {
                let rows = self.rows(count, 6_000);
                self.create(&rows, "KEEP");
            }
            2 | 3 => {
                let rows = self.rows(count, 6_000);
                self.create(&rows, "UPDATE");
            }
            4 => {
                let rows = self.rows(count, 1);
                self.create_in_vain(&rows);
            }
            5 => {
                let rows = self.rows(count, 1);
                self.create_new(&rows);
            }
            6 => {
                let (from, to) = (self.below(USERS), self.below(USERS));
                let line = format!("WHERE user = {from} SET user {to} kind {}", kind(to));
                self.run("yarr.update", &line).unwrap();
                let users = self.model.values_mut().map(|(_, user)| user);
                users
                    .filter(|user| **user == from)
                    .for_each(|user| *user = to);
            }
            7 => {
                let user = self.below(USERS);
                self.run("yarr.del", &format!("WHERE user = {user}"))
                    .unwrap();
                self.model.retain(|_, there| there.1 != user);
            }
            _ => {
                let (at, user) = (self.below(6_000), self.below(USERS));
                let found = self.model.range_mut(at..).next();
                let Some((_, (id, there))) = found else {
                    return;
                };
                let line = format!("{id} SET user {user} kind {}", kind(user));
                *there = user;
                self.run("yarr.update", &line).unwrap();
            }
        }
    }

    fn check(&mut self) {
        let table = self.table.as_ref().unwrap();
        table.check_consistency().unwrap();
        let text = |id: i64, email: String, user: String| format!("{id} {email} {user}");
        let mut found: Vec<String> = Vec::new();
        for (row, _) in table.records().iter() {
            let record = table.record(row).unwrap();
            let shown = |at| String::from_utf8(record.value(at).text(&[]).to_vec()).unwrap();
            found.push(text(shown(0).parse().unwrap(), shown(1), shown(2)));
        }
        let model = self.model.iter();
        let mut expected: Vec<String> = model
            .map(|(email, (id, user))| text(*id, format!("e{email}"), user.to_string()))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(saved(table), saved(self.copy.as_ref().unwrap()));
        for user in (0..USERS).step_by(37) {
            let line = format!("kind = {} AND user = {user} COUNT", kind(user));
            let counted = self.run("yarr.where", &line).unwrap();
            let count = self.model.values().filter(|there| there.1 == user).count();
            assert_eq!(counted, [format!(":{count}")]);
        }
    }
}

fn kind(user: u32) -> &'static str {
    ["a", "b", "c"][user as usize % 3]
}

#[test]
fn writes_of_many_records_do_what_a_list_says() {
    for seed in 0..3 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            let rows = world.rows(100, 6_000);
            world.create(&rows, "IGNORE");
        }
        for _ in 0..5 {
            for _ in 0..60 {
                world.step();
            }
            world.check();
        }
    }
}
