//! Runs one input of a target, to see where it fails: `cargo run --example one -- <target> <file>`.

use std::{error::Error, fs};

use yarr_fuzz::TARGETS;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (target, path) = args
        .next()
        .zip(args.next())
        .ok_or("usage: one <target> <file>")?;
    let (_, run) = TARGETS
        .into_iter()
        .find(|(name, _)| *name == target)
        .ok_or("no such target")?;
    run(&fs::read(path)?);
    Ok(())
}
