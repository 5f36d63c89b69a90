//! Files made by hand, damaged in every way, and exchanged with NumPy where it is installed.

use super::*;
use std::fs;
use std::process::Command;
use thalweg_lang::dtype::Scalar;
use thalweg_runtime::array::{Complex, Element};
use thalweg_runtime::for_dtype;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("thalweg-npy-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn npy(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn numbers<T: Element>(array: &Array) -> Vec<T> {
    assert_eq!(array.dtype(), T::DTYPE);
    array.iter().map(T::from_scalar).collect()
}

#[test]
fn orders_and_versions() {
    let folder = Folder::new("orders");
    let pool = Pool::new();
    let data: Vec<u8> = (1..=6i16).flat_map(i16::to_be_bytes).collect();
    let path = folder.file("a.npy", &npy(2, "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }  \n", &data));
    let header = read_header(&path).unwrap();
    assert_eq!(
        (header.dtype, &header.shape[..], header.fortran, header.big_endian),
        (DType::I16, &[2, 3][..], true, true)
    );
    let array = read(&path, &pool).unwrap();
    assert_eq!((array.shape(), array.strides()), (&[2, 3][..], &[1, 2][..]));
    assert_eq!(numbers::<i16>(&array), [1, 3, 5, 2, 4, 6]);

    let data: Vec<u8> = [1.5f32, -2.0].into_iter().flat_map(f32::to_be_bytes).collect();
    let path = folder.file("b.npy", &npy(3, "{\"shape\":(),\"fortran_order\":False,\"descr\":\">c8\"}", &data));
    assert_eq!(numbers::<Complex<f32>>(&read(&path, &pool).unwrap()), [Complex::new(1.5, -2.0)]);

    let path =
        folder.file("c.npy", &npy(1, "{'shape': (3L,), 'descr': '|b1', 'fortran_order': False}", &[0, 1, 77, 99]));
    let array = read(&path, &pool).unwrap();
    assert_eq!(array.as_slice::<bool>(), Some(&[false, true, true][..]), "what follows the elements is left alone");

    let path =
        folder.file("d.npy", &npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999999999)}", &[]));
    assert_eq!(read(&path, &pool).unwrap().shape(), [0, 99_999_999_999_999_999]);
}

#[test]
fn every_dtype_and_view_comes_back() {
    let folder = Folder::new("views");
    let pool = Pool::new();
    for dtype in DType::ALL {
        let array = for_dtype!(dtype, T => {
            let values = (0..24).map(|i| T::from_scalar(Scalar::c128(i as f64 - 3.5, 0.25 * i as f64))).collect();
            Array::from_vec(&[2, 3, 4], values).unwrap()
        });
        let views = [
            array.clone(),
            array.view(0, &[4, 3, 2], &[1, 4, 12]).unwrap(),
            array.view(23, &[2, 6], &[-12, -2]).unwrap(),
            array.view(5, &[], &[]).unwrap(),
            array.view(0, &[0, 3], &[3, 1]).unwrap(),
            array.view(1, &[5], &[0]).unwrap(),
        ];
        for view in views {
            let path = folder.0.join("x.npy");
            write(&path, &view).unwrap();
            assert!(read(&path, &pool).unwrap().same_bits(&view), "{view:?}");
            assert_eq!(read_header(&path).unwrap().data_offset % 64, 0);
        }
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn scattered_elements_are_written_in_pieces() {
    let folder = Folder::new("pieces");
    let array = Array::from_vec(&[700, 900], (0..630_000i64).collect()).unwrap();
    let path = folder.0.join("x.npy");
    for view in [
        array.view(0, &[900, 700], &[1, 900]).unwrap(),
        array.view(629_999, &[1, 700, 450], &[7, -900, -2]).unwrap(),
        Array::scalar(Scalar::i64(7)).broadcast_to(&[2, 1_000_000]).unwrap(),
    ] {
        write(&path, &view).unwrap();
        assert!(read(&path, &Pool::new()).unwrap().same_bits(&view));
    }
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = Folder::new("failed");
    let path = folder.file("x.npy", b"old");
    let array = Array::scalar(Scalar::f64(1.0));
    let missing = folder.0.join("no").join("x.npy");
    let message = write(&missing, &array).unwrap_err().to_string();
    assert_eq!(message, format!("cannot write `{}`: there is no such file or folder", missing.display()));
    assert!(write(&folder.0, &array).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    write(&path, &array).unwrap();
    assert!(read(&path, &Pool::new()).unwrap().same_bits(&array));
}

#[cfg(unix)]
#[test]
fn links_and_devices_are_written_through() {
    let folder = Folder::new("links");
    let (real, link) = (folder.file("real.npy", b""), folder.0.join("link.npy"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let array = Array::scalar(Scalar::f64(1.0));
    write(&link, &array).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(read(&real, &Pool::new()).unwrap().same_bits(&array));
    write("/dev/null", &array).unwrap();
    assert!(read("/dev/null", &Pool::new()).unwrap_err().to_string().contains("it is a device or a pipe"));
}

#[test]
fn refusals_say_what_was_found() {
    let folder = Folder::new("refused");
    let message = |bytes: &[u8]| {
        let path = folder.file("x.npy", bytes);
        let text = read(&path, &Pool::new()).unwrap_err().to_string();
        text.replace(&path.display().to_string(), "x.npy")
    };
    let header = |descr: &str, shape: &str| {
        npy(1, &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"), &[0; 64])
    };
    let cases = [
        (vec![], "`x.npy` is not a .npy file: it is empty"),
        (b"1,2,3\n4,5,6\n".to_vec(), "`x.npy` is not a .npy file: it does not begin with the word NUMPY"),
        (
            b"PK\x03\x04aaaaaaaaa".to_vec(),
            "`x.npy` is not a .npy file: it is a zip archive, as .npz files are; save each array by itself with np.save",
        ),
        (npy(9, "", &[]), "`x.npy` is a .npy file of version 9.0; versions 1.0, 2.0 and 3.0 can be read"),
        (
            header("'<f2'", "(2,)"),
            "`x.npy` holds half precision floats (f16), `<f2`, which Thalweg has no dtype for; save a.astype(np.float32) instead",
        ),
        (
            header("'|O'", "(2,)"),
            "`x.npy` holds Python objects, `|O`, which Thalweg has no dtype for; save an array of numbers, as \
             np.array(a.tolist(), dtype=np.float64) makes",
        ),
        (
            header("[('a', '<f8'), ('b(', '<i4', (2,))]", "(2,)"),
            "`x.npy` holds records (a structured dtype), which Thalweg has no dtype for; save each field by itself, as in \
             np.save(\"x.npy\", records[\"x\"])",
        ),
        (header("'<f8'", "(9,)"), "`x.npy` is cut off: its header promises a file of 140 bytes, and it has 132"),
        (
            header("'<f8'", "(4000000000, 4000000000)"),
            "the header of `x.npy` is damaged: its shape has more elements than the 152 B of the file",
        ),
        (header("'<f8'", "(-1,)"), "the header of `x.npy` is damaged: `shape` is not a tuple of dimensions"),
        (
            header("'<f8'", "(99999999999999999999,)"),
            "the header of `x.npy` is damaged: a dimension in it is too large",
        ),
        (header("'<q8'", "(1,)"), "the header of `x.npy` is damaged: `<q8` is no dtype"),
        (header("'|f8'", "(1,)"), "the header of `x.npy` is damaged: `|f8` says no byte order"),
        (npy(1, "{'descr': '<f8'}", &[]), "the header of `x.npy` is damaged: it has no `fortran_order`"),
        (npy(1, "{'descr': '<f8', 'descr': '<f8'}", &[]), "the header of `x.npy` is damaged: it has `descr` twice"),
        (npy(1, "{'colour': '<f8'}", &[]), "the header of `x.npy` is damaged: it has an unknown entry `colour`"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(message(&bytes), expected);
    }
    let folder_message = read(&folder.0, &Pool::new()).unwrap_err().to_string();
    assert!(folder_message.ends_with("it is a folder"), "{folder_message}");
    let pool = Pool::new();
    pool.set_limit(Some(10));
    let path = folder.file("y.npy", &header("'<f8'", "(8,)"));
    let text = read(&path, &pool).unwrap_err().to_string();
    assert!(text.ends_with("out of memory: 64 B more would pass the limit of 10 B (0 B in use)"), "{text}");
}

/// Cut off anywhere, or with any byte changed, a file is read or refused.
#[test]
fn damage_never_panics() {
    let folder = Folder::new("damage");
    let pool = Pool::new();
    pool.set_limit(Some(1 << 20));
    let good = npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }        \n", &[1; 48]);
    for length in 0..good.len() {
        assert!(read(folder.file("cut.npy", &good[..length]), &pool).is_err(), "{length}");
    }
    let mut state = 2463534242u32;
    for place in 0..good.len() {
        for _ in 0..6 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let mut bytes = good.clone();
            bytes[place] = (state >> 8) as u8;
            let path = folder.file("changed.npy", &bytes);
            assert_eq!(read(&path, &pool).is_ok(), read_header(&path).is_ok());
        }
    }
}

/// NumPy reads what is written here, and what NumPy writes is read here, bit by bit.
#[test]
fn numpy_agrees() {
    let folder = Folder::new("numpy");
    let python = |script: &str| Command::new("python3").arg("-c").arg(script).current_dir(&folder.0).output();
    let written = python(
        r#"
import numpy as np
count = 0
for code in "? i1 i2 i4 i8 u1 u2 u4 u8 f4 f8 c8 c16".split():
    for order in "<>":
        for shape in [(), (1,), (7,), (3, 4), (2, 3, 4), (0, 3), (1, 5, 1)]:
            size = int(np.prod(shape))
            dtype = np.dtype(code).newbyteorder(order)
            raw = np.random.default_rng(count).bytes(size * dtype.itemsize)
            a = np.frombuffer(raw, np.uint8) % 2 == 1 if code == "?" else np.frombuffer(raw, dtype)
            a = a.reshape(shape)
            for a in [a, np.asfortranarray(a)]:
                np.save(f"{count}.npy", a)
                count += 1
np.lib.format.write_array(open(f"{count}.npy", "wb"), np.arange(5.0), version=(2, 0))
np.lib.format.write_array(open(f"{count + 1}.npy", "wb"), np.arange(5.0), version=(3, 0))
print(count + 2, end="")
"#,
    );
    let count: usize = match written {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).parse().unwrap(),
        _ => return eprintln!("skipped: python3 with numpy is not installed"),
    };
    for number in 0..count {
        let array = read(folder.0.join(format!("{number}.npy")), &Pool::new()).unwrap();
        write(folder.0.join(format!("{number}.own.npy")), &array).unwrap();
    }
    let compared = python(&format!(
        r#"
import numpy as np
for i in range({count}):
    theirs, ours = np.load(f"{{i}}.npy"), np.load(f"{{i}}.own.npy")
    assert theirs.shape == ours.shape and theirs.dtype.newbyteorder("=") == ours.dtype, (i, theirs.dtype, ours.dtype)
    assert theirs.astype(ours.dtype).tobytes() == ours.tobytes(), i
"#
    ))
    .unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
}
