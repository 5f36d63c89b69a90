//! Computes one formula over doubles from standard input, for tests/accuracy/measure.py: `accuracy NAME < operands > results`.

use std::io::{Read, Write};
use thalweg::formulas::*;

fn main() {
    let name = std::env::args().nth(1).expect("the name of a formula");
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).expect("operands on standard input");
    let operands: Vec<f64> = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    let one: Option<fn(f64) -> f64> = match name.as_str() {
        "exp" => Some(exp),
        "exp2" => Some(exp2),
        "expm1" => Some(expm1),
        "log" => Some(log),
        "log2" => Some(log2),
        "log10" => Some(log10),
        "log1p" => Some(log1p),
        "sin" => Some(sin),
        "cos" => Some(cos),
        "tan" => Some(tan),
        "asin" => Some(asin),
        "acos" => Some(acos),
        "atan" => Some(atan),
        "sinh" => Some(sinh),
        "cosh" => Some(cosh),
        "tanh" => Some(tanh),
        "asinh" => Some(asinh),
        "acosh" => Some(acosh),
        "atanh" => Some(atanh),
        "cbrt" => Some(cbrt),
        "erf" => Some(erf),
        "erfc" => Some(erfc),
        _ => None,
    };
    let two: Option<fn(f64, f64) -> f64> = match name.as_str() {
        "atan2" => Some(atan2),
        "power" => Some(power),
        "hypot" => Some(hypot),
        _ => None,
    };
    let mut results = Vec::with_capacity(bytes.len());
    if let Some(formula) = one {
        operands.iter().for_each(|&x| results.extend(formula(x).to_le_bytes()));
    } else if let Some(formula) = two {
        operands.chunks_exact(2).for_each(|xy| results.extend(formula(xy[0], xy[1]).to_le_bytes()));
    } else {
        panic!("no formula is named {name}");
    }
    std::io::stdout().write_all(&results).expect("results to standard output");
}
