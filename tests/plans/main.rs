//! The plan that each of some questions must get.
//!
//! `YARR_BLESS=1` writes the golden text anew, for a person to read over.

mod sessions;

use std::{fmt::Write as _, fs};

use sessions::{QUESTIONS, Sessions};

const RECORDS: u64 = 20_000;

#[test]
fn every_question_gets_its_plan() {
    let mut sessions = Sessions::new(RECORDS);
    let mut found = String::new();
    for question in QUESTIONS {
        writeln!(found, "> {question}").expect("text");
        for line in sessions.explain(question, false) {
            writeln!(found, "  {line}").expect("text");
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/plans.txt");
    if std::env::var_os("YARR_BLESS").is_some() {
        fs::write(path, &found).expect("a file");
    }
    let expected = fs::read_to_string(path).expect("the golden text");
    assert!(found == expected, "expected:\n{expected}\nfound:\n{found}");
}

#[test]
fn a_plan_that_is_carried_out_says_what_it_met() {
    let mut sessions = Sessions::new(RECORDS);
    let reads = |question: &&&str| !question.starts_with("UPDATE") && !question.starts_with("DEL");
    for question in QUESTIONS.iter().filter(reads) {
        let plan = sessions.explain(question, false);
        let done = sessions.explain(question, true);
        let (last, steps) = done.split_last().expect("a plan");
        assert!(
            last.starts_with("answered ") && last.ends_with(" us"),
            "{last}"
        );
        assert!(steps.len() >= plan.len(), "{question}: {done:?}");
        // What an end of an index tells is not walked for.
        let told = plan.iter().any(|step| step.starts_with("take "));
        for (step, planned) in steps.iter().zip(&plan) {
            assert!(
                step.starts_with(planned.as_str()),
                "{step} is not {planned}"
            );
            let examines =
                planned.ends_with(" examined") && !planned.ends_with("no record examined");
            assert_eq!(
                examines && !told,
                step.ends_with(" in fact"),
                "{question}: {step}"
            );
        }
    }
}
