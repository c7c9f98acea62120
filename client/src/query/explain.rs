//! How a query is answered.

use redis::Value;

use crate::{
    command::Command, error::Result, operation::Operation, query::Query, record::Record, reply,
};

/// How a query would be answered; see [`Query::explain`].
#[derive(Debug)]
pub struct Explain<R> {
    query: Query<R>,
    analyze: bool,
}

impl<R: Record> Explain<R> {
    pub(crate) fn new(query: Query<R>) -> Explain<R> {
        Explain {
            query,
            analyze: false,
        }
    }

    /// Carries the query out as well, and tells what each step met and how long it took.
    pub fn analyze(mut self) -> Explain<R> {
        self.analyze = true;
        self
    }
}

impl<R: Record> Operation for Explain<R> {
    type Output = Vec<String>;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.EXPLAIN", self.query.table.name());
        if self.analyze {
            command.word("ANALYZE");
        }
        command.word("WHERE");
        self.query.predicate(&mut command);
        self.query.ordered(&mut command);
        self.query.limited(self.query.limit, &mut command);
        command
    }

    fn read(&self, reply: Value) -> Result<Vec<String>> {
        reply::array(reply)?.into_iter().map(reply::text).collect()
    }
}
