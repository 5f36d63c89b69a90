//! `thalweg fmt`: programs in their one form, written back where they came from.

use crate::arguments::Program;
use crate::screen::Screen;
use crate::script::{self, why};
use crate::status::Status;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use thalweg_lang::format::format;
use thalweg_lang::source::Sources;

/// Formats programs: each file in its place, standard input to standard output. With `check_only` nothing is written, and
/// those that would change are listed. A program with errors is left alone, and the others are done all the same.
pub fn run(programs: &[Program], check_only: bool, screen: &Screen) -> Status {
    let mut worst = Status::Done;
    let mut changes = 0;
    for program in programs {
        let status = one(program, check_only, screen).unwrap_or_else(|message| {
            screen.complain(&message);
            Status::Usage
        });
        if rank(status) > rank(worst) {
            worst = status;
        }
        changes += (status == Status::Failed) as usize;
    }
    if changes > 0 && !screen.is_json() {
        screen.remark(&format!("{changes} of {} would change", programs.len()));
    }
    worst
}

/// A file that would change is less than one that cannot be read, and that less than one that is no program.
fn rank(status: Status) -> usize {
    [Status::Done, Status::Failed, Status::Usage, Status::Refused].iter().position(|&one| one == status).unwrap_or(0)
}

fn one(program: &Program, check_only: bool, screen: &Screen) -> Result<Status, String> {
    let (name, text) = script::read(program)?;
    let mut sources = Sources::default();
    let source = sources.add(name.as_str(), text.as_str());
    let formatted = match format(source, &text) {
        Ok(formatted) => formatted,
        Err(findings) => {
            screen.findings(&findings, &sources);
            screen.summary(&findings);
            return Ok(Status::Refused);
        }
    };
    let path = match program {
        Program::File(path) => Some(path),
        Program::StandardInput | Program::Code(_) => None,
    };
    if check_only {
        let is_same = formatted == text;
        if !is_same {
            screen.answer("would_change", &name);
        }
        return Ok(if is_same { Status::Done } else { Status::Failed });
    }
    match path {
        // A file that would be the same keeps its time.
        Some(_) if formatted == text => {}
        Some(path) => replace(path, &formatted)
            .map_err(|error| format!("`{}` cannot be written: {}", path.display(), why(&error)))?,
        None => screen.text(&formatted),
    }
    Ok(Status::Done)
}

/// Gives a file another content, wholly or not at all: it is written beside it, and takes its name when it is complete.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Behind a link the file itself is replaced.
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write(&beside, text, permissions).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // What went wrong is said; that something is left behind besides would not help.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write(path: &Path, text: &str, permissions: fs::Permissions) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.set_permissions(permissions)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
