//! The derives of `yarr-client`, which documents them: `Record`, `Changes` and `Enum`.

mod attributes;
mod changes;
mod names;
mod record;
mod variants;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// What stands in `#[record(...)]`:
///
/// | on the struct | |
/// | --- | --- |
/// | `table = "name"` | the table |
/// | `ttl = "2h"` | how long a record lives from each write on: `s`, `m`, `h`, `d` or `w` |
/// | `index(a, b)`, `unique(a, b)` | an index over several fields; where one stands in two of them, clippy wants `index("a", "b")` |
///
/// | on a field | |
/// | --- | --- |
/// | `index`, `unique`, `bitmap` | an index over it alone |
/// | `default = "text"` | its default, as a migration says it |
/// | `version` | counts the changes of a record: `save` and `destroy` want the one that was read; an `i64` |
/// | `name = "field"` | its name in the table, where that is another one |
///
/// One field is the `id`: of an integer, a `Uuid` or a `String`. `created_at`, `updated_at` (not null) and `expires_at`
/// (which may be null) are the server's, where the struct has them. The indexes, defaults and the time to live are what
/// `check` looks for and what a first migration makes.
///
/// Beside the struct comes one of its fields, `UserSessionFields`, to compare, to sort by and to set.
#[proc_macro_derive(Record, attributes(record))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record::derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// They make a record, or change one. The struct may borrow; its fields are named as those of the record, or by `#[record(name = "field")]`. An `Option` that is `None` sets the
/// field to null.
#[proc_macro_derive(Changes, attributes(record))]
pub fn derive_changes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    changes::derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// A name is that of the variant in snake case, or the one in `#[record(name = "...")]`.
#[proc_macro_derive(Enum, attributes(record))]
pub fn derive_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    variants::derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}
