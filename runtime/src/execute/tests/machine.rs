//! Loops as machine code give what the interpreter gives: the same bits, the same errors, the same place in memory.

use super::loops::Looped;
use super::*;
use crate::machine::MachineCode;
use thalweg_lang::graph::IndexAxis;

fn with(machine_code: MachineCode) -> Settings {
    Settings { machine_code, ..plain() }
}

/// What a graph gives both ways; its one loop must run as machine code.
fn both_ways(graph: &Graph, inputs: &[Array]) -> Result<Vec<Array>, Diagnostic> {
    let library = library();
    let text = plan(graph, &library, &with(MachineCode::Always)).render(&library);
    assert!(text.contains("as machine code"), "{text}");
    let [interpreted, compiled] =
        [MachineCode::Off, MachineCode::Always].map(|machine| execute(graph, inputs, &with(machine)));
    match (&interpreted, &compiled) {
        (Ok(interpreted), Ok(compiled)) => {
            assert_eq!(interpreted.len(), compiled.len());
            for (one, other) in interpreted.iter().zip(compiled) {
                let bits = |array: &Array| array.iter().map(|scalar| scalar.bits).collect::<Vec<_>>();
                assert_eq!(bits(one), bits(other), "{text}");
            }
        }
        (Err(one), Err(other)) => assert_eq!(one, other, "{text}"),
        (one, other) => panic!("{one:?} and {other:?}: {text}"),
    }
    compiled
}

/// Numbers that are special to some dtype.
const SPECIAL: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.5,
    127.0,
    128.0,
    -129.0,
    255.0,
    256.0,
    32768.0,
    65536.0,
    -2147483649.0,
    4294967296.0,
    9.3e18,
    -1e19,
    1e300,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn special(dtype: DType, shift: usize) -> Array {
    let count = SPECIAL.len();
    let scalars = (0..count).map(|index| {
        let (real, imaginary) = (SPECIAL[(index + shift) % count], SPECIAL[(index * 5 + shift) % count]);
        let parts = Scalar { dtype: DType::C128, bits: [real.to_bits(), imaginary.to_bits()] };
        parts.cast(dtype)
    });
    let scalars: Vec<Scalar> = scalars.collect();
    crate::for_dtype!(dtype, T => {
        let elements: Vec<T> = scalars.iter().map(|&scalar| <T as crate::array::Element>::from_scalar(scalar)).collect();
        Array::from_vec(&[count], elements).unwrap()
    })
}

/// The value with the element at an index replaced.
fn replaced(maker: &mut Maker, value: NodeId, index: NodeId, new: NodeId) -> NodeId {
    let array_type = maker.kind_of(value);
    let axes = vec![IndexAxis { place: SourceAxis::at(0), index: Some(index) }];
    maker.add(NodeKind::Update { value, axes, shape: Vec::new(), new, operation: None }, array_type)
}

/// The element at an index.
fn element(maker: &mut Maker, value: NodeId, index: NodeId) -> NodeId {
    let dtype = maker.kind_of(value).dtype;
    let axes = vec![IndexAxis { place: SourceAxis::at(0), index: Some(index) }];
    maker.add(NodeKind::Gather { value, axes }, ArrayType::scalar(dtype))
}

/// `for i, x, y in iota, xs, ys { result[i] = turn(x, y) }`, from zeros.
fn elementwise(dtypes: [DType; 2], result: DType, turn: impl Fn(&mut Maker, NodeId, NodeId) -> NodeId) -> Graph {
    let count = SPECIAL.len();
    let mut body = Maker::new();
    let (i, x, y) = (body.input(DType::I64, &[]), body.input(dtypes[0], &[]), body.input(dtypes[1], &[]));
    let changed = body.input(result, &[count]);
    let new = turn(&mut body, x, y);
    let changed = replaced(&mut body, changed, i, new);
    let body = Arc::new(body.finish(&[changed]));
    let mut maker = Maker::new();
    let counter = maker.iota(count);
    let (xs, ys) = (maker.input(dtypes[0], &[count]), maker.input(dtypes[1], &[count]));
    let zero = maker.constant(Scalar::i64(0).cast(result));
    let zeros = maker.view(zero, Vec::new(), vec![count]);
    let results = maker.repeat(Looped {
        condition: None,
        body,
        stops: false,
        mapped: vec![counter, xs, ys],
        carried: vec![zeros],
        captured: Vec::new(),
    });
    maker.finish(&results)
}

#[test]
fn every_conversion_gives_the_same_bits() {
    for from in DType::ALL {
        for to in DType::ALL {
            let graph = elementwise([from, from], to, |body, x, _| body.cast(x, to));
            for shift in 0..2 {
                both_ways(&graph, &[special(from, shift), special(from, 1)]).unwrap();
            }
        }
    }
}

#[test]
fn every_dtype_computes_the_same_bits() {
    for dtype in DType::ALL.into_iter().filter(|dtype| dtype.kind() != Kind::Bool && dtype.kind() != Kind::Complex) {
        for shift in 0..4 {
            let inputs = [special(dtype, shift), special(dtype, 3)];
            let graph = elementwise([dtype, dtype], dtype, |body, x, y| {
                let (sum, product) = (body.call(ADD, x, y), body.call(MULTIPLY, x, y));
                let mask = body.call(LESS, x, product);
                body.add(NodeKind::Select { mask, then: sum, otherwise: product }, ArrayType::scalar(dtype))
            });
            both_ways(&graph, &inputs).unwrap();
            let graph = elementwise([dtype, dtype], DType::Bool, |body, x, y| body.call(LESS, x, y));
            both_ways(&graph, &inputs).unwrap();
            if dtype.kind() == Kind::Float {
                let graph = elementwise([dtype, dtype], dtype, |body, x, y| body.call(HEAVY, x, y));
                both_ways(&graph, &inputs).unwrap();
            }
        }
    }
}

#[test]
fn what_has_no_answer_is_the_same_error() {
    let graph = elementwise([DType::I64, DType::I64], DType::I64, |body, x, y| body.call(DIVIDE, x, y));
    let ones = Array::from_vec(&[SPECIAL.len()], vec![1i64; SPECIAL.len()]).unwrap();
    both_ways(&graph, &[special(DType::I64, 1), ones]).unwrap();
    let error = both_ways(&graph, &[special(DType::I64, 1), special(DType::I64, 4)]).unwrap_err();
    assert_eq!((error.code, &*error.message), ("E0501", "division by zero"));
}

#[test]
fn indices_are_checked_and_count_from_the_end() {
    // for n in numbers { a[n] = a[n + n] + n }
    let mut body = Maker::new();
    let (n, a) = (body.input(DType::I64, &[]), body.input(DType::I64, &[10]));
    let twice = body.call(ADD, n, n);
    let old = element(&mut body, a, twice);
    let new = body.call(ADD, old, n);
    let changed = replaced(&mut body, a, n, new);
    let body = Arc::new(body.finish(&[changed]));
    let mut maker = Maker::new();
    let (numbers, a) = (maker.input(DType::I64, &[4]), maker.input(DType::I64, &[10]));
    let looped =
        Looped { condition: None, body, stops: false, mapped: vec![numbers], carried: vec![a], captured: vec![] };
    let results = maker.repeat(looped);
    let graph = maker.finish(&results);
    let a = || Array::from_vec(&[10], (100..110).collect::<Vec<i64>>()).unwrap();
    let numbers = |numbers: [i64; 4]| Array::from_vec(&[4], numbers.to_vec()).unwrap();
    let given = a();
    let results = both_ways(&graph, &[numbers([1, -1, 4, -5]), given.clone()]).unwrap();
    assert_eq!(results[0].item(&[9]), Some(Scalar::i64(107)));
    assert_eq!(given.item(&[9]), Some(Scalar::i64(109)), "what was given is as it was");
    for wrong in [[1, 5, 0, 0], [1, -6, 0, 0], [i64::MAX, 0, 0, 0], [0, 1, 2, i64::MIN]] {
        let error = both_ways(&graph, &[numbers(wrong), a()]).unwrap_err();
        assert_eq!(error.code, "E0505");
    }
}

#[test]
fn an_array_that_is_read_in_another_order_is_read_right() {
    // for i, row in iota, m.T { for j, x in iota, row { t[j] = t[j] * i + x } }
    let mut inner = Maker::new();
    let (j, x) = (inner.input(DType::I64, &[]), inner.input(DType::F64, &[]));
    let (t, factor) = (inner.input(DType::F64, &[4]), inner.input(DType::F64, &[]));
    let old = element(&mut inner, t, j);
    let product = inner.call(MULTIPLY, old, factor);
    let sum = inner.call(ADD, product, x);
    let changed = replaced(&mut inner, t, j, sum);
    let inner = Arc::new(inner.finish(&[changed]));
    let mut body = Maker::new();
    let (i, row) = (body.input(DType::I64, &[]), body.input(DType::F64, &[4]));
    let t = body.input(DType::F64, &[4]);
    let (counter, factor) = (body.iota(4), body.cast(i, DType::F64));
    let mapped = vec![counter, row];
    let looped =
        Looped { condition: None, body: inner, stops: false, mapped, carried: vec![t], captured: vec![factor] };
    let changed = body.repeat(looped);
    let body = Arc::new(body.finish(&changed));
    let mut maker = Maker::new();
    let m = maker.input(DType::F64, &[4, 6]);
    let (turned, counter) = (maker.transpose(m), maker.iota(6));
    let zero = maker.constant(Scalar::f64(0.5));
    let t = maker.view(zero, Vec::new(), vec![4]);
    let mapped = vec![counter, turned];
    let looped = Looped { condition: None, body, stops: false, mapped, carried: vec![t], captured: vec![] };
    let results = maker.repeat(looped);
    let graph = maker.finish(&results);
    let m = Array::from_vec(&[4, 6], (0..24).map(f64::from).collect::<Vec<f64>>()).unwrap();
    both_ways(&graph, &[m]).unwrap();
}

#[test]
fn a_value_that_is_needed_as_it_was_is_never_changed() {
    // for i in iota { b = a; a[i] = i; c[i] = b[i] } carries a, b and c: b is a as it was, so that there must be a copy.
    let mut body = Maker::new();
    let i = body.input(DType::I64, &[]);
    let (a, _, c) = (body.input(DType::I64, &[5]), body.input(DType::I64, &[5]), body.input(DType::I64, &[5]));
    let changed = replaced(&mut body, a, i, i);
    let old = element(&mut body, a, i);
    let c = replaced(&mut body, c, i, old);
    let body = Arc::new(body.finish(&[changed, a, c]));
    let mut maker = Maker::new();
    let counter = maker.iota(5);
    let (a, b, c) = (maker.input(DType::I64, &[5]), maker.input(DType::I64, &[5]), maker.input(DType::I64, &[5]));
    let mapped = vec![counter];
    let looped = Looped { condition: None, body, stops: false, mapped, carried: vec![a, b, c], captured: vec![] };
    let results = maker.repeat(looped);
    let graph = maker.finish(&results);
    let library = library();
    let text = plan(&graph, &library, &with(MachineCode::Always)).render(&library);
    assert!(text.contains("turn by turn: "), "{text}");
    let inputs: Vec<Array> = (0..3).map(|k| Array::from_vec(&[5], vec![k as i64; 5]).unwrap()).collect();
    let [one, other] =
        [MachineCode::Off, MachineCode::Always].map(|machine| execute(&graph, &inputs, &with(machine)).unwrap());
    for (one, other) in one.iter().zip(&other) {
        assert!(one.iter().eq(other.iter()));
    }
}

#[test]
fn a_long_loop_is_cancelled() {
    // while n < limit { n = n + step }, where step is 0
    let mut condition = Maker::new();
    let (n, limit) = (condition.input(DType::I64, &[]), condition.input(DType::I64, &[]));
    condition.input(DType::I64, &[]);
    let holds = condition.call(LESS, n, limit);
    let condition = Some(Arc::new(condition.finish(&[holds])));
    let mut body = Maker::new();
    let n = body.input(DType::I64, &[]);
    body.input(DType::I64, &[]);
    let step = body.input(DType::I64, &[]);
    let next = body.call(ADD, n, step);
    let body = Arc::new(body.finish(&[next]));
    let mut maker = Maker::new();
    let inputs: Vec<NodeId> = (0..3).map(|_| maker.input(DType::I64, &[])).collect();
    let (carried, captured) = (vec![inputs[0]], vec![inputs[1], inputs[2]]);
    let looped = Looped { condition, body, stops: false, mapped: vec![], carried, captured };
    let results = maker.repeat(looped);
    let graph = maker.finish(&results);
    let inputs = [0, 10, 0].map(|number| Array::scalar(Scalar::i64(number)));
    let cancel = Cancel::new();
    let other = cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        other.cancel();
    });
    let error = execute_with(&graph, &inputs, &with(MachineCode::Always), &cancel, &Screen::default()).unwrap_err();
    thread.join().unwrap();
    assert_eq!(error.code, "E0590");
}
