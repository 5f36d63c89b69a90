//! The promises of a compiled program: arguments are read where they lie, results are the caller's own, calls run side by side.

use ndarray::{Array2, Axis, s};
use thalweg::{Argument, Program};

#[test]
fn a_program_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<Program>();
}

#[test]
fn slices_are_arguments_of_any_shape() {
    let program = Program::new("x @ 1", &["x"]);
    assert!(program.is_ok(), "types are checked at the first call");
    let program = Program::new("(a * b + 2).sum(axis=1)", &["a", "b"]).expect("it parses");
    let a = [1.0, 2.0, 3.0, 4.0];
    let b = [10.0f32, 20.0];
    let matrix = Argument::new(&[2, 2], &a).expect("four elements");
    let sums = program.run(&[matrix, b.as_slice().into()]).expect("it runs");
    assert_eq!(sums.as_slice::<f64>(), Some(&[54.0, 114.0][..]));
    assert!(Argument::new(&[3], &a).is_none());
    let errors = program.run(&[a.as_slice().into(), b.as_slice().into()]).expect_err("4 and 2 do not go together");
    assert_eq!(errors[0].code, "E0301");
    let errors = program.run(&[a.as_slice().into()]).expect_err("one argument is missing");
    assert_eq!(errors[0].code, "E0602");
}

#[test]
fn views_are_read_through_their_strides() {
    let table = Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as i32);
    let program = Program::new("x * 1", &["x"]).expect("it parses");
    for view in
        [table.view(), table.t(), table.slice(s![..;-1, 1..;2]), table.index_axis(Axis(0), 2).insert_axis(Axis(1))]
    {
        let result = program.run(&[view.into()]).expect("it runs");
        assert_eq!(thalweg::view::<i32>(&result), Some(view.into_dyn()));
    }
    assert!(thalweg::view::<f64>(&program.run(&[table.view().into()]).expect("it runs")).is_none());
}

#[test]
fn a_result_is_never_an_arguments_memory() {
    let program = Program::new("x[1:]", &["x"]).expect("it parses");
    let mut x = vec![1.0, 2.0, 3.0];
    let result = program.run(&[x.as_slice().into()]).expect("it runs");
    x.fill(0.0);
    assert_eq!(result.as_slice::<f64>(), Some(&[2.0, 3.0][..]));
}

#[test]
fn an_argument_is_not_copied() {
    // Sixteen megabytes in, one number out, and the session may have one.
    let mut interpreter = thalweg::Interpreter::builder().memory_limit(1 << 20).build();
    assert!(interpreter.run("<host>", "x = zeros(1_000_000) + 1").is_err());
    let program = Program::with(interpreter, "sum(x * 2)", &["x"]).expect("it parses");
    let x = vec![1.0f32; 4_000_000];
    let total = program.run(&[x.as_slice().into()]).expect("it runs within a megabyte");
    assert_eq!(total.as_slice::<f32>(), Some(&[8_000_000.0][..]));
}

#[test]
fn calls_run_side_by_side() {
    let program = Program::new("sum(sin(x) ** 2 + cos(x) ** 2)", &["x"]).expect("it parses");
    let program = &program;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for length in [10, 1000, 1000 + thread] {
                    let x: Vec<f64> = (0..length).map(|index| index as f64).collect();
                    let total = program.run(&[x.as_slice().into()]).expect("it runs");
                    assert_eq!(total.scalar_value().map(|value| value.as_complex().0.round()), Some(length as f64));
                }
            });
        }
    });
}

#[test]
fn the_deepest_program_fits_a_small_stack() {
    let deep = format!("{}x{}", "-(".repeat(240), ")".repeat(240));
    let functions: Vec<String> = (0..12)
        .map(|index| {
            format!(
                "fn f{index}(x) = {}",
                deep.replace('x', &if index == 0 { "x".into() } else { format!("f{}(x)", index - 1) })
            )
        })
        .collect();
    for (call, fits) in [("f2(1.0)", true), ("f11(1.0)", false)] {
        let text = format!("{}\n{call}", functions.join("\n"));
        let small = std::thread::Builder::new().stack_size(512 * 1024);
        let thread = small.spawn(move || {
            let mut interpreter = thalweg::Interpreter::builder().threads(1).build();
            interpreter.run("<host>", &text).map(|outcome| outcome.value.is_some()).map_err(|errors| errors[0].code)
        });
        let answer = thread.expect("a thread").join().expect("no overflow");
        assert_eq!(answer, if fits { Ok(true) } else { Err("E0210") });
    }
}

/// What a region's last run made ready serves the next one, whose arrays lie elsewhere and have other elements.
#[test]
fn a_program_that_runs_again_sees_its_new_arguments() {
    let text = "t = x.T * scale + shift
u = x
for i in range(3) { u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]) }
row = sum(x * scale, axis=1)
column = mean(x, axis=0)
e = exp(x - max(x, axis=-1, keepdims=true))
all = (ravel(t), ravel(u), row, column, ravel(e / sum(e, axis=-1, keepdims=true)))
concatenate(all) + sum(x[::-1, 0]) - shift";
    let parameters = ["x", "scale", "shift"];
    for side in [5, 31, 120] {
        let program = Program::new(text, &parameters).expect("it parses");
        let run = |program: &Program, number: u32| -> Vec<u64> {
            let number = f64::from(number);
            let elements: Vec<f64> = (0..side * side).map(|at| (at as f64 * 0.37 + number).sin()).collect();
            let x = Argument::new(&[side, side], &elements).expect("as many as the shape has");
            let arguments = [x, Argument::scalar(1.5 + number), Argument::scalar(-number)];
            let result = program.run(&arguments).expect("it runs");
            result.as_slice::<f64>().expect("f64, contiguous").iter().map(|element| element.to_bits()).collect()
        };
        std::thread::scope(|scope| {
            for worker in 0..2 {
                let (program, run) = (&program, &run);
                scope.spawn(move || {
                    for number in (worker..16).step_by(2) {
                        let fresh = Program::new(text, &parameters).expect("it parses");
                        assert_eq!(run(program, number), run(&fresh, number), "side {side}, run {number}");
                    }
                });
            }
        });
    }
}
