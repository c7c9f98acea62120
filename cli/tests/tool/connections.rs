//! Ways to a server: users, sockets, TLS, Sentinels.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use redis::Commands;
use yarr_client_testing::free_port;

use crate::harness::{Project, Server, eventually};

/// What a way to a server must be good for.
#[track_caller]
fn works(project: &Project, environment: &[(&str, &str)]) {
    project.migration("1_a", "up\n  table t\n    ADD FIELD a STRING\n  redis\n    INCR n\n  for each key matching n\n    INCR {key}\n  end\ndown\n");
    for (words, expected) in [
        ("migrate", "Finished in "),
        ("check", ""),
        ("schema", "ADD FIELD a STRING"),
        ("diff", ""),
    ] {
        let mut command = project.command(&[words]);
        command.envs(environment.iter().copied());
        let run = crate::harness::Run::of(command.output().unwrap());
        assert!(run.done().contains(expected), "{words}: {run:?}");
        assert!(!format!("{run:?}").contains("sesame"), "{words}: {run:?}");
    }
}

fn configured(project: &Project, server: &str) {
    project.write(
        "yarr.toml",
        &format!("environment = \"test\"\n[environments.test]\nservers = [{server}]\n"),
    );
}

#[test]
fn a_user_has_its_password_from_the_environment() {
    let server = Server::start();
    let mut con = server.connect();
    // What a deployment needs, and no more.
    let rules = [
        "SETUSER",
        "deploy",
        "on",
        ">sesame/@:open",
        "~*",
        "&*",
        "-@all",
        "+@read",
        "+@write",
        "+@transaction",
        "+@connection",
        "+@scripting",
        "+command|info",
        "+info",
        "+time",
        "+yarr.migrate",
        "+yarr.schema",
        "+yarr.info",
    ];
    let made = redis::cmd("ACL").arg(&rules).exec(&mut con);
    if made.is_err() {
        eprintln!("skipped: this server has no users");
        return;
    }
    let project = Project::of_urls(&[format!(
        "redis://deploy:${{REDIS_PASSWORD}}@127.0.0.1:{}",
        server.port()
    )]);
    let name = format!("127.0.0.1:{}", server.port());
    let unset = project.yarr("status");
    assert_eq!(
        unset.refused(2),
        "error: yarr.toml: environment 'test': expected the environment variable REDIS_PASSWORD, found none; set it, or take \
         ${REDIS_PASSWORD} out of the configuration\n"
    );
    works(&project, &[("REDIS_PASSWORD", "sesame/@:open")]);
    let mut wrong = project.command(&["status"]);
    let wrong = crate::harness::Run::of(wrong.env("REDIS_PASSWORD", "no").output().unwrap());
    assert!(
        wrong.refused(4).starts_with(&format!("error: {name}: ")),
        "{wrong:?}"
    );
    // The whole URL may be a variable, and be given by one.
    let url = format!("redis://deploy:sesame%2F%40%3Aopen@{name}");
    configured(&project, "\"${SERVER}\"");
    works(&project, &[("SERVER", &url)]);
    let elsewhere = Project::empty();
    let mut status = elsewhere.command(&["version"]);
    let status = crate::harness::Run::of(status.env("YARR_URL", &url).output().unwrap());
    assert!(status.done().contains(&name), "{status:?}");
    // What the user may not do is refused by the server.
    let () = redis::cmd("ACL")
        .arg(&["SETUSER", "deploy", "-yarr.migrate"])
        .query(&mut con)
        .unwrap();
    project.migration("2_b", "up\n  table u\n    ADD FIELD a STRING\n");
    let mut migrate = project.command(&["migrate"]);
    let refused = crate::harness::Run::of(migrate.env("SERVER", &url).output().unwrap());
    assert!(
        refused.refused(4).contains("NOPERM") || refused.stderr.contains("no permissions"),
        "{refused:?}"
    );
}

#[test]
fn a_socket_and_a_database_are_ways_too() {
    let folder = tempfile::TempDir::with_prefix("yarr-").unwrap();
    let socket = folder.path().join("s");
    let server = Server::start_with(&["--unixsocket", socket.to_str().unwrap()]);
    let project = Project::of_urls(&[format!("unix://{}?db=3", socket.display())]);
    works(&project, &[]);
    let mut con = redis::Client::open(server.url("3"))
        .unwrap()
        .get_connection()
        .unwrap();
    assert_eq!(con.get("n"), Ok(2));
    configured(
        &project,
        &format!("{{ url = \"{}\", name = \"four\" }}", server.url("4")),
    );
    works(&project, &[]);
    assert!(project.yarr("version").done().contains("four"));
    assert_eq!(con.get("n"), Ok(2));
}

/// Runs openssl; `false` where there is none.
fn openssl(folder: &Path, words: &str) -> bool {
    let run = Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

/// An authority, a certificate of 127.0.0.1 and localhost from it, and one for a client.
fn certificates(folder: &Path) -> bool {
    std::fs::write(
        folder.join("names"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\n",
    )
    .unwrap();
    [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=client -keyout client.key -out client.csr",
        "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out client.pem",
    ]
    .iter()
    .all(|words| openssl(folder, words))
}

#[test]
fn tls_is_spoken_with_an_authority_of_ones_own() {
    let project = Project::empty();
    let folder = project.path();
    if !certificates(folder) {
        eprintln!("skipped: there is no openssl to make certificates");
        return;
    }
    let file = |name: &str| folder.join(name).display().to_string();
    let port = free_port();
    let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
    let tells = Command::new(program)
        .args(["--port", "0", "--tls-port", "1", "--tls-cert-file", "/none"])
        .output()
        .unwrap();
    let tells = String::from_utf8_lossy(&[tells.stdout, tells.stderr].concat()).to_lowercase();
    let refusals = ["bad directive", "unsupported", "failed finding tls support"];
    if refusals.iter().any(|refusal| tells.contains(refusal)) {
        eprintln!("skipped: this server is built without TLS");
        return;
    }
    let _server = Server::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.pem"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.pem"),
        "--tls-auth-clients",
        "yes",
    ]);
    let url = format!("url = \"rediss://127.0.0.1:{port}\"");
    configured(
        &project,
        &format!("{{ {url}, ca = \"ca.pem\", cert = \"client.pem\", key = \"client.key\" }}"),
    );
    works(&project, &[]);
    // The client must show itself, and the server too.
    configured(&project, &format!("{{ {url}, ca = \"ca.pem\" }}"));
    let stranger = project.yarr("version");
    assert_eq!(stranger.code, 3, "{stranger:?}");
    configured(
        &project,
        &format!("{{ {url}, cert = \"client.pem\", key = \"client.key\" }}"),
    );
    let stranger = project.yarr("version");
    assert_eq!(stranger.code, 3, "{stranger:?}");
    configured(
        &project,
        &format!("{{ {url}, insecure = true, cert = \"client.pem\", key = \"client.key\" }}"),
    );
    works(&project, &[]);
    configured(&project, &format!("{{ {url}, ca = \"none.pem\" }}"));
    let none = project.yarr("version");
    assert!(
        none.refused(2).starts_with("error: cannot read none.pem: "),
        "{none:?}"
    );
}

#[test]
fn sentinels_tell_where_the_primary_is() {
    let primary = Server::start();
    let closed = redis::cmd("CONFIG")
        .arg(&["SET", "requirepass", "sesame"])
        .exec(&mut primary.connect());
    closed.unwrap();
    let configuration = format!(
        "sentinel monitor shop 127.0.0.1 {} 1\nsentinel auth-pass shop sesame\nsentinel down-after-milliseconds shop 600000\n",
        primary.port()
    );
    let sentinel = Server::start_sentinel(&configuration);
    // The first of the Sentinels is not there.
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", free_port(), sentinel.port());
    let project = Project::of_urls(&[format!("redis+sentinel://:${{WORD}}@{hosts}/shop")]);
    eventually("the Sentinel knows the primary", || {
        let mut con = sentinel.connect();
        let found: redis::RedisResult<Vec<String>> = redis::cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg("shop")
            .query(&mut con);
        found.is_ok_and(|found| found[1] == primary.port().to_string())
    });
    works(&project, &[("WORD", "sesame")]);
    let mut version = project.command(&["version"]);
    let version = crate::harness::Run::of(version.env("WORD", "sesame").output().unwrap());
    assert_eq!(version.table()[1], ["shop", "1", "a"]);
    configured(&project, &format!("\"redis+sentinel://{hosts}/store\""));
    let stranger = project.yarr("version");
    assert!(
        stranger.refused(3).starts_with("error: store: "),
        "{stranger:?}"
    );
}
