//! The rows of the standard library, by family.

mod arithmetic;
mod comparison;
mod convolution;
mod creation;
mod effect;
mod elementary;
mod factorisation;
mod fourier;
mod higher_order;
mod joining;
mod product;
mod random;
mod reduction;
mod rounding;
mod scan;
mod shape;
mod sorting;
mod views;

pub(crate) use random::{STREAM, initial_stream};

use crate::operation::Operation;

/// Every row, in the order of the manual.
pub(crate) fn all() -> Vec<Operation> {
    let mut rows = Vec::new();
    arithmetic::rows(&mut rows);
    comparison::rows(&mut rows);
    rounding::rows(&mut rows);
    elementary::rows(&mut rows);
    reduction::rows(&mut rows);
    creation::rows(&mut rows);
    shape::rows(&mut rows);
    views::rows(&mut rows);
    joining::rows(&mut rows);
    scan::rows(&mut rows);
    sorting::rows(&mut rows);
    product::rows(&mut rows);
    factorisation::rows(&mut rows);
    fourier::rows(&mut rows);
    higher_order::rows(&mut rows);
    convolution::rows(&mut rows);
    random::rows(&mut rows);
    effect::rows(&mut rows);
    rows
}
