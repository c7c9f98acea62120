//! The grammar of migrations: operations read from tokens, and written back as tokens.

use super::{
    DefaultValue, FieldChange, ID, IdType, IndexShape, MAX_INDEX_FIELDS, Method, Operation,
    is_field_name, is_own_name,
};
use crate::{
    error::{Error, Result, quoted},
    tokens::Tokens,
    value::Type,
};

/// Words that begin an operation, and so end the one before.
const FIRST_WORDS: [&str; 8] = [
    "ADD",
    "REMOVE",
    "RENAME",
    "SET",
    "ID",
    "TIMESTAMPS",
    "CHANGES",
    "UPDATE",
];

/// Whether the next token ends an operation: another begins, or the list of them is over.
fn ends(tokens: &Tokens) -> bool {
    tokens.peek().is_none()
        || tokens.is(";")
        || tokens.is_any(&FIRST_WORDS)
        || tokens.is_any(&["DOWN", "DROP"])
}

/// Reads operations up to DOWN, DROP DATA or the end.
///
/// # Errors
/// A token that does not belong, a name that cannot be one, a default that its type does not accept.
pub fn parse_operations(tokens: &mut Tokens) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    while tokens.peek().is_some() && !tokens.is_any(&["DOWN", "DROP"]) {
        parse_operation(tokens, &mut operations)?;
        while tokens.accept(";") {}
    }
    match operations.is_empty() {
        true => Err(tokens.unexpected(EXPECTED)),
        false => Ok(operations),
    }
}

const EXPECTED: &str = "an operation (ADD FIELD, REMOVE FIELD, RENAME FIELD, SET FIELD, ADD ENUM VALUE, ADD INDEX, REMOVE INDEX, SET TTL, ID, TIMESTAMPS, CHANGES or UPDATE)";

fn parse_operation(tokens: &mut Tokens, operations: &mut Vec<Operation>) -> Result<()> {
    let start = tokens.clone();
    let operation = if tokens.accept("ADD") {
        parse_add(tokens)?
    } else if tokens.accept("REMOVE") {
        parse_remove(tokens)?
    } else if tokens.accept("RENAME") {
        tokens.expect("FIELD")?;
        let from = field_name(tokens)?;
        tokens.expect("TO")?;
        Operation::RenameField {
            from,
            to: new_name(tokens)?,
        }
    } else if tokens.accept("SET") {
        parse_set(tokens)?
    } else if tokens.accept("ID") {
        Operation::Id(parse_id_type(tokens)?)
    } else if tokens.accept("TIMESTAMPS") {
        Operation::Timestamps(parse_switch(tokens)?)
    } else if tokens.is("UPDATE") {
        return Err(tokens
            .unexpected("no UPDATE beside other operations: it stands alone in its migration"));
    } else if tokens.accept("CHANGES") {
        Operation::Changes(parse_switch(tokens)?)
    } else {
        return Err(tokens.unexpected(EXPECTED));
    };
    if !ends(tokens) {
        return Err(tokens.unexpected("the next operation, ';' or the end of this one"));
    }
    debug_assert!(tokens.taken() > start.taken());
    operations.push(operation);
    Ok(())
}

fn parse_add(tokens: &mut Tokens) -> Result<Operation> {
    if tokens.accept("FIELD") {
        return parse_add_field(tokens);
    }
    if tokens.accept("ENUM") {
        tokens.expect("VALUE")?;
        return Ok(Operation::AddEnumValue {
            field: field_name(tokens)?,
            value: enum_name(tokens)?,
        });
    }
    if !tokens.accept("INDEX") {
        return Err(tokens.unexpected("FIELD, INDEX or ENUM VALUE"));
    }
    let fields = field_names(tokens)?;
    let shape = parse_shape(tokens, false)?.unwrap_or(IndexShape::SortedSet);
    if shape == IndexShape::Bitmap && fields.len() > 1 {
        return Err(Error::syntax("a BITMAP index is over one field"));
    }
    Ok(Operation::AddIndex { fields, shape })
}

/// Reads INDEX (where it may stand), UNIQUE or BITMAP.
fn parse_shape(tokens: &mut Tokens, index: bool) -> Result<Option<IndexShape>> {
    Ok(if index && tokens.accept("INDEX") {
        Some(IndexShape::SortedSet)
    } else if tokens.accept("UNIQUE") {
        Some(IndexShape::Unique)
    } else if tokens.accept("BITMAP") {
        Some(IndexShape::Bitmap)
    } else {
        None
    })
}

fn parse_add_field(tokens: &mut Tokens) -> Result<Operation> {
    let name = new_name(tokens)?;
    let kind = parse_type(tokens)?;
    let (mut not_null, mut default, mut index) = (false, None, None);
    while !ends(tokens) {
        if !not_null && tokens.accept("NOT") {
            tokens.expect("NULL")?;
            not_null = true;
        } else if default.is_none() && tokens.accept("DEFAULT") {
            default = Some(parse_default(tokens, &kind, &name)?);
        } else if index.is_none() && tokens.is_any(&["INDEX", "UNIQUE", "BITMAP"]) {
            index = parse_shape(tokens, true)?;
        } else {
            return Err(tokens.unexpected(
                "NOT NULL, DEFAULT, INDEX, UNIQUE, BITMAP (each once) or the next operation",
            ));
        }
    }
    Ok(Operation::AddField {
        name,
        kind,
        not_null,
        default,
        index,
        position: None,
    })
}

/// Reads a default: one token, or the number of tags and the tags.
fn parse_default(tokens: &mut Tokens, kind: &Type, field: &str) -> Result<DefaultValue> {
    if *kind != Type::Tags {
        return DefaultValue::parse(kind, field, tokens.expect_token("the default")?);
    }
    let count = tokens.expect_count("the number of tags in the default")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    DefaultValue::of_tags(field, tokens.take_many(count, "tags")?)
}

fn parse_remove(tokens: &mut Tokens) -> Result<Operation> {
    if tokens.accept("FIELD") {
        return Ok(Operation::RemoveField {
            name: field_name(tokens)?,
        });
    }
    if !tokens.accept("INDEX") {
        return Err(tokens.unexpected("FIELD or INDEX"));
    }
    let fields = field_names(tokens)?;
    let method = match tokens.accept("BITMAP") {
        true => Method::Bitmap,
        false => Method::SortedSet,
    };
    Ok(Operation::RemoveIndex { fields, method })
}

fn parse_set(tokens: &mut Tokens) -> Result<Operation> {
    if tokens.accept("TTL") {
        let ttl = match tokens.accept("NONE") {
            true => None,
            false => Some(parse_ttl(tokens)?),
        };
        if tokens.accept("ACTIVE") {
            return Ok(Operation::SetTtlActive { ttl });
        }
        if !tokens.accept("PASSIVE") {
            return Err(tokens.unexpected("PASSIVE or ACTIVE"));
        }
        return Ok(Operation::SetTtl { ttl });
    }
    if !tokens.accept("FIELD") {
        return Err(tokens.unexpected("FIELD or TTL"));
    }
    let name = field_name(tokens)?;
    let change = if tokens.accept("DEFAULT") {
        parse_set_default(tokens)?
    } else if tokens.accept("NO") {
        tokens.expect("DEFAULT")?;
        FieldChange::Default(None)
    } else if tokens.accept("NOT") {
        tokens.expect("NULL")?;
        FieldChange::NotNull(true)
    } else if tokens.accept("NULL") {
        FieldChange::NotNull(false)
    } else if tokens.accept("TYPE") {
        FieldChange::Type(parse_type(tokens)?)
    } else {
        return Err(tokens.unexpected("DEFAULT, NO DEFAULT, NOT NULL, NULL or TYPE"));
    };
    Ok(Operation::SetField { name, change })
}

/// Reads a default for a field whose type is not known here: where a number is followed by so many
/// tokens up to the end of the operation, they are tags.
fn parse_set_default(tokens: &mut Tokens) -> Result<FieldChange> {
    let mut ahead = tokens.clone();
    let token = tokens.expect_token("the default")?;
    if !ends(tokens) {
        let count = ahead.expect_count("the number of tags").unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if let Ok(tags) = ahead.take_many(count, "tags") {
            if count > 0 && ends(&ahead) {
                *tokens = ahead;
                return Ok(FieldChange::DefaultTags(
                    tags.iter().map(|tag| Box::from(*tag)).collect(),
                ));
            }
        }
    }
    Ok(FieldChange::Default(Some(token.into())))
}

/// Seconds above 0, as milliseconds.
fn parse_ttl(tokens: &mut Tokens) -> Result<i64> {
    let token = tokens.peek().unwrap_or_default();
    let seconds = tokens.expect_integer("seconds, or NONE")?;
    let milliseconds = seconds.checked_mul(1000).filter(|ms| *ms > 0);
    milliseconds.ok_or_else(|| {
        Error::bad_value(format!(
            "SET TTL: expected seconds above 0, found {}",
            quoted(token)
        ))
    })
}

fn parse_id_type(tokens: &mut Tokens) -> Result<IdType> {
    if tokens.accept("INTEGER") {
        Ok(IdType::Integer)
    } else if tokens.accept("UUID") {
        Ok(IdType::Uuid)
    } else if tokens.accept("STRING") {
        Ok(IdType::String)
    } else {
        Err(tokens.unexpected("INTEGER, UUID or STRING"))
    }
}

fn parse_switch(tokens: &mut Tokens) -> Result<bool> {
    if tokens.accept("ON") {
        Ok(true)
    } else if tokens.accept("OFF") {
        Ok(false)
    } else {
        Err(tokens.unexpected("ON or OFF"))
    }
}

fn parse_type(tokens: &mut Tokens) -> Result<Type> {
    const PLAIN: [Type; 7] = [
        Type::Integer,
        Type::Float,
        Type::Boolean,
        Type::DateTime,
        Type::String,
        Type::Uuid,
        Type::Tags,
    ];
    if let Some(kind) = PLAIN.into_iter().find(|kind| tokens.is(kind.word())) {
        tokens.take();
        return Ok(kind);
    }
    if !tokens.accept("ENUM") {
        return Err(tokens.unexpected(
            "a type (INTEGER, FLOAT, BOOLEAN, DATETIME, STRING, UUID, TAGS or ENUM ( a b c ))",
        ));
    }
    tokens.expect("(")?;
    let mut names: Vec<Box<str>> = Vec::new();
    while !tokens.accept(")") {
        let name = enum_name(tokens)?;
        if names.contains(&name) {
            return Err(Error::syntax(format!("ENUM names '{name}' twice")));
        }
        names.push(name);
    }
    if names.is_empty() || names.len() > MAX_ENUM_NAMES {
        return Err(Error::syntax(format!(
            "ENUM takes 1 to {MAX_ENUM_NAMES} names, found {}",
            names.len()
        )));
    }
    Ok(Type::Enum(names))
}

/// The most names of an ENUM: their ordinals fit two bytes, and looking one up stays quick.
pub(super) const MAX_ENUM_NAMES: usize = 4096;

fn enum_name(tokens: &mut Tokens) -> Result<Box<str>> {
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    match tokens.peek() {
        Some(token) if (1..=255).contains(&token.len()) && token.iter().all(fits) => {
            tokens.take();
            Ok(String::from_utf8_lossy(token).into())
        }
        _ => Err(tokens.unexpected("a name of an ENUM ([A-Za-z0-9_.-]+, 255 bytes at most)")),
    }
}

fn field_name(tokens: &mut Tokens) -> Result<Box<str>> {
    let name = tokens.peek().map(|t| t.strip_prefix(b"@").unwrap_or(t));
    match name {
        Some(name) if is_field_name(name) => {
            tokens.take();
            Ok(String::from_utf8_lossy(name).into())
        }
        _ => Err(tokens.unexpected("a field's name ([a-z_][a-z0-9_]*, 63 bytes at most)")),
    }
}

fn new_name(tokens: &mut Tokens) -> Result<Box<str>> {
    let before = tokens.clone();
    let name = field_name(tokens)?;
    match is_own_name(&name) {
        true => Err(before.unexpected("a name that is not the server's own")),
        false => Ok(name),
    }
}

fn field_names(tokens: &mut Tokens) -> Result<Vec<Box<str>>> {
    let mut names: Vec<Box<str>> = Vec::new();
    let over = |tokens: &Tokens, names: &[Box<str>]| {
        // `id` is a field here as well as an operation's first word: after another operation's
        // beginning it must be written @id, or stand where no operation can.
        let id_field = tokens.is(ID) && names.is_empty();
        !id_field && (ends(tokens) || tokens.is_any(&["UNIQUE", "BITMAP"]))
    };
    while !over(tokens, &names) {
        let name = field_name(tokens)?;
        if names.contains(&name) {
            return Err(Error::syntax(format!("the index names '{name}' twice")));
        }
        names.push(name);
    }
    match names.len() {
        0 => Err(tokens.unexpected("a field's name")),
        1..=MAX_INDEX_FIELDS => Ok(names),
        more => Err(Error::syntax(format!(
            "an index has at most {MAX_INDEX_FIELDS} fields, found {more}"
        ))),
    }
}

impl Operation {
    /// The tokens that [`parse_operations`] reads back as this operation.
    pub fn tokens(&self) -> Vec<Vec<u8>> {
        let mut tokens: Vec<Vec<u8>> = Vec::new();
        let mut say = |words: &[&str]| tokens.extend(words.iter().map(|w| w.as_bytes().to_vec()));
        match self {
            Operation::AddField {
                name,
                kind,
                not_null,
                default,
                index,
                ..
            } => {
                say(&["ADD", "FIELD", name]);
                say_type(&mut say, kind);
                if *not_null {
                    say(&["NOT", "NULL"]);
                }
                if let Some(index) = index {
                    say(&[match index {
                        IndexShape::SortedSet => "INDEX",
                        IndexShape::Unique => "UNIQUE",
                        IndexShape::Bitmap => "BITMAP",
                    }]);
                }
                if let Some(default) = default {
                    tokens.push(b"DEFAULT".to_vec());
                    tokens.extend(default.tokens(kind));
                }
            }
            Operation::RemoveField { name } => say(&["REMOVE", "FIELD", name]),
            Operation::RenameField { from, to } => say(&["RENAME", "FIELD", from, "TO", to]),
            Operation::SetField { name, change } => {
                say(&["SET", "FIELD", name]);
                match change {
                    FieldChange::Default(None) => say(&["NO", "DEFAULT"]),
                    FieldChange::NotNull(true) => say(&["NOT", "NULL"]),
                    FieldChange::NotNull(false) => say(&["NULL"]),
                    FieldChange::Type(kind) => {
                        say(&["TYPE"]);
                        say_type(&mut say, kind);
                    }
                    FieldChange::Default(Some(token)) => {
                        say(&["DEFAULT"]);
                        tokens.push(token.to_vec());
                    }
                    FieldChange::DefaultTags(tags) => {
                        say(&["DEFAULT", &tags.len().to_string()]);
                        tokens.extend(tags.iter().map(|tag| tag.to_vec()));
                    }
                }
            }
            Operation::AddEnumValue { field, value } => {
                say(&["ADD", "ENUM", "VALUE", field, value]);
            }
            Operation::AddIndex { fields, shape } => {
                say(&["ADD", "INDEX"]);
                say_fields(&mut say, fields);
                match shape {
                    IndexShape::SortedSet => {}
                    IndexShape::Unique => say(&["UNIQUE"]),
                    IndexShape::Bitmap => say(&["BITMAP"]),
                }
            }
            Operation::RemoveIndex { fields, method } => {
                say(&["REMOVE", "INDEX"]);
                say_fields(&mut say, fields);
                if *method == Method::Bitmap {
                    say(&["BITMAP"]);
                }
            }
            Operation::SetTtl { ttl } => say(&["SET", "TTL", &ttl_text(*ttl), "PASSIVE"]),
            Operation::SetTtlActive { ttl } => say(&["SET", "TTL", &ttl_text(*ttl), "ACTIVE"]),
            Operation::Id(id) => say(&["ID", id.kind().word()]),
            Operation::Update { words } => {
                say(&["UPDATE"]);
                tokens.extend(words.iter().map(|word| word.to_vec()));
            }
            Operation::Timestamps(on) => say(&["TIMESTAMPS", switch_word(*on)]),
            Operation::Changes(on) => say(&["CHANGES", switch_word(*on)]),
        }
        tokens
    }

    /// The operation on one line, as a person reads it; a token with spaces or bytes that do
    /// not print stands in quotes, as redis-cli takes it.
    pub fn text(&self) -> String {
        let words: Vec<String> = self.tokens().iter().map(|token| shown(token)).collect();
        words.join(" ")
    }
}

fn switch_word(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

fn say_type(say: &mut impl FnMut(&[&str]), kind: &Type) {
    say(&[kind.word()]);
    if let Type::Enum(names) = kind {
        say(&["("]);
        names.iter().for_each(|name| say(&[name]));
        say(&[")"]);
    }
}

/// A time to live as SET TTL takes it.
fn ttl_text(ttl: Option<i64>) -> String {
    ttl.map_or("NONE".into(), |ttl| (ttl / 1000).to_string())
}

/// Fields of an index; one that is also a word of the grammar is written with its `@`.
fn say_fields(say: &mut impl FnMut(&[&str]), fields: &[Box<str>]) {
    for field in fields {
        let word = field.to_ascii_uppercase();
        let reserved = FIRST_WORDS.contains(&word.as_str())
            || ["UNIQUE", "BITMAP", "DOWN", "DROP"].contains(&word.as_str());
        match reserved {
            true => say(&[&format!("@{field}")]),
            false => say(&[field]),
        }
    }
}

fn shown(token: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_graphic() && !b"\"'\\".contains(b);
    match !token.is_empty() && token.iter().all(plain) {
        true => String::from_utf8_lossy(token).into(),
        false => format!(
            "\"{}\"",
            token.escape_ascii().to_string().replace("\\'", "'")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Operation>> {
        let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        parse_operations(&mut Tokens::new(&args))
    }

    #[test]
    fn every_operation_is_written_as_it_is_read() {
        let texts = [
            "ADD FIELD user_id INTEGER NOT NULL INDEX DEFAULT 5",
            "ADD FIELD status ENUM ( a b-1 c.d ) BITMAP",
            "ADD FIELD seen DATETIME DEFAULT now-1000ms",
            "ADD FIELD tags TAGS BITMAP DEFAULT 2 ADD SET",
            "SET FIELD tags DEFAULT 2 a b",
            "REMOVE FIELD user_id",
            "RENAME FIELD a TO b",
            "SET FIELD a DEFAULT 5",
            "SET FIELD a NO DEFAULT",
            "SET FIELD a NOT NULL",
            "SET FIELD a NULL",
            "SET FIELD a TYPE STRING",
            "SET FIELD a TYPE ENUM ( x y )",
            "ADD ENUM VALUE status d",
            "ADD INDEX a b c UNIQUE",
            "ADD INDEX a @set @id",
            "ADD INDEX a BITMAP",
            "REMOVE INDEX a b",
            "REMOVE INDEX a BITMAP",
            "SET TTL 7200 PASSIVE",
            "SET TTL NONE PASSIVE",
            "SET TTL 60 ACTIVE",
            "SET TTL NONE ACTIVE",
            "ID UUID",
            "TIMESTAMPS OFF",
            "CHANGES ON",
        ];
        for text in texts {
            let operations = parse(text).unwrap();
            assert_eq!(operations.len(), 1, "{text}");
            assert_eq!(operations[0].text(), text);
        }
        let all = parse(&texts.join(" ; ")).unwrap();
        assert_eq!(all, parse(&texts.join(" ")).unwrap());
        assert_eq!(all.len(), texts.len());
    }

    #[test]
    fn a_wrong_token_is_named_with_its_place() {
        let cases = [
            ("ADD FIELD Name STRING", "argument 4, found 'Name'"),
            ("ADD FIELD id STRING", "argument 4, found 'id'"),
            ("ADD FIELD a TEXT", "argument 5, found 'TEXT'"),
            ("ADD FIELD a STRING NOT", "argument 7, found the end"),
            (
                "ADD FIELD a STRING INDEX UNIQUE",
                "argument 7, found 'UNIQUE'",
            ),
            ("ADD FIELD a ENUM ( )", "1 to 4096 names"),
            ("ADD FIELD a ENUM ( x x )", "'x' twice"),
            ("ADD INDEX", "argument 4, found the end"),
            ("ADD INDEX a b BITMAP", "over one field"),
            ("ADD INDEX a a", "'a' twice"),
            ("SET TTL 0 PASSIVE", "above 0, found '0'"),
            ("SET TTL x PASSIVE", "argument 4, found 'x'"),
            ("CHANGES", "argument 3, found the end"),
            ("TIMESTAMPS", "argument 3, found the end"),
            ("ID UUID NOW", "argument 4, found 'NOW'"),
            ("FROB", "argument 2, found 'FROB'"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
