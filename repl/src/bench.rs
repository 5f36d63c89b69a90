//! `thalweg bench`: how long each top-level statement takes, and the whole.

use crate::interrupt::Interrupt;
use crate::script::Job;
use crate::status::Status;
use crate::units;
use serde_json::json;
use std::time::{Duration, Instant};
use thalweg::{Compiled, Interpreter};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::lexer::{TokenClass, highlight};

/// Fewer runs than this have no median worth the name.
const FEWEST_RUNS: usize = 5;
/// More than this add nothing.
const MOST_RUNS: usize = 1000;
/// After this long, and enough runs, a median is stable.
const ENOUGH: Duration = Duration::from_millis(500);
/// After this long there are no more runs, however few there were.
const TOO_LONG: Duration = Duration::from_secs(10);
/// The longest statement text in the table.
const LONGEST_TEXT: usize = 48;

/// What was measured of one statement, or of the whole.
struct Row {
    text: String,
    /// The line of the statement; none for the whole.
    line: Option<usize>,
    runs: usize,
    median: f64,
    least: f64,
    bytes_read: usize,
    bytes_written: usize,
    peak_bytes: usize,
}

impl Row {
    fn gigabytes_per_second(&self) -> f64 {
        (self.bytes_read + self.bytes_written) as f64 / self.median / 1e9
    }
}

/// Times a program.
pub fn run(job: &Job) -> Status {
    time_all(job).unwrap_or_else(|status| status)
}

fn time_all(job: &Job) -> Result<Status, Status> {
    // What the program prints would be printed by every run.
    let mut interpreter = job.interpreter(false)?;
    let interrupt = Interrupt::install(interpreter.cancel(), false, job.screen);
    // A program that is refused runs nothing, also when only its last statement is wrong.
    let findings = job.guarded(&interrupt, || interpreter.check(&job.name, &job.text))?;
    if Status::of(&findings) != Status::Done {
        return Err(job.refused(&findings, &interpreter));
    }
    if calls(&job.text, "save") {
        job.screen.remark("`save` writes its file in every run that is timed");
    }
    let statements = Interpreter::statements(&job.text);
    let mut rows = Vec::new();
    // The leading statements that load files are the inputs: the whole is timed with them in memory.
    let mut inputs = 0;
    let mut reading = true;
    for place in &statements {
        reading &= calls(&job.text[place.clone()], "load");
        inputs += usize::from(reading);
        let timed = job.guarded(&interrupt, || one(&mut interpreter, job, place.clone()))?;
        rows.push(timed.map_err(|findings| job.refused(&findings, &interpreter))?);
    }
    let inputs_end = inputs.checked_sub(1).map_or(0, |last| statements[last].end);
    let mut interpreter = job.interpreter(false)?;
    let whole = job.guarded(&interrupt, || {
        interpreter.run(&job.name, &job.text[..inputs_end])?;
        one(&mut interpreter, job, inputs_end..job.text.len())
    })?;
    let mut whole = whole.map_err(|findings| job.refused(&findings, &interpreter))?;
    whole.line = None;
    whole.text = match inputs {
        0 => "the whole".to_string(),
        1 => "the whole, its input loaded".to_string(),
        _ => format!("the whole, its {inputs} inputs loaded"),
    };
    if job.screen.is_json() {
        let statements: Vec<_> = rows.iter().map(as_json).collect();
        job.screen.line(&json!({ "statements": statements, "whole": as_json(&whole) }).to_string());
    } else {
        rows.push(whole);
        table(&rows).iter().for_each(|line| job.screen.line(line));
    }
    Ok(Status::Done)
}

/// Times one part of the program, and then does what it says.
fn one(interpreter: &mut Interpreter, job: &Job, place: std::ops::Range<usize>) -> Result<Row, Vec<Diagnostic>> {
    let line = job.text[..place.start].matches('\n').count() + 1;
    let text = one_line(&job.text[place.clone()]);
    // With blanks in the place of what comes before, findings name the right lines.
    let before =
        job.text[..place.start].chars().map(|letter| if letter == '\n' { "\n" } else { &"    "[..letter.len_utf8()] });
    let padded = before.collect::<String>() + &job.text[place];
    let compiled = interpreter.compile(&job.name, &padded)?;
    interpreter.reset_peak_bytes();
    let mut times = repeat(interpreter, &compiled)?;
    let peak_bytes = interpreter.peak_bytes();
    let executed = interpreter.execute(&compiled)?;
    interpreter.commit(executed);
    times.sort_by(f64::total_cmp);
    Ok(Row {
        text,
        line: Some(line),
        runs: times.len(),
        median: median(&times),
        least: times.first().copied().unwrap_or(0.0),
        bytes_read: compiled.bytes_read(),
        bytes_written: compiled.bytes_written(),
        peak_bytes,
    })
}

/// Runs until the median is stable, and returns the times in seconds.
fn repeat(interpreter: &Interpreter, compiled: &Compiled) -> Result<Vec<f64>, Vec<Diagnostic>> {
    let start = Instant::now();
    // The first run pays for fresh memory and cold caches; it counts only where it takes so long that there is no other.
    interpreter.execute(compiled)?;
    let mut times = vec![start.elapsed().as_secs_f64()];
    if start.elapsed() >= TOO_LONG {
        return Ok(times);
    }
    times.clear();
    while times.len() < MOST_RUNS
        && start.elapsed() < TOO_LONG
        && (times.len() < FEWEST_RUNS || start.elapsed() < ENOUGH)
    {
        let begin = Instant::now();
        let executed = interpreter.execute(compiled)?;
        times.push(begin.elapsed().as_secs_f64());
        // Its memory goes back to be used again outside the time that is measured.
        drop(executed);
    }
    Ok(times)
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        _ if sorted.len() % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// Whether a text names a function.
fn calls(text: &str, function: &str) -> bool {
    highlight(text).into_iter().any(|(place, class)| class == TokenClass::Name && &text[place] == function)
}

/// A statement on one line, its end cut off when it is long.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST_TEXT) {
        Some(_) => words.chars().take(LONGEST_TEXT - 1).collect::<String>() + "…",
        None => words,
    }
}

fn table(rows: &[Row]) -> Vec<String> {
    let width = rows.iter().map(|row| row.text.chars().count()).max().unwrap_or(0).max("statement".len());
    let mut lines =
        vec![format!("{:width$}  {:>9}  {:>9}  {:>7}  {:>9}", "statement", "median", "min", "GB/s", "peak")];
    for row in rows {
        let moved = row.bytes_read + row.bytes_written;
        let speed = if moved > 0 { format!("{:.2}", row.gigabytes_per_second()) } else { "-".to_string() };
        lines.push(format!(
            "{:width$}  {:>9}  {:>9}  {speed:>7}  {:>9}",
            row.text,
            units::time(row.median),
            units::time(row.least),
            units::bytes(row.peak_bytes)
        ));
    }
    lines
}

fn as_json(row: &Row) -> serde_json::Value {
    json!({
        "statement": row.text,
        "line": row.line,
        "runs": row.runs,
        "median_seconds": row.median,
        "min_seconds": row.least,
        "gigabytes_per_second": row.gigabytes_per_second(),
        "bytes_read": row.bytes_read,
        "bytes_written": row.bytes_written,
        "peak_bytes": row.peak_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[test]
    fn statements_on_one_line() {
        assert_eq!(one_line("for i in a {\n    b = i\n}"), "for i in a { b = i }");
        assert_eq!(one_line(&"é + ".repeat(40)).chars().count(), LONGEST_TEXT);
    }

    #[test]
    fn inputs() {
        assert!(calls("a = load(\"a.npy\")", "load"));
        assert!(!calls("a = loads + 1", "load"));
    }
}
