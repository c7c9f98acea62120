//! A run that stays, and is told to stop.

use std::process::{Command, Stdio};

use crate::{
    harness::{Run, eventually},
    places::Places,
};

#[test]
fn a_run_that_stays_goes_on_with_what_comes() {
    let places = Places::new("scheduled");
    let child = places
        .project
        .command(&["replicate", "run", "--evolve", "--every", "50ms"])
        .stdout(Stdio::piped())
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
    // What has happened is told, under one head.
    assert_eq!(run.stdout.matches("imported").count(), 2, "{run:?}");
    assert_eq!(run.stdout.matches("outcome").count(), 1, "{run:?}");
}
