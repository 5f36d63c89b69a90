//! Where a mask is true.

use crate::kernel::Level;

/// How many truths are looked at together.
const CHUNK: usize = 64;

/// Writes the places of the truths, in order, as long as there is room for them; gives how many there are.
pub fn positions(level: Level, truths: &[u8], to: &mut [i64]) -> usize {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a plan's level is one that the machine has.
        Level::Avx512 => unsafe { compressed(truths, to) },
        _ => stepped(truths, to),
    }
}

/// Every place is written, and the next one goes over it where there was no truth: nothing depends on how the truths lie.
fn stepped(truths: &[u8], to: &mut [i64]) -> usize {
    let mut found = 0;
    for (chunk, truths) in truths.chunks(CHUNK).enumerate() {
        if truths.iter().all(|&truth| truth == 0) {
            continue;
        }
        let mut places = [0; CHUNK];
        let mut count = 0;
        for (at, &truth) in truths.iter().enumerate() {
            places[count] = (chunk * CHUNK + at) as i64;
            count += usize::from(truth != 0);
        }
        if let Some(to) = to.get_mut(found..found + count) {
            to.copy_from_slice(&places[..count]);
        }
        found += count;
    }
    found
}

/// The same by instructions that pick the chosen elements of a vector.
///
/// # Safety
/// The machine has AVX-512 F, DQ, VL and BW.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
unsafe fn compressed(truths: &[u8], to: &mut [i64]) -> usize {
    use std::arch::x86_64::*;
    const LANES: usize = 8;
    let mut found = 0;
    let (chunks, rest) = truths.as_chunks::<CHUNK>();
    let mut places = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    let step = _mm512_set1_epi64(LANES as i64);
    for chunk in chunks {
        // SAFETY: the chunk is a vector's bytes.
        let bytes = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
        let mut mask = _mm512_test_epi8_mask(bytes, bytes);
        for _ in 0..CHUNK / LANES {
            let chosen = mask as u8;
            let picked = _mm512_maskz_compress_epi64(chosen, places);
            let count = chosen.count_ones() as usize;
            if let Some(to) = to.get_mut(found..found + LANES) {
                // SAFETY: there is room for a whole vector; what is too much is written over.
                unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), picked) };
            } else if let Some(to) = to.get_mut(found..found + count) {
                let mut all = [0; LANES];
                // SAFETY: the array is a vector's bytes.
                unsafe { _mm512_storeu_si512(all.as_mut_ptr().cast(), picked) };
                to.copy_from_slice(&all[..count]);
            }
            found += count;
            places = _mm512_add_epi64(places, step);
            mask >>= LANES;
        }
    }
    let first = chunks.len() * CHUNK;
    for (at, _) in rest.iter().enumerate().filter(|(_, truth)| **truth != 0) {
        if let Some(to) = to.get_mut(found) {
            *to = (first + at) as i64;
        }
        found += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_finds_the_same_places() {
        for length in [0, 1, 7, 8, 63, 64, 65, 200, 1000] {
            for period in [1, 2, 3, 5, 64, 2000] {
                let truths: Vec<u8> = (0..length).map(|at| u8::from(at * at % period == 0 || at % 7 == 3)).collect();
                let expected: Vec<i64> = (0..length as i64).filter(|&at| truths[at as usize] != 0).collect();
                for level in Level::available() {
                    let mut to = vec![-1; expected.len()];
                    assert_eq!(positions(level, &truths, &mut to), expected.len(), "{}", level.name());
                    assert_eq!(to, expected, "{}", level.name());
                }
            }
        }
    }
}
