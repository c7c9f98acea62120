use super::*;

fn accounts() -> Arc<Schema> {
    Arc::new(Schema::read(&[
        "ADD FIELD email STRING",
        "ADD FIELD plan ENUM ( free pro )",
        "ADD FIELD count INTEGER",
        "ADD FIELD tags TAGS",
        "TIMESTAMPS OFF",
    ]))
}

fn walked(line: &str) -> Walked {
    let words: Vec<Vec<u8>> = line.split_whitespace().map(|w| w.into()).collect();
    let lookup = |name: &[u8]| (name == b"account").then(accounts);
    walk(&words, &lookup)
}

/// What may follow, in short.
fn next(line: &str) -> String {
    let texts: Vec<String> = walked(line)
        .expected
        .iter()
        .map(|expected| match expected {
            Expect::Table => "<table>".into(),
            Expect::Field => "<field>".into(),
            Expect::Value(None) => "<value>".into(),
            Expect::Value(Some(kind)) => format!("<{}>", kind.word()),
            Expect::Own(what) => format!("<{what}>"),
            Expect::Keyword(word) | Expect::Operator(word) => word.to_string(),
        })
        .collect();
    texts.join(" ")
}

#[test]
fn what_may_follow_is_what_the_grammar_allows() {
    for (line, expected) in [
        ("YARR.WHERE", "<table>"),
        ("YARR.WHERE account", "* NOT ( <field>"),
        (
            "YARR.WHERE account email",
            "= != < <= > >= BETWEEN IN IS STARTS",
        ),
        ("YARR.WHERE account count", "= != < <= > >= BETWEEN IN IS"),
        ("YARR.WHERE account tags", "IS CONTAINS"),
        ("yarr.where account plan =", "<ENUM>"),
        ("YARR.WHERE account ( plan = pro", ") AND OR"),
        (
            "YARR.WHERE account plan = pro",
            "AND OR RETURN PLUCK IDS COUNT PACKED CURSOR ORDER LIMIT OFFSET SCAN",
        ),
        (
            "YARR.WHERE account * LIMIT 3 RETURN id",
            "<field> PLUCK IDS COUNT PACKED CURSOR ORDER OFFSET SCAN",
        ),
        ("YARR.WHERE account * ORDER", "BY"),
        ("YARR.WHERE account email IS", "NOT NULL"),
        ("YARR.WHERE account count IN 2 1", "<INTEGER>"),
        ("YARR.CREATE account plan", "<ENUM>"),
        ("YARR.CREATE account tags", "<number of tags>"),
        ("YARR.CREATE account FIELDS 2 email plan VALUES a", "<ENUM>"),
        (
            "YARR.CREATE account ON CONFLICT email",
            "<field> IGNORE KEEP UPDATE",
        ),
        ("YARR.FIND account", "WHERE IDS <id>"),
        ("YARR.FIND account 1", "RETURN PACKED"),
        (
            "YARR.UPDATE account 1 SET plan pro",
            "<field> INCR ADD REMOVE UNSET TOUCH RETURN PACKED IF EX PX EXAT PXAT PERSIST KEEPTTL",
        ),
        (
            "YARR.DEL account WHERE count",
            "= != < <= > >= BETWEEN IN IS",
        ),
        ("YARR.AGGREGATE account * SUM", "<field>"),
        (
            "YARR.EXPLAIN account",
            "ANALYZE WHERE FIND AGGREGATE UPDATE DEL",
        ),
        ("YARR.EXPLAIN account WHERE plan =", "<ENUM>"),
        ("YARR.SCHEMA account", "HISTORY VERSION CHECK"),
        ("YARR.MIGRATE account", "UP DOWN CANCEL"),
        (
            "YARR.MIGRATE account UP 2 more ADD FIELD x",
            "INTEGER FLOAT BOOLEAN DATETIME STRING UUID ENUM TAGS",
        ),
        (
            "YARR.MIGRATE account UP 2 more ADD FIELD x INTEGER",
            "NOT DEFAULT INDEX UNIQUE BITMAP ADD REMOVE RENAME SET ID TIMESTAMPS CHANGES DOWN DROP",
        ),
        (
            "YARR.MIGRATE account UP 2 more UPDATE plan = pro SET plan",
            "<ENUM>",
        ),
        (
            "YARR.CHANGES account",
            "SINCE UPTO CURSOR LIMIT BYTES RETURN PACKED",
        ),
        ("YARR.CHANGES account SINCE", "<epoch>"),
        ("YARR.ACK account me", "FORGET <epoch>"),
        ("YARR.INFO account", ""),
        ("GET", ""),
        ("YARR.WHERE account plan ~", ""),
        ("YARR.WHERE nobody anything =", "<value>"),
    ] {
        assert_eq!(next(line), expected, "{line}");
    }
}

#[test]
fn each_word_plays_its_part() {
    let roles = |line: &str| -> String {
        let letter = |role: &Role| match role {
            Role::Command => 'C',
            Role::Table => 'T',
            Role::Keyword => 'k',
            Role::Field => 'f',
            Role::Operator => 'o',
            Role::Value => 'v',
            Role::Wrong => '!',
            Role::Plain => '.',
        };
        walked(line).roles.iter().map(letter).collect()
    };
    for (line, expected) in [
        (
            "YARR.WHERE account plan = AND AND count GT 5 LIMIT 2",
            "CTfovkfovkv",
        ),
        ("YARR.WHERE account nothing = 5", "CT!ov"),
        ("YARR.WHERE account count ~ 5", "CTf!"),
        ("YARR.WHERE account @count = 5 x", "CTfov!"),
        ("YARR.WHERE account count IN two", "CTfk!"),
        ("YARR.CREATE account tags 2 a b email x", "CTfvvvfv"),
        (
            "YARR.MIGRATE account UP 1 first ADD FIELD s ENUM ( a b ) DEFAULT a",
            "CTkv.kkfkovvokv",
        ),
        ("GET x", "C"),
    ] {
        assert_eq!(roles(line), expected, "{line}");
    }
}

#[test]
fn the_answer_is_known_from_the_words() {
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|n| n.as_bytes().to_vec())
            .collect::<Vec<_>>()
    };
    for (line, answer, cursor, pageable) in [
        (
            "YARR.WHERE account *",
            Answer::Records(Fields::All),
            false,
            true,
        ),
        (
            "YARR.WHERE account * SCAN",
            Answer::Records(Fields::All),
            false,
            true,
        ),
        (
            "YARR.WHERE account * LIMIT 2",
            Answer::Records(Fields::All),
            false,
            false,
        ),
        (
            "YARR.WHERE account * OFFSET 2",
            Answer::Records(Fields::All),
            false,
            false,
        ),
        ("YARR.WHERE account * COUNT", Answer::Plain, false, false),
        (
            "YARR.WHERE account * CURSOR 0 IDS",
            Answer::Values(named(&["id"])),
            true,
            false,
        ),
        (
            "YARR.WHERE account * PLUCK id email ORDER BY email",
            Answer::Values(named(&["id", "email"])),
            false,
            true,
        ),
        (
            "YARR.FIND account 1",
            Answer::Record(Fields::All),
            false,
            false,
        ),
        (
            "YARR.FIND account IDS 1 1 RETURN @email",
            Answer::Records(Fields::Named(named(&["email"]))),
            false,
            false,
        ),
        (
            "YARR.FIND account WHERE plan = pro",
            Answer::Record(Fields::All),
            false,
            false,
        ),
        (
            "YARR.UPDATE account 1 SET plan pro",
            Answer::Plain,
            false,
            false,
        ),
        (
            "YARR.UPDATE account WHERE * SET plan pro RETURN *",
            Answer::Records(Fields::All),
            false,
            false,
        ),
        (
            "YARR.CREATE account email x RETURN id",
            Answer::Record(Fields::Named(named(&["id"]))),
            false,
            false,
        ),
        (
            "YARR.CREATE account RETURN * FIELDS 1 email VALUES a",
            Answer::Records(Fields::All),
            false,
            false,
        ),
        ("YARR.AGGREGATE account * COUNT", Answer::Rows, false, false),
        ("YARR.EXPLAIN account WHERE *", Answer::Plan, false, false),
        ("YARR.SCHEMA account", Answer::Operations, false, false),
        ("YARR.SCHEMA account HISTORY", Answer::Rows, false, false),
        (
            "YARR.SCHEMA account CHECK UP 2 x ADD INDEX email",
            Answer::Facts,
            false,
            false,
        ),
        ("YARR.INFO account", Answer::Facts, false, false),
        ("HGETALL account", Answer::Plain, false, false),
    ] {
        let found = walked(line);
        assert_eq!(
            (found.answer, found.cursor, found.pageable),
            (answer, cursor, pageable),
            "{line}"
        );
    }
}
