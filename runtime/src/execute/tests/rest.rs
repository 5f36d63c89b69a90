//! Plans whose sizes the run tells: what follows is planned when they are known, and once for equal sizes.

use super::*;
use thalweg_lang::close::close;
use thalweg_lang::graph::{Claim, Guard, IndexAxis};
use thalweg_lang::length::{Length, Polynomial, Sizes, Symbol};

type Open = GraphBuilder<Length>;

fn open_type(dtype: DType, shape: &[Length]) -> ArrayType<Length> {
    ArrayType::new(dtype, shape.to_vec())
}

fn add(builder: &mut Open, kind: NodeKind<Length>, dtype: DType, shape: &[Length]) -> NodeId {
    builder.add(kind, vec![open_type(dtype, shape)], Span::default(), None)
}

fn open(symbol: &Symbol) -> Length {
    Length::of(Polynomial::from(symbol)).unwrap()
}

/// `x = a[a < limit]`; `(x + x, sum(x))`.
fn chosen(length: usize) -> Graph<Length> {
    let mut builder = Open::new();
    let a = builder.input("a".into(), open_type(DType::F64, &[Length::Known(length)]), Span::default());
    let limit = builder.input("limit".into(), open_type(DType::F64, &[]), Span::default());
    let below = NodeKind::Elementwise { operation: LESS, operands: vec![a, limit] };
    let mask = add(&mut builder, below, DType::Bool, &[Length::Known(length)]);
    let count = add(&mut builder, NodeKind::Count(mask), DType::I64, &[]);
    let symbol = Symbol::of_run(1, "?1", 0, Some(Polynomial::from(length as i64)));
    let some = [open(&symbol)];
    let positions = add(&mut builder, NodeKind::Positions(mask), DType::I64, &some);
    let place = SourceAxis { start: Length::Known(0), step: 0, axis: None };
    let gather = NodeKind::Gather { value: a, axes: vec![IndexAxis { place, index: Some(positions) }] };
    let x = add(&mut builder, gather, DType::F64, &some);
    let twice = add(&mut builder, NodeKind::Elementwise { operation: ADD, operands: vec![x, x] }, DType::F64, &some);
    let sum = add(&mut builder, NodeKind::Reduce { operation: SUM, value: x, axes: vec![0] }, DType::F64, &[]);
    let graph = builder.graph_mut();
    graph.outputs = vec![twice, sum];
    graph.sizes = vec![(symbol, count)];
    builder.finish()
}

#[test]
fn a_rest_runs_when_its_sizes_are_known() {
    let graph = close(&chosen(1000), &Sizes::new()).unwrap();
    assert!(graph.rest.is_some());
    let library = library();
    for (threads, fuse) in [(1, true), (2, true), (4, false)] {
        let plan = plan(&graph, &library, &settings(threads, fuse, Level::detect()));
        let text = plan.render(&library);
        assert!(text.contains("then, when ?1 is known:\n") && text.contains("  add: f64[?1]\n"), "{text}");
        let values: Vec<f64> = (0..1000).map(|at| f64::from(at * 7 % 1000)).collect();
        let a = Array::from_vec(&[1000], values.clone()).unwrap();
        for limit in [500.0, 0.0, 10.0, 500.0, 5000.0] {
            let inputs = [a.clone(), Array::scalar(Scalar::f64(limit))];
            let results = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
            let twice: Vec<f64> = values.iter().filter(|value| **value < limit).map(|value| value * 2.0).collect();
            assert_eq!(results[0].as_slice::<f64>(), Some(&twice[..]));
            assert_eq!(
                results[1].scalar_value(),
                Some(Scalar::f64(twice.iter().fold(0.0, |sum, value| sum + value / 2.0)))
            );
        }
    }
}

/// `for limit in limits { total = total + sum(a[a < limit]) }`.
#[test]
fn a_loop_may_meet_other_sizes_in_each_turn() {
    let inner = chosen(50);
    let mut body = Open::new();
    let limit = body.input("limit".into(), open_type(DType::F64, &[]), Span::default());
    let total = body.input("total".into(), open_type(DType::F64, &[]), Span::default());
    let a = body.input("a".into(), open_type(DType::F64, &[Length::Known(50)]), Span::default());
    let mut to = vec![a, limit];
    for node in &inner.nodes[2..] {
        let mut kind = node.kind.clone();
        kind.replace_operands(&mut |id| to[id.index()]);
        to.push(body.add(kind, node.types.clone(), node.span, None));
    }
    let sum = to[inner.outputs[1].index()];
    let next = NodeKind::Elementwise { operation: ADD, operands: vec![total, sum] };
    let next = add(&mut body, next, DType::F64, &[]);
    let graph = body.graph_mut();
    graph.outputs = vec![next];
    graph.sizes = vec![(inner.sizes[0].0.clone(), to[inner.sizes[0].1.index()])];
    let body = close(&body.finish(), &Sizes::new()).unwrap();
    assert!(body.rest.is_some());
    let body = Arc::new(body);
    let mut maker = Maker::new();
    let (limits, a) = (maker.input(DType::F64, &[40]), maker.input(DType::F64, &[50]));
    let zero = maker.constant(Scalar::f64(0.0));
    let kind = NodeKind::Loop {
        condition: None,
        body: body.clone(),
        stops: false,
        mapped: vec![limits],
        carried: vec![zero],
        captured: vec![a],
    };
    let total = maker.add(kind, ArrayType::scalar(DType::F64));
    let kind = NodeKind::Map { body, mapped: vec![limits], captured: vec![zero, a] };
    let each = maker.add(kind, ArrayType::new(DType::F64, vec![40]));
    let graph = maker.finish(&[total, each]);
    let limits: Vec<f64> = (0..40).map(|at| f64::from(at * 13 % 40)).collect();
    let inputs = [
        Array::from_vec(&[40], limits.clone()).unwrap(),
        Array::from_vec(&[50], (0..50).map(f64::from).collect()).unwrap(),
    ];
    let sums: Vec<f64> = limits.iter().map(|limit| (0..50).map(f64::from).filter(|a| a < limit).sum()).collect();
    for threads in [1, 2, 4] {
        let results = execute(&graph, &inputs, &settings(threads, true, Level::detect())).unwrap();
        assert_eq!(results[0].scalar_value(), Some(Scalar::f64(sums.iter().sum())));
        assert_eq!(results[1].as_slice::<f64>(), Some(&sums[..]));
    }
}

#[test]
fn a_guard_that_does_not_hold_is_an_error_when_it_is_known() {
    let mut graph = chosen(10);
    let left = open(&graph.sizes[0].0);
    let what = "`+` needs equal lengths".into();
    let guard = Guard {
        left,
        right: Length::Known(3),
        what,
        span: Span::default(),
        after: 0,
        claim: Claim::Equal,
        places: [].into(),
        around: ("".into(), "".into()),
        help: None,
    };
    graph.guards.push(guard);
    let graph = close(&graph, &Sizes::new()).unwrap();
    let library = library();
    let plan = plan(&graph, &library, &plain());
    let text = plan.render(&library);
    assert!(text.contains("  if ?1 = 3\n"), "{text}");
    let a = Array::from_vec(&[10], (0..10).map(f64::from).collect()).unwrap();
    let run = |limit: f64| {
        let inputs = [a.clone(), Array::scalar(Scalar::f64(limit))];
        run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default())
    };
    assert!(run(3.0).is_ok());
    let failure = run(4.0).unwrap_err();
    assert_eq!((failure.code, &*failure.message), ("E0504", "`+` needs equal lengths, and they are ?1 = 4 and 3"));
}
