//! YARR at work: a private Redis, the sessions of an application, and a month of real flights.
//!
//! Run it with `make demo`. Every answer is compared with one that was worked out without YARR;
//! the exit code is 0 only when all of them agree.

mod console;
mod flights;
mod questions;
mod reply;
mod server;
mod story;

use std::error::Error;
use std::process::ExitCode;

use console::Console;
use server::Server;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every answer was the expected one.
fn run() -> Result<bool, Box<dyn Error>> {
    let server = Server::start()?;
    let mut console = Console::new(server.connect()?);
    console.title(&format!(
        "YARR on {}, port {}",
        server.version()?,
        server.port()
    ));

    console.say("Times are whole round trips as this program sees them; every answer is checked.");

    story::tell(&mut console)?;
    let flights = flights::read()?;
    flights::load(&mut console, &flights)?;
    questions::ask(&mut console, &flights)?;

    let agreed = console.verdict();
    drop(console);
    server.stop()?;
    Ok(agreed)
}
