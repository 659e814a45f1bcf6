//! The program `trader`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tradewind_trader::commands::main()
}
