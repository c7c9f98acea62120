//! Names of fields and of an enum's values, as the server takes them.

use proc_macro2::Span;
use syn::{Error, Ident, Result, ext::IdentExt};

/// The longest name of a field, in bytes.
const LONGEST: usize = 63;

/// The name that an identifier says, without `r#`.
pub fn of(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The identifier of a name, with `r#` where it is a keyword.
pub fn ident(name: &str, span: Span) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Ident::new(name, span),
        Err(_) => Ident::new_raw(name, span),
    }
}

/// Refuses what is no name of a field.
pub fn check_field(name: &str, span: Span) -> Result<()> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let first = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    match first && name.len() <= LONGEST && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            format!(
                "`{name}` is no field's name ([a-z_][a-z0-9_]*, {LONGEST} bytes at most): give it one by #[record(name = \"...\")]"
            ),
        )),
    }
}

/// Refuses what is no name of an `ENUM`.
pub fn check_variant(name: &str, span: Span) -> Result<()> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    match (1..=255).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            format!(
                "`{name}` is no name of an ENUM ([A-Za-z0-9_.-]+): give it one by #[record(name = \"...\")]"
            ),
        )),
    }
}

/// `LoggedOut` as `logged_out`.
pub fn snake(camel: &str) -> String {
    let mut snake = String::new();
    for c in camel.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
