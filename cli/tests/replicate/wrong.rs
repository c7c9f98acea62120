//! What is wrong is said: what was expected, what was found, what to do; and nothing is half done.

use crate::places::Places;

#[test]
fn arguments_and_files_that_are_wrong() {
    let places = Places::empty("wrong_file");
    for (line, expected) in [
        (
            "run",
            "expected a yarr-replicate.toml here or in a folder above, found none; `yarr replicate init` writes one",
        ),
        ("run --file nowhere.toml", "cannot read nowhere.toml: "),
        (
            "init --file no/such/folder.toml",
            "cannot write no/such/folder.toml: ",
        ),
    ] {
        let run = places.replicate(line);
        assert!(run.refused(2).contains(expected), "{run:?}");
    }
    places.write("[[table]]\nname = \"parcel\"\n");
    for (line, expected) in [
        (
            "run parcels",
            "there is no table 'parcels' for target 'local'; did you mean 'parcel'?",
        ),
        (
            "run --target locl",
            "yarr-replicate.toml:4:2: there is no target 'locl'; did you mean 'local'?",
        ),
        ("run --every soon", "--every: expected a span such as 30s"),
        (
            "run --url http://x",
            "--url: expected a URL that begins with",
        ),
    ] {
        let run = places.replicate(line);
        assert!(run.refused(2).contains(expected), "{run:?}");
    }
    places.write("[[table]]\nname = \"parcel\"\nstrateg = \"full\"\n");
    let run = places.replicate("run --json");
    let document: serde_json::Value = serde_json::from_str(run.refused(2)).expect("JSON");
    assert_eq!(document["error"]["kind"], "usage");
    let message = document["error"]["message"].as_str().expect("a message");
    assert!(
        message.ends_with("unknown key 'strateg'; did you mean 'strategy'?"),
        "{message}"
    );
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let places = Places::new("misfits");
    for (columns, expected) in [
        (
            "id bigint PRIMARY KEY, code text, weight bigint NOT NULL",
            "weight",
        ),
        ("id bigint PRIMARY KEY, code boolean", "code"),
        (
            "id bigint PRIMARY KEY, grams smallint",
            "expected bigint, numeric or text, found smallint",
        ),
        ("code text", "id"),
    ] {
        places.sql(&format!(
            "DROP TABLE IF EXISTS parcel; CREATE TABLE parcel ({columns})"
        ));
        for verb in ["plan", "run", "check"] {
            let run = places.replicate(verb);
            assert!(run.refused(4).contains(expected), "{columns} {run:?}");
        }
        assert_eq!(places.sql("SELECT count(*) FROM parcel"), "count\n0\n");
    }
    places.write("[[table]]\nname = \"parcl\"\n");
    let run = places.replicate("run");
    assert!(run.refused(4).contains("parcl"), "{run:?}");
}

#[test]
fn what_cannot_be_reached_or_lets_nobody_in() {
    let places = Places::new("unreachable");
    let file = places.project.read("yarr-replicate.toml");
    let hush = "hush-hush";
    let nobody = places
        .url
        .replacen("postgres@", &format!("nobody:{hush}@"), 1);
    for (from, to, code, expected) in [
        (
            places.redis.url(""),
            "redis://127.0.0.1:1".to_string(),
            3,
            "127.0.0.1:1",
        ),
        (
            places.redis.url(""),
            places
                .redis
                .url("")
                .replace("redis://", &format!("redis://u:{hush}@")),
            4,
            "Password authentication failed",
        ),
        (
            places.url.clone(),
            format!("postgres://postgres:{hush}@127.0.0.1:1/x"),
            3,
            "local: ",
        ),
        (places.url.clone(), nobody, 4, "nobody"),
        (
            places.url.clone(),
            format!("{}_not", places.url),
            4,
            "does not exist",
        ),
    ] {
        places
            .project
            .write("yarr-replicate.toml", &file.replace(&from, &to));
        for verb in ["run", "check"] {
            let run = places.replicate(verb);
            assert!(run.refused(code).contains(expected), "{to} {run:?}");
            assert!(!run.stderr.contains(hush), "{run:?}");
        }
    }
    // Then nothing is half done.
    places.project.write("yarr-replicate.toml", &file);
    places.replicate("run --evolve").done();
    places.replicate("verify").done();
}

#[test]
fn a_store_that_cannot_be_written_stops_nothing_half_way() {
    let places = Places::new("store");
    places.project.write("full", "no folder");
    let file = places.project.read("yarr-replicate.toml");
    places.project.write(
        "yarr-replicate.toml",
        &file.replace("\n[retry]", "spool = \"full/spool\"\n\n[retry]"),
    );
    let run = places.replicate("run --evolve");
    assert!(run.stderr.contains("full/spool"), "{run:?}");
    assert_ne!(run.code, 0);
    places.project.write("yarr-replicate.toml", &file);
    places.replicate("run --evolve").done();
    places.replicate("verify").done();
}

#[test]
fn a_manifest_that_is_damaged_is_not_imported() {
    let places = Places::new("manifest");
    places.sql("CREATE TABLE parcel (id bigint PRIMARY KEY, code text)");
    places.replicate("export").done();
    let spool = places.project.path().join("yarr-spool");
    let mut folders = vec![spool];
    let mut damaged = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.file_name().is_some_and(|name| name == "manifest.json") {
                true => {
                    std::fs::write(&path, "{\"entries\": [").expect("a file");
                    damaged += 1;
                }
                false if path.is_dir() => folders.push(path),
                false => {}
            }
        }
    }
    assert_eq!(damaged, 1);
    let run = places.replicate("import");
    assert!(run.stderr.contains("manifest"), "{run:?}");
    assert_ne!(run.code, 0);
    assert_eq!(places.sql("SELECT count(*) FROM parcel"), "count\n0\n");
    let _ = places.replicate("cancel");
    places.replicate("run").done();
    places.replicate("verify").done();
}

#[test]
fn one_table_that_fails_does_not_keep_the_others_from_going() {
    let places = Places::new("others");
    places.write("[[table]]\nname = \"nothing\"\n\n[[table]]\nname = \"parcel\"\n");
    let run = places.replicate("run --evolve");
    assert!(run.refused(4).contains("nothing -> local"), "{run:?}");
    assert!(
        run.stdout.contains("failed") && run.stdout.contains("imported"),
        "{run:?}"
    );
    assert_eq!(places.sql("SELECT count(*) FROM parcel"), "count\n3\n");
}
