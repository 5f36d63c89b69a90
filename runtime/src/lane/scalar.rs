//! One element at a time: the reference that every vector must equal, bit for bit.

use super::{Double, Float, Integer, Lane, Lanes, Mask, Number, Whole};

/// One element at a time.
pub struct Scalar;

impl Lanes for Scalar {
    type Double = f64;
    type Single = f32;
    type Truth = bool;
    const TRUTHS: usize = 1;
}

impl Mask for bool {
    #[inline(always)]
    fn splat(value: bool) -> Self {
        value
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn not(self) -> Self {
        !self
    }
    #[inline(always)]
    fn any(self) -> bool {
        self
    }
    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller gives one readable byte.
        unsafe { *from != 0 }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller gives one writable byte.
        unsafe { *to = self as u8 }
    }
}

macro_rules! lane {
    ($($element:ty)*) => { $(
        impl Lane for $element {
            type Element = $element;
            type Mask = bool;
            const WIDTH: usize = 1;
            #[inline(always)]
            fn splat(value: $element) -> Self {
                value
            }
            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                // SAFETY: the caller gives one readable element, aligned or not.
                unsafe { from.read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                // SAFETY: the caller gives one writable element, aligned or not.
                unsafe { to.write_unaligned(self) }
            }
            #[inline(always)]
            fn select(mask: bool, then: Self, otherwise: Self) -> Self {
                if mask { then } else { otherwise }
            }
        }
    )* };
}
lane!(bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

macro_rules! comparisons {
    () => {
        #[inline(always)]
        fn equal(self, other: Self) -> bool {
            self == other
        }
        #[inline(always)]
        fn not_equal(self, other: Self) -> bool {
            self != other
        }
        #[inline(always)]
        fn less(self, other: Self) -> bool {
            self < other
        }
        #[inline(always)]
        fn less_equal(self, other: Self) -> bool {
            self <= other
        }
    };
}

macro_rules! integer {
    ($($element:ident $unsigned:ident)*) => { $(
        impl Number for $element {
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn negate(self) -> Self {
                self.wrapping_neg()
            }
            comparisons!();
        }
        impl Integer for $element {
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline(always)]
            fn invert(self) -> Self {
                !self
            }
            #[inline(always)]
            fn shift_left<const N: u32>(self) -> Self {
                self << N
            }
            #[inline(always)]
            fn shift_right_logical<const N: u32>(self) -> Self {
                ((self as $unsigned) >> N) as $element
            }
            #[inline(always)]
            fn shift_right<const N: u32>(self) -> Self {
                self >> N
            }
            #[inline(always)]
            fn shift_left_each(self, counts: Self) -> Self {
                if (counts as $unsigned) < $element::BITS as $unsigned { self << counts } else { 0 }
            }
            #[inline(always)]
            fn shift_right_logical_each(self, counts: Self) -> Self {
                if (counts as $unsigned) < $element::BITS as $unsigned { ((self as $unsigned) >> counts) as $element } else { 0 }
            }
        }
    )* };
}
integer!(i8 u8 i16 u16 i32 u32 i64 u64 u8 u8 u16 u16 u32 u32 u64 u64);

macro_rules! float {
    ($($element:ident $bits:ident $unsigned:ident)*) => { $(
        impl Number for $element {
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn negate(self) -> Self {
                -self
            }
            comparisons!();
        }
        impl Float for $element {
            type Bits = $bits;
            #[inline(always)]
            fn to_bits(self) -> $bits {
                self.to_bits() as $bits
            }
            #[inline(always)]
            fn from_bits(bits: $bits) -> Self {
                $element::from_bits(bits as $unsigned)
            }
            #[inline(always)]
            fn constant(value: f64) -> Self {
                value as $element
            }
            #[inline(always)]
            fn bits_constant(value: i64) -> $bits {
                value as $bits
            }
            #[inline(always)]
            fn from_integer(integer: $bits) -> Self {
                integer as $element
            }
            #[inline(always)]
            fn to_integer(self) -> $bits {
                self.round_ties_even() as $bits
            }
            #[inline(always)]
            fn divide(self, other: Self) -> Self {
                self / other
            }
            #[inline(always)]
            fn square_root(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn fma(self, factor: Self, addend: Self) -> Self {
                self.mul_add(factor, addend)
            }
            #[inline(always)]
            fn absolute(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn copy_sign(self, sign: Self) -> Self {
                self.copysign(sign)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                self.floor()
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                self.ceil()
            }
            #[inline(always)]
            fn truncate(self) -> Self {
                self.trunc()
            }
            #[inline(always)]
            fn round(self) -> Self {
                self.round_ties_even()
            }
        }
    )* };
}
float!(f32 i32 u32 f64 i64 u64);

impl Double for f64 {
    #[inline(always)]
    unsafe fn load_single(from: *const f32) -> Self {
        // SAFETY: the caller gives one readable element, aligned or not.
        unsafe { from.read_unaligned() as f64 }
    }
    #[inline(always)]
    unsafe fn store_single(self, to: *mut f32) {
        // SAFETY: the caller gives one writable element, aligned or not.
        unsafe { to.write_unaligned(self as f32) }
    }
}

/// The float to which an integer of up to 22, or 51, bits is added to lie in the last bits of the sum.
const SHIFTER_32: f32 = 12_582_912.0;
const SHIFTER_64: f64 = 6_755_399_441_055_744.0;

/// The greatest magnitude that lies there.
const MOST_HELD: u64 = 1 << 51;

macro_rules! whole {
    ($($element:ident $signed:literal $holder:ident $shifter:ident, $is_held:expr, $held:expr;)*) => { $(
        impl Whole for $element {
            const SIGNED: bool = $signed;
            const BITS: u32 = $element::BITS;
            const ZERO: Self = 0;
            const ONE: Self = 1;
            type Holder = $holder;
            #[inline(always)]
            fn divide(self, other: Self) -> Self {
                self.wrapping_div(other)
            }
            #[inline(always)]
            fn remainder(self, other: Self) -> Self {
                self.wrapping_rem(other)
            }
            #[inline(always)]
            fn is_held(self) -> bool {
                $is_held(self)
            }
            #[inline(always)]
            fn held(self) -> $holder {
                $held(self)
            }
            #[inline(always)]
            fn of_held(held: $holder) -> Self {
                // The sum's exponent and first bit are left out; the bits below are the number's in two's complement.
                (held + $shifter).to_bits().wrapping_sub($shifter.to_bits()) as Self
            }
        }
    )* };
}
// Vectors have no conversion of 64 bits before AVX-512; an addition to the bits of the sum does it.
whole! {
    i8 true f32 SHIFTER_32, |_| true, f32::from;
    i16 true f32 SHIFTER_32, |_| true, f32::from;
    i32 true f64 SHIFTER_64, |_| true, f64::from;
    i64 true f64 SHIFTER_64,
        |value: i64| value.wrapping_add(MOST_HELD as i64) as u64 <= 2 * MOST_HELD,
        |value: i64| f64::from_bits(SHIFTER_64.to_bits().wrapping_add(value as u64)) - SHIFTER_64;
    u8 false f32 SHIFTER_32, |_| true, f32::from;
    u16 false f32 SHIFTER_32, |_| true, f32::from;
    u32 false f64 SHIFTER_64, |_| true, f64::from;
    u64 false f64 SHIFTER_64,
        |value: u64| value <= MOST_HELD,
        |value: u64| f64::from_bits(SHIFTER_64.to_bits().wrapping_add(value)) - SHIFTER_64;
}
