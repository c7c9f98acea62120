//! The same on asynchronous connections.

#![cfg(feature = "tokio-comp")]

use futures_util::{StreamExt, TryStreamExt};
use yarr_client::{
    Error, Migration, Migrator, pipeline,
    prelude::*,
    redis::{self, aio::MultiplexedConnection},
    transaction,
};
use yarr_client_testing::Server;

use crate::sample::{Sample, database, make};

async fn connection(protocol: &str) -> MultiplexedConnection {
    let client = database(protocol);
    make::<Sample>(&mut client.get_connection().unwrap());
    client.get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn everything_is_done_on_an_asynchronous_connection_too() {
    for protocol in ["resp2", "resp3"] {
        let mut con = connection(protocol).await;
        let f = Sample::fields();
        let rows = (0..95).map(|n| (f.whole.set(n % 10), f.label.set(n.to_string())));
        let ids = Sample::create_many(rows).run_async(&mut con).await.unwrap();
        assert_eq!(ids.len(), 95);
        let met: Vec<i64> = Sample::query()
            .batch(10)
            .stream(&mut con)
            .map_ok(|s| s.id)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(met, ids);
        let (one, count) = pipeline((Sample::find(1), Sample::query().count()))
            .run_async(&mut con)
            .await
            .unwrap();
        assert_eq!((one.unwrap().unwrap().id, count.unwrap()), (1, 95));
        let (sum, _) = transaction((
            Sample::query().aggregate(sum(f.whole)),
            Sample::query().delete(),
        ))
        .run_async(&mut con)
        .await
        .unwrap();
        assert_eq!(sum.unwrap(), Some(415));
        let gone = Sample::find(1).run_async(&mut con).await.unwrap();
        assert_eq!(gone, None);
    }
}

#[tokio::test]
async fn operations_go_on_tasks_of_their_own() {
    let con = connection("resp3").await;
    let f = Sample::fields();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let mut con = con.clone();
            tokio::spawn(async move {
                let label = n.to_string();
                let made = Sample::create((f.whole.set(n), f.label.set(&label)))
                    .run_async(&mut con)
                    .await?;
                let walked: Vec<Sample> = Sample::query()
                    .filter(f.id.eq(made.id))
                    .stream(&mut con)
                    .try_collect()
                    .await?;
                Ok::<_, Error>(walked.len())
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), 1);
    }
}

#[tokio::test]
async fn a_manager_connects_anew_after_a_lost_connection() {
    let server = Server::start();
    make::<Sample>(&mut server.connect());
    let mut manager = server.client().get_connection_manager().await.unwrap();
    let f = Sample::fields();
    Sample::create_many((0..30).map(|n| (f.whole.set(n), f.label.set(n.to_string()))))
        .run_async(&mut manager)
        .await
        .unwrap();
    let mut killer = server.connect();
    let mut walker = manager.clone();
    let mut stream = std::pin::pin!(Sample::query().batch(10).stream(&mut walker));
    for _ in 0..10 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    let _: i64 = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
        .query(&mut killer)
        .unwrap();
    let lost = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(lost, Error::Redis(_)), "{lost:?}");
    assert!(stream.next().await.is_none());
    // It comes back by itself; what was written before is there.
    let count = loop {
        match Sample::query().count().run_async(&mut manager).await {
            Err(Error::Redis(_)) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            count => break count,
        }
    };
    assert_eq!(count.unwrap(), 30);
}

#[tokio::test]
async fn a_late_answer_is_a_timeout() {
    let server = Server::start();
    make::<Sample>(&mut server.connect());
    let config = redis::AsyncConnectionConfig::new()
        .set_response_timeout(Some(std::time::Duration::from_millis(50)));
    let mut con = server
        .client()
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .unwrap();
    server.freeze();
    let late = Sample::find(1).run_async(&mut con).await;
    server.thaw();
    assert!(late.as_ref().is_err_and(Error::is_timeout), "{late:?}");
}

#[tokio::test]
async fn migrations_are_waited_for_by_all() {
    let client = database("resp2");
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut con = client.get_multiplexed_async_connection().await?;
                let first = Migration::new(1, "a")
                    .table("t", "ADD FIELD a STRING")
                    .command(["INCR", "n"]);
                Migrator::new().with(first).up_async(&mut con).await
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap().unwrap().len();
    }
    assert_eq!(done, 1);
    let mut con = client.get_multiplexed_async_connection().await.unwrap();
    let migrator = Migrator::new().with(
        Migration::new(1, "a")
            .table("t", "ADD FIELD a STRING")
            .command(["INCR", "n"])
            .down_command(["DEL", "n"]),
    );
    assert!(migrator.status_async(&mut con).await.unwrap()[0].applied);
    assert_eq!(migrator.down_async(&mut con).await.unwrap(), Some(1));
}
