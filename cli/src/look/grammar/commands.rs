//! The clauses of the commands, and what they answer.

use super::{Answer, COMMANDS, Expect, Fields, Role, Walk, operations};

const EXPIRY: [&str; 4] = ["EX", "PX", "EXAT", "PXAT"];
const WHERE: [&str; 10] = [
    "ORDER", "LIMIT", "OFFSET", "CURSOR", "RETURN", "PLUCK", "IDS", "COUNT", "PACKED", "SCAN",
];
const FIND: [&str; 4] = ["ORDER", "RETURN", "SCAN", "PACKED"];
const CREATE: [&str; 12] = [
    "UNSET", "ON", "RETURN", "PACKED", "NULL", "FIELDS", "EX", "PX", "EXAT", "PXAT", "PERSIST",
    "KEEPTTL",
];
const UPDATE: [&str; 18] = [
    "SET", "INCR", "ADD", "REMOVE", "UNSET", "TOUCH", "IF", "EX", "PX", "EXAT", "PXAT", "PERSIST",
    "KEEPTTL", "RETURN", "ORDER", "LIMIT", "SCAN", "PACKED",
];
const DEL: [&str; 6] = ["IF", "RETURN", "ORDER", "LIMIT", "SCAN", "PACKED"];
const CHANGES: [&str; 7] = [
    "SINCE", "UPTO", "CURSOR", "LIMIT", "BYTES", "RETURN", "PACKED",
];
const AGGREGATE: [&str; 10] = [
    "GROUP", "COUNT", "SUM", "AVG", "MIN", "MAX", "ORDER", "LIMIT", "OFFSET", "SCAN",
];

/// Whether a field of this name needs an `@` so that no command takes it for a clause.
pub fn is_clause(name: &str) -> bool {
    let joints = ["AND", "OR", "NOT", "ALL", "ASC", "DESC", "IGNORE", "KEEP"];
    let all: [&[&str]; 8] = [
        &WHERE, &FIND, &CREATE, &UPDATE, &DEL, &CHANGES, &AGGREGATE, &joints,
    ];
    all.iter()
        .any(|words| words.iter().any(|word| word.eq_ignore_ascii_case(name)))
}

/// Walks a whole command.
pub fn command(walk: &mut Walk) -> Option<()> {
    let name = walk.peek()?.to_ascii_uppercase();
    walk.play(Role::Command);
    if !COMMANDS.iter().any(|known| known.name.as_bytes() == name) {
        return None;
    }
    walk.expect(Expect::Table);
    let table = walk.peek()?;
    walk.play(Role::Table);
    walk.found.schema = (walk.lookup)(table);
    walk.found.table = Some(table.to_vec());
    match name.as_slice() {
        b"YARR.WHERE" => r#where(walk),
        b"YARR.FIND" => find(walk),
        b"YARR.AGGREGATE" => aggregate(walk),
        b"YARR.CREATE" => create(walk),
        b"YARR.UPDATE" => update(walk),
        b"YARR.DEL" => del(walk),
        b"YARR.MIGRATE" => migrate(walk),
        b"YARR.SCHEMA" => schema(walk),
        b"YARR.EXPLAIN" => explain(walk),
        b"YARR.CHANGES" => changes(walk),
        b"YARR.ACK" => ack(walk),
        _ => {
            walk.found.answer = Answer::Facts;
            walk.wrong()
        }
    }
}

/// Clauses up to the end, each once: `clause` takes one where one begins.
fn clauses(walk: &mut Walk, mut clause: impl FnMut(&mut Walk) -> Option<bool>) -> Option<()> {
    let begin = walk.at;
    loop {
        if !clause(walk)? {
            // A clause that has been said is not said again.
            let said: Vec<Vec<u8>> = walk.words.get(begin..walk.at).unwrap_or_default().to_vec();
            walk.found.expected.retain(|expected| match expected {
                Expect::Keyword(word) => {
                    REPEATED.contains(word)
                        || !said.iter().any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
                }
                _ => true,
            });
            return walk.wrong();
        }
    }
}

/// Words that may stand again: those of predicates and orders, and the functions.
const REPEATED: [&str; 10] = [
    "AND", "OR", "NOT", "ASC", "DESC", "COUNT", "SUM", "AVG", "MIN", "MAX",
];

fn returned(walk: &mut Walk, words: &[&str]) -> Option<Fields> {
    if walk.operator("*") || walk.is("ALL") && walk.accept("ALL") {
        return Some(Fields::All);
    }
    Some(Fields::Named(walk.fields(words)?))
}

fn order(walk: &mut Walk, words: &[&str]) -> Option<()> {
    walk.need("BY")?;
    let mut first = true;
    while first || !(walk.is_end() || walk.is_any(words)) {
        first = false;
        walk.field()?;
        if !walk.accept("DESC") {
            walk.accept("ASC");
        }
    }
    walk.expect(Expect::Field);
    Some(())
}

fn selection(walk: &mut Walk, words: &[&str], offset: bool) -> Option<bool> {
    if walk.accept("ORDER") {
        order(walk, words)?;
    } else if walk.accept("LIMIT") || offset && walk.accept("OFFSET") {
        walk.number("number of records")?;
    } else {
        return Some(walk.accept("SCAN"));
    }
    Some(true)
}

fn predicate(walk: &mut Walk) -> Option<()> {
    if walk.operator("*") {
        return Some(());
    }
    if walk.is("ALL") {
        walk.play(Role::Operator);
        return Some(());
    }
    let mut depth = 0;
    loop {
        while walk.accept("NOT") {}
        while walk.operator("(") {
            depth += 1;
            while walk.accept("NOT") {}
        }
        condition(walk)?;
        while depth > 0 && walk.operator(")") {
            depth -= 1;
        }
        if !(walk.accept("AND") || walk.accept("OR")) {
            return if depth == 0 { Some(()) } else { walk.wrong() };
        }
    }
}

const COMPARISONS: [(&str, &str); 6] = [
    ("=", "EQ"),
    ("!=", "NE"),
    ("<", "LT"),
    ("<=", "LE"),
    (">", "GT"),
    (">=", "GE"),
];

fn condition(walk: &mut Walk) -> Option<()> {
    let field = walk.field()?.to_vec();
    let kind = walk.kind(&field);
    let tags = kind == Some(super::Kind::Tags);
    if !tags {
        for (symbol, word) in COMPARISONS {
            let spelled = walk.is(word);
            if spelled {
                walk.play(Role::Operator);
            }
            if spelled || walk.operator(symbol) {
                return walk.value(&field);
            }
        }
        if walk.accept("BETWEEN") {
            walk.value(&field)?;
            walk.need("AND")?;
            return walk.value(&field);
        }
        if walk.accept("IN") {
            let count = walk.count("number of values")?;
            for _ in 0..count {
                walk.value(&field)?;
            }
            return Some(());
        }
    }
    if walk.accept("IS") {
        walk.accept("NOT");
        return walk.need("NULL");
    }
    let text = matches!(kind, None | Some(super::Kind::Text));
    if text && walk.accept("STARTS") {
        walk.need("WITH")?;
        return walk.take(Role::Value, Expect::Own("prefix")).map(drop);
    }
    if (tags || kind.is_none()) && walk.accept("CONTAINS") {
        if walk.accept("ANY") || walk.accept("ALL") {
            return walk.tags();
        }
        return walk.take(Role::Value, Expect::Own("tag")).map(drop);
    }
    walk.wrong()
}

fn r#where(walk: &mut Walk) -> Option<()> {
    walk.found.answer = Answer::Records(Fields::All);
    predicate(walk)?;
    let mut pageable = true;
    walk.found.pageable = true;
    clauses(walk, |walk| {
        if walk.accept("RETURN") {
            walk.found.answer = Answer::Records(returned(walk, &WHERE)?);
        } else if walk.accept("PLUCK") {
            walk.found.answer = Answer::Values(walk.fields(&WHERE)?);
        } else if walk.accept("IDS") {
            walk.found.answer = Answer::Values(vec![b"id".to_vec()]);
        } else if walk.accept("COUNT") || walk.accept("PACKED") {
            walk.found.answer = Answer::Plain;
            pageable = false;
        } else if walk.accept("CURSOR") {
            walk.found.cursor = true;
            pageable = false;
            walk.take(Role::Value, Expect::Own("cursor, 0 to begin"))?;
        } else {
            pageable &= !walk.is_any(&["LIMIT", "OFFSET"]);
            walk.found.pageable = pageable;
            return selection(walk, &WHERE, true);
        }
        walk.found.pageable = pageable;
        Some(true)
    })
}

/// `id`, `IDS n id ...` or `WHERE predicate`; whether it is the last, and whether they are several.
fn target(walk: &mut Walk, ids: bool) -> Option<(bool, bool)> {
    if walk.accept("WHERE") {
        predicate(walk)?;
        return Some((true, true));
    }
    if ids && walk.accept("IDS") {
        let count = walk.count("number of ids")?;
        for _ in 0..count {
            walk.take(Role::Value, Expect::Own("id"))?;
        }
        return Some((false, true));
    }
    walk.take(Role::Value, Expect::Own("id"))?;
    Some((false, false))
}

fn find(walk: &mut Walk) -> Option<()> {
    let (by_query, several) = target(walk, true)?;
    let many = several && !by_query;
    let records = |fields| match many {
        true => Answer::Records(fields),
        false => Answer::Record(fields),
    };
    walk.found.answer = records(Fields::All);
    clauses(walk, |walk| {
        if walk.accept("RETURN") {
            walk.found.answer = records(returned(walk, &FIND)?);
        } else if walk.accept("PACKED") {
            walk.found.answer = Answer::Plain;
        } else if by_query && walk.accept("ORDER") {
            order(walk, &FIND)?;
        } else {
            return Some(by_query && walk.accept("SCAN"));
        }
        Some(true)
    })
}

fn expiry(walk: &mut Walk) -> Option<bool> {
    for word in EXPIRY {
        if walk.accept(word) {
            walk.number(match word {
                "EX" => "seconds",
                "PX" => "milliseconds",
                "EXAT" => "seconds since 1970",
                _ => "milliseconds since 1970",
            })?;
            return Some(true);
        }
    }
    Some(walk.accept("PERSIST") || walk.accept("KEEPTTL"))
}

/// Fields, each with a value, up to the next clause.
fn pairs(
    walk: &mut Walk,
    words: &[&str],
    mut value: impl FnMut(&mut Walk, &[u8]) -> Option<()>,
) -> Option<()> {
    let mut first = true;
    while first || !(walk.is_end() || walk.is_any(words)) {
        first = false;
        let field = walk.field()?.to_vec();
        value(walk, &field)?;
    }
    walk.expect(Expect::Field);
    Some(())
}

fn create(walk: &mut Walk) -> Option<()> {
    // Rows of values stand for fields that have them, and for UNSET.
    let mut many = true;
    if walk.is_end() || !walk.is_any(&CREATE) {
        walk.expect(Expect::Field);
        if !walk.is_end() {
            many = false;
            pairs(walk, &CREATE, |walk, field| walk.value(field))?;
        }
    }
    clauses(walk, |walk| {
        if many && walk.accept("FIELDS") {
            rows(walk)?;
        } else if many && walk.accept("NULL") {
            walk.take(Role::Value, Expect::Own("word that stands for null"))?;
        } else if walk.accept("UNSET") {
            many = false;
            walk.fields(&CREATE)?;
        } else if walk.accept("ON") {
            walk.need("CONFLICT")?;
            walk.fields(&["IGNORE", "KEEP", "UPDATE"])?;
            if !(walk.accept("IGNORE") || walk.accept("KEEP") || walk.accept("UPDATE")) {
                return walk.wrong();
            }
        } else if walk.accept("RETURN") {
            let fields = returned(walk, &CREATE)?;
            walk.found.answer = Answer::Record(fields);
        } else if walk.accept("PACKED") {
            walk.found.answer = Answer::Plain;
        } else {
            return expiry(walk);
        }
        Some(true)
    })
}

/// What follows FIELDS: it ends the command.
fn rows(walk: &mut Walk) -> Option<()> {
    if let Answer::Record(fields) = std::mem::take(&mut walk.found.answer) {
        walk.found.answer = Answer::Records(fields);
    }
    let count = walk.count("number of fields")?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(walk.field()?.to_vec());
    }
    walk.need("VALUES")?;
    if fields.is_empty() {
        return walk.wrong();
    }
    loop {
        for field in &fields {
            walk.value(field)?;
        }
    }
}

fn update(walk: &mut Walk) -> Option<()> {
    let (by_query, _) = target(walk, false)?;
    clauses(walk, |walk| {
        if walk.accept("SET") {
            pairs(walk, &UPDATE, |walk, field| walk.value(field))?;
        } else if walk.accept("INCR") {
            pairs(walk, &UPDATE, |walk, _| walk.number("number to add"))?;
        } else if walk.accept("ADD") || walk.accept("REMOVE") {
            pairs(walk, &UPDATE, |walk, _| walk.tags())?;
        } else if walk.accept("UNSET") {
            walk.fields(&UPDATE)?;
        } else if walk.accept("TOUCH") {
        } else {
            return ending(walk, &UPDATE, by_query, by_query, true);
        }
        Some(true)
    })
}

fn del(walk: &mut Walk) -> Option<()> {
    let (by_query, several) = target(walk, true)?;
    clauses(walk, |walk| ending(walk, &DEL, by_query, several, false))
}

/// What UPDATE and DEL have in common.
fn ending(
    walk: &mut Walk,
    words: &[&str],
    by_query: bool,
    several: bool,
    expires: bool,
) -> Option<bool> {
    if walk.accept("RETURN") {
        let fields = returned(walk, words)?;
        walk.found.answer = match several {
            true => Answer::Records(fields),
            false => Answer::Record(fields),
        };
    } else if walk.accept("PACKED") {
        walk.found.answer = Answer::Plain;
    } else if !by_query && walk.accept("IF") {
        predicate(walk)?;
    } else if expires && expiry(walk)? {
    } else {
        return match by_query {
            true => selection(walk, words, false),
            false => Some(false),
        };
    }
    Some(true)
}

fn aggregate(walk: &mut Walk) -> Option<()> {
    walk.found.answer = Answer::Rows;
    predicate(walk)?;
    clauses(walk, |walk| {
        if walk.accept("GROUP") {
            walk.need("BY")?;
            walk.fields(&AGGREGATE)?;
        } else if walk.accept("COUNT") {
            if walk.accept("DISTINCT") {
                walk.field()?;
            }
        } else if ["SUM", "AVG", "MIN", "MAX"]
            .into_iter()
            .any(|f| walk.accept(f))
        {
            walk.field()?;
        } else if walk.accept("ORDER") {
            keys(walk)?;
        } else {
            return selection(walk, &AGGREGATE, true);
        }
        Some(true)
    })
}

/// The keys of an order of groups: names of columns, so a field or `sum(field)`.
fn keys(walk: &mut Walk) -> Option<()> {
    walk.need("BY")?;
    let mut first = true;
    while first || !(walk.is_end() || walk.is_any(&AGGREGATE)) {
        walk.expect(Expect::Field);
        if first && walk.is("COUNT") {
            walk.play(Role::Field);
        } else {
            walk.take(Role::Field, Expect::Own("count, sum(field), ..."))?;
        }
        first = false;
        if !walk.accept("DESC") {
            walk.accept("ASC");
        }
    }
    Some(())
}

fn schema(walk: &mut Walk) -> Option<()> {
    walk.found.answer = Answer::Operations;
    if walk.accept("HISTORY") {
        walk.found.answer = Answer::Rows;
    } else if walk.accept("VERSION") {
        walk.found.answer = Answer::Plain;
    } else if walk.accept("CHECK") {
        walk.found.answer = Answer::Facts;
        return migrate(walk);
    }
    walk.wrong()
}

fn explain(walk: &mut Walk) -> Option<()> {
    let analyze = walk.accept("ANALYZE");
    let verb = if walk.accept("WHERE") {
        r#where(walk)
    } else if walk.accept("FIND") {
        find(walk)
    } else if walk.accept("AGGREGATE") {
        aggregate(walk)
    } else if !analyze && walk.accept("UPDATE") {
        update(walk)
    } else if !analyze && walk.accept("DEL") {
        del(walk)
    } else {
        walk.wrong()
    };
    walk.found.answer = Answer::Plan;
    walk.found.pageable = false;
    walk.found.cursor = false;
    verb
}

fn changes(walk: &mut Walk) -> Option<()> {
    clauses(walk, |walk| {
        if walk.accept("SINCE") {
            position(walk)?;
        } else if walk.accept("UPTO") {
            walk.number("position")?;
        } else if walk.accept("CURSOR") {
            walk.take(Role::Value, Expect::Own("cursor of the page before"))?;
        } else if walk.accept("LIMIT") {
            walk.number("number of records")?;
        } else if walk.accept("BYTES") {
            walk.number("number of bytes")?;
        } else if walk.accept("RETURN") {
            returned(walk, &CHANGES)?;
        } else {
            return Some(walk.accept("PACKED"));
        }
        Some(true)
    })
}

/// An epoch and a number in it.
fn position(walk: &mut Walk) -> Option<()> {
    walk.take(Role::Value, Expect::Own("epoch"))?;
    walk.number("position")
}

fn ack(walk: &mut Walk) -> Option<()> {
    walk.take(Role::Plain, Expect::Own("consumer"))?;
    if !walk.accept("FORGET") {
        position(walk)?;
    }
    walk.wrong()
}

fn migrate(walk: &mut Walk) -> Option<()> {
    let checked = walk.found.answer.clone();
    if walk.accept("UP") {
        walk.number("version, such as 20200504000000")?;
        walk.take(Role::Plain, Expect::Own("name of the migration"))?;
        operations::operations(walk)?;
        if walk.accept("DOWN") {
            operations::operations(walk)?;
        }
    } else if walk.accept("DOWN") {
        walk.number("version")?;
    } else if checked == Answer::Plain && walk.accept("CANCEL") {
        walk.number("version")?;
        return walk.wrong();
    } else {
        return walk.wrong();
    }
    if walk.accept("DROP") {
        walk.need("DATA")?;
    }
    walk.wrong()
}

/// Reads a predicate, then SET and its pairs, of a migration of data.
pub(super) fn data(walk: &mut Walk) -> Option<()> {
    predicate(walk)?;
    walk.need("SET")?;
    pairs(walk, &["DOWN", "DROP", ";"], |walk, field| {
        walk.value(field)
    })
}
