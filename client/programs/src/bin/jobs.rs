//! A queue of jobs: any number of workers, each job done once; one that fails is tried again later, and a worker that
//! dies gives its job back.
//!
//!     export REDIS_URL=redis://127.0.0.1:6380/
//!     cargo run -p yarr-client-programs --bin jobs add 100
//!     cargo run -p yarr-client-programs --bin jobs work & cargo run --bin jobs work

use std::{
    env,
    error::Error,
    process,
    time::{Duration, SystemTime},
};

use redis::Connection;
use yarr_client::{Migration, Migrator, prelude::*};

#[derive(Debug, Record)]
#[record(table = "job", index(state, run_at))]
struct Job {
    id: i64,
    task: String,
    #[record(default = "waiting")]
    state: State,
    /// Not before then; of a job that is being done, when its worker is given up.
    #[record(default = "now")]
    run_at: SystemTime,
    #[record(default = "0")]
    tries: i64,
    worker: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Enum)]
enum State {
    Waiting,
    Running,
    Done,
    Failed,
}

/// How long a worker may take for a job.
const LEASE: Duration = Duration::from_secs(30);
/// How often a job is tried.
const TRIES: i64 = 3;

fn migrator() -> Migrator {
    Migrator::new().with(Migration::new(20260101000000, "create_job").table(
        "job",
        "TIMESTAMPS OFF \
         ADD FIELD task STRING NOT NULL \
         ADD FIELD state ENUM ( waiting running done failed ) NOT NULL DEFAULT waiting \
         ADD FIELD run_at DATETIME NOT NULL DEFAULT now \
         ADD FIELD tries INTEGER NOT NULL DEFAULT 0 \
         ADD FIELD worker STRING \
         ADD INDEX state run_at",
    ))
}

fn add(connection: &mut Connection, count: usize) -> yarr_client::Result<Vec<i64>> {
    let tasks = (1..=count).map(|n| Job::fields().task.set(format!("task {n}")));
    Job::create_many(tasks).run(connection)
}

/// Takes the next job that is due: one command, so no two workers take the same. A job whose worker has not been heard of
/// for the lease is due again.
fn claim(connection: &mut Connection, worker: &str) -> yarr_client::Result<Option<Job>> {
    let f = Job::fields();
    let due = f
        .state
        .is_in([State::Waiting, State::Running])
        .and(f.run_at.le(now()));
    let taken = Job::query()
        .filter(due)
        .order(f.run_at.asc())
        .limit(1)
        .update((
            f.state.set(State::Running),
            f.run_at.set(now() + LEASE),
            f.worker.set(worker),
            f.tries.increment(1),
        ))
        .returning();
    Ok(taken.run(connection)?.pop())
}

/// Says how a job went, if it is still this worker's.
fn finish(
    connection: &mut Connection,
    job: &Job,
    worker: &str,
    done: bool,
) -> yarr_client::Result<Job> {
    let f = Job::fields();
    let (state, run_at) = match (done, job.tries < TRIES) {
        (true, _) => (State::Done, now()),
        (false, true) => (State::Waiting, now() + Duration::from_millis(10)),
        (false, false) => (State::Failed, now()),
    };
    Job::update(
        job.id,
        (
            f.state.set(state),
            f.run_at.set(run_at),
            f.worker.set_null(),
        ),
    )
    .only_if(f.worker.eq(worker))
    .run(connection)
}

/// The work itself: every tenth task fails, and the ninetieth always does.
fn attempt(job: &Job) -> bool {
    let number: i64 = job
        .task
        .rsplit(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    match number {
        90 => false,
        n if n % 10 == 0 => job.tries > 1,
        _ => true,
    }
}

fn work(connection: &mut Connection) -> Result<u64, Box<dyn Error>> {
    let worker = format!("worker-{}", process::id());
    let mut done = 0;
    let open = Job::fields().state.is_in([State::Waiting, State::Running]);
    loop {
        match claim(connection, &worker)? {
            Some(job) => {
                finish(connection, &job, &worker, attempt(&job))?;
                done += 1;
            }
            None if Job::query().filter(open.clone()).exists().run(connection)? => {
                std::thread::sleep(Duration::from_millis(10));
            }
            None => return Ok(done),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6380/".into());
    let mut connection = redis::Client::open(url)?.get_connection()?;
    migrator().up(&mut connection)?;
    Job::check().run(&mut connection)?.into_result()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["add", count] => println!("added {}", add(&mut connection, count.parse()?)?.len()),
        ["work"] => println!("did {}", work(&mut connection)?),
        ["show"] => {
            let f = Job::fields();
            let states = Job::query()
                .group_by(f.state)
                .aggregate((count(), sum(f.tries)));
            for (state, (jobs, tries)) in states.run(&mut connection)? {
                println!("{state:?}: {jobs} jobs in {} tries", tries.unwrap_or(0));
            }
        }
        _ => return Err("expected: jobs add COUNT | jobs work | jobs show".into()),
    }
    Ok(())
}
