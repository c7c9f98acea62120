//! The verbs that look at a cluster.

use serde_json::Value;

use crate::{
    harness::{Project, Server, eventually},
    terminal::*,
};

/// Two nodes, half of the slots each.
fn cluster() -> [Server; 2] {
    let nodes = [(), ()].map(|()| Server::start_with(&["--cluster-enabled", "yes"]));
    let ask = |node: &Server, words: &[&str]| -> String {
        let answer: redis::RedisResult<String> =
            redis::cmd("CLUSTER").arg(words).query(&mut node.connect());
        answer.expect("an answer")
    };
    for (node, slots) in nodes.iter().zip([0..8192, 8192..16384]) {
        let slots: Vec<String> = slots.map(|slot: u32| slot.to_string()).collect();
        let words: Vec<&str> = std::iter::once("ADDSLOTS")
            .chain(slots.iter().map(String::as_str))
            .collect();
        ask(node, &words);
    }
    ask(
        &nodes[0],
        &["MEET", "127.0.0.1", &nodes[1].port().to_string()],
    );
    for node in &nodes {
        eventually("the cluster serves all slots", || {
            ask(node, &["INFO"]).contains("cluster_state:ok")
                && ask(node, &["NODES"]).lines().count() == 2
        });
    }
    nodes
}

#[test]
fn the_tables_of_all_primaries_are_looked_at() {
    let nodes = cluster();
    let project = Project::of_urls(&[format!("redis+cluster://127.0.0.1:{}", nodes[0].port())]);
    // Each of these lies on another node.
    for table in ["{a}pet", "{b}pet"] {
        let migrate = format!("YARR.MIGRATE {table} UP 1 create_pet ADD FIELD name STRING INDEX");
        let create = format!("YARR.CREATE {table} name Rex");
        project
            .run(&["console", "-c", &migrate, "-c", &create])
            .done();
    }
    let documents: Vec<Value> = project
        .yarr("tables --json")
        .done()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut places: Vec<&str> = documents
        .iter()
        .filter_map(|table| table["redis"].as_str())
        .collect();
    places.sort_unstable();
    let mut expected = nodes
        .each_ref()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    expected.sort();
    assert_eq!(places, expected);
    assert!(
        project
            .yarr("info {b}pet")
            .done()
            .contains("  records   1\n")
    );
    let run = project.yarr("explain {a}pet WHERE name = Rex");
    assert!(
        run.done().starts_with("read the index on (name)"),
        "{run:?}"
    );
    let run = project.yarr("top --once --interval 0.1 --json");
    let look: Value = serde_json::from_str(run.done()).expect("JSON");
    assert_eq!(look["tables"].as_array().map(Vec::len), Some(2));
    let terminal = Terminal::open(&project, &["console"], 100, 30);
    terminal.prompt();
    let screen = terminal.line("\\d");
    for table in ["{a}pet", "{b}pet"] {
        assert!(screen.text().contains(table), "{}", screen.text());
        terminal.line(&format!("YARR.WHERE {table} * PLUCK name"));
        terminal.shows("Rex");
    }
    terminal.type_in("YARR.FIND {b");
    terminal.press(TAB);
    terminal.wait("a table", |screen| {
        screen.before_cursor().ends_with("{b}pet ")
    });
}
