//! One answer: the same bits for every number of workers and every way to split the work.

use crate::engines::engines;
use thalweg::Interpreter;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;

/// What an expression gives.
fn array_of(interpreter: &mut Interpreter, expression: &str) -> Array {
    let outcome =
        interpreter.run("<determinism>", expression).unwrap_or_else(|errors| panic!("{expression}: {errors:?}"));
    match outcome.value {
        Some(Value::Array(array)) => array,
        _ => panic!("{expression} gives no array"),
    }
}

const SIZES: [usize; 24] = [
    0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 257, 511, 512, 513, 4095, 4096, 4097, 32_768, 65_535, 100_003, 262_145,
    999_999, 1_000_000,
];

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let expressions = [
        "x",
        "sum(x)",
        "sum(f32(x))",
        "sum(x * y + 2)",
        "prod(x + 0.5)",
        "sum(sin(x) * exp(y))",
        "sin(x) / (1 + y * y)",
        "any(x > 0.999)",
        "all(x < 0.999)",
        "randn(x.size)",
        "rng(5, 2).normal(x.size)",
        "permutation(x.size)",
        "cumsum(x)",
        "cumsum(f32(x))",
        "cumprod(x + 0.5)",
        "cummax(sin(9 * x))",
        "sort(where(x < 0.5, 0 * (y - 0.5), x))",
        "argsort(floor(8 * x))",
        "searchsorted(sort(x), y)",
        "histogram(x, bins=7)[0]",
    ];
    let of_something =
        ["min(x)", "max(x * y)", "mean(x)", "mean(f32(x))", "var(x)", "argmin(x)", "argmax(x * y)", "std(x)"];
    for size in SIZES {
        let mut all: Vec<(usize, Vec<Array>)> = Vec::new();
        for threads in [1, 2, 4, 8] {
            let mut interpreter = Interpreter::builder().threads(threads).build();
            interpreter.run("<determinism>", "seed(11);").unwrap_or_else(|errors| panic!("seed: {errors:?}"));
            let setup = format!("x = rand({size}); y = rand({size});");
            interpreter.run("<determinism>", &setup).unwrap_or_else(|errors| panic!("{setup}: {errors:?}"));
            let wanted = expressions.iter().chain(of_something.iter().filter(|_| size > 0));
            all.push((threads, wanted.map(|expression| array_of(&mut interpreter, expression)).collect()));
        }
        for (threads, found) in &all[1..] {
            for (index, (one, many)) in all[0].1.iter().zip(found).enumerate() {
                let expression = expressions.iter().chain(&of_something).nth(index).expect("as many as were run");
                assert!(one.same_bits(many), "{expression} of {size} elements differs between 1 and {threads} threads");
            }
        }
    }
}

#[test]
fn every_axis_and_engine_gives_the_same_bits() {
    let shapes = ["1000, 1000", "3, 100_000", "100_000, 3", "64, 65, 66", "7, 1, 4097", "2, 3, 5, 700"];
    for shape in shapes {
        let rank = shape.split(',').count();
        let mut wanted: Vec<String> = (0..rank)
            .flat_map(|axis| {
                ["sum", "prod", "min", "max", "argmin", "argmax", "mean", "var", "cumsum", "sort"]
                    .map(|function| format!("{function}(x * 2 - 0.5, axis={axis})"))
            })
            .collect();
        wanted.extend(["sum(x.T, axis=0)".into(), "sum(x[::-1], axis=0)".into(), "sum(x[..., ::2])".into()]);
        let mut reference: Option<Vec<Array>> = None;
        for engine in engines() {
            let mut session = engine.session();
            assert_eq!(session.answer(&format!("seed(3); x = rand({shape});")), "");
            let found: Vec<Array> = wanted.iter().map(|text| array_of(&mut session.interpreter, text)).collect();
            match &reference {
                None => reference = Some(found),
                Some(first) => {
                    for ((text, one), many) in wanted.iter().zip(first).zip(&found) {
                        assert!(one.same_bits(many), "{text} of [{shape}] differs on {}", engine.name);
                    }
                }
            }
        }
    }
}

/// Rows of lengths around a stripe's, a vector's and a block's, in all dtypes that are folded in machine code, by themselves and beside
/// what is stored; with specials, and with columns and rows that are repeated.
#[test]
fn rows_of_every_length_are_folded_to_the_same_bits() {
    let lengths = [129, 131, 136, 191, 192, 193, 255, 300, 513, 1000, 4095, 4160, 4161, 4200, 8193, 8300, 12_360];
    let statements = [
        "r = sum(x, axis=1), sum(x * y - z, axis=1), max(where(x < 0.01, nan, x + z), axis=1)",
        "r = sum(f32(x), axis=1), sum(f32(x) * f32(y), axis=1), min(f32(x) - f32(z), axis=1)",
        "r = sum(i64(999 * x) * 3, axis=1), sum(i32(999 * x) + i32(9 * y), axis=1), prod(i32(9 * x), axis=1)",
        "r = sum(x, axis=0), prod(x + z, axis=0), min(where(x > 0.99, nan, -0.0 * y), axis=0)",
        "r = sum(f32(x) * 2, axis=0), max(i32(99 * x) - 7, axis=0), sum((x > 0.5) & (y < 0.5), axis=1)",
        "e = exp(x - max(x, axis=1)[:, newaxis])\nr = e / sum(e, axis=1)[:, newaxis], sum(e * y), x",
        "d = x - mean(x, axis=0)\nr = sum(d * d, axis=0), sum(d), d[:, 0]",
        "r = sum(x[:, 1:] * y[:-1], axis=1), sum(x[1:, ::-1], axis=0), var(x[:, 3:], axis=1)",
        "r = mean(x), var(x), sum(x * y)",
    ];
    for length in lengths {
        let rows = (20_000 / length).max(2) + length % 2;
        let setup = format!("seed(5); x = rand({rows}, {length}); y = rand({length}); z = rand({rows}, 1);");
        let mut reference: Option<Vec<Array>> = None;
        for engine in engines() {
            let mut session = engine.session();
            assert_eq!(session.answer(&setup), "");
            let mut found = Vec::new();
            for statement in statements {
                assert_eq!(session.answer(statement), "", "{statement}");
                found.extend((0..3).map(|part| array_of(&mut session.interpreter, &format!("r[{part}]"))));
            }
            let Some(first) = &reference else {
                reference = Some(found);
                continue;
            };
            for (index, (one, many)) in first.iter().zip(&found).enumerate() {
                let statement = statements[index / 3];
                assert!(one.same_bits(many), "{statement}, {rows} rows of {length}: {} differs", engine.name);
            }
        }
    }
}

/// Stencils that write over what they read: rows of all lengths around the blocks that wait, delays shorter and longer than these, and
/// several in turn give what separate arrays give.
#[test]
fn stencils_in_place_give_the_same_bits() {
    let shapes = [
        (3, 9000),
        (5, 4097),
        (7, 2049),
        (9, 2048),
        (11, 1537),
        (11, 1536),
        (13, 1535),
        (40, 513),
        (150, 97),
        (700, 17),
        (3000, 3),
        (60_000, 1),
    ];
    let offsets = [(1, 0), (2, 1), (1, 2), (0, 1)];
    let mut reference: Option<Vec<Array>> = None;
    for engine in engines() {
        let mut session = engine.session();
        let mut found = Vec::new();
        for (rows, columns) in shapes {
            assert_eq!(session.answer(&format!("seed(3); x = rand({rows}, {columns}); y = x * 1; z = x * 1")), "");
            for (down, right) in offsets.into_iter().filter(|(_, right)| *right < columns) {
                let (low, high) = (format!("[:{}, :{}]", rows - down, columns - right), format!("[{down}:, {right}:]"));
                let value = |name: &str| format!("0.5 * {name}{low} + {name}{high} * {name}{low} - 0.25");
                for (to, name) in [(&high, "y"), (&low, "y")] {
                    assert_eq!(session.answer(&format!("{name}{to} = {}", value(name))), "");
                    // The new values wait in an array of their own.
                    assert_eq!(session.answer(&format!("v = {}", value("z"))), "");
                    assert_eq!(session.answer(&format!("z{to} = v")), "");
                }
            }
            let [y, z] = ["y", "z"].map(|name| array_of(&mut session.interpreter, name));
            assert!(y.same_bits(&z), "{rows} rows of {columns} on {}", engine.name);
            found.push(y);
        }
        let first = reference.get_or_insert_with(|| found.clone());
        assert!(first.iter().zip(&found).all(|(one, many)| one.same_bits(many)), "{} differs", engine.name);
    }
}

/// What serves from turn to turn serves only while all lies where it lay: factors change, others begin to hold the array, and arrays of
/// their own come and go.
#[test]
fn stencils_in_loops_give_the_same_bits() {
    let program = r#"
fn heated(u, factor) {
    kept = u
    for step in range(40) {
        if step % 7 == 3 { kept = u }
        factor *= 0.9
        past = u[1:-1, 1:-1] * factor
        u[1:-1, 1:-1] = factor * (u[:-2, 1:-1] + u[2:, 1:-1]) + 0.1 * past
        u[0] = u[1] + 0.001 * sum(u[:, 0])
    }
    (u, kept)
}
"#;
    let mut reference: Option<Vec<Array>> = None;
    for engine in engines() {
        let mut session = engine.session();
        assert_eq!(session.answer(program), "");
        let mut found = Vec::new();
        for side in [3, 8, 31, 64] {
            assert_eq!(session.answer(&format!("seed({side}); r = heated(rand({side}, {side}), 0.5)")), "");
            found.extend((0..2).map(|part| array_of(&mut session.interpreter, &format!("r[{part}]"))));
        }
        let first = reference.get_or_insert_with(|| found.clone());
        assert!(first.iter().zip(&found).all(|(one, many)| one.same_bits(many)), "{} differs", engine.name);
    }
}

/// Arrays that are larger than the cache, whose rows are gone over again and again: what takes turns gives what whole arrays give.
#[test]
fn rows_that_take_turns_give_the_same_bits() {
    let expressions = [
        "softmax(x)",
        "(x - mean(x, axis=1)[:, newaxis]) / std(x, axis=1)[:, newaxis]",
        "x - max(x, axis=1)[::-1, newaxis] + sum(x, axis=1)[:, newaxis]",
        "sum(x * sum(x, axis=1)[:, newaxis], axis=1) + argmax(x * mean(x, axis=1)[:, newaxis], axis=1)",
        "exp(x[:, 1:] - max(x[:, :-1], axis=1)[:, newaxis]) * sum(x[:, ::2], axis=1)[:, newaxis]",
        "(q / sum(q, axis=(1, 2))[:, newaxis, newaxis]).sum(axis=2)",
        "f32(x) / norm(f32(x), axis=1)[:, newaxis]",
        "zeros(b.shape[0], 20, 256) + (b * 1.5).sum(axis=3).reshape(b.shape[0], 256)[:, newaxis] * b[:, :1, 0, 3:4]",
        "ones(b.shape[0], 64, 128) * sum(b, axis=3)[:, newaxis, :, 0] - b[:, newaxis, :, 1, 0]",
    ];
    let steps = "y = x * 2; y = y - mean(y, axis=1)[:, newaxis]; y = y / sum(y * y, axis=1)[:, newaxis];";
    let mut reference: Option<Vec<Array>> = None;
    for engine in engines() {
        let mut session = engine.session();
        let setup = ["seed(7); x = rand(701, 1203); q = x.reshape(701, 3, 401); b = rand(512, 128, 2, 16);", steps];
        setup.iter().for_each(|text| assert_eq!(session.answer(text), "", "{text}"));
        let wanted = expressions.iter().chain(["y", "x"].iter());
        let found: Vec<Array> = wanted.map(|text| array_of(&mut session.interpreter, text)).collect();
        let Some(first) = &reference else {
            // A few rows by themselves stay in the cache, and take no turns.
            let few = "f = x[300:307]; g = q[300:307]; h = b[300:307]; x = f; q = g; b = h;";
            assert_eq!(session.answer(few), "");
            assert_eq!(session.answer(steps), "");
            for (text, whole) in
                expressions.iter().chain(&["y"]).zip(&found).filter(|(text, _)| !text.contains("::-1,"))
            {
                session.interpreter.set("whole", whole.clone());
                let rows = array_of(&mut session.interpreter, "whole[300:307]");
                assert!(array_of(&mut session.interpreter, text).same_bits(&rows), "{text} of a few rows differs");
            }
            reference = Some(found);
            continue;
        };
        for ((text, one), many) in expressions.iter().chain(["y", "x"].iter()).zip(first).zip(&found) {
            assert!(one.same_bits(many), "{text} differs on {}", engine.name);
        }
    }
}

#[test]
fn equal_seeds_draw_equal_numbers_and_different_ones_do_not() {
    let draw = |seed: u64| {
        let mut interpreter = Interpreter::builder().threads(2).build();
        array_of(&mut interpreter, &format!("seed({seed}); rand(1000)"))
    };
    assert!(draw(7).same_bits(&draw(7)), "one seed draws different numbers");
    assert!(!draw(7).same_bits(&draw(8)), "two seeds draw the same numbers");
    let mut interpreter = Interpreter::builder().threads(2).build();
    let both = array_of(&mut interpreter, "seed(7); sum(rand(100) == rand(100))");
    assert_eq!(
        both.scalar_value().and_then(|count| count.as_integer()),
        Some(0),
        "two calls of rand draw the same numbers"
    );
}

#[test]
fn products_have_the_same_bits_on_any_number_of_threads() {
    let products = [
        "x.reshape(130, -1)[:, :1000] @ x.reshape(1300, -1)[:1000, :128]",
        "x.reshape(90, -1)[:, :700] @ x.reshape(1300, -1)[:700, :70]",
        "x.reshape(4, 10, -1) @ moveaxis(x.reshape(4, 10, -1) + 1, 1, 2)",
        "x.reshape(260, -1)[:, :1000] @ x.reshape(1300, -1)[:1000, 7]",
    ];
    for product in products {
        let on = |threads: usize| {
            let mut interpreter = Interpreter::builder().threads(threads).build();
            interpreter.run("<determinism>", "x = sin(f64(range(1_404_000)))").expect("it runs");
            array_of(&mut interpreter, product)
        };
        let one = on(1);
        for threads in [2, 3, 4, 8] {
            assert!(one.same_bits(&on(threads)), "{product} differs between 1 and {threads} threads");
        }
    }
}
