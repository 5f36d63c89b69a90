//! The thirteen dtypes and single values of them.

use std::fmt;

/// An element's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum DType {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
    C64,
    C128,
}

/// The families of dtypes, in the order of promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Kind {
    Bool,
    Unsigned,
    Signed,
    Float,
    Complex,
}

impl DType {
    /// All thirteen.
    pub const ALL: [DType; 13] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F32,
        DType::F64,
        DType::C64,
        DType::C128,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "i8",
            DType::I16 => "i16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::U16 => "u16",
            DType::U32 => "u32",
            DType::U64 => "u64",
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::C64 => "c64",
            DType::C128 => "c128",
        }
    }

    /// The dtype of a name.
    pub fn from_name(name: &str) -> Option<DType> {
        DType::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::C64 => 8,
            DType::C128 => 16,
        }
    }

    /// Its family.
    pub const fn kind(self) -> Kind {
        match self {
            DType::Bool => Kind::Bool,
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => Kind::Unsigned,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => Kind::Signed,
            DType::F32 | DType::F64 => Kind::Float,
            DType::C64 | DType::C128 => Kind::Complex,
        }
    }

    /// Whether it is `bool` or an integer.
    pub const fn is_integral(self) -> bool {
        matches!(self.kind(), Kind::Bool | Kind::Unsigned | Kind::Signed)
    }

    /// NumPy 2's `promote_types`: the smallest dtype that holds both without loss of range (f64 and c128 count as holding
    /// any 64-bit integer).
    pub fn promote(self, other: DType) -> DType {
        use DType::*;
        let (low, high) = if self.kind() <= other.kind() { (self, other) } else { (other, self) };
        if low == high || low == Bool {
            return high;
        }
        match (low.kind(), high.kind()) {
            (a, b) if a == b => {
                if low.size() >= high.size() {
                    low
                } else {
                    high
                }
            }
            (Kind::Unsigned, Kind::Signed) => match low {
                U8 => high.promote(I16),
                U16 => high.promote(I32),
                U32 => I64,
                _ => F64,
            },
            (Kind::Unsigned | Kind::Signed, Kind::Float) => {
                if low.size() <= 2 {
                    high
                } else {
                    F64
                }
            }
            (Kind::Unsigned | Kind::Signed, _) => {
                if low.size() <= 2 {
                    high
                } else {
                    C128
                }
            }
            (_, _) => {
                if low == F64 {
                    C128
                } else {
                    high
                }
            }
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One value of a dtype, by its bits, so that it can be compared and hashed (`-0.0` and `0.0` differ, a NaN equals itself).
/// A complex value has its real part in `bits[0]` and its imaginary part in `bits[1]`, each as the bits of an f64 (of an f32
/// for c64); every other dtype uses `bits[0]` only, integers sign-extended, floats as their bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scalar {
    /// The dtype.
    pub dtype: DType,
    /// The bits.
    pub bits: [u64; 2],
}

impl Scalar {
    /// A bool.
    pub fn bool(value: bool) -> Scalar {
        Scalar { dtype: DType::Bool, bits: [value as u64, 0] }
    }

    /// An i64.
    pub fn i64(value: i64) -> Scalar {
        Scalar { dtype: DType::I64, bits: [value as u64, 0] }
    }

    /// A u64.
    pub fn u64(value: u64) -> Scalar {
        Scalar { dtype: DType::U64, bits: [value, 0] }
    }

    /// An f64.
    pub fn f64(value: f64) -> Scalar {
        Scalar { dtype: DType::F64, bits: [value.to_bits(), 0] }
    }

    /// A c128.
    pub fn c128(real: f64, imaginary: f64) -> Scalar {
        Scalar { dtype: DType::C128, bits: [real.to_bits(), imaginary.to_bits()] }
    }

    /// The value as an i128 when the dtype is bool or an integer.
    pub fn as_integer(self) -> Option<i128> {
        match self.dtype.kind() {
            Kind::Bool | Kind::Unsigned => Some(self.bits[0] as i128),
            Kind::Signed => Some(self.bits[0] as i64 as i128),
            _ => None,
        }
    }

    /// The real and imaginary parts as f64, whatever the dtype.
    pub fn as_complex(self) -> (f64, f64) {
        match self.dtype {
            DType::F32 => (f32::from_bits(self.bits[0] as u32) as f64, 0.0),
            DType::F64 => (f64::from_bits(self.bits[0]), 0.0),
            DType::C64 => (f32::from_bits(self.bits[0] as u32) as f64, f32::from_bits(self.bits[1] as u32) as f64),
            DType::C128 => (f64::from_bits(self.bits[0]), f64::from_bits(self.bits[1])),
            _ => (self.as_integer().unwrap_or(0) as f64, 0.0),
        }
    }

    /// The value in another dtype, as NumPy's `astype` converts: integers wrap, floats round to nearest even, a float
    /// to an integer truncates (out of range and NaN saturate, NaN to 0), a complex to a real drops its imaginary part.
    pub fn cast(self, to: DType) -> Scalar {
        if to == self.dtype {
            return self;
        }
        let (real, imaginary) = self.as_complex();
        let bits = match to {
            DType::Bool => match self.as_integer() {
                Some(integer) => [(integer != 0) as u64, 0],
                None => [(real != 0.0 || imaginary != 0.0) as u64, 0],
            },
            DType::F32 => [
                match self.as_integer() {
                    Some(integer) => (integer as f32).to_bits() as u64,
                    None => (real as f32).to_bits() as u64,
                },
                0,
            ],
            DType::F64 => [real.to_bits(), 0],
            DType::C64 => [(real as f32).to_bits() as u64, (imaginary as f32).to_bits() as u64],
            DType::C128 => [real.to_bits(), imaginary.to_bits()],
            _ => {
                let wide = self.as_integer();
                let value = match to {
                    DType::I8 => wide.map_or(real as i8, |w| w as i8) as i64 as u64,
                    DType::I16 => wide.map_or(real as i16, |w| w as i16) as i64 as u64,
                    DType::I32 => wide.map_or(real as i32, |w| w as i32) as i64 as u64,
                    DType::I64 => wide.map_or(real as i64, |w| w as i64) as u64,
                    DType::U8 => wide.map_or(real as u8, |w| w as u8) as u64,
                    DType::U16 => wide.map_or(real as u16, |w| w as u16) as u64,
                    DType::U32 => wide.map_or(real as u32, |w| w as u32) as u64,
                    _ => wide.map_or(real as u64, |w| w as u64),
                };
                [value, 0]
            }
        };
        Scalar { dtype: to, bits }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self}: {}", self.dtype)
    }
}

/// The shortest text that reads back as the same value, as a literal of the language.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.dtype {
            DType::Bool => write!(f, "{}", self.bits[0] != 0),
            DType::F32 => write!(f, "{:?}", f32::from_bits(self.bits[0] as u32)),
            DType::F64 => write!(f, "{:?}", f64::from_bits(self.bits[0])),
            DType::C64 | DType::C128 => {
                let (real, imaginary) = self.as_complex();
                write!(f, "({real:?}{imaginary:+?}j)")
            }
            _ => write!(f, "{}", self.as_integer().unwrap_or(0)),
        }
    }
}
