//! Random numbers without a state: the bits of an element follow from the seed, the call and the element's index.

use super::{Double, logarithm::log, trigonometric::cosine_or_sine_of_turns};
use thalweg_runtime::kernel::{DrawFormula, Kernels, WordFormula};
use thalweg_runtime::lane::{Integer, Number, Words};

/// The multipliers of Philox4x32, and what its two keys grow by each round (the golden ratio and sqrt(3) - 1, as fractions of 2^32).
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): ten rounds of two
/// 32-bit multiplications, whose upper halves are mixed with the other words and the key. Words are 32 bits in 64-bit lanes.
#[inline(always)]
pub fn philox<L: Integer<Element: From<u32>>>(counter: [L; 4], key: [L; 2]) -> [L; 4] {
    let mask = L::splat(u32::MAX.into());
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut first, mut second] = key;
    // What overflows 32 bits stays in the upper halves, which no multiplication reads; it goes at the end.
    for round in 0..10 {
        if round > 0 {
            first = first.add(L::splat(WEYL[0].into()));
            second = second.add(L::splat(WEYL[1].into()));
        }
        let left = a.multiply_lower_halves(L::splat(MULTIPLIERS[0].into()));
        let right = c.multiply_lower_halves(L::splat(MULTIPLIERS[1].into()));
        a = right.shift_right_logical::<32>().xor(b).xor(first);
        b = right;
        c = left.shift_right_logical::<32>().xor(d).xor(second);
        d = left;
    }
    [a.and(mask), b.and(mask), c.and(mask), d.and(mask)]
}

/// The four words of the block that elements 2 `block` and 2 `block` + 1 share.
#[inline(always)]
fn block<L: Integer<Element: From<u32>>>(block: L, seed: L, call: L) -> [L; 4] {
    let mask = L::splat(u32::MAX.into());
    let upper = call.shift_right_logical::<32>();
    let counter = [block.and(mask), block.shift_right_logical::<32>(), call.and(mask), upper];
    philox(counter, [seed.and(mask), seed.shift_right_logical::<32>()])
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
    const UPPER_STEP: f64 = 1.0 / (1u64 << 32) as f64;
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    // In two parts, because a lane converts 51 bits at most.
    let upper = L::from_integer(bits.shift_right_logical::<32>());
    let lower = L::from_integer(bits.shift_right_logical::<11>().and(L::bits_constant((1 << 21) - 1)));
    upper.fma(L::constant(UPPER_STEP), lower.multiply(L::constant(STEP)))
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
    let first: L = uniform_from_bits(a.or(b.shift_left::<32>()));
    let second: L = uniform_from_bits(c.or(d.shift_left::<32>()));
    let one = L::constant(1.0);
    let radius = log(one.subtract(first)).multiply(L::constant(-2.0)).square_root();
    let odd = index.and(L::bits_constant(1)).equal(L::bits_constant(1));
    radius.multiply(cosine_or_sine_of_turns(second, odd))
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

/// Kernels of a distribution.
macro_rules! distributions {
    ($($(#[$doc:meta])* $name:ident = $formula:ident;)*) => { $(
        $(#[$doc])*
        pub const $name: Kernels = {
            struct Formula;
            impl DrawFormula<3> for Formula {
                #[inline(always)]
                fn apply<L: Double>([index, seed, call]: [L::Bits; 3]) -> L {
                    $formula(index, seed, call)
                }
            }
            Kernels::draw::<Formula, 3>()
        };
    )* };
}
distributions! {
    /// Kernels of [`uniform`].
    UNIFORM = uniform;
    /// Kernels of [`normal`].
    NORMAL = normal;
}
