//! Reading a predicate from tokens.
//!
//! The grammar is the README's. A value is taken blindly where a value must stand. Recursion
//! happens only at a parenthesis, [`MAX_DEPTH`] of them at most; chains of AND, OR and NOT are
//! read in loops.

use super::predicate::{Comparison, Condition, Node, Predicate, Test};
use crate::{
    error::{Error, Result},
    tokens::Tokens,
};

/// The deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 128;

/// Reads a predicate, or `*` or ALL. It ends where neither AND nor OR follows.
///
/// # Errors
/// Syntax, naming the token and its position.
pub fn parse_predicate<'a>(tokens: &mut Tokens<'a>) -> Result<Predicate<'a>> {
    if tokens.accept("*") || tokens.accept("ALL") {
        return Ok(Predicate::Everything);
    }
    Ok(Predicate::Where(parse_or(tokens, 0)?))
}

fn parse_or<'a>(tokens: &mut Tokens<'a>, depth: usize) -> Result<Node<'a>> {
    let first = parse_and(tokens, depth)?;
    if !tokens.is("OR") {
        return Ok(first);
    }
    let mut parts = vec![first];
    while tokens.accept("OR") {
        parts.push(parse_and(tokens, depth)?);
    }
    Ok(Node::Or(parts))
}

fn parse_and<'a>(tokens: &mut Tokens<'a>, depth: usize) -> Result<Node<'a>> {
    let first = parse_not(tokens, depth)?;
    if !tokens.is("AND") {
        return Ok(first);
    }
    let mut parts = Vec::with_capacity(4);
    parts.push(first);
    while tokens.accept("AND") {
        parts.push(parse_not(tokens, depth)?);
    }
    Ok(Node::And(parts))
}

/// NOT NOT says nothing, also of the unknown.
fn parse_not<'a>(tokens: &mut Tokens<'a>, depth: usize) -> Result<Node<'a>> {
    let mut negated = false;
    while tokens.accept("NOT") {
        negated = !negated;
    }
    let node = parse_primary(tokens, depth)?;
    Ok(match negated {
        true => Node::Not(Box::new(node)),
        false => node,
    })
}

fn parse_primary<'a>(tokens: &mut Tokens<'a>, depth: usize) -> Result<Node<'a>> {
    if !tokens.is("(") {
        return Ok(Node::Condition(parse_condition(tokens)?));
    }
    if depth >= MAX_DEPTH {
        return Err(tokens.unexpected("at most 128 levels of parentheses"));
    }
    tokens.expect("(")?;
    let inner = parse_or(tokens, depth + 1)?;
    match tokens.accept(")") {
        true => Ok(inner),
        false => Err(tokens.unexpected("AND, OR or ')'")),
    }
}

fn parse_condition<'a>(tokens: &mut Tokens<'a>) -> Result<Condition<'a>> {
    if tokens.is_any(&["AND", "OR", ")", "*"]) {
        return Err(tokens.unexpected("a field's name, NOT or '('"));
    }
    let field = tokens.expect_token("a field's name, NOT or '('")?;
    let test = parse_test(tokens)?;
    Ok(Condition { field, test })
}

fn parse_test<'a>(tokens: &mut Tokens<'a>) -> Result<Test<'a>> {
    for (comparison, symbol, word) in Comparison::SPELLINGS {
        if tokens.accept(symbol) || tokens.accept(word) {
            return Ok(Test::Compare(comparison, tokens.expect_token("a value")?));
        }
    }
    if tokens.accept("BETWEEN") {
        let low = tokens.expect_token("the value to begin with")?;
        tokens.expect("AND")?;
        return Ok(Test::Between(
            low,
            tokens.expect_token("the value to end with")?,
        ));
    }
    if tokens.accept("IN") {
        let count = tokens.expect_count("the number of values")?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        return Ok(Test::In(tokens.take_many(count, "values")?));
    }
    if tokens.accept("IS") {
        let not = tokens.accept("NOT");
        tokens.expect("NULL")?;
        return Ok(if not { Test::IsNotNull } else { Test::IsNull });
    }
    if tokens.accept("STARTS") {
        tokens.expect("WITH")?;
        return Ok(Test::StartsWith(tokens.expect_token("a prefix")?));
    }
    if tokens.accept("CONTAINS") {
        return parse_contains(tokens);
    }
    Err(no_operator(tokens))
}

/// Reads what follows CONTAINS. A tag that is called `any` or `all` stands after ANY or ALL.
fn parse_contains<'a>(tokens: &mut Tokens<'a>) -> Result<Test<'a>> {
    let all = tokens.accept("ALL");
    if !all && !tokens.accept("ANY") {
        let before = tokens.clone();
        tokens.expect_token("a tag, ANY or ALL")?;
        let tags = tokens.since(&before);
        return Ok(Test::Contains { tags, all: true });
    }
    let count = tokens.expect_count("the number of tags")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let tags = tokens.take_many(count, "tags")?;
    Ok(Test::Contains { tags, all })
}

fn no_operator(tokens: &Tokens) -> Error {
    tokens.unexpected("an operator (= != < <= > >= BETWEEN, IN, IS, STARTS WITH, CONTAINS)")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{fixture::*, predicate::Condition},
        *,
    };

    /// What a predicate is read as, with parentheses around each joint.
    fn read(line: &str) -> String {
        fn text(token: &[u8]) -> String {
            String::from_utf8_lossy(token).into_owned()
        }
        fn condition(condition: &Condition) -> String {
            let field = text(condition.field);
            match &condition.test {
                Test::Compare(comparison, value) => {
                    format!("{field} {comparison:?} {}", text(value))
                }
                Test::Between(low, high) => format!("{field} between {} {}", text(low), text(high)),
                Test::In(values) => {
                    format!(
                        "{field} in {:?}",
                        values.iter().map(|v| text(v)).collect::<Vec<_>>()
                    )
                }
                Test::StartsWith(prefix) => format!("{field} starts {}", text(prefix)),
                Test::Contains { tags, all } => {
                    let tags: Vec<String> = tags.iter().map(|tag| text(tag)).collect();
                    format!("{field} has {} {tags:?}", if *all { "all" } else { "any" })
                }
                Test::IsNull => format!("{field} null"),
                Test::IsNotNull => format!("{field} not null"),
            }
        }
        fn node(part: &Node) -> String {
            let joined = |parts: &[Node], word: &str| {
                format!(
                    "({})",
                    parts.iter().map(node).collect::<Vec<_>>().join(word)
                )
            };
            match part {
                Node::And(parts) => joined(parts, " & "),
                Node::Or(parts) => joined(parts, " | "),
                Node::Not(part) => format!("!{}", node(part)),
                Node::Condition(c) => condition(c),
            }
        }
        match predicate(&words(line)) {
            Ok(Predicate::Everything) => "*".into(),
            Ok(Predicate::Where(root)) => node(&root),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_predicate_is_read_as_the_grammar_says() {
        for (line, expected) in [
            ("*", "*"),
            ("all", "*"),
            ("a = 1", "a Equal 1"),
            ("a eq 1", "a Equal 1"),
            ("a != 1", "a NotEqual 1"),
            ("a NE 1", "a NotEqual 1"),
            ("a < 1", "a Less 1"),
            ("a LT 1", "a Less 1"),
            ("a <= 1", "a LessOrEqual 1"),
            ("a Le 1", "a LessOrEqual 1"),
            ("a > 1", "a Greater 1"),
            ("a GT 1", "a Greater 1"),
            ("a >= 1", "a GreaterOrEqual 1"),
            ("a GE 1", "a GreaterOrEqual 1"),
            ("a BETWEEN 1 AND 2", "a between 1 2"),
            ("a between AND and AND", "a between AND AND"),
            ("a IN 0", "a in []"),
            ("a in 2 ) (", "a in [\")\", \"(\"]"),
            ("a IS NULL", "a null"),
            ("a is not null", "a not null"),
            ("a STARTS WITH x", "a starts x"),
            ("a CONTAINS x", "a has all [\"x\"]"),
            ("a contains any 2 any )", "a has any [\"any\", \")\"]"),
            ("a CONTAINS ALL 0", "a has all []"),
            ("@all = *", "@all Equal *"),
            ("@not = NOT", "@not Equal NOT"),
            ("in IN 1 in", "in in [\"in\"]"),
            (
                "a = AND AND b = OR OR c = (",
                "((a Equal AND & b Equal OR) | c Equal ()",
            ),
            (
                "a = 1 OR b = 2 AND NOT c = 3",
                "(a Equal 1 | (b Equal 2 & !c Equal 3))",
            ),
            ("NOT NOT a = 1", "a Equal 1"),
            ("NOT NOT NOT a = 1", "!a Equal 1"),
            (
                "NOT ( a = 1 OR b = 2 ) AND c = 3",
                "(!(a Equal 1 | b Equal 2) & c Equal 3)",
            ),
            ("( ( a = 1 ) )", "a Equal 1"),
            (
                "a = 1 AND b = 2 AND c = 3",
                "(a Equal 1 & b Equal 2 & c Equal 3)",
            ),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_syntax_error_names_the_token_and_its_place() {
        // The table is argument 1, so the first token here is argument 2.
        for (line, expected) in [
            (
                "",
                "a field's name, NOT or '(' at argument 2, found the end of the command",
            ),
            (
                "AND a = 1",
                "a field's name, NOT or '(' at argument 2, found 'AND'",
            ),
            (
                "a",
                "an operator (= != < <= > >= BETWEEN, IN, IS, STARTS WITH, CONTAINS) at argument 3, found the end of the command",
            ),
            ("a == 1", "CONTAINS) at argument 3, found '=='"),
            ("a =", "a value at argument 4, found the end of the command"),
            ("a = 1 AND", "at argument 6, found the end of the command"),
            ("a = 1 OR *", "at argument 6, found '*'"),
            ("a = 1 )", "the end of the command at argument 5, found ')'"),
            (
                "( a = 1",
                "AND, OR or ')' at argument 6, found the end of the command",
            ),
            ("( )", "at argument 3, found ')'"),
            ("NOT", "at argument 3, found the end"),
            ("a BETWEEN 1 2", "expected AND at argument 5, found '2'"),
            ("a BETWEEN 1", "expected AND at argument 5, found the end"),
            ("a IN x 1", "the number of values at argument 4, found 'x'"),
            ("a IN -1", "the number of values at argument 4, found '-1'"),
            ("a IN 2 1", "expected 2 values after argument 4, found 1"),
            ("a IN 18446744073709551615 1", "the number of values"),
            (
                "a IN 9223372036854775807 1",
                "expected 9223372036854775807 values",
            ),
            ("a IS 1", "expected NULL at argument 4, found '1'"),
            ("a STARTS x", "expected WITH at argument 4, found 'x'"),
            (
                "* AND a = 1",
                "the end of the command at argument 3, found 'AND'",
            ),
        ] {
            let error = read(line);
            assert!(
                error.starts_with("ERR ") && error.contains(expected),
                "{line}: {error}"
            );
        }
    }

    #[test]
    fn nesting_is_bounded_and_chains_are_not() {
        let nested = |depth: usize| {
            let mut line = vec![&b"("[..]; depth];
            line.extend([&b"a"[..], b"=", b"1"]);
            line.extend(vec![&b")"[..]; depth]);
            predicate(&line).map(drop)
        };
        nested(MAX_DEPTH).unwrap();
        let refused = error(nested(MAX_DEPTH + 1)).to_string();
        assert!(refused.contains("at most 128 levels"), "{refused}");
        assert!(nested(100_000).is_err());
        let mut line = vec![&b"NOT"[..]; 100_001];
        line.extend([&b"a"[..], b"=", b"1"]);
        assert!(matches!(
            predicate(&line).unwrap(),
            Predicate::Where(Node::Not(_))
        ));
    }
}
