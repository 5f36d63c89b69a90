//! Factorisations as functions of rows: each matrix of a stack by itself, several on several threads.

use super::{elements, in_c_order, out_of_memory, product, unexpected, worth};
use std::sync::{Mutex, MutexGuard, PoisonError};
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::Attribute;
use thalweg_linear::{Fault, Field as Own};
use thalweg_runtime::array::{Array, Complex, Element};
use thalweg_runtime::operation::{Failure, FunctionCall};

/// Elements that can be factorised.
trait Field: Element {
    /// The same in the words of the crate that factorises, laid out alike.
    type Own: Own<Real = <Self::Real as Field>::Own, Wide = <Self::Wide as Field>::Own>;
    /// Their real parts.
    type Real: Field;
    /// Their complex numbers.
    type Wide: Field;
    /// Elements in its words.
    fn own(elements: &[Self]) -> &[Self::Own];
    /// Elements to be written in its words.
    fn own_mut(elements: &mut [Self]) -> &mut [Self::Own];
    /// One of them in ours.
    fn of(own: Self::Own) -> Self;
    /// The distance from 1 to the next number.
    const EPSILON: f64;
}

macro_rules! field {
    ($($real:ident, $complex:ident;)*) => { $(
        impl Field for $real {
            type Own = $real;
            type Real = $real;
            type Wide = Complex<$real>;
            fn own(elements: &[$real]) -> &[$real] {
                elements
            }
            fn own_mut(elements: &mut [$real]) -> &mut [$real] {
                elements
            }
            fn of(own: $real) -> $real {
                own
            }
            const EPSILON: f64 = $real::EPSILON as f64;
        }

        impl Field for Complex<$real> {
            type Own = thalweg_linear::$complex;
            type Real = $real;
            type Wide = Complex<$real>;
            fn own(elements: &[Complex<$real>]) -> &[thalweg_linear::$complex] {
                // SAFETY: both are a real and an imaginary part in the order of C, without padding.
                unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
            }
            fn own_mut(elements: &mut [Complex<$real>]) -> &mut [thalweg_linear::$complex] {
                // SAFETY: as in `own`; the borrow is passed on.
                unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
            }
            fn of(own: thalweg_linear::$complex) -> Complex<$real> {
                Complex::new(own.re, own.im)
            }
            const EPSILON: f64 = $real::EPSILON as f64;
        }
    )* };
}

field! { f32, c32; f64, c64; }

/// The real parts of an element type, as elements.
type Real<T> = <T as Field>::Real;

/// The complex numbers of an element type, as elements.
type Wide<T> = <T as Field>::Wide;

/// An element type in the words of the crate that factorises.
type Theirs<T> = <T as Field>::Own;

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
    fn get<'a, T: Field>(&self, all: &'a [T], number: usize) -> &'a [T::Own] {
        let size = self.rows * self.columns;
        T::own(&all[number * size..(number + 1) * size])
    }

    /// How long their sides are.
    fn sides(&self) -> [usize; 2] {
        [self.rows, self.columns]
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

fn failure(code: &'static str, message: &str, help: &str) -> Failure {
    Failure { code, message: message.into(), help: Some(help.into()) }
}

/// Why a matrix has no answer, as a failure.
fn fault(fault: Fault) -> Failure {
    match fault {
        Fault::Singular => failure(
            "E0520",
            "the matrix is singular: it has no inverse",
            "`pinv(a)` and `lstsq(a, b)` take singular matrices too",
        ),
        Fault::Indefinite => {
            failure("E0521", "the matrix is not positive definite", "look at its eigenvalues: `eigvalsh(a)`")
        }
        Fault::Endless => {
            failure("E0522", "the iteration does not converge", "scale the matrix: divide it by its greatest element")
        }
    }
}

/// Iterations would not end with infinities or NaN.
fn finite<T: Field>(elements: &[T]) -> Result<(), Failure> {
    let is_finite = |element: Theirs<T>| {
        let (real, imaginary) = element.parts();
        real.is_finite() && imaginary.is_finite()
    };
    if T::own(elements).iter().copied().all(is_finite) {
        return Ok(());
    }
    Err(failure("E0523", "the matrix holds an infinity or NaN", "look for them: `all(isfinite(a))`"))
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
            let matrix = matrices.get(all, number);
            Theirs::<T>::inverse(matrix, matrices.rows, T::own_mut(&mut parts.part(number))).map_err(fault)
        })
    })?;
    Ok(inverses)
}

/// `inv(a)`.
pub(crate) fn inv(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let operand = call.operands.first().ok_or_else(unexpected)?;
    Ok(vec![inverses(call, operand)?])
}

/// `matrix_power(a, n)`; n is an attribute.
pub(crate) fn matrix_power(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
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
pub(crate) fn solve(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let [a, b] = call.operands else { return Err(unexpected()) };
    let mut solution = result(call, 0)?;
    let shape = call.types[0].shape.clone();
    let leading = &shape[..shape.len() - 2];
    let (left, right) = (Matrices::new(call, a, leading)?, Matrices::new(call, b, leading)?);
    for_field!(a.dtype(), T => {
        let (all, wanted) = (left.elements::<T>()?, right.elements::<T>()?);
        let parts = Parts::<T>::new(&mut solution, left.count)?;
        each(call, left.count, left.cost(0.5), |number| {
            let (matrix, wanted) = (left.get(all, number), right.get(wanted, number));
            let mut part = parts.part(number);
            Theirs::<T>::solve(matrix, left.rows, wanted, right.columns, T::own_mut(&mut part)).map_err(fault)
        })
    })?;
    Ok(vec![solution])
}

/// `det(a)`.
pub(crate) fn det(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut found = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let parts = Parts::<T>::new(&mut found, matrices.count)?;
        each(call, matrices.count, matrices.cost(0.4), |number| {
            let (real, imaginary) = Theirs::<T>::determinant(matrices.get(all, number), matrices.rows);
            parts.part(number)[0] = T::of(Theirs::<T>::from_parts(real, imaginary));
            Ok(())
        })
    })?;
    Ok(vec![found])
}

/// `slogdet(a)`: signs and logarithms.
pub(crate) fn slogdet(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (mut signs, mut logarithms) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let of_signs = Parts::<T>::new(&mut signs, matrices.count)?;
        let of_logarithms = Parts::<Real<T>>::new(&mut logarithms, matrices.count)?;
        each(call, matrices.count, matrices.cost(0.4), |number| {
            let matrix = matrices.get::<T>(all, number);
            let ((real, imaginary), logarithm) = Theirs::<T>::logarithm_of_determinant(matrix, matrices.rows);
            of_signs.part(number)[0] = T::of(Theirs::<T>::from_parts(real, imaginary));
            of_logarithms.part(number)[0] = real_number::<T>(logarithm);
            Ok(())
        })
    })?;
    Ok(vec![signs, logarithms])
}

/// `cholesky(a)`: the lower triangle.
pub(crate) fn cholesky(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut lower = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let parts = Parts::<T>::new(&mut lower, matrices.count)?;
        each(call, matrices.count, matrices.cost(0.3), |number| {
            let matrix = matrices.get(all, number);
            Theirs::<T>::cholesky(matrix, matrices.rows, T::own_mut(&mut parts.part(number))).map_err(fault)
        })
    })?;
    Ok(vec![lower])
}

/// `qr(a)`: an orthonormal basis and an upper triangle; whole bases when the attribute says so.
pub(crate) fn qr(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let whole = call.attributes.first() == Some(&Attribute::Flag(true));
    let (mut bases, mut uppers) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        let (of_bases, of_uppers) =
            (Parts::<T>::new(&mut bases, matrices.count)?, Parts::<T>::new(&mut uppers, matrices.count)?);
        each(call, matrices.count, matrices.cost(2.0), |number| {
            let (mut basis, mut upper) = (of_bases.part(number), of_uppers.part(number));
            let (basis, upper) = (T::own_mut(&mut basis), T::own_mut(&mut upper));
            Theirs::<T>::qr(matrices.get(all, number), matrices.sides(), whole, basis, upper);
            Ok(())
        })
    })?;
    Ok(vec![bases, uppers])
}

/// `svd(a)`: bases of columns, singular values, bases of rows; whole bases when the attribute says so.
pub(crate) fn svd(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let whole = call.attributes.first() == Some(&Attribute::Flag(true));
    let (mut left, mut values, mut right) = (result(call, 0)?, result(call, 1)?, result(call, 2)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let (of_left, of_right) =
            (Parts::<T>::new(&mut left, matrices.count)?, Parts::<T>::new(&mut right, matrices.count)?);
        let of_values = Parts::<Real<T>>::new(&mut values, matrices.count)?;
        each(call, matrices.count, matrices.cost(8.0), |number| {
            let (mut left, mut values, mut right) = (of_left.part(number), of_values.part(number), of_right.part(number));
            let (left, right) = (T::own_mut(&mut left), T::own_mut(&mut right));
            let values = Real::<T>::own_mut(&mut values);
            Theirs::<T>::svd(matrices.get(all, number), matrices.sides(), whole, left, values, right).map_err(fault)
        })
    })?;
    Ok(vec![left, values, right])
}

/// The singular values of each matrix, descending, given to `use_them` with the matrix's number.
fn singular_values<T: Field>(
    call: &FunctionCall,
    matrices: &Matrices,
    use_them: impl Fn(usize, Vec<Real<T>>) + Sync,
) -> Result<(), Failure> {
    let all = matrices.elements::<T>()?;
    finite(all)?;
    each(call, matrices.count, matrices.cost(3.0), |number| {
        let values = Theirs::<T>::singular_values(matrices.get(all, number), matrices.sides()).map_err(fault)?;
        use_them(number, values.into_iter().map(Real::<T>::of).collect());
        Ok(())
    })
}

/// `svdvals(a)`.
pub(crate) fn svdvals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let parts = Parts::<Real<T>>::new(&mut values, matrices.count)?;
        singular_values::<T>(call, &matrices, |number, found| parts.part(number).copy_from_slice(&found))
    })?;
    Ok(vec![values])
}

/// `cond(a)`: the greatest singular value over the least.
pub(crate) fn cond(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let parts = Parts::<Real<T>>::new(&mut values, matrices.count)?;
        singular_values::<T>(call, &matrices, |number, found| {
            let (greatest, least) = (found[0], found[found.len() - 1]);
            parts.part(number)[0] = if least == 0.0 { Real::<T>::INFINITY } else { greatest / least };
        })
    })?;
    Ok(vec![values])
}

/// A real number of an element type.
fn real_number<T: Field>(value: f64) -> Real<T> {
    Real::<T>::of(Theirs::<Real<T>>::from_parts(value, 0.0))
}

/// What of the greatest singular value counts as nothing: the second operand, below 0 the usual measure.
fn tolerance<T: Field>(call: &FunctionCall, matrices: &Matrices) -> f64 {
    let given = call.operands.last().and_then(Array::scalar_value).map_or(-1.0, |value| value.as_complex().0);
    if given < 0.0 { T::EPSILON * matrices.rows.max(matrices.columns) as f64 } else { given }
}

/// `matrix_rank(a, rtol)`.
// The body is written once for f32 and f64.
#[allow(clippy::useless_conversion)]
pub(crate) fn matrix_rank(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
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

/// `pinv(a, rtol)`.
pub(crate) fn pinv(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut inverses = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let tolerance = tolerance::<T>(call, &matrices);
        let parts = Parts::<T>::new(&mut inverses, matrices.count)?;
        each(call, matrices.count, matrices.cost(9.0), |number| {
            let mut part = parts.part(number);
            let to = T::own_mut(&mut part);
            Theirs::<T>::pseudo_inverse(matrices.get(all, number), matrices.sides(), tolerance, to).map_err(fault)
        })
    })?;
    Ok(vec![inverses])
}

/// `lstsq(a, b, rcond)` for a matrix `b`: the solution, the squared residuals, the rank, the singular values.
pub(crate) fn lstsq(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let [a, b, _] = call.operands else { return Err(unexpected()) };
    let (mut solution, mut residuals) = (result(call, 0)?, result(call, 1)?);
    let (mut rank, mut values) = (result(call, 2)?, result(call, 3)?);
    let (left, right) = (Matrices::new(call, a, &[])?, Matrices::new(call, b, &[])?);
    for_field!(a.dtype(), T => {
        let (matrix, wanted) = (left.elements::<T>()?, right.elements::<T>()?);
        finite(matrix)?;
        finite(wanted)?;
        let (matrix, wanted) = (left.get::<T>(matrix, 0), right.get::<T>(wanted, 0));
        let tolerance = tolerance::<T>(call, &left);
        let to = T::own_mut(solution.as_mut_slice::<T>().ok_or_else(unexpected)?);
        let found = Theirs::<T>::least_squares(matrix, left.sides(), wanted, tolerance, to);
        let (of_residuals, of_rank, of_values) = found.map_err(fault)?;
        rank.as_mut_slice::<i64>().ok_or_else(unexpected)?[0] = of_rank as i64;
        for (result, numbers) in [(&mut values, of_values), (&mut residuals, of_residuals)] {
            let to = result.as_mut_slice::<Real<T>>().ok_or_else(unexpected)?;
            for (to, from) in to.iter_mut().zip(numbers) {
                *to = real_number::<T>(from);
            }
        }
        Ok(())
    })?;
    Ok(vec![solution, residuals, rank, values])
}

/// `eigh(a)`: eigenvalues, ascending, and eigenvectors, of the matrix whose lower triangle this is.
pub(crate) fn eigh(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (mut values, mut vectors) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let of_values = Parts::<Real<T>>::new(&mut values, matrices.count)?;
        let of_vectors = Parts::<T>::new(&mut vectors, matrices.count)?;
        each(call, matrices.count, matrices.cost(4.0), |number| {
            let (mut values, mut vectors) = (of_values.part(number), of_vectors.part(number));
            let (values, vectors) = (Real::<T>::own_mut(&mut values), T::own_mut(&mut vectors));
            let matrix = matrices.get(all, number);
            Theirs::<T>::hermitian_eigen(matrix, matrices.rows, values, vectors).map_err(fault)
        })
    })?;
    Ok(vec![values, vectors])
}

/// `eigvalsh(a)`.
pub(crate) fn eigvalsh(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let parts = Parts::<Real<T>>::new(&mut values, matrices.count)?;
        each(call, matrices.count, matrices.cost(1.5), |number| {
            let mut part = parts.part(number);
            let values = Real::<T>::own_mut(&mut part);
            Theirs::<T>::hermitian_eigenvalues(matrices.get(all, number), matrices.rows, values).map_err(fault)
        })
    })?;
    Ok(vec![values])
}

/// `eig(a)`: eigenvalues and eigenvectors, complex.
pub(crate) fn eig(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let (mut values, mut vectors) = (result(call, 0)?, result(call, 1)?);
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let of_values = Parts::<Wide<T>>::new(&mut values, matrices.count)?;
        let of_vectors = Parts::<Wide<T>>::new(&mut vectors, matrices.count)?;
        each(call, matrices.count, matrices.cost(20.0), |number| {
            let (mut values, mut vectors) = (of_values.part(number), of_vectors.part(number));
            let (values, vectors) = (Wide::<T>::own_mut(&mut values), Wide::<T>::own_mut(&mut vectors));
            Theirs::<T>::eigen(matrices.get(all, number), matrices.rows, values, vectors).map_err(fault)
        })
    })?;
    Ok(vec![values, vectors])
}

/// `eigvals(a)`.
pub(crate) fn eigvals(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let mut values = result(call, 0)?;
    let matrices = Matrices::of(call)?;
    for_field!(matrices.array.dtype(), T => {
        let all = matrices.elements::<T>()?;
        finite(all)?;
        let parts = Parts::<Wide<T>>::new(&mut values, matrices.count)?;
        each(call, matrices.count, matrices.cost(8.0), |number| {
            let mut part = parts.part(number);
            let values = Wide::<T>::own_mut(&mut part);
            Theirs::<T>::eigenvalues(matrices.get(all, number), matrices.rows, values).map_err(fault)
        })
    })?;
    Ok(vec![values])
}
