//! `yarr`, the command-line tool of YARR.

use std::process::ExitCode;

fn main() -> ExitCode {
    yarr_cli::main()
}
