//! Reading a predicate from tokens.
//!
//! The grammar is DESIGN.md's. A value is taken blindly where a value must stand. Recursion
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
    let mut parts = vec![first];
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
    Err(no_operator(tokens))
}

fn no_operator(tokens: &Tokens) -> Error {
    tokens.unexpected("an operator (= != < <= > >= BETWEEN, IN, IS, STARTS WITH)")
}
