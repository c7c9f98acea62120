//! What a derive refuses, and in which words: they name the field and the fix.

#[test]
fn what_cannot_be_derived_is_refused_with_the_way_out() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
