//! A Redis with the module, a bucket, and the stand-in for Redshift.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use yarr_replicate::{
    Error, Listener, Result, Strategy, Target, Wish,
    address::Address,
    event,
    manifest::Format,
    part::Layout,
    run::{Extent, Options, Outcome, Runner},
    source::Source,
    store::{Bucket, Store},
    target::redshift::{self, Choice, Loading, Login, Tls},
};
use yarr_replicate_testing::{Cluster, ROLE, Redshift, S3, Server};

use crate::store::bucket;

/// The cluster that the tests of this program share; each has a database of its own. One that ends it takes a cluster
/// of its own.
fn cluster() -> MutexGuard<'static, Cluster> {
    static CLUSTER: OnceLock<Mutex<Cluster>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| Mutex::new(Cluster::start()));
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source, a bucket and a stand-in, and what may be said of how to load.
pub struct Warehouse {
    pub redis: Server,
    pub s3: S3,
    pub redshift: Redshift,
    pub loading: Loading,
    pub password: String,
    pub options: Options,
}

impl Warehouse {
    pub fn new() -> Warehouse {
        Warehouse::on(&cluster())
    }

    pub fn on(cluster: &Cluster) -> Warehouse {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let database = format!("warehouse_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let s3 = S3::start("yarr");
        let redshift = Redshift::start(cluster, &s3, &database);
        let loading = Loading {
            bucket: bucket(&s3),
            role: Some(ROLE.into()),
            options: BTreeMap::new(),
        };
        Warehouse {
            redis: Server::start(),
            s3,
            redshift,
            loading,
            password: "Redshift1".into(),
            options: options(),
        }
    }

    pub fn target(&self) -> Result<Box<dyn Target>> {
        let url = self.redshift.url();
        let (place, database) = url.rsplit_once('/').expect("a database");
        let (_, port) = place.rsplit_once(':').expect("a port");
        let login = Login {
            host: "127.0.0.1".into(),
            port: port.parse().expect("a port"),
            database: database.into(),
            user: "postgres".into(),
            password: Some(self.password.clone()),
            tls: Tls::Off,
            ca: None,
            timeout: Duration::from_secs(10),
        };
        redshift::open("warehouse", login, self.loading.clone())
    }

    pub fn store(&self) -> Result<Store> {
        Store::s3(&self.loading.bucket)
    }

    /// What a runner is asked for.
    pub fn with<T>(
        &self,
        listener: Listener,
        ask: impl AsyncFnOnce(&mut Runner<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut target = self.target()?;
        runs(
            &self.redis,
            target.as_mut(),
            &self.store()?,
            &self.options,
            listener,
            ask,
        )
    }

    pub fn try_run(&self, wish: &Wish) -> Result<Outcome> {
        self.with(event::nobody(), async |runner| {
            runner.run(wish, Extent::Whole).await
        })
    }

    /// Runs; answers how many replications were done.
    #[track_caller]
    pub fn run(&self, wish: &Wish) -> usize {
        done(self.try_run(wish))
    }

    #[track_caller]
    pub fn refused(&self, wish: &Wish) -> Error {
        self.try_run(wish).expect_err("an error")
    }

    /// Sets an option of COPY.
    pub fn copy(&mut self, name: &str, choice: Choice) {
        self.loading.options.insert(name.into(), choice);
    }

    pub fn bucket(&mut self, change: impl FnOnce(&mut Bucket)) {
        change(&mut self.loading.bucket);
    }
}

/// Asks a runner on one thread.
pub fn runs<T>(
    redis: &Server,
    target: &mut dyn Target,
    store: &Store,
    options: &Options,
    listener: Listener,
    ask: impl AsyncFnOnce(&mut Runner<'_>) -> Result<T>,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let address = Address::parse(&redis.url(""))?;
        let mut source = Source::connect(&address, Duration::from_secs(10)).await?;
        let mut runner = Runner {
            source: &mut source,
            target,
            store,
            options,
            listener,
        };
        ask(&mut runner).await
    })
}

/// How many replications were done.
#[track_caller]
pub fn done(outcome: Result<Outcome>) -> usize {
    match outcome {
        Ok(Outcome::Done(done, _)) => done,
        Ok(Outcome::Nothing) => 0,
        other => panic!("{other:?}"),
    }
}

/// Options for tests: small pages, no waiting.
pub fn options() -> Options {
    Options {
        target: "warehouse".into(),
        layout: Layout {
            format: Format::Gzip,
            slices: 0,
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

/// Says a command of these words.
#[track_caller]
pub fn say(redis: &Server, words: &[&[u8]]) -> redis::Value {
    let (first, rest) = words.split_first().expect("a command");
    let mut command = redis::cmd(&String::from_utf8_lossy(first));
    for word in rest {
        command.arg(*word);
    }
    command
        .query(&mut redis.connect())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The same with blanks between the words.
#[track_caller]
pub fn line(redis: &Server, line: &str) -> redis::Value {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    say(redis, &words)
}

/// A wish for a whole table, each time.
pub fn full(table: &str) -> Wish {
    Wish {
        strategy: Some(Strategy::Full { rename: false }),
        ..Wish::new(table, table)
    }
}

/// The same for what has changed, by updated_at.
pub fn timed(table: &str) -> Wish {
    let strategy = Strategy::Timed {
        field: "updated_at".into(),
        overlap: Duration::from_secs(60),
    };
    Wish {
        strategy: Some(strategy),
        ..Wish::new(table, table)
    }
}
