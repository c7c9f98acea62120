//! An operation is a value: what it sends, and how its answer is read.

use redis::{ConnectionLike, Value};

use crate::{
    command::Command,
    error::{Error, Result},
};

/// Something to be done by one command.
///
/// Every function of this crate that speaks to a server answers such a value. [`run`](Operation::run) sends it on a
/// connection, [`run_async`](Operation::run_async) does so on an asynchronous one, and
/// [`pipeline`](crate::pipeline()) and [`transaction`](crate::transaction()) take several.
///
/// ```no_run
/// # use yarr_client::{prelude::*, redis};
/// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
/// # fn main() -> yarr_client::Result<()> {
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let mut connection = client.get_connection()?;
/// let job: Option<Job> = Job::find(42).run(&mut connection)?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an operation does nothing until it is run"]
pub trait Operation: Sized {
    /// What its answer is read as.
    type Output;

    /// The command that it sends.
    fn to_command(&self) -> Command;

    /// Reads the answer.
    ///
    /// # Errors
    /// Where the answer is none to this command, or says that nothing was done.
    fn read(&self, reply: Value) -> Result<Self::Output>;

    /// What it comes to where the server refuses the command: the error, mostly.
    ///
    /// # Errors
    /// What was refused.
    fn refused(&self, error: Error) -> Result<Self::Output> {
        Err(error)
    }

    /// Sends the command and reads its answer.
    ///
    /// # Errors
    /// What the server refuses, what the connection fails at, and what [`read`](Operation::read) says.
    fn run<C: ConnectionLike + ?Sized>(self, connection: &mut C) -> Result<Self::Output> {
        let command = redis::Cmd::from(&self.to_command());
        let reply = connection.req_command(&command);
        answer(&self, reply)
    }

    /// Sends the command on an asynchronous connection and reads its answer.
    ///
    /// ```no_run
    /// # use yarr_client::{prelude::*, redis};
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
    /// # async fn example(mut connection: redis::aio::MultiplexedConnection) -> yarr_client::Result<()> {
    /// let job: Option<Job> = Job::find(42).run_async(&mut connection).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Operation::run).
    #[cfg(feature = "aio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "aio")))]
    fn run_async<C>(self, connection: &mut C) -> impl Future<Output = Result<Self::Output>> + Send
    where
        C: redis::aio::ConnectionLike + Send,
        Self: Send,
    {
        async move {
            let command = redis::Cmd::from(&self.to_command());
            let reply = connection.req_packed_command(&command).await;
            answer(&self, reply)
        }
    }
}

/// What an operation comes to, by what the connection answered.
pub(crate) fn answer<O: Operation>(
    operation: &O,
    reply: redis::RedisResult<Value>,
) -> Result<O::Output> {
    match reply.and_then(Value::extract_error) {
        Ok(reply) => operation.read(reply),
        Err(error) => operation.refused(error.into()),
    }
}

impl<O: Operation> Operation for &O {
    type Output = O::Output;

    fn to_command(&self) -> Command {
        (**self).to_command()
    }

    fn read(&self, reply: Value) -> Result<O::Output> {
        (**self).read(reply)
    }

    fn refused(&self, error: Error) -> Result<O::Output> {
        (**self).refused(error)
    }
}
