//! Lanes: the vocabulary in which every elementwise formula is written, once.
//!
//! A lane value is a vector of `WIDTH` elements of one dtype. A formula is a generic function over these traits; it is
//! instantiated with one element (`scalar`, the reference), with portable vectors (`portable`, over `wide`), and on x86-64
//! with AVX2 and AVX-512 vectors chosen at run time. Every instantiation gives the same bits: each method is one correctly
//! rounded IEEE 754 operation or an exact integer one, `fma` rounds once everywhere, and nothing is contracted.
//!
//! A formula may not branch on a value: it selects, or says that a path is `rarely` taken, so that the same text can also be
//! recorded as code for another machine.

/// Methods made of vector instructions: each body is unsafe code, sound for the reason at the head of the file that uses this.
#[cfg(target_arch = "x86_64")]
macro_rules! instructions {
    () => {};
    (unsafe fn $name:ident($($argument:ident $(: $type:ty)?),*) -> $out:ty $body:block $($rest:tt)*) => {
        #[inline(always)]
        unsafe fn $name($($argument $(: $type)?),*) -> $out {
            // SAFETY: see the file's head; the pointer is the caller's promise.
            unsafe { $body }
        }
        instructions! { $($rest)* }
    };
    (fn $name:ident($($argument:ident $(: $type:ty)?),*) -> $out:ty $body:block $($rest:tt)*) => {
        #[inline(always)]
        fn $name($($argument $(: $type)?),*) -> $out {
            // SAFETY: see the file's head. (A body may do without.)
            #[allow(unused_unsafe)]
            unsafe {
                $body
            }
        }
        instructions! { $($rest)* }
    };
}
/// `Lane::rarely` without a closure: `rarely!(L, mask, fast, slow)`.
///
/// A closure that the compiler does not inline is compiled without the vectors' instruction set, and every operation in it
/// becomes a call, a hundred times slower. So where `slow` is more than a few operations, or called from several formulas,
/// write this.
#[macro_export]
macro_rules! rarely {
    ($lane:ty, $mask:expr, $fast:expr, $slow:expr $(,)?) => {{
        let (mask, fast) = ($mask, $fast);
        if $crate::lane::Mask::any(mask) { <$lane as $crate::lane::Lane>::merge(mask, $slow, fast) } else { fast }
    }};
}

/// A truth value for each element of a vector.
pub trait Mask: Copy + 'static {
    /// The same in every element.
    fn splat(value: bool) -> Self;
    /// Both.
    fn and(self, other: Self) -> Self;
    /// Either.
    fn or(self, other: Self) -> Self;
    /// Exactly one.
    fn xor(self, other: Self) -> Self;
    /// Not.
    fn not(self) -> Self;
    /// Whether any element is true. For `rarely` only, which merges afterwards: a formula must not branch on it.
    fn any(self) -> bool;
    /// Reads `WIDTH` bytes, each 0 or 1.
    ///
    /// # Safety
    /// `from` must be readable for the vector's width in bytes.
    unsafe fn load(from: *const u8) -> Self;
    /// Writes `WIDTH` bytes, each 0 or 1.
    ///
    /// # Safety
    /// `to` must be writable for the vector's width in bytes.
    unsafe fn store(self, to: *mut u8);
}

/// A vector of elements of one dtype.
pub trait Lane: Copy + 'static {
    /// One element.
    type Element: Copy + 'static;
    /// A truth value for each element.
    type Mask: Mask;
    /// How many elements.
    const WIDTH: usize;
    /// The same in every element.
    fn splat(value: Self::Element) -> Self;
    /// Reads `WIDTH` elements; no alignment is needed.
    ///
    /// # Safety
    /// `from` must be readable for `WIDTH` elements.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// Writes `WIDTH` elements; no alignment is needed.
    ///
    /// # Safety
    /// `to` must be writable for `WIDTH` elements.
    unsafe fn store(self, to: *mut Self::Element);
    /// `then` where the mask is true, `otherwise` elsewhere; bits are copied.
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;
    /// `fast` where the mask is false, `slow()` where it is true; `slow` is computed only when some element needs it.
    #[inline(always)]
    fn rarely(mask: Self::Mask, fast: Self, slow: impl FnOnce() -> Self) -> Self {
        if mask.any() { Self::merge(mask, slow(), fast) } else { fast }
    }
    /// The end of what `Mask::any` began: `slow` where the mask is true, `fast` elsewhere.
    #[inline(always)]
    fn merge(mask: Self::Mask, slow: Self, fast: Self) -> Self {
        Self::select(mask, slow, fast)
    }
    /// The same for two results of one guard.
    #[inline(always)]
    fn merge_two(mask: Self::Mask, slow: [Self; 2], fast: [Self; 2]) -> [Self; 2] {
        [Self::select(mask, slow[0], fast[0]), Self::select(mask, slow[1], fast[1])]
    }
}

/// Vectors of numbers with an order. Integers wrap; comparisons with NaN are false except `not_equal`.
#[allow(missing_docs)]
pub trait Number: Lane {
    fn add(self, other: Self) -> Self;
    fn subtract(self, other: Self) -> Self;
    fn multiply(self, other: Self) -> Self;
    fn negate(self) -> Self;
    fn equal(self, other: Self) -> Self::Mask;
    fn not_equal(self, other: Self) -> Self::Mask;
    fn less(self, other: Self) -> Self::Mask;
    fn less_equal(self, other: Self) -> Self::Mask;
    #[inline(always)]
    fn greater(self, other: Self) -> Self::Mask {
        other.less(self)
    }
    #[inline(always)]
    fn greater_equal(self, other: Self) -> Self::Mask {
        other.less_equal(self)
    }
}

/// Vectors of integers.
pub trait Integer: Number {
    /// Bitwise and.
    fn and(self, other: Self) -> Self;
    /// Bitwise or.
    fn or(self, other: Self) -> Self;
    /// Bitwise exclusive or.
    fn xor(self, other: Self) -> Self;
    /// Bitwise not.
    fn invert(self) -> Self;
    /// Shifts left by a constant below the element's width in bits.
    fn shift_left<const N: u32>(self) -> Self;
    /// Shifts right by a constant, filling with zeros whatever the sign.
    fn shift_right_logical<const N: u32>(self) -> Self;
    /// Shifts right by a constant, filling with the sign bit (zeros for unsigned elements).
    fn shift_right<const N: u32>(self) -> Self;
    /// Shifts left each element by its own count; a count of the width or more (as unsigned) gives 0.
    fn shift_left_each(self, counts: Self) -> Self;
    /// Shifts right logically each element by its own count; a count of the width or more (as unsigned) gives 0.
    fn shift_right_logical_each(self, counts: Self) -> Self;
    /// The product of the lower 32 bits of each element as unsigned numbers, exactly. For elements of 64 bits only.
    #[inline(always)]
    fn multiply_lower_halves(self, other: Self) -> Self {
        let lower = |value: Self| value.shift_left::<32>().shift_right_logical::<32>();
        lower(self).multiply(lower(other))
    }
}

/// Integers whose quotients machine code of single elements makes.
pub trait Quotients: Integer {
    /// Where the truth is set there is no answer; what follows need not be computed.
    fn refuse(truth: Self::Mask);
    /// The largest integer not above the quotient, wrapping at the smallest number by -1; where `other` is zero, unspecified.
    fn floor_quotient(self, other: Self) -> Self;
    /// What `floor_quotient` leaves, with the sign of `other`.
    fn floor_remainder(self, other: Self) -> Self;
    /// What a quotient rounded towards zero leaves, with the sign of `self`; where `other` is zero, unspecified.
    fn remainder(self, other: Self) -> Self;
}

/// Vectors of f64 or f32.
pub trait Float: Number {
    /// Signed integers of the same width.
    type Bits: Integer<Mask = Self::Mask>;
    /// The bits, unchanged.
    fn to_bits(self) -> Self::Bits;
    /// From bits, unchanged.
    fn from_bits(bits: Self::Bits) -> Self;
    /// A constant, rounded to the element type.
    fn constant(value: f64) -> Self;
    /// An integer constant (truncated to the element's width).
    fn bits_constant(value: i64) -> Self::Bits;
    /// The float equal to each integer; unspecified beyond 2^51 (f64) or 2^24 (f32) in magnitude.
    fn from_integer(integer: Self::Bits) -> Self;
    /// The nearest integer, ties to even; unspecified (but the same everywhere is not promised) beyond 2^51 (f64) or 2^22 (f32)
    /// and for NaN: such elements must not reach a result.
    fn to_integer(self) -> Self::Bits;
    /// Division.
    fn divide(self, other: Self) -> Self;
    /// The square root, correctly rounded.
    fn square_root(self) -> Self;
    /// `self * factor + addend`, rounded once.
    fn fma(self, factor: Self, addend: Self) -> Self;
    /// Clears the sign bit.
    fn absolute(self) -> Self;
    /// `self` with the sign bit of `sign`.
    fn copy_sign(self, sign: Self) -> Self;
    /// The largest integer not above.
    fn floor(self) -> Self;
    /// The smallest integer not below.
    fn ceil(self) -> Self;
    /// The integer part.
    fn truncate(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// Whether it is NaN.
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        self.not_equal(self)
    }
}

/// Vectors of f64 that can also read and write f32, so that a formula for f64 gives nearly correctly rounded f32.
pub trait Double: Float<Element = f64, Bits: Integer<Element = i64>> {
    /// Reads `WIDTH` f32 and widens them; no alignment is needed.
    ///
    /// # Safety
    /// `from` must be readable for `WIDTH` f32.
    unsafe fn load_single(from: *const f32) -> Self;
    /// Rounds to f32 and writes `WIDTH` of them; no alignment is needed.
    ///
    /// # Safety
    /// `to` must be writable for `WIDTH` f32.
    unsafe fn store_single(self, to: *mut f32);
}

/// Vectors of f32, for formulas that are written for it alone.
pub trait Single: Float<Element = f32, Bits: Integer<Element = i32>> {}
impl<L: Float<Element = f32, Bits: Integer<Element = i32>>> Single for L {}

/// Vectors of 64-bit words.
pub trait Words: Integer<Element: From<u32>> {}
impl Words for u64 {}

/// One integer, for formulas that branch: division, powers, greatest common divisors.
pub trait Whole: Integer<Element = Self, Mask = bool> + Ord {
    /// Whether the dtype has negative numbers.
    const SIGNED: bool;
    /// Its width.
    const BITS: u32;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The quotient rounded towards zero, wrapping at the smallest number by -1; `other` must not be zero.
    fn divide(self, other: Self) -> Self;
    /// What `divide` leaves, with the sign of `self`; `other` must not be zero.
    fn remainder(self, other: Self) -> Self;
    /// A float whose integers take in those of this dtype, or its smaller ones.
    type Holder: Float<Element = Self::Holder>;
    /// Whether the float holds the number, with room for the rounding of a quotient: numbers of 8 to 32 bits always, longer ones up to 2^51.
    fn is_held(self) -> bool;
    /// The number as a float, which must hold it.
    fn held(self) -> Self::Holder;
    /// The number that a float is, which has no fraction and is at most twice as large as those held; wrapping.
    fn of_held(held: Self::Holder) -> Self;
}

/// The lane types of one instruction set.
pub trait Lanes: 'static {
    /// Vectors of f64.
    type Double: Double;
    /// Vectors of f32.
    type Single: Single;
    /// Truths for bytes, as wide as is convenient.
    type Truth: Mask;
    /// How many bytes `Truth` holds.
    const TRUTHS: usize;
}

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
pub mod portable;
pub mod scalar;
