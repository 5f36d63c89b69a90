//! Comparisons, logic, and the choice between two values.

use crate::formulas::arithmetic as a;
use crate::operation::Operation;
use crate::typing;
use thalweg_runtime::kernel::{ComplexTest, Kernels, LogicFormula, MixedTest, NumberTest};

/// The kernels of a comparison of numbers or bools; complex numbers are ordered by their real parts first.
const fn tests<F: NumberTest<2> + LogicFormula<2> + MixedTest + ComplexTest<2>>() -> Kernels {
    Kernels::number_test::<F, 2>()
        .and(Kernels::logic::<F, 2>())
        .and(Kernels::mixed_test::<F>())
        .and(Kernels::complex_test::<F, 2>())
}

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::elementwise("equal", &["x", "y"], typing::comparison, tests::<a::Equal>())
            .operator("==", 2)
            .summary("Whether x and y are equal; NaN equals nothing.")
            .examples(&[("[1, 2, 3] == [1, 0, 3]", "[ true false  true]")]),
    );
    rows.push(
        Operation::elementwise("not_equal", &["x", "y"], typing::comparison, tests::<a::NotEqual>())
            .operator("!=", 2)
            .summary("Whether x and y differ; NaN differs from everything.")
            .examples(&[("[1, 2, 3] != 2", "[ true false  true]")]),
    );
    rows.push(
        Operation::elementwise("less", &["x", "y"], typing::comparison, tests::<a::Less>())
            .operator("<", 2)
            .summary("Whether x is less than y; false where either is NaN.")
            .examples(&[("[1, 2, 3] < 2", "[ true false false]")]),
    );
    rows.push(
        Operation::elementwise("less_equal", &["x", "y"], typing::comparison, tests::<a::LessEqual>())
            .operator("<=", 2)
            .summary("Whether x is at most y; false where either is NaN.")
            .examples(&[("[1, 2, 3] <= 2", "[ true  true false]")]),
    );
    rows.push(
        Operation::elementwise("greater", &["x", "y"], typing::comparison, tests::<a::Greater>())
            .operator(">", 2)
            .summary("Whether x is greater than y; false where either is NaN.")
            .examples(&[("0 < [1, 2, 3] > 1", "[false  true  true]")]),
    );
    rows.push(
        Operation::elementwise("greater_equal", &["x", "y"], typing::comparison, tests::<a::GreaterEqual>())
            .operator(">=", 2)
            .summary("Whether x is at least y; false where either is NaN.")
            .examples(&[("[1, 2, 3] >= 2", "[false  true  true]")]),
    );
    rows.push(
        Operation::elementwise("logical_and", &["x", "y"], typing::logic, Kernels::logic::<a::And, 2>())
            .operator("and", 2)
            .summary("Whether both are true.")
            .examples(&[("[true, true, false] and [true, false, false]", "[ true false false]")]),
    );
    rows.push(
        Operation::elementwise("logical_or", &["x", "y"], typing::logic, Kernels::logic::<a::Or, 2>())
            .operator("or", 2)
            .summary("Whether either is true.")
            .examples(&[("[true, true, false] or [true, false, false]", "[ true  true false]")]),
    );
    rows.push(
        Operation::elementwise("logical_not", &["x"], typing::logic, Kernels::logic::<a::Not, 1>())
            .operator("not", 1)
            .summary("Whether x is false.")
            .examples(&[("not [true, false]", "[false  true]")]),
    );
    rows.push(
        Operation::elementwise("logical_xor", &["x", "y"], typing::logic, Kernels::logic::<a::Xor, 2>())
            .summary("Whether exactly one is true.")
            .examples(&[("logical_xor([true, true, false], [true, false, false])", "[false  true false]")]),
    );
    rows.push(
        Operation::elementwise("where", &["condition", "x", "y"], typing::selection, Kernels::select())
            .summary("x where the condition is true, y elsewhere; both are computed.")
            .examples(&[("a = range(5); where(a > 2, a, -1)", "[-1 -1 -1  3  4]")]),
    );
    for (name, kernels, summary, example) in [
        (
            "isnan",
            Kernels::float_test::<a::IsNan, 1>().and(Kernels::complex_test::<a::IsNan, 1>()),
            "Whether x is NaN.",
            &[("isnan([1.0, nan, inf])", "[false  true false]")],
        ),
        (
            "isinf",
            Kernels::float_test::<a::IsInfinite, 1>().and(Kernels::complex_test::<a::IsInfinite, 1>()),
            "Whether x is infinite.",
            &[("isinf([1.0, nan, -inf])", "[false false  true]")],
        ),
        (
            "isfinite",
            Kernels::float_test::<a::IsFinite, 1>().and(Kernels::complex_test::<a::IsFinite, 1>()),
            "Whether x is neither infinite nor NaN.",
            &[("isfinite([1.0, nan, inf])", "[ true false false]")],
        ),
    ] {
        rows.push(
            Operation::elementwise(name, &["x"], typing::analytic_test, kernels).summary(summary).examples(example),
        );
    }
    rows.push(
        Operation::elementwise("signbit", &["x"], typing::float_test, Kernels::float_test::<a::SignBit, 1>())
            .summary("Whether x's sign bit is set; that of -0.0 is.")
            .examples(&[("signbit([-0.0, 1.0, -2.0])", "[ true false  true]")]),
    );
}
