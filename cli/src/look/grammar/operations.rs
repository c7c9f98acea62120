//! The operations of migrations.

use super::{Expect, Role, Walk, commands};

const FIRST: [&str; 9] = [
    "ADD",
    "REMOVE",
    "RENAME",
    "SET",
    "ID",
    "TIMESTAMPS",
    "CHANGES",
    "DOWN",
    "DROP",
];

fn ends(walk: &Walk) -> bool {
    walk.is_end() || walk.is(";") || walk.is_any(&FIRST)
}

/// Operations up to DOWN, DROP DATA or the end, one at least.
pub fn operations(walk: &mut Walk) -> Option<()> {
    let mut first = true;
    loop {
        if !first && (walk.is("DOWN") || walk.is("DROP")) {
            return Some(());
        }
        if walk.accept("ADD") {
            add(walk)?;
        } else if walk.accept("REMOVE") {
            remove(walk)?;
        } else if walk.accept("RENAME") {
            walk.need("FIELD")?;
            walk.field()?;
            walk.need("TO")?;
            name(walk)?;
        } else if walk.accept("SET") {
            set(walk)?;
        } else if walk.accept("ID") {
            one_of(walk, &["INTEGER", "UUID", "STRING"])?;
        } else if walk.accept("TIMESTAMPS") || walk.accept("CHANGES") {
            one_of(walk, &["ON", "OFF"])?;
        } else if first && walk.accept("UPDATE") {
            // It stands alone in its migration.
            return commands::data(walk);
        } else {
            return if walk.is_end() && !first {
                Some(())
            } else {
                walk.wrong()
            };
        }
        first = false;
        while walk.is(";") {
            walk.play(Role::Operator);
        }
    }
}

fn one_of(walk: &mut Walk, words: &[&'static str]) -> Option<&'static str> {
    let found = words.iter().find(|word| walk.accept(word));
    match found {
        Some(word) => Some(word),
        None => walk.wrong(),
    }
}

/// A name that is new.
fn name(walk: &mut Walk) -> Option<()> {
    walk.take(Role::Field, Expect::Own("name")).map(drop)
}

/// Fields of an index: new ones among them, so none is wrong.
fn index_fields(walk: &mut Walk) -> Option<()> {
    let mut first = true;
    while first || !(ends(walk) || walk.is_any(&["UNIQUE", "BITMAP"])) {
        first = false;
        walk.take(Role::Field, Expect::Field)?;
    }
    walk.expect(Expect::Field);
    Some(())
}

fn add(walk: &mut Walk) -> Option<()> {
    if walk.accept("INDEX") {
        index_fields(walk)?;
        if !walk.accept("UNIQUE") {
            walk.accept("BITMAP");
        }
        return Some(());
    }
    if walk.accept("ENUM") {
        walk.need("VALUE")?;
        walk.field()?;
        return walk.take(Role::Value, Expect::Own("name")).map(drop);
    }
    walk.need("FIELD")?;
    name(walk)?;
    let tags = kind(walk)? == "TAGS";
    while !ends(walk) {
        if walk.accept("NOT") {
            walk.need("NULL")?;
        } else if walk.accept("DEFAULT") {
            match tags {
                true => walk.tags()?,
                false => drop(walk.take(Role::Value, Expect::Own("default"))?),
            }
        } else {
            one_of(walk, &["INDEX", "UNIQUE", "BITMAP"])?;
        }
    }
    for word in ["NOT", "DEFAULT", "INDEX", "UNIQUE", "BITMAP"] {
        walk.expect(Expect::Keyword(word));
    }
    Some(())
}

const KINDS: [&str; 8] = [
    "INTEGER", "FLOAT", "BOOLEAN", "DATETIME", "STRING", "UUID", "ENUM", "TAGS",
];

fn kind(walk: &mut Walk) -> Option<&'static str> {
    let kind = one_of(walk, &KINDS)?;
    if kind == "ENUM" {
        if !walk.operator("(") {
            return walk.wrong();
        }
        let mut first = true;
        while first || !walk.operator(")") {
            first = false;
            walk.take(Role::Value, Expect::Own("name"))?;
        }
    }
    Some(kind)
}

fn remove(walk: &mut Walk) -> Option<()> {
    if walk.accept("INDEX") {
        index_fields(walk)?;
        walk.accept("BITMAP");
        return Some(());
    }
    walk.need("FIELD")?;
    walk.field().map(drop)
}

fn set(walk: &mut Walk) -> Option<()> {
    if walk.accept("TTL") {
        if !walk.accept("NONE") {
            walk.number("seconds")?;
        }
        return one_of(walk, &["PASSIVE", "ACTIVE"]).map(drop);
    }
    walk.need("FIELD")?;
    let field = walk.field()?.to_vec();
    if walk.accept("DEFAULT") {
        walk.value(&field)
    } else if walk.accept("NO") {
        walk.need("DEFAULT")
    } else if walk.accept("NOT") {
        walk.need("NULL")
    } else if walk.accept("TYPE") {
        kind(walk).map(drop)
    } else {
        walk.need("NULL")
    }
}
