//! `unet-lens restore` and `unet-lens activations`, as a user calls them: results, and everything that is no picture.

mod common;

use assert_cmd::Command;
use common::{Expected, difference, fixture, names, network, npy, open};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use unet_lens::engine::exec::Backend;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};
use unet_lens::mri::report::{Row, figure, table};
use unet_lens::mri::restore::{Attempt, Example, compute, phantoms};
use unet_lens::mri::{Axis, Sampling, undersample};
use unet_lens::network::pad::Padded;
use unet_lens::network::unet;
use unet_lens::picture::{Colormap, npy as npy_file, read_image};

/// What came out of a command: exit code, standard output, standard error (but for the line that says why auto takes the
/// CPU).
fn run(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    let output = command.current_dir(dir).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let err = text(output.stderr);
    let err = err.split_inclusive('\n').filter(|line| !line.ends_with("the CPU computes\n")).collect();
    (output.status.code().expect("it was not killed"), text(output.stdout), err)
}

fn tiny() -> String {
    fixture("tiny.h5").display().to_string()
}

fn encode(image: impl Into<image::DynamicImage>, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG's header and hardly any data.
fn hollow(w: u32, h: u32, frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, w, h);
    if frames > 1 {
        encoder.set_animated(frames, 0).unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    for _ in 0..if frames > 1 { frames } else { 0 } {
        writer.write_image_data(&vec![0; (w * h) as usize]).unwrap();
    }
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0]).unwrap();
    drop(writer);
    bytes
}

#[test]
fn restored_phantoms_and_a_brain() {
    let executor = open(Backend::Cpu).unwrap();
    let network = network("unet.h5");
    let mut examples = phantoms(&network, 8, 0, Sampling::default()).unwrap();
    let photo = read_image(fixture("brain.png")).unwrap();
    let size = (photo.h, photo.w);
    examples.push(Example::undersampled("brain".into(), photo.luma(), size, Sampling::default()).unwrap());
    let mut heard = vec![];
    let results = compute(&*executor, &network, &examples, &mut |done, total| heard.push((done, total))).unwrap();
    assert_eq!((heard[0], heard[heard.len() - 1]), ((0, 9), (9, 9)));
    // The network does what it was trained for: on phantoms fixtures/README.md has 30.7 dB against 22.6 dB.
    let mean = |of: &dyn Fn(usize) -> f64| (0..8).map(of).sum::<f64>() / 8.0;
    let psnr = |attempt: &Attempt| attempt.scores.unwrap().psnr;
    let (before, after) = (mean(&|i| psnr(&results[i].aliased)), mean(&|i| psnr(&results[i].restored)));
    assert!((19.0..25.0).contains(&before) && after > before + 6.0, "phantoms: {before} dB to {after} dB");
    let brain = &results[8];
    assert!(psnr(&brain.restored) > psnr(&brain.aliased) + 1.0, "brain: {:?}", brain.restored.scores);
    assert!(brain.restored.scores.unwrap().ssim > brain.aliased.scores.unwrap().ssim);
    assert!(brain.restored.scores.unwrap().nmse < brain.aliased.scores.unwrap().nmse);
    // A picture alone is what it is in a crowd.
    let alone = compute(&*executor, &network, &examples[3..4], &mut |_, _| {}).unwrap();
    assert_eq!(alone[0], results[3]);
    let lines = table(&results.iter().map(Row::from).collect::<Vec<_>>());
    assert_eq!(lines.lines().count(), 2 + 9 + 1, "{lines}");
    assert!(lines.contains(&format!("{:.2} dB", psnr(&brain.restored))), "{lines}");
    assert!(figure(&results, Colormap::Gray).height() > 9 * 256);
}

#[test]
fn undersampled_before_it_is_padded() {
    let executor = open(Backend::Cpu).unwrap();
    let network = network("tiny.h5");
    let (h, w) = (13, 11);
    let truth: Vec<f32> = (0..h * w).map(|i| (i as f32 * 0.37).sin().abs()).collect();
    let sampling = Sampling { axis: Axis::Columns, every: 3, centre: 0.2, offset: 2 };
    let example = Example::undersampled("odd".into(), truth.clone(), (h, w), sampling).unwrap();
    let results = compute(&*executor, &network, &[example], &mut |_, _| {}).unwrap();
    let aliased = undersample(&truth, (h, w), sampling).unwrap();
    assert!(difference(&results[0].aliased.picture, &aliased).0 < 1e-6);
    assert_eq!(results[0].restored.picture.len(), h * w);
    assert!(results[0].aliased.scores.unwrap().ssim.is_some());
}

#[test]
fn the_commands_write_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let model = tiny();
    let restore = ["restore", "--model", &model, "--count", "2", "--every", "3", "--axis", "columns"];
    let (code, out, err) = run(dir.path(), &[&restore[..], &["--out", "a", "--threads", "1"]].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("phantom 1") && out.contains("mean") && out.ends_with("restore.png\n"), "{out}");
    // The same bytes on any number of threads; another seed gives others.
    let (code, out, _) = run(dir.path(), &[&restore[..], &["--out", "b", "--threads", "2", "-q"]].concat());
    assert_eq!((code, out.as_str()), (0, ""));
    run(dir.path(), &[&restore[..], &["--out", "c", "--seed", "1"]].concat());
    let read = |name: &str| fs::read(dir.path().join(name).join("restore.png")).unwrap();
    assert!(read("a") == read("b") && read("a") != read("c"));
    assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    run(dir.path(), &[&restore[..], &["--out", "d", "--colormap", "magma"]].concat());
    assert!(read("a") != read("d"));

    let (code, out, err) = run(dir.path(), &["activations", "phantom", "--model", &model, "--top", "all"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let files: Vec<&str> = out.lines().collect();
    let network = network("tiny.h5");
    assert_eq!(files.len(), network.layers.len() + 1, "{out}");
    files.iter().for_each(|file| assert!(read_image(dir.path().join(file)).is_ok(), "{file}"));
    let (code, out, _) =
        run(dir.path(), &["activations", "phantom", "--model", &model, "--layer", "code", "--out", "one"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
    assert!(dir.path().join("one/activations-code.png").exists());
}

/// What a researcher has: k-space, a mask, stacks, several files.
#[test]
fn measured_data_and_files_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let model = tiny();
    let at = |name: &str| dir.path().join(name);
    let scan = fixture("kspace.npy").display().to_string();
    let expected = Expected::open("mri.h5");
    let mask = expected.floats("mask");
    npy_file::write(at("mask.npy"), &[45, 38], &mask).unwrap();
    let white = image::GrayImage::from_fn(38, 45, |x, y| image::Luma([255 * mask[(y * 38 + x) as usize] as u8]));
    fs::write(at("mask.png"), encode(white, image::ImageFormat::Png)).unwrap();
    // A stack of what is measured by the mask, and its second image alone.
    let part: Vec<f32> = expected.floats("kspace").iter().enumerate().map(|(i, v)| v * mask[i / 2]).collect();
    let turned: Vec<f32> = part.chunks(2).flat_map(|v| [-v[1], 3.0 * v[0]]).collect();
    npy_file::write(at("stack.npy"), &[2, 45, 38, 2], &[&part[..], &turned].concat()).unwrap();
    npy_file::write(at("second.npy"), &[45, 38, 2], &turned).unwrap();

    let ours = |line: &[&str]| {
        let (code, out, err) = run(dir.path(), &[&["restore", "--model", &model], line].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{line:?}: {out}");
        out
    };
    let text = ours(&[&scan, "--mask", "mask.npy", "--npy"]);
    let psnr = f64::from(expected.floats("masked/psnr")[0]);
    assert!(text.contains(&format!("kspace.npy  {psnr:>8.2} dB")), "{text}");
    assert!(text.ends_with("out/restore-kspace.png\nout/restore-kspace.npy\nout/restore-kspace.csv\n"), "{text}");
    let csv = fs::read_to_string(at("out/restore-kspace.csv")).unwrap();
    let scores: Vec<f64> = csv.lines().nth(1).unwrap().split(',').map(|v| v.parse().unwrap()).collect();
    for (score, key) in scores[1..].iter().zip(["scale", "psnr", "ssim", "nmse"]) {
        let value = f64::from(expected.floats(&format!("masked/{key}"))[0]);
        assert!((score / value - 1.0).abs() < 1e-5, "{key}: {csv}");
    }
    assert_eq!((scores.len(), npy(&at("out/restore-kspace.npy")).0), (8, vec![1, 45, 38]));
    // A picture of the mask does the same.
    let figure = fs::read(at("out/restore-kspace.png")).unwrap();
    ours(&[&scan, "--mask", "mask.png"]);
    assert!(figure != fs::read(at("out/restore-kspace.png")).unwrap(), "it names the mask");
    ours(&[&scan, "--mask", "mask.png", "--npy", "--out", "png"]);
    assert_eq!(csv, fs::read_to_string(at("png/restore-kspace.csv")).unwrap());

    // Several files, each to its own; an image is the same in a stack and alone. Nobody knows the truth.
    let text = ours(&["stack.npy", "second.npy", "--npy", "--out", "some", "--threads", "1"]);
    assert_eq!(text.matches("as measured; the truth is not known").count(), 2, "{text}");
    let all = ["csv", "npy", "png"].map(|e| [format!("restore-second.{e}"), format!("restore-stack.{e}")]);
    let mut all = all.concat();
    all.sort();
    assert_eq!(names(&at("some")), all);
    let (stack, second) = (npy(&at("some/restore-stack.npy")), npy(&at("some/restore-second.npy")));
    assert_eq!((&stack.0[..], &second.0[..]), (&[2, 45, 38][..], &[1, 45, 38][..]));
    assert!(stack.1[45 * 38..] == second.1 && stack.1[..45 * 38] != second.1);
    let csv = fs::read_to_string(at("some/restore-stack.csv")).unwrap();
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",,,,,,")), "{csv}");

    // Pictures one after another, as before with one.
    npy_file::write(at("two.npy"), &[2, 16, 12], &(0..384).map(|i| i as f32 / 384.0).collect::<Vec<_>>()).unwrap();
    let text = ours(&["two.npy", "--every", "2"]);
    assert!(text.contains("two.npy 0") && text.contains("two.npy 1") && text.contains("mean"), "{text}");
    // Of a long stack 16 are drawn.
    npy_file::write(at("long.npy"), &[40, 16, 12], &[0.5; 40 * 192]).unwrap();
    assert!(ours(&["long.npy"]).contains("16 of 40 images are drawn"));
}

#[test]
fn networks_of_real_and_imaginary_parts() {
    let dir = tempfile::tempdir().unwrap();
    let scan = fixture("kspace.npy").display().to_string();
    let expected = Expected::open("mri.h5");
    npy_file::write(dir.path().join("all.npy"), &[45, 38], &[1.0; 45 * 38]).unwrap();
    let restore = |model: &str, line: &[&str]| {
        let model = fixture(model).display().to_string();
        run(dir.path(), &[&["restore", "--model", &model, "--npy"], line].concat())
    };
    for (model, shape) in [("keras/unet_k3.keras", &[1, 45, 38][..]), ("keras/layers/leaky_k2.h5", &[1, 45, 38, 2])] {
        let (code, out, err) = restore(model, &[&scan, "--mask", "all.npy"]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let (found, values) = npy(&dir.path().join("out/restore-kspace.npy"));
        assert_eq!(found, shape);
        // It gets both parts of the image, divided by the largest magnitude.
        let network = network(model);
        let scale = expected.floats("masked/scale")[0] * 1e5;
        let image: Vec<f32> = expected.floats("complex").iter().map(|v| v / scale).collect();
        let image = Tensor::new(Shape::new(1, 45, 38, 2), image);
        let size = unet::fitting(&network, &[network.output], (45, 38)).unwrap();
        let padded = Padded::to_size(&image, size);
        let built = unet::graph_to(&network, network.output, None, padded.image.shape).unwrap();
        let output =
            evaluate(&built.graph, &[(built.image, &Tensor64::from(&padded.image))], &[built.output]).remove(0);
        let (error, at) = difference(&values, &padded.crop(&Tensor::from(&output)).data);
        assert!(error < 1e-4, "{model}: differs by {error:e} at {at}");
        // A picture and phantoms go the same way.
        let (code, _, err) = restore(model, &[]);
        assert_eq!((code, err.as_str()), (0, ""));
    }
    let (code, _, err) = restore("keras/kernels_k3.h5", &[]);
    assert!(code == 2 && err.contains("it must give one grey picture"), "{err}");
    let (code, _, err) = restore("keras/seq_k3.h5", &[&scan]);
    assert!(code == 2 && err.contains("takes 3 channels"), "{err}");
}

#[test]
fn files_that_would_be_written_twice() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["a", "b", "out"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        npy_file::write(dir.path().join(folder).join("Scan.npy"), &[16, 12], &[0.5; 192]).unwrap();
    }
    npy_file::write(dir.path().join("a/scan.npy"), &[16, 12], &[0.5; 192]).unwrap();
    fs::copy(dir.path().join("a/Scan.npy"), dir.path().join("out/restore-Scan.npy")).unwrap();
    let model = tiny();
    for (line, code, words) in [
        (&["a/Scan.npy", "b/Scan.npy"][..], 2, &["a/Scan.npy and b/Scan.npy", "rename one"][..]),
        (&["a/Scan.npy", "a/scan.npy"], 2, &["a/Scan.npy and a/scan.npy"]),
        (&["a/Scan.npy", "a/Scan.npy"], 2, &["a/Scan.npy and a/Scan.npy"]),
        (&["out/Scan.npy", "out/restore-Scan.npy", "--npy"], 1, &["out/restore-Scan.npy", "is to be read"]),
        (&["a/Scan.npy", "--mask", "out/restore-Scan.npy"], 1, &["out/restore-Scan.npy", "is to be read"]),
        (&["a/Scan.npy", "nothing.npy"], 1, &["nothing.npy", "no such file"]),
        (&["--mask", "a/Scan.npy"], 2, &["<FILE>"]),
        (&["a/Scan.npy", "--mask", "a/Scan.npy", "--every", "3"], 2, &["cannot be used with"]),
        (&["b/Scan.npy", "--mask", "mask.npy"], 1, &["mask.npy", "no such file"]),
        (&["b/Scan.npy", "--memory", "10kB"], 1, &["of memory", "--memory"]),
    ] {
        let (got, out, err) = run(dir.path(), &[&["restore", "--model", &model], line].concat());
        assert_eq!((got, out.as_str()), (code, ""), "{line:?}: {err}");
        assert!(words.iter().all(|word| err.contains(word)), "{line:?}: {err}");
    }
    assert_eq!(names(&dir.path().join("out")), ["Scan.npy", "restore-Scan.npy"], "nothing was begun");
}

#[test]
fn the_main_job_has_colour_maps_too() {
    let dir = tempfile::tempdir().unwrap();
    let model = tiny();
    let draw = |map: &str| {
        let main = ["--layer", "code", "--model", &model, "--count", "2", "--steps", "2", "-q"];
        let (code, _, err) = run(dir.path(), &[&main[..], &["--colormap", map, "--out", map]].concat());
        assert_eq!(code, 0, "{err}");
        fs::read(dir.path().join(map).join("code.png")).unwrap()
    };
    let drawn = ["viridis", "gray", "magma", "cividis", "coolwarm"].map(draw);
    assert!((0..5).all(|i| (0..i).all(|j| drawn[i] != drawn[j])));
    let (code, _, err) = run(dir.path(), &["restore", "--colormap", "jet"]);
    assert!(code == 2 && err.contains("viridis") && err.contains("coolwarm"), "{err}");
}

#[test]
fn unusual_pictures_are_taken() {
    use image::{ImageBuffer, ImageFormat::Png, Luma, Rgba};
    let dir = tempfile::tempdir().unwrap();
    let deep = ImageBuffer::from_fn(17, 14, |x, y| Luma([(x * 3000 + y * 1000) as u16]));
    let alpha = image::RgbaImage::from_fn(15, 19, |x, y| Rgba([(x * 15) as u8, (y * 13) as u8, 90, (x * 17) as u8]));
    let one = image::GrayImage::from_pixel(1, 1, Luma([77]));
    fs::write(dir.path().join("deep.png"), encode(deep, Png)).unwrap();
    fs::write(dir.path().join("alpha.png"), encode(alpha, Png)).unwrap();
    fs::write(dir.path().join("one.png"), encode(one, Png)).unwrap();
    let model = tiny();
    for name in ["deep.png", "alpha.png"] {
        let (code, out, err) = run(dir.path(), &["restore", name, "--model", &model]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert!(out.contains(name), "{out}");
    }
    for name in ["deep.png", "alpha.png", "one.png"] {
        let (code, _, err) = run(dir.path(), &["activations", name, "--model", &model]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
    }
    // Of one pixel nothing can be left out.
    let (code, _, err) = run(dir.path(), &["restore", "one.png", "--model", &model]);
    assert!(code == 2 && err.contains("only 1 row;"), "{err}");
}

#[test]
fn what_is_no_picture_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let good = encode(image::GrayImage::from_pixel(40, 40, image::Luma([9])), image::ImageFormat::Png);
    let cmyk = [0xff, 0xd8, 0xff, 0xc0, 0, 20, 8, 0, 16, 0, 16, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0, 0xff, 0xd9];
    let real = fs::read(fixture("cmyk.jpg")).unwrap();
    let photo = image::RgbImage::from_fn(60, 40, |x, y| image::Rgb([(x * 4) as u8, (y * 6) as u8, (x * y) as u8]));
    let photo = encode(photo, image::ImageFormat::Jpeg);
    let cases: [(&str, &[u8], &str); 10] = [
        ("text.png", b"this is not an image", "PNG and JPEG"),
        ("empty.png", &[], "0 bytes"),
        ("huge.png", &hollow(20_000, 20_000, 1), "20000x20000"),
        ("header.png", &hollow(20_000, 20_000, 1)[..33], "broken"),
        ("animated.png", &hollow(4, 4, 2), "animated"),
        ("header.jpg", &cmyk, "CMYK"),
        ("cmyk.jpg", &real, "CMYK"),
        ("half.jpg", &photo[..photo.len() * 9 / 10], "cut short"),
        ("short.png", &good[..good.len() / 2], "broken"),
        ("short.npy", b"\x93NUMPY", "broken"),
    ];
    for (name, bytes, words) in cases {
        fs::write(dir.path().join(name), bytes).unwrap();
        for command in [
            &["restore"][..],
            &["activations"],
            &["dream", "--layer", "dconv64"],
            &["--layer", "dconv64", "--init"],
            &["predict", "-o", "new.png"],
        ] {
            let (code, out, err) = run(dir.path(), &[command, &[name]].concat());
            assert_eq!((code, out.as_str()), (1, ""), "{command:?} {name}: {err}");
            assert!(err.contains(name) && err.contains(words) && err.lines().count() == 1, "{command:?} {name}: {err}");
        }
    }
    let (code, _, err) = run(dir.path(), &["activations", "missing.png"]);
    assert!(code == 1 && err.contains("no such file"), "{err}");
    let (code, _, err) = run(dir.path(), &["restore", "."]);
    assert!(code == 1 && err.contains("folder"), "{err}");
    assert!(!dir.path().join("out").exists(), "nothing was begun");
}

#[test]
fn numbers_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let small = encode(image::GrayImage::from_pixel(40, 5, image::Luma([9])), image::ImageFormat::Png);
    fs::write(dir.path().join("small.png"), small).unwrap();
    npy_file::write(dir.path().join("loud.npy"), &[16, 12], &[3.0; 192]).unwrap();
    for (arguments, words) in [
        (&["restore", "--every", "0"][..], "2..=8"),
        (&["restore", "--every", "1"], "2..=8"),
        (&["restore", "--every", "9"], "2..=8"),
        (&["restore", "--every", "-4"], "2..=8"),
        (&["restore", "--centre", "-0.1"], "0 to 1"),
        (&["restore", "small.png", "--every", "6"], "only 5 rows"),
        (&["restore", "--centre", "2"], "0 to 1"),
        (&["restore", "--centre", "nan"], "0 to 1"),
        (&["restore", "--axis", "diagonal"], "columns"),
        (&["restore", "--count", "0"], "1..=64"),
        (&["restore", "--count", "65"], "1..=64"),
        (&["restore", "small.png", "--count", "2"], "cannot be used with"),
        (&["restore", "loud.npy"], "0 to 1"),
        (&["activations"], "<IMAGE>"),
        (&["activations", "phantom", "--top", "0"], "above 0"),
        (&["activations", "phantom", "--layer", "conv521"], "did you mean conv512"),
    ] {
        let (code, out, err) = run(dir.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
    // Along the other axis there is enough.
    let (code, _, err) = run(dir.path(), &["restore", "small.png", "--every", "6", "--axis", "columns", "-q"]);
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn a_folder_that_is_a_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("taken"), "mine").unwrap();
    for arguments in [&["restore"][..], &["activations", "phantom"]] {
        for out in ["taken", "taken/below"] {
            let (code, _, err) = run(dir.path(), &[arguments, &["--out", out]].concat());
            assert!(code == 1 && err.contains("a file stands here"), "{arguments:?}: {err}");
        }
    }
    assert_eq!(fs::read(dir.path().join("taken")).unwrap(), b"mine");
}
