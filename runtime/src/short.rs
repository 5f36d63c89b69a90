//! Lists that are mostly short and then lie in their owner: what a step does over and over asks nobody for memory.

/// A list of few elements: up to `N` of them need no memory of their own.
pub type Short<T, const N: usize = 4> = smallvec::SmallVec<[T; N]>;
