//! `#[derive(Changes)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Result, spanned::Spanned};

use crate::{
    attributes::{OfField, OfStruct, fields, is_option},
    names,
};

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Some(of) = OfStruct::read(input)?.of else {
        return Err(Error::new(
            input.ident.span(),
            "changes are of a record: add #[record(of = ...)] with the record's struct",
        ));
    };
    let mut written = Vec::new();
    for field in fields(input, "a set of changes")? {
        let Some(ident) = &field.ident else { continue };
        let column = match OfField::read(&field.attrs)?.name {
            Some(name) => {
                names::check_field(&name.value(), name.span())?;
                names::ident(&name.value(), name.span())
            }
            None => ident.clone(),
        };
        let set = match is_option(&field.ty) {
            true => {
                quote_spanned!(field.ty.span()=> columns.#column.set_or_null(self.#ident.as_ref()))
            }
            false => quote_spanned!(field.ty.span()=> columns.#column.set(&self.#ident)),
        };
        written.push(quote!(::yarr_client::Changes::<#of>::write(&#set, assignments);));
    }
    let ident = &input.ident;
    let (generics, types, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::yarr_client::Changes<#of> for #ident #types #bounds {
            #[allow(clippy::needless_borrows_for_generic_args)]
            fn write(&self, assignments: &mut ::yarr_client::Assignments) {
                let columns = <#of as ::yarr_client::Record>::fields();
                #(#written)*
            }
        }

        #[automatically_derived]
        impl #generics ::yarr_client::Values<#of> for #ident #types #bounds {}
    })
}
