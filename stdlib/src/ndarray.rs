//! Arrays of the crate `ndarray`, in and out without a copy (the feature `ndarray`).
//!
//! ```
//! use ndarray::{Array2, s};
//! use thalweg::Program;
//! let table = Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64);
//! let program = Program::new("x.sum(axis=0)", &["x"]).unwrap();
//! let sums = program.run(&[table.slice(s![.., ..;2]).into()]).unwrap();
//! let sums = thalweg::view::<f64>(&sums).unwrap();
//! assert_eq!(sums.as_slice().unwrap(), [12.0, 18.0]);
//! ```

use crate::program::Argument;
use ndarray::{ArrayView, ArrayViewD, Dimension, IxDyn};
use std::marker::PhantomData;
use std::ptr::NonNull;
use thalweg_runtime::array::{Array, Element};

/// A view with any strides is read where it lies.
impl<'a, T: Element, D: Dimension> From<ArrayView<'a, T, D>> for Argument<'a> {
    fn from(view: ArrayView<'a, T, D>) -> Argument<'a> {
        let first = NonNull::new(view.as_ptr().cast_mut()).unwrap_or(NonNull::dangling()).cast::<u8>();
        // SAFETY: the view borrows its elements for 'a and says where they lie; `Program::run` lets no array of theirs out
        // of the call. Gaps between them belong to the array that the view is of, which is initialised.
        let array = unsafe { Array::borrowed(T::DTYPE, view.shape(), view.strides(), first, None) };
        let array =
            array.unwrap_or_else(|| unreachable!("a view's strides are one for each axis, and its elements aligned"));
        Argument { array, lifetime: PhantomData }
    }
}

/// The elements of an array as a view of ndarray's; `None` when the dtype is not `T`'s or the array is not in C order.
pub fn view<T: Element>(array: &Array) -> Option<ArrayViewD<'_, T>> {
    ArrayView::from_shape(IxDyn(array.shape()), array.as_slice::<T>()?).ok()
}
