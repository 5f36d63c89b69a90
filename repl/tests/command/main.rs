//! The command as people and other programs use it: streams, exit statuses, reports, and the prompt on a terminal.

mod differential;
mod formatting;
mod grammar;
mod import;
mod process;
mod reports;
mod streams;
#[cfg(unix)]
mod terminal;
