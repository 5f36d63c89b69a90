//! Pictures as .png files: the only file that knows the library for them.
//!
//! A picture is u8 (or, read from such a file, u16) of [height, width] in grey, or [height, width, 2 to 4] with the parts of each
//! pixel: grey and opacity; red, green and blue; these and opacity.

use crate::file;
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use thalweg_lang::dtype::{DType, Kind};
use thalweg_lang::types::ArrayType;
use thalweg_runtime::array::Array;
use thalweg_runtime::buffer::Pool;

/// Larger pictures are refused before their memory is asked for.
const LARGEST: usize = 1 << 34;

fn open(path: &Path) -> Result<png::Reader<BufReader<File>>, String> {
    let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    // Palettes become colours, bits become bytes, and a transparent colour becomes opacity.
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.read_info().map_err(|error| format!("{} is no picture that can be read: {error}", path.display()))
}

fn type_in(reader: &png::Reader<BufReader<File>>) -> ArrayType {
    let (width, height) = reader.info().size();
    let (color, depth) = reader.output_color_type();
    let dtype = if depth == png::BitDepth::Sixteen { DType::U16 } else { DType::U8 };
    let mut shape = vec![height as usize, width as usize];
    if color.samples() > 1 {
        shape.push(color.samples());
    }
    ArrayType::new(dtype, shape)
}

/// The type of the picture in a file.
pub(crate) fn type_of(path: &Path) -> Result<ArrayType, String> {
    open(path).map(|reader| type_in(&reader))
}

/// The picture in a file.
pub(crate) fn read(path: &Path, pool: &Pool) -> Result<Array, String> {
    let mut reader = open(path)?;
    let array_type = type_in(&reader);
    let size = reader.output_buffer_size().filter(|size| *size <= LARGEST);
    let Some(size) = size else { return Err(format!("{} is larger than any memory", path.display())) };
    let mut bytes = vec![0; size];
    let damaged = |error| format!("{} is damaged: {error}", path.display());
    reader.next_frame(&mut bytes).map_err(damaged)?;
    let mut array = Array::zeros(array_type.dtype, &array_type.shape, pool)
        .map_err(|refusal| format!("{}: {refusal}", path.display()))?;
    match array_type.dtype {
        DType::U16 => {
            let elements = array.as_mut_slice::<u16>().unwrap_or_default();
            for (element, pair) in elements.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *element = u16::from_be_bytes(*pair);
            }
        }
        _ => array.as_mut_slice::<u8>().unwrap_or_default().copy_from_slice(&bytes),
    }
    Ok(array)
}

/// Writes a picture of eight bits: u8 as it is, floats from 0 to 1, bools as black and white.
pub(crate) fn write(path: &Path, array: &Array) -> Result<(), String> {
    let color = match array.shape() {
        [_, _] | [_, _, 1] => png::ColorType::Grayscale,
        [_, _, 2] => png::ColorType::GrayscaleAlpha,
        [_, _, 3] => png::ColorType::Rgb,
        [_, _, 4] => png::ColorType::Rgba,
        _ => {
            let found = ArrayType::new(array.dtype(), array.shape());
            return Err(format!(
                "a picture is [height, width], or [height, width, 3 or 4] in colour, and this is {found}"
            ));
        }
    };
    let length = |axis: usize| u32::try_from(array.shape()[axis]).ok().filter(|length| *length > 0);
    let (Some(height), Some(width)) = (length(0), length(1)) else {
        return Err("a picture has at least one pixel, and at most 2 ** 32 - 1 along an axis".to_string());
    };
    let bytes: Vec<u8> = match array.dtype().kind() {
        Kind::Bool => array.iter().map(|scalar| if scalar.bits[0] != 0 { 255 } else { 0 }).collect(),
        Kind::Unsigned if array.dtype() == DType::U8 => array.iter().map(|scalar| scalar.bits[0] as u8).collect(),
        // Beyond the ends is black or white; NaN is black.
        Kind::Float => array.iter().map(|scalar| (scalar.as_complex().0 * 255.0).round_ties_even() as u8).collect(),
        _ => {
            let dtype = array.dtype();
            return Err(format!("a picture is u8 from 0 to 255, or floats from 0 to 1, not {dtype}"));
        }
    };
    let encode = |file: File| {
        let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&bytes).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)
    };
    file::replace(path, encode).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
