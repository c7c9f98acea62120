//! The types of fields, as types: what may be compared with what is for the compiler to say.

use std::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// What a field holds, on the server's side.
pub trait Kind: Sealed {}

/// A kind whose values have an order, in which a query may sort and compare.
pub trait Ordered: Kind {}

/// A kind of numbers.
pub trait Number: Ordered {
    /// What the sum of such values is.
    type Sum: crate::FieldValue;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl Sealed for $name {}
        impl Kind for $name {}
    )*};
}

kinds! {
    /// `INTEGER`: 64 bits, signed.
    Integer,
    /// `FLOAT`: 64 bits, finite.
    Float,
    /// `BOOLEAN`.
    Boolean,
    /// `DATETIME`: milliseconds since 1970 UTC.
    DateTime,
    /// `STRING`: any bytes.
    Text,
    /// `UUID`.
    Uuid,
    /// `TAGS`: a set of short strings.
    Tags
}

/// `ENUM`: one of the names of a Rust enum.
#[derive(Debug, Clone, Copy)]
pub struct Enumeration<E>(PhantomData<E>);

impl<E> Sealed for Enumeration<E> {}
impl<E> Kind for Enumeration<E> {}
impl<E> Ordered for Enumeration<E> {}
impl Ordered for Integer {}
impl Ordered for Float {}
impl Ordered for Boolean {}
impl Ordered for DateTime {}
impl Ordered for Text {}
impl Ordered for Uuid {}

impl Number for Integer {
    type Sum = i64;
}

impl Number for Float {
    type Sum = f64;
}
