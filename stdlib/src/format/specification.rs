//! What stands after the colon in an f-string: Python's format mini-language.

use super::{Decimal, exponent_text, format_array, format_float, format_scalar, is_single, not_finite};
use std::fmt;
use thalweg_lang::dtype::{Kind, Scalar};
use thalweg_runtime::array::Array;

/// Widths and precisions beyond this are mistakes, and would fill the memory.
const LARGEST: usize = 1_000_000;

/// A finite float has no more significant digits than this; the rest are zeros.
const MOST_DIGITS: usize = 1100;

/// Why a specification does not fit its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// What to write instead, where there is something to say.
    pub help: Option<String>,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FormatError {}

fn error<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, FormatError> {
    Err(FormatError { message: message.into(), help: Some(help.into()).filter(|help| !help.is_empty()) })
}

/// An array of any rank by a specification: empty means as `print` shows it; anything else needs rank 0.
///
/// # Errors
/// When the specification cannot be read or does not fit the value.
pub fn format_array_specification(array: &Array, specification: &str) -> Result<String, FormatError> {
    if specification.is_empty() {
        return Ok(format_array(array));
    }
    match array.scalar_value() {
        Some(value) => format_specification(value, specification),
        None => error(
            format!("`:{specification}` formats a single value, and this is an array `{}`", super::type_of(array)),
            "leave the specification out to show the array as `print` does, or index it to get one element",
        ),
    }
}

/// A single value by a specification, as Python formats it. Without a type letter a bool is the text `true` or `false`, and
/// a float has the shortest digits of its dtype.
///
/// # Errors
/// When the specification cannot be read or does not fit the value's dtype.
pub fn format_specification(value: Scalar, specification: &str) -> Result<String, FormatError> {
    if specification.is_empty() {
        return Ok(format_scalar(value));
    }
    let kind = value.dtype.kind();
    if kind == Kind::Bool {
        let spec = Specification::read(specification, '<')?;
        if matches!(spec.letter, None | Some('s')) {
            return spec.text(&format_scalar(value));
        }
    }
    let spec = Specification::read(specification, '>')?;
    match kind {
        Kind::Bool | Kind::Unsigned | Kind::Signed => {
            let integer = value.as_integer().unwrap_or(0);
            match spec.letter {
                Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => spec.float(integer as f64, false),
                _ => spec.integer(integer),
            }
        }
        Kind::Float => spec.float(value.as_complex().0, is_single(value.dtype)),
        Kind::Complex => {
            let (real, imaginary) = value.as_complex();
            spec.complex(real, imaginary, is_single(value.dtype))
        }
    }
}

/// A string by a specification: fill, alignment, width, and a precision that cuts it off.
///
/// # Errors
/// When the specification cannot be read or is one for numbers.
pub fn format_text_specification(text: &str, specification: &str) -> Result<String, FormatError> {
    Specification::read(specification, '<')?.text(text)
}

/// A specification, taken apart: `[[fill]align][sign][z][#][0][width][grouping][.precision][letter]`.
struct Specification {
    fill: char,
    align: char,
    aligned: bool,
    sign: Option<char>,
    no_negative_zero: bool,
    alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    letter: Option<char>,
}

/// The parts of a number's text, before padding and grouping.
#[derive(Default)]
struct Parts {
    sign: &'static str,
    prefix: &'static str,
    digits: String,
    rest: String,
}

impl Specification {
    fn read(text: &str, default_align: char) -> Result<Specification, FormatError> {
        let characters: Vec<char> = text.chars().collect();
        let is_align = |at: usize| matches!(characters.get(at), Some('<' | '>' | '=' | '^'));
        let mut spec = Specification {
            fill: ' ',
            align: default_align,
            aligned: false,
            sign: None,
            no_negative_zero: false,
            alternate: false,
            width: 0,
            grouping: None,
            precision: None,
            letter: None,
        };
        let mut at = 0;
        let mut filled = false;
        if is_align(1) {
            (spec.fill, spec.align, spec.aligned, filled) = (characters[0], characters[1], true, true);
            at = 2;
        } else if is_align(0) {
            (spec.align, spec.aligned) = (characters[0], true);
            at = 1;
        }
        if let Some(&sign @ ('+' | '-' | ' ')) = characters.get(at) {
            spec.sign = Some(sign);
            at += 1;
        }
        let mut flag = |character: char| {
            let found = characters.get(at) == Some(&character);
            at += found as usize;
            found
        };
        spec.no_negative_zero = flag('z');
        spec.alternate = flag('#');
        if !filled && flag('0') {
            spec.fill = '0';
            if !spec.aligned && default_align == '>' {
                spec.align = '=';
            }
        }
        spec.width = number(&characters, &mut at)?.unwrap_or(0);
        while let Some(&separator @ (',' | '_')) = characters.get(at) {
            match spec.grouping {
                Some(other) if other == separator => {
                    return error(
                        format!("`{separator}` stands twice in the format specification `{text}`"),
                        "write it once",
                    );
                }
                Some(_) => return error("a format specification cannot have both `,` and `_`", "write one of them"),
                None => spec.grouping = Some(separator),
            }
            at += 1;
        }
        if characters.get(at) == Some(&'.') {
            at += 1;
            spec.precision = number(&characters, &mut at)?;
            if spec.precision.is_none() {
                return error(
                    "the format specification has a `.` without a precision",
                    "write a number after it, such as `.3`",
                );
            }
        }
        match characters[at.min(characters.len())..] {
            [] => {}
            [letter] => spec.letter = Some(letter),
            _ => {
                return error(
                    format!("`{text}` is not a format specification"),
                    "the order is fill and alignment, sign, `#`, `0`, width, `,` or `_`, `.precision`, and one letter",
                );
            }
        }
        if let Some(separator) = spec.grouping {
            let fits = match spec.letter {
                None | Some('d' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => true,
                Some('b' | 'o' | 'x' | 'X') => separator == '_',
                _ => false,
            };
            if let (false, Some(letter)) = (fits, spec.letter) {
                return error(format!("`{separator}` does not go with `{letter}` in a format specification"), "");
            }
        }
        Ok(spec)
    }

    fn unknown<T>(&self, of: &str, known: &str) -> Result<T, FormatError> {
        let letter = self.letter.map_or(String::new(), |letter| letter.to_string());
        error(format!("unknown format letter `{letter}` for {of}"), format!("the letters for it are {known}"))
    }

    fn text(&self, text: &str) -> Result<String, FormatError> {
        let refused = if !matches!(self.letter, None | Some('s')) {
            return self.unknown("a string", "`s` or none");
        } else if self.sign.is_some() {
            "a sign"
        } else if self.no_negative_zero {
            "`z`"
        } else if self.alternate {
            "`#`"
        } else if self.align == '=' {
            "`=`"
        } else if self.grouping.is_some() {
            "grouping of digits"
        } else {
            let kept: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
            return Ok(self.pad("", &kept));
        };
        error(format!("{refused} is for numbers, not for text"), "text takes a width and a side, such as `>10`")
    }

    fn integer(&self, value: i128) -> Result<String, FormatError> {
        const KNOWN: &str = "`b c d e E f F g G n o x X %` or none";
        if self.precision.is_some() {
            return error(
                "an integer has no precision",
                "add `f` to format it as a float (`.2f`), or give a width without the point",
            );
        }
        if self.no_negative_zero {
            return error("`z` is for floats: an integer has no negative zero", "");
        }
        let magnitude = value.unsigned_abs();
        let (prefix, digits) = match self.letter {
            None | Some('d' | 'n') => ("", magnitude.to_string()),
            Some('b') => ("0b", format!("{magnitude:b}")),
            Some('o') => ("0o", format!("{magnitude:o}")),
            Some('x') => ("0x", format!("{magnitude:x}")),
            Some('X') => ("0X", format!("{magnitude:X}")),
            Some('c') => {
                if self.sign.is_some() || self.alternate {
                    return error("a sign or `#` does not go with `c`, which shows a character", "");
                }
                let character = u32::try_from(value).ok().and_then(char::from_u32);
                return match character {
                    Some(character) => Ok(self.pad("", &character.to_string())),
                    None => error(format!("{value} is not the number of a character"), ""),
                };
            }
            _ => return self.unknown("an integer", KNOWN),
        };
        let prefix = if self.alternate { prefix } else { "" };
        Ok(self.number(Parts { sign: self.sign_of(value < 0), prefix, digits, rest: String::new() }))
    }

    fn float(&self, value: f64, single: bool) -> Result<String, FormatError> {
        if !matches!(self.letter, None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n' | '%')) {
            return self.unknown("a float", "`e E f F g G n %` or none");
        }
        let (value, percent) = if self.letter == Some('%') { (value * 100.0, "%") } else { (value, "") };
        let (mut negative, text) = self.magnitude(value, single, true);
        negative &= !(self.no_negative_zero && is_zero(&text));
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        Ok(self.number(Parts {
            sign: self.sign_of(negative),
            prefix: "",
            digits: text[..digits].to_string(),
            rest: format!("{}{percent}", &text[digits..]),
        }))
    }

    fn complex(&self, real: f64, imaginary: f64, single: bool) -> Result<String, FormatError> {
        if !matches!(self.letter, None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n')) {
            return self.unknown("a complex number", "`e E f F g G n` or none");
        }
        if self.align == '=' || self.fill == '0' {
            return error(
                "zeros or `=` do not go with a complex number, which has two signs",
                "pad it with spaces by `>` or `<` and a width",
            );
        }
        let part = |x: f64, sign: Option<char>| {
            let (negative, text) = self.magnitude(x, single, false);
            let cleared = self.no_negative_zero && is_zero(&text);
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let inner = Specification { width: 0, sign, fill: ' ', align: '>', letter: self.letter, ..*self };
            inner.number(Parts {
                sign: inner.sign_of(negative && !cleared),
                prefix: "",
                digits: text[..digits].to_string(),
                rest: text[digits..].to_string(),
            })
        };
        let bare = self.letter.is_none();
        let text = if bare && real == 0.0 && real.is_sign_positive() {
            format!("{}j", part(imaginary, self.sign))
        } else {
            let both = format!("{}{}j", part(real, self.sign), part(imaginary, Some('+')));
            if bare { format!("({both})") } else { both }
        };
        Ok(self.pad("", &text))
    }

    fn sign_of(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        }
    }

    /// A float's magnitude by letter and precision, and whether it is negative. A part of a complex number needs no `.0`
    /// (`point` is false).
    fn magnitude(&self, x: f64, single: bool, point: bool) -> (bool, String) {
        let negative = x.is_sign_negative() && !x.is_nan();
        let x = x.abs();
        let upper = matches!(self.letter, Some('E' | 'F' | 'G'));
        let text = match (not_finite(x), self.letter, self.precision) {
            (Some(text), ..) => text.to_string(),
            (None, None, None) => {
                let text = format_float(x, single, point);
                if self.alternate && !text.contains(['.', 'e']) {
                    text + "."
                } else if self.alternate && !text.contains('.') {
                    text.replacen('e', ".e", 1)
                } else {
                    text
                }
            }
            (None, Some('f' | 'F' | '%'), precision) => {
                let precision = precision.unwrap_or(6);
                let point = if self.alternate && precision == 0 { "." } else { "" };
                let exact = precision.min(MOST_DIGITS);
                format!("{x:.exact$}{}{point}", "0".repeat(precision - exact))
            }
            (None, Some('e' | 'E'), precision) => {
                let precision = precision.unwrap_or(6);
                let decimal = Decimal::exactly_digits(x, precision.min(MOST_DIGITS));
                let (whole, fraction) = decimal.scientific();
                let point = if precision > 0 || self.alternate { "." } else { "" };
                format!("{whole}{point}{fraction:0<precision$}e{}", exponent_text(decimal.exponent, 2))
            }
            (None, letter, precision) => self.general(x, precision.unwrap_or(6).max(1), letter.is_none() && point),
        };
        (negative, if upper { text.to_uppercase() } else { text })
    }

    /// `g`: so many significant digits, with an exponent where it is shorter. `point` wants a digit after the point.
    fn general(&self, x: f64, precision: usize, point: bool) -> String {
        let decimal = Decimal::exactly_digits(x, (precision - 1).min(MOST_DIGITS));
        let exponent = decimal.exponent as i64;
        let exponential = exponent < -4 || exponent >= precision as i64 - point as i64;
        let (whole, mut fraction) = if exponential { decimal.scientific() } else { decimal.positional() };
        if self.alternate {
            // All the digits asked for, zeros too.
            let before = if exponential { 1 } else { exponent + 1 };
            let wanted = (precision as i64 - before).max(0) as usize;
            fraction.push_str(&"0".repeat(wanted.saturating_sub(fraction.len())));
        } else if point && !exponential && fraction.is_empty() {
            fraction.push('0');
        }
        let dot = if fraction.is_empty() && !self.alternate { "" } else { "." };
        let power = if exponential { format!("e{}", exponent_text(decimal.exponent, 2)) } else { String::new() };
        format!("{whole}{dot}{fraction}{power}")
    }

    /// Groups the digits and pads the whole to the width.
    fn number(&self, parts: Parts) -> String {
        let Parts { sign, prefix, digits, rest } = parts;
        let head = format!("{sign}{prefix}");
        let around = head.chars().count() + rest.chars().count();
        let zeros = if self.fill == '0' && self.align == '=' { self.width.saturating_sub(around) } else { 0 };
        let body = match self.grouping {
            Some(separator) if !digits.is_empty() => {
                let size = if matches!(self.letter, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 };
                grouped(&digits, separator, size, zeros)
            }
            _ => digits,
        };
        self.pad(&head, &format!("{body}{rest}"))
    }

    /// Fills up to the width; with `=` between the sign and the digits.
    fn pad(&self, head: &str, body: &str) -> String {
        let missing = self.width.saturating_sub(head.chars().count() + body.chars().count());
        let fill = |count: usize| self.fill.to_string().repeat(count);
        match self.align {
            '<' => format!("{head}{body}{}", fill(missing)),
            '^' => format!("{}{head}{body}{}", fill(missing / 2), fill(missing - missing / 2)),
            '=' => format!("{head}{}{body}", fill(missing)),
            _ => format!("{}{head}{body}", fill(missing)),
        }
    }
}

/// Whether a magnitude's text has become nothing but zeros.
fn is_zero(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'1'..=b'9' | b'n' | b'N' | b'i' | b'I'))
}

/// Digits in groups from the right, with zeros in front until there are `width` characters (one more where the next would
/// be a separator).
fn grouped(digits: &str, separator: char, size: usize, width: usize) -> String {
    let mut reversed = String::with_capacity(digits.len() * 2);
    let mut left = digits.bytes().rev();
    let (mut remaining, mut count, mut in_group) = (digits.len(), 0, 0);
    while remaining > 0 || count < width {
        if in_group == size {
            reversed.push(separator);
            count += 1;
            in_group = 0;
        }
        reversed.push(left.next().unwrap_or(b'0') as char);
        remaining = remaining.saturating_sub(1);
        count += 1;
        in_group += 1;
    }
    reversed.chars().rev().collect()
}

/// Digits at a place, as a number.
fn number(characters: &[char], at: &mut usize) -> Result<Option<usize>, FormatError> {
    let mut value = None;
    while let Some(digit) = characters.get(*at).and_then(|character| character.to_digit(10)) {
        let next = value.unwrap_or(0usize) * 10 + digit as usize;
        if next > LARGEST {
            return error(
                "a width or precision in the format specification is too large",
                format!("{LARGEST} is the most"),
            );
        }
        value = Some(next);
        *at += 1;
    }
    Ok(value)
}
