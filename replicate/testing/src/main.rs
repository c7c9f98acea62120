//! Starts a Redis with the module, a PostgreSQL cluster, an S3 server and the stand-in for Redshift, says where they
//! are as lines of `NAME=value`, and ends them when its standard input ends.

use std::io::{self, Read, Write};

use yarr_replicate_testing::{Cluster, KEY, REGION, ROLE, Redshift, S3, SECRET, Server};

fn main() -> io::Result<()> {
    let redis = Server::start();
    let cluster = Cluster::start();
    let s3 = S3::start("yarr");
    let redshift = Redshift::start(&cluster, &s3, "warehouse");
    let mut out = io::stdout().lock();
    for (name, value) in [
        ("REDIS_URL", redis.url("")),
        ("POSTGRES_URL", cluster.database("place")),
        ("REDSHIFT_URL", redshift.url()),
        ("REDSHIFT_BACKEND_URL", redshift.backend().to_string()),
        ("S3_ENDPOINT", s3.endpoint()),
        ("S3_BUCKET", s3.bucket().to_string()),
        ("AWS_REGION", REGION.to_string()),
        ("AWS_ACCESS_KEY_ID", KEY.to_string()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_string()),
        ("REDSHIFT_ROLE", ROLE.to_string()),
    ] {
        writeln!(out, "{name}={value}")?;
    }
    writeln!(out, "READY=1")?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
