//! Runs the command in a folder of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that is removed when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("thalweg-command-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), content).expect("a file of the test");
    }

    /// The command, to be run in the folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
        command.current_dir(&self.0).env("HOME", &self.0).env_remove("THALWEG_NUM_THREADS").env_remove("NO_COLOR");
        command.env("XDG_STATE_HOME", self.0.join("state"));
        command
    }

    /// Runs the command with arguments and a text on standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        // A command that does not read its input closes it: that is no failure of the test.
        let _ = child.stdin.take().expect("it was piped").write_all(input.as_bytes());
        Ended::new(child.wait_with_output().expect("the command ends"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in a temporary folder is no failure.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How the command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status; `None` after a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Ended {
    fn new(output: Output) -> Ended {
        Ended {
            status: output.status.code(),
            output: String::from_utf8(output.stdout).expect("output is UTF-8"),
            errors: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }

    /// Checks the exit status and standard output; standard error must be empty when all is done.
    #[track_caller]
    pub fn is(&self, status: i32, output: &str) -> &Ended {
        assert_eq!((self.status, self.output.as_str()), (Some(status), output), "{}", self.errors);
        assert_eq!(self.errors.is_empty(), status == 0, "standard error: {}", self.errors);
        self
    }

    /// Checks that standard error holds a text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Ended {
        assert!(self.errors.contains(text), "standard error does not say `{text}`:\n{}", self.errors);
        self
    }
}
