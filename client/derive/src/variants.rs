//! `#[derive(Enum)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, Result, spanned::Spanned};

use crate::{attributes::OfField, names};

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(
            input.ident.span(),
            "the values of an ENUM are those of an enum",
        ));
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(
            parameter.span(),
            "the enum of an ENUM has no generic parameters",
        ));
    }
    let (mut variants, mut texts): (Vec<&Ident>, Vec<String>) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(
                variant.fields.span(),
                format!(
                    "`{}` has data, and a value of an ENUM is only a name: keep the data in a field of its own",
                    variant.ident
                ),
            ));
        }
        let (name, span) = match OfField::read(&variant.attrs)?.name {
            Some(name) => (name.value(), name.span()),
            None => (
                names::snake(&names::of(&variant.ident)),
                variant.ident.span(),
            ),
        };
        names::check_variant(&name, span)?;
        if texts.contains(&name) {
            return Err(Error::new(span, format!("the name `{name}` stands twice")));
        }
        variants.push(&variant.ident);
        texts.push(name);
    }
    if variants.is_empty() {
        return Err(Error::new(
            input.ident.span(),
            "an ENUM has one name at least",
        ));
    }
    let ident = &input.ident;
    let expected = format!("a name of {ident}");
    Ok(quote! {
        #[automatically_derived]
        impl ::yarr_client::Value<::yarr_client::kind::Enumeration<#ident>> for #ident {
            fn write(&self, words: &mut ::yarr_client::Words) {
                words.push(match self {
                    #(#ident::#variants => #texts),*
                });
            }
        }

        #[automatically_derived]
        impl ::yarr_client::FieldValue for #ident {
            type Kind = ::yarr_client::kind::Enumeration<#ident>;
            type NotNull = #ident;
            const TYPE: ::yarr_client::Type = ::yarr_client::Type::Enum(&[#(#texts),*]);

            fn read(
                cell: ::core::option::Option<::yarr_client::Cell<'_>>,
            ) -> ::core::result::Result<Self, ::yarr_client::Unfit> {
                match cell {
                    #(::core::option::Option::Some(::yarr_client::Cell::Name(#texts)) => {
                        ::core::result::Result::Ok(#ident::#variants)
                    })*
                    other => ::core::result::Result::Err(::yarr_client::Unfit::new(#expected, other)),
                }
            }

            fn write(&self, words: &mut ::yarr_client::Words) {
                ::yarr_client::Value::write(self, words);
            }
        }
    })
}
