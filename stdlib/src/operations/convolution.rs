//! Convolutions and correlations of vectors.

use super::product::{Pair, pair};
use crate::linear_algebra::convolution;
use crate::operation::{Expansion, Operation, optional, required};
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{Kind, Scalar};
use thalweg_lang::graph::{Attribute, SourceAxis};
use thalweg_lang::length::{Length, Polynomial};
use thalweg_lang::source::Span;
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

type Ruled = Result<Value<Operand>, Diagnostic>;

const MODES: &str = "`mode` is \"full\" (every overlap), \"same\" (as long as the longer one, the middle of that) or \"valid\" (where the \
                     shorter one lies inside the longer one). The dtypes promote as in `a * v`.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let with = |mode| vec![required("a"), required("v"), optional("mode", Default::Text(mode))];
    rows.push(
        Operation::function("convolve", with("full"), convolve, convolution::convolve)
            .summary("The convolution of two vectors: the coefficients of the product of two polynomials.")
            .text(MODES)
            .examples(&[
                ("convolve([1, 2, 3], [0, 1, 0.5])", "[0.  1.  2.5 4.  1.5]"),
                ("convolve([1, 2, 3], [1, 1], mode=\"valid\")", "[3 5]"),
            ]),
    );
    rows.push(
        Operation::function("correlate", with("valid"), correlate, convolution::convolve)
            .summary("The sums of products of a vector with another, conjugated, moved along it.")
            .text(MODES)
            .examples(&[("correlate([1, 2, 3], [0, 1, 0.5])", "[3.5]")]),
    );
}

fn convolve(build: &mut Expansion, call: &Call) -> Ruled {
    let pair = vectors(build, call)?;
    convolved(build, call, pair, false)
}

fn correlate(build: &mut Expansion, call: &Call) -> Ruled {
    let mut pair = vectors(build, call)?;
    let length = &pair.types[1].shape[0];
    let last = Length::of(Polynomial::from(length).minus(&1.into())).unwrap_or(0.into());
    let backwards = SourceAxis { start: last, step: -1, axis: Some(0) };
    let shape = pair.types[1].shape.clone();
    pair.operands[1] = build.view(pair.operands[1], vec![backwards], shape, call.span);
    if pair.dtype.kind() == Kind::Complex {
        pair.operands[1] = build.elementwise("conj", &[pair.operands[1]], call.span)?;
    }
    convolved(build, call, pair, true)
}

/// Two vectors with elements.
fn vectors(build: &mut Expansion, call: &Call) -> Result<Pair, Diagnostic> {
    let pair = pair(build, call)?;
    for (index, one) in pair.types.iter().enumerate() {
        let span = call.arguments[index].span;
        match &one.shape[..] {
            [length] if length.is(0) => {
                let message = format!("`{}` of nothing has no value", call.name);
                let diagnostic = Diagnostic::error("E0310", message, span, one.to_string());
                return Err(diagnostic.help("check the shape first: `if a.size > 0 { … } else { … }`"));
            }
            [length] => build.not_empty(call, length, span),
            _ => {
                let message = format!("`{}` takes vectors, not {one}", call.name);
                let diagnostic = Diagnostic::error("E0303", message, span, one.to_string());
                return Err(diagnostic.help("`ravel(a)` are the elements along one axis"));
            }
        }
    }
    Ok(pair)
}

fn convolved(build: &mut Expansion, call: &Call, pair: Pair, turned: bool) -> Ruled {
    let mode = build.text(call, 2)?;
    let [a, b] = pair.types.each_ref().map(|one| build.count(&one.shape, call.span));
    let length = match &*mode {
        "full" => Length::of(Polynomial::from(&a).plus(&Polynomial::from(&b)).minus(&1.into())).unwrap_or(0.into()),
        "same" => longer(build, &a, &b, call.span)?,
        "valid" => overlaps(build, &a, &b, call.span)?,
        _ => {
            let message = format!("`{}` has no mode \"{mode}\"", call.name);
            let help = "write `mode=\"full\"`, `mode=\"same\"` or `mode=\"valid\"`";
            return Err(Diagnostic::error("E0303", message, call.arguments[2].span, "").help(help));
        }
    };
    let attributes = vec![Attribute::Text(mode), Attribute::Flag(turned)];
    Ok(Value::Array(build.apply(call, &pair.operands, attributes, vec![Type::new(pair.dtype, vec![length])])[0]))
}

/// The longer and the shorter of two lengths, neither of them 0, when it is known before the run which is which.
fn ordered<'l>(a: &'l Length, b: &'l Length) -> Option<[&'l Length; 2]> {
    let more = Polynomial::from(a).minus(&Polynomial::from(b));
    if b.is(1) || more.is_never_negative() {
        return Some([a, b]);
    }
    (a.is(1) || more.scaled(-1).is_never_negative()).then_some([b, a])
}

/// The longer of two lengths. A maximum is no polynomial, so where the order is not known, only the run tells it.
fn longer(build: &mut Expansion, a: &Length, b: &Length, span: Span) -> Result<Length, Diagnostic> {
    if let Some([long, _]) = ordered(a, b) {
        return Ok(long.clone());
    }
    let both = [build.length_value(a, span), build.length_value(b, span)];
    let greatest = build.elementwise("maximum", &both, span)?;
    build.length_of(greatest, span)
}

/// At how many places the shorter of two lengths lies inside the longer one: `long - short + 1`.
fn overlaps(build: &mut Expansion, a: &Length, b: &Length, span: Span) -> Result<Length, Diagnostic> {
    if let Some([long, short]) = ordered(a, b) {
        let places = Polynomial::from(long).minus(&Polynomial::from(short)).plus(&1.into());
        return Ok(Length::of(places).unwrap_or(0.into()));
    }
    let [a, b] = [build.length_value(a, span), build.length_value(b, span)];
    let one = build.constant(Scalar::i64(1), true, span);
    let mut places = Vec::new();
    for [long, short] in [[a, b], [b, a]] {
        let more = build.elementwise("subtract", &[long, short], span)?;
        places.push(build.elementwise("add", &[more, one], span)?);
    }
    let greatest = build.elementwise("maximum", &places, span)?;
    build.length_of(greatest, span)
}
