//! The prompt, on a pseudo-terminal: editing, history, several lines, Ctrl-C and Ctrl-D.

use crate::process::Folder;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; it only bounds how long a failing test waits.
const PATIENCE: Duration = Duration::from_secs(60);
/// Work for hours in constant memory, unless it is cancelled.
const ENDLESS: &str = "sum(sin(sqrt(range(1_000_000_000_000) + 0.5)))";
const CONTROL_C: &str = "\u{3}";
const CONTROL_D: &str = "\u{4}";
const UP: &str = "\u{1b}[A";

/// What the terminal has shown so far, without colours and cursor movements.
#[derive(Default)]
struct Shown {
    text: Mutex<(String, bool)>,
    changed: Condvar,
}

/// The command on a terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    shown: Arc<Shown>,
    /// How much of what was shown has been expected.
    seen: usize,
}

impl Terminal {
    fn start(folder: &Folder) -> Terminal {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        rustix::pty::grantpt(&master).expect("its other side may be used");
        rustix::pty::unlockpt(&master).expect("its other side is unlocked");
        let name = rustix::pty::ptsname(&master, Vec::new()).expect("its other side has a name");
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).expect("it has a size");
        let side: OwnedFd =
            rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other side opens");
        let stream = || Stdio::from(side.try_clone().expect("a descriptor more"));
        let mut command = folder.command();
        command.env("TERM", "xterm").stdin(stream()).stdout(stream()).stderr(stream());
        // SAFETY: both calls are single system calls that may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().expect("the command starts");
        drop(side);
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().expect("a descriptor more");
        let shown = Arc::new(Shown::default());
        let writer = shown.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut chunk = [0; 4096];
            // The other side's end reads as an error on Linux, as nothing elsewhere.
            while let Ok(count @ 1..) = screen.read(&mut chunk) {
                bytes.extend_from_slice(&chunk[..count]);
                writer.text.lock().expect("no reader panicked").0 = without_controls(&String::from_utf8_lossy(&bytes));
                writer.changed.notify_all();
            }
            writer.text.lock().expect("no reader panicked").1 = true;
            writer.changed.notify_all();
        });
        let mut terminal = Terminal { child, keyboard, shown, seen: 0 };
        terminal.expect(">> ");
        terminal
    }

    fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Types a line.
    fn line(&mut self, line: &str) {
        self.keys(line);
        self.keys("\r");
    }

    /// Waits until a text is shown after what was expected before.
    #[track_caller]
    fn expect(&mut self, wanted: &str) {
        let begin = Instant::now();
        let mut state = self.shown.text.lock().expect("no writer panicked");
        loop {
            if let Some(place) = state.0[self.seen..].find(wanted) {
                self.seen += place + wanted.len();
                return;
            }
            let left = PATIENCE.saturating_sub(begin.elapsed());
            assert!(
                !left.is_zero() && !state.1,
                "`{wanted}` is not shown after:\n{}\nbut:\n{}",
                &state.0[..self.seen],
                &state.0[self.seen..]
            );
            state = self
                .shown
                .changed
                .wait_timeout(state, left.min(Duration::from_millis(500)))
                .expect("no writer panicked")
                .0;
        }
    }

    /// Types a line (not one of several) and waits for what it shows and the next prompt. While a line is edited the prompt is
    /// drawn again and again, but always in one row: a line feed is the line's end.
    #[track_caller]
    fn ask(&mut self, line: &str, answer: &str) {
        self.line(line);
        self.expect(&format!("\n{answer}"));
        self.expect(">> ");
    }

    /// Waits for the command's end.
    fn end(mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the command does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves no command behind; one that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A terminal's text without escape sequences and carriage returns.
fn without_controls(text: &str) -> String {
    let mut kept = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                Some('[') => while characters.next().is_some_and(|next| !('\u{40}'..='\u{7e}').contains(&next)) {},
                Some(']') => while characters.next().is_some_and(|next| next != '\u{7}' && next != '\u{9c}') {},
                _ => {}
            },
            '\r' => {}
            _ => kept.push(character),
        }
    }
    kept
}

#[test]
fn lines_are_answered() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder);
    terminal.ask("6 * 7", "42");
    terminal.ask("a = range(4)", "");
    terminal.ask("a * a", "[0 1 4 9]");
    terminal.ask("ans + 1", "[ 1  2  5 10]");
    terminal.ask("sum(a); ", "");
    terminal.ask("print(\"text\", 1.5)", "text 1.5");
    terminal.ask(":type a / 2", "f64[4]");
    terminal.keys(CONTROL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn an_entry_of_several_lines_is_one_entry() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder);
    terminal.line("fn f(x) {");
    terminal.expect(".. ");
    terminal.line("    y = x + 1");
    terminal.expect(".. ");
    terminal.line("    y * 2");
    terminal.expect(".. ");
    terminal.line("}");
    terminal.expect(">> ");
    terminal.ask("f(20)", "42");
    terminal.line("sum([1,");
    terminal.expect(".. ");
    terminal.line("2, 3])");
    terminal.expect("2, 3])");
    terminal.expect("\n6");
    terminal.expect(">> ");
    // The whole entry comes back, not its last line.
    terminal.keys(UP);
    terminal.expect("2, 3])");
    terminal.keys("\r");
    terminal.expect("\n6");
    terminal.expect(">> ");
    terminal.line(":quit");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn history_lasts_longer_than_a_session() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder);
    terminal.ask("1111 + 2222", "3333");
    terminal.ask("5 * 5", "25");
    terminal.keys(CONTROL_D);
    assert_eq!(terminal.end().code(), Some(0));
    let mut terminal = Terminal::start(&folder);
    terminal.keys(UP);
    terminal.expect("5 * 5");
    terminal.keys(UP);
    terminal.expect("1111 + 2222");
    terminal.keys("\r");
    terminal.expect("\n3333");
    terminal.expect(">> ");
    // Each entry was written when it was entered: a session that is killed has lost nothing.
    terminal.ask("7000 + 77", "7077");
    terminal.child.kill().expect("it can be killed");
    drop(terminal);
    let mut terminal = Terminal::start(&folder);
    terminal.keys(UP);
    terminal.expect("7000 + 77");
    terminal.keys(CONTROL_C);
    terminal.expect(">> ");
    terminal.ask("1 + 1", "2");
}

#[test]
fn control_c_cancels_what_runs_and_keeps_the_names() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder);
    terminal.ask("kept = 41", "");
    for _ in 0..3 {
        terminal.line(&format!("kept = {ENDLESS}"));
        terminal.expect("\n");
        // Long enough that it runs.
        std::thread::sleep(Duration::from_millis(300));
        let pressed = Instant::now();
        terminal.keys(CONTROL_C);
        terminal.expect("interrupted");
        println!("cancelled after {:?}", pressed.elapsed());
        assert!(pressed.elapsed() < Duration::from_secs(5), "it took {:?}", pressed.elapsed());
        terminal.expect(">> ");
    }
    terminal.ask("kept + 1", "42");
    // At the prompt it clears the line.
    terminal.keys("kept + 100");
    terminal.expect("+ 100");
    terminal.keys(CONTROL_C);
    terminal.expect(">> ");
    terminal.ask("kept + 2", "43");
    terminal.keys(CONTROL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn an_error_keeps_the_names() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder);
    terminal.ask("kept = [1, 2, 3]", "");
    terminal.line("kept = zeros(3) + zeros(4)");
    terminal.expect("error[E03");
    terminal.expect(">> ");
    terminal.line("kept = kept // [1, 0, 1]");
    terminal.expect("error[E05");
    terminal.expect(">> ");
    terminal.line("kept = 3 *) 4");
    terminal.expect("error[E01");
    terminal.expect(">> ");
    terminal.ask("sum(kept)", "6");
    terminal.keys(CONTROL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn control_c_ends_a_script() {
    use std::process::Stdio;
    let folder = Folder::new();
    folder.write("endless.tw", format!("print(\"begun\")\nx = {ENDLESS}\nprint(x)\n"));
    let mut child =
        folder.command().arg("endless.tw").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_millis(700));
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("it can be signalled");
    let begin = Instant::now();
    while child.try_wait().expect("it can be waited for").is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().expect("it can be killed");
            panic!("the script goes on after Ctrl-C");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("it has ended");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "begun\n");
}

#[test]
fn without_a_terminal_there_is_no_prompt() {
    let folder = Folder::new();
    folder.run(&[], "a = 1\nprint(a + 1)\n").is(0, "2\n");
}
