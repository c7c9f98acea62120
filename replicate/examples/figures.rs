//! How fast tables go, and in how much memory: `make replicate-figures`.
//!
//! Each stage is a process of its own, whose most memory is read from the system. Source, targets and bucket are on the
//! same machine, each in a process of its own or in this one, which is not measured.

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use redis::Connection;
use tempfile::TempDir;
use yarr_replicate::{
    Strategy, Target, Wish,
    address::Address,
    config, event,
    manifest::Format,
    part::Layout,
    run::{Extent, Options, Outcome, Runner},
    source::Source,
    store::{Bucket, Store},
    target::{files, postgres, redshift},
};
use yarr_replicate_testing::{Cluster, KEY, REGION, ROLE, Redshift, S3, SECRET, Server};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Records a command, and commands a round trip, when the table is filled.
const BATCH: usize = 500;
const PIPELINE: usize = 20;
/// Records that are changed by one command.
const CHANGES: usize = 5000;

fn main() -> Result<()> {
    match env::args().nth(1).as_deref() {
        Some("stage") => stage(),
        _ => figures(),
    }
}

/// One stage, in this process; where everything is it finds in the surroundings.
fn stage() -> Result<()> {
    let wish = Wish {
        strategy: Some(match env::var("STRATEGY")?.as_str() {
            "full" => Strategy::Full { rename: false },
            _ => Strategy::Changes,
        }),
        ..Wish::new("session", "session")
    };
    let extent = match env::var("EXTENT")?.as_str() {
        "export" => Extent::Export,
        _ => Extent::Import,
    };
    let kind = env::var("TARGET")?;
    let folder = env::var("FOLDER")?;
    let bucket = Bucket {
        name: env::var("BUCKET")?,
        prefix: String::new(),
        region: Some(REGION.into()),
        endpoint: Some(env::var("ENDPOINT")?),
        key: Some((KEY.into(), SECRET.into())),
        token: None,
    };
    let open = || match kind.as_str() {
        "redshift" => Store::s3(&bucket),
        kind => Store::folder(&Path::new(&folder).join(kind)),
    };
    let store = open()?;
    let mut target: Box<dyn Target> = match kind.as_str() {
        "files" => files::open("figures", open()?, Format::Gzip),
        "postgres" => postgres::open("figures", config::login(&env::var("POSTGRES")?)?),
        _ => {
            let loading = redshift::Loading {
                bucket: bucket.clone(),
                role: Some(ROLE.into()),
                options: Default::default(),
            };
            redshift::open("figures", config::login(&env::var("REDSHIFT")?)?, loading)?
        }
    };
    let options = Options {
        target: format!("figures-{kind}"),
        layout: Layout {
            format: Format::Gzip,
            slices: 0,
            part_bytes: 64 << 20,
            replacement: None,
        },
        prefix: String::new(),
        keep: false,
        max_retries: 5,
        retry_after: Duration::from_secs(1),
        tries: 0,
        history_cap: 100,
        lease: Duration::from_secs(30),
        page_bytes: 1 << 20,
        batch_rows: 0,
        auto_resync: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let address = Address::parse(&env::var("REDIS").unwrap_or_default())?;
        let mut source = Source::connect(&address, Duration::from_secs(30)).await?;
        let mut runner = Runner {
            source: &mut source,
            target: target.as_mut(),
            store: &store,
            options: &options,
            listener: event::nobody(),
        };
        runner.run(&wish, extent).await
    })?;
    let (Outcome::Done(_, replication) | Outcome::Exported(replication)) = outcome else {
        return Err("there was nothing to do".into());
    };
    let (counts, took) = (replication.counts, replication.durations);
    let rows = counts.rows + counts.tombstones;
    println!(
        "{rows} {} {} {} {} {} {}",
        counts.parts,
        counts.bytes,
        took.export,
        took.upload,
        took.import,
        peak("self").unwrap_or(0)
    );
    Ok(())
}

/// The most memory that a process has had, in kB.
fn peak(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn figures() -> Result<()> {
    let number = |name: &str, usual| env::var(name).map_or(Ok(usual), |text| text.parse());
    let (records, times) = (number("RECORDS", 1_000_000)?, number("TIMES", 4)?);
    println!(
        "| target | what | rows | stage | time | rows a second | parts | MB of parts | most memory |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let cluster = Cluster::start();
    for records in [records, times * records] {
        let redis = Server::start();
        let mut connection = redis.connect();
        fill(&mut connection, records)?;
        for target in ["files", "postgres", "redshift"] {
            let s3 = S3::start("yarr");
            let database = format!("{target}_{records}");
            let redshift = Redshift::start(&cluster, &s3, &format!("r{database}"));
            cluster.database(&database);
            let columns = "(id bigint PRIMARY KEY, user_id bigint, session_id varchar(36), status varchar(10), score double precision, started_at timestamptz, note varchar(200))";
            let make = format!("CREATE TABLE session {columns}");
            cluster.query(&database, &make);
            redshift.lines(&make.replace(" PRIMARY KEY", ""));
            let folder = TempDir::new()?;
            let measured = Measured {
                target,
                surroundings: [
                    ("REDIS", redis.url("")),
                    ("POSTGRES", cluster.url(&database)),
                    ("REDSHIFT", redshift.url()),
                    ("ENDPOINT", s3.endpoint()),
                    ("BUCKET", s3.bucket().into()),
                    ("FOLDER", folder.path().display().to_string()),
                ],
            };
            measured.both("all by the feed", "changes")?;
            change(&mut connection, records / 5)?;
            measured.both("a fifth changed", "changes")?;
            measured.both("all by a walk", "full")?;
        }
    }
    Ok(())
}

/// A target, and where everything is.
struct Measured {
    target: &'static str,
    surroundings: [(&'static str, String); 6],
}

impl Measured {
    fn both(&self, what: &str, strategy: &str) -> Result<()> {
        self.stage(what, strategy, "export")?;
        self.stage(what, strategy, "import")
    }

    fn stage(&self, what: &str, strategy: &str, extent: &str) -> Result<()> {
        let mut command = Command::new(env::current_exe()?);
        command
            .arg("stage")
            .envs(self.surroundings.iter().cloned())
            .env("TARGET", self.target)
            .env("STRATEGY", strategy)
            .env("EXTENT", extent)
            .stderr(Stdio::inherit());
        let output = command.output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<u64> = text.split_whitespace().flat_map(str::parse).collect();
        let [rows, parts, bytes, export, upload, import, peak] = numbers[..] else {
            return Err(format!("{extent} to {}: {text}", self.target).into());
        };
        let megabytes = bytes as f64 / 1e6;
        let line = |stage: &str, took: u64| {
            let rate = rows * 1000 / took.max(1);
            let seconds = took as f64 / 1000.0;
            println!(
                "| {} | {what} | {rows} | {stage} | {seconds:.1} s | {rate} | {parts} | {megabytes:.0} | {} MB |",
                self.target,
                peak / 1024
            );
        };
        match extent {
            "export" => {
                line("export", export);
                line("upload", upload);
            }
            _ => line("import", import),
        }
        Ok(())
    }
}

/// Changes the first records.
fn change(connection: &mut Connection, records: usize) -> Result<()> {
    for from in (0..records).step_by(CHANGES) {
        let to = records.min(from + CHANGES);
        let line = format!("session WHERE id > {from} AND id <= {to} SET score 1");
        let words: Vec<&str> = line.split_whitespace().collect();
        redis::cmd("YARR.UPDATE").arg(&words).exec(connection)?;
    }
    Ok(())
}

/// Makes a table of so many records: a number, a UUID, one of five names, a float, a time and a text.
fn fill(connection: &mut Connection, records: usize) -> Result<()> {
    redis::cmd("YARR.MIGRATE")
        .arg(
            "session UP 1 make TIMESTAMPS OFF CHANGES ON ADD FIELD user_id INTEGER ADD FIELD session_id UUID ADD FIELD status ENUM ( new active idle away closed ) BITMAP ADD FIELD score FLOAT ADD FIELD started_at DATETIME ADD FIELD note STRING"
                .split_whitespace()
                .collect::<Vec<_>>(),
        )
        .exec(connection)?;
    let names = ["new", "active", "idle", "away", "closed"];
    // Numbers without an order, the same each time.
    let mix = |at: usize| (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for first in (0..records).step_by(BATCH * PIPELINE) {
        let mut pipe = redis::pipe();
        let last = records.min(first + BATCH * PIPELINE);
        for from in (first..last).step_by(BATCH) {
            let create = pipe.cmd("YARR.CREATE").arg("session");
            create.arg(&[
                "FIELDS",
                "6",
                "user_id",
                "session_id",
                "status",
                "score",
                "started_at",
                "note",
                "VALUES",
            ]);
            for at in from..last.min(from + BATCH) {
                let random = mix(at);
                let digits = format!("{random:016x}{:016x}", mix(at + 7));
                let uuid = format!(
                    "{}-{}-{}-{}-{}",
                    &digits[..8],
                    &digits[8..12],
                    &digits[12..16],
                    &digits[16..20],
                    &digits[20..]
                );
                create.arg(random % 100_000).arg(uuid).arg(names[at % 5]);
                create.arg((random % 1_000_000) as f64 / 1000.0);
                create.arg(1_577_836_800_000_u64 + random % 100_000_000_000);
                create.arg(format!("note {random:x}, \"as it is\""));
            }
            create.ignore();
        }
        pipe.query::<()>(connection)?;
    }
    Ok(())
}
