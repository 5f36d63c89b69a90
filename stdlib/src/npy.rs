//! NumPy's `.npy` files, versions 1 to 3: read in either byte order and either element order, written in C order.
//!
//! A file is a magic word, a version, the length of a header, the header (a Python dictionary as text) and the elements.
//! Nothing in it is believed before it is compared with the file's length.

use crate::file;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thalweg_lang::dtype::{DType, Kind};
use thalweg_runtime::array::{Array, contiguous_strides, length_of};
use thalweg_runtime::buffer::{Bytes, OutOfMemory, Pool};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Headers are a few hundred bytes; one of this size is damaged.
const LARGEST_HEADER: u64 = 1 << 20;

/// As many dimensions as NumPy has.
const LARGEST_RANK: usize = 64;

/// Scattered elements are gathered into pieces of about this many bytes on their way to a file.
const PIECE: usize = 1 << 20;

/// What a file says about its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The elements' type.
    pub dtype: DType,
    /// The dimensions.
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    /// Whether each number's most significant byte comes first.
    pub big_endian: bool,
    /// Where the elements begin, in bytes from the file's start.
    pub data_offset: u64,
}

/// Why a file could not be read or written; each names it.
#[derive(Debug)]
pub enum NpyError {
    /// The system refused.
    System {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// What it said.
        error: io::Error,
    },
    /// The file is something else.
    NotNpy {
        /// The file.
        path: PathBuf,
        /// What it looks like, and what to do about it.
        found: &'static str,
    },
    /// A version of the format that does not exist yet.
    Version {
        /// The file.
        path: PathBuf,
        /// Its major and minor number.
        version: (u8, u8),
    },
    /// The header is not a description of an array.
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Elements that Thalweg does not have.
    DType {
        /// The file.
        path: PathBuf,
        /// What they are.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// Fewer bytes than the header promises.
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that the file should have.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// An array that cannot be held.
    Memory {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        error: OutOfMemory,
    },
}

impl fmt::Display for NpyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            NpyError::System { path, action, error } => {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file or folder".to_string(),
                    io::ErrorKind::PermissionDenied => "permission denied".to_string(),
                    io::ErrorKind::IsADirectory => "it is a folder".to_string(),
                    io::ErrorKind::StorageFull => "the disk is full".to_string(),
                    _ => error.to_string(),
                };
                write!(f, "cannot {action} `{}`: {reason}", path.display())
            }
            NpyError::NotNpy { path, found } => write!(f, "`{}` is not a .npy file: {found}", path.display()),
            NpyError::Version { path, version: (major, minor) } => write!(
                f,
                "`{}` is a .npy file of version {major}.{minor}; versions 1.0, 2.0 and 3.0 can be read",
                path.display()
            ),
            NpyError::Header { path, problem } => {
                write!(f, "the header of `{}` is damaged: {problem}", path.display())
            }
            NpyError::DType { path, found, advice } => {
                write!(f, "`{}` holds {found}, which Thalweg has no dtype for; {advice}", path.display())
            }
            NpyError::Truncated { path, expected, found } => write!(
                f,
                "`{}` is cut off: its header promises a file of {expected} bytes, and it has {found}",
                path.display()
            ),
            NpyError::Memory { path, error } => write!(f, "cannot load `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for NpyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            NpyError::System { error, .. } => Some(error),
            NpyError::Memory { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Reads what a file says about its array, and checks that the elements are there; they are not read.
///
/// # Errors
/// When the file cannot be read, is not a .npy file, is damaged or too short, or holds elements of another kind.
pub fn read_header(path: impl AsRef<Path>) -> Result<Header, NpyError> {
    open(path.as_ref()).map(|(header, _)| header)
}

/// Reads an array of any of the thirteen dtypes. Fortran order becomes strides; the elements of a file in the other byte
/// order are turned round.
///
/// # Errors
/// As [`read_header`], and when the memory cannot be had.
pub fn read(path: impl AsRef<Path>, pool: &Pool) -> Result<Array, NpyError> {
    let path = path.as_ref();
    let (header, mut file) = open(path)?;
    let Header { dtype, shape, fortran, big_endian, data_offset } = header;
    let memory = |error| NpyError::Memory { path: path.to_path_buf(), error };
    // `open` has compared the length with the file's, so this is no more than the file has.
    let bytes = length_of(&shape).unwrap_or(0) * dtype.size();
    let mut buffer = pool.zeroed(bytes).map_err(memory)?;
    if let Some(target) = buffer.as_bytes_mut() {
        file.read_exact(target).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let found = file.metadata().map_or(0, |metadata| metadata.len());
                NpyError::Truncated { path: path.to_path_buf(), expected: data_offset + bytes as u64, found }
            }
            _ => NpyError::System { path: path.to_path_buf(), action: "read", error },
        })?;
        if big_endian != cfg!(target_endian = "big") {
            turn_round(target, dtype);
        }
        if dtype == DType::Bool {
            target.iter_mut().for_each(|byte| *byte = (*byte != 0) as u8);
        }
    }
    let strides = if fortran {
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let mut strides = contiguous_strides(&reversed);
        strides.reverse();
        strides
    } else {
        contiguous_strides(&shape)
    };
    Array::from_buffer(dtype, &shape, &strides, 0, buffer)
        .ok_or_else(|| NpyError::Header { path: path.to_path_buf(), problem: "the shape is too large".to_string() })
}

/// Writes an array as version 1 in C order, in this machine's byte order. What the file held before stays until the new
/// contents are complete: they go to a temporary file beside it, which then takes its place.
///
/// # Errors
/// When the system refuses; the old file is then as it was.
pub fn write(path: impl AsRef<Path>, array: &Array) -> Result<(), NpyError> {
    let path = path.as_ref();
    let refused = |error| NpyError::System { path: path.to_path_buf(), action: "write", error };
    file::replace(path, |file| write_to(file, array)).map_err(refused)
}

fn write_to(mut file: File, array: &Array) -> io::Result<()> {
    file.write_all(&header_bytes(array.dtype(), array.shape()))?;
    write_elements(&mut file, array, &Pool::new())
}

/// The elements in C order: all at once where they lie so, otherwise piece by piece.
fn write_elements(file: &mut File, array: &Array, scratch: &Pool) -> io::Result<()> {
    if let Some(bytes) = array.as_bytes() {
        return file.write_all(bytes);
    }
    let outer = array.shape().iter().position(|&dim| dim > 1);
    let (Some(axis), true) = (outer, array.bytes() > PIECE) else {
        let copy = array.copy(scratch).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        return copy.as_bytes().map_or(Ok(()), |bytes| file.write_all(bytes));
    };
    let (dim, stride) = (array.shape()[axis], array.strides()[axis]);
    let rows = (PIECE / (array.bytes() / dim)).max(1);
    let mut shape = array.shape().to_vec();
    for row in (0..dim).step_by(rows) {
        shape[axis] = rows.min(dim - row);
        let offset = array.offset() as isize + row as isize * stride;
        let part = array.view(offset as usize, &shape, array.strides());
        write_elements(file, &part.ok_or(io::ErrorKind::InvalidInput)?, scratch)?;
    }
    Ok(())
}

/// The header as NumPy writes it, so that the elements begin at a multiple of 64.
fn header_bytes(dtype: DType, shape: &[usize]) -> Vec<u8> {
    let order = match (dtype.size(), cfg!(target_endian = "big")) {
        (1, _) => '|',
        (_, true) => '>',
        (_, false) => '<',
    };
    let kind = match dtype.kind() {
        Kind::Bool => 'b',
        Kind::Signed => 'i',
        Kind::Unsigned => 'u',
        Kind::Float => 'f',
        Kind::Complex => 'c',
    };
    let dims = match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    };
    let mut text = format!("{{'descr': '{order}{kind}{}', 'fortran_order': False, 'shape': {dims}, }}", dtype.size());
    // Only an array of thousands of dimensions needs the longer length of version 2.
    let long = text.len() > 65_000;
    let before = if long { 12 } else { 10 };
    let padded = (before + text.len() + 1).next_multiple_of(64) - before;
    text.push_str(&" ".repeat(padded - 1 - text.len()));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    if long {
        bytes.extend([2, 0]);
        bytes.extend((text.len() as u32).to_le_bytes());
    } else {
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
    }
    bytes.extend(text.into_bytes());
    bytes
}

/// Opens a file, reads its header, checks its length, and leaves it where the elements begin.
fn open(path: &Path) -> Result<(Header, File), NpyError> {
    let refused = |error| NpyError::System { path: path.to_path_buf(), action: "read", error };
    let not_npy = |found| NpyError::NotNpy { path: path.to_path_buf(), found };
    let mut file = File::open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    if metadata.is_dir() {
        return Err(refused(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if !metadata.is_file() {
        return Err(not_npy("it is a device or a pipe, whose length is not known; copy it to a file first"));
    }
    let length = metadata.len();
    let truncated = |expected| NpyError::Truncated { path: path.to_path_buf(), expected, found: length };

    let mut start = Vec::with_capacity(12);
    (&mut file).take(8).read_to_end(&mut start).map_err(refused)?;
    if !start.starts_with(&MAGIC[..start.len().min(6)]) || start.is_empty() {
        return Err(not_npy(match &start[..] {
            [] => "it is empty",
            [b'P', b'K', ..] => "it is a zip archive, as .npz files are; save each array by itself with np.save",
            [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file; save the array with np.save",
            _ => "it does not begin with the word NUMPY",
        }));
    }
    let [.., major, minor] = start[..] else { return Err(truncated(10)) };
    if start.len() < 8 {
        return Err(truncated(10));
    }
    let (size, before) = match (major, minor) {
        (1, 0) => (2, 10),
        (2 | 3, 0) => (4, 12),
        version => return Err(NpyError::Version { path: path.to_path_buf(), version }),
    };
    if length < before {
        return Err(truncated(before));
    }
    let mut digits = [0; 4];
    file.read_exact(&mut digits[..size]).map_err(refused)?;
    let header_length = u32::from_le_bytes(digits) as u64;
    let data_offset = before + header_length;
    if header_length > LARGEST_HEADER {
        let problem = format!("it claims to be {header_length} bytes long");
        return Err(NpyError::Header { path: path.to_path_buf(), problem });
    }
    if length < data_offset {
        return Err(truncated(data_offset));
    }
    let mut text = vec![0; header_length as usize];
    file.read_exact(&mut text).map_err(refused)?;

    let (dtype, big_endian, fortran, shape) = parse(&text).map_err(|problem| match problem {
        Problem::Damaged(problem) => NpyError::Header { path: path.to_path_buf(), problem },
        Problem::Refused { found, advice } => NpyError::DType { path: path.to_path_buf(), found, advice },
    })?;
    let bytes = length_of(&shape).map(|elements| elements * dtype.size());
    let expected = bytes.and_then(|bytes| data_offset.checked_add(bytes as u64));
    match expected {
        Some(expected) if expected <= length => {}
        Some(expected) => return Err(truncated(expected)),
        None => {
            let problem = format!("its shape has more elements than the {} of the file", Bytes(length as usize));
            return Err(NpyError::Header { path: path.to_path_buf(), problem });
        }
    }
    Ok((Header { dtype, shape, fortran, big_endian, data_offset }, file))
}

/// What is wrong with a header.
enum Problem {
    Damaged(String),
    Refused { found: String, advice: &'static str },
}

fn damaged<T>(problem: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Damaged(problem.into()))
}

/// A header's text: dtype, whether big-endian, whether in Fortran order, shape.
fn parse(text: &[u8]) -> Result<(DType, bool, bool, Vec<usize>), Problem> {
    let mut reader = Reader { text, at: 0 };
    let (mut descr, mut order, mut shape) = (None, None, None);
    reader.expect(b'{')?;
    while reader.peek() != Some(b'}') {
        let key = reader.string()?;
        reader.expect(b':')?;
        let twice = match key.as_str() {
            "descr" => descr.replace(reader.descr()?).is_some(),
            "fortran_order" => order.replace(reader.truth()?).is_some(),
            "shape" => shape.replace(reader.shape()?).is_some(),
            _ => return damaged(format!("it has an unknown entry `{}`", shortened(&key))),
        };
        if twice {
            return damaged(format!("it has `{key}` twice"));
        }
        match reader.peek() {
            Some(b',') => reader.at += 1,
            Some(b'}') => {}
            _ => return damaged("its entries are not separated by commas"),
        }
    }
    reader.expect(b'}')?;
    if reader.peek().is_some() {
        return damaged("something follows the dictionary");
    }
    let Some(descr) = descr else { return damaged("it has no `descr`") };
    let Some(fortran) = order else { return damaged("it has no `fortran_order`") };
    let Some(shape) = shape else { return damaged("it has no `shape`") };
    let (dtype, big_endian) = dtype_of(&descr)?;
    Ok((dtype, big_endian, fortran, shape))
}

/// A type's description: one of NumPy's short ones, or a structure.
enum Descr {
    Short(String),
    Structured,
}

fn dtype_of(descr: &Descr) -> Result<(DType, bool), Problem> {
    let Descr::Short(text) = descr else {
        return Err(Problem::Refused {
            found: "records (a structured dtype)".to_string(),
            advice: "save each field by itself, as in np.save(\"x.npy\", records[\"x\"])",
        });
    };
    let (order, rest) = match text.chars().next() {
        Some(order @ ('<' | '>' | '=' | '|')) => (order, &text[1..]),
        _ => ('=', text.as_str()),
    };
    let dtype = match rest {
        "b1" | "?" => DType::Bool,
        "i1" => DType::I8,
        "i2" => DType::I16,
        "i4" => DType::I32,
        "i8" => DType::I64,
        "u1" => DType::U8,
        "u2" => DType::U16,
        "u4" => DType::U32,
        "u8" => DType::U64,
        "f4" => DType::F32,
        "f8" => DType::F64,
        "c8" => DType::C64,
        "c16" => DType::C128,
        _ => return refused_dtype(text, rest),
    };
    if order == '|' && dtype.size() > 1 {
        return damaged(format!("`{text}` says no byte order"));
    }
    let big_endian = match order {
        '>' => true,
        '<' => false,
        _ => cfg!(target_endian = "big"),
    };
    Ok((dtype, big_endian))
}

fn refused_dtype<T>(text: &str, rest: &str) -> Result<T, Problem> {
    let mut characters = rest.chars();
    let kind = characters.next();
    let size = characters.as_str();
    let (found, advice) = match (kind, size) {
        (Some('f'), "2") => ("half precision floats (f16)", "save a.astype(np.float32) instead"),
        (Some('f'), "10" | "12" | "16") => ("extended precision floats", "save a.astype(np.float64) instead"),
        (Some('c'), "20" | "24" | "32") => {
            ("extended precision complex numbers", "save a.astype(np.complex128) instead")
        }
        (Some('U' | 'S' | 'a'), _) => {
            ("strings", "save numbers, such as the positions that np.unique(a, return_inverse=True) gives")
        }
        (Some('M'), _) => ("dates and times", "save a.astype(np.int64) instead"),
        (Some('m'), _) => ("time spans", "save a.astype(np.int64) instead"),
        (Some('O'), _) => {
            ("Python objects", "save an array of numbers, as np.array(a.tolist(), dtype=np.float64) makes")
        }
        (Some('V'), _) => ("raw bytes (a void dtype)", "save a.view(np.uint8) instead"),
        _ => return damaged(format!("`{}` is no dtype", shortened(text))),
    };
    Err(Problem::Refused { found: format!("{found}, `{}`", shortened(text)), advice })
}

/// Enough of a text to recognise it.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().filter(|character| !character.is_control()).take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Walks through a header's text. Between the parts there may be spaces.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Problem> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => damaged(format!("there is no `{}` at its byte {}", byte as char, self.at)),
            None => damaged(format!("it ends where there should be a `{}`", byte as char)),
        }
    }

    /// A string in either kind of quotes. None of NumPy's has a backslash.
    fn string(&mut self) -> Result<String, Problem> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return damaged(format!("there is no string at its byte {}", self.at));
        };
        let rest = &self.text[self.at + 1..];
        let Some(length) = rest.iter().position(|&byte| byte == quote) else {
            return damaged("a string in it does not end");
        };
        self.at += length + 2;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn truth(&mut self) -> Result<bool, Problem> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        damaged("`fortran_order` is neither True nor False")
    }

    fn descr(&mut self) -> Result<Descr, Problem> {
        match self.peek() {
            Some(b'\'' | b'"') => self.string().map(Descr::Short),
            Some(b'[' | b'(') => self.skip_brackets().map(|()| Descr::Structured),
            _ => damaged("`descr` is not a dtype"),
        }
    }

    /// Passes over a list or tuple, with the strings in it.
    fn skip_brackets(&mut self) -> Result<(), Problem> {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' | b'"' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'(' => depth += 1,
                b']' | b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        damaged("a bracket in it is not closed")
    }

    /// A tuple of dimensions. Python 2 wrote an `L` after some.
    fn shape(&mut self) -> Result<Vec<usize>, Problem> {
        self.expect(b'(')?;
        let mut shape = Vec::new();
        loop {
            match self.peek() {
                Some(b')') => {
                    self.at += 1;
                    return Ok(shape);
                }
                Some(b'0'..=b'9') => {}
                _ => return damaged("`shape` is not a tuple of dimensions"),
            }
            let mut dim = 0usize;
            while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
                let next = dim.checked_mul(10).and_then(|dim| dim.checked_add((digit - b'0') as usize));
                dim = match next {
                    Some(next) => next,
                    None => return damaged("a dimension in it is too large"),
                };
                self.at += 1;
            }
            if self.text.get(self.at) == Some(&b'L') {
                self.at += 1;
            }
            shape.push(dim);
            if shape.len() > LARGEST_RANK {
                return damaged(format!("it has more than {LARGEST_RANK} dimensions"));
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b')') => {}
                _ => return damaged("`shape` is not a tuple of dimensions"),
            }
        }
    }
}

/// Reverses the bytes of every number; a complex one is two.
fn turn_round(bytes: &mut [u8], dtype: DType) {
    let size = if dtype.kind() == Kind::Complex { dtype.size() / 2 } else { dtype.size() };
    match size {
        2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|number| number.reverse()),
        4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|number| number.reverse()),
        8 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|number| number.reverse()),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
