//! Thalweg inside a Rust program: data in from a slice, a result out, errors as data, and cancelling from another thread.
//!
//!     cargo run --release --example embed

use std::sync::Arc;
use std::time::Duration;
use thalweg::{Interpreter, display};
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;
use thalweg_runtime::operation::Host;

/// Where `print` goes: a library never writes to the screen by itself.
struct Lines;

impl Host for Lines {
    fn print(&self, text: &str) {
        println!("the program says: {text}");
    }
}

fn main() {
    let mut interpreter = Interpreter::builder().threads(2).host(Arc::new(Lines)).build();

    // Data in: an array from a slice, under a name.
    let heights = [1.62, 1.75, 1.81, 1.59, 1.93, 1.70];
    interpreter.set("heights", Array::from_slice(&[2, 3], &heights).expect("2 * 3 heights"));

    // A program, and its last value.
    let program =
        "scores = (heights - mean(heights)) / std(heights)\nprint(f\"mean {mean(heights):.2f}\")\nscores.max(axis=1)";
    let outcome = interpreter.run("heights.tw", program).expect("the program is right");
    println!("{}", display(&outcome.value.expect("its last statement is an expression")));

    // A result out: the elements of a name, as a slice and without a copy.
    if let Some(Value::Array(scores)) = interpreter.get("scores") {
        println!(
            "{:?} scores, the first is {:.3}",
            scores.shape(),
            scores.as_slice::<f64>().expect("f64, contiguous")[0]
        );
    }

    // Errors are data: a code, a sentence, places in the source, a help. A program with an error has run nothing.
    let errors = interpreter.run("wrong.tw", "heights + zeros(4)").expect_err("the shapes do not go together");
    for error in &errors {
        println!("{} {}", error.code, error.message);
        for label in &error.labels {
            let (line, column) = interpreter.sources().line_column(label.span);
            println!("  line {line}, column {column}: `{}` {}", interpreter.sources().text(label.span), label.text);
        }
    }

    // Anything that runs can be cancelled from another thread; the session is as it was before the line.
    let cancel = interpreter.cancel();
    let watch = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        cancel.cancel();
    });
    match interpreter.run("long.tw", "heights = sum(sqrt(range(1_000_000_000_000) + 0.5))") {
        Ok(_) => println!("done already"),
        Err(errors) => println!("{} {}", errors[0].code, errors[0].message),
    }
    watch.join().expect("the watch does not panic");
    interpreter.cancel().reset();
    println!("heights is still {}", display(&interpreter.get("heights").expect("it was set above")));
}
