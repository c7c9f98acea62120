//! What a query sends is read back as the same query by the server's own parser.

use proptest::prelude::*;
use yarr::{
    query::{Comparison, Node, Predicate as Read, Test, parse_order, parse_predicate},
    tokens::{Keywords, Tokens},
};
use yarr_client::{Predicate, prelude::*};

/// Fields that are also words of the grammar.
#[derive(Record)]
#[record(table = "t")]
struct Words {
    id: i64,
    #[record(name = "in")]
    within: Option<i64>,
    and: Option<String>,
    limit: Option<f64>,
    count: Option<std::collections::BTreeSet<String>>,
    not: Option<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq, Enum)]
enum Level {
    Null,
    Asc,
}

/// A predicate as it was meant.
#[derive(Debug, Clone)]
enum Meant {
    Whole(usize, i64),
    Between(i64, i64),
    In(Vec<i64>),
    Text(usize, String),
    Prefix(String),
    Float(f64),
    Tags(bool, Vec<String>),
    Null(bool),
    Level(bool),
    And(Box<Meant>, Box<Meant>),
    Or(Box<Meant>, Box<Meant>),
    Not(Box<Meant>),
}

const OPERATORS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// Text that is any bytes, among them the words of the grammar.
fn text() -> impl Strategy<Value = String> {
    const WORDS: [&str; 11] = [
        "AND", "or", "(", ")", "*", "@", "NOT", "", "LIMIT", "RETURN", "0",
    ];
    prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(String::from),
        ".{0,8}"
    ]
}

fn meant() -> impl Strategy<Value = Meant> {
    let leaf = prop_oneof![
        (0..6usize, any::<i64>()).prop_map(|(at, n)| Meant::Whole(at, n)),
        any::<(i64, i64)>().prop_map(|(low, high)| Meant::Between(low, high)),
        proptest::collection::vec(any::<i64>(), 0..4).prop_map(Meant::In),
        (0..6usize, text()).prop_map(|(at, text)| Meant::Text(at, text)),
        text().prop_map(Meant::Prefix),
        any::<f64>().prop_map(Meant::Float),
        (any::<bool>(), proptest::collection::vec(text(), 0..3))
            .prop_map(|(all, tags)| Meant::Tags(all, tags)),
        any::<bool>().prop_map(Meant::Null),
        any::<bool>().prop_map(Meant::Level),
    ];
    leaf.prop_recursive(6, 48, 2, |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            pair().prop_map(|(a, b)| Meant::And(a.into(), b.into())),
            pair().prop_map(|(a, b)| Meant::Or(a.into(), b.into())),
            inner.clone().prop_map(|part| Meant::Not(part.into())),
        ]
    })
}

/// The predicate, built as an application does.
fn built(meant: &Meant) -> Predicate<Words> {
    let f = Words::fields();
    match meant {
        Meant::Whole(0, n) => f.within.eq(n),
        Meant::Whole(1, n) => f.within.ne(n),
        Meant::Whole(2, n) => f.within.lt(n),
        Meant::Whole(3, n) => f.within.le(n),
        Meant::Whole(4, n) => f.within.gt(n),
        Meant::Whole(_, n) => f.within.ge(n),
        Meant::Between(low, high) => f.within.between(low, high),
        Meant::In(values) => f.within.is_in(values),
        Meant::Text(0, text) => f.and.eq(text),
        Meant::Text(1, text) => f.and.ne(text),
        Meant::Text(2, text) => f.and.lt(text),
        Meant::Text(3, text) => f.and.le(text),
        Meant::Text(4, text) => f.and.gt(text),
        Meant::Text(_, text) => f.and.ge(text),
        Meant::Prefix(text) => f.and.starts_with(text),
        Meant::Float(x) => f.limit.ge(x),
        Meant::Tags(true, tags) => f.count.contains_all(tags),
        Meant::Tags(false, tags) => f.count.contains_any(tags),
        Meant::Null(true) => f.limit.is_null(),
        Meant::Null(false) => f.limit.is_not_null(),
        Meant::Level(true) => f.not.eq(Level::Null),
        Meant::Level(false) => f.not.lt(Level::Asc),
        Meant::And(a, b) => built(a).and(built(b)),
        Meant::Or(a, b) => built(a) | built(b),
        Meant::Not(part) => !built(part),
    }
}

/// What the parser should make of it: chains flat, and no NOT of a NOT.
fn expected(meant: &Meant) -> String {
    let chain = |word: &str, parts: Vec<String>| format!("{word}({})", parts.join(", "));
    match meant {
        Meant::Whole(at, n) => format!("in {:?} {:?}", OPERATORS[*at], n.to_string()),
        Meant::Between(low, high) => {
            format!("in between {:?} {:?}", low.to_string(), high.to_string())
        }
        Meant::In(values) => {
            let values: Vec<String> = values.iter().map(i64::to_string).collect();
            format!("in in {values:?}")
        }
        Meant::Text(at, text) => format!("and {:?} {text:?}", OPERATORS[*at]),
        Meant::Prefix(text) => format!("and starts {text:?}"),
        Meant::Float(x) => format!("limit GreaterOrEqual float {:x}", x.to_bits()),
        Meant::Tags(all, tags) => format!("count {all} {tags:?}"),
        Meant::Null(is) => format!("limit null {is}"),
        Meant::Level(true) => r#"not Equal "null""#.into(),
        Meant::Level(false) => r#"not Less "asc""#.into(),
        Meant::And(..) => chain(
            "all",
            flat(meant, &|part| match part {
                Meant::And(a, b) => Some((a, b)),
                _ => None,
            }),
        ),
        Meant::Or(..) => chain(
            "any",
            flat(meant, &|part| match part {
                Meant::Or(a, b) => Some((a, b)),
                _ => None,
            }),
        ),
        Meant::Not(part) => match &**part {
            Meant::Not(inner) => expected(inner),
            part => format!("not({})", expected(part)),
        },
    }
}

/// The parts of a chain, those of chains inside it among them.
fn flat<'m>(
    meant: &'m Meant,
    split: &dyn Fn(&'m Meant) -> Option<(&'m Meant, &'m Meant)>,
) -> Vec<String> {
    match split(meant) {
        Some((a, b)) => [flat(a, split), flat(b, split)].concat(),
        None => match meant {
            // A double NOT in a chain is nothing around a chain, which stands in parentheses.
            Meant::Not(part) if matches!(&**part, Meant::Not(_)) => vec![expected(meant)],
            part => vec![expected(part)],
        },
    }
}

/// What the server's parser read.
fn read(node: &Node) -> String {
    let text = |token: &[u8]| String::from_utf8(token.to_vec()).unwrap();
    let chain = |word: &str, parts: &[Node]| {
        let parts: Vec<String> = parts.iter().map(read).collect();
        format!("{word}({})", parts.join(", "))
    };
    let condition = match node {
        Node::And(parts) => return chain("all", parts),
        Node::Or(parts) => return chain("any", parts),
        Node::Not(part) => return format!("not({})", read(part)),
        Node::Condition(condition) => condition,
    };
    let field = text(
        condition
            .field
            .strip_prefix(b"@")
            .expect("an @ before every field"),
    );
    let list = |tokens: &[&[u8]]| tokens.iter().map(|token| text(token)).collect::<Vec<_>>();
    match &condition.test {
        Test::Compare(comparison, value) if field == "limit" => {
            let x: f64 = text(value).parse().unwrap();
            format!("{field} {comparison:?} float {:x}", x.to_bits())
        }
        Test::Compare(comparison, value) => format!("{field} {comparison:?} {:?}", text(value)),
        Test::Between(low, high) => format!("{field} between {:?} {:?}", text(low), text(high)),
        Test::In(values) => format!("{field} in {:?}", list(values)),
        Test::StartsWith(prefix) => format!("{field} starts {:?}", text(prefix)),
        Test::Contains { tags, all } => format!("{field} {all} {:?}", list(tags)),
        Test::IsNull => format!("{field} null true"),
        Test::IsNotNull => format!("{field} null false"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_predicate_is_read_back_as_it_was_meant(meant in meant()) {
        let f = Words::fields();
        let query = Words::query()
            .filter(built(&meant))
            .order(f.limit.desc())
            .order(f.within.asc())
            .limit(7);
        let command = query.load().to_command();
        let words: Vec<&[u8]> = command.words().skip(2).collect();
        let mut tokens = Tokens::new(&words);
        let Ok(Read::Where(node)) = parse_predicate(&mut tokens) else {
            panic!("not read: {command}");
        };
        prop_assert_eq!(read(&node), expected(&meant), "{}", command);
        prop_assert!(tokens.accept("ORDER") && tokens.accept("BY"), "{}", command);
        let order = parse_order(&mut tokens, &Keywords::of(&["LIMIT", "RETURN", "IN"])).unwrap();
        let shown: Vec<(&[u8], bool)> = order.iter().map(|o| (o.field, o.descending)).collect();
        prop_assert_eq!(shown, [(&b"@limit"[..], true), (b"@in", false)]);
        prop_assert!(tokens.accept("LIMIT"));
    }
}
