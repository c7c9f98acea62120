//! Migrations in a cluster.

use std::process::Stdio;

use redis::Commands;

use crate::harness::{Project, Server, eventually};

/// Two nodes, half of the slots each.
fn cluster() -> [Server; 2] {
    let nodes = [(), ()].map(|()| Server::start_with(&["--cluster-enabled", "yes"]));
    for (node, slots) in nodes.iter().zip([0..8192, 8192..16384]) {
        let slots: Vec<u32> = slots.collect();
        redis::cmd("CLUSTER")
            .arg("ADDSLOTS")
            .arg(slots)
            .exec(&mut node.connect())
            .unwrap();
    }
    let meet = ["MEET", "127.0.0.1", &nodes[1].port().to_string()];
    redis::cmd("CLUSTER")
        .arg(&meet)
        .exec(&mut nodes[0].connect())
        .unwrap();
    for node in &nodes {
        eventually("the cluster serves all slots", || {
            let mut con = node.connect();
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut con).unwrap();
            let known: String = redis::cmd("CLUSTER").arg("NODES").query(&mut con).unwrap();
            info.contains("cluster_state:ok") && known.lines().count() == 2
        });
    }
    nodes
}

#[test]
fn every_node_is_walked_and_every_slot_reached() {
    let nodes = cluster();
    let mut con = redis::cluster::ClusterClient::new(vec![nodes[0].url("")])
        .unwrap()
        .get_connection()
        .unwrap();
    for n in 0..300 {
        let () = con.set(format!("n:{n}"), n).unwrap();
    }
    let project = Project::of_urls(&[format!("redis+cluster://127.0.0.1:{}", nodes[0].port())]);
    project.migration(
        "1_a",
        "up\n  table {a}t\n    ADD FIELD a STRING\n  table {b}t\n    ADD FIELD b STRING INDEX\n  redis\n    INCR x\n    INCR y\n    INCR z\n  \
         for each key matching 'n:*' batch 7\n    INCR {key}\n    SET {{key}}:old {1}\n  end\ndown\n  drop data\n  \
         for each key matching 'n:*'\n    DECR {key}\n  end\n  redis\n    DEL x\n    DEL y\n    DEL z\n",
    );
    let plan = project.yarr("migrate --dry-run");
    assert!(plan.done().contains("300 keys"), "{plan:?}");
    project.yarr("migrate").done();
    for n in 0..300 {
        assert_eq!(con.get(format!("n:{n}")), Ok(n + 1));
        assert_eq!(con.get(format!("{{n:{n}}}:old")), Ok(n));
    }
    for key in ["x", "y", "z"] {
        assert_eq!(con.get(key), Ok(1), "{key}");
    }
    let spread = nodes.each_ref().map(|node| {
        let size: i64 = redis::cmd("DBSIZE").query(&mut node.connect()).unwrap();
        size
    });
    assert!(spread.iter().all(|size| *size > 100), "{spread:?}");
    assert_eq!(project.yarr("diff").code, 0);
    let schema = project.yarr("schema");
    assert!(
        schema.done().contains("table {a}t") && schema.stdout.contains("table {b}t"),
        "{schema:?}"
    );
    project.yarr("redo").done();
    assert_eq!((con.get("n:0"), con.get("x")), (Ok(1), Ok(1)));
    assert_eq!(project.yarr("unlock").table().len(), 2);
    // An address of one node alone reaches neither the others nor their keys.
    let alone = format!("redis://127.0.0.1:{}", nodes[0].port());
    project.migration(
        "2_b",
        "up\n  for each key matching 'n:*'\n    INCR {key}\n  end\ndown\n",
    );
    let run = project.yarr(&format!("migrate --url {alone}"));
    assert_ne!(run.code, 0, "{run:?}");
    assert_eq!(con.get("n:0"), Ok(1));
    project.yarr("migrate").done();
    assert_eq!(con.get("n:299"), Ok(301));
}

#[test]
fn a_run_that_is_killed_does_everything_at_least_once() {
    const KEYS: usize = 1_000;
    let nodes = cluster();
    let client = redis::cluster::ClusterClient::new(vec![nodes[0].url("")]).unwrap();
    let mut con = client.get_connection().unwrap();
    for n in 0..KEYS {
        let () = con.hset(format!("n:{n}"), "n", n).unwrap();
    }
    let project = Project::of_urls(&[format!("redis+cluster://127.0.0.1:{}", nodes[0].port())]);
    project.migration(
        "1_a",
        "up\n  for each key matching 'n:*'\n    HINCRBY {key} turns 1\n  end\n  redis\n    SET ended 1\ndown\n",
    );
    let mut killed = 0;
    for place in 1..4 {
        let mut run = project
            .command(&["migrate"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("some keys are done", || {
            let left: usize = con.scard("{yarr}:migrations:keys").unwrap();
            run.try_wait().unwrap().is_some() || (1..=KEYS - place * 150).contains(&left)
        });
        run.kill().unwrap();
        killed += usize::from(!run.wait().unwrap().success());
        project.yarr("unlock").done();
    }
    project.yarr("migrate").done();
    let turns: Vec<usize> = (0..KEYS)
        .map(|n| con.hget(format!("n:{n}"), "turns").unwrap())
        .collect();
    assert!(
        turns.iter().all(|turns| (1..=1 + killed).contains(turns)),
        "{turns:?}"
    );
    assert!(turns.iter().sum::<usize>() <= KEYS + killed, "{turns:?}");
    assert_eq!((killed, con.get("ended")), (3, Ok(1)));
}
