//! The length of an axis: a number, or a polynomial in sizes that only a call or the run can tell.
//!
//! Two lengths are equal when their polynomials are, so `n + m` is `m + n`, and `n - 1 + 1` is `n`. A size is one symbol wherever
//! it is used, so what is as long as `a[a > 0]` is known to be, although nobody knows yet how long that is.

use crate::roots::{self, Roots};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The values of sizes, by symbol.
pub type Sizes = BTreeMap<Symbol, i64>;

/// A size that is not a number yet.
#[derive(Clone, Debug)]
pub struct Symbol(Arc<SymbolFacts>);

#[derive(Debug)]
struct SymbolFacts {
    id: u32,
    name: Arc<str>,
    is_variable: bool,
    least: i64,
    most: Option<Polynomial>,
}

impl Symbol {
    /// The size `n` of a function that is checked for all sizes: what is not equal for every `n` is an error.
    pub fn variable(id: u32, name: &str) -> Symbol {
        Symbol(Arc::new(SymbolFacts { id, name: name.into(), is_variable: true, least: 0, most: None }))
    }

    /// A size that the run tells; it lies between `least` and `most`, where that is known.
    pub fn of_run(id: u32, name: &str, least: i64, most: Option<Polynomial>) -> Symbol {
        Symbol(Arc::new(SymbolFacts { id, name: name.into(), is_variable: false, least, most }))
    }

    /// What it is called: `n`, `?1`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it stands for every number at once, not for one that the run will tell.
    pub fn is_variable(&self) -> bool {
        self.0.is_variable
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Symbol {}

impl std::hash::Hash for Symbol {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> std::cmp::Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

/// How long a product may get. A product of k sums has up to 2^k terms, and nobody reads a size that is so long.
const MOST_EXTENT: usize = 256;

/// A sum of products of symbols with integer factors, in one normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Polynomial {
    /// The factor of each product; none is 0. The empty product is 1.
    terms: BTreeMap<Vec<Symbol>, i64>,
}

impl From<i64> for Polynomial {
    fn from(value: i64) -> Polynomial {
        let mut result = Polynomial::default();
        result.accumulate(Vec::new(), value);
        result
    }
}

impl From<&Symbol> for Polynomial {
    fn from(symbol: &Symbol) -> Polynomial {
        Polynomial { terms: BTreeMap::from([(vec![symbol.clone()], 1)]) }
    }
}

impl From<&Length> for Polynomial {
    fn from(length: &Length) -> Polynomial {
        match length {
            Length::Known(known) => Polynomial::from(*known as i64),
            Length::Open(polynomial) => (**polynomial).clone(),
        }
    }
}

impl Polynomial {
    fn accumulate(&mut self, product: Vec<Symbol>, factor: i64) {
        let sum = self.terms.get(&product).copied().unwrap_or(0).saturating_add(factor);
        match sum {
            0 => self.terms.remove(&product),
            _ => self.terms.insert(product, sum),
        };
    }

    /// How many symbols and numbers it is written with.
    fn extent(&self) -> usize {
        self.terms.keys().map(|product| product.len() + 1).sum()
    }

    /// Whether it is longer than products may get.
    pub(crate) fn is_too_long(&self) -> bool {
        self.extent() > MOST_EXTENT
    }

    /// The sum.
    pub fn plus(&self, other: &Polynomial) -> Polynomial {
        let mut result = self.clone();
        other.terms.iter().for_each(|(product, factor)| result.accumulate(product.clone(), *factor));
        result
    }

    /// The difference.
    pub fn minus(&self, other: &Polynomial) -> Polynomial {
        self.plus(&other.scaled(-1))
    }

    /// The product with a number.
    pub fn scaled(&self, factor: i64) -> Polynomial {
        self.multiplied(&Polynomial::from(factor))
    }

    /// The product, unless it would be too long.
    pub fn times(&self, other: &Polynomial) -> Option<Polynomial> {
        let is_short = self.known().is_some()
            || other.known().is_some()
            || self.extent().saturating_mul(other.extent()) <= MOST_EXTENT;
        is_short.then(|| self.multiplied(other))
    }

    fn multiplied(&self, other: &Polynomial) -> Polynomial {
        let mut result = Polynomial::default();
        for (left, a) in &self.terms {
            for (right, b) in &other.terms {
                let mut product = [left.as_slice(), right].concat();
                product.sort();
                result.accumulate(product, a.saturating_mul(*b));
            }
        }
        result
    }

    /// The quotient by a positive integer, when it divides every term.
    pub fn divided(&self, divisor: i64) -> Option<Polynomial> {
        self.divided_by(&Polynomial::from(divisor))
    }

    /// The quotient by a polynomial of one term, when that divides every term.
    pub fn divided_by(&self, divisor: &Polynomial) -> Option<Polynomial> {
        let (symbols, divisor) = match divisor.terms.iter().collect::<Vec<_>>().as_slice() {
            [(symbols, factor)] => ((*symbols).clone(), **factor),
            _ => return None,
        };
        let terms = self.terms.iter().map(|(product, factor)| {
            let mut product = product.clone();
            for symbol in &symbols {
                product.remove(product.iter().position(|other| other == symbol)?);
            }
            (factor % divisor == 0).then(|| (product, factor / divisor))
        });
        Some(Polynomial { terms: terms.collect::<Option<_>>()? })
    }

    /// The number, when there is no symbol in it.
    pub fn known(&self) -> Option<i64> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get([].as_slice()).copied(),
            _ => None,
        }
    }

    /// The symbol that it is, when it is one.
    pub(crate) fn single(&self) -> Option<&Symbol> {
        match self.terms.iter().collect::<Vec<_>>().as_slice() {
            [(product, 1)] if product.len() == 1 => product.first(),
            _ => None,
        }
    }

    /// With sizes put in for symbols.
    pub fn with(&self, sizes: &Sizes) -> Polynomial {
        self.replaced(&|symbol| sizes.get(symbol).map(|size| Polynomial::from(*size)))
    }

    /// With polynomials put in for symbols.
    pub(crate) fn replaced(&self, value: &dyn Fn(&Symbol) -> Option<Polynomial>) -> Polynomial {
        let mut result = Polynomial::default();
        for (product, factor) in &self.terms {
            let mut term = Polynomial::from(*factor);
            for symbol in product {
                term = term.multiplied(&value(symbol).unwrap_or_else(|| Polynomial::from(symbol)));
            }
            result = result.plus(&term);
        }
        result
    }

    /// What a symbol is when this is another polynomial, where that can be told: the symbol has one factor, or stands in powers. Of two
    /// numbers that it may be, both.
    pub(crate) fn solved_for(&self, symbol: &Symbol, wanted: &Polynomial) -> Vec<Polynomial> {
        let (with, without): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.terms.clone().into_iter().partition(|(product, _)| product.contains(symbol));
        if with.keys().all(|product| product.iter().filter(|other| *other == symbol).count() == 1) {
            let factor = Polynomial { terms: with }.divided_by(&symbol.into());
            let rest = wanted.minus(&Polynomial { terms: without });
            return factor.and_then(|factor| rest.divided_by(&factor)).into_iter().collect();
        }
        if let Some(roots) = wanted.known().and_then(|wanted| self.roots(symbol, wanted)) {
            return roots.at.into_iter().map(Polynomial::from).collect();
        }
        let mut candidates = wanted.symbols().map(Polynomial::from);
        candidates.find(|value| self.at(symbol, value) == *wanted).into_iter().collect()
    }

    /// For which values of a symbol, from 0 on, this is a number, when it has no other symbol.
    pub(crate) fn roots(&self, symbol: &Symbol, number: i64) -> Option<Roots> {
        roots::roots(&self.factors(symbol)?, number)
    }

    /// The factors of a symbol's powers, from the constant up, when there is no other symbol.
    pub(crate) fn factors(&self, symbol: &Symbol) -> Option<Vec<i64>> {
        let degree = self.terms.keys().map(Vec::len).max().unwrap_or(0);
        let mut factors = vec![0; degree + 1];
        for (product, factor) in &self.terms {
            product.iter().all(|other| other == symbol).then(|| factors[product.len()] = *factor)?;
        }
        Some(factors)
    }

    /// With a polynomial put in for one symbol.
    pub(crate) fn at(&self, symbol: &Symbol, value: &Polynomial) -> Polynomial {
        self.replaced(&|other| (other == symbol).then(|| value.clone()))
    }

    /// Whether it is provably 0 or more, by what is known of its symbols.
    pub fn is_never_negative(&self) -> bool {
        self.is_never_negative_within(8)
    }

    fn is_never_negative_within(&self, steps: usize) -> bool {
        if let Some(known) = self.known() {
            return known >= 0;
        }
        if steps == 0 {
            return false;
        }
        // A symbol that only takes away is at its worst at its greatest, which may stand in other symbols.
        for (product, factor) in &self.terms {
            if let ([symbol], true) = (product.as_slice(), *factor < 0)
                && self.terms.keys().filter(|other| other.contains(symbol)).count() == 1
                && let Some(most) = &symbol.0.most
            {
                let worst = self.replaced(&|other| (other == symbol).then(|| most.clone()));
                return worst.is_never_negative_within(steps - 1);
            }
        }
        if self.terms.iter().any(|(product, factor)| *factor < 0 && !product.is_empty()) {
            return false;
        }
        // What is left only adds, so it is at its worst where every symbol is least.
        let worst = self.replaced(&|symbol| Some(Polynomial::from(symbol.0.least)));
        worst.known().is_some_and(|known| known >= 0)
    }

    /// Whether every term takes away, as in `-w`.
    pub fn is_written_negative(&self) -> bool {
        !self.terms.is_empty() && self.terms.values().all(|factor| *factor < 0)
    }

    /// Its terms: symbols that are multiplied, and a factor.
    pub fn terms(&self) -> impl Iterator<Item = (&[Symbol], i64)> {
        self.terms.iter().map(|(product, factor)| (product.as_slice(), *factor))
    }

    /// The symbols in it.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.terms.keys().flatten()
    }
}

impl fmt::Display for Polynomial {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.terms.is_empty() {
            return write!(f, "0");
        }
        // The constant comes last, and a term that adds first, as one writes.
        let mut terms: Vec<(&Vec<Symbol>, i64)> =
            self.terms.iter().map(|(product, factor)| (product, *factor)).collect();
        terms.sort_by_key(|(product, factor)| (product.is_empty(), *factor < 0, std::cmp::Reverse(product.len())));
        for (position, (product, factor)) in terms.into_iter().enumerate() {
            let (sign, size) = (factor < 0, factor.unsigned_abs());
            match (position, sign) {
                (0, false) => {}
                (0, true) => write!(f, "-")?,
                (_, false) => write!(f, " + ")?,
                (_, true) => write!(f, " - ")?,
            }
            let names: Vec<&str> = product.iter().map(Symbol::name).collect();
            match (size, names.is_empty()) {
                (_, true) => write!(f, "{size}")?,
                (1, false) => write!(f, "{}", names.join(" * "))?,
                (_, false) => write!(f, "{size} * {}", names.join(" * "))?,
            }
        }
        Ok(())
    }
}

/// The length of an axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// A number.
    Known(usize),
    /// A polynomial with at least one symbol.
    Open(Arc<Polynomial>),
}

impl Length {
    /// The number, when it is known.
    pub fn known(&self) -> Option<usize> {
        match self {
            Length::Known(known) => Some(*known),
            Length::Open(_) => None,
        }
    }

    /// Whether it is this number.
    pub fn is(&self, number: usize) -> bool {
        self.known() == Some(number)
    }

    /// The length that a polynomial is; `None` when it is a negative number.
    pub fn of(polynomial: Polynomial) -> Option<Length> {
        match polynomial.known() {
            Some(known) => usize::try_from(known).ok().map(Length::Known),
            None => Some(Length::Open(Arc::new(polynomial))),
        }
    }

    /// The length with sizes put in; `Err` is a negative number.
    pub fn with(&self, sizes: &Sizes) -> Result<Length, i64> {
        match self {
            Length::Known(known) => Ok(Length::Known(*known)),
            Length::Open(polynomial) => {
                let polynomial = polynomial.with(sizes);
                let known = polynomial.known().unwrap_or(0);
                Length::of(polynomial).ok_or(known)
            }
        }
    }

    /// What it is with sizes put in, which may be negative; `None` while some are not known.
    pub fn value(&self, sizes: &Sizes) -> Option<i64> {
        match self {
            Length::Known(known) => i64::try_from(*known).ok(),
            Length::Open(polynomial) => polynomial.with(sizes).known(),
        }
    }

    /// The sizes in it.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        let polynomial = match self {
            Length::Known(_) => None,
            Length::Open(polynomial) => Some(polynomial),
        };
        polynomial.into_iter().flat_map(|polynomial| polynomial.symbols())
    }

    /// Whether a size of a function that is checked for all sizes stands in it.
    pub fn has_variable(&self) -> bool {
        self.symbols().any(Symbol::is_variable)
    }
}

impl From<usize> for Length {
    fn from(known: usize) -> Length {
        Length::Known(known)
    }
}

impl PartialEq<usize> for Length {
    fn eq(&self, other: &usize) -> bool {
        self.is(*other)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Length::Known(known) => write!(f, "{known}"),
            Length::Open(polynomial) => write!(f, "{polynomial}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(id: u32, name: &str) -> Polynomial {
        Polynomial::from(&Symbol::variable(id, name))
    }

    #[test]
    fn sums_and_products_have_one_form() {
        let (n, m) = (variable(1, "n"), variable(2, "m"));
        assert_eq!(n.plus(&m), m.plus(&n));
        assert_eq!(n.plus(&1.into()).minus(&1.into()), n);
        assert_eq!(n.times(&m.plus(&2.into())), m.times(&n).map(|product| product.plus(&n.scaled(2))));
        assert_eq!(n.minus(&n).known(), Some(0));
        assert_eq!(n.scaled(4).divided(2), Some(n.plus(&n)));
        assert_eq!(n.plus(&1.into()).divided(2), None);
    }

    #[test]
    fn no_product_grows_beyond_reading() {
        let sums = (1..40).map(|id| variable(id, "n").plus(&1.into()));
        let product = sums.clone().try_fold(Polynomial::from(1), |product, sum| product.times(&sum));
        assert_eq!(product, None);
        assert_eq!((0..40).try_fold(variable(1, "n"), |power, _| power.times(&power)), None);
        assert_eq!(sums.fold(Polynomial::from(0), |whole, sum| whole.plus(&sum)).known(), None);
    }

    #[test]
    fn a_length_reads_as_it_is_written() {
        let (n, m) = (variable(1, "n"), variable(2, "m"));
        assert_eq!(n.scaled(2).plus(&m).minus(&3.into()).to_string(), "2 * n + m - 3");
        assert_eq!(Polynomial::from(5).minus(&n).to_string(), "-n + 5");
        assert_eq!(n.times(&m).map(|product| product.to_string()).as_deref(), Some("n * m"));
    }

    #[test]
    fn what_is_known_of_sizes_proves_what_lengths_are_never_negative() {
        let n = variable(1, "n");
        let i = Polynomial::from(&Symbol::of_run(2, "i", 0, Some(n.minus(&1.into()))));
        let free = Polynomial::from(&Symbol::of_run(3, "k", i64::MIN, None));
        assert!(n.minus(&i).minus(&1.into()).is_never_negative());
        assert!(!n.minus(&i).minus(&2.into()).is_never_negative());
        assert!(i.is_never_negative());
        assert!(!n.minus(&1.into()).is_never_negative());
        assert!(!free.is_never_negative());
    }

    #[test]
    fn a_size_is_solved_for_a_symbol_exactly() {
        let (symbol, m) = (Symbol::variable(1, "n"), variable(2, "m"));
        let n = Polynomial::from(&symbol);
        let square = n.times(&n).unwrap();
        let cube = square.times(&n).unwrap().plus(&2.into());
        let solved = |size: &Polynomial, wanted: Polynomial| size.solved_for(&symbol, &wanted);
        assert_eq!(solved(&n.scaled(3).plus(&1.into()), 7.into()), [2.into()]);
        assert_eq!(solved(&n.scaled(3), 7.into()), []);
        assert_eq!(solved(&Polynomial::from(5).minus(&n), 3.into()), [2.into()]);
        assert_eq!(solved(&n.times(&m).unwrap(), m.scaled(4)), [4.into()]);
        assert_eq!(solved(&square, 49.into()), [7.into()]);
        assert_eq!(solved(&square, 50.into()), []);
        assert_eq!(solved(&square, m.times(&m).unwrap()), [m]);
        assert_eq!(solved(&cube, 29.into()), [3.into()]);
        assert_eq!(solved(&square, ((1i64 << 31) * (1i64 << 31)).into()), [(1i64 << 31).into()]);
        assert_eq!(solved(&square.minus(&n), 6.into()), [3.into()]);
        assert_eq!(solved(&square.minus(&n), 0.into()), [0.into(), 1.into()]);
    }

    #[test]
    fn sizes_put_in_close_a_length() {
        let symbol = Symbol::variable(1, "n");
        let length = Length::of(Polynomial::from(&symbol).minus(&3.into())).unwrap();
        assert_eq!(length.with(&Sizes::from([(symbol.clone(), 5)])), Ok(Length::Known(2)));
        assert_eq!(length.with(&Sizes::from([(symbol, 2)])), Err(-1));
        assert_eq!(length.with(&Sizes::new()), Ok(length.clone()));
    }
}
