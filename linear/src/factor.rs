//! Factorisations of matrices, by `faer`, each on one thread.

use faer::linalg::solvers::{DenseSolveCore, PartialPivLu, Solve};
use faer::traits::ComplexField;
use faer::{Mat, MatRef, Side};

pub use faer::{c32, c64};

/// Why a matrix has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A pivot is exactly 0.
    Singular,
    /// Not positive definite.
    Indefinite,
    /// An iteration does not converge.
    Endless,
}

/// Kinds of numbers: f32, f64 and the complex numbers of both. Matrices are given by columns, results are written by rows.
pub trait Field: Copy + Send + Sync + 'static {
    /// The kind of the real parts.
    type Real: Field + Copy + Into<f64>;
    /// The kind of complex numbers.
    type Wide: Field;

    /// The real and the imaginary part.
    fn parts(self) -> (f64, f64);

    /// From a real and an imaginary part, as far as there is one.
    fn from_parts(real: f64, imaginary: f64) -> Self;

    /// The inverse of an n by n matrix.
    ///
    /// # Errors
    /// When it is singular.
    fn inverse(matrix: &[Self], n: usize, to: &mut [Self]) -> Result<(), Fault>;

    /// The solution for each of `width` columns.
    ///
    /// # Errors
    /// When the matrix is singular.
    fn solve(matrix: &[Self], n: usize, wanted: &[Self], width: usize, to: &mut [Self]) -> Result<(), Fault>;

    /// The determinant's parts.
    fn determinant(matrix: &[Self], n: usize) -> (f64, f64);

    /// The determinant's direction in the complex plane and the logarithm of its magnitude.
    fn logarithm_of_determinant(matrix: &[Self], n: usize) -> ((f64, f64), f64);

    /// The lower triangle of a positive definite matrix; only its lower triangle is read.
    ///
    /// # Errors
    /// When it is not positive definite.
    fn cholesky(matrix: &[Self], n: usize, to: &mut [Self]) -> Result<(), Fault>;

    /// Orthonormal columns, a whole basis of them or as many as needed, and an upper triangle.
    fn qr(matrix: &[Self], sides: [usize; 2], whole: bool, basis: &mut [Self], upper: &mut [Self]);

    /// Bases of the columns and, adjoint, of the rows, and the singular values between them.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn svd(
        matrix: &[Self],
        sides: [usize; 2],
        whole: bool,
        left: &mut [Self],
        values: &mut [Self::Real],
        right: &mut [Self],
    ) -> Result<(), Fault>;

    /// The singular values, descending.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn singular_values(matrix: &[Self], sides: [usize; 2]) -> Result<Vec<Self::Real>, Fault>;

    /// The pseudo-inverse; singular values up to `tolerance` times the greatest count as 0.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn pseudo_inverse(matrix: &[Self], sides: [usize; 2], tolerance: f64, to: &mut [Self]) -> Result<(), Fault>;

    /// The solution of least squares for each column of `wanted`, the sums of squares that are left of them, the rank and the
    /// singular values.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn least_squares(
        matrix: &[Self],
        sides: [usize; 2],
        wanted: &[Self],
        tolerance: f64,
        to: &mut [Self],
    ) -> Result<(Vec<f64>, usize, Vec<f64>), Fault>;

    /// The eigenvalues, ascending, and eigenvectors of a Hermitian matrix; only its lower triangle is read.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn hermitian_eigen(matrix: &[Self], n: usize, values: &mut [Self::Real], vectors: &mut [Self])
    -> Result<(), Fault>;

    /// The eigenvalues alone.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn hermitian_eigenvalues(matrix: &[Self], n: usize, values: &mut [Self::Real]) -> Result<(), Fault>;

    /// The eigenvalues and eigenvectors of any matrix.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn eigen(matrix: &[Self], n: usize, values: &mut [Self::Wide], vectors: &mut [Self::Wide]) -> Result<(), Fault>;

    /// The eigenvalues alone.
    ///
    /// # Errors
    /// When the iteration does not converge.
    fn eigenvalues(matrix: &[Self], n: usize, values: &mut [Self::Wide]) -> Result<(), Fault>;
}

macro_rules! field {
    ($($own:ty, $real:ty, $wide:ty, |$x:ident| $parts:expr, |$re:ident, $im:ident| $from:expr;)*) => { $(
        impl Field for $own {
            type Real = $real;
            type Wide = $wide;

            fn parts(self) -> (f64, f64) {
                let $x = self;
                $parts
            }

            fn from_parts($re: f64, $im: f64) -> $own {
                $from
            }

            fn inverse(matrix: &[$own], n: usize, to: &mut [$own]) -> Result<(), Fault> {
                let factors = pivoted(square(matrix, n))?;
                store(to, factors.inverse().as_ref());
                Ok(())
            }

            fn solve(matrix: &[$own], n: usize, wanted: &[$own], width: usize, to: &mut [$own]) -> Result<(), Fault> {
                let factors = pivoted(square(matrix, n))?;
                store(to, factors.solve(MatRef::from_column_major_slice(wanted, n, width)).as_ref());
                Ok(())
            }

            fn determinant(matrix: &[$own], n: usize) -> (f64, f64) {
                let factors = PartialPivLu::new(square(matrix, n));
                let mut product = (permutation_sign(factors.P().arrays().0), 0.0);
                for at in 0..n {
                    let (real, imaginary) = factors.U()[(at, at)].parts();
                    if (real, imaginary) == (0.0, 0.0) {
                        // What would follow was divided by it.
                        return (0.0, 0.0);
                    }
                    product = (product.0 * real - product.1 * imaginary, product.0 * imaginary + product.1 * real);
                }
                product
            }

            fn logarithm_of_determinant(matrix: &[$own], n: usize) -> ((f64, f64), f64) {
                let factors = PartialPivLu::new(square(matrix, n));
                let (mut sign, mut logarithm) = ((permutation_sign(factors.P().arrays().0), 0.0), 0.0);
                for at in 0..n {
                    let (real, imaginary) = factors.U()[(at, at)].parts();
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

            fn cholesky(matrix: &[$own], n: usize, to: &mut [$own]) -> Result<(), Fault> {
                let factor = square(matrix, n).llt(Side::Lower).map_err(|_| Fault::Indefinite)?;
                store(to, factor.L());
                Ok(())
            }

            fn qr(matrix: &[$own], [m, n]: [usize; 2], whole: bool, basis: &mut [$own], upper: &mut [$own]) {
                let factors = MatRef::from_column_major_slice(matrix, m, n).qr();
                if whole {
                    store(basis, factors.compute_Q().as_ref());
                    store(upper, factors.R());
                } else {
                    store(basis, factors.compute_thin_Q().as_ref());
                    store(upper, factors.thin_R());
                }
            }

            fn svd(
                matrix: &[$own],
                [m, n]: [usize; 2],
                whole: bool,
                left: &mut [$own],
                values: &mut [$real],
                right: &mut [$own],
            ) -> Result<(), Fault> {
                let matrix = MatRef::from_column_major_slice(matrix, m, n);
                let factors = if whole { matrix.svd() } else { matrix.thin_svd() }.map_err(|_| Fault::Endless)?;
                store(left, factors.U());
                store(right, factors.V().adjoint().to_owned().as_ref());
                for (to, from) in values.iter_mut().zip(factors.S().column_vector().iter()) {
                    *to = <$real>::from_parts(from.parts().0, 0.0);
                }
                Ok(())
            }

            fn singular_values(matrix: &[$own], [m, n]: [usize; 2]) -> Result<Vec<$real>, Fault> {
                MatRef::from_column_major_slice(matrix, m, n).singular_values().map_err(|_| Fault::Endless)
            }

            fn pseudo_inverse(
                matrix: &[$own],
                [m, n]: [usize; 2],
                tolerance: f64,
                to: &mut [$own],
            ) -> Result<(), Fault> {
                let matrix = MatRef::from_column_major_slice(matrix, m, n);
                store(to, pseudo_solved(matrix, None, tolerance)?.0.as_ref());
                Ok(())
            }

            fn least_squares(
                matrix: &[$own],
                [m, n]: [usize; 2],
                wanted: &[$own],
                tolerance: f64,
                to: &mut [$own],
            ) -> Result<(Vec<f64>, usize, Vec<f64>), Fault> {
                let width = to.len() / n.max(1);
                let matrix = MatRef::from_column_major_slice(matrix, m, n);
                let wanted = MatRef::from_column_major_slice(wanted, m, width);
                let (found, rank, values) = pseudo_solved(matrix, Some(wanted), tolerance)?;
                store(to, found.as_ref());
                let missed = wanted - matrix * found;
                let square = |row: usize, column: usize| {
                    let (real, imaginary) = missed[(row, column)].parts();
                    real * real + imaginary * imaginary
                };
                let left = (0..width).map(|column| (0..m).map(|row| square(row, column)).sum()).collect();
                Ok((left, rank, values))
            }

            fn hermitian_eigen(
                matrix: &[$own],
                n: usize,
                values: &mut [$real],
                vectors: &mut [$own],
            ) -> Result<(), Fault> {
                let found = square(matrix, n).self_adjoint_eigen(Side::Lower).map_err(|_| Fault::Endless)?;
                store(vectors, found.U());
                for (to, from) in values.iter_mut().zip(found.S().column_vector().iter()) {
                    *to = <$real>::from_parts(from.parts().0, 0.0);
                }
                Ok(())
            }

            fn hermitian_eigenvalues(matrix: &[$own], n: usize, values: &mut [$real]) -> Result<(), Fault> {
                let found = square(matrix, n).self_adjoint_eigenvalues(Side::Lower).map_err(|_| Fault::Endless)?;
                values.copy_from_slice(&found);
                Ok(())
            }

            fn eigen(
                matrix: &[$own],
                n: usize,
                values: &mut [$wide],
                vectors: &mut [$wide],
            ) -> Result<(), Fault> {
                let found = square(matrix, n).eigen().map_err(|_| Fault::Endless)?;
                store(vectors, found.U());
                normalise(vectors, n);
                for (to, from) in values.iter_mut().zip(found.S().column_vector().iter()) {
                    *to = *from;
                }
                Ok(())
            }

            fn eigenvalues(matrix: &[$own], n: usize, values: &mut [$wide]) -> Result<(), Fault> {
                let found = square(matrix, n).eigenvalues().map_err(|_| Fault::Endless)?;
                values.copy_from_slice(&found);
                Ok(())
            }
        }
    )* };
}

field! {
    f32, f32, c32, |x| (f64::from(x), 0.0), |real, _imaginary| real as f32;
    f64, f64, c64, |x| (x, 0.0), |real, _imaginary| real;
    c32, f32, c32, |z| (f64::from(z.re), f64::from(z.im)), |real, imaginary| c32::new(real as f32, imaginary as f32);
    c64, f64, c64, |z| (z.re, z.im), |real, imaginary| c64::new(real, imaginary);
}

fn square<T>(matrix: &[T], n: usize) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(matrix, n, n)
}

/// Writes a matrix by rows.
fn store<T: Copy>(to: &mut [T], from: MatRef<'_, T>) {
    const TILE: usize = 32;
    let (rows, columns) = (from.nrows(), from.ncols());
    for row in (0..rows).step_by(TILE) {
        for column in (0..columns).step_by(TILE) {
            for i in row..rows.min(row + TILE) {
                for j in column..columns.min(column + TILE) {
                    to[i * columns + j] = from[(i, j)];
                }
            }
        }
    }
}

/// The factorisation with exchanged rows, of a matrix none of whose pivots is 0.
fn pivoted<T: Field + ComplexField>(matrix: MatRef<'_, T>) -> Result<PartialPivLu<T>, Fault> {
    let factors = PartialPivLu::new(matrix);
    let is_zero = |at: usize| factors.U()[(at, at)].parts() == (0.0, 0.0);
    if (0..matrix.nrows()).any(is_zero) { Err(Fault::Singular) } else { Ok(factors) }
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

/// The pseudo-inverse times a matrix, or the pseudo-inverse, and the rank and the singular values.
fn pseudo_solved<T: Field + ComplexField>(
    matrix: MatRef<'_, T>,
    wanted: Option<MatRef<'_, T>>,
    tolerance: f64,
) -> Result<(Mat<T>, usize, Vec<f64>), Fault> {
    let factors = matrix.thin_svd().map_err(|_| Fault::Endless)?;
    let values: Vec<f64> = factors.S().column_vector().iter().map(|value| value.parts().0).collect();
    let least = values.first().map_or(0.0, |greatest| greatest * tolerance);
    let rank = values.iter().filter(|value| **value > least).count();
    let (left, right) = (factors.U().subcols(0, rank), factors.V().subcols(0, rank));
    let mut middle = match wanted {
        Some(wanted) => left.adjoint() * wanted,
        None => left.adjoint().to_owned(),
    };
    for row in 0..rank {
        for column in 0..middle.ncols() {
            let (real, imaginary) = middle[(row, column)].parts();
            middle[(row, column)] = T::from_parts(real / values[row], imaginary / values[row]);
        }
    }
    Ok((right * middle, rank, values))
}

/// Columns of Euclidean length 1, the greatest element of a complex one turned to the real axis.
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
            let turned = if row == greatest { 0.0 } else { real * turn.1 + imaginary * turn.0 };
            vectors[at(row)] = T::from_parts(real * turn.0 - imaginary * turn.1, turned);
        }
    }
}
