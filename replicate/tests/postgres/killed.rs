//! Whoever dies, at whatever moment: no row is lost, doubled or stale.
//!
//! The replicator is a process of its own: this program once more, which runs the test [`replicates`] alone. It ends
//! itself by SIGKILL when it comes to a state, or is ended at a moment that nobody chose; then another takes its place.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use yarr_replicate::{Event, Listener, State, Wish};
use yarr_replicate_testing::Cluster;

use crate::harness::{Places, Stage, assert_equal, block_on, options};

/// Where things are, and when the replicator is to end.
const PLACES: &str = "YARR_REPLICATE_PLACES";
/// What each line begins with that says an event.
const SAID: &str = "event";
/// How many kills, instead of a few.
const KILLS: &str = "YARR_REPLICATE_KILLS";

fn kills(otherwise: u64) -> u64 {
    env::var(KILLS).map_or(otherwise, |kills| kills.parse().expect("a number of kills"))
}

/// The replicator of the tests below.
#[test]
#[ignore = "the other tests run it in a process of its own"]
fn replicates() {
    let told = env::var(PLACES).expect("where things are");
    let words: Vec<&str> = told.split(' ').collect();
    let [redis, port, database, store, at] = words[..] else {
        panic!("{told}");
    };
    let places = Places {
        redis: redis.into(),
        port: port.parse().expect("a port"),
        database: database.into(),
        store: store.into(),
    };
    let listener = ends_at(at.parse().expect("a number of events"));
    let done = block_on(places.run(&wish(), &options(), listener));
    done.expect("it is replicated");
}

/// Says each event on standard output, and ends the process at the one of this number.
fn ends_at(at: u64) -> Listener {
    let events = AtomicU64::new(0);
    Arc::new(move |event| {
        let (Event::State { replication } | Event::Progress { replication, .. }) = event else {
            return;
        };
        println!("{SAID} {}", replication.state);
        if events.fetch_add(1, Ordering::Relaxed) + 1 == at {
            let kill = format!("kill -9 {}", std::process::id());
            let _ = Command::new("sh").args(["-c", &kill]).status();
            unreachable!("it is dead");
        }
    })
}

/// Waits until a replicator has said so many events that are of this state, of any where there is none. Its output is
/// to be kept: who writes where nobody can read dies.
fn wait_for(child: &mut Child, state: Option<State>, events: u64) -> BufReader<ChildStdout> {
    let mut said = BufReader::new(child.stdout.take().expect("its output"));
    let beginning = format!("{SAID} {}", state.map_or("", State::name));
    let (mut line, mut found) = (String::new(), 0);
    while found < events && said.read_line(&mut line).is_ok_and(|read| read > 0) {
        found += u64::from(line.starts_with(&beginning));
        line.clear();
    }
    said
}

/// A replicator that ends at an event, or never.
fn replicator(stage: &Stage, at: u64) -> Child {
    let Places {
        redis,
        port,
        database,
        store,
    } = &stage.places;
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "killed::replicates", "--ignored", "--nocapture"])
        .env(
            PLACES,
            format!("{redis} {port} {database} {} {at}", store.display()),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a replicator")
}

fn wish() -> Wish {
    Wish::new("person", "person")
}

fn stage(cluster: &Cluster) -> Stage {
    let stage = Stage::on(cluster);
    stage.say("YARR.MIGRATE person UP 1 make ADD FIELD name STRING NOT NULL ADD FIELD turn INTEGER CHANGES ON");
    cluster.query(
        &stage.places.database,
        "CREATE TABLE person (id bigint, name text, turn bigint)",
    );
    stage
}

/// Writes so many records anew, changes some that are there, and deletes some.
fn write(stage: &Stage, turn: u64) {
    let mut connection = stage.redis.connect();
    let mut pipe = redis::pipe();
    for n in 0..40 {
        pipe.cmd("YARR.CREATE")
            .arg(&["person", "name"])
            .arg(format!("n{n}"));
        pipe.arg("turn").arg(turn).ignore();
    }
    for n in 0..turn.min(20) {
        let id = 1 + n * 37 % (turn * 40);
        pipe.cmd("YARR.UPDATE").arg("person").arg(id).arg("SET");
        pipe.arg("turn").arg(turn * 1000 + n).ignore();
        let gone = 1 + n * 53 % (turn * 40);
        pipe.cmd("YARR.DEL").arg("person").arg(gone).ignore();
    }
    pipe.exec(&mut connection).expect("records");
}

/// Rows and records are the same, and no part is left.
#[track_caller]
fn assert_done(stage: &Stage, cluster: &Cluster, after: &str) {
    assert_equal(stage, cluster);
    assert!(stage.left().is_empty(), "{after}: {:?}", stage.left());
}

/// A lease of a runner that is dead is not waited for here.
fn free(stage: &Stage) {
    stage.say("DEL yarr:replicate:warehouse:person");
}

#[test]
fn the_replicator_may_be_killed_at_every_event() {
    let cluster = crate::harness::cluster();
    let stage = stage(cluster);
    let mut killed = 0;
    for turn in 1.. {
        write(&stage, turn);
        // The first kills go through the events of a replication one by one, and more of them as often as is asked for.
        let at = 1 + (turn - 1) % 12;
        let mut child = replicator(&stage, at);
        let status = child.wait().expect("a replicator");
        if !status.success() {
            killed += 1;
            free(&stage);
            let mut next = replicator(&stage, 0);
            assert!(
                next.wait().expect("a replicator").success(),
                "after a kill at {at}"
            );
        }
        assert_done(
            &stage,
            cluster,
            &format!("a kill at event {at} of turn {turn}"),
        );
        if killed >= kills(11) {
            break;
        }
    }
    let states = "SELECT DISTINCT state FROM _yarr_replications";
    assert_eq!(stage.sql(states), [State::Imported.name()]);
}

#[test]
fn the_replicator_may_be_killed_at_any_moment() {
    let cluster = crate::harness::cluster();
    let stage = stage(cluster);
    let (mut killed, mut states) = (0, BTreeMap::new());
    for turn in 1..=kills(8) {
        write(&stage, turn);
        let mut child = replicator(&stage, 0);
        let _said = wait_for(&mut child, None, turn % 9);
        sleep(Duration::from_micros(turn * 7919 % 3000));
        let _ = child.kill();
        let status = child.wait().expect("a replicator");
        killed += u64::from(!status.success());
        let last = "SELECT state FROM _yarr_replications ORDER BY id DESC LIMIT 1";
        let found = cluster.try_query(&stage.places.database, last);
        let state = found
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .next()
            .flatten();
        *states.entry(state).or_insert(0) += 1;
        free(&stage);
        if turn % 3 != 0 {
            // Now and then the next one is killed too.
            let mut next = replicator(&stage, 0);
            assert!(next.wait().expect("a replicator").success());
            assert_done(&stage, cluster, &format!("a kill in turn {turn}"));
        }
    }
    let mut last = replicator(&stage, 0);
    assert!(last.wait().expect("a replicator").success());
    assert_done(&stage, cluster, "the last kill");
    println!("{killed} killed, at {states:?}");
    assert!(killed > 0, "none was killed in time");
}

#[test]
fn the_target_may_be_killed_during_an_import() {
    let mut cluster = Cluster::start();
    let stage = stage(&cluster);
    for turn in 1..=kills(3) {
        write(&stage, turn);
        let mut child = replicator(&stage, 0);
        let _said = wait_for(&mut child, Some(State::Importing), 1);
        sleep(Duration::from_micros(turn * 7919 % 5000));
        cluster.kill();
        let _ = child.wait();
        free(&stage);
        cluster.restart();
        let mut next = replicator(&stage, 0);
        assert!(next.wait().expect("a replicator").success(), "turn {turn}");
        assert_done(
            &stage,
            &cluster,
            &format!("a kill of the target in turn {turn}"),
        );
    }
}
