//! The command line: every option and command, through the program itself.

mod common;

use common::{Expected, difference, fixture, names, npy, unet_lens};
use std::fs;
use std::path::Path;
use unet_lens::engine::tensor::Shape;
use unet_lens::lens::ascent::noise;
use unet_lens::picture::{npy as npy_file, read_image};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The arguments, with `@` for the folder of fixtures.
fn arguments(line: &str) -> Vec<String> {
    let fixtures = fixture("").display().to_string();
    line.split_whitespace().map(|word| word.replace('@', &fixtures)).collect()
}

/// What the program prints; it must end well, and say nothing on stderr but why auto takes the CPU.
fn done(folder: &Path, line: &str) -> String {
    let output = unet_lens(folder).args(arguments(line)).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{line}: {err}");
    assert!(err.lines().count() <= 1 && err.lines().all(|l| l.ends_with("the CPU computes")), "{line}: {err}");
    out
}

/// What the program says; it must end with that exit code, print nothing on stdout and write no file.
fn refused(line: &str, code: i32, words: &[&str]) -> String {
    let folder = folder();
    let output = unet_lens(folder.path()).args(arguments(line)).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}: {err}");
    for word in words {
        assert!(err.contains(word), "{line}: '{word}' is not in: {err}");
    }
    assert!(output.stdout.is_empty() && !err.contains("panicked"), "{line}: {err}");
    assert_eq!(names(folder.path()), [""; 0], "{line}");
    err
}

/// Rows of a .csv, as words.
fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect()
}

fn filters(path: &Path) -> Vec<usize> {
    csv(path)[1..].iter().map(|row| row[0].parse().unwrap()).collect()
}

const TINY: &str = "--model @/tiny.h5";

#[test]
fn a_figure_a_table_and_the_numbers() {
    let folder = folder();
    let out = done(folder.path(), &format!("{TINY} --layer down --npy"));
    assert_eq!(names(folder.path()), ["out/down.csv", "out/down.npy", "out/down.png"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("down: 5 filters, ") && lines[0].ends_with("KiB of memory"), "{}", lines[0]);
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["filter", "before", "after", "verdict"]);
    assert_eq!(lines.len(), 2 + 5 + 3, "all 5 filters, as there are not 16\n{out}");
    assert_eq!(lines[7..], ["out/down.png", "out/down.npy", "out/down.csv"]);

    let rows = csv(&folder.path().join("out/down.csv"));
    let rms: Vec<String> = (1..=20).map(|step| format!("rms_{step}")).collect();
    assert_eq!(rows[0], [&["filter", "start", "end", "verdict"].map(str::to_string)[..], &rms].concat());
    assert_eq!(rows.len(), 6);
    for (i, row) in rows[1..].iter().enumerate() {
        assert_eq!((row.len(), row[0].as_str(), row[3].as_str()), (24, &*i.to_string(), "ok"));
        let number = |at: usize| row[at].parse::<f32>().unwrap();
        assert!(number(2) > number(1), "filter {i} climbed");
        assert!((4..24).all(|at| number(at) > 0.0));
        // The table shows the same numbers.
        let shown: Vec<&str> = lines[2 + i].split_whitespace().collect();
        let numbers = format!("{i} {:.6} {:.6} ok", number(1), number(2));
        // Of this one, in the middle only the brightness has changed.
        let note = "; in the middle the picture is still the seed, at most brighter or darker";
        assert_eq!(shown.join(" "), if i == 3 { numbers + note } else { numbers });
    }
    let (shape, values) = npy(&folder.path().join("out/down.npy"));
    assert_eq!(shape, [5, 16, 12]);
    assert!(values.iter().all(|v| v.is_finite()));
    let figure = read_image(folder.path().join("out/down.png")).unwrap();
    assert!(figure.w > 5 * 12 && figure.h > 16);
}

/// What a climb takes is said beforehand, and less at once where less is allowed; the pictures are the same.
#[test]
fn batches_that_fit_into_memory() {
    let folder = folder();
    let line = "--layer uconv64 --size 32x32 --count 24 --steps 2 --backend cpu";
    let all = done(folder.path(), &format!("{line} --out all"));
    let heading = all.lines().next().unwrap();
    let needed: f64 =
        heading.strip_prefix("uconv64: 24 filters, ").unwrap().split(' ').next().unwrap().parse().unwrap();
    let few = done(folder.path(), &format!("{line} --memory {:.1}MiB --out few", needed - 0.2));
    let (at_once, less) =
        few.lines().next().unwrap().strip_prefix("uconv64: 24 filters, ").unwrap().split_once(" at once, ").unwrap();
    assert_eq!(at_once, "12");
    assert!(less.split(' ').next().unwrap().parse::<f64>().unwrap() < needed - 0.2, "{few}");
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("all/uconv64.png"), read("few/uconv64.png"));
}

#[test]
fn without_npy_only_the_figure() {
    let folder = folder();
    done(folder.path(), &format!("{TINY} --layer down --out some/where"));
    assert_eq!(names(folder.path()), ["some/where/down.png"]);
}

#[test]
fn several_layers_and_all() {
    let folder = folder();
    let out = done(folder.path(), &format!("{TINY} --layer up_conv --layer down --layer up_conv --steps 1"));
    assert_eq!(names(folder.path()), ["out/down.png", "out/up_conv.png"]);
    let layers: Vec<&str> = out.lines().filter_map(|line| line.split_once(": ")).map(|(layer, _)| layer).collect();
    assert_eq!(layers, ["up_conv", "down"], "each once, in the order asked for");
    let folder = crate::folder();
    done(folder.path(), &format!("{TINY} --layer all --steps 1"));
    assert_eq!(names(folder.path()), ["out/code.png", "out/down.png", "out/final.png", "out/up_conv.png"]);
}

#[test]
fn the_built_in_network_with_16_filters_drawn_by_the_seed() {
    let mut drawn = vec![];
    for seed in ["", "--seed 0", "--seed 1"] {
        let folder = folder();
        done(folder.path(), &format!("--layer dconv64 --npy --steps 1 {seed}"));
        let filters = filters(&folder.path().join("out/dconv64.csv"));
        assert_eq!(filters.len(), 16);
        assert!(filters.is_sorted_by(|a, b| a < b), "without repetition, in order: {filters:?}");
        assert!(filters.iter().all(|&f| f < 64));
        drawn.push(filters);
        assert_eq!(npy(&folder.path().join("out/dconv64.npy")).0, [16, 128, 128]);
    }
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
}

#[test]
fn filters_and_count() {
    let folder = folder();
    let path = folder.path().join("out/code.csv");
    done(folder.path(), &format!("{TINY} --layer code --npy --steps 1 --filters 6,0,2-4,3"));
    assert_eq!(filters(&path), [6, 0, 2, 3, 4], "as asked for, each once");
    done(folder.path(), &format!("{TINY} --layer code --npy --steps 1 --count 3"));
    assert_eq!(filters(&path).len(), 3);
    done(folder.path(), &format!("{TINY} --layer code --npy --steps 1 --count 300"));
    assert_eq!(filters(&path), [0, 1, 2, 3, 4, 5, 6]);
    refused(&format!("{TINY} --layer code --filters 7"), 2, &["--filters 7", "code has 7 filters, 0 to 6"]);
    refused(&format!("{TINY} --layer final --filters 0-1"), 2, &["final has 1 filter"]);
    refused("--layer uconv128 --filters 99999999999", 2, &["uconv128 has 128 filters, 0 to 127"]);
    refused(&format!("{TINY} --layer all --filters 5"), 2, &["down has 5 filters, 0 to 4"]);
    for wrong in ["", "x", "3-1", "1,,2", "-1", "1-", "0.5"] {
        refused(&format!("{TINY} --layer code --filters={wrong}"), 2, &["--filters", "0,3,8-11"]);
    }
    refused(&format!("{TINY} --layer code --filters 1 --count 1"), 2, &["--filters", "cannot be used with", "--count"]);
}

#[test]
fn steps_and_step_size() {
    let folder = folder();
    let path = folder.path().join("out/up_conv.csv");
    done(folder.path(), &format!("{TINY} --layer up_conv --npy --steps 7"));
    assert_eq!(csv(&path)[0].len(), 4 + 7);
    let ends = |size: &str| {
        done(folder.path(), &format!("{TINY} --layer up_conv --npy --steps 3 --filters 0 --step-size {size}"));
        let row = csv(&path).remove(1);
        (row[1].parse::<f32>().unwrap(), row[2].parse::<f32>().unwrap())
    };
    let (start, still) = ends("0");
    assert_eq!(start, still);
    let (small, large, down) = (ends("0.01").1, ends("1").1, ends("-0.01").1);
    assert!(down < start && start < small && small < large, "{down} {start} {small} {large}");
    refused(&format!("{TINY} --layer code --steps 0"), 2, &["--steps", "1..=1000000"]);
    refused(&format!("{TINY} --layer code --steps -1"), 2, &["--steps", "1..=1000000"]);
    refused(&format!("{TINY} --layer code --count 0"), 2, &["--count", "1.."]);
    refused(&format!("{TINY} --layer code --count -3"), 2, &["--count", "1.."]);
    refused(&format!("{TINY} --layer code --step-size nan"), 2, &["--step-size", "finite"]);
}

/// With a step size of 0 the picture stays what it was in the beginning.
const STILL: &str = "--npy --steps 1 --step-size 0";

#[test]
fn noise_comes_from_the_seed_the_layer_and_the_filter() {
    let folder = folder();
    let path = folder.path().join("out/code.npy");
    let image = Shape::new(1, 16, 12, 1);
    done(folder.path(), &format!("{TINY} --layer code --filters 2,5 {STILL}"));
    let (_, first) = npy(&path);
    assert_eq!(first, noise(0, "code", &[2, 5], image, 2.0).data);
    assert!(first.iter().all(|v| (0.0..2.0).contains(v)) && first.iter().any(|&v| v > 1.9));
    done(folder.path(), &format!("{TINY} --layer code --filters 5 {STILL} --seed 7 --noise 0.5 --size 8x4"));
    let (shape, small) = npy(&path);
    assert_eq!(shape, [1, 8, 4]);
    assert_eq!(small, noise(7, "code", &[5], Shape::new(1, 8, 4, 1), 0.5).data);
    assert!(small.iter().all(|v| (0.0..0.5).contains(v)));
    refused(&format!("{TINY} --layer code --noise 0"), 2, &["--noise", "above 0"]);
    refused(&format!("{TINY} --layer code --noise -1"), 2, &["--noise", "above 0"]);
    refused(&format!("{TINY} --layer code --seed -1"), 2, &["--seed"]);
}

#[test]
fn starts_from_pictures_and_arrays() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let still = |model: &str, layer: &str, filters: &str, init: &str| {
        done(folder.path(), &format!("--model @/{model} --layer {layer} --filters {filters} --init {init} {STILL}"));
        npy(&at(&format!("out/{layer}.npy")))
    };
    // [H,W], [N,H,W] and [N,H,W,C].
    let values: Vec<f32> = (0..3 * 8 * 6).map(|v| v as f32 / 7.0).collect();
    npy_file::write(at("hw.npy"), &[8, 6], &values[..48]).unwrap();
    npy_file::write(at("nhw.npy"), &[3, 8, 6], &values).unwrap();
    npy_file::write(at("nhwc.npy"), &[3, 8, 6, 1], &values).unwrap();
    assert_eq!(still("tiny.h5", "down", "4,1", "hw.npy"), (vec![2, 8, 6], values[..48].repeat(2)));
    assert_eq!(still("tiny.h5", "down", "4,1,0", "nhw.npy"), (vec![3, 8, 6], values.clone()));
    assert_eq!(still("tiny.h5", "down", "4,1,0", "nhwc.npy"), (vec![3, 8, 6], values.clone()));
    npy_file::write(at("two.npy"), &[1, 8, 8, 2], &values[..128]).unwrap();
    assert_eq!(still("keras/unet_k3.h5", "down", "0", "two.npy"), (vec![1, 8, 8, 2], values[..128].to_vec()));
    // Pictures, grey and in colour.
    let pixels: Vec<u8> = (0..8 * 6 * 3).map(|v| (v * 5 % 256) as u8).collect();
    let photo = image::RgbImage::from_raw(6, 8, pixels).unwrap();
    photo.save(at("a.png")).unwrap();
    photo.save(at("a.jpg")).unwrap();
    for name in ["a.png", "a.jpg"] {
        let photo = read_image(at(name)).unwrap();
        assert_eq!(still("tiny.h5", "down", "3", name), (vec![1, 8, 6], photo.luma()));
        assert_eq!(still("keras/seq_k3.h5", "a", "3", name), (vec![1, 8, 6, 3], photo.rgb.clone()));
    }
    let line = |init: &str, rest: &str| format!("{TINY} --layer down --init {}/{init} {rest}", folder.path().display());
    refused(&line("nhw.npy", "--count 2"), 2, &["3 pictures", "2 filters of down"]);
    refused(&line("two.npy", ""), 1, &["two.npy", "2 channels", "takes 1"]);
    refused(&line("hw.npy", "--size 16x12"), 2, &["8x6", "16x12", "--size"]);
}

#[test]
fn sizes() {
    let folder = folder();
    done(folder.path(), "--layer dconv128 --count 1 --steps 1 --npy --size 24x40");
    assert_eq!(npy(&folder.path().join("out/dconv128.npy")).0, [1, 24, 40]);
    refused("--layer dconv128 --size 100x128", 2, &["100x128", "multiples of 8", "96x128 and 104x128"]);
    refused("--layer dconv128 --size 3x3", 2, &["nearest sizes that work: 8x8"]);
    for wrong in ["128", "0x8", "8x0", "x", "8x8x8", "-8x8", "1e3x8"] {
        refused(&format!("--layer dconv128 --size={wrong}"), 2, &["--size", "rows x columns, like 128x128"]);
    }
}

#[test]
fn backends() {
    let folder = folder();
    let mut results = vec![];
    for backend in ["cpu", "reference"] {
        let line = format!("{TINY} --layer up_conv --npy --threads 1 --steps 5 --backend {backend} --out {backend}");
        done(folder.path(), &line);
        results.push(npy(&folder.path().join(backend).join("up_conv.npy")).1);
    }
    assert_ne!(results[0], results[1], "single and double precision round differently");
    assert!(difference(&results[0], &results[1]).0 < 1e-5);
    unet_lens(folder.path()).args(arguments(&format!("{TINY} --layer down --backend auto"))).assert().success();
    refused("--layer uconv64 --backend cuda", 2, &["auto", "cpu", "gpu", "reference"]);
    refused("--layer uconv64 --threads 0", 2, &["--threads", "1..=1024"]);
    refused("--layer uconv64 --threads two", 2, &["--threads"]);
}

#[test]
fn quiet_version_and_help() {
    let folder = folder();
    assert_eq!(done(folder.path(), &format!("{TINY} --layer down -q")), "");
    assert_eq!(names(folder.path()), ["out/down.png"]);
    assert_eq!(done(folder.path(), "--version"), format!("unet-lens {}\n", env!("CARGO_PKG_VERSION")));
    let help = done(folder.path(), "--help");
    let options = "--layer --filters --count --steps --step-size --seed --noise --init --backend --threads --model --out \
                   --npy --size -q --version --help summary predict adapters Examples";
    for word in options.split_whitespace() {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    for command in ["summary", "predict"] {
        assert!(done(folder.path(), &format!("{command} --help")).contains("Examples"), "{command}");
    }
    assert!(done(folder.path(), "adapters --help").contains("Usage"));
    refused("", 2, &["Usage: unet-lens", "Examples"]);
    refused("--count 3", 2, &["--layer"]);
}

#[test]
fn mistyped_names_get_the_nearest() {
    refused("--layer uconv12", 2, &["no layer uconv12", "did you mean uconv128?", "dconv64, dconv128"]);
    refused("--layer UCONV64", 2, &["did you mean uconv64?"]);
    refused("--layer zzz", 2, &["no layer zzz", "the convolutions are dconv64"]);
    refused("--layer dconv64 --layer conv64_1", 2, &["conv64_1 is a BatchNormalization", "dconv64"]);
    refused("sumary", 2, &["summary"]);
    refused("--layers all", 2, &["--layer"]);
    refused("summary --modle x", 2, &["--model"]);
}

#[test]
fn dead_filters_and_those_that_leave_the_numbers() {
    let folder = folder();
    let path = |name: &str| folder.path().join("out").join(name);
    let out = done(folder.path(), &format!("{TINY} --layer code --filters 2,3 --npy"));
    let rows = csv(&path("code.csv"));
    assert_eq!([&*rows[1][3], &rows[2][3]], ["ok", "dead"]);
    assert!(rows[2][4..].iter().all(|rms| rms == "0"), "{rows:?}");
    assert!(out.lines().any(|line| line.contains("3 ") && line.contains("dead: no gradient at the seed")), "{out}");
    let (_, pictures) = npy(&path("code.npy"));
    assert_eq!(pictures[192..], noise(0, "code", &[3], Shape::new(1, 16, 12, 1), 2.0).data, "it stayed the seed");
    // Of a picture to start from it is not said that it is a seed.
    npy_file::write(folder.path().join("start.npy"), &[16, 12], &pictures[192..]).unwrap();
    let out = done(folder.path(), &format!("{TINY} --layer code --filters 3 --init start.npy"));
    assert!(out.contains("dead: no gradient at the picture of --init") && !out.contains("seed"), "{out}");

    let out = done(folder.path(), &format!("{TINY} --layer down --noise 3e38 --npy --steps 2"));
    let verdicts: Vec<String> = csv(&path("down.csv"))[1..].iter().map(|row| row[3].clone()).collect();
    assert!(verdicts.contains(&"not finite".to_string()) && verdicts.contains(&"ok".to_string()), "{verdicts:?}");
    assert!(out.contains("not finite: a number became NaN or infinite"), "{out}");
}

#[test]
fn summary() {
    let folder = folder();
    let text = done(folder.path(), "summary");
    for words in [
        "Layer (type)",
        "Output shape",
        "Param #",
        "Connected to",
        "uconv128 (Conv2D)               (None, 64, 64, 128)      295,040  concatenate_8",
        "up_sampling2d_9, conv64_1",
        "Total params: 2,881,217",
        "Trainable params: 2,879,553",
        "Non-trainable params: 1,664",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let text = done(folder.path(), "summary --model @/keras/bn_k2.h5");
    assert!(text.contains("(None, None, None, 2)") || text.contains("(None, 128, 128, 2)"), "{text}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn predict() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let expected = Expected::open("reference.h5");
    let (image, restored) = (expected.tensor("image"), expected.tensor("restored"));
    // Two of one, to see that each is computed.
    npy_file::write(at("in.npy"), &[2, 128, 128, 1], &image.data.repeat(2)).unwrap();
    assert_eq!(done(folder.path(), "predict in.npy -o out.npy"), "out.npy\n");
    let (shape, values) = npy(&at("out.npy"));
    assert_eq!(shape, [2, 128, 128, 1]);
    assert_eq!(values[..128 * 128], values[128 * 128..]);
    assert!(difference(&values[..128 * 128], &restored.data).0 < 1e-4);

    // As pictures: rounded to 256 steps on the way in and out.
    done(folder.path(), "predict @/brain.png --out deep/out.png");
    done(folder.path(), "predict @/brain.png --out brain.npy");
    let picture = read_image(at("deep/out.png")).unwrap();
    let (_, exact) = npy(&at("brain.npy"));
    assert_eq!((picture.h, picture.w), (128, 128));
    let near = picture.rgb.chunks(3).zip(&exact).all(|(p, e)| (p[0] - e.clamp(0.0, 1.0)).abs() < 0.502 / 255.0);
    assert!(near, "the picture is the array, clipped to [0, 1]");

    let tiny = Expected::open("tiny_reference.h5");
    npy_file::write(at("hw.npy"), &[16, 12], &tiny.tensor("image").data).unwrap();
    for backend in ["cpu --threads 1", "reference", "auto"] {
        let line = format!("predict hw.npy -o tiny.npy --model @/tiny.h5 --backend {backend}");
        unet_lens(folder.path()).args(arguments(&line)).assert().success();
        let (shape, values) = npy(&at("tiny.npy"));
        assert_eq!(shape, [1, 16, 12, 1]);
        assert!(difference(&values, &tiny.tensor("restored").data).0 < 1e-5, "{line}");
    }
    assert_eq!(names(folder.path()), ["brain.npy", "deep/out.png", "hw.npy", "in.npy", "out.npy", "tiny.npy"]);

    // Values that no other command feeds a network are said, unless -q is given.
    npy_file::write(at("loud.npy"), &[16, 12], &(0..192).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
    let predict = |line: &str| {
        let output = unet_lens(folder.path()).args(arguments(line)).args(["--backend", "cpu"]).output().unwrap();
        assert!(output.status.success());
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (out, err) = predict("predict loud.npy -o loud-out.npy --model @/tiny.h5");
    assert!(out == "loud-out.npy\n" && err.contains("loud.npy: its values go from 0 to 191; "), "{err}");
    assert_eq!(predict("predict loud.npy -o quiet.npy --model @/tiny.h5 -q"), (String::new(), String::new()));
    assert_eq!(predict("predict hw.npy -o tiny.npy --model @/tiny.h5"), ("tiny.npy\n".to_string(), String::new()));

    refused("predict @/brain.png", 2, &["--out"]);
    refused("predict @/brain.png -o x.gif", 2, &["x.gif", ".png or .npy"]);
    refused("predict @/brain.png -o x", 2, &[".png or .npy"]);
    refused(&format!("predict {} -o x.png", at("in.npy").display()), 2, &["one image", "write an .npy"]);
    refused("predict @/keras/none.png -o x.png", 1, &["none.png", "no such file"]);
}

#[test]
fn adapters() {
    let folder = folder();
    let output = unet_lens(folder.path()).arg("adapters").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("--backend auto takes: "));
}

/// Ctrl-C keeps what is finished and leaves nothing unfinished.
#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_what_it_has_finished() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    let folder = folder();
    let mut run = Command::new(env!("CARGO_BIN_EXE_unet-lens"))
        .current_dir(folder.path())
        .args(["--layer", "dconv64", "--layer", "uconv64", "--steps", "1000", "--count", "2", "--size", "64x64"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (start, first) = (Instant::now(), folder.path().join("out/dconv64.png"));
    while !first.exists() && start.elapsed() < Duration::from_secs(200) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(100));
    // What runs in the background of a shell ignores Ctrl-C, and so do its children.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim();
    let ignored = u64::from_str_radix(ignored, 16).unwrap() >> 1 & 1 == 1;
    let signal = if ignored { "-TERM" } else { "-INT" };
    let killed = Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(!run.wait().unwrap().success());
    assert_eq!(names(folder.path()), ["out/dconv64.png"]);
    read_image(first).unwrap();
}
