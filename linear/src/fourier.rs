//! Discrete Fourier transforms of rows, by `rustfft` and `realfft`.

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
pub use rustfft::num_complex::Complex as ComplexNumber;
use rustfft::{Fft, FftDirection, FftNum, FftPlanner};
use std::sync::{Arc, Mutex, PoisonError};

/// Factors of transforms depend on nothing but their length, and take longer to make than to use: they are kept for the whole
/// process, until there are so many lengths of one kind of numbers.
const KEPT: usize = 64;

/// What is kept of one kind.
struct Plans<T: FftNum> {
    complex: FftPlanner<T>,
    real: RealFftPlanner<T>,
    lengths: Vec<usize>,
}

impl<T: FftNum> Plans<T> {
    fn new() -> Plans<T> {
        Plans { complex: FftPlanner::new(), real: RealFftPlanner::new(), lengths: Vec::new() }
    }

    /// Itself, with room for one more length.
    fn with(&mut self, length: usize) -> &mut Plans<T> {
        if !self.lengths.contains(&length) {
            if self.lengths.len() >= KEPT {
                *self = Plans::new();
            }
            self.lengths.push(length);
        }
        self
    }
}

/// The transform of so many complex numbers.
pub struct ComplexTransform<T>(Arc<dyn Fft<T>>);

impl<T: FftNum> ComplexTransform<T> {
    /// What [`ComplexTransform::run`] works with.
    pub fn scratch(&self) -> Vec<Complex<T>> {
        vec![Complex::new(T::zero(), T::zero()); self.0.get_inplace_scratch_len()]
    }

    /// Transforms a row in place.
    pub fn run(&self, row: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        self.0.process_with_scratch(row, scratch);
    }
}

/// The transform of so many real numbers to the first half of the complex ones, and one more.
pub struct FromReals<T>(Arc<dyn RealToComplex<T>>);

impl<T: FftNum> FromReals<T> {
    /// A row to fill, and what [`FromReals::run`] works with.
    pub fn scratch(&self) -> (Vec<T>, Vec<Complex<T>>) {
        (self.0.make_input_vec(), self.0.make_scratch_vec())
    }

    /// Transforms a row, which is used up.
    pub fn run(&self, (row, scratch): &mut (Vec<T>, Vec<Complex<T>>), to: &mut [Complex<T>]) {
        // It refuses other lengths than its own, and rows and results are made for it.
        let refused = self.0.process_with_scratch(row, to, scratch);
        debug_assert!(refused.is_ok(), "{refused:?}");
    }
}

/// The way back.
pub struct ToReals<T>(Arc<dyn ComplexToReal<T>>);

impl<T: FftNum> ToReals<T> {
    /// A row to fill, and what [`ToReals::run`] works with.
    pub fn scratch(&self) -> (Vec<Complex<T>>, Vec<Complex<T>>) {
        (self.0.make_input_vec(), self.0.make_scratch_vec())
    }

    /// Transforms a row, which is used up. Only the real part counts where a conjugate would meet itself.
    pub fn run(&self, (row, scratch): &mut (Vec<Complex<T>>, Vec<Complex<T>>), to: &mut [T]) {
        row[0].im = T::zero();
        if to.len().is_multiple_of(2) {
            row[to.len() / 2].im = T::zero();
        }
        // It refuses other lengths than its own, and rows and results are made for it.
        let refused = self.0.process_with_scratch(row, to, scratch);
        debug_assert!(refused.is_ok(), "{refused:?}");
    }
}

/// Real numbers that are transformed: f32 and f64.
pub trait Real: FftNum {
    /// The transform of complex numbers; the inverse one does not divide.
    fn complex(length: usize, inverse: bool) -> ComplexTransform<Self>;
    /// The transform of real numbers.
    fn from_reals(length: usize) -> FromReals<Self>;
    /// Its inverse, which does not divide.
    fn to_reals(length: usize) -> ToReals<Self>;
    /// A float, rounded.
    fn rounded(value: f64) -> Self;
}

macro_rules! real {
    ($($real:ident, $plans:ident;)*) => { $(
        static $plans: Mutex<Option<Plans<$real>>> = Mutex::new(None);

        impl Real for $real {
            fn complex(length: usize, inverse: bool) -> ComplexTransform<$real> {
                let direction = if inverse { FftDirection::Inverse } else { FftDirection::Forward };
                let mut plans = $plans.lock().unwrap_or_else(PoisonError::into_inner);
                ComplexTransform(plans.get_or_insert_with(Plans::new).with(length).complex.plan_fft(length, direction))
            }

            fn from_reals(length: usize) -> FromReals<$real> {
                let mut plans = $plans.lock().unwrap_or_else(PoisonError::into_inner);
                FromReals(plans.get_or_insert_with(Plans::new).with(length).real.plan_fft_forward(length))
            }

            fn to_reals(length: usize) -> ToReals<$real> {
                let mut plans = $plans.lock().unwrap_or_else(PoisonError::into_inner);
                ToReals(plans.get_or_insert_with(Plans::new).with(length).real.plan_fft_inverse(length))
            }

            fn rounded(value: f64) -> $real {
                value as $real
            }
        }
    )* };
}

real! { f32, SINGLE; f64, DOUBLE; }
