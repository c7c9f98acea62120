//! How a server is spoken to, as far as the connections must know.

use std::net::TcpStream;
use std::ops::AddAssign;

use crate::Result;

/// Tells where a reply ends.
pub trait Wire: Send + Sync {
    /// Of the first reply in `input` its length and what it holds; `None` where it is not all there. An error that
    /// the server answers is one.
    fn reply(&self, input: &[u8]) -> Result<Option<(usize, Answer)>>;

    /// What must be said on a new connection before anything is asked.
    fn greet(&self, _stream: &mut TcpStream) -> Result<()> {
        Ok(())
    }
}

/// What replies held, enough to see that work was done: a miss is cheap.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answer {
    /// Texts and numbers, of PostgreSQL rows.
    pub items: u64,
    pub nulls: u64,
    /// The sum of the numbers.
    pub value: i64,
    pub bytes: u64,
}

impl AddAssign for Answer {
    fn add_assign(&mut self, other: Answer) {
        self.items += other.items;
        self.nulls += other.nulls;
        self.value = self.value.wrapping_add(other.value);
        self.bytes += other.bytes;
    }
}
