//! Files of format 1, as Redis 5 wrote them: they are read for ever, and what is newer is refused with a clear word.

use std::{fs, path::PathBuf};

use crate::{
    able::{SNAPSHOTS_9, able, needs},
    payload::resealed,
    sample::{fill, state},
    server::{Options, Server, eventually},
};

/// The tables in the files.
const TABLES: [&str; 4] = ["people", "jobs", "words", "hollow"];

/// A file that is kept with the tests.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/format-1")
        .join(name)
}

#[track_caller]
fn read(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn holds_the_tables(server: &Server) {
    let mut client = server.connect();
    let expected = String::from_utf8(read("tables.txt")).expect("text");
    let found = state(&mut client, &TABLES);
    assert!(found == expected, "expected:\n{expected}\nfound:\n{found}");
    client.ok("YARR.CREATE people name next");
    client.ok("YARR.UPDATE jobs WHERE * SET priority 1");
    client.ok("YARR.DEL words WHERE n > 0");
    client.ok("YARR.MIGRATE hollow UP 70 make ADD FIELD a INTEGER");
}

#[test]
fn an_rdb_of_format_1_is_read() {
    needs!(SNAPSHOTS_9);
    let server = Options::new().file("dump.rdb", read("dump.rdb")).start();
    holds_the_tables(&server);
}

#[test]
fn a_log_of_format_1_is_read() {
    for (name, preamble) in [
        ("commands.aof", false),
        ("rewritten.aof", false),
        ("preamble.aof", true),
    ] {
        if preamble && !able(SNAPSHOTS_9) {
            continue;
        }
        let options = Options::new().appendonly(preamble);
        holds_the_tables(&options.file("appendonly.aof", read(name)).start());
    }
}

#[test]
fn a_payload_of_a_newer_format_is_refused_with_a_clear_word() {
    needs!(FORGED_PAYLOADS);
    let server = Options::new().start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    let payload = client.ok("DUMP t").bytes().to_vec();
    // A type byte and nine bytes of the module's type, the last ten bits of which are its version.
    let mut newer = payload[..payload.len() - 10].to_vec();
    newer[9] += 1;
    let reply = client.send(&[
        b"RESTORE".as_slice(),
        b"u",
        b"0",
        &resealed(&newer, &payload),
    ]);
    assert!(reply.is_error(), "{}", reply.print());
    assert_eq!(client.count("EXISTS u"), 0);
    let said = "expected encoding version 1, found 2; load a module that knows it";
    eventually("the log says why", || server.log().contains(said));
}

/// `cargo test --test integration write_the_files -- --ignored`, with `YARR_SERVER` set to Redis 5, so that every server reads them.
#[test]
#[ignore = "writes tests/fixtures anew, which only a new format may ask for"]
fn write_the_files_of_this_format() {
    let server = Options::new().appendonly(false).start();
    let mut client = server.connect();
    fill(&mut client);
    client.ok("YARR.UPDATE jobs WHERE * PXAT 9999999999999");
    fs::create_dir_all(fixture("")).expect("a folder");
    let keep = |from: &str, name: &str| {
        fs::copy(server.folder.path().join(from), fixture(name)).expect("a file")
    };
    fs::write(fixture("tables.txt"), state(&mut client, &TABLES)).expect("a file");
    keep("appendonly.aof", "commands.aof");
    for (preamble, name) in [("no", "rewritten.aof"), ("yes", "preamble.aof")] {
        client.ok(&format!("CONFIG SET aof-use-rdb-preamble {preamble}"));
        client.ok("BGREWRITEAOF");
        eventually("the log is rewritten", || {
            let info = client.ok("INFO persistence").text();
            info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
        });
        keep("appendonly.aof", name);
    }
    client.ok("SAVE");
    keep("dump.rdb", "dump.rdb");
}
