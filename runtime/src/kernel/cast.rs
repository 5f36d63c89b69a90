//! Conversions between all dtypes, as `Scalar::cast` in lang defines them: integers wrap, a float to an integer truncates and
//! saturates with NaN to 0, a complex to a real drops its imaginary part, and anything but zero is true.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use thalweg_lang::dtype::DType;

use super::formula::Complex;
use super::record::{self, Record};
use super::step::{Buffer, Step, Typed, avx2, avx512, plain};
use super::table::SIMPLE_BYTE;
use super::{BlockFunction, Kernel};

/// A conversion of one element. A bool is taken as the byte that it is in memory, `Truth`.
trait Convert<R>: Copy + 'static {
    fn convert(self) -> R;
}

/// A bool in memory: any byte but 0 is true, so that no byte is invalid.
#[derive(Clone, Copy)]
struct Truth(u8);
impl Typed for Truth {
    const DTYPE: DType = DType::Bool;
}
impl Convert<Truth> for Truth {
    #[inline(always)]
    fn convert(self) -> Truth {
        self
    }
}

/// Whether a number is not zero (NaN is not).
macro_rules! to_truth {
    ($($from:ident)*) => { $(
        impl Convert<Truth> for $from {
            #[inline(always)]
            fn convert(self) -> Truth {
                Truth((self != 0 as $from) as u8)
            }
        }
        impl Convert<$from> for Truth {
            #[inline(always)]
            fn convert(self) -> $from {
                self.0 as $from
            }
        }
        impl Convert<Truth> for Complex<$from> {
            #[inline(always)]
            fn convert(self) -> Truth {
                Truth((self.real != 0 as $from || self.imaginary != 0 as $from) as u8)
            }
        }
    )* };
}
to_truth!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

/// Rust's `as` has exactly the semantics wanted.
macro_rules! number_to_number {
    ($($from:ident)*) => { $( number_to_number!(@ $from: i8 i16 i32 i64 u8 u16 u32 u64 f32 f64); )* };
    (@ $from:ident: $($to:ident)*) => { $(
        impl Convert<$to> for $from {
            #[inline(always)]
            fn convert(self) -> $to {
                self as $to
            }
        }
    )* };
}
number_to_number!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

/// Complex numbers go by their parts. An integer becomes an f64 before it becomes an f32's part, as `Scalar::cast` does.
impl<T: Convert<f64>> Convert<Complex<f64>> for Real<T> {
    #[inline(always)]
    fn convert(self) -> Complex<f64> {
        Complex { real: self.0.convert(), imaginary: 0.0 }
    }
}
impl<T: Convert<f64>> Convert<Complex<f32>> for Real<T> {
    #[inline(always)]
    fn convert(self) -> Complex<f32> {
        let real: f64 = self.0.convert();
        Complex { real: real as f32, imaginary: 0.0 }
    }
}

/// A real on its way to a complex.
#[derive(Clone, Copy)]
struct Real<T>(T);
impl<T: Typed> Typed for Real<T> {
    const DTYPE: DType = T::DTYPE;
}

macro_rules! complex {
    ($($from:ident)*) => { $(
        impl Convert<Complex<f32>> for Complex<$from> {
            #[inline(always)]
            fn convert(self) -> Complex<f32> {
                Complex { real: self.real as f32, imaginary: self.imaginary as f32 }
            }
        }
        impl Convert<Complex<f64>> for Complex<$from> {
            #[inline(always)]
            fn convert(self) -> Complex<f64> {
                Complex { real: self.real as f64, imaginary: self.imaginary as f64 }
            }
        }
        complex!(@ $from: i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);
    )* };
    (@ $from:ident: $($to:ident)*) => { $(
        impl Convert<$to> for Complex<$from> {
            #[inline(always)]
            fn convert(self) -> $to {
                self.real as $to
            }
        }
    )* };
}
complex!(f32 f64);

/// `W` conversions.
struct Conversion<A, R, const W: usize>(PhantomData<(A, R)>);
const WIDTH: usize = 32;
impl<A: Convert<R>, R: Copy + 'static, const W: usize> Step<1> for Conversion<A, R, W> {
    const WIDTH: usize = W;
    const OPERANDS: [usize; 1] = [size_of::<A>()];
    const RESULT: usize = size_of::<R>();
    #[inline(always)]
    unsafe fn step([from]: [*const u8; 1], result: *mut u8) {
        // SAFETY: the caller gives `WIDTH` elements of each at any alignment; every value is written before it is read.
        unsafe {
            let mut buffer = Buffer([const { MaybeUninit::<R>::uninit() }; W]);
            for (index, value) in buffer.0.iter_mut().enumerate() {
                value.write(from.cast::<A>().add(index).read_unaligned().convert());
            }
            std::ptr::copy_nonoverlapping(buffer.0.as_ptr().cast::<u8>(), result, W * size_of::<R>());
        }
    }
}

/// The same bytes.
///
/// # Safety
/// As `BlockFunction`.
unsafe fn copy<const SIZE: usize>(operands: *const *const u8, result: *mut u8, length: usize) -> usize {
    // SAFETY: the caller gives both, which are apart or the same.
    unsafe { std::ptr::copy(*operands, result, length * SIZE) };
    usize::MAX
}

const fn convert<A: Convert<R> + Typed, R: Typed>() -> Kernel {
    let functions: [BlockFunction; 4] = if A::DTYPE as u8 == R::DTYPE as u8 {
        match A::DTYPE.size() {
            1 => [copy::<1>; 4],
            2 => [copy::<2>; 4],
            4 => [copy::<4>; 4],
            8 => [copy::<8>; 4],
            _ => [copy::<16>; 4],
        }
    } else {
        [
            plain::<Conversion<A, R, 1>, 1>,
            plain::<Conversion<A, R, WIDTH>, 1>,
            avx2::<Conversion<A, R, WIDTH>, 1>,
            avx512::<Conversion<A, R, WIDTH>, 1>,
        ]
    };
    let (from, to) = (A::DTYPE.size(), R::DTYPE.size());
    let cost = SIMPLE_BYTE * if from > to { from } else { to } as u32;
    let record: Option<Record> = Some(|| record::cast(R::DTYPE));
    Kernel {
        operands: const { &[A::DTYPE] },
        result: R::DTYPE,
        fault: None,
        cost,
        functions,
        record,
        record_single: None,
    }
}

/// The conversions from one real dtype, in the order of `DType::ALL`.
macro_rules! from_real {
    ($from:ident) => {
        [
            convert::<$from, Truth>(),
            convert::<$from, i8>(),
            convert::<$from, i16>(),
            convert::<$from, i32>(),
            convert::<$from, i64>(),
            convert::<$from, u8>(),
            convert::<$from, u16>(),
            convert::<$from, u32>(),
            convert::<$from, u64>(),
            convert::<$from, f32>(),
            convert::<$from, f64>(),
            convert::<Real<$from>, Complex<f32>>(),
            convert::<Real<$from>, Complex<f64>>(),
        ]
    };
}
/// The same from a complex dtype.
macro_rules! from_complex {
    ($from:ident) => {
        [
            convert::<Complex<$from>, Truth>(),
            convert::<Complex<$from>, i8>(),
            convert::<Complex<$from>, i16>(),
            convert::<Complex<$from>, i32>(),
            convert::<Complex<$from>, i64>(),
            convert::<Complex<$from>, u8>(),
            convert::<Complex<$from>, u16>(),
            convert::<Complex<$from>, u32>(),
            convert::<Complex<$from>, u64>(),
            convert::<Complex<$from>, f32>(),
            convert::<Complex<$from>, f64>(),
            convert::<Complex<$from>, Complex<f32>>(),
            convert::<Complex<$from>, Complex<f64>>(),
        ]
    };
}
static CASTS: [[Kernel; 13]; 13] = [
    from_real!(Truth),
    from_real!(i8),
    from_real!(i16),
    from_real!(i32),
    from_real!(i64),
    from_real!(u8),
    from_real!(u16),
    from_real!(u32),
    from_real!(u64),
    from_real!(f32),
    from_real!(f64),
    from_complex!(f32),
    from_complex!(f64),
];

/// The kernel that converts from one dtype to another; between equal ones it copies.
pub fn cast(from: DType, to: DType) -> &'static Kernel {
    &CASTS[from as usize][to as usize]
}
