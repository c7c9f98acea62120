//! The flights of the demo: a table proposed, made, filled, asked, and written again as the file it came from.

use std::{fs, io::Read, path::PathBuf};

use flate2::read::GzDecoder;

use crate::harness::{Project, Server};

/// The file, and what is in it.
pub fn flights() -> (PathBuf, String) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/data/flights-2013-01.csv.gz");
    let mut text = String::new();
    let file = fs::File::open(&path).expect("the flights");
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("text");
    (path, text)
}

#[test]
fn the_flights_come_out_as_they_went_in_to_the_byte() {
    let server = Server::start();
    let project = Project::new(&[&server]);
    let (path, text) = flights();
    let path = path.to_str().expect("UTF-8");
    let columns = text.lines().next().expect("a header");

    let proposed = project.run(&["import", "flight", path, "--null", "NA", "--create"]);
    let proposal = proposed.done();
    for line in [
        "table flight",
        "ADD FIELD dep_time INTEGER",
        "ADD FIELD origin ENUM ( EWR LGA JFK )",
        "ADD FIELD tailnum STRING",
        "ADD FIELD time_hour DATETIME",
    ] {
        assert!(proposal.contains(line), "{line}: {proposal}");
    }
    // Nothing was made.
    project.run(&["export", "flight"]).refused(2);

    let imported = project.run(&[
        "import", "flight", path, "--null", "NA", "--create", "--yes", "--json",
    ]);
    let documents: Vec<serde_json::Value> = imported
        .done()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(documents[0]["applied"], true);
    assert_eq!(documents[1]["created"], 27_004);
    assert_eq!(documents[1]["rejected"], 0);
    // The migration is a file of the project like any other, and noted in the server.
    let files: Vec<_> = fs::read_dir(project.path().join("db/yarr"))
        .expect("the folder")
        .collect();
    assert_eq!(files.len(), 1);
    project.yarr("check").done();

    let mut connection = server.connect();
    let count: u64 = redis::cmd("YARR.WHERE")
        .arg("flight")
        .arg(&["dep_time", "IS", "NULL", "COUNT", "SCAN"])
        .query(&mut connection)
        .expect("a count");
    let rows = || {
        text.lines()
            .skip(1)
            .map(|line| line.split(',').collect::<Vec<_>>())
    };
    assert_eq!(count, rows().filter(|row| row[3] == "NA").count() as u64);
    let groups: Vec<Vec<String>> = redis::cmd("YARR.AGGREGATE")
        .arg("flight")
        .arg(&["*", "GROUP", "BY", "origin", "COUNT", "MAX", "distance"])
        .query(&mut connection)
        .expect("groups");
    for group in groups {
        let of = || rows().filter(|row| row[12] == group[1]);
        let longest = of()
            .map(|row| row[15].parse::<u64>().expect("a distance"))
            .max();
        assert_eq!(group[3], of().count().to_string(), "{group:?}");
        assert_eq!(Some(&group[5]), longest.map(|n| n.to_string()).as_ref());
    }

    let run = project.run(&[
        "export", "flight", "out.csv", "--null", "NA", "--fields", columns,
    ]);
    run.done();
    assert_eq!(project.read("out.csv"), text);
    // And by way of a pipe, JSON and a second table.
    project.run(&["export", "flight", "out.jsonl.gz"]).done();
    let mut command = redis::cmd("YARR.MIGRATE");
    command.arg("again").arg(&["UP", "1", "create"]);
    let operations: Vec<String> = redis::cmd("YARR.SCHEMA")
        .arg("flight")
        .query(&mut connection)
        .expect("a schema");
    operations.iter().for_each(|operation| {
        command.arg(operation.split(' ').collect::<Vec<_>>());
    });
    command.exec(&mut connection).expect("a table");
    project.run(&["import", "again", "out.jsonl.gz"]).done();
    let run = project.run(&["export", "again", "--null", "NA", "--fields", columns]);
    assert!(run.done() == text, "the second table is another");
}
