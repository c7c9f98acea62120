//! All kinds of targets at once: PostgreSQL, the stand-in of Redshift with its S3, and files.

use yarr_replicate_testing::{Cluster, KEY, REGION, ROLE, Redshift, S3, SECRET};

use crate::places::Places;

#[test]
fn all_targets_have_the_same() {
    let places = Places::new("targets");
    let cluster = Cluster::start();
    let s3 = S3::start("bucket");
    let redshift = Redshift::start(&cluster, &s3, "warehouse");
    places.write(&format!(
        "[target.warehouse]\nkind = \"redshift\"\nurl = \"{}\"\niam_role = \"{ROLE}\"\n\n[target.lake]\nkind = \"files\"\nfolder = \"lake\"\n\n\
         [target.bucket]\nkind = \"files\"\nfolder = \"s3\"\n\n\
         [s3]\nbucket = \"bucket\"\nregion = \"{REGION}\"\nendpoint = \"{}\"\naccess_key_id = \"{KEY}\"\nsecret_access_key = \"{SECRET}\"\n\n\
         [metrics]\nfile = \"yarr.prom\"\n\n[[table]]\nname = \"parcel\"\nevolve = true\n",
        redshift.url(),
        s3.endpoint()
    ));
    let first = places.replicate("run --evolve");
    // Nobody makes tables in a warehouse by default; there the user does.
    if first.code != 0 {
        panic!("{first:?}");
    }
    assert_eq!(first.stdout.matches("imported").count(), 4, "{first:?}");
    places.ask(&["YARR.UPDATE parcel 1 SET grams 260", "YARR.DEL parcel 2"]);
    let second = places.replicate("run");
    assert_eq!(second.done().matches("imported").count(), 4, "{second:?}");
    let verified = places.replicate("verify");
    assert_eq!(verified.done().matches("equal").count(), 4, "{verified:?}");
    let text = places.project.read("yarr.prom");
    for target in ["bucket", "lake", "local", "warehouse"] {
        let line = format!("yarr_replicate_rows_total{{target=\"{target}\",table=\"parcel\"}} 4");
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(
        places
            .replicate("vacuum --form auto --target warehouse")
            .done()
            .contains("VACUUM")
    );
    // Files are maintained where they are asked for, and nowhere else.
    assert!(places.replicate("analyze").done().contains("warehouse"));
    assert!(
        places
            .replicate("analyze --target lake")
            .refused(2)
            .contains("lake: ")
    );
    // A wrong key, a wrong bucket: said without the secret.
    let file = places.project.read("yarr-replicate.toml");
    places.ask(&["YARR.UPDATE parcel 1 SET grams 270"]);
    for (from, to) in [
        (SECRET, "wrong-secret"),
        ("bucket = \"bucket\"", "bucket = \"nowhere\""),
    ] {
        places
            .project
            .write("yarr-replicate.toml", &file.replace(from, to));
        let run = places.replicate("run --target warehouse");
        assert!(
            run.code > 1 && !run.stderr.contains("wrong-secret"),
            "{run:?}"
        );
    }
    places.project.write("yarr-replicate.toml", &file);
    places.replicate("run").done();
    places.replicate("verify").done();
}
