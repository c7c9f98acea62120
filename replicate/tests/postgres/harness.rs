//! A Redis with the module, a database of PostgreSQL and a folder between them.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use yarr_replicate::{
    Error, Event, Listener, Result, State, Target, Wish,
    address::Address,
    manifest::Format,
    part::Layout,
    run::{Extent, Options, Outcome, Runner},
    source::Source,
    store::Store,
    target::postgres::{self, Login, Tls},
};
pub use yarr_replicate_testing::{Cluster, Server, eventually};

/// The cluster that the tests of this program share; each has a database of its own.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// Where things are: all that a replicator of its own process needs to know.
#[derive(Debug, Clone)]
pub struct Places {
    pub redis: String,
    pub port: u16,
    pub database: String,
    pub store: PathBuf,
}

impl Places {
    pub fn target(&self) -> Box<dyn Target> {
        let login = Login {
            host: "127.0.0.1".into(),
            port: self.port,
            database: self.database.clone(),
            user: "postgres".into(),
            password: None,
            tls: Tls::Off,
            ca: None,
            timeout: Duration::from_secs(10),
        };
        postgres::open("warehouse", login)
    }

    pub async fn source(&self) -> Result<Source> {
        Source::connect(&Address::parse(&self.redis)?, Duration::from_secs(10)).await
    }

    pub async fn run(&self, wish: &Wish, options: &Options, listener: Listener) -> Result<Outcome> {
        self.extent(wish, options, listener, Extent::Whole).await
    }

    pub async fn extent(
        &self,
        wish: &Wish,
        options: &Options,
        listener: Listener,
        extent: Extent,
    ) -> Result<Outcome> {
        let mut source = self.source().await?;
        let mut target = self.target();
        let store = Store::folder(&self.store)?;
        let mut runner = Runner {
            source: &mut source,
            target: target.as_mut(),
            store: &store,
            options,
            listener,
        };
        runner.run(wish, extent).await
    }
}

/// Options for tests: small pages, no waiting.
pub fn options() -> Options {
    Options {
        target: "warehouse".into(),
        layout: Layout {
            format: Format::Gzip,
            slices: 2,
            part_bytes: 1 << 20,
            replacement: None,
        },
        prefix: "spool".into(),
        keep: false,
        max_retries: 5,
        retry_after: Duration::from_millis(1),
        tries: 0,
        history_cap: 100,
        lease: Duration::from_secs(30),
        page_bytes: 4096,
        batch_rows: 0,
        auto_resync: true,
    }
}

/// One thread is enough for a replicator.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// A source, a database and a store.
pub struct Stage {
    pub redis: Server,
    pub places: Places,
    _folder: TempDir,
    /// The states that runs came to.
    pub states: Arc<Mutex<Vec<State>>>,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::on(cluster())
    }

    /// In a database of its own of a cluster.
    pub fn on(cluster: &Cluster) -> Stage {
        Stage::with(Server::start(), cluster)
    }

    /// With this server as the source.
    pub fn with(redis: Server, cluster: &Cluster) -> Stage {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let database = format!("stage_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.database(&database);
        let folder = TempDir::with_prefix("yarr-replicate-").expect("a folder");
        let places = Places {
            redis: redis.url(""),
            port: cluster.port(),
            database,
            store: folder.path().join("store"),
        };
        Stage {
            redis,
            places,
            _folder: folder,
            states: Arc::default(),
        }
    }

    /// Says a command with words that blanks part.
    #[track_caller]
    pub fn say(&self, line: &str) -> redis::Value {
        let mut words = line.split_whitespace();
        let mut command = redis::cmd(words.next().expect("a command"));
        command.arg(words.collect::<Vec<_>>());
        let answer = command.query(&mut self.redis.connect());
        answer.unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[track_caller]
    pub fn sql(&self, text: &str) -> Vec<String> {
        cluster().lines(&self.places.database, text)
    }

    pub fn listener(&self) -> Listener {
        let states = self.states.clone();
        Arc::new(move |event| {
            if let Event::State { replication } = event {
                states.lock().expect("states").push(replication.state);
            }
        })
    }

    pub fn try_run(&self, wish: &Wish, options: &Options) -> Result<Outcome> {
        block_on(self.places.run(wish, options, self.listener()))
    }

    /// Runs; answers how many replications were done.
    #[track_caller]
    pub fn run(&self, wish: &Wish) -> usize {
        match self.try_run(wish, &options()) {
            Ok(Outcome::Done(done, _)) => done,
            Ok(Outcome::Nothing) => 0,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub fn refused(&self, wish: &Wish) -> Error {
        self.try_run(wish, &options()).expect_err("an error")
    }

    /// The states that runs have come to since this was asked last.
    pub fn states(&self) -> Vec<State> {
        std::mem::take(&mut self.states.lock().expect("states"))
    }

    /// The files that are left in the store.
    pub fn left(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => walk(&entry.path(), files),
                    false => files.push(entry.path()),
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.places.store, &mut files);
        files
    }
}

/// All records of the table `person`, as lines.
fn of_source(stage: &Stage) -> Vec<String> {
    let mut connection = stage.redis.connect();
    let (mut all, mut cursor) = (Vec::new(), "0".to_string());
    loop {
        let (next, page): (String, Vec<Vec<(String, String)>>) = redis::cmd("YARR.WHERE")
            .arg(&[
                "person", "*", "CURSOR", &cursor, "LIMIT", "5000", "RETURN", "id", "name", "turn",
                "SCAN",
            ])
            .query(&mut connection)
            .expect("a page");
        all.extend(page.into_iter().map(|record| {
            let values: Vec<String> = record.into_iter().map(|(_, value)| value).collect();
            values.join("|")
        }));
        if next == "0" {
            return all;
        }
        cursor = next;
    }
}

/// The rows of the table `person` are its records.
#[track_caller]
pub fn assert_equal(stage: &Stage, cluster: &Cluster) {
    let rows = cluster.lines(
        &stage.places.database,
        "SELECT id, name, turn FROM person ORDER BY id",
    );
    let records = of_source(stage);
    let first = rows
        .iter()
        .zip(&records)
        .find(|(row, record)| row != record);
    assert_eq!(first, None, "the first row and record that differ");
    assert_eq!(rows.len(), records.len());
}
