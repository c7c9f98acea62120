//! Places to replicate between, each one's own: a Redis with the module, a PostgreSQL cluster, an S3 server and what
//! stands in for Amazon Redshift. All listen on this machine alone, on free ports, work in temporary folders and are
//! gone with their values.

mod postgres;
mod redshift;
mod runtime;
mod s3;
mod watchdog;

pub use postgres::Cluster;
pub use redshift::{Failure, ROLE, Redshift};
pub use s3::{Fault, KEY, REGION, S3, SECRET};
pub use yarr_client_testing::{Server, eventually};
