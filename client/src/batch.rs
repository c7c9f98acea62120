//! Several operations in one round trip.

use redis::{ConnectionLike, Pipeline, RedisResult, Value};

use crate::{
    error::{Error, Result},
    operation::{Operation, answer},
};

/// Several operations: a tuple of up to eight, or a `Vec` of one sort. Each has a result of its own.
pub trait Batch {
    /// The result of each.
    type Outputs;

    /// Adds their commands.
    fn write(&self, pipeline: &mut Pipeline);

    /// Reads their answers.
    fn read(&self, replies: &mut dyn Iterator<Item = Value>) -> Self::Outputs;
}

fn next<O: Operation>(
    operation: &O,
    replies: &mut dyn Iterator<Item = Value>,
) -> Result<O::Output> {
    match replies.next() {
        Some(reply) => answer(operation, Ok(reply)),
        None => Err(Error::reply("fewer answers than commands".into())),
    }
}

impl<O: Operation> Batch for Vec<O> {
    type Outputs = Vec<Result<O::Output>>;

    fn write(&self, pipeline: &mut Pipeline) {
        for operation in self {
            pipeline.add_command((&operation.to_command()).into());
        }
    }

    fn read(&self, replies: &mut dyn Iterator<Item = Value>) -> Self::Outputs {
        self.iter()
            .map(|operation| next(operation, replies))
            .collect()
    }
}

macro_rules! batch {
    ($($name:ident),*) => {
        impl<$($name: Operation),*> Batch for ($($name,)*) {
            type Outputs = ($(Result<$name::Output>,)*);

            #[allow(non_snake_case)]
            fn write(&self, pipeline: &mut Pipeline) {
                let ($($name,)*) = self;
                $(pipeline.add_command((&$name.to_command()).into());)*
            }

            #[allow(non_snake_case)]
            fn read(&self, replies: &mut dyn Iterator<Item = Value>) -> Self::Outputs {
                let ($($name,)*) = self;
                ($(next($name, replies),)*)
            }
        }
    };
}

batch!(A);
batch!(A, B);
batch!(A, B, C);
batch!(A, B, C, D);
batch!(A, B, C, D, E);
batch!(A, B, C, D, E, F);
batch!(A, B, C, D, E, F, G);
batch!(A, B, C, D, E, F, G, H);

/// Several operations to be sent at once; see [`pipeline`] and [`transaction`].
#[derive(Debug)]
#[must_use = "nothing is sent until it is run"]
pub struct Several<B> {
    batch: B,
    atomic: bool,
}

/// Sends several operations at once and waits for all answers: one round trip. Each is done or refused by itself, so
/// each has its own result; an error of the whole is one of the connection. A blocking connection to a cluster refuses it
/// before anything is sent; an asynchronous one takes it for tables of one slot.
///
/// ```no_run
/// # use yarr_client::{prelude::*, pipeline, redis};
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
/// # fn main() -> yarr_client::Result<()> {
/// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
/// let (job, number) = pipeline((Job::find(42), Job::query().count())).run(&mut connection)?;
/// println!("{:?} of {}", job?.map(|job| job.priority), number?);
/// # Ok(())
/// # }
/// ```
pub fn pipeline<B: Batch>(batch: B) -> Several<B> {
    Several {
        batch,
        atomic: false,
    }
}

/// As [`pipeline`], inside `MULTI` and `EXEC`: nobody else's commands come between. As everywhere in Redis, a command
/// that is refused while it is carried out does not undo the others, so look at each result. Where a key that was
/// watched has changed, it is [`Error::Aborted`] and nothing has been done.
///
/// ```no_run
/// # use yarr_client::{prelude::*, transaction, redis};
/// # #[derive(Record)] #[record(table = "account")] struct Account { id: i64, balance: i64 }
/// # fn main() -> yarr_client::Result<()> {
/// # let mut connection = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
/// let balance = Account::fields().balance;
/// let (from, to) = transaction((Account::increment(1, balance, -50), Account::increment(2, balance, 50)))
///     .run(&mut connection)?;
/// println!("{} and {}", from?, to?);
/// # Ok(())
/// # }
/// ```
pub fn transaction<B: Batch>(batch: B) -> Several<B> {
    Several {
        batch,
        atomic: true,
    }
}

impl<B: Batch> Several<B> {
    fn pipeline(&self) -> Pipeline {
        let mut pipeline = Pipeline::new();
        if self.atomic {
            pipeline.atomic();
        }
        pipeline.ignore_errors();
        self.batch.write(&mut pipeline);
        pipeline
    }

    fn outputs(&self, reply: RedisResult<Value>) -> Result<B::Outputs> {
        match reply? {
            Value::Nil => Err(Error::Aborted),
            reply => {
                let mut replies = crate::reply::array(reply)?.into_iter();
                Ok(self.batch.read(&mut replies))
            }
        }
    }

    /// Sends the commands and reads their answers.
    ///
    /// # Errors
    /// Of the connection, or [`Error::Aborted`].
    pub fn run<C: ConnectionLike>(self, connection: &mut C) -> Result<B::Outputs> {
        let pipeline = self.pipeline();
        self.outputs(match pipeline.is_empty() {
            true => Ok(Value::Array(Vec::new())),
            false => pipeline.query(connection),
        })
    }

    /// Sends the commands on an asynchronous connection and reads their answers.
    ///
    /// # Errors
    /// As [`run`](Several::run).
    #[cfg(feature = "aio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "aio")))]
    pub async fn run_async<C: redis::aio::ConnectionLike>(
        self,
        connection: &mut C,
    ) -> Result<B::Outputs> {
        let pipeline = self.pipeline();
        self.outputs(match pipeline.is_empty() {
            true => Ok(Value::Array(Vec::new())),
            false => pipeline.query_async(connection).await,
        })
    }
}
