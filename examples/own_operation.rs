//! A program adds operations to the language by the door that the standard library uses: one row each.
//!
//! `logit` is elementwise: its formula is written once and runs on every instruction set, fused with what is around it.
//! `midrange` is written in other operations. Both broadcast, promote, show up in `doc` and in "did you mean".

use thalweg::{Expansion, Interpreter, Operation, Value, formula, formulas, required, typing};

fn logit() -> Operation {
    let kernels = formula!(double [p] formulas::log(p.divide(L::constant(1.0).subtract(p))));
    Operation::elementwise("logit", &["p"], typing::floats, kernels)
        .summary("The logarithm of the odds p / (1 - p).")
        .examples(&[("logit(0.5)", "0.0")])
}

fn midrange() -> Operation {
    Operation::expand("midrange", vec![required("x")], |build: &mut Expansion, call| {
        let x = build.array(call, 0)?;
        let low = build.reduce("min", x, call.span)?;
        let high = build.reduce("max", x, call.span)?;
        let sum = build.elementwise("add", &[low, high], call.span)?;
        let two = build.constant(thalweg::Scalar::f64(2.0), true, call.span);
        build.elementwise("divide", &[sum, two], call.span).map(Value::Array)
    })
    .summary("The middle between the smallest and the greatest element.")
}

fn main() {
    let mut interpreter = Interpreter::builder().operation(logit()).operation(midrange()).build();
    let program = "p = linspace(0.1, 0.9, 5); (logit(p), midrange(logit(p) + 1))";
    match interpreter.run("example", program) {
        Ok(outcome) => println!("{}", outcome.value.as_ref().map(thalweg::display).unwrap_or_default()),
        Err(diagnostics) => diagnostics.iter().for_each(|diagnostic| eprintln!("{}", diagnostic.message)),
    }
}
