//! `#[derive(Record)]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Error, Ident, Result, Type, spanned::Spanned};

use crate::{
    attributes::{OfField, OfStruct, Shape, fields, is_option},
    names,
};

struct Field<'i> {
    ident: &'i Ident,
    vis: &'i syn::Visibility,
    kind: &'i Type,
    name: String,
    given: OfField,
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    refuse_generics(input)?;
    let given = OfStruct::read(input)?;
    let fields = read(input)?;
    let Some(table) = &given.table else {
        return Err(Error::new(
            input.ident.span(),
            "a record names its table: add #[record(table = \"...\")] to the struct",
        ));
    };
    let Some(id) = fields.iter().find(|field| field.name == "id") else {
        return Err(Error::new(
            input.ident.span(),
            "a record has an id: add a field `id` of i64, Uuid or String, or #[record(name = \"id\")] to the one that is it",
        ));
    };
    let version = version(&fields)?;
    let columns = columns(input, &fields);
    let schema = schema(&given, &fields)?;

    let ident = &input.ident;
    let of_columns = format_ident!("{ident}Fields");
    let (id_ident, id_type) = (id.ident, id.kind);
    let writable = fields.iter().filter(|field| field.name != "expires_at");
    // What a type does not fit is told at that type.
    let written = writable.map(|field| {
        let Field { ident, name, .. } = field;
        quote_spanned!(field.kind.span()=> assignments.set(#name, &self.#ident);)
    });
    let new = fields.iter().map(|field| {
        let Field { ident, name, .. } = field;
        quote_spanned!(field.kind.span()=> #ident: ::yarr_client::Column::new(#name))
    });
    let taken = fields.iter().map(|field| {
        let ident = field.ident;
        quote_spanned!(field.kind.span()=> #ident: row.take()?)
    });
    let times = fields.iter().filter(|field| is_time(&field.name));
    let times = times.map(|field| {
        let kind = field.kind;
        quote_spanned!(kind.span()=> is_time::<#kind>();)
    });
    let (version_name, version_value) = match version {
        Some(Field { ident, name, .. }) => (
            quote!(::core::option::Option::Some(#name)),
            quote!(::core::option::Option::Some(self.#ident)),
        ),
        None => (
            quote!(::core::option::Option::None),
            quote!(::core::option::Option::None),
        ),
    };
    Ok(quote! {
        #columns

        #[automatically_derived]
        impl ::yarr_client::Record for #ident {
            const TABLE: &'static str = #table;
            const SCHEMA: ::yarr_client::Schema = #schema;
            const VERSION: ::core::option::Option<&'static str> = #version_name;
            type Id = #id_type;
            type Fields = #of_columns;

            fn fields() -> #of_columns {
                #[allow(dead_code)]
                fn is_time<T: ::yarr_client::FieldValue<Kind = ::yarr_client::kind::DateTime>>() {}
                #(#times)*
                #of_columns { #(#new),* }
            }

            fn id(&self) -> &#id_type {
                &self.#id_ident
            }

            fn version(&self) -> ::core::option::Option<i64> {
                #version_value
            }

            fn take(row: &mut ::yarr_client::Row<'_, '_>) -> ::yarr_client::Result<Self> {
                ::core::result::Result::Ok(Self { #(#taken),* })
            }

            fn write(&self, assignments: &mut ::yarr_client::Assignments) {
                #(#written)*
            }
        }

        #[automatically_derived]
        impl ::yarr_client::Changes<#ident> for #ident {
            fn write(&self, assignments: &mut ::yarr_client::Assignments) {
                ::yarr_client::Record::write(self, assignments);
            }
        }

        #[automatically_derived]
        impl ::yarr_client::Values<#ident> for #ident {}
    })
}

/// Whether the field is one of the times that the server keeps.
fn is_time(name: &str) -> bool {
    ["created_at", "updated_at", "expires_at"].contains(&name)
}

fn refuse_generics(input: &DeriveInput) -> Result<()> {
    let Some(parameter) = input.generics.params.first() else {
        return Ok(());
    };
    Err(Error::new(
        parameter.span(),
        match parameter {
            syn::GenericParam::Lifetime(_) => {
                "a record owns its fields: take String for &str here, and #[derive(Changes)] for a struct that borrows what it writes"
            }
            _ => {
                "a record has no generic parameters: its table has one schema, so write a struct for each"
            }
        },
    ))
}

fn read(input: &DeriveInput) -> Result<Vec<Field<'_>>> {
    let mut read: Vec<Field> = Vec::new();
    for field in fields(input, "a record")? {
        let Some(ident) = &field.ident else { continue };
        let given = OfField::read(&field.attrs)?;
        let (name, span) = match &given.name {
            Some(name) => (name.value(), name.span()),
            None => (names::of(ident), ident.span()),
        };
        names::check_field(&name, span)?;
        if read.iter().any(|other| other.name == name) {
            return Err(Error::new(span, format!("the field `{name}` stands twice")));
        }
        let own = name == "id" || is_time(&name);
        if let (true, Some(default)) = (own, &given.default) {
            return Err(Error::new(
                default.span(),
                format!("`{name}` is the server's own and has no default"),
            ));
        }
        if name == "expires_at" && !is_option(&field.ty) {
            return Err(Error::new(
                field.ty.span(),
                "a record without an end has no `expires_at`: make it an Option",
            ));
        }
        read.push(Field {
            ident,
            vis: &field.vis,
            kind: &field.ty,
            name,
            given,
        });
    }
    Ok(read)
}

fn version<'f, 'i>(fields: &'f [Field<'i>]) -> Result<Option<&'f Field<'i>>> {
    let mut versions = fields.iter().filter(|field| field.given.version);
    let first = versions.next();
    if let Some(second) = versions.next() {
        return Err(Error::new(second.ident.span(), "a record has one version"));
    }
    if let Some(field) = first {
        let is_i64 = matches!(field.kind, Type::Path(path) if path.path.is_ident("i64"));
        if !is_i64 {
            return Err(Error::new(
                field.kind.span(),
                format!(
                    "the version `{}` is a number of changes: make it i64",
                    field.name
                ),
            ));
        }
    }
    Ok(first)
}

fn columns(input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let (ident, vis) = (&input.ident, &input.vis);
    let of_columns = format_ident!("{ident}Fields");
    let doc = format!("The fields of [`{ident}`], to compare, to sort by and to set.");
    let each = fields.iter().map(|Field { ident: field, vis, kind, name, .. }| {
        let doc = format!("The field `{name}`.");
        quote_spanned!(kind.span()=> #[doc = #doc] #vis #field: ::yarr_client::Column<#ident, #kind>)
    });
    // A private struct in a public one's field is no concern of the columns.
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #[derive(Debug, Clone, Copy)]
        #vis struct #of_columns { #(#each),* }
    }
}

fn schema(given: &OfStruct, fields: &[Field]) -> Result<TokenStream> {
    let all = fields.iter().map(
        |Field {
             kind, name, given, ..
         }| {
            let default = match (&given.default, given.version) {
                (Some(default), _) => quote!(::core::option::Option::Some(#default)),
                (None, true) => quote!(::core::option::Option::Some("0")),
                (None, false) => quote!(::core::option::Option::None),
            };
            quote_spanned! {kind.span()=>
                ::yarr_client::Field {
                    name: #name,
                    kind: <#kind as ::yarr_client::FieldValue>::TYPE,
                    nullable: <#kind as ::yarr_client::FieldValue>::NULLABLE,
                    default: #default,
                }
            }
        },
    );
    let mut indexes = Vec::new();
    for field in fields {
        if let Some(shape) = field.given.shape {
            indexes.push(index(shape, vec![field.name.clone()]));
        }
    }
    for (shape, idents) in &given.indexes {
        let mut names = Vec::new();
        for ident in idents {
            let field = fields
                .iter()
                .find(|field| field.ident == ident)
                .ok_or_else(|| unknown(ident, fields))?;
            names.push(field.name.clone());
        }
        indexes.push(index(*shape, names));
    }
    let ttl = match given.ttl {
        Some(ttl) => quote!(::core::option::Option::Some(#ttl)),
        None => quote!(::core::option::Option::None),
    };
    Ok(quote! {
        ::yarr_client::Schema {
            fields: &[#(#all),*],
            indexes: &[#(#indexes),*],
            ttl: #ttl,
        }
    })
}

fn unknown(ident: &Ident, fields: &[Field]) -> Error {
    let known: Vec<String> = fields
        .iter()
        .map(|field| format!("`{}`", field.ident))
        .collect();
    Error::new(
        ident.span(),
        format!(
            "the index names `{ident}`, which is no field: there are {}",
            known.join(", ")
        ),
    )
}

fn index(shape: Shape, names: Vec<String>) -> TokenStream {
    let shape = Ident::new(
        match shape {
            Shape::Sorted => "Sorted",
            Shape::Unique => "Unique",
            Shape::Bitmap => "Bitmap",
        },
        Span::call_site(),
    );
    quote!(::yarr_client::Index { fields: &[#(#names),*], shape: ::yarr_client::Shape::#shape })
}
