//! Random numbers without a state: the bits of an element follow from the seed, the call and the element's index.

use super::{Double, logarithm::log, trigonometric::cosine_or_sine_of_turns};
use thalweg_runtime::kernel::{Kernels, WordFormula};
use thalweg_runtime::lane::{Integer, Number, Words};

/// The multipliers of Philox4x32, and what its two keys grow by each round (the golden ratio and sqrt(3) - 1, as fractions of 2^32).
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): ten rounds of two
/// 32-bit multiplications, whose upper halves are mixed with the other words and the key. Words are 32 bits in 64-bit lanes.
#[inline(always)]
pub fn philox<L: Integer<Element: From<u32>>>(counter: [L; 4], key: [L; 2]) -> [L; 4] {
    let word = |value: u32| L::splat(value.into());
    let mask = word(u32::MAX);
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut first, mut second] = key;
    for round in 0..10 {
        if round > 0 {
            first = first.add(word(WEYL[0])).and(mask);
            second = second.add(word(WEYL[1])).and(mask);
        }
        let left = a.multiply(word(MULTIPLIERS[0]));
        let right = c.multiply(word(MULTIPLIERS[1]));
        a = right.shift_right_logical::<32>().xor(b).xor(first);
        b = right.and(mask);
        c = left.shift_right_logical::<32>().xor(d).xor(second);
        d = left.and(mask);
    }
    [a, b, c, d]
}

/// The four words of the block that elements 2 `block` and 2 `block` + 1 share.
#[inline(always)]
fn block<L: Integer<Element: From<u32>>>(block: L, seed: L, call: L) -> [L; 4] {
    let mask = L::splat(u32::MAX.into());
    let halves = |value: L| [value.and(mask), value.shift_right_logical::<32>()];
    let ([low, high], [call_low, call_high]) = (halves(block), halves(call));
    philox([low, high, call_low, call_high], halves(seed))
}

/// 64 random bits for element `index` of a call: words 0 and 1 of its block for an even index, 2 and 3 for an odd one, the
/// first of them below.
#[inline(always)]
pub fn random_bits<L: Integer<Element: From<u32>>>(index: L, seed: L, call: L) -> L {
    let [a, b, c, d] = block(index.shift_right_logical::<1>(), seed, call);
    let even = index.and(L::splat(1u32.into())).equal(L::splat(0u32.into()));
    L::select(even, a, c).or(L::select(even, b, d).shift_left::<32>())
}

/// A number in [0, 1) from 64 random bits: the upper 53 of them times 2^-53.
#[inline(always)]
pub fn uniform_from_bits<L: Double>(bits: L::Bits) -> L {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    L::from_integer(bits.shift_right_logical::<11>()).multiply(L::constant(STEP))
}

/// Element `index` of a call's uniform numbers in [0, 1).
#[inline(always)]
pub fn uniform<L: Double>(index: L::Bits, seed: L::Bits, call: L::Bits) -> L {
    uniform_from_bits(random_bits(index, seed, call))
}

/// Element `index` of a call's standard normal numbers: Box and Muller's method (1958). The two uniform numbers u, v of a block
/// give sqrt(-2 log(1 - u)) times cos(2 pi v) for the even element and times sin(2 pi v) for the odd one.
#[inline(always)]
pub fn normal<L: Double>(index: L::Bits, seed: L::Bits, call: L::Bits) -> L {
    let [a, b, c, d] = block(index.shift_right_logical::<1>(), seed, call);
    let join = |low: L::Bits, high: L::Bits| uniform_from_bits::<L>(low.or(high.shift_left::<32>()));
    let one = L::constant(1.0);
    let radius = log(one.subtract(join(a, b))).multiply(L::constant(-2.0)).square_root();
    let odd = index.and(L::bits_constant(1)).equal(L::bits_constant(1));
    radius.multiply(cosine_or_sine_of_turns(join(c, d), odd))
}

/// Kernels of [`random_bits`].
pub const BITS: Kernels = {
    struct Bits;
    impl WordFormula<3> for Bits {
        #[inline(always)]
        fn apply<L: Words>([index, seed, call]: [L; 3]) -> L {
            random_bits(index, seed, call)
        }
    }
    Kernels::word::<Bits, 3>()
};
