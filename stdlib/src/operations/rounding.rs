//! Rounding to integers; the dtype stays.

use crate::formula;
use crate::formulas::arithmetic as a;
use crate::operation::{Expansion, Operation, optional, required};
use crate::typing;
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::value::Value;
use thalweg_runtime::kernel::Kernels;

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let unchanged = formula!(integer [x] x).and(formula!(logic [x] x));
    rows.push(
        Operation::elementwise("floor", &["x"], typing::rounding, formula!(float [x] x.floor()).and(unchanged))
            .summary("The largest whole number not above x, in x's dtype.")
            .examples(&[("floor([-1.5, 1.5])", "[-2.  1.]")]),
    );
    rows.push(
        Operation::elementwise("ceil", &["x"], typing::rounding, formula!(float [x] x.ceil()).and(unchanged))
            .summary("The smallest whole number not below x, in x's dtype.")
            .examples(&[("ceil([-1.5, 1.5])", "[-1.  2.]")]),
    );
    rows.push(
        Operation::elementwise("trunc", &["x"], typing::rounding, formula!(float [x] x.truncate()).and(unchanged))
            .summary("x without its fraction, in x's dtype.")
            .examples(&[("trunc([-1.5, 1.5])", "[-1.  1.]")]),
    );
    let nearest = formula!(float [x] x.round()).and(Kernels::complex::<a::Round, 1>());
    rows.push(
        Operation::elementwise("rint", &["x"], typing::analytic, nearest)
            .summary("The nearest whole number, ties to even, as a float.")
            .examples(&[("rint([0.5, 1.5, 2.5])", "[0. 2. 2.]"), ("rint(3)", "3.0")]),
    );
    rows.push(
        Operation::elementwise("nearest", &["x"], typing::nearest, nearest.and(unchanged))
            .summary("The nearest whole number, ties to even, in x's dtype.")
            .examples(&[("nearest([-0.5, 2.5])", "[-0.  2.]"), ("nearest(7)", "7")]),
    );
    rows.push(
        Operation::expand("round", vec![required("x"), optional("decimals", Default::Integer(0))], round)
            .summary("The nearest number with so many decimals (whole ones by default), ties to even, in x's dtype.")
            .text("As in NumPy, x is multiplied by the power of ten, rounded, and divided again; negative decimals round to tens.")
            .examples(&[
                ("round([0.5, 1.5, 2.5])", "[0. 2. 2.]"),
                ("round(2.71828, 2)", "2.72"),
                ("round([1234, 1250], decimals=-2)", "[1200 1200]"),
            ]),
    );
}

fn round(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let decimals = build.integer(call, 1)?;
    let dtype = build.type_of(x).dtype;
    let span = call.arguments[0].span;
    if decimals == 0 || decimals > 0 && dtype.is_integral() {
        return build.elementwise("nearest", &[x], span).map(Value::Array);
    }
    let Some(ten) = i32::try_from(decimals.abs()).ok().filter(|count| *count <= 308) else {
        let message = format!("`round` has no {decimals} decimals");
        return Err(Diagnostic::error("E0309", message, call.arguments[1].span, "").help("write -308 to 308"));
    };
    let scale = build.constant(Scalar::f64(10f64.powi(ten)), true, call.arguments[1].span);
    let (there, back) = if decimals > 0 { ("multiply", "divide") } else { ("divide", "multiply") };
    let scaled = build.elementwise(there, &[x, scale], span)?;
    let nearest = build.elementwise("nearest", &[scaled], span)?;
    let value = build.elementwise(back, &[nearest, scale], span)?;
    Ok(Value::Array(if dtype.is_integral() { build.cast(value, dtype, span) } else { value }))
}
