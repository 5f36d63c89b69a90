//! Vectors for any target, over `wide`: four f64 or eight f32, with whatever instructions the build itself may use.
//!
//! Of `wide` only the plain arithmetic, comparisons and shifts are used: its rounding depends on the target in places, and its
//! mathematics is too coarse.

use wide::{f32x8, f64x4, i32x8, i64x4, u8x16, u32x8, u64x4};

use super::{Double, Float, Integer, Lane, Lanes, Mask, Number};

/// Whatever the build targets.
pub struct Portable;

impl Lanes for Portable {
    type Double = Doubles;
    type Single = Singles;
    type Truth = Truths;
    const TRUTHS: usize = 16;
}

/// Sixteen truths, each a byte 0 or 1.
#[derive(Clone, Copy)]
pub struct Truths(u8x16);

impl Mask for Truths {
    #[inline(always)]
    fn splat(value: bool) -> Self {
        Truths(u8x16::splat(value as u8))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Truths(self.0 & other.0)
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Truths(self.0 | other.0)
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Truths(self.0 ^ other.0)
    }
    #[inline(always)]
    fn not(self) -> Self {
        Truths(self.0 ^ u8x16::splat(1))
    }
    #[inline(always)]
    fn any(self) -> bool {
        u128::from_ne_bytes(self.0.to_array()) != 0
    }
    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller gives 16 readable bytes.
        Truths(u8x16::new(unsafe { from.cast::<[u8; 16]>().read_unaligned() }).min(u8x16::splat(1)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller gives 16 writable bytes.
        unsafe { to.cast::<[u8; 16]>().write_unaligned(self.0.to_array()) }
    }
}

/// Whether the build has a fused multiply-add that `wide` uses; without one it would round twice.
const FUSED: bool = cfg!(any(
    all(target_feature = "avx", target_feature = "fma"),
    all(target_arch = "aarch64", target_feature = "neon")
));

/// The vectors of one float type. `$large` is the power of two from which every float is an integer.
macro_rules! portable {
    (
        $width:literal, $mask:ident,
        $floats:ident: $float:ident $float_vector:ident,
        $bits:ident: $signed:ident $signed_vector:ident $unsigned:ident $unsigned_vector:ident,
        $large:literal, |$integer:ident| $from_integer:expr
    ) => {
        #[doc = concat!("Truths for ", stringify!($float_vector), ": all bits 0 or all 1.")]
        #[derive(Clone, Copy)]
        pub struct $mask($unsigned_vector);
        #[doc = concat!("A vector of ", stringify!($float), ".")]
        #[derive(Clone, Copy)]
        pub struct $floats($float_vector);
        #[doc = concat!("A vector of ", stringify!($signed), ".")]
        #[derive(Clone, Copy)]
        pub struct $bits($signed_vector);

        impl Mask for $mask {
            #[inline(always)]
            fn splat(value: bool) -> Self {
                $mask($unsigned_vector::splat((value as $unsigned).wrapping_neg()))
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                $mask(self.0 & other.0)
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                $mask(self.0 | other.0)
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                $mask(self.0 ^ other.0)
            }
            #[inline(always)]
            fn not(self) -> Self {
                $mask(!self.0)
            }
            #[inline(always)]
            fn any(self) -> bool {
                self.0.to_array() != [0; $width]
            }
            #[inline(always)]
            unsafe fn load(from: *const u8) -> Self {
                // SAFETY: the caller gives that many readable bytes.
                let bytes = unsafe { from.cast::<[u8; $width]>().read_unaligned() };
                let mut truths = [0; $width];
                for (truth, byte) in truths.iter_mut().zip(bytes) {
                    *truth = ((byte != 0) as $unsigned).wrapping_neg();
                }
                $mask($unsigned_vector::new(truths))
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut u8) {
                let mut bytes = [0; $width];
                for (byte, truth) in bytes.iter_mut().zip(self.0.to_array()) {
                    *byte = truth as u8 & 1;
                }
                // SAFETY: the caller gives that many writable bytes.
                unsafe { to.cast::<[u8; $width]>().write_unaligned(bytes) }
            }
        }

        impl Lane for $bits {
            type Element = $signed;
            type Mask = $mask;
            const WIDTH: usize = $width;
            #[inline(always)]
            fn splat(value: $signed) -> Self {
                $bits($signed_vector::splat(value))
            }
            #[inline(always)]
            unsafe fn load(from: *const $signed) -> Self {
                // SAFETY: the caller gives that many readable elements.
                $bits($signed_vector::new(unsafe { from.cast::<[$signed; $width]>().read_unaligned() }))
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $signed) {
                // SAFETY: the caller gives that many writable elements.
                unsafe { to.cast::<[$signed; $width]>().write_unaligned(self.0.to_array()) }
            }
            #[inline(always)]
            fn select(mask: $mask, then: Self, otherwise: Self) -> Self {
                let mask = mask.0.cast_signed();
                $bits((then.0 & mask) | (otherwise.0 & !mask))
            }
        }

        impl Number for $bits {
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                $bits(self.0 + other.0)
            }
            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                $bits(self.0 - other.0)
            }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                $bits(self.0 * other.0)
            }
            #[inline(always)]
            fn negate(self) -> Self {
                $bits($signed_vector::splat(0) - self.0)
            }
            #[inline(always)]
            fn equal(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0).cast_unsigned())
            }
            #[inline(always)]
            fn not_equal(self, other: Self) -> $mask {
                self.equal(other).not()
            }
            #[inline(always)]
            fn less(self, other: Self) -> $mask {
                $mask(other.0.simd_gt(self.0).cast_unsigned())
            }
            #[inline(always)]
            fn less_equal(self, other: Self) -> $mask {
                other.less(self).not()
            }
        }

        impl Integer for $bits {
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                $bits(self.0 & other.0)
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                $bits(self.0 | other.0)
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                $bits(self.0 ^ other.0)
            }
            #[inline(always)]
            fn invert(self) -> Self {
                $bits(!self.0)
            }
            #[inline(always)]
            fn shift_left<const N: u32>(self) -> Self {
                $bits(self.0 << N)
            }
            #[inline(always)]
            fn shift_right_logical<const N: u32>(self) -> Self {
                $bits((self.0.cast_unsigned() >> N).cast_signed())
            }
            #[inline(always)]
            fn shift_right<const N: u32>(self) -> Self {
                $bits(self.0 >> N)
            }
            #[inline(always)]
            fn shift_left_each(self, counts: Self) -> Self {
                let mut elements = self.0.to_array();
                for (element, count) in elements.iter_mut().zip(counts.0.to_array()) {
                    *element = Integer::shift_left_each(*element, count);
                }
                $bits($signed_vector::new(elements))
            }
            #[inline(always)]
            fn shift_right_logical_each(self, counts: Self) -> Self {
                let mut elements = self.0.to_array();
                for (element, count) in elements.iter_mut().zip(counts.0.to_array()) {
                    *element = Integer::shift_right_logical_each(*element, count);
                }
                $bits($signed_vector::new(elements))
            }
        }

        impl $floats {
            const SIGN: $unsigned = 1 << ($unsigned::BITS - 1);

            #[inline(always)]
            fn bits(self) -> $unsigned_vector {
                self.0.to_bits()
            }
            #[inline(always)]
            fn of(bits: $unsigned_vector) -> Self {
                $floats($float_vector::from_bits(bits))
            }
        }

        impl Lane for $floats {
            type Element = $float;
            type Mask = $mask;
            const WIDTH: usize = $width;
            #[inline(always)]
            fn splat(value: $float) -> Self {
                $floats($float_vector::splat(value))
            }
            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                // SAFETY: the caller gives that many readable elements.
                $floats($float_vector::new(unsafe { from.cast::<[$float; $width]>().read_unaligned() }))
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                // SAFETY: the caller gives that many writable elements.
                unsafe { to.cast::<[$float; $width]>().write_unaligned(self.0.to_array()) }
            }
            #[inline(always)]
            fn select(mask: $mask, then: Self, otherwise: Self) -> Self {
                Self::of((then.bits() & mask.0) | (otherwise.bits() & !mask.0))
            }
        }

        impl Number for $floats {
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                $floats(self.0 + other.0)
            }
            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                $floats(self.0 - other.0)
            }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                $floats(self.0 * other.0)
            }
            #[inline(always)]
            fn negate(self) -> Self {
                Self::of(self.bits() ^ $unsigned_vector::splat(Self::SIGN))
            }
            #[inline(always)]
            fn equal(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0).to_bits())
            }
            #[inline(always)]
            fn not_equal(self, other: Self) -> $mask {
                self.equal(other).not()
            }
            #[inline(always)]
            fn less(self, other: Self) -> $mask {
                $mask(self.0.simd_lt(other.0).to_bits())
            }
            #[inline(always)]
            fn less_equal(self, other: Self) -> $mask {
                $mask(self.0.simd_le(other.0).to_bits())
            }
        }

        impl Float for $floats {
            type Bits = $bits;
            #[inline(always)]
            fn to_bits(self) -> $bits {
                $bits(self.bits().cast_signed())
            }
            #[inline(always)]
            fn from_bits(bits: $bits) -> Self {
                Self::of(bits.0.cast_unsigned())
            }
            #[inline(always)]
            fn constant(value: f64) -> Self {
                Self::splat(value as $float)
            }
            #[inline(always)]
            fn bits_constant(value: i64) -> $bits {
                $bits::splat(value as $signed)
            }
            #[inline(always)]
            fn from_integer($integer: $bits) -> Self {
                $from_integer
            }
            #[inline(always)]
            fn to_integer(self) -> $bits {
                // Adding 1.5 times the large power of two leaves a small integer in the low bits of the mantissa, rounded to
                // nearest even.
                const MAGIC: $float = 1.5 * $large;
                let shifted = self.add(Self::splat(MAGIC));
                Float::to_bits(shifted).subtract($bits::splat(MAGIC.to_bits() as $signed))
            }
            #[inline(always)]
            fn divide(self, other: Self) -> Self {
                $floats(self.0 / other.0)
            }
            #[inline(always)]
            fn square_root(self) -> Self {
                $floats(self.0.sqrt())
            }
            #[inline(always)]
            fn fma(self, factor: Self, addend: Self) -> Self {
                if FUSED {
                    return $floats(self.0.mul_add(factor.0, addend.0));
                }
                let mut elements = self.0.to_array();
                let (factors, addends) = (factor.0.to_array(), addend.0.to_array());
                for index in 0..$width {
                    elements[index] = elements[index].mul_add(factors[index], addends[index]);
                }
                $floats($float_vector::new(elements))
            }
            #[inline(always)]
            fn absolute(self) -> Self {
                Self::of(self.bits() & $unsigned_vector::splat(!Self::SIGN))
            }
            #[inline(always)]
            fn copy_sign(self, sign: Self) -> Self {
                let mask = $unsigned_vector::splat(Self::SIGN);
                Self::of((self.bits() & !mask) | (sign.bits() & mask))
            }
            #[inline(always)]
            fn floor(self) -> Self {
                let round = self.round();
                let floor = round.subtract(Self::splat(1.0));
                Self::select(self.less(round), floor, round).copy_sign(self)
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                let round = self.round();
                let ceil = round.add(Self::splat(1.0));
                Self::select(round.less(self), ceil, round).copy_sign(self)
            }
            #[inline(always)]
            fn truncate(self) -> Self {
                self.absolute().floor().copy_sign(self)
            }
            #[inline(always)]
            fn round(self) -> Self {
                // Below the large power of two, adding it rounds to an integer; from there on all are integers (or NaN).
                let large = Self::splat($large);
                let magnitude = self.absolute();
                let rounded = magnitude.add(large).subtract(large).copy_sign(self);
                Self::select(magnitude.less(large), rounded, self)
            }
        }
    };
}

portable!(
    4, Mask64, Doubles: f64 f64x4, Bits64: i64 i64x4 u64 u64x4, 4503599627370496.0,
    |integer| {
        const MAGIC: f64 = 6755399441055744.0;
        let shifted = integer.add(Bits64::splat(MAGIC.to_bits() as i64));
        Self::of(shifted.0.cast_unsigned()).subtract(Self::splat(MAGIC))
    }
);
portable!(
    8, Mask32, Singles: f32 f32x8, Bits32: i32 i32x8 u32 u32x8, 8388608.0,
    |integer| Singles(integer.0.round_float())
);

impl Double for Doubles {
    #[inline(always)]
    unsafe fn load_single(from: *const f32) -> Self {
        // SAFETY: the caller gives four readable elements.
        let singles = unsafe { from.cast::<[f32; 4]>().read_unaligned() };
        Doubles(f64x4::new([singles[0] as f64, singles[1] as f64, singles[2] as f64, singles[3] as f64]))
    }
    #[inline(always)]
    unsafe fn store_single(self, to: *mut f32) {
        let [a, b, c, d] = self.0.to_array();
        // SAFETY: the caller gives four writable elements.
        unsafe { to.cast::<[f32; 4]>().write_unaligned([a as f32, b as f32, c as f32, d as f32]) }
    }
}
