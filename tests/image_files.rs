//! Image files and .npy files: read, refused, written whole.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use unet_lens::Error;
use unet_lens::engine::tensor::Shape;
use unet_lens::files::{check_writable_dir, write_whole};
use unet_lens::picture::npy::{self, Numbers};
use unet_lens::picture::read_image;

fn encode(image: impl Into<image::DynamicImage>, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn images_of_every_supported_kind() {
    use image::ImageFormat::{Jpeg, Png};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let read = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        read_image(&path).unwrap()
    };
    let close = |a: &[f32], b: &[f32], most: f32| {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= most), "{a:?} is not {b:?}");
    };
    let gray = read(encode(image::GrayImage::from_fn(3, 2, |x, y| image::Luma([(x * 100 + y) as u8])), Png));
    assert_eq!((gray.h, gray.w), (2, 3));
    close(&gray.luma(), &[0.0, 100.0, 200.0, 1.0, 101.0, 201.0].map(|v| v / 255.0), 1e-6);
    let deep = image::ImageBuffer::from_fn(2, 1, |x, _| image::Luma([x as u16 * 1001]));
    close(&read(encode(deep, Png)).luma(), &[0.0, 1001.0 / 65535.0], 1e-6);
    let rgb = image::RgbImage::from_pixel(1, 1, image::Rgb([10, 20, 30]));
    close(&read(encode(rgb, Png)).luma(), &[(0.299 * 10.0 + 0.587 * 20.0 + 0.114 * 30.0) / 255.0], 1e-6);
    // Half-transparent black and wholly transparent red, on white.
    let alpha =
        image::RgbaImage::from_fn(2, 1, |x, _| image::Rgba(if x == 0 { [0, 0, 0, 51] } else { [255, 0, 0, 0] }));
    close(&read(encode(alpha, Png)).rgb, &[0.8, 0.8, 0.8, 1.0, 1.0, 1.0], 1e-6);
    let photo = image::RgbImage::from_pixel(20, 10, image::Rgb([200, 100, 50]));
    let photo = read(encode(photo, Jpeg));
    assert_eq!((photo.h, photo.w), (10, 20));
    close(&photo.rgb[..3], &[200.0, 100.0, 50.0].map(|v| v / 255.0), 0.02);
    close(
        &read(encode(image::GrayImage::from_pixel(9, 9, image::Luma([77])), Jpeg)).luma()[..1],
        &[77.0 / 255.0],
        0.01,
    );
}

/// The message of an error about this very file.
fn problem<T>(result: unet_lens::Result<T>, path: &Path) -> String {
    match result {
        Err(Error::File { file, problem }) if file == path.display().to_string() => problem,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("{} was taken", path.display()),
    }
}

#[test]
fn bad_images_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let good = encode(image::GrayImage::from_pixel(40, 40, image::Luma([9])), image::ImageFormat::Png);
    let header = |w: u32, h: u32, frames: u32| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, w, h);
        if frames > 1 {
            encoder.set_animated(frames, 0).unwrap();
        }
        let mut writer = encoder.write_header().unwrap();
        (0..if frames > 1 { frames } else { 0 })
            .for_each(|_| writer.write_image_data(&vec![0; (w * h) as usize]).unwrap());
        // No picture fits in so little data.
        writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0]).unwrap();
        drop(writer);
        bytes
    };
    // Start, frame header of 8 bits, 16x16, four components.
    let cmyk = [0xff, 0xd8, 0xff, 0xc0, 0, 20, 8, 0, 16, 0, 16, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0, 0xff, 0xd9];
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("huge.png", header(20_000, 20_000, 1), "20000x20000"),
        ("no-data.png", header(7_000, 7_000, 1), "broken"),
        ("header.png", header(20_000, 20_000, 1)[..33].to_vec(), "broken"),
        ("empty.png", vec![], "0 bytes"),
        ("text.png", b"this is not an image".to_vec(), "PNG and JPEG"),
        ("short.png", good[..good.len() / 2].to_vec(), "broken"),
        ("animated.png", header(4, 4, 2), "animated"),
        ("moving.gif", gif, "GIF"),
        ("cmyk.jpg", cmyk.to_vec(), "CMYK"),
        ("cut.jpg", vec![0xff, 0xd8, 0xff, 0xe0, 0, 16], "broken"),
    ];
    for (name, bytes, words) in cases {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = problem(read_image(&path), &path);
        assert!(message.contains(words), "{name}: {message}");
    }
    assert!(problem(read_image(dir.path()), dir.path()).contains("folder"));
    let missing = dir.path().join("missing.png");
    assert!(problem(read_image(&missing), &missing).contains("no such file"));
}

/// A decoder fills what is missing of a JPEG with grey.
#[test]
fn a_jpeg_that_is_cut_short_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("photo.jpg");
    let photo = image::RgbImage::from_fn(60, 40, |x, y| image::Rgb([(x * 4) as u8, (y * 6) as u8, (x * y) as u8]));
    let whole = encode(photo, image::ImageFormat::Jpeg);
    for share in [30, 50, 90, 99] {
        fs::write(&path, &whole[..whole.len() * share / 100]).unwrap();
        let message = problem(read_image(&path), &path);
        assert!(message.contains("cut short") || message.contains("broken"), "{share}%: {message}");
    }
    for missing in [1, 2, 3] {
        fs::write(&path, &whole[..whole.len() - missing]).unwrap();
        let message = problem(read_image(&path), &path);
        assert!(message.contains("cut short") && message.contains(&(whole.len() - missing).to_string()), "{message}");
    }
    // The end of a thumbnail in a header is not the picture's: after the start, a segment that holds one.
    let with_thumbnail =
        |picture: &[u8]| [&picture[..2], &[0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9], &picture[2..]].concat();
    fs::write(&path, with_thumbnail(&whole[..whole.len() - 2])).unwrap();
    assert!(problem(read_image(&path), &path).contains("cut short"));
    // What follows the end belongs to nobody; before a marker there may be any number of 0xff.
    let filled = [&with_thumbnail(&whole[..whole.len() - 2])[..], &[0xff, 0xff, 0xff, 0xd9], b"and so on"].concat();
    for bytes in [whole.clone(), with_thumbnail(&whole), filled] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(read_image(&path).unwrap().w, 60);
    }
}

/// `bytes` with some changed, the same ones for the same `seed`.
fn damaged(bytes: &[u8], seed: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(1);
    for _ in 0..1 + seed % 4 {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        let at = (state >> 8) as usize % bytes.len();
        bytes[at] = (state >> 3) as u8;
    }
    bytes.truncate(if seed.is_multiple_of(5) { bytes.len() - state as usize % 20 } else { bytes.len() });
    bytes
}

#[test]
fn damaged_files_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let rgb = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([(x * 16) as u8, (y * 16) as u8, 90]));
    let path = dir.path().join("array.npy");
    npy::write(&path, &[2, 4], &[1.0; 8]).unwrap();
    let array = fs::read(&path).unwrap();
    let complex = npy_file("<c8", true, "(2, 3)", &[7; 48]);
    let files = [encode(rgb.clone(), image::ImageFormat::Png), encode(rgb, image::ImageFormat::Jpeg), array, complex];
    for seed in 0..800 {
        fs::write(&path, damaged(&files[seed as usize % 4], seed)).unwrap();
        let _ = (read_image(&path), npy::read_numbers(&path));
    }
}

/// An .npy file of version 1.
fn npy_file(kind: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    npy_header(&format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n"), data)
}

fn npy_header(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn npy_round_trip_and_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("a.npy");
    let values: Vec<f32> = (0..24).map(|v| v as f32 - 3.5).collect();
    for (shape, read) in [
        (vec![4, 6], Shape::new(1, 4, 6, 1)),
        (vec![2, 3, 4], Shape::new(2, 3, 4, 1)),
        (vec![1, 2, 3, 4], Shape::new(1, 2, 3, 4)),
    ] {
        npy::write(&path, &shape, &values).unwrap();
        let tensor = npy::read(&path).unwrap();
        assert_eq!((tensor.shape, &tensor.data), (read, &values));
    }
    let read = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        npy::read(&path).unwrap().data
    };
    let both = |kind: &str, little: &[u8], big: &[u8]| {
        assert_eq!(read(npy_file(&format!("<{kind}"), false, "(1, 2)", little)), [1.0, 2.0], "{kind}");
        assert_eq!(read(npy_file(&format!(">{kind}"), false, "(1, 2)", big)), [1.0, 2.0], "{kind}");
    };
    macro_rules! numbers {
        ($($kind:literal $type:ty),*) => {$({
            let [a, b] = [1u8, 2].map(|v| v as $type);
            both($kind, &[a.to_le_bytes(), b.to_le_bytes()].concat(), &[a.to_be_bytes(), b.to_be_bytes()].concat());
        })*};
    }
    numbers!("f4" f32, "f8" f64, "i2" i16, "i4" i32, "i8" i64, "u2" u16, "u4" u32, "u8" u64);
    assert_eq!(read(npy_file("|i1", false, "(1, 2)", &[255, 2])), [-1.0, 2.0]);
    assert_eq!(read(npy_file("|b1", false, "(1, 2)", &[1, 0])), [1.0, 0.0]);
    // numpy.asfortranarray([[0, 1, 2], [3, 4, 5]])
    assert_eq!(read(npy_file("|u1", true, "(2, 3)", &[0, 3, 1, 4, 2, 5])), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // numpy.asfortranarray(numpy.arange(8).reshape(2, 1, 2, 2))
    let cube = npy_file("|u1", true, "(2, 1, 2, 2)", &[0, 4, 2, 6, 1, 5, 3, 7]);
    assert_eq!(read(cube), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
}

#[test]
fn complex_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let read = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        match npy::read_numbers(&path).unwrap() {
            Numbers::Complex(tensor) => (tensor.shape, tensor.data),
            Numbers::Real(_) => panic!("they are complex"),
        }
    };
    // numpy.array([[1 + 2j, 3 + 4j, 5 + 6j], [7 + 8j, 9 + 10j, 11 + 12j]]), and numpy.asfortranarray of it
    let parts: Vec<f32> = (1..13).map(|v| v as f32).collect();
    let by_columns = [1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12].map(|v| v as f32);
    let expected = (Shape::new(1, 2, 3, 2), parts.clone());
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    assert_eq!(read(npy_file("<c8", false, "(2, 3)", &bytes(&parts))), expected);
    assert_eq!(read(npy_file("<c8", true, "(2, 3)", &bytes(&by_columns))), expected);
    let big: Vec<u8> = parts.iter().flat_map(|&v| f64::from(v).to_be_bytes()).collect();
    assert_eq!(read(npy_file(">c16", false, "(2, 3)", &big)), expected);
    assert_eq!(read(npy_file("<c8", false, "(3, 2, 1)", &bytes(&parts))), (Shape::new(3, 2, 1, 2), parts));
}

#[test]
fn bad_npy_files_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let long = [&b"\x93NUMPY\x02\0"[..], &u32::MAX.to_le_bytes(), b"{'descr': '<f4'"].concat();
    let cases = [
        (npy_file("<f4", false, "(8,)", &[0; 32]), "[8]"),
        (npy_file("<f4", false, "()", &[0; 4]), "[]"),
        (npy_file("<f4", false, "(1, 1, 1, 1, 1)", &[0; 4]), "[N,H,W,C]"),
        (npy_file("<c8", false, "(1, 2)", &[0; 16]), "complex numbers, of which numpy.abs"),
        (npy_file("<c8", false, "(1, 2, 2, 2)", &[0; 64]), "[1, 2, 2, 2]; of complex numbers"),
        (npy_file("<c8", false, "(1, 2)", &[0; 15]), "cut short"),
        (npy_file("<c16", false, "(4000000000, 4000000000)", &[0; 16]), "cut short"),
        (npy_file("<c32", false, "(1, 2)", &[0; 64]), "<c32"),
        (npy_file("<f2", false, "(1, 2)", &[0; 4]), "float32"),
        (npy_file("<U4", false, "(1, 2)", &[0; 32]), "<U4"),
        (npy_file("|O", false, "(1, 2)", &[0; 32]), "|O"),
        (npy_file("<f4", false, "(2, 2)", &[0; 15]), "cut short"),
        (npy_file("<f4", false, "(1000000, 1000000)", &[0; 16]), "cut short"),
        (npy_file("<f4", false, "(4000000000, 4000000000, 4000000000)", &[0; 16]), "broken"),
        (npy_file("<f4", false, "(0, 5)", &[]), "no values"),
        (npy_file("<f4", false, "(-1, 5)", &[0; 16]), "broken"),
        (npy_header(&"[".repeat(9_999), &[]), "broken"),
        (npy_file("<<<f4", false, "(1, 2)", &[0; 8]), "<<<f4"),
        (npy_header("{'descr': '<f4', 'fortran_order': 1, 'shape': (1, 2), }", &[0; 8]), "broken"),
        (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, }", &[0; 8]), "broken"),
        (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)", &[0; 8]), "broken"),
        (npy_header("'descr': '<f4' 'fortran_order': False 'shape': (1, 2)", &[0; 8]), "broken"),
        (npy_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}", &[0; 4]), "records"),
        (long, "broken"),
        (b"\x93NUMPY".to_vec(), "broken"),
        (b"some text, not an array".to_vec(), "not an .npy"),
        (vec![], "0 bytes"),
    ];
    for (i, (bytes, words)) in cases.into_iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let message = problem(npy::read(&path), &path);
        assert!(message.contains(words), "case {i}: {message}");
    }
    assert!(problem(npy::read(dir.path()), dir.path()).contains("folder"));
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let names = |dir: &Path| fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let path = dir.path().join("a.txt");
    write_whole(&path, b"one").unwrap();
    write_whole(&path, b"two").unwrap();
    assert_eq!((fs::read(&path).unwrap(), names(dir.path()).len()), (b"two".to_vec(), 1));
    // Onto a folder; into a folder that is not there; below a file.
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert!(problem(write_whole(&folder, b"x"), &folder).contains("folder"));
    let lost = dir.path().join("none").join("a.txt");
    assert!(problem(write_whole(&lost, b"x"), &lost).contains("no such"));
    let below = path.join("b.txt");
    assert!(problem(write_whole(&below, b"x"), &below).contains("not a folder"));
    // A name that the system refuses: nothing is left.
    let long = dir.path().join("n".repeat(300));
    assert!(write_whole(&long, b"x").is_err());
    assert_eq!((names(dir.path()).len(), fs::read(&path).unwrap()), (2, b"two".to_vec()));
}

#[test]
fn folders_are_tried_before_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b");
    check_writable_dir(&deep).unwrap();
    assert_eq!(fs::read_dir(&deep).unwrap().count(), 0, "the probe is gone");
    check_writable_dir("").unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for under in [file.clone(), file.join("x/y")] {
        assert!(problem(check_writable_dir(&under), &file).contains("a file stands here"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&deep, fs::Permissions::from_mode(0o500)).unwrap();
        // Root may write everywhere.
        if fs::write(deep.join("try"), "x").is_err() {
            let message = problem(check_writable_dir(&deep), &deep);
            assert!(message.contains("permission"), "{message}");
        }
    }
}
