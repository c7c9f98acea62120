//! Ways to the source and to the target: a cluster, Sentinels, TLS.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use redis::Value;
use yarr_replicate::{
    Kind, Target, Wish,
    target::postgres::{self, Login, Tls},
};
use yarr_replicate_testing::Cluster;

use crate::harness::{Server, Stage, block_on, cluster, eventually};

fn wish() -> Wish {
    Wish {
        evolve: true,
        ..Wish::new("person", "person")
    }
}

/// Makes a table with a record, and replicates it by way of this URL.
fn works(stage: &mut Stage, url: String) {
    let answered = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query::<Value>(&mut stage.redis.connect()).unwrap()
    };
    answered("YARR.MIGRATE person UP 1 make ADD FIELD name STRING CHANGES ON");
    answered("YARR.CREATE person name Ann");
    stage.places.redis = url;
    assert_eq!(stage.run(&wish()), 1);
    answered("YARR.DEL person 1");
    answered("YARR.CREATE person name Bob");
    assert_eq!(stage.run(&wish()), 1);
    assert_eq!(stage.sql("SELECT id, name FROM person"), ["2|Bob"]);
}

#[test]
fn the_source_may_be_a_cluster() {
    let node = Server::start_with(&["--cluster-enabled", "yes"]);
    let slots: Vec<u32> = (0..16384).collect();
    redis::cmd("CLUSTER")
        .arg("ADDSLOTS")
        .arg(slots)
        .exec(&mut node.connect())
        .unwrap();
    eventually("the cluster serves all slots", || {
        let info: String = redis::cmd("CLUSTER")
            .arg("INFO")
            .query(&mut node.connect())
            .unwrap();
        info.contains("cluster_state:ok")
    });
    let url = format!("redis+cluster://127.0.0.1:{}", node.port());
    works(&mut Stage::with(node, cluster()), url);
}

#[test]
fn sentinels_tell_where_the_source_is() {
    let mut stage = Stage::new();
    let configuration = format!(
        "sentinel monitor shop 127.0.0.1 {} 1\nsentinel down-after-milliseconds shop 600000\n",
        stage.redis.port()
    );
    let sentinel = Server::start_sentinel(&configuration);
    eventually("the Sentinel knows the primary", || {
        let found: redis::RedisResult<Vec<String>> = redis::cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg("shop")
            .query(&mut sentinel.connect());
        found.is_ok_and(|found| found[1] == stage.redis.port().to_string())
    });
    let url = format!("redis+sentinel://127.0.0.1:{}/shop", sentinel.port());
    works(&mut stage, url);
}

/// An authority, and a certificate of this machine from it.
const CERTIFICATES: &str = "printf 'subjectAltName=IP:127.0.0.1\\n' > names && \
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem && \
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr && \
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt && \
    chmod 600 server.key";

#[test]
fn the_target_may_speak_tls() {
    let there = Command::new("openssl")
        .arg("version")
        .stdout(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no openssl to make certificates");
        return;
    }
    let postgres = Cluster::start();
    postgres.query(
        "postgres",
        &format!("COPY (SELECT 1) TO PROGRAM $${CERTIFICATES}$$"),
    );
    postgres.query("postgres", "ALTER SYSTEM SET ssl = on");
    postgres.query("postgres", "SELECT pg_reload_conf()");
    let folder = tempfile::TempDir::new().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(
        &ca,
        postgres
            .lines("postgres", "SELECT pg_read_file('ca.pem')")
            .concat(),
    )
    .unwrap();
    let login = |tls, ca| Login {
        host: "127.0.0.1".into(),
        port: postgres.port(),
        database: "postgres".into(),
        user: "postgres".into(),
        password: None,
        tls,
        ca,
        timeout: Duration::from_secs(10),
    };
    let opened = |tls, ca| {
        let mut target = postgres::open("warehouse", login(tls, ca));
        block_on(async move {
            target.prepare().await?;
            let asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            target
                .sql(asked)
                .await
                .map(|(_, rows)| rows.concat().into_iter().flatten().collect::<String>())
        })
    };
    eventually("it speaks TLS", || {
        opened(Tls::Require, None) == Ok("t".into())
    });
    assert_eq!(opened(Tls::Verify, Some(ca)), Ok("t".into()));
    let stranger = opened(Tls::Verify, None).unwrap_err();
    assert!(stranger.message.contains("ertificate"), "{stranger}");
    assert_eq!(opened(Tls::Off, None), Ok("f".into()));
}

#[test]
fn who_is_not_let_in_or_finds_nobody_is_told_what_and_where() {
    let stage = Stage::new();
    let login = |port, user: &str, database: &str| Login {
        host: "127.0.0.1".into(),
        port,
        database: database.into(),
        user: user.into(),
        password: Some("sesame".into()),
        tls: Tls::Off,
        ca: None,
        timeout: Duration::from_secs(10),
    };
    let refused = |login| {
        let mut target: Box<dyn Target> = postgres::open("warehouse", login);
        block_on(async move { target.prepare().await }).unwrap_err()
    };
    let nobody = refused(login(1, "postgres", "postgres"));
    assert_eq!(nobody.kind, Kind::Unreachable, "{nobody}");
    assert!(
        nobody
            .message
            .contains("warehouse: postgres@127.0.0.1:1/postgres"),
        "{nobody}"
    );
    let none = refused(login(cluster().port(), "postgres", "nowhere"));
    assert_eq!(none.kind, Kind::Refused, "{none}");
    assert!(
        none.message.contains("\"nowhere\" does not exist"),
        "{none}"
    );
    let stranger = refused(login(cluster().port(), "stranger", "postgres"));
    assert!(stranger.message.contains("stranger"), "{stranger}");
    stage.sql("CREATE ROLE reader LOGIN; REVOKE CREATE ON SCHEMA public FROM public");
    let reader = refused(login(cluster().port(), "reader", &stage.places.database));
    assert_eq!(reader.kind, Kind::Refused, "{reader}");
    assert!(
        reader.message.contains("let the user make tables"),
        "{reader}"
    );
    for error in [&nobody, &none, &stranger, &reader] {
        assert!(!error.message.contains("sesame"), "{error}");
    }
    let mut stage = stage;
    stage.places.redis = "redis://:sesame@127.0.0.1:1".into();
    let nobody = stage.refused(&wish());
    assert_eq!(nobody.kind, Kind::Unreachable, "{nobody}");
    assert!(
        nobody.message.starts_with("127.0.0.1:1: ") && !nobody.message.contains("sesame"),
        "{nobody}"
    );
}
