//! AVX2 and FMA vectors: four f64 or eight f32.
//!
//! SAFETY, for the whole file: these types are used only inside functions compiled for `avx2,fma` (`#[inline(always)]` brings
//! the methods there), and such functions are called only where `Level::Avx2.is_available()`. Loads and stores pass on their
//! caller's promise about the pointer.

use std::arch::x86_64::*;

use super::{Double, Float, Integer, Lane, Lanes, Mask, Number};

/// AVX2 and FMA.
pub struct Avx2;

impl Lanes for Avx2 {
    type Double = Doubles;
    type Single = Singles;
    type Truth = Truths;
    const TRUTHS: usize = 32;
}

/// Four f64.
#[derive(Clone, Copy)]
pub struct Doubles(__m256d);
/// Eight f32.
#[derive(Clone, Copy)]
pub struct Singles(__m256);
/// Four i64.
#[derive(Clone, Copy)]
pub struct Bits64(__m256i);
/// Eight i32.
#[derive(Clone, Copy)]
pub struct Bits32(__m256i);
/// Four truths, each 64 bits of 0 or of 1.
#[derive(Clone, Copy)]
pub struct Mask64(__m256i);
/// Eight truths, each 32 bits of 0 or of 1.
#[derive(Clone, Copy)]
pub struct Mask32(__m256i);
/// Thirty-two truths, each a byte 0 or 1.
#[derive(Clone, Copy)]
pub struct Truths(__m256i);

macro_rules! mask_operations {
    ($mask:ident) => {
        instructions! {
            fn and(self, other: Self) -> Self { $mask(_mm256_and_si256(self.0, other.0)) }
            fn or(self, other: Self) -> Self { $mask(_mm256_or_si256(self.0, other.0)) }
            fn xor(self, other: Self) -> Self { $mask(_mm256_xor_si256(self.0, other.0)) }
            fn any(self) -> bool { _mm256_testz_si256(self.0, self.0) == 0 }
        }
    };
}

impl Mask for Mask64 {
    mask_operations!(Mask64);
    instructions! {
        fn splat(value: bool) -> Self { Mask64(_mm256_set1_epi64x(-(value as i64))) }
        fn not(self) -> Self { Mask64(_mm256_xor_si256(self.0, _mm256_set1_epi64x(-1))) }
        unsafe fn load(from: *const u8) -> Self {
            let bytes = _mm_cvtsi32_si128(from.cast::<i32>().read_unaligned());
            Mask64(_mm256_cmpgt_epi64(_mm256_cvtepu8_epi64(bytes), _mm256_setzero_si256()))
        }
        unsafe fn store(self, to: *mut u8) -> () {
            let (low, high) = (_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0));
            // The lower half of each truth, then narrower, then 1 for all ones.
            let even = _mm_shuffle_ps::<0b10_00_10_00>(_mm_castsi128_ps(low), _mm_castsi128_ps(high));
            let words = _mm_packs_epi32(_mm_castps_si128(even), _mm_setzero_si128());
            let bytes = _mm_packs_epi16(words, words);
            to.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(bytes) & 0x0101_0101);
        }
    }
}

impl Mask for Mask32 {
    mask_operations!(Mask32);
    instructions! {
        fn splat(value: bool) -> Self { Mask32(_mm256_set1_epi32(-(value as i32))) }
        fn not(self) -> Self { Mask32(_mm256_xor_si256(self.0, _mm256_set1_epi32(-1))) }
        unsafe fn load(from: *const u8) -> Self {
            let bytes = _mm_loadl_epi64(from.cast());
            Mask32(_mm256_cmpgt_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_setzero_si256()))
        }
        unsafe fn store(self, to: *mut u8) -> () {
            let words = _mm_packs_epi32(_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0));
            let bytes = _mm_and_si128(_mm_packs_epi16(words, words), _mm_set1_epi8(1));
            _mm_storel_epi64(to.cast(), bytes);
        }
    }
}

impl Mask for Truths {
    mask_operations!(Truths);
    instructions! {
        fn splat(value: bool) -> Self { Truths(_mm256_set1_epi8(value as i8)) }
        fn not(self) -> Self { Truths(_mm256_xor_si256(self.0, _mm256_set1_epi8(1))) }
        unsafe fn load(from: *const u8) -> Self {
            Truths(_mm256_min_epu8(_mm256_loadu_si256(from.cast()), _mm256_set1_epi8(1)))
        }
        unsafe fn store(self, to: *mut u8) -> () { _mm256_storeu_si256(to.cast(), self.0) }
    }
}

impl Lane for Bits64 {
    type Element = i64;
    type Mask = Mask64;
    const WIDTH: usize = 4;
    instructions! {
        fn splat(value: i64) -> Self { Bits64(_mm256_set1_epi64x(value)) }
        unsafe fn load(from: *const i64) -> Self { Bits64(_mm256_loadu_si256(from.cast())) }
        unsafe fn store(self, to: *mut i64) -> () { _mm256_storeu_si256(to.cast(), self.0) }
        fn select(mask: Mask64, then: Self, otherwise: Self) -> Self {
            Bits64(_mm256_blendv_epi8(otherwise.0, then.0, mask.0))
        }
    }
}

impl Number for Bits64 {
    instructions! {
        fn add(self, other: Self) -> Self { Bits64(_mm256_add_epi64(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Bits64(_mm256_sub_epi64(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self {
            // Each a product of 32-bit halves; the product of the upper halves lies beyond 64 bits.
            let low = _mm256_mul_epu32(self.0, other.0);
            let crossed = _mm256_add_epi64(
                _mm256_mul_epu32(_mm256_srli_epi64::<32>(self.0), other.0),
                _mm256_mul_epu32(self.0, _mm256_srli_epi64::<32>(other.0)),
            );
            Bits64(_mm256_add_epi64(low, _mm256_slli_epi64::<32>(crossed)))
        }
        fn negate(self) -> Self { Bits64(_mm256_sub_epi64(_mm256_setzero_si256(), self.0)) }
        fn equal(self, other: Self) -> Mask64 { Mask64(_mm256_cmpeq_epi64(self.0, other.0)) }
        fn not_equal(self, other: Self) -> Mask64 { self.equal(other).not() }
        fn less(self, other: Self) -> Mask64 { Mask64(_mm256_cmpgt_epi64(other.0, self.0)) }
        fn less_equal(self, other: Self) -> Mask64 { other.less(self).not() }
    }
}

macro_rules! bitwise {
    ($bits:ident) => {
        instructions! {
            fn and(self, other: Self) -> Self { $bits(_mm256_and_si256(self.0, other.0)) }
            fn or(self, other: Self) -> Self { $bits(_mm256_or_si256(self.0, other.0)) }
            fn xor(self, other: Self) -> Self { $bits(_mm256_xor_si256(self.0, other.0)) }
            fn invert(self) -> Self { $bits(_mm256_xor_si256(self.0, _mm256_set1_epi64x(-1))) }
        }
        // Shifts by constants are written as shifts by equal counts, which the compiler turns into the immediate form.
        #[inline(always)]
        fn shift_left<const N: u32>(self) -> Self {
            self.shift_left_each(Self::splat(N as _))
        }
        #[inline(always)]
        fn shift_right_logical<const N: u32>(self) -> Self {
            self.shift_right_logical_each(Self::splat(N as _))
        }
    };
}

impl Integer for Bits64 {
    bitwise!(Bits64);
    #[inline(always)]
    fn shift_right<const N: u32>(self) -> Self {
        // AVX2 has no arithmetic shift of 64 bits: the sign comes from a comparison. A shift left by 64 gives 0.
        // SAFETY: see the file's head.
        let sign = Bits64(unsafe { _mm256_cmpgt_epi64(_mm256_setzero_si256(), self.0) });
        self.shift_right_logical::<N>().or(sign.shift_left_each(Self::splat(64 - N as i64)))
    }
    instructions! {
        fn shift_left_each(self, counts: Self) -> Self { Bits64(_mm256_sllv_epi64(self.0, counts.0)) }
        fn shift_right_logical_each(self, counts: Self) -> Self { Bits64(_mm256_srlv_epi64(self.0, counts.0)) }
    }
}

impl Lane for Bits32 {
    type Element = i32;
    type Mask = Mask32;
    const WIDTH: usize = 8;
    instructions! {
        fn splat(value: i32) -> Self { Bits32(_mm256_set1_epi32(value)) }
        unsafe fn load(from: *const i32) -> Self { Bits32(_mm256_loadu_si256(from.cast())) }
        unsafe fn store(self, to: *mut i32) -> () { _mm256_storeu_si256(to.cast(), self.0) }
        fn select(mask: Mask32, then: Self, otherwise: Self) -> Self {
            Bits32(_mm256_blendv_epi8(otherwise.0, then.0, mask.0))
        }
    }
}

impl Number for Bits32 {
    instructions! {
        fn add(self, other: Self) -> Self { Bits32(_mm256_add_epi32(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Bits32(_mm256_sub_epi32(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Bits32(_mm256_mullo_epi32(self.0, other.0)) }
        fn negate(self) -> Self { Bits32(_mm256_sub_epi32(_mm256_setzero_si256(), self.0)) }
        fn equal(self, other: Self) -> Mask32 { Mask32(_mm256_cmpeq_epi32(self.0, other.0)) }
        fn not_equal(self, other: Self) -> Mask32 { self.equal(other).not() }
        fn less(self, other: Self) -> Mask32 { Mask32(_mm256_cmpgt_epi32(other.0, self.0)) }
        fn less_equal(self, other: Self) -> Mask32 { other.less(self).not() }
    }
}

impl Integer for Bits32 {
    bitwise!(Bits32);
    #[inline(always)]
    fn shift_right<const N: u32>(self) -> Self {
        // SAFETY: see the file's head.
        unsafe { Bits32(_mm256_srav_epi32(self.0, _mm256_set1_epi32(N as i32))) }
    }
    instructions! {
        fn shift_left_each(self, counts: Self) -> Self { Bits32(_mm256_sllv_epi32(self.0, counts.0)) }
        fn shift_right_logical_each(self, counts: Self) -> Self { Bits32(_mm256_srlv_epi32(self.0, counts.0)) }
    }
}

/// 1.5 * 2^52: adding it leaves an integer below 2^51 in magnitude in the low bits of the mantissa, rounded to nearest even.
const MAGIC: f64 = 6755399441055744.0;

impl Lane for Doubles {
    type Element = f64;
    type Mask = Mask64;
    const WIDTH: usize = 4;
    instructions! {
        fn splat(value: f64) -> Self { Doubles(_mm256_set1_pd(value)) }
        unsafe fn load(from: *const f64) -> Self { Doubles(_mm256_loadu_pd(from)) }
        unsafe fn store(self, to: *mut f64) -> () { _mm256_storeu_pd(to, self.0) }
        fn select(mask: Mask64, then: Self, otherwise: Self) -> Self {
            Doubles(_mm256_blendv_pd(otherwise.0, then.0, _mm256_castsi256_pd(mask.0)))
        }
    }
}

impl Number for Doubles {
    instructions! {
        fn add(self, other: Self) -> Self { Doubles(_mm256_add_pd(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Doubles(_mm256_sub_pd(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Doubles(_mm256_mul_pd(self.0, other.0)) }
        fn negate(self) -> Self { Doubles(_mm256_xor_pd(self.0, _mm256_set1_pd(-0.0))) }
        fn equal(self, other: Self) -> Mask64 { Mask64(_mm256_castpd_si256(_mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, other.0))) }
        fn not_equal(self, other: Self) -> Mask64 { Mask64(_mm256_castpd_si256(_mm256_cmp_pd::<_CMP_NEQ_UQ>(self.0, other.0))) }
        fn less(self, other: Self) -> Mask64 { Mask64(_mm256_castpd_si256(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0))) }
        fn less_equal(self, other: Self) -> Mask64 { Mask64(_mm256_castpd_si256(_mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0))) }
    }
}

impl Float for Doubles {
    type Bits = Bits64;
    instructions! {
        fn to_bits(self) -> Bits64 { Bits64(_mm256_castpd_si256(self.0)) }
        fn from_bits(bits: Bits64) -> Self { Doubles(_mm256_castsi256_pd(bits.0)) }
        fn constant(value: f64) -> Self { Doubles(_mm256_set1_pd(value)) }
        fn bits_constant(value: i64) -> Bits64 { Bits64(_mm256_set1_epi64x(value)) }
        fn from_integer(integer: Bits64) -> Self {
            let shifted = _mm256_add_epi64(integer.0, _mm256_set1_epi64x(MAGIC.to_bits() as i64));
            Doubles(_mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(MAGIC)))
        }
        fn to_integer(self) -> Bits64 {
            let shifted = _mm256_castpd_si256(_mm256_add_pd(self.0, _mm256_set1_pd(MAGIC)));
            Bits64(_mm256_sub_epi64(shifted, _mm256_set1_epi64x(MAGIC.to_bits() as i64)))
        }
        fn divide(self, other: Self) -> Self { Doubles(_mm256_div_pd(self.0, other.0)) }
        fn square_root(self) -> Self { Doubles(_mm256_sqrt_pd(self.0)) }
        fn fma(self, factor: Self, addend: Self) -> Self { Doubles(_mm256_fmadd_pd(self.0, factor.0, addend.0)) }
        fn absolute(self) -> Self { Doubles(_mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0)) }
        fn copy_sign(self, sign: Self) -> Self {
            let mask = _mm256_set1_pd(-0.0);
            Doubles(_mm256_or_pd(_mm256_andnot_pd(mask, self.0), _mm256_and_pd(mask, sign.0)))
        }
        fn floor(self) -> Self { Doubles(_mm256_round_pd::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn ceil(self) -> Self { Doubles(_mm256_round_pd::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn truncate(self) -> Self { Doubles(_mm256_round_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0)) }
        fn round(self) -> Self { Doubles(_mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
    }
}

impl Double for Doubles {
    instructions! {
        unsafe fn load_single(from: *const f32) -> Self { Doubles(_mm256_cvtps_pd(_mm_loadu_ps(from))) }
        unsafe fn store_single(self, to: *mut f32) -> () { _mm_storeu_ps(to, _mm256_cvtpd_ps(self.0)) }
    }
}

impl Lane for Singles {
    type Element = f32;
    type Mask = Mask32;
    const WIDTH: usize = 8;
    instructions! {
        fn splat(value: f32) -> Self { Singles(_mm256_set1_ps(value)) }
        unsafe fn load(from: *const f32) -> Self { Singles(_mm256_loadu_ps(from)) }
        unsafe fn store(self, to: *mut f32) -> () { _mm256_storeu_ps(to, self.0) }
        fn select(mask: Mask32, then: Self, otherwise: Self) -> Self {
            Singles(_mm256_blendv_ps(otherwise.0, then.0, _mm256_castsi256_ps(mask.0)))
        }
    }
}

impl Number for Singles {
    instructions! {
        fn add(self, other: Self) -> Self { Singles(_mm256_add_ps(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Singles(_mm256_sub_ps(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Singles(_mm256_mul_ps(self.0, other.0)) }
        fn negate(self) -> Self { Singles(_mm256_xor_ps(self.0, _mm256_set1_ps(-0.0))) }
        fn equal(self, other: Self) -> Mask32 { Mask32(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0))) }
        fn not_equal(self, other: Self) -> Mask32 { Mask32(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_NEQ_UQ>(self.0, other.0))) }
        fn less(self, other: Self) -> Mask32 { Mask32(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0))) }
        fn less_equal(self, other: Self) -> Mask32 { Mask32(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0))) }
    }
}

impl Float for Singles {
    type Bits = Bits32;
    instructions! {
        fn to_bits(self) -> Bits32 { Bits32(_mm256_castps_si256(self.0)) }
        fn from_bits(bits: Bits32) -> Self { Singles(_mm256_castsi256_ps(bits.0)) }
        fn constant(value: f64) -> Self { Singles(_mm256_set1_ps(value as f32)) }
        fn bits_constant(value: i64) -> Bits32 { Bits32(_mm256_set1_epi32(value as i32)) }
        fn from_integer(integer: Bits32) -> Self { Singles(_mm256_cvtepi32_ps(integer.0)) }
        fn to_integer(self) -> Bits32 { Bits32(_mm256_cvtps_epi32(self.0)) }
        fn divide(self, other: Self) -> Self { Singles(_mm256_div_ps(self.0, other.0)) }
        fn square_root(self) -> Self { Singles(_mm256_sqrt_ps(self.0)) }
        fn fma(self, factor: Self, addend: Self) -> Self { Singles(_mm256_fmadd_ps(self.0, factor.0, addend.0)) }
        fn absolute(self) -> Self { Singles(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)) }
        fn copy_sign(self, sign: Self) -> Self {
            let mask = _mm256_set1_ps(-0.0);
            Singles(_mm256_or_ps(_mm256_andnot_ps(mask, self.0), _mm256_and_ps(mask, sign.0)))
        }
        fn floor(self) -> Self { Singles(_mm256_round_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn ceil(self) -> Self { Singles(_mm256_round_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn truncate(self) -> Self { Singles(_mm256_round_ps::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0)) }
        fn round(self) -> Self { Singles(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
    }
}
