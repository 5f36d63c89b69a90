//! Discrete Fourier transforms along the last axis, as functions of rows.

use super::{elements, in_c_order, out_of_memory, unexpected, worth};
use std::sync::{Mutex, PoisonError};
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::Attribute;
use thalweg_linear::{ComplexNumber, Real};
use thalweg_runtime::array::{Array, Complex, Element};
use thalweg_runtime::operation::{Failure, FunctionCall};

/// Our complex numbers as those of the crate that transforms.
fn theirs<T: Real>(ours: &mut [Complex<T>]) -> &mut [ComplexNumber<T>] {
    // SAFETY: both are a real and an imaginary part in the order of C, without padding.
    unsafe { std::slice::from_raw_parts_mut(ours.as_mut_ptr().cast(), ours.len()) }
}

/// What a result is multiplied by: the forward transform and the inverse one together divide by the length.
fn factor(call: &FunctionCall, length: usize, inverse: bool) -> f64 {
    let norm = match call.attributes.first() {
        Some(Attribute::Text(norm)) => &**norm,
        _ => "backward",
    };
    match (norm, inverse) {
        ("ortho", _) => 1.0 / (length as f64).sqrt(),
        ("forward", false) | ("backward", true) => 1.0 / length as f64,
        _ => 1.0,
    }
}

/// The operand and the result by rows, for `work` to fill one from the other, each thread with a state of its own.
fn rows<From: Element, To: Element, State>(
    call: &FunctionCall,
    cost: f64,
    state: impl Fn() -> State + Sync,
    work: impl Fn(&mut State, &[From], &mut [To]) + Sync,
) -> Result<Vec<Array>, Failure> {
    let (Some(operand), Some(to)) = (call.operands.first(), call.types.first()) else { return Err(unexpected()) };
    let operand = in_c_order(call, operand)?;
    let mut result = Array::zeros(to.dtype, &to.shape, call.pool).map_err(out_of_memory)?;
    let from = elements::<From>(&operand)?;
    let (&[.., in_row], &[.., out_row]) = (operand.shape(), &to.shape[..]) else { return Err(unexpected()) };
    let into = result.as_mut_slice::<To>().ok_or_else(unexpected)?;
    if !into.is_empty() {
        let count = into.len() / out_row;
        let run = (100_000.0 / cost).ceil() as usize;
        let parts: Vec<Mutex<&mut [To]>> = into.chunks_mut(run * out_row).map(Mutex::new).collect();
        let piece = |piece: usize| {
            let mut part = parts[piece].lock().unwrap_or_else(PoisonError::into_inner);
            let mut state = state();
            for (row, to) in part.chunks_mut(out_row).enumerate() {
                let at = piece * run + row;
                work(&mut state, &from[at * in_row..(at + 1) * in_row], to);
            }
        };
        match worth(call, cost * count as f64) {
            1 => (0..parts.len()).for_each(piece),
            _ => call.team.each(parts.len(), &piece)?,
        }
    }
    Ok(vec![result])
}

/// What a transform of a length costs, in nanoseconds.
fn cost_of(length: usize) -> f64 {
    100.0 + length as f64 * (length.max(2) as f64).log2() * 0.5
}

fn complex<T: Real + Element>(call: &FunctionCall, inverse: bool) -> Result<Vec<Array>, Failure>
where
    Complex<T>: Element,
{
    let length = call.types.first().and_then(|to| to.shape.last()).copied().ok_or_else(unexpected)?;
    let transform = T::complex(length, inverse);
    let factor = T::rounded(factor(call, length, inverse));
    rows::<Complex<T>, Complex<T>, _>(
        call,
        cost_of(length),
        || transform.scratch(),
        |scratch, from, to| {
            let shared = from.len().min(to.len());
            to[..shared].copy_from_slice(&from[..shared]);
            transform.run(theirs(to), scratch);
            if factor != T::one() {
                to.iter_mut().for_each(|z| *z = Complex::new(z.re * factor, z.im * factor));
            }
        },
    )
}

/// `fft` of complex numbers, as long as the result: the operand is cut, or zeros follow it.
pub(crate) fn forward(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::C64) => complex::<f32>(call, false),
        Some(DType::C128) => complex::<f64>(call, false),
        _ => Err(unexpected()),
    }
}

/// `ifft`, likewise.
pub(crate) fn inverse(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::C64) => complex::<f32>(call, true),
        Some(DType::C128) => complex::<f64>(call, true),
        _ => Err(unexpected()),
    }
}

/// The second attribute: how many real numbers there are.
fn real_length(call: &FunctionCall) -> Result<usize, Failure> {
    match call.attributes.get(1) {
        Some(Attribute::Shape(shape)) => shape.first().copied().ok_or_else(unexpected),
        _ => Err(unexpected()),
    }
}

fn of_real<T: Real + Element>(call: &FunctionCall) -> Result<Vec<Array>, Failure>
where
    Complex<T>: Element,
{
    let length = real_length(call)?;
    let transform = T::from_reals(length);
    let factor = T::rounded(factor(call, length, false));
    rows::<T, Complex<T>, _>(
        call,
        cost_of(length) / 2.0,
        || transform.scratch(),
        |scratch, from, to| {
            let shared = from.len().min(length);
            scratch.0[..shared].copy_from_slice(&from[..shared]);
            scratch.0[shared..].fill(T::zero());
            transform.run(scratch, theirs(to));
            if factor != T::one() {
                to.iter_mut().for_each(|z| *z = Complex::new(z.re * factor, z.im * factor));
            }
        },
    )
}

/// `rfft` of real numbers: the first half of what `fft` gives and one more.
pub(crate) fn of_reals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::C64) => of_real::<f32>(call),
        Some(DType::C128) => of_real::<f64>(call),
        _ => Err(unexpected()),
    }
}

fn to_real<T: Real + Element>(call: &FunctionCall) -> Result<Vec<Array>, Failure>
where
    Complex<T>: Element,
{
    let length = real_length(call)?;
    let transform = T::to_reals(length);
    let factor = T::rounded(factor(call, length, true));
    rows::<Complex<T>, T, _>(
        call,
        cost_of(length) / 2.0,
        || transform.scratch(),
        |scratch, from, to| {
            let shared = from.len().min(scratch.0.len());
            for (to, from) in scratch.0.iter_mut().zip(&from[..shared]) {
                *to = ComplexNumber::new(from.re, from.im);
            }
            scratch.0[shared..].fill(ComplexNumber::new(T::zero(), T::zero()));
            transform.run(scratch, to);
            if factor != T::one() {
                to.iter_mut().for_each(|x| *x = *x * factor);
            }
        },
    )
}

/// `irfft`: the real numbers whose `rfft` this is.
pub(crate) fn to_reals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::F32) => to_real::<f32>(call),
        Some(DType::F64) => to_real::<f64>(call),
        _ => Err(unexpected()),
    }
}
