//! Files: what counts is what state.json names, in a folder and in a bucket.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;
use yarr_replicate::{
    Event, Kind, Listener, Result, State, Target, Wish, event,
    manifest::Format,
    run::{Extent, Options, Outcome, Runner},
    store::{Bucket, Store},
    target::files,
    verify::{Difference, verify},
};
use yarr_replicate_testing::{S3, Server};

use crate::{
    harness::{done, full, line, options, runs, timed},
    store::bucket,
};

enum Place {
    Folder(PathBuf),
    S3(Bucket),
}

struct Lake {
    redis: Server,
    place: Place,
    options: Options,
    folder: TempDir,
}

impl Lake {
    fn new() -> Lake {
        let folder = TempDir::new().unwrap();
        let redis = Server::start();
        line(
            &redis,
            "YARR.MIGRATE note UP 1 make CHANGES ON ADD FIELD text STRING",
        );
        for text in ["a", "b", "c"] {
            line(&redis, &format!("YARR.CREATE note text {text}"));
        }
        Lake {
            redis,
            place: Place::Folder(folder.path().join("lake")),
            options: Options {
                prefix: String::new(),
                ..options()
            },
            folder,
        }
    }

    fn store(&self) -> Store {
        match &self.place {
            Place::Folder(path) => Store::folder(path).unwrap(),
            Place::S3(bucket) => Store::s3(bucket).unwrap(),
        }
    }

    fn target(&self) -> Box<dyn Target> {
        files::open("lake", self.store(), self.options.layout.format)
    }

    fn with<T>(
        &self,
        listener: Listener,
        ask: impl AsyncFnOnce(&mut Runner<'_>) -> Result<T>,
    ) -> Result<T> {
        runs(
            &self.redis,
            self.target().as_mut(),
            &self.store(),
            &self.options,
            listener,
            ask,
        )
    }

    fn try_run(&self, wish: &Wish) -> Result<Outcome> {
        self.with(event::nobody(), async |runner| {
            runner.run(wish, Extent::Whole).await
        })
    }

    #[track_caller]
    fn run(&self) -> usize {
        done(self.try_run(&Wish::new("note", "note")))
    }

    /// What the files come to: `id:text`.
    #[track_caller]
    fn rows(&self) -> Vec<String> {
        let rows = Arc::new(Mutex::new(Vec::new()));
        let told = rows.clone();
        let count = self.with(event::nobody(), async |runner| {
            let plan = yarr_replicate::plan::plan(
                runner.source,
                runner.target,
                &Wish::new("note", "note"),
            )
            .await?;
            let names: Vec<&str> = plan
                .table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let text = names.iter().position(|name| *name == "text").unwrap();
            let mut take = |row: &[Option<&str>]| {
                told.lock().unwrap().push(format!(
                    "{}:{}",
                    row[0].unwrap(),
                    row[text].unwrap_or("-")
                ));
                Ok(())
            };
            runner.target.rows(&plan.table, &mut take).await?;
            runner.target.count(&plan.table).await
        });
        let rows = rows.lock().unwrap().clone();
        assert_eq!(count.unwrap(), rows.len() as u64);
        rows
    }

    fn state(&self) -> serde_json::Value {
        let read = self.with(event::nobody(), async |runner| {
            runner.store.get("note/state.json").await
        });
        serde_json::from_slice(&read.unwrap().unwrap()).unwrap()
    }
}

fn follows(lake: &Lake) {
    assert_eq!(lake.run(), 1);
    assert_eq!(lake.rows(), ["1:a", "2:b", "3:c"]);
    assert_eq!(lake.run(), 0);
    line(&lake.redis, "YARR.UPDATE note 2 SET text B");
    line(&lake.redis, "YARR.DEL note 1");
    line(&lake.redis, "YARR.CREATE note text d");
    assert_eq!(lake.run(), 1);
    line(&lake.redis, "YARR.UPDATE note 3 UNSET text");
    assert_eq!(lake.run(), 1);
    assert_eq!(lake.rows(), ["2:B", "3:-", "4:d"]);
    assert_eq!(lake.state()["batches"].as_array().unwrap().len(), 3);

    // Loaded anew it is one batch; the files of before go with the import after that.
    lake.with(event::nobody(), async |runner| {
        runner.resync(&Wish::new("note", "note"), "as a test").await
    })
    .unwrap();
    assert_eq!(lake.run(), 1);
    let state = lake.state();
    assert_eq!(
        (
            state["batches"].as_array().unwrap().len(),
            state["superseded"].as_array().unwrap().len()
        ),
        (1, 3)
    );
    assert_eq!(lake.rows(), ["2:B", "3:-", "4:d"]);
    line(&lake.redis, "YARR.DEL note 4");
    assert_eq!(lake.run(), 1);
    assert_eq!(lake.state()["superseded"].as_array().unwrap().len(), 0);
    assert_eq!(lake.rows(), ["2:B", "3:-"]);
    let history = lake
        .with(event::nobody(), async |runner| {
            runner.target.history(None, 10).await
        })
        .unwrap();
    assert_eq!(history.len(), 5);
    assert!(
        history
            .iter()
            .all(|replication| replication.state == State::Imported)
    );
}

#[test]
fn files_in_a_folder_follow_the_source() {
    let lake = Lake::new();
    follows(&lake);
    let folders = std::fs::read_dir(lake.folder.path().join("lake/note")).unwrap();
    assert!(folders.count() >= 3);
}

#[test]
fn files_in_a_bucket_follow_the_source() {
    let s3 = S3::start("yarr");
    let mut lake = Lake::new();
    lake.place = Place::S3(bucket(&s3));
    follows(&lake);
    let manifests = s3
        .keys("")
        .into_iter()
        .filter(|key| key.ends_with("manifest.json"));
    assert_eq!(manifests.count(), 2);
}

#[test]
fn a_field_that_is_added_has_its_default_in_every_row() {
    let lake = Lake::new();
    assert_eq!(lake.run(), 1);
    line(
        &lake.redis,
        "YARR.MIGRATE note UP 2 more ADD FIELD n INTEGER DEFAULT 7",
    );
    line(&lake.redis, "YARR.CREATE note text d");
    assert_eq!(lake.run(), 1);
    assert_eq!(lake.rows(), ["1:a", "2:b", "3:c", "4:d"]);
    let batches = lake.state()["batches"].clone();
    assert_eq!(batches[0]["mode"], "Whole", "{batches}");
    // One that goes changes nothing in what is there.
    line(
        &lake.redis,
        "YARR.MIGRATE note UP 3 less REMOVE FIELD n DROP DATA",
    );
    line(&lake.redis, "YARR.UPDATE note 1 SET text A");
    assert_eq!(lake.run(), 1);
    assert_eq!(lake.rows(), ["1:A", "2:b", "3:c", "4:d"]);
    assert_eq!(lake.state()["batches"].as_array().unwrap().len(), 2);
}

#[test]
fn an_import_that_others_did_or_went_before_is_not_done_twice() {
    let lake = Lake::new();
    let wish = full("note");
    let exported = lake.with(event::nobody(), async |runner| {
        runner.run(&wish, Extent::Export).await
    });
    let Ok(Outcome::Exported(replication)) = exported else {
        panic!("{exported:?}")
    };
    // The same replication twice, as by one who never heard of the first.
    let import = || {
        lake.with(event::nobody(), async |runner| {
            let manifest = yarr_replicate::Manifest::read(runner.store, &replication.prefix)
                .await?
                .unwrap();
            let import = yarr_replicate::target::Import {
                replication: &replication,
                table: &manifest.table,
                manifest: &manifest,
                store: runner.store,
                progress: &|_| {},
                history_cap: 10,
            };
            runner.target.import(import).await
        })
    };
    use yarr_replicate::target::Imported;
    let first = import().unwrap();
    let Imported::Now(counts) = first else {
        panic!("{first:?}")
    };
    assert_eq!(import().unwrap(), Imported::Before(counts));
    assert_eq!(lake.rows(), ["1:a", "2:b", "3:c"]);

    // Another went in while this one was exported.
    let lake = Lake::new();
    let path = lake.folder.path().join("lake/note/state.json");
    let meddle = move |event: &Event<'_>| {
        if matches!(event, Event::State { replication } if replication.state == State::Uploaded) {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replacen("\"position\": 0", "\"position\": 99", 1);
            std::fs::write(&path, text).unwrap();
        }
    };
    let meddled = lake.with(Arc::new(meddle), async |runner| {
        runner.run(&wish, Extent::Whole).await
    });
    let error = meddled.unwrap_err();
    assert_eq!(error.kind, Kind::Busy, "{error}");
    assert_eq!(lake.state()["batches"].as_array().unwrap().len(), 0);
}

#[test]
fn a_state_that_is_broken_or_of_a_later_version_is_refused() {
    let lake = Lake::new();
    assert_eq!(lake.run(), 1);
    let path = lake.folder.path().join("lake/note/state.json");
    let text = std::fs::read_to_string(&path).unwrap();
    for (broken, said) in [
        (
            "{".to_string(),
            "note/state.json is no state of replications: EOF",
        ),
        (
            text.replacen("\"version\": 1", "\"version\": 2", 1),
            "expected version 1, found 2: take a newer program",
        ),
    ] {
        std::fs::write(&path, broken).unwrap();
        let error = lake.try_run(&Wish::new("note", "note")).unwrap_err();
        assert!(error.message.contains(said), "{error}");
    }
    std::fs::write(&path, text).unwrap();
    // A file that has gone is noticed by those who compare.
    let state = lake.state();
    let prefix = state["batches"][0]["prefix"].as_str().unwrap();
    std::fs::remove_file(
        lake.folder
            .path()
            .join("lake")
            .join(prefix)
            .join("part-0000.csv.gz"),
    )
    .unwrap();
    let error = lake.with(event::nobody(), async |runner| {
        let plan =
            yarr_replicate::plan::plan(runner.source, runner.target, &Wish::new("note", "note"))
                .await?;
        runner.target.count(&plan.table).await
    });
    assert!(error.unwrap_err().message.ends_with("found none"));
}

#[test]
fn times_say_their_zone_and_rows_without_a_feed_are_merged_by_their_batch() {
    let lake = Lake::new();
    assert_eq!(done(lake.try_run(&timed("note"))), 1);
    line(&lake.redis, "YARR.UPDATE note 3 SET text C");
    assert_eq!(done(lake.try_run(&timed("note"))), 1);
    assert_eq!(lake.rows(), ["1:a", "2:b", "3:C"]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_written_into_a_folder_and_compared() {
    let mut lake = Lake::new();
    lake.options.layout.format = Format::Parquet;
    for say in [
        "YARR.MIGRATE note UP 2 more ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME \
         ADD FIELD u UUID ADD FIELD e ENUM ( low high ) ADD FIELD t TAGS",
        "YARR.CREATE note text all i -7 f 0.1 b true d 1700000000123 u 01890a5d-ac96-774b-bcce-b302099a8057 e high t 2 x \"y",
        "YARR.CREATE note text gone",
        "YARR.CREATE note text -0 f -0.0 b false d -1 e low t 0",
    ] {
        line(&lake.redis, say);
    }
    assert_eq!(lake.run(), 1);
    let prefix = lake.state()["batches"][0]["prefix"]
        .as_str()
        .unwrap()
        .to_string();
    let folder = lake.folder.path().join("lake").join(prefix);
    let part = std::fs::read(folder.join("part-0000.parquet")).unwrap();
    assert!(part.starts_with(b"PAR1") && part.ends_with(b"PAR1"));
    line(&lake.redis, "YARR.DEL note 5");
    line(
        &lake.redis,
        "YARR.UPDATE note 1 SET text A i 9223372036854775807",
    );
    assert_eq!(lake.run(), 1);
    let compared = || {
        lake.with(event::nobody(), async |runner| {
            let wish = Wish::new("note", "note");
            let plan = yarr_replicate::plan::plan(runner.source, runner.target, &wish).await?;
            verify(runner.source, runner.target, &plan.table, 4096, None).await
        })
    };
    let equal = compared().unwrap();
    assert!(equal.is_equal() && equal.source.rows == 5, "{equal:?}");
    line(&lake.redis, "YARR.UPDATE note 4 SET d 1700000000124");
    let other = compared().unwrap();
    assert_eq!(other.differences, [("4".to_string(), Difference::Other)]);
    lake.run();
    assert!(compared().unwrap().is_equal());
    let mut damaged = part.clone();
    let half = part.len() / 2;
    damaged[half..].fill(0);
    std::fs::write(folder.join("part-0000.parquet"), damaged).unwrap();
    let damaged = compared().unwrap_err().message;
    assert!(
        damaged.contains("part-0000.parquet: is damaged"),
        "{damaged}"
    );
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_is_refused_by_a_program_that_has_it_not() {
    let mut lake = Lake::new();
    lake.options.layout.format = Format::Parquet;
    let error = lake.try_run(&Wish::new("note", "note")).unwrap_err();
    assert!(
        error.message.contains("build it with --features parquet"),
        "{error}"
    );
    assert_eq!(error.kind, Kind::Usage);
}
