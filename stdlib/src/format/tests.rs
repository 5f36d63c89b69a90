//! The table of texts that NumPy and Python gave (`table.py` writes it), and what they have no say in.

use super::*;
use thalweg_runtime::array::Element;
use thalweg_runtime::for_dtype;

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

fn scalars(dtype: DType, raw: &[u8]) -> Vec<Scalar> {
    raw.chunks(dtype.size())
        .map(|chunk| {
            let half = |part: &[u8]| part.iter().rev().fold(0u64, |all, &byte| all << 8 | byte as u64);
            let bits = match dtype.kind() {
                Kind::Complex => [half(&chunk[..chunk.len() / 2]), half(&chunk[chunk.len() / 2..])],
                Kind::Signed => {
                    let shift = 64 - 8 * chunk.len() as u32;
                    [((half(chunk) << shift) as i64 >> shift) as u64, 0]
                }
                _ => [half(chunk), 0],
            };
            Scalar { dtype, bits }
        })
        .collect()
}

fn array(shape: &[usize], values: &[Scalar]) -> Array {
    let length: usize = shape.iter().product();
    if length > 1_000_000 {
        return Array::scalar(values[0]).broadcast_to(shape).unwrap();
    }
    for_dtype!(values[0].dtype, T => {
        let elements: Vec<T> = values.iter().cycle().take(length).map(|&value| T::from_scalar(value)).collect();
        Array::from_vec(shape, elements).unwrap()
    })
}

/// `THALWEG_FORMAT_TABLE=FILE` checks a longer table than the one that is kept here.
#[test]
fn texts_are_numpys() {
    let table = match std::env::var("THALWEG_FORMAT_TABLE") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("table.txt").to_string(),
    };
    let mut wrong = 0;
    for line in table.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, dtype, what, raw, expected] = fields[..] else { panic!("{line}") };
        let raw = bytes(raw);
        let found = match (kind, DType::from_name(dtype)) {
            ("array", Some(dtype)) => {
                let shape: Vec<usize> =
                    what.split(',').filter(|dim| !dim.is_empty()).map(|dim| dim.parse().unwrap()).collect();
                Ok(format_array(&array(&shape, &scalars(dtype, &raw))))
            }
            (_, Some(dtype)) => format_specification(scalars(dtype, &raw)[0], what),
            (_, None) => format_text_specification(std::str::from_utf8(&raw).unwrap(), what),
        };
        let found = match found {
            Ok(text) => text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t"),
            Err(_) => "!".to_string(),
        };
        if found != expected {
            wrong += 1;
            if wrong < 40 {
                eprintln!("{line}\n  found    {found}\n  expected {expected}");
            }
        }
    }
    assert_eq!(wrong, 0, "texts differ from NumPy's");
}

#[test]
fn only_what_is_printed_is_read() {
    let wide = Array::scalar(Scalar::f64(2.5)).broadcast_to(&[1000, 1000, 1000]).unwrap();
    let text = format_array(&wide);
    assert_eq!(text.lines().count(), 49);
    assert_eq!(text.lines().next(), Some("[[[2.5 2.5 2.5 ... 2.5 2.5 2.5]"));
    assert!(is_summarised(&wide));
    assert!(!is_summarised(&Array::zeros(DType::U8, &[6, 6, 6, 6], &Default::default()).unwrap()));
}

#[test]
fn types_are_written_as_in_the_language() {
    assert_eq!(type_of(&Array::scalar(Scalar::f64(1.0))), "f64");
    assert_eq!(type_of(&Array::from_slice(&[2, 1], &[1i32, 2]).unwrap()), "i32[2, 1]");
}

#[test]
fn views_print_their_own_elements() {
    let a = Array::from_vec(&[2, 3], (0..6i64).collect()).unwrap();
    assert_eq!(format_array(&a.view(0, &[3, 2], &[1, 3]).unwrap()), "[[0 3]\n [1 4]\n [2 5]]");
    assert_eq!(format_array(&a.view(5, &[3], &[-2]).unwrap()), "[5 3 1]");
}

#[test]
fn bools_are_thalwegs() {
    assert_eq!(format_array(&Array::from_slice(&[2], &[true, false]).unwrap()), "[ true false]");
    assert_eq!(format_scalar(Scalar::bool(true)), "true");
    assert_eq!(format_specification(Scalar::bool(true), ">6").unwrap(), "  true");
    assert_eq!(format_specification(Scalar::bool(true), "d").unwrap(), "1");
}

#[test]
fn refusals_say_why() {
    let message = |value: Scalar, spec: &str| format_specification(value, spec).unwrap_err().to_string();
    assert_eq!(
        message(Scalar::i64(5), ".2"),
        "an integer has no precision (add `f` to format it as a float (`.2f`), or give a width without the point)"
    );
    assert_eq!(
        message(Scalar::f64(5.0), "d"),
        "unknown format letter `d` for a float (the letters for it are `e E f F g G n %` or none)"
    );
    assert_eq!(
        message(Scalar::f64(5.0), "."),
        "the format specification has a `.` without a precision (write a number after it, such as `.3`)"
    );
    assert_eq!(message(Scalar::i64(5), ",x"), "`,` does not go with `x` in a format specification");
    assert!(message(Scalar::f64(5.0), "99999999999999999999").contains("too large"));
    assert_eq!(
        format_text_specification("ab", "+5").unwrap_err().to_string(),
        "a sign is for numbers, not for text (text takes a width and a side, such as `>10`)"
    );
    let array = Array::from_slice(&[2], &[1i64, 2]).unwrap();
    assert_eq!(format_array_specification(&array, "").unwrap(), "[1 2]");
    assert_eq!(
        format_array_specification(&array, ".2f").unwrap_err().message,
        "`:.2f` formats a single value, and this is an array `i64[2]`"
    );
    let one = Array::scalar(Scalar::f64(1.0));
    assert_eq!(format_array_specification(&one, ".2f").unwrap(), "1.00");
}

/// Whatever a person types, it is a text or an error.
#[test]
fn no_specification_panics() {
    let alphabet: Vec<char> = "<>^=+- z#0,_.59dfeEgGn%xXbocsé{".chars().collect();
    let mut state = 88172645463325252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let values: Vec<Scalar> = DType::ALL
        .into_iter()
        .flat_map(|dtype| [-3.7, 0.0, f64::NAN, 1e300, -5e-324].map(|x| Scalar::f64(x).cast(dtype)))
        .collect();
    for _ in 0..20_000 {
        let spec: String = (0..next() % 7).map(|_| alphabet[next() % alphabet.len()]).collect();
        let _ = format_specification(values[next() % values.len()], &spec);
        let _ = format_text_specification("Größe", &spec);
    }
}

#[test]
fn deep_arrays_keep_their_brackets() {
    let deep = Array::scalar(Scalar::f64(0.0)).broadcast_to(&[1; 32]).unwrap();
    assert_eq!(format_array(&deep), format!("{}0.{}", "[".repeat(32), "]".repeat(32)));
    let three = Array::from_slice(&[3, 1, 1, 1, 1, 1], &[0i64, 1, 2]).unwrap();
    assert_eq!(format_array(&three), "[[[[[[0]]]]]\n\n\n\n\n [[[[[1]]]]]\n\n\n\n\n [[[[[2]]]]]]");
    let deeper = Array::scalar(Scalar::i64(7)).broadcast_to(&[1; 100]).unwrap();
    assert_eq!(format_array(&deeper).len(), 201);
}
