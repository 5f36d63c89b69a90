//! Comparisons, logic, and the choice between two values.

use crate::formula;
use crate::operation::Operation;
use crate::typing;
use thalweg_runtime::kernel::Kernels;

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::elementwise(
            "equal",
            &["x", "y"],
            typing::equality,
            formula!(number_test [x, y] x.equal(y))
                .and(formula!(logic [x, y] x.xor(y).not()))
                .and(crate::formulas::complex::EQUAL),
        )
        .operator("==", 2)
        .summary("Whether x and y are equal; NaN equals nothing.")
        .examples(&[("[1, 2, 3] == [1, 0, 3]", "[ true false  true]")]),
    );
    rows.push(
        Operation::elementwise(
            "not_equal",
            &["x", "y"],
            typing::equality,
            formula!(number_test [x, y] x.not_equal(y))
                .and(formula!(logic [x, y] x.xor(y)))
                .and(crate::formulas::complex::NOT_EQUAL),
        )
        .operator("!=", 2)
        .summary("Whether x and y differ; NaN differs from everything.")
        .examples(&[("[1, 2, 3] != 2", "[ true false  true]")]),
    );
    rows.push(
        Operation::elementwise(
            "less",
            &["x", "y"],
            typing::comparison,
            formula!(number_test [x, y] x.less(y)).and(formula!(logic [x, y] x.not().and(y))),
        )
        .operator("<", 2)
        .summary("Whether x is less than y; false where either is NaN.")
        .examples(&[("[1, 2, 3] < 2", "[ true false false]")]),
    );
    rows.push(
        Operation::elementwise(
            "less_equal",
            &["x", "y"],
            typing::comparison,
            formula!(number_test [x, y] x.less_equal(y)).and(formula!(logic [x, y] x.not().or(y))),
        )
        .operator("<=", 2)
        .summary("Whether x is at most y; false where either is NaN.")
        .examples(&[("[1, 2, 3] <= 2", "[ true  true false]")]),
    );
    rows.push(
        Operation::elementwise(
            "greater",
            &["x", "y"],
            typing::comparison,
            formula!(number_test [x, y] x.greater(y)).and(formula!(logic [x, y] x.and(y.not()))),
        )
        .operator(">", 2)
        .summary("Whether x is greater than y; false where either is NaN.")
        .examples(&[("0 < [1, 2, 3] > 1", "[false  true  true]")]),
    );
    rows.push(
        Operation::elementwise(
            "greater_equal",
            &["x", "y"],
            typing::comparison,
            formula!(number_test [x, y] x.greater_equal(y)).and(formula!(logic [x, y] x.or(y.not()))),
        )
        .operator(">=", 2)
        .summary("Whether x is at least y; false where either is NaN.")
        .examples(&[("[1, 2, 3] >= 2", "[false  true  true]")]),
    );
    rows.push(
        Operation::elementwise("logical_and", &["x", "y"], typing::logic, formula!(logic [x, y] x.and(y)))
            .operator("and", 2)
            .summary("Whether both are true.")
            .examples(&[("[true, true, false] and [true, false, false]", "[ true false false]")]),
    );
    rows.push(
        Operation::elementwise("logical_or", &["x", "y"], typing::logic, formula!(logic [x, y] x.or(y)))
            .operator("or", 2)
            .summary("Whether either is true.")
            .examples(&[("[true, true, false] or [true, false, false]", "[ true  true false]")]),
    );
    rows.push(
        Operation::elementwise("logical_not", &["x"], typing::logic, formula!(logic [x] x.not()))
            .operator("not", 1)
            .summary("Whether x is false.")
            .examples(&[("not [true, false]", "[false  true]")]),
    );
    rows.push(
        Operation::elementwise("where", &["condition", "x", "y"], typing::selection, Kernels::select())
            .summary("x where the condition is true, y elsewhere; both are computed.")
            .examples(&[("a = range(5); where(a > 2, a, -1)", "[-1 -1 -1  3  4]")]),
    );
    for (name, kernels, summary, example) in [
        (
            "isnan",
            formula!(float_test [x] x.is_nan()),
            "Whether x is NaN.",
            &[("isnan([1.0, nan, inf])", "[false  true false]")],
        ),
        (
            "isinf",
            formula!(float_test [x] x.absolute().equal(L::constant(f64::INFINITY))),
            "Whether x is infinite.",
            &[("isinf([1.0, nan, -inf])", "[false false  true]")],
        ),
        (
            "isfinite",
            formula!(float_test [x] x.absolute().less(L::constant(f64::INFINITY))),
            "Whether x is neither infinite nor NaN.",
            &[("isfinite([1.0, nan, inf])", "[ true false false]")],
        ),
    ] {
        rows.push(Operation::elementwise(name, &["x"], typing::float_test, kernels).summary(summary).examples(example));
    }
}
