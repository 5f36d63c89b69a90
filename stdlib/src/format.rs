//! Values as text, as NumPy prints them.
//!
//! A number's digits are the shortest that read back as the same value. An array gives all its numbers one column width, cuts
//! them after eight decimals, and writes them with exponents when they are too far apart; beyond a thousand elements only
//! the three at each edge are read and shown.

use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_runtime::array::Array;

mod specification;

pub use specification::{FormatError, format_array_specification, format_specification, format_text_specification};

/// Decimals of an array's floats.
const PRECISION: usize = 8;
/// Arrays of more elements show only their edges.
const THRESHOLD: usize = 1000;
/// How many elements an edge is.
const EDGE: usize = 3;
/// Characters in a line.
const LINE_WIDTH: usize = 75;

/// The type as it is written in Thalweg: `f64[512, 512]`, `f64` for rank 0.
pub fn type_of(array: &Array) -> String {
    let mut text = array.dtype().name().to_string();
    if array.rank() > 0 {
        text.push_str(&format!("{:?}", array.shape()));
    }
    text
}

/// Whether [`format_array`] leaves elements out.
pub fn is_summarised(array: &Array) -> bool {
    array.len() > THRESHOLD && array.shape().iter().any(|&dim| dim > 2 * EDGE)
}

/// An array of any dtype and rank as `str` of a NumPy array: `[1.  2.5]`; rank 0 as [`format_scalar`], bools as `true` and
/// `false`.
pub fn format_array(array: &Array) -> String {
    if let Some(value) = array.scalar_value() {
        return format_scalar(value);
    }
    if array.is_empty() {
        return "[]".to_string();
    }
    let summarise = array.len() > THRESHOLD;
    // What is shown of each dimension, and where the gap is.
    let axes: Vec<Axis> = array
        .shape()
        .iter()
        .map(|&dim| {
            if summarise && dim > 2 * EDGE {
                Axis { shown: (0..EDGE).chain(dim - EDGE..dim).collect(), gap: true }
            } else {
                Axis { shown: (0..dim).collect(), gap: false }
            }
        })
        .collect();
    let mut values = Vec::with_capacity(axes.iter().map(|axis| axis.shown.len()).product());
    collect(array, &axes, &mut Vec::new(), &mut values);
    let words = column(array.dtype(), &values);
    let mut text = String::new();
    Layout { axes: &axes, words: words.iter() }.write(0, LINE_WIDTH, &mut text);
    text
}

/// A value by itself, as `str` of a NumPy scalar: `0.1`, `1e+16`, `(1+2j)`, `2j`, `nan`; bools as `true` and `false`.
pub fn format_scalar(value: Scalar) -> String {
    let (real, imaginary) = value.as_complex();
    let single = is_single(value.dtype);
    match value.dtype.kind() {
        Kind::Bool => (value.bits[0] != 0).to_string(),
        Kind::Unsigned | Kind::Signed => value.as_integer().unwrap_or(0).to_string(),
        Kind::Float => format_float(real, single, true),
        Kind::Complex => {
            let mut second = format_float(imaginary, single, false);
            if real == 0.0 && real.is_sign_positive() {
                return second + "j";
            }
            if !second.starts_with('-') {
                second.insert(0, '+');
            }
            format!("({}{second}j)", format_float(real, single, false))
        }
    }
}

/// Whether a dtype's numbers have the digits of an f32.
fn is_single(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::C64)
}

/// A float as NumPy writes one alone: the shortest digits that say which one it is, with an exponent below 1e-4 and from 1e16
/// (f32: 1e6) up. `point` adds `.0` where there would be no point.
fn format_float(x: f64, single: bool, point: bool) -> String {
    if let Some(text) = not_finite(x) {
        return text.to_string();
    }
    let decimal = Decimal::shortest(x, single);
    let large = if single { 1e6 } else { 1e16 };
    if x != 0.0 && (x.abs() >= large || x.abs() < 1e-4) {
        let (whole, fraction) = decimal.scientific();
        let point = if fraction.is_empty() { "" } else { "." };
        return format!("{whole}{point}{fraction}e{}", exponent_text(decimal.exponent, 2));
    }
    let (whole, fraction) = decimal.positional();
    match (fraction.is_empty(), point) {
        (true, false) => whole,
        (true, true) => whole + ".0",
        _ => format!("{whole}.{fraction}"),
    }
}

fn not_finite(x: f64) -> Option<&'static str> {
    if x.is_nan() {
        Some("nan")
    } else if x.is_infinite() {
        Some(if x > 0.0 { "inf" } else { "-inf" })
    } else {
        None
    }
}

/// `+05`: a sign and at least so many digits.
fn exponent_text(exponent: i32, digits: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:0digits$}", exponent.unsigned_abs())
}

/// A finite number in decimal: `0.d1d2d3… * 10^(exponent + 1)`, without zeros at the end.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// The fewest digits that read back as the same f64 (f32); where two such lie equally near, the even one.
    fn shortest(x: f64, single: bool) -> Decimal {
        let text = if single { format!("{:e}", x.abs() as f32) } else { format!("{:e}", x.abs()) };
        let shortest = Decimal::read(x, text);
        // Rust takes the upper one of the two, which differs from the exact value rounded to as many digits.
        let precision = shortest.digits.len().saturating_sub(1);
        let even = format!("{:.precision$e}", x.abs());
        let same = match single {
            true => even.parse() == Ok(x.abs() as f32),
            false => even.parse() == Ok(x.abs()),
        };
        if same { Decimal::read(x, even) } else { shortest }
    }

    /// At most so many digits after the first, rounded from the exact value, to even when it lies in the middle.
    fn to_digits(x: f64, single: bool, precision: usize) -> Decimal {
        let shortest = Decimal::shortest(x, single);
        if shortest.digits.len() <= precision + 1 { shortest } else { Decimal::exactly_digits(x, precision) }
    }

    /// At most so many digits after the point, rounded likewise.
    fn to_decimals(x: f64, single: bool, precision: usize) -> Decimal {
        let shortest = Decimal::shortest(x, single);
        let decimals = shortest.digits.len() as i64 - 1 - shortest.exponent as i64;
        if decimals <= precision as i64 {
            return shortest;
        }
        let text = format!("{:.precision$}", x.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}");
        let zeros = digits.len() - digits.trim_start_matches('0').len();
        let digits = digits.trim_matches('0').to_string();
        let exponent = if digits.is_empty() { 0 } else { whole.len() as i32 - 1 - zeros as i32 };
        Decimal { negative: x.is_sign_negative(), digits, exponent }
    }

    /// The exact value to so many digits after the first.
    fn exactly_digits(x: f64, precision: usize) -> Decimal {
        Decimal::read(x, format!("{:.precision$e}", x.abs()))
    }

    /// From Rust's `1.25e-7`.
    fn read(x: f64, text: String) -> Decimal {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits: String = mantissa.chars().filter(|character| *character != '.').collect();
        let digits = digits.trim_end_matches('0').to_string();
        Decimal { negative: x.is_sign_negative(), digits, exponent: exponent.parse().unwrap_or(0) }
    }

    /// `-12` and `5` for -12.5.
    fn positional(&self) -> (String, String) {
        let mut whole = String::from(if self.negative { "-" } else { "" });
        if self.exponent < 0 || self.digits.is_empty() {
            whole.push('0');
            let zeros = (-1 - self.exponent).max(0) as usize;
            return (whole, if self.digits.is_empty() { String::new() } else { "0".repeat(zeros) + &self.digits });
        }
        let places = self.exponent as usize + 1;
        if self.digits.len() <= places {
            whole.push_str(&self.digits);
            whole.push_str(&"0".repeat(places - self.digits.len()));
            return (whole, String::new());
        }
        whole.push_str(&self.digits[..places]);
        (whole, self.digits[places..].to_string())
    }

    /// `-1` and `25` for -1.25e7.
    fn scientific(&self) -> (String, String) {
        let sign = if self.negative { "-" } else { "" };
        let first = self.digits.get(..1).unwrap_or("0");
        (format!("{sign}{first}"), self.digits.get(1..).unwrap_or("").to_string())
    }
}

/// What is shown of a dimension.
struct Axis {
    shown: Vec<usize>,
    gap: bool,
}

/// The elements that are shown, in C order.
fn collect(array: &Array, axes: &[Axis], index: &mut Vec<usize>, into: &mut Vec<Scalar>) {
    let Some(axis) = axes.get(index.len()) else {
        into.extend(array.item(index));
        return;
    };
    for &at in &axis.shown {
        index.push(at);
        collect(array, axes, index, into);
        index.pop();
    }
}

/// The elements' texts, all of one width.
fn column(dtype: DType, values: &[Scalar]) -> Vec<String> {
    let part = |second: bool| -> Vec<f64> {
        let pairs = values.iter().map(|value| value.as_complex());
        pairs.map(|(real, imaginary)| if second { imaginary } else { real }).collect()
    };
    match dtype.kind() {
        Kind::Bool => values.iter().map(|value| format!("{:>5}", value.bits[0] != 0)).collect(),
        Kind::Unsigned | Kind::Signed => {
            let texts: Vec<String> = values.iter().map(|value| value.as_integer().unwrap_or(0).to_string()).collect();
            let width = texts.iter().map(String::len).max().unwrap_or(0);
            texts.iter().map(|text| format!("{text:>width$}")).collect()
        }
        Kind::Float => {
            let values = part(false);
            let column = FloatColumn::new(&values, is_single(dtype), false);
            values.iter().map(|&x| column.format(x)).collect()
        }
        Kind::Complex => {
            let (real, imaginary) = (part(false), part(true));
            let first = FloatColumn::new(&real, is_single(dtype), false);
            let second = FloatColumn::new(&imaginary, is_single(dtype), true);
            real.iter()
                .zip(&imaginary)
                .map(|(&re, &im)| {
                    let mut text = second.format(im);
                    // The j stands before the spaces that fill the column.
                    text.insert(text.trim_end_matches(' ').len(), 'j');
                    first.format(re) + &text
                })
                .collect()
        }
    }
}

/// How a column of floats is written, decided from all of them together.
struct FloatColumn {
    single: bool,
    /// Positive numbers have a `+`.
    plus: bool,
    /// Digits of the exponent, when there is one.
    exponent: Option<usize>,
    precision: usize,
    /// Characters before the point, and after it.
    left: usize,
    right: usize,
}

impl FloatColumn {
    fn new(values: &[f64], single: bool, plus: bool) -> FloatColumn {
        let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let mut column = FloatColumn { single, plus, exponent: None, precision: PRECISION, left: 0, right: 0 };
        let exponents = needs_exponents(&finite, single);
        let mut digits = None;
        for &x in &finite {
            let (decimal, (whole, fraction)) = column.parts(x, exponents);
            digits = digits.max(exponents.then(|| exponent_text(decimal.exponent, 2).len() - 1));
            column.left = column.left.max(whole.len());
            column.right = column.right.max(fraction.len());
        }
        column.exponent = digits;
        if let Some(digits) = digits {
            column.precision = column.right;
            column.right += digits + 2;
        }
        if finite.len() != values.len() {
            let after = column.right + 1;
            let sign = plus || values.contains(&f64::NEG_INFINITY);
            column.left = column.left.max((3 + sign as usize).saturating_sub(after));
        }
        column
    }

    /// A finite number's digits, and its text before and after the point.
    fn parts(&self, x: f64, exponents: bool) -> (Decimal, (String, String)) {
        let decimal = match (exponents, self.exponent) {
            // Once the column's precision is known every number has all of it, from its exact value: f32's digits go on.
            (true, Some(_)) => Decimal::exactly_digits(x, self.precision),
            (true, None) => Decimal::to_digits(x, self.single, self.precision),
            (false, _) => Decimal::to_decimals(x, self.single, self.precision),
        };
        let (mut whole, fraction) = if exponents { decimal.scientific() } else { decimal.positional() };
        if self.plus && !decimal.negative {
            whole.insert(0, '+');
        }
        (decimal, (whole, fraction))
    }

    fn format(&self, x: f64) -> String {
        let (left, right) = (self.left, self.right);
        if let Some(text) = not_finite(x) {
            let sign = if self.plus && !text.starts_with('-') { "+" } else { "" };
            let width = left + right + 1;
            return format!("{:>width$}", format!("{sign}{text}"));
        }
        let (decimal, (whole, fraction)) = self.parts(x, self.exponent.is_some());
        match self.exponent {
            Some(digits) => {
                let precision = self.precision;
                format!("{whole:>left$}.{fraction:0<precision$}e{}", exponent_text(decimal.exponent, digits))
            }
            None => format!("{whole:>left$}.{fraction:<right$}"),
        }
    }
}

/// Whether the finite numbers of a column are too large, too small or too far apart to stand without exponents. An f32's
/// quotient is rounded to f32, as NumPy computes it.
fn needs_exponents(finite: &[f64], single: bool) -> bool {
    let nonzero = || finite.iter().map(|x| x.abs()).filter(|&x| x != 0.0);
    let Some(largest) = nonzero().reduce(f64::max) else {
        return false;
    };
    let smallest = nonzero().fold(largest, f64::min);
    if single {
        largest >= 1e6 || smallest < 0.0001f32 as f64 || largest as f32 / smallest as f32 > 1000.0
    } else {
        largest >= 1e8 || smallest < 0.0001 || largest / smallest > 1000.0
    }
}

/// Brackets, line breaks and gaps around the words.
struct Layout<'a> {
    axes: &'a [Axis],
    words: std::slice::Iter<'a, String>,
}

impl Layout<'_> {
    /// Writes the part of the array under one index of the first `depth` dimensions. Lines begin with `depth + 1` spaces and
    /// have `width` characters.
    fn write(&mut self, depth: usize, width: usize, text: &mut String) {
        let Some(axis) = self.axes.get(depth) else {
            return;
        };
        let left = self.axes.len() - depth;
        let indent = depth + 1;
        text.push('[');
        if left == 1 {
            self.write_row(axis, indent, width.saturating_sub(1), text);
        } else {
            for at in 0..axis.shown.len() {
                if at > 0 {
                    text.push_str(&"\n".repeat(left - 1));
                    text.push_str(&" ".repeat(indent));
                }
                if axis.gap && at == EDGE {
                    text.push_str("...");
                    text.push_str(&"\n".repeat(left - 1));
                    text.push_str(&" ".repeat(indent));
                }
                self.write(depth + 1, width.saturating_sub(1), text);
            }
        }
        text.push(']');
    }

    /// One row, wrapped where a word would pass `width`.
    fn write_row(&mut self, axis: &Axis, indent: usize, width: usize, text: &mut String) {
        let mut line = indent;
        let mut add = |word: &str, text: &mut String| {
            if line + word.len() > width && line > indent {
                text.truncate(text.trim_end_matches(' ').len());
                text.push('\n');
                text.push_str(&" ".repeat(indent));
                line = indent;
            }
            text.push_str(word);
            line += word.len() + 1;
        };
        for at in 0..axis.shown.len() {
            if axis.gap && at == EDGE {
                add("...", text);
                text.push(' ');
            }
            if let Some(word) = self.words.next() {
                add(word, text);
            }
            if at + 1 < axis.shown.len() {
                text.push(' ');
            }
        }
    }
}

#[cfg(test)]
mod tests;
