//! What a field is compared with: a token, and where it falls among the field's values.
//!
//! YARR compares any decimal number with a number's field exactly, also where no value of the
//! field's type, nor any float, is that number. SQLite reads such a decimal as the nearest float;
//! so here it is told the greatest value below the number, and each comparison is turned round it.

use crate::{
    random::Random,
    schema::Field,
    sql::Sql,
    value::{EDGES, Kind, Value, integer},
};

/// Where a token falls.
#[derive(Clone)]
pub enum Place {
    /// At this value, or beyond all where it is infinite.
    At(Sql),
    /// Between this value and the next.
    Above(Sql),
}

/// A token and its place.
#[derive(Clone)]
pub struct Operand {
    /// As YARR reads it.
    pub word: Vec<u8>,
    /// As SQLite does.
    pub place: Place,
}

/// Beyond every number.
const BEYOND: &str = "9e999";

fn at(word: impl Into<Vec<u8>>, sql: Sql) -> Operand {
    Operand {
        word: word.into(),
        place: Place::At(sql),
    }
}

fn above(word: impl Into<Vec<u8>>, sql: Sql) -> Operand {
    Operand {
        word: word.into(),
        place: Place::Above(sql),
    }
}

impl Operand {
    /// Something to compare a field with; `seen` are values that records had.
    pub fn random(field: &Field, seen: &[Value], now: i64, random: &mut Random) -> Operand {
        if !seen.is_empty() && random.chance(30) {
            let value = random.pick(seen).clone();
            if value != Value::Null {
                return Operand::of(&value, random);
            }
        }
        match field.kind {
            Kind::Integer if random.chance(25) => odd_integer(random),
            Kind::DateTime if random.chance(40) => time(now, random),
            Kind::Float if random.chance(35) => odd_float(random),
            _ => Operand::of(&field.kind.value(random, now), random),
        }
    }

    fn of(value: &Value, random: &mut Random) -> Operand {
        if let Value::Float(f) = value {
            // The shortest text of a large float may be another integer.
            if f.fract() == 0.0 && (9e15..1e30).contains(&f.abs()) {
                return at(format!("{f:.0}"), value.sql());
            }
        }
        at(value.words(random).swap_remove(0), value.sql())
    }

    /// A comparison in SQLite.
    pub fn compared(&self, column: &str, operator: &str) -> Sql {
        match (&self.place, operator) {
            (Place::At(sql), _) => Sql::of(format!("{column} {operator} ")).then(sql),
            (Place::Above(floor), "<" | "<=") => Sql::of(format!("{column} <= ")).then(floor),
            (Place::Above(floor), ">" | ">=") => Sql::of(format!("{column} > ")).then(floor),
            (Place::Above(_), "=") => known(column, "0"),
            (Place::Above(_), _) => known(column, "1"),
        }
    }
}

/// This where the column has a value, unknown where it has none.
pub fn known(column: &str, sql: &str) -> Sql {
    Sql::of(format!(
        "CASE WHEN {column} IS NULL THEN NULL ELSE {sql} END"
    ))
}

/// A number to compare integers with.
fn odd_integer(random: &mut Random) -> Operand {
    let n = random.within(-3, 9);
    let float = |f: f64| Value::Float(f).sql();
    let integer = |n: i64| Sql::of(n.to_string());
    match random.below(12) {
        0 => at(format!("{n}.0"), integer(n)),
        1 => at(format!("{n}e0"), integer(n)),
        2 => at(format!("{n}0e-1"), integer(n)),
        3 => at("+5", integer(5)),
        4 => at(
            format!("{n}.5"),
            float(format!("{n}.5").parse().expect("a float")),
        ),
        5 => above("9007199254740992.5", integer(9_007_199_254_740_992)),
        6 => above("-9007199254740993.25", integer(-9_007_199_254_740_994)),
        7 => above("1e-400", integer(0)),
        8 => above("-1e-400", integer(-1)),
        9 => above("9223372036854775806.5", integer(i64::MAX - 1)),
        10 => at(
            *random.pick(&[
                "9223372036854775808",
                "1e19",
                "1e400",
                "9223372036854775807.5",
            ]),
            Sql::of(BEYOND),
        ),
        _ => at(
            *random.pick(&["-9223372036854775809", "-1e19", "-1e400"]),
            Sql::of("-9e999"),
        ),
    }
}

fn time(now: i64, random: &mut Random) -> Operand {
    let n = random.within(1, 5);
    let to = |ms: i64| Sql::of((now + ms).to_string());
    match random.below(9) {
        0 => at("now", to(0)),
        1 => at(format!("NOW-{n}s"), to(-1000 * n)),
        2 => at(format!("now+{n}s"), to(1000 * n)),
        3 => at(format!("now-{}ms", 1000 * n + 1), to(-1000 * n - 1)),
        4 => at("now-1h", to(-3_600_000)),
        5 => at("2026-01-01T00:00:00Z", Sql::of("1767225600000")),
        6 => at("2026-01-01 01:00:02.0009+01:00", Sql::of("1767225602000")),
        7 => above(format!("{}.5", now + 1000 * n), to(1000 * n)),
        _ => odd_integer(random),
    }
}

/// A number to compare floats with.
fn odd_float(random: &mut Random) -> Operand {
    let float = |f: f64| Value::Float(f).sql();
    let n = match random.chance(50) {
        true => *random.pick(&EDGES),
        false => integer(random),
    };
    match random.below(9) {
        // SQLite too compares a 64-bit integer with a float exactly.
        0..=2 => at(n.to_string(), Sql::of(n.to_string())),
        3 => at("9223372036854775808", float(9_223_372_036_854_775_808.0)),
        4 => above("100000000000000000001", float(1e20)),
        5 => above("-100000000000000000001", float((-1e20f64).next_down())),
        6 => at(*random.pick(&["1e309", "1e400"]), Sql::of(BEYOND)),
        7 => at(*random.pick(&["-1e309", "-1e400"]), Sql::of("-9e999")),
        // A number with a fraction is its nearest float.
        _ => {
            let word = *random.pick(&[
                "0.1000000000000000055",
                "1e-400",
                "-1e-400",
                ".5",
                "5.",
                "-0.0",
            ]);
            at(word, float(word.parse().expect("a float")))
        }
    }
}
