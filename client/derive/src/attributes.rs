//! What stands in `#[record(...)]`.

use syn::{
    Attribute, DeriveInput, Error, Ident, LitStr, Path, Result, Type, ext::IdentExt,
    meta::ParseNestedMeta, parse::ParseStream, punctuated::Punctuated, spanned::Spanned,
    token::Comma,
};

use crate::names;

/// The kind of an index.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    Sorted,
    Unique,
    Bitmap,
}

impl Shape {
    fn of(word: &str) -> Option<Shape> {
        match word {
            "index" => Some(Shape::Sorted),
            "unique" => Some(Shape::Unique),
            "bitmap" => Some(Shape::Bitmap),
            _ => None,
        }
    }
}

/// What stands on a struct.
#[derive(Default)]
pub struct OfStruct {
    pub table: Option<LitStr>,
    pub ttl: Option<u64>,
    pub of: Option<Path>,
    pub indexes: Vec<(Shape, Vec<Ident>)>,
}

/// What stands on a field.
#[derive(Default)]
pub struct OfField {
    pub name: Option<LitStr>,
    pub default: Option<LitStr>,
    pub shape: Option<Shape>,
    pub version: bool,
}

fn each(
    attributes: &[Attribute],
    mut read: impl FnMut(&ParseNestedMeta) -> Result<()>,
) -> Result<()> {
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("record"))
    {
        attribute.parse_nested_meta(|meta| read(&meta))?;
    }
    Ok(())
}

fn word(meta: &ParseNestedMeta) -> String {
    meta.path
        .get_ident()
        .map(Ident::to_string)
        .unwrap_or_default()
}

impl OfStruct {
    pub fn read(input: &DeriveInput) -> Result<OfStruct> {
        let mut read = OfStruct::default();
        each(&input.attrs, |meta| {
            match word(meta).as_str() {
                "table" => read.table = Some(meta.value()?.parse()?),
                "ttl" => read.ttl = Some(seconds(&meta.value()?.parse()?)?),
                "of" => read.of = Some(meta.value()?.parse()?),
                "bitmap" => {
                    return Err(
                        meta.error("a bitmap is over one field: write #[record(bitmap)] on it")
                    );
                }
                shape => {
                    let Some(shape) = Shape::of(shape) else {
                        return Err(meta.error(
                            "expected table = \"...\", ttl = \"...\", index(...) or unique(...)",
                        ));
                    };
                    let inner;
                    syn::parenthesized!(inner in meta.input);
                    let fields = Punctuated::<Ident, Comma>::parse_terminated_with(&inner, field)?;
                    if fields.is_empty() || fields.len() > 8 {
                        return Err(meta.error("an index is over one to eight fields"));
                    }
                    read.indexes.push((shape, fields.into_iter().collect()));
                }
            }
            Ok(())
        })?;
        Ok(read)
    }
}

/// A field as `name` or as `"name"`.
fn field(input: ParseStream) -> Result<Ident> {
    match input.peek(LitStr) {
        true => {
            let text: LitStr = input.parse()?;
            names::check_field(&text.value(), text.span())?;
            Ok(names::ident(&text.value(), text.span()))
        }
        false => input.call(Ident::parse_any),
    }
}

impl OfField {
    pub fn read(attributes: &[Attribute]) -> Result<OfField> {
        let mut read = OfField::default();
        each(attributes, |meta| {
            match word(meta).as_str() {
                "name" => read.name = Some(meta.value()?.parse()?),
                "default" => read.default = Some(meta.value()?.parse()?),
                "version" => read.version = true,
                shape => match (Shape::of(shape), read.shape) {
                    (Some(shape), None) => read.shape = Some(shape),
                    (Some(_), Some(_)) => {
                        return Err(meta.error("a field has one of index, unique and bitmap"));
                    }
                    (None, _) => {
                        return Err(meta.error(
                            "expected index, unique, bitmap, version, default = \"...\" or name = \"...\"",
                        ));
                    }
                },
            }
            Ok(())
        })?;
        Ok(read)
    }
}

/// Seconds of a time to live such as `2h`.
fn seconds(text: &LitStr) -> Result<u64> {
    let value = text.value();
    let refused = || {
        Error::new(
            text.span(),
            format!(
                "`{value}` is no time to live: expected a number above 0 and s, m, h, d or w, as \"2h\""
            ),
        )
    };
    let unit = match value.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some('w') => 7 * 86_400,
        _ => return Err(refused()),
    };
    let count = value
        .get(..value.len() - 1)
        .and_then(|count| count.parse::<u64>().ok());
    let seconds = count.and_then(|count| count.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).ok_or_else(refused)
}

/// The fields of a struct that has names for them.
pub fn fields<'i>(input: &'i DeriveInput, what: &str) -> Result<&'i Punctuated<syn::Field, Comma>> {
    match &input.data {
        syn::Data::Struct(data) => match &data.fields {
            syn::Fields::Named(fields) => Ok(&fields.named),
            other => Err(Error::new(
                if other.is_empty() {
                    input.ident.span()
                } else {
                    other.span()
                },
                format!("{what} is a struct with named fields"),
            )),
        },
        _ => Err(Error::new(
            input.ident.span(),
            format!("{what} is a struct with named fields"),
        )),
    }
}

/// Whether a type is an `Option`, by its name.
pub fn is_option(kind: &Type) -> bool {
    match kind {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Option"),
        _ => false,
    }
}
