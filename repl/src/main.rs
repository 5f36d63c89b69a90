//! Thalweg at a terminal: the command `thalweg`.

mod arguments;
mod bench;
mod bug;
mod command;
mod documentation;
mod editor;
mod excerpt;
mod formatting;
mod interrupt;
mod json;
mod report;
mod screen;
mod script;
mod session;
mod similar;
mod status;
mod units;
mod wrap;

use arguments::Arguments;
use screen::Screen;
use status::Status;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

/// Deeply nested programs are walked recursively; untouched stack costs nothing.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    bug::quiet_panics();
    let run = || {
        bug::caught(command).unwrap_or_else(|message| {
            // There is nowhere left to say that standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            Status::Failed
        })
    };
    let status = match std::thread::Builder::new().name("thalweg".to_string()).stack_size(STACK).spawn(run) {
        Ok(thread) => thread.join().unwrap_or(Status::Failed),
        // Where memory is limited so tightly, the stack that is there must do.
        Err(_) => run(),
    };
    status.into()
}

fn command() -> Status {
    let arguments = match Arguments::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come here too, and are no failure; a closed pipe is no reason to complain.
            let _ = error.print();
            return if error.use_stderr() { Status::Usage } else { Status::Done };
        }
    };
    let screen = Arc::new(Screen::new(arguments.options.colour, arguments.options.json));
    if let Err(message) = arguments::check_environment(arguments.options.threads) {
        screen.complain(&message);
        return Status::Usage;
    }
    let status = script::perform(arguments, &screen);
    screen.flush();
    status
}
