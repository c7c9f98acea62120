//! `yarr version`.

use crate::harness::{Project, Server};

#[test]
fn each_server_says_the_version_it_is_at() {
    let (one, other) = (Server::start(), Server::start());
    let mut connection = one.connect();
    let set = redis::cmd("SADD")
        .arg("{yarr}:migrations")
        .arg(&[7, 12])
        .exec(&mut connection);
    set.expect("a set");
    let project = Project::new(&[&one, &other]);
    let run = project.yarr("version");
    let (one, other) = (
        format!("127.0.0.1:{}", one.port()),
        format!("127.0.0.1:{}", other.port()),
    );
    assert_eq!(
        run.table(),
        [
            ["redis", "version", "migration"],
            [one.as_str(), "12", "-"],
            [other.as_str(), "-", "-"]
        ]
    );
    let run = project.yarr("version --json");
    assert_eq!(
        run.done(),
        format!(
            "{{\"migration\":null,\"redis\":\"{one}\",\"version\":12}}\n\
             {{\"migration\":null,\"redis\":\"{other}\",\"version\":null}}\n"
        )
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut server = Server::start();
    let project = Project::new(&[&server]);
    server.kill();
    let name = format!("error: 127.0.0.1:{}: ", server.port());
    let run = project.yarr("version");
    assert!(run.refused(3).starts_with(&name), "{run:?}");
}
