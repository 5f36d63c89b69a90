//! Reductions: many elements to one, in the one fixed order.

use crate::formulas::arithmetic::{
    Add, And, BeatsAsGreatest, BeatsAsLeast, Fmax, Fmin, Maximum, Minimum, Multiply, Or,
};
use crate::operation::{Operation, required};
use crate::typing;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::value::Value;
use thalweg_runtime::kernel::{Fold, Folds, Kernels};

const SUM: Folds = Folds::number::<Add>().and(Folds::complex::<Add>());
const PRODUCT: Folds = Folds::number::<Multiply>().and(Folds::complex::<Multiply>());
const MINIMUM: Folds = Folds::number::<Minimum>().and(Folds::logic::<And>()).and(Folds::complex::<Minimum>());
const MAXIMUM: Folds = Folds::number::<Maximum>().and(Folds::logic::<Or>()).and(Folds::complex::<Maximum>());
const MINIMUM_BUT_NAN: Folds = Folds::number::<Fmin>().and(Folds::logic::<And>()).and(Folds::complex::<Fmin>());
const MAXIMUM_BUT_NAN: Folds = Folds::number::<Fmax>().and(Folds::logic::<Or>()).and(Folds::complex::<Fmax>());
const LESS: Kernels = Kernels::number_test::<BeatsAsLeast, 2>();
const MORE: Kernels = Kernels::number_test::<BeatsAsGreatest, 2>();
const ANY: Folds = Folds::logic::<Or>();
const ALL: Folds = Folds::logic::<And>();

fn fold_of(folds: &'static Folds, dtype: DType) -> Option<&'static Fold> {
    folds.find(dtype)
}

fn one(dtype: DType) -> Option<Scalar> {
    Some(Scalar::i64(1).cast(dtype))
}

fn zero(dtype: DType) -> Option<Scalar> {
    Some(Scalar::i64(0).cast(dtype))
}

fn nothing(_: DType) -> Option<Scalar> {
    None
}

const AXES: &str = "`axis` is one axis, a tuple of axes, or `none` for all; negative axes count from the end. \
                    `keepdims=true` keeps them with length 1. The order of the combinations depends on the length alone, so \
                    every executor and number of threads gives the same bits.";

const FROM: &str = "`axis` is one axis, a tuple of axes, or `none` for all; negative axes count from the end. \
                    `keepdims=true` keeps them with length 1. `initial` is a number that the elements are combined with, which is \
                    the result of nothing; it is cast to the result's dtype. The order of the combinations depends on the length \
                    alone, so every executor and number of threads gives the same bits.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::fold("sum", typing::accumulator, |dtype| fold_of(&SUM, dtype), zero)
            .summary("The sum along axes; integers and bools accumulate in 64 bits; 0 of nothing.")
            .text(FROM)
            .starting("add")
            .examples(&[("sum([1, 2, 3])", "6"), ("sum([[1.0, 2.0], [3.0, 4.0]], axis=0)", "[4. 6.]")]),
    );
    rows.push(
        Operation::fold("prod", typing::accumulator, |dtype| fold_of(&PRODUCT, dtype), one)
            .summary("The product along axes; integers and bools accumulate in 64 bits; 1 of nothing.")
            .text(FROM)
            .starting("multiply")
            .examples(&[("prod([1, 2, 3, 4])", "24"), ("prod([1, 2, 3], initial=10)", "60")]),
    );
    rows.push(
        Operation::fold("min", typing::extreme, |dtype| fold_of(&MINIMUM, dtype), nothing)
            .summary("The smallest element along axes; NaN if there is one; an error of nothing.")
            .text(FROM)
            .starting("minimum")
            .examples(&[("min([3, 1, 2])", "1"), ("min([3.0, nan])", "nan"), ("min(zeros(0), initial=inf)", "inf")]),
    );
    rows.push(
        Operation::fold("max", typing::extreme, |dtype| fold_of(&MAXIMUM, dtype), nothing)
            .summary("The greatest element along axes; NaN if there is one; an error of nothing.")
            .text(FROM)
            .starting("maximum")
            .examples(&[
                ("max([[3, 1], [2, 5]], axis=1)", "[3 5]"),
                ("max(zeros(0, 2), axis=0, initial=-1)", "[-1. -1.]"),
            ]),
    );
    rows.push(
        Operation::fold("nanmin", typing::extreme, |dtype| fold_of(&MINIMUM_BUT_NAN, dtype), nothing)
            .summary("The smallest element along axes that is not NaN; NaN if all are.")
            .text(FROM)
            .starting("fmin")
            .examples(&[("nanmin([3.0, nan, 2.0])", "2.0"), ("nanmin([nan, nan], initial=5)", "5.0")]),
    );
    rows.push(
        Operation::fold("nanmax", typing::extreme, |dtype| fold_of(&MAXIMUM_BUT_NAN, dtype), nothing)
            .summary("The greatest element along axes that is not NaN; NaN if all are.")
            .text(FROM)
            .starting("fmax")
            .examples(&[("nanmax([[3.0, nan], [nan, nan]], axis=1)", "[ 3. nan]")]),
    );
    rows.push(
        Operation::fold("any", typing::truth, |dtype| fold_of(&ANY, dtype), zero)
            .summary("Whether any element is true (not 0) along axes; false of nothing.")
            .text(AXES)
            .examples(&[("any([false, true])", "true")]),
    );
    rows.push(
        Operation::fold("all", typing::truth, |dtype| fold_of(&ALL, dtype), one)
            .summary("Whether all elements are true (not 0) along axes; true of nothing.")
            .text(AXES)
            .examples(&[("all([[true, false], [true, true]], axis=1)", "[false  true]")]),
    );
    rows.push(
        Operation::first_extreme("argmin", typing::extreme_index, false, LESS)
            .summary("The index (i64) of the first smallest element along axes, counted in C order over several; NaN counts as smallest.")
            .text(AXES)
            .examples(&[("argmin([3, 1, 1])", "1")]),
    );
    rows.push(
        Operation::first_extreme("argmax", typing::extreme_index, true, MORE)
            .summary("The index (i64) of the first greatest element along axes, counted in C order over several; NaN counts as greatest.")
            .text(AXES)
            .examples(&[("argmax([[3, 1], [2, 5]], axis=1)", "[0 1]")]),
    );
    rows.push(
        Operation::expand("array_equal", vec![required("x"), required("y")], |build, call| {
            let (x, y) = (build.array(call, 0)?, build.array(call, 1)?);
            let (shape, other) = (build.type_of(x).shape, build.type_of(y).shape);
            if !build.same_shape(&shape, &other, "`array_equal` compares arrays of one shape", call.span) {
                return Ok(Value::Array(build.constant(Scalar::bool(false), false, call.span)));
            }
            let equal = build.elementwise("equal", &[x, y], call.span)?;
            build.reduce("all", equal, call.span).map(Value::Array)
        })
        .summary("Whether two arrays have one shape and equal elements.")
        .examples(&[("array_equal([1, 2], [1.0, 2.0])", "true"), ("array_equal([1, 2], [1, 2, 3])", "false")]),
    );
}
