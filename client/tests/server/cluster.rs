//! Tables on the nodes of a cluster.

use std::collections::BTreeSet;

use yarr_client::{
    Migration, Migrator,
    prelude::*,
    redis::{self, cluster::ClusterClient},
};
use yarr_client_testing::{Server, eventually};

use crate::sample::Sample;

/// Two nodes, half of the slots each.
fn cluster() -> [Server; 2] {
    let nodes = [(), ()].map(|()| Server::start_with(&["--cluster-enabled", "yes"]));
    for (node, slots) in nodes.iter().zip([0..8192, 8192..16384]) {
        let slots: Vec<u32> = slots.collect();
        let mut add = redis::cmd("CLUSTER");
        add.arg("ADDSLOTS")
            .arg(slots)
            .exec(&mut node.connect())
            .unwrap();
    }
    let port = nodes[1].port();
    let mut meet = redis::cmd("CLUSTER");
    meet.arg("MEET")
        .arg("127.0.0.1")
        .arg(port)
        .exec(&mut nodes[0].connect())
        .unwrap();
    for node in &nodes {
        eventually("the cluster serves all slots", || {
            let info: String = redis::cmd("CLUSTER")
                .arg("INFO")
                .query(&mut node.connect())
                .unwrap();
            let known: String = redis::cmd("CLUSTER")
                .arg("NODES")
                .query(&mut node.connect())
                .unwrap();
            info.contains("cluster_state:ok") && known.lines().count() == 2
        });
    }
    nodes
}

fn make(table: &str) -> redis::Cmd {
    let mut migrate = redis::cmd("YARR.MIGRATE");
    migrate.arg(table).arg("UP").arg(1).arg("make");
    for operation in Sample::SCHEMA.operations() {
        migrate.arg(operation.split(' ').collect::<Vec<_>>());
    }
    migrate
}

#[test]
fn each_table_is_found_on_its_node() {
    let nodes = cluster();
    let client = ClusterClient::new(vec![nodes[0].url("")]).unwrap();
    let mut connection = client.get_connection().unwrap();
    let f = Sample::fields();
    let operations = Sample::SCHEMA.operations().join(" ");
    let names = (0..8).map(|shard| format!("{{{shard}}}:sample"));
    let make = names.fold(Migration::new(1, "make"), |make, name| {
        make.table(&name, &operations)
    });
    let migrator = Migrator::new().with(make);
    assert_eq!(migrator.up(&mut connection).unwrap(), [1]);
    assert_eq!(migrator.up(&mut connection).unwrap(), [0; 0]);
    for shard in 0..8 {
        let name = format!("{{{shard}}}:sample");
        let table = Sample::table(name);
        let made = table
            .create((f.whole.set(shard), f.label.set("a")))
            .run(&mut connection)
            .unwrap();
        assert_eq!(
            table.find(made.id).run(&mut connection).unwrap(),
            Some(made)
        );
        assert!(table.check().run(&mut connection).unwrap().is_empty());
        let met = table.query().iter(&mut connection).count();
        assert_eq!(met, 1);
    }
    // A blocking connection sends its commands one at a time, and says so.
    let refused = yarr_client::pipeline((Sample::find(1),)).run(&mut connection);
    assert!(matches!(refused, Err(yarr_client::Error::Redis(_))));
    let keys = nodes.each_ref().map(|node| {
        let keys: BTreeSet<String> = redis::cmd("KEYS")
            .arg("*:sample")
            .query(&mut node.connect())
            .unwrap();
        keys.len()
    });
    assert!(
        keys[0] > 0 && keys[1] > 0 && keys[0] + keys[1] == 8,
        "{keys:?}"
    );
}

#[cfg(feature = "tokio-comp")]
#[tokio::test]
async fn each_table_is_found_on_its_node_from_an_asynchronous_connection() {
    let nodes = cluster();
    let client = ClusterClient::new(vec![nodes[0].url("")]).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    let f = Sample::fields();
    for shard in 0..4 {
        let name = format!("{{{shard}}}:sample");
        make(&name).exec_async(&mut connection).await.unwrap();
        let table = Sample::table(name);
        let new = table.create((f.whole.set(shard), f.label.set("a"))).id();
        let all = table.query().update(f.whole.increment(1));
        let (id, changed) = yarr_client::transaction((new, all))
            .run_async(&mut connection)
            .await
            .unwrap();
        assert_eq!((id.unwrap(), changed.unwrap()), (1, 1));
        let sum = table
            .query()
            .aggregate(sum(f.whole))
            .run_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(sum, Some(shard + 1));
    }
}
