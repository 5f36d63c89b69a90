//! Compares the formulas for f32 with those for f64 at all 2^32 arguments, and prints the table of docs/accuracy.md.
//!
//! ```sh
//! RUSTFLAGS="-C target-feature=+fma,+avx2" cargo run --release -p thalweg --example accuracy_single [NAMES]
//! ```

use thalweg::formulas::{self, random, single};
use thalweg::lane::Float;
use thalweg::lane::portable::{Doubles, Singles};

/// How many arguments are computed together.
const BLOCK: usize = 1 << 12;

/// A function's worst argument and how many results are not the nearest f32.
#[derive(Clone, Copy, Default)]
struct Worst {
    error: f64,
    at: [f32; 2],
    wrong: u64,
}

impl Worst {
    fn or(self, other: Worst) -> Worst {
        let wrong = self.wrong + other.wrong;
        if other.error > self.error { Worst { wrong, ..other } } else { Worst { wrong, ..self } }
    }

    fn note(&mut self, at: [f32; 2], result: f32, exact: f64) {
        let rounded = exact as f32;
        if result.to_bits() == rounded.to_bits() || result.is_nan() && rounded.is_nan() {
            return;
        }
        let exponent = ((exact.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(-126);
        let same_kind = result.is_finite() && rounded.is_finite();
        let error = match same_kind && result.is_sign_negative() == rounded.is_sign_negative() {
            true => (result as f64 - exact).abs() / 2f64.powi(exponent - 23),
            false => f64::INFINITY,
        };
        *self = self.or(Worst { error, at, wrong: 1 });
    }
}

/// One formula over vectors.
fn over<L: Float>(x: &[L::Element], y: &[L::Element], results: &mut [L::Element], of: impl Fn(L, L) -> L) {
    for at in (0..x.len()).step_by(L::WIDTH) {
        // SAFETY: the three have the same length, a multiple of the width.
        unsafe { of(L::load(x.as_ptr().add(at)), L::load(y.as_ptr().add(at))).store(results.as_mut_ptr().add(at)) }
    }
}

/// The worst of the arguments that each block is given.
fn measure(
    blocks: u64,
    arguments: impl Fn(u64, usize) -> [f32; 2] + Sync,
    single: impl Fn(Singles, Singles) -> Singles + Sync,
    double: impl Fn(Doubles, Doubles) -> Doubles + Sync,
) -> Worst {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let of_thread = |thread: u64| {
        let mut worst = Worst::default();
        let mut singles = vec![vec![0f32; BLOCK]; 3];
        let mut doubles = vec![vec![0f64; BLOCK]; 3];
        for block in (thread..blocks).step_by(threads as usize) {
            for index in 0..BLOCK {
                let both = arguments(block, index);
                for (operand, value) in both.into_iter().enumerate() {
                    singles[operand][index] = value;
                    doubles[operand][index] = value as f64;
                }
            }
            let [x, y, results] = &mut singles[..] else { unreachable!() };
            let [wide_x, wide_y, exact] = &mut doubles[..] else { unreachable!() };
            over::<Singles>(x, y, results, &single);
            over::<Doubles>(wide_x, wide_y, exact, &double);
            for index in 0..BLOCK {
                worst.note([x[index], y[index]], results[index], exact[index]);
            }
        }
        worst
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || of_thread(thread))).collect();
        running.into_iter().map(|one| one.join().expect("a thread that measures")).fold(Worst::default(), Worst::or)
    })
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    println!("| formula | arguments | max ULP | not the nearest | worst at |");
    println!("| --- | --- | --- | --- | --- |");
    let row = |name: &str, arguments: &str, count: u64, Worst { error, at, wrong }: Worst, operands: usize| {
        let at = at[..operands].iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(", ");
        println!("| {name} | {arguments} | {error:.3} | {:.3} % | {at} |", wrong as f64 / count as f64 * 100.0);
    };
    macro_rules! one {
        ($($name:ident)*) => { $(
            if wanted(stringify!($name)) {
                let all = |block: u64, index: usize| [f32::from_bits((block * BLOCK as u64) as u32 + index as u32), 0.0];
                let worst = measure((1 << 32) / BLOCK as u64, all, |x, _| single::$name(x), |x, _| formulas::$name(x));
                row(stringify!($name), "all", 1 << 32, worst, 1);
            }
        )* };
    }
    one!(exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh erf);
    if wanted("hypot") {
        let count = 1u64 << 30;
        // Any two numbers, and in every second block two of one binade's size.
        let pairs = |block: u64, index: usize| {
            let bits = random::random_bits(block * BLOCK as u64 + index as u64, 1, 2);
            let (x, y) = (bits as u32, (bits >> 32) as u32);
            let y = if block.is_multiple_of(2) { y } else { y & 0x807f_ffff | x & 0x7f80_0000 };
            [f32::from_bits(x), f32::from_bits(y)]
        };
        let worst = measure(count / BLOCK as u64, pairs, single::hypot, formulas::hypot);
        row("hypot", "2^30 pairs", count, worst, 2);
    }
}
