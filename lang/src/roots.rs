//! For which integers from 0 on a polynomial in one variable is a given number, and which of its values lie next to one.
//!
//! Between two turns a polynomial only rises or only falls, so that halving finds where it passes a number. It turns where its
//! difference `p(n + 1) - p(n)` changes its sign, and that is a polynomial of a lower degree.

use std::collections::BTreeSet;

/// The greatest integer that is tried: no length is as large.
const GREATEST: i64 = i64::MAX / 2;

/// What a polynomial's values say of a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Roots {
    /// The integers at which it is that number, ascending.
    pub(crate) at: Vec<i64>,
    /// Its greatest value that is no greater than the number, from 0 on.
    pub(crate) below: Option<i64>,
    /// Its least value that is greater.
    pub(crate) above: Option<i64>,
}

/// The integers from 0 on at which a polynomial, the factors of whose powers are given from the constant up, is a number. `None` when
/// it is a constant, or its differences are too large to be told.
pub(crate) fn roots(factors: &[i64], number: i64) -> Option<Roots> {
    let polynomial: Vec<i128> = factors.iter().map(|factor| i128::from(*factor)).collect();
    let mut distance = polynomial.clone();
    *distance.first_mut()? -= i128::from(number);
    if distance.len() < 2 {
        return None;
    }
    let candidates: BTreeSet<i64> = sign_changes(&distance)?.into_iter().chain(turns(&distance)?).collect();
    let at = candidates.iter().copied().filter(|n| value(&distance, *n) == 0).collect();
    let near = candidates.into_iter().flat_map(|n| [n - 1, n]).filter(|n| *n >= 0);
    let values: Vec<i64> = near.filter_map(|n| i64::try_from(value(&polynomial, n)).ok()).collect();
    let below = values.iter().copied().filter(|value| (0..=number).contains(value)).max();
    let above = values.into_iter().filter(|value| *value > number.max(-1)).min();
    Some(Roots { at, below, above })
}

/// Its value. What is too large for a number of 128 bits keeps its sign, because every other term is small beside it.
fn value(polynomial: &[i128], n: i64) -> i128 {
    polynomial.iter().rev().fold(0, |value: i128, factor| value.saturating_mul(n.into()).saturating_add(*factor))
}

/// The difference between its next value and its value.
fn difference(polynomial: &[i128]) -> Option<Vec<i128>> {
    let mut result = vec![0i128; polynomial.len() - 1];
    // The factors of `(n + 1) ** power`; the last one goes with that of `n ** power`.
    let mut binomials = vec![1i128];
    for (power, factor) in polynomial.iter().enumerate().skip(1) {
        let pairs = binomials.windows(2).map(|pair| pair[0].checked_add(pair[1]));
        let inner: Option<Vec<i128>> = pairs.collect();
        binomials = [vec![1], inner?, vec![1]].concat();
        for (sum, binomial) in result.iter_mut().zip(&binomials[..power]) {
            *sum = sum.checked_add(factor.checked_mul(*binomial)?)?;
        }
    }
    Some(result)
}

/// The ends of the stretches on which it only rises, only falls or stays, ascending.
fn turns(polynomial: &[i128]) -> Option<Vec<i64>> {
    if polynomial.len() <= 2 { Some(vec![0, GREATEST]) } else { sign_changes(&difference(polynomial)?) }
}

/// The integers at which it is 0 or its sign is another one than before, and both ends.
fn sign_changes(polynomial: &[i128]) -> Option<Vec<i64>> {
    let sign = |n: i64| value(polynomial, n).signum();
    let mut changes = BTreeSet::from([0, GREATEST]);
    for stretch in turns(polynomial)?.windows(2) {
        let (start, end) = (stretch[0], stretch[1]);
        // Where the difference is 0 it stays for one step.
        changes.extend([start, start + 1].into_iter().filter(|n| sign(*n) == 0));
        let mut from = start;
        // From minus to 0, and from 0 to plus.
        while sign(from) != sign(end) {
            let (mut before, mut change) = (from, end);
            while change - before > 1 {
                let middle = before + (change - before) / 2;
                if sign(middle) == sign(from) { before = middle } else { change = middle }
            }
            changes.insert(change);
            from = change;
        }
    }
    Some(changes.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_that_fits_is_found() {
        let factors = [-7, -3, -1, 0, 1, 2, 5];
        for constant in factors {
            for linear in factors {
                for square in factors {
                    for cube in [-1, 0, 1, 3] {
                        let polynomial = [constant, linear, square, cube];
                        let exact = |n: i64| constant + linear * n + square * n * n + cube * n * n * n;
                        if polynomial[1..] == [0; 3] {
                            continue;
                        }
                        for number in 0..12 {
                            let found = roots(&polynomial, number).unwrap();
                            let values = (0..60).map(exact);
                            let at: Vec<i64> = (0..60).filter(|n| exact(*n) == number).collect();
                            let below = values.clone().filter(|value| (0..=number).contains(value)).max();
                            let above = values.filter(|value| *value > number).min();
                            assert_eq!(found, Roots { at, below, above }, "{polynomial:?} {number}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn great_numbers_are_exact() {
        let side = 3_000_000_019;
        assert_eq!(roots(&[0, 0, 1], side * side).unwrap().at, [side]);
        assert_eq!(roots(&[0, 0, 1], side * side - 1).unwrap().at, []);
        assert_eq!(roots(&[0, 1], i64::MAX / 4).unwrap().at, [i64::MAX / 4]);
        assert_eq!(roots(&[0, -1_000_000, 1], 0).unwrap().at, [0, 1_000_000]);
        assert_eq!(roots(&[5], 5), None);
    }
}
