//! What an operation costs a client: by yarr-client, by raw commands of the same module, and by hashes whose indexes the
//! client keeps by hand in transactions. All in one run, on one connection, one after another: medians of a round trip in
//! microseconds.
//!
//!     make client-figures RECORDS=100000

use std::{
    collections::HashMap,
    env,
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use redis::{Commands, Connection, Pipeline};
use yarr_client::{Operation as _, prelude::*};
use yarr_client_testing::Server;

#[derive(Debug, Record)]
#[record(table = "session", index(user_id, created_at))]
struct Session {
    id: i64,
    user_id: i64,
    token: String,
    #[record(bitmap)]
    status: Status,
    score: f64,
    #[record(index)]
    created_at: std::time::SystemTime,
}

#[derive(Debug, Clone, Copy, Enum)]
enum Status {
    Active,
    Idle,
    Closed,
}

const STATUSES: [Status; 3] = [Status::Active, Status::Idle, Status::Closed];
const NAMES: [&str; 3] = ["active", "idle", "closed"];

/// Rounds of each measurement; the median is shown.
const ROUNDS: usize = 1000;
/// Sessions of one user.
const EACH: i64 = 20;

type Row = HashMap<String, String>;
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A record's values, by its number.
struct Values {
    user: i64,
    token: String,
    status: usize,
    score: f64,
    at: i64,
}

impl Values {
    fn of(number: i64) -> Values {
        Values {
            user: number / EACH,
            token: format!("00000000-0000-4000-8000-{number:012}"),
            status: (number % 3) as usize,
            score: number as f64 / 7.0,
            at: 1_767_225_600_000 + number * 1000,
        }
    }

    /// A hash, a sorted set of the user's sessions by time, one of all by time, and a set of each status.
    fn by_hand(&self, id: i64, pipeline: &mut Pipeline) {
        let fields = [
            ("user_id", self.user.to_string()),
            ("token", self.token.clone()),
            ("status", NAMES[self.status].into()),
            ("score", self.score.to_string()),
            ("created_at", self.at.to_string()),
        ];
        pipeline.hset_multiple(format!("s:{id}"), &fields).ignore();
        pipeline
            .zadd(format!("s:user:{}", self.user), id, self.at)
            .ignore();
        pipeline.zadd("s:created_at", id, self.at).ignore();
        pipeline
            .sadd(format!("s:status:{}", NAMES[self.status]), id)
            .ignore();
    }
}

fn fill(connection: &mut Connection, records: i64) -> Outcome {
    let mut migrate = redis::cmd("YARR.MIGRATE");
    migrate.arg(&["session", "UP", "1", "make"]);
    for operation in Session::SCHEMA.operations() {
        migrate.arg(operation.split(' ').collect::<Vec<_>>());
    }
    migrate.exec(connection)?;
    let f = Session::fields();
    for chunk in (0..records).collect::<Vec<_>>().chunks(1000) {
        let rows = chunk.iter().map(|number| {
            let values = Values::of(*number);
            let at = std::time::UNIX_EPOCH + Duration::from_millis(values.at as u64);
            (
                f.user_id.set(values.user),
                f.token.set(values.token),
                f.status.set(STATUSES[values.status]),
                f.score.set(values.score),
                f.created_at.set(at),
            )
        });
        Session::create_many(rows).run(connection)?;
        let mut pipeline = redis::pipe();
        for number in chunk {
            Values::of(*number).by_hand(number + 1, &mut pipeline);
        }
        pipeline.exec(connection)?;
    }
    let () = connection.set("s:id", records)?;
    Ok(())
}

/// One way of doing something: the number of the round in, done.
type Way = Box<dyn FnMut(&mut Connection, i64) -> Outcome>;

/// What was answered is there, and of no use.
fn done<T>(answer: T) -> Outcome {
    black_box(answer);
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// Does all ways in turn and answers the median of each, in microseconds.
fn measure<const N: usize>(
    connection: &mut Connection,
    rounds: usize,
    mut ways: [Way; N],
) -> Outcome<[f64; N]> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..rounds {
        for (way, times) in ways.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            way(connection, round as i64)?;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(times.map(median))
}

fn show(work: &str, [client, raw, hand]: [f64; 3], [trips, hand_trips]: [usize; 2]) {
    println!(
        "| {work} | {client:.0} | {raw:.0} | {hand:.0} | {trips} / {hand_trips} | {:.2} | {:.2} |",
        client / raw,
        client / hand
    );
}

fn ways(
    client: impl FnMut(&mut Connection, i64) -> Outcome + 'static,
    raw: impl FnMut(&mut Connection, i64) -> Outcome + 'static,
    hand: impl FnMut(&mut Connection, i64) -> Outcome + 'static,
) -> [Way; 3] {
    [Box::new(client), Box::new(raw), Box::new(hand)]
}

fn ping(connection: &mut Connection) -> Outcome<f64> {
    let way: Way =
        Box::new(|connection, _| redis::cmd("PING").exec(connection).map_err(Into::into));
    let [ping] = measure(connection, ROUNDS, [way])?;
    Ok(ping)
}

fn single(connection: &mut Connection, records: i64) -> Outcome {
    let spread = move |round: i64| (round * 7919) % records + 1;
    let f = Session::fields();
    let found = ways(
        move |c, round| done(Session::find(spread(round)).run(c)?),
        move |c, round| {
            let row: Row = redis::cmd("YARR.FIND")
                .arg("session")
                .arg(spread(round))
                .query(c)?;
            done(row)
        },
        move |c, round| done::<Row>(c.hgetall(format!("s:{}", spread(round)))?),
    );
    show("find by id", measure(connection, ROUNDS, found)?, [1, 1]);

    let created = ways(
        move |c, round| {
            let values = Values::of(records + round);
            let given = (
                f.user_id.set(values.user),
                f.token.set(values.token),
                f.status.set(STATUSES[values.status]),
                f.score.set(values.score),
            );
            done(Session::create(given).id().run(c)?)
        },
        move |c, round| {
            let values = Values::of(records + round);
            let mut create = redis::cmd("YARR.CREATE");
            create
                .arg("session")
                .arg("user_id")
                .arg(values.user)
                .arg("token")
                .arg(values.token);
            create
                .arg("status")
                .arg(NAMES[values.status])
                .arg("score")
                .arg(values.score);
            done::<String>(create.query(c)?)
        },
        move |c, round| {
            let id: i64 = c.incr("s:id", 1)?;
            let mut pipeline = redis::pipe();
            Values::of(records + round).by_hand(id, pipeline.atomic());
            pipeline.exec(c).map_err(Into::into)
        },
    );
    show(
        "create, three indexes",
        measure(connection, ROUNDS, created)?,
        [1, 2],
    );

    let changed = ways(
        move |c, round| {
            let status = f.status.set(STATUSES[(round % 3) as usize]);
            done(Session::update(spread(round), status).run(c)?)
        },
        move |c, round| {
            let mut update = redis::cmd("YARR.UPDATE");
            update
                .arg("session")
                .arg(spread(round))
                .arg("SET")
                .arg("status")
                .arg(NAMES[(round % 3) as usize]);
            update.exec(c).map_err(Into::into)
        },
        move |c, round| {
            let (id, new) = (spread(round), NAMES[(round % 3) as usize]);
            let old: String = c.hget(format!("s:{id}"), "status")?;
            let mut pipeline = redis::pipe();
            pipeline
                .atomic()
                .hset(format!("s:{id}"), "status", new)
                .ignore();
            pipeline
                .smove(format!("s:status:{old}"), format!("s:status:{new}"), id)
                .ignore();
            pipeline.exec(c).map_err(Into::into)
        },
    );
    show(
        "update of an indexed field, the record back",
        measure(connection, ROUNDS, changed)?,
        [1, 2],
    );
    Ok(())
}

/// The hashes of ids, all in one pipeline.
fn hashes(connection: &mut Connection, ids: &[i64]) -> Outcome<Vec<Row>> {
    let mut pipeline = redis::pipe();
    ids.iter()
        .for_each(|id| _ = pipeline.hgetall(format!("s:{id}")));
    Ok(pipeline.query(connection)?)
}

fn several(connection: &mut Connection, records: i64) -> Outcome {
    let users = (records / EACH).max(1);
    let f = Session::fields();
    let newest = ways(
        move |c, round| {
            let query = Session::query()
                .filter(f.user_id.eq(round % users))
                .order(f.created_at.desc())
                .limit(10);
            done(query.load().run(c)?)
        },
        move |c, round| {
            let mut query = redis::cmd("YARR.WHERE");
            query
                .arg("session")
                .arg("user_id")
                .arg("=")
                .arg(round % users);
            query.arg(&["ORDER", "BY", "created_at", "DESC", "LIMIT", "10"]);
            done::<Vec<Row>>(query.query(c)?)
        },
        move |c, round| {
            let ids: Vec<i64> = c.zrevrange(format!("s:user:{}", round % users), 0, 9)?;
            done(hashes(c, &ids)?)
        },
    );
    show(
        "the ten newest of a user",
        measure(connection, ROUNDS, newest)?,
        [1, 2],
    );

    let counted = ways(
        move |c, round| {
            let query =
                Session::query().filter(f.user_id.eq(round % users).and(f.status.eq(Status::Idle)));
            done(query.count().run(c)?)
        },
        move |c, round| {
            let mut query = redis::cmd("YARR.WHERE");
            query
                .arg("session")
                .arg("user_id")
                .arg("=")
                .arg(round % users);
            query.arg(&["AND", "status", "=", "idle", "COUNT"]);
            done::<i64>(query.query(c)?)
        },
        move |c, round| {
            let ids: Vec<i64> = c.zrange(format!("s:user:{}", round % users), 0, -1)?;
            let mut pipeline = redis::pipe();
            ids.iter()
                .for_each(|id| _ = pipeline.sismember("s:status:idle", id));
            let idle: Vec<bool> = pipeline.query(c)?;
            done(idle.iter().filter(|idle| **idle).count())
        },
    );
    show(
        "count of two conditions",
        measure(connection, ROUNDS, counted)?,
        [1, 2],
    );

    let page = ways(
        move |c, _| {
            done(
                Session::query()
                    .order(f.created_at.desc())
                    .limit(1000)
                    .load()
                    .run(c)?,
            )
        },
        move |c, _| {
            let mut query = redis::cmd("YARR.WHERE");
            query.arg(&[
                "session",
                "*",
                "ORDER",
                "BY",
                "created_at",
                "DESC",
                "LIMIT",
                "1000",
            ]);
            done::<Vec<Row>>(query.query(c)?)
        },
        move |c, _| {
            let ids: Vec<i64> = c.zrevrange("s:created_at", 0, 999)?;
            done(hashes(c, &ids)?)
        },
    );
    show(
        "a page of 1,000 records",
        measure(connection, ROUNDS / 10, page)?,
        [1, 2],
    );
    Ok(())
}

/// What the client itself takes of this: writing a command down, and reading an answer, without a server.
fn by_itself(connection: &mut Connection) -> Outcome {
    let f = Session::fields();
    let query = || {
        Session::query()
            .filter(f.user_id.eq(5))
            .order(f.created_at.desc())
            .limit(10)
    };
    let load = query().load();
    let reply: redis::Value = redis::Cmd::from(&load.to_command()).query(connection)?;
    let many = Session::query().limit(1000).load();
    let page: redis::Value = redis::Cmd::from(&many.to_command()).query(connection)?;
    let time = |rounds: usize, work: &dyn Fn() -> Outcome| -> Outcome<f64> {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let begun = Instant::now();
            work()?;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(times))
    };
    let written = time(10_000, &|| {
        done(redis::Cmd::from(&query().load().to_command()))
    })?;
    // Reading takes the answer, so each is given a copy, whose time is taken away.
    let read =
        time(10_000, &|| done(load.read(reply.clone())?))? - time(10_000, &|| done(reply.clone()))?;
    let paged =
        time(1000, &|| done(many.read(page.clone())?))? - time(1000, &|| done(page.clone()))?;
    println!(
        "\nOf this the client takes {written:.2} us to build and write a query down, {read:.2} us to read ten records, \
         {paged:.0} us to read a thousand."
    );
    Ok(())
}

fn main() -> Outcome {
    let records: i64 = env::var("RECORDS")
        .ok()
        .map_or(Ok(100_000), |n| n.parse())?;
    let records = records.clamp(1000, 1_000_000);
    let server = Server::start();
    let mut connection = server.connect();
    fill(&mut connection, records)?;
    println!(
        "{records} records, one connection, one operation at a time; a PING takes {:.0} us.\n",
        ping(&mut connection)?
    );
    println!(
        "| us, median of a round trip | yarr-client | raw YARR | hashes by hand | round trips | client / raw | client / by hand |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    single(&mut connection, records)?;
    several(&mut connection, records)?;
    by_itself(&mut connection)
}
