//! The order of elements as sorting has it: NaN after everything else, complex numbers by their real parts first.

use std::cmp::Ordering;
use thalweg_runtime::array::{Complex, Element};

/// Elements with an order.
pub(crate) trait Ordered: Element {
    /// Whether it comes before every comparison's end: NaN, or a complex number with a NaN part.
    fn is_undefined(self) -> bool;
    /// Whether it is less; false where either is undefined.
    fn is_below(self, other: Self) -> bool;
    /// The order, undefined elements last.
    fn order(&self, other: &Self) -> Ordering {
        if self.is_below(*other) {
            Ordering::Less
        } else if other.is_below(*self) {
            Ordering::Greater
        } else {
            self.is_undefined().cmp(&other.is_undefined())
        }
    }
}

macro_rules! whole {
    ($($element:ty)*) => { $(
        impl Ordered for $element {
            fn is_undefined(self) -> bool {
                false
            }
            fn is_below(self, other: Self) -> bool {
                self < other
            }
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )* };
}
whole!(bool i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($element:ty)*) => { $(
        impl Ordered for $element {
            fn is_undefined(self) -> bool {
                self.is_nan()
            }
            fn is_below(self, other: Self) -> bool {
                self < other
            }
        }
        impl Ordered for Complex<$element> {
            fn is_undefined(self) -> bool {
                self.re.is_nan() || self.im.is_nan()
            }
            fn is_below(self, other: Self) -> bool {
                let is_defined = !self.is_undefined() && !other.is_undefined();
                is_defined && (self.re < other.re || self.re == other.re && self.im < other.im)
            }
            // Of undefined numbers those with a defined real part come first, and then those with a defined imaginary one.
            fn order(&self, other: &Self) -> Ordering {
                match (self.is_undefined(), other.is_undefined()) {
                    (false, false) => self.re.order(&other.re).then(self.im.order(&other.im)),
                    (true, true) => {
                        let shape = self.re.is_nan().cmp(&other.re.is_nan()).then(self.im.is_nan().cmp(&other.im.is_nan()));
                        shape.then(self.re.order(&other.re)).then(self.im.order(&other.im))
                    }
                    (left, right) => left.cmp(&right),
                }
            }
        }
    )* };
}
floats!(f32 f64);
