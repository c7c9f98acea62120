//! What a server tells an operator of the commands: logs, figures, and clients held and let go.

use std::{thread::sleep, time::Duration};

use crate::{
    able::{READING_SCRIPTS, SLOWLOG_NAMES, able, needs},
    cli::Client,
    reply::Reply,
    server::{Options, Server, eventually},
};

fn served(options: Options) -> (Server, Client) {
    let server = options.start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2 3");
    (server, client)
}

/// The figures of one line of INFO, as `name=value` or whole.
fn line(client: &mut Client, section: &str, name: &str) -> String {
    let info = client.ok(&format!("INFO {section}")).text();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().to_string()
}

#[test]
fn slow_commands_are_logged_with_their_words() {
    let (_server, mut client) = served(Options::new().set("slowlog-log-slower-than", "0"));
    client.ok("SLOWLOG RESET");
    client.ok("CLIENT SETNAME somebody");
    client.ok("YARR.WHERE t n >= 1 ORDER BY n DESC LIMIT 2");
    client.run("YARR.CREATE t n x");
    let log = client.ok("SLOWLOG GET 3");
    let words: Vec<String> = log
        .items()
        .iter()
        .map(|entry| entry.items()[3].words().join(" "))
        .collect();
    assert_eq!(
        words[..2],
        [
            "YARR.CREATE t n x",
            "YARR.WHERE t n >= 1 ORDER BY n DESC LIMIT 2"
        ]
    );
    if able(SLOWLOG_NAMES) {
        assert_eq!(log.items()[0].items()[5].text(), "somebody");
    }
}

#[test]
fn a_monitor_sees_commands_as_they_were_typed() {
    let (server, mut client) = served(Options::new());
    let mut monitor = server.connect();
    monitor.ok("MONITOR");
    client.ok("YARR.UPDATE t 1 SET n 5");
    client.ok("YARR.DEL t WHERE n = 5");
    client.ok(r#"EVAL "return redis.call('YARR.FIND', KEYS[1], 2)" 1 t"#);
    for expected in [
        r#""YARR.UPDATE" "t" "1" "SET" "n" "5""#,
        r#""YARR.DEL" "t" "WHERE" "n" "=" "5""#,
        r#""EVAL" "#,
        r#"lua] "YARR.FIND" "t" "2""#,
    ] {
        let seen = monitor.message().expect("a line").text();
        assert!(seen.contains(expected), "{expected} is not in {seen}");
    }
}

#[test]
fn calls_failures_and_refusals_are_counted() {
    needs!(ARITY);
    let (_server, mut client) = served(Options::new());
    client.ok("CONFIG RESETSTAT");
    client.ok("YARR.FIND t 1");
    client.ok("YARR.FIND t 99");
    client.run("YARR.FIND none 1");
    client.run("YARR.FIND");
    client.run("YARR.CREATE t n x");
    let stats = line(&mut client, "commandstats", "cmdstat_yarr.find");
    assert!(stats.starts_with("calls=3,"), "{stats}");
    assert!(
        stats.ends_with("rejected_calls=1,failed_calls=1"),
        "{stats}"
    );
    let stats = line(&mut client, "commandstats", "cmdstat_yarr.create");
    assert!(
        stats.ends_with("rejected_calls=0,failed_calls=1"),
        "{stats}"
    );
    for code in ["NOTABLE", "BADVALUE"] {
        let errors = line(&mut client, "errorstats", &format!("errorstat_{code}"));
        assert_eq!(errors, "count=1", "{code}");
    }
    let latency = client.ok("LATENCY HISTOGRAM yarr.find");
    let calls = latency
        .get("yarr.find")
        .and_then(|entry| entry.get("calls").cloned());
    assert_eq!(calls.map(|calls| calls.number()), Some(3));
    let slow = line(
        &mut client,
        "latencystats",
        "latency_percentiles_usec_yarr.find",
    );
    assert!(slow.starts_with("p50="), "{slow}");
}

#[test]
fn reads_that_find_a_table_are_hits_and_others_misses() {
    let (_server, mut client) = served(Options::new());
    client.ok("CONFIG RESETSTAT");
    client.ok("YARR.FIND t 1");
    client.ok("YARR.WHERE t *");
    client.run("YARR.FIND none 1");
    assert_eq!(line(&mut client, "stats", "keyspace_hits"), "2");
    assert_eq!(line(&mut client, "stats", "keyspace_misses"), "1");
}

#[test]
fn a_figure_that_only_grows_with_writes_is_left_by_reads() {
    needs!(COUNTED_CHANGES);
    let (_server, mut client) = served(Options::new());
    let dirty = |client: &mut Client| line(client, "persistence", "rdb_changes_since_last_save");
    let before = dirty(&mut client);
    for read in [
        "YARR.FIND t 1",
        "YARR.INFO t",
        "YARR.DEL t 99",
        "YARR.CREATE t n x",
    ] {
        client.run(read);
        assert_eq!(dirty(&mut client), before, "{read}");
    }
    client.ok("YARR.UPDATE t 1 SET n 7");
    assert_ne!(dirty(&mut client), before);
}

#[test]
fn removals_in_the_background_are_changes_to_be_saved() {
    needs!(TIMERS);
    let (_server, mut client) = served(Options::new());
    client.ok(&format!(
        "YARR.CREATE t PX 100 FIELDS 1 n VALUES {}",
        "5 ".repeat(50)
    ));
    client.ok("SAVE");
    assert_eq!(
        line(&mut client, "persistence", "rdb_changes_since_last_save"),
        "0"
    );
    let expiring =
        |client: &mut Client| client.ok("YARR.INFO t").get("expiring").map(Reply::number);
    eventually("the records are removed", || {
        expiring(&mut client) == Some(0)
    });
    assert_ne!(
        line(&mut client, "persistence", "rdb_changes_since_last_save"),
        "0"
    );
}

#[test]
fn the_section_of_the_module_is_in_info() {
    needs!(INFO_SECTIONS);
    let (_server, mut client) = served(Options::new());
    let modules = client.ok("INFO modules").text();
    assert!(modules.contains("module:name=yarr,"), "{modules}");
    let section = client.ok("INFO yarr").text();
    assert!(section.lines().count() > 3, "{section}");
    let all = client.ok("INFO everything").text();
    assert!(
        all.contains(section.lines().next().expect("a title")),
        "it is in INFO everything"
    );
    assert!(line(&mut client, "keyspace", "db0").starts_with("keys=1,"));
}

#[test]
fn a_paused_server_holds_writes_and_serves_reads() {
    needs!(PAUSE_WRITES);
    let (server, mut client) = served(Options::new());
    let mut writer = server.connect();
    client.ok("CLIENT PAUSE 100000 WRITE");
    writer
        .write(&["YARR.UPDATE", "t", "1", "SET", "n", "9"])
        .expect("sent");
    eventually("the writer is held", || {
        line(&mut client, "clients", "blocked_clients") == "1"
    });
    assert_eq!(client.ok("YARR.FIND t 1 RETURN n").words(), ["n", "1"]);
    assert_eq!(client.count("YARR.WHERE t n = 9 COUNT"), 0);
    client.ok("CLIENT UNPAUSE");
    assert_eq!(writer.reply().expect("a reply"), Reply::Integer(1));
    assert_eq!(client.ok("YARR.FIND t 1 RETURN n").words(), ["n", "9"]);
    if !able(READING_SCRIPTS) {
        return;
    }
    // A script that only reads goes on, and one that writes waits.
    client.ok("CLIENT PAUSE 100000 WRITE");
    assert_eq!(
        client.ok(r#"EVAL_RO "return redis.call('YARR.WHERE', KEYS[1], '*', 'COUNT')" 1 t"#),
        Reply::Integer(3)
    );
    client.ok("CLIENT UNPAUSE");
}

#[test]
fn a_client_that_is_killed_leaves_no_half_command() {
    needs!(CLIENT_ID);
    let (server, mut client) = served(Options::new());
    let count = |client: &mut Client| client.count("YARR.WHERE t n = 7 COUNT");
    for _ in 0..10 {
        let before = count(&mut client);
        let mut victim = server.connect();
        let id = victim.count("CLIENT ID");
        let many: Vec<String> = "YARR.CREATE t FIELDS 1 n VALUES"
            .split(' ')
            .map(String::from)
            .chain(std::iter::repeat_n("7".to_string(), 20_000))
            .collect();
        victim.write(&many).expect("sent");
        client.ok(&format!("CLIENT KILL ID {id}"));
        let came = count(&mut client) - before;
        assert!(came == 0 || came == 20_000, "{came} of 20,000 records");
    }
}

#[test]
fn a_client_may_ask_for_no_replies() {
    let (_server, mut client) = served(Options::new());
    client.write(&["CLIENT", "REPLY", "OFF"]).expect("sent");
    client.write(&["YARR.CREATE", "t", "n", "7"]).expect("sent");
    client.write(&["YARR.WHERE", "t", "*"]).expect("sent");
    client.write(&["YARR.CREATE", "t", "n", "x"]).expect("sent");
    assert_eq!(client.run("CLIENT REPLY ON").print(), "OK");
    client.write(&["CLIENT", "REPLY", "SKIP"]).expect("sent");
    client.write(&["YARR.FIND", "t", "1"]).expect("sent");
    assert_eq!(client.list("YARR.WHERE t n = 7 IDS"), ["4"]);
}

#[test]
fn a_reset_connection_starts_anew() {
    needs!(RESET);
    let (server, client) = served(Options::new());
    let mut client = client.resp3();
    client.ok("SELECT 3");
    client.ok("CLIENT TRACKING ON");
    client.ok("MULTI");
    client.ok("YARR.CREATE t n 9");
    assert_eq!(client.ok("RESET").print(), "RESET");
    assert_eq!(client.ok("YARR.FIND t 1").words(), ["id", "1", "n", "1"]);
    assert!(matches!(client.ok("YARR.FIND t 1"), Reply::Array(_)));
    assert_eq!(server.connect().count("YARR.WHERE t n = 9 COUNT"), 0);
}

#[test]
fn a_client_too_slow_for_its_answers_is_let_go_and_nobody_else() {
    needs!(CLIENT_EVICTION);
    let (server, mut client) = served(
        Options::new()
            .set("client-output-buffer-limit", "normal 1mb 0 0")
            .set("maxmemory-clients", "0"),
    );
    client.ok(&format!(
        "YARR.CREATE t FIELDS 1 n VALUES {}",
        "5 ".repeat(20_000)
    ));
    let mut slow = server.connect();
    slow.ok("CLIENT NO-EVICT on");
    for _ in 0..200 {
        if slow.write(&["YARR.WHERE", "t", "*"]).is_err() {
            break;
        }
    }
    eventually("the slow client is let go", || {
        !client.ok("CLIENT LIST").text().contains("cmd=yarr.where")
    });
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 20_000);
}

#[test]
fn the_latency_monitor_watches_and_finds_nothing_of_the_background() {
    needs!(TIMERS);
    let (_server, mut client) = served(Options::new().set("latency-monitor-threshold", "200"));
    client.ok(&format!(
        "YARR.CREATE t PX 20 FIELDS 1 n VALUES {}",
        "5 ".repeat(5_000)
    ));
    let expiring =
        |client: &mut Client| client.ok("YARR.INFO t").get("expiring").map(Reply::number);
    eventually("the records are removed", || {
        expiring(&mut client) == Some(0)
    });
    sleep(Duration::from_millis(10));
    let words = client.ok("LATENCY LATEST").words();
    assert!(
        !words.iter().any(|word| word.contains("expire")),
        "{words:?}"
    );
}

#[test]
fn the_modules_commands_are_among_the_servers() {
    needs!(COMMAND_DOCS);
    let (_server, mut client) = served(Options::new());
    let all = client.count("COMMAND COUNT");
    let mut plain = Options::new().start_plain();
    assert_eq!(all - plain.connect().count("COMMAND COUNT"), 13);
    plain.stop();
    let mut found = client.list("COMMAND LIST FILTERBY PATTERN yarr.*");
    let mut listed = client.list("COMMAND LIST FILTERBY MODULE yarr");
    found.sort();
    listed.sort();
    assert_eq!(found, listed);
    assert_eq!(found.len(), 13);
    assert_eq!(
        client.list("COMMAND LIST FILTERBY MODULE other"),
        Vec::<String>::new()
    );
}
