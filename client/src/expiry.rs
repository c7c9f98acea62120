//! Until when a record lives after a write.

use std::time::{Duration, SystemTime};

use crate::{clock::since_1970, command::Command};

/// Until when a record lives after a write; unless one is given, as long as the table says.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// use std::time::Duration;
///
/// let soon = Job::update(7, ()).expires(Expiry::In(Duration::from_secs(60)));
/// assert!(soon.to_command().to_string().starts_with("YARR.UPDATE job 7 TOUCH PX 60000"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// So long from now.
    In(Duration),
    /// Until this time.
    At(SystemTime),
    /// Without an end.
    Never,
    /// As it was before the write.
    Keep,
}

impl Expiry {
    pub(crate) fn write(expiry: Option<Expiry>, command: &mut Command) {
        match expiry {
            None => command,
            Some(Expiry::In(span)) => command.word("PX").number(span.as_millis()),
            Some(Expiry::At(time)) => command.word("PXAT").number(since_1970(time)),
            Some(Expiry::Never) => command.word("PERSIST"),
            Some(Expiry::Keep) => command.word("KEEPTTL"),
        };
    }
}
