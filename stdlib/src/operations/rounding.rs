//! Rounding to integers; the dtype stays.

use crate::formula;
use crate::operation::Operation;
use crate::typing;

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
    rows.push(
        Operation::elementwise("round", &["x"], typing::nearest, formula!(float [x] x.round()).and(unchanged))
            .summary("The nearest whole number, ties to even, in x's dtype.")
            .examples(&[("round([0.5, 1.5, 2.5])", "[0. 2. 2.]")]),
    );
}
