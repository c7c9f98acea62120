//! What may be written where a value of some kind stands.

use crate::{kind::*, words::Words};

/// A value that may stand where one of kind `K` is expected: in a comparison, or set on a field.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// # let f = Job::fields();
/// let text: &str = "sweep";
/// let number: u8 = 5;
/// assert_eq!(f.task.eq(text).and(f.priority.lt(number)).to_string(), "@task = sweep AND @priority < 5");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value for a field of kind `{K}`",
    label = "not a value of this field's type"
)]
pub trait Value<K: Kind> {
    /// Writes it: one word, or for `TAGS` their number and the tags.
    fn write(&self, words: &mut Words);
}

impl<K: Kind, V: Value<K> + ?Sized> Value<K> for &V {
    fn write(&self, words: &mut Words) {
        (**self).write(words);
    }
}

macro_rules! displayed {
    ($kind:ty: $($name:ty),*) => {$(
        impl Value<$kind> for $name {
            fn write(&self, words: &mut Words) {
                words.push_display(self);
            }
        }
    )*};
}

displayed!(Integer: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
displayed!(Float: i8, i16, i32, i64, u8, u16, u32);
displayed!(Boolean: bool);

macro_rules! floats {
    ($($name:ty),*) => {$(
        impl Value<Float> for $name {
            fn write(&self, words: &mut Words) {
                // The shortest text that reads back the same, with an exponent where that is shorter.
                words.push_display(format_args!("{self:?}"));
            }
        }
    )*};
}

floats!(f32, f64);

macro_rules! texts {
    ($as:ty: $([$($generics:tt)*] $name:ty),*) => {$(
        impl<$($generics)*> Value<Text> for $name {
            fn write(&self, words: &mut Words) {
                words.push(AsRef::<$as>::as_ref(self));
            }
        }
    )*};
}

texts!(str: [] str, [] String, [] Box<str>, [] std::borrow::Cow<'_, str>);
texts!([u8]: [] [u8], [] Vec<u8>, [const N: usize] [u8; N], [] std::borrow::Cow<'_, [u8]>);

/// Writes tags: their number and themselves.
pub(crate) fn write_tags<T: AsRef<[u8]>>(
    tags: impl ExactSizeIterator<Item = T>,
    words: &mut Words,
) {
    words.push_display(tags.len());
    tags.for_each(|tag| words.push(tag));
}

macro_rules! tags {
    ($([$($generics:tt)*] $name:ty),*) => {$(
        impl<T: AsRef<str>, $($generics)*> Value<Tags> for $name {
            fn write(&self, words: &mut Words) {
                write_tags(self.iter().map(|tag| tag.as_ref().as_bytes()), words);
            }
        }
    )*};
}

tags!([] Vec<T>, [] [T], [const N: usize] [T; N], [] std::collections::BTreeSet<T>, [S] std::collections::HashSet<T, S>);
