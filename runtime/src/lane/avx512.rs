//! AVX-512 vectors: eight f64 or sixteen f32, with masks in mask registers.
//!
//! SAFETY, for the whole file: these types are used only inside functions compiled for AVX-512 (F, DQ, VL, BW) (`#[inline(always)]` brings
//! the methods there), and such functions are called only where `Level::Avx512.is_available()`. Loads and stores pass on their
//! caller's promise about the pointer.

use std::arch::x86_64::*;

use super::{Double, Float, Integer, Lane, Lanes, Mask, Number};

/// AVX-512 F, DQ, VL and BW.
pub struct Avx512;

impl Lanes for Avx512 {
    type Double = Doubles;
    type Single = Singles;
    type Truth = Truths;
    const TRUTHS: usize = 64;
}

/// Eight f64.
#[derive(Clone, Copy)]
pub struct Doubles(__m512d);
/// Sixteen f32.
#[derive(Clone, Copy)]
pub struct Singles(__m512);
/// Eight i64.
#[derive(Clone, Copy)]
pub struct Bits64(__m512i);
/// Sixteen i32.
#[derive(Clone, Copy)]
pub struct Bits32(__m512i);
/// Eight truths, one bit each.
#[derive(Clone, Copy)]
pub struct Mask64(__mmask8);
/// Sixteen truths, one bit each.
#[derive(Clone, Copy)]
pub struct Mask32(__mmask16);
/// Sixty-four truths, each a byte 0 or 1.
#[derive(Clone, Copy)]
pub struct Truths(__m512i);

macro_rules! mask_operations {
    ($mask:ident, $bits:ident) => {
        #[inline(always)]
        fn splat(value: bool) -> Self {
            $mask(if value { $bits::MAX } else { 0 })
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
            self.0 != 0
        }
    };
}

impl Mask for Mask64 {
    mask_operations!(Mask64, u8);
    instructions! {
        unsafe fn load(from: *const u8) -> Self {
            let bytes = _mm_loadl_epi64(from.cast());
            Mask64(_mm_test_epi8_mask(bytes, bytes) as u8)
        }
        unsafe fn store(self, to: *mut u8) -> () {
            _mm_storel_epi64(to.cast(), _mm_maskz_set1_epi8(self.0 as u16, 1))
        }
    }
}

impl Mask for Mask32 {
    mask_operations!(Mask32, u16);
    instructions! {
        unsafe fn load(from: *const u8) -> Self {
            let bytes = _mm_loadu_si128(from.cast());
            Mask32(_mm_test_epi8_mask(bytes, bytes))
        }
        unsafe fn store(self, to: *mut u8) -> () { _mm_storeu_si128(to.cast(), _mm_maskz_set1_epi8(self.0, 1)) }
    }
}

impl Mask for Truths {
    instructions! {
        fn splat(value: bool) -> Self { Truths(_mm512_set1_epi8(value as i8)) }
        fn and(self, other: Self) -> Self { Truths(_mm512_and_si512(self.0, other.0)) }
        fn or(self, other: Self) -> Self { Truths(_mm512_or_si512(self.0, other.0)) }
        fn xor(self, other: Self) -> Self { Truths(_mm512_xor_si512(self.0, other.0)) }
        fn not(self) -> Self { Truths(_mm512_xor_si512(self.0, _mm512_set1_epi8(1))) }
        fn any(self) -> bool { _mm512_test_epi8_mask(self.0, self.0) != 0 }
        unsafe fn load(from: *const u8) -> Self {
            Truths(_mm512_min_epu8(_mm512_loadu_si512(from.cast()), _mm512_set1_epi8(1)))
        }
        unsafe fn store(self, to: *mut u8) -> () { _mm512_storeu_si512(to.cast(), self.0) }
    }
}

impl Lane for Bits64 {
    type Element = i64;
    type Mask = Mask64;
    const WIDTH: usize = 8;
    instructions! {
        fn splat(value: i64) -> Self { Bits64(_mm512_set1_epi64(value)) }
        unsafe fn load(from: *const i64) -> Self { Bits64(_mm512_loadu_si512(from.cast())) }
        unsafe fn store(self, to: *mut i64) -> () { _mm512_storeu_si512(to.cast(), self.0) }
        fn select(mask: Mask64, then: Self, otherwise: Self) -> Self {
            Bits64(_mm512_mask_blend_epi64(mask.0, otherwise.0, then.0))
        }
    }
}

impl Number for Bits64 {
    instructions! {
        fn add(self, other: Self) -> Self { Bits64(_mm512_add_epi64(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Bits64(_mm512_sub_epi64(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Bits64(_mm512_mullo_epi64(self.0, other.0)) }
        fn negate(self) -> Self { Bits64(_mm512_sub_epi64(_mm512_setzero_si512(), self.0)) }
        fn equal(self, other: Self) -> Mask64 { Mask64(_mm512_cmpeq_epi64_mask(self.0, other.0)) }
        fn not_equal(self, other: Self) -> Mask64 { Mask64(_mm512_cmpneq_epi64_mask(self.0, other.0)) }
        fn less(self, other: Self) -> Mask64 { Mask64(_mm512_cmplt_epi64_mask(self.0, other.0)) }
        fn less_equal(self, other: Self) -> Mask64 { Mask64(_mm512_cmple_epi64_mask(self.0, other.0)) }
    }
}

macro_rules! bitwise {
    ($bits:ident) => {
        instructions! {
            fn and(self, other: Self) -> Self { $bits(_mm512_and_si512(self.0, other.0)) }
            fn or(self, other: Self) -> Self { $bits(_mm512_or_si512(self.0, other.0)) }
            fn xor(self, other: Self) -> Self { $bits(_mm512_xor_si512(self.0, other.0)) }
            fn invert(self) -> Self { $bits(_mm512_xor_si512(self.0, _mm512_set1_epi64(-1))) }
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
        // SAFETY: see the file's head.
        unsafe { Bits64(_mm512_srav_epi64(self.0, _mm512_set1_epi64(N as i64))) }
    }
    instructions! {
        fn shift_left_each(self, counts: Self) -> Self { Bits64(_mm512_sllv_epi64(self.0, counts.0)) }
        fn shift_right_logical_each(self, counts: Self) -> Self { Bits64(_mm512_srlv_epi64(self.0, counts.0)) }
    }
}

impl Lane for Bits32 {
    type Element = i32;
    type Mask = Mask32;
    const WIDTH: usize = 16;
    instructions! {
        fn splat(value: i32) -> Self { Bits32(_mm512_set1_epi32(value)) }
        unsafe fn load(from: *const i32) -> Self { Bits32(_mm512_loadu_si512(from.cast())) }
        unsafe fn store(self, to: *mut i32) -> () { _mm512_storeu_si512(to.cast(), self.0) }
        fn select(mask: Mask32, then: Self, otherwise: Self) -> Self {
            Bits32(_mm512_mask_blend_epi32(mask.0, otherwise.0, then.0))
        }
    }
}

impl Number for Bits32 {
    instructions! {
        fn add(self, other: Self) -> Self { Bits32(_mm512_add_epi32(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Bits32(_mm512_sub_epi32(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Bits32(_mm512_mullo_epi32(self.0, other.0)) }
        fn negate(self) -> Self { Bits32(_mm512_sub_epi32(_mm512_setzero_si512(), self.0)) }
        fn equal(self, other: Self) -> Mask32 { Mask32(_mm512_cmpeq_epi32_mask(self.0, other.0)) }
        fn not_equal(self, other: Self) -> Mask32 { Mask32(_mm512_cmpneq_epi32_mask(self.0, other.0)) }
        fn less(self, other: Self) -> Mask32 { Mask32(_mm512_cmplt_epi32_mask(self.0, other.0)) }
        fn less_equal(self, other: Self) -> Mask32 { Mask32(_mm512_cmple_epi32_mask(self.0, other.0)) }
    }
}

impl Integer for Bits32 {
    bitwise!(Bits32);
    #[inline(always)]
    fn shift_right<const N: u32>(self) -> Self {
        // SAFETY: see the file's head.
        unsafe { Bits32(_mm512_srav_epi32(self.0, _mm512_set1_epi32(N as i32))) }
    }
    instructions! {
        fn shift_left_each(self, counts: Self) -> Self { Bits32(_mm512_sllv_epi32(self.0, counts.0)) }
        fn shift_right_logical_each(self, counts: Self) -> Self { Bits32(_mm512_srlv_epi32(self.0, counts.0)) }
    }
}

impl Lane for Doubles {
    type Element = f64;
    type Mask = Mask64;
    const WIDTH: usize = 8;
    instructions! {
        fn splat(value: f64) -> Self { Doubles(_mm512_set1_pd(value)) }
        unsafe fn load(from: *const f64) -> Self { Doubles(_mm512_loadu_pd(from)) }
        unsafe fn store(self, to: *mut f64) -> () { _mm512_storeu_pd(to, self.0) }
        fn select(mask: Mask64, then: Self, otherwise: Self) -> Self {
            Doubles(_mm512_mask_blend_pd(mask.0, otherwise.0, then.0))
        }
    }
}

impl Number for Doubles {
    instructions! {
        fn add(self, other: Self) -> Self { Doubles(_mm512_add_pd(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Doubles(_mm512_sub_pd(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Doubles(_mm512_mul_pd(self.0, other.0)) }
        fn negate(self) -> Self { Doubles(_mm512_xor_pd(self.0, _mm512_set1_pd(-0.0))) }
        fn equal(self, other: Self) -> Mask64 { Mask64(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, other.0)) }
        fn not_equal(self, other: Self) -> Mask64 { Mask64(_mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(self.0, other.0)) }
        fn less(self, other: Self) -> Mask64 { Mask64(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0)) }
        fn less_equal(self, other: Self) -> Mask64 { Mask64(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.0, other.0)) }
    }
}

impl Float for Doubles {
    type Bits = Bits64;
    instructions! {
        fn to_bits(self) -> Bits64 { Bits64(_mm512_castpd_si512(self.0)) }
        fn from_bits(bits: Bits64) -> Self { Doubles(_mm512_castsi512_pd(bits.0)) }
        fn constant(value: f64) -> Self { Doubles(_mm512_set1_pd(value)) }
        fn bits_constant(value: i64) -> Bits64 { Bits64(_mm512_set1_epi64(value)) }
        fn from_integer(integer: Bits64) -> Self { Doubles(_mm512_cvtepi64_pd(integer.0)) }
        fn to_integer(self) -> Bits64 { Bits64(_mm512_cvtpd_epi64(self.0)) }
        fn divide(self, other: Self) -> Self { Doubles(_mm512_div_pd(self.0, other.0)) }
        fn square_root(self) -> Self { Doubles(_mm512_sqrt_pd(self.0)) }
        fn fma(self, factor: Self, addend: Self) -> Self { Doubles(_mm512_fmadd_pd(self.0, factor.0, addend.0)) }
        fn absolute(self) -> Self { Doubles(_mm512_andnot_pd(_mm512_set1_pd(-0.0), self.0)) }
        fn copy_sign(self, sign: Self) -> Self {
            let mask = _mm512_set1_pd(-0.0);
            Doubles(_mm512_or_pd(_mm512_andnot_pd(mask, self.0), _mm512_and_pd(mask, sign.0)))
        }
        fn floor(self) -> Self { Doubles(_mm512_roundscale_pd::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn ceil(self) -> Self { Doubles(_mm512_roundscale_pd::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn truncate(self) -> Self { Doubles(_mm512_roundscale_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0)) }
        fn round(self) -> Self { Doubles(_mm512_roundscale_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
    }
}

impl Double for Doubles {
    instructions! {
        unsafe fn load_single(from: *const f32) -> Self { Doubles(_mm512_cvtps_pd(_mm256_loadu_ps(from))) }
        unsafe fn store_single(self, to: *mut f32) -> () { _mm256_storeu_ps(to, _mm512_cvtpd_ps(self.0)) }
    }
}

impl Lane for Singles {
    type Element = f32;
    type Mask = Mask32;
    const WIDTH: usize = 16;
    instructions! {
        fn splat(value: f32) -> Self { Singles(_mm512_set1_ps(value)) }
        unsafe fn load(from: *const f32) -> Self { Singles(_mm512_loadu_ps(from)) }
        unsafe fn store(self, to: *mut f32) -> () { _mm512_storeu_ps(to, self.0) }
        fn select(mask: Mask32, then: Self, otherwise: Self) -> Self {
            Singles(_mm512_mask_blend_ps(mask.0, otherwise.0, then.0))
        }
    }
}

impl Number for Singles {
    instructions! {
        fn add(self, other: Self) -> Self { Singles(_mm512_add_ps(self.0, other.0)) }
        fn subtract(self, other: Self) -> Self { Singles(_mm512_sub_ps(self.0, other.0)) }
        fn multiply(self, other: Self) -> Self { Singles(_mm512_mul_ps(self.0, other.0)) }
        fn negate(self) -> Self { Singles(_mm512_xor_ps(self.0, _mm512_set1_ps(-0.0))) }
        fn equal(self, other: Self) -> Mask32 { Mask32(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0)) }
        fn not_equal(self, other: Self) -> Mask32 { Mask32(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self.0, other.0)) }
        fn less(self, other: Self) -> Mask32 { Mask32(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0)) }
        fn less_equal(self, other: Self) -> Mask32 { Mask32(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, other.0)) }
    }
}

impl Float for Singles {
    type Bits = Bits32;
    instructions! {
        fn to_bits(self) -> Bits32 { Bits32(_mm512_castps_si512(self.0)) }
        fn from_bits(bits: Bits32) -> Self { Singles(_mm512_castsi512_ps(bits.0)) }
        fn constant(value: f64) -> Self { Singles(_mm512_set1_ps(value as f32)) }
        fn bits_constant(value: i64) -> Bits32 { Bits32(_mm512_set1_epi32(value as i32)) }
        fn from_integer(integer: Bits32) -> Self { Singles(_mm512_cvtepi32_ps(integer.0)) }
        fn to_integer(self) -> Bits32 { Bits32(_mm512_cvtps_epi32(self.0)) }
        fn divide(self, other: Self) -> Self { Singles(_mm512_div_ps(self.0, other.0)) }
        fn square_root(self) -> Self { Singles(_mm512_sqrt_ps(self.0)) }
        fn fma(self, factor: Self, addend: Self) -> Self { Singles(_mm512_fmadd_ps(self.0, factor.0, addend.0)) }
        fn absolute(self) -> Self { Singles(_mm512_andnot_ps(_mm512_set1_ps(-0.0), self.0)) }
        fn copy_sign(self, sign: Self) -> Self {
            let mask = _mm512_set1_ps(-0.0);
            Singles(_mm512_or_ps(_mm512_andnot_ps(mask, self.0), _mm512_and_ps(mask, sign.0)))
        }
        fn floor(self) -> Self { Singles(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn ceil(self) -> Self { Singles(_mm512_roundscale_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(self.0)) }
        fn truncate(self) -> Self { Singles(_mm512_roundscale_ps::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0)) }
        fn round(self) -> Self { Singles(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
    }
}
