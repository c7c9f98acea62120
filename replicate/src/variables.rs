//! `${NAME}` in a text of the configuration.

use std::env;

use crate::error::{Error, Result};

/// The text with each `${NAME}` replaced by the variable of the process; `literal` is done to what stands between.
fn expand(text: &str, literal: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut all = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        all.push_str(&literal(before)?);
        let (name, behind) = after
            .split_once('}')
            .ok_or_else(|| Error::usage(format!("expected a '}}' behind '${{{after}'")))?;
        let value = env::var(name).map_err(|_| {
            Error::usage(format!(
                "expected the environment variable {name}, found none; set it, or take ${{{name}}} out of the configuration"
            ))
        })?;
        all.push_str(&value);
        rest = behind;
    }
    all.push_str(&literal(rest)?);
    Ok(all)
}

/// The text with each `${NAME}` replaced.
///
/// # Errors
/// Where there is no such variable, or a brace is not closed.
pub fn plain(text: &str) -> Result<String> {
    expand(text, |literal| Ok(literal.into()))
}

/// The same for a part of a URL, whose own bytes may be written as `%40`; those of a variable are what they are.
pub(crate) fn decoded(text: &str) -> Result<String> {
    expand(text, |literal| {
        let mut bytes = Vec::new();
        let mut rest = literal.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit().zip(digit());
            let value = value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            bytes.push(value.ok_or_else(|| {
                Error::usage("expected two hex digits behind '%' in a URL: '%' itself is '%25'")
            })?);
        }
        String::from_utf8(bytes).map_err(|_| Error::usage("a part of a URL is no UTF-8"))
    })
}
