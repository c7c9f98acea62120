//! A run that stays, and is told to stop.

use std::{
    fs::{self, File},
    process::{Command, Stdio},
};

use crate::{
    harness::{Run, eventually},
    places::Places,
};

#[test]
fn a_run_that_stays_goes_on_with_what_comes() {
    let places = Places::new("scheduled");
    let answer = places.project.path().join("answer");
    let child = places
        .project
        .command(&["replicate", "run", "--evolve", "--every", "50ms"])
        .stdout(File::create(&answer).expect("a file"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool");
    let count = || {
        let words = ["replicate", "sql", "SELECT count(*) FROM parcel"];
        let run = places.project.run(&words);
        run.stdout.lines().nth(1).map(str::to_string)
    };
    eventually("the first three", || count().as_deref() == Some("3"));
    places.ask(&["YARR.CREATE parcel code E5 grams 1"]);
    eventually("the fourth", || count().as_deref() == Some("4"));
    // What has happened is told, under one head; a moment after it has.
    let told = || fs::read_to_string(&answer).expect("what it answers");
    eventually("word of both", || told().matches("imported").count() == 2);
    let id = child.id().to_string();
    let killed = Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .expect("kill");
    assert!(killed.success());
    let run = Run::of(child.wait_with_output().expect("its end"));
    // It was at work, or it was not.
    match run.code {
        0 => assert_eq!(run.stderr, ""),
        code => assert!(
            code == 5 && run.stderr.contains("stopped by a signal"),
            "{run:?}"
        ),
    }
    let told = told();
    assert_eq!(told.matches("imported").count(), 2, "{told}");
    assert_eq!(told.matches("outcome").count(), 1, "{told}");
}
