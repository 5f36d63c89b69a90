//! Discrete Fourier transforms along the last axis, by `rustfft` and `realfft`.

use crate::{elements, in_c_order, out_of_memory, unexpected, worth};
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex;
use rustfft::{Fft, FftDirection, FftNum, FftPlanner};
use std::sync::{Arc, Mutex, PoisonError};
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::Attribute;
use thalweg_runtime::array::{Array, Complex, Element};
use thalweg_runtime::operation::{Failure, FunctionCall};

/// Factors of transforms depend on nothing but their length, and take longer to make than to use: they are kept for the whole
/// process, until there are so many lengths of one dtype.
const KEPT: usize = 64;

/// What is kept of one dtype.
struct Plans<T: FftNum> {
    complex: FftPlanner<T>,
    real: RealFftPlanner<T>,
    lengths: Vec<usize>,
}

impl<T: FftNum> Plans<T> {
    fn new() -> Plans<T> {
        Plans { complex: FftPlanner::new(), real: RealFftPlanner::new(), lengths: Vec::new() }
    }

    /// Makes room for one more length.
    fn remember(&mut self, length: usize) {
        if !self.lengths.contains(&length) {
            if self.lengths.len() >= KEPT {
                *self = Plans::new();
            }
            self.lengths.push(length);
        }
    }
}

/// Real numbers that are transformed.
trait Real: Element + FftNum + Default {
    /// What is kept.
    fn plans<R>(with: impl FnOnce(&mut Plans<Self>) -> R) -> R;
    /// A float, rounded.
    fn of(value: f64) -> Self;
}

macro_rules! real {
    ($($real:ident)*) => { $(
        impl Real for $real {
            fn plans<R>(with: impl FnOnce(&mut Plans<$real>) -> R) -> R {
                static PLANS: Mutex<Option<Plans<$real>>> = Mutex::new(None);
                let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
                with(plans.get_or_insert_with(Plans::new))
            }
            fn of(value: f64) -> $real {
                value as $real
            }
        }
    )* };
}

real! { f32 f64 }

/// Our complex numbers as those of the library.
fn theirs<T: Real>(ours: &mut [Complex<T>]) -> &mut [num_complex::Complex<T>] {
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

fn complex<T: Real>(call: &FunctionCall, inverse: bool) -> Result<Vec<Array>, Failure>
where
    Complex<T>: Element,
{
    let length = call.types.first().and_then(|to| to.shape.last()).copied().ok_or_else(unexpected)?;
    let direction = if inverse { FftDirection::Inverse } else { FftDirection::Forward };
    let transform: Arc<dyn Fft<T>> = T::plans(|plans| {
        plans.remember(length);
        plans.complex.plan_fft(length, direction)
    });
    let factor = T::of(factor(call, length, inverse));
    let zero = num_complex::Complex::new(T::zero(), T::zero());
    let state = || vec![zero; transform.get_inplace_scratch_len()];
    rows::<Complex<T>, Complex<T>, _>(call, cost_of(length), state, |scratch, from, to| {
        let shared = from.len().min(to.len());
        to[..shared].copy_from_slice(&from[..shared]);
        transform.process_with_scratch(theirs(to), scratch);
        if factor != T::one() {
            to.iter_mut().for_each(|z| *z = Complex::new(z.re * factor, z.im * factor));
        }
    })
}

/// `fft` of complex numbers, as long as the result: the operand is cut, or zeros follow it.
pub fn forward(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::C64) => complex::<f32>(call, false),
        Some(DType::C128) => complex::<f64>(call, false),
        _ => Err(unexpected()),
    }
}

/// `ifft`, likewise.
pub fn inverse(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
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

fn of_real<T: Real>(call: &FunctionCall) -> Result<Vec<Array>, Failure>
where
    Complex<T>: Element,
{
    let length = real_length(call)?;
    let transform: Arc<dyn RealToComplex<T>> = T::plans(|plans| {
        plans.remember(length);
        plans.real.plan_fft_forward(length)
    });
    let factor = T::of(factor(call, length, false));
    let state = || (transform.make_input_vec(), transform.make_scratch_vec());
    rows::<T, Complex<T>, _>(call, cost_of(length) / 2.0, state, |(row, scratch), from, to| {
        let shared = from.len().min(length);
        row[..shared].copy_from_slice(&from[..shared]);
        row[shared..].fill(T::zero());
        // The lengths are those that the transform has made its vectors for, so that it cannot refuse them.
        let _ = transform.process_with_scratch(row, theirs(to), scratch);
        if factor != T::one() {
            to.iter_mut().for_each(|z| *z = Complex::new(z.re * factor, z.im * factor));
        }
    })
}

/// `rfft` of real numbers: the first half of what `fft` gives and one more.
pub fn of_reals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::C64) => of_real::<f32>(call),
        Some(DType::C128) => of_real::<f64>(call),
        _ => Err(unexpected()),
    }
}

fn to_real<T: Real>(call: &FunctionCall) -> Result<Vec<Array>, Failure>
where
    Complex<T>: Element,
{
    let length = real_length(call)?;
    let transform = T::plans(|plans| {
        plans.remember(length);
        plans.real.plan_fft_inverse(length)
    });
    let factor = T::of(factor(call, length, true));
    let state = || (transform.make_input_vec(), transform.make_scratch_vec());
    rows::<Complex<T>, T, _>(call, cost_of(length) / 2.0, state, |(row, scratch), from, to| {
        let shared = from.len().min(row.len());
        for (to, from) in row.iter_mut().zip(&from[..shared]) {
            *to = num_complex::Complex::new(from.re, from.im);
        }
        row[shared..].fill(num_complex::Complex::new(T::zero(), T::zero()));
        // Only the real part counts where a conjugate would meet itself.
        row[0].im = T::zero();
        if length % 2 == 0 {
            row[length / 2].im = T::zero();
        }
        // The lengths are those that the transform has made its vectors for, so that it cannot refuse them.
        let _ = transform.process_with_scratch(row, to, scratch);
        if factor != T::one() {
            to.iter_mut().for_each(|x| *x = *x * factor);
        }
    })
}

/// `irfft`: the real numbers whose `rfft` this is.
pub fn to_reals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    match call.types.first().map(|to| to.dtype) {
        Some(DType::F32) => to_real::<f32>(call),
        Some(DType::F64) => to_real::<f64>(call),
        _ => Err(unexpected()),
    }
}
