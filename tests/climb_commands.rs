//! The commands that climb in other ways, as a user calls them: what they write, and what they refuse.

use assert_cmd::Command;
use std::collections::HashMap;
use std::path::Path;
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::{STILL_SEED, Verdict, known, still_seed};
use unet_lens::lens::ascent::{NOISE, noise};

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).display().to_string()
}

fn run(args: &[&str], dir: &Path) -> std::process::Output {
    let mut command = Command::cargo_bin("unet-lens").unwrap();
    command.current_dir(dir).args(args).args(["--backend", "cpu"]).output().unwrap()
}

#[track_caller]
fn succeeds(args: &[&str], dir: &Path) -> String {
    let output = run(args, dir);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{args:?}: {out}{err}");
    out
}

/// Refused with this exit code, and each of these words in the message.
#[track_caller]
fn refused(args: &[&str], code: i32, words: &[&str], dir: &Path) {
    let output = run(args, dir);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    words.iter().for_each(|word| assert!(error.contains(word), "{args:?}: {error:?} does not say {word:?}"));
    assert!(!error.contains("panicked"), "{error}");
}

/// Frames of a GIF and their size.
fn gif(path: &Path) -> (usize, (u32, u32)) {
    use image::AnimationDecoder;
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let frames = image::codecs::gif::GifDecoder::new(file).unwrap().into_frames().collect_frames().unwrap();
    (frames.len(), frames[0].buffer().dimensions())
}

#[test]
fn every_option_draws_its_own_picture_and_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let base = ["--layer", "uconv128", "--filters", "22,57", "--steps", "2", "--size", "32x32"];
    let mut seen = vec![];
    for options in [
        &[][..],
        &["--objective", "square"],
        &["--negative"],
        &["--neuron", "7,7", "--rescue", "0"],
        &["--tv", "3"],
        &["--l2", "3"],
        &["--jitter", "5"],
        &["--optimizer", "adam"],
        &["--optimizer", "adam", "--rate", "0.5"],
        &["--parameter", "fourier"],
    ] {
        let args = [&base[..], options].concat();
        succeeds(&args, dir.path());
        let picture = std::fs::read(dir.path().join("out/uconv128.png")).unwrap();
        succeeds(&args, dir.path());
        assert!(
            picture == std::fs::read(dir.path().join("out/uconv128.png")).unwrap(),
            "{options:?}: not the same again"
        );
        assert!(!seen.contains(&picture), "{options:?} changed nothing");
        seen.push(picture);
    }
    // --rate is --step-size.
    let with = |option: &str| {
        succeeds(&[&base[..], &[option, "0.5"]].concat(), dir.path());
        std::fs::read(dir.path().join("out/uconv128.png")).unwrap()
    };
    assert!(with("--rate") == with("--step-size"));
}

#[test]
fn an_animation_has_a_frame_for_the_start_and_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--layer", "dconv64", "--count", "3", "--steps", "4", "--size", "32x32", "--gif", "new/way.gif"];
    assert!(succeeds(&args, dir.path()).contains("new/way.gif"));
    let (frames, (width, height)) = gif(&dir.path().join("new/way.gif"));
    assert!(frames == 5 && width > 3 * 100 && height > 100, "{frames} frames of {width}x{height}");
    let first = std::fs::read(dir.path().join("new/way.gif")).unwrap();
    succeeds(&args, dir.path());
    assert!(first == std::fs::read(dir.path().join("new/way.gif")).unwrap());
}

#[test]
fn a_rescued_filter_is_said_in_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--layer", "dconv256", "--steps", "1", "--size", "32x32", "--npy", "--rescue", "2"];
    let text = succeeds(&args, dir.path());
    assert!(text.contains("from seed 1") || text.contains("before the relu"), "{text}");
    assert!(!text.contains("dead: no gradient"), "{text}");
    let csv = std::fs::read_to_string(dir.path().join("out/dconv256.csv")).unwrap();
    assert!(csv.contains("(before relu)") || csv.contains("(seed 1)"), "{csv}");
}

#[test]
fn dreams_of_a_grey_and_a_coloured_picture() {
    let dir = tempfile::tempdir().unwrap();
    let small = |name: &str, w, h| {
        let path = dir.path().join(name);
        image::open(fixture(name)).unwrap().thumbnail_exact(w, h).save(&path).unwrap();
        path.display().to_string()
    };
    let (camera, chelsea) = (small("camera.png", 40, 40), small("chelsea.png", 50, 33));
    let args = ["dream", &camera, "--layer", "dconv64", "--steps", "2", "--octaves", "2"];
    let text = succeeds(&args, dir.path());
    assert!(text.contains("40x40 pixels, climbed at once") && text.contains("29x29"), "{text}");
    let out = image::open(dir.path().join("out/camera_dconv64.png")).unwrap().into_rgb8();
    assert_eq!(out.dimensions(), (40, 40));
    assert!(out.pixels().all(|p| p[0] == p[1] && p[1] == p[2]), "a grey picture stays grey");

    let more = ["--filter", "3", "--gif", "a/way.gif", "--frames", "b", "--out", "c", "--steps", "2", "--octaves", "2"];
    succeeds(&[&["dream", &chelsea, "--layer", "uconv64"], &more[..]].concat(), dir.path());
    assert_eq!(gif(&dir.path().join("a/way.gif")), (5, (50, 33)));
    assert_eq!(std::fs::read_dir(dir.path().join("b")).unwrap().count(), 5);
    let (before, after) =
        (image::open(&chelsea).unwrap().into_rgb8(), image::open(dir.path().join("c/chelsea_uconv64_3.png")));
    let after = after.unwrap().into_rgb8();
    assert_ne!(before, after);
    for (b, a) in before.pixels().zip(after.pixels()) {
        // Where nothing was cut off, all channels changed alike.
        if a.0.iter().all(|&v| v > 0 && v < 255) {
            let change: Vec<i32> = (0..3).map(|c| i32::from(a[c]) - i32::from(b[c])).collect();
            assert!(change.iter().max().unwrap() - change.iter().min().unwrap() <= 1, "{change:?}");
        }
    }
}

/// The size of a step is counted in grey levels of 255, as in the notebook, and is 1.5 if none is asked for.
#[test]
fn the_size_of_a_dreams_step() {
    let dir = tempfile::tempdir().unwrap();
    let grey = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([100 + (x * 7 % 31 + y * y % 29) as u8]));
    grey.save(dir.path().join("grey.png")).unwrap();
    let dream = |options: &[&str]| {
        let args = ["dream", "grey.png", "--layer", "uconv64", "--steps", "1", "--octaves", "1"];
        succeeds(&[&args[..], options].concat(), dir.path());
        image::open(dir.path().join("out/grey_uconv64.png")).unwrap().into_luma8()
    };
    let changed = dream(&["--step-size", "8"]);
    let change: f64 = grey.pixels().zip(changed.pixels()).map(|(a, b)| f64::from(a[0].abs_diff(b[0]))).sum();
    let mean = change / 4096.0;
    assert!((7.0..9.0).contains(&mean), "a pixel changed by {mean} grey levels");
    assert_eq!(dream(&[]), dream(&["--step-size", "1.5"]));
}

#[test]
fn bad_values_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let camera = fixture("camera.png");
    std::fs::write(dir.path().join("empty.png"), "").unwrap();
    std::fs::write(dir.path().join("text.png"), "no picture").unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    for (args, code, words) in [
        (&["--layer", "uconv128", "--neuron", "64,3"][..], 2, &["neuron (64, 3)", "uconv128", "rows 0 to 63"][..]),
        (&["--layer", "uconv128", "--neuron", "3"], 2, &["--neuron", "12,40"]),
        (&["--layer", "uconv128", "--neuron", "-1,2"], 2, &["neuron"]),
        (&["--layer", "uconv128", "--objective", "median"], 2, &["mean", "square"]),
        (&["--layer", "uconv128", "--tv", "-1"], 2, &["--tv", "0 or above"]),
        (&["--layer", "uconv128", "--l2", "nan"], 2, &["--l2"]),
        (&["--layer", "uconv128", "--jitter", "99999"], 2, &["--jitter"]),
        (&["--layer", "uconv128", "--rate", "inf"], 2, &["finite"]),
        (&["--layer", "uconv128", "--optimizer", "sgd"], 2, &["adam"]),
        (&["--layer", "all", "--gif", "x.gif"], 2, &["--gif", "one --layer"]),
        (&["--layer", "uconv128", "--gif", "file/x.gif"], 1, &["file", "folder"]),
        (&["dream", "nothing.png", "--layer", "uconv64"], 1, &["nothing.png", "no such file"]),
        (&["dream", "empty.png", "--layer", "uconv64"], 1, &["empty.png", "0 bytes"]),
        (&["dream", "text.png", "--layer", "uconv64"], 1, &["text.png", "not an image"]),
        (&["dream", &camera, "--layer", "uconv63"], 2, &["uconv63", "uconv64"]),
        (&["dream", &camera, "--layer", "uconv64", "--filter", "64"], 2, &["--filter 64", "0 to 63"]),
        (&["dream", &camera, "--layer", "uconv64", "--octaves", "0"], 2, &["--octaves"]),
        (&["dream", &camera, "--layer", "uconv64", "--octave-scale", "1"], 2, &["above 1"]),
        (&["dream", &camera, "--layer", "uconv64", "--step-size", "0"], 2, &["--step-size"]),
        (&["dream", &camera, "--layer", "uconv64", "--out", "file"], 1, &["file", "folder"]),
        (&["dream", &camera, "--layer", "uconv64", "--frames", "file"], 1, &["file", "folder"]),
        (&["dream", &camera, "--layer", "uconv64", "--memory", "1MB"], 1, &["the limit is 976.6 KiB", "--memory"]),
    ] {
        refused(args, code, words, dir.path());
    }
}

/// With little memory there are tiles, and their number is said beforehand.
#[test]
fn a_picture_too_large_for_the_memory_is_climbed_in_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let camera = fixture("camera.png");
    let args = ["dream", &camera, "--layer", "dconv64", "--octaves", "1", "--steps", "1", "--memory", "20MB"];
    let text = succeeds(&args, dir.path());
    assert!(text.contains("overlapping tiles of") && text.contains("MiB of memory"), "{text}");
    // The one step's goal is its first and its last; the picture did change.
    assert!(!text.contains("nothing changed"), "{text}");
}

/// A filter that is dead for noise may live on a phantom: that of `activations phantom`, one for all filters, another for each seed.
#[test]
fn a_phantom_to_start_from() {
    let dir = tempfile::tempdir().unwrap();
    let start = |seed: &str, size: &str| {
        let still = ["--layer", "conv512", "--filters", "8,9", "--steps", "1", "--step-size", "0", "--npy", "--seed"];
        succeeds(&[&still[..], &[seed, "--init", "phantom", "--size", size]].concat(), dir.path());
        std::fs::read(dir.path().join("out/conv512.npy")).unwrap()[128..].to_vec()
    };
    let expected: Vec<f32> = (0..2).flat_map(|_| phantom_of(3, (128, 128))).collect();
    // Single precision against double.
    let near = |bytes: &[u8]| {
        let values = bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        bytes.len() == 4 * expected.len() && values.zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    assert!(near(&start("3", "128x128")), "another start than phantom 0 of the seed");
    assert!(!near(&start("4", "128x128")), "the seed changes nothing");
    assert_eq!(start("3", "64x32").len(), 2 * 64 * 32 * 4);

    let dead = |out: String| out.lines().filter(|line| line.contains("dead: no gradient at the ")).count();
    let line = ["--layer", "uconv256", "--steps", "1", "--count", "64"];
    let noise = dead(succeeds(&line, dir.path()));
    let phantom = dead(succeeds(&[&line[..], &["--init", "phantom"]].concat(), dir.path()));
    assert!(phantom < noise, "{noise} of 64 are dead for noise, {phantom} for a phantom");
    // A dead panel says why: for noise alone, or for every image.
    let said = succeeds(&line, dir.path());
    let of = |words: &str| said.lines().filter(|line| line.contains("dead") && line.contains(words)).count();
    let (lives, off) =
        (of("it lives on phantoms: --init phantom"), of("off on phantoms, too") + of("by interval bounds"));
    assert!(lives > 0 && lives + off == noise, "of {noise} dead {lives} live on phantoms, {off} do not: {said}");
    // The seeds that rescue tries are other phantoms.
    let rescued = succeeds(&[&line[..], &["--init", "phantom", "--rescue", "2"]].concat(), dir.path());
    assert!(rescued.contains("from seed 1: dead from its own"), "{rescued}");

    // The lesson begins there, too; and a network of three colours is told why it cannot.
    let json = ["explain", "--layer", "conv512", "--init", "phantom", "--json", "e.json"];
    succeeds(&json, dir.path());
    let explained: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("e.json")).unwrap()).unwrap();
    assert_eq!(explained["dead"], false);
    let colours = fixture("keras/seq_k3.h5");
    let line = ["--model", &colours, "--layer", "a", "--init", "phantom"];
    refused(&line, 2, &["a phantom is grey", "takes 3 channels"], dir.path());
}

/// The first phantom of a seed, aliased as `unet-lens restore` has it.
fn phantom_of(seed: u64, size: (usize, usize)) -> Vec<f32> {
    use unet_lens::mri::{Sampling, phantom, undersample};
    undersample(&phantom(seed, 0, size), size, Sampling::default().drawn(seed, 0)).unwrap()
}

/// What `findings` measured before stands beside the panels and in the table, if it was this network; else nothing changes.
#[test]
fn what_was_found_before_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let model = fixture("tiny.h5");
    let climb = || {
        let said = succeeds(&["--layer", "down", "--model", &model], dir.path());
        (said, std::fs::read(dir.path().join("out/down.png")).unwrap())
    };
    let (said, bare) = climb();
    assert!(!said.contains("measured"), "{said}");
    succeeds(&["findings", "--images", "4", "--model", &model], dir.path());
    let table = dir.path().join("out/findings/filters.csv");
    let found = std::fs::read_to_string(&table).unwrap();
    let (said, labelled) = climb();
    let verdicts: Vec<&str> = found.lines().filter_map(|row| row.strip_prefix("down,")?.split(',').nth(1)).collect();
    let printed: Vec<&str> = said.lines().filter_map(|row| Some(row.split_once("; measured: ")?.1)).collect();
    assert_eq!(verdicts.len(), 5);
    assert_eq!(printed, verdicts);
    assert!(said.ends_with("what the filters do: out/findings/filters.csv\n"), "{said}");
    assert!(labelled != bare);
    assert!(climb().1 == labelled, "not the same again");
    // Of another network, or of nothing that could be read.
    let network = found.lines().nth(1).unwrap().rsplit(',').next().unwrap();
    for other in [found.replace(network, "00000000-1"), String::new(), "layer,filter\n\"".to_string()] {
        std::fs::write(&table, other).unwrap();
        let (said, picture) = climb();
        assert!(picture == bare && !said.contains("measured"), "{said}");
    }
}

/// Filters that answer to brightness make their seed brighter, and at the border draw a frame: what lies inside is no pattern of theirs.
/// For one neuron the picture stays as it was wherever that one does not look, which says nothing.
#[test]
fn a_picture_that_is_still_its_seed_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let still = |options: &[&str]| -> Vec<String> {
        let said =
            succeeds(&[&["--layer", "dconv64", "--filters", "27,30,36,50,51"][..], options].concat(), dir.path());
        let rows = said.lines().filter(|row| row.contains("still the seed"));
        rows.map(|row| row.split_whitespace().next().unwrap().to_string()).collect()
    };
    assert_eq!(still(&[]), ["30", "50", "51"]);
    assert_eq!(still(&["--neuron", "5,5"]), [""; 0]);
    assert_eq!(still(&["--init", "phantom"]), [""; 0]);
}

#[test]
fn verdicts_are_read_again_for_the_same_network_alone() {
    let table = "layer,filter,verdict,because,network\n\
                 \"a, \"\"b\"\"\",3,always on,\"on, everywhere\",12-3\n\
                 other,4,line,x,12-3\n\"a, \"\"b\"\"\",5,spot,x,99-3\n\"a, \"\"b\"\"\",6,odd,x,12-3\nhalf a li";
    assert_eq!(known(table, "12-3", "a, \"b\""), HashMap::from([(3, Verdict::AlwaysOn)]));
    assert_eq!(known(table, "99-3", "a, \"b\""), HashMap::from([(5, Verdict::Spot)]));
    assert_eq!(known("", "12-3", "other"), HashMap::new());
    assert_eq!(known("filter,layer\n4,other", "12-3", "other"), HashMap::new());
}

#[test]
fn what_padding_draws_at_the_border_makes_no_picture() {
    let (side, shape) = (64, Shape::new(1, 64, 64, 1));
    let seed = noise(0, "a layer", &[0], shape, NOISE).data;
    let other = noise(1, "a layer", &[0], shape, NOISE).data;
    let is_border = |i: usize| i / side == 0 || i.is_multiple_of(side);
    let brighter: Vec<f32> = seed.iter().enumerate().map(|(i, v)| if is_border(i) { -9.0 } else { v + 5.0 }).collect();
    assert!((still_seed(&brighter, &seed, (64, 64)) - 1.0).abs() < 1e-6);
    let half: Vec<f32> = seed.iter().zip(&other).map(|(a, b)| a + b).collect();
    let alike = still_seed(&half, &seed, (64, 64));
    assert!((alike - 0.5f64.sqrt()).abs() < 0.02 && alike < STILL_SEED, "as much of something else: {alike}");
    assert!(still_seed(&other, &seed, (64, 64)).abs() < 0.1);
    assert_eq!(still_seed(&[2.5; 16], &seed[..16], (4, 4)), 0.0);
    assert_eq!(still_seed(&[2.5], &[1.0], (1, 1)), 0.0);
}
