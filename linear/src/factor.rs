//! Factorisations of matrices, by `faer`: each matrix of a stack by itself, on one thread; several matrices on several.

use crate::{elements, in_c_order, out_of_memory, product, unexpected, worth};
use faer::linalg::solvers::{DenseSolveCore, PartialPivLu, Solve};
use faer::traits::ComplexField;
use faer::{Mat, MatRef, Side};
use std::sync::{Mutex, MutexGuard, PoisonError};
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::Attribute;
use thalweg_runtime::array::{Array, Complex, Element};
use thalweg_runtime::operation::{Failure, FunctionCall};

/// Elements that `faer` computes with.
trait Field: Element + Default {
    /// The same in its words, laid out alike.
    type Own: ComplexField<Real = Self::Real> + Copy;
    /// Their real parts, which are the same here and there.
    type Real: Field<Own = Self::Real, Real = Self::Real> + ComplexField<Real = Self::Real> + Into<f64>;
    /// Their complex numbers.
    type Wide: Field;
    /// Elements in its words.
    fn own(elements: &[Self]) -> &[Self::Own];
    /// One back.
    fn of(own: Self::Own) -> Self;
    /// The real and the imaginary part.
    fn parts(self) -> (f64, f64);
    /// From a real and an imaginary part, as far as there is one.
    fn from_parts(real: f64, imaginary: f64) -> Self;
    /// The distance from one to the next number.
    const EPSILON: f64;
}

macro_rules! real {
    ($($real:ident, $complex:ident;)*) => { $(
        impl Field for $real {
            type Own = $real;
            type Real = $real;
            type Wide = Complex<$real>;
            fn own(elements: &[$real]) -> &[$real] {
                elements
            }
            fn of(own: $real) -> $real {
                own
            }
            fn parts(self) -> (f64, f64) {
                (self.into(), 0.0)
            }
            fn from_parts(real: f64, _: f64) -> $real {
                real as $real
            }
            const EPSILON: f64 = $real::EPSILON as f64;
        }

        impl Field for Complex<$real> {
            type Own = faer::$complex;
            type Real = $real;
            type Wide = Complex<$real>;
            fn own(elements: &[Complex<$real>]) -> &[faer::$complex] {
                // SAFETY: both are a real and an imaginary part in the order of C, without padding.
                unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
            }
            fn of(own: faer::$complex) -> Complex<$real> {
                Complex::new(own.re, own.im)
            }
            fn parts(self) -> (f64, f64) {
                (self.re.into(), self.im.into())
            }
            fn from_parts(real: f64, imaginary: f64) -> Complex<$real> {
                Complex::new(real as $real, imaginary as $real)
            }
            const EPSILON: f64 = $real::EPSILON as f64;
        }
    )* };
}

real! { f32, c32; f64, c64; }

/// Runs an expression with the type of a dtype that can be factorised; the rules let no other through.
macro_rules! for_field {
    ($dtype:expr, $field:ident => $body:expr) => {
        match $dtype {
            DType::F32 => {
                type $field = f32;
                $body
            }
            DType::F64 => {
                type $field = f64;
                $body
            }
            DType::C64 => {
                type $field = Complex<f32>;
                $body
            }
            DType::C128 => {
                type $field = Complex<f64>;
                $body
            }
            _ => Err(unexpected()),
        }
    };
}

/// The matrices of an operand, each by columns.
struct Matrices {
    array: Array,
    count: usize,
    rows: usize,
    columns: usize,
}

impl Matrices {
    /// Those of an operand whose leading axes are broadcast to a shape's.
    fn new(call: &FunctionCall, operand: &Array, leading: &[usize]) -> Result<Matrices, Failure> {
        let &[.., rows, columns] = operand.shape() else { return Err(unexpected()) };
        let whole = operand.broadcast_to(&[leading, &[rows, columns]].concat()).ok_or_else(unexpected)?;
        let array = in_c_order(call, &turned(&whole)?)?;
        Ok(Matrices { array, count: leading.iter().product(), rows, columns })
    }

    /// Those of the only operand.
    fn of(call: &FunctionCall) -> Result<Matrices, Failure> {
        let operand = call.operands.first().ok_or_else(unexpected)?;
        Matrices::new(call, operand, &operand.shape()[..operand.rank().saturating_sub(2)])
    }

    fn elements<T: Field>(&self) -> Result<&[T], Failure> {
        elements::<T>(&self.array)
    }

    /// One of them.
    fn get<'a, T: Field>(&self, all: &'a [T], number: usize) -> MatRef<'a, T::Own> {
        let size = self.rows * self.columns;
        let own = T::own(&all[number * size..(number + 1) * size]);
        MatRef::from_column_major_slice(own, self.rows, self.columns)
    }

    /// What n³ of work cost, in nanoseconds, times a factor that the factorisation has.
    fn cost(&self, factor: f64) -> f64 {
        let least = self.rows.min(self.columns) as f64;
        500.0 + factor * self.rows as f64 * self.columns as f64 * (least * 0.05 + 2.0)
    }
}

/// The last two axes changed places.
fn turned(array: &Array) -> Result<Array, Failure> {
    let (mut shape, mut strides) = (array.shape().to_vec(), array.strides().to_vec());
    let rank = shape.len();
    shape.swap(rank - 2, rank - 1);
    strides.swap(rank - 2, rank - 1);
    array.view(array.offset(), &shape, &strides).ok_or_else(unexpected)
}

/// A result that is filled matrix by matrix, each thread its own part.
struct Parts<'a, T> {
    parts: Vec<Mutex<&'a mut [T]>>,
}

impl<'a, T: Element> Parts<'a, T> {
    fn new(array: &'a mut Array, count: usize) -> Result<Parts<'a, T>, Failure> {
        let size = array.len() / count.max(1);
        let all = array.as_mut_slice::<T>().ok_or_else(unexpected)?;
        let parts = match size {
            0 => (0..count).map(|_| Mutex::new(&mut [][..])).collect(),
            _ => all.chunks_mut(size).map(Mutex::new).collect(),
        };
        Ok(Parts { parts })
    }

    fn part(&self, number: usize) -> MutexGuard<'_, &'a mut [T]> {
        self.parts[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A result before it is filled.
fn result(call: &FunctionCall, index: usize) -> Result<Array, Failure> {
    let array_type = call.types.get(index).ok_or_else(unexpected)?;
    Array::zeros(array_type.dtype, &array_type.shape, call.pool).map_err(out_of_memory)
}

/// Does the same with each matrix of a stack; of several failures the first matrix's counts.
fn each(
    call: &FunctionCall,
    count: usize,
    cost: f64,
    work: impl Fn(usize) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let failed: Mutex<Option<(usize, Failure)>> = Mutex::new(None);
    let one = |number: usize| {
        if let Err(mut failure) = work(number) {
            if count > 1 {
                failure.message = format!("{} (matrix {number} of the stack)", failure.message);
            }
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.as_ref().is_none_or(|(first, _)| number < *first) {
                *failed = Some((number, failure));
            }
        }
    };
    if worth(call, cost * count as f64) == 1 && cost * (count as f64) < 1e6 {
        (0..count).for_each(one);
    } else {
        let run = (50_000.0 / cost).ceil().max(1.0) as usize;
        call.team.each(count.div_ceil(run), &|piece| (piece * run..((piece + 1) * run).min(count)).for_each(one))?;
    }
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, failure)) => Err(failure),
        None => Ok(()),
    }
}

/// Writes a matrix in C order.
fn store<T: Field>(to: &mut [T], from: MatRef<'_, T::Own>) {
    const TILE: usize = 32;
    let (rows, columns) = (from.nrows(), from.ncols());
    for row in (0..rows).step_by(TILE) {
        for column in (0..columns).step_by(TILE) {
            for i in row..rows.min(row + TILE) {
                for j in column..columns.min(column + TILE) {
                    to[i * columns + j] = T::of(from[(i, j)]);
                }
            }
        }
    }
}

fn failure(code: &'static str, message: &str, help: &str) -> Failure {
    Failure { code, message: message.into(), help: Some(help.into()) }
}

fn singular() -> Failure {
    failure(
        "E0520",
        "the matrix is singular: it has no inverse",
        "`pinv(a)` and `lstsq(a, b)` take singular matrices too",
    )
}

fn endless() -> Failure {
    failure("E0522", "the iteration does not converge", "scale the matrix: divide it by its greatest element")
}

/// Iterations would not end with infinities or NaN.
fn finite<T: Field>(elements: &[T]) -> Result<(), Failure> {
    let is_finite = |element: &T| {
        let (real, imaginary) = element.parts();
        real.is_finite() && imaginary.is_finite()
    };
    if elements.iter().all(is_finite) {
        return Ok(());
    }
    Err(failure("E0523", "the matrix holds an infinity or NaN", "look for them: `all(isfinite(a))`"))
}

/// The factorisation with exchanged rows; `None` when a pivot is exactly 0.
fn pivoted<T: Field>(matrix: MatRef<'_, T::Own>) -> Option<PartialPivLu<T::Own>> {
    let factors = PartialPivLu::new(matrix);
    let upper = factors.U();
    let is_zero = |at: usize| T::of(upper[(at, at)]).parts() == (0.0, 0.0);
    if (0..upper.nrows()).any(is_zero) { None } else { Some(factors) }
}

/// The inverses of an array's matrices, in C order.
fn inverses(call: &FunctionCall, array: &Array) -> Result<Array, Failure> {
    let leading = &array.shape()[..array.rank() - 2];
    let matrices = Matrices::new(call, array, leading)?;
    let mut inverses = Array::zeros(array.dtype(), array.shape(), call.pool).map_err(out_of_memory)?;
    for_field!(array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let parts = Parts::<T>::new(&mut inverses, matrices.count)?;
        each(call, matrices.count, matrices.cost(1.0), |number| {
            let factors = pivoted::<T>(matrices.get(all, number)).ok_or_else(singular)?;
            store(&mut parts.part(number), factors.inverse().as_ref());
            Ok(())
        })
    })?;
    Ok(inverses)
}

/// `inv(a)`.
pub fn inv(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let operand = call.operands.first().ok_or_else(unexpected)?;
    Ok(vec![inverses(call, operand)?])
}

/// `matrix_power(a, n)`; n is an attribute.
pub fn matrix_power(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (Some(operand), Some(Attribute::Integer(n))) = (call.operands.first(), call.attributes.first()) else {
        return Err(unexpected());
    };
    let shape = operand.shape();
    let mut left = n.unsigned_abs();
    if left == 0 {
        return Ok(vec![identities(call, operand)?]);
    }
    let mut square = if *n < 0 { inverses(call, operand)? } else { operand.clone() };
    let mut power: Option<Array> = None;
    loop {
        if left % 2 == 1 {
            power = Some(match &power {
                Some(power) => product::multiply(call, power, &square, shape)?,
                None => square.clone(),
            });
        }
        left /= 2;
        match power {
            Some(power) if left == 0 => return Ok(vec![power]),
            _ => square = product::multiply(call, &square, &square, shape)?,
        }
    }
}

/// Identity matrices in an array's shape and dtype.
fn identities(call: &FunctionCall, like: &Array) -> Result<Array, Failure> {
    let n = like.shape()[like.rank() - 1];
    let mut array = Array::zeros(like.dtype(), like.shape(), call.pool).map_err(out_of_memory)?;
    thalweg_runtime::for_dtype!(like.dtype(), T => {
        let one = <T as Element>::from_scalar(thalweg_lang::dtype::Scalar::bool(true));
        for matrix in array.as_mut_slice::<T>().ok_or_else(unexpected)?.chunks_mut((n * n).max(1)) {
            matrix.iter_mut().step_by(n + 1).for_each(|element| *element = one);
        }
    });
    Ok(array)
}

/// `solve(a, b)` for matrices `b`.
pub fn solve(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let [a, b] = call.operands else { return Err(unexpected()) };
    let mut solution = result(call, 0)?;
    let shape = call.types[0].shape.clone();
    let leading = &shape[..shape.len() - 2];
    let (left, right) = (Matrices::new(call, a, leading)?, Matrices::new(call, b, leading)?);
    for_field!(a.dtype(), T => {
        let (all, wanted) = (left.elements::<T>()?, right.elements::<T>()?);
        let parts = Parts::<T>::new(&mut solution, left.count)?;
        each(call, left.count, left.cost(0.5), |number| {
            let factors = pivoted::<T>(left.get(all, number)).ok_or_else(singular)?;
            let found = factors.solve(right.get(wanted, number));
            store(&mut parts.part(number), found.as_ref());
            Ok(())
        })
    })?;
    Ok(vec![solution])
}

/// A sign (or a direction in the complex plane) and the logarithm of a magnitude.
fn sign_and_logarithm<T: Field>(matrix: MatRef<'_, T::Own>) -> ((f64, f64), f64) {
    let factors = PartialPivLu::new(matrix);
    let (mut sign, mut logarithm) = ((permutation_sign(factors.P().arrays().0), 0.0), 0.0);
    for at in 0..matrix.nrows() {
        let (real, imaginary) = T::of(factors.U()[(at, at)]).parts();
        let magnitude = real.hypot(imaginary);
        if magnitude == 0.0 {
            return ((0.0, 0.0), f64::NEG_INFINITY);
        }
        let (real, imaginary) = (real / magnitude, imaginary / magnitude);
        sign = (sign.0 * real - sign.1 * imaginary, sign.0 * imaginary + sign.1 * real);
        logarithm += magnitude.ln();
    }
    (sign, logarithm)
}

/// 1 for an even permutation, -1 for an odd one.
fn permutation_sign(permutation: &[usize]) -> f64 {
    let mut seen = vec![false; permutation.len()];
    let mut sign = 1.0;
    for start in 0..permutation.len() {
        let mut at = start;
        while !seen[at] {
            seen[at] = true;
            at = permutation[at];
            if at != start {
                sign = -sign;
            }
        }
    }
    sign
}

/// `det(a)`.
pub fn det(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut found = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let parts = Parts::<T>::new(&mut found, matrices.count)?;
        each(call, matrices.count, matrices.cost(0.4), |number| {
            let factors = PartialPivLu::new(matrices.get::<T>(all, number));
            let mut product = (permutation_sign(factors.P().arrays().0), 0.0);
            for at in 0..matrices.rows {
                let (real, imaginary) = T::of(factors.U()[(at, at)]).parts();
                product = (product.0 * real - product.1 * imaginary, product.0 * imaginary + product.1 * real);
            }
            parts.part(number)[0] = T::from_parts(product.0, product.1);
            Ok(())
        })
    })?;
    Ok(vec![found])
}

/// `slogdet(a)`: signs and logarithms.
pub fn slogdet(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (mut signs, mut logarithms) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let of_signs = Parts::<T>::new(&mut signs, matrices.count)?;
        let of_logarithms = Parts::<<T as Field>::Real>::new(&mut logarithms, matrices.count)?;
        each(call, matrices.count, matrices.cost(0.4), |number| {
            let (sign, logarithm) = sign_and_logarithm::<T>(matrices.get(all, number));
            of_signs.part(number)[0] = T::from_parts(sign.0, sign.1);
            of_logarithms.part(number)[0] = <<T as Field>::Real as Field>::from_parts(logarithm, 0.0);
            Ok(())
        })
    })?;
    Ok(vec![signs, logarithms])
}

/// `cholesky(a)`: the lower triangle.
pub fn cholesky(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut lower = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let parts = Parts::<T>::new(&mut lower, matrices.count)?;
        each(call, matrices.count, matrices.cost(0.3), |number| {
            let factor = matrices.get::<T>(all, number).llt(Side::Lower).map_err(|_| {
                failure("E0521", "the matrix is not positive definite", "look at its eigenvalues: `eigvalsh(a)`")
            })?;
            store(&mut parts.part(number), factor.L());
            Ok(())
        })
    })?;
    Ok(vec![lower])
}

/// `qr(a)`: an orthonormal basis and an upper triangle; whole bases when the attribute says so.
pub fn qr(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let whole = call.attributes.first() == Some(&Attribute::Flag(true));
    let (mut bases, mut uppers) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let (of_bases, of_uppers) =
            (Parts::<T>::new(&mut bases, matrices.count)?, Parts::<T>::new(&mut uppers, matrices.count)?);
        each(call, matrices.count, matrices.cost(2.0), |number| {
            let factors = matrices.get::<T>(all, number).qr();
            let basis = if whole { factors.compute_Q() } else { factors.compute_thin_Q() };
            store(&mut of_bases.part(number), basis.as_ref());
            store(&mut of_uppers.part(number), if whole { factors.R() } else { factors.thin_R() });
            Ok(())
        })
    })?;
    Ok(vec![bases, uppers])
}

/// `svd(a)`: bases of columns, singular values, bases of rows; whole bases when the attribute says so.
pub fn svd(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let whole = call.attributes.first() == Some(&Attribute::Flag(true));
    let (mut left, mut values, mut right) = (result(call, 0)?, result(call, 1)?, result(call, 2)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let (of_left, of_right) =
            (Parts::<T>::new(&mut left, matrices.count)?, Parts::<T>::new(&mut right, matrices.count)?);
        let of_values = Parts::<<T as Field>::Real>::new(&mut values, matrices.count)?;
        each(call, matrices.count, matrices.cost(8.0), |number| {
            let matrix = matrices.get::<T>(all, number);
            let factors = if whole { matrix.svd() } else { matrix.thin_svd() }.map_err(|_| endless())?;
            store(&mut of_left.part(number), factors.U());
            store(&mut of_right.part(number), factors.V().adjoint().to_owned().as_ref());
            for (to, from) in of_values.part(number).iter_mut().zip(factors.S().column_vector().iter()) {
                *to = <<T as Field>::Real as Field>::from_parts(T::of(*from).parts().0, 0.0);
            }
            Ok(())
        })
    })?;
    Ok(vec![left, values, right])
}

/// The singular values of each matrix, descending, given to `use_them` with the matrix's number.
fn singular_values<T: Field>(
    call: &FunctionCall,
    matrices: &Matrices,
    use_them: impl Fn(usize, &[<T as Field>::Real]) + Sync,
) -> Result<(), Failure> {
    let all = matrices.elements::<T>()?;
    finite(all)?;
    each(call, matrices.count, matrices.cost(3.0), |number| {
        let values = matrices.get::<T>(all, number).singular_values().map_err(|_| endless())?;
        use_them(number, &values);
        Ok(())
    })
}

/// `svdvals(a)`.
pub fn svdvals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let parts = Parts::<<T as Field>::Real>::new(&mut values, matrices.count)?;
        singular_values::<T>(call, &matrices, |number, found| parts.part(number).copy_from_slice(found))
    })?;
    Ok(vec![values])
}

/// `cond(a)`: the greatest singular value over the least.
pub fn cond(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let parts = Parts::<<T as Field>::Real>::new(&mut values, matrices.count)?;
        singular_values::<T>(call, &matrices, |number, found| {
            let (greatest, least) = (found[0], found[found.len() - 1]);
            parts.part(number)[0] = if least == 0.0 { f64::INFINITY as <T as Field>::Real } else { greatest / least };
        })
    })?;
    Ok(vec![values])
}

/// What of the greatest singular value counts as nothing: the second operand, below 0 the usual measure.
fn tolerance<T: Field>(call: &FunctionCall, matrices: &Matrices) -> f64 {
    let given = call.operands.last().and_then(Array::scalar_value).map_or(-1.0, |value| value.as_complex().0);
    if given < 0.0 { T::EPSILON * matrices.rows.max(matrices.columns) as f64 } else { given }
}

/// `matrix_rank(a, rtol)`.
pub fn matrix_rank(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut ranks = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let parts = Parts::<i64>::new(&mut ranks, matrices.count)?;
        let tolerance = tolerance::<T>(call, &matrices);
        singular_values::<T>(call, &matrices, |number, found| {
            let least = found.first().map_or(0.0, |greatest| f64::from(*greatest) * tolerance);
            parts.part(number)[0] = found.iter().filter(|value| f64::from(**value) > least).count() as i64;
        })
    })?;
    Ok(vec![ranks])
}

/// The pseudo-inverse times a matrix, the rank and the singular values.
fn pseudo_solved<T: Field>(
    matrix: MatRef<'_, T::Own>,
    wanted: Option<MatRef<'_, T::Own>>,
    tolerance: f64,
) -> Result<(Mat<T::Own>, usize, Vec<f64>), Failure> {
    let factors = matrix.thin_svd().map_err(|_| endless())?;
    let values: Vec<f64> = factors.S().column_vector().iter().map(|value| T::of(*value).parts().0).collect();
    let least = values.first().map_or(0.0, |greatest| greatest * tolerance);
    let rank = values.iter().filter(|value| **value > least).count();
    let (left, right) = (factors.U().subcols(0, rank), factors.V().subcols(0, rank));
    let mut middle = match wanted {
        Some(wanted) => left.adjoint() * wanted,
        None => left.adjoint().to_owned(),
    };
    for row in 0..rank {
        for column in 0..middle.ncols() {
            let (real, imaginary) = T::of(middle[(row, column)]).parts();
            middle[(row, column)] = T::own(&[T::from_parts(real / values[row], imaginary / values[row])])[0];
        }
    }
    Ok((right * middle, rank, values))
}

/// `pinv(a, rtol)`.
pub fn pinv(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut inverses = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let tolerance = tolerance::<T>(call, &matrices);
        let parts = Parts::<T>::new(&mut inverses, matrices.count)?;
        each(call, matrices.count, matrices.cost(9.0), |number| {
            let (inverse, _, _) = pseudo_solved::<T>(matrices.get(all, number), None, tolerance)?;
            store(&mut parts.part(number), inverse.as_ref());
            Ok(())
        })
    })?;
    Ok(vec![inverses])
}

/// `lstsq(a, b, rcond)` for a matrix `b`: the solution, the squared residuals, the rank, the singular values.
pub fn lstsq(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let [a, b, _] = call.operands else { return Err(unexpected()) };
    let (mut solution, mut residuals) = (result(call, 0)?, result(call, 1)?);
    let (mut rank, mut values) = (result(call, 2)?, result(call, 3)?);
    let (left, right) = (Matrices::new(call, a, &[])?, Matrices::new(call, b, &[])?);
    for_field!(a.dtype(), T => {
        let (matrix, wanted) = (left.elements::<T>()?, right.elements::<T>()?);
        finite(matrix)?;
        finite(wanted)?;
        let (matrix, wanted) = (left.get::<T>(matrix, 0), right.get::<T>(wanted, 0));
        let (found, of_rank, of_values) = pseudo_solved::<T>(matrix, Some(wanted), tolerance::<T>(call, &left))?;
        store(solution.as_mut_slice::<T>().ok_or_else(unexpected)?, found.as_ref());
        rank.as_mut_slice::<i64>().ok_or_else(unexpected)?[0] = of_rank as i64;
        let to = values.as_mut_slice::<<T as Field>::Real>().ok_or_else(unexpected)?;
        for (to, from) in to.iter_mut().zip(of_values) {
            *to = <<T as Field>::Real as Field>::from_parts(from, 0.0);
        }
        let missed = wanted - matrix * found;
        let to = residuals.as_mut_slice::<<T as Field>::Real>().ok_or_else(unexpected)?;
        for (column, to) in to.iter_mut().enumerate() {
            let square = |row: usize| {
                let (real, imaginary) = T::of(missed[(row, column)]).parts();
                real * real + imaginary * imaginary
            };
            *to = <<T as Field>::Real as Field>::from_parts((0..left.rows).map(square).sum(), 0.0);
        }
        Ok(())
    })?;
    Ok(vec![solution, residuals, rank, values])
}

/// `eigh(a)`: eigenvalues, ascending, and eigenvectors, of the matrix whose lower triangle this is.
pub fn eigh(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (mut values, mut vectors) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let of_values = Parts::<<T as Field>::Real>::new(&mut values, matrices.count)?;
        let of_vectors = Parts::<T>::new(&mut vectors, matrices.count)?;
        each(call, matrices.count, matrices.cost(4.0), |number| {
            let found = matrices.get::<T>(all, number).self_adjoint_eigen(Side::Lower).map_err(|_| endless())?;
            store(&mut of_vectors.part(number), found.U());
            for (to, from) in of_values.part(number).iter_mut().zip(found.S().column_vector().iter()) {
                *to = <<T as Field>::Real as Field>::from_parts(T::of(*from).parts().0, 0.0);
            }
            Ok(())
        })
    })?;
    Ok(vec![values, vectors])
}

/// `eigvalsh(a)`.
pub fn eigvalsh(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let parts = Parts::<<T as Field>::Real>::new(&mut values, matrices.count)?;
        each(call, matrices.count, matrices.cost(1.5), |number| {
            let matrix = matrices.get::<T>(all, number);
            let found = matrix.self_adjoint_eigenvalues(Side::Lower).map_err(|_| endless())?;
            parts.part(number).copy_from_slice(&found);
            Ok(())
        })
    })?;
    Ok(vec![values])
}

/// `eig(a)`: eigenvalues and eigenvectors, complex.
pub fn eig(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (mut values, mut vectors) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let of_values = Parts::<<T as Field>::Wide>::new(&mut values, matrices.count)?;
        let of_vectors = Parts::<<T as Field>::Wide>::new(&mut vectors, matrices.count)?;
        each(call, matrices.count, matrices.cost(20.0), |number| {
            let found = matrices.get::<T>(all, number).eigen().map_err(|_| endless())?;
            let mut of_vectors = of_vectors.part(number);
            store(&mut of_vectors, found.U());
            normalise(&mut of_vectors, matrices.rows);
            for (to, from) in of_values.part(number).iter_mut().zip(found.S().column_vector().iter()) {
                *to = Complex::new(from.re, from.im);
            }
            Ok(())
        })
    })?;
    Ok(vec![values, vectors])
}

/// Columns of Euclidean length 1, the greatest element of each turned to the real axis.
fn normalise<T: Field>(vectors: &mut [T], n: usize) {
    for column in 0..n {
        let at = |row: usize| row * n + column;
        let squares = |vectors: &[T], row: usize| {
            let (real, imaginary) = vectors[at(row)].parts();
            real * real + imaginary * imaginary
        };
        let length = (0..n).map(|row| squares(vectors, row)).sum::<f64>().sqrt();
        let greatest = (0..n).max_by(|a, b| squares(vectors, *a).total_cmp(&squares(vectors, *b))).unwrap_or(0);
        let (real, imaginary) = vectors[at(greatest)].parts();
        let magnitude = real.hypot(imaginary) * length;
        // A real vector keeps its sign.
        let turn = if imaginary == 0.0 { (1.0 / length, 0.0) } else { (real / magnitude, -imaginary / magnitude) };
        for row in 0..n {
            let (real, imaginary) = vectors[at(row)].parts();
            let imaginary_part = if row == greatest { 0.0 } else { real * turn.1 + imaginary * turn.0 };
            vectors[at(row)] = T::from_parts(real * turn.0 - imaginary * turn.1, imaginary_part);
        }
    }
}

/// `eigvals(a)`.
pub fn eigvals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let parts = Parts::<<T as Field>::Wide>::new(&mut values, matrices.count)?;
        each(call, matrices.count, matrices.cost(8.0), |number| {
            let found = matrices.get::<T>(all, number).eigenvalues().map_err(|_| endless())?;
            for (to, from) in parts.part(number).iter_mut().zip(found) {
                *to = Complex::new(from.re, from.im);
            }
            Ok(())
        })
    })?;
    Ok(vec![values])
}
