//! A connection and a clock, blocking or not: the same steps are taken on both.

use std::time::Duration;

use redis::{Cmd, Pipeline, RedisResult, Value};

use crate::error::{Error, Result};

/// What the commands of a transaction answered; `None` where it was given up.
pub(super) type Answers = Option<Vec<RedisResult<Value>>>;

/// A connection and a clock.
pub(super) trait Io {
    fn one(&mut self, command: Cmd) -> impl Future<Output = Result<Value>> + Send;
    fn all(&mut self, pipeline: Pipeline) -> impl Future<Output = Result<Answers>> + Send;
    fn wait(&mut self, span: Duration) -> impl Future<Output = ()> + Send;
    /// The primaries of a cluster; `None` where this connection cannot tell.
    fn primaries(&mut self) -> impl Future<Output = Result<Option<Vec<String>>>> + Send;
    /// Sends a command to one of them.
    fn ask(&mut self, primary: &str, command: Cmd) -> impl Future<Output = Result<Value>> + Send;
}

/// How a connection speaks to each primary of a cluster.
pub(super) struct Nodes<C> {
    pub(super) primaries: fn(&mut C) -> RedisResult<Vec<String>>,
    pub(super) ask: fn(&mut C, &str, &Cmd) -> RedisResult<Value>,
}

pub(super) mod blocking {
    use std::{
        future::ready,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::{Answers, Cmd, Duration, Error, Nodes, Pipeline, Result, Value};

    /// A blocking connection: its futures are ready once they are made.
    pub(in super::super) struct Io<'c, C> {
        pub(in super::super) connection: &'c mut C,
        pub(in super::super) nodes: Option<Nodes<C>>,
    }

    impl<C: redis::ConnectionLike> super::Io for Io<'_, C> {
        fn one(&mut self, command: Cmd) -> impl Future<Output = Result<Value>> + Send {
            let reply = self.connection.req_command(&command);
            ready(reply.and_then(Value::extract_error).map_err(Error::from))
        }

        fn all(&mut self, pipeline: Pipeline) -> impl Future<Output = Result<Answers>> + Send {
            ready(pipeline.query(self.connection).map_err(Error::from))
        }

        fn wait(&mut self, span: Duration) -> impl Future<Output = ()> + Send {
            std::thread::sleep(span);
            ready(())
        }

        fn primaries(&mut self) -> impl Future<Output = Result<Option<Vec<String>>>> + Send {
            let primaries = self
                .nodes
                .as_ref()
                .map(|nodes| (nodes.primaries)(self.connection));
            ready(primaries.transpose().map_err(Error::from))
        }

        fn ask(
            &mut self,
            primary: &str,
            command: Cmd,
        ) -> impl Future<Output = Result<Value>> + Send {
            let reply = match &self.nodes {
                Some(nodes) => (nodes.ask)(self.connection, primary, &command),
                None => self.connection.req_command(&command),
            };
            ready(reply.and_then(Value::extract_error).map_err(Error::from))
        }
    }

    /// Runs what never waits for anything but such futures.
    pub(in super::super) fn run<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(Error::Migration(
                "a blocking connection was not ready".into(),
            )),
        }
    }
}

#[cfg(feature = "tokio-comp")]
pub(super) mod tokio_io {
    use super::{Answers, Cmd, Duration, Error, Pipeline, Result, Value};

    /// An asynchronous connection, on Tokio.
    pub(in super::super) struct Io<'c, C>(pub(in super::super) &'c mut C);

    impl<C: redis::aio::ConnectionLike + Send> super::Io for Io<'_, C> {
        async fn one(&mut self, command: Cmd) -> Result<Value> {
            let reply = self.0.req_packed_command(&command).await;
            reply.and_then(Value::extract_error).map_err(Error::from)
        }

        async fn all(&mut self, pipeline: Pipeline) -> Result<Answers> {
            pipeline.query_async(self.0).await.map_err(Error::from)
        }

        async fn wait(&mut self, span: Duration) {
            tokio::time::sleep(span).await;
        }

        async fn primaries(&mut self) -> Result<Option<Vec<String>>> {
            Ok(None)
        }

        async fn ask(&mut self, _: &str, command: Cmd) -> Result<Value> {
            self.one(command).await
        }
    }
}
