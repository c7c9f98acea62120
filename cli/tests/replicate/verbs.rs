//! Every verb, in the order in which a user meets them.

use crate::places::Places;

#[test]
fn what_init_writes_is_read() {
    let places = Places::empty("init");
    assert_eq!(
        places.replicate("init").done(),
        "wrote yarr-replicate.toml\n"
    );
    assert_eq!(
        places.replicate("init").refused(2),
        "error: there is a yarr-replicate.toml already; it is left as it is\n"
    );
    let run = places.replicate("plan");
    assert!(
        run.refused(2)
            .contains("expected the environment variable PGPASSWORD"),
        "{run:?}"
    );
    // In a folder below it is the same file.
    places.project.write("src/x", "");
    let mut command = places.project.command(&["replicate", "plan"]);
    let output = command
        .current_dir(places.project.path().join("src"))
        .env("PGPASSWORD", "x")
        .output();
    let said = String::from_utf8(output.expect("the tool").stderr).expect("UTF-8");
    assert!(
        said.contains("127.0.0.1:6379") || said.contains("no table 'flight'"),
        "{said}"
    );
}

#[test]
fn a_table_is_planned_made_and_replicated_again_and_again() {
    let places = Places::new("again");
    let refused = places.replicate("plan");
    assert!(
        refused.refused(4).contains("parcel -> local: there is no table 'parcel' in postgres local: make it, or have --evolve"),
        "{refused:?}"
    );
    let planned = places.replicate("plan --evolve");
    assert!(
        planned
            .done()
            .contains("  creates the table (id, code, grams, created_at, updated_at)\n"),
        "{planned:?}"
    );
    assert!(places.replicate("check").refused(4).contains("no table"));
    let first = places.replicate("run --evolve");
    assert_eq!(
        first.table()[1][..6],
        ["local", "parcel", "imported", "1", "3", "0"]
    );
    let second = places.replicate("run");
    assert_eq!((second.code, second.stderr.as_str()), (1, ""), "{second:?}");
    assert!(second.stdout.contains("nothing new"));
    assert!(
        places
            .replicate("check")
            .done()
            .contains("table   parcel -> local  ok")
    );
    places.ask(&[
        "YARR.UPDATE parcel 1 SET grams 260",
        "YARR.DEL parcel 2",
        "YARR.CREATE parcel code D4 grams 5",
    ]);
    let status = places.replicate("status --json");
    let document: serde_json::Value = serde_json::from_str(status.done()).expect("JSON");
    assert_eq!(
        (&document["state"], &document["lag"]),
        (&"behind".into(), &3.into())
    );
    let run = places.replicate("run --json");
    let document: serde_json::Value = serde_json::from_str(run.done()).expect("JSON");
    assert_eq!(
        (&document["rows"], &document["deleted"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        places.sql("SELECT code, grams FROM parcel ORDER BY id"),
        "code  grams\nA1    260\nC3    120\nD4    5\n"
    );
    assert!(places.replicate("status").done().contains("up to date"));
    let history = places.replicate("history --json");
    let modes: Vec<String> = history
        .done()
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["mode"].to_string()
        })
        .collect();
    assert_eq!(modes, ["\"merge\"", "\"whole\""]);
}

#[test]
fn verify_names_what_differs() {
    let places = Places::new("verify");
    places.replicate("run --evolve").done();
    assert!(places.replicate("verify").done().contains("equal"));
    places.sql("UPDATE parcel SET grams = 1 WHERE id = 1; DELETE FROM parcel WHERE id = 2; INSERT INTO parcel (id) VALUES (9)");
    let run = places.replicate("verify");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("differs"), "{run:?}");
    // Of those that differ one heap is looked at: at least one of the three is named.
    let named = [
        "1 has another value in the target",
        "2 is not in the target",
        "9 is in the target alone",
    ];
    assert!(
        named
            .iter()
            .any(|text| run.stderr.contains(&format!("parcel -> local: {text}"))),
        "{run:?}"
    );
    // Loaded anew it is as it was.
    assert!(
        places
            .replicate("resync")
            .done()
            .contains("the next run loads it anew")
    );
    assert!(places.replicate("status").done().contains("resync"));
    let run = places.replicate("run");
    assert!(
        run.done().contains("imported") && run.stderr.contains("loaded anew"),
        "{run:?}"
    );
    places.replicate("verify").done();
}

#[test]
fn the_halves_of_a_run_are_a_run() {
    let places = Places::new("halves");
    places.sql("CREATE TABLE parcel (id bigint PRIMARY KEY, code text)");
    assert_eq!(places.replicate("import").code, 1);
    assert!(places.replicate("export").done().contains("exported"));
    assert!(places.replicate("status").done().contains("uploaded"));
    assert_eq!(places.sql("SELECT count(*) FROM parcel"), "count\n0\n");
    assert!(places.replicate("import").done().contains("imported"));
    assert_eq!(places.sql("SELECT count(*) FROM parcel"), "count\n3\n");
    assert_eq!(places.replicate("run").code, 1);
}

#[test]
fn what_is_paused_is_passed_over_and_what_is_canceled_begun_anew() {
    let places = Places::new("pause");
    places.sql("CREATE TABLE parcel (id bigint PRIMARY KEY, code text)");
    assert!(places.replicate("pause").done().contains("paused"));
    let run = places.replicate("run");
    assert!(run.code == 1 && run.stdout.contains("paused"), "{run:?}");
    assert!(places.replicate("resume").done().contains("resumed"));
    assert_eq!(places.replicate("cancel").code, 1);
    places.replicate("export").done();
    assert!(places.replicate("cancel").done().contains("canceled"));
    let run = places.replicate("history");
    assert!(run.done().contains("canceled"), "{run:?}");
    assert!(places.replicate("retry").done().contains("imported"));
    places.replicate("verify").done();
}

#[test]
fn a_target_is_maintained() {
    let places = Places::new("maintain");
    places.write("[[table]]\nname = \"parcel\"\nvacuum = \"plain\"\nanalyze = true\n");
    places.replicate("run --evolve").done();
    assert!(
        places
            .replicate("vacuum --form full")
            .done()
            .contains("VACUUM")
    );
    assert!(
        places
            .replicate("analyze parcel")
            .done()
            .contains("ANALYZE \"parcel\"")
    );
    let analyzed =
        places.sql("SELECT count(*) > 0 AS yes FROM pg_stats WHERE tablename = 'parcel'");
    assert_eq!(analyzed, "yes\nt\n");
}
