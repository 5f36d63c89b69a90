//! Factorisations of matrices, and what follows from them: systems of equations, eigenvalues, singular values.

use crate::linear_algebra::factor;
use crate::operation::{Expansion, Operation, optional, required};
use crate::typing::real_of;
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::Attribute;
use thalweg_lang::length::Length;
use thalweg_lang::promotion::{Numeric, common};
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

type Ruled = Result<Value<Operand>, Diagnostic>;

const STACKS: &str = "The last two axes are the matrix; axes before them are a stack, each matrix by itself. Integers are computed \
                      in f64, f32 and complex numbers as they are.";

const SIGNS: &str = "The signs of vectors are not determined. The last two axes are the matrix; axes before them are a stack, \
                     each matrix by itself. Integers are computed in f64, f32 and complex numbers as they are.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let one = || vec![required("a")];
    rows.push(
        Operation::function("inv", one(), inv, factor::inv)
            .summary("The inverse of a square matrix; an error if it has none.")
            .text(STACKS)
            .examples(&[("inv([[2.0, 0.0], [0.0, 4.0]])", "[[0.5  0.  ]\n [0.   0.25]]")]),
    );
    rows.push(
        Operation::function("solve", vec![required("a"), required("b")], solve, factor::solve)
            .summary("The x for which `a @ x` is b; an error if a is singular.")
            .text(
                "b is a vector, or a matrix of which each column is solved for; of more axes, a stack of matrices. Integers \
                 are computed in f64, f32 and complex numbers as they are.",
            )
            .examples(&[("solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])", "[1.  0.5]")]),
    );
    rows.push(
        Operation::function("det", one(), det, factor::det)
            .summary("The determinant of a square matrix.")
            .text(STACKS)
            .examples(&[("det([[2.0, 1.0], [0.0, 3.0]])", "6.0")]),
    );
    rows.push(
        Operation::function("slogdet", one(), slogdet, factor::slogdet)
            .summary("The sign of the determinant and the logarithm of its magnitude, which cannot overflow.")
            .text(STACKS)
            .examples(&[("slogdet([[1.0, 0.0], [0.0, -1.0]])", "(-1.0, 0.0)")]),
    );
    rows.push(
        Operation::function("cholesky", one(), same_shape, factor::cholesky)
            .summary("The lower triangle whose product with its adjoint is the positive definite matrix a.")
            .text("Only the lower triangle of a is read. An error if a is not positive definite.")
            .examples(&[("cholesky([[4.0, 2.0], [2.0, 5.0]])", "[[2. 0.]\n [1. 2.]]")]),
    );
    rows.push(
        Operation::function("qr", vec![required("a"), optional("mode", Default::Text("reduced"))], qr, factor::qr)
            .summary("Orthonormal columns and an upper triangle whose product is a.")
            .text(
                "`mode=\"reduced\"` gives as many columns as a's shorter side is long, `mode=\"complete\"` a whole basis, \
                 `mode=\"r\"` the triangle alone. Axes before the last two are a stack.",
            )
            .examples(&[("q, r = qr([[3.0, 1.0], [4.0, 2.0]]); allclose(q @ r, [[3.0, 1.0], [4.0, 2.0]])", "true")]),
    );
    rows.push(
        Operation::function(
            "svd",
            vec![
                required("a"),
                optional("full_matrices", Default::Flag(true)),
                optional("compute_uv", Default::Flag(true)),
            ],
            svd,
            svd_or_values,
        )
        .summary("The singular values, descending, between bases of the columns and of the rows: `(u, s, vh)`.")
        .text(
            "`a` is `u[:, :s.size] * s @ vh[:s.size]`. `full_matrices=false` gives the bases that this needs, \
             `compute_uv=false` the singular values alone. The signs of vectors are not determined. Axes before the last \
             two are a stack.",
        )
        .examples(&[("svd([[3.0, 0.0], [0.0, 2.0]], compute_uv=false)", "[3. 2.]")]),
    );
    rows.push(
        Operation::function("svdvals", one(), svdvals, factor::svdvals)
            .summary("The singular values, descending.")
            .text(STACKS)
            .examples(&[("svdvals([[0.0, 2.0], [3.0, 0.0]])", "[3. 2.]")]),
    );
    rows.push(
        Operation::function("eigh", one(), eigh, factor::eigh)
            .summary("The eigenvalues, ascending, and eigenvectors, as columns, of a symmetric (or Hermitian) matrix.")
            .text("Only the lower triangle of a is read. The signs of vectors are not determined.")
            .examples(&[("values, vectors = eigh([[2.0, 1.0], [1.0, 2.0]]); values", "[1. 3.]")]),
    );
    rows.push(
        Operation::function("eigvalsh", one(), eigvalsh, factor::eigvalsh)
            .summary("The eigenvalues, ascending, of a symmetric (or Hermitian) matrix.")
            .text("Only the lower triangle of a is read.")
            .examples(&[("eigvalsh([[2.0, 0.0], [0.0, 1.0]])", "[1. 2.]")]),
    );
    rows.push(
        Operation::function("eig", one(), eig, factor::eig)
            .summary("The eigenvalues and eigenvectors, as columns of length 1, of a square matrix; both complex.")
            .text(SIGNS)
            .examples(&[("values, vectors = eig([[0.0, -1.0], [1.0, 0.0]]); values", "[0.+1.j 0.-1.j]")]),
    );
    rows.push(
        Operation::function("eigvals", one(), eigvals, factor::eigvals)
            .summary("The eigenvalues of a square matrix, complex, in no special order.")
            .text(STACKS)
            .examples(&[("eigvals([[2.0, 0.0], [0.0, 2.0]])", "[2.+0.j 2.+0.j]")]),
    );
    rows.push(
        Operation::function(
            "lstsq",
            vec![required("a"), required("b"), optional("rcond", Default::None)],
            lstsq,
            factor::lstsq,
        )
        .summary("The x that makes `a @ x` as near to b as can be, the shortest of several; `(x, residuals, rank, s)`.")
        .text(
            "residuals are the sums of the squared differences for each column of b, and empty unless a has more rows than \
             columns; rank is a's, counting singular values above `rcond` times the greatest (by default a's longer side \
             times the dtype's precision); s are the singular values.",
        )
        .examples(&[("lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0])[2]", "2")]),
    );
    rows.push(
        Operation::function("pinv", vec![required("a"), optional("rcond", Default::Float(1e-15))], pinv, factor::pinv)
            .summary("The pseudo-inverse: the inverse as far as there is one, of any shape.")
            .text("Singular values up to `rcond` times the greatest count as 0. Axes before the last two are a stack.")
            .examples(&[("pinv([[2.0, 0.0], [0.0, 0.0]]) + 0.0", "[[0.5 0. ]\n [0.  0. ]]")]),
    );
    rows.push(
        Operation::function(
            "matrix_rank",
            vec![required("a"), optional("rtol", Default::None)],
            matrix_rank,
            factor::matrix_rank,
        )
        .summary("How many singular values are above `rtol` times the greatest.")
        .text("By default `rtol` is the longer side times the dtype's precision. Axes before the last two are a stack.")
        .examples(&[("matrix_rank([[1.0, 2.0], [2.0, 4.0]])", "1")]),
    );
    rows.push(
        Operation::function("cond", one(), cond, factor::cond)
            .summary("The condition number: the greatest singular value over the least.")
            .text(STACKS)
            .examples(&[("cond([[4.0, 0.0], [0.0, 2.0]])", "2.0")]),
    );
}

/// An operand that is a matrix, or a stack of them, in a dtype that can be factorised.
fn matrices(build: &mut Expansion, call: &Call, index: usize) -> Result<(Operand, Type), Diagnostic> {
    let operand = build.array(call, index)?;
    let span = call.arguments[index].span;
    let source = build.type_of(operand);
    if source.rank() < 2 {
        let message = format!("`{}` takes a matrix, not {source}", call.name);
        let help = "a vector becomes a column by `x[:, newaxis]`";
        return Err(Diagnostic::error("E0303", message, span, source.to_string()).help(help));
    }
    let dtype = field(operand, source.dtype);
    let operand = build.convert(operand, dtype, span)?;
    Ok((Operand { weak: false, ..operand }, Type::new(dtype, source.shape)))
}

/// Integers and bools in f64, anything else as it is.
fn field(operand: Operand, dtype: DType) -> DType {
    match common(&[Numeric { dtype, weak: operand.weak }]).dtype {
        dtype if dtype.is_integral() => DType::F64,
        dtype => dtype,
    }
}

/// The type of an operand that is a square matrix, or a stack of them.
pub(super) fn square(build: &mut Expansion, call: &Call, index: usize) -> Result<Type, Diagnostic> {
    let operand = build.array(call, index)?;
    let source = build.type_of(operand);
    if let [.., rows, columns] = &source.shape[..]
        && build.same_length(rows, columns, &format!("`{}` needs a square matrix", call.name), call.place)
    {
        return Ok(source);
    }
    let message = format!("`{}` takes a square matrix, and this is {source}", call.name);
    let diagnostic = Diagnostic::error("E0303", message, call.arguments[index].span, source.to_string());
    Err(match (source.rank(), &*call.name) {
        (0 | 1, _) => diagnostic.help("write a matrix: `[[1.0, 2.0], [3.0, 4.0]]`"),
        (_, "inv") => diagnostic.help("`pinv(a)` takes matrices of any shape"),
        (_, "solve") => diagnostic.help("`lstsq(a, b)` takes matrices of any shape"),
        (_, "eig" | "eigh" | "eigvals" | "eigvalsh") => diagnostic.help("`svd(a)` takes matrices of any shape"),
        _ => diagnostic.help("`a.T @ a` is square"),
    })
}

/// A square matrix or a stack of them, to compute with.
fn square_matrices(build: &mut Expansion, call: &Call) -> Result<(Operand, Type), Diagnostic> {
    square(build, call, 0)?;
    matrices(build, call, 0)
}

/// The axes of the stack.
fn leading(source: &Type) -> Vec<Length> {
    source.shape[..source.rank() - 2].to_vec()
}

/// The lengths of the matrix.
fn sides(source: &Type) -> [Length; 2] {
    [source.shape[source.rank() - 2].clone(), source.shape[source.rank() - 1].clone()]
}

/// The shorter of a matrix's sides.
fn shorter(build: &mut Expansion, call: &Call, source: &Type) -> Length {
    let [rows, columns] = sides(source);
    build.shorter(&rows, &columns, call.span)
}

/// A type in the stack.
fn stacked(source: &Type, dtype: DType, lengths: &[Length]) -> Type {
    Type::new(dtype, [&leading(source)[..], lengths].concat())
}

/// The call's own function on operands: an array, or a tuple of them.
fn applied(
    build: &mut Expansion,
    call: &Call,
    operands: &[Operand],
    attributes: Vec<Attribute<Length>>,
    types: Vec<Type>,
) -> Value<Operand> {
    let results = build.apply(call, operands, attributes, types);
    match results[..] {
        [one] => Value::Array(one),
        _ => Value::Tuple(results.into_iter().map(Value::Array).collect()),
    }
}

fn inv(build: &mut Expansion, call: &Call) -> Ruled {
    same_shape(build, call)
}

fn same_shape(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    Ok(applied(build, call, &[a], Vec::new(), vec![source]))
}

fn solve(build: &mut Expansion, call: &Call) -> Ruled {
    let source = square(build, call, 0)?;
    let (a, b) = (build.array(call, 0)?, build.array(call, 1)?);
    let of_b = build.type_of(b);
    let [_, n] = sides(&source);
    let is_vector = of_b.rank() == 1;
    let rows = if is_vector { of_b.shape.first() } else { of_b.shape.iter().rev().nth(1) };
    let what = "`solve` needs as many rows in `b` as in `a`";
    if !rows.is_some_and(|rows| build.same_length(rows, &n, what, call.place)) {
        let message = format!("`solve` needs as many rows in `b` as in `a`: {n}");
        let diagnostic = Diagnostic::error("E0301", message, call.arguments[1].span, of_b.to_string())
            .label(call.arguments[0].span, source.to_string());
        return Err(match of_b.shape[..] {
            [_, ref columns] if *columns == n => diagnostic.help("write `solve(a, b.T)`"),
            _ => diagnostic.help("give a vector, or a matrix of columns"),
        });
    }
    let numeric = |operand: Operand, array_type: &Type| Numeric { dtype: array_type.dtype, weak: operand.weak };
    let dtype = match common(&[numeric(a, &source), numeric(b, &of_b)]).dtype {
        dtype if dtype.is_integral() => DType::F64,
        dtype => dtype,
    };
    let a = build.convert(a, dtype, call.arguments[0].span)?;
    let b = build.convert(b, dtype, call.arguments[1].span)?;
    let (b, lengths) = match is_vector {
        true => (build.reshape(b, vec![n.clone(), 1.into()], call.span), vec![n, 1.into()]),
        false => (b, vec![n, of_b.shape[of_b.rank() - 1].clone()]),
    };
    let of_stack = if is_vector { Vec::new() } else { leading(&of_b) };
    let Some(stack) = build.broadcast(&leading(&source), &of_stack, call) else {
        let message = "the stacks of matrices do not go together".to_string();
        return Err(Diagnostic::error("E0301", message, call.place, "`solve` needs equal lengths, or 1")
            .label(call.arguments[0].span, source.to_string())
            .label(call.arguments[1].span, of_b.to_string())
            .help("give one of them an axis for the other's stack: `a[:, newaxis]`"));
    };
    let shape = [&stack[..], &lengths].concat();
    let solution = build.apply(call, &[a, b], Vec::new(), vec![Type::new(dtype, shape.clone())])[0];
    let shape = if is_vector { shape[..shape.len() - 1].to_vec() } else { shape };
    Ok(Value::Array(build.reshape(solution, shape, call.span)))
}

fn det(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    let types = vec![stacked(&source, source.dtype, &[])];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

fn slogdet(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    let types = vec![stacked(&source, source.dtype, &[]), stacked(&source, real_of(source.dtype), &[])];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

fn qr(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = matrices(build, call, 0)?;
    let mode = build.text(call, 1)?;
    let [rows, columns] = sides(&source);
    let middle = match &*mode {
        "complete" => rows.clone(),
        "reduced" | "r" => shorter(build, call, &source),
        _ => {
            let message = format!("`qr` has no mode \"{mode}\"");
            let help = "write `mode=\"reduced\"`, `mode=\"complete\"` or `mode=\"r\"`";
            return Err(Diagnostic::error("E0303", message, call.arguments[1].span, "").help(help));
        }
    };
    let types = vec![
        stacked(&source, source.dtype, &[rows, middle.clone()]),
        stacked(&source, source.dtype, &[middle, columns]),
    ];
    let results = build.apply(call, &[a], vec![Attribute::Flag(&*mode == "complete")], types);
    match &*mode {
        "r" => Ok(Value::Array(results[1])),
        _ => Ok(Value::Tuple(results.into_iter().map(Value::Array).collect())),
    }
}

fn svd(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = matrices(build, call, 0)?;
    let (full, with_bases) = (build.flag(call, 1)?, build.flag(call, 2)?);
    let [rows, columns] = sides(&source);
    let middle = shorter(build, call, &source);
    let values = stacked(&source, real_of(source.dtype), std::slice::from_ref(&middle));
    if !with_bases {
        return Ok(applied(build, call, &[a], Vec::new(), vec![values]));
    }
    let (left, right) = if full { (rows.clone(), columns.clone()) } else { (middle.clone(), middle) };
    let types =
        vec![stacked(&source, source.dtype, &[rows, left]), values, stacked(&source, source.dtype, &[right, columns])];
    Ok(applied(build, call, &[a], vec![Attribute::Flag(full)], types))
}

/// With and without the bases: the rule has asked for three results or for one.
fn svd_or_values(
    call: &thalweg_runtime::operation::FunctionCall,
) -> Result<Vec<thalweg_runtime::array::Array>, thalweg_runtime::operation::Failure> {
    if call.types.len() == 1 { factor::svdvals(call) } else { factor::svd(call) }
}

fn svdvals(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = matrices(build, call, 0)?;
    let middle = shorter(build, call, &source);
    let types = vec![stacked(&source, real_of(source.dtype), &[middle])];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

fn eigh(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    let values = stacked(&source, real_of(source.dtype), &sides(&source)[..1]);
    Ok(applied(build, call, &[a], Vec::new(), vec![values, source]))
}

fn eigvalsh(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    let types = vec![stacked(&source, real_of(source.dtype), &sides(&source)[..1])];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

/// The complex dtype of a dtype.
fn complex_of(dtype: DType) -> DType {
    match dtype {
        DType::F32 | DType::C64 => DType::C64,
        _ => DType::C128,
    }
}

fn eig(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    let dtype = complex_of(source.dtype);
    let types = vec![stacked(&source, dtype, &sides(&source)[..1]), stacked(&source, dtype, &sides(&source))];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

fn eigvals(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = square_matrices(build, call)?;
    let types = vec![stacked(&source, complex_of(source.dtype), &sides(&source)[..1])];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

/// What counts as nothing beside the greatest singular value, as a scalar; `none`: below 0, which says the usual measure.
fn tolerance(build: &mut Expansion, call: &Call, index: usize) -> Result<Operand, Diagnostic> {
    let given = &call.arguments[index];
    if matches!(given.value, Value::None) {
        return Ok(build.constant(Scalar::f64(-1.0), false, call.span));
    }
    let operand = build.array(call, index)?;
    let array_type = build.type_of(operand);
    if array_type.rank() > 0 || array_type.dtype.kind() == thalweg_lang::dtype::Kind::Complex {
        let message = format!("`{}` takes one number here, not {array_type}", call.name);
        return Err(Diagnostic::error("E0303", message, given.span, array_type.to_string()));
    }
    build.convert(operand, DType::F64, given.span)
}

fn pinv(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = matrices(build, call, 0)?;
    let tolerance = tolerance(build, call, 1)?;
    let [rows, columns] = sides(&source);
    let types = vec![stacked(&source, source.dtype, &[columns, rows])];
    Ok(applied(build, call, &[a, tolerance], Vec::new(), types))
}

fn matrix_rank(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = matrices(build, call, 0)?;
    let tolerance = tolerance(build, call, 1)?;
    let types = vec![stacked(&source, DType::I64, &[])];
    Ok(applied(build, call, &[a, tolerance], Vec::new(), types))
}

fn cond(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, source) = matrices(build, call, 0)?;
    if sides(&source).iter().any(|side| side.is(0)) {
        let message = "the condition number of nothing has no value";
        return Err(Diagnostic::error("E0310", message, call.arguments[0].span, source.to_string())
            .help("check the shape first: `if a.size > 0 { … } else { … }`"));
    }
    let types = vec![stacked(&source, real_of(source.dtype), &[])];
    Ok(applied(build, call, &[a], Vec::new(), types))
}

fn lstsq(build: &mut Expansion, call: &Call) -> Ruled {
    let (a, b) = (build.array(call, 0)?, build.array(call, 1)?);
    let (of_a, of_b) = (build.type_of(a), build.type_of(b));
    let ([rows, columns], 1 | 2) = (&of_a.shape[..], of_b.rank()) else {
        let message = format!("`lstsq` takes one matrix and a vector or matrix, not {of_a} and {of_b}");
        return Err(Diagnostic::error("E0303", message, call.arguments[0].span, of_a.to_string())
            .label(call.arguments[1].span, of_b.to_string()));
    };
    let (rows, columns) = (rows.clone(), columns.clone());
    let what = "`lstsq` needs as many rows in `b` as in `a`";
    if !build.same_length(&of_b.shape[0], &rows, what, call.place) {
        let message = format!("`lstsq` needs as many rows in `b` as in `a`: {rows}");
        return Err(Diagnostic::error("E0301", message, call.arguments[1].span, of_b.to_string())
            .label(call.arguments[0].span, of_a.to_string())
            .help("give a vector, or a matrix of columns"));
    }
    let numeric = |operand: Operand, array_type: &Type| Numeric { dtype: array_type.dtype, weak: operand.weak };
    let dtype = match common(&[numeric(a, &of_a), numeric(b, &of_b)]).dtype {
        dtype if dtype.is_integral() => DType::F64,
        dtype => dtype,
    };
    let a = build.convert(a, dtype, call.arguments[0].span)?;
    let b = build.convert(b, dtype, call.arguments[1].span)?;
    let tolerance = tolerance(build, call, 2)?;
    let width = of_b.shape.get(1).cloned().unwrap_or(Length::Known(1));
    let b = build.reshape(b, vec![rows.clone(), width.clone()], call.span);
    let middle = shorter(build, call, &of_a);
    let residuals = if middle == columns && rows != columns { width.clone() } else { Length::Known(0) };
    let types = vec![
        Type::new(dtype, vec![columns.clone(), width]),
        Type::new(real_of(dtype), vec![residuals]),
        Type::scalar(DType::I64),
        Type::new(real_of(dtype), vec![middle]),
    ];
    let mut results = build.apply(call, &[a, b, tolerance], Vec::new(), types);
    if of_b.rank() == 1 {
        results[0] = build.reshape(results[0], vec![columns], call.span);
    }
    Ok(Value::Tuple(results.into_iter().map(Value::Array).collect()))
}
